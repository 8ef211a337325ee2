//! How the JSON part answers when something is not right.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;

/// One field and what is wrong with it.
#[derive(Debug, Serialize)]
pub(crate) struct FieldProblem {
    field: String,
    detail: String,
}

impl FieldProblem {
    pub(crate) fn new(field: &str, detail: impl Into<String>) -> Self {
        Self { field: field.to_owned(), detail: detail.into() }
    }
}

/// 404
pub(crate) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": "There is no such record."}))).into_response()
}

/// 422 with the fields.
pub(crate) fn invalid(problems: Vec<FieldProblem>) -> Response {
    let body = json!({"error": "Correct the marked fields.", "fields": problems});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
}

/// 409: the record has changed since it was read.
pub(crate) fn conflict(changed_by: &str, version: u64) -> Response {
    let error = format!("{changed_by} has changed this record since you opened it.");
    (StatusCode::CONFLICT, Json(json!({"error": error, "changed_by": changed_by, "version": version})))
        .into_response()
}

/// 422 without a field: the record's state does not allow it.
pub(crate) fn refused(reason: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": reason, "fields": []}))).into_response()
}
