//! The Content-Security-Policy of every page: strict, as a careful application's is.
//!
//! Inline scripts run only with a nonce, and only on server-rendered pages; the part that routes in the browser
//! has none and allows none.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::page::Nonce;

const COMMON: &str = "object-src 'none'; base-uri 'none'; frame-ancestors 'self'; connect-src 'self'";

/// For server-rendered pages.
pub(crate) fn server_rendered(nonce: &Nonce) -> String {
    format!("default-src 'self'; script-src 'self' 'nonce-{}'; {COMMON}", nonce.as_str())
}

/// For the part that routes in the browser, and for everything that is no page.
pub(crate) fn without_inline() -> String {
    format!("default-src 'self'; script-src 'self'; {COMMON}")
}

/// Sets a header whose value is made here, never by a user. A value that cannot be a header is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            headers.insert(name, value);
        }
        Err(problem) => tracing::error!(%name, %problem, "a header cannot be sent"),
    }
}

/// What every answer carries that has not said otherwise itself.
pub(crate) fn complete(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        set(headers, header::CONTENT_SECURITY_POLICY, &without_inline());
    }
    if !headers.contains_key(header::X_CONTENT_TYPE_OPTIONS) {
        set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    if !headers.contains_key(header::REFERRER_POLICY) {
        set(headers, header::REFERRER_POLICY, "same-origin");
    }
}
