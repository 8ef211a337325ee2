//! Whether it runs, and the keys by which targets check who is there.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::Api;
use crate::json::Json;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It runs.")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Everything that work needs is there.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "Ready."),
    (status = 503, description = "Not ready; the reasons as lines of text.")
))]
pub(crate) async fn readyz(State(api): State<Api>) -> Response {
    let problems = api.app.readiness().await;
    if problems.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response()
}

/// The key with which assertions are signed, for targets (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "health", responses((status = 200, description = "A JSON Web Key Set.")))]
pub(crate) async fn keys(State(api): State<Api>) -> Json<serde_json::Value> {
    let (id, key) = api.app.assertion_public_key();
    Json(json!({"keys": [{
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": id,
        "x": URL_SAFE_NO_PAD.encode(key),
    }]}))
}
