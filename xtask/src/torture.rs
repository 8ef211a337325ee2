//! `cargo xtask torture`: accounts come back, whatever happens. Two parts, and each can be run alone.
//!
//! *Kills*: the executable is really killed, at random moments and at every step around an effect, also while its
//! directory is stopped or cut off, and started again over the same data; then the PostgreSQL server and the API are
//! asked what every account is (`crates/chaperone/examples/torture`). *Schedules*: the same use cases over a simulated
//! directory, database and clock, where every step can fail, in every order that the seeds give
//! (`crates/chaperone-app/examples/simulate`).

use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::build::{self, Profile};
use crate::postgres::{Durability, Postgres, URL_VARIABLE};
use crate::process::Program;
use crate::project::{Failure, Outcome, failed};
use crate::setup;
use crate::stages::Stages;

/// Installations that are killed side by side: enough to keep two processors busy, since each mostly waits.
const LANES: &str = "6";
/// Of a short run.
const LANES_SHORT: &str = "3";
/// Kills of a short run.
const KILLS_SHORT: &str = "30";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often the executable is killed; 0 leaves this part out
    #[arg(long, default_value_t = 1_000)]
    kills: u64,
    /// How many schedules are simulated; 0 leaves this part out
    #[arg(long, default_value_t = 200_000)]
    seeds: u64,
    /// Where both begin: a run with the same number makes the same choices
    #[arg(long)]
    seed: Option<u64>,
}

/// What both parts counted.
#[derive(Default)]
struct Counted {
    kills: Option<Value>,
    schedules: Option<Value>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => new_seed()?,
    };
    eprintln!("seed {seed}");
    let mut stages = Stages::new();
    let mut counted = Counted::default();
    if arguments.kills > 0 {
        stages.needed("set-up", setup::for_torture)?;
        let example = stages.needed("executable and its killer", build::killer)?;
        stages.stage("kills", || {
            let kills = arguments.kills.to_string();
            kill(&example, &["--kills", &kills, "--lanes", LANES], seed, &mut counted.kills)
        });
    }
    if arguments.seeds > 0 {
        let example = stages.needed("simulator", || build::example("simulate"))?;
        stages.stage("schedules", || {
            let (seeds, from) = (arguments.seeds.to_string(), seed.to_string());
            let program = Program::new(&example).args(["--seeds", &seeds, "--from", &from]);
            count(program, &mut counted.schedules)
        });
    }
    counted.table();
    stages.finish().map_err(|Failure(failure)| {
        let Arguments { kills, seeds, .. } = arguments;
        Failure(format!(
            "{failure}\nagain: cargo xtask torture --kills {kills} --seeds {seeds} --seed {seed}"
        ))
    })
}

/// A short run, with an executable of the development profile that is built already.
pub(crate) fn short(postgres: &Postgres) -> Outcome {
    let example = build::built_example(Profile::Dev, "torture");
    let program = Program::new(&example)
        .args(["--kills", KILLS_SHORT, "--lanes", LANES_SHORT])
        .env(URL_VARIABLE, postgres.url());
    count(program, &mut None)
}

fn kill(example: &Path, arguments: &[&str], seed: u64, counted: &mut Option<Value>) -> Outcome {
    let postgres = Postgres::start(Durability::None)?;
    let program = Program::new(example)
        .args(arguments)
        .args(["--seed", &seed.to_string()])
        .env(URL_VARIABLE, postgres.url());
    count(program, counted)
}

/// Runs a part to its end and keeps what its last line counts; it fails when anything was wrong.
fn count(program: Program, counted: &mut Option<Value>) -> Outcome {
    let folder = tempfile::Builder::new().prefix("chaperone-torture-").tempdir()?;
    let said = folder.path().join("said");
    let ended = program.output(said.clone()).run();
    let said = std::fs::read_to_string(&said)?;
    *counted = said.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match counted {
        Some(_) => ended,
        None => failed(format!("nothing was counted: {said}")),
    }
}

impl Counted {
    fn table(&self) {
        let number = |part: &Option<Value>, name: &str| match part {
            Some(part) => part[name].to_string(),
            None => "–".to_owned(),
        };
        let rows = [
            ("kills", &self.kills, "kills"),
            ("sessions driven", &self.kills, "sessions"),
            ("accounts looked at", &self.kills, "accounts"),
            ("accounts or sessions in a wrong state", &self.kills, "wrong"),
            ("seconds", &self.kills, "seconds"),
            ("schedules", &self.schedules, "schedules"),
            ("wrong schedules", &self.schedules, "wrong"),
            ("seconds", &self.schedules, "seconds"),
        ];
        println!();
        for (what, part, name) in rows {
            println!("| {what} | {} |", number(part, name));
        }
    }
}

/// A number that was not used before.
fn new_seed() -> Outcome<u64> {
    let mut bytes = [0; 4];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from(u32::from_le_bytes(bytes)))
}
