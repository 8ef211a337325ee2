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
        let waits = hold.grant.next_try_at.is_some_and(|next| op.at < next);
        if waits || hold.grant.leased_to_other(self.node, op.at).is_some() {
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
            self.close(op, session.id, hold.grant).await?
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
        if grant.own_doing().contains(&seen) {
            let end = grant::cycle::wanted_until(&others).unwrap_or(grant.deadline);
            grant.intend(&others, expiry_of(connector.expiry(), end));
        }
        let event = intended_event(op, session.id, &grant, others.len()).with("released", "yes");
        let plan =
            Plan::with(event).release(grant.id, holder.privileged_session_id, op.at).grant(grant, fence);
        self.store.carry_out(plan).await?;
        self.processor_nudge.notify_one();
        Ok(Ok(Step::Moved))
    }

    async fn account_of(&self, grant: &Grant) -> Result<Account, AppError> {
        let account = self.store.read().account(grant.account_id).await?;
        account.ok_or(AppError::Inside("grant without account"))
    }

    /// Nobody holds the account any more: the way back is intended, made, proved; then grant and hold, if there is one,
    /// are closed together.
    pub(super) async fn close(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
    ) -> Result<Result<Step, Failed>, AppError> {
        let account = self.account_of(&grant).await?;
        if grant.phase != GrantPhase::Closing {
            self.intend_back(op, session, &account, &mut grant).await?;
            self.faults.reach("end.back_intended");
        }
        let connector = match self.connector(&account).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err((Some(grant), error))),
        };
        let external = external(&account);
        let mut made: Option<(Attributes, Instant)> = None;
        for _ in 0..SETS_MAX {
            let looked_at = self.now();
            let seen = match connector.observe(&external).await {
                Ok(seen) => seen,
                Err(error) => return Ok(Err((Some(grant), error))),
            };
            let own = grant.own_doing();
            match grant::back(grant.goal(), &own, grant.touched, seen.attributes) {
                BackStep::Close(found) => {
                    if grant.touched
                        && seen.attributes.state == AccountState::Disabled
                        && let Err(error) = self.end_what_runs(&connector, &mut grant, &external).await?
                    {
                        return Ok(Err((Some(grant), error)));
                    }
                    let done_at = made.filter(|(to, _)| *to == seen.attributes).map(|(_, at)| at);
                    self.faults.reach("end.before_close");
                    let seen = (seen.attributes, looked_at);
                    self.closed(op, session, &account, grant, (seen, found), done_at).await?;
                    return Ok(Ok(Step::Moved));
                }
                BackStep::Set(to, outcome) => {
                    if grant.goal() != to {
                        self.intend_stricter(op, session, &mut grant, (to, outcome)).await?;
                        self.faults.reach("back.stricter_intended");
                    }
                    self.faults.reach("back.before_set");
                    match self.send(op, &connector, &mut grant, &external, (to, &seen)).await? {
                        Ok(()) => made = Some((to, self.now())),
                        Err(ConnectorError::Changed) => {}
                        Err(error) => return Ok(Err((Some(grant), error))),
                    }
                    self.faults.reach("back.after_set");
                }
            }
        }
        Ok(Err((Some(grant), ConnectorError::Changed)))
    }

    async fn intend_back(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        account: &Account,
        grant: &mut Grant,
    ) -> Result<(), AppError> {
        if is_elsewhere(account) {
            // Before the phase: what another node could have sent is told by the phase it knew.
            grant.take_lease(self.node, self.now());
        }
        grant.intend_back();
        let to = grant.goal();
        self.write_back(op, session, grant, to).await
    }

    /// Somebody else changed the account: what is the stricter of both is its goal from now on, also for whoever goes on
    /// after a stop.
    async fn intend_stricter(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        grant: &mut Grant,
        (to, outcome): (Attributes, GrantOutcome),
    ) -> Result<(), AppError> {
        grant.intend_stricter(to, outcome);
        self.write_back(op, session, grant, to).await
    }

    /// Writes the intent of a way back with its event; the grant has its new fence then.
    pub(super) async fn write_back(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        grant: &mut Grant,
        to: Attributes,
    ) -> Result<(), AppError> {
        let event = op
            .event(AuditAction::GrantIntended, "account", grant.account_id)
            .in_session(session)
            .with("grant_id", grant.id.to_string())
            .with("back_to", to.state.name())
            .with("back_to_expires_at", to.expires_at.map(|at| at.to_string()));
        self.store.carry_out(Plan::with(event).grant(grant.clone(), grant.fence)).await?;
        grant.fence += 1;
        Ok(())
    }

    async fn closed(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        account: &Account,
        mut grant: Grant,
        ((seen, looked_at), found): ((Attributes, Instant), GrantOutcome),
        done_at: Option<Instant>,
    ) -> Result<(), AppError> {
        let (id, fence, account_id) = (grant.id, grant.fence, grant.account_id);
        // Looked at once more before: its hold is released already.
        let again = grant.look_again_at.is_some();
        grant.release_lease(self.node, self.now());
        grant.looked(looked_at);
        grant.closed(seen, found, is_elsewhere(account) && grant.touched, self.now());
        let outcome = grant.outcome.unwrap_or(found);
        let told =
            if again { Vec::new() } else { self.told_by_outcome(op, session, &grant, outcome).await? };
        let event = op
            .event(AuditAction::GrantClosed, "account", account_id)
            .in_session(session)
            .with("grant_id", id.to_string())
            .with("outcome", outcome.name())
            .with("state", grant.observed.state.name())
            .with("done_at", done_at.map(|at| at.to_string()));
        let mut plan =
            Plan::with(event).grant(grant.clone(), fence).seen(account_id, grant.observed, op.at).tell(told);
        if !again {
            plan = plan.release(id, session, op.at);
        }
        let by_others = matches!(
            outcome,
            GrantOutcome::KeptChangedByOthers | GrantOutcome::SetStricter | GrantOutcome::Absent
        );
        if by_others && !again {
            self.closed_with_drift(op, session, &grant, plan).await?;
        } else {
            self.store.carry_out(plan).await?;
        }
        self.unheard.proved(id);
        self.unheard.looked(id, looked_at);
        self.account_seen(account_id).await
    }

    /// Carries out what closes a grant of an account that somebody else changed; that is said once.
    async fn closed_with_drift(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        grant: &Grant,
        plan: Plan,
    ) -> Result<(), AppError> {
        let (op, account, expected, found) =
            (op.clone(), grant.account_id, grant.baseline.state, grant.observed.state);
        self.store
            .write(move |tx| {
                let (op, plan) = (op.clone(), plan.clone());
                Box::pin(async move {
                    let mut events = tx.write(plan).await?;
                    if tx.account_drifted(account, expected, op.at).await? {
                        let event = watch::drifted_event(&op, account, Some(session), expected, found);
                        events = events.and(event);
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await
    }
}
