//! Scheduled exports: what is to be written, the runs, and what the gap detector found.
//!
//! A run is taken under a lease with a fence, as everything that any node may do: what is written by whoever lost the
//! lease is not believed. That a file is durable is a change with its event; attempts are book-keeping.

use chaperone_domain::Instant;
use chaperone_domain::ids::ScheduledExportId;
use chaperone_domain::scheduled_export::{
    Every, ExportContent, ExportRun, Finding, FindingKind, Interval, RunState, ScheduledExport, Written,
};

use super::one_row;
use crate::StoreError;
use crate::columns::{HASH_BYTES, corrupt, count, fixed, folded, instant, micros, opt_micros, uncount};
use crate::sql::{Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "id, name, content, every_interval, format, target, starts_at, active, created_at, removed_at, \
                       checked_at, check_problem, version";

const RUN_COLUMNS: &str = "export_id, number, interval_start, interval_end, revision, state, after_seq, last_seq, \
                           fence, lease_until, attempt, next_try_at, problem, problem_since, told_at, created_at, \
                           file_name, file_rows, file_bytes, sha256, manifest_sha256, done_at, verified_at";

fn read(row: &mut Row<'_>) -> Result<ScheduledExport, StoreError> {
    Ok(ScheduledExport {
        id: row.id(ScheduledExportId::new)?,
        name: row.text()?,
        content: row.named(ExportContent::parse, "scheduled_exports.content")?,
        every: row.named(Every::parse, "scheduled_exports.every_interval")?,
        format: row.text()?,
        target: row.text()?,
        starts_at: row.instant("scheduled_exports.starts_at")?,
        active: row.take()?,
        created_at: row.instant("scheduled_exports.created_at")?,
        removed_at: row.opt_instant("scheduled_exports.removed_at")?,
        checked_at: row.opt_instant("scheduled_exports.checked_at")?,
        check_problem: row.take()?,
        version: row.take()?,
    })
}

fn interval(row: &mut Row<'_>) -> Result<Interval, StoreError> {
    Ok(Interval { start: row.instant("an interval's start")?, end: row.instant("an interval's end")? })
}

fn read_run(row: &mut Row<'_>) -> Result<ExportRun, StoreError> {
    let mut run = ExportRun {
        export_id: row.id(ScheduledExportId::new)?,
        number: row.take()?,
        interval: interval(row)?,
        revision: row.take()?,
        state: row.named(RunState::parse, "scheduled_export_runs.state")?,
        after_seq: row.take()?,
        last_seq: row.take()?,
        fence: row.take()?,
        lease_until: row.opt_instant("scheduled_export_runs.lease_until")?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("scheduled_export_runs.next_try_at")?,
        problem: row.take()?,
        problem_since: row.opt_instant("scheduled_export_runs.problem_since")?,
        told_at: row.opt_instant("scheduled_export_runs.told_at")?,
        created_at: row.instant("scheduled_export_runs.created_at")?,
        written: None,
        verified_at: None,
    };
    let (file, rows, bytes) =
        (row.take::<Option<String>>()?, row.take::<Option<i64>>()?, row.take::<Option<i64>>()?);
    let (sha256, manifest) = (row.take::<Option<Vec<u8>>>()?, row.take::<Option<Vec<u8>>>()?);
    let done_at = row.take::<Option<i64>>()?;
    run.verified_at = row.opt_instant("scheduled_export_runs.verified_at")?;
    if run.state == RunState::Done {
        let missing = || corrupt("scheduled_export_runs.file_name");
        let hash = |hash: Option<Vec<u8>>| {
            fixed::<HASH_BYTES>(&hash.ok_or_else(missing)?, "scheduled_export_runs.sha256")
        };
        run.written = Some(Written {
            file: file.ok_or_else(missing)?,
            rows: uncount(rows.ok_or_else(missing)?, "scheduled_export_runs.file_rows")?,
            bytes: uncount(bytes.ok_or_else(missing)?, "scheduled_export_runs.file_bytes")?,
            sha256: hash(sha256)?,
            manifest_sha256: hash(manifest)?,
            at: instant(done_at.ok_or_else(missing)?, "scheduled_export_runs.done_at")?,
        });
    }
    Ok(run)
}

impl Reads<'_> {
    /// The scheduled exports that are not removed, by name.
    pub async fn scheduled_exports(&self) -> Result<Vec<ScheduledExport>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM scheduled_exports WHERE removed_at IS NULL ORDER BY name_key, id");
        self.place.all(&sql, args![], read).await
    }

    /// The scheduled export of that id, also a removed one.
    pub async fn scheduled_export(
        &self,
        id: ScheduledExportId,
    ) -> Result<Option<ScheduledExport>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM scheduled_exports WHERE id = $1");
        self.place.one(&sql, args![id.uuid()], read).await
    }

    /// The run at the end of the chain.
    pub async fn last_export_run(&self, id: ScheduledExportId) -> Result<Option<ExportRun>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM scheduled_export_runs WHERE export_id = $1 ORDER BY number DESC LIMIT 1"
        );
        self.place.one(&sql, args![id.uuid()], read_run).await
    }

    /// The run with the latest interval.
    pub async fn latest_export_interval(
        &self,
        id: ScheduledExportId,
    ) -> Result<Option<Interval>, StoreError> {
        let sql = "SELECT interval_start, interval_end FROM scheduled_export_runs WHERE export_id = $1 \
                   ORDER BY interval_start DESC LIMIT 1";
        self.place.one(sql, args![id.uuid()], interval).await
    }

    /// The last run of an interval that begins there.
    pub async fn export_run_of(
        &self,
        id: ScheduledExportId,
        start: Instant,
    ) -> Result<Option<ExportRun>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM scheduled_export_runs WHERE export_id = $1 AND interval_start = $2 \
             ORDER BY revision DESC LIMIT 1"
        );
        self.place.one(&sql, args![id.uuid(), micros(start)], read_run).await
    }

    /// Runs before a number, the newest first.
    pub async fn export_runs(
        &self,
        id: ScheduledExportId,
        before: i64,
        limit: u64,
    ) -> Result<Vec<ExportRun>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM scheduled_export_runs WHERE export_id = $1 AND number < $2 \
             ORDER BY number DESC LIMIT {limit}"
        );
        self.place.all(&sql, args![id.uuid(), before], read_run).await
    }

    /// Runs after a number, in the order of the chain.
    pub async fn export_runs_after(
        &self,
        id: ScheduledExportId,
        after: i64,
        limit: u64,
    ) -> Result<Vec<ExportRun>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM scheduled_export_runs WHERE export_id = $1 AND number > $2 \
             ORDER BY number LIMIT {limit}"
        );
        self.place.all(&sql, args![id.uuid(), after], read_run).await
    }

    /// What the gap detector found and what has not been mended, by interval.
    pub async fn export_findings(&self, id: ScheduledExportId) -> Result<Vec<Finding>, StoreError> {
        let sql = "SELECT interval_start, interval_end, kind, detail, found_at FROM scheduled_export_findings \
                   WHERE export_id = $1 ORDER BY interval_start, kind";
        self.place
            .all(sql, args![id.uuid()], |row| {
                Ok(Finding {
                    interval: interval(row)?,
                    kind: row.named(FindingKind::parse, "scheduled_export_findings.kind")?,
                    detail: row.text()?,
                    found_at: row.instant("scheduled_export_findings.found_at")?,
                })
            })
            .await
    }

    /// How many sign-ins that are kept started in an interval.
    pub async fn sign_ins_in(&self, interval: Interval) -> Result<u64, StoreError> {
        let sql =
            "SELECT COUNT(*) FROM sign_ins WHERE started_at >= $1 AND started_at < $2 AND deleted_at IS NULL";
        let counted =
            self.place.one(sql, args![micros(interval.start), micros(interval.end)], |row| row.take());
        uncount(counted.await?.unwrap_or_default(), "a count")
    }

    /// The start of the youngest sign-in that retention deleted.
    pub async fn sign_ins_deleted_up_to(&self) -> Result<Option<Instant>, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'sign_ins_deleted_up_to' AND value > $1";
        let value = self.place.one(sql, args![super::counters::NEVER], |row| row.take::<i64>()).await?;
        value.map(|value| instant(value, "counters.sign_ins_deleted_up_to")).transpose()
    }

    /// The number of the last event that happened before an instant, of those that have one; 0 when there is none.
    pub async fn last_number_before(&self, at: Instant) -> Result<i64, StoreError> {
        let sql = "SELECT seq FROM audit_events WHERE at < $1 AND seq IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1";
        Ok(self.place.one(sql, args![micros(at)], |row| row.take()).await?.unwrap_or_default())
    }

    /// How many events have numbers behind one and up to another.
    pub async fn events_numbered(&self, after: i64, up_to: i64) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM audit_events WHERE seq > $1 AND seq <= $2";
        let counted = self.place.one(sql, args![after, up_to], |row| row.take()).await?;
        uncount(counted.unwrap_or_default(), "a count")
    }
}

/// The name while the export is there: what makes it unique.
fn name_key(export: &ScheduledExport) -> Option<String> {
    export.removed_at.is_none().then(|| folded(&export.name))
}

impl WriteTx {
    /// Adds a scheduled export; the key `scheduled_exports_name` when there is one of that name.
    pub async fn insert_scheduled_export(&mut self, export: &ScheduledExport) -> Result<(), StoreError> {
        let sql = "INSERT INTO scheduled_exports (id, name, name_key, content, every_interval, format, target, \
                   starts_at, active, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let values = args![
            export.id.uuid(),
            export.name.as_str(),
            name_key(export),
            export.content.name(),
            export.every.name(),
            export.format.as_str(),
            export.target.as_str(),
            micros(export.starts_at),
            export.active,
            micros(export.created_at),
            export.version,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes name, format, target, whether it goes on, or removes it; [`StoreError::Stale`] when it is of another
    /// version. What waits is tried at once: what was wrong may be right now.
    pub async fn update_scheduled_export(
        &mut self,
        export: &ScheduledExport,
        expected_version: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE scheduled_exports SET name = $1, name_key = $2, format = $3, target = $4, active = $5, \
                   removed_at = $6, version = $7 WHERE id = $8 AND version = $9";
        let values = args![
            export.name.as_str(),
            name_key(export),
            export.format.as_str(),
            export.target.as_str(),
            export.active,
            opt_micros(export.removed_at),
            expected_version + 1,
            export.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)?;
        self.retry_export_now(export.id).await
    }

    /// Has what waits tried at once.
    pub async fn retry_export_now(&mut self, id: ScheduledExportId) -> Result<(), StoreError> {
        let sql =
            "UPDATE scheduled_export_runs SET next_try_at = NULL WHERE export_id = $1 AND state = 'waiting'";
        self.place().run(sql, args![id.uuid()]).await.map(|_| ())
    }

    /// Lays down a run that somebody asked for; [`StoreError::Conflict`] when that place of the chain is taken.
    pub async fn lay_down_export_run(&mut self, run: &ExportRun) -> Result<(), StoreError> {
        insert_run(self.place(), run).await
    }

    /// File and manifest of a run are durable; [`StoreError::Stale`] when somebody else has taken it since.
    pub async fn export_written(&mut self, run: &ExportRun, written: &Written) -> Result<(), StoreError> {
        let sql = "UPDATE scheduled_export_runs SET state = 'done', lease_until = NULL, next_try_at = NULL, \
                   problem = NULL, problem_since = NULL, file_name = $1, file_rows = $2, file_bytes = $3, sha256 = $4, \
                   manifest_sha256 = $5, done_at = $6, last_seq = $7, verified_at = $6 \
                   WHERE export_id = $8 AND number = $9 AND fence = $10 AND state = 'waiting'";
        let values = args![
            written.file.as_str(),
            count(written.rows)?,
            count(written.bytes)?,
            written.sha256.to_vec(),
            written.manifest_sha256.to_vec(),
            micros(written.at),
            run.last_seq,
            run.export_id.uuid(),
            run.number,
            run.fence,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// People are told that a run fails for long; [`StoreError::Stale`] when they were, or it is somebody else's.
    pub async fn export_failing_told(&mut self, run: &ExportRun, at: Instant) -> Result<(), StoreError> {
        let sql = "UPDATE scheduled_export_runs SET told_at = $1 \
                   WHERE export_id = $2 AND number = $3 AND told_at IS NULL AND state = 'waiting'";
        one_row(self.place().run(sql, args![micros(at), run.export_id.uuid(), run.number]).await?)
    }

    /// Keeps what was found and forgets what is well again.
    pub async fn change_export_findings(
        &mut self,
        id: ScheduledExportId,
        found: &[Finding],
        gone: &[Finding],
    ) -> Result<(), StoreError> {
        for finding in gone {
            let sql = "DELETE FROM scheduled_export_findings WHERE export_id = $1 AND interval_start = $2 AND kind = $3";
            let values = args![id.uuid(), micros(finding.interval.start), finding.kind.name()];
            one_row(self.place().run(sql, values).await?)?;
        }
        for finding in found {
            let sql = "INSERT INTO scheduled_export_findings (export_id, interval_start, interval_end, kind, detail, \
                       found_at) VALUES ($1, $2, $3, $4, $5, $6)";
            let values = args![
                id.uuid(),
                micros(finding.interval.start),
                micros(finding.interval.end),
                finding.kind.name(),
                finding.detail.as_str(),
                micros(finding.found_at),
            ];
            self.place().run(sql, values).await?;
        }
        Ok(())
    }
}

async fn insert_run(place: crate::sql::Place<'_>, run: &ExportRun) -> Result<(), StoreError> {
    let sql = "INSERT INTO scheduled_export_runs (export_id, number, interval_start, interval_end, revision, state, \
               after_seq, last_seq, fence, attempt, created_at) \
               VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, 0, 0, $8)";
    let values = args![
        run.export_id.uuid(),
        run.number,
        micros(run.interval.start),
        micros(run.interval.end),
        run.revision,
        run.after_seq,
        run.last_seq,
        micros(run.created_at),
    ];
    place.run(sql, values).await.map(|_| ())
}

impl BookTx {
    /// Lays down the run of an interval that has come; [`StoreError::Conflict`] when somebody else did.
    pub async fn lay_down_export_run(&mut self, run: &ExportRun) -> Result<(), StoreError> {
        insert_run(self.place(), run).await
    }

    /// Takes a run that is due, until the end of the lease; `None` when somebody has it, or it waits for another try.
    pub async fn take_export_run(
        &mut self,
        id: ScheduledExportId,
        number: i64,
        now: Instant,
        lease_until: Instant,
    ) -> Result<Option<ExportRun>, StoreError> {
        let sql = format!(
            "UPDATE scheduled_export_runs SET fence = fence + 1, lease_until = $1 WHERE export_id = $2 AND number = $3 \
             AND state = 'waiting' AND (lease_until IS NULL OR lease_until <= $4) \
             AND (next_try_at IS NULL OR next_try_at <= $4) RETURNING {RUN_COLUMNS}"
        );
        self.place().one(&sql, args![micros(lease_until), id.uuid(), number, micros(now)], read_run).await
    }

    /// The lease of a run goes on, and says up to which number it is written; whether it is still ours.
    pub async fn renew_export_run(
        &mut self,
        run: &ExportRun,
        lease_until: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE scheduled_export_runs SET lease_until = $1 \
                   WHERE export_id = $2 AND number = $3 AND fence = $4 AND state = 'waiting'";
        let values = args![micros(lease_until), run.export_id.uuid(), run.number, run.fence];
        Ok(self.place().run(sql, values).await? == 1)
    }

    /// An attempt failed; the next one is then. Whether the run was still ours.
    pub async fn export_run_failed(
        &mut self,
        run: &ExportRun,
        problem: &str,
        at: Instant,
        next_try_at: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE scheduled_export_runs SET attempt = attempt + 1, lease_until = NULL, next_try_at = $1, \
                   problem = $2, problem_since = COALESCE(problem_since, $3) \
                   WHERE export_id = $4 AND number = $5 AND fence = $6 AND state = 'waiting'";
        let values =
            args![micros(next_try_at), problem, micros(at), run.export_id.uuid(), run.number, run.fence];
        Ok(self.place().run(sql, values).await? == 1)
    }

    /// Takes the check of an export, until the end of the lease; whether it is ours.
    pub async fn take_export_check(
        &mut self,
        id: ScheduledExportId,
        now: Instant,
        lease_until: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE scheduled_exports SET check_until = $1 WHERE id = $2 AND removed_at IS NULL \
                   AND (check_until IS NULL OR check_until <= $3)";
        Ok(self.place().run(sql, args![micros(lease_until), id.uuid(), micros(now)]).await? == 1)
    }

    /// The gap detector has looked, or could not.
    pub async fn export_checked(
        &mut self,
        id: ScheduledExportId,
        at: Instant,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE scheduled_exports SET check_until = NULL, check_problem = $1, checked_at = $2 WHERE id = $3";
        let values = args![problem.map(str::to_owned), micros(at), id.uuid()];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// The file of a run was read again, and its hash is what was written.
    pub async fn export_run_verified(
        &mut self,
        id: ScheduledExportId,
        number: i64,
        at: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE scheduled_export_runs SET verified_at = $1 WHERE export_id = $2 AND number = $3";
        self.place().run(sql, args![micros(at), id.uuid(), number]).await.map(|_| ())
    }
}
