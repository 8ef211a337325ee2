import type { PrivilegedSession, UserRef } from "../api/types";

/** How a person is called: the name where there is one. */
export const nameOf = (user: UserRef): string => user.display_name || user.user_name;

/** All accounts of a session, the borrowed one first. */
export const accountNames = ({ account, more_accounts }: Pick<PrivilegedSession, "account" | "more_accounts">): string => [account, ...more_accounts].map(({ name }) => name).join(" + ");
