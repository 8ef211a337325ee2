//! Open a session.

use axum::extract::{Path, State};
use chaperone_app::privileged_sessions::Opened;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::json::Json;
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::parse;

/// The password again, and consent to being recorded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenSession {
    password: Option<String>,
    #[serde(default)]
    consent: bool,
}

/// Where an opened session leads.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedTarget {
    target_id: String,
    name: String,
    url: String,
}

/// An opened session.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedBody {
    sign_in_id: String,
    recording_id: String,
    targets: Vec<OpenedTarget>,
}

impl From<Opened> for OpenedBody {
    fn from(opened: Opened) -> Self {
        Self {
            sign_in_id: opened.sign_in_id.to_string(),
            recording_id: opened.recording_id.to_string(),
            targets: opened
                .targets
                .into_iter()
                .map(|opened| OpenedTarget {
                    target_id: opened.target.id.to_string(),
                    name: opened.target.name,
                    url: opened.url,
                })
                .collect(),
        }
    }
}

/// Open the session, in the browser of its user.
#[utoipa::path(post, path = "/privileged-sessions/{id}/open", tag = "privileged-sessions", params(("id" = String, Path)), request_body = OpenSession, responses(
    (status = 200, body = OpenedBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn open(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<OpenSession>,
) -> Result<Json<OpenedBody>, Problem> {
    let opened =
        api.app.open_privileged_session(&caller.op, parse("id", &id)?, body.password, body.consent).await?;
    Ok(Json(opened.into()))
}
