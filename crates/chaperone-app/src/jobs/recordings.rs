//! Recordings: sealed once their sign-in is over; a session of which nothing can be recorded ends.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::privileged_session::{EndReason, Move, RECORDING_LOST_AFTER, State};
use chaperone_domain::sign_in::EndKind;
use tokio::sync::watch;

use crate::app::App;
use crate::errors::AppError;
use crate::gate::Recorded;
use crate::op::Op;
use crate::privileged_sessions::make_move;

/// How often the job looks.
const EVERY: Duration = Duration::from_secs(1);

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while super::pause(&mut shutdown, EVERY).await {
        for outcome in [seal(&app).await, end_unrecordable(&app).await] {
            if let Err(error) = outcome {
                tracing::error!(?error, "recordings could not be looked at; it is tried again");
            }
        }
    }
}

/// Seals what is over: when the documents' last words had their time to come in.
async fn seal(app: &Arc<App>) -> Result<(), AppError> {
    let now = app.now();
    for (recording, end) in app.store.read().unsealed_recordings().await? {
        let over = end.is_some_and(|end| end.at.checked_add(app.tail).is_ok_and(|sealable| sealable <= now));
        if over && let Err(error) = app.seal_recording(recording.id).await {
            tracing::error!(recording = %recording.id, ?error, "a recording could not be sealed; it is tried again");
        }
    }
    Ok(())
}

/// Ends sign-ins whose recording is gone, and sessions when nothing could be recorded for too long.
pub(super) async fn end_unrecordable(app: &Arc<App>) -> Result<(), AppError> {
    let now = app.now();
    let op = Op::processor(now);
    for live in app.gate.all() {
        if matches!(live.recorded, Recorded::Unavailable)
            && let Some(row) = app.store.read().sign_in(live.id).await?
        {
            // The person can open the session again: that begins a new recording.
            app.end_sign_in_row(&op, row, EndKind::Lost).await?;
        }
    }
    // The disk is tried while somebody is recorded; else it is enough that there is room.
    let recorded = app.gate.all().iter().any(|live| !matches!(live.recorded, Recorded::No));
    let probed = if recorded { app.vault.probe().await } else { app.vault.ready() };
    let since = match (probed, app.unrecordable_since.lock()) {
        (Ok(()), Ok(mut since)) => {
            *since = None;
            return Ok(());
        }
        (Err(_), Ok(mut since)) => *since.get_or_insert(now),
        (_, Err(_)) => return Ok(()),
    };
    if now.duration_since(since) < RECORDING_LOST_AFTER {
        return Ok(());
    }
    for session in app.store.read().sessions_in(&[State::Active]).await? {
        let mut after = session.clone();
        let from = make_move(&mut after, Move::End(EndReason::RecordingLost), now)?;
        let why = "Nothing could be recorded for 10 minutes.";
        app.write_status(&op, &session, &mut after, from, why).await?;
    }
    Ok(())
}
