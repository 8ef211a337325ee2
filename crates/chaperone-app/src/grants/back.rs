//! Back: release a session's hold, and bring the account back once nobody holds it.

use super::*;
use chaperone_domain::grant::{self, BackStep, GrantOutcome};

/// Sets of one go; the comparison ends after two unless somebody else writes the account all the time.
const SETS_MAX: usize = 4;

impl App {
    /// *Ending*: the hold is released; when it was the last one, the account is proved back first.
    pub(super) async fn bring_back(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        let Some(hold) = self.hold_of(&session).await? else {
            self.faults.reach("end.released");
            return self.step_status(op, session, Move::AccountsBack, "").await;
        };
        let others = match self.store.read().open_grant(session.account_id).await? {
            Some((_, holders)) => {
                holders.into_iter().filter(|holder| holder.privileged_session_id != session.id).collect()
            }
            None => Vec::new(),
        };
        if others.is_empty() {
            self.close(op, &session, hold).await
        } else {
            self.leave(op, &session, hold, others).await
        }
    }

    /// Others still hold the account: it becomes what they want, unless somebody else changed it meanwhile.
    async fn leave(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        hold: Hold,
        others: Vec<GrantHolder>,
    ) -> Result<Step, AppError> {
        let Some(account) = self.store.read().account(session.account_id).await? else {
            return Err(AppError::Inside("grant without account"));
        };
        let seen = match self.observe(&account).await {
            Ok(seen) => seen.attributes,
            Err(error) => {
                self.attempt_failed(op, session.id, hold.grant, &error).await?;
                return Ok(Step::Waits);
            }
        };
        let Hold { mut grant, holder } = hold;
        let fence = grant.fence;
        if seen == grant.applied.unwrap_or(grant.baseline) {
            intend(&mut grant, &others);
        }
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant, left) = (tx_op.clone(), grant.clone(), others.len());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.release_holder(grant.id, holder.privileged_session_id, op.at).await?;
                    let event = intended_event(&op, holder.privileged_session_id, &grant, left);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.processor_nudge.notify_one();
        Ok(Step::Moved)
    }

    /// The last holder: the way back is intended, made, proved; then grant and hold are closed together.
    async fn close(&self, op: &Op, session: &PrivilegedSession, hold: Hold) -> Result<Step, AppError> {
        let mut grant = hold.grant;
        if grant.phase == GrantPhase::Closing && grant.next_try_at.is_some_and(|next| op.at < next) {
            return Ok(Step::Waits);
        }
        let account = self.store.read().account(grant.account_id).await?;
        let account = account.ok_or(AppError::Inside("grant without account"))?;
        if grant.phase != GrantPhase::Closing {
            grant = self.intend_back(op, session, grant).await?;
            self.faults.reach("end.back_intended");
        }
        let connector = self.connector(&account);
        let external = external(&account);
        let mut made: Option<(Attributes, GrantOutcome)> = None;
        for _ in 0..SETS_MAX {
            let seen = match connector.observe(&external).await {
                Ok(seen) => seen,
                Err(error) => {
                    self.attempt_failed(op, session.id, grant, &error).await?;
                    return Ok(Step::Waits);
                }
            };
            match grant::back(grant.baseline, grant.applied, seen.attributes) {
                BackStep::Close(outcome) => {
                    let outcome = match made {
                        Some((to, outcome)) if to == seen.attributes => outcome,
                        _ => outcome,
                    };
                    self.faults.reach("end.before_close");
                    self.closed(op, session.id, grant, seen.attributes, outcome).await?;
                    return Ok(Step::Moved);
                }
                BackStep::Set(to, outcome) => {
                    self.faults.reach("back.before_set");
                    let key = format!("{}:{}:back", grant.id, grant.fence);
                    match connector.set(&external, to, &seen, &key, op.at).await {
                        Ok(()) => made = Some((to, outcome)),
                        Err(ConnectorError::Changed) => {}
                        Err(error) => {
                            self.attempt_failed(op, session.id, grant, &error).await?;
                            return Ok(Step::Waits);
                        }
                    }
                    self.faults.reach("back.after_set");
                    if to.state != AccountState::Enabled
                        && let Err(error) = connector.end_sign_ins(&external).await
                    {
                        tracing::warn!(account = %account.id, ?error, "what the account runs there was not ended");
                    }
                }
            }
        }
        self.attempt_failed(op, session.id, grant, &ConnectorError::Changed).await?;
        Ok(Step::Waits)
    }

    async fn intend_back(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        mut grant: Grant,
    ) -> Result<Grant, AppError> {
        let fence = grant.fence;
        grant.phase = GrantPhase::Closing;
        (grant.attempt, grant.next_try_at, grant.problem) = (0, None, None);
        let (tx_op, session_id, row) = (op.clone(), session.id, grant.clone());
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.update_grant(&row, fence).await?;
                    let event = op
                        .event(AuditAction::GrantIntended, "account", row.account_id)
                        .in_session(session_id)
                        .with("grant_id", row.id.to_string())
                        .with("back_to", row.baseline.state.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        grant.fence = fence + 1;
        Ok(grant)
    }

    async fn closed(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        seen: Attributes,
        outcome: GrantOutcome,
    ) -> Result<(), AppError> {
        let fence = grant.fence;
        grant.phase = GrantPhase::Closed;
        grant.observed = seen;
        grant.outcome = Some(outcome);
        grant.closed_at = Some(op.at);
        (grant.next_try_at, grant.problem) = (None, None);
        let told = self.told_by_outcome(op, session, &grant, outcome).await?;
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant, told) = (tx_op.clone(), grant.clone(), told.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.insert_notifications(&told).await?;
                    tx.release_holder(grant.id, session, op.at).await?;
                    let event = op
                        .event(AuditAction::GrantClosed, "account", grant.account_id)
                        .in_session(session)
                        .with("grant_id", grant.id.to_string())
                        .with("outcome", outcome.name())
                        .with("state", grant.observed.state.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }
}
