//! What was written, counted: measurements divide by it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::connect::Store;

/// What was written since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Changes and books that were kept.
    pub changes: u64,
    /// Their audit events.
    pub events: u64,
    /// Commits that they took: on SQLite, changes share them.
    pub commits: u64,
    /// How often a change ran again because it had lost a race; never on SQLite.
    pub races: u64,
}

/// The counters behind [`Written`].
#[derive(Default)]
pub(crate) struct Counts {
    changes: AtomicU64,
    events: AtomicU64,
    commits: AtomicU64,
    races: AtomicU64,
}

impl Counts {
    /// One commit with these many changes and events.
    pub(crate) fn committed(&self, changes: usize, events: usize) {
        self.changes.fetch_add(changes as u64, Ordering::Relaxed);
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// A change lost a race.
    pub(crate) fn raced(&self) {
        self.races.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store {
    /// What was written since it was opened.
    pub fn written(&self) -> Written {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { changes, events, commits, races } = self.counts.as_ref();
        Written { changes: of(changes), events: of(events), commits: of(commits), races: of(races) }
    }
}
