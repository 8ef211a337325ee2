import { Radio } from "@mantine/core";

import type { AccountAction, AccountState } from "../../api/types";
import { texts } from "../../texts";

interface Props {
  value: AccountAction;
  onChange: (value: AccountAction) => void;
  account: { name: string; state: AccountState } | undefined;
  error: string | undefined;
}

const CHOICES: readonly AccountAction[] = ["enable", "disable", "none"];

const isChoice = (value: string): value is AccountAction => CHOICES.some((choice) => choice === value);

export const AccountActionField = ({ value, onChange, account, error }: Props) => (
  <Radio.Group
    label={texts.new.action}
    description={account && texts.new.actionIs(account.name, texts.accountState[account.state])}
    value={value}
    error={error}
    onChange={(choice) => isChoice(choice) && onChange(choice)}
  >
    <div style={{ display: "grid", gap: 8, marginTop: 8 }}>
      {CHOICES.map((choice) => (
        <Radio key={choice} value={choice} label={texts.accountAction[choice].label} description={texts.accountAction[choice].meaning} />
      ))}
    </div>
  </Radio.Group>
);

/** What is wanted of an account in that state, as a rule: a session is asked for because it is shut. */
export const presetAction = (state: AccountState): AccountAction => (state === "disabled" ? "enable" : "none");
