//! Scheduled exports: what is written day by day or week by week, and what is missing of it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::AppError;
use chaperone_app::exports::Format;
use chaperone_app::scheduled_exports::{NewScheduledExport, ScheduledExportChange, ScheduledExportView};
use chaperone_domain::scheduled_export::{Every, ExportContent, ExportRun, Finding};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, opt_instant, page, parse, parse_instant, parse_named};

/// One interval, written or to be written.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportRunBody {
    /// Its place in the chain of manifests, from 1.
    number: i64,
    interval_start: String,
    interval_end: String,
    /// How often the interval was written before.
    revision: i64,
    /// `waiting`, `done`.
    state: &'static str,
    file: Option<String>,
    rows: Option<u64>,
    bytes: Option<u64>,
    /// The SHA-256 of the file, as hexadecimal digits.
    sha256: Option<String>,
    /// Audit events: the first number in the file.
    first_number: Option<i64>,
    /// Audit events: the last number in the file.
    last_number: Option<i64>,
    written_at: Option<String>,
    /// When the file was read again last, and was what had been written.
    verified_at: Option<String>,
    /// Failed attempts.
    attempt: i64,
    next_try_at: Option<String>,
    /// What went wrong last, with what to do.
    problem: Option<String>,
    /// Since when it goes wrong.
    problem_since: Option<String>,
}

impl From<&ExportRun> for ExportRunBody {
    fn from(run: &ExportRun) -> Self {
        let written = run.written.as_ref();
        let numbered = run.last_seq > run.after_seq;
        Self {
            number: run.number,
            interval_start: instant(run.interval.start),
            interval_end: instant(run.interval.end),
            revision: run.revision,
            state: run.state.name(),
            file: written.map(|written| written.file.clone()),
            rows: written.map(|written| written.rows),
            bytes: written.map(|written| written.bytes),
            sha256: written.map(|written| written.sha256.iter().map(|byte| format!("{byte:02x}")).collect()),
            first_number: numbered.then_some(run.after_seq + 1),
            last_number: numbered.then_some(run.last_seq),
            written_at: written.map(|written| instant(written.at)),
            verified_at: opt_instant(run.verified_at),
            attempt: run.attempt,
            next_try_at: opt_instant(run.next_try_at),
            problem: run.problem.clone(),
            problem_since: opt_instant(run.problem_since),
        }
    }
}

/// Something that does not fit.
#[derive(Serialize, ToSchema)]
pub(crate) struct FindingBody {
    /// `missed_interval`, `file_missing`, `file_changed`, `manifest_missing`, `manifest_changed`, `chain_broken`,
    /// `rows_not_in_file`, `rows_not_in_database`.
    kind: &'static str,
    interval_start: String,
    interval_end: String,
    /// In words, with what to do.
    detail: String,
    found_at: String,
}

impl From<&Finding> for FindingBody {
    fn from(finding: &Finding) -> Self {
        Self {
            kind: finding.kind.name(),
            interval_start: instant(finding.interval.start),
            interval_end: instant(finding.interval.end),
            detail: finding.detail.clone(),
            found_at: instant(finding.found_at),
        }
    }
}

/// A scheduled export with what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduledExportBody {
    id: String,
    name: String,
    /// `sign_ins`, `audit_events`.
    content: &'static str,
    /// `day` (from midnight, UTC), `week` (from Monday, UTC).
    every: &'static str,
    /// `csv`, `xlsx`, `jsonl`, `parquet`.
    format: String,
    /// `{"kind": "folder", "path"}` or `{"kind": "s3", "bucket", "prefix", "region", "endpoint", "access_key_id",
    /// "secret_access_key"}`; the secret is named (`file:name`, `env:NAME`), never contained.
    #[schema(value_type = Object)]
    target: serde_json::Value,
    /// The first interval begins here.
    starts_at: String,
    active: bool,
    created_at: String,
    /// When the next file is written, or what waits is tried again.
    next_at: Option<String>,
    /// When the gap detector looked last.
    checked_at: Option<String>,
    /// What kept it from looking.
    check_problem: Option<String>,
    /// What does not fit now; nothing when all is well.
    findings: Vec<FindingBody>,
    /// The last runs, the newest first.
    runs: Vec<ExportRunBody>,
    version: i64,
}

impl From<&ScheduledExportView> for ScheduledExportBody {
    fn from(view: &ScheduledExportView) -> Self {
        let export = &view.export;
        Self {
            id: export.id.to_string(),
            name: export.name.clone(),
            content: export.content.name(),
            every: export.every.name(),
            format: export.format.clone(),
            target: serde_json::from_str(&export.target).unwrap_or_default(),
            starts_at: instant(export.starts_at),
            active: export.active,
            created_at: instant(export.created_at),
            next_at: opt_instant(view.next_at),
            checked_at: opt_instant(export.checked_at),
            check_problem: export.check_problem.clone(),
            findings: view.findings.iter().map(FindingBody::from).collect(),
            runs: view.runs.iter().map(ExportRunBody::from).collect(),
            version: export.version,
        }
    }
}

/// Scheduled exports, by name.
#[utoipa::path(get, path = "/scheduled-exports", tag = "administration", responses((status = 200, body = List<ScheduledExportBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<List<ScheduledExportBody>>, Problem> {
    let found = api.app.scheduled_exports(&caller.op).await?;
    Ok(Json(List { items: found.iter().map(ScheduledExportBody::from).collect(), next: None }))
}

/// A new scheduled export.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewExport {
    name: String,
    /// `sign_ins`, `audit_events`.
    content: String,
    /// `day`, `week`.
    every: String,
    /// `csv`, `xlsx`, `jsonl`, `parquet`.
    format: String,
    /// As in the answer.
    #[schema(value_type = Object)]
    target: serde_json::Value,
    /// The first interval is the one that this is in; preset: now. An earlier one is made up.
    starts_at: Option<String>,
}

/// Add a scheduled export. Its target is tried first.
#[utoipa::path(post, path = "/scheduled-exports", tag = "administration", request_body = NewExport, responses(
    (status = 201, body = ScheduledExportBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewExport>,
) -> Result<(StatusCode, Json<ScheduledExportBody>), Problem> {
    let new = NewScheduledExport {
        name: body.name,
        content: parse_named("content", ExportContent::parse, &body.content)?,
        every: parse_named("every", Every::parse, &body.every)?,
        format: parse_named("format", Format::parse, &body.format)?,
        target: body.target,
        starts_at: body.starts_at.as_deref().map(|at| parse_instant("starts_at", at)).transpose()?,
    };
    let view = api.app.create_scheduled_export(&caller.op, new).await?;
    Ok((StatusCode::CREATED, Json(ScheduledExportBody::from(&view))))
}

/// A scheduled export, with its last runs and what does not fit.
#[utoipa::path(get, path = "/scheduled-exports/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = ScheduledExportBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ScheduledExportBody>, Problem> {
    let view = api.app.scheduled_export(&caller.op, parse("id", &id)?).await?;
    Ok(Json(ScheduledExportBody::from(&view)))
}

/// What is to be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportChange {
    name: Option<String>,
    format: Option<String>,
    #[schema(value_type = Option<Object>)]
    target: Option<serde_json::Value>,
    /// Whether it goes on. What is missed while it is paused is made up when it goes on.
    active: Option<bool>,
    version: Option<i64>,
}

/// Change a scheduled export.
#[utoipa::path(patch, path = "/scheduled-exports/{id}", tag = "administration", params(("id" = String, Path)), request_body = ExportChange, responses((status = 200, body = ScheduledExportBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<ExportChange>,
) -> Result<Json<ScheduledExportBody>, Problem> {
    let change = ScheduledExportChange {
        name: body.name,
        format: body.format.as_deref().map(|name| parse_named("format", Format::parse, name)).transpose()?,
        target: body.target,
        active: body.active,
        version: body.version,
    };
    let view = api.app.change_scheduled_export(&caller.op, parse("id", &id)?, change).await?;
    Ok(Json(ScheduledExportBody::from(&view)))
}

/// Remove a scheduled export. Its files stay where they are.
#[utoipa::path(delete, path = "/scheduled-exports/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.remove_scheduled_export(&caller.op, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which part of the list of runs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsQuery {
    limit: Option<u64>,
    /// The cursor: `next` of the page before.
    after: Option<String>,
}

/// The runs of a scheduled export, the newest first.
#[utoipa::path(get, path = "/scheduled-exports/{id}/runs", tag = "administration", params(("id" = String, Path), RunsQuery), responses((status = 200, body = List<ExportRunBody>)))]
pub(crate) async fn runs(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<RunsQuery>,
) -> Result<Json<List<ExportRunBody>>, Problem> {
    let page = page(query.limit, query.after)?;
    let not_a_cursor =
        |_| AppError::field("after", "not-a-cursor", "Take `after` from `next` of the page before.");
    let before = page.after.as_deref().map(|after| after.parse().map_err(not_a_cursor)).transpose()?;
    let found = api.app.scheduled_export_runs(&caller.op, parse("id", &id)?, before, page.limit).await?;
    let full = u64::try_from(found.len()) == Ok(page.limit);
    let next = found.last().filter(|run| full && run.number > 1).map(|run| run.number.to_string());
    Ok(Json(List { items: found.iter().map(ExportRunBody::from).collect(), next }))
}

/// What is to be written now.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunRequest {
    /// The start of an interval that was written before: it is written again. Without it, what is due is written at once.
    interval_start: Option<String>,
}

/// Have what is due written at once, or an interval written again. It goes on by itself; read the export again.
#[utoipa::path(post, path = "/scheduled-exports/{id}/run", tag = "administration", params(("id" = String, Path)), request_body = RunRequest, responses(
    (status = 200, body = ScheduledExportBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn run(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<RunRequest>,
) -> Result<Json<ScheduledExportBody>, Problem> {
    let again = body.interval_start.as_deref().map(|at| parse_instant("interval_start", at)).transpose()?;
    let view = api.app.run_scheduled_export(&caller.op, parse("id", &id)?, again).await?;
    Ok(Json(ScheduledExportBody::from(&view)))
}

/// Look for gaps now: files, manifests, counts. The answer has the findings.
#[utoipa::path(post, path = "/scheduled-exports/{id}/check", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = ScheduledExportBody)))]
pub(crate) async fn check(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ScheduledExportBody>, Problem> {
    let view = api.app.check_scheduled_export(&caller.op, parse("id", &id)?).await?;
    Ok(Json(ScheduledExportBody::from(&view)))
}
