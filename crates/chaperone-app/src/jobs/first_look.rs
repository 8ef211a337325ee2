//! The first look: before anybody is served, every account that a session holds, or should have held since its time
//! came, is asked for at its directory. After a crash, a restart or a restored backup the rows are only what was; the gate
//! decides by what is.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// Accounts that are looked at side by side.
const SIDE_BY_SIDE: usize = 64;
/// Nobody waits longer than this for directories that do not answer: they are tried again while others are served.
pub const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(20);

/// Looks at all that is held, within [`FIRST_LOOK_LIMIT`].
pub async fn look_first(app: &Arc<App>) -> Result<(), AppError> {
    let mut not_seen = 0;
    let looked = tokio::time::timeout(FIRST_LOOK_LIMIT, look(app, &mut not_seen)).await;
    if not_seen > 0 || looked.is_err() {
        tracing::warn!(accounts = not_seen, "not every account could be looked at; it is tried again");
    }
    looked.unwrap_or(Ok(()))
}

/// Looks at all; counts those that were not seen yet.
async fn look(app: &Arc<App>, not_seen: &mut usize) -> Result<(), AppError> {
    app.take_up_lost_starts(&Op::processor(app.now())).await?;
    let held = app.store.read().open_grants().await?;
    *not_seen = held.len();
    if held.is_empty() {
        return Ok(());
    }
    tracing::info!(accounts = held.len(), "looking at what sessions hold before anybody is served");
    let mut looks = JoinSet::new();
    for (grant, holders) in held {
        if looks.len() >= SIDE_BY_SIDE {
            take_in(&mut looks, not_seen).await?;
        }
        let app = app.clone();
        looks.spawn(async move { app.watch_one(&Op::processor(app.now()), grant, holders).await });
    }
    while !looks.is_empty() {
        take_in(&mut looks, not_seen).await?;
    }
    Ok(())
}

async fn take_in(looks: &mut JoinSet<Result<bool, AppError>>, not_seen: &mut usize) -> Result<(), AppError> {
    match looks.join_next().await {
        Some(Ok(seen)) => *not_seen -= usize::from(seen?),
        Some(Err(_)) => return Err(AppError::Inside("a look at an account broke off")),
        None => {}
    }
    Ok(())
}
