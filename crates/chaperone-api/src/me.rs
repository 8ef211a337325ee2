//! Signing in and out, and who is signed in.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chaperone_app::Op;
use chaperone_app::lists::{AccountFilter, SessionFilter};
use chaperone_domain::privileged_session::Status;
use chaperone_domain::sign_in::Channel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::accounts::AccountBody;
use crate::json::Json;
use crate::principal::{AnyCaller, CONSOLE_COOKIE_NAME, client, console_cookie, from_own_page};
use crate::privileged_sessions::PrivilegedSessionBody;
use crate::problem::Problem;
use crate::users::UserBody;
use crate::wire::page;

/// Open sessions of one's own that are shown at most.
const OWN_MAX: u64 = 100;

/// A visitor who is not signed in yet, from a page of ours or a program.
pub(crate) struct Visitor {
    op: Op,
    /// The secret of a cookie that the browser holds already.
    before: Option<String>,
}

impl FromRequestParts<Api> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        // A page of another site must not sign its visitors in as somebody else.
        let from_browser =
            parts.headers.contains_key(header::ORIGIN) || parts.headers.contains_key("sec-fetch-site");
        if from_browser && !from_own_page(&api.app, &parts.headers) {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "cross-site-call",
                "Refused",
                "Sign in on the console's own page.",
            ));
        }
        let op = Op::anonymous(api.app.now(), Channel::Web, client(parts));
        Ok(Self { op, before: console_cookie(&parts.headers).map(str::to_owned) })
    }
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    user_name: String,
    password: String,
}

/// Who signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedIn {
    user: UserBody,
    /// For the header `X-Chaperone-Csrf`.
    csrf_token: String,
}

fn set_cookie(value: &str, age: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!(
        "{CONSOLE_COOKIE_NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"
    ))
    .ok()
}

/// Sign in to the console. The answer sets the cookie.
#[utoipa::path(post, path = "/sign-in", tag = "me", request_body = SignIn, responses(
    (status = 200, body = SignedIn),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn sign_in(
    State(api): State<Api>,
    visitor: Visitor,
    Json(body): Json<SignIn>,
) -> Result<Response, Problem> {
    let signed_in = api.app.sign_in(&visitor.op, &body.user_name, body.password).await?;
    // The sign-in that this browser had before is over: one cookie, one sign-in.
    if let Some(secret) = visitor.before
        && let Ok((op, _)) = api.app.authenticate_cookie(&secret, visitor.op.client.clone()).await
        && let Err(error) = api.app.sign_out(&op).await
    {
        tracing::warn!(%error, "the sign-in before was not ended");
    }
    let answer = SignedIn {
        csrf_token: api.app.keys().csrf_token(signed_in.sign_in.id.uuid()),
        user: UserBody::from(&signed_in.user),
    };
    let mut response = Json(answer).into_response();
    if let Some(cookie) = set_cookie(&signed_in.secret, "") {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Sign out of the console.
#[utoipa::path(post, path = "/sign-out", tag = "me", responses((status = 204)))]
pub(crate) async fn sign_out(State(api): State<Api>, caller: AnyCaller) -> Result<Response, Problem> {
    api.app.sign_out(&caller.op).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(cookie) = set_cookie("", "; Max-Age=0") {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Who is signed in, and what concerns them.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    user: UserBody,
    /// For the header `X-Chaperone-Csrf`; empty for a token.
    csrf_token: String,
    organization_name: String,
    /// Requests and sessions that are not over, in which the caller works.
    privileged_sessions: Vec<PrivilegedSessionBody>,
    /// Accounts that the caller owns.
    accounts: Vec<AccountBody>,
    recording_notice: String,
    /// Where recordings are shown.
    replay_origin: String,
}

/// Who is signed in.
#[utoipa::path(get, path = "/me", tag = "me", responses((status = 200, body = Me)))]
pub(crate) async fn me(State(api): State<Api>, caller: AnyCaller) -> Result<Json<Me>, Problem> {
    let op = &caller.op;
    let user = op.user()?;
    let organization = api.app.organization().await?;
    let open = SessionFilter {
        user_id: Some(user.id),
        statuses: vec![Status::Draft, Status::Approved, Status::Active, Status::Ending],
        ..Default::default()
    };
    let sessions = api.app.privileged_sessions(op, open, page(Some(OWN_MAX), None)?).await?;
    let own = AccountFilter { owner: Some(user.id), ..Default::default() };
    let accounts = api.app.accounts(op, own, page(Some(OWN_MAX), None)?).await?;
    Ok(Json(Me {
        user: UserBody::from(user),
        csrf_token: caller
            .sign_in
            .map(|sign_in| api.app.keys().csrf_token(sign_in.id.uuid()))
            .unwrap_or_default(),
        organization_name: organization.name,
        privileged_sessions: sessions.items.iter().map(PrivilegedSessionBody::from).collect(),
        accounts: accounts.items.iter().map(AccountBody::from).collect(),
        recording_notice: organization.recording_notice,
        replay_origin: api.app.addresses().replay.clone(),
    }))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    old_password: String,
    new_password: String,
}

/// Change one's own password; every other sign-in of the caller ends.
#[utoipa::path(post, path = "/me/password", tag = "me", request_body = PasswordChange, responses(
    (status = 204),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn change_password(
    State(api): State<Api>,
    caller: AnyCaller,
    Json(body): Json<PasswordChange>,
) -> Result<StatusCode, Problem> {
    api.app.change_own_password(&caller.op, body.old_password, body.new_password).await.map_err(|error| {
        match error {
            chaperone_app::AppError::SignInFailed => {
                chaperone_app::AppError::field("old_password", "password-wrong", "The password is wrong.")
            }
            other => other,
        }
    })?;
    Ok(StatusCode::NO_CONTENT)
}
