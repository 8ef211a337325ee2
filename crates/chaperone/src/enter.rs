//! `/enter`: where a browser that a target does not know yet comes by, and goes back with a one-time code.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use chaperone_api::{ClientAddress, console_cookie};
use chaperone_app::entry::{EntryRefused, EntryRequest};
use chaperone_app::{App, AppError, Client, Op};
use chaperone_domain::sign_in::SignIn;
use chaperone_domain::target::Target;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode, Uri, header};
use maud::{Markup, html};
use serde::Deserialize;

use crate::pages;

/// What the target's host hands over.
#[derive(Clone, Deserialize)]
pub(crate) struct Asked {
    target: String,
    nonce: String,
    #[serde(rename = "return", default)]
    return_path: String,
    sign_in: Option<String>,
}

/// The same, from the page that asks for consent.
#[derive(Deserialize)]
pub(crate) struct Agreed {
    target: String,
    nonce: String,
    #[serde(rename = "return", default)]
    return_path: String,
    csrf_token: String,
}

fn client(address: Option<axum::Extension<ClientAddress>>, headers: &HeaderMap) -> Client {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Client::new(address.map(|address| address.0.0).unwrap_or_default().as_str(), agent)
}

/// Who is signed in to the console; otherwise the page of the console to go by first.
async fn signed_in(
    app: &App,
    client: Client,
    headers: &HeaderMap,
) -> Result<Result<(Op, SignIn), &'static str>, AppError> {
    let Some(secret) = console_cookie(headers) else { return Ok(Err("/sign-in")) };
    match app.authenticate_cookie(secret, client).await {
        Ok((op, _)) if op.user().is_ok_and(|user| user.password_must_change) => Ok(Err("/change-password")),
        Ok(found) => Ok(Ok(found)),
        Err(AppError::NotSignedIn) => Ok(Err("/sign-in")),
        Err(error) => Err(error),
    }
}

pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    address: Option<axum::Extension<ClientAddress>>,
    headers: HeaderMap,
    uri: Uri,
    Query(asked): Query<Asked>,
) -> Response {
    let (op, sign_in) = match signed_in(&app, client(address, &headers), &headers).await {
        Ok(Ok(found)) => found,
        // The console asks for name and password there, and comes back to this address.
        Ok(Err(page)) => {
            // Over HTTP/2 a request's address holds the host too; the console comes back to paths only.
            let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
            let here: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
            return see_other(&format!("{page}?then={here}"));
        }
        Err(error) => return cannot(&error),
    };
    let (Ok(target_id), Ok(sign_in_id)) =
        (asked.target.parse(), asked.sign_in.as_deref().map(str::parse).transpose())
    else {
        return refused(&app, EntryRefused::NotYours, None);
    };
    let request = EntryRequest {
        target_id,
        nonce: asked.nonce.clone(),
        return_path: asked.return_path.clone(),
        sign_in_id,
        consent: false,
    };
    match app.begin_entry(&op, request).await {
        Ok(address) => see_other(&address),
        Err(EntryRefused::ConsentNeeded) => {
            let target = app.target(&op, target_id).await.ok();
            let csrf_token = app.keys().csrf_token(sign_in.id.uuid());
            consent(&app, &asked, target.as_ref(), &csrf_token).await
        }
        Err(why) => refused(&app, why, app.target(&op, target_id).await.ok().as_ref()),
    }
}

pub(crate) async fn agree(
    State(app): State<Arc<App>>,
    address: Option<axum::Extension<ClientAddress>>,
    headers: HeaderMap,
    Form(agreed): Form<Agreed>,
) -> Response {
    let own = headers.get(header::ORIGIN).is_some_and(|origin| origin == app.addresses().console.as_str());
    let (op, sign_in) = match signed_in(&app, client(address, &headers), &headers).await {
        Ok(Ok(found)) if own => found,
        Ok(_) => return refused(&app, EntryRefused::NotYours, None),
        Err(error) => return cannot(&error),
    };
    let Ok(target_id) = agreed.target.parse() else { return refused(&app, EntryRefused::NotYours, None) };
    if !app.keys().csrf_token_fits(sign_in.id.uuid(), &agreed.csrf_token) {
        return refused(&app, EntryRefused::NotYours, None);
    }
    let request = EntryRequest {
        target_id,
        nonce: agreed.nonce,
        return_path: agreed.return_path,
        sign_in_id: None,
        consent: true,
    };
    match app.begin_entry(&op, request).await {
        Ok(address) => see_other(&address),
        Err(why) => refused(&app, why, app.target(&op, target_id).await.ok().as_ref()),
    }
}

fn see_other(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address), (header::CACHE_CONTROL, "no-store")])
        .into_response()
}

fn cannot(error: &AppError) -> Response {
    tracing::error!(?error, "nobody can be let in");
    let content =
        html! { p { "Chaperone cannot look up who you are at the moment. Try again in a minute." } };
    pages::page(StatusCode::SERVICE_UNAVAILABLE, "Not now", &content, "")
}

async fn consent(app: &App, asked: &Asked, target: Option<&Target>, csrf_token: &str) -> Response {
    let notice = match app.organization().await {
        Ok(organization) => organization.recording_notice,
        Err(error) => return cannot(&error),
    };
    let name = target.map_or("This application", |target| target.name.as_str());
    let leads_to = target.map(|target| app.target_address(target)).unwrap_or_default();
    let content = html! {
        p { strong { (name) } " is used with recording, by everybody." }
        blockquote { (notice) }
        form method="post" action="/enter" {
            input type="hidden" name="target" value=(asked.target);
            input type="hidden" name="nonce" value=(asked.nonce);
            input type="hidden" name="return" value=(asked.return_path);
            input type="hidden" name="csrf_token" value=(csrf_token);
            button.act.first type="submit" { "Agree and go on" }
        }
        a.act href="/" { "Not now" }
    };
    pages::page(StatusCode::OK, "You will be recorded", &content, &leads_to)
}

/// Why somebody does not get in, and what to do.
fn refused(app: &App, why: EntryRefused, target: Option<&Target>) -> Response {
    let name = target.map_or("the application", |target| target.name.as_str());
    let console = &app.addresses().console;
    let (status, title, text): (_, _, Markup) = match why {
        EntryRefused::NoAccount => (
            StatusCode::FORBIDDEN,
            "No account for everyday work",
            html! {
                p { "You own no account in " strong { (name) } " that may be used outside a privileged session." }
                p { "To work with a privileged account, ask for a privileged session, and open it from " em { "My access" } " once it is active." }
            },
        ),
        EntryRefused::AccountDisabled => (
            StatusCode::FORBIDDEN,
            "The account is disabled",
            html! {
                p { "Your own account in " strong { (name) } " is disabled." }
                p {
                    "To work with a privileged account, ask for a privileged session, and open it from " em { "My access" }
                    " once it is active. For everyday work a system administrator can enable your own account."
                }
            },
        ),
        EntryRefused::AccountInSession => (
            StatusCode::FORBIDDEN,
            "A privileged session holds your account",
            html! { p { "Until the session is over and the account is back, your account in " strong { (name) } " is used in that session only, and recorded. Open it from " em { "My access" } "." } },
        ),
        EntryRefused::SignInOver => (
            StatusCode::FORBIDDEN,
            "The sign-in is over",
            html! { p { "The sign-in that this address belongs to has ended. Open the session again from " em { "My access" } ", if it still goes on." } },
        ),
        EntryRefused::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Not now",
            html! { p { "You cannot be let in at the moment; nothing was begun. Try again in a minute, and tell the operator if it stays so." } },
        ),
        EntryRefused::NotYours
        | EntryRefused::CodeInvalid
        | EntryRefused::UserInactive
        | EntryRefused::ConsentNeeded => (
            StatusCode::FORBIDDEN,
            "This does not lead anywhere",
            html! { p { "The address belongs to somebody else's sign-in, or is not complete. Begin again from the console." } },
        ),
    };
    let content = html! {
        (text)
        a.act.first href=(format!("{console}/my-access")) { "My access" }
        a.act href=(format!("{console}/")) { "Console" }
    };
    pages::page(status, title, &content, "")
}
