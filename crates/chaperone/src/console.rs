//! The console's host: the API, the way into targets, and the console's own files.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use chaperone_app::App;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use maud::html;

use crate::files::{self, Files};
use crate::{enter, pages};

/// What the console's pages may do: run our scripts, call our API, show the replay frame. Styles may be written into the
/// page: the console's component library does that.
fn policy(app: &App) -> String {
    format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
         connect-src 'self'; frame-src {}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        app.addresses().replay
    )
}

/// The router of the console's host.
pub(crate) fn router(app: Arc<App>) -> Router {
    let api = chaperone_api::router(app.clone());
    let doors =
        Router::new().route("/enter", get(enter::enter).post(enter::agree)).fallback(file).with_state(app);
    Router::new().merge(api).merge(doors)
}

async fn file(State(app): State<Arc<App>>, method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        let content = html! { p { "This address takes no such request." } };
        return pages::page(StatusCode::METHOD_NOT_ALLOWED, "Not here", &content, "");
    }
    let name = uri.path().trim_start_matches('/');
    if name != "index.html"
        && let Some(response) = files::answer(Files::Console, name)
    {
        return response;
    }
    if name.starts_with("assets/") {
        let content = html! { p { "There is no such file. The console may have been replaced by a newer one: reload it." } };
        return pages::page(StatusCode::NOT_FOUND, "Not there", &content, "");
    }
    // Addresses inside the console are its own business.
    index(&app)
}

/// The console itself.
fn index(app: &App) -> Response {
    let Some(mut response) = files::answer(Files::Console, "index.html") else {
        let content = html! {
            p { "The console is not built into this executable." }
            p { "Build it with " code { "cargo xtask build" } ", or start with " code { "cargo xtask dev" } "." }
        };
        return pages::page(StatusCode::SERVICE_UNAVAILABLE, "No console here", &content, "");
    };
    if let Ok(policy) = HeaderValue::from_str(&policy(app)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
