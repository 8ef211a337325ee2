//! A download: the rows of a grid as a file, page after page.
//!
//! A download has a thread of its own that writes its pages down, one after the other: what a thread has needed once
//! stays with it for a while, and a page that is written wherever a thread is free would be paid for on each of them. A
//! page that is written waits for whoever takes it, beside a few that are read ahead: a client that reads slowly, or not
//! at all, holds those in memory and nothing in the database. Whoever lets go of a download has broken it off; the trail
//! says so.

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_store::{Items, PAGE_MAX, Page};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use super::{ExportError, Format, Grid, GridWriter};
use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// Downloads that are under way at the same time on a node.
pub const EXPORTS_MAX: usize = 8;

/// Pages on their way, in order.
pub type Pages<Row> = BoxStream<'static, Result<Vec<Row>, AppError>>;

/// What is taken out: which rows, by page, and how one is written down.
pub trait Rows: Clone + Send + Sync + 'static {
    /// A row as the store has it.
    type Row: Send + Sync + 'static;
    /// The columns.
    const GRID: Grid;

    /// What the file is called.
    fn file_name(&self, format: Format) -> String;

    /// How many rows there are.
    fn count(&self, app: &App) -> impl Future<Output = Result<u64, AppError>> + Send;

    /// They themselves.
    fn pages(&self, app: &Arc<App>) -> Pages<Self::Row>;

    /// Writes one down.
    ///
    /// # Errors
    /// When the writer refuses.
    fn write(&self, writer: &mut GridWriter, row: &Self::Row) -> Result<(), ExportError>;

    /// The event of the download, with what was asked for.
    fn tell(&self, event: AuditEvent) -> AuditEvent;
}

/// A piece of a file, and how many rows are written until its end.
struct Piece {
    bytes: Vec<u8>,
    rows: u64,
}

/// The thread that writes.
struct Writing {
    pieces: mpsc::Receiver<Piece>,
    ended: JoinHandle<Result<(), AppError>>,
}

/// A download under way.
pub struct Download<R: Rows> {
    /// What the file is called.
    pub file_name: String,
    /// How it is written.
    pub format: Format,
    /// How many rows there will be.
    pub total: u64,
    app: Arc<App>,
    op: Op,
    asked: R,
    rows: u64,
    /// `None` when it is over.
    writing: Option<Writing>,
    /// The trail has how it ended.
    is_told: bool,
    _permit: OwnedSemaphorePermit,
}

impl<R: Rows> Download<R> {
    pub(crate) async fn begin(app: &Arc<App>, op: &Op, asked: R, format: Format) -> Result<Self, AppError> {
        let permit = app.exports.clone().try_acquire_owned().map_err(|_| {
            AppError::refused(
                "too-many-exports",
                format!("{EXPORTS_MAX} exports are under way; try again when one of them has ended."),
            )
        })?;
        let total = asked.count(app).await?;
        if let Some(most) = format.rows_max()
            && total > most
        {
            return Err(ExportError::TooManyRows { format, most }.into());
        }
        let writer = GridWriter::begin(format, R::GRID)?;
        app.note(event(op, AuditAction::ExportStarted, &asked, format).with("total", count(total))).await?;
        let (out, pieces) = mpsc::channel(1);
        let (pages, runtime, rows) = (asked.pages(app), app.runtime.clone(), asked.clone());
        let ended = tokio::task::spawn_blocking(move || write_down(writer, pages, &runtime, &rows, &out));
        Ok(Self {
            file_name: asked.file_name(format),
            format,
            total,
            app: app.clone(),
            op: op.clone(),
            asked,
            rows: 0,
            writing: Some(Writing { pieces, ended }),
            is_told: false,
            _permit: permit,
        })
    }

    /// The next bytes of the file; `None` when it is whole.
    ///
    /// # Errors
    /// When it cannot go on: then it is over.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, AppError>> {
        while let Some(piece) = self.writing.as_mut()?.pieces.recv().await {
            self.rows = piece.rows;
            if !piece.bytes.is_empty() {
                return Some(Ok(piece.bytes));
            }
        }
        let error = self.end().await.err()?;
        tracing::warn!(%error, "an export broke off");
        Some(Err(error))
    }

    /// The thread has nothing more: because it wrote everything?
    async fn end(&mut self) -> Result<(), AppError> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        writing.ended.await.map_err(|_| AppError::Inside("a part of an export was not written"))??;
        // Whoever sees the end of the file finds its event.
        self.app.note(self.ended("complete")).await?;
        self.is_told = true;
        Ok(())
    }

    fn ended(&self, outcome: &'static str) -> AuditEvent {
        let op = Op { at: self.app.now(), ..self.op.clone() };
        event(&op, AuditAction::ExportEnded, &self.asked, self.format)
            .with("outcome", outcome)
            .with("rows", count(self.rows))
    }

    fn tell_broken_off(&self) {
        let (app, ended) = (self.app.clone(), self.ended("broken_off"));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = app.note(ended).await {
                tracing::error!(%error, "that an export broke off is not written");
            }
        });
    }
}

impl<R: Rows> Drop for Download<R> {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell_broken_off();
        }
    }
}

/// Pages each of which begins where the one before it ended; the next one is read beside everything else.
pub(crate) fn one_after_the_other<Row, Read, Reading>(app: &App, read: Read) -> Pages<Row>
where
    Row: Send + 'static,
    Read: Fn(Page) -> Reading + Send + 'static,
    Reading: Future<Output = Result<Items<Row>, AppError>> + Send + 'static,
{
    let runtime = app.runtime.clone();
    let begin = move |after| beside(&runtime, read(Page { after, limit: PAGE_MAX }));
    let first = begin(None);
    let pages = stream::unfold((Some(first), begin), async |(ahead, begin)| match ahead?.await {
        Ok(page) => {
            let ahead = page.next.map(|next| begin(Some(next)));
            Some((Ok(page.items), (ahead, begin)))
        }
        Err(error) => Some((Err(error), (None, begin))),
    });
    pages.boxed()
}

/// Begins to read, beside everything else and on any thread of the app's runtime: a download may be served by one
/// that has but one thread.
pub(crate) fn beside<T, Reading>(
    runtime: &Handle,
    reading: Reading,
) -> impl Future<Output = Result<T, AppError>> + Send + use<T, Reading>
where
    T: Send + 'static,
    Reading: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let reading = runtime.spawn(reading);
    async move { reading.await.map_err(|_| AppError::Inside("a page of an export was not read"))? }
}

/// Writes pages until there are no more, or until nobody takes them.
fn write_down<R: Rows>(
    mut writer: GridWriter,
    mut pages: Pages<R::Row>,
    runtime: &Handle,
    asked: &R,
    out: &mpsc::Sender<Piece>,
) -> Result<(), AppError> {
    while let Some(page) = runtime.block_on(pages.next()).transpose()? {
        page.iter().try_for_each(|row| asked.write(&mut writer, row))?;
        if out.blocking_send(Piece { bytes: writer.take(), rows: writer.rows() }).is_err() {
            return Ok(());
        }
    }
    let rows = writer.rows();
    for bytes in writer.finish()? {
        if out.blocking_send(Piece { bytes: bytes?, rows }).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn event<R: Rows>(op: &Op, action: AuditAction, asked: &R, format: Format) -> AuditEvent {
    asked.tell(op.event(action, "export", R::GRID.name).with("format", format.name()))
}
