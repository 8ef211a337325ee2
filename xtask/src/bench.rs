//! `cargo xtask bench`: figures as ratios within one run.

use crate::project::Outcome;
use crate::setup;
use crate::stages::Stages;

#[derive(clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> Outcome {
    let mut stages = Stages::new();
    stages.needed("set-up", setup::for_bench)?;
    stages.finish()
}
