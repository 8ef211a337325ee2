//! Recordings: the row beside the bytes.

use chaperone_domain::Instant;
use chaperone_domain::ids::{AccountId, PrivilegedSessionId, RecordingId, SignInId, UserId};
use chaperone_domain::recording::{Coverage, Recording, RecordingState};
use chaperone_domain::sign_in::SignInEnd;

use super::{one_row, sign_ins};
use crate::StoreError;
use crate::columns::{count, micros, opt_micros, uncount};
use crate::filter::RecordingFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::retention::stamp;
use crate::sql::{Query, Reads, Row, Sorting, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "recordings.id, recordings.sign_in_id, recordings.privileged_session_id, recordings.state, \
                       recordings.started_at, recordings.ended_at, recordings.steps, recordings.exchanges, \
                       recordings.bytes, recordings.changes_released, recordings.changes_with_evidence, \
                       recordings.changes_explained, recordings.unexplained_values, recordings.changes_refused, \
                       recordings.gaps, recordings.areas_not_recorded, recordings.deleted_at";

fn number(row: &mut Row<'_>) -> Result<u64, StoreError> {
    uncount(row.take()?, "a count of recordings")
}

fn read(row: &mut Row<'_>) -> Result<Recording, StoreError> {
    Ok(Recording {
        id: row.id(RecordingId::new)?,
        sign_in_id: row.id(SignInId::new)?,
        privileged_session_id: row.opt_id(PrivilegedSessionId::new)?,
        state: row.named(RecordingState::parse, "recordings.state")?,
        started_at: row.instant("recordings.started_at")?,
        ended_at: row.opt_instant("recordings.ended_at")?,
        steps: number(row)?,
        exchanges: number(row)?,
        bytes: number(row)?,
        coverage: Coverage {
            changes_released: number(row)?,
            changes_with_evidence: number(row)?,
            changes_explained: number(row)?,
            unexplained_values: number(row)?,
            changes_refused: number(row)?,
            gaps: number(row)?,
            areas_not_recorded: number(row)?,
        },
        deleted_at: row.opt_instant("recordings.deleted_at")?,
    })
}

/// As the row says once it is deleted.
pub(super) fn mark_deleted(recording: &mut Recording, at: Instant) {
    recording.state = RecordingState::Deleted;
    recording.deleted_at = Some(at);
}

impl Reads<'_> {
    /// The recording of that id.
    pub async fn recording(&self, id: RecordingId) -> Result<Option<Recording>, StoreError> {
        self.place
            .one(&format!("SELECT {COLUMNS} FROM recordings WHERE id = $1"), args![id.uuid()], read)
            .await
    }

    /// The recording of a sign-in.
    pub async fn recording_of_sign_in(&self, id: SignInId) -> Result<Option<Recording>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM recordings WHERE sign_in_id = $1");
        self.place.one(&sql, args![id.uuid()], read).await
    }

    /// Recordings, newest first.
    pub async fn recordings(
        &self,
        filter: RecordingFilter,
        page: Page,
    ) -> Result<Items<Recording>, StoreError> {
        let query = Query::new(&format!("SELECT {COLUMNS} FROM recordings WHERE 1 = 1"))
            .and_if("privileged_session_id = ?", filter.privileged_session_id.map(PrivilegedSessionId::uuid))
            .and_if(
                "sign_in_id IN (SELECT id FROM sign_ins WHERE user_id = ?)",
                filter.user_id.map(UserId::uuid),
            )
            .and_if(
                "sign_in_id IN (SELECT id FROM sign_ins WHERE account_id = ?)",
                filter.account_id.map(AccountId::uuid),
            )
            .and_if("state = ?", filter.state.map(RecordingState::name));
        let sorting = Sorting { key: "started_at", id: "id", order: Direction::NewestFirst, is_text: false };
        let place = |recording: &Recording| (Key::Number(micros(recording.started_at)), recording.id.uuid());
        self.place.page(query, sorting, &page, read, place).await
    }

    /// Recordings that are not sealed yet, with the end of their sign-in.
    pub async fn unsealed_recordings(&self) -> Result<Vec<(Recording, Option<SignInEnd>)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, sign_ins.ended_at, sign_ins.end_kind, sign_ins.end_estimated FROM recordings \
             JOIN sign_ins ON sign_ins.id = recordings.sign_in_id WHERE recordings.state = 'recording' \
             ORDER BY recordings.started_at, recordings.id"
        );
        self.place.all(&sql, args![], |row| Ok((read(row)?, sign_ins::read_end(row)?))).await
    }
}

/// What of a recording changes: state, end, counts; then the id.
fn changes(recording: &Recording) -> Result<Vec<sea_orm::Value>, StoreError> {
    let coverage = &recording.coverage;
    Ok(args![
        recording.state.name(),
        opt_micros(recording.ended_at),
        count(recording.steps)?,
        count(recording.exchanges)?,
        count(recording.bytes)?,
        count(coverage.changes_released)?,
        count(coverage.changes_with_evidence)?,
        count(coverage.changes_explained)?,
        count(coverage.unexplained_values)?,
        count(coverage.changes_refused)?,
        count(coverage.gaps)?,
        count(coverage.areas_not_recorded)?,
        recording.id.uuid(),
    ])
}

impl WriteTx {
    /// Adds a recording; a sign-in has one only.
    pub async fn insert_recording(&mut self, recording: &Recording) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO recordings (state, ended_at, steps, exchanges, bytes, changes_released, \
             changes_with_evidence, changes_explained, unexplained_values, changes_refused, gaps, areas_not_recorded, \
             id, sign_in_id, privileged_session_id, started_at, keep_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, {})",
            stamp("recording_retention_days", "$16")
        );
        let mut values = changes(recording)?;
        values.extend(args![
            recording.sign_in_id.uuid(),
            recording.privileged_session_id.map(PrivilegedSessionId::uuid),
            micros(recording.started_at),
        ]);
        self.place().run(&sql, values).await.map(|_| ())
    }

    /// Changes state, end and counts of a recording; [`StoreError::Stale`] when it was deleted.
    pub async fn update_recording(&mut self, recording: &Recording) -> Result<(), StoreError> {
        let sql = "UPDATE recordings SET state = $1, ended_at = $2, steps = $3, exchanges = $4, bytes = $5, \
                   changes_released = $6, changes_with_evidence = $7, changes_explained = $8, \
                   unexplained_values = $9, changes_refused = $10, gaps = $11, areas_not_recorded = $12 \
                   WHERE id = $13 AND deleted_at IS NULL";
        one_row(self.place().run(sql, changes(recording)?).await?)
    }
}

impl BookTx {
    /// Keeps the counts of a recording that goes on; one that is sealed stays as it is.
    pub async fn update_recording_counts(&mut self, recording: &Recording) -> Result<(), StoreError> {
        let sql = "UPDATE recordings SET state = $1, ended_at = $2, steps = $3, exchanges = $4, bytes = $5, \
                   changes_released = $6, changes_with_evidence = $7, changes_explained = $8, \
                   unexplained_values = $9, changes_refused = $10, gaps = $11, areas_not_recorded = $12 \
                   WHERE id = $13 AND state = 'recording' AND state = $1";
        self.place().run(sql, changes(recording)?).await.map(|_| ())
    }
}
