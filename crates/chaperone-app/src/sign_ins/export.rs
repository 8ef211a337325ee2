//! Export grid: sign-ins as a file.

use std::collections::HashMap;
use std::sync::Arc;

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::{AccountId, ApiTokenId, PrivilegedSessionId, TargetId};
use chaperone_domain::sign_in::TargetUse;
use chaperone_store::{PAGE_MAX, Page, SignInQuery, SignInRow};
use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::app::App;
use crate::errors::AppError;
use crate::exports::{Cell, Column, Download, ExportError, Format, Grid, GridWriter, Kind, Pages, Rows};
use crate::exports::{beside, file_name};
use crate::op::EventExt as _;

/// Parts of a download that are read at the same time, each on a connection of its own.
const SIDE_BY_SIDE: usize = 3;

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

/// The sign-ins of a download.
#[derive(Clone)]
pub struct SignInRows {
    query: SignInQuery,
    names: Arc<TargetNames>,
}

/// Sign-ins on their way out.
pub type SignInExport = Download<SignInRows>;

impl SignInRows {
    pub(super) async fn of(app: &App, query: SignInQuery) -> Result<Self, AppError> {
        let targets = app.store.read().targets().await?;
        let names = targets.into_iter().map(|target| (target.id, target.name)).collect();
        Ok(Self { query, names: Arc::new(names) })
    }
}

/// Splits the newest sign-ins off, about a page of them: parts are read side by side. Where a part ends is found in an
/// index, much sooner than its rows are read.
async fn newest_part(app: &App, query: SignInQuery) -> Result<(SignInQuery, Option<SignInQuery>), AppError> {
    let start = app.store.read().start_of_sign_in(query.clone(), PAGE_MAX).await?;
    Ok(match start.filter(|start| query.start < *start) {
        Some(start) => (SignInQuery { start, ..query.clone() }, Some(SignInQuery { end: start, ..query })),
        None => (query, None),
    })
}

/// All of a part. It is longer than a page only where many sign-ins started in one moment.
async fn whole_part(app: Arc<App>, query: SignInQuery) -> Result<Vec<SignInRow>, AppError> {
    let mut rows = Vec::new();
    let mut page = Page::first(PAGE_MAX);
    loop {
        let found = app.store.read().sign_ins(query.clone(), page).await?;
        rows.extend(found.items);
        let Some(next) = found.next else { return Ok(rows) };
        page = Page { after: Some(next), limit: PAGE_MAX };
    }
}

impl Rows for SignInRows {
    type Row = SignInRow;
    const GRID: Grid = SIGN_INS;

    fn file_name(&self, format: Format) -> String {
        file_name(SIGN_INS, self.query.start, self.query.end, format)
    }

    async fn count(&self, app: &App) -> Result<u64, AppError> {
        Ok(app.store.read().count_sign_ins(self.query.clone()).await?)
    }

    fn pages(&self, app: &Arc<App>) -> Pages<SignInRow> {
        let rest = (app.clone(), Some(self.query.clone()));
        let parts = stream::unfold(rest, async |(app, rest)| {
            Some(match newest_part(&app, rest?).await {
                Ok((part, rest)) => (Ok((app.clone(), part)), (app, rest)),
                Err(error) => (Err(error), (app, None)),
            })
        });
        let reading = parts.map(async |part| {
            let (app, part) = part?;
            let runtime = app.runtime.clone();
            beside(&runtime, whole_part(app, part)).await
        });
        reading.buffered(SIDE_BY_SIDE).boxed()
    }

    fn write(&self, writer: &mut GridWriter, row: &SignInRow) -> Result<(), ExportError> {
        write_row(writer, row, &self.names)
    }

    fn tell(&self, event: AuditEvent) -> AuditEvent {
        let query = &self.query;
        event
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
}
