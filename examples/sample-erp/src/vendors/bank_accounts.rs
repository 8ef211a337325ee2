//! The accounts a vendor is paid into: the field that fraud is about, hence the favourite of every audit.
//!
//! Edited in a dialog that talks JSON, unlike the General tab.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{CURRENCIES, ENTITY, Vendor};
use crate::{api, app::Shared, identity::Principal};

/// More bank accounts than this have no vendor.
const MOST_BANK_ACCOUNTS: usize = 20;

/// The longest bank name, characters.
const LONGEST_BANK: usize = 60;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BankAccount {
    pub(crate) id: String,
    pub(crate) bank: String,
    /// Without spaces.
    pub(crate) iban: String,
    pub(crate) bic: String,
    pub(crate) currency: String,
    pub(crate) primary: bool,
}

impl BankAccount {
    /// The IBAN in groups of four, as people read it.
    pub(crate) fn iban_in_groups(&self) -> String {
        let characters: Vec<char> = self.iban.chars().collect();
        characters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }
}

/// What the dialog sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Posted {
    bank: String,
    iban: String,
    bic: String,
    currency: String,
    #[serde(default)]
    primary: bool,
}

impl Posted {
    fn check(self, id: String) -> Result<BankAccount, Vec<api::FieldProblem>> {
        let account = BankAccount {
            id,
            bank: self.bank.trim().to_owned(),
            iban: self.iban.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_uppercase(),
            bic: self.bic.trim().to_uppercase(),
            currency: self.currency,
            primary: self.primary,
        };
        let mut problems = Vec::new();
        if account.bank.is_empty() || account.bank.chars().count() > LONGEST_BANK {
            problems.push(api::FieldProblem::new("bank", "Fill in the bank's name, at most 60 characters."));
        }
        if !is_iban(&account.iban) {
            problems
                .push(api::FieldProblem::new("iban", "This is no valid IBAN: its check digits do not fit."));
        }
        if !matches!(account.bic.len(), 8 | 11) || !account.bic.chars().all(|c| c.is_ascii_alphanumeric()) {
            problems.push(api::FieldProblem::new("bic", "A BIC has 8 or 11 letters and digits."));
        }
        if !CURRENCIES.contains(&account.currency.as_str()) {
            problems.push(api::FieldProblem::new("currency", "Choose one of the list."));
        }
        if problems.is_empty() { Ok(account) } else { Err(problems) }
    }
}

/// ISO 13616: letters count as two digits, the first four characters go to the end, the whole is 1 modulo 97.
pub(crate) fn is_iban(text: &str) -> bool {
    (15..=34).contains(&text.len())
        && text.is_ascii()
        && text[..2].chars().all(|c| c.is_ascii_uppercase())
        && text[2..4].chars().all(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && remainder(&format!("{}{}", &text[4..], &text[..4])) == 1
}

/// The IBAN of a country and its national number, with the right check digits.
pub(crate) fn iban_of(country: &str, national: &str) -> String {
    let check = 98 - remainder(&format!("{national}{country}00"));
    format!("{country}{check:02}{national}")
}

fn remainder(text: &str) -> u32 {
    text.chars()
        .filter_map(|c| c.to_digit(36))
        .fold(0, |rest, value| if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
}

/// `POST /api/vendors/{id}/bank-accounts`
pub(crate) async fn add(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(posted): Json<Posted>,
) -> Response {
    let mut account = match posted.check(String::new()) {
        Ok(account) => account,
        Err(problems) => return api::invalid(problems),
    };
    let now = app.clock.now();
    let outcome = app.write(|world| {
        let part = world.next_part("BA");
        let vendor = world.vendors.get_mut(&id)?;
        if vendor.bank_accounts.len() >= MOST_BANK_ACCOUNTS {
            return Some(Err(()));
        }
        account.id = part;
        keep_one_primary(vendor, &mut account);
        world
            .changes
            .noting(&principal, now, ENTITY, &id)
            .added("Bank account", &account.iban)
            .added("Bank", &account.bank)
            .added("BIC", &account.bic)
            .added("Bank account currency", &account.currency);
        vendor.bank_accounts.push(account.clone());
        vendor.touch(&principal, now);
        Some(Ok(account))
    });
    match outcome {
        None => api::not_found(),
        Some(Err(())) => {
            api::invalid(vec![api::FieldProblem::new("bank", "This vendor has too many accounts.")])
        }
        Some(Ok(account)) => (StatusCode::CREATED, Json(account)).into_response(),
    }
}

/// `PUT /api/vendors/{id}/bank-accounts/{account}`
pub(crate) async fn update(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path((id, part)): Path<(String, String)>,
    Json(posted): Json<Posted>,
) -> Response {
    let mut account = match posted.check(part.clone()) {
        Ok(account) => account,
        Err(problems) => return api::invalid(problems),
    };
    let now = app.clock.now();
    let outcome = app.write(|world| {
        let vendor = world.vendors.get_mut(&id)?;
        keep_one_primary(vendor, &mut account);
        let before = vendor.bank_accounts.iter_mut().find(|other| other.id == part)?;
        let mut noting = world.changes.noting(&principal, now, ENTITY, &id);
        noting
            .field("Bank", &before.bank, &account.bank)
            .field("Bank account", &before.iban, &account.iban)
            .field("BIC", &before.bic, &account.bic)
            .field("Bank account currency", &before.currency, &account.currency)
            .field("Primary account", yes_no(before.primary), yes_no(account.primary));
        let iban_changed = before.iban != account.iban;
        *before = account.clone();
        if noting.count() > 0 {
            vendor.touch(&principal, now);
        }
        let notification = iban_changed.then(|| {
            let text =
                format!("A bank account of {id} {} was changed by {}", vendor.details.name, principal.name);
            world.notifications.add(now, &principal.account, text, format!("/vendors/{id}/bank-accounts"))
        });
        Some((account, notification))
    });
    match outcome {
        None => api::not_found(),
        Some((account, notification)) => {
            if let Some(notification) = notification {
                app.announce(notification);
            }
            Json(account).into_response()
        }
    }
}

/// `DELETE /api/vendors/{id}/bank-accounts/{account}`
pub(crate) async fn remove(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path((id, part)): Path<(String, String)>,
) -> Response {
    let now = app.clock.now();
    let removed = app.write(|world| {
        let vendor = world.vendors.get_mut(&id)?;
        let place = vendor.bank_accounts.iter().position(|account| account.id == part)?;
        let account = vendor.bank_accounts.remove(place);
        world.changes.noting(&principal, now, ENTITY, &id).removed("Bank account", account.iban);
        vendor.touch(&principal, now);
        Some(())
    });
    removed.map_or_else(api::not_found, |()| StatusCode::NO_CONTENT.into_response())
}

/// At most one account is the primary one, and the first is.
fn keep_one_primary(vendor: &mut Vendor, account: &mut BankAccount) {
    if account.primary {
        for other in &mut vendor.bank_accounts {
            if other.id != account.id {
                other.primary = false;
            }
        }
    } else if !vendor.bank_accounts.iter().any(|other| other.primary && other.id != account.id) {
        account.primary = true;
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "Yes" } else { "No" }
}

/// The tab with the list and the dialog.
pub(super) fn tab(vendor: &Vendor, currencies: &[&str]) -> Markup {
    html! {
        div.heading {
            h2 { "Bank accounts" }
            button type="button" id="add-bank-account" { "Add bank account…" }
        }
        div.table-wrap {
            table id="bank-accounts" data-vendor=(vendor.id) {
                caption { "Accounts that payments to " (vendor.details.name) " go to" }
                thead { tr {
                    th scope="col" { "Bank" } th scope="col" { "IBAN" } th scope="col" { "BIC" }
                    th scope="col" { "Currency" } th scope="col" { "Primary" } th scope="col" { "Actions" }
                } }
                tbody {
                    @for account in &vendor.bank_accounts {
                        tr data-account=(account.id) data-bank=(account.bank) data-iban=(account.iban)
                            data-bic=(account.bic) data-currency=(account.currency)
                            data-primary=(account.primary) {
                            th scope="row" { (account.bank) }
                            td.iban { (account.iban_in_groups()) }
                            td { (account.bic) }
                            td { (account.currency) }
                            td { (yes_no(account.primary)) }
                            td.actions {
                                button.quiet type="button" data-act="edit"
                                    aria-label={ "Edit " (account.bank) } { "Edit" }
                                button.quiet type="button" data-act="remove"
                                    aria-label={ "Remove " (account.bank) } { "Remove" }
                            }
                        }
                    }
                }
            }
        }
        dialog id="bank-account-dialog" aria-labelledby="bank-account-title" {
            form id="bank-account-form" aria-labelledby="bank-account-title" novalidate {
                h2 id="bank-account-title" { "Bank account" }
                div.fields {
                    @for (name, label) in [("bank", "Bank"), ("iban", "Bank account (IBAN)"), ("bic", "BIC")] {
                        div.field {
                            label for={ "ba-" (name) } { (label) }
                            input id={ "ba-" (name) } name=(name) autocomplete="off"
                                aria-describedby={ "ba-" (name) "-problem" };
                            span.field-problem id={ "ba-" (name) "-problem" } data-for=(name) {}
                        }
                    }
                    div.field {
                        label for="ba-currency" { "Currency" }
                        select id="ba-currency" name="currency" {
                            @for currency in currencies { option { (currency) } }
                        }
                        span.field-problem data-for="currency" {}
                    }
                    div.field {
                        label.inline { input type="checkbox" name="primary"; " Primary account" }
                    }
                }
                div.actions {
                    button.primary type="submit" { "Save bank account" }
                    button type="button" data-closes="bank-account-dialog" { "Cancel" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{iban_of, is_iban};

    #[test]
    fn check_digits_decide() {
        assert!(is_iban("DE89370400440532013000"));
        assert!(is_iban("GB29NWBK60161331926819"));
        assert!(!is_iban("DE89370400440532013001"));
        assert!(!is_iban("DE8"));
        assert!(!is_iban("äöüäöüäöüäöü"));
        assert_eq!(iban_of("DE", "370400440532013000"), "DE89370400440532013000");
    }
}
