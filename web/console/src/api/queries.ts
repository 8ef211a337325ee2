/**
 * Everything that the console reads. The first part of a key is the noun as the change stream names it, so that a
 * change of that noun makes exactly these queries look again.
 */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { get, type Query } from "./client";
import type * as T from "./types";

/** As many items as a page of a list shows. */
export const PAGE_ITEMS = 50;
/** As many items as one call may answer. */
export const LIMIT_MAX = 500;
/** A list that is needed whole (accounts to choose from, steps) is read page by page, at most this far. */
const PAGES_MAX = 200;

/** All pages of a list. */
export const everything = async <Item>(path: string, query: Query, signal?: AbortSignal): Promise<Item[]> => {
  const items: Item[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer: T.List<Item> = await get<T.List<Item>>(path, { ...query, limit: LIMIT_MAX, after }, signal);
    items.push(...answer.items);
    after = answer.next;
    if (after === null) break;
  }
  return items;
};

export const me = () => queryOptions({ queryKey: ["me"], queryFn: ({ signal }) => get<T.Me>("/me", {}, signal), staleTime: 60_000 });

export const sessions = (filters: Query) =>
  queryOptions({
    queryKey: ["privileged_session", "list", filters],
    queryFn: ({ signal }) => get<T.List<T.PrivilegedSession>>("/privileged-sessions", { limit: PAGE_ITEMS, ...filters }, signal),
    placeholderData: keepPreviousData,
  });

export const session = (id: string) =>
  queryOptions({
    queryKey: ["privileged_session", "one", id],
    queryFn: ({ signal }) => get<T.PrivilegedSession>(`/privileged-sessions/${id}`, {}, signal),
  });

export const auditLog = (id: string) =>
  queryOptions({
    queryKey: ["privileged_session", "audit-log", id],
    queryFn: ({ signal }) => everything<T.AuditLogItem>(`/privileged-sessions/${id}/audit-log`, {}, signal),
  });

export const accountLog = (id: string) =>
  queryOptions({
    queryKey: ["privileged_session", "account-log", id],
    queryFn: ({ signal }) => everything<T.AccountLogItem>(`/privileged-sessions/${id}/account-log`, {}, signal),
  });

export const userLog = (id: string) =>
  queryOptions({
    queryKey: ["sign_in", "user-log", id],
    queryFn: ({ signal }) => everything<T.UserLogItem>(`/privileged-sessions/${id}/user-log`, {}, signal),
  });

export const sessionNotifications = (id: string) =>
  queryOptions({
    queryKey: ["privileged_session", "notifications", id],
    queryFn: ({ signal }) => everything<T.Notification>(`/privileged-sessions/${id}/notifications`, {}, signal),
  });

export const sessionRecordings = (id: string) =>
  queryOptions({
    queryKey: ["recording", "of-session", id],
    queryFn: ({ signal }) => everything<T.Recording>(`/privileged-sessions/${id}/recordings`, {}, signal),
  });

export const recording = (id: string) =>
  queryOptions({ queryKey: ["recording", "one", id], queryFn: ({ signal }) => get<T.RecordingDetail>(`/recordings/${id}`, {}, signal) });

export const recordingSteps = (id: string) =>
  queryOptions({ queryKey: ["recording", "steps", id], queryFn: ({ signal }) => everything<T.Step>(`/recordings/${id}/steps`, {}, signal) });

export const recordingExchanges = (id: string) =>
  queryOptions({
    queryKey: ["recording", "exchanges", id],
    queryFn: ({ signal }) => everything<T.Exchange>(`/recordings/${id}/exchanges`, {}, signal),
  });

/** The rrweb events of a document. Kept apart from the noun's key: they are large, and the player asks when it wants more. */
export const documentEvents = (recordingId: string, documentId: string) =>
  queryOptions({
    queryKey: ["recording-events", recordingId, documentId],
    queryFn: ({ signal }) => everything<unknown>(`/recordings/${recordingId}/events`, { document_id: documentId }, signal),
    staleTime: Infinity,
    gcTime: 120_000,
  });

export const users = () => queryOptions({ queryKey: ["user"], queryFn: ({ signal }) => everything<T.User>("/users", {}, signal) });

/** One page of accounts: there may be a hundred thousand, so they are never read whole. */
export const accounts = (filters: Query) =>
  queryOptions({
    queryKey: ["account", "list", filters],
    queryFn: ({ signal }) => get<T.List<T.Account>>("/accounts", { limit: PAGE_ITEMS, ...filters }, signal),
    placeholderData: keepPreviousData,
  });

export const account = (id: string) => queryOptions({ queryKey: ["account", "one", id], queryFn: ({ signal }) => get<T.Account>(`/accounts/${id}`, {}, signal) });

/** The accounts of one owner: a handful. */
export const accountsOf = (userId: string) =>
  queryOptions({ queryKey: ["account", "of", userId], queryFn: ({ signal }) => everything<T.Account>("/accounts", { user_id: userId }, signal) });

export const targets = () => queryOptions({ queryKey: ["target"], queryFn: ({ signal }) => everything<T.Target>("/targets", {}, signal) });
export const directories = () =>
  queryOptions({ queryKey: ["directory", "list"], queryFn: ({ signal }) => everything<T.Directory>("/directories", {}, signal) });
export const directory = (id: string) =>
  queryOptions({ queryKey: ["directory", "one", id], queryFn: ({ signal }) => get<T.Directory>(`/directories/${id}`, {}, signal) });
export const organization = () =>
  queryOptions({ queryKey: ["organization"], queryFn: ({ signal }) => get<T.Organization>("/organization", {}, signal) });
export const apiTokens = () =>
  queryOptions({ queryKey: ["api-token"], queryFn: ({ signal }) => everything<T.ApiToken>("/api-tokens", {}, signal) });

export const signIns = (filters: Query) =>
  queryOptions({
    queryKey: ["sign_in", "list", filters],
    queryFn: ({ signal }) => get<T.List<T.LoginEvent>>("/sign-ins", { limit: PAGE_ITEMS, ...filters }, signal),
    placeholderData: keepPreviousData,
  });

/** Per user and per day, counted by the server. */
export const signInTotals = (filters: Query) =>
  queryOptions({
    queryKey: ["sign_in", "totals", filters],
    queryFn: ({ signal }) => get<T.SignInTotals>("/sign-ins/totals", filters, signal),
    placeholderData: keepPreviousData,
    // They cost more than a page of the list.
    staleTime: 30_000,
  });

export const auditEvents = (filters: Query) =>
  queryOptions({
    queryKey: ["audit-event", filters],
    queryFn: ({ signal }) => get<T.List<T.AuditEvent>>("/audit-events", { limit: PAGE_ITEMS, ...filters }, signal),
    placeholderData: keepPreviousData,
  });

/** Where the streams stand changes without anybody changing them, so it is asked for again. */
const STREAMS_EVERY_MS = 10_000;
export const eventStreams = () =>
  queryOptions({ queryKey: ["event-stream"], queryFn: ({ signal }) => everything<T.EventStream>("/event-streams", {}, signal), refetchInterval: STREAMS_EVERY_MS });

export const scheduledExports = () => queryOptions({ queryKey: ["scheduled_export", "list"], queryFn: ({ signal }) => everything<T.ScheduledExport>("/scheduled-exports", {}, signal) });
export const scheduledExport = (id: string) =>
  queryOptions({ queryKey: ["scheduled_export", "one", id], queryFn: ({ signal }) => get<T.ScheduledExport>(`/scheduled-exports/${id}`, {}, signal) });
export const exportRuns = (id: string, after: string | null) =>
  queryOptions({
    queryKey: ["scheduled_export", "runs", id, after],
    queryFn: ({ signal }) => get<T.List<T.ExportRun>>(`/scheduled-exports/${id}/runs`, { limit: PAGE_ITEMS, after }, signal),
    placeholderData: keepPreviousData,
  });
