//! Targets.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::targets::TargetFields;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, instant, opt_parse, parse, parse_named};

/// A target.
#[derive(Serialize, ToSchema)]
pub(crate) struct TargetBody {
    id: String,
    name: String,
    host: String,
    directory_id: String,
    upstream: String,
    entry_posts: Vec<String>,
    /// `refuse`, `witness`.
    web_services_in_session: &'static str,
    /// `none`, `headers`, `assertion`.
    identity: &'static str,
    audit_enabled: bool,
    /// `privileged`, `always`, `off`.
    recording: &'static str,
    created_at: String,
    version: i64,
}

impl From<&Target> for TargetBody {
    fn from(target: &Target) -> Self {
        Self {
            id: target.id.to_string(),
            name: target.name.clone(),
            host: target.host.clone(),
            directory_id: target.directory_id.to_string(),
            upstream: target.upstream.clone(),
            entry_posts: target.entry_posts.clone(),
            web_services_in_session: target.web_services_in_session.name(),
            identity: target.identity.name(),
            audit_enabled: target.audit_enabled,
            recording: target.recording.name(),
            created_at: instant(target.created_at),
            version: target.version,
        }
    }
}

/// The targets, by name.
#[utoipa::path(get, path = "/targets", tag = "administration", params(Paging), responses((status = 200, body = List<TargetBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<List<TargetBody>>, Problem> {
    let targets = api.app.targets(&caller.op).await?;
    Ok(Json(List::cut(targets.iter().map(TargetBody::from).collect(), &paging)?))
}

/// A target that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTarget {
    name: String,
    host: String,
    /// Preset: the built-in directory.
    directory_id: Option<String>,
    upstream: String,
    #[serde(default)]
    entry_posts: Vec<String>,
    /// Preset: `refuse`.
    web_services_in_session: Option<String>,
    /// Preset: `assertion`.
    identity: Option<String>,
    audit_enabled: Option<bool>,
    /// Preset: `privileged`.
    recording: Option<String>,
}

fn identity(name: &str) -> Result<TargetIdentity, Problem> {
    parse_named("identity", TargetIdentity::parse, name)
}

fn recording(name: &str) -> Result<TargetRecording, Problem> {
    parse_named("recording", TargetRecording::parse, name)
}

fn web_services(name: &str) -> Result<WebServicesInSession, Problem> {
    parse_named("web_services_in_session", WebServicesInSession::parse, name)
}

/// Put an application behind the gateway.
#[utoipa::path(post, path = "/targets", tag = "administration", request_body = NewTarget, responses((status = 201, body = TargetBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewTarget>,
) -> Result<(StatusCode, Json<TargetBody>), Problem> {
    let fields = TargetFields {
        name: body.name,
        host: body.host,
        directory_id: opt_parse("directory_id", body.directory_id.as_deref())?,
        upstream: body.upstream,
        identity: identity(body.identity.as_deref().unwrap_or("assertion"))?,
        recording: recording(body.recording.as_deref().unwrap_or("privileged"))?,
        web_services_in_session: web_services(body.web_services_in_session.as_deref().unwrap_or("refuse"))?,
        audit_enabled: body.audit_enabled.unwrap_or(true),
        entry_posts: body.entry_posts,
    };
    let target = api.app.create_target(&caller.op, fields).await?;
    Ok((StatusCode::CREATED, Json(TargetBody::from(&target))))
}

/// One target.
#[utoipa::path(get, path = "/targets/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = TargetBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<TargetBody>, Problem> {
    let target = api.app.target(&caller.op, parse("id", &id)?).await?;
    Ok(Json(TargetBody::from(&target)))
}

/// What is to be changed of a target.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetChange {
    name: Option<String>,
    host: Option<String>,
    directory_id: Option<String>,
    upstream: Option<String>,
    entry_posts: Option<Vec<String>>,
    web_services_in_session: Option<String>,
    identity: Option<String>,
    audit_enabled: Option<bool>,
    recording: Option<String>,
    version: Option<i64>,
}

/// Change a target.
#[utoipa::path(patch, path = "/targets/{id}", tag = "administration", params(("id" = String, Path)), request_body = TargetChange, responses((status = 200, body = TargetBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<TargetChange>,
) -> Result<Json<TargetBody>, Problem> {
    let directory_id = opt_parse("directory_id", body.directory_id.as_deref())?;
    let identity = body.identity.as_deref().map(identity).transpose()?;
    let recording = body.recording.as_deref().map(recording).transpose()?;
    let web_services = body.web_services_in_session.as_deref().map(web_services).transpose()?;
    let change = |fields: &mut TargetFields| {
        fields.name = body.name.unwrap_or(std::mem::take(&mut fields.name));
        fields.host = body.host.unwrap_or(std::mem::take(&mut fields.host));
        fields.directory_id = directory_id.or(fields.directory_id);
        fields.upstream = body.upstream.unwrap_or(std::mem::take(&mut fields.upstream));
        fields.entry_posts = body.entry_posts.unwrap_or(std::mem::take(&mut fields.entry_posts));
        fields.web_services_in_session = web_services.unwrap_or(fields.web_services_in_session);
        fields.identity = identity.unwrap_or(fields.identity);
        fields.audit_enabled = body.audit_enabled.unwrap_or(fields.audit_enabled);
        fields.recording = recording.unwrap_or(fields.recording);
    };
    let target = api.app.change_target(&caller.op, parse("id", &id)?, body.version, change).await?;
    Ok(Json(TargetBody::from(&target)))
}

/// Take an application away from behind the gateway.
#[utoipa::path(delete, path = "/targets/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.remove_target(&caller.op, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
