//! The trail: every event gets its number, without gaps; the clock's high water is kept.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::audit_event::AuditAction;
use tokio::sync::watch;

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// How often the job looks.
const EVERY: Duration = Duration::from_millis(500);
/// The high water is stored every so many looks.
const HIGH_WATER_EVERY_LOOKS: u32 = 10;
/// Events numbered in one go.
const BATCH: u64 = 5_000;

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut looks: u32 = 0;
    loop {
        let go_on = super::pause(&mut shutdown, EVERY).await;
        if let Err(error) = look(&app, looks).await {
            tracing::error!(?error, "the trail could not be numbered; it is tried again");
        }
        looks = looks.wrapping_add(1);
        if !go_on {
            return;
        }
    }
}

async fn look(app: &Arc<App>, looks: u32) -> Result<(), AppError> {
    loop {
        let numbered =
            app.store.keep_books(|books| Box::pin(async move { books.sequence_events(BATCH).await })).await?;
        if numbered > 0 {
            app.numbered.send_replace(());
        }
        if numbered < BATCH {
            break;
        }
    }
    if looks.is_multiple_of(HIGH_WATER_EVERY_LOOKS) {
        let now = app.now();
        let stored = app
            .store
            .keep_books(move |books| Box::pin(async move { books.raise_high_water(now).await }))
            .await?;
        app.clock.raise(stored);
    }
    if let Some(shown) = app.clock.take_step_back() {
        let op = Op::system(app.now());
        let event = op.event(AuditAction::ClockWentBack, "organization", "").with("shown", shown.to_string());
        app.note(event).await?;
    }
    Ok(())
}
