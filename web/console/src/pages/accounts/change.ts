/** What may be changed of an account by hand. */
import type { Account, AccountState, ChangeAccount } from "../../api/types";

export interface Fields {
  user_id: string | null;
  privileged: boolean;
  state: AccountState;
}

/** Only what was changed: saying the state again would replace what the account goes back to during a session. */
export const changedFields = (account: Account, values: Fields): ChangeAccount => ({
  ...(values.user_id === account.user_id ? {} : { user_id: values.user_id }),
  ...(values.privileged === account.privileged ? {} : { privileged: values.privileged }),
  ...(values.state === account.state ? {} : { state: values.state }),
});

/** Accounts of other directories are switched by sessions only; those of the built-in one also here. */
export const isBuiltIn = (account: Account): boolean => account.last_seen_at === null;
