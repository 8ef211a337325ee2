//! Jobs: what time alone moves. Each looks at the world as it is, moves it one step towards what is wanted, and
//! looks again; none takes input, none remembers, so a restart anywhere costs nothing.
//!
//! | job | looks at | does |
//! | --- | --- | --- |
//! | processor | sessions whose time has come | starts, ends, expires them; brings accounts back |
//! | sign-ins | last uses, limits | stores last uses, ends what is silent or over |
//! | recordings | recordings whose sign-in is over; whether anything can be recorded | seals; ends sessions that cannot be recorded |
//! | accounts | accounts of other directories, running imports | notices what others changed, what of ours came late, and directories that are back; goes on with imports |
//! | notifications | sessions that start or end soon; what waits to be sent | writes down what time tells; sends, repeats, gives up; removes what is old |
//! | access records | the organization's settings; accesses that could not be written | follows the settings; writes |
//! | event streams | what collectors have not taken yet | sends it in order, repeats, holds |
//! | retention | what has expired; destructions that broke off | deletes it in small batches |
//! | scheduled exports | intervals that are over; files and manifests | writes what is due; finds gaps |
//! | trail | events without a number; the clock | numbers them without gaps; keeps the high water |

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;

mod access_records;
mod accounts;
mod event_streams;
mod first_look;
mod notifications;
mod processor;
mod recordings;
mod retention;
mod scheduled_exports;
mod sign_ins;
mod trail;

pub use accounts::look_again_due;
pub use event_streams::send_event_streams;
pub use first_look::{FIRST_LOOK_LIMIT, look_first};
pub use notifications::{deliver_due, remove_old, tell_by_time};
pub use processor::process_due;
pub use retention::apply_retention;
pub use scheduled_exports::export_due;

/// The steps of jobs one by one, for whoever decides their order: the simulator.
pub mod steps {
    use super::{App, Arc};
    use crate::errors::AppError;
    use crate::op::Op;
    use chaperone_domain::ids::PrivilegedSessionId;

    /// Moves one session as far as it goes now.
    pub async fn session(app: &Arc<App>, id: PrivilegedSessionId) -> Result<(), AppError> {
        app.process_session(&Op::processor(app.now()), id).await
    }

    /// Looks once more at the accounts for which it is time, one after the other.
    pub async fn again(app: &Arc<App>) -> Result<(), AppError> {
        for grant in app.due_again().await? {
            app.look_again(&Op::processor(app.now()), grant).await?;
        }
        Ok(())
    }

    /// One page of each running import; whether any wants to go on at once.
    pub async fn imports(app: &Arc<App>) -> Result<bool, AppError> {
        super::accounts::import_all(app).await
    }

    /// Looks whether anything can be recorded, and ends what cannot.
    pub async fn recordings(app: &Arc<App>) -> Result<(), AppError> {
        super::recordings::end_unrecordable(app).await
    }

    /// Looks at the accounts that sessions hold.
    pub async fn watch(app: &Arc<App>) -> Result<(), AppError> {
        app.watch_held(&Op::processor(app.now())).await
    }
}

/// Runs every job until `shutdown` becomes true, then stores what is only in memory.
pub async fn run(app: Arc<App>, shutdown: watch::Receiver<bool>) {
    let mut jobs = JoinSet::new();
    jobs.spawn(processor::run(app.clone(), shutdown.clone()));
    jobs.spawn(accounts::watch(app.clone(), shutdown.clone()));
    jobs.spawn(accounts::again(app.clone(), shutdown.clone()));
    jobs.spawn(accounts::returned(app.clone(), shutdown.clone()));
    jobs.spawn(accounts::import(app.clone(), shutdown.clone()));
    jobs.spawn(sign_ins::run(app.clone(), shutdown.clone()));
    jobs.spawn(recordings::run(app.clone(), shutdown.clone()));
    jobs.spawn(notifications::run(app.clone(), shutdown.clone()));
    jobs.spawn(access_records::run(app.clone(), shutdown.clone()));
    jobs.spawn(event_streams::run(app.clone(), shutdown.clone()));
    jobs.spawn(retention::run(app.clone(), shutdown.clone()));
    jobs.spawn(scheduled_exports::run(app.clone(), shutdown.clone()));
    jobs.spawn(trail::run(app, shutdown));
    while let Some(ended) = jobs.join_next().await {
        if let Err(error) = ended {
            // A job that panics would leave accounts open: better to be restarted as a whole.
            tracing::error!(%error, "a job stopped");
            return;
        }
    }
}

/// Waits, but not longer than until the end is asked for; says whether to go on.
async fn pause(shutdown: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    if *shutdown.borrow() {
        return false;
    }
    tokio::select! {
        () = tokio::time::sleep(pause) => true,
        changed = shutdown.changed() => changed.is_ok() && !*shutdown.borrow(),
    }
}

/// Ends so long after the end was asked for: what is being sent may go on until then.
async fn last_words(shutdown: &mut watch::Receiver<bool>, limit: Duration) {
    // A sender that is gone means the same.
    let _over = shutdown.wait_for(|over| *over).await.is_ok();
    tokio::time::sleep(limit).await;
}
