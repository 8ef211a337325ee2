//! Watch: what others make of accounts, while sessions hold them and otherwise.

use super::*;

/// Accounts that nobody looked at for this long are looked at.
const LOOK_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// Accounts of one look that no session holds.
const LOOK_MAX: u64 = 100;

/// The event that somebody changed an account outside of Chaperone.
pub(super) fn drifted_event(
    op: &Op,
    account: AccountId,
    session: Option<PrivilegedSessionId>,
    expected: AccountState,
    observed: AccountState,
) -> AuditEvent {
    op.event(AuditAction::AccountDrifted, "account", account)
        .in_session(session)
        .with("expected", expected.name())
        .with("observed", observed.name())
}

impl App {
    /// Somebody else changed an account that a session holds, and it was left so: said once, on the account and in the
    /// trail.
    pub(super) async fn left_to_others(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        grant: Grant,
    ) -> Result<(), AppError> {
        let account = self.store.read().account(grant.account_id).await?;
        let account = account.ok_or(AppError::Inside("grant without account"))?;
        let looked_at = self.now();
        let Ok(seen) = self.observe(&account).await else { return Ok(()) };
        self.drifted(op, session.id, grant, (seen.attributes, looked_at)).await
    }

    async fn drifted(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        (seen, looked_at): (Attributes, Instant),
    ) -> Result<(), AppError> {
        let (id, fence, account_id) = (grant.id, grant.fence, grant.account_id);
        grant.release_lease(self.node, self.now());
        if !grant.own_doing().contains(&seen) {
            grant.looked(looked_at);
        }
        grant.phase = GrantPhase::Held;
        grant.observed = seen;
        (grant.attempt, grant.next_try_at) = (0, None);
        let problem = "Somebody else changed the account meanwhile; it was left so.";
        grant.problem = Some(problem.to_owned());
        let told = self.told_by_drift(op, session, problem).await?;
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant, told) = (tx_op.clone(), grant.clone(), told.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.insert_notifications(&told).await?;
                    tx.account_observed(grant.account_id, grant.observed, op.at).await?;
                    tx.account_drifted(grant.account_id, grant.desired.state, op.at).await?;
                    let event = drifted_event(
                        &op,
                        grant.account_id,
                        Some(session),
                        grant.desired.state,
                        grant.observed.state,
                    );
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.unheard.looked(id, looked_at);
        self.account_seen(account_id).await
    }

    /// Looks at every account that sessions hold in other directories. One that is gone ends its sessions.
    pub(crate) async fn watch_held(&self, op: &Op) -> Result<(), AppError> {
        for (grant, holders) in self.store.read().open_grants().await? {
            self.watch_one(op, grant, holders).await?;
        }
        Ok(())
    }

    /// Looks at an account that sessions hold; says whether it is known now what it is. Those that are on their way are
    /// the processor's.
    pub(crate) async fn watch_one(
        &self,
        op: &Op,
        mut grant: Grant,
        holders: Vec<GrantHolder>,
    ) -> Result<bool, AppError> {
        if grant.phase != GrantPhase::Held {
            return Ok(true);
        }
        let Some(account) = self.store.read().account(grant.account_id).await? else { return Ok(true) };
        if account.last_seen_at.is_none() {
            return Ok(true);
        }
        let looked_at = self.now();
        // One that cannot be reached is found out when something is to be done with it.
        let Ok(seen) = self.observe(&account).await else { return Ok(false) };
        let seen = seen.attributes;
        let Some(session) = holders.first().map(|holder| holder.privileged_session_id) else {
            return Ok(true);
        };
        self.unheard.tell(&mut grant, self.node);
        let own = seen != grant.desired && grant.own_doing().contains(&seen);
        let noticed = if own {
            self.make_again(op, session, grant, holders.len()).await
        } else if seen != grant.desired && seen != grant.observed {
            self.drifted(op, session, grant, (seen, looked_at)).await
        } else {
            self.looked(grant, looked_at).await
        };
        match noticed {
            Ok(()) | Err(AppError::Stale) => {}
            Err(error) => return Err(error),
        }
        if seen.state == AccountState::Absent {
            for holder in holders {
                self.account_removed(op, holder.privileged_session_id, &account.name).await?;
            }
        }
        Ok(true)
    }

    /// Nothing of ours came late: what could not come any more is in doubt no longer.
    async fn looked(&self, mut grant: Grant, at: Instant) -> Result<(), AppError> {
        let (id, fence, doubts) = (grant.id, grant.fence, grant.doubtful.len());
        grant.looked(at);
        if grant.doubtful.len() < doubts {
            self.store
                .keep_books(move |books| {
                    let grant = grant.clone();
                    Box::pin(async move { books.lease_grant(&grant, fence).await })
                })
                .await?;
            self.unheard.looked(id, at);
        }
        Ok(())
    }

    /// A late effect of our own undid what sessions want: it is intended anew, and the processor makes it so.
    async fn make_again(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        holders: usize,
    ) -> Result<(), AppError> {
        let fence = grant.fence;
        grant.again();
        let event = intended_event(op, session, &grant, holders).with("late_effect", "yes");
        self.store.carry_out(Plan::with(event).grant(grant, fence)).await?;
        self.processor_nudge.notify_one();
        Ok(())
    }

    async fn account_removed(&self, op: &Op, id: PrivilegedSessionId, name: &str) -> Result<(), AppError> {
        let Some(session) = self.store.read().privileged_session(id).await? else { return Ok(()) };
        if session.state != State::Active {
            return Ok(());
        }
        let why = format!("The directory does not know the account {name} any more.");
        match self.step_status(op, session, Move::End(EndReason::AccountRemoved), &why).await {
            Ok(_) | Err(AppError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks at privileged accounts that no session holds and nobody looked at for a while.
    pub(crate) async fn watch_others(&self, op: &Op) -> Result<(), AppError> {
        let since = op.at.checked_sub(LOOK_AFTER).unwrap_or(Instant::MIN);
        for account in self.store.read().accounts_to_look_at(since, LOOK_MAX).await? {
            match self.look_at(op, account).await {
                Ok(_) | Err(AppError::Stale | AppError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Observes an account of another directory now and keeps what was seen.
    pub(crate) async fn look_at(&self, op: &Op, account: Account) -> Result<Account, AppError> {
        let seen = self.observe(&account).await.map_err(|error| {
            AppError::refused(
                "directory-not-reachable",
                format!("{} was not observed. {error}", account.name),
            )
        })?;
        let (id, at, seen) = (account.id, op.at, seen.attributes);
        if account.last_seen_at.is_none() {
            return Ok(account);
        }
        if (seen.state, seen.expires_at) == (account.state, account.expires_at) {
            self.store
                .keep_books(move |books| Box::pin(async move { books.accounts_seen(&[id], at).await }))
                .await?;
            return Ok(Account { last_seen_at: Some(at), ..account });
        }
        let tx_op = op.clone();
        let after = self
            .store
            .write(move |tx| {
                let op = tx_op.clone();
                Box::pin(async move {
                    let gone = AppError::NotFound { noun: "account" };
                    let Some(before) = tx.read().account(id).await? else { return Err(gone) };
                    let held = tx.read().open_grant(id).await?;
                    let expected = held.map_or(before.state, |(grant, _)| grant.desired.state);
                    tx.account_observed(id, seen, op.at).await?;
                    let drifted = before.privileged
                        && seen.state != expected
                        && tx.account_drifted(id, expected, op.at).await?;
                    let event = if drifted {
                        drifted_event(&op, id, None, expected, seen.state)
                    } else {
                        op.event(AuditAction::AccountObserved, "account", id)
                            .changed("state", &before.state.name(), &seen.state.name())
                            .changed(
                                "expires_at",
                                &before.expires_at.map(|at| at.to_string()).unwrap_or_default(),
                                &seen.expires_at.map(|at| at.to_string()).unwrap_or_default(),
                            )
                    };
                    let Some(after) = tx.read().account(id).await? else { return Err(gone) };
                    Ok::<_, AppError>(tx.commit(after, Events::one(event)))
                })
            })
            .await?;
        self.account_moved(&after);
        Ok(after)
    }
}
