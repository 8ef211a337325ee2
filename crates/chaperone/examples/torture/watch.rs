//! What the roles are, looked at past Chaperone all the time: only what is not as it was before is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::roles::{Role, Roles};

/// How often the roles are looked at.
const EVERY: Duration = Duration::from_millis(40);

/// The machine's clock, which the executable reads too.
#[expect(clippy::disallowed_methods, reason = "what is compared with the trail's instants is the same clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A role that was seen changed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// It was so at some instant before this one …
    pub(crate) first_before: Timestamp,
    /// … and still at some instant after this one.
    pub(crate) last_after: Timestamp,
}

/// Looks until it goes.
pub(crate) struct Watch {
    seen: Arc<Mutex<Vec<Seen>>>,
    looking: tokio::task::JoinHandle<()>,
}

impl Watch {
    pub(crate) fn over(roles: Arc<Roles>, before: BTreeMap<String, Role>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = seen.clone();
        let looking = tokio::spawn(async move {
            // Where what is seen of a role now is kept.
            let mut open: BTreeMap<String, Seen> = BTreeMap::new();
            loop {
                let asked_at = now();
                let roles = roles.now().await;
                let answered_at = now();
                for (name, role) in roles {
                    let changed = before.get(&name) != Some(&role);
                    match open.get_mut(&name) {
                        Some(seen) if changed && seen.role == role => seen.last_after = asked_at,
                        _ => {
                            if let Some(over) = open.remove(&name) {
                                kept.lock().unwrap_or_else(PoisonError::into_inner).push(over);
                            }
                            if changed {
                                let (first_before, last_after) = (answered_at, asked_at);
                                let seen = Seen { name: name.clone(), role, first_before, last_after };
                                open.insert(name, seen);
                            }
                        }
                    }
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { seen, looking }
    }

    /// Looks no more.
    pub(crate) async fn end(mut self) {
        self.looking.abort();
        // Aborted is what it should be.
        let _aborted = (&mut self.looking).await;
    }

    /// What was seen and is over.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
