//! Appends audit events as fast as they become durable, and prints a line for every one that is acknowledged.
//!
//! ```sh
//! append_events <url of an empty database> <writers> <changes|plans|events> [<seconds>]
//! ```
//!
//! `changes` writes what the product writes: a privileged session and its audit event in one transaction, and
//! prints `kept <id of the session>`; beside that it numbers the trail, as the product does. `plans` has each session
//! approved by a plan, with an event more, before it prints it. `events` appends audit events alone and prints
//! `kept <id of the event>`.
//! What the store refuses is told as `refused <why>`, and tried again. Without seconds it goes on until it is killed:
//! the crash tests do that. The bench reads its lines.

use std::io::Write as _;
use std::time::Duration;

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::AuditEventId;
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_store::{Events, Plan, StoreError};

use self::world::{Place, World};

#[path = "../tests/store/world.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod world;

/// How it is called.
const USAGE: &str = "append_events <url of an empty database> <writers> <changes|plans|events> [<seconds>]";

/// How long a writer waits that was refused.
const PAUSE: Duration = Duration::from_millis(20);

/// What is written.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Changes,
    Plans,
    Events,
}

#[tokio::main]
async fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, writers, what, more @ ..] = arguments.as_slice() else { return Err(USAGE) };
    let writers: usize = writers.parse().map_err(|_| USAGE)?;
    let seconds: Option<u64> = more.first().map(|text| text.parse().map_err(|_| USAGE)).transpose()?;
    let what = match what.as_str() {
        "changes" => What::Changes,
        "plans" => What::Plans,
        "events" => What::Events,
        _ => return Err(USAGE),
    };

    let world = World::new(Place::Lent(url.clone())).await;
    let write = async || loop {
        let written = match what {
            What::Changes => change(&world).await.map(|session| session.id.to_string()),
            What::Plans => approved(&world).await,
            What::Events => event(&world).await,
        };
        let line = match written {
            Ok(id) => format!("kept {id}\n"),
            Err(error) => {
                tokio::time::sleep(PAUSE).await;
                format!("refused {error}\n")
            }
        };
        std::io::stdout().lock().write_all(line.as_bytes()).expect("told");
    };
    let number = async || loop {
        // A refusal here is one of the disk, which the writers meet too.
        let _ = world
            .books(1_000, |books, most| Box::pin(async move { books.sequence_events(most).await }))
            .await;
        tokio::time::sleep(PAUSE).await;
    };
    let writers = futures_util::future::join_all((0..writers).map(|_| write()));
    let writing = async {
        if what == What::Events { drop(writers.await) } else { drop(tokio::join!(writers, number())) }
    };
    match seconds {
        None => writing.await,
        // What is not acknowledged in time does not count.
        Some(seconds) => drop(tokio::time::timeout(Duration::from_secs(seconds), writing).await),
    }
    Ok(())
}

/// A privileged session and its event.
async fn change(world: &World) -> Result<PrivilegedSession, StoreError> {
    let session = world.draft();
    let event = AuditEvent { privileged_session_id: Some(session.id), ..world.event() };
    let kept = world.store.write(move |tx| {
        let (session, event) = (session.clone(), event.clone());
        Box::pin(async move {
            tx.insert_privileged_session(&session).await?;
            Ok(tx.commit(session, Events::one(event)))
        })
    });
    kept.await
}

/// A privileged session that was asked for and then approved, each with its event.
async fn approved(world: &World) -> Result<String, StoreError> {
    let asked = change(world).await?;
    let event = AuditEvent { privileged_session_id: Some(asked.id), ..world.event() };
    let (id, version) = (asked.id, asked.version);
    let approved = PrivilegedSession { state: State::Approved, ..asked };
    world.store.carry_out(Plan::with(event).session(approved, version)).await.map(|_| id.to_string())
}

/// An event alone.
async fn event(world: &World) -> Result<String, StoreError> {
    let event = world.event();
    let id: AuditEventId = event.id;
    let kept = world.store.write(move |tx| {
        let event = event.clone();
        Box::pin(async move { Ok(tx.commit((), Events::one(event))) })
    });
    kept.await.map(|()| id.to_string())
}
