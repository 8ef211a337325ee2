/** More time that is asked for: what, by whom, and what can be decided about it. */
import { Button, Modal, Textarea } from "@mantine/core";
import { IconHourglassHigh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import * as calls from "../../api/calls";
import { isProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import type { Extension, PrivilegedSession } from "../../api/types";
import * as can from "../../can";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { whenText, zoneAt } from "../../ui/time";
import { useNow } from "../../ui/useNow";
import classes from "./ExtensionNote.module.css";
import { useSessionCall } from "./useSessionCall";

const words = texts.session.extension;
const DECISIONS = ["Approve", "Reject", "Cancel"] as const;
type Decision = (typeof DECISIONS)[number];
const LABELS: Record<Decision, string> = { Approve: words.approve, Reject: words.reject, Cancel: words.takeBack };

interface Props {
  session: PrivilegedSession;
  extension: Extension;
}

export const ExtensionNote = ({ session, extension }: Props) => {
  const now = useNow(30_000);
  const [decision, setDecision] = useState<Decision | null>(null);
  const asker = useAsker(session, extension.requested_by);
  const end = new Date(extension.ends_at);
  return (
    <section className={classes["extension"]} aria-label={words.title}>
      <IconHourglassHigh size={18} aria-hidden />
      <div className={classes["words"]}>
        <span>
          <span className="strong">{words.title}</span> {words.until(`${whenText(end, now)} ${zoneAt(end)}`)}
        </span>
        <span className={classes["reason"]}>{extension.reason}</span>
        <span className="small soft">
          {asker !== null && `${words.by(asker)}. `}
          {words.stands(whenText(new Date(session.ends_at), now))}
        </span>
      </div>
      <div className="row">
        {DECISIONS.map((one) => {
          const may = can.act(session, one);
          return may === null ? null : (
            <RefusableButton key={one} variant={one === "Approve" ? "filled" : "default"} refusal={may.allowed ? null : may.reason} onClick={() => setDecision(one)}>
              {LABELS[one]}
            </RefusableButton>
          );
        })}
      </div>
      {decision !== null && <DecisionDialog session={session} decision={decision} onClose={() => setDecision(null)} />}
    </section>
  );
};

/** The name of whoever asked, as far as the reader may know it. */
const useAsker = (session: PrivilegedSession, id: string): string | null => {
  const me = useMe();
  const known = [session.user, session.requested_by, me.user].find((user) => user.id === id);
  const users = useQuery({ ...queries.users(), enabled: known === undefined && can.seeUsers(me).allowed });
  const found = known ?? users.data?.find((user) => user.id === id);
  return found ? nameOf(found) : null;
};

const DecisionDialog = ({ session, decision, onClose }: { session: PrivilegedSession; decision: Decision; onClose: () => void }) => {
  const [comment, setComment] = useState("");
  const word = LABELS[decision];
  const call = useSessionCall({ id: session.id, call: () => calls.changeStatus(session.id, decision, session.version, comment.trim()), done: texts.dialogs.done(word), onDone: onClose });
  return (
    <Modal opened onClose={onClose} title={`${word}: ${words.title.toLowerCase()}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          call.mutate();
        }}
      >
        <span>{words.dialog[decision]}</span>
        <Textarea label={texts.dialogs.comment} description={texts.dialogs.commentHint} autosize minRows={2} maxLength={4000} value={comment} data-autofocus onChange={(event) => setComment(event.currentTarget.value)} />
        {call.error && (isProblem(call.error, 409) ? <div className="note" data-tone="warn" role="alert"><p>{texts.dialogs.conflict}</p></div> : <ProblemNote error={call.error} />)}
        <div className="form-actions">
          <Button type="submit" loading={call.isPending} {...(decision === "Reject" ? { color: "red" } : {})}>
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
