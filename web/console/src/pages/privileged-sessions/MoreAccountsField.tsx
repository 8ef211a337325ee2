/** Accounts that are switched with the first one: of the same owner, each with what is done to it. */
import { CloseButton, Input, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import * as queries from "../../api/queries";
import type { Account, AccountAction, MoreAccount } from "../../api/types";
import { AccountStateWord } from "../../components/AccountStateWord";
import { useMe } from "../../components/useMe";
import { texts } from "../../texts";
import { presetAction } from "./AccountActionField";
import classes from "./MoreAccountsField.module.css";

const ACTIONS: readonly AccountAction[] = ["enable", "disable", "none"];

interface Props {
  /** The account that is borrowed. */
  of: Pick<Account, "id" | "user_id">;
  value: readonly MoreAccount[];
  error: string | undefined;
  onChange: (value: MoreAccount[]) => void;
}

export const MoreAccountsField = ({ of, value, error, onChange }: Props) => {
  const me = useMe();
  const own = of.user_id === me.user.id;
  const found = useQuery({ ...queries.accountsOf(of.user_id ?? ""), enabled: of.user_id !== null && !own });
  const directories = useQuery(queries.directories());
  const names = new Map((directories.data ?? []).map(({ id, name }) => [id, name]));
  const accounts = (own ? me.accounts : (found.data ?? [])).filter(({ id }) => id !== of.id);
  const byId = new Map(accounts.map((account) => [account.id, account]));
  const left = accounts.filter(({ id, state }) => state !== "absent" && !value.some(({ account_id }) => account_id === id));
  // Nobody is asked about what there is not.
  if (value.length === 0 && left.length === 0) return null;
  const change = (id: string, account_action: AccountAction): void => onChange(value.map((one) => (one.account_id === id ? { ...one, account_action } : one)));
  return (
    <Input.Wrapper label={texts.new.more} description={texts.new.moreHint} error={error} labelElement="div">
      {value.length > 0 && (
        <ul className={classes["chosen"]} aria-label={texts.new.more}>
          {value.map(({ account_id, account_action }) => {
            const account = byId.get(account_id);
            const name = account?.name ?? account_id;
            return (
              <li key={account_id}>
                <span className="stack">
                  <span className="strong">{name}</span>
                  {account && (
                    <span className="small soft">
                      {names.get(account.directory_id)} · <AccountStateWord state={account.state} />
                    </span>
                  )}
                </span>
                <Select aria-label={texts.new.moreAction(name)} w={150} allowDeselect={false} value={account_action} data={ACTIONS.map((action) => ({ value: action, label: texts.accountAction[action].label }))}
                  onChange={(chosen) => {
                    const known = ACTIONS.find((action) => action === chosen);
                    if (known) change(account_id, known);
                  }} />
                <CloseButton aria-label={texts.new.moreRemove(name)} onClick={() => onChange(value.filter((one) => one.account_id !== account_id))} />
              </li>
            );
          })}
        </ul>
      )}
      {left.length > 0 && (
        <Select
          aria-label={texts.new.morePick}
          placeholder={texts.new.morePick}
          mt={6}
          maw={420}
          searchable
          limit={50}
          value={null}
          data={left.map(({ id, name }) => ({ value: id, label: name }))}
          nothingFoundMessage={texts.common.none}
          onChange={(id) => {
            const account = byId.get(id ?? "");
            if (account) onChange([...value, { account_id: account.id, account_action: presetAction(account.state) }]);
          }}
          renderOption={({ option }) => {
            const account = byId.get(option.value);
            return account ? (
              <span className="stack">
                <span>{account.name}</span>
                <span className="small soft">{[names.get(account.directory_id) ?? "", texts.accountState[account.state], ...(account.privileged ? [texts.common.privileged] : [])].join(" · ")}</span>
              </span>
            ) : option.label;
          }}
        />
      )}
    </Input.Wrapper>
  );
};
