//! A real syslog collector in a process of its own: rsyslog, as Debian has it. It keeps each message as a line of JSON.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Everything that is waited for happens within this time, or never.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked for what is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where Debian keeps it, outside an ordinary user's `PATH`.
const PROGRAMS: [&str; 3] = ["/usr/sbin/rsyslogd", "/usr/bin/rsyslogd", "/usr/local/sbin/rsyslogd"];

/// Certificates for TLS (PEM): whom it believes, and what it shows.
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Whether a client has to show a certificate of that authority.
    pub(crate) clients: Clients,
}

/// Who may connect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Anybody,
    Certified,
}

/// A running rsyslog; it ends when the test lets go of it.
pub(crate) struct Rsyslog {
    folder: TempDir,
    child: Option<Child>,
    pub(crate) port: u16,
}

impl Rsyslog {
    /// One on a free port, over TCP or, with certificates, over TLS; `None` where rsyslog is not installed.
    pub(crate) async fn start(certificates: Option<&Certificates>) -> Option<Self> {
        let program = PROGRAMS.iter().map(Path::new).find(|program| program.is_file())?;
        let folder = TempDir::new().expect("a folder");
        let mut server = Self { folder, child: None, port: 0 };
        server.configure(certificates);
        server.run(program).await;
        Some(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self, certificates: Option<&Certificates>) {
        let (global, module) = match certificates {
            None => (String::new(), String::new()),
            Some(tls) => (
                format!(
                    "global(defaultNetstreamDriverCAFile={:?} defaultNetstreamDriverCertFile={:?} \
                     defaultNetstreamDriverKeyFile={:?})\n",
                    tls.ca, tls.certificate, tls.key
                ),
                format!(
                    "streamDriver.name=\"gtls\" streamDriver.mode=\"1\" streamDriver.authMode={:?}",
                    if tls.clients == Clients::Certified { "x509/certvalid" } else { "anon" }
                ),
            ),
        };
        let field = |name: &str, property: &str| {
            format!("property(outname={name:?} name={property:?} format=\"jsonf\")\n")
        };
        let fields = [
            ("pri", "pri"),
            ("version", "protocol-version"),
            ("host", "hostname"),
            ("app", "app-name"),
            ("id", "msgid"),
            ("data", "structured-data"),
            ("message", "msg"),
        ]
        .map(|(name, property)| field(name, property))
        .join("constant(value=\",\")\n");
        let text = format!(
            "global(workDirectory={:?} maxMessageSize=\"64k\")\n{global}\
             module(load=\"imtcp\" {module})\n\
             main_queue(queue.type=\"Direct\")\n\
             template(name=\"line\" type=\"list\") {{\nconstant(value=\"{{\")\n{fields}constant(value=\"}}\\n\")\n}}\n\
             ruleset(name=\"keep\" queue.type=\"Direct\") {{\n\
             action(type=\"omfile\" file={:?} template=\"line\" flushOnTXEnd=\"on\" asyncWriting=\"off\")\n}}\n\
             input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%PORT%\" listenPortFileName={:?} ruleset=\"keep\")\n",
            self.folder.path(),
            self.path("messages"),
            self.path("port"),
        );
        std::fs::write(self.path("template"), text).expect("written");
    }

    async fn run(&mut self, program: &Path) {
        let text = std::fs::read_to_string(self.path("template")).expect("read");
        std::fs::write(self.path("rsyslog.conf"), text.replace("%PORT%", &self.port.to_string()))
            .expect("written");
        let _gone = std::fs::remove_file(self.path("port"));
        let _gone = std::fs::remove_file(self.path("pid"));
        let log = std::fs::File::create(self.path("log")).expect("a log");
        let child = Command::new(program)
            .arg("-n")
            .arg("-f")
            .arg(self.path("rsyslog.conf"))
            .arg("-i")
            .arg(self.path("pid"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("rsyslog starts");
        self.child = Some(child);
        let listens = async {
            loop {
                // It tells the port that it has chosen itself, and no other.
                let told = std::fs::read_to_string(self.path("port")).unwrap_or_default();
                let port = if self.port == 0 { told.trim().parse::<u16>().ok() } else { Some(self.port) };
                if let Some(port) = port
                    && tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
                {
                    return port;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        self.port = match tokio::time::timeout(LIMIT, listens).await {
            Ok(port) => port,
            Err(_) => panic!("rsyslog does not listen: {}", self.log()),
        };
    }

    /// What it says about itself.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Ends it, by being asked or by being killed; its port is kept.
    pub(crate) async fn end(&mut self, signal: Signal) {
        let mut child = self.child.take().expect("running");
        let pid =
            child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("signalled");
        tokio::time::timeout(LIMIT, child.wait()).await.expect("in time").expect("ended");
    }

    /// Starts it again on the same port, over what it kept.
    pub(crate) async fn again(&mut self) {
        let program = PROGRAMS.iter().map(Path::new).find(|program| program.is_file()).expect("it was there");
        self.run(program).await;
    }

    /// The messages that it has kept so far; a line that is cut off at the end is none.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("messages")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map(|(whole, _)| whole).unwrap_or_default();
        whole
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    /// Waits until it has kept so many messages.
    pub(crate) async fn kept(&self, count: usize) -> Vec<Value> {
        let enough = async {
            loop {
                let messages = self.messages();
                if messages.len() >= count {
                    return messages;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(LIMIT, enough).await {
            Ok(messages) => messages,
            Err(_) => panic!("{} of {count} messages came: {}", self.messages().len(), self.log()),
        }
    }
}
