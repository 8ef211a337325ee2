//! Event streams: how far each has come, who has it in hand, and what is wrong with it.
//!
//! Moving a cursor is book-keeping: nobody decides it, and each number says where it came from. That a stream is there,
//! is configured otherwise, stalls or sends again is a change with its event.

use chaperone_domain::Instant;
use chaperone_domain::event_stream::EventStream;

use super::one_row;
use crate::StoreError;
use crate::columns::{corrupt, micros};
use crate::sql::{Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "name, settings, created_at, last_seq, last_sent_at, fence, lease_until, attempt, next_try_at, \
                       problem, problem_since, stalled_at";

/// What the collector has taken: the cursor moves and nothing is wrong any more. `$1` the number, `$2` when, `$3` the
/// lease goes on until, `$4` the name, `$5` the fence.
const TAKEN: &str = "UPDATE event_streams SET last_seq = $1, last_sent_at = $2, \
                     lease_until = $3, attempt = 0, next_try_at = NULL, problem = NULL, problem_since = NULL, \
                     stalled_at = NULL WHERE name = $4 AND fence = $5 AND last_seq <= $1";

fn read(row: &mut Row<'_>) -> Result<EventStream, StoreError> {
    Ok(EventStream {
        name: row.text()?,
        settings: row.take()?,
        created_at: row.instant("event_streams.created_at")?,
        last_seq: row.take()?,
        last_sent_at: row.opt_instant("event_streams.last_sent_at")?,
        fence: row.take()?,
        lease_until: row.opt_instant("event_streams.lease_until")?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("event_streams.next_try_at")?,
        problem: row.take()?,
        problem_since: row.opt_instant("event_streams.problem_since")?,
        stalled_at: row.opt_instant("event_streams.stalled_at")?,
    })
}

impl Reads<'_> {
    /// The event streams, also those that are not configured any more, by name.
    pub async fn event_streams(&self) -> Result<Vec<EventStream>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM event_streams ORDER BY name");
        self.place.all(&sql, args![], read).await
    }

    /// The event stream of that name.
    pub async fn event_stream(&self, name: &str) -> Result<Option<EventStream>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM event_streams WHERE name = $1");
        self.place.one(&sql, args![name], read).await
    }

    /// The last number of the trail; 0 when nothing has one.
    pub async fn last_event_number(&self) -> Result<i64, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'audit_events'";
        self.place.one(sql, args![], |row| row.take()).await?.ok_or_else(|| corrupt("counters.audit_events"))
    }
}

impl WriteTx {
    /// Adds a stream that begins after `last_seq`.
    pub async fn insert_event_stream(
        &mut self,
        name: &str,
        settings: &str,
        at: Instant,
        last_seq: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO event_streams (name, settings, created_at, last_seq, fence, attempt) \
                   VALUES ($1, $2, $3, $4, 0, 0)";
        self.place().run(sql, args![name, settings, micros(at), last_seq]).await.map(|_| ())
    }

    /// Stores what the configuration says now about a stream, `None` when it says nothing any more; the cursor stays.
    /// A pause is over: what is configured otherwise may work. [`StoreError::Stale`] when somebody was faster.
    pub async fn set_event_stream_settings(
        &mut self,
        before: &EventStream,
        settings: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE event_streams SET settings = $1, attempt = 0, next_try_at = NULL, problem = NULL, \
                   problem_since = NULL, stalled_at = NULL \
                   WHERE name = $2 AND COALESCE(settings, '') = $3";
        let known = before.settings.clone().unwrap_or_default();
        one_row(self.place().run(sql, args![settings.map(str::to_owned), before.name.as_str(), known]).await?)
    }

    /// As [`BookTx::event_stream_failed`], and that it stalled.
    pub async fn event_stream_stalled(
        &mut self,
        stream: &EventStream,
        problem: &str,
        at: Instant,
        next_try_at: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE event_streams SET attempt = attempt + 1, next_try_at = $1, lease_until = NULL, problem = $2, \
                   stalled_at = $3 WHERE name = $4 AND fence = $5 AND stalled_at IS NULL AND problem IS NOT NULL";
        let values = args![micros(next_try_at), problem, micros(at), stream.name.as_str(), stream.fence];
        one_row(self.place().run(sql, values).await?)
    }

    /// As [`BookTx::event_stream_taken`], for a stream that had stalled; [`StoreError::Stale`] when it was taken over.
    pub async fn event_stream_recovered(
        &mut self,
        stream: &EventStream,
        last_seq: i64,
        at: Instant,
        lease_until: Instant,
    ) -> Result<(), StoreError> {
        let values = args![last_seq, micros(at), micros(lease_until), stream.name.as_str(), stream.fence];
        one_row(self.place().run(TAKEN, values).await?)
    }
}

impl BookTx {
    /// Takes a stream that is due, for as long as the lease; `None` when somebody else has it or a pause is on.
    pub async fn take_event_stream(
        &mut self,
        name: &str,
        now: Instant,
        lease_until: Instant,
    ) -> Result<Option<EventStream>, StoreError> {
        let sql = format!(
            "UPDATE event_streams SET fence = fence + 1, lease_until = $1 WHERE name = $2 AND settings IS NOT NULL \
             AND (lease_until IS NULL OR lease_until <= $3) AND (next_try_at IS NULL OR next_try_at <= $3) \
             RETURNING {COLUMNS}"
        );
        self.place().one(&sql, args![micros(lease_until), name, micros(now)], read).await
    }

    /// The collector has everything up to that number. The lease goes on. Whether the stream was still ours.
    pub async fn event_stream_taken(
        &mut self,
        stream: &EventStream,
        last_seq: i64,
        at: Instant,
        lease_until: Instant,
    ) -> Result<bool, StoreError> {
        let values = args![last_seq, micros(at), micros(lease_until), stream.name.as_str(), stream.fence];
        Ok(self.place().run(TAKEN, values).await? == 1)
    }

    /// Nothing up to that number was for this stream: the cursor moves, and what is wrong stays wrong. Whether the stream
    /// was still ours.
    pub async fn event_stream_passed(
        &mut self,
        stream: &EventStream,
        last_seq: i64,
        lease_until: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE event_streams SET last_seq = $1, lease_until = $2 \
                   WHERE name = $3 AND fence = $4 AND last_seq <= $1";
        let values = args![last_seq, micros(lease_until), stream.name.as_str(), stream.fence];
        Ok(self.place().run(sql, values).await? == 1)
    }

    /// An attempt failed; the next one is then, by whoever comes first. Whether the stream was still ours.
    pub async fn event_stream_failed(
        &mut self,
        stream: &EventStream,
        problem: &str,
        at: Instant,
        next_try_at: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE event_streams SET attempt = attempt + 1, next_try_at = $1, lease_until = NULL, problem = $2, \
                   problem_since = COALESCE(problem_since, $3) WHERE name = $4 AND fence = $5";
        let values = args![micros(next_try_at), problem, micros(at), stream.name.as_str(), stream.fence];
        Ok(self.place().run(sql, values).await? == 1)
    }

    /// Lets go of a stream, if it is still ours.
    pub async fn release_event_stream(&mut self, stream: &EventStream) -> Result<(), StoreError> {
        let sql = "UPDATE event_streams SET lease_until = NULL WHERE name = $1 AND fence = $2";
        self.place().run(sql, args![stream.name.as_str(), stream.fence]).await.map(|_| ())
    }
}
