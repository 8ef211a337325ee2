import { IconAlertTriangle, IconCircleCheck, IconPlayerPause } from "@tabler/icons-react";

import { texts } from "../../texts";
import type { ExportState } from "./state";

const LOOKS: Record<ExportState, { icon: typeof IconCircleCheck; colour: string }> = {
  fine: { icon: IconCircleCheck, colour: "var(--tone-good)" },
  findings: { icon: IconAlertTriangle, colour: "var(--tone-live)" },
  problem: { icon: IconAlertTriangle, colour: "var(--tone-warn)" },
  paused: { icon: IconPlayerPause, colour: "var(--ink-soft)" },
};

export const StateWord = ({ state }: { state: ExportState }) => {
  const { icon: Icon, colour } = LOOKS[state];
  return (
    <span className="row-tight nowrap" style={{ color: colour, fontWeight: 550, gap: 4 }}>
      <Icon size={15} aria-hidden />
      {texts.scheduledExports.states[state]}
    </span>
  );
};
