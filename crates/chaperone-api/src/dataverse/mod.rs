//! The source's Web API, version 9.2: programs that were made for its audit run here unchanged.
//!
//! A call goes through the same steps as every other: who calls ([`crate::principal`]), which resource ([`path`]),
//! what stands behind the `?` ([`options`], with [`filter`] for its one language), one use case of the app, the answer
//! in the source's form. What is not known is refused, never overlooked. What works and what differs is in
//! `docs/dataverse.md`.
//!
//! | file | what |
//! | --- | --- |
//! | `schema` | the tables and their properties, of which everything else is made |
//! | `path`, `options`, `prefer` | what is asked |
//! | `filter`, `conditions` | `$filter`: grammar, types, conditions with bound values |
//! | `continuation` | where the next page begins, signed |
//! | `call`, `refusal` | the forms of answers and refusals |
//! | `audits`, `details`, `history` | the audit table |
//! | `organizations`, `system_users`, `definitions`, `metadata`, `functions` | the others |

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;

use self::call::{Call, base};
use self::options::Options;
use self::path::{Resource, resource};
use self::prefer::Prefer;
use self::refusal::{Refusal, codes};
use crate::principal::{OverTls, caller};
use crate::{Api, BODY_MAX_BYTES};

mod audits;
mod call;
mod conditions;
mod continuation;
mod definitions;
mod details;
mod filter;
mod functions;
mod history;
mod metadata;
mod options;
mod organizations;
mod path;
mod prefer;
mod refusal;
mod schema;
mod system_users;

/// Where the Web API is.
const ROOT: &str = "/api/data/v9.2";
/// By these a program would act as somebody else.
const IMPERSONATION: [&str; 2] = ["callerobjectid", "mscrmcallerid"];

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route(ROOT, any(handle))
        .route(&format!("{ROOT}/"), any(handle))
        .route(&format!("{ROOT}/{{*path}}"), any(handle))
}

async fn handle(State(api): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let prefer = Prefer::read(&parts.headers);
    let applied = prefer.applied();
    let mut response = match call(&api, &parts, body, prefer).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    if let Some(applied) = applied.and_then(|applied| HeaderValue::from_str(&applied).ok()) {
        headers.insert("preference-applied", applied);
    }
    response
}

async fn call(api: &Api, parts: &Parts, body: Body, prefer: Prefer) -> Result<Response, Refusal> {
    let caller = caller(parts, &api.app).await?;
    if IMPERSONATION.iter().any(|name| parts.headers.contains_key(*name)) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            codes::PRIVILEGE_MISSING,
            "Nobody acts as somebody else here: leave out CallerObjectId and MSCRMCallerID.",
        ));
    }
    let path = parts.uri.path().strip_prefix(ROOT).unwrap_or_default().trim_start_matches('/');
    let resource = resource(path)?;
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let over_tls = parts.extensions.get::<OverTls>().map(|over| over.0);
    let if_match = parts.headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let call = Call {
        base: base(&api.app, &parts.headers, &parts.uri, over_tls),
        app: api.app.clone(),
        op: caller.op,
        options: Options::read(&query)?,
        query,
        prefer,
        if_match,
    };
    let changes = matches!(parts.method, Method::POST | Method::PATCH | Method::PUT | Method::DELETE);
    let body = if changes { read_body(body).await? } else { Vec::new() };
    match (&parts.method, resource) {
        (&Method::GET, Resource::Service) => call.service(),
        (&Method::GET, Resource::Metadata) => call.metadata(),
        (&Method::GET, Resource::WhoAmI) => call.who_am_i(),
        (&Method::GET, Resource::Organizations) => call.organizations().await,
        (&Method::GET, Resource::Organization(id)) => call.organization(id).await,
        (&Method::PATCH, Resource::Organization(id)) => call.change_organization(id, &body).await,
        (&Method::GET, Resource::Audits) => call.audits(None, "audits").await,
        (&Method::GET, Resource::CountOfAudits) => call.count_of_audits().await,
        (&Method::GET, Resource::AuditsOf(user)) => call.audits(Some(user), path).await,
        (&Method::GET, Resource::Audit(id)) => call.audit(id).await,
        (&Method::GET, Resource::AuditDetails(id)) => call.audit_details(id).await,
        (&Method::GET, Resource::SystemUsers) => call.system_users().await,
        (&Method::GET, Resource::SystemUser(id)) => call.system_user(id).await,
        (&Method::GET, Resource::Definitions) => call.definitions().await,
        (&Method::GET, Resource::Definition(wanted)) => call.definition(&wanted).await,
        (&Method::PUT, Resource::Definition(wanted)) => call.change_definition(&wanted, &body).await,
        (&Method::GET, Resource::ChangeHistory(arguments)) => call.change_history(&arguments).await,
        (&Method::POST, Resource::DeleteAuditData) => call.delete_audit_data(&body).await,
        _ => Err(Refusal::method()),
    }
}

async fn read_body(body: Body) -> Result<Vec<u8>, Refusal> {
    match to_bytes(body, BODY_MAX_BYTES).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(_) => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            codes::BAD_BODY,
            format!("The body is larger than {BODY_MAX_BYTES} bytes, or did not come to its end."),
        )),
    }
}
