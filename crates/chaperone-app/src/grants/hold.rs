//! Hold: a session takes hold of an account.

use super::*;
use chaperone_connectors::{Expiry, Observation};
use chaperone_domain::ids::NodeId;
use chaperone_store::WriteTx;

/// Whether a session holds an account now.
pub(super) enum Taken {
    /// It does, and this is what it holds.
    Yes(Box<Fresh>),
    /// Not now; it is tried again.
    NotYet,
    /// It never will, and why.
    Never(String),
}

/// An account that was seen and can be held.
#[derive(Clone)]
pub(super) struct Ready {
    account: Account,
    wish: Wish,
    kind: Expiry,
    seen: Observation,
}

/// A hold that was just taken, with what was seen of the account before.
pub(super) struct Fresh {
    pub(super) account: Account,
    pub(super) grant: Grant,
    pub(super) seen: Observation,
}

/// What keeps sessions from taking hold of accounts, as long as there is no grant that could keep it. Only in memory:
/// after a restart it is simply tried again.
#[derive(Default)]
pub(crate) struct Unheld(std::sync::Mutex<HashMap<(PrivilegedSessionId, AccountId), Waiting>>);

struct Waiting {
    attempt: i64,
    next_try_at: Instant,
    problem: String,
}

impl Unheld {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(PrivilegedSessionId, AccountId), Waiting>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn waits(&self, session: PrivilegedSessionId, account: AccountId, now: Instant) -> bool {
        self.lock().get(&(session, account)).is_some_and(|waiting| now < waiting.next_try_at)
    }

    fn failed(&self, session: PrivilegedSessionId, account: AccountId, now: Instant, problem: String) -> i64 {
        let mut all = self.lock();
        let waiting = all.entry((session, account)).or_insert(Waiting {
            attempt: 0,
            next_try_at: now,
            problem: String::new(),
        });
        waiting.attempt += 1;
        waiting.next_try_at = now.checked_add(retry_pause(waiting.attempt)).unwrap_or(now);
        waiting.problem = problem;
        waiting.attempt
    }

    /// What went wrong last.
    pub(super) fn problem(&self, session: PrivilegedSessionId, account: AccountId) -> Option<String> {
        self.lock().get(&(session, account)).map(|waiting| waiting.problem.clone())
    }

    /// The session does not wait any more.
    pub(super) fn forget(&self, session: PrivilegedSessionId) {
        self.lock().retain(|(waiting, _), _| *waiting != session);
    }
}

impl App {
    /// Looks at an account before it is held; if it cannot be held now, says so.
    pub(super) async fn look_first(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: Account,
        wish: Wish,
    ) -> Result<Result<Ready, Taken>, AppError> {
        if self.unheld.waits(session.id, account.id, op.at) {
            return Ok(Err(Taken::NotYet));
        }
        let reached = async {
            let connector = self.connector(&account).await?;
            let seen = connector.look(&account).await?;
            Ok::<_, ConnectorError>((connector.expiry(), seen))
        };
        let (kind, seen) = match reached.await {
            Ok(reached) => reached,
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(account = %account.id, ?error, "the account could not be observed");
                let attempt = self.unheld.failed(session.id, account.id, op.at, problem.clone());
                let event = op
                    .event(AuditAction::GrantAttemptFailed, "account", account.id)
                    .in_session(session.id)
                    .with("attempt", attempt)
                    .with("problem", problem);
                self.note(event).await?;
                return Ok(Err(Taken::NotYet));
            }
        };
        if seen.attributes.state == AccountState::Absent {
            return Ok(Err(Taken::Never(start::unknown(&account))));
        }
        if wish.desired(seen.attributes.state) == AccountState::Enabled
            && let Some(expired) = seen.attributes.expires_at.filter(|expiry| *expiry <= op.at)
        {
            let why = format!(
                "The account {} expired in its directory at {expired}; give it a later expiry there.",
                account.name
            );
            return Ok(Err(Taken::Never(why)));
        }
        self.faults.reach("hold.observed");
        Ok(Ok(Ready { account, wish, kind, seen }))
    }

    /// Takes hold of the account: a new grant with what the account is now as the baseline, or a part in one that
    /// another session opened.
    pub(super) async fn take_hold(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: Account,
        wish: Wish,
    ) -> Result<Taken, AppError> {
        let ready = match self.look_first(op, session, account, wish).await? {
            Ok(ready) => ready,
            Err(taken) => return Ok(taken),
        };
        let (tx_op, row, node, tx_ready) = (op.clone(), session.clone(), self.node, ready.clone());
        let joined = self
            .store
            .write(move |tx| {
                let (op, session, ready) = (tx_op.clone(), row.clone(), tx_ready.clone());
                Box::pin(async move {
                    // Whoever ended the session meanwhile would never see this hold.
                    if tx.read().privileged_session_version(session.id).await? != Some(session.version) {
                        return Err(AppError::Stale);
                    }
                    let (grant, event) = ready.hold(tx, &op, node, &session).await?;
                    Ok::<_, AppError>(tx.commit(grant, Events::one(event)))
                })
            })
            .await;
        match joined {
            Ok(grant) => {
                self.unheld.forget(session.id);
                self.faults.reach("start.grant_intended");
                Ok(Taken::Yes(Box::new(ready.held(grant))))
            }
            Err(error) if cannot_be_held_now(&error) => Ok(Taken::NotYet),
            Err(AppError::Refused { detail, .. }) => Ok(Taken::Never(detail)),
            Err(error) => Err(error),
        }
    }
}

/// The unique key of open grants, or one that is being brought back: look again later.
pub(super) fn cannot_be_held_now(error: &AppError) -> bool {
    matches!(error, AppError::Stale | AppError::Store(chaperone_store::StoreError::Conflict { .. }))
}

impl Ready {
    /// Takes hold as a part of a plan, of an account that nobody else holds; the plan, which expects that, and the new
    /// grant.
    pub(super) fn hold_alone(
        &self,
        plan: Plan,
        op: &Op,
        node: NodeId,
        session: &PrivilegedSession,
    ) -> Result<(Plan, Grant), AppError> {
        let grant = self.new_grant(op, session);
        let (grant, holder, event) = self.join(op, node, session, (grant, Vec::new()))?;
        let plan = plan
            .if_free(self.account.id, self.account.version)
            .new_grant(grant.clone())
            .new_holder(holder)
            .and(event);
        Ok((plan, grant))
    }

    /// Takes hold as a part of a transaction; the grant as it is then, and its event.
    pub(super) async fn hold(
        &self,
        tx: &mut WriteTx,
        op: &Op,
        node: NodeId,
        session: &PrivilegedSession,
    ) -> Result<(Grant, AuditEvent), AppError> {
        let account = &self.account;
        // Whoever closed a grant, or proved something, left a new version of the account with it. What was seen before
        // that, or before an administrator's own change, is not what the account goes back to.
        let (version, is_held) = tx.read().account_version(account.id).await?.ok_or(AppError::Stale)?;
        if version != account.version {
            return Err(AppError::Stale);
        }
        let open = if is_held { tx.read().open_grant(account.id).await? } else { None };
        let fence = open.as_ref().map(|(grant, _)| grant.fence);
        let held = match open {
            Some(held) => held,
            None => (follow(tx, account, self.new_grant(op, session)).await?, Vec::new()),
        };
        let (mut grant, holder, event) = self.join(op, node, session, held)?;
        match fence {
            None => tx.insert_grant(&grant).await?,
            Some(fence) => {
                tx.update_grant(&grant, fence).await?;
                grant.fence = fence + 1;
            }
        }
        tx.insert_holder(&holder).await?;
        Ok((grant, event))
    }

    /// A grant over what the account is now.
    fn new_grant(&self, op: &Op, session: &PrivilegedSession) -> Grant {
        let id = GrantId::new(secrets::new_uuid(op.at));
        Grant::new(id, self.account.id, self.seen.attributes, session.window.ends_at(), op.at)
    }

    /// What a grant, which these hold, becomes when the session takes hold too; its hold, and the event of both.
    fn join(
        &self,
        op: &Op,
        node: NodeId,
        session: &PrivilegedSession,
        (mut grant, mut holders): (Grant, Vec<GrantHolder>),
    ) -> Result<(Grant, GrantHolder, AuditEvent), AppError> {
        let Self { account, wish, kind, .. } = self;
        let (wish, seen) = (*wish, self.seen.attributes);
        if grant.phase == GrantPhase::Closing || grant.leased_to_other(node, op.at).is_some() {
            // On its way back, or in other hands: this one takes hold after that.
            return Err(AppError::Stale);
        }
        if let Some(other) = holders.iter().find(|holder| holder.wants().is_opposite(wish)) {
            return Err(AppError::refused("opposite-overlap", opposite(account, other)));
        }
        let holder = GrantHolder {
            grant_id: grant.id,
            privileged_session_id: session.id,
            wish,
            switched_to: None,
            until: session.window.ends_at(),
            released_at: None,
        };
        holders.push(holder);
        // Who wants nothing of the account leaves it as others made it.
        if wish != Wish::None || grant.own_doing().contains(&seen) {
            grant.take_in(seen);
            let end = chaperone_domain::grant::cycle::wanted_until(&holders);
            grant.intend(&holders, end.and_then(|end| expiry_of(*kind, end)));
        }
        // With the intent, so that a start costs no commit more.
        if is_elsewhere(account) && grant.phase == GrantPhase::Opening {
            grant.take_lease(node, op.at);
        }
        let event = intended_event(op, session.id, &grant, holders.len());
        Ok((grant, holder, event))
    }

    /// What is held now.
    pub(super) fn held(self, grant: Grant) -> Fresh {
        Fresh { account: self.account, grant, seen: self.seen }
    }
}

/// What a grant before it left in doubt is the new grant's own doing still.
async fn follow(tx: &mut WriteTx, account: &Account, mut grant: Grant) -> Result<Grant, AppError> {
    if is_elsewhere(account)
        && let Some(mut before) = tx.read().grant_to_look_at_again(account.id).await?
    {
        grant.follow(&before);
        let fence = before.fence;
        before.look_again_at = None;
        tx.update_grant(&before, fence).await?;
    }
    Ok(grant)
}

fn opposite(account: &Account, other: &GrantHolder) -> String {
    format!(
        "Privileged session {} has the account {} {}d now, this one wants the opposite in the same time.",
        other.privileged_session_id,
        account.name,
        other.wants().name()
    )
}
