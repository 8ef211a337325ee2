/** Everything that the console changes, one function per call of the API. */
import { patch, post, remove } from "./client";
import type * as T from "./types";

const of = (id: string): string => encodeURIComponent(id);

export const signIn = (user_name: string, password: string): Promise<T.SignedIn> => post<T.SignedIn>("/sign-in", { user_name, password });
export const signOut = (): Promise<void> => post("/sign-out");
export const changePassword = (old_password: string, new_password: string): Promise<void> => post("/me/password", { old_password, new_password });

export const requestSession = (request: T.NewPrivilegedSession): Promise<T.PrivilegedSession> => post<T.PrivilegedSession>("/privileged-sessions", request);
export const editSession = (id: string, edit: T.EditPrivilegedSession): Promise<T.PrivilegedSession> =>
  patch<T.PrivilegedSession>(`/privileged-sessions/${of(id)}`, edit);
export const changeStatus = (id: string, status: T.ChangeStatus, version: number, comment: string): Promise<T.PrivilegedSession> =>
  post<T.PrivilegedSession>(`/privileged-sessions/${of(id)}/change-status`, { status, version, ...(comment === "" ? {} : { comment }) });
export const processSession = (id: string): Promise<T.PrivilegedSession> => post<T.PrivilegedSession>(`/privileged-sessions/${of(id)}/process`);
export const switchAccount = (id: string, account_id: string, enabled: boolean): Promise<T.PrivilegedSession> =>
  post<T.PrivilegedSession>(`/privileged-sessions/${of(id)}/account`, { account_id, enabled });
export const extendSession = (id: string, ends_at: string, reason: string, version: number): Promise<T.PrivilegedSession> =>
  post<T.PrivilegedSession>(`/privileged-sessions/${of(id)}/extend`, { ends_at, reason, version });
export const changeLegalHold = (id: string, held: boolean, reason: string): Promise<T.PrivilegedSession> =>
  post<T.PrivilegedSession>(`/privileged-sessions/${of(id)}/legal-hold`, { held, reason });
export const openSession = (id: string, password: string, consent: boolean): Promise<T.Opened> =>
  post<T.Opened>(`/privileged-sessions/${of(id)}/open`, { password, consent });

export const retryNotification = (id: string): Promise<T.Notification> => post<T.Notification>(`/notifications/${of(id)}/retry`);

export type UserFields = Pick<T.User, "user_name" | "display_name" | "email" | "roles">;
export const createUser = (fields: UserFields): Promise<T.UserCreated> => post<T.UserCreated>("/users", fields);
export const changeUser = (id: string, fields: Partial<Omit<UserFields, "user_name"> & { active: boolean }>): Promise<T.User> =>
  patch<T.User>(`/users/${of(id)}`, fields);
export const resetPassword = (id: string): Promise<{ one_time_password: string }> => post<{ one_time_password: string }>(`/users/${of(id)}/reset-password`);

export const changeAccount = (id: string, change: T.ChangeAccount): Promise<T.Account> => patch<T.Account>(`/accounts/${of(id)}`, change);
export const observeAccount = (id: string): Promise<T.Account> => post<T.Account>(`/accounts/${of(id)}/observe`);

export const testSettings = (settings: T.DirectorySettings): Promise<T.Tested> => post<T.Tested>("/directories/test", { settings });
export const testDirectory = (id: string): Promise<T.Tested> => post<T.Tested>(`/directories/${of(id)}/test`);
export const createDirectory = (name: string, settings: T.DirectorySettings): Promise<T.Directory> => post<T.Directory>("/directories", { name, settings });
export const changeDirectory = (id: string, change: { name: string; settings: T.DirectorySettings; version: number }): Promise<T.Directory> =>
  patch<T.Directory>(`/directories/${of(id)}`, change);
export const importAccounts = (id: string): Promise<T.Directory> => post<T.Directory>(`/directories/${of(id)}/import`);
export const removeDirectory = (id: string): Promise<void> => remove(`/directories/${of(id)}`);

export type TargetFields = Omit<T.Target, "id" | "created_at" | "version">;
export const createTarget = (fields: TargetFields): Promise<T.Target> => post<T.Target>("/targets", fields);
export const changeTarget = (id: string, fields: Partial<TargetFields>): Promise<T.Target> => patch<T.Target>(`/targets/${of(id)}`, fields);
export const removeTarget = (id: string): Promise<void> => remove(`/targets/${of(id)}`);

export const changeOrganization = (fields: Partial<T.Organization>): Promise<T.Organization> => patch<T.Organization>("/organization", fields);

export const createApiToken = (name: string, expires_at: string | null): Promise<T.ApiTokenCreated> =>
  post<T.ApiTokenCreated>("/api-tokens", { name, ...(expires_at === null ? {} : { expires_at }) });
export const revokeApiToken = (id: string): Promise<void> => remove(`/api-tokens/${of(id)}`);

export const endSignIn = (id: string): Promise<void> => post(`/sign-ins/${of(id)}/end`);

export const testEventStream = (name: string): Promise<T.StreamTested> => post<T.StreamTested>(`/event-streams/${of(name)}/test`);

export const createScheduledExport = (fields: T.NewScheduledExport): Promise<T.ScheduledExport> => post<T.ScheduledExport>("/scheduled-exports", fields);
export const changeScheduledExport = (id: string, fields: { active: boolean; version: number }): Promise<T.ScheduledExport> => patch<T.ScheduledExport>(`/scheduled-exports/${of(id)}`, fields);
export const removeScheduledExport = (id: string): Promise<void> => remove(`/scheduled-exports/${of(id)}`);
/** Writes what is due, or an interval that was written before once more. */
export const runScheduledExport = (id: string, interval_start?: string): Promise<T.ScheduledExport> =>
  post<T.ScheduledExport>(`/scheduled-exports/${of(id)}/run`, interval_start === undefined ? {} : { interval_start });
export const checkScheduledExport = (id: string): Promise<T.ScheduledExport> => post<T.ScheduledExport>(`/scheduled-exports/${of(id)}/check`);
