import { Button, Modal } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";

import { texts } from "../texts";

interface Props {
  title: string;
  hint: string;
  secret: string;
  onClose: () => void;
}

/** A secret that is shown once. Only its own button closes it, so that a slip of the mouse does not lose it. */
export const SecretOnce = ({ title, hint, secret, onClose }: Props) => {
  const clipboard = useClipboard();
  return (
    <Modal opened onClose={onClose} title={title} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <div className="form">
        <code className="mono" style={{ fontSize: 15, padding: "10px 12px", border: "1px solid var(--line-strong)", borderRadius: 6, overflowWrap: "anywhere", userSelect: "all" }}>{secret}</code>
        <span>{hint}</span>
        <div className="form-actions">
          <Button leftSection={clipboard.copied ? <IconCheck size={16} /> : <IconCopy size={16} />} onClick={() => clipboard.copy(secret)}>
            {clipboard.copied ? texts.common.copied : texts.common.copy}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.close}
          </Button>
        </div>
      </div>
    </Modal>
  );
};
