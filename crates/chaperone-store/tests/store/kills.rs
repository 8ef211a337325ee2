//! A process that is killed while it writes, or whose disk is full for a while, loses nothing that it was told is kept,
//! and leaves nothing half done.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_store::{Store, StoreConfig};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use uuid::Uuid;

use crate::world::Place;

/// Stands before what is acknowledged.
const MARK: &str = "kept ";
/// How many write at the same time in the process that is killed.
const WRITERS: &str = "16";

/// What the process writes, as [`chaperone_store`]'s example `append_events` names it, and how many events each session
/// has when it is told as kept.
const WRITTEN: [(&str, usize); 2] = [("changes", 1), ("plans", 2)];

/// The process that is killed: it writes sessions, each with its events.
fn writing(url: &str, what: &str) -> Command {
    let here = std::env::current_exe().expect("this program");
    let built = here.ancestors().nth(2).expect("the folder of the build").join("examples/append_events");
    assert!(built.exists(), "{} is built by `cargo build --examples`", built.display());
    let mut command = Command::new(built);
    command.args([url, WRITERS, what]);
    command
}

/// Starts a process that writes, kills it once it was told that often that something is kept, and answers what.
fn write_and_kill(url: &str, what: &str, after: usize) -> Vec<PrivilegedSessionId> {
    let mut child = writing(url, what).stdout(Stdio::piped()).spawn().expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let kept = |line: String| line.strip_prefix(MARK).and_then(|id| id.parse().ok());
    let mut told: Vec<_> = lines.by_ref().filter_map(kept).take(after).collect();
    child.kill().expect("killed");
    child.wait().expect("gone");
    // What it was told before it died, and nobody had read yet.
    told.extend(lines.filter_map(kept));
    assert!(told.len() >= after, "it died by itself after {}", told.len());
    told
}

/// The lines of a process that is killed at the end.
struct Lines {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Lines {
    /// The next lines that begin with `mark`, so many, without it.
    fn next(&mut self, mark: &str, many: usize) -> Vec<String> {
        let found = self.lines.by_ref().filter_map(|line| line.strip_prefix(mark).map(str::to_owned));
        let found: Vec<_> = found.take(many).collect();
        assert_eq!(found.len(), many, "it ended by itself");
        found
    }

    /// How large a file it may still write: at 0 every disk is full.
    fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().to_string();
        let limited =
            Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(limited.expect("prlimit").success());
    }
}

/// Fills the disk under a process that writes and makes room again, some times; answers what it was told is kept.
fn write_on_a_full_disk(url: &str, what: &str) -> Vec<PrivilegedSessionId> {
    // Without this the signal that comes with the limit would end it, which a full disk does not.
    let command = writing(url, what);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let mut lines = Lines { child, lines: Box::new(lines) };
    let mut told = Vec::new();
    for _ in 0..3 {
        told.extend(lines.next(MARK, 100));
        lines.limit_files("0");
        // More than all that were on their way: these were asked when it was full.
        lines.next("refused ", 100);
        lines.limit_files("unlimited");
    }
    told.extend(lines.next(MARK, 100));
    lines.child.kill().expect("killed");
    lines.child.wait().expect("gone");
    told.iter().map(|id| id.parse().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_as_kept_after_the_disk_was_full_is_kept() {
    for (what, events) in WRITTEN {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("rows.db").display());
        let database = url.clone();
        let told =
            tokio::task::spawn_blocking(move || write_on_a_full_disk(&database, what)).await.expect("killed");
        let store = Store::connect(StoreConfig::new(url)).await.expect("the database opens");
        for id in told {
            let stored = store.read().privileged_session(id).await.expect("read");
            assert!(stored.is_some(), "{id} was acknowledged");
            assert_eq!(store.read().audit_log(id).await.expect("read").len(), events);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_was_told_is_kept_is_there_and_every_change_has_its_event() {
    let runs = WRITTEN.into_iter().flat_map(|written| [1, 40, 400].map(|after| (written, after)));
    for ((what, events_of_kept), after) in runs {
        for place in Place::each().await {
            let url = place.url();
            let told =
                tokio::task::spawn_blocking(move || write_and_kill(&url, what, after)).await.expect("killed");

            let store = Store::connect(StoreConfig::new(place.url())).await.expect("the database opens");
            for id in told {
                let stored = store.read().privileged_session(id).await.expect("read");
                assert!(stored.is_some(), "{id} was acknowledged before the kill");
                assert_eq!(store.read().audit_log(id).await.expect("read").len(), events_of_kept);
            }
            // What was not acknowledged may be there or not, but whole: row, target, and an event for each version.
            let connection = Database::connect(place.url()).await.expect("the database opens");
            let ids = async |sql: &str| {
                let question = Statement::from_string(connection.get_database_backend(), sql);
                let rows = connection.query_all_raw(question).await.expect("an answer");
                let mut counts: HashMap<Uuid, u32> = HashMap::new();
                for row in rows {
                    *counts.entry(row.try_get_by_index(0).expect("an id")).or_default() += 1;
                }
                counts
            };
            let sessions = ids("SELECT id FROM privileged_sessions").await;
            let versions = ids("SELECT id FROM privileged_sessions UNION ALL \
                                SELECT id FROM privileged_sessions WHERE version = 2")
            .await;
            let targets = ids("SELECT privileged_session_id FROM privileged_session_targets").await;
            let events = ids("SELECT privileged_session_id FROM audit_events \
                              WHERE privileged_session_id IS NOT NULL")
            .await;
            assert_eq!(sessions, targets);
            assert_eq!(versions, events);
            connection.close().await.expect("closed");
        }
    }
}
