import { Button, Checkbox, MultiSelect, Select, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";

import * as calls from "../../api/calls";
import * as queries from "../../api/queries";
import type { Account, AccountAction, MoreAccount, Target } from "../../api/types";
import * as can from "../../can";
import { AccountPicker } from "../../components/AccountPicker";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { RecordingNotice } from "../../components/RecordingNotice";
import { tell } from "../../components/tell";
import { useMe } from "../../components/useMe";
import { paths } from "../../paths";
import { texts } from "../../texts";
import { Page } from "../../ui/Page";
import { useFields } from "../../ui/useFields";
import { AccountActionField, presetAction } from "./AccountActionField";
import { MoreAccountsField } from "./MoreAccountsField";
import { freshWindow, resolve, type WindowFields, windowErrors } from "./request-window";
import { WindowField } from "./WindowField";

interface Fields extends WindowFields {
  account_id: string | null;
  more_accounts: MoreAccount[];
  target_ids: string[];
  /** null: what is wanted of an account in its state, as a rule. */
  account_action: AccountAction | null;
  reason: string;
  ticket: string;
  recording_notice_acknowledged: boolean;
}

const FIELDS = ["account_id", "more_accounts", "user_id", "target_ids", "starts_at", "ends_at", "account_action", "reason", "ticket", "recording_notice_acknowledged"];

export const NewPage = () => {
  const me = useMe();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [params] = useSearchParams();
  const any = can.requestForAnyAccount(me).allowed;
  const users = useQuery({ ...queries.users(), enabled: any });
  const targets = useQuery(queries.targets());
  const mine = (id: string | null): Account | undefined => me.accounts.find((one) => one.id === id);
  const { values, set, errors, setErrors } = useFields<Fields>({
    ...freshWindow(new Date()), account_id: params.get("account"), more_accounts: [], target_ids: [], account_action: null, reason: "", ticket: "", recording_notice_acknowledged: false,
  });

  const chosen = useQuery({ ...queries.account(values.account_id ?? ""), enabled: any && values.account_id !== null });
  const account = any ? (values.account_id === null ? undefined : chosen.data) : mine(values.account_id);
  const action = values.account_action ?? (account ? presetAction(account.state) : "enable");
  const offered = (targets.data ?? []).filter((target) => target.recording !== "off" && target.directory_id === account?.directory_id);
  const ownerOf = ownerNames(me.user, users.data ?? []);

  const choose = (one: Account): void =>
    set({
      account_id: one.id,
      // Accounts beside it are of the same owner, and targets of the same directory.
      ...(one.user_id === account?.user_id ? { more_accounts: values.more_accounts.filter(({ account_id }) => account_id !== one.id) } : { more_accounts: [] }),
      target_ids: [],
      account_action: null,
    });

  const create = useMutation({
    mutationFn: (chosen: Account) => {
      const window = resolve(values, new Date());
      if (window === null) throw new Error("unreadable window");
      return calls.requestSession({
        account_id: chosen.id, more_accounts: values.more_accounts, target_ids: values.target_ids, starts_at: window.from.toISOString(), ends_at: window.to.toISOString(), reason: values.reason.trim(),
        ...(values.ticket.trim() === "" ? {} : { ticket: values.ticket.trim() }), account_action: action, recording_notice_acknowledged: values.recording_notice_acknowledged,
      });
    },
    onSuccess: async (session) => {
      client.setQueryData(queries.session(session.id).queryKey, session);
      void client.invalidateQueries({ queryKey: ["privileged_session", "list"] });
      tell(texts.new.created);
      await navigate(paths.privilegedSession(session.id));
    },
    onError: (error) => setErrors(formErrors(error)),
  });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wrong: Record<string, string> = windowErrors(values, new Date());
    if (!account) wrong["account_id"] = texts.new.pickAccount;
    else if (account.user_id === null) wrong["account_id"] = texts.new.noOwner;
    if (values.target_ids.length === 0) wrong["target_ids"] = texts.new.pickTarget;
    if (values.reason.trim() === "") wrong["reason"] = texts.new.required;
    if (!values.recording_notice_acknowledged) wrong["recording_notice_acknowledged"] = texts.new.mustAcknowledge;
    setErrors(wrong);
    if (account && Object.keys(wrong).length === 0) create.mutate(account);
  };

  return (
    <Page narrow title={texts.new.title} product={texts.product} trail={<Link to={paths.privilegedSessions()}>{texts.sessions.title}</Link>}>
      <form className="form" onSubmit={submit} noValidate>
        {any ? (
          <AccountPicker label={texts.new.account} description={texts.new.accountHint} placeholder={texts.new.accountPick} value={values.account_id} error={errors["account_id"] ?? errors["user_id"]} about={ownerOf} onChange={(one) => one !== null && choose(one)} />
        ) : (
          <AccountField accounts={me.accounts} value={values.account_id} error={errors["account_id"] ?? errors["user_id"]} ownerOf={ownerOf} onChange={choose} />
        )}
        {account && <MoreAccountsField of={account} value={values.more_accounts} error={errors["more_accounts"]} onChange={(more_accounts) => set({ more_accounts })} />}
        <TargetsField offered={offered} account={account} value={values.target_ids} error={errors["target_ids"]} onChange={(target_ids) => set({ target_ids })} />
        <WindowField fields={values} set={set} errors={errors} />
        <AccountActionField value={action} account={account} error={errors["account_action"]} onChange={(account_action) => set({ account_action })} />
        <Textarea label={texts.new.reason} description={texts.new.reasonHint} autosize minRows={2} maxLength={4000} value={values.reason} error={errors["reason"]} onChange={(event) => set({ reason: event.currentTarget.value })} />
        <TextInput label={texts.new.ticket} description={texts.new.ticketHint} maxLength={200} value={values.ticket} error={errors["ticket"]} maw={320} onChange={(event) => set({ ticket: event.currentTarget.value })} />
        <RecordingNotice text={me.recording_notice} />
        <Checkbox label={texts.new.acknowledge} checked={values.recording_notice_acknowledged} error={errors["recording_notice_acknowledged"]} onChange={(event) => set({ recording_notice_acknowledged: event.currentTarget.checked })} />
        {create.error && !isShownAtFields(create.error, FIELDS) && <ProblemNote error={create.error} />}
        <div className="form-actions">
          <Button type="submit" loading={create.isPending}>
            {texts.new.create}
          </Button>
          <span className="small soft">{texts.new.result(texts.new.resultApproval)}</span>
        </div>
      </form>
    </Page>
  );
};

/** Names of owners by id, as far as the reader may know them. */
const ownerNames = (self: { id: string; user_name: string; display_name: string }, users: readonly { id: string; user_name: string; display_name: string }[]) => {
  const names = new Map([self, ...users].map((user) => [user.id, nameOf(user)]));
  return (account: Account): string => (account.user_id === null ? texts.common.noOwner : texts.common.ownedBy(names.get(account.user_id) ?? texts.common.nobody));
};

interface AccountFieldProps {
  accounts: readonly Account[];
  value: string | null;
  error: string | undefined;
  ownerOf: (account: Account) => string;
  onChange: (account: Account) => void;
}

/** Privileged accounts first: they are what sessions are for. */
const AccountField = ({ accounts, value, error, ownerOf, onChange }: AccountFieldProps) => {
  const ordered = [...accounts].sort((a, b) => Number(b.privileged) - Number(a.privileged) || a.name.localeCompare(b.name));
  const byId = new Map(accounts.map((account) => [account.id, account]));
  return (
    <Select
      label={texts.new.account}
      description={texts.new.accountHint}
      placeholder={texts.new.accountPick}
      searchable
      value={value}
      error={error}
      data={ordered.map((account) => ({ value: account.id, label: account.name, disabled: account.state === "absent" }))}
      nothingFoundMessage={texts.common.none}
      maw={420}
      onChange={(id) => {
        const account = byId.get(id ?? "");
        if (account) onChange(account);
      }}
      renderOption={({ option }) => {
        const account = byId.get(option.value);
        if (!account) return option.label;
        const words = [texts.accountState[account.state], ...(account.privileged ? [texts.common.privileged] : []), ownerOf(account)];
        return (
          <span className="stack">
            <span>{account.name}</span>
            <span className="small soft">{words.join(" · ")}</span>
          </span>
        );
      }}
    />
  );
};

interface TargetsFieldProps {
  offered: readonly Target[];
  account: Account | undefined;
  value: string[];
  error: string | undefined;
  onChange: (value: string[]) => void;
}

const TargetsField = ({ offered, account, value, error, onChange }: TargetsFieldProps) => {
  const hosts = new Map(offered.map((target) => [target.id, target.host]));
  return (
    <MultiSelect
      label={texts.new.targets}
      description={account && offered.length === 0 ? texts.new.targetsNone : texts.new.targetsHint}
      placeholder={value.length === 0 ? texts.new.targetsPick : ""}
      searchable
      disabled={!account}
      value={value}
      error={error}
      onChange={onChange}
      data={offered.map((target) => ({ value: target.id, label: target.name }))}
      nothingFoundMessage={texts.common.none}
      maw={420}
      renderOption={({ option }) => (
        <span className="stack">
          <span>{option.label}</span>
          <span className="small soft">{hosts.get(option.value)}</span>
        </span>
      )}
    />
  );
};
