//! A process that is killed while it writes loses nothing that it was told is kept, and leaves nothing half done.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_store::{Events, Store, StoreConfig, StoreError};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use uuid::Uuid;

use crate::world::{Place, World};

/// Where the process that is killed writes.
const URL_VARIABLE: &str = "CHAPERONE_TEST_KILLED_URL";
/// Stands before what is acknowledged, among what the test runner prints.
const MARK: &str = "kept ";
/// How many write at the same time in the process that is killed.
const WRITERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it writes until it is killed: the next test does both"]
async fn the_process_that_is_killed() {
    let url = std::env::var(URL_VARIABLE).expect("started by the next test");
    let world = World::new(Place::Lent(url)).await;
    let write = async || loop {
        let session = world.draft();
        let event = AuditEvent { privileged_session_id: Some(session.id), ..world.event() };
        let id = session.id;
        let kept: Result<(), StoreError> = world
            .store
            .write(move |tx| {
                let (session, event) = (session.clone(), event.clone());
                Box::pin(async move {
                    tx.insert_privileged_session(&session).await?;
                    Ok(tx.commit((), Events::one(event)))
                })
            })
            .await;
        kept.expect("kept");
        let line = format!("\n{MARK}{id}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).expect("told");
    };
    futures_util::future::join_all((0..WRITERS).map(|_| write())).await;
}

/// Starts a process that writes, kills it once it was told that often that something is kept, and answers what.
fn write_and_kill(url: &str, after: usize) -> Vec<PrivilegedSessionId> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "kills::the_process_that_is_killed", "--nocapture"])
        .env(URL_VARIABLE, url)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
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

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_process_was_told_is_kept_is_there_and_every_change_has_its_event() {
    for after in [1, 40, 400] {
        for place in Place::each().await {
            let url = place.url();
            let told =
                tokio::task::spawn_blocking(move || write_and_kill(&url, after)).await.expect("killed");

            let store = Store::connect(StoreConfig::new(place.url())).await.expect("the database opens");
            for id in told {
                let stored = store.read().privileged_session(id).await.expect("read");
                assert!(stored.is_some(), "{id} was acknowledged before the kill");
                assert_eq!(store.read().audit_log(id).await.expect("read").len(), 1);
            }
            // What was not acknowledged may be there or not, but whole: row, target and event.
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
            let targets = ids("SELECT privileged_session_id FROM privileged_session_targets").await;
            let events = ids("SELECT privileged_session_id FROM audit_events \
                              WHERE privileged_session_id IS NOT NULL")
            .await;
            assert_eq!(sessions, targets);
            assert_eq!(sessions, events);
            connection.close().await.expect("closed");
        }
    }
}
