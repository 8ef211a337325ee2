//! The clock is handed in: the real one by the executable, one that stands still by tests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chaperone_domain::Instant;

/// Where *now* comes from.
pub trait Clock: Send + Sync {
    /// The instant now, in UTC, as it is shown: somebody may set it.
    fn now(&self) -> Instant;

    /// How long it has run, whatever is shown: nobody can set it. A clock that only moves when it is told to has run
    /// for no time at all.
    fn ran(&self) -> Duration {
        Duration::ZERO
    }
}

/// A clock that never goes back: the highest instant seen so far is the lowest *now*.
///
/// The high water is persisted by the processor and handed in again at start. A clock that is set back by more than
/// [`STEP_BACK_TOLERANCE`] neither lengthens anything nor stands still: from then on time goes on by how long the
/// machine runs, as if nobody had set it.
pub struct HighWaterClock {
    inner: Box<dyn Clock>,
    seen: Mutex<Seen>,
}

/// A clock that is set back by at most this is waited for. More is told as an audit event, and time goes on without it.
pub const STEP_BACK_TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

struct Seen {
    /// The lowest *now*, in microseconds.
    high_water_us: i64,
    /// What was shown, less how long the clock had run then: with how long it has run now, it is what would be shown if
    /// nobody had set it.
    start_us: i64,
    /// How far the clock was behind when it was looked at last.
    behind_us: i64,
    went_back: Option<Instant>,
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl HighWaterClock {
    /// A clock over `inner` that begins at the stored high water, if there is one.
    pub fn new(inner: Box<dyn Clock>, stored: Option<Instant>) -> Self {
        let high_water_us = stored.map_or(i64::MIN, Instant::as_microsecond);
        let start_us = high_water_us.saturating_sub(micros(inner.ran()));
        let seen = Seen { high_water_us, start_us, behind_us: 0, went_back: None };
        Self { inner, seen: Mutex::new(seen) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Raises the high water to what is stored.
    pub fn raise(&self, stored: Instant) {
        let mut seen = self.seen();
        seen.high_water_us = seen.high_water_us.max(stored.as_microsecond());
    }

    /// The instant that the clock showed when it was found set back; told once for each time that it is.
    pub fn take_step_back(&self) -> Option<Instant> {
        self.seen().went_back.take()
    }
}

impl Clock for HighWaterClock {
    fn now(&self) -> Instant {
        let tolerance_us = i64::try_from(STEP_BACK_TOLERANCE.as_micros()).unwrap_or(i64::MAX);
        let mut seen = self.seen();
        // Asked inside, so that what is shown and how long it ran belong together.
        let (shown, ran_us) = (self.inner.now(), micros(self.inner.ran()));
        let shown_us = shown.as_microsecond();
        let unset_us = seen.start_us.saturating_add(ran_us);
        let behind_us = unset_us.saturating_sub(shown_us);
        if behind_us > tolerance_us {
            if behind_us.saturating_sub(seen.behind_us) > tolerance_us {
                seen.went_back = Some(shown);
            }
            seen.behind_us = behind_us;
            seen.high_water_us = seen.high_water_us.max(unset_us);
        } else {
            seen.behind_us = 0;
            seen.start_us = shown_us.saturating_sub(ran_us);
            seen.high_water_us = seen.high_water_us.max(shown_us);
        }
        Instant::from_microsecond(seen.high_water_us).unwrap_or(shown)
    }

    fn ran(&self) -> Duration {
        self.inner.ran()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows one second after the other.
    struct Scripted(Mutex<Vec<i64>>);

    impl Clock for Scripted {
        fn now(&self) -> Instant {
            let second = self.0.lock().expect("not poisoned").remove(0);
            Instant::from_second(second).expect("in range")
        }
    }

    /// Shows the first second of each pair when it has run for the second one.
    struct Running(Mutex<Vec<(i64, u64)>>);

    impl Clock for Running {
        fn now(&self) -> Instant {
            Instant::from_second(self.0.lock().expect("not poisoned")[0].0).expect("in range")
        }

        fn ran(&self) -> Duration {
            let mut script = self.0.lock().expect("not poisoned");
            let ran = script[0].1;
            if script.len() > 1 {
                script.remove(0);
            }
            Duration::from_secs(ran)
        }
    }

    fn shows(stored: Option<i64>, script: &[(i64, u64)]) -> (HighWaterClock, Vec<i64>) {
        let stored = stored.map(|second| Instant::from_second(second).expect("in range"));
        // Making the clock asks how long it ran.
        let script = [&script[..1], script].concat();
        let times = script.len() - 1;
        let clock = HighWaterClock::new(Box::new(Running(Mutex::new(script))), stored);
        let shown = (0..times).map(|_| clock.now().as_second()).collect();
        (clock, shown)
    }

    #[test]
    fn a_clock_set_back_far_stops_no_time() {
        let (clock, shown) = shows(None, &[(1_000, 0), (1_010, 10), (20, 20), (25, 25), (1_030, 30)]);
        assert_eq!(shown, [1_000, 1_010, 1_020, 1_025, 1_030]);
        assert_eq!(clock.take_step_back().map(Instant::as_second), Some(20), "told once");
        assert_eq!(clock.take_step_back(), None);
    }

    #[test]
    fn a_clock_set_back_a_little_is_waited_for() {
        let (clock, shown) = shows(None, &[(1_000, 0), (1_009, 10), (1_010, 11), (1_011, 12)]);
        assert_eq!(shown, [1_000, 1_009, 1_010, 1_011]);
        assert_eq!(clock.take_step_back(), None);
    }

    #[test]
    fn started_again_with_a_clock_that_was_set_back_time_goes_on_from_what_is_stored() {
        let (clock, shown) = shows(Some(1_000), &[(20, 5), (30, 15)]);
        assert_eq!(shown, [1_000, 1_010]);
        assert_eq!(clock.take_step_back().map(Instant::as_second), Some(20));
    }

    #[test]
    fn a_clock_set_back_never_takes_now_back() {
        let clock = HighWaterClock::new(Box::new(Scripted(Mutex::new(vec![100, 50, 101]))), None);
        assert_eq!(clock.now().as_second(), 100);
        assert_eq!(clock.now().as_second(), 100);
        assert_eq!(clock.take_step_back().map(Instant::as_second), Some(50));
        assert_eq!(clock.now().as_second(), 101);
        assert_eq!(clock.take_step_back(), None);
    }

    #[test]
    fn the_stored_high_water_is_the_lowest_now() {
        let stored = Instant::from_second(500).ok();
        let clock = HighWaterClock::new(Box::new(Scripted(Mutex::new(vec![100]))), stored);
        assert_eq!(clock.now().as_second(), 500);
    }
}
