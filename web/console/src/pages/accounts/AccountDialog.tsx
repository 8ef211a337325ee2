import { Checkbox, Modal, SegmentedControl, Input } from "@mantine/core";
import type { FormEvent } from "react";

import * as calls from "../../api/calls";
import type { Account } from "../../api/types";
import * as can from "../../can";
import { formErrors, isShownAtFields } from "../../components/formErrors";
import { ProblemNote } from "../../components/ProblemNote";
import { useMe } from "../../components/useMe";
import { UserPicker } from "../../components/UserPicker";
import { useSaved } from "../../components/useSaved";
import { texts } from "../../texts";
import { Fact, Facts } from "../../ui/Facts";
import { RefusableButton } from "../../ui/RefusableButton";
import { useFields } from "../../ui/useFields";
import { changedFields, type Fields, isBuiltIn } from "./change";

const FIELDS = ["user_id", "privileged", "state"];

interface Props {
  account: Account;
  /** Its directory; empty while that is not known. */
  directory: string;
  onClose: () => void;
}

export const AccountDialog = ({ account, directory, onClose }: Props) => {
  const manage = can.manageAccounts(useMe());
  const { values, set, errors, setErrors } = useFields<Fields>({ user_id: account.user_id, privileged: account.privileged, state: account.state });
  const save = useSaved(() => calls.changeAccount(account.id, changedFields(account, values)), "account", onClose);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    save.mutate(undefined, { onError: (error) => setErrors(formErrors(error)) });
  };
  return (
    <Modal opened onClose={onClose} title={`${texts.accounts.edit}: ${account.name}`} closeButtonProps={{ "aria-label": texts.common.close }}>
      <form className="form" onSubmit={submit}>
        <Facts>
          <Fact name={texts.accounts.directory}>{directory}</Fact>
          {!isBuiltIn(account) && <Fact name={texts.accounts.externalId}><span className="mono">{account.external_id}</span></Fact>}
          {account.email !== "" && <Fact name={texts.accounts.email}>{account.email}</Fact>}
        </Facts>
        <UserPicker label={texts.accounts.owner} description={texts.accounts.ownerHint} value={values.user_id} error={errors["user_id"]} focused onChange={(user_id) => set({ user_id })} />
        <Checkbox label={texts.accounts.privileged} description={texts.accounts.privilegedHint} checked={values.privileged} error={errors["privileged"]} onChange={(event) => set({ privileged: event.currentTarget.checked })} />
        <div>
          <Input.Label component="div" id="account-state">{texts.accounts.state}</Input.Label>
          <Input.Description mb={6}>{isBuiltIn(account) ? texts.accounts.stateHint : texts.accounts.stateElsewhere}</Input.Description>
          {isBuiltIn(account) ? (
            <SegmentedControl aria-labelledby="account-state" disabled={account.state === "absent"} value={values.state} onChange={(state) => set({ state: state === "enabled" ? "enabled" : "disabled" })}
              data={[{ value: "enabled", label: texts.accountState.enabled }, { value: "disabled", label: texts.accountState.disabled }]} />
          ) : (
            <span className="strong">{texts.accountState[account.state]}</span>
          )}
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
