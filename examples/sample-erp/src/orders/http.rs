//! The order part over HTTP: the shell that the browser's router fills, and its JSON.

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use maud::html;
use serde::{Deserialize, Serialize};

use super::{ENTITY, Edit, Line, Order, Status};
use crate::{
    api::{self, FieldProblem},
    app::Shared,
    identity::Principal,
    money::Cents,
    page::{Area, Page},
    vendors::CURRENCIES,
    world::World,
};

/// More lines than this has no order.
const MOST_LINES: usize = 200;

/// The largest quantity of a line, units.
const LARGEST_QUANTITY: u32 = 1_000_000;

/// The highest price of one unit.
const HIGHEST_PRICE: Cents = Cents(1_000_000_000);

/// The longest text in a field, characters.
const LONGEST_TEXT: usize = 500;

/// A new order is to be delivered this many days after it was made.
const PRESET_DELIVERY_DAYS: i32 = 14;

/// `GET /orders` and everything under it: the browser's router decides what is shown.
pub(crate) async fn shell(State(app): State<Shared>, Extension(principal): Extension<Principal>) -> Response {
    let unread = app.read(|world| world.notifications.unread_by(&principal.account));
    let body = html! {
        div id="orders-app" { p.hint { "Loading orders …" } }
        noscript { p.problem { "Purchase orders need JavaScript." } }
    };
    Page {
        title: "Purchase orders",
        area: Area::Orders,
        principal: &principal,
        scripts: &["orders/main.js"],
        unread,
    }
    .show_without_inline(body)
}

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
}

#[derive(Serialize)]
struct Summary {
    id: String,
    vendor: String,
    vendor_name: String,
    status: &'static str,
    delivery_date: Date,
    late: bool,
    currency: String,
    total: Cents,
    lines: usize,
    buyer: String,
}

/// `GET /api/orders?q=&status=`, newest first.
pub(crate) async fn list(State(app): State<Shared>, Query(query): Query<ListQuery>) -> Response {
    let today = today(&app);
    let wanted = query.q.trim().to_lowercase();
    let rows: Vec<Summary> = app.read(|world| {
        world
            .orders
            .values()
            .rev()
            .filter(|order| query.status.is_empty() || order.status.text() == query.status)
            .map(|order| Summary {
                id: order.id.clone(),
                vendor: order.vendor.clone(),
                vendor_name: vendor_name(world, &order.vendor),
                status: order.status.text(),
                delivery_date: order.delivery_date,
                late: order.status.is_open() && order.delivery_date < today,
                currency: order.currency.clone(),
                total: order.total(),
                lines: order.lines.len(),
                buyer: order.buyer.clone(),
            })
            .filter(|row| {
                [&row.id, &row.vendor, &row.vendor_name]
                    .iter()
                    .any(|text| text.to_lowercase().contains(&wanted))
            })
            .collect()
    });
    Json(rows).into_response()
}

/// An order with what its page also shows.
#[derive(Serialize)]
struct Detail<'a> {
    #[serde(flatten)]
    order: &'a Order,
    vendor_name: String,
    total: Cents,
    editable: bool,
}

fn detail(world: &World, order: &Order) -> Response {
    Json(Detail {
        order,
        vendor_name: vendor_name(world, &order.vendor),
        total: order.total(),
        editable: order.status.is_editable(),
    })
    .into_response()
}

fn vendor_name(world: &World, id: &str) -> String {
    world.vendors.get(id).map_or_else(String::new, |vendor| vendor.details.name.clone())
}

/// `GET /api/orders/{id}`
pub(crate) async fn read(State(app): State<Shared>, Path(id): Path<String>) -> Response {
    app.read(|world| world.orders.get(&id).map_or_else(api::not_found, |order| detail(world, order)))
}

/// What the page saves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Posted {
    /// The version the page has read; a new order has none.
    #[serde(default)]
    version: u64,
    vendor: String,
    delivery_date: String,
    currency: String,
    #[serde(default)]
    note: String,
    lines: Vec<Line>,
}

impl Posted {
    fn check(self, world: &World, keeps_vendor: Option<&str>) -> Result<Edit, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let vendor = self.vendor.trim().to_owned();
        let may_order = world.vendors.get(&vendor).is_some_and(|known| known.active);
        if !may_order && keeps_vendor != Some(&vendor) {
            problems.push(FieldProblem::new("vendor", "Choose an active vendor of the list."));
        }
        let delivery_date = self.delivery_date.parse::<Date>();
        if delivery_date.is_err() {
            problems.push(FieldProblem::new("delivery_date", "Fill in a date."));
        }
        if !CURRENCIES.contains(&self.currency.as_str()) {
            problems.push(FieldProblem::new("currency", "Choose one of the list."));
        }
        if self.note.chars().count() > LONGEST_TEXT {
            problems.push(FieldProblem::new("note", format!("At most {LONGEST_TEXT} characters.")));
        }
        if self.lines.len() > MOST_LINES {
            problems.push(FieldProblem::new("lines", format!("At most {MOST_LINES} lines.")));
        }
        for (place, line) in self.lines.iter().enumerate() {
            let mut wrong = |cell: &str, detail: &str| {
                problems.push(FieldProblem::new(&format!("lines.{place}.{cell}"), detail));
            };
            if line.description.trim().is_empty() || line.description.chars().count() > LONGEST_TEXT {
                wrong("description", "Fill in a description.");
            }
            if !(1..=LARGEST_QUANTITY).contains(&line.quantity) {
                wrong("quantity", "Between 1 and 1,000,000.");
            }
            if !(Cents(0)..=HIGHEST_PRICE).contains(&line.price) {
                wrong("price", "Between 0 and 10,000,000.");
            }
        }
        match delivery_date {
            Ok(delivery_date) if problems.is_empty() => Ok(Edit {
                vendor,
                delivery_date,
                currency: self.currency,
                note: self.note,
                lines: self.lines,
            }),
            _ => Err(problems),
        }
    }
}

/// `POST /api/orders`
pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Json(posted): Json<Posted>,
) -> Response {
    let now = app.clock.now();
    app.write(|world| {
        let edit = match posted.check(world, None) {
            Ok(edit) => edit,
            Err(problems) => return api::invalid(problems),
        };
        let id = next_id(world);
        let mut order = Order {
            id: id.clone(),
            vendor: String::new(),
            status: Status::Draft,
            delivery_date: edit.delivery_date,
            currency: edit.currency.clone(),
            buyer: principal.account.clone(),
            note: String::new(),
            lines: Vec::new(),
            version: 0,
            created_at: now,
            changed_by: principal.account.clone(),
            changed_at: now,
        };
        world
            .changes
            .noting(&principal, now, ENTITY, &id)
            .added("Number", &id)
            .added("Status", Status::Draft.text());
        order.update(edit, &principal, now, &mut world.changes);
        let response = (StatusCode::CREATED, detail(world, &order)).into_response();
        world.orders.insert(id, order);
        response
    })
}

fn next_id(world: &World) -> String {
    let highest = world
        .orders
        .keys()
        .filter_map(|id| id.strip_prefix("PO-")?.parse::<u32>().ok())
        .max()
        .unwrap_or(1000);
    format!("PO-{}", highest + 1)
}

/// `PUT /api/orders/{id}`
pub(crate) async fn save(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(posted): Json<Posted>,
) -> Response {
    let now = app.clock.now();
    app.write(|world| {
        let Some(mut order) = world.orders.get(&id).cloned() else {
            return api::not_found();
        };
        if order.version != posted.version {
            return api::conflict(&order.changed_by, order.version);
        }
        if !order.status.is_editable() {
            return api::refused(&format!("An order that is {} cannot be changed.", order.status.text()));
        }
        let edit = match posted.check(world, Some(&order.vendor)) {
            Ok(edit) => edit,
            Err(problems) => return api::invalid(problems),
        };
        order.update(edit, &principal, now, &mut world.changes);
        let response = detail(world, &order);
        world.orders.insert(id, order);
        response
    })
}

/// The version that the caller has looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Seen {
    version: u64,
}

/// `POST /api/orders/{id}/submit`
pub(crate) async fn submit(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(seen): Json<Seen>,
) -> Response {
    step(&app, &principal, &id, seen, &[Status::Draft], Status::InReview, "was sent to review")
}

/// `POST /api/orders/{id}/approve`
pub(crate) async fn approve(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(seen): Json<Seen>,
) -> Response {
    step(&app, &principal, &id, seen, &[Status::Draft, Status::InReview], Status::Approved, "was approved")
}

/// `POST /api/orders/{id}/cancel`
pub(crate) async fn cancel(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(seen): Json<Seen>,
) -> Response {
    let from = [Status::Draft, Status::InReview, Status::Approved];
    step(&app, &principal, &id, seen, &from, Status::Cancelled, "was cancelled")
}

fn step(
    app: &Shared,
    principal: &Principal,
    id: &str,
    seen: Seen,
    from: &[Status],
    to: Status,
    what_happened: &str,
) -> Response {
    let now = app.clock.now();
    let (response, notification) = app.write(|world| {
        let Some(mut order) = world.orders.get(id).cloned() else {
            return (api::not_found(), None);
        };
        if order.version != seen.version {
            return (api::conflict(&order.changed_by, order.version), None);
        }
        if !from.contains(&order.status) {
            let reason = format!("An order that is {} cannot become {}.", order.status.text(), to.text());
            return (api::refused(&reason), None);
        }
        if order.lines.is_empty() && to != Status::Cancelled {
            return (api::refused("An order without lines cannot go on."), None);
        }
        order.set_status(to, principal, now, &mut world.changes);
        let text = format!("{id} {what_happened} by {}", principal.name);
        let notification = world.notifications.add(now, &principal.account, text, format!("/orders/{id}"));
        let response = detail(world, &order);
        world.orders.insert(id.to_owned(), order);
        (response, Some(notification))
    });
    if let Some(notification) = notification {
        app.announce(notification);
    }
    response
}

/// The day it is, for what is late. The ERP keeps its calendar in UTC.
pub(crate) fn today(app: &Shared) -> Date {
    app.clock.now().to_zoned(TimeZone::UTC).date()
}

/// The delivery date a new order starts with.
fn preset_delivery(app: &Shared) -> Date {
    today(app).saturating_add(PRESET_DELIVERY_DAYS.days())
}

#[derive(Serialize)]
pub(crate) struct Me {
    account: String,
    name: String,
    email: Option<String>,
    user: Option<String>,
    groups: Vec<String>,
    sign_in: Option<String>,
    currencies: [&'static str; 5],
    preset_delivery: Date,
}

/// `GET /api/me`: who is signed in, and what the pages preset.
pub(crate) async fn me(State(app): State<Shared>, Extension(principal): Extension<Principal>) -> Json<Me> {
    Json(Me {
        preset_delivery: preset_delivery(&app),
        currencies: CURRENCIES,
        account: principal.account,
        name: principal.name,
        email: principal.email,
        user: principal.user,
        groups: principal.groups,
        sign_in: principal.gateway.and_then(|gateway| gateway.sign_in),
    })
}
