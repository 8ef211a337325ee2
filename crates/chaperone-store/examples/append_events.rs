//! Appends audit events as fast as they become durable, and prints a line for every one that is acknowledged.
//!
//! ```sh
//! append_events <url of an empty database> <writers> <changes|events> [<seconds>]
//! ```
//!
//! `changes` writes what the product writes: a privileged session and its audit event in one transaction, and
//! prints `kept <id of the session>`; beside that it numbers the trail, as the product does. `events` appends audit events alone and prints `kept <id of the event>`.
//! What the store refuses is told as `refused <why>`, and tried again. Without seconds it goes on until it is killed:
//! the crash tests do that. The bench reads its lines.

use std::io::Write as _;
use std::time::Duration;

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::AuditEventId;
use chaperone_store::{Events, StoreError};

use self::world::{Place, World};

#[path = "../tests/store/world.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod world;

/// How it is called.
const USAGE: &str = "append_events <url of an empty database> <writers> <changes|events> [<seconds>]";

/// How long a writer waits that was refused.
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<(), &'static str> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, writers, what, more @ ..] = arguments.as_slice() else { return Err(USAGE) };
    let writers: usize = writers.parse().map_err(|_| USAGE)?;
    let seconds: Option<u64> = more.first().map(|text| text.parse().map_err(|_| USAGE)).transpose()?;
    let changes = what == "changes";

    let world = World::new(Place::Lent(url.clone())).await;
    let write = async || loop {
        let line = match if changes { change(&world).await } else { event(&world).await } {
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
    let writing = async { if changes { drop(tokio::join!(writers, number())) } else { drop(writers.await) } };
    match seconds {
        None => writing.await,
        // What is not acknowledged in time does not count.
        Some(seconds) => drop(tokio::time::timeout(Duration::from_secs(seconds), writing).await),
    }
    Ok(())
}

/// A privileged session and its event.
async fn change(world: &World) -> Result<String, StoreError> {
    let session = world.draft();
    let event = AuditEvent { privileged_session_id: Some(session.id), ..world.event() };
    let id = session.id;
    let kept = world.store.write(move |tx| {
        let (session, event) = (session.clone(), event.clone());
        Box::pin(async move {
            tx.insert_privileged_session(&session).await?;
            Ok(tx.commit((), Events::one(event)))
        })
    });
    kept.await.map(|()| id.to_string())
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
