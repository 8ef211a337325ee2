//! What has expired, and its deletion: audit events, sign-ins, recordings.
//!
//! An event keeps its row: number, id, instant, session and commitment stay, so that numbers have no gap and proofs hold;
//! salt and everything else is erased. A sign-in of a session, or one that was recorded, keeps an emptied row that says
//! when it was; every other one goes. A recording keeps its row, and loses key and bytes ([`super::recordings`]).

use chaperone_domain::Instant;
use chaperone_domain::ids::{PrivilegedSessionId, RecordingId};
use chaperone_domain::recording::Recording;
use chaperone_domain::retention::expired_until;
use uuid::Uuid;

use super::{one_row, recordings};
use crate::StoreError;
use crate::columns::{instant, micros};
use crate::retention::{RETENTION_BATCH, RetentionTx, free, padded};
use crate::sql::{Reads, Row, args};
use crate::tx::BookTx;

/// A place among what has expired: in the order of the stamps, then of the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryPlace {
    keep_until: i64,
    id: Uuid,
}

impl ExpiryPlace {
    /// Before everything.
    pub const START: Self = Self { keep_until: i64::MIN, id: Uuid::nil() };
}

/// One look at what has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// What may go now.
    pub free: Vec<Uuid>,
    /// How many rows something keeps: a session that goes on, an open grant, a legal hold.
    pub kept: u64,
    /// Where the next look begins; `None` when this was the last.
    pub next: Option<ExpiryPlace>,
}

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many rows.
    pub count: u64,
    /// Numbers, for events; in ascending order.
    pub numbers: Vec<i64>,
    /// When the oldest of it happened.
    pub first_at: Instant,
    /// When the newest of it happened.
    pub last_at: Instant,
}

fn deleted(rows: &[(Option<i64>, i64)]) -> Result<Deleted, StoreError> {
    let at = |at: Option<i64>| instant(at.ok_or(StoreError::Stale)?, "what has expired");
    let mut numbers: Vec<i64> = rows.iter().filter_map(|(seq, _)| *seq).collect();
    numbers.sort_unstable();
    Ok(Deleted {
        count: rows.len() as u64,
        numbers,
        first_at: at(rows.iter().map(|(_, at)| *at).min())?,
        last_at: at(rows.iter().map(|(_, at)| *at).max())?,
    })
}

fn looked(rows: &[(Uuid, i64, bool)]) -> Expired {
    let full = rows.len() as u64 >= RETENTION_BATCH;
    Expired {
        free: rows.iter().filter(|(_, _, free)| *free).map(|(id, _, _)| *id).collect(),
        kept: rows.iter().filter(|(_, _, free)| !free).count() as u64,
        next: rows
            .last()
            .filter(|_| full)
            .map(|(id, keep_until, _)| ExpiryPlace { keep_until: *keep_until, id: *id }),
    }
}

fn look_row(row: &mut Row<'_>) -> Result<(Uuid, i64, bool), StoreError> {
    Ok((row.take()?, row.take()?, row.take::<i64>()? == 1))
}

/// So many rows of a table in the order of their stamps. Which of them are free is asked of these alone: a million that
/// are held make no look longer. `$1` is until when something has expired, `$2` and `$3` are the place.
fn look_at(table: &str, columns: &str, further: &str) -> String {
    format!(
        "(SELECT id, keep_until, {columns} FROM {table} WHERE keep_until IS NOT NULL AND keep_until <= $1 \
         AND keep_until >= $2 AND (keep_until > $2 OR id > $3){further} \
         ORDER BY keep_until, id LIMIT {RETENTION_BATCH})"
    )
}

impl Reads<'_> {
    /// Audit events that have expired at `now` and happened until `up_to`.
    pub async fn expired_events(
        &self,
        now: Instant,
        up_to: Instant,
        after: ExpiryPlace,
    ) -> Result<Expired, StoreError> {
        let rows =
            look_at("audit_events", "privileged_session_id, sign_in_id", " AND seq IS NOT NULL AND at <= $4");
        let sql = format!(
            "SELECT aged.id, aged.keep_until, CAST(CASE WHEN {} AND {} THEN 1 ELSE 0 END AS BIGINT) \
             FROM {rows} AS aged \
             LEFT JOIN sign_ins ON sign_ins.id = aged.sign_in_id ORDER BY aged.keep_until, aged.id",
            free("aged.privileged_session_id"),
            free("sign_ins.privileged_session_id"),
        );
        let values = args![micros(expired_until(now)), after.keep_until, after.id, micros(up_to)];
        Ok(looked(&self.place.all(&sql, values, look_row).await?))
    }

    /// Sign-ins that have expired at `now`: their period begins with their end.
    pub async fn expired_sign_ins(&self, now: Instant, after: ExpiryPlace) -> Result<Expired, StoreError> {
        let rows = look_at("sign_ins", "privileged_session_id, started_at, ended_at", "");
        self.expired_with_end(&rows, "1 = 1", now, after).await
    }

    /// Recordings that have expired at `now`: their period begins with the end of their sign-in.
    pub async fn expired_recordings(&self, now: Instant, after: ExpiryPlace) -> Result<Expired, StoreError> {
        let rows = look_at(
            "recordings",
            "privileged_session_id, started_at, ended_at, state",
            " AND deleted_at IS NULL",
        );
        self.expired_with_end(&rows, "aged.state <> 'recording'", now, after).await
    }

    async fn expired_with_end(
        &self,
        rows: &str,
        condition: &str,
        now: Instant,
        after: ExpiryPlace,
    ) -> Result<Expired, StoreError> {
        let sql = format!(
            "SELECT aged.id, aged.keep_until, CAST(CASE WHEN {condition} AND {} AND aged.ended_at IS NOT NULL \
             AND aged.keep_until + (aged.ended_at - aged.started_at) <= $1 THEN 1 ELSE 0 END AS BIGINT) \
             FROM {rows} AS aged \
             ORDER BY aged.keep_until, aged.id",
            free("aged.privileged_session_id"),
        );
        let values = args![micros(expired_until(now)), after.keep_until, after.id];
        Ok(looked(&self.place.all(&sql, values, look_row).await?))
    }

    /// The oldest event until `up_to` that is there and has not expired at `now`.
    pub async fn oldest_kept_event(
        &self,
        now: Instant,
        up_to: Instant,
    ) -> Result<Option<Instant>, StoreError> {
        let sql = "SELECT at FROM audit_events WHERE at <= $1 AND deleted_at IS NULL \
                   AND (keep_until IS NULL OR keep_until > $2) ORDER BY at, id LIMIT 1";
        let values = args![micros(up_to), micros(expired_until(now))];
        self.place.one(sql, values, |row| row.instant("audit_events.at")).await
    }

    /// Recordings whose bytes are still to be destroyed and with which nobody is busy at `now`.
    pub async fn recordings_to_destroy(
        &self,
        now: Instant,
        limit: u64,
    ) -> Result<Vec<RecordingId>, StoreError> {
        let sql = format!(
            "SELECT id FROM recordings WHERE destroy_until IS NOT NULL AND destroy_until <= $1 \
             ORDER BY destroy_until, id LIMIT {limit}"
        );
        self.place.all(&sql, args![micros(now)], |row| row.id(RecordingId::new)).await
    }
}

/// Both sessions that an event can belong to.
type Sessions = [Option<Uuid>; 2];

impl RetentionTx<'_> {
    /// Erases those of these events that may go; `None` when none may any more.
    pub async fn delete_events(&mut self, ids: &[Uuid], now: Instant) -> Result<Option<Deleted>, StoreError> {
        let Some((names, values)) = some(ids, 2) else { return Ok(None) };
        let sql = format!(
            "SELECT aged.id, aged.seq, aged.at, aged.privileged_session_id, sign_ins.privileged_session_id \
             FROM audit_events AS aged LEFT JOIN sign_ins ON sign_ins.id = aged.sign_in_id \
             WHERE aged.keep_until <= $1 AND aged.seq IS NOT NULL AND aged.id IN ({names}) AND {} AND {}",
            free("aged.privileged_session_id"),
            free("sign_ins.privileged_session_id"),
        );
        let values = [args![micros(expired_until(now))], values].concat();
        let read = |row: &mut Row<'_>| {
            let (id, seq, at) = (row.take::<Uuid>()?, row.take::<Option<i64>>()?, row.take::<i64>()?);
            Ok((id, (seq, at), [row.take()?, row.take()?] as Sessions))
        };
        let found = self.place().all(&sql, values, read).await?;
        self.take_sessions(found.iter().flat_map(|(_, _, sessions)| sessions).flatten().copied().collect())
            .await?;
        let ids: Vec<Uuid> = found.iter().map(|(id, _, _)| *id).collect();
        let Some((names, values)) = some(&ids, 3) else { return Ok(None) };
        let sql = format!(
            "UPDATE audit_events SET actor_kind = 'unknown', actor_id = NULL, on_behalf_of = NULL, \
             action = 'event_deleted', subject_kind = 'audit_event', subject_id = '', sign_in_id = NULL, \
             channel = NULL, client_address = NULL, reason = NULL, details = '[]', salt = $1, source_code = NULL, \
             target_id = NULL, keep_until = NULL, deleted_at = $2 WHERE deleted_at IS NULL AND id IN ({names})"
        );
        let values = [args![Vec::<u8>::new(), micros(now)], values].concat();
        self.place().run(&sql, values).await?;
        let rows: Vec<_> = found.iter().map(|(_, row, _)| *row).collect();
        deleted(&rows).map(Some)
    }

    /// Deletes those of these sign-ins that may go; `None` when none may any more.
    pub async fn delete_sign_ins(
        &mut self,
        ids: &[Uuid],
        now: Instant,
    ) -> Result<Option<Deleted>, StoreError> {
        let Some((names, values)) = some(ids, 2) else { return Ok(None) };
        let sql = format!(
            "SELECT aged.id, aged.started_at, aged.privileged_session_id, \
             CAST(CASE WHEN EXISTS (SELECT 1 FROM recordings WHERE recordings.sign_in_id = aged.id) THEN 1 ELSE 0 END \
             AS BIGINT) FROM sign_ins AS aged WHERE aged.ended_at IS NOT NULL \
             AND aged.keep_until + (aged.ended_at - aged.started_at) <= $1 AND aged.id IN ({names}) AND {}",
            free("aged.privileged_session_id"),
        );
        let values = [args![micros(expired_until(now))], values].concat();
        let read = |row: &mut Row<'_>| {
            let (id, at) = (row.take::<Uuid>()?, row.take::<i64>()?);
            Ok((id, at, row.take::<Option<Uuid>>()?, row.take::<i64>()? == 1))
        };
        let found = self.place().all(&sql, values, read).await?;
        self.take_sessions(found.iter().filter_map(|(_, _, session, _)| *session).collect()).await?;
        let ids: Vec<Uuid> = found.iter().map(|(id, _, _, _)| *id).collect();
        let Some((names, values)) = some(&ids, 1) else { return Ok(None) };
        for table in ["sign_in_secrets", "sign_in_targets"] {
            let sql = format!("DELETE FROM {table} WHERE sign_in_id IN ({names})");
            self.place().run(&sql, values.clone()).await?;
        }
        let of = |leaves_row: bool| -> Vec<Uuid> {
            let rows = found
                .iter()
                .filter(|(_, _, session, recorded)| (session.is_some() || *recorded) == leaves_row);
            rows.map(|(id, _, _, _)| *id).collect()
        };
        if let Some((names, values)) = some(&of(false), 1) {
            self.place().run(&format!("DELETE FROM sign_ins WHERE id IN ({names})"), values).await?;
        }
        if let Some((names, values)) = some(&of(true), 2) {
            let sql = format!(
                "UPDATE sign_ins SET client_address = '', user_agent = '', keep_until = NULL, deleted_at = $1 \
                 WHERE id IN ({names})"
            );
            self.place().run(&sql, [args![micros(now)], values].concat()).await?;
        }
        let rows: Vec<_> = found.iter().map(|(_, at, _, _)| (None, *at)).collect();
        let gone = deleted(&rows)?;
        let sql = "UPDATE counters SET value = CASE WHEN value < $1 THEN $1 ELSE value END \
                   WHERE name = 'sign_ins_deleted_up_to'";
        self.place().run(sql, args![micros(gone.last_at)]).await?;
        Ok(Some(gone))
    }

    /// Gives a recording up, if it may go: nobody is shown anything of it any more, and until `destroy_until` the caller
    /// may destroy its bytes. `None` when it may not go any more.
    pub async fn delete_recording(
        &mut self,
        id: RecordingId,
        now: Instant,
        destroy_until: Instant,
    ) -> Result<Option<Recording>, StoreError> {
        let Some(mut recording) = self.read().recording(id).await? else { return Ok(None) };
        let sql = format!(
            "SELECT 1 FROM recordings AS aged WHERE aged.id = $1 AND aged.deleted_at IS NULL \
             AND aged.state <> 'recording' AND aged.ended_at IS NOT NULL \
             AND aged.keep_until + (aged.ended_at - aged.started_at) <= $2 AND {}",
            free("aged.privileged_session_id"),
        );
        let values = args![id.uuid(), micros(expired_until(now))];
        if self.place().one(&sql, values, |_| Ok(())).await?.is_none() {
            return Ok(None);
        }
        self.take_sessions(
            recording.privileged_session_id.map(PrivilegedSessionId::uuid).into_iter().collect(),
        )
        .await?;
        let sql = "UPDATE recordings SET state_before = state, state = 'deleted', deleted_at = $1, destroy_until = $2 \
                   WHERE id = $3 AND deleted_at IS NULL";
        one_row(self.place().run(sql, args![micros(now), micros(destroy_until), id.uuid()]).await?)?;
        recordings::mark_deleted(&mut recording, now);
        Ok(Some(recording))
    }

    /// The bytes of a deleted recording are gone; [`StoreError::Stale`] when somebody else said so before, or a hold has
    /// taken the deletion back.
    pub async fn recording_destroyed(&mut self, id: RecordingId, now: Instant) -> Result<(), StoreError> {
        let sql = "UPDATE recordings SET destroyed_at = $1, destroy_until = NULL, keep_until = NULL \
                   WHERE id = $2 AND state = 'deleted' AND destroyed_at IS NULL";
        one_row(self.place().run(sql, args![micros(now), id.uuid()]).await?)
    }
}

impl BookTx {
    /// Takes up again a destruction that broke off; whether it may go on until `destroy_until`. A hold that is set at the
    /// same time changes the same row, so one of the two sees the other.
    pub async fn take_destruction(
        &mut self,
        id: RecordingId,
        now: Instant,
        destroy_until: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE recordings SET destroy_until = $1 WHERE id = $2 AND state = 'deleted' \
                   AND destroyed_at IS NULL AND destroy_until <= $3";
        let values = args![micros(destroy_until), id.uuid(), micros(now)];
        Ok(self.place().run(sql, values).await? == 1)
    }
}

/// Ids for an `IN` whose names begin with `$first`; `None` when there are none.
fn some(ids: &[Uuid], first: usize) -> Option<(String, Vec<sea_orm::Value>)> {
    (!ids.is_empty()).then(|| padded(ids, first))
}
