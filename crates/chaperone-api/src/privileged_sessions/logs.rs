//! The logs of a session: Audit log, User log, recordings, accounts.

use axum::extract::{Path, State};
use chaperone_app::privileged_sessions::AuditLogEntry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::recordings::RecordingBody;
use crate::sign_ins::SignInBody;
use crate::wire::{List, Paging, UserRef, instant, opt_instant, parse};

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
    /// `SystemAdministrator`, `Approver`, `User`, `BatchProcess`; `Unknown` for what retention deleted.
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

/// One line of the User log.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserLogItem {
    #[serde(flatten)]
    sign_in: SignInBody,
    /// When retention deleted it: what is left is when it was.
    deleted_at: Option<String>,
}

/// The User log: every sign-in to targets in the session.
#[utoipa::path(get, path = "/privileged-sessions/{id}/user-log", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<UserLogItem>)))]
pub(crate) async fn user_log(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<UserLogItem>>, Problem> {
    let log = api.app.user_log(&caller.op, parse("id", &id)?).await?;
    let items = log.iter().map(|(sign_in, deleted_at)| UserLogItem {
        sign_in: SignInBody::from(sign_in),
        deleted_at: opt_instant(*deleted_at),
    });
    Ok(Json(List::cut(items.collect(), &paging)?))
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

/// One change of an account: intended, done, verified.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountLogItem {
    account_id: String,
    account_name: String,
    /// `forward` (for the session), `end_moved` (the session's end moved, and the account's own with it), `back` (to its
    /// original state), `left_to_others` (other sessions hold it still).
    direction: &'static str,
    /// What it is to be: `enabled`, `disabled`.
    wanted: String,
    /// Until when, where the directory keeps an end of its own; `null` for the way back.
    wanted_until: Option<String>,
    intended_at: String,
    /// `null` for the background process.
    intended_by: Option<UserRef>,
    /// When the directory was told; `null` when nothing had to be changed, or not yet.
    done_at: Option<String>,
    /// When it was seen to be so; `null` as long as it is not.
    verified_at: Option<String>,
    /// What was seen then.
    verified_state: Option<String>,
    /// `untouched`, `restored`, `kept_changed_by_others`, `set_stricter`, `absent`: for the way back.
    outcome: Option<String>,
    /// Failed attempts.
    failed_attempts: u64,
    /// What went wrong last.
    problem: Option<String>,
}

/// What was done to the accounts of the session: intended, done, verified.
#[utoipa::path(get, path = "/privileged-sessions/{id}/account-log", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<AccountLogItem>)))]
pub(crate) async fn account_log(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<AccountLogItem>>, Problem> {
    let log = api.app.account_log(&caller.op, parse("id", &id)?).await?;
    let items = log.into_iter().map(|entry| AccountLogItem {
        account_id: entry.account_id,
        account_name: entry.account_name,
        direction: entry.direction.name(),
        wanted: entry.wanted,
        wanted_until: entry.wanted_until,
        intended_at: instant(entry.intended_at),
        intended_by: entry.intended_by.as_ref().map(UserRef::from),
        done_at: entry.done_at,
        verified_at: opt_instant(entry.verified_at),
        verified_state: entry.verified_state,
        outcome: entry.outcome,
        failed_attempts: entry.failed_attempts,
        problem: entry.problem,
    });
    Ok(Json(List::cut(items.collect(), &paging)?))
}
