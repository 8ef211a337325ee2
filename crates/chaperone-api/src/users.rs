//! Users.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use chaperone_app::lists::UserFilter;
use chaperone_app::users::{NewUser, UserChange};
use chaperone_domain::user::{Role, User};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::json::{Json, Params};
use crate::principal::Caller;
use crate::problem::Problem;
use crate::wire::{List, instant, page, parse, parse_named};

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserBody {
    id: String,
    user_name: String,
    display_name: String,
    email: String,
    /// `system_administrator`, `approver`, `auditor`, `user`.
    roles: Vec<&'static str>,
    active: bool,
    password_must_change: bool,
    created_at: String,
    version: i64,
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            user_name: user.user_name.clone(),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            roles: user.roles.iter().map(Role::name).collect(),
            active: user.active,
            password_must_change: user.password_must_change,
            created_at: instant(user.created_at),
            version: user.version,
        }
    }
}

/// Which users.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// A part of user name, display name or e-mail.
    q: Option<String>,
    /// Whether they may sign in.
    active: Option<bool>,
    limit: Option<u64>,
    after: Option<String>,
}

/// Users by name.
#[utoipa::path(get, path = "/users", tag = "administration", params(UsersQuery), responses((status = 200, body = List<UserBody>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Params(query): Params<UsersQuery>,
) -> Result<Json<List<UserBody>>, Problem> {
    let filter = UserFilter { q: query.q, active: query.active };
    let found = api.app.users(&caller.op, filter, page(query.limit, query.after)?).await?;
    Ok(Json(List { items: found.items.iter().map(UserBody::from).collect(), next: found.next }))
}

/// A user that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    user_name: String,
    display_name: Option<String>,
    email: Option<String>,
    /// `system_administrator`, `approver`, `auditor`, `user`.
    #[serde(default)]
    roles: Vec<String>,
    active: Option<bool>,
    /// Without one, a one-time password is made and answered once.
    password: Option<String>,
}

/// A user that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserCreated {
    #[serde(flatten)]
    user: UserBody,
    /// For one use; shown once.
    one_time_password: Option<String>,
}

fn roles(names: &[String]) -> Result<Vec<Role>, Problem> {
    names.iter().map(|name| parse_named("roles", Role::parse, name)).collect()
}

/// Make a user with an account in the built-in directory.
#[utoipa::path(post, path = "/users", tag = "administration", request_body = NewUserBody, responses((status = 201, body = UserCreated)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<NewUserBody>,
) -> Result<(StatusCode, Json<UserCreated>), Problem> {
    let new = NewUser {
        display_name: body.display_name.unwrap_or_else(|| body.user_name.clone()),
        user_name: body.user_name,
        email: body.email.unwrap_or_default(),
        roles: roles(&body.roles)?,
        active: body.active.unwrap_or(true),
        password: body.password,
    };
    let (user, one_time_password) = api.app.create_user(&caller.op, new).await?;
    Ok((StatusCode::CREATED, Json(UserCreated { user: UserBody::from(&user), one_time_password })))
}

/// One user.
#[utoipa::path(get, path = "/users/{id}", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = UserBody)))]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<UserBody>, Problem> {
    let user = api.app.user(&caller.op, parse("id", &id)?).await?;
    Ok(Json(UserBody::from(&user)))
}

/// What is to be changed of a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChangeBody {
    display_name: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
    active: Option<bool>,
    version: Option<i64>,
}

/// Change a user.
#[utoipa::path(patch, path = "/users/{id}", tag = "administration", params(("id" = String, Path)), request_body = UserChangeBody, responses((status = 200, body = UserBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<UserChangeBody>,
) -> Result<Json<UserBody>, Problem> {
    let change = UserChange {
        display_name: body.display_name,
        email: body.email,
        roles: body.roles.as_deref().map(roles).transpose()?,
        active: body.active,
        version: body.version,
    };
    let user = api.app.change_user(&caller.op, parse("id", &id)?, change).await?;
    Ok(Json(UserBody::from(&user)))
}

/// A password for one use.
#[derive(Serialize, ToSchema)]
pub(crate) struct OneTimePassword {
    one_time_password: String,
}

/// Give a user a password for one use; every sign-in of theirs ends.
#[utoipa::path(post, path = "/users/{id}/reset-password", tag = "administration", params(("id" = String, Path)), responses((status = 200, body = OneTimePassword)))]
pub(crate) async fn reset_password(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<OneTimePassword>, Problem> {
    let one_time_password = api.app.reset_password(&caller.op, parse("id", &id)?).await?;
    Ok(Json(OneTimePassword { one_time_password }))
}
