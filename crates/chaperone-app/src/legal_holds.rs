//! Legal hold: nothing that belongs to a session is deleted while it stands, however old it gets.
//!
//! System administrators and auditors set it, system administrators lift it; both say why, and both are in the trail.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{PrivilegedSessionId, RecordingId};
use chaperone_domain::privileged_session::{Principal, PrivilegedSession};
use chaperone_domain::recording::RecordingState;
use chaperone_domain::retention::{self, HOLD_REASON_MAX_CHARS, LegalHold};
use chaperone_domain::user::{Role, User};
use chaperone_recording::VaultError;
use chaperone_store::{Events, HoldSet};

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::privileged_sessions::PrivilegedSessionView;

/// A hold as it is shown. Who set it and why is for those who may set one: the person whose session is held may read
/// along.
#[derive(Clone, Debug)]
pub struct LegalHoldView {
    /// Whether there is one.
    pub held: bool,
    /// When it was set.
    pub set_at: Option<Instant>,
    /// Who set it.
    pub set_by: Option<User>,
    /// Why.
    pub reason: Option<String>,
    /// Whether the caller may set one now.
    pub may_set: bool,
    /// Whether the caller may lift it now.
    pub may_lift: bool,
}

impl App {
    /// Sets or lifts the legal hold on a session.
    pub async fn change_legal_hold(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        held: bool,
        reason: &str,
    ) -> Result<PrivilegedSessionView, AppError> {
        let session = self.privileged_session(op, id).await?;
        if held {
            op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        } else {
            op.require(&[Role::SystemAdministrator])?;
        }
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > HOLD_REASON_MAX_CHARS {
            return Err(AppError::field("reason", "reason-length", "Say why, in 1 to 4000 characters."));
        }
        if held {
            self.set_hold(op, &session, reason).await?;
        } else {
            self.lift_hold(op, &session, reason).await?;
        }
        self.session_moved(&session);
        self.to_view(op, session).await
    }

    async fn set_hold(&self, op: &Op, session: &PrivilegedSession, reason: &str) -> Result<(), AppError> {
        if self.store.read().legal_hold(session.id).await?.is_some() {
            return Err(AppError::refused("already-so", "The session is held already."));
        }
        let hold = LegalHold {
            privileged_session_id: session.id,
            set_by: op.user()?.id,
            set_at: op.at,
            reason: reason.to_owned(),
        };
        let tx_op = op.clone();
        let taken_back = self
            .store
            .write(move |tx| {
                let (op, hold) = (tx_op.clone(), hold.clone());
                Box::pin(async move {
                    let taken_back = match tx.set_legal_hold(&hold).await? {
                        HoldSet::Held { taken_back } => taken_back,
                        HoldSet::BeingDestroyed => {
                            return Err(AppError::refused(
                                "being-deleted",
                                "Retention is deleting a recording of this session at this moment. Try again in two \
                                 minutes: what is left then is held.",
                            ));
                        }
                    };
                    let event = op
                        .event(AuditAction::LegalHoldSet, "privileged_session", hold.privileged_session_id)
                        .in_session(hold.privileged_session_id)
                        .because(&hold.reason);
                    Ok::<_, AppError>(tx.commit(taken_back, Events::one(event)))
                })
            })
            .await?;
        for recording in taken_back {
            self.look_after(op, recording).await?;
        }
        Ok(())
    }

    async fn lift_hold(&self, op: &Op, session: &PrivilegedSession, reason: &str) -> Result<(), AppError> {
        let Some(hold) = self.store.read().legal_hold(session.id).await? else {
            return Err(AppError::refused("already-so", "The session is not held."));
        };
        let (op, reason) = (op.clone(), reason.to_owned());
        self.store
            .write(move |tx| {
                let (op, hold, reason) = (op.clone(), hold.clone(), reason.clone());
                Box::pin(async move {
                    tx.lift_legal_hold(hold.privileged_session_id, hold.set_at).await?;
                    let event = op
                        .event(AuditAction::LegalHoldLifted, "privileged_session", hold.privileged_session_id)
                        .in_session(hold.privileged_session_id)
                        .because(&reason)
                        .with("set_by", hold.set_by.to_string())
                        .with("set_at", hold.set_at.to_string())
                        .with("set_because", hold.reason);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }

    /// A recording whose deletion a hold took back in the middle: what is gone of it is said.
    async fn look_after(&self, op: &Op, id: RecordingId) -> Result<(), AppError> {
        let problem = match self.vault.contents(id).await {
            Ok(contents) => contents.damage,
            Err(error @ (VaultError::NotFound | VaultError::Damaged { .. } | VaultError::WrongKey)) => {
                Some(error)
            }
            Err(error) => {
                tracing::warn!(recording = %id, %error, "a recording that was kept again could not be read");
                None
            }
        };
        let (Some(problem), Some(mut recording)) = (problem, self.store.read().recording(id).await?) else {
            return Ok(());
        };
        recording.state = RecordingState::Damaged;
        let event = op
            .event(AuditAction::RecordingDamaged, "recording", id)
            .in_session(recording.privileged_session_id)
            .in_sign_in(recording.sign_in_id)
            .with("problem", format!("A deletion was taken back by a legal hold: {problem}"));
        self.store
            .write(move |tx| {
                let (row, event) = (recording.clone(), event.clone());
                Box::pin(async move {
                    tx.update_recording(&row).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }

    /// The hold on a session, as far as the caller may see it.
    pub(crate) async fn view_legal_hold(
        &self,
        who: &Principal,
        id: PrivilegedSessionId,
    ) -> Result<LegalHoldView, AppError> {
        let hold = self.store.read().legal_hold(id).await?;
        let shown = retention::may_set_hold(who);
        let set_by = match &hold {
            Some(hold) if shown => self.store.read().user(hold.set_by).await?,
            _ => None,
        };
        Ok(LegalHoldView {
            held: hold.is_some(),
            set_at: hold.as_ref().map(|hold| hold.set_at),
            set_by,
            may_set: shown && hold.is_none(),
            may_lift: retention::may_lift_hold(who) && hold.is_some(),
            reason: hold.filter(|_| shown).map(|hold| hold.reason),
        })
    }
}
