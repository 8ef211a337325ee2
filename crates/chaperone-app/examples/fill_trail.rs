//! Fills the trail of an installation that does not run, so that there is something to send on event streams.
//!
//! ```sh
//! fill_trail <url of its database> <events>
//! ```
//!
//! Prints how many events one writer made durable and numbered, a group in each commit, and in how many seconds. The
//! bench reads it.

use std::io::Write as _;

use chaperone_app::{Client, Op, Who};
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::user::{Role, Roles, User};
use chaperone_domain::{Instant as At, ids::UserId};
use chaperone_store::{Events, Store, StoreConfig, StoreError};
use tokio::time::Instant;

/// How it is called.
const USAGE: &str = "fill_trail <url of its database> <events>";
/// Events of one commit.
const GROUP: u64 = 500;
/// When all of it happened, in seconds since 1970.
const AT_S: i64 = 1_790_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, events] = arguments.as_slice() else { return Err(USAGE.into()) };
    let events: u64 = events.parse().map_err(|_| USAGE)?;
    let store = Store::connect(StoreConfig::new(url)).await?;
    let began = Instant::now();
    let mut filled = 0;
    while filled < events {
        let count = GROUP.min(events - filled);
        store
            .write(move |tx| {
                let more = (1..count).fold(Events::one(viewed()), |events, _| events.and(viewed()));
                Box::pin(async move { Ok::<_, StoreError>(tx.commit((), more)) })
            })
            .await?;
        store.keep_books(|books| Box::pin(async move { books.sequence_events(GROUP).await })).await?;
        filled += count;
    }
    let seconds = began.elapsed().as_secs_f64();
    let said = serde_json::json!({"events": filled, "seconds": seconds});
    Ok(writeln!(std::io::stdout().lock(), "{said}")?)
}

/// Somebody looked at a recording: an event of the usual size.
fn viewed() -> AuditEvent {
    let at = At::from_second(AT_S).unwrap_or(At::UNIX_EPOCH);
    let user = User {
        id: UserId::new(uuid::Uuid::from_u128(7)),
        user_name: "audrey".to_owned(),
        display_name: "Audrey".to_owned(),
        email: String::new(),
        active: true,
        roles: Roles::new(vec![Role::Auditor]),
        password_must_change: false,
        created_at: at,
        version: 1,
    };
    let op = Op {
        who: Who::User(Box::new(user)),
        at,
        channel: Some(Channel::Web),
        client: Client::new("192.0.2.7", "bench"),
        sign_in_id: None,
    };
    op.event(AuditAction::RecordingViewed, "recording", "01a1fc37-65c2-7000-83d3-1715f43e7799")
}
