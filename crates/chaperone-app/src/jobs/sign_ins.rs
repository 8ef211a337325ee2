//! Sign-ins: last uses are stored in batches; what is silent or over ends, exactly or estimated; refusals that were
//! only counted are told.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::audit_event::AuditAction;
use tokio::sync::watch;

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// How often the job looks.
const EVERY: Duration = Duration::from_secs(1);
/// Last uses are stored every so many looks: after a crash the end of a silent sign-in is at most this much early.
const STORE_EVERY_LOOKS: u32 = 10;
/// Codes that nobody redeemed are removed every so many looks.
const CODES_EVERY_LOOKS: u32 = 60;
/// Sign-ins that end in one look.
const ENDS_MAX: u64 = 500;

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut looks: u32 = 0;
    while super::pause(&mut shutdown, EVERY).await {
        looks = looks.wrapping_add(1);
        if let Err(error) = look(&app, looks).await {
            tracing::error!(?error, "sign-ins could not be looked at; it is tried again");
        }
    }
    if let Err(error) = app.store_uses(true).await {
        tracing::error!(?error, "last uses are not stored; ends may be estimated a little early");
    }
    tell_counted(&app, true).await;
}

async fn look(app: &Arc<App>, looks: u32) -> Result<(), AppError> {
    app.store_uses(looks.is_multiple_of(STORE_EVERY_LOOKS)).await?;
    tell_counted(app, false).await;
    let now = app.now();
    if looks.is_multiple_of(CODES_EVERY_LOOKS) {
        app.store
            .keep_books(move |books| Box::pin(async move { books.delete_expired_entry_codes(now).await }))
            .await?;
    }
    for sign_in in app.store.read().overdue_sign_ins(now, ENDS_MAX).await? {
        app.end_by_time(now, &sign_in).await?;
    }
    Ok(())
}

/// Refusals that were only counted are told with their number.
async fn tell_counted(app: &App, of_all: bool) {
    let op = Op::processor(app.now());
    for counted in app.refusals.take_counted(op.at, of_all) {
        let event = op
            .event(AuditAction::RefusalsCounted, "refusals", &counted.what)
            .with("count", i64::try_from(counted.count).unwrap_or(i64::MAX))
            .with("since", counted.since.to_string());
        if let Err(error) = app.note(event).await {
            tracing::error!(?counted, %error, "the number of refusals is not written");
        }
    }
}
