//! The gap detector: compares intervals, files, manifests and rows, and says in words what does not fit.
//!
//! Every look compares every name, size, manifest and count. Reading files again is what takes time, so each look reads
//! so many bytes of them, those first that were not read for the longest time.

use std::collections::{BTreeSet, HashMap};

use aws_lc_rs::digest;
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::scheduled_export::{
    ExportContent, ExportRun, Finding, FindingKind, Interval, RunState, ScheduledExport, Written,
};
use chaperone_store::Events;
use futures_util::TryStreamExt as _;
use jiff::SignedDuration;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::manifest::{Manifest, hex, name_of_manifest};
use super::target::{Opened, TargetProblem};
use super::write::Trouble;
use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// Bytes of files that one look reads again.
const READ_AGAIN_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Findings of one export that are kept; when there are more, the first ones.
const FINDINGS_MAX: usize = 500;
/// Runs that are read at once.
const RUNS_AT_ONCE: u64 = 500;
/// Largest manifest that is read, in bytes.
const MANIFEST_MAX_BYTES: u64 = 64 * 1024;
/// How long a look belongs to the node that began it.
const LEASE: SignedDuration = SignedDuration::from_hours(1);

/// What a look found, before it is compared with what was found before.
#[derive(Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, kind: FindingKind, interval: Interval, now: Instant, detail: String) {
        let twice = self.0.iter().any(|known| known.kind == kind && known.interval.start == interval.start);
        if !twice && self.0.len() < FINDINGS_MAX {
            self.0.push(Finding { kind, interval, detail, found_at: now });
        }
    }
}

/// What a look knows of an export.
struct Look {
    /// Every run that is written, in the order of the chain.
    done: Vec<(ExportRun, Written)>,
    /// The numbers of runs whose interval was written again later.
    replaced: BTreeSet<i64>,
    /// What is at the target, by name, with its size.
    there: HashMap<String, u64>,
}

impl App {
    /// Looks at an export once; `false` when somebody else does.
    pub(crate) async fn check_export(&self, op: &Op, export: &ScheduledExport) -> Result<bool, AppError> {
        let (id, now) = (export.id, self.now());
        let until = now.saturating_add(LEASE).unwrap_or(now);
        let ours = self
            .store
            .keep_books(move |books| Box::pin(async move { books.take_export_check(id, now, until).await }));
        if !ours.await? {
            return Ok(false);
        }
        let problem = match self.look_for_gaps(export, now).await {
            Ok(found) => {
                self.keep_findings(&Op { at: now, ..op.clone() }, export, found).await?;
                None
            }
            Err(Trouble::Target(problem)) => Some(problem.to_string()),
            Err(Trouble::Lost) => None,
            Err(Trouble::Ours(error)) => {
                tracing::error!(export = %id, ?error, "a scheduled export could not be checked");
                Some(error.to_string())
            }
        };
        self.store
            .keep_books(move |books| {
                let problem = problem.clone();
                Box::pin(async move { books.export_checked(id, now, problem.as_deref()).await })
            })
            .await?;
        self.export_moved(id);
        Ok(true)
    }

    async fn look_for_gaps(&self, export: &ScheduledExport, now: Instant) -> Result<Found, Trouble> {
        let mut found = Found::default();
        let target = super::target_of(export)?;
        let opened = self.open_target(&target).await?;
        let look = self.look_over(export, &opened).await?;
        missed(export, &look, now, &mut found);
        self.compare_manifests(&look, &opened, now, &mut found).await?;
        self.compare_files(export, &look, &opened, now, &mut found).await?;
        self.compare_rows(export, &look, now, &mut found).await?;
        Ok(found)
    }

    async fn look_over(&self, export: &ScheduledExport, opened: &Opened) -> Result<Look, Trouble> {
        let (mut done, mut after) = (Vec::new(), 0);
        loop {
            let runs = self.store.read().export_runs_after(export.id, after, RUNS_AT_ONCE).await?;
            let Some(last) = runs.last() else { break };
            after = last.number;
            done.extend(runs.into_iter().filter(|run| run.state == RunState::Done).filter_map(|run| {
                let written = run.written.clone()?;
                Some((run, written))
            }));
        }
        let mut latest: HashMap<Instant, i64> = HashMap::new();
        let mut replaced = BTreeSet::new();
        for (run, _) in &done {
            replaced.extend(latest.insert(run.interval.start, run.number));
        }
        let wanted: BTreeSet<String> = done
            .iter()
            .flat_map(|(_, written)| [written.file.clone(), name_of_manifest(&written.file)])
            .collect();
        let mut there = HashMap::new();
        let prefix = Some(opened.prefix()).filter(|prefix| prefix.parts().next().is_some());
        let mut listed = opened.store().list(prefix);
        while let Some(object) = listed.try_next().await.map_err(|error| opened.problem(&error))? {
            let name = object.location.filename().unwrap_or_default();
            if wanted.contains(name) && object.location == opened.place(name) {
                there.insert(name.to_owned(), object.size);
            }
        }
        Ok(Look { done, replaced, there })
    }

    /// Every manifest is there, is what was written, and names the one before.
    async fn compare_manifests(
        &self,
        look: &Look,
        opened: &Opened,
        now: Instant,
        found: &mut Found,
    ) -> Result<(), Trouble> {
        let mut before: Option<[u8; 32]> = None;
        for (run, written) in &look.done {
            let expected = before.replace(written.manifest_sha256);
            if look.replaced.contains(&run.number) {
                continue;
            }
            let name = name_of_manifest(&written.file);
            let Some(size) = look.there.get(&name) else {
                let detail = format!(
                    "The manifest {name} is not there. Put it back, or have the interval written again."
                );
                found.add(FindingKind::ManifestMissing, run.interval, now, detail);
                continue;
            };
            let bytes = if *size <= MANIFEST_MAX_BYTES { read_small(opened, &name).await? } else { None };
            let same = bytes.as_deref().is_some_and(|bytes| {
                digest::digest(&digest::SHA256, bytes).as_ref() == written.manifest_sha256
            });
            if !same {
                let detail = format!(
                    "The manifest {name} is not what was written. Put it back, or have the interval written again."
                );
                found.add(FindingKind::ManifestChanged, run.interval, now, detail);
            }
            let chained = bytes.as_deref().and_then(Manifest::read).is_some_and(|manifest| {
                manifest.number == run.number
                    && manifest.previous_manifest_sha256 == expected.map(|hash| hex(&hash))
            });
            if !chained {
                let detail = format!("The manifest {name} does not name the manifest before it.");
                found.add(FindingKind::ChainBroken, run.interval, now, detail);
            }
        }
        Ok(())
    }

    /// Every file is there with its size; so many of them are read again.
    async fn compare_files(
        &self,
        export: &ScheduledExport,
        look: &Look,
        opened: &Opened,
        now: Instant,
        found: &mut Found,
    ) -> Result<(), Trouble> {
        let changed = |file: &str| {
            format!(
                "The file {file} is not what was written. Put it back, or have the interval written again."
            )
        };
        let mut to_read = Vec::new();
        for (run, written) in &look.done {
            if look.replaced.contains(&run.number) {
                continue;
            }
            match look.there.get(&written.file) {
                None => {
                    let detail = format!(
                        "The file {} is not there. Put it back, or have the interval written again.",
                        written.file
                    );
                    found.add(FindingKind::FileMissing, run.interval, now, detail);
                }
                Some(size) if *size != written.bytes => {
                    found.add(FindingKind::FileChanged, run.interval, now, changed(&written.file));
                }
                Some(_) => to_read.push((run, written)),
            }
        }
        to_read.sort_by_key(|(run, _)| run.verified_at);
        let mut read = 0;
        for (run, written) in to_read {
            if read > 0 && read + written.bytes > READ_AGAIN_BYTES {
                // What was found changed stays found until it is read again.
                self.still_changed(export, run, found).await?;
                continue;
            }
            read += written.bytes.max(1);
            match hash_of(opened, &written.file).await? {
                Some(hash) if hash == written.sha256 => {
                    let (id, number) = (export.id, run.number);
                    self.store
                        .keep_books(move |books| {
                            Box::pin(async move { books.export_run_verified(id, number, now).await })
                        })
                        .await?;
                }
                _ => found.add(FindingKind::FileChanged, run.interval, now, changed(&written.file)),
            }
        }
        Ok(())
    }

    async fn still_changed(
        &self,
        export: &ScheduledExport,
        run: &ExportRun,
        found: &mut Found,
    ) -> Result<(), Trouble> {
        let known = self.store.read().export_findings(export.id).await?;
        found.0.extend(known.into_iter().filter(|known| {
            known.kind == FindingKind::FileChanged && known.interval.start == run.interval.start
        }));
        Ok(())
    }

    /// Counts in the files are counts in the database, as far as retention has deleted nothing.
    async fn compare_rows(
        &self,
        export: &ScheduledExport,
        look: &Look,
        now: Instant,
        found: &mut Found,
    ) -> Result<(), Trouble> {
        let deleted_up_to = self.store.read().sign_ins_deleted_up_to().await?;
        for (run, written) in &look.done {
            if look.replaced.contains(&run.number) {
                continue;
            }
            let (in_database, deleted) = match export.content {
                ExportContent::SignIns => (
                    self.store.read().sign_ins_in(run.interval).await?,
                    deleted_up_to.is_some_and(|at| at >= run.interval.start),
                ),
                // A deleted event keeps its number.
                ExportContent::AuditEvents => {
                    (self.store.read().events_numbered(run.after_seq, run.last_seq).await?, false)
                }
            };
            if in_database > written.rows {
                let detail = format!(
                    "The database has {in_database} rows of this interval, the file {} has {}. Have the interval \
                     written again.",
                    written.file, written.rows
                );
                found.add(FindingKind::RowsNotInFile, run.interval, now, detail);
            } else if in_database < written.rows && !deleted {
                let detail = format!(
                    "The file {} has {} rows of this interval, the database has {in_database}, and retention deleted \
                     none. Somebody removed rows past Chaperone; keep the file.",
                    written.file, written.rows
                );
                found.add(FindingKind::RowsNotInDatabase, run.interval, now, detail);
            }
        }
        Ok(())
    }

    /// Keeps what is new, forgets what is well again, and tells of both.
    async fn keep_findings(&self, op: &Op, export: &ScheduledExport, found: Found) -> Result<(), AppError> {
        let known = self.store.read().export_findings(export.id).await?;
        let key = |finding: &Finding| (finding.interval.start, finding.kind);
        let (then, now): (BTreeSet<_>, BTreeSet<_>) =
            (known.iter().map(key).collect(), found.0.iter().map(key).collect());
        let new: Vec<Finding> = found.0.into_iter().filter(|finding| !then.contains(&key(finding))).collect();
        let gone: Vec<Finding> = known.into_iter().filter(|finding| !now.contains(&key(finding))).collect();
        if new.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let well_again = now.is_empty();
        let told = self.told_of_gaps(op, export, &new, well_again).await?;
        let event = |action, finding: &Finding| {
            op.event(action, "scheduled_export", export.id)
                .with("name", export.name.as_str())
                .with("kind", finding.kind.name())
                .with("interval_start", finding.interval.start.to_string())
                .with("interval_end", finding.interval.end.to_string())
                .with("detail", finding.detail.as_str())
        };
        let mut events: Vec<_> =
            new.iter().map(|finding| event(AuditAction::ExportGapFound, finding)).collect();
        events.extend(gone.iter().map(|finding| event(AuditAction::ExportGapClosed, finding)));
        let id = export.id;
        self.store
            .write(move |tx| {
                let (new, gone, told, mut events) =
                    (new.clone(), gone.clone(), told.clone(), events.clone().into_iter());
                Box::pin(async move {
                    tx.change_export_findings(id, &new, &gone).await?;
                    tx.insert_notifications(&told).await?;
                    let first = events.next().ok_or(AppError::Inside("findings without events"))?;
                    Ok::<_, AppError>(tx.commit((), events.fold(Events::one(first), Events::and)))
                })
            })
            .await?;
        self.nudges.wake();
        Ok(())
    }
}

/// Intervals that should have been written long ago.
fn missed(export: &ScheduledExport, look: &Look, now: Instant, found: &mut Found) {
    let written: BTreeSet<Instant> = look.done.iter().map(|(run, _)| run.interval.start).collect();
    let last = look.done.iter().map(|(run, _)| run.interval.start).max();
    let mut interval = export.every.interval_of(export.starts_at);
    // An export that does not go on owes only what lies before what it has written.
    while interval.is_missed(now) && (export.active || last.is_some_and(|last| interval.start < last)) {
        if !written.contains(&interval.start) {
            let detail = "This interval was not written, although it is over for hours. Look at the export's problem, \
                          or press Run now.";
            found.add(FindingKind::MissedInterval, interval, now, detail.to_owned());
        }
        interval = export.every.next(interval);
    }
}

/// A small file's bytes; `None` when it is not there any more.
async fn read_small(opened: &Opened, name: &str) -> Result<Option<Vec<u8>>, TargetProblem> {
    let failed = |error: &object_store::Error| opened.problem(error);
    match opened.store().get(&opened.place(name)).await {
        Ok(got) => Ok(Some(got.bytes().await.map_err(|error| failed(&error))?.to_vec())),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

/// The SHA-256 of a file; `None` when it is not there any more.
async fn hash_of(opened: &Opened, name: &str) -> Result<Option<[u8; 32]>, TargetProblem> {
    let failed = |error: &object_store::Error| opened.problem(error);
    let got = match opened.store().get(&opened.place(name)).await {
        Ok(got) => got,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut bytes = got.into_stream();
    while let Some(piece) = bytes.try_next().await.map_err(|error| failed(&error))? {
        hash.update(&piece);
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    Ok(Some(sha256))
}
