//! Chaperone: privileged sessions, their recordings, sign-ins and the trail, in front of web applications.
//!
//! | file | what |
//! | --- | --- |
//! | `config` | the configuration file, and what is wrong with it in sentences |
//! | `key`, `lock` | the master key outside the data; one process per data folder |
//! | `node` | everything put together: store, vault, app, gateway, jobs |
//! | `reserve` | room on the disk that is kept back for sessions that end |
//! | `lanes` | threads that serve connections |
//! | `listen`, `tls`, `deadline` | connections, their limits, and which host a request is for |
//! | `console`, `enter`, `replay`, `files` | what the console's and the replay host serve beside the API |
//! | `notify` | mails to a mail server, signed calls to webhooks |
//! | `streams` | the trail to collectors: webhooks, syslog, OTLP |
//! | `demo` | the demo: users, an application behind the gateway |
//! | `faults` | the clock; what crash tests may do to a process, in builds for them only |

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod admin;
mod config;
mod console;
mod deadline;
mod demo;
mod enter;
mod faults;
mod files;
mod key;
mod lanes;
mod listen;
mod lock;
mod node;
mod notify;
mod pages;
mod replay;
mod reserve;
mod serve;
mod streams;
mod tls;

/// Privileged user sessions and the audit of user access, for web applications.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run with a configuration file
    Serve {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Run with sample users and a sample application, on the loopback address
    Demo(demo::Arguments),
    /// Look at the configuration
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Help from the machine itself, when nobody can sign in
    Admin {
        #[command(subcommand)]
        command: AdminCommand,
    },
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with a configuration file, without starting anything
    Check {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Give a user a password for one use
    ResetPassword {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The user's name
        user_name: String,
    },
    /// Look after the event streams
    EventStreams {
        #[command(subcommand)]
        command: EventStreamsCommand,
    },
}

#[derive(Subcommand)]
enum EventStreamsCommand {
    /// Send one marked event to a collector and say what came back; Chaperone may be running
    Test {
        /// The configuration file
        #[arg(long)]
        config: PathBuf,
        /// The stream's name
        name: String,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Openapi => print_description(),
        Command::Config { command: ConfigCommand::Check { config } } => config::check(&config),
        Command::Serve { config } => run("info", serve::run(&config)),
        Command::Demo(arguments) => run("warn", demo::run(arguments)),
        Command::Admin { command: AdminCommand::ResetPassword { config, user_name } } => {
            run("warn", admin::reset_password(&config, &user_name))
        }
        Command::Admin {
            command: AdminCommand::EventStreams { command: EventStreamsCommand::Test { config, name } },
        } => run("warn", admin::test_event_stream(&config, &name)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("chaperone: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Why a command did not do what it should: a sentence for the person at the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Problem(String);

impl Problem {
    fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// A node's memory goes back to the system when the work is done; glibc's allocator keeps it (decision 0016).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is not logged unless it is asked for: a library's word about every connection of a strange client.
const QUIET: &str = "rustls=error";

/// Runs a command that needs a runtime; logs go to standard error, standard output is the command's own.
fn run(level: &str, command: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let filter = EnvFilter::try_from_env("CHAPERONE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("{level},{QUIET}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return Err(Problem::new("the cryptography could not be set up"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(format!("the runtime could not be started: {error}")))?;
    let done = runtime.block_on(command);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

fn print_description() -> Result<(), Problem> {
    let description = serde_json::to_string_pretty(&chaperone_api::openapi())
        .map_err(|error| Problem::new(format!("the description could not be written: {error}")))?;
    print(&description);
    Ok(())
}

/// A line for whoever reads standard output; nobody may do so any more.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line for the person at the terminal.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
