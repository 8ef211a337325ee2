//! Audit events: one thing that happened, kept in order. All of them are the trail.
//!
//! An event's *canonical bytes* are what its commitment is computed over. Their layout is versioned and never
//! changes for a version: old events must verify for ever.

use crate::Instant;
use crate::ids::{AuditEventId, PrivilegedSessionId, SignInId, UserId};
use crate::sign_in::Channel;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user.
    User(UserId),
    /// The background process (source: batch process).
    Processor,
    /// Chaperone itself, for example at start-up or by a command on the machine.
    System,
    /// Somebody who is not signed in.
    Anonymous,
    /// Not known any more: retention deleted the event.
    Unknown,
}

impl Actor {
    /// The stable name of the kind in API and rows.
    pub const fn kind_name(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Processor => "processor",
            Self::System => "system",
            Self::Anonymous => "anonymous",
            Self::Unknown => "unknown",
        }
    }

    /// The user, if it is one.
    pub const fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            _ => None,
        }
    }

    /// The actor of that kind and user.
    pub fn from_parts(kind: &str, user_id: Option<UserId>) -> Option<Self> {
        match (kind, user_id) {
            ("user", Some(id)) => Some(Self::User(id)),
            ("processor", None) => Some(Self::Processor),
            ("system", None) => Some(Self::System),
            ("anonymous", None) => Some(Self::Anonymous),
            ("unknown", None) => Some(Self::Unknown),
            _ => None,
        }
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What happened: a closed list with stable names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $variant,)*
        }

        impl AuditAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable name in API and rows.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The action of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.name() == name)
            }
        }
    };
}

actions! {
    /// The installation began its life.
    Installed = "installed",
    /// The clock went back behind what was seen before; times do not follow it.
    ClockWentBack = "clock_went_back",
    /// Settings of the organization changed.
    OrganizationChanged = "organization_changed",
    /// Auditing of the organization was switched on.
    AuditEnabled = "audit_enabled",
    /// Auditing of the organization was switched off.
    AuditDisabled = "audit_disabled",
    /// Another setting of auditing changed: interval, retention, auditing of the console.
    AuditSettingsChanged = "audit_settings_changed",
    /// From now on accesses are audited.
    UserAccessAuditStarted = "user_access_audit_started",
    /// From now on accesses are not audited.
    UserAccessAuditStopped = "user_access_audit_stopped",
    /// From now on accesses to this target are audited, if accesses are at all.
    TargetAuditStarted = "target_audit_started",
    /// From now on accesses to this target are not audited.
    TargetAuditStopped = "target_audit_stopped",
    /// A browser's access, the first of its interval.
    UserAccessViaWeb = "user_access_via_web",
    /// An access with a bearer token, the first of its interval.
    UserAccessViaWebServices = "user_access_via_web_services",
    /// Somebody asked for the deletion of audit events that retention keeps.
    AuditLogDeletionRefused = "audit_log_deletion_refused",
    /// A user was made.
    UserCreated = "user_created",
    /// A user was changed (also deactivated, roles).
    UserChanged = "user_changed",
    /// A user changed their password.
    PasswordChanged = "password_changed",
    /// A user's password was reset by somebody else.
    PasswordReset = "password_reset",
    /// An API token was made.
    ApiTokenCreated = "api_token_created",
    /// An API token was revoked.
    ApiTokenRevoked = "api_token_revoked",
    /// A directory was added.
    DirectoryCreated = "directory_created",
    /// A directory was changed.
    DirectoryChanged = "directory_changed",
    /// A directory was removed; its accounts stay as history.
    DirectoryRemoved = "directory_removed",
    /// An import of a directory's accounts was begun.
    AccountImportStarted = "account_import_started",
    /// An import of a directory's accounts is through, or was given up.
    AccountImportEnded = "account_import_ended",
    /// An account was added.
    AccountCreated = "account_created",
    /// An account was changed by an administrator.
    AccountChanged = "account_changed",
    /// An account was seen to be otherwise than before.
    AccountObserved = "account_observed",
    /// A page of a directory's accounts was taken over.
    AccountsImported = "accounts_imported",
    /// Somebody changed an account outside of Chaperone while it should have been otherwise.
    AccountDrifted = "account_drifted",
    /// A target was added.
    TargetCreated = "target_created",
    /// A target was changed.
    TargetChanged = "target_changed",
    /// A target was removed.
    TargetRemoved = "target_removed",
    /// Somebody signed in.
    SignInStarted = "sign_in_started",
    /// A sign-in ended.
    SignInEnded = "sign_in_ended",
    /// An attempt to sign in failed.
    SignInFailed = "sign_in_failed",
    /// Somebody was refused at a target.
    AccessRefused = "access_refused",
    /// More was refused in a short time than is told one by one; this is how many.
    RefusalsCounted = "refusals_counted",
    /// Somebody began to take a list out of Chaperone.
    ExportStarted = "export_started",
    /// A list was taken out, or as much of it as was when it broke off.
    ExportEnded = "export_ended",
    /// The user agreed to be recorded.
    ConsentGiven = "consent_given",
    /// The user did not agree to be recorded.
    ConsentDeclined = "consent_declined",
    /// A session was asked for.
    PrivilegedSessionRequested = "privileged_session_requested",
    /// A request was changed.
    PrivilegedSessionEdited = "privileged_session_edited",
    /// The status of a session changed.
    PrivilegedSessionStatusChanged = "privileged_session_status_changed",
    /// A move was refused by a rule.
    PrivilegedSessionRefused = "privileged_session_refused",
    /// The account was switched during a session.
    PrivilegedSessionAccountSwitched = "privileged_session_account_switched",
    /// A later end was asked for.
    PrivilegedSessionExtensionRequested = "privileged_session_extension_requested",
    /// A later end was approved: it holds from now on.
    PrivilegedSessionExtended = "privileged_session_extended",
    /// A later end was rejected or taken back: the old one stands.
    PrivilegedSessionExtensionDropped = "privileged_session_extension_dropped",
    /// The end was made earlier.
    PrivilegedSessionShortened = "privileged_session_shortened",
    /// The start of a session is intended.
    PrivilegedSessionStartIntended = "privileged_session_start_intended",
    /// A change of an account is intended.
    GrantIntended = "grant_intended",
    /// A change of an account is done and verified, or nothing had to be done.
    GrantVerified = "grant_verified",
    /// A change of an account could not be made; it is tried again.
    GrantAttemptFailed = "grant_attempt_failed",
    /// An account is proved back.
    GrantClosed = "grant_closed",
    /// A recording began.
    RecordingStarted = "recording_started",
    /// A recording was sealed.
    RecordingSealed = "recording_sealed",
    /// A recording does not verify.
    RecordingDamaged = "recording_damaged",
    /// A change was refused because evidence was missing.
    ChangeRefused = "change_refused",
    /// A document was locked: its chain of evidence broke.
    DocumentLocked = "document_locked",
    /// Somebody looked at a recording.
    RecordingViewed = "recording_viewed",
    /// Somebody downloaded a recording.
    RecordingDownloaded = "recording_downloaded",
    /// A notification could not be delivered and is not tried any more.
    NotificationGivenUp = "notification_given_up",
    /// An administrator had a notification tried again.
    NotificationRetried = "notification_retried",
    /// Notifications that were sent long ago were removed.
    NotificationsRemoved = "notifications_removed",
    /// An event stream is configured that was not there before, or not any more: it begins, or goes on.
    EventStreamAdded = "event_stream_added",
    /// An event stream is configured otherwise than before.
    EventStreamChanged = "event_stream_changed",
    /// An event stream is not configured any more: nothing is sent on it.
    EventStreamRemoved = "event_stream_removed",
    /// An event stream could send nothing for long; it is tried on.
    EventStreamStalled = "event_stream_stalled",
    /// An event stream that could send nothing for long sends again.
    EventStreamRecovered = "event_stream_recovered",
    /// An administrator had a marked event sent, to see whether it arrives.
    EventStreamTested = "event_stream_tested",
    /// What stands in the place of an event that retention deleted: its number and its commitment are left. It is never
    /// written as an event.
    EventDeleted = "event_deleted",
    /// Retention deleted audit events, sign-ins or a recording: what, how many, up to when (source: 111).
    AuditLogDeleted = "audit_log_deleted",
    /// The clock made a step forward: retention waits before it deletes.
    RetentionWaits = "retention_waits",
    /// The key and the bytes of a deleted recording are gone.
    RecordingDestroyed = "recording_destroyed",
    /// A scheduled export was added.
    ScheduledExportCreated = "scheduled_export_created",
    /// A scheduled export was changed.
    ScheduledExportChanged = "scheduled_export_changed",
    /// A scheduled export was removed.
    ScheduledExportRemoved = "scheduled_export_removed",
    /// Somebody had a scheduled export written at once, or an interval written again.
    ScheduledExportRequested = "scheduled_export_requested",
    /// A file of a scheduled export and its manifest are durable.
    ScheduledExportWritten = "scheduled_export_written",
    /// A scheduled export cannot be written for long; it is tried again.
    ScheduledExportFailing = "scheduled_export_failing",
    /// The gap detector found something that does not fit.
    ExportGapFound = "export_gap_found",
    /// What the gap detector had found fits again.
    ExportGapClosed = "export_gap_closed",
    /// A legal hold was set on a session.
    LegalHoldSet = "legal_hold_set",
    /// A legal hold was lifted.
    LegalHoldLifted = "legal_hold_lifted",
}

/// What it happened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The noun, as in the API's paths but singular: `user`, `target`, `privileged_session` …
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// One value among an event's details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DetailValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Nothing: an old or new value that is not there.
    Nothing,
}

impl From<&str> for DetailValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for DetailValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for DetailValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for DetailValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl<T: Into<DetailValue>> From<Option<T>> for DetailValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identity (UUID version 7).
    pub id: AuditEventId,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: Actor,
    /// On whose behalf, when that is somebody else.
    pub on_behalf_of: Option<UserId>,
    /// What.
    pub action: AuditAction,
    /// To what.
    pub subject: Subject,
    /// In which privileged session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// In which sign-in.
    pub sign_in_id: Option<SignInId>,
    /// Through which door.
    pub channel: Option<Channel>,
    /// From where.
    pub client_address: Option<String>,
    /// What the person said about it.
    pub reason: Option<String>,
    /// More, by name, in the order given. Names are `snake_case`; versioned by the action's own history: a name
    /// never changes its meaning.
    pub details: Vec<(String, DetailValue)>,
}

/// The version of the layout that [`AuditEvent::canonical_bytes`] writes.
pub const CANONICAL_VERSION: u8 = 1;

impl AuditEvent {
    /// The target that it is about: what it happened to, or what its detail `target_id` names.
    pub fn target_id(&self) -> Option<&str> {
        if self.subject.kind == "target" {
            return Some(&self.subject.id);
        }
        self.details.iter().find_map(|(name, value)| match value {
            DetailValue::Text(id) if name == "target_id" => Some(id.as_str()),
            _ => None,
        })
    }

    /// The bytes that the commitment is computed over.
    ///
    /// Version 1: one byte version; then each field in the order of the struct as 4 bytes of length (big-endian)
    /// and the bytes. Absent fields have length `0xFFFF_FFFF`. Ids are their 16 bytes, the instant is its
    /// microseconds since 1970 as 8 bytes big-endian, names are UTF-8. Details are a count (4 bytes), then name
    /// and value each as a field, the value beginning with `t`, `n`, `f` or `0` for its type.
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![CANONICAL_VERSION];
        let mut field = |value: Option<&[u8]>| match value {
            None => bytes.extend_from_slice(&u32::MAX.to_be_bytes()),
            Some(value) => {
                let length = u32::try_from(value.len()).unwrap_or(u32::MAX - 1);
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(value);
            }
        };
        field(Some(self.id.uuid().as_bytes()));
        field(Some(&self.at.as_microsecond().to_be_bytes()));
        field(Some(self.actor.kind_name().as_bytes()));
        field(self.actor.user_id().map(|id| *id.uuid().as_bytes()).as_ref().map(|id| &id[..]));
        field(self.on_behalf_of.map(|id| *id.uuid().as_bytes()).as_ref().map(|id| &id[..]));
        field(Some(self.action.name().as_bytes()));
        field(Some(self.subject.kind.as_bytes()));
        field(Some(self.subject.id.as_bytes()));
        field(self.privileged_session_id.map(|id| *id.uuid().as_bytes()).as_ref().map(|id| &id[..]));
        field(self.sign_in_id.map(|id| *id.uuid().as_bytes()).as_ref().map(|id| &id[..]));
        field(self.channel.map(|channel| channel.name().as_bytes()));
        field(self.client_address.as_deref().map(str::as_bytes));
        field(self.reason.as_deref().map(str::as_bytes));
        field(Some(&u32::try_from(self.details.len()).unwrap_or(u32::MAX).to_be_bytes()));
        for (name, value) in &self.details {
            field(Some(name.as_bytes()));
            let mut typed = Vec::new();
            match value {
                DetailValue::Text(text) => {
                    typed.push(b't');
                    typed.extend_from_slice(text.as_bytes());
                }
                DetailValue::Number(number) => {
                    typed.push(b'n');
                    typed.extend_from_slice(&number.to_be_bytes());
                }
                DetailValue::Flag(flag) => typed.extend_from_slice(&[b'f', u8::from(*flag)]),
                DetailValue::Nothing => typed.push(b'0'),
            }
            field(Some(&typed));
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn event() -> AuditEvent {
        AuditEvent {
            id: AuditEventId::new(Uuid::from_u128(1)),
            at: Instant::from_microsecond(1_700_000_000_000_001).expect("in range"),
            actor: Actor::User(UserId::new(Uuid::from_u128(2))),
            on_behalf_of: None,
            action: AuditAction::UserCreated,
            subject: Subject { kind: "user".to_owned(), id: "x".to_owned() },
            privileged_session_id: None,
            sign_in_id: None,
            channel: Some(Channel::Web),
            client_address: None,
            reason: None,
            details: vec![("a".to_owned(), "b".into())],
        }
    }

    #[test]
    fn every_field_changes_the_canonical_bytes() {
        let original = event().canonical_bytes();
        let changes: [fn(&mut AuditEvent); 8] = [
            |e| e.actor = Actor::Processor,
            |e| e.on_behalf_of = Some(UserId::new(Uuid::from_u128(2))),
            |e| e.action = AuditAction::UserChanged,
            |e| e.channel = None,
            |e| e.client_address = Some(String::new()),
            |e| e.reason = Some("b".to_owned()),
            |e| e.details = vec![("ab".to_owned(), "".into())],
            |e| e.subject = Subject { kind: "userx".to_owned(), id: String::new() },
        ];
        for change in changes {
            let mut changed = event();
            change(&mut changed);
            assert_ne!(changed.canonical_bytes(), original);
        }
    }

    #[test]
    fn the_target_is_what_it_happened_to_or_what_a_detail_names() {
        let mut event = event();
        assert_eq!(event.target_id(), None);
        event.details.push(("target_id".to_owned(), "erp".into()));
        assert_eq!(event.target_id(), Some("erp"));
        event.subject = Subject { kind: "target".to_owned(), id: "crm".to_owned() };
        assert_eq!(event.target_id(), Some("crm"));
    }

    #[test]
    fn action_names_are_unique_and_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.name()), Some(*action));
        }
    }
}
