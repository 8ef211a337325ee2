/** The shapes of sign-ins, access records, exports and event streams, until the API's description has them. */
import type { Channel, EndKind, SignIn as OldSignIn, UserRef } from "./types";

export type SignInKind = "console" | "target";
export interface TargetUse {
  target_id: string;
  first_at: string;
  last_at: string;
  active_s: number;
  idle_s: number;
}
export type LoginEvent = Omit<OldSignIn, "kind"> & { end_kind: EndKind | null; channel: Channel; kind: SignInKind; active_s: number; idle_s: number; target_uses: TargetUse[]; api_token_id: string | null; last_seen_at: string };
export interface UserTotal {
  user_id: string;
  user_name: string;
  display_name: string;
  email: string;
  count: number;
  time_s: number;
  last_at: string;
}
export interface DayTotal {
  day: string;
  count: number;
  users: number;
}
export interface SignInTotals {
  count: number;
  users: number;
  per_user: UserTotal[];
  users_are_cut: boolean;
  per_day: DayTotal[];
  days_are_cut: boolean;
}

/** The settings of auditing and retention that the organization has. */
export interface AuditSettings {
  isauditenabled: boolean;
  isuseraccessauditenabled: boolean;
  useraccessauditinginterval: number;
  console_audit_enabled: boolean;
  auditretentionperiodv2: number;
  sign_in_retention_days: number;
  recording_retention_days: number;
}

/** Whether everything that belongs to a session is kept, however old it gets. */
export interface LegalHold {
  held: boolean;
  set_at: string | null;
  set_by: UserRef | null;
  reason: string | null;
  may_set: boolean;
  may_lift: boolean;
}
export interface Deletable {
  /** When retention deleted it. */
  deleted_at: string | null;
}

export type StreamKind = "webhook" | "syslog" | "otlp";
export type StreamState = "sending" | "waiting" | "stalled" | "not_configured";
export interface EventStream {
  name: string;
  state: StreamState;
  kind: StreamKind | null;
  address: string | null;
  format: "ocsf" | "cef" | null;
  classes: string[];
  last_number: number;
  last_sent_at: string | null;
  behind_events: number;
  behind_seconds: number;
  attempts: number;
  problem: string | null;
  problem_since: string | null;
  next_try_at: string | null;
}
export interface StreamTested {
  taken: boolean;
  said: string;
  event_id: string;
}

export type ExportContent = "sign_ins" | "audit_events";
export type ExportEvery = "day" | "week";
export type ExportTarget =
  | { kind: "folder"; path: string }
  | { kind: "s3"; bucket: string; prefix: string; region: string; endpoint: string | null; access_key_id: string | null; secret_access_key: string | null };
export type FindingKind = "missed_interval" | "file_missing" | "file_changed" | "manifest_missing" | "manifest_changed" | "chain_broken" | "rows_not_in_file" | "rows_not_in_database";
export interface Finding {
  kind: FindingKind;
  interval_start: string;
  interval_end: string;
  detail: string;
  found_at: string;
}
export interface ExportRun {
  number: number;
  interval_start: string;
  interval_end: string;
  revision: number;
  state: "waiting" | "done";
  file: string | null;
  rows: number | null;
  bytes: number | null;
  sha256: string | null;
  first_number: number | null;
  last_number: number | null;
  written_at: string | null;
  verified_at: string | null;
  attempt: number;
  next_try_at: string | null;
  problem: string | null;
  problem_since: string | null;
}
export interface ScheduledExport {
  id: string;
  name: string;
  content: ExportContent;
  every: ExportEvery;
  format: "csv" | "xlsx" | "jsonl" | "parquet";
  target: ExportTarget;
  starts_at: string;
  active: boolean;
  created_at: string;
  next_at: string | null;
  checked_at: string | null;
  check_problem: string | null;
  findings: Finding[];
  runs: ExportRun[];
  version: number;
}
export type NewScheduledExport = Pick<ScheduledExport, "name" | "content" | "every" | "format" | "target"> & { starts_at?: string };
