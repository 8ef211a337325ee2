import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useClipboard } from "@mantine/hooks";

interface Props {
  id: string;
  copyLabel: string;
  copiedLabel: string;
  /** Characters that are shown; the whole id is copied. */
  shown?: number;
}

/** An id in monospace, shortened, with copy. */
export const CopyId = ({ id, copyLabel, copiedLabel, shown = 8 }: Props) => {
  const clipboard = useClipboard({ timeout: 1_500 });
  return (
    <span className="id">
      <span className="mono" title={id}>
        {id.length > shown ? `${id.slice(0, shown)}…` : id}
      </span>
      <button type="button" className="icon-button" onClick={() => clipboard.copy(id)} aria-label={clipboard.copied ? copiedLabel : `${copyLabel} ${id}`}>
        {clipboard.copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
      </button>
    </span>
  );
};
