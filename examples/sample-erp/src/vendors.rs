//! Vendors: whom the company buys from, where they are, and into which accounts they are paid.

pub(crate) mod attachments;
pub(crate) mod bank_accounts;
pub(crate) mod export;
mod form;
pub(crate) mod pages;
mod print;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Query, State},
    routing::{get, post, put},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::{attachments::Attachment, bank_accounts::BankAccount};
use crate::{app::Shared, changes::ChangeLog, identity::Principal};

/// How changes name this kind of record.
pub(crate) const ENTITY: &str = "Vendor";

/// Rows that a lookup answers at most.
const LOOKUP_ROWS: usize = 12;

pub(crate) const PAYMENT_TERMS: [&str; 5] =
    ["Net 14 days", "Net 30 days", "Net 45 days", "Net 60 days", "2% 10, net 30 days"];
pub(crate) const CATEGORIES: [&str; 6] =
    ["Raw materials", "Components", "Packaging", "Logistics", "Services", "Office supplies"];
pub(crate) const CURRENCIES: [&str; 5] = ["EUR", "USD", "GBP", "CHF", "SEK"];
pub(crate) const DELIVERY_MODES: [&str; 3] = ["Carrier", "Pick-up", "Own fleet"];

/// Somebody the company buys from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vendor {
    pub(crate) id: String,
    pub(crate) active: bool,
    pub(crate) details: Details,
    pub(crate) bank_accounts: Vec<BankAccount>,
    pub(crate) attachments: Vec<Attachment>,
    /// One more at each change; a form that was opened before the last change is refused.
    pub(crate) version: u64,
    pub(crate) changed_by: String,
    pub(crate) changed_at: Timestamp,
}

/// What the General tab edits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) street: String,
    pub(crate) postcode: String,
    pub(crate) city: String,
    pub(crate) country: String,
    pub(crate) contact: String,
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) payment_terms: String,
    pub(crate) currency: String,
    pub(crate) delivery_mode: String,
    pub(crate) tax_number: String,
    pub(crate) e_invoices: bool,
    pub(crate) note: String,
}

impl Details {
    /// Every field as its label and its value, in the order of the form.
    fn fields(&self) -> [(&'static str, &str); 15] {
        [
            ("Name", &self.name),
            ("Category", &self.category),
            ("Street", &self.street),
            ("Postcode", &self.postcode),
            ("City", &self.city),
            ("Country", &self.country),
            ("Contact person", &self.contact),
            ("E-mail", &self.email),
            ("Phone", &self.phone),
            ("Payment terms", &self.payment_terms),
            ("Currency", &self.currency),
            ("Mode of delivery", &self.delivery_mode),
            ("Tax number", &self.tax_number),
            ("Sends electronic invoices", if self.e_invoices { "Yes" } else { "No" }),
            ("Note", &self.note),
        ]
    }
}

impl Vendor {
    pub(crate) fn status(&self) -> &'static str {
        if self.active { "Active" } else { "Inactive" }
    }

    /// Takes new details over and notes what differs. Says whether anything did.
    fn update(&mut self, details: Details, by: &Principal, now: Timestamp, log: &mut ChangeLog) -> bool {
        let mut noting = log.noting(by, now, ENTITY, &self.id);
        for ((label, old), (_, new)) in self.details.fields().into_iter().zip(details.fields()) {
            noting.field(label, old, new);
        }
        let differs = noting.count() > 0;
        if differs {
            self.details = details;
            self.touch(by, now);
        }
        differs
    }

    fn set_active(
        &mut self,
        active: bool,
        reason: &str,
        by: &Principal,
        now: Timestamp,
        log: &mut ChangeLog,
    ) {
        let before = self.status();
        self.active = active;
        let mut noting = log.noting(by, now, ENTITY, &self.id);
        noting.field("Status", before, self.status());
        if noting.count() > 0 && !reason.is_empty() {
            noting.added("Reason", reason);
        }
        self.touch(by, now);
    }

    fn touch(&mut self, by: &Principal, now: Timestamp) {
        self.version += 1;
        self.changed_by.clone_from(&by.account);
        self.changed_at = now;
    }

    /// True if the search text is part of what people search vendors by.
    fn matches(&self, wanted: &str) -> bool {
        let wanted = wanted.trim().to_lowercase();
        [&self.id, &self.details.name, &self.details.city, &self.details.country]
            .iter()
            .any(|text| text.to_lowercase().contains(&wanted))
    }
}

/// All vendor routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/vendors", get(pages::list))
        .route("/vendors.csv", get(export::csv))
        .route("/vendors/{id}", get(pages::general).post(pages::save))
        .route("/vendors/{id}/bank-accounts", get(pages::bank_accounts))
        .route("/vendors/{id}/deactivate", post(pages::deactivate))
        .route("/vendors/{id}/activate", post(pages::activate))
        .route("/vendors/{id}/print-preview", get(print::preview))
        .route("/vendors/{id}/print", get(print::sheet))
        .route(
            "/vendors/{id}/attachments",
            get(pages::attachments)
                .post(attachments::upload)
                .layer(DefaultBodyLimit::max(attachments::LARGEST_UPLOAD)),
        )
        .route("/vendors/{id}/attachments/{attachment}", get(attachments::download))
        .route("/vendors/{id}/attachments/{attachment}/delete", post(attachments::delete))
        .route("/api/vendors", get(lookup))
        .route("/api/vendors/{id}/bank-accounts", post(bank_accounts::add))
        .route(
            "/api/vendors/{id}/bank-accounts/{account}",
            put(bank_accounts::update).delete(bank_accounts::remove),
        )
}

#[derive(Deserialize)]
pub(crate) struct Search {
    #[serde(default)]
    q: String,
}

/// What a lookup needs to know of a vendor.
#[derive(Serialize)]
pub(crate) struct LookupRow {
    id: String,
    name: String,
    city: String,
    currency: String,
    active: bool,
}

/// `GET /api/vendors?q=`: for the lookup on an order. Only active vendors can be ordered from.
async fn lookup(State(app): State<Shared>, Query(Search { q }): Query<Search>) -> Json<Vec<LookupRow>> {
    Json(app.read(|world| {
        world
            .vendors
            .values()
            .filter(|vendor| vendor.active && vendor.matches(&q))
            .take(LOOKUP_ROWS)
            .map(|vendor| LookupRow {
                id: vendor.id.clone(),
                name: vendor.details.name.clone(),
                city: vendor.details.city.clone(),
                currency: vendor.details.currency.clone(),
                active: vendor.active,
            })
            .collect()
    }))
}
