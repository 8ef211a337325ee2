import { Button, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { texts } from "../texts";
import { ProblemNote } from "./ProblemNote";

interface Props {
  title: string;
  why: ReactNode;
  action: string;
  danger?: boolean;
  perform: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

/** Says what will happen, then does it. */
export const ConfirmDialog = ({ title, why, action, danger = true, perform, onDone, onClose }: Props) => {
  const call = useMutation({ mutationFn: perform, onSuccess: onDone });
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ "aria-label": texts.common.close }}>
      <div className="form">
        <div>{why}</div>
        {call.error && <ProblemNote error={call.error} />}
        <div className="form-actions">
          <Button onClick={() => call.mutate()} loading={call.isPending} {...(danger ? { color: "red" } : {})}>
            {action}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </div>
    </Modal>
  );
};
