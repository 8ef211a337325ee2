//! The Audit log and the User log of a session: views of the trail and of the sign-ins.

use super::*;
use chaperone_domain::audit_event::{Actor, DetailValue};
use chaperone_domain::sign_in::SignIn;

/// As what somebody changed a status (source: system administrator or batch process).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedByKind {
    /// A system administrator.
    SystemAdministrator,
    /// An approver.
    Approver,
    /// The user of the session or its requester.
    User,
    /// The background process.
    BatchProcess,
}

impl ChangedByKind {
    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SystemAdministrator => "SystemAdministrator",
            Self::Approver => "Approver",
            Self::User => "User",
            Self::BatchProcess => "BatchProcess",
        }
    }

    /// As what this operation acts.
    pub(crate) fn of(op: &Op) -> Self {
        match &op.who {
            Who::User(user) if user.roles.has(Role::SystemAdministrator) => Self::SystemAdministrator,
            Who::User(user) if user.roles.has(Role::Approver) => Self::Approver,
            Who::User(_) | Who::Anonymous => Self::User,
            Who::Processor | Who::System => Self::BatchProcess,
        }
    }
}

/// One line of the Audit log.
#[derive(Clone, Debug)]
pub struct AuditLogEntry {
    /// When.
    pub at: Instant,
    /// What happened: a status change, or something beside it.
    pub action: AuditAction,
    /// The status before, for a status change.
    pub from_status: Option<String>,
    /// The status after, for a status change.
    pub to_status: Option<String>,
    /// Who.
    pub changed_by: Option<User>,
    /// As what.
    pub changed_by_kind: String,
    /// What they said, or what happened in words.
    pub comment: Option<String>,
}

pub(super) fn text(event: &AuditEvent, name: &str) -> Option<String> {
    event.details.iter().find(|(key, _)| key == name).and_then(|(_, value)| match value {
        DetailValue::Text(text) => Some(text.clone()),
        _ => None,
    })
}

/// Events of a session that its Audit log shows beside the status changes.
const SHOWN: [AuditAction; 12] = [
    AuditAction::PrivilegedSessionStatusChanged,
    AuditAction::PrivilegedSessionRequested,
    AuditAction::PrivilegedSessionEdited,
    AuditAction::PrivilegedSessionAccountSwitched,
    AuditAction::PrivilegedSessionExtensionRequested,
    AuditAction::PrivilegedSessionExtended,
    AuditAction::PrivilegedSessionExtensionDropped,
    AuditAction::PrivilegedSessionShortened,
    AuditAction::PrivilegedSessionRefused,
    AuditAction::LegalHoldSet,
    AuditAction::LegalHoldLifted,
    AuditAction::EventDeleted,
];

impl App {
    /// The Audit log: each change of status, when, by whom, and as what.
    pub async fn audit_log(&self, op: &Op, id: PrivilegedSessionId) -> Result<Vec<AuditLogEntry>, AppError> {
        self.privileged_session(op, id).await?;
        let mut entries = Vec::new();
        for event in self.store.read().audit_log(id).await? {
            if !SHOWN.contains(&event.action) {
                continue;
            }
            let changed_by = match event.actor {
                Actor::User(user) => self.store.read().user(user).await?,
                _ => None,
            };
            let mut kind = text(&event, "changed_by_kind")
                .unwrap_or_else(|| ChangedByKind::BatchProcess.name().to_owned());
            let mut comment = event.reason.clone().or_else(|| text(&event, "what"));
            if text(&event, "self_approved").is_some() {
                let marked = "Self-approval, allowed by the organization.";
                comment = Some(comment.map_or(marked.to_owned(), |said| format!("{marked} {said}")));
            }
            if event.action == AuditAction::EventDeleted {
                let left = "Retention deleted what happened here; its number and its commitment are left in the trail.";
                comment = Some(left.to_owned());
                kind = "Unknown".to_owned();
            }
            entries.push(AuditLogEntry {
                at: event.at,
                action: event.action,
                from_status: text(&event, "from_status"),
                to_status: text(&event, "to_status"),
                changed_by,
                changed_by_kind: kind,
                comment,
            });
        }
        Ok(entries)
    }

    /// The User log: every target sign-in of the session, and when retention deleted it.
    pub async fn user_log(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<Vec<(SignIn, Option<Instant>)>, AppError> {
        self.privileged_session(op, id).await?;
        Ok(self.store.read().user_log(id).await?)
    }
}
