//! Directories: see, test, add, change, import, remove.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::AppError;
use chaperone_app::directories::{DirectoryView, Probed, Settings};
use chaperone_domain::directory::AccountImport;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, Paging, instant, opt_instant, parse};

/// A directory.
#[derive(Serialize, ToSchema)]
pub(crate) struct DirectoryBody {
    id: String,
    name: String,
    /// `built_in`, `postgresql`, `ldap`, `scim`, `dataverse`, `entra`, `linux`.
    kind: &'static str,
    /// How it is reached, by kind; secrets are named, never held. `null` for the built-in directory and for those who
    /// may not change it.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// How many accounts it has.
    accounts: u64,
    /// Of these, privileged ones.
    privileged: u64,
    /// Of these, accounts that somebody else changed and nobody has taken notice of yet.
    drifted: u64,
    /// The newest import of its accounts.
    import: Option<ImportBody>,
    created_at: String,
    removed_at: Option<String>,
    version: i64,
}

/// One look at all accounts of a directory.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportBody {
    id: String,
    /// `running`, `done`, `failed`.
    state: &'static str,
    seen: u64,
    added: u64,
    changed: u64,
    /// Accounts that are not there any more; known at the end.
    vanished: u64,
    /// Accounts that cannot be taken: without a name, or with too long a one.
    left_out: u64,
    /// How many there are in all, where the directory says it.
    total: Option<u64>,
    /// What went wrong last.
    problem: Option<String>,
    next_try_at: Option<String>,
    started_at: String,
    ended_at: Option<String>,
}

fn import(import: &AccountImport) -> ImportBody {
    ImportBody {
        id: import.id.to_string(),
        state: import.state.name(),
        seen: import.seen,
        added: import.added,
        changed: import.changed,
        vanished: import.vanished,
        left_out: import.left_out,
        total: import.total,
        problem: import.problem.clone(),
        next_try_at: opt_instant(import.next_try_at),
        started_at: instant(import.started_at),
        ended_at: opt_instant(import.ended_at),
    }
}

fn body(view: &DirectoryView) -> DirectoryBody {
    let directory = &view.directory;
    DirectoryBody {
        id: directory.id.to_string(),
        name: directory.name.clone(),
        kind: directory.kind.name(),
        settings: view.settings.as_ref().and_then(|settings| serde_json::to_value(settings).ok()),
        accounts: view.accounts,
        privileged: view.privileged,
        drifted: view.drifted,
        import: view.import.as_ref().map(import),
        created_at: instant(directory.created_at),
        removed_at: opt_instant(directory.removed_at),
        version: directory.version,
    }
}

/// The directories.
#[utoipa::path(get, path = "/directories", tag = "administration", params(Paging), responses((status = 200, body = List<DirectoryBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(paging): Params<Paging>,
) -> Result<Json<List<DirectoryBody>>, Problem> {
    let directories = api.app.directories(&caller.op).await?;
    Ok(Json(List::cut(directories.iter().map(body).collect(), &paging)?))
}

/// One directory.
#[utoipa::path(get, path = "/directories/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = DirectoryBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<DirectoryBody>, Problem> {
    Ok(Json(body(&api.app.directory(&caller.op, parse("id", &id)?).await?)))
}

/// A directory that is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDirectory {
    name: String,
    /// How it is reached: `kind` and the fields of that kind, as the operating guide lists them.
    #[schema(value_type = Object)]
    settings: Value,
}

/// The settings, or what is wrong with them.
fn settings(value: Value) -> Result<Settings, Problem> {
    serde_json::from_value(value).map_err(|error| {
        AppError::field("settings", "settings", format!("The settings cannot be read: {error}.")).into()
    })
}

/// Add a directory; its connection is tried first.
#[utoipa::path(post, path = "/directories", tag = "administration", request_body = NewDirectory, responses(
    (status = 201, body = DirectoryBody),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(new): Json<NewDirectory>,
) -> Result<(StatusCode, Json<DirectoryBody>), Problem> {
    let view = api.app.create_directory(&caller.op, &new.name, settings(new.settings)?).await?;
    Ok((StatusCode::CREATED, Json(body(&view))))
}

/// What is to be changed of a directory.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryChange {
    name: Option<String>,
    /// Of the same kind; the connection is tried first.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    version: Option<i64>,
}

/// Change a directory.
#[utoipa::path(patch, path = "/directories/{id}", tag = "administration", params(("id" = String, Path)), request_body = DirectoryChange, responses((status = 200, body = DirectoryBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(change): Json<DirectoryChange>,
) -> Result<Json<DirectoryBody>, Problem> {
    let settings = change.settings.map(settings).transpose()?;
    let view = api
        .app
        .change_directory(&caller.op, parse("id", &id)?, change.name, settings, change.version)
        .await?;
    Ok(Json(body(&view)))
}

/// Remove a directory that no session and no target needs.
#[utoipa::path(delete, path = "/directories/{id}", tag = "administration", params(("id" = String, Path)), responses(
    (status = 204),
    (status = 422, body = Problem, content_type = "application/problem+json")
))]
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    api.app.remove_directory(&caller.op, parse("id", &id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A connection that is to be tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestConnection {
    #[schema(value_type = Object)]
    settings: Value,
}

/// What a test of a connection found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tested {
    /// Whether it works.
    ok: bool,
    /// What was found, or what is wrong and what to do, in a sentence.
    found: String,
}

fn tested(probed: Probed) -> Tested {
    match probed {
        Ok(found) => Tested { ok: true, found },
        Err(found) => Tested { ok: false, found },
    }
}

/// Try a connection; nothing is stored.
#[utoipa::path(post, path = "/directories/test", tag = "administration", request_body = TestConnection, responses((status = 200, body = Tested)))]
pub(crate) async fn test_settings(
    State(api): State<Api>,
    caller: Caller,
    Json(test): Json<TestConnection>,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(tested(api.app.test_settings(&caller.op, settings(test.settings)?).await?)))
}

/// Try the connection of a directory.
#[utoipa::path(post, path = "/directories/{id}/test", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = Tested)))]
pub(crate) async fn test(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(tested(api.app.test_directory(&caller.op, parse("id", &id)?).await?)))
}

/// Take over the accounts of a directory: new ones, changed ones, and which are gone. Goes on by itself; `import` of
/// the directory says how far it is.
#[utoipa::path(post, path = "/directories/{id}/import", tag = "administration", params(("id" = String, Path)), responses((status = 202, body = DirectoryBody)))]
pub(crate) async fn start_import(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<DirectoryBody>), Problem> {
    let view = api.app.start_import(&caller.op, parse("id", &id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(body(&view))))
}
