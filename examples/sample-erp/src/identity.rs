//! Who sends a request, decided once, before any handler runs.
//!
//! With [`Identity::Assertion`](crate::Identity) nothing at all is served without a valid assertion: style
//! sheets and the lab included, because an application that answers *something* to everybody already says that
//! there is a way around its gateway.

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

use crate::{
    app::Shared,
    assertion::{self, ASSERTION_HEADER, AssertionError, Claims},
    keys::KeyRing,
    page,
    sign_in::Sessions,
};

/// Somebody who uses the ERP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    /// The account's name, the key for everything.
    pub(crate) account: String,
    /// What pages show.
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    /// The user behind a borrowed account, where the gateway said so.
    pub(crate) user: Option<String>,
    pub(crate) groups: Vec<String>,
    /// The gateway's console and its id of the sign-in; nothing with a sign-in of our own.
    pub(crate) gateway: Option<Gateway>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) console: String,
    pub(crate) sign_in: Option<String>,
}

impl Principal {
    /// A visitor of the lab who has not signed in. The lab shows nothing of the ERP's data.
    fn lab_guest() -> Self {
        Self {
            account: "guest".to_owned(),
            name: "Guest".to_owned(),
            email: None,
            user: None,
            groups: Vec::new(),
            gateway: None,
        }
    }
}

impl From<Claims> for Principal {
    fn from(claims: Claims) -> Self {
        Self {
            name: claims.name.filter(|name| !name.is_empty()).unwrap_or_else(|| claims.sub.clone()),
            // Nobody stands behind an account that is used by its own name.
            user: claims.user.filter(|user| *user != claims.sub),
            account: claims.sub,
            email: claims.email,
            groups: claims.groups,
            gateway: Some(Gateway { console: claims.iss, sign_in: claims.sign_in }),
        }
    }
}

/// The configured way of learning who the user is, ready to use.
#[derive(Debug)]
pub(crate) enum Gate {
    Own(Sessions),
    Assertion { keys: KeyRing, audience: String },
}

/// The outermost step of every request.
pub(crate) async fn require(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let principal = match &app.gate {
        Gate::Own(sessions) => {
            if comes_from_elsewhere(request.method(), request.headers()) {
                return (StatusCode::FORBIDDEN, "This request came from another site.").into_response();
            }
            let path = request.uri().path();
            match sessions.find(request.headers(), app.clock.now()) {
                Some(principal) => principal,
                None if path == "/lab" || path.starts_with("/lab/") => Principal::lab_guest(),
                None if path == "/sign-in" || path.starts_with("/assets/") => return next.run(request).await,
                None => return ask_to_sign_in(&request),
            }
        }
        Gate::Assertion { keys, audience } => {
            match asserted(request.headers(), keys, audience, app.clock.now()).await {
                Ok(principal) => principal,
                Err(problem) => {
                    tracing::info!(path = request.uri().path(), %problem, "request refused");
                    return page::only_through_the_gateway();
                }
            }
        }
    };
    request.extensions_mut().insert(principal);
    next.run(request).await
}

async fn asserted(
    headers: &HeaderMap,
    keys: &KeyRing,
    audience: &str,
    now: jiff::Timestamp,
) -> Result<Principal, AssertionError> {
    let mut values = headers.get_all(ASSERTION_HEADER).iter();
    let token = values.next().ok_or(AssertionError::Missing)?;
    if values.next().is_some() {
        return Err(AssertionError::Repeated);
    }
    let token = token.to_str().map_err(|_| AssertionError::Malformed)?;
    let key = keys.find(&assertion::key_id(token)?).await?;
    assertion::verify(token, &key, audience, now).map(Principal::from)
}

/// Browsers say where a request comes from; one that changes something must come from our own pages. The
/// cookie's `SameSite` says the same a second time.
fn comes_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    !method.is_safe() && matches!(site, Some("cross-site" | "same-site"))
}

fn ask_to_sign_in(request: &Request) -> Response {
    let wants_page = request.method() == Method::GET
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    if wants_page {
        let then = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("then", then).finish();
        Redirect::to(&format!("/sign-in?{query}")).into_response()
    } else {
        (StatusCode::UNAUTHORIZED, Json(json!({"error": "Sign in first."}))).into_response()
    }
}
