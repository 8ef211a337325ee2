/** Asking for more time, or ending a running session earlier. */
import { Button, Modal, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import * as calls from "../../api/calls";
import { isProblem } from "../../api/problem";
import type { PrivilegedSession } from "../../api/types";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { Chips } from "../../ui/Chips";
import { fromLocalInput, lengthText, MINUTE, toLocalInput, whenText, zoneAt, zoneName } from "../../ui/time";
import { useNow } from "../../ui/useNow";
import { type EndAction, endAfter, endProblem, latestEnd, STEPS_MIN } from "./end-time";
import { useSessionCall } from "./useSessionCall";

const words = texts.session.extension;
const FIELDS = ["ends_at", "reason"];
const OWN = "own";

interface Props {
  session: PrivilegedSession;
  action: EndAction;
  onClose: () => void;
}

export const EndDialog = ({ session, action, onClose }: Props) => {
  const now = useNow(15_000);
  const extending = action === "Extend";
  const fitting = STEPS_MIN[action].filter((minutes) => endAfter(session, action, minutes, now) !== null);
  const [step, setStep] = useState<number | null>(fitting[0] ?? null);
  const [own, setOwn] = useState(() => toLocalInput(extending ? latestEnd(session) : new Date(Date.now() + MINUTE)));
  const [reason, setReason] = useState("");
  const [errors, setErrors] = useState<Record<string, string>>({});
  const endAt = (at: Date): Date | null => (step === null ? fromLocalInput(own) : endAfter(session, action, step, at));
  const end = endAt(now);
  const call = useSessionCall<Date>({
    id: session.id,
    call: (ends_at) =>
      extending
        ? calls.extendSession(session.id, ends_at.toISOString(), reason.trim(), session.version)
        : calls.editSession(session.id, { version: session.version, ends_at: ends_at.toISOString() }),
    done: extending ? words.asked : words.shortened,
    onDone: onClose,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const asked = endAt(new Date());
    const problem = endProblem(session, action, asked, new Date());
    const wrong = { ...(problem === null ? {} : { ends_at: problem }), ...(extending && reason.trim() === "" ? { reason: texts.new.required } : {}) };
    setErrors(wrong);
    if (asked !== null && Object.keys(wrong).length === 0) call.mutate(asked, { onError: (error) => setErrors(formErrors(error)) });
  };
  return (
    <Modal opened onClose={onClose} title={`${texts.action[action]}: ${session.account.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit} noValidate>
        <span>{extending ? words.why : words.shortenWhy}</span>
        <Chips
          single
          label={words.newEnd}
          options={[...fitting.map((minutes) => ({ value: String(minutes), label: extending ? words.minutes(minutes) : words.in(lengthText(minutes * MINUTE)) })), { value: OWN, label: texts.new.startAt }]}
          chosen={[step === null ? OWN : String(step)]}
          onChange={([choice]) => setStep(choice === OWN || choice === undefined ? null : Number(choice))}
        />
        {step === null && <TextInput type="datetime-local" label={words.newEnd} maw={260} value={own} onChange={(event) => setOwn(event.currentTarget.value)} />}
        <span>
          {end !== null && (
            <>
              {words.newEnd}: <span className="strong">{whenText(end, now)} {zoneAt(end)}</span> <span className="soft">({zoneName()})</span>
            </>
          )}
          {errors["ends_at"] && <span className="danger" role="alert"> {errors["ends_at"]}</span>}
          {extending && <span className="small soft" style={{ display: "block" }}>{words.limit(whenText(latestEnd(session), now))}</span>}
        </span>
        {extending && (
          <Textarea label={words.reason} description={words.reasonHint} autosize minRows={2} maxLength={4000} value={reason} error={errors["reason"]} data-autofocus onChange={(event) => setReason(event.currentTarget.value)} />
        )}
        {isProblem(call.error, 409) && <div className="note" data-tone="warn" role="alert"><p>{texts.dialogs.conflict}</p></div>}
        {call.error && !isProblem(call.error, 409) && !isShownAtFields(call.error, FIELDS) && <ProblemNote error={call.error} />}
        <div className="form-actions">
          <Button type="submit" loading={call.isPending}>
            {extending ? words.ask : texts.action.Shorten}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </form>
    </Modal>
  );
};
