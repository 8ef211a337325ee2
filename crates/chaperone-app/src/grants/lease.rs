//! Lease: what changes an account of another system is sent under a lease of its grant, is over before the lease is,
//! and is kept in mind until it was answered.
//!
//! A node that slept between looking and sending finds its time over and sends nothing. What was on its way already
//! can still take effect: it stays *in doubt* for one lease more, and the account is looked at again when that is over
//! ([`super::again`]).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use super::*;
use chaperone_connectors::{Connector as _, ExternalAccount, Observation};
use chaperone_domain::grant::{Doubt, LEASE, LEASE_MARGIN};
use chaperone_domain::ids::NodeId;
use jiff::SignedDuration;

use crate::built_in_directory::BuiltInDirectory;
use crate::connectors::Reached;

/// What a call gets at least: a lease that leaves less is renewed first.
const CALL_MIN: SignedDuration = SignedDuration::from_secs(5);

/// Calls of this node that were begun and not answered. One whose task goes away stays here, for whoever goes on with
/// the account; when the whole node goes away, its lease tells.
#[derive(Default)]
pub(crate) struct Unheard {
    begun: Mutex<HashMap<GrantId, Vec<Doubt>>>,
    /// What was answered well and is not proved yet.
    made: Mutex<BTreeSet<GrantId>>,
}

impl Unheard {
    fn lock(&self) -> MutexGuard<'_, HashMap<GrantId, Vec<Doubt>>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> MutexGuard<'_, BTreeSet<GrantId>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this node changed the account and that is not proved yet.
    pub(super) fn has_made(&self, grant: GrantId) -> bool {
        self.made().contains(&grant)
    }

    /// What was made is proved.
    pub(super) fn proved(&self, grant: GrantId) {
        self.made().remove(&grant);
    }

    /// The account was looked at, not before `at`, as [`Grant::looked`] has it.
    pub(super) fn looked(&self, grant: GrantId, at: Instant) {
        self.remove(grant, |doubts| doubts.retain(|doubt| at < doubt.until));
    }

    fn begun(&self, grant: GrantId, doubt: Doubt) {
        self.lock().entry(grant).or_default().push(doubt);
    }

    fn remove(&self, grant: GrantId, some: impl FnOnce(&mut Vec<Doubt>)) {
        let mut all = self.lock();
        if let Some(doubts) = all.get_mut(&grant) {
            some(doubts);
            if doubts.is_empty() {
                all.remove(&grant);
            }
        }
    }

    fn answered(&self, grant: GrantId, doubt: Doubt) {
        self.remove(grant, |doubts| {
            if let Some(index) = doubts.iter().rposition(|begun| *begun == doubt) {
                doubts.remove(index);
            }
        });
    }

    /// Tells the grant what was not heard of it. One that is not leased to this node any more knows: what was sent is
    /// written with the end of a lease, and whoever takes one over counts on all that could be sent.
    pub(super) fn tell(&self, grant: &mut Grant, node: NodeId) {
        let leased = grant.lease.is_some_and(|lease| lease.by == node);
        self.remove(grant.id, |doubts| {
            if leased {
                for doubt in doubts {
                    grant.doubt(*doubt);
                }
            } else {
                doubts.clear();
            }
        });
    }
}

impl App {
    /// Makes the account so: the one place from which something that changes an account is sent. The grant may come
    /// back with a new fence.
    pub(super) async fn send(
        &self,
        op: &Op,
        reached: &Reached<'_>,
        grant: &mut Grant,
        account: &ExternalAccount,
        (to, seen): (Attributes, &Observation),
    ) -> Result<Result<(), ConnectorError>, AppError> {
        let way = if grant.phase == GrantPhase::Closing { "back" } else { "forward" };
        let limited = match reached {
            Reached::BuiltIn(directory) => {
                let key = format!("{}:{}:{way}", grant.id, grant.fence);
                let fenced = BuiltInDirectory { fence: Some((grant.id, grant.fence)), ..*directory };
                return Ok(fenced.set(account, to, seen, &key, op.at).await);
            }
            Reached::Other(limited) => limited,
        };
        let _room = limited.room().await;
        self.hold_lease(grant).await?;
        let lease = grant.lease.ok_or(AppError::Inside("no lease"))?;
        let key = format!("{}:{}:{way}", grant.id, grant.fence);
        let until = lease.until.checked_add(LEASE).unwrap_or(lease.until);
        let doubt = Doubt { attributes: to, until };
        self.unheard.begun(grant.id, doubt);
        let set = limited.inner.set(account, to, seen, &key, op.at);
        let answer = self.in_time(lease.calls_until(), set).await;
        match &answer {
            Err(ConnectorError::Unreachable(_)) => self.unheard.tell(grant, self.node),
            Err(_) => self.unheard.answered(grant.id, doubt),
            Ok(()) => {
                self.unheard.made().insert(grant.id);
                self.unheard.answered(grant.id, doubt);
            }
        }
        Ok(answer)
    }

    /// Ends what the account is running there: what runs goes with the right to run it. Done before the account is
    /// proved, so that a stop in between leaves nothing running.
    pub(super) async fn end_what_runs(
        &self,
        reached: &Reached<'_>,
        grant: &mut Grant,
        account: &ExternalAccount,
    ) -> Result<Result<(), ConnectorError>, AppError> {
        let Reached::Other(limited) = reached else { return Ok(reached.end_sign_ins(account).await) };
        let _room = limited.room().await;
        self.hold_lease(grant).await?;
        let lease = grant.lease.ok_or(AppError::Inside("no lease"))?;
        Ok(self.in_time(lease.calls_until(), limited.inner.end_sign_ins(account)).await)
    }

    /// The grant's lease, with enough left for a call: taken or renewed if need be.
    async fn hold_lease(&self, grant: &mut Grant) -> Result<(), AppError> {
        let now = self.now();
        let enough = now.checked_add(CALL_MIN + LEASE_MARGIN).unwrap_or(now);
        if grant.lease.is_some_and(|lease| lease.by == self.node && enough <= lease.until) {
            return Ok(());
        }
        if grant.leased_to_other(self.node, now).is_some() {
            return Err(AppError::Stale);
        }
        let fence = grant.fence;
        grant.take_lease(self.node, now);
        let row = grant.clone();
        self.store
            .keep_books(move |books| {
                let row = row.clone();
                Box::pin(async move { books.lease_grant(&row, fence).await })
            })
            .await?;
        grant.fence = fence + 1;
        self.faults.reach("lease.taken");
        Ok(())
    }

    /// The call, dropped when its time is over. Time is looked at first whenever it goes on: after a sleep of the whole
    /// node nothing is sent any more.
    async fn in_time<T>(
        &self,
        until: Instant,
        call: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        let left = Duration::try_from(until.duration_since(self.now())).unwrap_or(Duration::ZERO);
        let mut over = pin!(tokio::time::sleep(left));
        let mut call = pin!(call);
        poll_fn(|context| {
            if over.as_mut().poll(context).is_ready() || until <= self.now() {
                let why = "The directory did not answer in time.";
                return Poll::Ready(Err(ConnectorError::unreachable(why, "the lease is over")));
            }
            call.as_mut().poll(context)
        })
        .await
    }
}
