//! A real mail server in a process of its own, and what it says.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Everything that is waited for happens within this time, or never.
const LIMIT: Duration = Duration::from_secs(60);
/// Names a Python that has aiosmtpd.
const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/mail_server.py");

/// The Python that `cargo xtask test` makes beside what it builds.
fn python() -> PathBuf {
    if let Some(named) = std::env::var_os(PYTHON_VARIABLE) {
        return named.into();
    }
    let here = std::env::current_exe().expect("a test is a program");
    here.ancestors().map(|folder| folder.join("python/bin/python")).find(|python| python.is_file()).unwrap_or_else(
        || panic!("there is no Python with aiosmtpd: run `cargo xtask test` once, or name one in {PYTHON_VARIABLE}"),
    )
}

/// A running mail server; it ends when the test lets go of it.
pub(crate) struct MailServer {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
    hand: ChildStdin,
    pub(crate) port: u16,
}

impl MailServer {
    /// One in clear, on a free port.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// One with these arguments.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let mut child = Command::new(python())
            .arg(SCRIPT)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the mail server starts");
        let said = BufReader::new(child.stdout.take().expect("piped")).lines();
        let hand = child.stdin.take().expect("piped");
        let mut server = Self { child, said, hand, port: 0 };
        let port = server.says().await["port"].as_u64().expect("a port");
        server.port = u16::try_from(port).expect("a port");
        server
    }

    /// The next thing that it says.
    pub(crate) async fn says(&mut self) -> Value {
        let line = tokio::time::timeout(LIMIT, self.said.next_line()).await.expect("in time");
        let line = line.expect("read").expect("the mail server goes on");
        serde_json::from_str(&line).expect("JSON")
    }

    /// The next so many mails, as address and text, by address.
    pub(crate) async fn mails(&mut self, count: usize) -> Vec<(String, String)> {
        let mut mails = Vec::new();
        while mails.len() < count {
            let said = self.says().await;
            if let (Some(to), Some(text)) = (said["to"].as_str(), said["text"].as_str()) {
                mails.push((to.to_owned(), text.to_owned()));
            }
        }
        mails.sort();
        mails
    }

    /// Lets one mail through that is held.
    pub(crate) async fn let_go(&mut self) {
        self.hand.write_all(b"\n").await.expect("written");
    }

    /// Ends it; its port is free afterwards.
    pub(crate) async fn end(mut self) -> u16 {
        self.child.kill().await.expect("ended");
        self.port
    }
}
