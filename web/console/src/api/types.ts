/**
 * The shapes of the API by the names that the pages use. They come from `schema.ts`, which is generated from the
 * API's description; where the description says *string* and lists the words, the words stand here.
 */
import type { components } from "./schema";
import type { AuditSettings, Deletable, LegalHold } from "./types-access";

type Schemas = components["schemas"];

/** As the server sends it: a field that may be empty is there and null. */
export type Sent<T> = T extends (infer Item)[] ? Sent<Item>[] : T extends object ? { [Key in keyof T]-?: Sent<T[Key]> } : T;
/** The same, with closed lists of words. */
export type Worded<T, Words> = Omit<Sent<T>, keyof Words> & Words;

export interface List<T> {
  items: T[];
  next: string | null;
}

export type Role = "system_administrator" | "approver" | "auditor" | "user";
export type User = Worded<Schemas["UserBody"], { roles: Role[] }>;
export type UserCreated = User & { one_time_password: string | null };
export type UserRef = Sent<Schemas["UserRef"]>;
export type SignedIn = Worded<Schemas["SignedIn"], { user: User }>;
export type Me = Worded<Schemas["Me"], { user: User; privileged_sessions: PrivilegedSession[]; accounts: Account[] }>;

export type AccountState = "enabled" | "disabled" | "absent";
export type AccountAction = "none" | "enable" | "disable";
export type Drift = Worded<Schemas["DriftBody"], { expected: AccountState }>;
export type Account = Worded<Schemas["AccountBody"], { state: AccountState; drift: Drift | null }>;
export type ChangeAccount = Schemas["AccountChangeBody"];

export type DirectoryKind = "built_in" | "postgresql" | "ldap" | "scim" | "dataverse" | "entra" | "linux";
/** How a directory is reached: `kind` and the fields of that kind. */
export type DirectorySettings = Readonly<Record<string, unknown>>;
export type AccountImport = Worded<Schemas["ImportBody"], { state: "running" | "done" | "failed" }>;
export type Directory = Worded<
  Schemas["DirectoryBody"],
  { kind: DirectoryKind; settings: DirectorySettings | null; import: AccountImport | null }
>;
export type Tested = Sent<Schemas["Tested"]>;

export type TargetIdentity = "none" | "headers" | "assertion";
export type TargetRecording = "privileged" | "always" | "off";
export type WebServicesInSession = "refuse" | "witness";
export type Target = Worded<
  Schemas["TargetBody"],
  { identity: TargetIdentity; recording: TargetRecording; web_services_in_session: WebServicesInSession }
>;

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
  | "Extend"
  | "Shorten"
  | "Cancel"
  | "End";
export type ChangeStatus = "Approve" | "Reject" | "Cancel" | "End" | "HandBack";
export type EndReason = "completed" | "handed_back" | "ended_by_administrator" | "recording_lost" | "account_removed" | "could_not_start";
export type RefusedAction = Worded<Schemas["RefusedAction"], { action: Action }>;
export type Grant = Worded<
  Schemas["GrantBody"],
  {
    phase: "opening" | "held" | "closing" | "closed";
    baseline: AccountState;
    desired: AccountState;
    applied: AccountState | null;
    observed: AccountState;
    outcome: GrantOutcome | null;
  }
>;
export type GrantOutcome = "untouched" | "restored" | "kept_changed_by_others" | "set_stricter" | "absent";
export type SessionAccount = Worded<Schemas["SessionAccount"], { state: AccountState; account_action: AccountAction }>;
export type Extension = Sent<Schemas["ExtensionBody"]>;
export type PrivilegedSession = Worded<
  Schemas["PrivilegedSessionBody"],
  {
    status: Status;
    end_reason: EndReason | null;
    account: SessionAccount;
    more_accounts: SessionAccount[];
    extension: Extension | null;
    account_action: AccountAction;
    allowed_actions: Action[];
    refused_actions: RefusedAction[];
    grants: Grant[];
  }
> & { legal_hold: LegalHold };
export interface MoreAccount {
  account_id: string;
  account_action: AccountAction;
}
export type NewPrivilegedSession = Omit<Schemas["NewSession"], "account_action" | "more_accounts"> & { account_action: AccountAction; more_accounts?: MoreAccount[] };
export type EditPrivilegedSession = Omit<Schemas["SessionChange"], "account_action" | "more_accounts"> & { account_action?: AccountAction; more_accounts?: MoreAccount[] };
export type Opened = Sent<Schemas["OpenedBody"]>;
export type AuditLogItem = Worded<
  Schemas["AuditLogItem"],
  {
    from_status: Status | null;
    to_status: Status | null;
    changed_by_kind: "SystemAdministrator" | "Approver" | "User" | "BatchProcess" | "Unknown";
  }
>;
export type AccountLogItem = Worded<
  Schemas["AccountLogItem"],
  { direction: "forward" | "end_moved" | "back" | "left_to_others"; wanted: AccountState; verified_state: AccountState | null; outcome: GrantOutcome | null }
>;

export type NotificationKind =
  | "to_approve"
  | "approved"
  | "rejected"
  | "starts_soon"
  | "started"
  | "ends_soon"
  | "ended"
  | "could_not_start"
  | "could_not_be_put_back"
  | "drift";
export type NotificationState = "waiting" | "sent" | "given_up";
export type Notification = Worded<
  Schemas["NotificationBody"],
  { kind: NotificationKind; channel: "mail" | "webhook"; state: NotificationState }
>;

export type EndKind = "signed_out" | "expired" | "ended_by_administrator" | "session_ended" | "session_started" | "lost";
export type Channel = "web" | "web_services";
export type UserLogItem = Worded<Schemas["SignInBody"], { end_kind: EndKind | null; channel: Channel }> & Deletable;
export type SignIn = Worded<Schemas["SignInRowBody"], { end_kind: EndKind | null; channel: Channel }>;

export type Coverage = Sent<Schemas["CoverageBody"]>;
export type RecordingState = "recording" | "sealed" | "damaged" | "deleted";
export type Recording = Worded<Schemas["RecordingBody"], { state: RecordingState }> & Deletable;
export type RecordedDocument = Sent<Schemas["DocumentBody"]>;
export type RecordingDetail = Worded<Schemas["RecordingDetail"], { state: RecordingState }> & Deletable;
export type Step = Sent<Schemas["StepBody"]>;
export type Exchange = Worded<
  Schemas["ExchangeBody"],
  {
    kind: "change" | "download" | "websocket" | "websocket_message" | "read";
    outcome: "done" | "refused" | "failed" | "unknown";
  }
>;

export type Organization = Sent<Schemas["OrganizationBody"]> & AuditSettings;
export type ApiToken = Sent<Schemas["ApiTokenBody"]>;
export type ApiTokenCreated = ApiToken & { secret: string };
export type AuditEvent = Worded<Schemas["AuditEventBody"], { channel: Channel | null; details: Record<string, unknown> }> & Deletable;
export type Change = Worded<
  Schemas["ChangeBody"],
  { kind: "privileged_session" | "recording" | "sign_in" | "account" | "user" | "target" | "organization" | "directory" | "scheduled_export" }
>;

export type * from "./types-access";
