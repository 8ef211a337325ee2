//! Accounts of other directories: imports go on, what others make of accounts is noticed, and directories that were away
//! are asked whether they are back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// How often accounts are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(30);
/// How often closed grants are looked at whose accounts are to be looked at once more.
const AGAIN_EVERY: Duration = Duration::from_secs(1);
/// Accounts that are looked at once more side by side.
const AGAIN_SIDE_BY_SIDE: usize = 16;
/// How often directories that are waited for are asked whether they are back.
const RETURNED_EVERY: Duration = Duration::from_secs(15);
/// How often imports are looked at that wait.
const IMPORTS_EVERY: Duration = Duration::from_secs(1);

/// Looks at accounts, the first time at once: after a restart nothing is taken for granted.
pub(super) async fn watch(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        let op = Op::processor(app.now());
        for looked in [app.watch_held(&op).await, app.watch_others(&op).await] {
            if let Err(error) = looked {
                tracing::error!(?error, "accounts could not be looked at; it is tried again");
            }
        }
        if !super::pause(&mut shutdown, WATCH_EVERY).await {
            return;
        }
    }
}

/// Looks once more at accounts that were brought back a while ago.
pub(super) async fn again(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        if let Err(error) = look_again_due(&app).await {
            tracing::error!(?error, "accounts could not be looked at once more; it is tried again");
        }
        if !super::pause(&mut shutdown, AGAIN_EVERY).await {
            return;
        }
    }
}

/// Asks directories that were away whether they are back.
pub(super) async fn returned(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    while super::pause(&mut shutdown, RETURNED_EVERY).await {
        if let Err(error) = app.try_again_where_answered(&Op::processor(app.now())).await {
            tracing::error!(
                ?error,
                "directories could not be asked whether they are back; it is tried again"
            );
        }
    }
}

/// Looks once more at every account for which it is time.
pub async fn look_again_due(app: &Arc<App>) -> Result<(), AppError> {
    let mut looks: JoinSet<Result<(), AppError>> = JoinSet::new();
    for grant in app.due_again().await? {
        if looks.len() >= AGAIN_SIDE_BY_SIDE
            && let Some(look) = looks.join_next().await
        {
            looked(look);
        }
        let app = app.clone();
        looks.spawn(async move { app.look_again(&Op::processor(app.now()), grant).await });
    }
    while let Some(look) = looks.join_next().await {
        looked(look);
    }
    Ok(())
}

fn looked(look: Result<Result<(), AppError>, tokio::task::JoinError>) {
    match look {
        Ok(Ok(()) | Err(AppError::Stale)) => {}
        Ok(Err(error)) => tracing::error!(?error, "an account could not be looked at once more"),
        Err(error) => tracing::error!(%error, "a look at an account broke off"),
    }
}

/// Goes on with imports, each directory by itself.
pub(super) async fn import(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    loop {
        let go_on = match import_all(&app).await {
            Ok(go_on) => go_on,
            Err(error) => {
                tracing::error!(?error, "imports could not go on; it is tried again");
                false
            }
        };
        if go_on && !*shutdown.borrow() {
            continue;
        }
        tokio::select! {
            go_on = super::pause(&mut shutdown, IMPORTS_EVERY) => if !go_on { return },
            () = app.imports_nudge.notified() => {}
        }
    }
}

/// One page of each running import; says whether any wants to go on at once.
pub(super) async fn import_all(app: &Arc<App>) -> Result<bool, AppError> {
    let mut steps = JoinSet::new();
    for import in app.store.read().running_imports().await? {
        let app = app.clone();
        steps.spawn(async move { app.import_step(&Op::processor(app.now()), import).await });
    }
    let mut go_on = false;
    while let Some(step) = steps.join_next().await {
        match step {
            Ok(step) => go_on |= step?,
            Err(_) => return Err(AppError::Inside("an import broke off")),
        }
    }
    Ok(go_on)
}
