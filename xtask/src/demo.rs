//! `cargo xtask demo`: from a clone to a console page with a recorded session to play with.
//!
//! Needs Rust and Node and nothing else.

use crate::build::{self, Profile};
use crate::process::Program;
use crate::project::{Outcome, failed};
use crate::stages::Stages;
use crate::{setup, web};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to `chaperone demo`: `--json`, `--listen ADDRESS`, `--data-dir FOLDER` …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let executable = {
        let mut stages = Stages::new();
        stages.needed("web packages", setup::npm_packages)?;
        stages.needed("web bundles", web::bundles)?;
        stages.needed("executable (some minutes the first time)", || build::executable(Profile::Dev))?
    };
    eprintln!();
    let status =
        Program::new(&executable).arg("demo").args(&arguments.more).stopped_by("TERM").start()?.wait()?;
    if status.success() { Ok(()) } else { failed(format!("the demo ended ({status})")) }
}
