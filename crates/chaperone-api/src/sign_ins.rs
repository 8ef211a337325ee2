//! User Login Events: who was there, from when to when, through which door.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chaperone_app::lists::{SignInQuery, SignInRow};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind, TargetUse};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::export;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, opt_parse, page, parse, parse_instant, parse_named};

mod totals;

pub(crate) use totals::*;

/// Without a start, sign-ins of this time before the end.
const SPAN_PRESET: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is known of a sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInBody {
    sign_in_id: String,
    started_at: String,
    ended_at: Option<String>,
    /// `signed_out`, `expired`, `ended_by_administrator`, `session_ended`, `session_started`, `lost`.
    end_kind: Option<&'static str>,
    /// The end is not known exactly: the sign-in fell silent.
    end_is_estimated: bool,
    duration_s: Option<i64>,
    /// `web`, `web_services`.
    channel: &'static str,
    client_address: String,
    user_agent: String,
    /// The token, of web services.
    api_token_id: Option<String>,
    /// When it was last used, as far as is stored.
    last_seen_at: String,
}

impl From<&SignIn> for SignInBody {
    fn from(sign_in: &SignIn) -> Self {
        Self {
            sign_in_id: sign_in.id.to_string(),
            started_at: instant(sign_in.started_at),
            ended_at: sign_in.end.map(|end| instant(end.at)),
            end_kind: sign_in.end.map(|end| end.kind.name()),
            end_is_estimated: sign_in.end.is_some_and(|end| end.estimated),
            duration_s: sign_in.end.map(|end| end.at.duration_since(sign_in.started_at).as_secs()),
            channel: sign_in.channel.name(),
            client_address: sign_in.client_address.clone(),
            user_agent: sign_in.user_agent.clone(),
            api_token_id: sign_in.api_token_id.map(|id| id.to_string()),
            last_seen_at: instant(sign_in.last_seen_at),
        }
    }
}

/// How a target was used in a sign-in.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetUseBody {
    target_id: String,
    /// The first exchange.
    first_at: String,
    /// The last exchange.
    last_at: String,
    /// Seconds between exchanges that were at most five minutes apart.
    active_s: i64,
    /// The other seconds between the first and the last exchange.
    idle_s: i64,
}

impl From<&TargetUse> for TargetUseBody {
    fn from(used: &TargetUse) -> Self {
        Self {
            target_id: used.target_id.to_string(),
            first_at: instant(used.first_at),
            last_at: instant(used.last_at),
            active_s: used.active.as_secs(),
            idle_s: used.idle.as_secs(),
        }
    }
}

/// A sign-in with who it is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInRowBody {
    #[serde(flatten)]
    sign_in: SignInBody,
    user_id: String,
    user_name: String,
    display_name: String,
    email: String,
    /// `console`, `target`.
    kind: &'static str,
    account_id: Option<String>,
    privileged_session_id: Option<String>,
    /// The targets that it was used at, in the order of first use.
    targets: Vec<String>,
    /// How they were used.
    target_uses: Vec<TargetUseBody>,
    /// The active time at all targets.
    active_s: i64,
    /// The idle time at all targets.
    idle_s: i64,
}

impl From<&SignInRow> for SignInRowBody {
    fn from(row: &SignInRow) -> Self {
        let sign_in = &row.sign_in;
        Self {
            sign_in: SignInBody::from(sign_in),
            user_id: sign_in.user_id.to_string(),
            user_name: row.user_name.clone(),
            display_name: row.display_name.clone(),
            email: row.email.clone(),
            kind: sign_in.kind.name(),
            account_id: sign_in.account_id.map(|id| id.to_string()),
            privileged_session_id: sign_in.privileged_session_id.map(|id| id.to_string()),
            targets: row.targets.iter().map(|used| used.target_id.to_string()).collect(),
            target_uses: row.targets.iter().map(TargetUseBody::from).collect(),
            active_s: row.targets.iter().map(|used| used.active).sum::<SignedDuration>().as_secs(),
            idle_s: row.targets.iter().map(|used| used.idle).sum::<SignedDuration>().as_secs(),
        }
    }
}

/// Which sign-ins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInsQuery {
    /// Started before; preset: now.
    end: Option<String>,
    /// Started at or after; preset: seven days before the end.
    start: Option<String>,
    /// A part of user name, display name or e-mail.
    user_name: Option<String>,
    user_id: Option<String>,
    /// `web`, `web_services`.
    channel: Option<String>,
    /// Used at this target.
    target_id: Option<String>,
    /// Exactly this address.
    client_address: Option<String>,
    privileged_session_id: Option<String>,
    /// `console`, `target`.
    kind: Option<String>,
    /// `json` (a page of the list), or a file with all of them: `csv`, `xlsx`, `jsonl`, `parquet`.
    format: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

impl SignInsQuery {
    /// The span of time and the filters that lists, totals and files have in common.
    fn filter(&self, caller: &Caller) -> Result<SignInQuery, Problem> {
        let end = match &self.end {
            Some(end) => parse_instant("end", end)?,
            // One that starts in this very moment is among them.
            None => caller.op.at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(caller.op.at),
        };
        let start = match &self.start {
            Some(start) => parse_instant("start", start)?,
            None => end.saturating_sub(SPAN_PRESET).unwrap_or(end),
        };
        Ok(SignInQuery {
            user_name: self.user_name.clone(),
            user_id: opt_parse("user_id", self.user_id.as_deref())?,
            channel: self
                .channel
                .as_deref()
                .map(|name| parse_named("channel", Channel::parse, name))
                .transpose()?,
            target_id: opt_parse("target_id", self.target_id.as_deref())?,
            kind: self
                .kind
                .as_deref()
                .map(|name| parse_named("kind", SignInKind::parse, name))
                .transpose()?,
            client_address: self.client_address.clone(),
            privileged_session_id: opt_parse("privileged_session_id", self.privileged_session_id.as_deref())?,
            ..SignInQuery::between(start, end)
        })
    }
}

/// User Login Events, newest first; those who may not read everything see their own. As a file they come whole, and
/// `Chaperone-Total-Rows` says in advance how many rows there are.
#[utoipa::path(get, path = "/sign-ins", tag = "sign-ins", params(SignInsQuery), responses(
    (status = 200, content((List<SignInRowBody> = "application/json"), (String = "text/csv")),
        headers(("Chaperone-Total-Rows" = u64, description = "Rows of the file; not with `json`."))),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<SignInsQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter(&caller)?;
    if let Some(format) = export::file_format(query.format.as_deref(), query.limit, query.after.as_deref())? {
        return Ok(export::answer(api.app.export_sign_ins(&caller.op, filter, format).await?));
    }
    let found = api.app.sign_ins(&caller.op, filter, page(query.limit, query.after)?).await?;
    let items = found.items.iter().map(SignInRowBody::from).collect();
    Ok(Json(List { items, next: found.next }).into_response())
}

/// End somebody's sign-in.
#[utoipa::path(post, path = "/sign-ins/{id}/end", tag = "sign-ins", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn end(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.end_sign_in(&caller.op, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
