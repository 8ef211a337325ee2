//! Which events of the trail the source's audit table has, and under which of its action codes.
//!
//! The codes and their names are the source's (`action` of its table `audit`); the table below is the only place
//! that says which event is which. An event without a code (a sign-in, a grant, a viewing) is in the trail alone.

use crate::audit_event::{AuditAction, AuditEvent, DetailValue};
use crate::privileged_session::Status;

/// What was done, in the source's four words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Something was made.
    Create,
    /// Something was changed.
    Update,
    /// Something was removed.
    Delete,
    /// Somebody used something, or the auditing of that began or ended.
    Access,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Access];

    /// The source's code.
    pub const fn code(self) -> i64 {
        match self {
            Self::Create => 1,
            Self::Update => 2,
            Self::Delete => 3,
            Self::Access => 4,
        }
    }

    /// The source's label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Access => "Access",
        }
    }
}

macro_rules! source_actions {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $label:literal, $operation:ident;)*) => {
        /// An action of the source's audit table that our events become.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SourceAction {
            $($(#[$doc])* $variant,)*
        }

        impl SourceAction {
            /// Every action that occurs.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The source's code.
            pub const fn code(self) -> i64 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The source's label.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The source's operation.
            pub const fn operation(self) -> Operation {
                match self { $(Self::$variant => Operation::$operation,)* }
            }

            /// The action of that code.
            pub fn from_code(code: i64) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.code() == code)
            }
        }
    };
}

source_actions! {
    /// Something was made.
    Create = 1, "Create", Create;
    /// Something was changed.
    Update = 2, "Update", Update;
    /// Something was removed.
    Delete = 3, "Delete", Delete;
    /// A session became active.
    Activate = 4, "Activate", Update;
    /// A token was revoked, a request expired.
    Deactivate = 5, "Deactivate", Update;
    /// A session began to end.
    Close = 16, "Close", Update;
    /// A request was cancelled.
    Cancel = 17, "Cancel", Update;
    /// A session is over, and its accounts are proved back.
    Complete = 18, "Complete", Update;
    /// A later end was asked for.
    Submit = 26, "Submit", Update;
    /// A request, or its extension, was rejected.
    Reject = 27, "Reject", Update;
    /// A request was approved.
    Approve = 28, "Approve", Update;
    /// An account was switched, put back, or found otherwise.
    SetState = 41, "Set State", Update;
    /// A session got another end.
    Reschedule = 47, "Reschedule", Update;
    /// An access by a browser.
    UserAccessViaWeb = 64, "User Access via Web", Access;
    /// An access with a bearer token.
    UserAccessViaWebServices = 65, "User Access via Web Services", Access;
    /// Another audit setting changed.
    AuditChangeAtOrgLevel = 104, "Audit Change at Org Level", Update;
    /// A target is audited.
    EntityAuditStarted = 105, "Entity Audit Started", Update;
    /// The organization is audited.
    AuditEnabled = 107, "Audit Enabled", Update;
    /// A target is not audited.
    EntityAuditStopped = 108, "Entity Audit Stopped", Update;
    /// The organization is not audited.
    AuditDisabled = 110, "Audit Disabled", Update;
    /// Retention deleted audit data.
    AuditLogDeletion = 111, "Audit Log Deletion", Delete;
    /// Accesses are audited.
    UserAccessAuditStarted = 112, "User Access Audit Started", Access;
    /// Accesses are not audited.
    UserAccessAuditStopped = 113, "User Access Audit Stopped", Access;
}

/// The source's action for an event; `None` for what its audit table does not have.
pub fn source_action(event: &AuditEvent) -> Option<SourceAction> {
    Some(match event.action {
        AuditAction::UserCreated
        | AuditAction::AccountCreated
        | AuditAction::ApiTokenCreated
        | AuditAction::DirectoryCreated
        | AuditAction::TargetCreated
        | AuditAction::PrivilegedSessionRequested => SourceAction::Create,
        AuditAction::UserChanged
        | AuditAction::PasswordChanged
        | AuditAction::PasswordReset
        | AuditAction::AccountChanged
        | AuditAction::AccountObserved
        | AuditAction::DirectoryChanged
        | AuditAction::TargetChanged
        | AuditAction::OrganizationChanged
        | AuditAction::PrivilegedSessionEdited => SourceAction::Update,
        AuditAction::DirectoryRemoved | AuditAction::TargetRemoved => SourceAction::Delete,
        AuditAction::ApiTokenRevoked => SourceAction::Deactivate,
        AuditAction::PrivilegedSessionStatusChanged => of_status(event)?,
        AuditAction::PrivilegedSessionExtensionRequested => SourceAction::Submit,
        AuditAction::PrivilegedSessionExtensionDropped => SourceAction::Reject,
        AuditAction::PrivilegedSessionExtended | AuditAction::PrivilegedSessionShortened => {
            SourceAction::Reschedule
        }
        AuditAction::PrivilegedSessionAccountSwitched
        | AuditAction::GrantVerified
        | AuditAction::GrantClosed
        | AuditAction::AccountDrifted => SourceAction::SetState,
        AuditAction::AuditSettingsChanged => SourceAction::AuditChangeAtOrgLevel,
        AuditAction::AuditEnabled => SourceAction::AuditEnabled,
        AuditAction::AuditDisabled => SourceAction::AuditDisabled,
        AuditAction::TargetAuditStarted => SourceAction::EntityAuditStarted,
        AuditAction::TargetAuditStopped => SourceAction::EntityAuditStopped,
        AuditAction::AuditLogDeleted => SourceAction::AuditLogDeletion,
        AuditAction::UserAccessAuditStarted => SourceAction::UserAccessAuditStarted,
        AuditAction::UserAccessAuditStopped => SourceAction::UserAccessAuditStopped,
        AuditAction::UserAccessViaWeb => SourceAction::UserAccessViaWeb,
        AuditAction::UserAccessViaWebServices => SourceAction::UserAccessViaWebServices,
        _ => return None,
    })
}

/// A session's way through its states.
fn of_status(event: &AuditEvent) -> Option<SourceAction> {
    let reached = event.details.iter().find(|(name, _)| name == "to_status").map(|(_, value)| value);
    let Some(DetailValue::Text(reached)) = reached else { return None };
    Some(match Status::parse(reached)? {
        Status::Draft => SourceAction::Update,
        Status::Approved => SourceAction::Approve,
        Status::Rejected => SourceAction::Reject,
        Status::Cancelled => SourceAction::Cancel,
        Status::Active => SourceAction::Activate,
        Status::Ending => SourceAction::Close,
        Status::Ended | Status::Failed => SourceAction::Complete,
        Status::Expired => SourceAction::Deactivate,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Instant;
    use crate::audit_event::{Actor, Subject};
    use crate::ids::AuditEventId;
    use uuid::Uuid;

    fn event(action: AuditAction, to_status: Option<&str>) -> AuditEvent {
        AuditEvent {
            id: AuditEventId::new(Uuid::from_u128(1)),
            at: Instant::UNIX_EPOCH,
            actor: Actor::System,
            on_behalf_of: None,
            action,
            subject: Subject { kind: "x".to_owned(), id: "x".to_owned() },
            privileged_session_id: None,
            sign_in_id: None,
            channel: None,
            client_address: None,
            reason: None,
            details: to_status.map(|status| ("to_status".to_owned(), status.into())).into_iter().collect(),
        }
    }

    #[test]
    fn every_code_is_one_action_and_reads_back() {
        for action in SourceAction::ALL {
            assert_eq!(SourceAction::from_code(action.code()), Some(*action));
        }
        assert_eq!(SourceAction::from_code(10), None, "a gap of the source's");
    }

    #[test]
    fn user_access_rows_are_accesses_and_nothing_else_is() {
        let accesses: Vec<i64> = SourceAction::ALL
            .iter()
            .filter(|action| action.operation() == Operation::Access)
            .map(|action| action.code())
            .collect();
        assert_eq!(accesses, [64, 65, 112, 113]);
    }

    #[test]
    fn the_steps_of_a_session_have_the_sources_words() {
        let code = |status| {
            source_action(&event(AuditAction::PrivilegedSessionStatusChanged, Some(status)))
                .map(SourceAction::code)
        };
        assert_eq!(code("Approved"), Some(28));
        assert_eq!(code("Rejected"), Some(27));
        assert_eq!(code("Active"), Some(4));
        assert_eq!(code("Cancelled"), Some(17));
        assert_eq!(code("nonsense"), None);
        assert_eq!(source_action(&event(AuditAction::PrivilegedSessionStatusChanged, None)), None);
    }

    #[test]
    fn sign_ins_are_in_the_trail_alone() {
        for action in [AuditAction::SignInStarted, AuditAction::SignInFailed, AuditAction::AccessRefused] {
            assert_eq!(source_action(&event(action, None)), None);
        }
    }
}
