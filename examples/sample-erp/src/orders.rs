//! Purchase orders. Their pages route in the browser; the server answers one empty page and JSON.

pub(crate) mod http;

use axum::{
    Router,
    routing::{get, post},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{app::Shared, changes::ChangeLog, identity::Principal, money::Cents};

/// How changes name this kind of record.
pub(crate) const ENTITY: &str = "Purchase order";

/// Where a purchase order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Draft,
    #[serde(rename = "In review")]
    InReview,
    Approved,
    Received,
    Cancelled,
}

impl Status {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::InReview => "In review",
            Self::Approved => "Approved",
            Self::Received => "Received",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Something is still to happen with it.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::InReview | Self::Approved)
    }

    /// Its lines may still be changed.
    pub(crate) fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::InReview)
    }
}

/// One purchase order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) vendor: String,
    pub(crate) status: Status,
    pub(crate) delivery_date: Date,
    pub(crate) currency: String,
    pub(crate) buyer: String,
    pub(crate) note: String,
    pub(crate) lines: Vec<Line>,
    /// One more at each change; saving with an older one is refused.
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_by: String,
    pub(crate) changed_at: Timestamp,
}

/// One line of an order. It keeps the item's text and price as they were when ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) item: String,
    pub(crate) description: String,
    pub(crate) quantity: u32,
    pub(crate) unit: String,
    pub(crate) price: Cents,
}

impl Line {
    pub(crate) fn total(&self) -> Cents {
        self.price.times(self.quantity)
    }

    fn text(&self) -> String {
        format!("{} {} × {} at {}", self.item, self.quantity, self.unit, self.price)
    }
}

/// What a person may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) vendor: String,
    pub(crate) delivery_date: Date,
    pub(crate) currency: String,
    pub(crate) note: String,
    pub(crate) lines: Vec<Line>,
}

impl Order {
    pub(crate) fn total(&self) -> Cents {
        self.lines.iter().fold(Cents(0), |sum, line| sum.plus(line.total()))
    }

    /// Takes an edit over, noting every field and every cell that differs.
    pub(crate) fn update(&mut self, edit: Edit, by: &Principal, now: Timestamp, log: &mut ChangeLog) {
        let mut noting = log.noting(by, now, ENTITY, &self.id);
        noting
            .field("Vendor", &self.vendor, &edit.vendor)
            .field("Delivery date", self.delivery_date, edit.delivery_date)
            .field("Currency", &self.currency, &edit.currency)
            .field("Note", &self.note, &edit.note);
        for place in 0..self.lines.len().max(edit.lines.len()) {
            let number = place + 1;
            match (self.lines.get(place), edit.lines.get(place)) {
                (Some(old), Some(new)) => {
                    noting
                        .field(&format!("Line {number} Item"), &old.item, &new.item)
                        .field(&format!("Line {number} Description"), &old.description, &new.description)
                        .field(&format!("Line {number} Quantity"), old.quantity, new.quantity)
                        .field(&format!("Line {number} Unit"), &old.unit, &new.unit)
                        .field(&format!("Line {number} Price"), old.price, new.price);
                }
                (Some(old), None) => {
                    noting.removed(&format!("Line {number}"), old.text());
                }
                (None, Some(new)) => {
                    noting.added(&format!("Line {number}"), new.text());
                }
                (None, None) => {}
            }
        }
        if noting.count() > 0 {
            self.touch(by, now);
        }
        self.vendor = edit.vendor;
        self.delivery_date = edit.delivery_date;
        self.currency = edit.currency;
        self.note = edit.note;
        self.lines = edit.lines;
    }

    pub(crate) fn set_status(&mut self, status: Status, by: &Principal, now: Timestamp, log: &mut ChangeLog) {
        log.noting(by, now, ENTITY, &self.id).field("Status", self.status.text(), status.text());
        self.status = status;
        self.touch(by, now);
    }

    fn touch(&mut self, by: &Principal, now: Timestamp) {
        self.version += 1;
        self.changed_by.clone_from(&by.account);
        self.changed_at = now;
    }
}

/// All order routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/orders", get(http::shell))
        .route("/orders/{*rest}", get(http::shell))
        .route("/api/orders", get(http::list).post(http::create))
        .route("/api/orders/{id}", get(http::read).put(http::save))
        .route("/api/orders/{id}/submit", post(http::submit))
        .route("/api/orders/{id}/approve", post(http::approve))
        .route("/api/orders/{id}/cancel", post(http::cancel))
}
