//! How long the decision takes whether an access needs a record, inside an interval: what every request pays.
//!
//! ```sh
//! access_decision <threads> <seconds>
//! ```
//!
//! Prints `decision <median ns> <99.9th percentile ns>`, and `hash <median ns>` for what every request with a cookie
//! pays besides, the hash of its secret. The bench reads its lines. Ten thousand users are known, each asked about on
//! both ways in.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chaperone_app::access_records::{AccessRecords, Place};
use chaperone_app::secrets;
use chaperone_domain::ids::UserId;
use chaperone_domain::organization::Organization;
use chaperone_domain::sign_in::Channel;
use uuid::Uuid;

/// How it is called.
const USAGE: &str = "access_decision <threads> <seconds>";
/// Users whose intervals are known.
const USERS: u128 = 10_000;
/// Decisions that are timed together, so that reading the clock does not count.
const AT_ONCE: u32 = 64;
/// The instant of the accesses, in seconds; intervals end an hour later.
const NOW_S: i64 = 1_790_000_000;

#[expect(clippy::disallowed_methods, reason = "a measurement lives by the real clock")]
fn now() -> Instant {
    Instant::now()
}

/// Runs the work again and again for that long; nanoseconds of one, each the mean of [`AT_ONCE`].
fn timed(lasts: Duration, mut work: impl FnMut(u32)) -> Vec<u64> {
    let (began, mut times, mut number) = (now(), Vec::new(), 0_u32);
    while began.elapsed() < lasts {
        let before = now();
        for _ in 0..AT_ONCE {
            work(number);
            number = number.wrapping_add(1);
        }
        let took = before.elapsed().as_nanos() / u128::from(AT_ONCE);
        times.push(u64::try_from(took).unwrap_or(u64::MAX));
    }
    times
}

fn at(mut times: Vec<u64>, permille: usize) -> u64 {
    times.sort_unstable();
    times.get(times.len() * permille / 1000).copied().unwrap_or_default()
}

fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [threads, seconds] = arguments.as_slice() else { return Err(USAGE) };
    let threads: usize = threads.parse().map_err(|_| USAGE)?;
    let lasts = Duration::from_secs(seconds.parse().map_err(|_| USAGE)?);
    let records = Arc::new(AccessRecords::new(&Organization::preset()));
    let instant = chaperone_domain::Instant::from_second(NOW_S).map_err(|_| "an instant")?;
    let until = chaperone_domain::Instant::from_second(NOW_S + 3_600).map_err(|_| "an instant")?;
    for user in 0..USERS {
        for channel in [Channel::Web, Channel::WebServices] {
            records.quiet_until(UserId::new(Uuid::from_u128(user)), channel, until);
        }
    }
    let decide = move |records: &AccessRecords, number: u32| {
        let user = UserId::new(Uuid::from_u128(u128::from(number.wrapping_mul(2_654_435_761)) % USERS));
        let channel = if number.is_multiple_of(2) { Channel::Web } else { Channel::WebServices };
        records.is_quiet(user, channel, Place::Console, instant)
    };
    if !(0..1_000).all(|number| decide(&records, number)) {
        return Err("an access inside its interval needs a record");
    }
    let measuring: Vec<_> = (0..threads)
        .map(|_| {
            let records = records.clone();
            std::thread::spawn(move || {
                timed(lasts, |number| {
                    let _quiet = black_box(decide(&records, number));
                })
            })
        })
        .collect();
    let mut times = Vec::new();
    for thread in measuring {
        times.extend(thread.join().map_err(|_| "a thread panicked")?);
    }
    let secret = secrets::new_secret();
    let hashes = timed(lasts, |_| {
        let _hash = black_box(secrets::hash(black_box(&secret)));
    });
    let said = format!("decision {} {}\nhash {}\n", at(times.clone(), 500), at(times, 999), at(hashes, 500));
    std::io::stdout().lock().write_all(said.as_bytes()).map_err(|_| "nobody listens")
}
