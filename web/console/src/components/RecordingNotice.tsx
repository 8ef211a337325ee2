import { IconVideo } from "@tabler/icons-react";

/** The organization's notice, word for word: going on is consent. */
export const RecordingNotice = ({ text }: { text: string }) => (
  <div className="note" data-tone="live">
    <IconVideo size={18} color="var(--tone-live)" aria-hidden />
    <p style={{ whiteSpace: "pre-line" }}>{text}</p>
  </div>
);
