//! Start: *Approved* becomes *Starting* together with a hold of every account, and *Active* together with the proof of
//! every account.
//!
//! Where nothing stands in the way each of the two is one transaction: when a thousand sessions start in the same second,
//! what they cost is reads and commits. Otherwise the intent is written alone, and holds and proofs follow one by one.

use super::forward::{Made, Proof};
use super::hold::{Fresh, Ready, Taken, cannot_be_held_now};
use super::*;
use chaperone_connectors::Observation;
use chaperone_recording::VaultError;
use chaperone_store::StoreError;

/// Why a session does not start when recordings cannot be kept.
const NOTHING_RECORDED: &str = "There was no room for recordings within 60 seconds of its start, so that nothing could have been recorded. \
                                Make room on the disk of Chaperone, then schedule it again.";

/// How far the accounts of a session came.
enum Proved {
    /// All are as they are wanted.
    All,
    /// Some are tried again later.
    NotYet,
    /// The session cannot start, and why.
    Never(String),
}

impl App {
    /// *Approved* becomes *Starting*: the intent is durable before anything is touched.
    /// `accounts` are those of its accounts that were read already.
    pub(super) async fn intend_start(
        &self,
        op: &Op,
        session: PrivilegedSession,
        mut accounts: Vec<Account>,
    ) -> Result<Step, AppError> {
        let mut ready = Vec::new();
        for (account_id, wish) in session.accounts().collect::<Vec<_>>() {
            let known = accounts.iter().position(|account| account.id == account_id);
            let account = match known.map(|index| accounts.swap_remove(index)) {
                Some(account) => Some(account),
                None => self.store.read().account(account_id).await?,
            };
            let looked = match account {
                Some(account) => self.look_first(op, &session, account, wish).await?.ok(),
                None => None,
            };
            match looked {
                Some(looked) => ready.push(looked),
                None => {
                    ready.clear();
                    break;
                }
            }
        }
        let op = &Op { at: self.now(), ..op.clone() };
        let mut after = session.clone();
        make_move(&mut after, Move::Start, op.at)?;
        let grants = match self.write_start(op, &after, ready.clone()).await {
            Err(error)
                if !ready.is_empty()
                    && (cannot_be_held_now(&error) || matches!(error, AppError::Refused { .. })) =>
            {
                self.write_start(op, &after, Vec::new()).await?
            }
            written => written?,
        };
        after.version += 1;
        self.session_moved(&after);
        self.faults.reach("start.intended");
        let fresh: Vec<Fresh> =
            ready.into_iter().zip(grants).map(|(ready, grant)| ready.held(grant)).collect();
        if fresh.is_empty() {
            return Ok(Step::Became(Box::new(after)));
        }
        self.unheld.forget(after.id);
        self.faults.reach("start.grant_intended");
        self.start(op, after, fresh).await
    }

    /// Writes the intent with the holds; the grants of these.
    async fn write_start(
        &self,
        op: &Op,
        after: &PrivilegedSession,
        ready: Vec<Ready>,
    ) -> Result<Vec<Grant>, AppError> {
        let event = op
            .event(AuditAction::PrivilegedSessionStartIntended, "privileged_session", after.id)
            .in_session(after.id)
            .with("changed_by_kind", ChangedByKind::of(op).name());
        let intent = Plan::with(event).session(after.clone(), after.version);
        // Nearly always nobody else holds the accounts.
        let (mut plan, mut grants) = (intent.clone(), Vec::with_capacity(ready.len()));
        for ready in &ready {
            let grant;
            (plan, grant) = ready.hold_alone(plan, op, self.node, after)?;
            grants.push(grant);
        }
        match self.store.carry_out(plan).await {
            Ok(_) => return Ok(grants),
            Err(StoreError::Stale | StoreError::Conflict { .. }) if !ready.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
        let (op, after, node) = (op.clone(), after.clone(), self.node);
        self.store
            .write(move |tx| {
                let (op, after, ready, intent) = (op.clone(), after.clone(), ready.clone(), intent.clone());
                Box::pin(async move {
                    let (mut events, mut grants) = (tx.write(intent).await?, Vec::with_capacity(ready.len()));
                    for ready in &ready {
                        let (grant, event) = ready.hold(tx, &op, node, &after).await?;
                        events = events.and(event);
                        grants.push(grant);
                    }
                    Ok::<_, AppError>(tx.commit(grants, events))
                })
            })
            .await
    }

    /// *Starting*: hold the accounts, make them as wanted, prove them; or give up in time. `fresh` are holds that were
    /// just taken.
    pub(super) async fn start(
        &self,
        op: &Op,
        session: PrivilegedSession,
        fresh: Vec<Fresh>,
    ) -> Result<Step, AppError> {
        if session.window.ends_at() <= op.at {
            let why = "The end came before the accounts could be proved ready.";
            return self.give_up(op, session, why).await;
        }
        let intended_at = session.start_intended_at.unwrap_or(session.updated_at);
        if op.at.duration_since(intended_at) >= START_LIMIT {
            let holds = self.holds_of(&session).await?;
            let problem = holds.into_iter().find_map(|hold| hold.grant.problem).or_else(|| {
                session.accounts().find_map(|(account, _)| self.unheld.problem(session.id, account))
            });
            let why = match problem {
                Some(problem) => {
                    format!("The accounts could not be proved ready within 60 seconds. {problem}")
                }
                None => "The accounts could not be proved ready within 60 seconds.".to_owned(),
            };
            return self.give_up(op, session, &why).await;
        }
        let mut proofs = Vec::new();
        let proved = self.prove_all(op, &session, fresh, &mut proofs).await;
        if matches!(proved, Ok(Proved::All)) {
            self.faults.reach("start.proved");
            return self.started(op, session, proofs).await;
        }
        // What was done and seen is kept, whatever became of the others.
        self.keep_proofs(op, &session, proofs).await?;
        match proved? {
            Proved::Never(why) => self.give_up(op, session, &why).await,
            Proved::NotYet | Proved::All => Ok(Step::Waits),
        }
    }

    /// Makes every account as it is wanted; `proofs` are those that are still to be kept.
    async fn prove_all(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        mut fresh: Vec<Fresh>,
        proofs: &mut Vec<Proof>,
    ) -> Result<Proved, AppError> {
        let mut all = true;
        for (account_id, wish) in session.accounts().collect::<Vec<_>>() {
            let taken = fresh.iter().position(|fresh| fresh.account.id == account_id);
            let held = match taken.map(|index| fresh.swap_remove(index)) {
                Some(Fresh { account, grant, seen }) => Ok((account, grant, Some(seen))),
                None => self.held(op, session, account_id, wish).await?,
            };
            let (account, mut grant, seen) = match held {
                Ok(held) => held,
                Err(Proved::NotYet) => {
                    all = false;
                    continue;
                }
                Err(never) => return Ok(never),
            };
            self.unheard.tell(&mut grant, self.node);
            match self.make_so(op, session, &account, grant.clone(), seen).await? {
                Made::Proved(proof) => proofs.extend(proof.map(|proof| *proof)),
                Made::NotYet => all = false,
                Made::Absent => return Ok(Proved::Never(unknown(&account))),
                // Who wants nothing of the account takes it as others made it.
                Made::ChangedByOthers if wish == Wish::None => {
                    if grant.phase != GrantPhase::Held {
                        self.left_to_others(op, session, grant).await?;
                    }
                }
                Made::ChangedByOthers => {
                    let name = &account.name;
                    let why = format!("Somebody else changed the account {name} meanwhile; it was left so.");
                    return Ok(Proved::Never(why));
                }
            }
        }
        Ok(if all { Proved::All } else { Proved::NotYet })
    }

    /// The session's hold of an account, taken now if it has none.
    async fn held(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account_id: AccountId,
        wish: Wish,
    ) -> Result<Result<(Account, Grant, Option<Observation>), Proved>, AppError> {
        let Some(account) = self.store.read().account(account_id).await? else {
            return Ok(Err(Proved::Never("An account is not known any more.".to_owned())));
        };
        if let Some(hold) = self.hold_of(session, account_id).await? {
            return Ok(Ok((account, hold.grant, None)));
        }
        Ok(match self.take_hold(op, session, account, wish).await? {
            Taken::Yes(fresh) => Ok((fresh.account, fresh.grant, Some(fresh.seen))),
            Taken::NotYet => Err(Proved::NotYet),
            Taken::Never(why) => Err(Proved::Never(why)),
        })
    }

    /// *Starting* becomes *Active*: every account was seen as it is wanted, and that is kept with it.
    async fn started(
        &self,
        op: &Op,
        session: PrivilegedSession,
        proofs: Vec<Proof>,
    ) -> Result<Step, AppError> {
        let op = Op { at: self.now(), ..op.clone() };
        let mut after = session.clone();
        let from = make_move(&mut after, Move::Started, op.at)?;
        let moved = self.moved(&op, &session, &mut after, from, "").await?;
        let plan = proofs
            .iter()
            .fold(moved.plan(&op), |plan, proof| proof.within(plan.and(proof.event(&op, session.id)), &op));
        let ended = self.write_moved(&op, moved, plan).await?;
        self.status_written(&after, ended);
        for proof in &proofs {
            self.proof_kept(proof).await?;
        }
        self.faults.reach("status.written");
        let over = after.window.ends_at() <= op.at;
        Ok(if over { Step::Became(Box::new(after)) } else { Step::Waits })
    }

    /// A session of which nothing could be recorded is not started: an account would be open for nothing. Another node, or
    /// room on the disk, may come in time; after that it is told.
    pub(super) async fn hold_start_back(
        &self,
        op: &Op,
        session: PrivilegedSession,
        error: &VaultError,
    ) -> Result<Step, AppError> {
        if op.at.duration_since(session.window.starts_at()) < START_LIMIT {
            return Ok(Step::Waits);
        }
        tracing::error!(session = %session.id, %error, "a session cannot start: nothing can be recorded");
        let mut after = session.clone();
        make_move(&mut after, Move::Start, op.at)?;
        self.write_start(op, &after, Vec::new()).await?;
        after.version += 1;
        self.session_moved(&after);
        self.give_up(op, after, NOTHING_RECORDED).await
    }

    async fn give_up(&self, op: &Op, session: PrivilegedSession, why: &str) -> Result<Step, AppError> {
        self.unheld.forget(session.id);
        self.step_status(op, session, Move::End(EndReason::CouldNotStart), why).await
    }
}

/// Why a session ends or never starts whose account is gone.
pub(super) fn unknown(account: &Account) -> String {
    format!("The directory does not know the account {} any more.", account.name)
}
