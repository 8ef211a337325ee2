//! Accounts.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::accounts::{AccountChange, NewAccount};
use chaperone_app::lists::AccountFilter;
use chaperone_domain::account::{Account, AccountState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params, given};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, opt_instant, opt_parse, page, parse, parse_named};

/// An account.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountBody {
    id: String,
    directory_id: String,
    external_id: String,
    name: String,
    /// As the directory has it; may be empty.
    email: String,
    /// The owner.
    user_id: Option<String>,
    /// Used only inside privileged sessions.
    privileged: bool,
    /// `enabled`, `disabled`, `absent`.
    state: &'static str,
    expires_at: Option<String>,
    /// When its directory was last asked; `null` in the built-in directory.
    last_seen_at: Option<String>,
    /// What somebody else made of it; `null` when nothing is open.
    drift: Option<DriftBody>,
    version: i64,
}

/// An account was not as it should have been.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftBody {
    /// What it should have been: `enabled`, `disabled`, `absent`.
    expected: &'static str,
    /// When it was seen to be otherwise.
    at: String,
}

impl From<&Account> for AccountBody {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            directory_id: account.directory_id.to_string(),
            external_id: account.external_id.clone(),
            name: account.name.clone(),
            email: account.email.clone(),
            user_id: account.owner.map(|id| id.to_string()),
            privileged: account.privileged,
            state: account.state.name(),
            expires_at: opt_instant(account.expires_at),
            last_seen_at: opt_instant(account.last_seen_at),
            drift: account
                .drift
                .map(|drift| DriftBody { expected: drift.expected.name(), at: instant(drift.at) }),
            version: account.version,
        }
    }
}

/// Which accounts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountsQuery {
    /// The owner.
    user_id: Option<String>,
    directory_id: Option<String>,
    privileged: Option<bool>,
    /// `enabled`, `disabled`, `absent`.
    state: Option<String>,
    /// Whether somebody else changed it and nobody has taken notice yet.
    drifted: Option<bool>,
    /// A part of the name; outside the built-in directory also of the directory's own id.
    q: Option<String>,
    limit: Option<u64>,
    after: Option<String>,
}

/// Accounts by name; those who may not read everything see their own.
#[utoipa::path(get, path = "/accounts", tag = "administration", params(AccountsQuery), responses((status = 200, body = List<AccountBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<AccountsQuery>,
) -> Result<Json<List<AccountBody>>, Problem> {
    let filter = AccountFilter {
        owner: opt_parse("user_id", query.user_id.as_deref())?,
        directory_id: opt_parse("directory_id", query.directory_id.as_deref())?,
        privileged: query.privileged,
        state: state(query.state.as_deref())?,
        drifted: query.drifted,
        q: query.q,
    };
    let found = api.app.accounts(&caller.op, filter, page(query.limit, query.after)?).await?;
    Ok(Json(List { items: found.items.iter().map(AccountBody::from).collect(), next: found.next }))
}

/// An account that is to be made in the built-in directory.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAccountBody {
    directory_id: Option<String>,
    name: String,
    /// The owner.
    user_id: Option<String>,
    privileged: Option<bool>,
    /// `enabled` or `disabled`; preset: disabled for a privileged one, enabled for others.
    state: Option<String>,
}

/// Make an account.
#[utoipa::path(post, path = "/accounts", tag = "administration", request_body = NewAccountBody, responses((status = 201, body = AccountBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewAccountBody>,
) -> Result<(StatusCode, Json<AccountBody>), Problem> {
    let privileged = body.privileged.unwrap_or(false);
    let preset = if privileged { AccountState::Disabled } else { AccountState::Enabled };
    let new = NewAccount {
        directory_id: opt_parse("directory_id", body.directory_id.as_deref())?,
        name: body.name,
        owner: opt_parse("user_id", body.user_id.as_deref())?,
        privileged,
        state: state(body.state.as_deref())?.unwrap_or(preset),
    };
    let account = api.app.create_account(&caller.op, new).await?;
    Ok((StatusCode::CREATED, Json(AccountBody::from(&account))))
}

fn state(name: Option<&str>) -> Result<Option<AccountState>, Problem> {
    name.map(|name| parse_named("state", AccountState::parse, name)).transpose()
}

/// One account.
#[utoipa::path(get, path = "/accounts/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = AccountBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AccountBody>, Problem> {
    let account = api.app.account(&caller.op, parse("id", &id)?).await?;
    Ok(Json(AccountBody::from(&account)))
}

/// What is to be changed of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChangeBody {
    /// The owner; `null` takes the owner away.
    #[serde(default, deserialize_with = "given")]
    user_id: Option<Option<String>>,
    privileged: Option<bool>,
    /// `enabled` or `disabled`. While a session holds the account, this is what it goes back to.
    state: Option<String>,
    /// `true` takes notice of what somebody else made of it.
    drift_seen: Option<bool>,
    version: Option<i64>,
}

/// Change an account.
#[utoipa::path(patch, path = "/accounts/{id}", tag = "administration", params(("id" = String, Path)), request_body = AccountChangeBody, responses((status = 200, body = AccountBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<AccountChangeBody>,
) -> Result<Json<AccountBody>, Problem> {
    let change = AccountChange {
        owner: match body.user_id {
            None => None,
            Some(owner) => Some(opt_parse("user_id", owner.as_deref())?),
        },
        privileged: body.privileged,
        state: state(body.state.as_deref())?,
        drift_seen: body.drift_seen.unwrap_or(false),
        version: body.version,
    };
    let account = api.app.change_account(&caller.op, parse("id", &id)?, change).await?;
    Ok(Json(AccountBody::from(&account)))
}

/// Ask the account's directory how it is now.
#[utoipa::path(post, path = "/accounts/{id}/observe", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = AccountBody)))]
pub(crate) async fn observe(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<AccountBody>, Problem> {
    let account = api.app.observe_account(&caller.op, parse("id", &id)?).await?;
    Ok(Json(AccountBody::from(&account)))
}
