//! Many privileged sessions that are due in the same second: how long after its time each is Active, and how long
//! after its end its account is back; beside what the directory or the disk alone takes for as many changes.

use std::path::Path;

use serde_json::Value;

use super::append::synchronous_writes;
use crate::build;
use crate::postgres::{Durability, Postgres};
use crate::process::Program;
use crate::project::{Failure, Outcome, failed};

/// What is measured: sessions, whether their accounts are roles of a PostgreSQL server, and whether the store is on
/// PostgreSQL.
const CASES: &[(u32, bool, bool)] =
    &[(1_000, true, false), (1_000, true, true), (10_000, false, false), (10_000, false, true)];

/// A goal, in milliseconds.
const STARTS_P99_MS: f64 = 2_000.0;
const BACK_P99_MS: f64 = 5_000.0;
const MANY_STARTED_MS: f64 = 10_000.0;

pub(crate) fn measure() -> Outcome {
    let example = build::example("due_at_once")?;
    let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
    let postgres = Postgres::start(Durability::Full)?;
    println!(
        "\n| sessions | directory | store | | p50 s | p99 s | all s | ÷ bare changes | events | commits |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut missed = Vec::new();
    for (number, (sessions, roles, on_postgres)) in CASES.iter().enumerate() {
        let database = if *on_postgres {
            postgres.database(&format!("due_{number}"))?
        } else {
            format!("sqlite:{}", folder.path().join(format!("{number}.db")).display())
        };
        let case = Case { sessions: *sessions, roles: *roles, on_postgres: *on_postgres };
        missed.extend(case.measure(&example, folder.path(), &database)?);
    }
    println!();
    if missed.is_empty() { Ok(()) } else { failed(missed.join("; ")) }
}

struct Case {
    sessions: u32,
    roles: bool,
    on_postgres: bool,
}

impl Case {
    /// Measures and prints; answers the goals that were missed.
    fn measure(&self, example: &Path, folder: &Path, database: &str) -> Outcome<Vec<String>> {
        let sessions = self.sessions.to_string();
        let run = |directory: &str| Program::new(example).args([database, &sessions, directory]).text();
        let (said, bare_ms) = if self.roles {
            // A server of its own: what the store does on its server is not what the directory does on this one.
            let server = Postgres::start(Durability::Full)?;
            (run(server.url())?, None)
        } else {
            let each_ms = 1_000.0 / synchronous_writes(folder)?;
            (run("built-in")?, Some(each_ms * f64::from(self.sessions)))
        };
        let said = super::json(said.trim())?;
        let bare_ms = bare_ms.or(said["bare_ms"].as_f64()).ok_or_else(|| missing("bare_ms", &said))?;
        let mut p99 = Vec::new();
        for side in ["start", "back"] {
            let of = |name: &str| said[side][name].as_f64().ok_or_else(|| missing(name, &said));
            println!(
                "| {} | {} | {} | {side} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.2} |",
                self.sessions,
                if self.roles { "PostgreSQL roles" } else { "built-in" },
                if self.on_postgres { "PostgreSQL" } else { "SQLite" },
                of("p50_ms")? / 1_000.0,
                of("p99_ms")? / 1_000.0,
                of("last_ms")? / 1_000.0,
                of("last_ms")? / bare_ms,
                of("events")?,
                of("commits")?,
            );
            p99.push((of("p99_ms")?, of("last_ms")?));
        }
        Ok(self.missed(&p99))
    }

    /// The goals: 1,000 on PostgreSQL roles start within 2 s and are back within 5 s (p99), 10,000 on the built-in
    /// directory have all started within 10 s.
    fn missed(&self, p99: &[(f64, f64)]) -> Vec<String> {
        let [(start_p99, start_last), (back_p99, _)] = p99 else { return Vec::new() };
        let goals = if self.roles {
            vec![("start p99", *start_p99, STARTS_P99_MS), ("back p99", *back_p99, BACK_P99_MS)]
        } else {
            vec![("all started", *start_last, MANY_STARTED_MS)]
        };
        let over = goals.into_iter().filter(|(_, found, goal)| found > goal);
        over.map(|(what, found, goal)| {
            format!("{} sessions: {what} after {found:.0} ms, the goal is {goal:.0} ms", self.sessions)
        })
        .collect()
    }
}

fn missing(name: &str, said: &Value) -> Failure {
    Failure(format!("the measurement did not say {name}: {said}"))
}
