//! The frame around every server-rendered page.

use aws_lc_rs::rand;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{identity::Principal, policy};

/// The one inline script of server-rendered pages. It is constant: nothing of a user's ever stands in it.
const INLINE: &str = "document.documentElement.classList.add('js');\
    document.documentElement.dataset.shown = String(Date.now());";

/// Allows the inline script of one page, once.
#[derive(Debug)]
pub(crate) struct Nonce(String);

impl Nonce {
    pub(crate) fn random() -> Self {
        let mut bytes = [0_u8; 16];
        // Without randomness the page goes out without a usable nonce and its inline script does not run: that
        // fails closed, and the pages work without it.
        if rand::fill(&mut bytes).is_err() {
            tracing::error!("no randomness for a nonce");
        }
        Self(STANDARD.encode(bytes))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Dashboard,
    Vendors,
    Orders,
    Changes,
    Lab,
}

const AREAS: [(Area, &str, &str); 5] = [
    (Area::Dashboard, "Dashboard", "/"),
    (Area::Vendors, "Vendors", "/vendors"),
    (Area::Orders, "Purchase orders", "/orders"),
    (Area::Changes, "Change log", "/changes"),
    (Area::Lab, "Lab", "/lab"),
];

/// One page with the application's frame around it.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) area: Area,
    pub(crate) principal: &'a Principal,
    /// Modules to load, paths under `/assets/`.
    pub(crate) scripts: &'a [&'a str],
    pub(crate) unread: usize,
}

impl Page<'_> {
    /// The page with its nonce and policy.
    pub(crate) fn show(self, status: StatusCode, body: Markup) -> Response {
        let nonce = Nonce::random();
        let markup = self.markup(Some(&nonce), body);
        with_policy(status, &policy::server_rendered(&nonce), markup)
    }

    /// The page without any inline script, for the part that routes in the browser.
    pub(crate) fn show_without_inline(self, body: Markup) -> Response {
        let markup = self.markup(None, body);
        with_policy(StatusCode::OK, &policy::without_inline(), markup)
    }

    fn markup(&self, nonce: Option<&Nonce>, body: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    (head(self.title, nonce))
                    script type="module" src="/assets/erp.js" {}
                    @for script in self.scripts {
                        script type="module" src={ "/assets/" (script) } {}
                    }
                }
                body data-account=(self.principal.account) {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        a.brand href="/" { span.mark aria-hidden="true" { "L" } "Larkfell ERP" }
                        nav aria-label="Main" {
                            @for (area, name, path) in AREAS {
                                a href=(path) aria-current=[(area == self.area).then_some("page")] { (name) }
                            }
                        }
                        div.who {
                            button.bell type="button" id="bell" aria-label="Notifications" aria-expanded="false" {
                                span aria-hidden="true" { "●" }
                                span.count id="unread" data-count=(self.unread) { (self.unread) }
                            }
                            span.person title=[self.principal.email.as_deref()] {
                                @if let Some(user) = &self.principal.user {
                                    (self.principal.account)
                                    small { "used by " (user) }
                                } @else {
                                    (self.principal.name)
                                }
                            }
                            form method="post" action="/sign-out" {
                                button.quiet type="submit" { "Sign out" }
                            }
                        }
                    }
                    div.inbox id="inbox" role="region" aria-label="Notifications" hidden {}
                    main id="main" { (body) }
                    div.toasts id="toasts" role="status" aria-live="polite" {}
                }
            }
        }
    }
}

/// A page with nothing around it: sign-in, refusals, print views.
pub(crate) fn bare(status: StatusCode, title: &str, nonce: &Nonce, body: Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head { (head(title, Some(nonce))) }
            body.bare { main.card id="main" { p.brand { span.mark aria-hidden="true" { "L" } "Larkfell ERP" } (body) } }
        }
    };
    with_policy(status, &policy::server_rendered(nonce), markup)
}

fn head(title: &str, nonce: Option<&Nonce>) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        title { (title) " · Larkfell ERP" }
        link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
        link rel="stylesheet" href="/assets/app.css";
        @if let Some(nonce) = nonce {
            script nonce=(nonce.as_str()) { (PreEscaped(INLINE)) }
        }
    }
}

/// What everybody sees who comes past the gateway. It has no style sheet and no link: there is nothing here.
pub(crate) fn only_through_the_gateway() -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Not reachable" } }
            body { h1 { "This application is only reachable through its gateway" } }
        }
    };
    with_policy(StatusCode::FORBIDDEN, "default-src 'none'; frame-ancestors 'none'", markup)
}

/// A page that says what went wrong and leads back.
pub(crate) fn problem(
    status: StatusCode,
    principal: &Principal,
    area: Area,
    title: &str,
    detail: &str,
    back: &str,
) -> Response {
    Page { title, area, principal, scripts: &[], unread: 0 }.show(
        status,
        html! {
            h1 { (title) }
            p.problem role="alert" { (detail) }
            p { a.button href=(back) { "Back" } }
        },
    )
}

/// Sends a page with a policy of its own.
pub(crate) fn with_policy(status: StatusCode, policy: &str, markup: Markup) -> Response {
    let mut response = (status, Html(markup.into_string())).into_response();
    policy::set(response.headers_mut(), header::CONTENT_SECURITY_POLICY, policy);
    response
}
