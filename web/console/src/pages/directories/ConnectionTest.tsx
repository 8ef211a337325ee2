import { IconAlertTriangle, IconCircleCheck } from "@tabler/icons-react";

import type { Tested } from "../../api/types";
import { texts } from "../../texts";

/** What a test of the connection found, in a sentence; green or red, and a word for those who see neither. */
export const ConnectionTest = ({ tested }: { tested: Tested }) => (
  <div className="note" data-tone={tested.ok ? "good" : "live"} role="status">
    {tested.ok ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
    <div className="stack">
      <p className="strong">{tested.ok ? texts.directories.works : texts.directories.worksNot}</p>
      <p>{tested.found}</p>
    </div>
  </div>
);
