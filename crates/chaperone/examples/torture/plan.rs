//! How a process dies next, and what its directory suffers meanwhile.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

/// How long a process may live once it listens, in milliseconds.
const LIFE_MS: Range<u64> = 20..1_600;
/// How long it may take to reach the step at which it is to die, in milliseconds; then it is killed all the same.
const FAULT_MS: u64 = 2_500;
/// How long a process lives that is killed while it starts, in milliseconds.
const START_MS: Range<u64> = 0..400;
/// When something happens to the directory after the start, in milliseconds, and for how long.
const TROUBLE_FROM_MS: Range<u64> = 0..900;
const TROUBLE_FOR_MS: Range<u64> = 100..1_500;
/// Which visit of a step kills.
const VISITS: Range<u64> = 1..5;

/// The steps around every effect on an account.
const STEPS: [&str; 17] = [
    "start.intended",
    "hold.observed",
    "start.grant_intended",
    "lease.taken",
    "forward.before_set",
    "forward.after_set",
    "start.proved",
    "status.written",
    "end.back_intended",
    "back.before_set",
    "back.after_set",
    "end.before_close",
    "end.released",
    "switch.intended",
    "extend.written",
    "back.stricter_intended",
    "again.back_intended",
];

/// How a process dies.
#[derive(Clone, Debug)]
pub(crate) enum Death {
    /// Twice in a row, each time while it starts.
    Starting(Duration, Duration),
    /// At a step, or after this time.
    AtStep(String, Duration),
    /// After this time.
    Sometime(Duration),
}

/// What happens to the directory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Suffers {
    /// Its processes are stopped in the middle of what they do, and nothing gets to it.
    Stopped,
    /// Nothing gets to it.
    Silent,
    /// Its connections are ended, and new ones too.
    Cut,
}

/// Something that happens to the directory, from when and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trouble {
    pub(crate) suffers: Suffers,
    pub(crate) from: Duration,
    pub(crate) lasts: Duration,
}

/// One life of a process.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) death: Death,
    pub(crate) trouble: Option<Trouble>,
}

fn ms(rng: &mut Rng, range: Range<u64>) -> Duration {
    Duration::from_millis(rng.u64(range))
}

impl Plan {
    /// The next one.
    pub(crate) fn next(rng: &mut Rng) -> Self {
        let death = match rng.u8(0..100) {
            0..15 => Death::Starting(ms(rng, START_MS), ms(rng, START_MS)),
            15..65 => {
                let (step, visit) = (STEPS[rng.usize(..STEPS.len())], rng.u64(VISITS));
                Death::AtStep(format!("{step}:{visit}"), Duration::from_millis(FAULT_MS))
            }
            _ => Death::Sometime(ms(rng, LIFE_MS)),
        };
        let trouble = (rng.u8(0..100) < 35).then(|| Trouble {
            suffers: match rng.u8(0..3) {
                0 => Suffers::Stopped,
                1 => Suffers::Silent,
                _ => Suffers::Cut,
            },
            from: ms(rng, TROUBLE_FROM_MS),
            lasts: ms(rng, TROUBLE_FOR_MS),
        });
        Self { death, trouble }
    }
}
