/** The shapes of the API, one noun after the other. Fields that a server may leave out are optional. */

export interface List<T> {
  items: T[];
  next: string | null;
}

export type Role = "system_administrator" | "approver" | "auditor" | "user";

export interface User {
  id: string;
  user_name: string;
  display_name: string;
  email: string | null;
  roles: Role[];
  active: boolean;
  password_must_change?: boolean;
  created_at?: string;
  version?: number;
}

export interface UserCreated extends User {
  one_time_password?: string | null;
}

export interface UserRef {
  id: string;
  user_name: string;
  display_name?: string | null;
}

export interface Me {
  user: User;
  csrf_token: string;
  organization_name: string;
  privileged_sessions: PrivilegedSession[];
  accounts: Account[];
  recording_notice: string;
  replay_origin?: string | null;
}

export interface SignedIn {
  user: User;
  csrf_token: string;
}

export type AccountState = "enabled" | "disabled" | "absent";
export type AccountAction = "none" | "enable" | "disable";

export interface Account {
  id: string;
  directory_id: string;
  external_id: string;
  name: string;
  user_id: string | null;
  user?: UserRef | null;
  privileged: boolean;
  state: AccountState;
  version?: number;
}

export interface Directory {
  id: string;
  name: string;
  kind?: string;
}

export type TargetIdentity = "none" | "headers" | "assertion";
export type TargetRecording = "privileged" | "always" | "off";
export type WebServicesInSession = "refuse" | "witness";

export interface Target {
  id: string;
  name: string;
  host: string;
  directory_id: string;
  upstream: string;
  entry_posts: string[];
  web_services_in_session: WebServicesInSession;
  identity: TargetIdentity;
  audit_enabled: boolean;
  recording: TargetRecording;
  created_at?: string;
  version?: number;
}

export type Status = "Draft" | "Approved" | "Active" | "Ending" | "Ended" | "Rejected" | "Cancelled" | "Expired" | "Failed";

export type Action =
  | "Open"
  | "HandBack"
  | "Approve"
  | "Reject"
  | "Edit"
  | "Process"
  | "EnableAccount"
  | "DisableAccount"
  | "Cancel"
  | "End";

export type EndReason = "completed" | "handed_back" | "ended_by_administrator" | "recording_lost" | "account_removed" | "could_not_start";

export interface RefusedAction {
  action: Action;
  type: string;
  detail: string;
}

export interface Grant {
  id: string;
  account_id: string;
  account_name: string;
  phase: "opening" | "held" | "closing" | "closed";
  baseline: AccountState | null;
  desired: AccountState | null;
  applied: AccountState | null;
  observed: AccountState | null;
  outcome: string | null;
  deadline: string | null;
  attempt: number;
  next_try: string | null;
  problem: string | null;
}

export interface PrivilegedSession {
  id: string;
  status: Status;
  end_reason: EndReason | null;
  account: { id: string; name: string; state: AccountState; directory_id: string };
  account_id: string;
  user: UserRef;
  user_id: string;
  requested_by: UserRef;
  approved_by: UserRef | null;
  self_approved: boolean;
  targets: { id: string; name: string; host: string }[];
  target_ids: string[];
  starts_at: string;
  ends_at: string;
  started_at: string | null;
  ended_at: string | null;
  reason: string;
  ticket: string | null;
  account_action: AccountAction;
  allowed_actions: Action[];
  refused_actions: RefusedAction[];
  grants: Grant[];
  version: number;
  created_at: string;
  updated_at: string;
  not_back: string[];
}

export interface NewPrivilegedSession {
  account_id: string;
  user_id?: string;
  target_ids: string[];
  starts_at: string;
  ends_at: string;
  reason: string;
  ticket?: string;
  account_action: AccountAction;
  recording_notice_acknowledged: boolean;
}

export type EditPrivilegedSession = Partial<Omit<NewPrivilegedSession, "recording_notice_acknowledged" | "user_id" | "account_id">> & { version: number };

export type ChangeStatus = "Approve" | "Reject" | "Cancel" | "End" | "HandBack";

export interface Opened {
  sign_in_id: string;
  recording_id: string | null;
  targets: { target_id: string; name: string; url: string }[];
}

export interface AuditLogItem {
  id?: string;
  at: string;
  from_status: Status | null;
  to_status: Status;
  changed_by: UserRef | null;
  changed_by_kind: "SystemAdministrator" | "Approver" | "User" | "BatchProcess";
  comment: string | null;
}

export type EndKind = "signed_out" | "expired" | "ended_by_administrator" | "session_ended" | "lost";
export type Channel = "web" | "web_services";

export interface UserLogItem {
  sign_in_id: string;
  started_at: string;
  ended_at: string | null;
  end_kind: EndKind | null;
  end_is_estimated: boolean;
  duration_s: number | null;
  channel: Channel;
  client_address: string | null;
  user_agent: string | null;
}

export interface Coverage {
  changes_released: number;
  changes_with_evidence: number;
  changes_explained: number;
  unexplained_values: number;
  changes_refused: number;
  gaps: number;
  areas_not_recorded: number;
}

export type RecordingState = "recording" | "sealed" | "damaged";

export interface Recording {
  id: string;
  sign_in_id: string;
  state: RecordingState;
  started_at: string;
  ended_at: string | null;
  steps: number;
  exchanges: number;
  bytes: number;
  coverage: Coverage | null;
}

export interface RecordedDocument {
  id: string;
  started_at: string;
  title: string;
  url: string;
  state: string;
  /** Whether it was shown inside another document; such a document is part of that one's picture. */
  frame?: boolean;
}

export interface RecordingDetail extends Recording {
  privileged_session_id: string | null;
  user: UserRef;
  account: { id: string; name: string };
  documents: RecordedDocument[];
  duration_ms: number;
}

export interface Step {
  seq: number;
  at: string;
  kind: string;
  text: string;
  label: string;
  role: string | null;
  value: { old: string | null; new: string | null; type: string; masked: boolean; length?: number | null } | null;
  form_context: string | null;
  record_context: string | null;
  page: { url: string; title: string } | null;
  selectors: string[];
  exchange_ids: string[];
  document_id: string;
  offset_ms: number;
  trusted: boolean;
  node?: number | null;
}

export interface Exchange {
  id: string;
  at: string;
  offset_ms: number;
  document_id: string | null;
  method: string;
  url: string;
  status: number | null;
  kind: "change" | "download" | "websocket" | "websocket_message" | "read";
  request_bytes: number;
  response_bytes: number;
  duration_ms: number | null;
  outcome: "done" | "refused" | "failed" | "unknown";
  step_seq: number | null;
  request_body: string | null;
  explained: boolean;
}

export interface SignIn {
  id?: string;
  sign_in_id?: string;
  user_id: string;
  user_name: string;
  display_name: string;
  email: string | null;
  started_at: string;
  ended_at: string | null;
  end_kind: EndKind | null;
  end_is_estimated: boolean;
  duration_s: number | null;
  channel: Channel;
  client_address: string | null;
  user_agent: string | null;
  account_id: string | null;
  privileged_session_id: string | null;
  targets: { id: string; name: string }[] | string[];
}

export interface Organization {
  name: string;
  allow_self_approval: boolean;
  recording_notice: string;
  isauditenabled: boolean;
  isuseraccessauditenabled: boolean;
  useraccessauditinginterval: number;
  auditretentionperiodv2: number;
  version: number;
}

export interface ApiToken {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at?: string | null;
}

export interface ApiTokenCreated extends ApiToken {
  secret: string;
}

export interface AuditEvent {
  seq?: number;
  id: string;
  at: string;
  action: string;
  actor_kind?: string;
  user_id?: string | null;
  user_name?: string | null;
  subject?: { kind: string; id: string } | null;
  privileged_session_id: string | null;
  sign_in_id: string | null;
  channel?: Channel | null;
  client_address?: string | null;
  reason?: string | null;
  details?: Record<string, unknown> | null;
}

export interface Change {
  kind: "privileged_session" | "recording" | "sign_in" | "account" | "user" | "target" | "organization";
  id: string;
}
