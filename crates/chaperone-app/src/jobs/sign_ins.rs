//! Sign-ins: last uses are stored in batches; what is silent or over ends, exactly or estimated.

use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::ids::{SignInId, TargetId};
use chaperone_domain::{Instant, sign_in::SignIn};
use chaperone_store::Events;
use tokio::sync::watch;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::Op;
use crate::sign_ins::ended_event;

/// How often the job looks.
const EVERY: Duration = Duration::from_secs(1);
/// Last uses are stored every so many looks: after a crash the end of a silent sign-in is at most this much early.
const STORE_EVERY_LOOKS: u32 = 10;
/// Codes that nobody redeemed are removed every so many looks.
const CODES_EVERY_LOOKS: u32 = 60;
/// Sign-ins that end in one look.
const ENDS_MAX: u64 = 500;

type Uses = Vec<(SignInId, Instant, Vec<(TargetId, Instant)>)>;

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut looks: u32 = 0;
    while super::pause(&mut shutdown, EVERY).await {
        looks = looks.wrapping_add(1);
        if let Err(error) = look(&app, looks).await {
            tracing::error!(?error, "sign-ins could not be looked at; it is tried again");
        }
    }
    if let Err(error) = store_uses(&app).await {
        tracing::error!(?error, "last uses are not stored; ends may be estimated a little early");
    }
}

async fn look(app: &Arc<App>, looks: u32) -> Result<(), AppError> {
    if looks.is_multiple_of(STORE_EVERY_LOOKS) {
        store_uses(app).await?;
    }
    let now = app.now();
    if looks.is_multiple_of(CODES_EVERY_LOOKS) {
        app.store
            .keep_books(move |books| Box::pin(async move { books.delete_expired_entry_codes(now).await }))
            .await?;
    }
    let overdue = app.store.read().overdue_sign_ins(now, ENDS_MAX).await?;
    if overdue.is_empty() {
        return Ok(());
    }
    // What is stored may be older than what memory knows: last uses first, then look again.
    store_uses(app).await?;
    for sign_in in app.store.read().overdue_sign_ins(now, ENDS_MAX).await? {
        end(app, now, sign_in).await?;
    }
    Ok(())
}

async fn store_uses(app: &Arc<App>) -> Result<(), AppError> {
    let uses: Uses = app
        .gate
        .all()
        .into_iter()
        .filter_map(|live| live.take_seen().map(|(at, targets)| (live.id, at, targets)))
        .collect();
    if uses.is_empty() {
        return Ok(());
    }
    Ok(app
        .store
        .keep_books(move |books| {
            let uses = uses.clone();
            Box::pin(async move {
                for (id, at, targets) in uses {
                    books.touch_sign_in(id, at).await?;
                    for (target, at) in targets {
                        books.sign_in_at_target(id, target, at).await?;
                    }
                }
                Ok(())
            })
        })
        .await?)
}

async fn end(app: &Arc<App>, now: Instant, sign_in: SignIn) -> Result<(), AppError> {
    let Some(end) = sign_in.due_end(now) else { return Ok(()) };
    let (op, row) = (Op::processor(now), sign_in.clone());
    let ended = app
        .store
        .write(move |tx| {
            let (op, row) = (op.clone(), row.clone());
            Box::pin(async move {
                if !tx.end_sign_in(row.id, end).await? {
                    return Err(AppError::Stale);
                }
                Ok(tx.commit((), Events::one(ended_event(&op, &row, end))))
            })
        })
        .await;
    app.gate.end(sign_in.id);
    app.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![sign_in.user_id]);
    match ended {
        // Somebody else ended it.
        Err(AppError::Stale) => Ok(()),
        other => other,
    }
}
