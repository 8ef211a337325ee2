//! Scheduled exports: files that are written day by day or week by week, and what is missing of them.
//!
//! | file | what |
//! | --- | --- |
//! | `target` | a folder or a bucket, and its problems in words |
//! | `write` | one run: file, manifest, row |
//! | `manifest` | what stands beside each file |
//! | `check` | the gap detector |
//! | `tell` | who is told of what does not work or does not fit |

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::ScheduledExportId;
use chaperone_domain::scheduled_export::{
    BACK_MAX_DAYS, Every, ExportContent, ExportRun, Finding, NAME_MAX_CHARS, RunState, ScheduledExport,
};
use chaperone_domain::user::Role;
use chaperone_store::{Events, StoreError};
use jiff::SignedDuration;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::exports::Format;
use crate::op::{EventExt as _, Op};
use crate::secrets;

mod check;
mod manifest;
mod target;
mod tell;
mod write;

pub use target::{ExportTarget, TargetProblem};

/// Scheduled exports that there can be.
const EXPORTS_MAX: usize = 100;
/// Runs that are shown with an export.
const RUNS_SHOWN: u64 = 30;
/// Runs of a page at most.
const RUNS_PAGE_MAX: u64 = 500;

/// A new scheduled export.
#[derive(Clone, Debug)]
pub struct NewScheduledExport {
    /// How people know it.
    pub name: String,
    /// What is exported.
    pub content: ExportContent,
    /// How long an interval is.
    pub every: Every,
    /// How a file is written.
    pub format: Format,
    /// Where to, as JSON.
    pub target: serde_json::Value,
    /// The first interval is the one that this is in; preset: now.
    pub starts_at: Option<Instant>,
}

/// What is to be changed; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct ScheduledExportChange {
    /// How people know it.
    pub name: Option<String>,
    /// How a file is written.
    pub format: Option<Format>,
    /// Where to, as JSON.
    pub target: Option<serde_json::Value>,
    /// Whether it goes on.
    pub active: Option<bool>,
    /// The version that the caller saw.
    pub version: Option<i64>,
}

/// A scheduled export with what became of it.
#[derive(Clone, Debug)]
pub struct ScheduledExportView {
    /// The export.
    pub export: ScheduledExport,
    /// The last runs, the newest first.
    pub runs: Vec<ExportRun>,
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// When the next file is written, while it goes on.
    pub next_at: Option<Instant>,
}

impl App {
    /// The scheduled exports, by name.
    pub async fn scheduled_exports(&self, op: &Op) -> Result<Vec<ScheduledExportView>, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        let mut views = Vec::new();
        for export in self.store.read().scheduled_exports().await? {
            views.push(self.to_export_view(export).await?);
        }
        Ok(views)
    }

    /// A scheduled export.
    pub async fn scheduled_export(
        &self,
        op: &Op,
        id: ScheduledExportId,
    ) -> Result<ScheduledExportView, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        let export = self.known_export(id).await?;
        self.to_export_view(export).await
    }

    /// Its runs before a number, the newest first.
    pub async fn scheduled_export_runs(
        &self,
        op: &Op,
        id: ScheduledExportId,
        before: Option<i64>,
        limit: u64,
    ) -> Result<Vec<ExportRun>, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        self.known_export(id).await?;
        let limit = limit.clamp(1, RUNS_PAGE_MAX);
        Ok(self.store.read().export_runs(id, before.unwrap_or(i64::MAX), limit).await?)
    }

    async fn known_export(&self, id: ScheduledExportId) -> Result<ScheduledExport, AppError> {
        let found = self.store.read().scheduled_export(id).await?;
        found
            .filter(|export| export.removed_at.is_none())
            .ok_or(AppError::NotFound { noun: "scheduled export" })
    }

    async fn to_export_view(&self, export: ScheduledExport) -> Result<ScheduledExportView, AppError> {
        let runs = self.store.read().export_runs(export.id, i64::MAX, RUNS_SHOWN).await?;
        let findings = self.store.read().export_findings(export.id).await?;
        let waiting = runs.first().filter(|run| run.state == RunState::Waiting);
        let next_at = match waiting {
            Some(run) => run.next_try_at.or(Some(run.created_at)),
            None => {
                let next = self.next_interval(&export).await?;
                next.end.checked_add(chaperone_domain::scheduled_export::SETTLED_AFTER).ok()
            }
        };
        let next_at = next_at.filter(|_| export.active);
        Ok(ScheduledExportView { export, runs, findings, next_at })
    }

    /// Adds a scheduled export; its target is tried first.
    pub async fn create_scheduled_export(
        &self,
        op: &Op,
        new: NewScheduledExport,
    ) -> Result<ScheduledExportView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let name = checked_name(&new.name)?;
        let starts_at = checked_start(op.at, new.starts_at.unwrap_or(op.at))?;
        if self.store.read().scheduled_exports().await?.len() >= EXPORTS_MAX {
            let why = format!("There are {EXPORTS_MAX} scheduled exports already; remove one first.");
            return Err(AppError::refused("too-many-scheduled-exports", why));
        }
        let target = self.tried_target(&new.target).await?;
        let export = ScheduledExport {
            id: ScheduledExportId::new(secrets::new_uuid(op.at)),
            name,
            content: new.content,
            every: new.every,
            format: new.format.name().to_owned(),
            target: target.to_json().map_err(refused_target)?,
            starts_at: new.every.interval_of(starts_at).start,
            active: true,
            created_at: op.at,
            removed_at: None,
            checked_at: None,
            check_problem: None,
            version: 1,
        };
        let event = op
            .event(AuditAction::ScheduledExportCreated, "scheduled_export", export.id)
            .with("name", export.name.as_str())
            .with("content", export.content.name())
            .with("every", export.every.name())
            .with("format", export.format.as_str())
            .with("target", export.target.as_str())
            .with("starts_at", export.starts_at.to_string());
        let row = export.clone();
        self.store
            .write(move |tx| {
                let (row, event) = (row.clone(), event.clone());
                Box::pin(async move {
                    tx.insert_scheduled_export(&row).await.map_err(name_taken)?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.export_moved(export.id);
        self.to_export_view(export).await
    }

    /// Changes a scheduled export.
    pub async fn change_scheduled_export(
        &self,
        op: &Op,
        id: ScheduledExportId,
        change: ScheduledExportChange,
    ) -> Result<ScheduledExportView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.known_export(id).await?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        let mut after = before.clone();
        if let Some(name) = &change.name {
            after.name = checked_name(name)?;
        }
        if let Some(format) = change.format {
            format.name().clone_into(&mut after.format);
        }
        if let Some(target) = &change.target {
            after.target = self.tried_target(target).await?.to_json().map_err(refused_target)?;
        }
        after.active = change.active.unwrap_or(before.active);
        let event = op
            .event(AuditAction::ScheduledExportChanged, "scheduled_export", id)
            .with("name", before.name.as_str())
            .changed("name", &before.name, &after.name)
            .changed("format", &before.format, &after.format)
            .changed("target", &before.target, &after.target)
            .changed("active", &before.active, &after.active);
        self.update_export(&after, before.version, event).await?;
        let after = self.known_export(id).await?;
        self.to_export_view(after).await
    }

    /// Removes a scheduled export; its files stay where they are.
    pub async fn remove_scheduled_export(&self, op: &Op, id: ScheduledExportId) -> Result<(), AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.known_export(id).await?;
        let event = op
            .event(AuditAction::ScheduledExportRemoved, "scheduled_export", id)
            .with("name", before.name.as_str());
        let after = ScheduledExport { active: false, removed_at: Some(op.at), ..before.clone() };
        self.update_export(&after, before.version, event).await
    }

    async fn update_export(
        &self,
        after: &ScheduledExport,
        version: i64,
        event: chaperone_domain::audit_event::AuditEvent,
    ) -> Result<(), AppError> {
        let row = after.clone();
        self.store
            .write(move |tx| {
                let (row, event) = (row.clone(), event.clone());
                Box::pin(async move {
                    tx.update_scheduled_export(&row, version).await.map_err(name_taken)?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.export_moved(after.id);
        Ok(())
    }

    /// Has what is due written at once, or an interval that was written before written again.
    pub async fn run_scheduled_export(
        &self,
        op: &Op,
        id: ScheduledExportId,
        again: Option<Instant>,
    ) -> Result<ScheduledExportView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let export = self.known_export(id).await?;
        if !export.active {
            return Err(AppError::refused("export-paused", "The export is paused; let it go on first."));
        }
        let waiting = self.next_run(&export).await?;
        let event = op
            .event(AuditAction::ScheduledExportRequested, "scheduled_export", id)
            .with("name", export.name.as_str())
            .with("interval_start", again.map(|start| start.to_string()));
        let run = match (again, &waiting) {
            (None, None) => {
                let next = self.next_interval(&export).await?;
                let why = format!("Nothing is due: the next interval ends at {}.", next.end);
                return Err(AppError::refused("nothing-due", why));
            }
            (None, Some(_)) => None,
            (Some(_), Some(_)) => {
                let why = "Another interval waits to be written; try again when it is.";
                return Err(AppError::refused("run-waiting", why));
            }
            (Some(start), None) => Some(self.again(&export, op.at, start).await?),
        };
        self.store
            .write(move |tx| {
                let (run, event) = (run.clone(), event.clone());
                Box::pin(async move {
                    match &run {
                        Some(run) => match tx.lay_down_export_run(run).await {
                            Err(StoreError::Conflict { .. }) => return Err(AppError::Stale),
                            other => other?,
                        },
                        None => tx.retry_export_now(id).await?,
                    }
                    Ok(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.export_moved(id);
        self.to_export_view(export).await
    }

    /// A run that writes an interval again, at the end of the chain.
    async fn again(
        &self,
        export: &ScheduledExport,
        at: Instant,
        start: Instant,
    ) -> Result<ExportRun, AppError> {
        let Some(before) = self.store.read().export_run_of(export.id, start).await? else {
            let why = "No interval that was written begins there; take interval_start from the list of runs.";
            return Err(AppError::field("interval_start", "no-such-interval", why));
        };
        let last = self.store.read().last_export_run(export.id).await?.unwrap_or_else(|| before.clone());
        Ok(ExportRun {
            number: last.number + 1,
            revision: before.revision + 1,
            ..new_run(export, before.interval, before.after_seq, before.last_seq, at)
        })
    }

    /// Looks for gaps at once.
    pub async fn check_scheduled_export(
        &self,
        op: &Op,
        id: ScheduledExportId,
    ) -> Result<ScheduledExportView, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        let export = self.known_export(id).await?;
        if !self.check_export(op, &export).await? {
            let why = "Somebody looks for gaps at this moment; read the export again in a while.";
            return Err(AppError::refused("check-running", why));
        }
        let export = self.known_export(id).await?;
        self.to_export_view(export).await
    }

    /// The interval that is written next.
    async fn next_interval(
        &self,
        export: &ScheduledExport,
    ) -> Result<chaperone_domain::scheduled_export::Interval, AppError> {
        Ok(match self.store.read().latest_export_interval(export.id).await? {
            Some(latest) => export.every.next(latest),
            None => export.every.interval_of(export.starts_at),
        })
    }

    /// The run that is to be written now; laid down when its interval has come.
    pub(crate) async fn next_run(&self, export: &ScheduledExport) -> Result<Option<ExportRun>, AppError> {
        let last = self.store.read().last_export_run(export.id).await?;
        if let Some(run) = &last
            && run.state == RunState::Waiting
        {
            return Ok(last);
        }
        let now = self.now();
        let interval = self.next_interval(export).await?;
        if !export.active || !interval.is_settled(now) {
            return Ok(None);
        }
        let after_seq = match export.content {
            ExportContent::SignIns => 0,
            ExportContent::AuditEvents => match self.last_written_number(export).await? {
                Some(number) => number,
                None => self.store.read().last_number_before(interval.start).await?,
            },
        };
        let number = last.map_or(1, |last| last.number + 1);
        let run = ExportRun { number, ..new_run(export, interval, after_seq, 0, now) };
        let row = run.clone();
        let laid = self.store.keep_books(move |books| {
            let row = row.clone();
            Box::pin(async move { books.lay_down_export_run(&row).await })
        });
        match laid.await {
            // Somebody else laid it down, or another one in its place: the next look finds it.
            Err(StoreError::Conflict { .. }) => Ok(None),
            other => {
                other?;
                Ok(Some(run))
            }
        }
    }

    /// The last number that the file of the latest interval holds.
    async fn last_written_number(&self, export: &ScheduledExport) -> Result<Option<i64>, AppError> {
        let Some(latest) = self.store.read().latest_export_interval(export.id).await? else {
            return Ok(None);
        };
        let run = self.store.read().export_run_of(export.id, latest.start).await?;
        Ok(run.map(|run| run.last_seq))
    }

    /// Reads, checks and tries a target.
    async fn tried_target(&self, json: &serde_json::Value) -> Result<ExportTarget, AppError> {
        let target = ExportTarget::parse(json).map_err(refused_target)?;
        let opened = self.open_target(&target).await.map_err(refused_target)?;
        opened.probe().await.map_err(refused_target)?;
        Ok(target)
    }

    async fn open_target(&self, target: &ExportTarget) -> Result<target::Opened, TargetProblem> {
        let (target, secrets) = (target.clone(), self.connectors.secrets().clone());
        let opened = tokio::task::spawn_blocking(move || target.open(&secrets)).await;
        opened.unwrap_or_else(|_| Err(TargetProblem("The target could not be opened.".to_owned())))
    }

    /// Wakes the job, and tells whoever watches.
    pub(crate) fn export_moved(&self, id: ScheduledExportId) {
        self.changes.tell(ChangedNoun::ScheduledExport, id.uuid(), Vec::new());
        self.exports_nudge.notify_one();
    }
}

fn new_run(
    export: &ScheduledExport,
    interval: chaperone_domain::scheduled_export::Interval,
    after_seq: i64,
    last_seq: i64,
    at: Instant,
) -> ExportRun {
    ExportRun {
        export_id: export.id,
        number: 1,
        interval,
        revision: 0,
        state: RunState::Waiting,
        after_seq,
        last_seq,
        fence: 0,
        lease_until: None,
        attempt: 0,
        next_try_at: None,
        problem: None,
        problem_since: None,
        told_at: None,
        created_at: at,
        written: None,
        verified_at: None,
    }
}

fn target_of(export: &ScheduledExport) -> Result<ExportTarget, TargetProblem> {
    let json = serde_json::from_str(&export.target).map_err(|_| {
        TargetProblem("The target of the export cannot be read; give it another one.".to_owned())
    })?;
    ExportTarget::parse(&json)
}

fn format_of(export: &ScheduledExport) -> Result<Format, AppError> {
    Format::parse(&export.format).ok_or(AppError::Inside("an export of an unknown format"))
}

fn refused_target(problem: TargetProblem) -> AppError {
    AppError::field("target", "target-unusable", problem.to_string())
}

fn name_taken(error: StoreError) -> AppError {
    match error {
        StoreError::Conflict { constraint } if constraint == "scheduled_exports_name" => AppError::Conflict {
            detail: "There is a scheduled export of this name already; choose another one".to_owned(),
        },
        other => other.into(),
    }
}

fn checked_name(name: &str) -> Result<String, AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
        return Err(AppError::field("name", "name-length", "Give it a name of 1 to 100 characters."));
    }
    Ok(name.to_owned())
}

fn checked_start(now: Instant, starts_at: Instant) -> Result<Instant, AppError> {
    let earliest = now.checked_sub(SignedDuration::from_hours(24 * BACK_MAX_DAYS)).unwrap_or(Instant::MIN);
    if starts_at > now || starts_at < earliest {
        let why = "The first interval begins now or at most ten years ago.";
        return Err(AppError::field("starts_at", "start-range", why));
    }
    Ok(starts_at)
}
