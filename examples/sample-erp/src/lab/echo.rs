//! What reaches the application, told back or noted.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::digest;
use axum::{
    Extension, Json,
    extract::{Query, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{app::Shared, identity::Principal, sign_in::hex};

/// The sink forgets nothing that a test could ask for, but it is bounded; reaching the bound is logged.
const RECEIVED_KEPT: usize = 100_000;

/// The longest wait that a caller may ask the sink for.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A body's beginning is kept as text up to this many bytes.
const PREVIEW_BYTES: usize = 2_048;

/// One request that reached the lab's sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Counts from 1.
    pub number: u64,
    /// The account that the request came as.
    pub account: String,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// All headers as they arrived, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's length in bytes.
    pub body_bytes: usize,
    /// The body's SHA-256, hexadecimal.
    pub body_sha256: String,
    /// The body's beginning, as text.
    pub body_preview: String,
}

/// What the sink has taken.
#[derive(Debug, Default)]
pub(crate) struct LabState(Mutex<Vec<Received>>);

impl LabState {
    pub(crate) fn received(&self) -> Vec<Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, mut received: Received) -> Received {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        received.number = all.len() as u64 + 1;
        if all.len() < RECEIVED_KEPT {
            all.push(received.clone());
        } else {
            tracing::warn!("the lab's sink is full");
        }
        received
    }
}

fn describe(
    principal: &Principal,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Received {
    Received {
        number: 0,
        account: principal.account.clone(),
        method: method.to_string(),
        path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body_bytes: body.len(),
        body_sha256: hex(digest::digest(&digest::SHA256, body).as_ref()),
        body_preview: String::from_utf8_lossy(&body[..body.len().min(PREVIEW_BYTES)]).into_owned(),
    }
}

/// `/lab/echo`, any method
pub(crate) async fn echo(
    Extension(principal): Extension<Principal>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Received> {
    Json(describe(&principal, &method, &uri, &headers, &body))
}

#[derive(Deserialize)]
pub(crate) struct SinkQuery {
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    then: String,
}

/// `/lab/sink`, any method. It notes first and waits then, so that an aborted request is noted too.
pub(crate) async fn sink(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<SinkQuery>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received = app.lab.note(describe(&principal, &method, &uri, &headers, &body));
    let delay = Duration::from_millis(query.delay_ms).min(LONGEST_DELAY);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if query.then.starts_with("/lab/") {
        return Redirect::to(&query.then).into_response();
    }
    (StatusCode::OK, Json(received)).into_response()
}

/// `GET /lab/received`
pub(crate) async fn received(State(app): State<Shared>) -> Json<Vec<Received>> {
    Json(app.lab.received())
}
