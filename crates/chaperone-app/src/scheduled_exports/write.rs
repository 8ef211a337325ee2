//! Writes one run: file, then manifest, then the row that says so. Each appears whole once it is durable; what broke off
//! in the middle is written again under the same name, by whoever holds the lease.

use std::sync::Arc;

use aws_lc_rs::digest;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::scheduled_export::{ExportContent, ExportRun, ScheduledExport, Written, retry_pause};
use chaperone_store::{EventFilter, Events, PAGE_MAX, Page, SignInQuery, StoredEvent};
use jiff::SignedDuration;
use object_store::{ObjectStoreExt as _, WriteMultipart};

use super::manifest::{FileFacts, Manifest, hex, name_of_manifest};
use super::target::{ExportTarget, Opened, TargetProblem};
use crate::app::App;
use crate::audit_events::{AUDIT_EVENTS, write_event};
use crate::errors::AppError;
use crate::exports::{ExportError, Format, GridWriter, file_name};
use crate::op::{EventExt as _, Op};
use crate::sign_ins::{SIGN_INS, TargetNames, write_row};

/// How long a run belongs to the node that took it; it is renewed with every page.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// Bytes of a part of a file on its way to a bucket.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts that are on their way at the same time.
const PARTS_AT_ONCE: usize = 2;
/// Runs of one export that are written in one look: the rest comes with the next.
const RUNS_PER_LOOK: usize = 50;

/// Why a run was not written.
pub(super) enum Trouble {
    /// The target does not take it.
    Target(TargetProblem),
    /// Somebody else has taken the run.
    Lost,
    /// Something of ours failed.
    Ours(AppError),
}

impl From<TargetProblem> for Trouble {
    fn from(problem: TargetProblem) -> Self {
        Self::Target(problem)
    }
}

impl From<AppError> for Trouble {
    fn from(error: AppError) -> Self {
        Self::Ours(error)
    }
}

impl From<ExportError> for Trouble {
    fn from(error: ExportError) -> Self {
        Self::Target(TargetProblem(format!("The file cannot be written: {error}.")))
    }
}

impl From<chaperone_store::StoreError> for Trouble {
    fn from(error: chaperone_store::StoreError) -> Self {
        Self::Ours(error.into())
    }
}

impl App {
    /// Writes what is due of an export; how many runs were written.
    pub(crate) async fn write_due_runs(&self, export: &ScheduledExport) -> Result<usize, AppError> {
        let mut written = 0;
        while written < RUNS_PER_LOOK {
            let Some(planned) = self.next_run(export).await? else { break };
            let (now, id, number) = (self.now(), export.id, planned.number);
            let until = now.saturating_add(LEASE).unwrap_or(now);
            let taken = self.store.keep_books(move |books| {
                Box::pin(async move { books.take_export_run(id, number, now, until).await })
            });
            let Some(run) = taken.await? else { break };
            self.faults.reach("export.taken");
            match self.write_run(export, run.clone()).await {
                Ok(()) => written += 1,
                Err(Trouble::Lost) => break,
                Err(Trouble::Target(problem)) => {
                    self.run_failed(export, run, &problem.to_string()).await?;
                    break;
                }
                Err(Trouble::Ours(error)) => {
                    tracing::error!(export = %export.id, ?error, "a scheduled export could not be written");
                    self.run_failed(export, run, &error.to_string()).await?;
                    break;
                }
            }
        }
        Ok(written)
    }

    async fn write_run(&self, export: &ScheduledExport, mut run: ExportRun) -> Result<(), Trouble> {
        let target = super::target_of(export)?;
        let opened = self.open_target(&target).await?;
        if export.content == ExportContent::AuditEvents && run.last_seq == 0 {
            let last = self.store.read().last_number_before(run.interval.end).await?;
            run.last_seq = last.max(run.after_seq);
        }
        let file = self.write_file(export, &run, &opened).await?;
        self.faults.reach("export.file_written");
        let previous = self.manifest_before(&run).await?;
        let at = self.now();
        let manifest = Manifest::of(export, &run, &file, at, previous);
        let bytes = manifest.to_bytes().map_err(|_| AppError::Inside("a manifest that is no JSON"))?;
        let mut manifest_sha256 = [0; 32];
        manifest_sha256.copy_from_slice(digest::digest(&digest::SHA256, &bytes).as_ref());
        self.still_ours(&run).await?;
        let place = opened.place(&name_of_manifest(&file.name));
        opened.store().put(&place, bytes.into()).await.map_err(|error| opened.problem(&error))?;
        self.faults.reach("export.manifest_written");
        let written = Written {
            file: file.name,
            rows: file.rows,
            bytes: file.bytes,
            sha256: file.sha256,
            manifest_sha256,
            at,
        };
        self.run_written(export, &run, &target, &manifest, written).await
    }

    /// The run is done, once its row says so.
    async fn run_written(
        &self,
        export: &ScheduledExport,
        run: &ExportRun,
        target: &ExportTarget,
        manifest: &Manifest,
        written: Written,
    ) -> Result<(), Trouble> {
        let op = Op::processor(written.at);
        let event = op
            .event(AuditAction::ScheduledExportWritten, "scheduled_export", export.id)
            .with("name", export.name.as_str())
            .with("target", target.words())
            .with("number", run.number)
            .with("interval_start", manifest.interval_start.as_str())
            .with("interval_end", manifest.interval_end.as_str())
            .with("file", written.file.as_str())
            .with("rows", i64::try_from(written.rows).unwrap_or(i64::MAX))
            .with("bytes", i64::try_from(written.bytes).unwrap_or(i64::MAX))
            .with("sha256", hex(&written.sha256))
            .with("manifest_sha256", hex(&written.manifest_sha256))
            .with("first_number", manifest.first_number)
            .with("last_number", manifest.last_number);
        let (row, done) = (run.clone(), written);
        let said = self
            .store
            .write(move |tx| {
                let (row, done, event) = (row.clone(), done.clone(), event.clone());
                Box::pin(async move {
                    tx.export_written(&row, &done).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match said {
            Ok(()) => Ok(()),
            Err(AppError::Stale) => Err(Trouble::Lost),
            Err(error) => Err(Trouble::Ours(error)),
        }
    }

    async fn manifest_before(&self, run: &ExportRun) -> Result<Option<[u8; 32]>, AppError> {
        if run.number <= 1 {
            return Ok(None);
        }
        let before = self.store.read().export_runs(run.export_id, run.number, 1).await?;
        let hash = before.first().and_then(|before| before.written.as_ref()).map(|done| done.manifest_sha256);
        hash.map(Some).ok_or(AppError::Inside("a run whose predecessor is not written"))
    }

    /// The lease goes on, or somebody else has the run.
    async fn still_ours(&self, run: &ExportRun) -> Result<(), Trouble> {
        let (row, now) = (run.clone(), self.now());
        let until = now.saturating_add(LEASE).unwrap_or(now);
        let ours = self.store.keep_books(move |books| {
            let row = row.clone();
            Box::pin(async move { books.renew_export_run(&row, until).await })
        });
        if ours.await? { Ok(()) } else { Err(Trouble::Lost) }
    }

    async fn write_file(
        &self,
        export: &ScheduledExport,
        run: &ExportRun,
        opened: &Opened,
    ) -> Result<FileFacts, Trouble> {
        let format = super::format_of(export)?;
        let name = name_of(export.content, run, format);
        let place = opened.place(&name);
        if run.fence == 1 && opened.store().head(&place).await.is_ok() {
            return Err(Trouble::Target(TargetProblem(format!(
                "A file of the name {name} is there already, and this export did not write it. Move it away, or give \
                 the export a folder of its own."
            ))));
        }
        let problem = |error: object_store::Error| Trouble::Target(opened.problem(&error));
        let upload = opened.store().put_multipart(&place).await.map_err(problem)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let made = self.rows_into(export, run, format, &mut upload, opened).await;
        match made {
            Ok((rows, bytes, sha256)) => {
                // Nobody else has written it since: then it appears, whole.
                if let Err(trouble) = self.still_ours(run).await {
                    abandon(upload).await;
                    return Err(trouble);
                }
                upload.finish().await.map_err(problem)?;
                Ok(FileFacts { name, rows, bytes, sha256 })
            }
            Err(trouble) => {
                abandon(upload).await;
                Err(trouble)
            }
        }
    }

    /// Page after page of rows, as bytes of a file; how many rows and bytes, and their hash.
    async fn rows_into(
        &self,
        export: &ScheduledExport,
        run: &ExportRun,
        format: Format,
        upload: &mut WriteMultipart,
        opened: &Opened,
    ) -> Result<(u64, u64, [u8; 32]), Trouble> {
        let grid = match export.content {
            ExportContent::SignIns => SIGN_INS,
            ExportContent::AuditEvents => AUDIT_EVENTS,
        };
        let mut writer = GridWriter::begin(format, grid)?;
        let mut file = Hashed { hash: digest::Context::new(&digest::SHA256), bytes: 0 };
        let targets = self.store.read().targets().await?;
        let names: Arc<TargetNames> =
            Arc::new(targets.into_iter().map(|target| (target.id, target.name)).collect());
        let mut after = None;
        loop {
            let page = self.page_of(export.content, run, after).await?;
            let names = names.clone();
            let (next_writer, bytes, next) = blocking(move || {
                match &page.rows {
                    Rows::SignIns(rows) => {
                        rows.iter().try_for_each(|row| write_row(&mut writer, row, &names))?;
                    }
                    Rows::Events(rows) => rows.iter().try_for_each(|row| write_event(&mut writer, row))?,
                }
                let bytes = writer.take();
                Ok((writer, bytes, page.next))
            })
            .await?;
            writer = next_writer;
            file.send(upload, opened, bytes).await?;
            self.still_ours(run).await?;
            let Some(next) = next else { break };
            after = Some(next);
        }
        let rows = writer.rows();
        let mut rest = blocking(move || writer.finish()).await?;
        loop {
            let (later, piece) = blocking(move || {
                let piece = rest.next().transpose()?;
                Ok((rest, piece))
            })
            .await?;
            rest = later;
            let Some(piece) = piece else { break };
            file.send(upload, opened, piece).await?;
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(file.hash.finish().as_ref());
        Ok((rows, file.bytes, sha256))
    }

    async fn page_of(
        &self,
        content: ExportContent,
        run: &ExportRun,
        after: Option<String>,
    ) -> Result<PageOfRows, AppError> {
        let page = Page { after, limit: PAGE_MAX };
        match content {
            ExportContent::SignIns => {
                let query = SignInQuery::between(run.interval.start, run.interval.end);
                let found = self.store.read().sign_ins(query, page).await?;
                Ok(PageOfRows { rows: Rows::SignIns(found.items), next: found.next })
            }
            ExportContent::AuditEvents => {
                let filter = EventFilter { after_seq: Some(run.after_seq), ..EventFilter::default() };
                let mut found = self.store.read().audit_events(filter, page).await?;
                let many = found.items.len();
                found.items.retain(|stored| stored.seq.is_some_and(|seq| seq <= run.last_seq));
                let next = found.next.filter(|_| found.items.len() == many);
                Ok(PageOfRows { rows: Rows::Events(found.items), next })
            }
        }
    }

    async fn run_failed(
        &self,
        export: &ScheduledExport,
        run: ExportRun,
        problem: &str,
    ) -> Result<(), AppError> {
        let now = self.now();
        tracing::warn!(export = %export.id, number = run.number, problem, "a scheduled export waits");
        let next = now.saturating_add(retry_pause(run.attempt + 1)).unwrap_or(now);
        let (row, said) = (run.clone(), problem.to_owned());
        let ours = self.store.keep_books(move |books| {
            let (row, said) = (row.clone(), said.clone());
            Box::pin(async move { books.export_run_failed(&row, &said, now, next).await })
        });
        if ours.await? {
            self.tell_failing(export, &run, problem, now).await?;
            self.export_moved(export.id);
        }
        Ok(())
    }
}

struct PageOfRows {
    rows: Rows,
    next: Option<String>,
}

enum Rows {
    SignIns(Vec<chaperone_store::SignInRow>),
    Events(Vec<StoredEvent>),
}

/// Bytes on their way, with what they come to.
struct Hashed {
    hash: digest::Context,
    bytes: u64,
}

impl Hashed {
    async fn send(
        &mut self,
        upload: &mut WriteMultipart,
        opened: &Opened,
        bytes: Vec<u8>,
    ) -> Result<(), Trouble> {
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        upload.wait_for_capacity(PARTS_AT_ONCE).await.map_err(|error| opened.problem(&error))?;
        upload.put(bytes.into());
        Ok(())
    }
}

async fn abandon(upload: WriteMultipart) {
    if let Err(error) = upload.abort().await {
        tracing::warn!(%error, "parts of a file that broke off are left at the target");
    }
}

/// Work that keeps a thread busy, or waits for a file.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| AppError::Inside("a part of an export was not written"))??)
}

/// A file's name: content and interval; written again, also how often.
fn name_of(content: ExportContent, run: &ExportRun, format: Format) -> String {
    let grid = match content {
        ExportContent::SignIns => SIGN_INS,
        ExportContent::AuditEvents => AUDIT_EVENTS,
    };
    let name = file_name(grid, run.interval.start, run.interval.end, format);
    match name.rsplit_once('.') {
        Some((stem, end)) if run.revision > 0 => format!("{stem}.again-{}.{end}", run.revision),
        _ => name,
    }
}
