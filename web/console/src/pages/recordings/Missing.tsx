import { Button, Popover } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";

import type { RecordingDetail } from "../../api/types";
import { texts } from "../../texts";
import { Time } from "../../ui/Time";
import classes from "./Missing.module.css";

/** What is not in the recording, by name: whoever watches should know what cannot be seen. */
export const Missing = ({ missing }: { missing: RecordingDetail["missing"] }) => {
  if (missing.length === 0) return null;
  const { title, many } = texts.player.missing;
  return (
    <Popover position="bottom-end" width={380} shadow="md" withinPortal>
      <Popover.Target>
        <Button variant="default" leftSection={<IconAlertTriangle size={14} color="var(--tone-warn)" aria-hidden />}>
          {many(missing.length)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <strong>{title}</strong>
        <ul className={classes["list"]}>
          {missing.map(({ at, sentence }, index) => (
            <li key={index}>
              {at !== null && (
                <span className="soft small">
                  <Time at={at} />{" "}
                </span>
              )}
              {sentence}
            </li>
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
};
