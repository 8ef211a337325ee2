//! Who is told: that an export cannot be written for long, that something does not fit, that all is well again.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::notification::{Notification, NotificationKind};
use chaperone_domain::scheduled_export::{ExportRun, Finding, ScheduledExport, TOLD_AFTER};
use chaperone_store::Events;

use crate::app::App;
use crate::errors::AppError;
use crate::notifications::ToldOf;
use crate::op::{EventExt as _, Op};

/// Findings that a message names; the rest is counted.
const NAMED_MAX: usize = 10;

impl App {
    /// Tells, once, that a run fails for long.
    pub(super) async fn tell_failing(
        &self,
        export: &ScheduledExport,
        run: &ExportRun,
        problem: &str,
        now: Instant,
    ) -> Result<(), AppError> {
        let since = run.problem_since.unwrap_or(now);
        if run.told_at.is_some() || now.duration_since(since) < TOLD_AFTER {
            return Ok(());
        }
        let op = Op::processor(now);
        let event = op
            .event(AuditAction::ScheduledExportFailing, "scheduled_export", export.id)
            .with("name", export.name.as_str())
            .with("number", run.number)
            .with("interval_start", run.interval.start.to_string())
            .with("since", since.to_string())
            .with("problem", problem);
        let text = format!(
            "A scheduled export cannot be written since {since}. Nothing is lost: it is tried again, and what was missed is \
             made up. {problem}"
        );
        let told =
            self.told_of(&op, NotificationKind::ScheduledExportFailing, export, run.number, &text).await?;
        let row = run.clone();
        let said = self
            .store
            .write(move |tx| {
                let (row, event, told) = (row.clone(), event.clone(), told.clone());
                Box::pin(async move {
                    tx.export_failing_told(&row, now).await?;
                    tx.insert_notifications(&told).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        self.nudges.wake();
        match said {
            // Somebody else has told it, or it works again.
            Err(AppError::Stale) => Ok(()),
            other => other,
        }
    }

    /// What is told of findings.
    pub(super) async fn told_of_gaps(
        &self,
        op: &Op,
        export: &ScheduledExport,
        new: &[Finding],
        well_again: bool,
    ) -> Result<Vec<Notification>, AppError> {
        let occurrence = op.at.as_microsecond();
        if !new.is_empty() {
            let mut lines = vec!["What was exported has gaps:".to_owned()];
            lines.extend(new.iter().take(NAMED_MAX).map(|finding| {
                format!("{} to {}: {}", finding.interval.start, finding.interval.end, finding.detail)
            }));
            if new.len() > NAMED_MAX {
                lines.push(format!("… and {} more.", new.len() - NAMED_MAX));
            }
            let text = lines.join("\n");
            return self.told_of(op, NotificationKind::ExportGapFound, export, occurrence, &text).await;
        }
        if well_again {
            let text = "Everything that was exported is there and fits again.";
            return self.told_of(op, NotificationKind::ExportGapClosed, export, occurrence, text).await;
        }
        Ok(Vec::new())
    }

    async fn told_of(
        &self,
        op: &Op,
        kind: NotificationKind,
        export: &ScheduledExport,
        occurrence: i64,
        text: &str,
    ) -> Result<Vec<Notification>, AppError> {
        let url = format!("{}/scheduled-exports/{}", self.addresses.console, export.id);
        self.told_of_no_session(op, ToldOf { kind, what: &export.name, occurrence, text, url: &url }).await
    }
}
