//! The grant cycle: a session's start and end, and what both do to its accounts.
//!
//! [`App::process_session`] is level-triggered. It reads the session as it is now, makes the one step that is due,
//! and looks again until nothing is due; every step commits its intent with its event before the effect, so that
//! it can be stopped anywhere and asked again by anybody. [`start`] leads a session in, [`hold`] takes hold of an account, [`forward`] makes it as
//! it is wanted, [`back`] brings it back, [`again`] looks whether it stayed so, [`watch`] sees what others make of it
//! meanwhile; they only know accounts, never why. What changes an account is sent by [`lease`] alone.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chaperone_connectors::ConnectorError;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::grant::{Attributes, Grant, GrantHolder, GrantPhase, START_LIMIT, Wish, retry_pause};
use chaperone_domain::ids::{AccountId, GrantId, PrivilegedSessionId};
use chaperone_domain::privileged_session::{EndReason, Move, PrivilegedSession, State};
use chaperone_store::{Events, Plan};
use tokio::sync::{Mutex, MutexGuard};

use crate::app::App;
use crate::connectors::{expiry_of, external, is_elsewhere};
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::privileged_sessions::{ChangedByKind, make_move};
use crate::secrets;

mod again;
mod back;
mod forward;
mod hold;
mod lease;
mod lost;
mod returned;
mod start;
mod switch;
mod watch;

pub(crate) use hold::Unheld;
pub(crate) use lease::Unheard;
pub(crate) use switch::{move_holds, rebase};

/// Steps of one session in one go; each account needs two and the session five for its whole life, races add a few.
const STEPS_MAX: usize = 128;
/// Accounts are spread over this many hands: one moves an account at a time, different ones move side by side. Many more
/// than move at once, for who has to wait for a hand reads anew.
const HANDS: usize = 4_096;

/// The hands that were taken.
struct Taken<'a> {
    _hands: Vec<MutexGuard<'a, ()>>,
    /// Whether somebody else had one of them.
    waited: bool,
}

/// One hand at a time per account on this node; other nodes lose on versions and fences.
pub(crate) struct Hands(Box<[Mutex<()>]>);

impl Default for Hands {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(HANDS).collect())
    }
}

impl Hands {
    /// Takes the hands of all accounts of a session, always in the same order, so that no two wait for each other.
    async fn take(&self, accounts: impl Iterator<Item = AccountId>) -> Taken<'_> {
        let index = |account: AccountId| {
            let mut hasher = DefaultHasher::new();
            account.hash(&mut hasher);
            usize::try_from(hasher.finish() % HANDS as u64).unwrap_or_default()
        };
        let indexes: BTreeSet<usize> = accounts.map(index).collect();
        let mut taken = Taken { _hands: Vec::with_capacity(indexes.len()), waited: false };
        for index in indexes {
            let Some(hand) = self.0.get(index) else { continue };
            taken._hands.push(match hand.try_lock() {
                Ok(hand) => hand,
                Err(_) => {
                    taken.waited = true;
                    hand.lock().await
                }
            });
        }
        taken
    }
}

/// What a step did.
#[derive(Debug)]
enum Step {
    /// Something moved: look again.
    Moved,
    /// The session moved, and this is what it is now.
    Became(Box<PrivilegedSession>),
    /// Nothing can be done now.
    Waits,
}

/// A session that is to be moved, as it was read just now, and those of its accounts that were read with it.
pub(crate) struct Due {
    pub(crate) session: PrivilegedSession,
    accounts: Vec<Account>,
}

impl Due {
    fn alone(session: PrivilegedSession) -> Self {
        Self { session, accounts: Vec::new() }
    }
}

/// A session's hold on an account.
struct Hold {
    grant: Grant,
    holder: GrantHolder,
}

impl App {
    /// Moves one session as far as it can go now.
    pub(crate) async fn process_session(&self, op: &Op, id: PrivilegedSessionId) -> Result<(), AppError> {
        match self.store.read().privileged_session(id).await? {
            Some(session) => self.process(op, Due::alone(session)).await,
            None => Ok(()),
        }
    }

    /// Reads sessions that are to be moved, in the order of their starts: with few queries, however many they are.
    pub(crate) async fn due(&self, ids: &[PrivilegedSessionId]) -> Result<Vec<Due>, AppError> {
        let read = self.store.read();
        let mut sessions = read.privileged_sessions_with_ids(ids).await?;
        sessions.sort_by_key(|session| (session.window.starts_at(), session.id));
        // Those that start look at their accounts first.
        let starting = sessions.iter().filter(|session| session.state == State::Approved);
        let accounts: BTreeSet<AccountId> =
            starting.flat_map(|session| session.accounts().map(|(account, _)| account)).collect();
        let accounts = read.accounts_with_ids(&accounts.into_iter().collect::<Vec<_>>()).await?;
        let accounts: HashMap<AccountId, Account> =
            accounts.into_iter().map(|account| (account.id, account)).collect();
        let with_accounts = |session: PrivilegedSession| {
            let accounts = session.accounts().filter_map(|(id, _)| accounts.get(&id).cloned()).collect();
            Due { session, accounts }
        };
        Ok(sessions.into_iter().map(with_accounts).collect())
    }

    /// Moves a session as far as it can go now.
    pub(crate) async fn process(&self, op: &Op, due: Due) -> Result<(), AppError> {
        let id = due.session.id;
        let hands = self.hands.take(due.session.accounts().map(|(account, _)| account)).await;
        // Who had to wait for a hand reads what was moved meanwhile.
        let mut known = (!hands.waited).then_some(due);
        for _ in 0..STEPS_MAX {
            let due = match known.take() {
                Some(due) => due,
                None => match self.store.read().privileged_session(id).await? {
                    Some(session) => Due::alone(session),
                    None => return Ok(()),
                },
            };
            let op = Op { at: self.now(), ..op.clone() };
            match self.step(&op, due).await {
                Ok(Step::Moved) => {}
                Ok(Step::Became(session)) => known = Some(Due::alone(*session)),
                Ok(Step::Waits) => return Ok(()),
                // Somebody else moved it meanwhile: what is due now is read anew.
                Err(AppError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn step(&self, op: &Op, due: Due) -> Result<Step, AppError> {
        let Due { session, accounts } = due;
        let over = session.window.ends_at() <= op.at;
        match session.state {
            State::Draft | State::Approved if over => self.step_status(op, session, Move::Expire, "").await,
            State::Approved if session.window.starts_at() <= op.at => match self.vault.ready() {
                Ok(()) => self.intend_start(op, session, accounts).await,
                Err(error) => self.hold_start_back(op, session, &error).await,
            },
            State::Starting => self.start(op, session, Vec::new()).await,
            State::Active if over => self.step_status(op, session, Move::End(EndReason::Completed), "").await,
            State::Active => self.keep(op, session).await,
            State::Ending => self.end(op, session).await,
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
        Ok(Step::Became(Box::new(after)))
    }

    /// *Active*: accounts are made so again after a switch or an extension.
    async fn keep(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        for hold in self.holds_of(&session).await? {
            if hold.grant.phase != GrantPhase::Opening {
                continue;
            }
            let account = self.store.read().account(hold.grant.account_id).await?;
            let account = account.ok_or(AppError::Inside("session without account"))?;
            match self.make_so(op, &session, &account, hold.grant.clone(), None).await? {
                forward::Made::Proved(proof) => {
                    self.keep_proofs(op, &session, proof.map(|proof| *proof)).await?
                }
                forward::Made::NotYet => {}
                forward::Made::Absent => {
                    let why = start::unknown(&account);
                    let removed = Move::End(EndReason::AccountRemoved);
                    return self.step_status(op, session, removed, &why).await;
                }
                forward::Made::ChangedByOthers => self.left_to_others(op, &session, hold.grant).await?,
            }
        }
        Ok(Step::Waits)
    }

    /// *Ending*: the holds are released; an account that nobody else holds is proved back first.
    async fn end(&self, op: &Op, session: PrivilegedSession) -> Result<Step, AppError> {
        // Told again: whoever ended it may have been stopped before they could tell, and the door is closed first.
        self.gate.session_changed(&session);
        let holds = self.holds_of(&session).await?;
        if holds.is_empty() {
            self.faults.reach("end.released");
            self.unheld.forget(session.id);
            return self.step_status(op, session, Move::AccountsBack, "").await;
        }
        let mut moved = false;
        for hold in holds {
            moved |= matches!(self.bring_back(op, &session, hold).await?, Step::Moved);
        }
        Ok(if moved { Step::Moved } else { Step::Waits })
    }

    /// The session's unreleased holds.
    async fn holds_of(&self, session: &PrivilegedSession) -> Result<Vec<Hold>, AppError> {
        let grants = self.store.read().grants_of_session(session.id).await?;
        let held = grants.into_iter().filter(|(_, holder)| holder.released_at.is_none());
        Ok(held
            .map(|(mut grant, holder)| {
                self.unheard.tell(&mut grant, self.node);
                Hold { grant, holder }
            })
            .collect())
    }

    /// The session's unreleased hold of an account.
    async fn hold_of(
        &self,
        session: &PrivilegedSession,
        account: AccountId,
    ) -> Result<Option<Hold>, AppError> {
        Ok(self.holds_of(session).await?.into_iter().find(|hold| hold.grant.account_id == account))
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
        let (fence, now) = (grant.fence, self.now());
        grant.release_lease(self.node, now);
        grant.attempt += 1;
        grant.next_try_at = now.checked_add(retry_pause(grant.attempt)).ok();
        grant.look_again_at = grant.look_again_at.and(grant.next_try_at);
        grant.problem = Some(problem.clone());
        let event = op
            .event(AuditAction::GrantAttemptFailed, "account", grant.account_id)
            .in_session(session)
            .with("grant_id", grant.id.to_string())
            .with("attempt", grant.attempt)
            .with("problem", problem);
        self.store.carry_out(Plan::with(event).grant(grant, fence)).await?;
        Ok(())
    }

    /// Tells gate and watchers what an account of another directory is now.
    async fn account_seen(&self, id: AccountId) -> Result<(), AppError> {
        if let Some(account) = self.store.read().account(id).await?
            && account.last_seen_at.is_some()
        {
            self.account_moved(&account);
        }
        Ok(())
    }
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
