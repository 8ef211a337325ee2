//! Starting programs, and stopping whatever was started.
//!
//! Every program gets a process group of its own, and the groups that run are kept in one list: on Ctrl-C or
//! `SIGTERM` each group is stopped, so that no database and no browser outlives the command that started it.
//! A program that we only wait for (`run`, `text`) and one that goes on beside us (`start`) are the same in
//! this respect.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::project::{Failure, Outcome, failed, root};

/// How long a program may take to stop before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How often we look whether a program has stopped.
const STOP_LOOK: Duration = Duration::from_millis(20);
/// What a shell answers for a command that Ctrl-C ended.
const INTERRUPTED_EXIT_CODE: i32 = 130;

/// The process groups that run now, with the signal that stops each and the folder that goes with it.
static RUNNING: Mutex<Vec<Group>> = Mutex::new(Vec::new());

/// Set once somebody wants us to stop: from then on only the thread that stops things may say how it ends.
static STOPPING: AtomicBool = AtomicBool::new(false);

#[derive(Clone)]
struct Group {
    id: u32,
    stop_signal: &'static str,
    folder: Option<PathBuf>,
}

/// A program to start: its arguments, its environment, its folder.
pub(crate) struct Program {
    command: Command,
    shown: String,
    stop_signal: &'static str,
    folder: Option<PathBuf>,
    log: Option<PathBuf>,
    output: Option<PathBuf>,
}

impl Program {
    /// `name` is looked up in `PATH`; the folder is the root of the repository.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name.as_ref());
        command.current_dir(root()).stdin(Stdio::null()).process_group(0);
        let shown = Path::new(name.as_ref()).file_name().unwrap_or(name.as_ref());
        let shown = shown.to_string_lossy().into_owned();
        Self { command, shown, stop_signal: "TERM", folder: None, log: None, output: None }
    }

    /// `cargo`, the same one that runs us.
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&argument.as_ref().to_string_lossy());
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<I, S>(self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        arguments.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// The signal that ends this program in good order, where it is not `TERM`.
    pub(crate) fn stopped_by(mut self, signal: &'static str) -> Self {
        self.stop_signal = signal;
        self
    }

    /// Both outputs go to this file instead of the terminal.
    pub(crate) fn log(mut self, file: PathBuf) -> Self {
        self.log = Some(file);
        self
    }

    /// Standard output goes to this file; what is said on standard error stays on the terminal.
    pub(crate) fn output(mut self, file: PathBuf) -> Self {
        self.output = Some(file);
        self
    }

    /// A folder that is of no use after this program and is removed with it, on Ctrl-C too.
    pub(crate) fn with_folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Runs it with its output on our terminal; anything but success is a failure that shows the line.
    pub(crate) fn run(self) -> Outcome {
        eprintln!("    $ {}", self.shown);
        self.run_quietly()
    }

    /// As `run`, without showing the line first.
    pub(crate) fn run_quietly(self) -> Outcome {
        let shown = self.shown.clone();
        let status = self.start()?.wait()?;
        if status.success() { Ok(()) } else { failed(format!("`{shown}` failed ({status})")) }
    }

    /// Runs it and returns what it printed on standard output.
    pub(crate) fn text(mut self) -> Outcome<String> {
        self.command.stdout(Stdio::piped());
        let shown = self.shown.clone();
        let mut started = self.start()?;
        let mut text = String::new();
        if let Some(mut output) = started.child.stdout.take() {
            output.read_to_string(&mut text)?;
        }
        let status = started.wait()?;
        if status.success() { Ok(text) } else { failed(format!("`{shown}` failed ({status})")) }
    }

    /// Whether it can be started and says that all is well; its output is of no interest.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.start().and_then(|mut started| started.wait()).is_ok_and(|status| status.success())
    }

    /// Starts it beside us.
    pub(crate) fn start(mut self) -> Outcome<Started> {
        if let Some(output) = &self.output {
            self.command.stdout(std::fs::File::create(output)?);
        }
        if let Some(log) = &self.log {
            let file = std::fs::File::create(log)?;
            self.command.stdout(file.try_clone()?).stderr(file);
        }
        let child = self
            .command
            .spawn()
            .map_err(|error| Failure(format!("cannot start `{}`: {error}", self.shown)))?;
        let group = Group { id: child.id(), stop_signal: self.stop_signal, folder: self.folder };
        running().push(group.clone());
        Ok(Started { child, group, shown: self.shown })
    }
}

/// A program that runs; it is stopped when this value goes.
pub(crate) struct Started {
    child: Child,
    group: Group,
    shown: String,
}

impl Started {
    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.group.id
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> Outcome<ExitStatus> {
        let status = self.child.wait()?;
        while STOPPING.load(Ordering::SeqCst) {
            thread::park();
        }
        running().retain(|group| group.id != self.group.id);
        Ok(status)
    }

    /// Waits until `ready` says yes. A program that ends before, or is not ready in time, is a failure.
    pub(crate) fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Outcome {
        let deadline = Instant::now() + limit;
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return failed(format!("`{}` ended before it was ready ({status})", self.shown));
            }
            if Instant::now() >= deadline {
                return failed(format!("`{}` was not ready after {} s", self.shown, limit.as_secs()));
            }
            thread::sleep(STOP_LOOK);
        }
        Ok(())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let still_running = matches!(self.child.try_wait(), Ok(None));
        if still_running {
            signal(&self.group, self.group.stop_signal);
            let deadline = Instant::now() + STOP_GRACE;
            while matches!(self.child.try_wait(), Ok(None)) {
                if Instant::now() >= deadline {
                    signal(&self.group, "KILL");
                    break;
                }
                thread::sleep(STOP_LOOK);
            }
            // Reaps a child that had to be killed; one that has already been waited for answers at once.
            let _ = self.child.wait();
        }
        running().retain(|group| group.id != self.group.id);
        if let Some(folder) = &self.group.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// From now on Ctrl-C, `SIGTERM` and a closed terminal stop every program that we started, then us.
pub(crate) fn stop_everything_on_signals() {
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else { return };
    thread::spawn(move || {
        if signals.forever().next().is_none() {
            return;
        }
        STOPPING.store(true, Ordering::SeqCst);
        eprintln!("\nxtask: stopping what was started");
        let groups = running().clone();
        for group in &groups {
            signal(group, group.stop_signal);
        }
        let deadline = Instant::now() + STOP_GRACE;
        while groups.iter().any(alive) && Instant::now() < deadline {
            thread::sleep(STOP_LOOK);
        }
        for group in groups {
            signal(&group, "KILL");
            if let Some(folder) = group.folder {
                let _ = std::fs::remove_dir_all(folder);
            }
        }
        std::process::exit(INTERRUPTED_EXIT_CODE);
    });
}

fn running() -> MutexGuard<'static, Vec<Group>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal(group: &Group, name: &str) {
    kill(&["-s", name, "--", &format!("-{}", group.id)]);
}

fn alive(group: &Group) -> bool {
    kill(&["-s", "0", "--", &format!("-{}", group.id)])
}

/// The program `kill`, because the system call would need `unsafe`, which this repository does not have.
fn kill(arguments: &[&str]) -> bool {
    Command::new("kill")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Whether a program of this name can be started.
pub(crate) fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_started_program_and_its_children_are_gone_when_the_value_goes() {
        let mut started = Program::new("sh").args(["-c", "sleep 600 & wait"]).start().unwrap();
        let group = started.group.clone();
        started.wait_until(Duration::from_secs(5), || alive(&group)).unwrap();
        drop(started);
        let deadline = Instant::now() + Duration::from_secs(5);
        while alive(&group) && Instant::now() < deadline {
            thread::sleep(STOP_LOOK);
        }
        assert!(!alive(&group), "the group still runs");
        assert!(running().iter().all(|other| other.id != group.id));
    }

    #[test]
    fn a_program_that_ends_before_it_is_ready_is_a_failure() {
        let mut started = Program::new("false").start().unwrap();
        let failure = started.wait_until(Duration::from_secs(5), || false).unwrap_err();
        assert!(failure.to_string().contains("ended before it was ready"), "{failure}");
    }

    #[test]
    fn a_failure_shows_the_line_that_failed() {
        let failure = Program::new("sh").args(["-c", "exit 3"]).run_quietly().unwrap_err();
        assert!(failure.to_string().contains("`sh -c exit 3` failed"), "{failure}");
    }
}
