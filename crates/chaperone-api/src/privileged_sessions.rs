//! Privileged sessions: ask, edit, decide, extend, switch.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::lists::SessionFilter;
use chaperone_app::privileged_sessions::{NewPrivilegedSession, PrivilegedSessionChange, StatusChange};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::TargetId;
use chaperone_domain::privileged_session::{MoreAccount, Status};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, opt_parse, page, parse, parse_instant, parse_named};

mod body;
pub(crate) mod legal_hold;
pub(crate) mod logs;
pub(crate) mod open;

pub(crate) use body::PrivilegedSessionBody;

/// Which sessions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionsQuery {
    /// One or more statuses: repeat it, or separate them with commas.
    status: Option<String>,
    user_id: Option<String>,
    account_id: Option<String>,
    target_id: Option<String>,
    requested_by: Option<String>,
    /// Ends after this instant.
    from: Option<String>,
    /// Starts before this instant.
    to: Option<String>,
    /// A part of reason or ticket, or of the names of user or account.
    q: Option<String>,
    /// Only those that are the caller's own matter: as user, requester or owner of the account.
    mine: Option<bool>,
    limit: Option<u64>,
    after: Option<String>,
}

/// Privileged sessions, newest start first.
#[utoipa::path(get, path = "/privileged-sessions", tag = "privileged-sessions", params(SessionsQuery), responses((status = 200, body = List<PrivilegedSessionBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<SessionsQuery>,
) -> Result<Json<List<PrivilegedSessionBody>>, Problem> {
    let statuses = query.status.as_deref().unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let mine = query.mine.unwrap_or(false);
    let filter = SessionFilter {
        statuses: statuses
            .map(|name| parse_named("status", Status::parse, name))
            .collect::<Result<_, _>>()?,
        user_id: opt_parse("user_id", query.user_id.as_deref())?,
        account_id: opt_parse("account_id", query.account_id.as_deref())?,
        target_id: opt_parse("target_id", query.target_id.as_deref())?,
        requested_by: opt_parse("requested_by", query.requested_by.as_deref())?,
        seen_by: if mine { Some(caller.op.user()?.id) } else { None },
        overlaps_from: query.from.as_deref().map(|at| parse_instant("from", at)).transpose()?,
        overlaps_to: query.to.as_deref().map(|at| parse_instant("to", at)).transpose()?,
        q: query.q,
    };
    let found = api.app.privileged_sessions(&caller.op, filter, page(query.limit, query.after)?).await?;
    Ok(Json(List { items: found.items.iter().map(PrivilegedSessionBody::from).collect(), next: found.next }))
}

/// An account beside the first one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MoreAccountBody {
    account_id: String,
    /// `none`, `enable`, `disable`; preset: `enable`.
    account_action: Option<String>,
}

fn more_accounts(bodies: &[MoreAccountBody]) -> Result<Vec<MoreAccount>, Problem> {
    let one = |body: &MoreAccountBody| {
        let wish = body.account_action.as_deref().unwrap_or("enable");
        Ok(MoreAccount {
            account_id: parse("more_accounts", &body.account_id)?,
            wish: parse_named("more_accounts", Wish::parse, wish)?,
        })
    };
    bodies.iter().map(one).collect()
}

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    account_id: String,
    /// Accounts of the same owner that are enabled or disabled with it.
    #[serde(default)]
    more_accounts: Vec<MoreAccountBody>,
    /// Who is to work; preset: the account's owner.
    user_id: Option<String>,
    target_ids: Vec<String>,
    starts_at: String,
    ends_at: String,
    reason: String,
    ticket: Option<String>,
    /// `none`, `enable`, `disable`; preset: `enable`.
    account_action: Option<String>,
    /// The requester knows, and has told the user, that everything is recorded.
    recording_notice_acknowledged: Option<bool>,
}

fn target_ids(ids: &[String]) -> Result<Vec<TargetId>, Problem> {
    ids.iter().map(|id| parse("target_ids", id)).collect()
}

/// Ask for a privileged session.
#[utoipa::path(post, path = "/privileged-sessions", tag = "privileged-sessions", request_body = NewSession, responses(
    (status = 201, body = PrivilegedSessionBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewSession>,
) -> Result<(StatusCode, Json<PrivilegedSessionBody>), Problem> {
    let new = NewPrivilegedSession {
        account_id: parse("account_id", &body.account_id)?,
        more_accounts: more_accounts(&body.more_accounts)?,
        user_id: opt_parse("user_id", body.user_id.as_deref())?,
        target_ids: target_ids(&body.target_ids)?,
        starts_at: parse_instant("starts_at", &body.starts_at)?,
        ends_at: parse_instant("ends_at", &body.ends_at)?,
        reason: body.reason,
        ticket: body.ticket.unwrap_or_default(),
        wish: parse_named("account_action", Wish::parse, body.account_action.as_deref().unwrap_or("enable"))?,
        notice_acknowledged: body.recording_notice_acknowledged.unwrap_or(false),
    };
    let view = api.app.request_privileged_session(&caller.op, new).await?;
    Ok((StatusCode::CREATED, Json(PrivilegedSessionBody::from(&view))))
}

/// One session.
#[utoipa::path(get, path = "/privileged-sessions/{id}", tag = "privileged-sessions", params(("id" = String, Path)), responses((status = 200, body = PrivilegedSessionBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let view = api.app.view_privileged_session(&caller.op, parse("id", &id)?).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}

/// What is to be changed of a request.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionChange {
    account_id: Option<String>,
    more_accounts: Option<Vec<MoreAccountBody>>,
    target_ids: Option<Vec<String>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    account_action: Option<String>,
    version: Option<i64>,
}

/// Edit a request; an approved one goes back to Draft. Of an Active session only `ends_at` can be changed, to an
/// earlier end.
#[utoipa::path(patch, path = "/privileged-sessions/{id}", tag = "privileged-sessions", params(("id" = String, Path)), request_body = SessionChange, responses((status = 200, body = PrivilegedSessionBody)))]
pub(crate) async fn edit(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<SessionChange>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let change = PrivilegedSessionChange {
        account_id: opt_parse("account_id", body.account_id.as_deref())?,
        more_accounts: body.more_accounts.as_deref().map(more_accounts).transpose()?,
        target_ids: body.target_ids.as_deref().map(target_ids).transpose()?,
        starts_at: body.starts_at.as_deref().map(|at| parse_instant("starts_at", at)).transpose()?,
        ends_at: body.ends_at.as_deref().map(|at| parse_instant("ends_at", at)).transpose()?,
        reason: body.reason,
        ticket: body.ticket,
        wish: body
            .account_action
            .as_deref()
            .map(|name| parse_named("account_action", Wish::parse, name))
            .transpose()?,
        version: body.version,
    };
    let view = api.app.edit_privileged_session(&caller.op, parse("id", &id)?, change).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeStatus {
    /// `Approve`, `Reject`, `Cancel`, `End`, `HandBack`.
    status: String,
    comment: Option<String>,
    /// The version that the caller saw; a stale one is refused.
    version: Option<i64>,
}

/// Approve, reject, cancel, end, hand back. While an extension of an Active session waits, Approve, Reject and Cancel
/// decide about the extension.
#[utoipa::path(post, path = "/privileged-sessions/{id}/change-status", tag = "privileged-sessions", params(("id" = String, Path)), request_body = ChangeStatus, responses(
    (status = 200, body = PrivilegedSessionBody),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn change_status(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<ChangeStatus>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let change = parse_named("status", StatusChange::parse, &body.status)?;
    let comment = body.comment.unwrap_or_default();
    let view = api.app.change_status(&caller.op, parse("id", &id)?, change, &comment, body.version).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}

/// A later end that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extend {
    ends_at: String,
    reason: String,
    /// The version that the caller saw; a stale one is refused.
    version: Option<i64>,
}

/// Ask for a later end of an Active session; the old one stands until it is approved with change-status.
#[utoipa::path(post, path = "/privileged-sessions/{id}/extend", tag = "privileged-sessions", params(("id" = String, Path)), request_body = Extend, responses(
    (status = 200, body = PrivilegedSessionBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn extend(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<Extend>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let ends_at = parse_instant("ends_at", &body.ends_at)?;
    let view = api
        .app
        .extend_privileged_session(&caller.op, parse("id", &id)?, ends_at, &body.reason, body.version)
        .await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}

/// Do by hand what the background process would do now.
#[utoipa::path(post, path = "/privileged-sessions/{id}/process", tag = "privileged-sessions", params(("id" = String, Path)), responses(
    (status = 200, body = PrivilegedSessionBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn process(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let view = api.app.process_by_hand(&caller.op, parse("id", &id)?).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}

/// What the account is to be for the rest of the session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SwitchAccount {
    enabled: bool,
    /// Which, when the session holds several.
    account_id: Option<String>,
}

/// Enable or disable the account for the rest of the session.
#[utoipa::path(post, path = "/privileged-sessions/{id}/account", tag = "privileged-sessions", params(("id" = String, Path)), request_body = SwitchAccount, responses((status = 200, body = PrivilegedSessionBody)))]
pub(crate) async fn switch_account(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<SwitchAccount>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let account = opt_parse("account_id", body.account_id.as_deref())?;
    let view = api.app.switch_account(&caller.op, parse("id", &id)?, account, body.enabled).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}
