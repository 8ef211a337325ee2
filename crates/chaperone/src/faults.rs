//! What crash tests and clock tests may do to the process, in builds with the feature `faults` and in no other.
//!
//! | variable | what it does |
//! | --- | --- |
//! | `CHAPERONE_FAULT` | the process kills itself at the step of this name; `name:3` means the third time |
//! | `CHAPERONE_CLOCK_OFFSET_FILE` | a file with seconds that the clock is ahead; it is read each time the clock is |

use std::time::Duration;

use chaperone_app::clock::Clock;
use chaperone_app::faults::Faults;
use chaperone_domain::Instant;

/// The machine's clock, from when the node was opened.
struct SystemClock {
    opened: std::time::Instant,
}

impl SystemClock {
    #[expect(clippy::disallowed_methods, reason = "how long the machine runs is read here and in `ran` only")]
    fn new() -> Self {
        Self { opened: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn ran(&self) -> Duration {
        self.opened.elapsed()
    }
}

/// The clock that a node reads.
#[cfg(not(feature = "faults"))]
pub(crate) fn clock() -> Box<dyn Clock> {
    Box::new(SystemClock::new())
}

/// Named steps at which the process stops: none.
#[cfg(not(feature = "faults"))]
pub(crate) fn faults() -> Faults {
    Faults::none()
}

#[cfg(feature = "faults")]
pub(crate) use built_in::{clock, faults};

#[cfg(feature = "faults")]
mod built_in {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// The clock that a node reads.
    pub(crate) fn clock() -> Box<dyn Clock> {
        match std::env::var_os("CHAPERONE_CLOCK_OFFSET_FILE") {
            Some(file) => Box::new(ShiftedClock { clock: SystemClock::new(), file: file.into() }),
            None => Box::new(SystemClock::new()),
        }
    }

    /// The machine's clock, ahead by what a file says.
    struct ShiftedClock {
        clock: SystemClock,
        file: PathBuf,
    }

    impl Clock for ShiftedClock {
        fn now(&self) -> Instant {
            let text = std::fs::read_to_string(&self.file).unwrap_or_default();
            let ahead_s: i64 = text.trim().parse().unwrap_or_default();
            let shown = self.clock.now();
            let moved_us = shown.as_microsecond().saturating_add(ahead_s.saturating_mul(1_000_000));
            Instant::from_microsecond(moved_us).unwrap_or(shown)
        }

        fn ran(&self) -> Duration {
            self.clock.ran()
        }
    }

    /// The step of `CHAPERONE_FAULT`, where the process kills itself.
    pub(crate) fn faults() -> Faults {
        let Ok(wanted) = std::env::var("CHAPERONE_FAULT") else { return Faults::none() };
        let (wanted, time) = match wanted.split_once(':') {
            Some((step, time)) => (step.to_owned(), time.parse().unwrap_or(1)),
            None => (wanted, 1),
        };
        let reached = AtomicU64::new(0);
        Faults::new(move |step| {
            if step == wanted && reached.fetch_add(1, Ordering::SeqCst) + 1 == time {
                // Not an exit: nothing is flushed, nothing is dropped, as with `kill -9`.
                std::process::abort();
            }
        })
    }
}
