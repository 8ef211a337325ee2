//! The executable's own pages on the console's and the replay host: plain, light and dark, without script.

use std::sync::LazyLock;

use aws_lc_rs::digest;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2330;--dim:#5a6376;--paper:#f6f7f9;--card:#fff;--line:#dfe3ea;--act:#1f5fbf;--on:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--dim:#a5aec0;--paper:#12151b;--card:#1b2029;--line:#2e3542;--act:#8ab4ff;--on:#12151b}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;\
background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',sans-serif;padding:1.5rem}\
main{max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:2rem}\
h1{font-size:1.3rem;line-height:1.3;margin:0 0 .75rem}p{margin:0 0 1rem}blockquote{margin:0 0 1rem;padding-left:1rem;\
border-left:3px solid var(--act)}form{display:inline}\
.act{display:inline-block;padding:.5rem 1rem;border:1px solid var(--act);border-radius:8px;color:var(--act);\
background:none;font:inherit;cursor:pointer;text-decoration:none;margin-right:.5rem}\
.act.first{background:var(--act);color:var(--on)}.act:hover,.act:focus{text-decoration:underline}";

static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes())));

/// A page. `leads_to` names origins that its form may lead to, beside our own.
pub(crate) fn page(status: StatusCode, title: &str, content: &Markup, leads_to: &str) -> Response<Body> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Chaperone" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    let mut response = Response::new(Body::from(page.into_string()));
    *response.status_mut() = status;
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'self' {leads_to}; frame-ancestors 'none'",
        *STYLE_HASH
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
    );
    response
}
