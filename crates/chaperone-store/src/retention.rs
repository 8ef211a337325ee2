//! Deletion by retention: the only way in which something of the trail, a sign-in or a recording's row is erased.
//!
//! What may go is looked for outside of a transaction ([`Reads::expired_events`] and its like, so many rows at a time);
//! the transaction then looks again, takes the sessions concerned, and erases. Taking a session and setting a legal hold
//! on it change the same row, so of the two one comes after the other and sees it: there is no moment between.
//!
//! [`Reads::expired_events`]: crate::Reads::expired_events

use std::future::Future;
use std::pin::Pin;

use chaperone_domain::retention::deletable_states;
use sea_orm::sea_query::Value;
use uuid::Uuid;

use crate::StoreError;
use crate::connect::Store;
use crate::sql::{Place, Reads, args};
use crate::tx::{Committed, Events, WriteTx};

/// Rows of one look for what has expired, and of one deletion, at most.
pub const RETENTION_BATCH: u64 = 200;
/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// A deletion in progress. It reaches what retention may delete and nothing else; as every change it is kept only
/// together with its events.
pub struct RetentionTx<'t> {
    tx: &'t mut WriteTx,
}

impl RetentionTx<'_> {
    /// Queries that see the deletion so far.
    pub fn read(&self) -> Reads<'_> {
        self.tx.read()
    }

    pub(crate) fn place(&self) -> Place<'_> {
        self.tx.place()
    }

    /// The deletion is complete; these are its events.
    pub fn commit<T>(&self, value: T, events: Events) -> Committed<T> {
        self.tx.commit(value, events)
    }

    /// Takes sessions of which something is about to be deleted. A hold that is set at the same time either comes first,
    /// and then this fails, or it waits and comes after.
    pub(crate) async fn take_sessions(&mut self, mut sessions: Vec<Uuid>) -> Result<(), StoreError> {
        sessions.sort_unstable();
        sessions.dedup();
        if sessions.is_empty() {
            return Ok(());
        }
        let (names, ids) = padded(&sessions, 1);
        let sql = format!(
            "UPDATE privileged_sessions SET retention_fence = retention_fence + 1 \
             WHERE legal_hold_at IS NULL AND id IN ({names})"
        );
        let taken = self.place().run(&sql, ids).await?;
        if usize::try_from(taken) == Ok(sessions.len()) { Ok(()) } else { Err(StoreError::Stale) }
    }
}

impl Store {
    /// Deletes what retention does not keep, together with the events that say so. As [`Store::write`].
    ///
    /// # Errors
    /// As [`Store::write`]; [`StoreError::Stale`] when a legal hold came between.
    pub async fn retain<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(RetentionTx<'t>) -> Pin<Box<dyn Future<Output = Result<Committed<T>, E>> + Send + 't>>
            + Send
            + Sync
            + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write(move |tx| body(RetentionTx { tx })).await
    }
}

/// Until when a new row is kept, as a text of SQL: the setting is read in the transaction that writes the row. `days` is
/// the column of the organization, `from` the name of the bound instant that the period begins with.
pub(crate) fn stamp(days: &str, from: &str) -> String {
    format!(
        "(SELECT CASE WHEN {days} > 0 THEN CAST({from} AS BIGINT) + {days} * {DAY_MICROS} END FROM organization)"
    )
}

/// That something of the session of that column may be deleted: it is over, not held, and has no part in an open grant.
/// What belongs to no session may always be.
pub(crate) fn free(session: &str) -> String {
    let over: Vec<String> = deletable_states().map(|state| format!("'{}'", state.name())).collect();
    format!(
        "NOT EXISTS (SELECT 1 FROM privileged_sessions AS kept WHERE kept.id = {session} \
         AND (kept.legal_hold_at IS NOT NULL OR kept.state NOT IN ({}) OR EXISTS (\
         SELECT 1 FROM grant_holders AS holds JOIN grants AS open_grants ON open_grants.id = holds.grant_id \
         WHERE holds.privileged_session_id = kept.id AND open_grants.open_account_id IS NOT NULL)))",
        over.join(", ")
    )
}

/// Ids for an `IN`, the last repeated up to a power of two: few texts, so that each is prepared once. The names begin
/// with `$first`.
pub(crate) fn padded(ids: &[Uuid], first: usize) -> (String, Vec<Value>) {
    let size = ids.len().next_power_of_two();
    let last = ids.last().copied().unwrap_or_default();
    let all = ids.iter().copied().chain(std::iter::repeat(last)).take(size);
    let values: Vec<Value> = all.flat_map(|id| args![id]).collect();
    let names: Vec<String> = (first..first + size).map(|n| format!("${n}")).collect();
    (names.join(", "), values)
}
