//! The clock is handed in: the real one by the executable, one that stands still by tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use chaperone_domain::Instant;

/// Where *now* comes from.
pub trait Clock: Send + Sync {
    /// The instant now, in UTC.
    fn now(&self) -> Instant;
}

/// A clock that never goes back: the highest instant seen so far is the lowest *now*.
///
/// The high water is persisted by the processor and handed in again at start, so that a machine whose clock was
/// set back cannot lengthen anything.
pub struct HighWaterClock {
    inner: Box<dyn Clock>,
    high_water_us: AtomicI64,
    went_back: Mutex<Option<Instant>>,
}

/// A step back of more than this is told as an audit event.
pub const STEP_BACK_TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

impl HighWaterClock {
    /// A clock over `inner` that begins at the stored high water, if there is one.
    pub fn new(inner: Box<dyn Clock>, stored: Option<Instant>) -> Self {
        let start = stored.map_or(i64::MIN, Instant::as_microsecond);
        Self { inner, high_water_us: AtomicI64::new(start), went_back: Mutex::new(None) }
    }

    /// Raises the high water to what is stored.
    pub fn raise(&self, stored: Instant) {
        self.high_water_us.fetch_max(stored.as_microsecond(), Ordering::AcqRel);
    }

    /// The instant that the clock showed when it was last found behind the high water; asked once.
    pub fn take_step_back(&self) -> Option<Instant> {
        self.went_back.lock().ok().and_then(|mut seen| seen.take())
    }
}

impl Clock for HighWaterClock {
    fn now(&self) -> Instant {
        let shown = self.inner.now();
        let shown_us = shown.as_microsecond();
        let before_us = self.high_water_us.fetch_max(shown_us, Ordering::AcqRel);
        if before_us <= shown_us {
            return Instant::from_microsecond(shown_us).unwrap_or(shown);
        }
        let before = Instant::from_microsecond(before_us).unwrap_or(shown);
        if before.duration_since(shown) > STEP_BACK_TOLERANCE
            && let Ok(mut seen) = self.went_back.lock()
        {
            *seen = Some(shown);
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scripted(Mutex<Vec<i64>>);

    impl Clock for Scripted {
        fn now(&self) -> Instant {
            let second = self.0.lock().expect("not poisoned").remove(0);
            Instant::from_second(second).expect("in range")
        }
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
