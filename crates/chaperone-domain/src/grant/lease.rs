//! Leases: which node works on an account of another system, and what is in doubt when it stopped in the middle.
//!
//! Other systems do not know our fences: a call that a node sends, or that is on its way when the node dies, takes
//! effect whatever others did meanwhile. So nothing is sent without a *lease* of the grant, each call is over before
//! the lease is ([`LEASE_MARGIN`]), and whoever finds the live lease of another node waits for its end. What may have
//! been sent without its end being heard is a [`Doubt`]: found on the account, it is our own doing. It can take effect
//! for one lease more, and is over once the account was looked at after that.

use jiff::SignedDuration;

use super::cycle::theirs;
use super::{Attributes, Grant, GrantPhase};
use crate::Instant;
use crate::ids::NodeId;

/// How long one node works on an account before others may take over.
pub const LEASE: SignedDuration = SignedDuration::from_secs(15);
/// How long before the end of its lease a node is done with every call: more than the clocks of two nodes differ.
pub const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(2);

/// A node works on the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which node.
    pub by: NodeId,
    /// Until when.
    pub until: Instant,
}

impl Lease {
    /// When the last call under it must be over.
    pub fn calls_until(self) -> Instant {
        self.until.checked_sub(LEASE_MARGIN).unwrap_or(self.until)
    }
}

/// Something that was sent to the account's directory, or may have been, and whose effect may still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What the account would be.
    pub attributes: Attributes,
    /// Until when the effect may come.
    pub until: Instant,
}

/// One lease after `at`.
fn later(at: Instant) -> Instant {
    at.checked_add(LEASE).unwrap_or(at)
}

impl Grant {
    /// Until when another node works on the account; `None` when no other does.
    pub fn leased_to_other(&self, node: NodeId, now: Instant) -> Option<Instant> {
        self.lease.filter(|lease| lease.by != node && now < lease.until).map(|lease| lease.until)
    }

    /// The node works on the account from now on. A lease that another node left behind leaves in doubt whatever that
    /// node could have sent; one that is live is not taken ([`Grant::leased_to_other`] says so).
    pub fn take_lease(&mut self, node: NodeId, now: Instant) {
        if self.leased_to_other(node, now).is_none() {
            self.settle_lease(node, now);
            self.lease = Some(Lease { by: node, until: later(now) });
        }
    }

    /// The work is done, or given up for now. The live lease of another node stays.
    pub fn release_lease(&mut self, node: NodeId, now: Instant) {
        if self.leased_to_other(node, now).is_none() {
            self.settle_lease(node, now);
            self.lease = None;
        }
    }

    /// What the other node could have sent is in doubt from now on, by the clock of who takes over: the other one's may
    /// be behind, so that it holds its lease to be good still, but it took it before now, and holds it no longer than
    /// one.
    fn settle_lease(&mut self, node: NodeId, now: Instant) {
        let Some(left) = self.lease.filter(|lease| lease.by != node) else { return };
        let over = left.until.max(later(now));
        let sent = match self.phase {
            GrantPhase::Closing => vec![self.goal()],
            _ => self.known.iter().skip(1).copied().chain([self.desired]).collect(),
        };
        for attributes in sent {
            self.doubt(Doubt { attributes, until: later(over) });
        }
        // However long ago that was: what is wanted may be there because of it.
        self.attempt = self.attempt.max(1);
    }

    /// Notes that this was sent, or may have been, and may still take effect, or took it when nobody looked.
    pub fn doubt(&mut self, doubt: Doubt) {
        match self.doubtful.iter_mut().find(|known| known.attributes == doubt.attributes) {
            Some(known) => known.until = known.until.max(doubt.until),
            None => self.doubtful.push(doubt),
        }
    }

    /// The account was looked at, not before `at`, and was as it is wanted, or as nothing of ours would be: whatever could
    /// not come later than that is over.
    pub fn looked(&mut self, at: Instant) {
        self.doubtful.retain(|doubt| at < doubt.until);
    }

    /// Something of our own came late, after the grant was closed, and the account is seen so: what is left of that
    /// without it. `None` when there is nothing of ours in what is seen. Others may have changed the state since then
    /// and left the expiry that came with it, which is never theirs.
    pub fn came_late(&self, seen: Attributes) -> Option<Attributes> {
        let doubtful: Vec<Attributes> = self.doubtful.iter().map(|doubt| doubt.attributes).collect();
        let left = match seen.expires_at {
            _ if seen == self.observed => return None,
            _ if doubtful.contains(&seen) => self.observed,
            Some(_) => theirs(self.observed, &doubtful, seen),
            None => seen,
        };
        (left != seen).then_some(left)
    }

    /// Goes on after a grant that is closed and whose late effects may still come: they are our own doing, also when
    /// one is seen already, and then the account goes back to what was left.
    pub fn follow(&mut self, before: &Self) {
        if let Some(left) = before.came_late(self.baseline) {
            self.known.insert(0, left);
            (self.baseline, self.desired) = (left, left);
        }
        self.doubtful.clone_from(&before.doubtful);
        self.touched |= !self.doubtful.is_empty();
    }

    /// Whether this node is the first to work on what is wanted, and nothing was sent for it yet as far as the grant
    /// knows.
    pub fn is_untried(&self, node: NodeId) -> bool {
        let doubtful = self.doubtful.iter().any(|doubt| doubt.attributes == self.desired);
        self.known.len() == 2
            && self.attempt == 0
            && self.lease.is_some_and(|lease| lease.by == node)
            && !doubtful
    }

    /// Somebody else made the account as it is wanted before we did: what they tightened stays so at the end. Where what
    /// is wanted has another expiry, that is a session's end, and never theirs.
    pub fn found_so(&mut self) {
        let theirs = Attributes { expires_at: self.baseline.expires_at, ..self.desired };
        self.baseline = self.baseline.stricter(theirs);
    }

    /// What the account can be by our own doing: what is known, and what is in doubt.
    pub fn own_doing(&self) -> Vec<Attributes> {
        self.known.iter().copied().chain(self.doubtful.iter().map(|doubt| doubt.attributes)).collect()
    }

    /// When the account is looked at once more after the grant is closed: nothing of ours can take effect from then on.
    pub fn settled_at(&self, now: Instant) -> Instant {
        self.doubtful.iter().map(|doubt| doubt.until).fold(later(now), Instant::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountState;
    use crate::grant::{GrantHolder, GrantOutcome, Wish};
    use crate::ids::{AccountId, GrantId, PrivilegedSessionId};
    use uuid::Uuid;

    const ON: Attributes = Attributes { state: AccountState::Enabled, expires_at: None };
    const OFF: Attributes = Attributes { state: AccountState::Disabled, expires_at: None };
    const HERE: NodeId = NodeId::new(Uuid::from_u128(1));
    const THERE: NodeId = NodeId::new(Uuid::from_u128(2));

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    fn after_lease(second: i64) -> Instant {
        at(second + LEASE.as_secs())
    }

    /// A grant of a disabled account that is to be enabled, taken by the other node.
    fn taken() -> Grant {
        let (id, account) = (GrantId::new(Uuid::from_u128(3)), AccountId::new(Uuid::from_u128(4)));
        let mut grant = Grant::new(id, account, OFF, at(1_000), at(0));
        grant.take_lease(THERE, at(0));
        grant.switch(AccountState::Enabled, OFF, None);
        grant
    }

    #[test]
    fn the_live_lease_of_another_node_is_waited_for_and_ones_own_is_renewed() {
        let mut grant = taken();
        assert_eq!(grant.leased_to_other(HERE, at(14)), Some(after_lease(0)));
        assert_eq!(grant.leased_to_other(HERE, after_lease(0)), None);
        assert_eq!(grant.leased_to_other(THERE, at(14)), None);
        grant.take_lease(HERE, at(14));
        grant.release_lease(HERE, at(14));
        assert_eq!(
            grant.lease,
            Some(Lease { by: THERE, until: after_lease(0) }),
            "neither taken nor released"
        );
        grant.take_lease(THERE, at(14));
        assert_eq!(grant.lease.map(|lease| lease.until), Some(after_lease(14)));
        assert_eq!(grant.doubtful, [], "what a node sent itself it knows");
    }

    #[test]
    fn calls_are_over_before_their_lease() {
        let lease = Lease { by: HERE, until: at(15) };
        assert_eq!(lease.calls_until(), at(13));
    }

    #[test]
    fn what_a_node_that_left_could_have_sent_is_in_doubt_for_two_leases_from_now() {
        let mut grant = taken();
        grant.take_lease(HERE, at(20));
        let end = at(20 + 2 * LEASE.as_secs());
        assert_eq!(grant.doubtful, [Doubt { attributes: ON, until: end }], "and not what it found");
        grant.proved(ON);
        grant.switch(AccountState::Disabled, ON, None);
        grant.proved(OFF);
        grant.looked(at(49));
        assert!(grant.own_doing().contains(&ON), "a look in between does not end it");
        grant.release_lease(HERE, at(1_000));
        assert!(grant.own_doing().contains(&ON), "it may have come since, however long ago");
        grant.looked(end);
        assert!(!grant.own_doing().contains(&ON), "what comes after that is somebody else's doing");
    }

    #[test]
    fn a_node_that_left_on_the_way_back_could_only_have_sent_the_goal() {
        let mut grant = taken();
        grant.release_lease(THERE, at(1));
        grant.proved(ON);
        grant.take_lease(THERE, at(2));
        grant.intend_back();
        grant.release_lease(HERE, at(30));
        assert_eq!(
            (grant.lease, grant.doubtful.as_slice()),
            (None, &[Doubt { attributes: OFF, until: after_lease(45) }][..])
        );
    }

    #[test]
    fn only_what_nobody_tried_yet_can_be_somebody_elses() {
        let mut grant = taken();
        assert!(grant.is_untried(THERE));
        assert!(!grant.is_untried(HERE), "a node that left may have sent it, however long ago");
        grant.attempt = 1;
        assert!(!grant.is_untried(THERE));
        let account = grant.account_id;
        let mut grant = Grant::new(grant.id, account, ON, at(1_000), at(0));
        grant.take_lease(HERE, at(0));
        grant.switch(AccountState::Disabled, ON, None);
        grant.found_so();
        assert_eq!(grant.goal(), OFF);
    }

    #[test]
    fn what_was_tried_stays_tried_also_when_another_session_wants_the_same_and_no_doubt_is_left() {
        let holder = |session| GrantHolder {
            grant_id: taken().id,
            privileged_session_id: PrivilegedSessionId::new(Uuid::from_u128(session)),
            wish: Wish::Disable,
            switched_to: None,
            until: at(1_000),
            released_at: None,
        };
        let holders = [holder(1), holder(2)];
        let begun = || {
            let account = taken().account_id;
            let mut grant = Grant::new(taken().id, account, ON, at(1_000), at(0));
            grant.intend(&holders[..1], None);
            grant.take_lease(HERE, at(0));
            assert!(grant.is_untried(HERE), "so far nobody sent anything");
            grant
        };
        // Its answer was lost, and the node gave the lease back.
        let mut lost = begun();
        lost.attempt = 1;
        lost.release_lease(HERE, at(5));
        // The node was killed in the middle.
        let killed = begun();
        for mut grant in [lost, killed] {
            grant.intend(&holders, None);
            grant.take_lease(THERE, at(100));
            grant.looked(at(100 + 2 * LEASE.as_secs()));
            assert!(grant.doubtful.is_empty(), "no doubt is left");
            assert!(!grant.is_untried(THERE), "what is there may be our own doing: {grant:?}");
        }
    }

    #[test]
    fn a_closed_grant_is_looked_at_when_nothing_of_ours_can_come_any_more() {
        let mut grant = taken();
        grant.take_lease(HERE, at(16));
        grant.intend_back();
        grant.closed(OFF, GrantOutcome::Restored, true, at(16));
        assert_eq!(grant.look_again_at, Some(at(16 + 2 * LEASE.as_secs())));
        grant.doubt(Doubt { attributes: ON, until: at(60) });
        assert_eq!(grant.settled_at(at(16)), at(60));
        assert_eq!(grant.settled_at(at(59)), after_lease(59));
    }

    #[test]
    fn what_comes_late_goes_back_to_what_was_left_and_keeps_its_outcome() {
        let mut grant = taken();
        grant.take_lease(HERE, at(16));
        grant.intend_back();
        let left = Attributes { expires_at: Some(at(9_000)), ..OFF };
        grant.closed(left, GrantOutcome::KeptChangedByOthers, true, at(17));
        assert_eq!(grant.came_late(ON), Some(left));
        grant.reopen(ON, left, at(40));
        assert_eq!((grant.phase, grant.goal(), grant.closed_at), (GrantPhase::Closing, left, None));
        let step = crate::grant::back(grant.goal(), &grant.own_doing(), grant.touched, ON);
        assert_eq!(step, crate::grant::BackStep::Set(left, GrantOutcome::Restored));
        grant.closed(left, GrantOutcome::Restored, true, at(41));
        assert_eq!(grant.outcome, Some(GrantOutcome::KeptChangedByOthers));
    }

    #[test]
    fn an_expiry_of_ours_that_came_late_goes_also_when_somebody_else_changed_the_state_since() {
        let ours = Attributes { expires_at: Some(at(900)), ..ON };
        let mut grant = taken();
        grant.intend_back();
        grant.doubt(Doubt { attributes: ours, until: at(60) });
        grant.closed(ON, GrantOutcome::KeptChangedByOthers, true, at(17));
        assert_eq!(grant.came_late(ON), None);
        assert_eq!(grant.came_late(OFF), None, "their doing alone");
        let seen = Attributes { expires_at: Some(at(900)), ..OFF };
        assert_eq!(grant.came_late(seen), Some(OFF));
        grant.reopen(seen, OFF, at(40));
        let step = crate::grant::back(grant.goal(), &grant.own_doing(), grant.touched, seen);
        assert_eq!(step, crate::grant::BackStep::Set(OFF, GrantOutcome::Restored), "their state stays");
    }

    #[test]
    fn a_grant_that_follows_takes_a_late_effect_for_ours_and_not_for_the_original_state() {
        let mut before = taken();
        before.take_lease(HERE, at(16));
        before.intend_back();
        before.closed(OFF, GrantOutcome::Restored, true, at(17));
        before.doubt(Doubt { attributes: Attributes { expires_at: Some(at(900)), ..ON }, until: at(60) });
        let next = |seen| {
            let id = GrantId::new(Uuid::from_u128(5));
            let mut grant = Grant::new(id, before.account_id, seen, at(1_000), at(20));
            grant.follow(&before);
            grant
        };
        let mixed = next(Attributes { expires_at: Some(at(900)), ..OFF });
        assert_eq!((mixed.baseline, mixed.touched), (OFF, true), "the state is theirs, the expiry is ours");
        let theirs = Attributes { expires_at: Some(at(901)), ..OFF };
        assert_eq!(next(theirs).baseline, theirs);
        let late = next(ON);
        assert_eq!((late.baseline, late.desired, late.touched), (OFF, OFF, true));
        let clean = next(OFF);
        assert_eq!((clean.baseline, clean.touched), (OFF, true));
        assert!(clean.own_doing().contains(&ON), "it may still come");
    }
}
