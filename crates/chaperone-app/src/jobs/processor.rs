//! The background process (source: BatchProcess): sessions start, end and expire when their time comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::grant::GrantPhase;
use chaperone_domain::ids::PrivilegedSessionId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// How long the processor rests at most when nothing is due.
const REST_MAX: Duration = Duration::from_secs(1);
/// How long it rests while something waits, for example for a directory.
const REST_WAITING: Duration = Duration::from_millis(250);
/// Sessions of one look.
const LOOK_MAX: u64 = 1_000;
/// Sessions moved side by side; different accounts do not wait for each other.
const SIDE_BY_SIDE: usize = 32;

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        let rest = match process_due(&app).await {
            Ok(rest) => rest,
            Err(error) => {
                tracing::error!(?error, "the background process could not look; it tries again");
                REST_MAX
            }
        };
        tokio::select! {
            go_on = super::pause(&mut shutdown, rest) => if !go_on { return },
            () = app.processor_nudge.notified() => {}
        }
    }
}

/// One look at everything that is due, moved as far as it goes now; says how long to rest.
pub async fn process_due(app: &Arc<App>) -> Result<Duration, AppError> {
    let now = app.now();
    let read = app.store.read();
    let mut due: BTreeSet<PrivilegedSessionId> =
        read.due_sessions(now, LOOK_MAX).await?.into_iter().map(|session| session.id).collect();
    for (grant, holders) in read.open_grants().await? {
        if grant.phase != GrantPhase::Held {
            due.extend(holders.iter().map(|holder| holder.privileged_session_id));
        }
    }
    if due.is_empty() {
        let left = match app.store.read().next_due_at().await? {
            Some(next) => Duration::try_from(next.duration_since(now)).unwrap_or(REST_WAITING),
            None => REST_MAX,
        };
        return Ok(left.min(REST_MAX));
    }
    let mut moving = JoinSet::new();
    for id in due {
        if moving.len() >= SIDE_BY_SIDE {
            moving.join_next().await;
        }
        let app = app.clone();
        moving.spawn(async move {
            let op = Op::processor(app.now());
            if let Err(error) = app.process_session(&op, id).await {
                tracing::error!(session = %id, ?error, "a session could not be moved; it is tried again");
            }
        });
    }
    while moving.join_next().await.is_some() {}
    Ok(REST_WAITING)
}
