//! Event streams: where the trail is sent, how far each has come, what is wrong; and a test.

use axum::extract::{Path, State};
use chaperone_app::event_streams::{EventStreamView, StreamTested};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, opt_instant};

/// One event stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventStreamBody {
    name: String,
    /// `sending`: nothing is wrong; `waiting`: something is wrong, and it is tried again at `next_try_at`; `stalled`: so
    /// for more than ten minutes, and system administrators were told; `not_configured`: nothing is sent, its place is
    /// kept.
    state: &'static str,
    /// `webhook`, `syslog`, `otlp`; `null` when it is not configured.
    #[schema(required)]
    kind: Option<&'static str>,
    /// Where the collector is, without secrets; `null` when it is not configured.
    #[schema(required)]
    address: Option<String>,
    /// `ocsf`, `cef`; `null` when it is not configured.
    #[schema(required)]
    format: Option<&'static str>,
    /// The classes that are sent, by name; empty for everything.
    classes: Vec<&'static str>,
    /// Everything up to this number of the trail was taken.
    last_number: i64,
    /// When the collector took something last.
    #[schema(required)]
    last_sent_at: Option<String>,
    /// Numbers of the trail that it has not come to yet.
    behind_events: i64,
    /// How long the oldest of them waits, in seconds.
    behind_seconds: i64,
    /// Failed attempts since something was taken.
    attempts: i64,
    /// What went wrong last, and what to do.
    #[schema(required)]
    problem: Option<String>,
    #[schema(required)]
    problem_since: Option<String>,
    #[schema(required)]
    next_try_at: Option<String>,
}

impl From<&EventStreamView> for EventStreamBody {
    fn from(view: &EventStreamView) -> Self {
        let stream = view.stream.as_ref();
        let configured = view.configured.as_ref();
        let problem = stream.and_then(|stream| stream.problem.clone());
        let state = match (configured, stream.and_then(|stream| stream.stalled_at), &problem) {
            (None, ..) => "not_configured",
            (_, Some(_), _) => "stalled",
            (_, _, Some(_)) => "waiting",
            _ => "sending",
        };
        Self {
            name: view.name.clone(),
            state,
            kind: configured.map(|configured| configured.kind.name()),
            address: configured.map(|configured| configured.address.clone()),
            format: configured.map(|configured| configured.format.name()),
            classes: configured.iter().flat_map(|known| &known.classes).map(|class| class.name()).collect(),
            last_number: stream.map_or(0, |stream| stream.last_seq),
            last_sent_at: opt_instant(stream.and_then(|stream| stream.last_sent_at)),
            behind_events: view.behind_events,
            behind_seconds: view.behind_s,
            attempts: stream.map_or(0, |stream| stream.attempt),
            problem,
            problem_since: opt_instant(stream.and_then(|stream| stream.problem_since)),
            next_try_at: opt_instant(stream.and_then(|stream| stream.next_try_at)),
        }
    }
}

/// What came back from a test.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventStreamTestBody {
    /// Whether the collector took it.
    taken: bool,
    /// What came back, or what went wrong.
    said: String,
    /// The id of the event that was sent (`metadata.uid`).
    event_id: String,
}

impl From<StreamTested> for EventStreamTestBody {
    fn from(tested: StreamTested) -> Self {
        Self { taken: tested.taken, said: tested.said, event_id: tested.event_id }
    }
}

/// Where the trail is sent, and how far it has come, by name; also what is not configured any more.
#[utoipa::path(get, path = "/event-streams", tag = "administration", params(Paging), responses((status = 200, body = List<EventStreamBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<List<EventStreamBody>>, Problem> {
    let streams = api.app.event_streams(&caller.op).await?;
    Ok(Json(List::cut(streams.iter().map(EventStreamBody::from).collect(), &paging)?))
}

/// Send one marked event to the collector and say what came back.
#[utoipa::path(post, path = "/event-streams/{name}/test", tag = "administration", params(("name" = String, Path)), responses(
    (status = 200, body = EventStreamTestBody),
    (status = 404, description = "No stream of that name is configured.", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<EventStreamTestBody>, Problem> {
    Ok(Json(api.app.test_event_stream(&caller.op, &name).await?.into()))
}
