//! One page for each way a Content-Security-Policy can stand in a recorder's way.
//!
//! Every page holds the same: an inline script and an external one, each leaving a mark on the root element,
//! and a form. A test compares the marks with and without the gateway: an edited policy must neither stop the
//! page's own scripts nor let scripts run that the page had forbidden.

use aws_lc_rs::digest;
use axum::{
    extract::Path,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, PreEscaped, html};

use crate::page::Nonce;

/// The page's own inline script.
const INLINE: &str = "document.documentElement.dataset.inline = 'ran';";

const REPORT_ONLY: HeaderName = HeaderName::from_static("content-security-policy-report-only");

/// Row name and what it is about.
const ROWS: [(&str, &str); 20] = [
    ("nonce", "a nonce"),
    ("hash", "a hash of the inline script"),
    ("strict-dynamic", "strict-dynamic with a nonce"),
    ("unsafe-inline", "unsafe-inline without nonce or hash: a nonce added here would break the page"),
    ("unsafe-inline-and-nonce", "unsafe-inline that a nonce already switches off"),
    ("host-list", "a list of hosts"),
    ("script-none", "script-src 'none'"),
    ("default-only", "no script-src, default-src instead"),
    ("default-none", "default-src 'none' alone"),
    ("connect-none", "connect-src 'none'"),
    ("connect-elsewhere", "connect-src that lacks self"),
    ("worker-none", "worker-src 'none'"),
    ("trusted-types", "require-trusted-types-for 'script'"),
    ("sandbox", "sandbox without scripts"),
    ("sandbox-scripts", "sandbox with scripts, opaque origin"),
    ("report-only", "a report-only policy"),
    ("two-headers", "two headers that both apply"),
    ("comma", "two policies in one header"),
    ("meta", "a policy in a meta element"),
    ("script-src-elem", "script-src-elem beside script-src"),
];

/// A row's policies: enforced headers, report-only header, meta element.
#[derive(Debug, Default)]
struct Policies {
    headers: Vec<String>,
    report_only: Option<String>,
    meta: Option<String>,
}

fn policies(row: &str, nonce: &str, hash: &str) -> Option<Policies> {
    let one = |policy: String| Some(Policies { headers: vec![policy], ..Policies::default() });
    match row {
        "nonce" => one(format!("default-src 'self'; script-src 'self' 'nonce-{nonce}'")),
        "hash" => one(format!("default-src 'self'; script-src 'self' 'sha256-{hash}'")),
        "strict-dynamic" => one(format!("script-src 'strict-dynamic' 'nonce-{nonce}'; object-src 'none'")),
        "unsafe-inline" => one("default-src 'self'; script-src 'self' 'unsafe-inline'".to_owned()),
        "unsafe-inline-and-nonce" => one(format!("script-src 'self' 'unsafe-inline' 'nonce-{nonce}'")),
        "host-list" => one("script-src https://static.example https://cdn.example".to_owned()),
        "script-none" => one("default-src 'self'; script-src 'none'".to_owned()),
        "default-only" => one("default-src 'self'".to_owned()),
        "default-none" => one("default-src 'none'".to_owned()),
        "connect-none" => one("script-src 'self' 'unsafe-inline'; connect-src 'none'".to_owned()),
        "connect-elsewhere" => {
            one("script-src 'self' 'unsafe-inline'; connect-src https://api.example".to_owned())
        }
        "worker-none" => one("script-src 'self' 'unsafe-inline'; worker-src 'none'".to_owned()),
        "trusted-types" => one(format!(
            "script-src 'self' 'nonce-{nonce}'; require-trusted-types-for 'script'; trusted-types lab"
        )),
        "sandbox" => one("sandbox allow-forms".to_owned()),
        "sandbox-scripts" => {
            one("sandbox allow-scripts allow-forms; script-src 'self' 'unsafe-inline'".to_owned())
        }
        "report-only" => Some(Policies {
            report_only: Some(
                "default-src 'self'; script-src 'self'; report-uri /lab/sink?via=csp-report".to_owned(),
            ),
            ..Policies::default()
        }),
        "two-headers" => Some(Policies {
            headers: vec![
                format!("script-src 'self' 'nonce-{nonce}'"),
                "script-src 'self' 'unsafe-inline'; connect-src 'self'".to_owned(),
            ],
            ..Policies::default()
        }),
        "comma" => one(format!("script-src 'self' 'nonce-{nonce}', default-src 'self' 'unsafe-inline'")),
        "meta" => Some(Policies {
            meta: Some(format!("default-src 'self'; script-src 'self' 'nonce-{nonce}'")),
            ..Policies::default()
        }),
        "script-src-elem" => one(format!("script-src 'none'; script-src-elem 'self' 'nonce-{nonce}'")),
        _ => None,
    }
}

/// `GET /lab/csp/{row}`
pub(crate) async fn show(Path(row): Path<String>) -> Response {
    let nonce = Nonce::random();
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, INLINE.as_bytes()));
    let Some(policies) = policies(&row, nonce.as_str(), &hash) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let about = ROWS.iter().find(|(name, _)| *name == row).map_or("", |(_, about)| *about);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if let Some(policy) = &policies.meta {
                    meta http-equiv="Content-Security-Policy" content=(policy);
                }
                title { "Lab: policy " (row) }
                script nonce=(nonce.as_str()) { (PreEscaped(INLINE)) }
                script nonce=(nonce.as_str()) src="/assets/lab/mark.js" {}
            }
            body {
                h1 { "Lab: policy with " (about) }
                form method="post" action={ "/lab/sink?via=csp-" (row) "&then=/lab/done" } aria-label="Lab form" {
                    label { "Amount " input name="amount" value="1"; }
                    button type="submit" { "Send" }
                }
            }
        }
    };
    let mut response = Html(page.into_string()).into_response();
    let headers = response.headers_mut();
    for policy in &policies.headers {
        if let Ok(value) = HeaderValue::from_str(policy) {
            headers.append(header::CONTENT_SECURITY_POLICY, value);
        }
    }
    if let Some(value) = policies.report_only.and_then(|policy| HeaderValue::from_str(&policy).ok()) {
        headers.insert(REPORT_ONLY, value);
    }
    if policies.headers.is_empty() {
        // Otherwise the application's own policy would be added and hide the row.
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("object-src 'none'"));
    }
    response
}

/// All rows, for the list.
pub(crate) fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.into_iter()
}

#[cfg(test)]
mod tests {
    use super::{policies, rows};

    #[test]
    fn every_row_has_a_policy() {
        for (row, _) in rows() {
            assert!(policies(row, "n", "h").is_some(), "{row}");
        }
    }
}
