//! API tokens of the caller.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::lists::ApiToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, instant, opt_instant, parse, parse_instant};

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiTokenBody {
    id: String,
    name: String,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

impl From<&ApiToken> for ApiTokenBody {
    fn from(token: &ApiToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            created_at: instant(token.created_at),
            expires_at: opt_instant(token.expires_at),
            last_used_at: opt_instant(token.last_used_at),
        }
    }
}

/// The caller's tokens that are not revoked, newest first.
#[utoipa::path(get, path = "/api-tokens", tag = "me", params(Paging), responses((status = 200, body = List<ApiTokenBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<List<ApiTokenBody>>, Problem> {
    let tokens = api.app.api_tokens(&caller.op).await?;
    let shown = tokens.iter().filter(|token| token.revoked_at.is_none()).map(ApiTokenBody::from).collect();
    Ok(Json(List::cut(shown, &paging)?))
}

/// A token that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiToken {
    name: String,
    expires_at: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiTokenCreated {
    #[serde(flatten)]
    token: ApiTokenBody,
    /// Shown once.
    secret: String,
}

/// Make a token; its secret is answered once.
#[utoipa::path(post, path = "/api-tokens", tag = "me", request_body = NewApiToken, responses((status = 201, body = ApiTokenCreated)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewApiToken>,
) -> Result<(StatusCode, Json<ApiTokenCreated>), Problem> {
    let expires_at = body.expires_at.as_deref().map(|at| parse_instant("expires_at", at)).transpose()?;
    let (token, secret) = api.app.create_api_token(&caller.op, body.name, expires_at).await?;
    Ok((StatusCode::CREATED, Json(ApiTokenCreated { token: ApiTokenBody::from(&token), secret })))
}

/// Revoke a token; what is open with it ends.
#[utoipa::path(delete, path = "/api-tokens/{id}", tag = "me", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.revoke_api_token(&caller.op, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
