//! Notifications: who was told what about a session, and trying again.

use axum::extract::{Path, State};
use chaperone_app::notifications::NotificationView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, UserRef, instant, opt_instant, parse};

/// One message to one address.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationBody {
    id: String,
    /// `to_approve`, `approved`, `rejected`, `starts_soon`, `started`, `ends_soon`, `ended`, `could_not_start`,
    /// `could_not_be_put_back`, `drift`.
    kind: &'static str,
    /// `mail`, `webhook`.
    channel: &'static str,
    /// To whom; `null` for a webhook.
    recipient: Option<UserRef>,
    /// The e-mail address, or the name of the webhook.
    address: String,
    /// `waiting`, `sent`, `given_up`.
    state: &'static str,
    attempts: i64,
    created_at: String,
    sent_at: Option<String>,
    /// `null` when it is not tried any more.
    next_try_at: Option<String>,
    /// What went wrong last.
    problem: Option<String>,
    subject: String,
}

impl From<&NotificationView> for NotificationBody {
    fn from(view: &NotificationView) -> Self {
        let told = &view.notification;
        Self {
            id: told.id.to_string(),
            kind: told.kind.name(),
            channel: told.channel.name(),
            recipient: view.recipient.as_ref().map(UserRef::from),
            address: told.address.clone(),
            state: told.state.name(),
            attempts: told.attempt,
            created_at: instant(told.created_at),
            sent_at: opt_instant(told.sent_at),
            next_try_at: opt_instant(told.next_try_at),
            problem: told.problem.clone(),
            subject: told.subject.clone(),
        }
    }
}

/// Who was told what about the session, oldest first.
#[utoipa::path(get, path = "/privileged-sessions/{id}/notifications", tag = "privileged-sessions", params(("id" = String, Path), Paging), responses((status = 200, body = List<NotificationBody>)))]
pub(crate) async fn of_session(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<NotificationBody>>, Problem> {
    let told = api.app.notifications(&caller.op, parse("id", &id)?).await?;
    Ok(Json(List::cut(told.iter().map(NotificationBody::from).collect(), &paging)?))
}

/// Try a notification now and for another day, unless it was sent.
#[utoipa::path(post, path = "/notifications/{id}/retry", tag = "privileged-sessions", params(("id" = String, Path)), responses(
    (status = 200, body = NotificationBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn retry(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<NotificationBody>, Problem> {
    let view = api.app.retry_notification(&caller.op, parse("id", &id)?).await?;
    Ok(Json(NotificationBody::from(&view)))
}
