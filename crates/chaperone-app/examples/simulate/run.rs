//! Many schedules one after the other, over a database that is made anew from time to time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::schedule::Schedule;
use crate::world::{Failed, World};

/// Schedules over one database.
const OVER_ONE_DATABASE: u64 = 2_000;
/// Schedules after which it says how far it is.
const SAID_AFTER: u64 = 5_000;

/// What was found: the seed and what was wrong with its schedule.
pub type Found = (u64, String);

/// Runs the schedules of these seeds, side by side on so many threads.
pub fn run(from: u64, seeds: u64, threads: u64, enough: usize) -> Result<Vec<Found>, Failed> {
    let (next, over) = (AtomicU64::new(from), AtomicBool::new(false));
    let found = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (next, over, found) = (&next, &over, &found);
                scope.spawn(move || {
                    stay(thread);
                    work(from, from + seeds, next, over, found, enough)
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok::<_, Failed>(())
    })?;
    let mut found = found.into_inner().map_err(|_| "a worker panicked")?;
    found.sort();
    Ok(found)
}

/// The thread and those that it starts stay on one processor: a database's own threads answer without waking up another,
/// which nearly doubles the schedules of a second.
#[cfg(target_os = "linux")]
fn stay(thread: u64) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let processors: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let index = usize::try_from(thread).unwrap_or_default() % processors.len().max(1);
    if let Some(processor) = processors.get(index) {
        let mut one = CpuSet::new();
        one.set(*processor);
        // Where it is not allowed, it is only slower.
        let _ = sched_setaffinity(None, &one);
    }
}

#[cfg(not(target_os = "linux"))]
fn stay(_thread: u64) {}

fn work(
    from: u64,
    end: u64,
    next: &AtomicU64,
    over: &AtomicBool,
    found: &std::sync::Mutex<Vec<Found>>,
    enough: usize,
) -> Result<(), Failed> {
    loop {
        let mut world = World::new()?;
        for _ in 0..OVER_ONE_DATABASE {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || over.load(Ordering::Relaxed) {
                return Ok(());
            }
            if seed > from && (seed - from).is_multiple_of(SAID_AFTER) {
                say(seed - from, end - from, found)?;
            }
            let wrong =
                Schedule::run(&mut world, seed, false).map_err(|error| format!("seed {seed}: {error}"))?;
            if let Some(wrong) = wrong {
                tell(seed, &wrong.0);
                let mut found = found.lock().map_err(|_| "a worker panicked")?;
                found.push((seed, wrong.0));
                if found.len() >= enough {
                    over.store(true, Ordering::Relaxed);
                }
                drop(found);
                // What it left behind is not for the next one.
                world = World::new()?;
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "who waits for a long run may look at it already")]
fn tell(seed: u64, wrong: &str) {
    eprintln!("seed {seed}: {wrong}");
}

#[expect(clippy::print_stderr, reason = "a long run says how far it is")]
fn say(begun: u64, seeds: u64, found: &std::sync::Mutex<Vec<Found>>) -> Result<(), Failed> {
    let wrong = found.lock().map_err(|_| "a worker panicked")?.len();
    eprintln!("{begun} of {seeds} schedules, {wrong} wrong");
    Ok(())
}
