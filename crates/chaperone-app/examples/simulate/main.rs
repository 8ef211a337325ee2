//! The simulator: the real use cases over a real database, with everything around them decided by a seed. Nodes that
//! are killed or sleep, commits that fail before or after, a directory that is away, slow, or carries something out
//! late, clocks that jump, and other people's changes; then all is let go on, and every account has to be what it was.
//!
//! ```sh
//! simulate --seeds 1000             # the schedules 0 to 999
//! simulate --seeds 1 --from 77 --show  # one of them, step by step
//! ```
//!
//! The last line is `{"schedules":…,"wrong":…,"seconds":…}`. A schedule that is wrong is named on the way, and ends it
//! with an error.

#![allow(unreachable_pub, reason = "each module uses its part of the others")]

mod check;
mod dice;
mod hub;
mod people;
mod plan;
mod run;
mod schedule;
mod tell;
mod world;

use std::io::Write as _;

/// How it is called.
const USAGE: &str = "simulate [--seeds N] [--from S] [--threads T] [--show]";
/// Wrong schedules after which it does not go on.
const ENOUGH: usize = 20;

fn number(arguments: &mut impl Iterator<Item = String>) -> Result<u64, world::Failed> {
    Ok(arguments.next().ok_or(USAGE)?.parse()?)
}

fn main() -> Result<std::process::ExitCode, world::Failed> {
    let (mut seeds, mut from, mut threads, mut show) = (1_000, 0, 2, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => seeds = number(&mut arguments)?,
            "--from" => from = number(&mut arguments)?,
            "--threads" => threads = number(&mut arguments)?,
            "--show" => show = true,
            _ => return Err(USAGE.into()),
        }
    }
    #[expect(clippy::disallowed_methods, reason = "a measurement lives by the real clock")]
    let begun = std::time::Instant::now();
    let found = if show {
        let mut found = Vec::new();
        for seed in from..from + seeds {
            let wrong = schedule::Schedule::run(&mut world::World::new()?, seed, true)?;
            found.extend(wrong.map(|wrong| (seed, wrong.0)));
        }
        found
    } else {
        run::run(from, seeds, threads, ENOUGH)?
    };
    let mut out = std::io::stdout().lock();
    for (seed, wrong) in &found {
        writeln!(out, "seed {seed}: {wrong}; see it with --seeds 1 --from {seed} --show")?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    writeln!(out, "{{\"schedules\":{seeds},\"wrong\":{},\"seconds\":{seconds:.1}}}", found.len())?;
    Ok(if found.is_empty() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE })
}
