//! Refusals in the source's form: `{"error":{"code":"0x…","message":"…"}}`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chaperone_app::AppError;
use chaperone_app::lists::StoreError;
use serde_json::json;

use crate::problem::Problem;

/// The source's codes, as far as they are needed here.
pub(crate) mod codes {
    /// An argument cannot be used.
    pub(crate) const INVALID_ARGUMENT: &str = "0x80040203";
    /// Something unexpected.
    pub(crate) const UNEXPECTED: &str = "0x80040216";
    /// There is no such row.
    pub(crate) const NO_SUCH_ROW: &str = "0x80040217";
    /// A privilege is missing.
    pub(crate) const PRIVILEGE_MISSING: &str = "0x80040220";
    /// A query or path cannot be read, or asks for what is not there.
    pub(crate) const BAD_QUERY: &str = "0x80060888";
    /// There is no such resource.
    pub(crate) const NO_SUCH_RESOURCE: &str = "0x8006088a";
    /// The row is of another version.
    pub(crate) const OTHER_VERSION: &str = "0x80060882";
    /// A body cannot be read, or names what is not there.
    pub(crate) const BAD_BODY: &str = "0x80048d19";
    /// Too many calls.
    pub(crate) const TOO_MANY: &str = "0x80072322";
    /// Nobody is signed in.
    pub(crate) const NOT_SIGNED_IN: &str = "0x80072560";
}

/// Why a call was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// A query that cannot be answered.
    pub(crate) fn query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, codes::BAD_QUERY, message)
    }

    /// An argument that cannot be used.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, codes::INVALID_ARGUMENT, message)
    }

    /// A body that cannot be used.
    pub(crate) fn body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, codes::BAD_BODY, message)
    }

    /// A path that leads nowhere.
    pub(crate) fn no_segment(segment: &str) -> Self {
        let shown: String = segment.chars().take(100).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            codes::NO_SUCH_RESOURCE,
            format!("Resource not found for the segment '{shown}'."),
        )
    }

    /// A row that is not there.
    pub(crate) fn no_row(table: &str, id: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            codes::NO_SUCH_ROW,
            format!("Entity '{table}' With Id = {id} Does Not Exist"),
        )
    }

    /// A method that the resource does not take.
    pub(crate) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            codes::BAD_QUERY,
            "The requested resource does not support this http method.",
        )
    }

    /// Something of the source that is not offered here.
    pub(crate) fn not_offered(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, codes::BAD_QUERY, format!("{what} is not offered here."))
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let code = match &error {
            AppError::NotFound { .. } => codes::NO_SUCH_ROW,
            AppError::Stale => {
                return Self::new(
                    StatusCode::PRECONDITION_FAILED,
                    codes::OTHER_VERSION,
                    "The version of the existing record doesn't match the RowVersion property provided.",
                );
            }
            AppError::RoleMissing { .. } | AppError::PasswordMustChange => codes::PRIVILEGE_MISSING,
            AppError::NotSignedIn | AppError::SignInFailed => codes::NOT_SIGNED_IN,
            AppError::TooManyAttempts { .. } => codes::TOO_MANY,
            AppError::Invalid(_) | AppError::Refused { .. } | AppError::Conflict { .. } => {
                codes::INVALID_ARGUMENT
            }
            AppError::Store(StoreError::Cursor) => {
                return Self::query("The $skiptoken is not one of this query.");
            }
            AppError::Store(StoreError::NotStorable { .. }) => {
                return Self::query("A text of the query holds a character that no row can hold (NUL).");
            }
            _ => codes::UNEXPECTED,
        };
        Self::of_problem(&error.into(), code)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let code = match problem.status() {
            StatusCode::UNAUTHORIZED => codes::NOT_SIGNED_IN,
            StatusCode::FORBIDDEN => codes::PRIVILEGE_MISSING,
            StatusCode::NOT_FOUND => codes::NO_SUCH_ROW,
            StatusCode::TOO_MANY_REQUESTS => codes::TOO_MANY,
            status if status.is_client_error() => codes::INVALID_ARGUMENT,
            _ => codes::UNEXPECTED,
        };
        Self::of_problem(&problem, code)
    }
}

impl Refusal {
    /// The sentences are those of our own API; the source knows no 422.
    fn of_problem(problem: &Problem, code: &'static str) -> Self {
        let status = match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => StatusCode::BAD_REQUEST,
            other => other,
        };
        Self::new(status, code, problem.detail())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}}).to_string();
        let kind = HeaderValue::from_static("application/json; odata.metadata=minimal");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
