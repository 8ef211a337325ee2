//! The vendor sheet for printing, and the page that previews it in a frame of the same origin.

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use maud::html;

use super::pages::with_vendor;
use crate::{
    app::Shared,
    identity::Principal,
    page::{self, Area, Nonce, Page},
};

/// `GET /vendors/{id}/print-preview`
pub(crate) async fn preview(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Response {
    let unread = app.read(|world| world.notifications.unread_by(&principal.account));
    with_vendor(&app, &principal, &id, |vendor| {
        let title = format!("Print {} {}", vendor.id, vendor.details.name);
        let body = html! {
            p.crumbs { a href="/vendors" { "Vendors" } " / " a href={ "/vendors/" (id) } { (id) } " / Print preview" }
            div.heading {
                h1 { (title) }
                div.actions { button.primary type="button" id="print" { "Print" } }
            }
            iframe.preview id="sheet" title="Vendor sheet" src={ "/vendors/" (id) "/print" } {}
        };
        Page { title: &title, area: Area::Vendors, principal: &principal, scripts: &["print.js"], unread }
            .show(StatusCode::OK, body)
    })
}

/// `GET /vendors/{id}/print`
pub(crate) async fn sheet(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Response {
    with_vendor(&app, &principal, &id, |vendor| {
        let details = &vendor.details;
        page::bare(
            StatusCode::OK,
            "Vendor sheet",
            &Nonce::random(),
            html! {
                h1 { (vendor.id) " " (details.name) }
                dl.sheet {
                    dt { "Address" } dd { (details.street) ", " (details.postcode) " " (details.city) ", " (details.country) }
                    dt { "Contact" } dd { (details.contact) ", " (details.email) ", " (details.phone) }
                    dt { "Payment terms" } dd { (details.payment_terms) ", " (details.currency) }
                    dt { "Tax number" } dd { (details.tax_number) }
                    @for account in &vendor.bank_accounts {
                        dt { (account.bank) } dd { (account.iban_in_groups()) " · " (account.bic) }
                    }
                }
                label { "Remark on this print" input name="remark" autocomplete="off"; }
            },
        )
    })
}
