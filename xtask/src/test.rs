//! `cargo xtask test`: the one command that says whether all is well.
//!
//! Nothing is built twice: the web bundles first, because the executable holds them; then the executable and
//! the tests together with one set of features; the browser tests start that same executable.

use crate::openapi::Generated;
use crate::postgres::{Durability, Postgres, URL_VARIABLE};
use crate::process::{Program, is_installed};
use crate::project::Outcome;
use crate::stages::Stages;
use crate::{build, check, python, setup, torture, web};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this part
    #[arg(long)]
    only: Option<Part>,
    /// Passed on to the tests of that part, after `--`
    #[arg(last = true, requires = "only")]
    more: Vec<String>,
}

/// A part of the tests.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Formatting, lints, layers, documents, generated files
    Check,
    /// The Rust tests, with a PostgreSQL server
    Rust,
    /// The unit tests of the web workspaces
    Web,
    /// The browser tests
    E2e,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let wants = |part: Part| arguments.only.is_none_or(|only| only == part);
    let mut stages = Stages::new();
    if arguments.only == Some(Part::Check) {
        stages.needed("web packages", setup::npm_packages)?;
    } else {
        stages.needed("set-up", setup::for_tests)?;
    }
    if wants(Part::Check) {
        check::quick(&mut stages);
        stages.stage("web lints", web::lints);
    }
    stages.needed("web bundles", web::bundles)?;
    if wants(Part::Web) {
        stages.stage("web unit tests", web::unit_tests);
    }
    if arguments.only != Some(Part::Web) {
        let executable = stages.needed("executable and tests", build::executable_and_tests)?;
        if wants(Part::Rust) {
            stages.stage("Rust tests", || rust_tests(&arguments.more));
            if arguments.more.is_empty() {
                stages.stage("kills", || torture::short(&Postgres::start(Durability::None)?));
            }
        }
        if wants(Part::Check) {
            check::slow(&mut stages, &executable, Generated::Compare);
        }
        // Last, so that what a browser saw when it failed stands right above the table.
        if wants(Part::E2e) {
            stages.stage("browser tests", || web::browser_tests(&executable, &arguments.more));
        }
    }
    stages.finish()
}

fn rust_tests(more: &[String]) -> Outcome {
    let postgres = Postgres::start(Durability::None)?;
    let tests = if is_installed("cargo-nextest") {
        Program::cargo().args(["nextest", "run", "--no-fail-fast"])
    } else {
        Program::cargo().args(["test", "--no-fail-fast", "--bins", "--lib", "--tests", "--examples"])
    };
    tests
        .args(["--locked", "--workspace", "--features", build::TESTED])
        .args(more)
        .env(URL_VARIABLE, postgres.url())
        .env(python::SCIM_SERVER_VARIABLE, python::scim_server())
        .env(python::PYTHON_VARIABLE, python::python())
        .run()
}
