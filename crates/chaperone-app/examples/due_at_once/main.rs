//! Many privileged sessions that are due in the same second, on accounts of their own: how long after its time each
//! becomes Active, and how long after its end its account is proved back and it is Ended.
//!
//! ```sh
//! due_at_once <url of an empty database> <sessions> built-in
//! due_at_once <url of an empty database> <sessions> <url of a PostgreSQL server, as its superuser>
//! ```
//!
//! The whole app runs with all its jobs, over a real database and a real directory. Sessions are asked for and approved
//! at leisure for a time some minutes ahead; then the clock is moved until shortly before it. A session's instants are
//! those at which watchers are told, after the commit. Prints one line of JSON, which the bench reads. A session that
//! could not start, or an account that its directory has otherwise than it must be, ends it with an error.

use std::io::Write as _;

use chaperone_app::{App, jobs};
use chaperone_domain::Instant;
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::privileged_session::Status;
use chaperone_store::Written;

use self::directory::Directory;
use self::installation::{Installation, op};
use self::watch::Watch;

mod directory;
mod installation;
mod watch;

/// How it is called.
const USAGE: &str = "due_at_once <url of an empty database> <sessions> <built-in|url of a PostgreSQL server>";
/// The clock is moved until this long before the sessions' time.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_secs(3);
/// How long it may take until all are there.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);
/// How often it is looked whether a session is there.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// As in the executable.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, sessions, directory] = arguments.as_slice() else { return Err(USAGE.into()) };
    let sessions: usize = sessions.parse().map_err(|_| USAGE)?;
    let here = Installation::open(database).await?;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(here.app.clone(), shutdown));

    let directory = Directory::open(directory, sessions)?;
    let bare = directory.bare_changes(sessions)?;
    let accounts = directory.accounts(&here, sessions).await?;
    let (starts_at, ends_at, ids) = here.schedule(&accounts).await?;
    let watch = Watch::begin(&here)?;

    let before = here.store.written();
    here.clock.move_to(starts_at - AHEAD);
    let all_started = until_all_are(&here, &ids, Status::Active, starts_at).await?;
    let started = watch.delays(&ids, starts_at)?;
    let starting = since(before, here.store.written());
    directory.are_open(&here, &accounts, ends_at).await?;

    let before = here.store.written();
    here.clock.move_to(ends_at - AHEAD);
    let all_back = until_all_are(&here, &ids, Status::Ended, ends_at).await?;
    let back = watch.delays(&ids, ends_at)?;
    let ending = since(before, here.store.written());
    directory.are_back(&here, &accounts).await?;
    stop.send_replace(true);
    running.await?;
    watch.end()?;

    let line = serde_json::json!({
        "sessions": sessions,
        "bare_ms": bare.map(|bare| bare.as_millis()),
        "start": side(&started, all_started, starting),
        "back": side(&back, all_back, ending),
    });
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

/// Waits until every session has that status, as its row says; how many milliseconds after `due` that was.
async fn until_all_are(
    here: &Installation,
    ids: &[PrivilegedSessionId],
    status: Status,
    due: Instant,
) -> Result<i128, Failed> {
    let app: &App = &here.app;
    let until = tokio::time::Instant::now() + PATIENCE;
    for id in ids {
        loop {
            let session = app.privileged_session(&op(app, &here.anna), *id).await?;
            let now = session.status();
            if now == status {
                break;
            }
            if matches!(now, Status::Failed | Status::Ended) {
                return Err(format!("{id} is {} and should be {}", now.name(), status.name()).into());
            }
            if tokio::time::Instant::now() > until {
                return Err(format!("{id} is still {}", now.name()).into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    Ok(app.now().duration_since(due).as_millis())
}

fn since(before: Written, now: Written) -> Written {
    Written {
        changes: now.changes - before.changes,
        events: now.events - before.events,
        commits: now.commits - before.commits,
        races: now.races - before.races,
    }
}

/// What is told of one side: delays in milliseconds, and what was written for each session.
fn side(delays: &[i128], all_seen: i128, written: Written) -> serde_json::Value {
    let at = |part: usize| delays[(delays.len() * part / 100).min(delays.len() - 1)] as i64;
    let each = |count: u64| count as f64 / delays.len() as f64;
    serde_json::json!({
        "p50_ms": at(50),
        "p99_ms": at(99),
        "last_ms": at(100),
        "all_seen_ms": all_seen as i64,
        "events": each(written.events),
        "changes": each(written.changes),
        "commits": each(written.commits),
        "races": each(written.races),
    })
}
