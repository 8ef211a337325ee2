//! The server-rendered pages of vendors, in the classic manner: post, redirect, get.

use axum::{
    Extension, Form,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{CURRENCIES, ENTITY, Vendor, form};
use crate::{
    app::Shared,
    identity::Principal,
    page::{self, Area, Page},
};

/// Rows on one page of the list.
const ROWS: usize = 8;

#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    page: usize,
    #[serde(default)]
    status: String,
}

/// `GET /vendors`
pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<ListQuery>,
) -> Response {
    let (found, unread) = app.read(|world| {
        let found: Vec<Vendor> = world
            .vendors
            .values()
            .filter(|vendor| vendor.matches(&query.q))
            .filter(|vendor| query.status.is_empty() || vendor.status() == query.status)
            .cloned()
            .collect();
        (found, world.notifications.unread_by(&principal.account))
    });
    let pages = found.len().div_ceil(ROWS).max(1);
    let shown = query.page.clamp(1, pages);
    let first = (shown - 1) * ROWS;
    let address = |page: usize| {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &query.q)
            .append_pair("status", &query.status)
            .append_pair("page", &page.to_string())
            .finish();
        format!("/vendors?{query}")
    };
    let body = html! {
        div.heading { h1 { "Vendors" } a.button href="/vendors.csv" download { "Export CSV" } }
        form.filter method="get" action="/vendors" role="search" aria-label="Find vendors" {
            label { "Search" input type="search" name="q" value=(query.q) placeholder="Number, name, city, country"; }
            label { "Status"
                select name="status" {
                    @for (value, label) in [("", "All"), ("Active", "Active"), ("Inactive", "Inactive")] {
                        option value=(value) selected[value == query.status] { (label) }
                    }
                }
            }
            button type="submit" { "Find" }
        }
        div.table-wrap {
            table {
                caption { (found.len()) " vendors" }
                thead { tr {
                    th scope="col" { "Number" } th scope="col" { "Name" } th scope="col" { "City" }
                    th scope="col" { "Country" } th scope="col" { "Payment terms" } th scope="col" { "Status" }
                } }
                tbody {
                    @for vendor in found.iter().skip(first).take(ROWS) {
                        tr {
                            th scope="row" { a href={ "/vendors/" (vendor.id) } { (vendor.id) } }
                            td { (vendor.details.name) }
                            td { (vendor.details.city) }
                            td { (vendor.details.country) }
                            td { (vendor.details.payment_terms) }
                            td { (chip(vendor)) }
                        }
                    }
                }
            }
        }
        @if found.is_empty() { p.empty { "No vendor matches. Try fewer letters." } }
        nav.pages aria-label="Pages" {
            @if shown > 1 { a.button rel="prev" href=(address(shown - 1)) { "Previous" } }
            span { "Page " (shown) " of " (pages) }
            @if shown < pages { a.button rel="next" href=(address(shown + 1)) { "Next" } }
        }
    };
    Page { title: "Vendors", area: Area::Vendors, principal: &principal, scripts: &[], unread }
        .show(StatusCode::OK, body)
}

/// The tabs of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    General,
    BankAccounts,
    Attachments,
}

/// `GET /vendors/{id}`
pub(crate) async fn general(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(notice): Query<Notice>,
) -> Response {
    with_vendor(&app, &principal, &id, |vendor| {
        let form = form::markup(&vendor.id, vendor.version, &vendor.details, &form::Problems::new());
        detail(&app, &principal, vendor, Tab::General, StatusCode::OK, notice.text(), form)
    })
}

/// `GET /vendors/{id}/bank-accounts`
pub(crate) async fn bank_accounts(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Response {
    with_vendor(&app, &principal, &id, |vendor| {
        let body = super::bank_accounts::tab(vendor, &CURRENCIES);
        detail(&app, &principal, vendor, Tab::BankAccounts, StatusCode::OK, None, body)
    })
}

/// `GET /vendors/{id}/attachments`
pub(crate) async fn attachments(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Query(notice): Query<Notice>,
) -> Response {
    with_vendor(&app, &principal, &id, |vendor| {
        let body = super::attachments::tab(vendor);
        detail(&app, &principal, vendor, Tab::Attachments, StatusCode::OK, notice.text(), body)
    })
}

/// `POST /vendors/{id}`
pub(crate) async fn save(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Form(posted): Form<form::Posted>,
) -> Response {
    let version = posted.version;
    let details = posted.into_details();
    let problems = form::check(&details);
    if !problems.is_empty() {
        return with_vendor(&app, &principal, &id, |vendor| {
            let form = form::markup(&vendor.id, version, &details, &problems);
            detail(&app, &principal, vendor, Tab::General, StatusCode::UNPROCESSABLE_ENTITY, None, form)
        });
    }
    let now = app.clock.now();
    let outcome = app.write(|world| {
        let vendor = world.vendors.get_mut(&id)?;
        if vendor.version != version {
            return Some(Err(vendor.changed_by.clone()));
        }
        Some(Ok(vendor.update(details, &principal, now, &mut world.changes)))
    });
    match outcome {
        None => not_found(&principal, &id),
        Some(Ok(differs)) => {
            let notice = if differs { "saved" } else { "same" };
            Redirect::to(&format!("/vendors/{id}?notice={notice}")).into_response()
        }
        Some(Err(by)) => page::problem(
            StatusCode::CONFLICT,
            &principal,
            Area::Vendors,
            "Somebody was faster",
            &format!(
                "{by} has changed vendor {id} since you opened it. Open it again and repeat your change."
            ),
            &format!("/vendors/{id}"),
        ),
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Deactivation {
    #[serde(default)]
    reason: String,
}

/// `POST /vendors/{id}/deactivate`
pub(crate) async fn deactivate(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Form(given): Form<Deactivation>,
) -> Response {
    set_active(&app, &principal, &id, false, given.reason.trim())
}

/// `POST /vendors/{id}/activate`
pub(crate) async fn activate(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Response {
    set_active(&app, &principal, &id, true, "")
}

fn set_active(app: &Shared, principal: &Principal, id: &str, active: bool, reason: &str) -> Response {
    let now = app.clock.now();
    let notification = app.write(|world| {
        let vendor = world.vendors.get_mut(id)?;
        if vendor.active == active {
            return Some(None);
        }
        vendor.set_active(active, reason, principal, now, &mut world.changes);
        let verb = if active { "activated" } else { "deactivated" };
        let text = format!("{id} {} was {verb} by {}", vendor.details.name, principal.name);
        Some(Some(world.notifications.add(now, &principal.account, text, format!("/vendors/{id}"))))
    });
    match notification {
        None => not_found(principal, id),
        Some(notification) => {
            if let Some(notification) = notification {
                app.announce(notification);
            }
            let notice = if active { "activated" } else { "deactivated" };
            Redirect::to(&format!("/vendors/{id}?notice={notice}")).into_response()
        }
    }
}

/// What the last post did, carried over the redirect as one of a few words.
#[derive(Debug, Deserialize)]
pub(crate) struct Notice {
    #[serde(default)]
    notice: String,
}

impl Notice {
    fn text(&self) -> Option<&'static str> {
        match self.notice.as_str() {
            "saved" => Some("The vendor was saved."),
            "same" => Some("Nothing was changed."),
            "activated" => Some("The vendor is active again."),
            "deactivated" => Some("The vendor was deactivated. It can no longer be ordered from."),
            "uploaded" => Some("The file was attached."),
            "no-file" => Some("Choose a file first."),
            "deleted" => Some("The attachment was deleted."),
            _ => None,
        }
    }
}

pub(super) fn with_vendor(
    app: &Shared,
    principal: &Principal,
    id: &str,
    show: impl FnOnce(&Vendor) -> Response,
) -> Response {
    match app.read(|world| world.vendors.get(id).cloned()) {
        Some(vendor) => show(&vendor),
        None => not_found(principal, id),
    }
}

pub(super) fn not_found(principal: &Principal, id: &str) -> Response {
    let detail = format!("There is no vendor {id}.");
    page::problem(StatusCode::NOT_FOUND, principal, Area::Vendors, "Not found", &detail, "/vendors")
}

fn chip(vendor: &Vendor) -> Markup {
    html! { span.chip data-status=(vendor.status()) { (vendor.status()) } }
}

/// The frame of a vendor: title, tabs, actions, one tab's body, the last changes.
fn detail(
    app: &Shared,
    principal: &Principal,
    vendor: &Vendor,
    tab: Tab,
    status: StatusCode,
    notice: Option<&str>,
    body: Markup,
) -> Response {
    let id = &vendor.id;
    let (changes, unread) = app.read(|world| {
        let changes: Vec<_> = world.changes.of(ENTITY, id).rev().take(6).cloned().collect();
        (changes, world.notifications.unread_by(&principal.account))
    });
    let title = format!("{id} {}", vendor.details.name);
    let tabs = [
        (Tab::General, "General", format!("/vendors/{id}")),
        (Tab::BankAccounts, "Bank accounts", format!("/vendors/{id}/bank-accounts")),
        (Tab::Attachments, "Attachments", format!("/vendors/{id}/attachments")),
    ];
    let body = html! {
        p.crumbs { a href="/vendors" { "Vendors" } " / " (id) }
        div.heading {
            h1 { (title) " " (chip(vendor)) }
            div.actions {
                a.button href={ "/vendors/" (id) "/print-preview" } { "Print preview" }
                @if vendor.active {
                    button type="button" data-opens="deactivate" { "Deactivate…" }
                } @else {
                    form method="post" action={ "/vendors/" (id) "/activate" }
                        data-confirm={ "Activate " (title) " again?" } {
                        button type="submit" { "Activate" }
                    }
                }
            }
        }
        @if let Some(notice) = notice { p.notice role="status" { (notice) } }
        nav.tabs aria-label="Vendor" {
            @for (other, label, address) in &tabs {
                a href=(address) aria-current=[(*other == tab).then_some("page")] { (label) }
            }
        }
        section.card aria-label=(tabs.iter().find(|(other, ..)| *other == tab).map_or("", |(_, label, _)| label)) {
            (body)
        }
        section.card aria-label="Last changes" {
            h2 { "Last changes" }
            p.hint { "Last changed by " strong { (vendor.changed_by) } " on " (crate::dashboard::when(vendor.changed_at)) }
            (crate::dashboard::change_list(&changes))
        }
        dialog id="deactivate" aria-labelledby="deactivate-title" {
            form method="post" action={ "/vendors/" (id) "/deactivate" } {
                h2 id="deactivate-title" { "Deactivate " (title) "?" }
                p { "New orders can no longer be placed with this vendor. Open orders stay as they are." }
                label { "Reason" input name="reason" autocomplete="off"; }
                div.actions {
                    button.danger type="submit" { "Deactivate" }
                    button type="button" data-closes="deactivate" { "Cancel" }
                }
            }
        }
    };
    Page { title: &title, area: Area::Vendors, principal, scripts: &["vendor.js"], unread }.show(status, body)
}
