//! Back: release a session's hold, and bring the account back once nobody holds it.

use super::*;
use chaperone_domain::grant::{self, BackStep, GrantOutcome};

/// What went wrong, and the grant as it was written last.
type Failed = (Option<Grant>, ConnectorError);

/// Sets of one go; the comparison ends after two unless somebody else writes the account all the time.
const SETS_MAX: usize = 4;

impl App {
    /// Releases one hold of an ending session.
    pub(super) async fn bring_back(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        hold: Hold,
    ) -> Result<Step, AppError> {
        if hold.grant.next_try_at.is_some_and(|next| op.at < next) {
            return Ok(Step::Waits);
        }
        let others: Vec<GrantHolder> = match self.store.read().open_grant(hold.grant.account_id).await? {
            Some((_, holders)) => {
                holders.into_iter().filter(|holder| holder.privileged_session_id != session.id).collect()
            }
            None => Vec::new(),
        };
        let (op_at, grant) = (op.clone(), hold.grant.clone());
        let brought = if others.is_empty() {
            self.close(op, session, hold).await?
        } else {
            self.leave(op, session, hold, others).await?
        };
        match brought {
            Ok(step) => Ok(step),
            Err((latest, error)) => {
                self.attempt_failed(&op_at, session.id, latest.unwrap_or(grant), &error).await?;
                Ok(Step::Waits)
            }
        }
    }

    /// Others still hold the account: it becomes what they want, unless somebody else changed it meanwhile.
    async fn leave(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        hold: Hold,
        others: Vec<GrantHolder>,
    ) -> Result<Result<Step, Failed>, AppError> {
        let account = self.account_of(&hold.grant).await?;
        let connector = match self.connector(&account).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err((None, error))),
        };
        let seen = match connector.observe(&external(&account)).await {
            Ok(seen) => seen.attributes,
            Err(error) => return Ok(Err((None, error))),
        };
        let Hold { mut grant, holder } = hold;
        let fence = grant.fence;
        if grant.known.contains(&seen) {
            let end = grant::cycle::deadline_of(&others).unwrap_or(grant.deadline);
            grant.intend(&others, expiry_of(connector.expiry(), end));
        }
        let (tx_op, session_id) = (op.clone(), session.id);
        self.store
            .write(move |tx| {
                let (op, grant, left) = (tx_op.clone(), grant.clone(), others.len());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.release_holder(grant.id, holder.privileged_session_id, op.at).await?;
                    let event = intended_event(&op, session_id, &grant, left).with("released", "yes");
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.processor_nudge.notify_one();
        Ok(Ok(Step::Moved))
    }

    async fn account_of(&self, grant: &Grant) -> Result<Account, AppError> {
        let account = self.store.read().account(grant.account_id).await?;
        account.ok_or(AppError::Inside("grant without account"))
    }

    /// The last holder: the way back is intended, made, proved; then grant and hold are closed together.
    async fn close(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        hold: Hold,
    ) -> Result<Result<Step, Failed>, AppError> {
        let mut grant = hold.grant;
        let account = self.account_of(&grant).await?;
        if grant.phase != GrantPhase::Closing {
            grant = self.intend_back(op, session, grant).await?;
            self.faults.reach("end.back_intended");
        }
        let connector = match self.connector(&account).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err((Some(grant), error))),
        };
        let external = external(&account);
        let mut made: Option<(Attributes, GrantOutcome, Instant)> = None;
        for _ in 0..SETS_MAX {
            let seen = match connector.observe(&external).await {
                Ok(seen) => seen,
                Err(error) => return Ok(Err((Some(grant), error))),
            };
            match grant::back(grant.baseline, &grant.known, grant.touched, seen.attributes) {
                BackStep::Close(found) => {
                    let (outcome, done_at) = match made {
                        Some((to, outcome, done_at)) if to == seen.attributes => (outcome, Some(done_at)),
                        _ => (found, None),
                    };
                    self.faults.reach("end.before_close");
                    self.closed(op, session.id, grant, seen.attributes, outcome, done_at).await?;
                    return Ok(Ok(Step::Moved));
                }
                BackStep::Set(to, outcome) => {
                    self.faults.reach("back.before_set");
                    let key = format!("{}:{}:back", grant.id, grant.fence);
                    match connector.set(&external, to, &seen, &key, op.at).await {
                        Ok(()) => made = Some((to, outcome, self.now())),
                        Err(ConnectorError::Changed) => {}
                        Err(error) => return Ok(Err((Some(grant), error))),
                    }
                    self.faults.reach("back.after_set");
                    if to.state != AccountState::Enabled
                        && let Err(error) = connector.end_sign_ins(&external).await
                    {
                        return Ok(Err((Some(grant), error)));
                    }
                }
            }
        }
        Ok(Err((Some(grant), ConnectorError::Changed)))
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
        done_at: Option<Instant>,
    ) -> Result<(), AppError> {
        let (fence, account_id) = (grant.fence, grant.account_id);
        grant.phase = GrantPhase::Closed;
        grant.observed = seen;
        grant.outcome = Some(outcome);
        grant.closed_at = Some(op.at);
        (grant.next_try_at, grant.problem) = (None, None);
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant) = (tx_op.clone(), grant.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.release_holder(grant.id, session, op.at).await?;
                    tx.account_observed(grant.account_id, grant.observed, op.at).await?;
                    let event = op
                        .event(AuditAction::GrantClosed, "account", grant.account_id)
                        .in_session(session)
                        .with("grant_id", grant.id.to_string())
                        .with("outcome", outcome.name())
                        .with("state", grant.observed.state.name())
                        .with("done_at", done_at.map(|at| at.to_string()));
                    let mut events = Events::one(event);
                    let by_others = matches!(
                        outcome,
                        GrantOutcome::KeptChangedByOthers | GrantOutcome::SetStricter | GrantOutcome::Absent
                    );
                    let expected = grant.baseline.state;
                    if by_others && tx.account_drifted(grant.account_id, expected, op.at).await? {
                        events = events.and(watch::drifted_event(
                            &op,
                            grant.account_id,
                            Some(session),
                            expected,
                            grant.observed.state,
                        ));
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await?;
        self.account_seen(account_id).await
    }
}
