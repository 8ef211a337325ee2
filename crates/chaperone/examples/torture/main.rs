//! Kills the executable for real, over and over, and then asks the directories themselves whether every account is
//! what it was before.
//!
//! | file | what |
//! | --- | --- |
//! | `lane` | one installation with its accounts: driven, killed, started again, checked |
//! | `plan` | how a process dies next, and what its directory suffers meanwhile; all of it out of the seed |
//! | `drive` | sessions over the API: asked for, approved, extended, shortened, switched, handed back, ended |
//! | `watch` | what the roles are, looked at past Chaperone all the time |
//! | `check` | once all is calm: accounts, sessions, what was acknowledged |
//! | `trail` | that every change was intended before it was made |
//! | `tally` | what is counted, and what was wrong |
//!
//! `cargo xtask torture` calls it; it needs a PostgreSQL server, which `CHAPERONE_TEST_POSTGRES_URL` names. The same
//! seed makes the same choices; when exactly a process dies is the machine's affair.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "talking to the terminal is its work")]
#![allow(dead_code, reason = "what the executable's tests share is more than this needs")]

mod check;
#[path = "../../tests/executable/client.rs"]
mod client;
mod drive;
mod lane;
#[path = "../../tests/executable/office.rs"]
mod office;
mod plan;
#[path = "../../tests/executable/process.rs"]
mod process;
#[path = "../../tests/executable/roles.rs"]
mod roles;
mod tally;
mod trail;
mod watch;
#[path = "../../tests/executable/wire.rs"]
mod wire;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use tokio::task::JoinSet;

use crate::lane::Lane;
use crate::tally::Tally;

/// How often it says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Kills the executable and looks at every account.
#[derive(Parser)]
struct Arguments {
    /// How often a process is killed
    #[arg(long, default_value_t = 1_000)]
    kills: u64,
    /// Installations side by side
    #[arg(long, default_value_t = 4)]
    lanes: u64,
    /// What is done and how it is killed follow from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let tally = Arc::new(Tally::new(arguments.kills));
    let began = tokio::time::Instant::now();
    let mut lanes = JoinSet::new();
    for number in 0..arguments.lanes.max(1) {
        let (tally, seed) = (tally.clone(), arguments.seed.wrapping_add(number << 32));
        lanes.spawn(async move { Lane::set_up(number, seed, tally).await.run().await });
    }
    let mut progress = tokio::time::interval(PROGRESS_EVERY);
    loop {
        tokio::select! {
            ended = lanes.join_next() => match ended {
                None => break,
                Some(Ok(())) => {}
                Some(Err(error)) => tally.wrong(&format!("a lane broke off: {error}")),
            },
            _ = progress.tick() => eprintln!("    {}", tally.so_far()),
        }
    }
    eprintln!("    {}", tally.so_far());
    for (what, times) in tally.refusals() {
        eprintln!("    {times} × {what}");
    }
    let seconds = began.elapsed().as_secs();
    let counts = tally.counts();
    println!(
        "{}",
        json!({
            "kills": counts.kills, "sessions": counts.sessions, "accounts": counts.accounts, "wrong": counts.wrong,
            "seed": arguments.seed, "seconds": seconds,
        })
    );
    if counts.wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
