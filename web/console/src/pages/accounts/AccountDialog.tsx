import { Checkbox, Modal, SegmentedControl, Select, Input } from "@mantine/core";
import type { FormEvent } from "react";

import * as calls from "../../api/calls";
import type { Account, AccountState, User } from "../../api/types";
import * as can from "../../can";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { nameOf } from "../../components/names";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";

const FIELDS = ["user_id", "privileged", "state"];

interface Fields {
  user_id: string | null;
  privileged: boolean;
  state: AccountState;
}

interface Props {
  account: Account;
  users: readonly User[];
  onClose: () => void;
}

export const AccountDialog = ({ account, users, onClose }: Props) => {
  const manage = can.manageAccounts(useMe());
  const { values, set, errors, setErrors } = useFields<Fields>({ user_id: account.user_id, privileged: account.privileged, state: account.state });
  const save = useSaved(
    () => {
      // Only what was changed: saying the state again would replace what the account goes back to during a session.
      const changed = { ...(values.user_id === account.user_id ? {} : { user_id: values.user_id }), ...(values.privileged === account.privileged ? {} : { privileged: values.privileged }), ...(values.state === account.state ? {} : { state: values.state }) };
      return calls.changeAccount(account.id, changed);
    },
    "account",
    onClose,
  );
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };
  return (
    <Modal opened onClose={onClose} title={`${texts.accounts.edit}: ${account.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit}>
        <Select label={texts.accounts.owner} description={texts.accounts.ownerHint} searchable clearable value={values.user_id} error={errors["user_id"]} data={users.map((user) => ({ value: user.id, label: nameOf(user) }))} onChange={(user_id) => set({ user_id })} placeholder={texts.common.noOwner} />
        <Checkbox label={texts.accounts.privileged} description={texts.accounts.privilegedHint} checked={values.privileged} error={errors["privileged"]} onChange={(event) => set({ privileged: event.currentTarget.checked })} />
        <div>
          <Input.Label component="div" id="account-state">{texts.accounts.state}</Input.Label>
          <Input.Description mb={6}>{texts.accounts.stateHint}</Input.Description>
          <SegmentedControl aria-labelledby="account-state" disabled={account.state === "absent"} value={values.state} onChange={(state) => set({ state: state === "enabled" ? "enabled" : "disabled" })}
            data={[{ value: "enabled", label: texts.accountState.enabled }, { value: "disabled", label: texts.accountState.disabled }]} />
          {errors["state"] && <Input.Error>{errors["state"]}</Input.Error>}
        </div>
        {save.error && !isShownAtFields(save.error, FIELDS) && <ProblemNote error={save.error} />}
        <div className="form-actions">
          <RefusableButton type="submit" loading={save.isPending} refusal={manage.allowed ? null : manage.reason} onClick={() => undefined}>
            {texts.common.save}
          </RefusableButton>
        </div>
      </form>
    </Modal>
  );
};
