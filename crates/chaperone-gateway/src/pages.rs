//! Our own pages on a target's host: plain, calm, light and dark, without any script.
//!
//! They are answered where the application would have been, so they promise nothing in its name and load nothing
//! from anywhere. Programs get the same as RFC 9457 problem details.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode, request};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::json;

use crate::body::{Body, full};
use crate::errors::{Answer, Next, Refused};

/// Where a refused recorder is tried again.
pub(crate) const RETRY_PATH: &str = "/.chaperone/retry";
/// What problem types begin with, here as in the API.
const PROBLEM_TYPE: &str = "/problems/";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2330;--dim:#5a6376;--paper:#f6f7f9;--card:#fff;--line:#dfe3ea;--act:#1f5fbf}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--dim:#a5aec0;--paper:#12151b;--card:#1b2029;--line:#2e3542;--act:#8ab4ff}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;\
background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif;padding:1.5rem}\
main{max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:2rem}\
h1{font-size:1.3rem;line-height:1.3;margin:0 0 .75rem}p{margin:0 0 1rem}small{color:var(--dim)}\
a.act{display:inline-block;padding:.5rem 1rem;border:1px solid var(--act);border-radius:8px;color:var(--act);\
text-decoration:none;margin-right:.5rem}a.act:hover,a.act:focus{text-decoration:underline}";

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Where a page leads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The application's name, where it is known.
    pub target: Option<&'a str>,
    /// The console's address, without a slash at the end.
    pub console: &'a str,
    /// The path that was asked for, if it may be asked for again.
    pub retry: Option<&'a str>,
}

/// What of a request decides how it is refused.
pub(crate) struct Asked {
    page: bool,
    path: Option<String>,
}

impl Asked {
    /// Of this request.
    pub(crate) fn of(parts: &request::Parts) -> Self {
        let page = wants_page(&parts.headers);
        // Only what can be asked again by a link is offered again.
        let path = parts.uri.path_and_query().filter(|_| page && parts.method == Method::GET);
        let path = path.and_then(|path| crate::entry::host_relative(path.as_str())).map(str::to_owned);
        Self { page, path }
    }

    /// The path to try again.
    pub(crate) fn retry(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

/// Whether whoever asks is a person with a browser who would see a page.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text(ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html")),
    }
}

/// The answer to a refused request.
pub(crate) fn refusal(refused: &Refused, asked: &Asked, place: Place<'_>) -> Response<Body> {
    let answer = refused.answer();
    let mut response =
        if asked.page { page(answer.status, answer.title, &body(&answer, place)) } else { problem(&answer) };
    if answer.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn body(answer: &Answer, place: Place<'_>) -> Markup {
    let retry = place.retry.unwrap_or("/");
    html! {
        h1 { (answer.title) }
        p { (answer.detail) }
        p {
            @match answer.next {
                Next::Nothing => {}
                Next::Retry => a.act href=(retry) { "Try again" },
                Next::RetryRecorder => a.act href={ (RETRY_PATH) "?to=" (encoded(retry)) } { "Try again" },
                Next::Console => a.act href={ (place.console) "/my-access" } { "My access" },
            }
        }
        p { small {
            @if let Some(target) = place.target { (target) " · " }
            "Chaperone · " (answer.name)
        } }
    }
}

/// A page of ours.
pub(crate) fn page(status: StatusCode, title: &str, content: &Markup) -> Response<Body> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    };
    let mut response = own(status, full(markup.into_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// The page of somebody who has signed out.
pub(crate) fn signed_out(console: &str) -> Response<Body> {
    let content = html! {
        h1 { "You have signed out" }
        p { "Your sign-in to this application is over." }
        p { a.act href={ (console) "/my-access" } { "My access" } }
    };
    page(StatusCode::OK, "Signed out", &content)
}

fn problem(answer: &Answer) -> Response<Body> {
    let body = json!({
        "type": format!("{PROBLEM_TYPE}{}", answer.name),
        "title": answer.title,
        "status": answer.status.as_u16(),
        "detail": answer.detail,
    });
    let mut response = own(answer.status, full(body.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// An answer of ours with the headers that all of them have.
pub(crate) fn own(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    response
}

/// A text for use in a query.
pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn people_get_a_page_and_programs_a_problem() {
        assert!(wants_page(&headers(&[("sec-fetch-mode", "navigate"), ("accept", "*/*")])));
        assert!(!wants_page(&headers(&[("sec-fetch-mode", "cors"), ("accept", "text/html")])));
        assert!(wants_page(&headers(&[("accept", "text/html,*/*")])));
        assert!(!wants_page(&headers(&[("accept", "application/json")])));
        assert!(!wants_page(&headers(&[])));
    }

    #[test]
    fn nothing_in_a_page_is_markup_of_others() {
        let place = Place { target: Some("<b>ERP"), console: "http://c", retry: Some("/\"><script>") };
        let markup = body(&Refused::RecorderBlocked.answer(), place).into_string();
        assert!(!markup.contains("<b>") && !markup.contains("<script>"), "{markup}");
        assert!(markup.contains("/.chaperone/retry?to=%2F%22%3E%3Cscript%3E"), "{markup}");
    }

    #[test]
    fn our_pages_run_and_load_nothing() {
        let response = page(StatusCode::OK, "T", &html! {});
        let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    }
}
