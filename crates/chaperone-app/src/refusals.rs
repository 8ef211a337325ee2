//! What is told of refusals: each one by itself as long as there are few, and their number when there are many.
//!
//! Whoever is refused again and again must neither fill the trail nor go unseen. The first refusals of a kind in a
//! [`WINDOW`] are an event each; the last of these says that more are counted from there on, and the processor writes
//! down how many there were as soon as the window is over. What is only counted is lost when the process is killed
//! within the window; the trail says since when it was counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chaperone_domain::Instant;
use jiff::SignedDuration;

/// For so long refusals of a kind belong together.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(10);
/// Refusals of a kind that are told one by one in a window.
pub const EACH_MAX: u32 = 10;
/// Refusals of all kinds together that are told one by one in a window.
pub const ALL_MAX: u32 = 500;
/// Kinds that are remembered in a window; what is of others is counted together.
const KINDS_MAX: usize = 10_000;
/// Kinds whose number is told by itself at the end of a window; the others are told together.
const COUNTED_KINDS_MAX: usize = 20;
/// What those are called.
const OTHERS: &str = "others";

/// Whether a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// By an event of its own.
    Told {
        /// The next ones of its kind are only counted for a while.
        more_are_counted: bool,
    },
    /// With the number of others.
    Counted,
}

/// Refusals of a kind that were only counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// What they have in common: who, where, why.
    pub(crate) what: String,
    /// How many.
    pub(crate) count: u64,
    /// Since when.
    pub(crate) since: Instant,
}

struct Kind {
    began: Instant,
    told: u32,
    counted: u64,
}

#[derive(Default)]
struct Kinds {
    kinds: HashMap<String, Kind>,
    /// The window of all kinds together.
    all: Option<Kind>,
}

/// Refusals of this moment.
#[derive(Default)]
pub struct Refusals(Mutex<Kinds>);

fn is_over(kind: &Kind, now: Instant) -> bool {
    now.duration_since(kind.began) >= WINDOW
}

impl Refusals {
    /// Whether a refusal of this kind is told.
    pub(crate) fn tell(&self, kind: String, now: Instant) -> Telling {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kinds { kinds, all } = &mut *kinds;
        let fresh = || Kind { began: now, told: 0, counted: 0 };
        let all = all.get_or_insert_with(fresh);
        if is_over(all, now) {
            (all.began, all.told) = (now, 0);
        }
        if kinds.len() >= KINDS_MAX && !kinds.contains_key(&kind) {
            all.counted += 1;
            return Telling::Counted;
        }
        let kind = kinds.entry(kind).or_insert_with(fresh);
        // What was counted before stays until the processor has told it.
        if is_over(kind, now) && kind.counted == 0 {
            *kind = fresh();
        }
        if kind.told >= EACH_MAX || all.told >= ALL_MAX {
            kind.counted += 1;
            return Telling::Counted;
        }
        kind.told += 1;
        all.told += 1;
        Telling::Told { more_are_counted: kind.told == EACH_MAX || all.told == ALL_MAX }
    }

    /// What was counted in windows that are over, or in all of them; told once.
    pub(crate) fn take_counted(&self, now: Instant, of_all: bool) -> Vec<Counted> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counted = Vec::new();
        let mut others = Counted { what: OTHERS.to_owned(), count: 0, since: now };
        if let Some(all) = &mut kinds.all
            && all.counted > 0
            && (of_all || is_over(all, now))
        {
            others.count = std::mem::take(&mut all.counted);
            others.since = all.began;
        }
        kinds.kinds.retain(|what, kind| {
            let over = of_all || is_over(kind, now);
            if over && kind.counted > 0 {
                if counted.len() < COUNTED_KINDS_MAX {
                    counted.push(Counted { what: what.clone(), count: kind.counted, since: kind.began });
                } else {
                    others.count += kind.counted;
                    others.since = others.since.min(kind.began);
                }
            }
            !over
        });
        if others.count > 0 {
            counted.push(others);
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    fn told(refusals: &Refusals, kind: &str, second: i64) -> Telling {
        refusals.tell(kind.to_owned(), at(second))
    }

    #[test]
    fn few_refusals_are_told_one_by_one_and_many_by_their_number() {
        let refusals = Refusals::default();
        for number in 1..=EACH_MAX {
            let more_are_counted = number == EACH_MAX;
            assert_eq!(told(&refusals, "a", 0), Telling::Told { more_are_counted });
        }
        assert_eq!(told(&refusals, "a", 1), Telling::Counted);
        assert_eq!(told(&refusals, "a", 2), Telling::Counted);
        assert_eq!(told(&refusals, "b", 2), Telling::Told { more_are_counted: false });
        assert_eq!(refusals.take_counted(at(9), false), [], "the window goes on");
        let counted = Counted { what: "a".to_owned(), count: 2, since: at(0) };
        assert_eq!(refusals.take_counted(at(10), false), [counted]);
        assert_eq!(refusals.take_counted(at(10), false), [], "told once");
        assert_eq!(told(&refusals, "a", 11), Telling::Told { more_are_counted: false });
    }

    #[test]
    fn what_was_counted_is_not_forgotten_when_nobody_took_it_in_time() {
        let refusals = Refusals::default();
        for _ in 0..=EACH_MAX {
            told(&refusals, "a", 0);
        }
        told(&refusals, "a", 60);
        let counted = refusals.take_counted(at(60), false);
        assert_eq!(counted.iter().map(|counted| counted.count).sum::<u64>(), 2);
    }

    #[test]
    fn a_flood_of_many_kinds_is_counted_too_and_no_refusal_is_lost() {
        let refusals = Refusals::default();
        let mut one_by_one = 0;
        let flood = KINDS_MAX + 500;
        for number in 0..flood {
            if matches!(told(&refusals, &number.to_string(), 0), Telling::Told { .. }) {
                one_by_one += 1;
            }
        }
        assert_eq!(one_by_one, ALL_MAX);
        let counted = refusals.take_counted(at(1), true);
        assert_eq!(counted.len(), COUNTED_KINDS_MAX + 1);
        let sum: u64 = counted.iter().map(|counted| counted.count).sum();
        assert_eq!(sum + u64::from(one_by_one), flood as u64);
    }
}
