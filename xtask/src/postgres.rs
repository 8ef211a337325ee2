//! A PostgreSQL server for one run: an own cluster in a temporary folder on a free port.
//!
//! The cluster that a distribution starts by itself is never touched. The server refuses to run as root, so
//! root hands it to the user `postgres`; it dies with us (`--pdeathsig`), even when we are killed.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::{Program, Started, free_port, is_installed};
use crate::project::{Failure, Outcome, failed};

/// How long the server may take until it answers.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Every test makes a database with a pool of its own.
const CONNECTIONS_MAX: &str = "max_connections=400";

/// The variable by which the tests find the server.
pub(crate) const URL_VARIABLE: &str = "CHAPERONE_TEST_POSTGRES_URL";

/// Whether a written page must have reached the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Figures are only worth something with it.
    Full,
    /// Tests never lose power, and thousands of small databases are made much faster.
    None,
}

/// A running server.
pub(crate) struct Postgres {
    url: String,
    #[cfg(test)]
    folder: PathBuf,
    _server: Started,
}

impl Postgres {
    /// Makes a cluster and starts it; returns when it answers.
    pub(crate) fn start(durability: Durability) -> Outcome<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("chaperone-postgres-").tempdir()?;
        let owner = Owner::find(folder.path())?;
        owner.give(folder.path())?;
        let data = folder.path().join("data");
        owner
            .program(&programs.join("initdb"))
            .folder(folder.path())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"])
            .arg("--pgdata")
            .arg(&data)
            .text()?;

        let port = free_port()?.to_string();
        let log = folder.path().join("postgres.log");
        let fsync = if durability == Durability::Full { "fsync=on" } else { "fsync=off" };
        let socket_folder = format!("unix_socket_directories={}", folder.path().display());
        // From here on the folder belongs to the server and goes with it.
        let folder = folder.keep();
        let mut server = owner
            .program(&programs.join("postgres"))
            .folder(&folder)
            .arg("-D")
            .arg(&data)
            .args(["-p", port.as_str(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", socket_folder.as_str(), "-c", CONNECTIONS_MAX, "-c", fsync])
            .log(log.clone())
            .with_folder(&folder)
            // INT is PostgreSQL's *fast* stop: TERM would wait for the last client.
            .stopped_by("INT")
            .start()?;
        let answers = || {
            Program::new(programs.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1", "--port", port.as_str()])
                .succeeds()
        };
        server.wait_until(READY_LIMIT, answers).map_err(|failure| {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Failure(format!("{failure}\n{said}"))
        })?;
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        eprintln!("    PostgreSQL answers at {url}");
        Ok(Self {
            url,
            #[cfg(test)]
            folder,
            _server: server,
        })
    }

    /// The address of the database `postgres`, by a user who may make others.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Makes an empty database; its address.
    pub(crate) fn database(&self, name: &str) -> Outcome<String> {
        let sql = format!("CREATE DATABASE {name}");
        Program::new(programs()?.join("psql"))
            .args([self.url(), "--quiet", "--command", &sql])
            .run_quietly()?;
        let (server, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        Ok(format!("{server}/{name}"))
    }
}

/// The user that the server runs as.
enum Owner {
    /// We are not root: the server is ours.
    Us,
    /// We are root: the server is this user's.
    Postgres { uid: u32, gid: u32 },
}

impl Owner {
    fn find(folder: &Path) -> Outcome<Self> {
        use std::os::unix::fs::MetadataExt;
        if std::fs::metadata(folder)?.uid() != 0 {
            return Ok(Self::Us);
        }
        let id = |kind: &str| {
            Program::new("id")
                .args([kind, "postgres"])
                .text()
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .ok_or_else(|| Failure("there is no user `postgres`; Debian's package makes it".to_owned()))
        };
        Ok(Self::Postgres { uid: id("-u")?, gid: id("-g")? })
    }

    fn give(&self, folder: &Path) -> Outcome {
        if let Self::Postgres { uid, gid } = self {
            chown(folder, Some(*uid), Some(*gid))?;
        }
        Ok(())
    }

    fn program(&self, name: &Path) -> Program {
        if !is_installed("setpriv") {
            return Program::new(name);
        }
        let program = Program::new("setpriv").args(["--pdeathsig", "INT"]);
        let program = match self {
            Self::Us => program,
            Self::Postgres { .. } => program.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]),
        };
        program.arg(name)
    }
}

/// The folder with `initdb` and `postgres`: Debian keeps them out of `PATH`, the newest version is last.
pub(crate) fn programs() -> Outcome<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, folder): &(u32, PathBuf)| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    if let Some((_, folder)) = versions.pop() {
        return Ok(folder);
    }
    if is_installed("pg_config") {
        let folder = PathBuf::from(Program::new("pg_config").arg("--bindir").text()?.trim());
        if folder.join("initdb").is_file() {
            return Ok(folder);
        }
    }
    failed("PostgreSQL's server programs are not installed (Debian: `apt-get install postgresql`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs where the server is installed, which `cargo xtask test` sees to.
    #[test]
    fn a_server_answers_queries_and_leaves_nothing_behind() {
        let Ok(programs) = programs() else { return };
        let postgres = Postgres::start(Durability::None).unwrap();
        let folder = postgres.folder.clone();
        let query =
            |sql: &str| Program::new(programs.join("psql")).args([postgres.url(), "-Atc", sql]).text();
        assert_eq!(query("select 6 * 7").unwrap(), "42\n");
        let another = postgres.database("another").unwrap();
        assert!(another.ends_with("/another"), "{another}");
        assert!(folder.is_dir());
        let url = postgres.url().to_owned();
        drop(postgres);
        assert!(!folder.exists(), "{} is still there", folder.display());
        assert!(
            !Program::new(programs.join("pg_isready")).args(["--quiet", "--dbname", url.as_str()]).succeeds()
        );
    }
}
