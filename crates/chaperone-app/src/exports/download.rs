//! A download: the rows of a grid as a file, page after page.
//!
//! A page is read, written down and handed out before the next one is asked for, beside a few that are read ahead: a
//! client that reads slowly, or not at all, holds those in memory and nothing in the database. Whoever lets go of a
//! download has broken it off; the trail says so.

use std::future::Future;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_store::{Items, PAGE_MAX, Page};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::{ExportError, Format, Grid, GridWriter, Rest};
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

enum State<Row> {
    Rows { writer: GridWriter, pages: Pages<Row> },
    Ending(GridWriter),
    Rest(Rest),
    Over,
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
    state: State<R::Row>,
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
        let pages = asked.pages(app);
        Ok(Self {
            file_name: asked.file_name(format),
            format,
            total,
            app: app.clone(),
            op: op.clone(),
            asked,
            rows: 0,
            state: State::Rows { writer, pages },
            is_told: false,
            _permit: permit,
        })
    }

    /// The next bytes of the file; `None` when it is whole.
    ///
    /// # Errors
    /// When it cannot go on: then it is over.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>, AppError>> {
        loop {
            match self.step().await {
                Ok(Some(bytes)) if bytes.is_empty() => {}
                Ok(Some(bytes)) => return Some(Ok(bytes)),
                Ok(None) => return None,
                Err(error) => {
                    tracing::warn!(%error, "an export broke off");
                    return Some(Err(error));
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Vec<u8>>, AppError> {
        // A step that fails, or that nobody waits for to its end, leaves nothing to go on with.
        match std::mem::replace(&mut self.state, State::Over) {
            State::Rows { mut writer, mut pages } => {
                let Some(page) = pages.next().await.transpose()? else {
                    self.state = State::Ending(writer);
                    return Ok(Some(Vec::new()));
                };
                let asked = self.asked.clone();
                let (writer, bytes) = blocking(move || {
                    page.iter().try_for_each(|row| asked.write(&mut writer, row))?;
                    let bytes = writer.take();
                    Ok((writer, bytes))
                })
                .await?;
                self.rows = writer.rows();
                self.state = State::Rows { writer, pages };
                Ok(Some(bytes))
            }
            State::Ending(writer) => {
                self.state = State::Rest(blocking(move || writer.finish()).await?);
                Ok(Some(Vec::new()))
            }
            State::Rest(mut rest) => {
                let (rest, piece) = blocking(move || {
                    let piece = rest.next().transpose()?;
                    Ok((rest, piece))
                })
                .await?;
                if piece.is_some() {
                    self.state = State::Rest(rest);
                    return Ok(piece);
                }
                // Whoever sees the end of the file finds its event.
                self.app.note(self.ended("complete")).await?;
                self.is_told = true;
                Ok(None)
            }
            State::Over => Ok(None),
        }
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

/// Work that keeps a thread busy, or waits for a file.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, AppError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| AppError::Inside("a part of an export was not written"))??)
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn event<R: Rows>(op: &Op, action: AuditAction, asked: &R, format: Format) -> AuditEvent {
    asked.tell(op.event(action, "export", R::GRID.name).with("format", format.name()))
}
