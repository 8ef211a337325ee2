//! Privileged sessions: ask, edit, decide, open, and their logs.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::AppError;
use chaperone_app::lists::SessionFilter;
use chaperone_app::privileged_sessions::{
    AuditLogEntry, NewPrivilegedSession, Opened, PrivilegedSessionChange, PrivilegedSessionView, StatusChange,
};
use chaperone_domain::grant::{Grant, GrantOutcome, GrantPhase, Wish};
use chaperone_domain::ids::TargetId;
use chaperone_domain::privileged_session::{Action, EndReason, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::recordings::RecordingBody;
use crate::sign_ins::SignInBody;
use crate::wire::{
    List, Paging, UserRef, instant, opt_instant, opt_parse, page, parse, parse_instant, parse_named,
};

/// The account of a session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionAccount {
    id: String,
    name: String,
    state: &'static str,
    directory_id: String,
}

/// A target of a session.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionTarget {
    id: String,
    name: String,
    host: String,
}

/// What the state of the session allows and a rule refuses to the caller.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedAction {
    action: &'static str,
    /// Ends in the stable name of the rule.
    #[serde(rename = "type")]
    kind: String,
    detail: String,
}

/// What is done to an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct GrantBody {
    id: String,
    account_id: String,
    account_name: String,
    /// `opening`, `held`, `closing`, `closed`.
    phase: &'static str,
    /// What it was before, and what it goes back to.
    baseline: &'static str,
    desired: &'static str,
    applied: Option<&'static str>,
    observed: &'static str,
    /// `untouched`, `restored`, `kept_changed_by_others`, `set_stricter`, `absent`.
    outcome: Option<&'static str>,
    deadline: String,
    attempt: i64,
    next_try: Option<String>,
    problem: Option<String>,
}

fn grant(grant: &Grant, account_name: &str) -> GrantBody {
    GrantBody {
        id: grant.id.to_string(),
        account_id: grant.account_id.to_string(),
        account_name: account_name.to_owned(),
        phase: grant.phase.name(),
        baseline: grant.baseline.state.name(),
        desired: grant.desired.state.name(),
        applied: grant.applied.map(|applied| applied.state.name()),
        observed: grant.observed.state.name(),
        outcome: grant.outcome.map(GrantOutcome::name),
        deadline: instant(grant.deadline),
        attempt: grant.attempt,
        next_try: opt_instant(grant.next_try_at),
        problem: grant.problem.clone(),
    }
}

/// A privileged session.
#[derive(Serialize, ToSchema)]
pub(crate) struct PrivilegedSessionBody {
    id: String,
    /// `Draft`, `Approved`, `Active`, `Ending`, `Ended`, `Rejected`, `Cancelled`, `Expired`, `Failed`.
    status: &'static str,
    /// `completed`, `handed_back`, `ended_by_administrator`, `recording_lost`, `account_removed`, `could_not_start`.
    end_reason: Option<&'static str>,
    account: SessionAccount,
    account_id: String,
    user: UserRef,
    user_id: String,
    requested_by: UserRef,
    approved_by: Option<UserRef>,
    self_approved: bool,
    targets: Vec<SessionTarget>,
    target_ids: Vec<String>,
    starts_at: String,
    ends_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
    reason: String,
    ticket: String,
    /// `none`, `enable`, `disable`.
    account_action: &'static str,
    /// What the caller may do now.
    allowed_actions: Vec<&'static str>,
    refused_actions: Vec<RefusedAction>,
    grants: Vec<GrantBody>,
    version: i64,
    created_at: String,
    updated_at: String,
    /// Accounts that are not proved back yet.
    not_back: Vec<String>,
}

impl From<&PrivilegedSessionView> for PrivilegedSessionBody {
    fn from(view: &PrivilegedSessionView) -> Self {
        let session = &view.session;
        let refused = |(action, refusal): &(Action, _)| {
            let problem = Problem::from(AppError::from(*refusal));
            RefusedAction {
                action: action.name(),
                kind: format!("/problems/{}", problem.rule()),
                detail: problem.detail().to_owned(),
            }
        };
        Self {
            id: session.id.to_string(),
            status: session.status().name(),
            end_reason: session.end_reason.map(EndReason::name),
            account: SessionAccount {
                id: view.account.id.to_string(),
                name: view.account.name.clone(),
                state: view.account.state.name(),
                directory_id: view.account.directory_id.to_string(),
            },
            account_id: session.account_id.to_string(),
            user: UserRef::from(&view.user),
            user_id: session.user_id.to_string(),
            requested_by: UserRef::from(&view.requested_by),
            approved_by: view.approved_by.as_ref().map(UserRef::from),
            self_approved: session.self_approved,
            targets: view
                .targets
                .iter()
                .map(|target| SessionTarget {
                    id: target.id.to_string(),
                    name: target.name.clone(),
                    host: target.host.clone(),
                })
                .collect(),
            target_ids: session.target_ids.iter().map(TargetId::to_string).collect(),
            starts_at: instant(session.window.starts_at()),
            ends_at: instant(session.window.ends_at()),
            started_at: opt_instant(session.started_at),
            ended_at: opt_instant(session.ended_at),
            reason: session.reason.clone(),
            ticket: session.ticket.clone(),
            account_action: session.wish.name(),
            allowed_actions: view.allowed_actions.iter().map(|action| action.name()).collect(),
            refused_actions: view.refused_actions.iter().map(refused).collect(),
            grants: view.grants.iter().map(|(held, _)| grant(held, &view.account.name)).collect(),
            version: session.version,
            created_at: instant(session.created_at),
            updated_at: instant(session.updated_at),
            not_back: match session.status() {
                Status::Ending => view
                    .grants
                    .iter()
                    .filter(|(held, holder)| holder.released_at.is_none() && held.phase != GrantPhase::Closed)
                    .map(|(held, _)| held.account_id.to_string())
                    .collect(),
                _ => Vec::new(),
            },
        }
    }
}

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

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    account_id: String,
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
    target_ids: Option<Vec<String>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    reason: Option<String>,
    ticket: Option<String>,
    account_action: Option<String>,
    version: Option<i64>,
}

/// Edit a request; an approved one goes back to Draft.
#[utoipa::path(patch, path = "/privileged-sessions/{id}", tag = "privileged-sessions", params(("id" = String, Path)), request_body = SessionChange, responses((status = 200, body = PrivilegedSessionBody)))]
pub(crate) async fn edit(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<SessionChange>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let change = PrivilegedSessionChange {
        account_id: opt_parse("account_id", body.account_id.as_deref())?,
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

/// Approve, reject, cancel, end, hand back.
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

/// The password again, and consent to being recorded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSession {
    password: Option<String>,
    #[serde(default)]
    consent: bool,
}

/// Where an opened session leads.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedTarget {
    target_id: String,
    name: String,
    url: String,
}

/// An opened session.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedBody {
    sign_in_id: String,
    recording_id: String,
    targets: Vec<OpenedTarget>,
}

impl From<Opened> for OpenedBody {
    fn from(opened: Opened) -> Self {
        Self {
            sign_in_id: opened.sign_in_id.to_string(),
            recording_id: opened.recording_id.to_string(),
            targets: opened
                .targets
                .into_iter()
                .map(|opened| OpenedTarget {
                    target_id: opened.target.id.to_string(),
                    name: opened.target.name,
                    url: opened.url,
                })
                .collect(),
        }
    }
}

/// Open the session, in the browser of its user.
#[utoipa::path(post, path = "/privileged-sessions/{id}/open", tag = "privileged-sessions", params(("id" = String, Path)), request_body = OpenSession, responses(
    (status = 200, body = OpenedBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn open(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<OpenSession>,
) -> Result<Json<OpenedBody>, Problem> {
    let opened =
        api.app.open_privileged_session(&caller.op, parse("id", &id)?, body.password, body.consent).await?;
    Ok(Json(opened.into()))
}

/// One line of the Audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditLogItem {
    at: String,
    /// What happened, as the trail calls it.
    action: &'static str,
    from_status: Option<String>,
    /// For what is no change of status: `null`.
    to_status: Option<String>,
    /// `null` for the background process.
    changed_by: Option<UserRef>,
    /// `SystemAdministrator`, `Approver`, `User`, `BatchProcess`.
    changed_by_kind: String,
    comment: Option<String>,
}

impl From<&AuditLogEntry> for AuditLogItem {
    fn from(entry: &AuditLogEntry) -> Self {
        Self {
            at: instant(entry.at),
            action: entry.action.name(),
            from_status: entry.from_status.clone(),
            to_status: entry.to_status.clone(),
            changed_by: entry.changed_by.as_ref().map(UserRef::from),
            changed_by_kind: entry.changed_by_kind.clone(),
            comment: entry.comment.clone(),
        }
    }
}

/// The Audit log: each change of status, when, by whom, and as what.
#[utoipa::path(get, path = "/privileged-sessions/{id}/audit-log", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<AuditLogItem>)))]
pub(crate) async fn audit_log(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<AuditLogItem>>, Problem> {
    let log = api.app.audit_log(&caller.op, parse("id", &id)?).await?;
    Ok(Json(List::cut(log.iter().map(AuditLogItem::from).collect(), &paging)?))
}

/// The User log: every sign-in to targets in the session.
#[utoipa::path(get, path = "/privileged-sessions/{id}/user-log", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<SignInBody>)))]
pub(crate) async fn user_log(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<SignInBody>>, Problem> {
    let log = api.app.user_log(&caller.op, parse("id", &id)?).await?;
    Ok(Json(List::cut(log.iter().map(SignInBody::from).collect(), &paging)?))
}

/// The recordings of the session.
#[utoipa::path(get, path = "/privileged-sessions/{id}/recordings", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<RecordingBody>)))]
pub(crate) async fn recordings(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<RecordingBody>>, Problem> {
    let session = api.app.privileged_session(&caller.op, parse("id", &id)?).await?;
    let found = api.app.recordings_of_session(&caller.op, &session).await?;
    Ok(Json(List::cut(found.iter().map(RecordingBody::from).collect(), &paging)?))
}
