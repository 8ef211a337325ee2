/** The only place where an address of the console is spelled. */

const query = (params: Record<string, string | number | undefined>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
};

export type SessionTab = "overview" | "audit-log" | "user-log" | "recordings" | "account";

export const paths = {
  home: "/",
  signIn: (then?: string): string => `/sign-in${query({ then })}`,
  changePassword: (then?: string): string => `/change-password${query({ then })}`,
  privilegedSessions: (filters: { status?: string; account_id?: string; user_id?: string; target_id?: string } = {}): string => `/privileged-sessions${query(filters)}`,
  newPrivilegedSession: (account?: string): string => `/privileged-sessions/new${query({ account })}`,
  privilegedSession: (id: string, tab?: SessionTab): string => `/privileged-sessions/${id}${query({ tab: tab === "overview" ? undefined : tab })}`,
  recording: (id: string, at: { t?: number; step?: number } = {}): string => `/recordings/${id}${query(at)}`,
  myAccess: "/my-access",
  open: (id: string): string => `/open/${id}`,
  users: "/users",
  accounts: (filters: { directory_id?: string; drifted?: string; privileged?: string; user_id?: string } = {}): string => `/accounts${query(filters)}`,
  directories: "/directories",
  newDirectory: (kind?: string): string => `/directories/new${query({ kind })}`,
  directory: (id: string, step?: "added"): string => `/directories/${id}${query({ step })}`,
  /** A section of the guide about directories, which comes with the console. */
  directoryGuide: (section?: string): string => `/guide/directories${section === undefined ? "" : `#${section}`}`,
  targets: "/targets",
  organization: "/organization",
  apiTokens: "/api-tokens",
  signIns: (filters: { user_name?: string; user_id?: string } = {}): string => `/sign-ins${query(filters)}`,
  audit: (filters: { view?: "access"; privileged_session_id?: string; sign_in_id?: string; action?: string; user_id?: string } = {}): string => `/audit${query(filters)}`,
  auditSettings: "/organization/audit-settings",
  scheduledExports: "/scheduled-exports",
  newScheduledExport: "/scheduled-exports/new",
  scheduledExport: (id: string): string => `/scheduled-exports/${id}`,
  eventStreams: "/event-streams",
} as const;

/** As the router knows them. */
export const patterns = {
  signIn: "/sign-in",
  changePassword: "/change-password",
  privilegedSessions: "/privileged-sessions",
  newPrivilegedSession: "/privileged-sessions/new",
  privilegedSession: "/privileged-sessions/:id",
  recording: "/recordings/:id",
  myAccess: "/my-access",
  open: "/open/:id",
  users: "/users",
  accounts: "/accounts",
  directories: "/directories",
  newDirectory: "/directories/new",
  directory: "/directories/:id",
  directoryGuide: "/guide/directories",
  targets: "/targets",
  organization: "/organization",
  apiTokens: "/api-tokens",
  signIns: "/sign-ins",
  audit: "/audit",
  auditSettings: "/organization/audit-settings",
  scheduledExports: "/scheduled-exports",
  newScheduledExport: "/scheduled-exports/new",
  scheduledExport: "/scheduled-exports/:id",
  eventStreams: "/event-streams",
} as const;

/** Where to go after signing in: only an address of this console, else home. */
export const safeThen = (then: string | null): string =>
  then !== null && /^\/(?![/\\])/.test(then) && new URL(then, "http://console.invalid").origin === "http://console.invalid" ? then : paths.home;

/** Whether the address is a page of this console; others, such as the way to a target, are asked of the server. */
export const isClientPath = (path: string): boolean => !/^\/(enter|api)([/?]|$)/.test(path);

/** The replay frame on its own origin; it believes only the console named here. */
export const replayFrame = (replayOrigin: string, consoleOrigin: string): string =>
  `${replayOrigin}/frame/index.html?console=${encodeURIComponent(consoleOrigin)}`;

/** Downloads of a recording: links, so that the browser streams them to disk. */
export const recordingDownload = (id: string, format: string): string => `/api/v1/recordings/${id}/download${query({ format })}`;

