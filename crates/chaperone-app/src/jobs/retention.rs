//! Retention: what has expired is deleted.
//!
//! What is deleted does not come back, so a clock that makes a step forward is not believed at once: retention waits a
//! day then. A machine that was off for longer waits too.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::retention::Retained;

/// How often the job looks.
const EVERY: Duration = Duration::from_secs(60);
/// Time that may pass between two looks before it counts as a step of the clock.
const STEP: SignedDuration = SignedDuration::from_hours(25);
/// How long retention waits after a step.
const WAIT: SignedDuration = SignedDuration::from_hours(24);

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while super::pause(&mut shutdown, EVERY).await {
        let stop = shutdown.clone();
        match look(&app, move || !*stop.borrow()).await {
            Ok(Some(done)) if done.events + done.sign_ins + done.recordings > 0 => tracing::info!(
                events = done.events,
                sign_ins = done.sign_ins,
                recordings = done.recordings,
                kept = done.kept,
                "retention has deleted what it does not keep"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(?error, "retention could not be applied; it is tried again"),
        }
    }
}

/// One look at everything that has expired; `None` while retention waits.
pub async fn apply_retention(app: &Arc<App>) -> Result<Option<Retained>, AppError> {
    look(app, || true).await
}

async fn look(app: &Arc<App>, go_on: impl Fn() -> bool + Send) -> Result<Option<Retained>, AppError> {
    let op = Op::processor(app.now());
    if op.at < waits_until(app, &op).await? {
        return Ok(None);
    }
    app.destroy_again(&op).await?;
    app.apply_retention(&op, go_on).await.map(Some)
}

/// Until when retention waits; a step of the clock is in the trail.
async fn waits_until(app: &Arc<App>, op: &Op) -> Result<Instant, AppError> {
    let now = op.at;
    let before = app.store.read().retention_looked_at().await?;
    let stepped = before.is_some_and(|before| now.duration_since(before) > STEP);
    let wait = if stepped { Some(now.saturating_add(WAIT).unwrap_or(now)) } else { None };
    let until = app
        .store
        .keep_books(move |books| Box::pin(async move { books.retention_looks(now, wait).await }))
        .await?;
    if let (Some(before), true) = (before, stepped) {
        let event = op
            .event(AuditAction::RetentionWaits, "organization", "1")
            .with("looked_at_before", before.to_string())
            .with("until", until.to_string());
        app.note(event).await?;
    }
    Ok(until)
}
