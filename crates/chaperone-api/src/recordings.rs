//! Recordings: what was done.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chaperone_app::lists::RecordingFilter;
use chaperone_app::recordings::{DownloadFormat, OpenedRecording, RecordingView};
use chaperone_domain::ids::DocumentId;
use chaperone_domain::recording::{Recording, RecordingState};
use chaperone_recording::bodies::Direction;
use chaperone_recording::exchanges::Exchange;
use chaperone_recording::missing::Missing;
use chaperone_recording::steps::StepValue;
use chaperone_recording::timeline::DocumentRecord;
use chaperone_recording::{Contents, ExchangeKind, StepRecord};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, UserRef, instant, opt_instant, opt_parse, page, parse, parse_named};

/// Characters of a request's body that are shown in the list.
const PREVIEW_MAX_CHARS: usize = 4000;
/// A page's clock is believed when it is not further than this from the gateway's.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(5);

/// How complete a recording is.
#[derive(Serialize, ToSchema)]
pub(crate) struct CoverageBody {
    changes_released: u64,
    changes_with_evidence: u64,
    changes_explained: u64,
    unexplained_values: u64,
    changes_refused: u64,
    gaps: u64,
    areas_not_recorded: u64,
}

/// A recording.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordingBody {
    id: String,
    sign_in_id: String,
    privileged_session_id: Option<String>,
    /// `recording`, `sealed`, `damaged`, `deleted`.
    state: &'static str,
    /// When retention deleted it: nothing of what was recorded is left.
    deleted_at: Option<String>,
    started_at: String,
    ended_at: Option<String>,
    steps: u64,
    exchanges: u64,
    bytes: u64,
    coverage: CoverageBody,
}

impl From<&Recording> for RecordingBody {
    fn from(recording: &Recording) -> Self {
        let coverage = &recording.coverage;
        Self {
            id: recording.id.to_string(),
            sign_in_id: recording.sign_in_id.to_string(),
            privileged_session_id: recording.privileged_session_id.map(|id| id.to_string()),
            state: recording.state.name(),
            deleted_at: opt_instant(recording.deleted_at),
            started_at: instant(recording.started_at),
            ended_at: opt_instant(recording.ended_at),
            steps: recording.steps,
            exchanges: recording.exchanges,
            bytes: recording.bytes,
            coverage: CoverageBody {
                changes_released: coverage.changes_released,
                changes_with_evidence: coverage.changes_with_evidence,
                changes_explained: coverage.changes_explained,
                unexplained_values: coverage.unexplained_values,
                changes_refused: coverage.changes_refused,
                gaps: coverage.gaps,
                areas_not_recorded: coverage.areas_not_recorded,
            },
        }
    }
}

/// Which recordings.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingsQuery {
    privileged_session_id: Option<String>,
    user_id: Option<String>,
    account_id: Option<String>,
    /// `recording`, `sealed`, `damaged`, `deleted`.
    state: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

/// Recordings, newest first; those who may not watch all see their own.
#[utoipa::path(get, path = "/recordings", tag = "recordings", params(RecordingsQuery), responses((status = 200, body = List<RecordingBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<RecordingsQuery>,
) -> Result<Json<List<RecordingBody>>, Problem> {
    let filter = RecordingFilter {
        privileged_session_id: opt_parse("privileged_session_id", query.privileged_session_id.as_deref())?,
        user_id: opt_parse("user_id", query.user_id.as_deref())?,
        account_id: opt_parse("account_id", query.account_id.as_deref())?,
        state: query
            .state
            .as_deref()
            .map(|name| parse_named("state", RecordingState::parse, name))
            .transpose()?,
    };
    let found = api.app.recordings(&caller.op, filter, page(query.limit, query.after)?).await?;
    Ok(Json(List { items: found.items.iter().map(RecordingBody::from).collect(), next: found.next }))
}

/// A loaded page of a recording.
#[derive(Serialize, ToSchema)]
pub(crate) struct DocumentBody {
    id: String,
    started_at: String,
    title: String,
    url: String,
    /// `issued`, `live`, `stale`, `lost`, `ended`.
    state: &'static str,
    /// It was shown inside another one.
    frame: bool,
    /// There is a picture of it.
    replayable: bool,
}

impl From<&DocumentRecord> for DocumentBody {
    fn from(document: &DocumentRecord) -> Self {
        Self {
            id: document.id.to_string(),
            started_at: instant(document.started_at),
            title: document.title.clone(),
            url: document.url.clone(),
            state: document.state.name(),
            frame: !document.top,
            replayable: document.replayable,
        }
    }
}

/// Something that is not in a recording.
#[derive(Serialize, ToSchema)]
pub(crate) struct MissingBody {
    /// When that was noticed, if it belongs to an instant.
    at: Option<String>,
    /// The page that it belongs to, if it is one page's.
    document_id: Option<String>,
    /// What it is: an area that could not be recorded, a gap, a page that was lost.
    sentence: String,
}

impl From<Missing> for MissingBody {
    fn from(missing: Missing) -> Self {
        Self {
            at: opt_instant(missing.at),
            document_id: missing.document.map(|id| id.to_string()),
            sentence: missing.sentence,
        }
    }
}

/// The account of a recording.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedAccount {
    id: String,
    name: String,
}

/// A recording with its documents.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordingDetail {
    #[serde(flatten)]
    recording: RecordingBody,
    user: UserRef,
    account: Option<RecordedAccount>,
    documents: Vec<DocumentBody>,
    /// What is not in it; as many as `gaps` and `areas_not_recorded` count.
    missing: Vec<MissingBody>,
    duration_ms: u64,
    /// Where it is damaged, in words; what is before can be watched.
    damage: Option<String>,
}

async fn opened(api: &Api, caller: &Caller, id: &str) -> Result<OpenedRecording, Problem> {
    Ok(api.app.open_recording(&caller.op, parse("id", id)?).await?)
}

/// One recording. The trail says who looked. One that retention deleted is there without documents.
#[utoipa::path(get, path = "/recordings/{id}", tag = "recordings", params(("id" = String, Path)), responses((status = 200, body = RecordingDetail)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RecordingDetail>, Problem> {
    let view = api.app.recording(&caller.op, parse("id", &id)?).await?;
    if view.recording.state == RecordingState::Deleted {
        return Ok(Json(detail(&view, None)));
    }
    let OpenedRecording { view, contents } = opened(&api, &caller, &id).await?;
    Ok(Json(detail(&view, Some(&contents))))
}

fn detail(view: &RecordingView, contents: Option<&Contents>) -> RecordingDetail {
    let documents = contents.map(|contents| contents.timeline.documents.as_slice()).unwrap_or_default();
    RecordingDetail {
        recording: RecordingBody::from(&view.recording),
        user: UserRef::from(&view.user),
        account: view
            .account
            .as_ref()
            .map(|account| RecordedAccount { id: account.id.to_string(), name: account.name.clone() }),
        documents: documents.iter().map(DocumentBody::from).collect(),
        missing: contents
            .map(|contents| contents.timeline.missing().into_iter().map(MissingBody::from).collect())
            .unwrap_or_default(),
        duration_ms: contents.map_or(0, Contents::duration_ms),
        damage: contents.and_then(|contents| contents.damage.as_ref()).map(ToString::to_string),
    }
}

/// A value that a step entered.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepValueBody {
    old: Option<String>,
    new: Option<String>,
    /// `text`, `number`, `date`, `bool`, `choice`, `file`, `secret`.
    #[serde(rename = "type")]
    kind: String,
    masked: bool,
    length: u64,
}

impl From<&StepValue> for StepValueBody {
    fn from(value: &StepValue) -> Self {
        Self {
            old: value.old.clone(),
            new: value.new.clone(),
            kind: value.r#type.clone(),
            masked: value.masked,
            length: value.length,
        }
    }
}

/// Where a step was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepPageBody {
    url: String,
    title: String,
}

/// What the user did.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepBody {
    /// Its number in the recording, from 1.
    seq: u64,
    at: String,
    offset_ms: u64,
    kind: &'static str,
    /// The sentence; names stand between `**`.
    text: String,
    label: String,
    role: String,
    control: String,
    value: Option<StepValueBody>,
    form_context: Option<String>,
    record_context: Option<String>,
    page: StepPageBody,
    selectors: Vec<String>,
    exchange_ids: Vec<String>,
    document_id: String,
    /// The browser says that a person did it, not a script.
    trusted: bool,
    /// The node in the events of its document.
    node: Option<i64>,
}

/// When a step was done, for the picture beside it: by the page's clock, like the picture, when that can be believed.
fn offset_ms(contents: &Contents, record: &StepRecord) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of the page's clock, checked below")]
    let said = Timestamp::from_millisecond(record.step.t as i64).ok();
    let at =
        said.filter(|said| said.duration_since(record.at).abs() <= CLOCKS_APART_MAX).unwrap_or(record.at);
    contents.offset_ms(at)
}

fn step(contents: &Contents, seq: u64, record: &StepRecord) -> StepBody {
    let step = &record.step;
    StepBody {
        seq,
        at: instant(record.at),
        offset_ms: offset_ms(contents, record),
        kind: step.kind.name(),
        text: record.sentence.clone(),
        label: step.label.clone(),
        role: step.role.clone(),
        control: step.control.clone(),
        value: step.value.as_ref().map(StepValueBody::from),
        form_context: step.form_context.clone(),
        record_context: step.record_context.clone(),
        page: StepPageBody { url: step.page.url.clone(), title: step.page.title.clone() },
        selectors: step.selectors.clone(),
        exchange_ids: record.exchanges.iter().map(ToString::to_string).collect(),
        document_id: record.document.to_string(),
        trusted: step.trusted,
        node: step.node,
    }
}

/// What the user did, in words.
#[utoipa::path(get, path = "/recordings/{id}/steps", tag = "recordings", params(("id" = String, Path), Paging), responses((status = 200, body = List<StepBody>)))]
pub(crate) async fn steps(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<StepBody>>, Problem> {
    let contents = opened(&api, &caller, &id).await?.contents;
    let steps =
        (1_u64..).zip(&contents.timeline.steps).map(|(seq, record)| step(&contents, seq, record)).collect();
    Ok(Json(List::cut(steps, &paging)?))
}

/// A value that was sent and that no step entered.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnexplainedBody {
    name: String,
    value: String,
}

/// A request and its answer, or a message of a WebSocket.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExchangeBody {
    id: String,
    at: String,
    offset_ms: u64,
    document_id: Option<String>,
    method: String,
    url: String,
    status: Option<u16>,
    /// `change`, `download`, `websocket`, `websocket_message`, `read`.
    kind: &'static str,
    request_bytes: u64,
    response_bytes: u64,
    duration_ms: Option<u64>,
    /// `done`, `refused`, `failed`, `unknown`.
    outcome: &'static str,
    reason: Option<String>,
    /// The step that explains it.
    step_seq: Option<u64>,
    /// The beginning of the request's body, secrets taken out.
    request_body: Option<String>,
    /// A step explains it.
    explained: bool,
    /// Values in it that no step entered.
    unexplained: Vec<UnexplainedBody>,
    /// For a message: whether it came from the page.
    from_page: Option<bool>,
}

fn exchange(
    contents: &Contents,
    numbers: &HashMap<(DocumentId, u64), u64>,
    exchange: &Exchange,
) -> ExchangeBody {
    let step = exchange.document.zip(exchange.step);
    let text = String::from_utf8_lossy(&exchange.request_body);
    let preview: String = text.chars().take(PREVIEW_MAX_CHARS).collect();
    ExchangeBody {
        id: exchange.id.to_string(),
        at: instant(exchange.at),
        offset_ms: contents.offset_ms(exchange.at),
        document_id: exchange.document.map(|id| id.to_string()),
        method: exchange.method.clone(),
        url: exchange.url.clone(),
        status: exchange.status,
        kind: exchange.kind.name(),
        request_bytes: exchange.request_bytes,
        response_bytes: exchange.response_bytes,
        duration_ms: exchange.duration_ms,
        outcome: exchange.outcome.name(),
        reason: exchange.reason.clone(),
        step_seq: step.and_then(|place| numbers.get(&place).copied()),
        request_body: (!preview.is_empty()).then_some(preview),
        explained: exchange.explained(),
        unexplained: exchange
            .unexplained
            .iter()
            .map(|value| UnexplainedBody { name: value.name.clone(), value: value.value.clone() })
            .collect(),
        from_page: (exchange.kind == ExchangeKind::WebsocketMessage)
            .then(|| exchange.message.is_some_and(|(direction, _)| direction == Direction::ToTarget)),
    }
}

/// What went to the application and came back, each change beside the step that explains it.
#[utoipa::path(get, path = "/recordings/{id}/exchanges", tag = "recordings", params(("id" = String, Path), Paging), responses((status = 200, body = List<ExchangeBody>)))]
pub(crate) async fn exchanges(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<ExchangeBody>>, Problem> {
    let contents = opened(&api, &caller, &id).await?.contents;
    let timeline = &contents.timeline;
    let numbers: HashMap<(DocumentId, u64), u64> = (1_u64..)
        .zip(&timeline.steps)
        .map(|(seq, record)| ((record.document, record.step.seq), seq))
        .collect();
    let all = timeline.exchanges.iter().map(|one| exchange(&contents, &numbers, one)).collect();
    Ok(Json(List::cut(all, &paging)?))
}

/// Which document's events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    document_id: String,
    limit: Option<u64>,
    after: Option<String>,
}

/// What a document looked like: rrweb events, made harmless. Pictures and fonts point to signed addresses of the replay
/// origin that hold for some minutes.
#[utoipa::path(get, path = "/recordings/{id}/events", tag = "recordings", params(("id" = String, Path), EventsQuery), responses((status = 200, body = List<Object>)))]
pub(crate) async fn events(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<EventsQuery>,
) -> Result<Json<List<serde_json::Value>>, Problem> {
    let document = parse("document_id", &query.document_id)?;
    let events = api.app.recording_events(&caller.op, parse("id", &id)?, document).await?;
    Ok(Json(List::cut(events, &Paging { limit: query.limit, after: query.after })?))
}

/// In which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DownloadQuery {
    /// `bundle`, `rrweb`, `steps.json`, `steps.csv`, `har`.
    format: String,
}

/// The recording as a file. The trail says who took it.
#[utoipa::path(get, path = "/recordings/{id}/download", tag = "recordings", params(("id" = String, Path), DownloadQuery), responses((status = 200, description = "The file.", content_type = "application/octet-stream")))]
pub(crate) async fn download(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(query): Params<DownloadQuery>,
) -> Result<Response, Problem> {
    let format = parse_named("format", DownloadFormat::parse, &query.format)?;
    let (name, bytes) = api.app.download_recording(&caller.op, parse("id", &id)?, format).await?;
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}
