//! A running session's end: made earlier at once, made later after approval. The old end stands until then, and nothing
//! is cut.

use super::*;
use chaperone_domain::notification::{Notification, NotificationKind};
use chaperone_store::Events;

use crate::grants::move_holds;

impl App {
    /// An Active session is not edited: its end can be made earlier, and somebody can ask for a later one.
    pub(super) async fn edit_active(
        &self,
        op: &Op,
        before: PrivilegedSession,
        change: PrivilegedSessionChange,
    ) -> Result<PrivilegedSessionView, AppError> {
        let PrivilegedSessionChange { ends_at, version, .. } = change.clone();
        let only_the_end = PrivilegedSessionChange { ends_at, version, ..Default::default() } == change;
        let (Some(ends_at), true) = (ends_at, only_the_end) else {
            let why = "A session that is Active is not edited: make its end earlier, or ask for a later one.";
            return Err(AppError::refused("session-active", why));
        };
        if ends_at > before.window.ends_at() {
            let why = "A later end is approved first: ask for it with Extend.";
            return Err(AppError::field("ends_at", "later-end", why));
        }
        self.require_action(op, &before, Action::Shorten).await?;
        if ends_at == before.window.ends_at() {
            return self.to_view(op, before).await;
        }
        if ends_at <= op.at {
            let why = "The new end is over already; end the session or hand it back instead.";
            return Err(AppError::field("ends_at", "end-in-past", why));
        }
        let mut after = before.clone();
        after.window = window(&before, ends_at)?;
        // A later end that was asked for goes with the earlier one that was chosen.
        after.extension = None;
        let what = format!("The end was moved from {} to {ends_at}.", before.window.ends_at());
        let event = self
            .about(op, &after, AuditAction::PrivilegedSessionShortened, what)
            .with("old_ends_at", before.window.ends_at().to_string())
            .with("new_ends_at", ends_at.to_string());
        self.write_end(op, &before, after, event, Vec::new()).await
    }

    /// Asks for a later end.
    pub async fn extend_privileged_session(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        ends_at: Instant,
        reason: &str,
        version: Option<i64>,
    ) -> Result<PrivilegedSessionView, AppError> {
        let before = self.privileged_session(op, id).await?;
        if version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        self.require_action(op, &before, Action::Extend).await?;
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(AppError::field("reason", "no-reason", "Say what the longer time is for."));
        }
        if reason.chars().count() > TEXT_MAX_CHARS {
            return Err(AppError::field("reason", "too-long", "Use at most 4000 characters."));
        }
        if ends_at <= before.window.ends_at() {
            let why = format!("Choose an end after {}, the one that stands.", before.window.ends_at());
            return Err(AppError::field("ends_at", "not-later", why));
        }
        window(&before, ends_at)?;
        let mut after = before.clone();
        let requested_by = op.user()?.id;
        let extension = Extension { ends_at, reason: reason.to_owned(), requested_by, requested_at: op.at };
        after.extension = Some(extension.clone());
        let what = format!("A later end was asked for: {ends_at} instead of {}.", before.window.ends_at());
        let event = self
            .about(op, &after, AuditAction::PrivilegedSessionExtensionRequested, what)
            .with("ends_at", ends_at.to_string())
            .because(reason);
        let said = format!("A later end, {ends_at}: {reason}");
        after.version = before.version + 1;
        let told = self.told_by_extension(op, &after, &extension, NotificationKind::ToApprove, &said).await?;
        let (row, expected) = (after.clone(), before.version);
        self.store
            .write(move |tx| {
                let (row, event, told) = (row.clone(), event.clone(), told.clone());
                Box::pin(async move {
                    tx.update_privileged_session(&row, expected).await?;
                    tx.insert_notifications(&told).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        after.version = before.version + 1;
        self.session_moved(&after);
        self.to_view(op, after).await
    }

    /// Decides about the later end that was asked for.
    pub(super) async fn decide_extension(
        &self,
        op: &Op,
        before: PrivilegedSession,
        change: StatusChange,
        comment: &str,
    ) -> Result<PrivilegedSessionView, AppError> {
        let wrong = || AppError::from(Refusal::WrongStatus);
        let Some(extension) = before.extension.clone() else { return Err(wrong()) };
        let mut after = before.clone();
        after.extension = None;
        if change != StatusChange::Approve {
            let how = if change == StatusChange::Reject { "rejected" } else { "taken back" };
            let what =
                format!("The later end {} was {how}; {} stands.", extension.ends_at, before.window.ends_at());
            let event =
                self.about(op, &after, AuditAction::PrivilegedSessionExtensionDropped, what).because(comment);
            let said = format!("The later end was {how}. {comment}");
            let told = self
                .told_by_extension(op, &after, &extension, NotificationKind::Rejected, said.trim())
                .await?;
            return self.write_end(op, &before, after, event, told).await;
        }
        after.window = window(&before, extension.ends_at)?;
        self.refuse_opposite_overlap(&after).await?;
        let (organization, account, _) = self.decision(&before).await?;
        let facts = Facts {
            session: &before,
            account_owner: account.owner,
            desired: None,
            organization: &organization,
            now: op.at,
        };
        let own = facts.is_own_matter(op.user()?.id);
        let what = format!("The end was moved from {} to {}.", before.window.ends_at(), extension.ends_at);
        let what_told = what.clone();
        let mut event = self
            .about(op, &after, AuditAction::PrivilegedSessionExtended, what)
            .with("old_ends_at", before.window.ends_at().to_string())
            .with("new_ends_at", extension.ends_at.to_string())
            .because(comment);
        if own {
            event = event.with("self_approved", "yes");
        }
        let told =
            self.told_by_extension(op, &after, &extension, NotificationKind::Approved, &what_told).await?;
        self.write_end(op, &before, after, event, told).await
    }

    fn about(&self, op: &Op, session: &PrivilegedSession, action: AuditAction, what: String) -> AuditEvent {
        op.event(action, "privileged_session", session.id)
            .in_session(session.id)
            .with("changed_by_kind", ChangedByKind::of(op).name())
            .with("what", what)
    }

    /// Writes a session whose end may have moved, with the holds that move with it.
    async fn write_end(
        &self,
        op: &Op,
        before: &PrivilegedSession,
        mut after: PrivilegedSession,
        event: AuditEvent,
        told: Vec<Notification>,
    ) -> Result<PrivilegedSessionView, AppError> {
        let moves = after.window != before.window;
        let kinds = if moves { self.expiries_of(&after).await? } else { Vec::new() };
        after.updated_at = op.at;
        let (tx_op, row, expected) = (op.clone(), after.clone(), before.version);
        self.store
            .write(move |tx| {
                let (op, row, event) = (tx_op.clone(), row.clone(), event.clone());
                let (kinds, told) = (kinds.clone(), told.clone());
                Box::pin(async move {
                    tx.update_privileged_session(&row, expected).await?;
                    tx.insert_notifications(&told).await?;
                    let mut events = Events::one(event);
                    if moves {
                        let held = [State::Approved, State::Starting, State::Active];
                        for (account, _) in row.accounts() {
                            // Two approvals of opposite wishes at once: the second finds the first here.
                            let others = tx.read().sessions_of_account(account, &held).await?;
                            if rules::opposite_overlaps(&row, &others).next().is_some() {
                                return Err(AppError::Stale);
                            }
                        }
                        events = move_holds(tx, &op, &row, &kinds, events).await?;
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await?;
        self.faults.reach("extend.written");
        after.version = before.version + 1;
        self.session_moved(&after);
        self.process_session(op, after.id).await?;
        self.view_privileged_session(op, after.id).await
    }
}

/// The session's window with another end.
fn window(session: &PrivilegedSession, ends_at: Instant) -> Result<Window, AppError> {
    Window::stored(session.window.starts_at(), ends_at)
        .map_err(|problem| AppError::Invalid(vec![window_problem(problem)]))
}
