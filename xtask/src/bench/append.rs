//! Audit events per second that are durable when they are acknowledged, on both databases; beside what the disk
//! itself can do with one small write after the other.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{ROUNDS, median};
use crate::build;
use crate::postgres::{Durability, Postgres};
use crate::process::Program;
use crate::project::Outcome;

/// How many write at the same time: one, as the background process does, and many, as the doors of a busy node.
const WRITERS: [&str; 2] = ["1", "256"];
/// What is appended.
const KINDS: [(&str, &str); 2] = [("events", "an event"), ("changes", "a session with its event")];
/// The size of a block of the disk.
const BLOCK_BYTES: usize = 4096;
/// How long the disk alone is measured before each run.
const DISK: Duration = Duration::from_secs(1);

pub(crate) fn measure(seconds: u32) -> Outcome {
    let example = build::example("append_events")?;
    let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
    let postgres = Postgres::start(Durability::Full)?;
    let mut number = 0;
    println!("\n| what | database | writers | per second | ÷ synchronous writes of the disk |");
    println!("| --- | --- | --- | --- | --- |");
    for (kind, what) in KINDS {
        for database in ["SQLite", "PostgreSQL"] {
            for writers in WRITERS {
                let mut rounds = Vec::new();
                for _ in 0..ROUNDS {
                    number += 1;
                    let disk = synchronous_writes(folder.path())?;
                    let url = if database == "SQLite" {
                        format!("sqlite:{}", folder.path().join(format!("{number}.db")).display())
                    } else {
                        postgres.database(&format!("bench_{number}"))?
                    };
                    let said =
                        Program::new(&example).args([&url, writers, kind, &seconds.to_string()]).text()?;
                    let acknowledged = said.lines().filter(|line| line.starts_with("kept ")).count();
                    rounds.push((acknowledged as f64 / f64::from(seconds), disk));
                }
                println!(
                    "| {what} | {database} | {writers} | {:.0} | {:.2} |",
                    median(rounds.iter().map(|(rate, _)| *rate)),
                    median(rounds.iter().map(|(rate, disk)| rate / disk)),
                );
            }
        }
    }
    println!();
    Ok(())
}

/// Blocks per second, each synchronised before the next is written.
pub(super) fn synchronous_writes(folder: &Path) -> Outcome<f64> {
    let mut file = File::create(folder.join("blocks"))?;
    let began = Instant::now();
    let mut written = 0_u32;
    while began.elapsed() < DISK {
        file.write_all(&[0x5a; BLOCK_BYTES])?;
        file.sync_data()?;
        written += 1;
    }
    Ok(f64::from(written) / began.elapsed().as_secs_f64())
}
