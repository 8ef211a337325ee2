import { Button, Modal, Textarea } from "@mantine/core";
import { useState } from "react";

import * as calls from "../../api/calls";
import { isProblem } from "../../api/problem";
import type { Action, ChangeStatus, PrivilegedSession, SessionAccount } from "../../api/types";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { useSessionCall } from "./useSessionCall";

export type DialogAction = Exclude<Action, "Edit" | "Open" | "Extend" | "Shorten">;

const DANGER: readonly DialogAction[] = ["End", "Reject", "Cancel"];

const isChange = (action: DialogAction): action is ChangeStatus => action !== "Process" && action !== "EnableAccount" && action !== "DisableAccount";

const perform = (session: PrivilegedSession, action: DialogAction, account: string, comment: string): Promise<PrivilegedSession> => {
  if (isChange(action)) return calls.changeStatus(session.id, action, session.version, comment);
  if (action === "Process") return calls.processSession(session.id);
  return calls.switchAccount(session.id, account, action === "EnableAccount");
};

interface Props {
  session: PrivilegedSession;
  action: DialogAction;
  /** Which one is switched, when the session has several. */
  account?: SessionAccount;
  onClose: () => void;
}

/** What it does, a comment for the Audit log, and the action by its own name. */
export const ActionDialog = ({ session, action, account = session.account, onClose }: Props) => {
  const [comment, setComment] = useState("");
  const word = texts.action[action];
  const call = useSessionCall({ id: session.id, call: () => perform(session, action, account.id, comment.trim()), done: texts.dialogs.done(word), onDone: onClose });
  return (
    <Modal opened onClose={onClose} title={`${word}: ${account.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          call.mutate();
        }}
      >
        <span>{texts.dialogs[action]}</span>
        {isChange(action) && (
          <Textarea label={texts.dialogs.comment} description={texts.dialogs.commentHint} autosize minRows={2} maxLength={4000} value={comment} data-autofocus onChange={(event) => setComment(event.currentTarget.value)} />
        )}
        {call.error && (isProblem(call.error, 409) ? <div className="note" data-tone="warn" role="alert"><p>{texts.dialogs.conflict}</p></div> : <ProblemNote error={call.error} />)}
        <div className="form-actions">
          <Button type="submit" loading={call.isPending} {...(DANGER.includes(action) ? { color: "red" } : {})}>
            {word}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </form>
    </Modal>
  );
};
