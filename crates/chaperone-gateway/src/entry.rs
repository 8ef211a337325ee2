//! The gateway's own paths on every target's host, all under `/.chaperone/`: the way in and out, the recorder's
//! script, its batches, and another try when it was blocked.
//!
//! The way in: an unknown browser gets a nonce in a cookie of this host and goes to the console; the console sends
//! it back with a one-time code that is bound to the host and the nonce; the code becomes the sign-in's cookie, and
//! a redirect takes the code out of the address. No cookie crosses hosts.

use std::sync::Arc;

use chaperone_app::gate::{LiveSignIn, Recorded};
use chaperone_app::secrets;
use chaperone_domain::target::Target;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH,
    HeaderMap, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
};
use http::{Method, Response, StatusCode, request};
use hyper::body::Incoming;

use crate::body::{Body, empty};
use crate::documents::RecordedSignIn;
use crate::errors::Refused;
use crate::headers::{COOKIE_NAME, Host, NONCE_COOKIE_NAME, cookie};
use crate::identify::{client, identify};
use crate::limits::{BATCH_MAX_BYTES, NONCE_SECONDS, PATH_MAX_BYTES};
use crate::pages::RETRY_PATH;
use crate::{Gateway, Peer, ingest, pages};

/// What all of our own paths begin with.
pub(crate) const OWN_PATHS: &str = "/.chaperone/";
/// Where a browser without scripts is sent.
pub(crate) const BLOCKED_PATH: &str = "/.chaperone/blocked";
const BATCH_PATH: &str = "/.chaperone/v1/batch";
const START_PATH: &str = "/.chaperone/start";
const ENTER_PATH: &str = "/.chaperone/enter";
const SIGN_OUT_PATH: &str = "/.chaperone/sign-out";

/// Characters of a secret in base64url.
const SECRET_CHARS: usize = 43;

/// Answers a request to one of our own paths.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    parts: &request::Parts,
    body: Incoming,
    target: &Target,
    host: &Host,
    peer: &Peer,
) -> Result<Response<Body>, Refused> {
    let path = parts.uri.path();
    if let Some(recorder) = &gateway.recorder
        && path == recorder.path()
        && parts.method == Method::GET
    {
        return Ok(recorder.answer());
    }
    match (&parts.method, path) {
        (&Method::POST, BATCH_PATH) => batch(gateway, parts, body, target, host, peer).await,
        (&Method::OPTIONS, BATCH_PATH) => Ok(preflight(&parts.headers)),
        (&Method::GET, START_PATH) => {
            let sign_in = query(parts, "sign_in").and_then(|id| id.parse().ok());
            Ok(to_console(gateway, target, &parts.headers, "/", sign_in))
        }
        (&Method::GET, ENTER_PATH) => enter(gateway, parts, target, peer).await,
        (&Method::POST, SIGN_OUT_PATH) => sign_out(gateway, parts, target, peer).await,
        (&Method::GET, BLOCKED_PATH) => Err(Refused::RecorderBlocked),
        (&Method::GET, RETRY_PATH) => retry(gateway, parts, target, peer).await,
        _ => Err(Refused::UnknownPath),
    }
}

/// Sends a browser that nobody knows to the console; `return_path` is where it wanted to go.
pub(crate) fn to_console(
    gateway: &Gateway,
    target: &Target,
    headers: &HeaderMap,
    return_path: &str,
    sign_in: Option<chaperone_domain::ids::SignInId>,
) -> Response<Body> {
    // Tabs that are opened side by side share one nonce, so that none of them shuts the others out.
    let known = cookie(headers, NONCE_COOKIE_NAME).filter(|nonce| is_secret(nonce));
    let nonce = known.map_or_else(secrets::new_secret, str::to_owned);
    let mut response = see_other(&gateway.app.enter_address(target, &nonce, return_path, sign_in));
    set_cookie(
        &mut response,
        &format!(
            "{NONCE_COOKIE_NAME}={nonce}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={NONCE_SECONDS}"
        ),
    );
    response
}

/// Redeems a one-time code: only a top-level navigation of the browser that left here may bring it.
async fn enter(
    gateway: &Gateway,
    parts: &request::Parts,
    target: &Target,
    peer: &Peer,
) -> Result<Response<Body>, Refused> {
    let fetched_as = |name: &str, value: &str| parts.headers.get(name).is_none_or(|told| told == value);
    let navigates = fetched_as("sec-fetch-mode", "navigate") && fetched_as("sec-fetch-dest", "document");
    let code = query(parts, "code").filter(|_| navigates);
    let nonce = cookie(&parts.headers, NONCE_COOKIE_NAME).filter(|nonce| is_secret(nonce));
    let redeemed = gateway
        .app
        .redeem(target, code.as_deref().zip(nonce), &client(&parts.headers, peer))
        .await
        .map_err(Refused::Entry)?;
    let mut response = see_other(host_relative(&redeemed.return_path).unwrap_or("/"));
    set_cookie(
        &mut response,
        &format!("{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax", redeemed.secret),
    );
    set_cookie(
        &mut response,
        &format!("{NONCE_COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"),
    );
    let live = gateway.app.identify_cookie(&redeemed.secret, &target.host).await.ok().flatten();
    if live.is_some_and(|live| matches!(live.recorded, Recorded::Here(_))) {
        // Pages that the browser kept from before have no recorder in them.
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    }
    Ok(response)
}

async fn sign_out(
    gateway: &Gateway,
    parts: &request::Parts,
    target: &Target,
    peer: &Peer,
) -> Result<Response<Body>, Refused> {
    let site = parts.headers.get("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return Err(Refused::UnknownPath);
    }
    if let Some(live) = identify(&gateway.app, target, &parts.headers, peer).await? {
        gateway.app.sign_out_target(&live).await.map_err(|_| Refused::CannotAsk)?;
    }
    let mut response = pages::signed_out(&gateway.app.addresses().console);
    set_cookie(&mut response, &format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"));
    Ok(response)
}

async fn retry(
    gateway: &Gateway,
    parts: &request::Parts,
    target: &Target,
    peer: &Peer,
) -> Result<Response<Body>, Refused> {
    // Only the person's own click on our page may do this, not a picture on the application's.
    let fetched_as = |name: &str, value: &str| parts.headers.get(name).is_none_or(|told| told == value);
    if !fetched_as("sec-fetch-mode", "navigate") {
        return Err(Refused::UnknownPath);
    }
    if let Some(recorded) = recorded(gateway, &parts.headers, target, peer).await? {
        recorded.forgive(gateway.app.now());
    }
    let to = query(parts, "to").unwrap_or_default();
    Ok(see_other(host_relative(&to).unwrap_or("/")))
}

async fn batch(
    gateway: &Arc<Gateway>,
    parts: &request::Parts,
    body: Incoming,
    target: &Target,
    host: &Host,
    peer: &Peer,
) -> Result<Response<Body>, Refused> {
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BATCH_MAX_BYTES as u64) {
        return Err(Refused::BodyTooLarge);
    }
    let recorded = recorded(gateway, &parts.headers, target, peer).await?;
    Ok(ingest::answer(gateway, recorded, origin_is_opaque(&parts.headers), body, &host.authority).await)
}

/// The recorded sign-in that the cookie names, if any.
async fn recorded(
    gateway: &Gateway,
    headers: &HeaderMap,
    target: &Target,
    peer: &Peer,
) -> Result<Option<Arc<RecordedSignIn>>, Refused> {
    let live = identify(&gateway.app, target, headers, peer).await?;
    Ok(live.and_then(|live| gateway.recorded(&live)))
}

fn origin_is_opaque(headers: &HeaderMap) -> bool {
    headers.get(ORIGIN).is_some_and(|origin| origin == "null")
}

/// Pages in a sandbox ask first whether they may upload.
fn preflight(headers: &HeaderMap) -> Response<Body> {
    let mut response = pages::own(StatusCode::NO_CONTENT, empty());
    if origin_is_opaque(headers) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("null"));
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    }
    response
}

fn see_other(to: &str) -> Response<Body> {
    let mut response = pages::own(StatusCode::SEE_OTHER, empty());
    let location = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(LOCATION, location);
    response
}

fn set_cookie(response: &mut Response<Body>, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn query(parts: &request::Parts, name: &str) -> Option<String> {
    let query = parts.uri.query()?;
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

fn is_secret(text: &str) -> bool {
    text.len() == SECRET_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The path, if it stays on this host whatever a browser makes of it, and leads to the application.
pub(crate) fn host_relative(path: &str) -> Option<&str> {
    let mut bytes = path.bytes();
    let stays = bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.len() <= PATH_MAX_BYTES
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !path.starts_with(OWN_PATHS);
    stays.then_some(path)
}

/// Whether a live sign-in is recorded here.
pub(crate) fn writer(live: &LiveSignIn) -> Option<&Arc<chaperone_recording::Writer>> {
    match &live.recorded {
        Recorded::Here(writer) => Some(writer),
        Recorded::No | Recorded::Unavailable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_stays_on_its_host() {
        for good in ["/", "/vendors/V-100?tab=bank", "/a//b", "/%2F%2Fevil"] {
            assert_eq!(host_relative(good), Some(good));
        }
        for bad in [
            "",
            "vendors",
            "//evil",
            "/\\evil",
            "\\\\evil",
            "https://evil",
            "/a\nb",
            "/a b",
            "/a\\b",
            "/.chaperone/enter?code=x",
            "/\tevil",
        ] {
            assert_eq!(host_relative(bad), None, "{bad:?}");
        }
    }
}
