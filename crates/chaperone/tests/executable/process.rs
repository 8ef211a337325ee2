//! The executable as a process, and what it says.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// Where the web packages are; what is not built there is missing, which is an answer too.
pub(crate) const WEB: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web");
/// A start takes a second or two; much more is a machine that is busy.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// Everything that is waited for happens within this time, or never.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The executable: what this test was built with, or what lies beside a program that was built with it.
fn executable() -> PathBuf {
    match option_env!("CARGO_BIN_EXE_chaperone") {
        Some(built) => built.into(),
        None => {
            let here = std::env::current_exe().expect("this program");
            let built = here.ancestors().nth(2).expect("the folder of the build").join("chaperone");
            assert!(built.exists(), "{} is built by `cargo build --bin chaperone`", built.display());
            built
        }
    }
}

/// Runs a program for which a file that may not grow is an error and no signal, as a full disk is.
const SHIELDED: [&str; 3] = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];

/// What a process has written so far, and a bell for each line.
#[derive(Clone)]
struct Said {
    text: Arc<Mutex<String>>,
    lines: watch::Receiver<usize>,
}

impl Said {
    fn listen(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (bell, lines) = watch::channel(0);
        let into = text.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream).lines();
            while let Ok(Some(line)) = stream.next_line().await {
                into.lock().expect("not poisoned").push_str(&format!("{line}\n"));
                bell.send_modify(|lines| *lines += 1);
            }
        });
        Self { text, lines }
    }

    fn text(&self) -> String {
        self.text.lock().expect("not poisoned").clone()
    }

    /// The first line that fits; `None` when the stream ends without one.
    async fn line(&mut self, fits: impl Fn(&str) -> bool) -> Option<String> {
        loop {
            self.lines.borrow_and_update();
            if let Some(line) = self.text().lines().find(|line| fits(line)) {
                return Some(line.to_owned());
            }
            self.lines.changed().await.ok()?;
        }
    }

    /// Everything, once the stream has ended.
    async fn all(&mut self) -> String {
        while self.lines.changed().await.is_ok() {}
        self.text()
    }
}

/// A running executable; it is killed when the test lets go of it.
pub(crate) struct Process {
    child: Child,
    out: Said,
    err: Said,
}

impl Process {
    /// Starts the executable with these arguments, and these variables beside the test's own.
    pub(crate) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(executable()), arguments, variables)
    }

    /// As [`Process::start`], by another program.
    pub(crate) fn start_by(by: &[&str], arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(by[0]);
        command.args(&by[1..]).arg(executable());
        Self::spawn(command, arguments, variables)
    }

    /// As [`Process::start`]; its files can be kept from growing with [`Process::limit_files`].
    pub(crate) fn start_shielded(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_by(&SHIELDED, arguments, variables)
    }

    /// As [`Process::start_shielded`], with no room from the beginning.
    pub(crate) fn start_on_a_full_disk(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("prlimit");
        command.arg("--fsize=0:unlimited").args(SHIELDED).arg(executable());
        Self::spawn(command, arguments, variables)
    }

    fn spawn(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .args(arguments)
            .env_remove("CHAPERONE_LOG")
            .env("CHAPERONE_WEB_DIR", WEB)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the executable starts");
        let out = Said::listen(child.stdout.take().expect("piped"));
        let err = Said::listen(child.stderr.take().expect("piped"));
        Self { child, out, err }
    }

    /// The first line on standard output.
    pub(crate) async fn first_line(&mut self) -> String {
        let line = tokio::time::timeout(READY_LIMIT, self.out.line(|_| true)).await.expect("in time");
        line.unwrap_or_else(|| panic!("it ended before it said anything:\n{}", self.err.text()))
    }

    /// The first line on standard error that holds the text.
    pub(crate) async fn says(&mut self, text: &str) -> String {
        let line = tokio::time::timeout(READY_LIMIT, self.err.line(|line| line.contains(text))).await;
        line.expect("in time").unwrap_or_else(|| panic!("it never said {text:?}:\n{}", self.err.text()))
    }

    /// Waits until it listens; answers its port.
    pub(crate) async fn listens(&mut self) -> u16 {
        let line = self.says("listening").await;
        let port = line.rsplit(':').next().and_then(|port| port.trim().parse().ok());
        port.unwrap_or_else(|| panic!("no port in {line}"))
    }

    /// As [`Process::listens`]; `None` when it ends before.
    pub(crate) async fn listens_or_ends(&mut self) -> Option<u16> {
        let line = tokio::time::timeout(READY_LIMIT, self.err.line(|line| line.contains("listening"))).await;
        let line = line.unwrap_or_else(|_| panic!("it does not start:\n{}", self.err.text()))?;
        line.rsplit(':').next().and_then(|port| port.trim().parse().ok())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        kill_process(pid.expect("running"), signal).expect("signalled");
    }

    /// How large a file it may still write: at "0" every disk is full, at "unlimited" there is room again.
    pub(crate) async fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().expect("running").to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        let status = Command::new("prlimit").args(["--pid", &pid, &limit]).status().await;
        assert!(status.expect("prlimit runs").success());
    }

    /// Whether it runs still.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        self.err.text()
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(mut self) -> Ended {
        let status = match tokio::time::timeout(LIMIT, self.child.wait()).await {
            Ok(status) => status.expect("waited for"),
            Err(_) => panic!("it does not end:\n{}", self.err.text()),
        };
        Ended { status, out: self.out.all().await, err: self.err.all().await }
    }

    /// Waits until it has ended; what it said stays to be asked for.
    pub(crate) async fn ends(&mut self) {
        self.child.wait().await.expect("waited for");
    }

    /// Kills it, if it runs still; how it ended.
    pub(crate) async fn dead(mut self) -> Ended {
        if self.is_running() {
            self.signal(Signal::KILL);
        }
        self.ended().await
    }

    /// Asks it to end.
    pub(crate) async fn stopped(self) -> Ended {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Kills it.
    pub(crate) async fn killed(self) {
        self.signal(Signal::KILL);
        assert_eq!(self.ended().await.status.signal(), Some(Signal::KILL.as_raw()));
    }
}

/// An executable that has ended, and all that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    Process::start(arguments, variables).ended().await
}

/// A folder with a configuration, a place for the key and one for the data.
pub(crate) struct Installation {
    folder: TempDir,
}

/// The password of the first administrator, where the configuration names one.
pub(crate) const PASSWORD: &str = "a-password-of-our-own";

impl Installation {
    /// A configuration for the loopback address and a free port, with more lines.
    pub(crate) fn new(more: &str) -> Self {
        let installation = Self { folder: tempfile::tempdir().expect("a folder") };
        let text = format!(
            "data_dir = {:?}\nmaster_key_file = {:?}\nlisten = ['127.0.0.1:0']\n\
             console_url = 'http://console.localhost'\nreplay_url = 'http://replay.localhost'\n{more}",
            installation.data(),
            installation.key()
        );
        std::fs::write(installation.config(), text).expect("written");
        installation
    }

    /// One whose first administrator has [`PASSWORD`].
    pub(crate) fn with_password(more: &str) -> Self {
        let installation = Self::new("");
        let file = installation.path("password");
        std::fs::write(&file, format!("{PASSWORD}\n")).expect("written");
        let text = std::fs::read_to_string(installation.config()).expect("read");
        let text = format!("{text}first_administrator_password_file = {file:?}\n{more}");
        std::fs::write(installation.config(), text).expect("written");
        installation
    }

    /// Leaves everything where it is, and says where.
    pub(crate) fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("chaperone.toml")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("master.key")
    }

    /// Starts it; it need not get far.
    pub(crate) fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// Starts it with these variables.
    pub(crate) fn start_with(&self, variables: &[(&str, &str)]) -> Process {
        Process::start(&["serve", "--config", &self.config().display().to_string()], variables)
    }

    /// Starts it and waits until it listens; answers its port.
    pub(crate) async fn serve(&self) -> (Process, u16) {
        self.serve_with(&[]).await
    }

    /// As [`Installation::serve`], with these variables.
    pub(crate) async fn serve_with(&self, variables: &[(&str, &str)]) -> (Process, u16) {
        let mut process = self.start_with(variables);
        let port = process.listens().await;
        (process, port)
    }

    /// `chaperone admin reset-password`.
    pub(crate) async fn reset_password(&self, user_name: &str) -> Ended {
        run(&["admin", "reset-password", "--config", &self.config().display().to_string(), user_name], &[])
            .await
    }
}

/// A running demo, and what it printed.
pub(crate) struct Demo {
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) users: Vec<Value>,
    pub(crate) line: Value,
}

impl Demo {
    /// Starts it over this data, and waits until it is ready.
    pub(crate) async fn start(data: &Path, variables: &[(&str, &str)], more: &[&str]) -> Self {
        let data = data.display().to_string();
        let mut arguments = vec!["demo", "--json", "--listen", "127.0.0.1:0", "--data-dir", &data];
        arguments.extend_from_slice(more);
        let mut process = Process::start(&arguments, variables);
        let line: Value = serde_json::from_str(&process.first_line().await).expect("a line of JSON");
        let console = line["console_url"].as_str().expect("a console");
        let port = console.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let users = line["users"].as_array().cloned().expect("users");
        Self { process, port, users, line }
    }

    /// The users who have this role, in order.
    pub(crate) fn of_role(&self, role: &str) -> Vec<&Value> {
        let has = |user: &&Value| user["roles"].as_array().is_some_and(|roles| roles.contains(&role.into()));
        self.users.iter().filter(has).collect()
    }
}
