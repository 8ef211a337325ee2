//! The decisions of the grant cycle: what to want, what to do next, and how it comes back. Pure.
//!
//! A grant *knows* what the account can be by its own doing ([`Grant::known`]): what was last proved, and what was
//! intended since and may or may not have taken effect. Whatever else is observed was done by somebody else, and is
//! never overwritten with something laxer.

use super::{Attributes, Grant, GrantHolder, GrantOutcome, GrantPhase, Wish};
use crate::Instant;
use crate::account::AccountState;

/// The one thing to do next on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardStep {
    /// The account is as desired.
    Verified,
    /// Set it so, then look again.
    Set(Attributes),
    /// Somebody else changed it: it is left as it is.
    ChangedByOthers,
    /// The account is not there: the session cannot start.
    Absent,
}

/// Says what to do on the way in.
pub fn forward(known: &[Attributes], desired: Attributes, observed: Attributes) -> ForwardStep {
    if observed.state == AccountState::Absent {
        ForwardStep::Absent
    } else if observed == desired {
        ForwardStep::Verified
    } else if known.contains(&observed) {
        ForwardStep::Set(desired)
    } else {
        ForwardStep::ChangedByOthers
    }
}

/// The one thing to do next on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackStep {
    /// Set it so, then look again; the outcome holds once that is observed.
    Set(Attributes, GrantOutcome),
    /// Nothing more to do.
    Close(GrantOutcome),
}

/// Says what to do on the way back. A grant that never `touched` the account leaves it to others.
pub fn back(baseline: Attributes, known: &[Attributes], touched: bool, observed: Attributes) -> BackStep {
    if observed.state == AccountState::Absent {
        BackStep::Close(GrantOutcome::Absent)
    } else if !touched {
        BackStep::Close(GrantOutcome::Untouched)
    } else if observed == baseline {
        BackStep::Close(GrantOutcome::Restored)
    } else if known.contains(&observed) {
        BackStep::Set(baseline, GrantOutcome::Restored)
    } else if observed.at_least_as_strict_as(baseline) {
        BackStep::Close(GrantOutcome::KeptChangedByOthers)
    } else {
        BackStep::Set(baseline.stricter(observed), GrantOutcome::SetStricter)
    }
}

/// What an account is to be while it is held. One that is opened for the session carries the session's end as its
/// own expiry, where the directory has one (`expiry`), so that it closes even if nobody is left to close it; an expiry
/// that is there is only ever shortened.
pub fn desired(state: AccountState, baseline: Attributes, expiry: Option<Instant>) -> Attributes {
    let opened = state == AccountState::Enabled && baseline.state != AccountState::Enabled;
    let expires_at = match (opened, baseline.expires_at, expiry) {
        (true, Some(own), Some(expiry)) => Some(own.min(expiry)),
        (true, own, expiry) => own.or(expiry),
        (false, own, _) => own,
    };
    Attributes { state, expires_at }
}

/// What holders together want: they never want opposites, which approval refuses.
pub fn wish_of(holders: &[GrantHolder]) -> Wish {
    holders.iter().map(|holder| holder.wish).find(|wish| *wish != Wish::None).unwrap_or(Wish::None)
}

/// When the last of them ends.
pub fn deadline_of(holders: &[GrantHolder]) -> Option<Instant> {
    holders.iter().map(|holder| holder.until).max()
}

impl Grant {
    /// Makes the grant want what its holders want. `expiry` is the latest of their ends as the directory can keep it;
    /// `None` where it keeps none.
    pub fn intend(&mut self, holders: &[GrantHolder], expiry: Option<Instant>) {
        if let Some(deadline) = deadline_of(holders) {
            self.deadline = deadline;
        }
        let state = wish_of(holders).desired(self.baseline.state);
        let wanted = desired(state, self.baseline, expiry);
        if wanted != self.desired || self.phase == GrantPhase::Opening {
            self.want(wanted);
        }
    }

    /// Makes the grant want the account in another state: an administrator's decision during a session. `observed` is
    /// what they decided over, so that it is theirs to change; what others tightened stays tightened at the end.
    pub fn switch(&mut self, state: AccountState, observed: Attributes, expiry: Option<Instant>) {
        if !self.known.contains(&observed) {
            self.baseline = self.baseline.stricter(observed);
            self.known.push(observed);
        }
        self.want(desired(state, self.baseline, expiry));
    }

    /// Notes an intent before its effect.
    fn want(&mut self, wanted: Attributes) {
        self.desired = wanted;
        self.touched |= wanted != self.baseline;
        self.phase = GrantPhase::Opening;
        if self.known.last() != Some(&wanted) {
            self.known.push(wanted);
        }
        (self.attempt, self.next_try_at, self.problem) = (0, None, None);
    }

    /// Notes that the account was seen as it is wanted.
    pub fn proved(&mut self, observed: Attributes) {
        self.phase = GrantPhase::Held;
        self.observed = observed;
        self.known = vec![self.desired];
        (self.attempt, self.next_try_at, self.problem) = (0, None, None);
    }

    /// What was last intended to be set; `None` when nothing but the baseline ever was.
    pub fn applied(&self) -> Option<Attributes> {
        self.known.last().copied().filter(|last| *last != self.baseline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ON: Attributes = Attributes { state: AccountState::Enabled, expires_at: None };
    const OFF: Attributes = Attributes { state: AccountState::Disabled, expires_at: None };
    const GONE: Attributes = Attributes { state: AccountState::Absent, expires_at: None };

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    #[test]
    fn the_way_in_never_overwrites_what_somebody_else_did() {
        use ForwardStep::{Absent, ChangedByOthers, Set, Verified};
        let until = Attributes { expires_at: Some(at(9)), ..ON };
        let table = [
            (vec![OFF], ON, ON, Verified),
            (vec![OFF, ON], ON, OFF, Set(ON)),
            (vec![ON], until, OFF, ChangedByOthers),
            (vec![ON, until], until, ON, Set(until)),
            (vec![ON], ON, OFF, ChangedByOthers),
            (vec![OFF, ON], ON, GONE, Absent),
        ];
        for (known, desired, observed, expected) in table {
            assert_eq!(forward(&known, desired, observed), expected, "{known:?} {desired:?} {observed:?}");
        }
    }

    #[test]
    fn the_way_back_compares_three_ways() {
        use BackStep::{Close, Set};
        use GrantOutcome::{Absent, KeptChangedByOthers, Restored, SetStricter, Untouched};
        let until = |second| Attributes { expires_at: Some(at(second)), ..ON };
        let table = [
            (OFF, vec![ON], ON, Set(OFF, Restored)),
            (OFF, vec![OFF, ON], OFF, Close(Restored)),
            (OFF, vec![ON], GONE, Close(Absent)),
            (ON, vec![OFF], OFF, Set(ON, Restored)),
            (ON, vec![OFF], ON, Close(Restored)),
            (ON, vec![OFF, ON], OFF, Set(ON, Restored)),
            // Switched to what it was, and then changed by somebody else.
            (OFF, vec![OFF], OFF, Close(Restored)),
            (ON, vec![ON], OFF, Close(KeptChangedByOthers)),
            (OFF, vec![OFF], ON, Set(OFF, SetStricter)),
            // An extension that was intended and never took effect leaves nothing of itself behind.
            (OFF, vec![until(5), until(9)], until(5), Set(OFF, Restored)),
            (OFF, vec![until(5)], until(7), Set(Attributes { expires_at: Some(at(7)), ..OFF }, SetStricter)),
            (
                until(90),
                vec![OFF],
                Attributes { expires_at: Some(at(80)), ..OFF },
                Close(KeptChangedByOthers),
            ),
        ];
        for (baseline, known, observed, expected) in table {
            assert_eq!(
                back(baseline, &known, true, observed),
                expected,
                "{baseline:?} {known:?} {observed:?}"
            );
        }
        for (baseline, observed) in [(OFF, ON), (ON, OFF), (OFF, OFF)] {
            assert_eq!(
                back(baseline, &[baseline], false, observed),
                Close(Untouched),
                "{baseline:?} {observed:?}"
            );
        }
    }

    #[test]
    fn an_account_enabled_for_a_session_carries_its_own_end() {
        use AccountState::{Disabled, Enabled};
        let attributes = |state, expires| Attributes { state, expires_at: expires };
        let table = [
            (Enabled, attributes(Disabled, None), Some(at(50)), attributes(Enabled, Some(at(50)))),
            (Enabled, attributes(Disabled, Some(at(20))), Some(at(50)), attributes(Enabled, Some(at(20)))),
            (Enabled, attributes(Disabled, None), None, attributes(Enabled, None)),
            (Enabled, attributes(Enabled, None), Some(at(50)), attributes(Enabled, None)),
            (Disabled, attributes(Enabled, Some(at(90))), Some(at(50)), attributes(Disabled, Some(at(90)))),
        ];
        for (state, baseline, expiry, expected) in table {
            assert_eq!(desired(state, baseline, expiry), expected, "{state:?} {baseline:?}");
        }
    }

    fn attributes() -> impl Strategy<Value = Attributes> {
        let states = prop_oneof![
            Just(AccountState::Enabled),
            Just(AccountState::Disabled),
            Just(AccountState::Absent)
        ];
        let expiries =
            prop_oneof![Just(None), (0_i64..4).prop_map(|s| Some(Instant::from_second(s).expect("ok")))];
        (states, expiries).prop_map(|(state, expires_at)| Attributes { state, expires_at })
    }

    proptest! {
        #[test]
        fn the_way_back_ends_and_never_opens_what_others_closed(
            baseline in attributes(),
            known in proptest::collection::vec(attributes(), 1..4),
            touched in proptest::bool::ANY,
            observed in attributes(),
        ) {
            let mut observed = observed;
            let mut sets = 0;
            while let BackStep::Set(next, outcome) = back(baseline, &known, touched, observed) {
                if outcome == GrantOutcome::SetStricter {
                    prop_assert!(next.at_least_as_strict_as(observed));
                    prop_assert!(next.at_least_as_strict_as(baseline));
                } else {
                    prop_assert_eq!(next, baseline);
                    prop_assert!(known.contains(&observed));
                }
                observed = next;
                sets += 1;
                prop_assert!(sets <= 2, "the way back does not end");
            }
        }
    }
}
