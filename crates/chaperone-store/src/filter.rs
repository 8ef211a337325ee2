//! What lists are restricted by; a filter that is not set lets everything through.

use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{
    AccountId, ApiTokenId, DirectoryId, PrivilegedSessionId, SignInId, TargetId, UserId,
};
use chaperone_domain::privileged_session::Status;
use chaperone_domain::recording::RecordingState;
use chaperone_domain::sign_in::{Channel, SignInKind};

/// Users.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// A part of user name, display name or e-mail, without regard to case.
    pub q: Option<String>,
    /// Whether they may sign in.
    pub active: Option<bool>,
}

/// Accounts.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Who may use it.
    pub owner: Option<UserId>,
    /// Where it lives.
    pub directory_id: Option<DirectoryId>,
    /// Whether it is privileged.
    pub privileged: Option<bool>,
    /// The state last seen.
    pub state: Option<AccountState>,
    /// Whether somebody else changed it and nobody has taken notice yet.
    pub drifted: Option<bool>,
    /// A part of the name (or, outside the built-in directory, of the directory's own id), without regard to case.
    pub q: Option<String>,
}

/// Privileged sessions.
#[derive(Clone, Debug, Default)]
pub struct SessionFilter {
    /// One of these; empty for any.
    pub statuses: Vec<Status>,
    /// Who works.
    pub user_id: Option<UserId>,
    /// The account.
    pub account_id: Option<AccountId>,
    /// Names this target.
    pub target_id: Option<TargetId>,
    /// Who asked.
    pub requested_by: Option<UserId>,
    /// Somebody's own matter: as user, requester or owner of the account.
    pub seen_by: Option<UserId>,
    /// Ends after this instant.
    pub overlaps_from: Option<Instant>,
    /// Starts before this instant.
    pub overlaps_to: Option<Instant>,
    /// A part of reason or ticket, or of the names of user or account, without regard to case.
    pub q: Option<String>,
}

/// Open sign-ins.
#[derive(Clone, Debug, Default)]
pub struct SignInFilter {
    /// To the console or to targets.
    pub kind: Option<SignInKind>,
    /// Whose.
    pub user_id: Option<UserId>,
    /// As which account.
    pub account_id: Option<AccountId>,
    /// In which privileged session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// By which token; together with whose.
    pub api_token_id: Option<ApiTokenId>,
}

/// User Login Events: sign-ins that started in a span of time.
#[derive(Clone, Debug)]
pub struct SignInQuery {
    /// From this instant on.
    pub start: Instant,
    /// Before this instant.
    pub end: Instant,
    /// A part of user name, display name or e-mail, without regard to case.
    pub user_name: Option<String>,
    /// Whose.
    pub user_id: Option<UserId>,
    /// Through which door.
    pub channel: Option<Channel>,
    /// Used at this target.
    pub target_id: Option<TargetId>,
    /// To the console or to targets.
    pub kind: Option<SignInKind>,
    /// From exactly this address.
    pub client_address: Option<String>,
    /// In which privileged session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
}

impl SignInQuery {
    /// Everything that started in the span.
    pub const fn between(start: Instant, end: Instant) -> Self {
        Self {
            start,
            end,
            user_name: None,
            user_id: None,
            channel: None,
            target_id: None,
            kind: None,
            client_address: None,
            privileged_session_id: None,
        }
    }
}

/// Recordings.
#[derive(Clone, Debug, Default)]
pub struct RecordingFilter {
    /// Of this privileged session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// Of this person.
    pub user_id: Option<UserId>,
    /// Of this account.
    pub account_id: Option<AccountId>,
    /// In this state.
    pub state: Option<RecordingState>,
}

/// Audit events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Numbered after this one.
    pub after_seq: Option<i64>,
    /// What happened.
    pub action: Option<AuditAction>,
    /// One of these happened; none for anything.
    pub actions: Vec<AuditAction>,
    /// Who did it, or on whose behalf.
    pub user_id: Option<UserId>,
    /// About which target.
    pub target_id: Option<TargetId>,
    /// In which privileged session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// In which sign-in.
    pub sign_in_id: Option<SignInId>,
    /// From this instant on.
    pub start: Option<Instant>,
    /// Before this instant.
    pub end: Option<Instant>,
}
