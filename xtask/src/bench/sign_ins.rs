//! Sign-ins in great number, on both databases: one user's week, Export grid of a million rows by the executable, and
//! how many are recorded in a second.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::append::synchronous_writes;
use super::{ROUNDS, median};
use crate::build::{self, Profile};
use crate::postgres::{Durability, Postgres};
use crate::process::{Program, Started, free_port};
use crate::project::{Failure, Outcome, failed};

/// Rows that are exported.
const EXPORTED: u64 = 1_000_000;
/// The made-up sign-ins come in over a year from here; an export takes the last of them.
const BEGIN_S: u64 = 1_760_000_000;
const YEAR_S: u64 = 365 * 86_400;
/// Formats beside CSV, each measured once.
const OTHER_FORMATS: [&str; 3] = ["xlsx", "jsonl", "parquet"];
/// Questions for one user's week.
const QUESTIONS: &str = "1000";
/// How many write at the same time.
const WRITERS: &str = "64";
/// How long the executable may take until it listens.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// A goal: one user's week (p95), in milliseconds.
const WEEK_LIMIT_MS: f64 = 50.0;
/// A goal: all [`EXPORTED`] rows as CSV, in seconds.
const EXPORT_LIMIT_S: f64 = 10.0;
/// A goal: what that takes of memory above what the idle process has, in MiB.
const ABOVE_IDLE_LIMIT_MIB: f64 = 64.0;
/// The password of the first administrator.
const PASSWORD: &str = "measured-and-forgotten";
const KIB: f64 = 1024.0;

/// A row of a table, and the goals that its figures missed.
type Measured = (String, Vec<String>);

/// Everything on both databases, with so many sign-ins.
pub(crate) fn measure(rows: u64, seconds: u32) -> Outcome {
    let example = build::example("sign_ins")?;
    let executable = build::executable_with(Profile::Release, build::MEASURED)?;
    let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
    let postgres = Postgres::start(Durability::Full)?;
    let exported = EXPORTED.min(rows);
    println!("\n{rows} sign-ins; one user's week is a page of 100, a row is one that is read by its id\n");
    let mut tables = [
        vec!["| database | week p50 ms | week p95 ms | row p95 ms | week ÷ row | totals of everybody's week ms |".to_owned()],
        vec![format!(
            "| database | CSV of {exported} rows, s | rows/s | MiB above idle | ÷ sha256sum of the file |"
        )],
        vec![format!("| database | {} |", OTHER_FORMATS.map(|name| format!("{name}, s | MiB above idle")).join(" | "))],
        vec!["| database | sign-ins recorded per second | ÷ synchronous writes of the disk |".to_owned()],
    ];
    for table in &mut tables {
        let columns = table[0].matches('|').count() - 1;
        table.push(format!("|{}", " --- |".repeat(columns)));
    }
    let mut missed = Vec::new();
    for database in ["SQLite", "PostgreSQL"] {
        let place = folder.path().join(database);
        fs::create_dir(&place)?;
        let url = match database {
            "SQLite" => format!("sqlite:{}", place.join("chaperone.db").display()),
            _ => postgres.database("bench_sign_ins")?,
        };
        let installation = Installation::new(place, &url)?;
        // The first start makes the tables, and the administrator who exports.
        drop(installation.start(&executable)?);
        let began = Instant::now();
        Program::new(&example).args([&url, "fill", &rows.to_string()]).text()?;
        eprintln!("    {database} filled in {:.0} s", began.elapsed().as_secs_f64());
        let week = week(&example, &url)?;
        let (csv, others) = installation.export(&executable, rows, exported)?;
        let measured =
            [week, csv, (others, Vec::new()), (record(&example, &url, folder.path(), seconds)?, Vec::new())];
        for (table, (row, goals)) in tables.iter_mut().zip(measured) {
            table.push(format!("| {database} | {row} |"));
            missed.extend(goals.iter().map(|goal| format!("{database}: {goal}")));
        }
    }
    for table in tables {
        println!("{}\n", table.join("\n"));
    }
    if missed.is_empty() { Ok(()) } else { failed(missed.join("; ")) }
}

/// A goal that was missed, as a sentence; a figure that is no number misses it too.
fn over(what: &str, found: f64, limit: f64, unit: &str) -> Option<String> {
    (found.is_nan() || found > limit)
        .then(|| format!("{what} is {found:.1} {unit}, the goal is {limit:.0} {unit}"))
}

/// The last of several rounds: the first ones bring the pages that all questions need into memory.
fn week(example: &Path, url: &str) -> Outcome<Measured> {
    let mut said = Value::Null;
    for _ in 0..ROUNDS {
        said = super::json(&Program::new(example).args([url, "week", QUESTIONS]).text()?)?;
    }
    let number = |name: &str| said[name].as_f64().unwrap_or(f64::NAN);
    if said["rows"].as_u64().unwrap_or_default() == 0 {
        return failed("no sign-in was found in any week");
    }
    let (p95, row) = (number("week_p95_ms"), number("row_p95_ms"));
    let (p50, totals) = (number("week_p50_ms"), number("totals_ms"));
    let missed = over("one user's week (p95)", p95, WEEK_LIMIT_MS, "ms").into_iter().collect();
    Ok((format!("{p50:.2} | {p95:.2} | {row:.2} | {:.1} | {totals:.0}", p95 / row), missed))
}

fn record(example: &Path, url: &str, folder: &Path, seconds: u32) -> Outcome<String> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let disk = synchronous_writes(folder)?;
        let said = Program::new(example).args([url, "record", WRITERS, &seconds.to_string()]).text()?;
        if let Some(refused) = said.lines().find(|line| line.starts_with("refused")) {
            return failed(refused.to_owned());
        }
        rounds.push((said.lines().count() as f64 / f64::from(seconds), disk));
    }
    Ok(format!(
        "{:.0} | {:.2}",
        median(rounds.iter().map(|(rate, _)| *rate)),
        median(rounds.iter().map(|(rate, disk)| rate / disk))
    ))
}

/// A configuration with its folder.
struct Installation {
    place: PathBuf,
    port: u16,
}

impl Installation {
    fn new(place: PathBuf, url: &str) -> Outcome<Self> {
        let port = free_port()?;
        fs::write(place.join("password"), PASSWORD)?;
        let file = |name: &str| format!("{:?}", place.join(name).display().to_string());
        let config = format!(
            "data_dir = {}\nmaster_key_file = {}\ndatabase_url = {url:?}\nlisten = ['127.0.0.1:{port}']\n\
             console_url = 'http://console.localhost:{port}'\nreplay_url = 'http://replay.localhost:{port}'\n\
             first_administrator_password_file = {}\n",
            file("data"),
            file("key"),
            file("password")
        );
        fs::write(place.join("config.toml"), config)?;
        Ok(Self { place, port })
    }

    fn start(&self, executable: &Path) -> Outcome<Started> {
        let mut started = Program::new(executable)
            .args(["serve", "--config"])
            .arg(self.place.join("config.toml"))
            .log(self.place.join("log"))
            .start()?;
        started.wait_until(READY_LIMIT, || self.curl("/readyz").succeeds())?;
        Ok(started)
    }

    fn curl(&self, path: &str) -> Program {
        Program::new("curl")
            .args(["--silent", "--show-error", "--fail", "--header"])
            .arg(format!("Host: console.localhost:{}", self.port))
            .arg(format!("http://127.0.0.1:{}{path}", self.port))
    }

    /// The console's cookie of the administrator.
    fn cookie(&self) -> Outcome<String> {
        let body = format!("{{\"user_name\": \"admin\", \"password\": \"{PASSWORD}\"}}");
        let said = self
            .curl("/api/v1/sign-in")
            .args(["--include", "--header", "Content-Type: application/json", "--data", &body])
            .text()?;
        let cookie = said.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("set-cookie")
                .then(|| value.split(';').next().unwrap_or_default().trim())
        });
        cookie.map(str::to_owned).ok_or_else(|| Failure(format!("no cookie in {said}")))
    }

    /// Takes the last so many rows out in one format, so many times, by an executable that did nothing before.
    fn take_out(
        &self,
        executable: &Path,
        (rows, exported): (u64, u64),
        format: &str,
        rounds: usize,
    ) -> Outcome<TakenOut> {
        let started = self.start(executable)?;
        let cookie = format!("Cookie: {}", self.cookie()?);
        let second = |at: u64| format!("@{at}");
        let start = text_of(&second(BEGIN_S + YEAR_S - YEAR_S * exported / rows))?;
        let end = text_of(&second(BEGIN_S + YEAR_S))?;
        let path = format!("/api/v1/sign-ins?format={format}&start={start}&end={end}");
        let file = self.place.join(format!("export.{format}"));
        let idle = memory_kib(started.id(), "VmRSS")?;
        let mut taken = Vec::new();
        for _ in 0..rounds {
            let began = Instant::now();
            self.curl(&path).args(["--header", &cookie, "--output"]).arg(&file).run_quietly()?;
            let took = began.elapsed().as_secs_f64();
            if format == "csv" {
                let lines = Program::new("wc").arg("-l").arg(&file).text()?;
                let lines: u64 =
                    lines.split_whitespace().next().unwrap_or_default().parse().unwrap_or_default();
                // The start is a whole second, so that a few rows more may be in it.
                if lines < exported || lines > exported + exported / 100 {
                    return failed(format!("{lines} lines, not {exported}"));
                }
            }
            let began = Instant::now();
            Program::new("sha256sum").arg(&file).text()?;
            taken.push((took, began.elapsed().as_secs_f64()));
        }
        let above_mib = (memory_kib(started.id(), "VmHWM")? - idle) / KIB;
        fs::remove_file(&file)?;
        Ok(TakenOut {
            seconds: median(taken.iter().map(|(took, _)| *took)),
            over_hashing: median(taken.iter().map(|(took, hashed)| took / hashed)),
            above_mib,
        })
    }

    /// The medians of CSV, for which there are goals, and one of each other format. The goals are those of
    /// [`EXPORTED`] rows.
    fn export(&self, executable: &Path, rows: u64, exported: u64) -> Outcome<(Measured, String)> {
        let csv = self.take_out(executable, (rows, exported), "csv", ROUNDS)?;
        let row = format!(
            "{:.1} | {:.0} | {:.0} | {:.1}",
            csv.seconds,
            exported as f64 / csv.seconds,
            csv.above_mib,
            csv.over_hashing
        );
        let goals = [
            over("the export", csv.seconds, EXPORT_LIMIT_S, "s"),
            over("the export's memory above idle", csv.above_mib, ABOVE_IDLE_LIMIT_MIB, "MiB"),
        ];
        let missed = if exported == EXPORTED { goals.into_iter().flatten().collect() } else { Vec::new() };
        let mut others = Vec::new();
        for format in OTHER_FORMATS {
            let taken = self.take_out(executable, (rows, exported), format, 1)?;
            others.push(format!("{:.1} | {:.0}", taken.seconds, taken.above_mib));
        }
        Ok(((row, missed), others.join(" | ")))
    }
}

/// What one format took.
struct TakenOut {
    seconds: f64,
    over_hashing: f64,
    above_mib: f64,
}

/// An instant as the API reads it.
fn text_of(second: &str) -> Outcome<String> {
    let said = Program::new("date").args(["--utc", "--date", second, "+%Y-%m-%dT%H:%M:%SZ"]).text()?;
    Ok(said.trim().to_owned())
}

/// A line of the process's own account of its memory.
fn memory_kib(process: u32, name: &str) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let number = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    number.ok_or_else(|| Failure(format!("no {name} of process {process}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_beyond_its_goal_is_told_and_one_that_keeps_it_is_not() {
        assert_eq!(over("a week", 50.0, 50.0, "ms"), None);
        assert_eq!(over("a week", 50.1, 50.0, "ms").as_deref(), Some("a week is 50.1 ms, the goal is 50 ms"));
        assert!(over("a week", f64::NAN, 50.0, "ms").is_some());
    }
}
