/** The import of a directory's accounts: how far it is, what it found, and doing it again. */
import { Button, Progress } from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconRefresh } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { AccountImport, Directory } from "../../api/types";
import * as can from "../../can";
import { tellProblem } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { Section } from "../../ui/Page";
import { Time } from "../../ui/Time";
import classes from "./ImportPanel.module.css";
import { ImportWords } from "./ImportWords";

const words = texts.directories;
const COUNTS = ["seen", "added", "changed", "vanished", "left_out"] as const;

export const ImportPanel = ({ directory, guided }: { directory: Directory; guided: boolean }) => {
  const manage = can.manageDirectories(useMe());
  const client = useQueryClient();
  const found = directory.import;
  const running = found?.state === "running";
  const start = useMutation({
    mutationFn: () => calls.importAccounts(directory.id),
    onSuccess: (importing) => client.setQueryData(queries.directory(directory.id).queryKey, importing),
    onError: tellProblem,
  });
  return (
    <Section
      title={words.import}
      aside={
        running || directory.removed_at !== null ? undefined : (
          <RefusableButton size="compact-sm" h={26} px={9} fz={12.5} variant={found === null ? "filled" : "default"} leftSection={<IconRefresh size={15} />} loading={start.isPending} refusal={manage.allowed ? null : manage.reason} onClick={() => start.mutate()}>
            {found === null ? words.importNow : words.importAgain}
          </RefusableButton>
        )
      }
    >
      {found === null ? (
        <p className="soft">{words.neverImportedHint}</p>
      ) : (
        <div className={classes["panel"]} role={running ? "status" : undefined}>
          <div className="row" style={{ justifyContent: "space-between" }}>
            <ImportWords found={found} />
            {!running && found.ended_at !== null && <span className="soft small"><Time at={found.ended_at} seconds /></span>}
          </div>
          {running && <HowFar found={found} />}
          <dl className={classes["counts"]}>
            {COUNTS.map((name) => (
              <div key={name} title={name === "left_out" ? words.leftOutHint : name === "vanished" ? words.vanishedHint : undefined}>
                <dt>{words.counts[name]}</dt>
                <dd data-none={found[name] === 0 || undefined}>{words.count(found[name])}</dd>
              </div>
            ))}
          </dl>
          {found.problem !== null && (
            <div className="note" data-tone={found.state === "failed" ? "live" : "warn"}>
              <IconAlertTriangle size={18} aria-hidden />
              <p>
                {found.problem}
                {running && found.next_try_at !== null && <> {words.waits}: <Time at={found.next_try_at} seconds />.</>}
              </p>
            </div>
          )}
          {guided && found.state === "done" && directory.accounts > 0 && (
            <div className={classes["next"]}>
              <div className="stack">
                <span className="strong">{words.next}</span>
                <span className="soft">{words.nextHint}</span>
              </div>
              <Button component={Link} to={paths.accounts({ directory_id: directory.id })} rightSection={<IconArrowRight size={16} />}>
                {words.nextAction}
              </Button>
            </div>
          )}
        </div>
      )}
    </Section>
  );
};

/** A bar where it is known how many there are, else only the count. */
const HowFar = ({ found }: { found: AccountImport }) => {
  const sentence = words.seen(words.count(found.seen), found.total === null ? null : words.count(found.total));
  const share = found.total === null || found.total === 0 ? 100 : Math.min(100, (found.seen / found.total) * 100);
  return (
    <div className="stack" style={{ gap: 6 }}>
      <Progress.Root size={6} radius={3}>
        <Progress.Section value={share} animated={found.total === null} striped={found.total === null} aria-label={words.progress} aria-valuetext={sentence} />
      </Progress.Root>
      <span className="small soft">{sentence}</span>
    </div>
  );
};
