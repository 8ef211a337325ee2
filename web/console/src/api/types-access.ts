/** The shapes of sign-ins, access records, retention, exports and event streams, by the names that the pages use. */
import type { components } from "./schema";
import type { Channel, EndKind, Sent, UserRef, Worded } from "./types";

type Schemas = components["schemas"];

export type SignInKind = "console" | "target";
export type TargetUse = Sent<Schemas["TargetUseBody"]>;
export type LoginEvent = Worded<Schemas["SignInRowBody"], { end_kind: EndKind | null; channel: Channel; kind: SignInKind }>;
export type UserTotal = Sent<Schemas["UserTotalBody"]>;
export type DayTotal = Sent<Schemas["DayTotalBody"]>;
export type SignInTotals = Sent<Schemas["SignInTotalsBody"]>;

/** The settings of auditing and retention that the organization has. */
export type AuditSettings = Pick<
  Sent<Schemas["OrganizationBody"]>,
  | "isauditenabled"
  | "isuseraccessauditenabled"
  | "useraccessauditinginterval"
  | "console_audit_enabled"
  | "auditretentionperiodv2"
  | "sign_in_retention_days"
  | "recording_retention_days"
>;

/** Whether everything that belongs to a session is kept, however old it gets. */
export type LegalHold = Worded<Schemas["LegalHoldBody"], { set_by: UserRef | null }>;
export interface Deletable {
  /** When retention deleted it. */
  deleted_at: string | null;
}

export type StreamKind = "webhook" | "syslog" | "otlp";
export type StreamState = "sending" | "waiting" | "stalled" | "not_configured";
export type EventStream = Worded<Schemas["EventStreamBody"], { state: StreamState; kind: StreamKind | null; format: "ocsf" | "cef" | null }>;
export type StreamTested = Sent<Schemas["EventStreamTestBody"]>;

export type ExportContent = "sign_ins" | "audit_events";
export type ExportEvery = "day" | "week";
export type ExportTarget =
  | { kind: "folder"; path: string }
  | { kind: "s3"; bucket: string; prefix: string; region: string; endpoint: string | null; access_key_id: string | null; secret_access_key: string | null };
export type FindingKind = "missed_interval" | "file_missing" | "file_changed" | "manifest_missing" | "manifest_changed" | "chain_broken" | "rows_not_in_file" | "rows_not_in_database";
export type Finding = Worded<Schemas["FindingBody"], { kind: FindingKind }>;
export type ExportRun = Worded<Schemas["ExportRunBody"], { state: "waiting" | "done" }>;
export type ScheduledExport = Worded<
  Schemas["ScheduledExportBody"],
  {
    content: ExportContent;
    every: ExportEvery;
    format: "csv" | "xlsx" | "jsonl" | "parquet";
    target: ExportTarget;
    findings: Finding[];
    runs: ExportRun[];
  }
>;
export type NewScheduledExport = Pick<ScheduledExport, "name" | "content" | "every" | "format" | "target"> & { starts_at?: string };
