/** The legal hold on a session: while it stands, nothing that belongs to the session is deleted. */
import { Button, Modal, Textarea } from "@mantine/core";
import { IconGavel } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";

import * as calls from "../../api/calls";
import type { LegalHold as Hold, PrivilegedSession } from "../../api/types";
import { Person } from "../../components/Person";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { Fact, Facts } from "../../ui/Facts";
import { Section } from "../../ui/Page";
import { RefusableButton } from "../../ui/RefusableButton";
import { fullText } from "../../ui/time";
import { Time } from "../../ui/Time";
import classes from "./LegalHold.module.css";
import { useSessionCall } from "./useSessionCall";

const words = texts.legalHold;
const REASON_MAX_CHARACTERS = 4_000;

export const HoldBadge = ({ hold }: { hold: Hold }) => (
  <span className={classes["badge"]} title={hold.set_at === null ? undefined : words.title(fullText(new Date(hold.set_at)))}>
    <IconGavel size={15} aria-hidden />
    {words.word}
  </span>
);

export const LegalHold = ({ session }: { session: PrivilegedSession }) => {
  const [asking, setAsking] = useState(false);
  const { held, may_set, may_lift, set_at, set_by, reason } = session.legal_hold;
  const refusal = held ? (may_lift ? null : words.administratorOnly) : may_set ? null : words.auditorOnly;
  return (
    <Section
      title={words.section}
      aside={
        <RefusableButton size="compact-sm" h={26} px={9} fz={12.5} variant="default" refusal={refusal} onClick={() => setAsking(true)}>
          {held ? words.lift : words.set}
        </RefusableButton>
      }
    >
      {held ? (
        <Facts>
          {set_at !== null && (
            <Fact name={words.since}>
              <Time at={set_at} seconds />
            </Fact>
          )}
          {set_by !== null && (
            <Fact name={words.by}>
              <Person user={set_by} wide />
            </Fact>
          )}
          {reason !== null && (
            <Fact name={words.reason}>
              <span style={{ whiteSpace: "pre-line" }}>{reason}</span>
            </Fact>
          )}
        </Facts>
      ) : (
        <p className="soft">{words.none}</p>
      )}
      {asking && <HoldDialog session={session} onClose={() => setAsking(false)} />}
    </Section>
  );
};

const HoldDialog = ({ session, onClose }: { session: PrivilegedSession; onClose: () => void }) => {
  const { held } = session.legal_hold;
  const action = held ? words.lift : words.set;
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState(false);
  const call = useSessionCall({ id: session.id, call: () => calls.changeLegalHold(session.id, !held, reason.trim()), done: held ? words.lifted : words.done, onDone: onClose });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (reason.trim() === "") setMissing(true);
    else call.mutate();
  };
  return (
    <Modal opened onClose={onClose} title={action} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit} noValidate>
        <span>{held ? words.liftWhy : words.setWhy}</span>
        <Textarea
          data-autofocus
          autosize
          minRows={2}
          maxLength={REASON_MAX_CHARACTERS}
          label={words.reason}
          description={words.reasonHint}
          error={missing ? words.required : undefined}
          value={reason}
          onChange={(event) => {
            setReason(event.currentTarget.value);
            setMissing(false);
          }}
        />
        {call.error && <ProblemNote error={call.error} />}
        <div className="form-actions">
          <Button type="submit" loading={call.isPending} {...(held ? { color: "red" } : {})}>
            {action}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </form>
    </Modal>
  );
};
