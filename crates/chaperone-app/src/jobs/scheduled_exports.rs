//! Scheduled exports: what is due is written, and the gap detector looks once a day.
//!
//! Each export has a task of its own, so that a bucket that hangs holds up no other.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::scheduled_export::{CHECK_EVERY, ScheduledExport};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// How often it looks whether something is due, when nobody wakes it.
const EVERY: Duration = Duration::from_secs(30);
/// How long what is being written may go on when the process is to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        // What is half written when the process ends is written again by whoever comes next.
        tokio::select! {
            looked = export_due(&app) => if let Err(error) = looked {
                tracing::error!(?error, "scheduled exports could not be looked at; it is tried again");
            },
            () = ending(shutdown.clone()) => return,
        }
        tokio::select! {
            go_on = super::pause(&mut shutdown, EVERY) => if !go_on { return },
            () = app.exports_nudge.notified() => {}
        }
    }
}

async fn ending(mut shutdown: watch::Receiver<bool>) {
    while !*shutdown.borrow() {
        if shutdown.changed().await.is_err() {
            break;
        }
    }
    tokio::time::sleep(LAST_WORDS).await;
}

/// Writes everything that is due, and looks for gaps where that is due; how many files were written.
pub async fn export_due(app: &Arc<App>) -> Result<usize, AppError> {
    let mut tasks = JoinSet::new();
    for export in app.store.read().scheduled_exports().await? {
        let app = app.clone();
        tasks.spawn(async move { one(&app, &export).await });
    }
    let mut written = 0;
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(count) => written += count?,
            Err(_) => return Err(AppError::Inside("a scheduled export broke off")),
        }
    }
    Ok(written)
}

async fn one(app: &Arc<App>, export: &ScheduledExport) -> Result<usize, AppError> {
    let written = if export.active { app.write_due_runs(export).await? } else { 0 };
    let now = app.now();
    let since = export.checked_at.unwrap_or(export.created_at);
    if now.duration_since(since) >= CHECK_EVERY {
        app.check_export(&Op::processor(now), export).await?;
    }
    Ok(written)
}
