//! `cargo xtask bench`: figures as ratios within one run.
//!
//! The machine is usually shared, so a figure alone says little: every path is measured *direct*, through
//! *nginx* as a reverse proxy, and through the gateway, one after the other in each round, and what counts is
//! the median of the ratios. After the load the books are compared: what had to be recorded must be recorded.

mod load;
mod nginx;
mod visitor;

use std::path::Path;
use std::time::Duration;

use crate::build::{self, Profile};
use crate::process::{Program, Started};
use crate::project::{Failure, Outcome, failed};
use crate::stages::Stages;
use crate::{setup, web};
use load::Load;
use nginx::Nginx;
use visitor::{Demo, Visitor};

/// How often every path is measured; the median counts.
const ROUNDS: usize = 3;
/// How long the demo may take until it prints its line.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// The target that the gateway forwards to during the measurement.
const TARGET: &str = "bench";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of load for each figure
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Measure only the gateway's requests per second
    #[arg(long)]
    only_load: bool,
}

/// What is measured: the name in the table and the address.
const PATHS: &[(&str, &str)] =
    &[("1 KiB JSON", "/1k.json"), ("50 KiB HTML", "/50k.html"), ("1 MiB download", "/1m.bin")];

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut stages = Stages::new();
    stages.needed("set-up", setup::for_bench)?;
    stages.needed("web bundles", web::bundles)?;
    let executable = stages.needed("executable", || build::executable(Profile::Release))?;
    stages.stage("requests through the gateway", || measure_load(&executable, arguments.seconds));
    if !arguments.only_load {
        stages.stage("the barrier, memory, the recorder", || web::browser_bench(&executable));
    }
    stages.finish()
}

/// The gateway with the nginx backend behind it, and where it says that it can be reached.
fn start_gateway(executable: &Path, data: &Path, backend: &Nginx) -> Outcome<(Started, Demo)> {
    let log = data.join("ready.json");
    let mut started = Program::new(executable)
        .args(["demo", "--json", "--listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(data.join("data"))
        .args(["--target", &format!("{TARGET}={TARGET}.localhost=http://127.0.0.1:{}", backend.port)])
        .output(log.clone())
        .start()?;
    let line = || std::fs::read_to_string(&log).ok().filter(|text| text.contains('\n'));
    started.wait_until(READY_LIMIT, || line().is_some())?;
    let demo = Demo::parse(line().unwrap_or_default().trim())?;
    Ok((started, demo))
}

fn measure_load(executable: &Path, seconds: u32) -> Outcome {
    let folder = tempfile::Builder::new().prefix("chaperone-bench-").tempdir()?;
    let backend = Nginx::backend(&folder.path().join("backend"))?;
    let proxy = Nginx::reverse_proxy(&folder.path().join("proxy"), backend.port)?;
    let (_gateway, demo) = start_gateway(executable, folder.path(), &backend)?;

    let everyday = Visitor::everyday(&demo, TARGET)?;
    let recorded = Visitor::in_privileged_session(&demo, TARGET)?;
    println!("\n| path | through | requests/s | ÷ direct | ÷ nginx | p50 ms | p99 ms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, path) in PATHS {
        let doors = [
            ("direct", Load::new(backend.port, path)),
            ("nginx", Load::new(proxy.port, path)),
            ("gateway, signed in", everyday.load(path)),
            ("gateway, recorded", recorded.load(path)),
        ];
        let mut rounds: Vec<Vec<load::Figures>> = vec![Vec::new(); doors.len()];
        for _ in 0..ROUNDS {
            for (door, figures) in doors.iter().zip(&mut rounds) {
                figures.push(door.1.run(seconds)?);
            }
        }
        for ((door, _), figures) in doors.iter().zip(&rounds) {
            let ratio = |to: usize| {
                median(figures.iter().zip(&rounds[to]).map(|(one, other)| one.per_second / other.per_second))
            };
            println!(
                "| {name} | {door} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
                median(figures.iter().map(|one| one.per_second)),
                ratio(0),
                ratio(1),
                median(figures.iter().map(|one| one.p50_ms)),
                median(figures.iter().map(|one| one.p99_ms)),
            );
        }
        if let Some(broken) = rounds.iter().flatten().find(|figures| figures.errors > 0) {
            return failed(format!("{name}: {} requests were not answered with 200", broken.errors));
        }
    }
    println!();
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A JSON text, or a sentence with what came instead.
fn json(text: &str) -> Outcome<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| Failure(format!("not JSON ({error}): {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_whatever_the_order() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median([].into_iter()).is_nan());
    }
}
