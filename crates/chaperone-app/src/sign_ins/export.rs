//! Export grid: sign-ins as a file, page after page.
//!
//! A page is read, written down and handed out before the next one is asked for, beside one that is read ahead: a
//! client that reads slowly, or not at all, holds two pages in memory and nothing in the database. Whoever lets go of
//! an export has broken it off; the trail says so.

use std::collections::HashMap;
use std::sync::Arc;

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::ids::{AccountId, ApiTokenId, PrivilegedSessionId, TargetId};
use chaperone_domain::sign_in::TargetUse;
use chaperone_store::{Items, PAGE_MAX, Page, SignInQuery, SignInRow};
use jiff::SignedDuration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::app::App;
use crate::errors::AppError;
use crate::exports::{Cell, Column, ExportError, Format, Grid, GridWriter, Kind, Rest, file_name};
use crate::op::{EventExt as _, Op};

/// Exports that are under way at the same time on a node.
pub const EXPORTS_MAX: usize = 8;

/// Sign-ins as a grid.
pub const SIGN_INS: Grid = Grid {
    name: "sign-ins",
    columns: &[
        Column { name: "sign_in_id", kind: Kind::Id },
        Column { name: "user_id", kind: Kind::Id },
        Column { name: "user_name", kind: Kind::Text },
        Column { name: "display_name", kind: Kind::Text },
        Column { name: "email", kind: Kind::Text },
        Column { name: "kind", kind: Kind::Text },
        Column { name: "channel", kind: Kind::Text },
        Column { name: "started_at", kind: Kind::Instant },
        Column { name: "ended_at", kind: Kind::Instant },
        Column { name: "end_kind", kind: Kind::Text },
        Column { name: "end_is_estimated", kind: Kind::Flag },
        Column { name: "last_seen_at", kind: Kind::Instant },
        Column { name: "duration_s", kind: Kind::Number },
        Column { name: "active_s", kind: Kind::Number },
        Column { name: "idle_s", kind: Kind::Number },
        Column { name: "client_address", kind: Kind::Text },
        Column { name: "user_agent", kind: Kind::Text },
        Column { name: "account_id", kind: Kind::Id },
        Column { name: "privileged_session_id", kind: Kind::Id },
        Column { name: "api_token_id", kind: Kind::Id },
        Column { name: "target_ids", kind: Kind::Texts },
        Column { name: "targets", kind: Kind::Texts },
    ],
};

/// The names of targets, by their ids.
pub type TargetNames = HashMap<TargetId, String>;

/// The cells of a row, for a writer of [`SIGN_INS`]: `targets` are the names of those that are still there.
fn cells<'a>(
    row: &'a SignInRow,
    ids: &'a [String],
    names: &'a TargetNames,
) -> [Cell<'a>; SIGN_INS.columns.len()] {
    let sign_in = &row.sign_in;
    let id = |id: Option<Uuid>| id.map_or(Cell::Nothing, Cell::Id);
    let sum = |time: fn(&TargetUse) -> SignedDuration| {
        Cell::Number(row.targets.iter().map(time).sum::<SignedDuration>().as_secs())
    };
    [
        Cell::Id(sign_in.id.uuid()),
        Cell::Id(sign_in.user_id.uuid()),
        Cell::Text(&row.user_name),
        Cell::Text(&row.display_name),
        Cell::Text(&row.email),
        Cell::Text(sign_in.kind.name()),
        Cell::Text(sign_in.channel.name()),
        Cell::Instant(sign_in.started_at),
        sign_in.end.map_or(Cell::Nothing, |end| Cell::Instant(end.at)),
        sign_in.end.map_or(Cell::Nothing, |end| Cell::Text(end.kind.name())),
        Cell::Flag(sign_in.end.is_some_and(|end| end.estimated)),
        Cell::Instant(sign_in.last_seen_at),
        sign_in
            .end
            .map_or(Cell::Nothing, |end| Cell::Number(end.at.duration_since(sign_in.started_at).as_secs())),
        sum(|used| used.active),
        sum(|used| used.idle),
        Cell::Text(&sign_in.client_address),
        Cell::Text(&sign_in.user_agent),
        id(sign_in.account_id.map(AccountId::uuid)),
        id(sign_in.privileged_session_id.map(PrivilegedSessionId::uuid)),
        id(sign_in.api_token_id.map(ApiTokenId::uuid)),
        Cell::Texts(ids.iter().map(String::as_str).collect()),
        Cell::Texts(
            row.targets
                .iter()
                .zip(ids)
                .map(|(used, id)| names.get(&used.target_id).map_or(id.as_str(), String::as_str))
                .collect(),
        ),
    ]
}

/// Writes a row of [`SIGN_INS`] down; also for exports that nobody waits for.
pub fn write_row(writer: &mut GridWriter, row: &SignInRow, names: &TargetNames) -> Result<(), ExportError> {
    let ids: Vec<String> = row.targets.iter().map(|used| used.target_id.to_string()).collect();
    writer.row(&cells(row, &ids, names))
}

enum State {
    Rows { writer: GridWriter, ahead: JoinHandle<Result<Items<SignInRow>, AppError>> },
    Ending(GridWriter),
    Rest(Rest),
    Over,
}

/// An export under way.
pub struct SignInExport {
    /// What the file is called.
    pub file_name: String,
    /// How it is written.
    pub format: Format,
    /// How many rows there will be.
    pub total: u64,
    app: Arc<App>,
    op: Op,
    query: SignInQuery,
    names: Arc<TargetNames>,
    rows: u64,
    state: State,
    /// The trail has how it ended.
    is_told: bool,
    _permit: OwnedSemaphorePermit,
}

impl SignInExport {
    pub(super) async fn begin(
        app: &Arc<App>,
        op: &Op,
        query: SignInQuery,
        format: Format,
    ) -> Result<Self, AppError> {
        let permit = app.exports.clone().try_acquire_owned().map_err(|_| {
            AppError::refused(
                "too-many-exports",
                format!("{EXPORTS_MAX} exports are under way; try again when one of them has ended."),
            )
        })?;
        let total = app.store.read().count_sign_ins(query.clone()).await?;
        if let Some(most) = format.rows_max()
            && total > most
        {
            return Err(ExportError::TooManyRows { format, most }.into());
        }
        let targets = app.store.read().targets().await?;
        let names = targets.into_iter().map(|target| (target.id, target.name)).collect();
        let writer = GridWriter::begin(format, SIGN_INS)?;
        app.note(event(op, AuditAction::ExportStarted, &query, format).with("total", count(total))).await?;
        let ahead = read_ahead(app, &query, None);
        Ok(Self {
            file_name: file_name(SIGN_INS, query.start, query.end, format),
            format,
            total,
            app: app.clone(),
            op: op.clone(),
            query,
            names: Arc::new(names),
            rows: 0,
            state: State::Rows { writer, ahead },
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
            State::Rows { mut writer, ahead } => {
                let page =
                    ahead.await.map_err(|_| AppError::Inside("a page of an export was not read"))??;
                let next = page.next.map(|next| read_ahead(&self.app, &self.query, Some(next)));
                let names = self.names.clone();
                let (writer, bytes) = blocking(move || {
                    page.items.iter().try_for_each(|row| write_row(&mut writer, row, &names))?;
                    let bytes = writer.take();
                    Ok((writer, bytes))
                })
                .await?;
                self.rows = writer.rows();
                self.state = match next {
                    Some(ahead) => State::Rows { writer, ahead },
                    None => State::Ending(writer),
                };
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
        event(&op, AuditAction::ExportEnded, &self.query, self.format)
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

impl Drop for SignInExport {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell_broken_off();
        }
    }
}

/// Reads a page beside everything else.
fn read_ahead(
    app: &Arc<App>,
    query: &SignInQuery,
    after: Option<String>,
) -> JoinHandle<Result<Items<SignInRow>, AppError>> {
    let (app, query) = (app.clone(), query.clone());
    let page = Page { after, limit: PAGE_MAX };
    tokio::spawn(async move { Ok(app.store.read().sign_ins(query, page).await?) })
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

/// The event of an export, with what was asked for.
fn event(op: &Op, action: AuditAction, query: &SignInQuery, format: Format) -> AuditEvent {
    op.event(action, "export", SIGN_INS.name)
        .with("format", format.name())
        .with("start", query.start.to_string())
        .with("end", query.end.to_string())
        .with("user_name", query.user_name.clone())
        .with("user_id", query.user_id.map(|id| id.to_string()))
        .with("channel", query.channel.map(|channel| channel.name()))
        .with("kind", query.kind.map(|kind| kind.name()))
        .with("target_id", query.target_id.map(|id| id.to_string()))
        .with("client_address", query.client_address.clone())
        .with("for_privileged_session_id", query.privileged_session_id.map(|id| id.to_string()))
}
