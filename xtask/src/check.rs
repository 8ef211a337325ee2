//! `cargo xtask check`: everything that can be seen without running a test.

use std::path::Path;

use crate::openapi::Generated;
use crate::process::{Program, is_installed};
use crate::project::{Outcome, failed};
use crate::stages::Stages;
use crate::{build, layers, members, openapi, setup, tidy, web};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write generated files anew instead of comparing them
    #[arg(long)]
    bless: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let generated = if arguments.bless { Generated::Bless } else { Generated::Compare };
    let mut stages = Stages::new();
    quick(&mut stages);
    stages.needed("web packages", setup::npm_packages)?;
    stages.stage("web lints", web::lints);
    stages.needed("web bundles", web::bundles)?;
    let executable = stages.needed("executable and tests", build::executable_and_tests)?;
    slow(&mut stages, &executable, generated);
    stages.finish()
}

/// What needs nothing built.
pub(crate) fn quick(stages: &mut Stages) {
    stages.stage("format", || Program::cargo().args(["fmt", "--all", "--check"]).run());
    stages.stage("layers and manifests", crates);
    stages.stage("files and documents", tidy::check);
    stages.stage("licences and advisories", deny);
}

/// What comes after the executable is there.
pub(crate) fn slow(stages: &mut Stages, executable: &Path, generated: Generated) {
    stages.stage("API description", || openapi::check(executable, generated));
    stages.stage("clippy", || {
        Program::cargo()
            .args(["clippy", "--locked", "--workspace", "--all-targets", "--features", build::TESTED])
            .args(["--", "--deny", "warnings"])
            .run()
    });
}

fn crates() -> Outcome {
    let (members, mut broken) = members::read_all()?;
    broken.extend(layers::broken_rules(&members));
    if broken.is_empty() { Ok(()) } else { failed(broken.join("\n    ")) }
}

fn deny() -> Outcome {
    if !is_installed("cargo-deny") {
        eprintln!("    skipped: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(());
    }
    Program::cargo().args(["deny", "--all-features", "check"]).run()
}
