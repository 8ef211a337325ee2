//! The lab's pages for people and browsers: the list, the senders, the frames.

use axum::{
    Extension,
    extract::Path,
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

use super::{csp, html as documents};
use crate::{
    identity::Principal,
    page::{Area, Page},
};

/// A small page without anything around it.
pub(crate) fn small(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Lab: " (title) } }
            body { h1 { "Lab: " (title) } (body) }
        }
    }
    .into_string()
}

/// `GET /lab`
pub(crate) async fn index(Extension(principal): Extension<Principal>) -> Response {
    let link = |path: &str| html! { li { a href=(path) { (path) } } };
    let body = html! {
        h1 { "Lab" }
        p.hint { "Pages and answers for tests of a gateway. None of them touches the ERP's data." }
        div.columns {
            section.card aria-labelledby="lab-pages" {
                h2 id="lab-pages" { "Pages" }
                ul {
                    @for path in ["/lab/senders", "/lab/frames", "/lab/received", "/lab/echo", "/lab/page-50k", "/lab/json-1k"] { (link(path)) }
                }
                h2 { "Bodies" }
                ul {
                    @for path in [
                        "/lab/drip?pieces=10&every_ms=100", "/lab/endless", "/lab/silent", "/lab/truncated",
                        "/lab/encoded/gzip", "/lab/encoded/br", "/lab/encoded/zstd", "/lab/download",
                        "/lab/huge-headers?bytes=32768", "/lab/status/503", "/lab/redirect/307",
                        "/lab/as-is/no-policy", "/lab/as-is/no-type", "/lab/as-is/cacheable",
                    ] { (link(path)) }
                }
            }
            section.card aria-labelledby="lab-policies" {
                h2 id="lab-policies" { "Policies" }
                ul { @for (row, about) in csp::rows() { li { a href={ "/lab/csp/" (row) } { (row) } ": " (about) } } }
            }
            section.card aria-labelledby="lab-html" {
                h2 id="lab-html" { "HTML" }
                ul { @for kind in documents::kinds() { (link(&format!("/lab/html/{kind}"))) } }
            }
        }
    };
    Page { title: "Lab", area: Area::Lab, principal: &principal, scripts: &[], unread: 0 }
        .show(StatusCode::OK, body)
}

/// `GET /lab/senders`: every way a page can send something.
pub(crate) async fn senders(Extension(principal): Extension<Principal>) -> Response {
    let ways = [
        ("fetch", "Send by fetch"),
        ("xhr", "Send by XMLHttpRequest"),
        ("beacon", "Send by sendBeacon"),
        ("keepalive", "Send by fetch with keepalive"),
        ("no-cors", "Send by fetch with no-cors"),
        ("form-submit", "Send by form.submit()"),
        ("request-submit", "Send by form.requestSubmit()"),
        ("worker", "Send from a worker"),
        ("unload", "Send while leaving the page"),
        ("six", "Six at once beside two event streams"),
        ("websocket", "Send by WebSocket"),
        ("fetch-frame", "Send by fetch of a fresh frame"),
    ];
    let body = html! {
        h1 { "Lab: senders" }
        section.card aria-label="Senders" {
            label { "Amount " input id="amount" name="amount" value="1" autocomplete="off"; }
            div.choices {
                @for (way, label) in ways { button type="button" data-send=(way) { (label) } }
            }
            p { "Last answer: " output id="outcome" { "none" } }
        }
        section.card aria-label="Forms" {
            form id="plain" method="post" action="/lab/sink?via=form&then=/lab/done" aria-label="Plain form" {
                label { "Amount of the form " input name="amount" value="1"; }
                button type="submit" { "Send the form" }
            }
            form id="slow" method="post" action="/lab/sink?via=double&delay_ms=700&then=/lab/done"
                aria-label="Slow form" {
                input type="hidden" name="amount" value="1";
                // A double click aborts the first navigation by starting a second.
                button type="submit" { "Double click me" }
            }
            form id="other-frame" method="post" target="lab-frame" action="/lab/sink?via=frame-form&then=/lab/frame/0"
                aria-label="Form into a frame" {
                input type="hidden" name="amount" value="1";
                button type="submit" { "Send into the frame" }
            }
            iframe name="lab-frame" title="Lab frame" src="/lab/frame/0" {}
            p { a id="get" href="/lab/sink?via=link&then=/lab/done" { "A link that changes something" } " "
                a href="/lab/download" download { "Download" } }
        }
    };
    Page {
        title: "Lab: senders",
        area: Area::Lab,
        principal: &principal,
        scripts: &["lab/senders.js"],
        unread: 0,
    }
    .show(StatusCode::OK, body)
}

/// `GET /lab/frames`: ten frames of the same origin and one of `srcdoc`.
pub(crate) async fn frames(Extension(principal): Extension<Principal>) -> Response {
    let body = html! {
        h1 { "Lab: frames" }
        div.frames {
            @for number in 1..=10_u8 {
                iframe title={ "Frame " (number) } src={ "/lab/frame/" (number) } {}
            }
            iframe title="Frame without an address" srcdoc="<!doctype html><title>srcdoc</title><label>Inner field <input name=inner></label>" {}
        }
    };
    Page { title: "Lab: frames", area: Area::Lab, principal: &principal, scripts: &[], unread: 0 }
        .show(StatusCode::OK, body)
}

/// `GET /lab/frame/{number}`
pub(crate) async fn frame(Path(number): Path<u32>) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { "Frame " (number) }
                link rel="stylesheet" href="/assets/app.css";
                script type="module" src="/assets/lab/frame.js" {}
            }
            body.bare {
                form method="post" action={ "/lab/sink?via=frame-" (number) "&then=/lab/frame/" (number) }
                    aria-label={ "Form in frame " (number) } {
                    label { "Value in frame " (number) " " input name="value"; }
                    button type="submit" { "Send" }
                    button type="button" id="send" { "Send by fetch" }
                }
            }
        }
    };
    Html(page.into_string()).into_response()
}

/// `GET /lab/done`
pub(crate) async fn done() -> Html<String> {
    Html(small("done", &html! { p { "It was done. " a href="/lab/senders" { "Back to the senders" } } }))
}
