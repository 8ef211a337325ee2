//! When watchers were told of each session: after the commit, as the console is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use chaperone_app::changes::ChangedNoun;
use chaperone_domain::Instant;
use chaperone_domain::ids::PrivilegedSessionId;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use uuid::Uuid;

use super::Failed;
use super::installation::Installation;

/// The last instant at which watchers were told of each session.
type Told = Arc<Mutex<HashMap<Uuid, Instant>>>;

/// Somebody who watches.
pub(crate) struct Watch {
    told: Told,
    stop: watch::Sender<bool>,
    thread: JoinHandle<Result<(), Failed>>,
}

impl Watch {
    /// Watches from now on, on a thread of its own: what is told is noted when it is told, however busy the app is.
    pub(crate) fn begin(here: &Installation) -> Result<Self, Failed> {
        let (app, told) = (here.app.clone(), Told::default());
        let mut changes = app.changes().watch();
        let (stop, mut stopped) = watch::channel(false);
        let noted = told.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let note = async move {
            loop {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    _ = stopped.changed() => return Ok(()),
                };
                match change {
                    Ok(change) if change.noun == ChangedNoun::PrivilegedSession => {
                        noted.lock().unwrap_or_else(PoisonError::into_inner).insert(change.id, app.now());
                    }
                    Ok(_) => {}
                    Err(RecvError::Closed) => return Ok(()),
                    Err(RecvError::Lagged(_)) => return Err("the watcher fell behind".into()),
                }
            }
        };
        let thread = std::thread::spawn(move || runtime.block_on(note));
        Ok(Self { told, stop, thread })
    }

    /// How many milliseconds after `due` watchers were told last of each session, in order.
    pub(crate) fn delays(&self, ids: &[PrivilegedSessionId], due: Instant) -> Result<Vec<i128>, Failed> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut delays = Vec::with_capacity(ids.len());
        for id in ids {
            let at = told.get(&id.uuid()).ok_or("watchers were not told of a session")?;
            delays.push(at.duration_since(due).as_millis());
        }
        delays.sort_unstable();
        if delays.first().is_some_and(|first| *first < 0) {
            return Err("a session moved before its time".into());
        }
        Ok(delays)
    }

    /// Watches no more; an error when something that was told was not noted.
    pub(crate) fn end(self) -> Result<(), Failed> {
        self.stop.send_replace(true);
        self.thread.join().map_err(|_| "the watcher broke off")?
    }
}
