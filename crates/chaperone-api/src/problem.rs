//! Refusals as problem details (RFC 9457): a stable `type` that names the rule, and a sentence that says what to do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chaperone_app::AppError;
use chaperone_app::lists::StoreError;
use chaperone_recording::VaultError;
use serde::Serialize;
use utoipa::ToSchema;

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FieldError {
    field: String,
    detail: String,
    /// The stable name of the rule, as the end of `type`.
    rule: String,
}

/// Why a call was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Ends in the stable name of the rule.
    #[serde(rename = "type")]
    kind: String,
    /// In a few words.
    title: String,
    /// The status.
    status: u16,
    /// What to do.
    detail: String,
    /// Fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, rule: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{rule}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: sentence(&detail.into()),
            errors: Vec::new(),
            retry_after_s: None,
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What to do.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The stable name of the rule.
    pub(crate) fn rule(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// Begins with a capital letter and ends with a stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let mut sentence: String = first.to_uppercase().collect();
    sentence.push_str(letters.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Self {
        let said = error.to_string();
        let is = |status, rule: &str, title: &str| Self::new(status, rule, title, said.clone());
        match error {
            AppError::NotSignedIn => is(StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in"),
            AppError::SignInFailed => is(StatusCode::UNAUTHORIZED, "sign-in-failed", "Sign-in failed"),
            AppError::TooManyAttempts { retry_after_s } => Self {
                retry_after_s: Some(retry_after_s),
                ..is(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
            },
            AppError::PasswordMustChange => {
                is(StatusCode::FORBIDDEN, "password-must-change", "Change your password")
            }
            AppError::RoleMissing { .. } => is(StatusCode::FORBIDDEN, "role-missing", "Not allowed"),
            AppError::NotFound { .. } => is(StatusCode::NOT_FOUND, "not-found", "Not there"),
            AppError::Refused { name, .. } => {
                let status = match name {
                    "role-missing" | "not-the-user" => StatusCode::FORBIDDEN,
                    _ => StatusCode::UNPROCESSABLE_ENTITY,
                };
                is(status, name, "Refused")
            }
            AppError::Invalid(fields) => {
                let rule = match fields.as_slice() {
                    [only] => only.name,
                    _ => "invalid",
                };
                let detail = match fields.as_slice() {
                    [only] => only.detail.clone(),
                    _ => said.clone(),
                };
                Self {
                    errors: fields
                        .iter()
                        .map(|field| FieldError {
                            field: field.field.to_owned(),
                            detail: field.detail.clone(),
                            rule: field.name.to_owned(),
                        })
                        .collect(),
                    ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, rule, "Not in order", detail)
                }
            }
            AppError::Stale => is(StatusCode::CONFLICT, "changed-meanwhile", "Changed meanwhile"),
            AppError::Conflict { .. } => is(StatusCode::CONFLICT, "taken", "Taken already"),
            AppError::Store(StoreError::Cursor) => {
                AppError::field("after", "not-a-cursor", "Take `after` from `next` of the page before.")
                    .into()
            }
            AppError::Store(StoreError::NotStorable { .. }) => AppError::refused(
                "not-storable",
                "A text holds a character that cannot be stored (NUL); take it out.",
            )
            .into(),
            AppError::Store(StoreError::Reference) => Self::new(
                StatusCode::CONFLICT,
                "still-needed",
                "Still needed",
                "Something refers to it, or it refers to something that is gone; look again.",
            ),
            AppError::Store(error) => {
                tracing::error!(%error, "the store refuses");
                is(StatusCode::SERVICE_UNAVAILABLE, "cannot-store", "Cannot be stored now")
            }
            AppError::Vault(VaultError::NotFound) => Self::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "Not there",
                "The bytes of this recording are not there.",
            ),
            AppError::Vault(VaultError::StorageFull) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "recording-storage-full",
                "No room for recordings",
                "There is no room left for recordings, so nothing that must be recorded can begin. Tell the operator.",
            ),
            AppError::Vault(error) => {
                tracing::error!(%error, "the vault refuses");
                is(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "recording-unavailable",
                    "Recordings are not available now",
                )
            }
            AppError::Inside(what) => {
                tracing::error!(what, "something is wrong inside");
                is(StatusCode::INTERNAL_SERVER_ERROR, "inside", "Something went wrong")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) async fn no_such_route() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "no-such-route",
        "Not there",
        "The API has no such call; see /api/v1/openapi.json.",
    )
}

pub(crate) async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        "Wrong method",
        "This address does not take this method; see /api/v1/openapi.json.",
    )
}
