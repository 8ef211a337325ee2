//! The replay host: the frame in which recordings are shown, and the pictures and fonts in them. It knows no cookie.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use chaperone_app::App;
use http::{HeaderValue, StatusCode, header};
use maud::html;
use serde::Deserialize;

use crate::files::{self, Files};
use crate::pages;

/// The router of the replay host.
pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/frame/{file}", get(player))
        .route("/assets/{recording}/{hash}", get(asset))
        .fallback(nothing)
        .with_state(app)
}

/// What the frame may do: run the player, show what is in the recording, be shown by the console. Nothing else.
fn policy(app: &App) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; \
         media-src 'self' data:; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors {}",
        app.addresses().console
    )
}

async fn player(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    let Some(mut response) = files::answer(Files::Player, &file) else { return nothing().await };
    if let Ok(policy) = HeaderValue::from_str(&policy(&app)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

#[derive(Deserialize)]
struct Signed {
    expires: i64,
    signature: String,
}

async fn asset(
    State(app): State<Arc<App>>,
    Path((recording, hash)): Path<(String, String)>,
    Query(signed): Query<Signed>,
) -> Response {
    let Ok(asset) = app.asset_by_address(&recording, &hash, signed.expires, &signed.signature).await else {
        return nothing().await;
    };
    // What the application called it decides nothing: only pictures and fonts are shown as such.
    let kind = asset.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let shown =
        kind.starts_with("image/") || kind.starts_with("font/") || kind.starts_with("application/font");
    let kind = if shown { HeaderValue::from_str(&kind).ok() } else { None };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers
        .insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    );
    response
}

async fn nothing() -> Response {
    let content = html! { p { "This name only shows recordings, inside the console." } };
    pages::page(StatusCode::NOT_FOUND, "Nothing here", &content, "")
}
