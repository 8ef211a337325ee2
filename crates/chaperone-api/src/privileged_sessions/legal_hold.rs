//! The legal hold on a session.

use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::PrivilegedSessionBody;
use crate::Api;
use crate::json::Json;
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::parse;

/// Whether the session is to be held.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LegalHoldChange {
    held: bool,
    /// Why; it is in the trail.
    reason: String,
}

/// Set or lift the legal hold: while it stands, nothing that belongs to the session is deleted. System administrators and
/// auditors set it, system administrators lift it.
#[utoipa::path(post, path = "/privileged-sessions/{id}/legal-hold", tag = "privileged-sessions", params(("id" = String, Path)), request_body = LegalHoldChange, responses(
    (status = 200, body = PrivilegedSessionBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<LegalHoldChange>,
) -> Result<Json<PrivilegedSessionBody>, Problem> {
    let view = api.app.change_legal_hold(&caller.op, parse("id", &id)?, body.held, &body.reason).await?;
    Ok(Json(PrivilegedSessionBody::from(&view)))
}
