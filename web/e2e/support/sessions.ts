/** Privileged sessions by the API, for stories that are about something else. */
import { expect } from "@playwright/test";

import type { List } from "./api.ts";
import type { Chaperone } from "./chaperone.ts";

export interface PrivilegedSession {
  id: string;
  status: string;
  end_reason: string | null;
  version: number;
}

export interface Account {
  id: string;
  name: string;
  privileged: boolean;
  state: "enabled" | "disabled" | "absent";
}

export interface Target {
  id: string;
  name: string;
  host: string;
}

/** The account that is privileged: disabled outside sessions. */
export async function privilegedAccount(chaperone: Chaperone): Promise<Account> {
  const [administrator] = chaperone.administrators;
  const { items } = await chaperone.api(administrator).get<List<Account>>("/accounts");
  const account = items.find((one) => one.privileged);
  if (!account) throw new Error("the demo has no privileged account");
  return account;
}

export async function targetNamed(chaperone: Chaperone, part: string): Promise<Target> {
  const [administrator] = chaperone.administrators;
  const { items } = await chaperone.api(administrator).get<List<Target>>("/targets");
  const target = items.find((one) => one.host.includes(part));
  if (!target) throw new Error(`the demo has no target ${part}: ${items.map((one) => one.host).join(", ")}`);
  return target;
}

/** What is asked for; the window begins now. */
export async function request(chaperone: Chaperone, target: Target, minutes = 60): Promise<PrivilegedSession> {
  const account = await privilegedAccount(chaperone);
  const [administrator] = chaperone.administrators;
  return await chaperone.api(administrator).post<PrivilegedSession>("/privileged-sessions", {
    account_id: account.id,
    target_ids: [target.id],
    starts_at: new Date().toISOString(),
    ends_at: new Date(Date.now() + minutes * 60_000).toISOString(),
    reason: "Year-end corrections",
    account_action: "enable",
    recording_notice_acknowledged: true,
  });
}

/** Asked for by one administrator, approved by the other, started by the processor. */
export async function activeSession(chaperone: Chaperone, target: Target): Promise<PrivilegedSession> {
  const session = await request(chaperone, target);
  const [, approver] = chaperone.administrators;
  await chaperone.api(approver).post(`/privileged-sessions/${session.id}/change-status`, { status: "Approve", version: session.version });
  return await reaches(chaperone, session.id, "Active");
}

export async function reaches(chaperone: Chaperone, id: string, status: string): Promise<PrivilegedSession> {
  const [administrator] = chaperone.administrators;
  const api = chaperone.api(administrator);
  await expect.poll(async () => (await api.get<PrivilegedSession>(`/privileged-sessions/${id}`)).status, { timeout: 30_000 }).toBe(status);
  return await api.get<PrivilegedSession>(`/privileged-sessions/${id}`);
}
