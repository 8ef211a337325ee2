/** What can happen, as the trail names it. Unknown names, of a newer server, are shown as they are. */
export const ACTIONS = [
  "installed",
  "clock_went_back",
  "organization_changed",
  "audit_enabled",
  "audit_disabled",
  "audit_settings_changed",
  "user_access_audit_started",
  "user_access_audit_stopped",
  "target_audit_started",
  "target_audit_stopped",
  "user_access_via_web",
  "user_access_via_web_services",
  "audit_log_deleted",
  "audit_log_deletion_refused",
  "event_deleted",
  "retention_waits",
  "scheduled_export_created",
  "scheduled_export_changed",
  "scheduled_export_removed",
  "scheduled_export_requested",
  "scheduled_export_written",
  "scheduled_export_failing",
  "export_gap_found",
  "export_gap_closed",
  "legal_hold_set",
  "legal_hold_lifted",
  "event_stream_added",
  "event_stream_changed",
  "event_stream_removed",
  "event_stream_stalled",
  "event_stream_recovered",
  "event_stream_tested",
  "user_created",
  "user_changed",
  "password_changed",
  "password_reset",
  "api_token_created",
  "api_token_revoked",
  "directory_created",
  "directory_changed",
  "directory_removed",
  "account_import_started",
  "account_import_ended",
  "accounts_imported",
  "account_created",
  "account_changed",
  "account_observed",
  "account_drifted",
  "target_created",
  "target_changed",
  "target_removed",
  "sign_in_started",
  "sign_in_ended",
  "sign_in_failed",
  "access_refused",
  "refusals_counted",
  "export_started",
  "export_ended",
  "consent_given",
  "consent_declined",
  "privileged_session_requested",
  "privileged_session_edited",
  "privileged_session_status_changed",
  "privileged_session_refused",
  "privileged_session_account_switched",
  "privileged_session_start_intended",
  "privileged_session_extension_requested",
  "privileged_session_extended",
  "privileged_session_extension_dropped",
  "privileged_session_shortened",
  "grant_intended",
  "grant_verified",
  "grant_attempt_failed",
  "grant_closed",
  "recording_started",
  "recording_sealed",
  "recording_damaged",
  "recording_destroyed",
  "change_refused",
  "document_locked",
  "recording_viewed",
  "recording_downloaded",
  "notification_given_up",
  "notification_retried",
  "notifications_removed",
] as const;

interface SourceAction {
  code: number;
  /** As programs that read the source's audit table know it. */
  name: string;
}

/** Actions that are about auditing itself stand with the source's code and name; others have theirs in the Web API. */
const SOURCE: Record<string, SourceAction> = {
  user_access_via_web: { code: 64, name: "UserAccessviaWeb" },
  user_access_via_web_services: { code: 65, name: "UserAccessviaWebServices" },
  audit_settings_changed: { code: 104, name: "AuditChangeatOrgLevel" },
  target_audit_started: { code: 105, name: "EntityAuditStarted" },
  audit_enabled: { code: 107, name: "AuditEnabled" },
  target_audit_stopped: { code: 108, name: "EntityAuditStopped" },
  audit_disabled: { code: 110, name: "AuditDisabled" },
  audit_log_deleted: { code: 111, name: "AuditLogDeletion" },
  user_access_audit_started: { code: 112, name: "UserAccessAuditStarted" },
  user_access_audit_stopped: { code: 113, name: "UserAccessAuditStopped" },
};

export const sourceOf = (action: string): SourceAction | null => SOURCE[action] ?? null;

/** What the view of access records shows: accesses, and when their recording began and ended. */
export const ACCESS_ACTIONS: readonly string[] = ["user_access_via_web", "user_access_via_web_services", "user_access_audit_started", "user_access_audit_stopped"];

/** Stands in the place of an event that retention deleted. */
export const DELETED = "event_deleted";

/** For choosing: the words, with the source's name and code where it has one. */
export const actionChoice = (action: string): string => {
  const source = sourceOf(action);
  return source === null ? actionText(action) : `${source.name} (${source.code})`;
};

/** The name in words: `sign_in_started` is *Sign in started*. */
export const actionText = (action: string): string => action.charAt(0).toUpperCase() + action.slice(1).replaceAll("_", " ");
