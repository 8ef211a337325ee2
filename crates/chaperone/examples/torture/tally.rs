//! What is counted, and what was wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counters that all lanes share.
pub(crate) struct Tally {
    wanted: u64,
    begun: AtomicU64,
    kills: AtomicU64,
    sessions: AtomicU64,
    accounts: AtomicU64,
    wrong: AtomicU64,
    refusals: Mutex<BTreeMap<String, u64>>,
}

/// The counters at one moment.
pub(crate) struct Counts {
    pub(crate) kills: u64,
    pub(crate) sessions: u64,
    pub(crate) accounts: u64,
    pub(crate) wrong: u64,
}

impl Tally {
    pub(crate) fn new(wanted: u64) -> Self {
        let (begun, kills, sessions) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (accounts, wrong) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { wanted, begun, kills, sessions, accounts, wrong, refusals: Mutex::default() }
    }

    /// Whether one more kill is wanted; it is the caller's then.
    pub(crate) fn take(&self) -> bool {
        self.begun.fetch_add(1, Ordering::SeqCst) < self.wanted
    }

    /// Whether all kills are somebody's.
    pub(crate) fn is_over(&self) -> bool {
        self.begun.load(Ordering::SeqCst) >= self.wanted
    }

    pub(crate) fn killed(&self) {
        self.kills.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn session(&self) {
        self.sessions.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn looked_at(&self, accounts: usize) {
        self.accounts.fetch_add(accounts as u64, Ordering::SeqCst);
    }

    /// Something is as it must never be.
    pub(crate) fn wrong(&self, what: &str) {
        self.wrong.fetch_add(1, Ordering::SeqCst);
        eprintln!("WRONG: {what}");
    }

    /// A call that was refused, by why.
    pub(crate) fn refused(&self, why: &str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(why.to_owned()).or_default() += 1;
    }

    /// What was refused and how often, most often first.
    pub(crate) fn refusals(&self) -> Vec<(String, u64)> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refusals: Vec<_> = refusals.iter().map(|(why, times)| (why.clone(), *times)).collect();
        refusals.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        refusals
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            kills: self.kills.load(Ordering::SeqCst),
            sessions: self.sessions.load(Ordering::SeqCst),
            accounts: self.accounts.load(Ordering::SeqCst),
            wrong: self.wrong.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn so_far(&self) -> String {
        let Counts { kills, sessions, accounts, wrong } = self.counts();
        format!(
            "{kills} of {} kills, {sessions} sessions, {accounts} accounts looked at, {wrong} wrong",
            self.wanted
        )
    }
}
