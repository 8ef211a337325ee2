//! The project's own commands: `cargo xtask <command>`.
//!
//! One thin front door, one file per command. A command is a list of *stages* (`stages.rs`), each of which
//! starts ordinary programs (`process.rs`), so that whoever wants to know what a command does can read it off
//! the terminal and type the same lines by hand. Whatever a command starts it also stops, on failure and on
//! Ctrl-C too.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the terminal is what a command does"
)]
#![expect(clippy::disallowed_methods, reason = "a command measures how long its own stages take")]

mod bench;
mod build;
mod check;
mod demo;
mod dev;
mod layers;
mod members;
mod openapi;
mod postgres;
mod process;
mod project;
mod python;
mod setup;
mod stages;
mod test;
mod tidy;
mod torture;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what is needed and run Chaperone with a sample application behind it
    Demo(demo::Arguments),
    /// Install what is missing and run every check and every test
    Test(test::Arguments),
    /// Formatting, lints, the layer table, documents, generated files
    Check(check::Arguments),
    /// Make `target/release/chaperone` with the web pages inside
    Build,
    /// Rebuild and run the demo, with the data that it had the last time
    Dev(dev::Arguments),
    /// Measure: the gateway against nginx, the barrier, the store, memory
    Bench(bench::Arguments),
    /// Kill the executable over and over, and see that every account comes back
    Torture(torture::Arguments),
    /// Install what the tests need, and nothing else
    Setup,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    process::stop_everything_on_signals();
    let outcome = match arguments.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Build => build::run(),
        Command::Dev(arguments) => dev::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Torture(arguments) => torture::run(&arguments),
        Command::Setup => setup::for_tests(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
