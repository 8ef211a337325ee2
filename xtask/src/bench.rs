//! `cargo xtask bench`: figures as ratios within one run.
//!
//! The machine is usually shared, so a figure alone says little: every path is measured *direct*, through
//! *nginx* as a reverse proxy, and through the gateway, one after the other in each round, and what counts is
//! the median of the ratios. After the load the books are compared: what had to be recorded must be recorded.

mod access;
mod append;
mod certificate;
mod due;
mod gateway;
mod load;
mod nginx;
mod sign_ins;
mod streams;
mod visitor;

use crate::build::{self, Profile};
use crate::project::{Failure, Outcome};
use crate::stages::Stages;
use crate::{setup, web};

/// How often every path is measured; the median counts.
const ROUNDS: usize = 3;
/// Sign-ins that are asked about.
const SIGN_INS: u64 = 10_000_000;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds of load for each figure
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Measure this part only
    #[arg(long)]
    only: Option<Part>,
    /// Without TLS in front, at nginx and at the gateway
    #[arg(long)]
    plain: bool,
    /// Sign-ins that are put into each database
    #[arg(long, default_value_t = SIGN_INS)]
    rows: u64,
}

/// A part of the measurements.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Requests per second and latency through the gateway
    Load,
    /// The decision whether an access needs a record
    Access,
    /// Audit events per second, durable
    Events,
    /// A thousand and ten thousand sessions due in the same second
    Due,
    /// The barrier, memory, the recorder
    Browser,
    /// Events per second on event streams
    Streams,
    /// Questions and exports among millions of sign-ins
    SignIns,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut stages = Stages::new();
    stages.needed("set-up", setup::for_bench)?;
    stages.needed("web bundles", web::bundles)?;
    let wants = |part: Part| arguments.only.is_none_or(|only| only == part);
    if wants(Part::Access) {
        stages.stage("the decision about access records", || access::measure(arguments.seconds));
    }
    if wants(Part::Events) {
        stages.stage("audit events appended", || append::measure(arguments.seconds));
    }
    if wants(Part::Due) {
        stages.stage("sessions due at once", due::measure);
    }
    if wants(Part::SignIns) {
        stages.stage("millions of sign-ins", || sign_ins::measure(arguments.rows, arguments.seconds));
    }
    if wants(Part::Load) || wants(Part::Browser) || wants(Part::Streams) {
        let executable =
            stages.needed("executable", || build::executable_with(Profile::Release, build::MEASURED))?;
        if wants(Part::Load) {
            stages.stage("requests through the gateway", || {
                gateway::measure(&executable, arguments.seconds, arguments.plain)
            });
        }
        if wants(Part::Streams) {
            stages.stage("events on event streams", || streams::measure(&executable));
        }
        if wants(Part::Browser) {
            stages.stage("the barrier, memory, the recorder", || web::browser_bench(&executable));
        }
    }
    stages.finish()
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
