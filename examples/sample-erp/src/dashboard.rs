//! The first page: numbers, open orders, recent changes; and the change log's own page.

use axum::{Extension, extract::State, http::StatusCode, response::Response};
use jiff::{Timestamp, tz::TimeZone};
use maud::{Markup, html};

use crate::{
    app::Shared,
    changes::Change,
    identity::Principal,
    orders::{self, Status},
    page::{Area, Page},
};

/// Rows of each list on the dashboard.
const ROWS: usize = 8;

/// Rows on the change log's page.
const LOG_ROWS: usize = 200;

/// `GET /`
pub(crate) async fn show(State(app): State<Shared>, Extension(principal): Extension<Principal>) -> Response {
    let today = orders::http::today(&app);
    let (queue, unread, open, changes) = app.read(|world| {
        let mut open: Vec<_> = world
            .orders
            .values()
            .filter(|order| order.status.is_open())
            .map(|order| {
                let vendor = world.vendors.get(&order.vendor).map_or("", |vendor| &vendor.details.name);
                (order.clone(), vendor.to_owned())
            })
            .collect();
        open.sort_by_key(|(order, _)| order.delivery_date);
        open.truncate(ROWS);
        let changes: Vec<_> = world.changes.all().rev().take(ROWS).cloned().collect();
        (world.queue(today), world.notifications.unread_by(&principal.account), open, changes)
    });
    let tiles = [
        ("open", "Open orders", queue.open, "/orders"),
        ("in_review", "Waiting for approval", queue.in_review, "/orders?status=In+review"),
        ("late", "Late deliveries", queue.late, "/orders"),
        ("active_vendors", "Active vendors", queue.active_vendors, "/vendors?status=Active"),
    ];
    let body = html! {
        div.heading {
            h1 { "Good day, " (principal.name) }
            p.hint { "Server time " time id="clock" { (when(app.clock.now())) } }
        }
        div.tiles {
            @for (key, label, number, link) in tiles {
                a.tile href=(link) { strong data-tile=(key) { (number) } span { (label) } }
            }
        }
        div.columns.lead {
            section.card aria-labelledby="open-orders" {
                h2 id="open-orders" { "Next deliveries" }
                div.table-wrap { table {
                    thead { tr {
                        th scope="col" { "Order" } th scope="col" { "Vendor" } th scope="col" { "Due" }
                        th scope="col" { "Total" } th scope="col" { "Status" }
                    } }
                    tbody { @for (order, vendor) in &open {
                        tr {
                            th scope="row" { a href={ "/orders/" (order.id) } { (order.id) } }
                            td { (vendor) }
                            td.date { (order.delivery_date) @if order.delivery_date < today { " " span.chip data-status="Late" { "Late" } } }
                            td.number { (order.total()) " " (order.currency) }
                            td { (status_chip(order.status)) }
                        }
                    } }
                } }
            }
            section.card aria-labelledby="recent-changes" {
                h2 id="recent-changes" { "Recent changes" }
                (feed(&changes))
                p { a href="/changes" { "All changes" } }
            }
        }
    };
    Page {
        title: "Dashboard",
        area: Area::Dashboard,
        principal: &principal,
        scripts: &["dashboard.js"],
        unread,
    }
    .show(StatusCode::OK, body)
}

/// `GET /changes`
pub(crate) async fn change_log(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Response {
    let (changes, unread) = app.read(|world| {
        let changes: Vec<_> = world.changes.all().rev().take(LOG_ROWS).cloned().collect();
        (changes, world.notifications.unread_by(&principal.account))
    });
    let body = html! {
        h1 { "Change log" }
        p.hint { "The ERP's own log, newest first: who changed which field of which record." }
        section.card aria-label="Changes" { (change_list(&changes)) }
    };
    Page { title: "Change log", area: Area::Changes, principal: &principal, scripts: &[], unread }
        .show(StatusCode::OK, body)
}

/// Changes as a table.
pub(crate) fn change_list(changes: &[Change]) -> Markup {
    html! {
        @if changes.is_empty() {
            p.empty { "Nothing has been changed yet." }
        } @else {
            div.table-wrap { table.changes {
                thead { tr {
                    th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "Record" }
                    th scope="col" { "Field" } th scope="col" { "Old" } th scope="col" { "New" }
                } }
                tbody { @for change in changes { tr {
                    td { (when(change.at)) }
                    td { (change.who) @if let Some(user) = &change.user { small { " (" (user) ")" } } }
                    td { (change.record) }
                    td { (change.field) }
                    td { (change.old.as_deref().unwrap_or("–")) }
                    td { (change.new.as_deref().unwrap_or("–")) }
                } } }
            } }
        }
    }
}

/// Changes as sentences, for a narrow place.
fn feed(changes: &[Change]) -> Markup {
    html! {
        @if changes.is_empty() {
            p.empty { "Nothing has been changed yet." }
        } @else {
            ul.feed { @for change in changes { li {
                span { strong { (change.who) } " · " (change.field) " of " (change.record) }
                span {
                    (change.old.as_deref().unwrap_or("–")) " → " (change.new.as_deref().unwrap_or("–"))
                }
                small { (when(change.at)) }
            } } }
        }
    }
}

/// An instant as people read it, with its zone named.
pub(crate) fn when(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn status_chip(status: Status) -> Markup {
    html! { span.chip data-status=(status.text()) { (status.text()) } }
}
