/** Windows that overlap stand in lanes under each other, account by account. */
import type { PrivilegedSession } from "../../api/types";

export type Lane = PrivilegedSession[];

export interface AccountLanes {
  id: string;
  name: string;
  lanes: Lane[];
}

export const byAccount = (sessions: readonly PrivilegedSession[]): AccountLanes[] => {
  const accounts = new Map<string, AccountLanes>();
  const ordered = [...sessions].sort((a, b) => a.starts_at.localeCompare(b.starts_at));
  for (const session of ordered) {
    const account = accounts.get(session.account.id) ?? { id: session.account.id, name: session.account.name, lanes: [] };
    accounts.set(account.id, account);
    const free = account.lanes.find((lane) => (lane.at(-1)?.ends_at ?? "") <= session.starts_at);
    if (free) free.push(session);
    else account.lanes.push([session]);
  }
  return [...accounts.values()].sort((a, b) => a.name.localeCompare(b.name));
};
