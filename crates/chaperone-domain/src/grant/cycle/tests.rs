//! The decisions of the cycle, as tables and as properties.

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
        // They changed the state and left the expiry as we had made it.
        (OFF, vec![until(5)], Attributes { expires_at: Some(at(5)), ..OFF }, Set(OFF, KeptChangedByOthers)),
        (ON, vec![until(5)], Attributes { expires_at: Some(at(5)), ..OFF }, Set(OFF, KeptChangedByOthers)),
        (until(90), vec![OFF], Attributes { expires_at: Some(at(80)), ..OFF }, Close(KeptChangedByOthers)),
    ];
    for (baseline, known, observed, expected) in table {
        assert_eq!(back(baseline, &known, true, observed), expected, "{baseline:?} {known:?} {observed:?}");
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

fn hold(session: u128, wish: Wish, until: i64) -> GrantHolder {
    GrantHolder {
        grant_id: GrantId::new(uuid::Uuid::from_u128(1)),
        privileged_session_id: crate::ids::PrivilegedSessionId::new(uuid::Uuid::from_u128(session)),
        wish,
        switched_to: None,
        until: at(until),
        released_at: None,
    }
}

fn grant(baseline: Attributes) -> Grant {
    let account = AccountId::new(uuid::Uuid::from_u128(2));
    Grant::new(GrantId::new(uuid::Uuid::from_u128(1)), account, baseline, at(100), at(0))
}

#[test]
fn a_hold_wants_what_it_was_switched_to_whoever_comes_and_goes() {
    let mut switched = hold(1, Wish::Enable, 100);
    switched.switched_to = Some(AccountState::Disabled);
    let other = hold(2, Wish::None, 200);
    assert_eq!(wish_of(&[switched]), Wish::Disable);
    assert_eq!(wish_of(&[other, switched]), Wish::Disable);
    assert_eq!(wanted_until(&[other, switched]), Some(at(100)), "of those whose wish is done");
    let mut grant = grant(OFF);
    grant.intend(&[switched, other], Some(at(200)));
    assert_eq!(grant.desired, OFF);
}

#[test]
fn an_administrators_own_change_is_wanted_by_those_who_want_nothing_and_is_what_it_goes_back_to() {
    let nothing = [hold(1, Wish::None, 100)];
    let mut held = grant(OFF);
    held.intend(&nothing, None);
    held.proved(OFF);
    assert!(!held.touched);
    held.rebase(AccountState::Enabled, &nothing, None);
    assert_eq!((held.phase, held.desired, held.baseline, held.touched), (GrantPhase::Opening, ON, ON, true));
    assert_eq!(forward(&held.known, held.desired, OFF), ForwardStep::Set(ON));
    assert_eq!(back(held.goal(), &held.known, held.touched, OFF), BackStep::Set(ON, GrantOutcome::Restored));

    let enable = [hold(1, Wish::Enable, 100)];
    let mut held = grant(OFF);
    held.intend(&enable, Some(at(100)));
    held.proved(held.desired);
    held.rebase(AccountState::Enabled, &enable, Some(at(100)));
    assert_eq!(held.desired, ON, "what is enabled anyway carries no end of ours");
    held.intend_back();
    held.rebase(AccountState::Disabled, &enable, None);
    assert_eq!((held.phase, held.goal()), (GrantPhase::Closing, OFF), "also on the way back");
    held.rebase(AccountState::Enabled, &enable, None);
    let step = back(held.goal(), &held.own_doing(), held.touched, OFF);
    assert_eq!(
        step,
        BackStep::Set(ON, GrantOutcome::Restored),
        "and what it was brought back to before is ours"
    );
}

#[test]
fn what_is_decided_over_may_be_changed_and_stays_tightened_at_the_end() {
    let mut held = grant(ON);
    held.proved(ON);
    held.take_in(OFF);
    assert_eq!((held.baseline, held.phase), (OFF, GrantPhase::Opening));
    held.intend(&[hold(1, Wish::Enable, 100)], Some(at(100)));
    assert_eq!(forward(&held.own_doing(), held.desired, OFF), ForwardStep::Set(held.desired));
    let mut own = grant(ON);
    own.take_in(ON);
    assert_eq!((own.baseline, own.known.len()), (ON, 1), "our own doing is no news");
}

#[test]
fn the_stricter_of_both_that_was_intended_is_restored_and_called_so() {
    let until = |state| Attributes { state, expires_at: Some(at(50)) };
    let mut held = grant(OFF);
    held.intend(&[hold(1, Wish::Enable, 100)], None);
    held.intend_back();
    let BackStep::Set(to, outcome) =
        back(held.goal(), &held.known, held.touched, until(AccountState::Enabled))
    else {
        panic!("somebody else made it laxer")
    };
    assert_eq!((to, outcome), (until(AccountState::Disabled), GrantOutcome::SetStricter));
    held.intend_stricter(to, outcome);
    let again = back(held.goal(), &held.known, held.touched, until(AccountState::Enabled));
    assert_eq!(again, BackStep::Set(to, GrantOutcome::SetStricter), "stopped before it was set");
    assert_eq!(back(held.goal(), &held.known, held.touched, to), BackStep::Close(GrantOutcome::Restored));
    held.closed(to, GrantOutcome::Restored, false, at(9));
    assert_eq!(held.outcome, Some(GrantOutcome::SetStricter));
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let states =
        prop_oneof![Just(AccountState::Enabled), Just(AccountState::Disabled), Just(AccountState::Absent)];
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
            prop_assert!(next.at_least_as_strict_as(baseline));
            if outcome == GrantOutcome::Restored {
                prop_assert_eq!(next, baseline);
                prop_assert!(known.contains(&observed));
            } else if known.iter().any(|known| known.expires_at == observed.expires_at) {
                let state = Attributes { expires_at: None, ..observed };
                prop_assert!(next.at_least_as_strict_as(state));
                prop_assert_eq!(next.expires_at, baseline.expires_at, "ours goes, and the original one is back");
            } else {
                prop_assert!(next.at_least_as_strict_as(observed));
            }
            observed = next;
            sets += 1;
            prop_assert!(sets <= 2, "the way back does not end");
        }
    }
}
