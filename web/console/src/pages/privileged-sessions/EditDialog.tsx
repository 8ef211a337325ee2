import { Button, Modal, MultiSelect, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { FormEvent } from "react";

import * as calls from "../../api/calls";
import { isProblem } from "../../api/problem";
import * as queries from "../../api/queries";
import type { AccountAction, MoreAccount, PrivilegedSession } from "../../api/types";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { texts } from "../../texts";
import { useFields } from "../../ui/useFields";
import { AccountActionField } from "./AccountActionField";
import { MoreAccountsField } from "./MoreAccountsField";
import { resolve, type WindowFields, windowErrors, windowOf } from "./request-window";
import { useSessionCall } from "./useSessionCall";
import { WindowField } from "./WindowField";

interface Fields extends WindowFields {
  more_accounts: MoreAccount[];
  target_ids: string[];
  account_action: AccountAction;
  reason: string;
  ticket: string;
}

const FIELDS = ["more_accounts", "target_ids", "starts_at", "ends_at", "account_action", "reason", "ticket"];

export const EditDialog = ({ session, onClose }: { session: PrivilegedSession; onClose: () => void }) => {
  const targets = useQuery(queries.targets());
  const { values, set, errors, setErrors } = useFields<Fields>({
    ...windowOf(new Date(session.starts_at), new Date(session.ends_at)), more_accounts: session.more_accounts.map(({ id, account_action }) => ({ account_id: id, account_action })), target_ids: session.target_ids, account_action: session.account_action, reason: session.reason, ticket: session.ticket ?? "",
  });
  const call = useSessionCall({
    id: session.id,
    call: () => {
      const window = resolve(values, new Date());
      if (window === null) throw new Error("unreadable window");
      // A field that shows minutes must not move an instant that has seconds.
      const moved = (asked: Date, old: string): string => (Math.floor(asked.getTime() / 60_000) === Math.floor(new Date(old).getTime() / 60_000) ? old : asked.toISOString());
      return calls.editSession(session.id, {
        version: session.version, more_accounts: values.more_accounts, target_ids: values.target_ids, account_action: values.account_action, reason: values.reason.trim(), ticket: values.ticket.trim(),
        starts_at: moved(window.from, session.starts_at), ends_at: moved(window.to, session.ends_at),
      });
    },
    done: texts.common.saved,
    onDone: onClose,
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wrong: Record<string, string> = windowErrors(values, new Date());
    if (values.target_ids.length === 0) wrong["target_ids"] = texts.new.pickTarget;
    if (values.reason.trim() === "") wrong["reason"] = texts.new.required;
    setErrors(wrong);
    if (Object.keys(wrong).length === 0) call.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };
  const offered = (targets.data ?? session.targets.map((target) => ({ ...target, directory_id: session.account.directory_id, recording: "privileged" }))).filter(
    (target) => target.directory_id === session.account.directory_id && target.recording !== "off",
  );

  return (
    <Modal opened onClose={onClose} title={texts.dialogs.editTitle} size="lg" closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit} noValidate>
        {session.status === "Approved" && <div className="note" data-tone="warn"><p>{texts.dialogs.editApproved}</p></div>}
        <MoreAccountsField of={{ id: session.account.id, user_id: session.user_id }} value={values.more_accounts} error={errors["more_accounts"]} onChange={(more_accounts) => set({ more_accounts })} />
        <MultiSelect label={texts.new.targets} searchable value={values.target_ids} error={errors["target_ids"]} data={offered.map((target) => ({ value: target.id, label: target.name }))} onChange={(target_ids) => set({ target_ids })} />
        <WindowField fields={values} set={set} errors={errors} />
        <AccountActionField value={values.account_action} account={session.account} error={errors["account_action"]} onChange={(account_action) => set({ account_action })} />
        <Textarea label={texts.new.reason} autosize minRows={2} maxLength={4000} value={values.reason} error={errors["reason"]} onChange={(event) => set({ reason: event.currentTarget.value })} />
        <TextInput label={texts.new.ticket} maxLength={200} value={values.ticket} error={errors["ticket"]} onChange={(event) => set({ ticket: event.currentTarget.value })} />
        {isProblem(call.error, 409) && <div className="note" data-tone="warn" role="alert"><p>{texts.dialogs.conflict}</p></div>}
        {call.error && !isProblem(call.error, 409) && !isShownAtFields(call.error, FIELDS) && <ProblemNote error={call.error} />}
        <div className="form-actions">
          <Button type="submit" loading={call.isPending}>
            {texts.common.save}
          </Button>
          <Button variant="default" onClick={onClose}>
            {texts.common.back}
          </Button>
        </div>
      </form>
    </Modal>
  );
};
