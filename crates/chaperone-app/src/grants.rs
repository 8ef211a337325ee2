//! The grant cycle: a session's start and end, and what both do to its account.
//!
//! [`App::process_session`] is level-triggered. It reads the session as it is now, makes the one step that is due,
//! and looks again until nothing is due; every step commits its intent with its event before the effect, so that
//! it can be stopped anywhere and asked again by anybody. [`forward`] makes the account as it is wanted, [`back`]
//! brings it back; both only know the account, never why.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chaperone_connectors::{Connector, ConnectorError, ExternalAccount, Observation};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::grant::{Attributes, Grant, GrantHolder, GrantPhase, START_LIMIT, Wish, retry_pause};
use chaperone_domain::ids::{AccountId, GrantId, PrivilegedSessionId};
use chaperone_domain::privileged_session::{EndReason, Move, PrivilegedSession, State};
use chaperone_store::Events;
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;
use crate::built_in_directory::BuiltInDirectory;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::privileged_sessions::{ChangedByKind, make_move};
use crate::secrets;

mod back;
mod forward;

/// Steps of one session in one go; a session needs five for its whole life, races add a few.
const STEPS_MAX: usize = 32;
/// Accounts are spread over this many hands: one moves an account at a time, different ones move side by side.
const HANDS: usize = 64;

/// One hand at a time per account on this node; other nodes lose on versions and fences.
pub(crate) struct Hands([Mutex<()>; HANDS]);

impl Default for Hands {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Hands {
    async fn take(&self, account: AccountId) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        account.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % HANDS as u64).unwrap_or_default();
        match self.0.get(index) {
            Some(hand) => Some(hand.lock().await),
            None => None,
        }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Something moved: look again.
    Moved,
    /// Nothing can be done now.
    Waits,
}

/// A session's hold on an account.
struct Hold {
    grant: Grant,
    holder: GrantHolder,
}

/// What an account is to be while it is held: one that is enabled for the session carries its own end, so that it
/// closes even if nobody is left to close it.
fn desired(state: AccountState, baseline: Attributes, deadline: Instant) -> Attributes {
    let opened = state == AccountState::Enabled && baseline.state != AccountState::Enabled;
    let expires_at = match (opened, baseline.expires_at) {
        (true, Some(expiry)) => Some(expiry.min(deadline)),
        (true, None) => Some(deadline),
        (false, expiry) => expiry,
    };
    Attributes { state, expires_at }
}

/// What holders together want: they never want opposites, which approval refuses.
fn wish_of(holders: &[GrantHolder]) -> Wish {
    holders.iter().map(|holder| holder.wish).find(|wish| *wish != Wish::None).unwrap_or(Wish::None)
}

impl App {
    /// Moves one session as far as it can go now.
    pub(crate) async fn process_session(&self, op: &Op, id: PrivilegedSessionId) -> Result<(), AppError> {
        let Some(session) = self.store.read().privileged_session(id).await? else { return Ok(()) };
        let _hand = self.hands.take(session.account_id).await;
        for _ in 0..STEPS_MAX {
            let Some(session) = self.store.read().privileged_session(id).await? else { return Ok(()) };
            let op = Op { at: self.now(), ..op.clone() };
            match self.step(&op, session).await {
                Ok(Step::Moved) => {}
                Ok(Step::Waits) => return Ok(()),
                // Somebody else moved it meanwhile: what is due now is read anew.
                Err(AppError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn step(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        let over = session.window.ends_at() <= op.at;
        match session.state {
            State::Draft | State::Approved if over => self.step_status(op, session, Move::Expire, "").await,
            State::Approved if session.window.starts_at() <= op.at => self.intend_start(op, session).await,
            State::Starting => self.start(op, session, over).await,
            State::Active if over => self.step_status(op, session, Move::End(EndReason::Completed), "").await,
            State::Active => self.keep(op, &session).await,
            State::Ending => self.bring_back(op, session).await,
            _ => Ok(Step::Waits),
        }
    }

    async fn step_status(
        &self,
        op: &Op,
        session: PrivilegedSession,
        step: Move,
        comment: &str,
    ) -> Result<Step, AppError> {
        let mut after = session.clone();
        let from = make_move(&mut after, step, op.at)?;
        self.write_status(op, &session, &mut after, from, comment).await?;
        self.faults.reach("status.written");
        Ok(Step::Moved)
    }

    /// *Approved* becomes *Starting*: the intent is durable before anything is touched.
    async fn intend_start(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        let mut after = session.clone();
        make_move(&mut after, Move::Start, op.at)?;
        let (tx_op, row, version) = (op.clone(), after.clone(), session.version);
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.update_privileged_session(&row, version).await?;
                    let event = op
                        .event(AuditAction::PrivilegedSessionStartIntended, "privileged_session", row.id)
                        .in_session(row.id)
                        .with("changed_by_kind", ChangedByKind::of(&op).name());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        after.version = version + 1;
        self.session_moved(&after);
        self.faults.reach("start.intended");
        Ok(Step::Moved)
    }

    /// *Starting*: hold the account, make it as wanted, prove it; or give up in time.
    async fn start(&self, op: &Op, session: PrivilegedSession, over: bool) -> Result<Step, AppError> {
        let give_up = Move::End(EndReason::CouldNotStart);
        if over {
            let why = "The end came before the account could be proved ready.";
            return self.step_status(op, session, give_up, why).await;
        }
        let intended_at = session.start_intended_at.unwrap_or(session.updated_at);
        if op.at.duration_since(intended_at) >= START_LIMIT {
            let problem = self.hold_of(&session).await?.and_then(|hold| hold.grant.problem);
            let why = format!(
                "The account could not be proved ready within 60 seconds{}",
                problem.map_or_else(|| ".".to_owned(), |problem| format!(": {problem}."))
            );
            return self.step_status(op, session, give_up, &why).await;
        }
        let Some(account) = self.store.read().account(session.account_id).await? else {
            return self.step_status(op, session, give_up, "The account is not known any more.").await;
        };
        let Some(hold) = self.hold_of(&session).await? else {
            return self.take_hold(op, session, &account).await;
        };
        if hold.grant.phase == GrantPhase::Held {
            // Held by another session already, or proved before a crash; proved again, because time has passed.
            let seen = self.observe(&account).await;
            if let Ok(seen) = seen
                && seen.attributes == hold.grant.desired
            {
                return self.started(op, session).await;
            }
        }
        match self.make_so(op, &session, &account, hold.grant).await? {
            forward::Made::Proved => self.started(op, session).await,
            forward::Made::Absent => {
                self.step_status(op, session, give_up, "The directory does not know the account any more.")
                    .await
            }
            forward::Made::NotYet => Ok(Step::Waits),
        }
    }

    async fn started(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        self.faults.reach("start.proved");
        self.step_status(op, session, Move::Started, "").await
    }

    /// *Active*: the account is made so again after a switch.
    async fn keep(&self, op: &Op, session: &PrivilegedSession) -> Result<Step, AppError> {
        let Some(hold) = self.hold_of(session).await? else { return Ok(Step::Waits) };
        if hold.grant.phase != GrantPhase::Opening {
            return Ok(Step::Waits);
        }
        let account = self.store.read().account(session.account_id).await?;
        let account = account.ok_or(AppError::Inside("session without account"))?;
        self.make_so(op, session, &account, hold.grant).await?;
        Ok(Step::Waits)
    }

    /// The session's unreleased hold.
    async fn hold_of(&self, session: &PrivilegedSession) -> Result<Option<Hold>, AppError> {
        let grants = self.store.read().grants_of_session(session.id).await?;
        Ok(grants
            .into_iter()
            .find(|(_, holder)| holder.released_at.is_none())
            .map(|(grant, holder)| Hold { grant, holder }))
    }

    /// Takes hold of the account: a new grant with what the account is now as the baseline, or a part in one that
    /// another session opened.
    async fn take_hold(
        &self,
        op: &Op,
        session: PrivilegedSession,
        account: &Account,
    ) -> Result<Step, AppError> {
        let Ok(seen) = self.observe(account).await else { return Ok(Step::Waits) };
        if seen.attributes.state == AccountState::Absent {
            let why = "The directory does not know the account any more.";
            return self.step_status(op, session, Move::End(EndReason::CouldNotStart), why).await;
        }
        let (tx_op, baseline, id) = (op.clone(), seen.attributes, GrantId::new(secrets::new_uuid(op.at)));
        let row = session.clone();
        let joined = self
            .store
            .write(move |tx| {
                let (op, session) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    let until = session.window.ends_at();
                    let open = tx.read().open_grant(session.account_id).await?;
                    let new = open.is_none();
                    let (mut grant, mut holders) = open.unwrap_or_else(|| {
                        let grant = Grant {
                            id,
                            account_id: session.account_id,
                            phase: GrantPhase::Opening,
                            baseline,
                            desired: baseline,
                            applied: None,
                            observed: baseline,
                            deadline: until,
                            fence: 1,
                            lease_until: None,
                            attempt: 0,
                            next_try_at: None,
                            problem: None,
                            outcome: None,
                            created_at: op.at,
                            closed_at: None,
                        };
                        (grant, Vec::new())
                    });
                    if grant.phase == GrantPhase::Closing {
                        // On its way back for another session: this one takes hold once it is there.
                        return Err(AppError::Stale);
                    }
                    let holder = GrantHolder {
                        grant_id: grant.id,
                        privileged_session_id: session.id,
                        wish: session.wish,
                        until,
                        released_at: None,
                    };
                    holders.push(holder);
                    intend(&mut grant, &holders);
                    if new {
                        tx.insert_grant(&grant).await?;
                    } else {
                        let fence = grant.fence;
                        tx.update_grant(&grant, fence).await?;
                    }
                    tx.insert_holder(&holder).await?;
                    let event = intended_event(&op, session.id, &grant, holders.len());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match joined {
            // The unique key of open grants, or one that is being brought back: look again later.
            Err(AppError::Stale | AppError::Store(chaperone_store::StoreError::Conflict { .. })) => {
                Ok(Step::Waits)
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.faults.reach("start.grant_intended");
                Ok(Step::Moved)
            }
        }
    }

    /// Enables or disables the account for the rest of the session: the new wish is durable before the effect.
    pub(crate) async fn switch_grant(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        mut grant: Grant,
        state: AccountState,
    ) -> Result<(), AppError> {
        let fence = grant.fence;
        grant.desired = desired(state, grant.baseline, grant.deadline);
        grant.applied = Some(grant.desired);
        grant.phase = GrantPhase::Opening;
        (grant.attempt, grant.next_try_at, grant.problem) = (0, None, None);
        let (tx_op, session_id) = (op.clone(), session.id);
        self.store
            .write(move |tx| {
                let (op, grant) = (tx_op.clone(), grant.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    let what = format!("The account is to be {} for the rest of the session.", state.name());
                    let switched = op
                        .event(
                            AuditAction::PrivilegedSessionAccountSwitched,
                            "privileged_session",
                            session_id,
                        )
                        .in_session(session_id)
                        .with("changed_by_kind", ChangedByKind::of(&op).name())
                        .with("new_state", state.name())
                        .with("what", what);
                    let intended = intended_event(&op, session_id, &grant, 1);
                    Ok::<_, AppError>(tx.commit((), Events::one(switched).and(intended)))
                })
            })
            .await?;
        self.faults.reach("switch.intended");
        Ok(())
    }

    /// The account as its directory has it now.
    async fn observe(&self, account: &Account) -> Result<Observation, ConnectorError> {
        self.connector(account).observe(&external(account)).await
    }

    /// The directory that holds the account.
    fn connector<'a>(&'a self, account: &Account) -> Box<dyn Connector + 'a> {
        Box::new(BuiltInDirectory { app: self, directory_id: account.directory_id })
    }

    /// Keeps the failed attempt with its problem and when to try again, and tells it in the trail.
    async fn attempt_failed(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        error: &ConnectorError,
    ) -> Result<(), AppError> {
        let problem = error.to_string();
        tracing::warn!(grant = %grant.id, account = %grant.account_id, ?error, "the account could not be changed");
        let fence = grant.fence;
        grant.attempt += 1;
        grant.next_try_at = op.at.checked_add(retry_pause(grant.attempt)).ok();
        grant.problem = Some(problem.clone());
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant, problem) = (tx_op.clone(), grant.clone(), problem.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    let event = op
                        .event(AuditAction::GrantAttemptFailed, "account", grant.account_id)
                        .in_session(session)
                        .with("grant_id", grant.id.to_string())
                        .with("attempt", grant.attempt)
                        .with("problem", problem);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }
}

/// Makes the grant want what its holders want, and says so as what is about to be applied.
fn intend(grant: &mut Grant, holders: &[GrantHolder]) {
    if let Some(until) = holders.iter().map(|holder| holder.until).max() {
        grant.deadline = until;
    }
    let state = wish_of(holders).desired(grant.baseline.state);
    let wanted = desired(state, grant.baseline, grant.deadline);
    if wanted != grant.desired || grant.phase == GrantPhase::Opening {
        grant.desired = wanted;
        grant.phase = GrantPhase::Opening;
        if wanted != grant.baseline {
            grant.applied = Some(wanted);
        }
        (grant.attempt, grant.next_try_at, grant.problem) = (0, None, None);
    }
}

fn external(account: &Account) -> ExternalAccount {
    ExternalAccount { id: account.id, external_id: account.external_id.clone() }
}

fn intended_event(op: &Op, session: PrivilegedSessionId, grant: &Grant, holders: usize) -> AuditEvent {
    op.event(AuditAction::GrantIntended, "account", grant.account_id)
        .in_session(session)
        .with("grant_id", grant.id.to_string())
        .with("baseline", grant.baseline.state.name())
        .with("desired", grant.desired.state.name())
        .with("desired_expires_at", grant.desired.expires_at.map(|at| at.to_string()))
        .with("holders", i64::try_from(holders).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    #[test]
    fn an_account_enabled_for_a_session_carries_its_own_end() {
        use AccountState::{Disabled, Enabled};
        let attributes = |state, expires| Attributes { state, expires_at: expires };
        let table = [
            (Enabled, attributes(Disabled, None), attributes(Enabled, Some(at(50)))),
            (Enabled, attributes(Disabled, Some(at(20))), attributes(Enabled, Some(at(20)))),
            (Enabled, attributes(Enabled, None), attributes(Enabled, None)),
            (Disabled, attributes(Enabled, Some(at(90))), attributes(Disabled, Some(at(90)))),
        ];
        for (state, baseline, expected) in table {
            assert_eq!(desired(state, baseline, at(50)), expected, "{state:?} {baseline:?}");
        }
    }
}
