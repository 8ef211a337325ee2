import { IconAlertTriangle, IconEraser, IconHourglass, IconLock, IconPointFilled } from "@tabler/icons-react";

import type { RecordingState } from "../api/types";
import { texts } from "../texts";

const LOOKS: Record<RecordingState, { icon: typeof IconLock; colour: string }> = {
  recording: { icon: IconPointFilled, colour: "var(--tone-live)" },
  sealed: { icon: IconLock, colour: "var(--tone-good)" },
  damaged: { icon: IconAlertTriangle, colour: "var(--tone-live)" },
  deleted: { icon: IconEraser, colour: "var(--ink-soft)" },
};

/** Between the end of the session and the seal the last words of the pages come in. */
const CLOSING = { icon: IconHourglass, colour: "var(--tone-warn)" };

export const RecordingStateWord = ({ state, over = false }: { state: RecordingState; over?: boolean }) => {
  const closing = over && state === "recording";
  const { icon: Icon, colour } = closing ? CLOSING : LOOKS[state];
  return (
    <span className="row-tight nowrap" style={{ color: colour, fontWeight: 550, gap: 4 }}>
      <Icon size={15} aria-hidden />
      {closing ? texts.recordingClosing : texts.recordingState[state]}
    </span>
  );
};
