import { IconAlertTriangle, IconLock, IconPointFilled } from "@tabler/icons-react";

import type { RecordingState } from "../api/types";
import { texts } from "../texts";

const LOOKS: Record<RecordingState, { icon: typeof IconLock; colour: string }> = {
  recording: { icon: IconPointFilled, colour: "var(--tone-live)" },
  sealed: { icon: IconLock, colour: "var(--tone-good)" },
  damaged: { icon: IconAlertTriangle, colour: "var(--tone-live)" },
};

export const RecordingStateWord = ({ state }: { state: RecordingState }) => {
  const { icon: Icon, colour } = LOOKS[state];
  return (
    <span className="row-tight nowrap" style={{ color: colour, fontWeight: 550, gap: 4 }}>
      <Icon size={15} aria-hidden />
      {texts.recordingState[state]}
    </span>
  );
};
