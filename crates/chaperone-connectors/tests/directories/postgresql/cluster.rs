//! A PostgreSQL server of a test's own, for what cannot be asked of one that others share.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::{Client, Config};

/// A running server; it ends with the value.
pub(super) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    pub(super) port: u16,
    running: Option<Child>,
}

/// Where `initdb` and `postgres` are; the newest version is last.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder): &(u32, PathBuf)| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

impl Cluster {
    /// Makes a server that asks for passwords (scram-sha-256), with these files in its folder and these lines in
    /// its configuration. `None` where PostgreSQL is not installed.
    pub(super) async fn start(files: &[(&str, &str)], lines: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL's server programs are not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("chaperone-postgresql-").tempdir().expect("a folder");
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = free.local_addr().expect("a port").port();
        drop(free);
        let mut cluster = Self { folder, programs, port, running: None };
        cluster.hand_over(cluster.folder.path());
        let data = cluster.data();
        let made = cluster
            .program("initdb")
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .args(["--auth-host=scram-sha-256", "--auth-local=trust", "--pgdata"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb runs").success(), "initdb");
        for (name, text) in files {
            let path = data.join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .expect("set");
            cluster.hand_over(&path);
        }
        let mut configuration = std::fs::read_to_string(data.join("postgresql.conf")).expect("there");
        configuration.push_str(lines);
        std::fs::write(data.join("postgresql.conf"), configuration).expect("written");
        cluster.run().await;
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// As root the server is the user postgres's, else it is ours.
    fn is_root(&self) -> bool {
        std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0)
    }

    fn hand_over(&self, path: &Path) {
        if self.is_root() {
            let done = Command::new("chown").arg("postgres:").arg(path).status();
            assert!(done.expect("chown runs").success(), "chown");
        }
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=INT"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Starts the server, and waits until it answers.
    pub(super) async fn run(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = self
            .program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", self.folder.path().display()))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.running = Some(child.expect("postgres runs"));
        let answers = async {
            while super::connect(&self.config()).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let ready = tokio::time::timeout(std::time::Duration::from_secs(60), answers).await;
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        ready.unwrap_or_else(|_| panic!("the server does not answer: {log}"));
    }

    /// The superuser's way in: the socket.
    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(self.folder.path()).port(self.port).user("postgres").dbname("postgres");
        config
    }

    /// The folder with the server's socket.
    pub(super) fn socket_folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(super) async fn admin(&self) -> Client {
        super::connect(&self.config()).await.expect("the server answers")
    }

    /// Stops the server at once.
    pub(super) fn stop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = Command::new("kill").args(["-QUIT", &child.id().to_string()]).status();
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}
