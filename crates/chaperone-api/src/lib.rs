//! The HTTP API: the public one, which the console uses too.
//!
//! A handler translates: it takes who calls ([`principal`]), reads the body, calls one use case of the app, and writes
//! the answer. What may be done is decided in the app. Every route says who may call it in the table of the test
//! `routes × principals`.
//!
//! | file | what |
//! | --- | --- |
//! | `principal` | who calls: the console's cookie or a bearer token; the defence against calls from other sites |
//! | `problem` | refusals as problem details (RFC 9457) |
//! | `json` | bodies and parameters, read strictly |
//! | `dataverse` | the source's Web API, `/api/data/v9.2` |
//! | the others | one noun each |

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use chaperone_app::App;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod accounts;
mod api_tokens;
mod audit_events;
mod changes;
mod dataverse;
mod directories;
mod event_streams;
mod export;
mod health;
mod json;
mod me;
mod notifications;
mod organization;
mod principal;
mod privileged_sessions;
mod problem;
mod recordings;
mod scheduled_exports;
mod sign_ins;
mod targets;
mod users;
mod wire;

pub use principal::{CONSOLE_COOKIE_NAME, ClientAddress, OverTls, console_cookie};

/// Largest body, in bytes. Nothing that the API takes comes near it.
pub const BODY_MAX_BYTES: usize = 256 * 1024;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chaperone",
        description = "Privileged sessions, their recordings, sign-ins and the trail. The console is a client of this API.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "me", description = "Who is signed in."),
        (name = "privileged-sessions", description = "Ask, decide, open, end."),
        (name = "recordings", description = "What was done."),
        (name = "sign-ins", description = "Who was there, when, through which door."),
        (name = "administration", description = "Users, accounts, targets, settings, the trail."),
        (name = "health", description = "Whether it runs.")
    )
)]
struct Description;

fn routes() -> OpenApiRouter<Api> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(me::sign_in))
        .routes(routes!(me::sign_out))
        .routes(routes!(me::me))
        .routes(routes!(me::change_password))
        .routes(routes!(api_tokens::list, api_tokens::create))
        .routes(routes!(api_tokens::revoke))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::read, users::change))
        .routes(routes!(users::reset_password))
        .routes(routes!(organization::read, organization::change))
        .routes(routes!(directories::list, directories::create))
        .routes(routes!(directories::test_settings))
        .routes(routes!(directories::read, directories::change, directories::remove))
        .routes(routes!(directories::test))
        .routes(routes!(directories::start_import))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::read, accounts::change))
        .routes(routes!(accounts::observe))
        .routes(routes!(targets::list, targets::create))
        .routes(routes!(targets::read, targets::change, targets::remove))
        .routes(routes!(privileged_sessions::list, privileged_sessions::create))
        .routes(routes!(privileged_sessions::read, privileged_sessions::edit))
        .routes(routes!(privileged_sessions::change_status))
        .routes(routes!(privileged_sessions::process))
        .routes(routes!(privileged_sessions::switch_account))
        .routes(routes!(privileged_sessions::extend))
        .routes(routes!(privileged_sessions::open::open))
        .routes(routes!(privileged_sessions::legal_hold::change))
        .routes(routes!(privileged_sessions::logs::audit_log))
        .routes(routes!(privileged_sessions::logs::user_log))
        .routes(routes!(privileged_sessions::logs::recordings))
        .routes(routes!(privileged_sessions::logs::account_log))
        .routes(routes!(notifications::of_session))
        .routes(routes!(notifications::retry))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::read))
        .routes(routes!(recordings::steps))
        .routes(routes!(recordings::exchanges))
        .routes(routes!(recordings::events))
        .routes(routes!(recordings::download))
        .routes(routes!(sign_ins::list))
        .routes(routes!(sign_ins::totals))
        .routes(routes!(sign_ins::end))
        .routes(routes!(scheduled_exports::list, scheduled_exports::create))
        .routes(routes!(scheduled_exports::read, scheduled_exports::change, scheduled_exports::remove))
        .routes(routes!(scheduled_exports::runs))
        .routes(routes!(scheduled_exports::run))
        .routes(routes!(scheduled_exports::check))
        .routes(routes!(audit_events::list))
        .routes(routes!(event_streams::list))
        .routes(routes!(event_streams::test))
        .routes(routes!(changes::changes));
    OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::keys))
}

/// The routes of the console's host that are API.
pub fn router(app: Arc<App>) -> Router {
    let (router, description) = routes().split_for_parts();
    let description = serde_json::to_string(&with_names(description)).unwrap_or_default();
    let described = move || {
        let description = description.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], description) }
    };
    router
        .route("/api/v1/openapi.json", axum::routing::get(described))
        .merge(dataverse::routes())
        .route("/api/{*unknown}", axum::routing::any(problem::no_such_route))
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(map_response(harden))
        .with_state(Api { app })
}

/// The description of the API (OpenAPI 3.1).
pub fn openapi() -> utoipa::openapi::OpenApi {
    with_names(routes().into_openapi())
}

/// Gives every operation a name of its own, from its method and path: `get_users_id`. Handlers of different nouns
/// have the same names in the code.
fn with_names(mut description: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut description.paths.paths {
        let words = path.trim_start_matches("/api/v1").replace(['{', '}'], "").replace(['/', '-', '.'], "_");
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}{words}"));
            }
        }
    }
    description
}

/// Answers are nobody else's: not kept by caches, not shown in frames, not guessed at.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}
