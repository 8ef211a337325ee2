//! `cargo xtask dev`: as the demo, for whoever changes the code: what was made in it is there again the next time, until
//! its folder is removed.
//!
//! The executable reads the web bundles from `web/*/dist` when it is built for development, so a changed page
//! needs `npm run build` in its workspace and a reload, and no new executable.

use crate::build::{self, Profile};
use crate::process::Program;
use crate::project::{Outcome, failed, target};
use crate::{setup, web};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to `chaperone demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    setup::npm_packages()?;
    web::bundles()?;
    let executable = build::executable(Profile::Dev)?;
    let mut program = Program::new(&executable).arg("demo");
    if !arguments.more.iter().any(|argument| argument.starts_with("--data-dir")) {
        program = program.arg("--data-dir").arg(target().join("dev-data"));
    }
    let status = program.args(&arguments.more).start()?.wait()?;
    if status.success() { Ok(()) } else { failed(format!("the demo ended ({status})")) }
}
