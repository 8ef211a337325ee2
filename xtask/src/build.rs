//! `cargo xtask build`: the executable as it is shipped. Also how the other commands build theirs.

use std::path::PathBuf;

use crate::process::Program;
use crate::project::{Outcome, target};
use crate::stages::Stages;
use crate::{setup, web};

/// How an executable is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// For work on the code, for the tests and for the demo: what is built soonest.
    Dev,
    /// Quick to run, and much quicker to build than a release: what benches and torture run beside the executable.
    Measured,
    /// What is shipped.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Measured => "measured",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Measured => "measured",
            Self::Release => "release",
        }
    }
}

/// The feature by which console, recorder and player are inside the executable.
pub(crate) const EMBED: &str = "chaperone/embed";

pub(crate) fn run() -> Outcome {
    let mut stages = Stages::new();
    stages.needed("web packages", setup::npm_packages)?;
    stages.needed("web bundles", web::bundles)?;
    let executable = stages.needed("executable", || executable(Profile::Release))?;
    eprintln!("\n{}", executable.display());
    stages.finish()
}

/// What the tests are built with: crash tests stop the process at named steps, which nothing shipped can.
pub(crate) const TESTED: &str = "chaperone/embed,chaperone/faults";

/// What the bench is built with: as shipped, and pages are delivered to what runs no recorder.
pub(crate) const MEASURED: &str = "chaperone/embed,chaperone/measure";

/// Builds `chaperone` alone as it is shipped; returns where it is.
pub(crate) fn executable(profile: Profile) -> Outcome<PathBuf> {
    executable_with(profile, EMBED)
}

/// Builds `chaperone` alone with these features; returns where it is.
pub(crate) fn executable_with(profile: Profile, features: &str) -> Outcome<PathBuf> {
    Program::cargo()
        .args([
            "build",
            "--locked",
            "--package",
            "chaperone",
            "--features",
            features,
            "--profile",
            profile.name(),
        ])
        .run()?;
    Ok(built(profile))
}

/// Builds the executable and all Rust tests with one set of features, so that nothing is compiled twice when
/// the tests run and when the browser tests start the executable.
pub(crate) fn executable_and_tests() -> Outcome<PathBuf> {
    Program::cargo()
        .args(["build", "--locked", "--workspace", "--bins", "--tests", "--examples", "--features", TESTED])
        .run()?;
    Ok(built(Profile::Dev))
}

/// Builds an example to be measured; returns where it is.
pub(crate) fn example(name: &str) -> Outcome<PathBuf> {
    beside_executable(&["--example", name])?;
    Ok(built_example(Profile::Measured, name))
}

/// Builds what kills the executable, and an executable that can be killed at named steps beside it; returns where the
/// killer is. No page is needed for it.
pub(crate) fn killer() -> Outcome<PathBuf> {
    beside_executable(&["--bin", "chaperone", "--example", "torture"])?;
    Ok(built_example(Profile::Measured, "torture"))
}

/// With one set of features for the whole workspace, whatever is built of it: nothing is compiled twice.
fn beside_executable(what: &[&str]) -> Outcome {
    Program::cargo()
        .args(["build", "--locked", "--workspace", "--features", "chaperone/faults"])
        .args(["--profile", Profile::Measured.name()])
        .args(what)
        .run()
}

/// Where an example is that was built.
pub(crate) fn built_example(profile: Profile, name: &str) -> PathBuf {
    target().join(profile.folder()).join("examples").join(name)
}

fn built(profile: Profile) -> PathBuf {
    target().join(profile.folder()).join("chaperone")
}
