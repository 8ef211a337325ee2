//! How a sign-in was used at one target: active and idle time, from its exchanges.
//!
//! The gateway sees exchanges and no person. The time between two exchanges at a target counts as *active* when it is
//! at most [`ACTIVITY_GAP`], and as *idle* otherwise; so both together are the time from the first exchange to the
//! last. A page that asks by itself every minute is active as long as it is open: what a person did is in the
//! recording. Nothing is assumed about the time behind the last exchange.

use jiff::SignedDuration;

use crate::Instant;
use crate::ids::TargetId;

/// Exchanges that are further apart than this have idle time between them.
pub const ACTIVITY_GAP: SignedDuration = SignedDuration::from_mins(5);

/// The use of one target in one sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetUse {
    /// Where.
    pub target_id: TargetId,
    /// The first exchange.
    pub first_at: Instant,
    /// The last exchange.
    pub last_at: Instant,
    /// Time between exchanges that were close to one another.
    pub active: SignedDuration,
    /// The other time between the first and the last exchange.
    pub idle: SignedDuration,
}

impl TargetUse {
    /// The first exchange at a target.
    pub const fn begun(target_id: TargetId, at: Instant) -> Self {
        Self {
            target_id,
            first_at: at,
            last_at: at,
            active: SignedDuration::ZERO,
            idle: SignedDuration::ZERO,
        }
    }

    /// One more exchange; one that was overtaken by a later one changes nothing.
    pub fn used(&mut self, at: Instant) {
        if at <= self.last_at {
            return;
        }
        let gap = at.duration_since(self.last_at);
        let time = if gap <= ACTIVITY_GAP { &mut self.active } else { &mut self.idle };
        *time = time.saturating_add(gap);
        self.last_at = at;
    }

    /// The same use, with nothing counted yet: what comes is counted from its last exchange on.
    #[must_use]
    pub const fn going_on(self) -> Self {
        Self { active: SignedDuration::ZERO, idle: SignedDuration::ZERO, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(second: i64) -> Instant {
        Instant::from_second(1_700_000_000 + second).expect("in range")
    }

    fn used(seconds: &[i64]) -> TargetUse {
        let mut used = TargetUse::begun(TargetId::new(Uuid::nil()), at(seconds[0]));
        seconds[1..].iter().for_each(|second| used.used(at(*second)));
        used
    }

    #[test]
    fn pauses_of_up_to_five_minutes_are_active_and_longer_ones_idle() {
        let table = [
            (&[0][..], 0, 0),
            (&[0, 300], 300, 0),
            (&[0, 301], 0, 301),
            (&[0, 10, 400, 420], 30, 390),
            // One that was overtaken, and one in the same moment.
            (&[0, 100, 50, 100], 100, 0),
        ];
        for (seconds, active, idle) in table {
            let used = used(seconds);
            assert_eq!((used.active.as_secs(), used.idle.as_secs()), (active, idle), "{seconds:?}");
        }
    }

    proptest! {
        #[test]
        fn active_and_idle_time_are_the_time_from_first_to_last(seconds in proptest::collection::vec(0_i64..100_000, 1..40)) {
            let used = used(&seconds);
            prop_assert_eq!(used.active + used.idle, used.last_at.duration_since(used.first_at));
        }
    }
}
