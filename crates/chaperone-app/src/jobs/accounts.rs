//! Accounts of other directories: imports go on, and what others make of accounts is noticed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// How often accounts are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(30);
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
async fn import_all(app: &Arc<App>) -> Result<bool, AppError> {
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
