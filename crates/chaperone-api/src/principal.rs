//! Who calls: the console's cookie or a bearer token, never both.
//!
//! A cookie is sent by the browser whoever made the page that calls. So a call that may change something and carries
//! one must come from the console's own origin, as the browser says, and must hold the token that only the console's
//! page was told.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use chaperone_app::{App, AppError, Client, Op};
use chaperone_domain::sign_in::SignIn;

use crate::Api;
use crate::problem::Problem;

/// The console's cookie. The prefix makes browsers keep it to this host, this path and secure connections.
pub const CONSOLE_COOKIE_NAME: &str = "__Host-chaperone-console";
/// The header that carries the token against calls from other sites.
const CSRF_HEADER: &str = "x-chaperone-csrf";

/// Where the call comes from, as whoever took the connection says; put into the request by the executable.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub String);

/// Whether the call came over TLS, here or at a proxy that is believed; put into the request by the executable.
#[derive(Clone, Copy, Debug)]
pub struct OverTls(pub bool);

/// A signed-in caller.
pub(crate) struct Caller {
    pub(crate) op: Op,
}

/// A signed-in caller who may have to change a one-time password first.
pub(crate) struct AnyCaller {
    pub(crate) op: Op,
    /// The console sign-in, when the call came with its cookie.
    pub(crate) sign_in: Option<SignIn>,
}

/// The value of a cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The secret of the console's cookie, if the request carries one.
pub fn console_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, CONSOLE_COOKIE_NAME).filter(|secret| !secret.is_empty())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// From where the call comes.
pub(crate) fn client(parts: &Parts) -> Client {
    let address = parts.extensions.get::<ClientAddress>().map_or("", |address| address.0.as_str());
    let agent =
        parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Client::new(address, agent)
}

/// Whether the browser says that the call comes from the console's own pages.
pub(crate) fn from_own_page(app: &App, headers: &HeaderMap) -> bool {
    match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().is_ok_and(|origin| origin == app.addresses().console),
        None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
    }
}

async fn authenticate(parts: &Parts, app: &Arc<App>) -> Result<AnyCaller, Problem> {
    let client = client(parts);
    match (console_cookie(&parts.headers), bearer(&parts.headers)) {
        (Some(_), Some(_)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "two-credentials",
            "Two credentials",
            "Send the console's cookie or a bearer token, not both.",
        )),
        (None, None) => Err(AppError::NotSignedIn.into()),
        (None, Some(token)) => {
            let op = app.authenticate_token(token, client).await?;
            app.note_console_access(&op).await;
            Ok(AnyCaller { op, sign_in: None })
        }
        (Some(secret), None) => {
            let (op, sign_in) = app.authenticate_cookie(secret, client).await?;
            let safe = matches!(parts.method, Method::GET | Method::HEAD);
            if !safe && !is_own_call(app, parts, &sign_in) {
                return Err(Problem::new(
                    StatusCode::FORBIDDEN,
                    "cross-site-call",
                    "Refused",
                    "A call that changes something must come from the console's own page and carry the token that \
                     GET /api/v1/me answers, in the header X-Chaperone-Csrf. Programs use a bearer token.",
                ));
            }
            app.note_console_access(&op).await;
            Ok(AnyCaller { op, sign_in: Some(sign_in) })
        }
    }
}

fn is_own_call(app: &App, parts: &Parts, sign_in: &SignIn) -> bool {
    let token = parts.headers.get(CSRF_HEADER).and_then(|token| token.to_str().ok()).unwrap_or_default();
    from_own_page(app, &parts.headers) && app.keys().csrf_token_fits(sign_in.id.uuid(), token)
}

impl FromRequestParts<Api> for AnyCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        authenticate(parts, &api.app).await
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        caller(parts, &api.app).await
    }
}

/// Who calls, if they may do more than change their password.
pub(crate) async fn caller(parts: &Parts, app: &Arc<App>) -> Result<Caller, Problem> {
    let caller = authenticate(parts, app).await?;
    if caller.op.user().is_ok_and(|user| user.password_must_change) {
        return Err(AppError::PasswordMustChange.into());
    }
    Ok(Caller { op: caller.op })
}
