//! Plans: changes that are known as a whole before their transaction begins.
//!
//! A plan says which rows it writes and what must still be so. It reads nothing that it would decide by, so that plans
//! that wait at the same time share not only a commit but every statement: a thousand sessions that start in the same
//! second write their rows sixty-four at a time. One whose expectations fail is left out, and the others are written
//! without it.

use std::collections::{BTreeMap, BTreeSet};

use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::grant::{Attributes, Grant, GrantHolder};
use chaperone_domain::ids::{AccountId, GrantId, PrivilegedSessionId};
use chaperone_domain::notification::Notification;
use chaperone_domain::privileged_session::PrivilegedSession;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::connect::{Engine, Stage, Store};
use crate::nouns::accounts::{AccountSet, Seen};
use crate::nouns::grants::Release;
use crate::nouns::{accounts, grants, notifications, privileged_sessions, sign_ins};
use crate::sql::{Place, Transaction};
use crate::tx::{BoxFuture, Events, Job, Ran, Reply, WriteTx};

/// A change that is known as a whole, with its audit events. All of it is kept, or nothing.
#[derive(Clone, Debug)]
pub struct Plan {
    free: Vec<(AccountId, i64)>,
    no_sign_ins_outside: Vec<AccountId>,
    no_sign_ins_in: Vec<PrivilegedSessionId>,
    sessions: Vec<(PrivilegedSession, i64)>,
    new_grants: Vec<Grant>,
    grants: Vec<(Grant, i64)>,
    new_holders: Vec<GrantHolder>,
    releases: Vec<Release>,
    sets: Vec<AccountSet>,
    seen: Vec<Seen>,
    notifications: Vec<Notification>,
    events: Vec<AuditEvent>,
}

impl Plan {
    /// A plan with its first event.
    pub fn with(event: AuditEvent) -> Self {
        Self {
            free: Vec::new(),
            no_sign_ins_outside: Vec::new(),
            no_sign_ins_in: Vec::new(),
            sessions: Vec::new(),
            new_grants: Vec::new(),
            grants: Vec::new(),
            new_holders: Vec::new(),
            releases: Vec::new(),
            sets: Vec::new(),
            seen: Vec::new(),
            notifications: Vec::new(),
            events: vec![event],
        }
    }

    /// One more event.
    #[must_use]
    pub fn and(mut self, event: AuditEvent) -> Self {
        self.events.push(event);
        self
    }

    /// Only if the account still has this version, and neither an open grant nor one that is to be looked at again.
    #[must_use]
    pub fn if_free(mut self, account: AccountId, version: i64) -> Self {
        self.free.push((account, version));
        self
    }

    /// Only if nobody is signed in to a target with the account outside of sessions.
    #[must_use]
    pub fn if_nobody_is_in_with(mut self, account: AccountId) -> Self {
        self.no_sign_ins_outside.push(account);
        self
    }

    /// Only if nobody is signed in in the session.
    #[must_use]
    pub fn if_nobody_is_in(mut self, session: PrivilegedSessionId) -> Self {
        self.no_sign_ins_in.push(session);
        self
    }

    /// Changes a session that is no draft, if it still has this version; what stands beside it stays as it is.
    #[must_use]
    pub fn session(mut self, session: PrivilegedSession, expected_version: i64) -> Self {
        self.sessions.push((session, expected_version));
        self
    }

    /// Adds a grant.
    #[must_use]
    pub fn new_grant(mut self, grant: Grant) -> Self {
        self.new_grants.push(grant);
        self
    }

    /// Changes a grant, if it still has this fence.
    #[must_use]
    pub fn grant(mut self, grant: Grant, expected_fence: i64) -> Self {
        self.grants.push((grant, expected_fence));
        self
    }

    /// Adds a hold.
    #[must_use]
    pub fn new_holder(mut self, holder: GrantHolder) -> Self {
        self.new_holders.push(holder);
        self
    }

    /// Releases a hold, if it was not released before.
    #[must_use]
    pub fn release(mut self, grant: GrantId, session: PrivilegedSessionId, at: Instant) -> Self {
        self.releases.push((grant, session, at));
        self
    }

    /// Changes an account of the built-in directory, if it is as the change expects.
    #[must_use]
    pub fn set(mut self, set: AccountSet) -> Self {
        self.sets.push(set);
        self
    }

    /// Notes what was seen of an account, as [`crate::WriteTx::account_observed`].
    #[must_use]
    pub fn seen(mut self, account: AccountId, seen: Attributes, at: Instant) -> Self {
        self.seen.push((account, seen, at));
        self
    }

    /// Adds notifications, as [`crate::WriteTx::insert_notifications`].
    #[must_use]
    pub fn tell(mut self, told: Vec<Notification>) -> Self {
        self.notifications.extend(told);
        self
    }
}

/// A plan with somebody who waits for it.
pub(crate) struct Planned {
    plan: Plan,
    reply: Reply<Vec<Account>, StoreError>,
}

impl Planned {
    /// Whether it can be kept, as far as is known.
    pub(crate) fn stands(&self) -> bool {
        !matches!(self.reply.outcome, Some(Err(_)))
    }

    /// Its events.
    pub(crate) fn events(&self) -> &[AuditEvent] {
        &self.plan.events
    }
}

impl Job for Planned {
    fn run(&mut self, tx: Transaction) -> BoxFuture<'_, (Transaction, Ran)> {
        Box::pin(async move {
            let place = Place::Transaction(&tx);
            let written = write(place, &mut [self]).await;
            let ran = match written {
                Ok(true) => Ran::Keep(self.plan.events.clone()),
                Ok(false) => Ran::Undo(None),
                Err(error) => {
                    self.refuse(error);
                    Ran::Undo(tx.damage())
                }
            };
            (tx, ran)
        })
    }

    fn planned(&mut self) -> Option<&mut Self> {
        Some(self)
    }

    fn refuse(&mut self, error: StoreError) {
        self.reply.refuse(error);
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        self.reply.settle(committed);
    }
}

/// Writes plans together, without their events. Whether all of them went well: those of which something was not as
/// they expect are refused as stale, and what was written is to be undone.
pub(crate) async fn write(place: Place<'_>, planned: &mut [&mut Planned]) -> Result<bool, StoreError> {
    let plans: Vec<&Plan> = planned.iter().map(|planned| &planned.plan).collect();
    match write_all(place, &plans).await {
        Ok(set) => {
            for (planned, accounts) in planned.iter_mut().zip(set) {
                planned.reply.outcome = Some(Ok(accounts));
            }
            Ok(true)
        }
        Err(Unwritten::Stale(owners)) => {
            for owner in owners {
                if let Some(planned) = planned.get_mut(owner) {
                    planned.refuse(StoreError::Stale);
                }
            }
            Ok(false)
        }
        Err(Unwritten::Failed(error)) => Err(error),
    }
}

/// Why plans were not written together.
enum Unwritten {
    /// Something was not as these expect.
    Stale(BTreeSet<usize>),
    /// The database refused something, and whose that was is not known.
    Failed(StoreError),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// The rows of one kind of several plans, each with the plan that it is of.
struct Rows<'p, T> {
    of: Vec<&'p T>,
    owners: Vec<usize>,
}

impl<'p, T> Rows<'p, T> {
    fn new(plans: &[&'p Plan], rows: impl Fn(&'p Plan) -> &'p [T]) -> Self {
        let each =
            plans.iter().enumerate().flat_map(|(owner, plan)| rows(plan).iter().map(move |row| (row, owner)));
        let (of, owners) = each.unzip();
        Self { of, owners }
    }

    /// Goes on if each row has a key of its own among these.
    fn only_if<K: Ord>(&self, key: impl Fn(&T) -> K, found: Vec<K>) -> Result<(), Unwritten> {
        let mut left = BTreeMap::<K, usize>::new();
        for key in found {
            *left.entry(key).or_default() += 1;
        }
        self.unless(|row| match left.get_mut(&key(row)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
    }

    /// Goes on if this is true of no row.
    fn unless(&self, mut is_stale: impl FnMut(&T) -> bool) -> Result<(), Unwritten> {
        let rows = self.of.iter().zip(&self.owners);
        let stale: BTreeSet<usize> = rows.filter(|(row, _)| is_stale(row)).map(|(_, owner)| *owner).collect();
        if stale.is_empty() { Ok(()) } else { Err(Unwritten::Stale(stale)) }
    }
}

/// Writes plans together; the accounts that each of them set.
async fn write_all(place: Place<'_>, plans: &[&Plan]) -> Result<Vec<Vec<Account>>, Unwritten> {
    let rows = Rows::new(plans, |plan| &plan.free);
    let found = grants::free(place, &rows.of).await?;
    rows.only_if(|(account, _)| account.uuid(), found)?;

    let rows = Rows::new(plans, |plan| &plan.no_sign_ins_outside);
    let found = sign_ins::with_open_outside_sessions(place, &rows.of).await?;
    rows.unless(|account| found.contains(&account.uuid()))?;

    let rows = Rows::new(plans, |plan| &plan.no_sign_ins_in);
    let found = sign_ins::with_open(place, &rows.of).await?;
    rows.unless(|session| found.contains(&session.uuid()))?;

    let rows = Rows::new(plans, |plan| &plan.sessions);
    let of: Vec<_> = rows.of.iter().map(|(session, version)| (session, *version)).collect();
    let written = privileged_sessions::update(place, &of).await?;
    rows.only_if(|(session, _)| session.id.uuid(), written)?;

    grants::insert(place, &Rows::new(plans, |plan| &plan.new_grants).of).await?;
    grants::insert_holders(place, &Rows::new(plans, |plan| &plan.new_holders).of).await?;

    let rows = Rows::new(plans, |plan| &plan.sets);
    let set = accounts::compare_and_set(place, &rows.of).await?;
    rows.only_if(|set| set.account.uuid(), set.iter().map(|account| account.id.uuid()).collect())?;
    let mut accounts = vec![Vec::new(); plans.len()];
    for account in set {
        let owners = rows.of.iter().zip(&rows.owners);
        let owner = owners.filter(|(set, _)| set.account == account.id).map(|(_, owner)| *owner).next();
        if let Some(of_plan) = owner.and_then(|owner| accounts.get_mut(owner)) {
            of_plan.push(account);
        }
    }

    let rows = Rows::new(plans, |plan| &plan.grants);
    let of: Vec<_> = rows.of.iter().map(|(grant, fence)| (grant, *fence)).collect();
    let written = grants::update(place, &of).await?;
    rows.only_if(|(grant, _)| grant.id.uuid(), written)?;

    let rows = Rows::new(plans, |plan| &plan.releases);
    let released = grants::release(place, &rows.of).await?;
    rows.only_if(|(grant, session, _)| (grant.uuid(), session.uuid()), released)?;

    accounts::observed(place, &Rows::new(plans, |plan| &plan.seen).of).await?;
    notifications::insert(place, &Rows::new(plans, |plan| &plan.notifications).of).await?;
    Ok(accounts)
}

impl WriteTx {
    /// Writes a plan as a part of this transaction; its events, for the commit.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when something is not as the plan expects; another [`StoreError`] when the database refuses.
    pub async fn write(&mut self, plan: Plan) -> Result<Events, StoreError> {
        match write_all(self.place(), &[&plan]).await {
            Ok(_) => Ok(Events::from_vec(plan.events)),
            Err(Unwritten::Stale(_)) => Err(StoreError::Stale),
            Err(Unwritten::Failed(error)) => Err(error),
        }
    }
}

impl Store {
    /// Makes a planned change together with its audit events, in one transaction, and returns when it is durable. Plans
    /// that wait at the same time share transactions and statements. Answers the accounts that it set.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when something is not as the plan expects; another [`StoreError`] when the database
    /// refuses, is full or away. Nothing is kept then.
    pub async fn carry_out(&self, plan: Plan) -> Result<Vec<Account>, StoreError> {
        self.pass(Stage::Before).await?;
        let (reply, answer) = oneshot::channel();
        let planned = Planned { plan, reply: Reply::to(reply) };
        match &self.engine {
            Engine::Sqlite(writer) => writer.submit(Box::new(planned)).await?,
            Engine::Postgres { plans, .. } => plans.submit(planned).await?,
        }
        let kept = answer.await.unwrap_or(Err(StoreError::Unavailable))?;
        self.pass(Stage::After).await?;
        Ok(kept)
    }
}
