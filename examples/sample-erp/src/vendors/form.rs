//! The General tab's form: what comes in, what is wrong with it, how it looks.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Deserialize;

use super::{CATEGORIES, CURRENCIES, DELIVERY_MODES, Details, PAYMENT_TERMS};

/// The longest text a one-line field takes, characters.
const LONGEST_LINE: usize = 80;

/// The longest note, characters.
const LONGEST_NOTE: usize = 2_000;

/// The fields as a browser posts them. A checkbox that is not checked is not there.
#[derive(Debug, Deserialize)]
pub(crate) struct Posted {
    pub(crate) version: u64,
    name: String,
    category: String,
    street: String,
    postcode: String,
    city: String,
    country: String,
    contact: String,
    email: String,
    phone: String,
    payment_terms: String,
    currency: String,
    delivery_mode: String,
    tax_number: String,
    #[serde(default)]
    e_invoices: Option<String>,
    note: String,
}

/// Field name to what is wrong with it.
pub(crate) type Problems = BTreeMap<&'static str, String>;

impl Posted {
    pub(crate) fn into_details(self) -> Details {
        let line = |text: String| text.trim().to_owned();
        Details {
            name: line(self.name),
            category: line(self.category),
            street: line(self.street),
            postcode: line(self.postcode),
            city: line(self.city),
            country: line(self.country),
            contact: line(self.contact),
            email: line(self.email),
            phone: line(self.phone),
            payment_terms: line(self.payment_terms),
            currency: line(self.currency),
            delivery_mode: line(self.delivery_mode),
            tax_number: line(self.tax_number),
            e_invoices: self.e_invoices.is_some(),
            // Browsers post line ends as CR LF.
            note: self.note.replace("\r\n", "\n").trim_end().to_owned(),
        }
    }
}

/// What is wrong with the details; nothing if they can be saved.
pub(crate) fn check(details: &Details) -> Problems {
    let mut problems = Problems::new();
    for (field, value) in [
        ("name", &details.name),
        ("street", &details.street),
        ("city", &details.city),
        ("country", &details.country),
    ] {
        if value.is_empty() {
            problems.insert(field, "Fill in this field.".to_owned());
        }
    }
    for (field, value) in [
        ("name", &details.name),
        ("street", &details.street),
        ("postcode", &details.postcode),
        ("city", &details.city),
        ("country", &details.country),
        ("contact", &details.contact),
        ("email", &details.email),
        ("phone", &details.phone),
        ("tax_number", &details.tax_number),
    ] {
        if value.chars().count() > LONGEST_LINE {
            problems.insert(field, format!("At most {LONGEST_LINE} characters."));
        }
    }
    if details.note.chars().count() > LONGEST_NOTE {
        problems.insert("note", format!("At most {LONGEST_NOTE} characters."));
    }
    if !details.email.is_empty() && !looks_like_email(&details.email) {
        problems.insert("email", "An e-mail address has the form name@company.example.".to_owned());
    }
    if !details.phone.chars().all(|c| c.is_ascii_digit() || " +-()/".contains(c)) {
        problems.insert("phone", "A phone number has digits, spaces and + - ( ) / only.".to_owned());
    }
    for (field, value, choices) in [
        ("category", &details.category, CATEGORIES.as_slice()),
        ("payment_terms", &details.payment_terms, PAYMENT_TERMS.as_slice()),
        ("currency", &details.currency, CURRENCIES.as_slice()),
        ("delivery_mode", &details.delivery_mode, DELIVERY_MODES.as_slice()),
    ] {
        if !choices.contains(&value.as_str()) {
            problems.insert(field, "Choose one of the list.".to_owned());
        }
    }
    problems
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !text.contains(' ')
    })
}

/// The form with its values and what is wrong with them.
pub(crate) fn markup(id: &str, version: u64, details: &Details, problems: &Problems) -> Markup {
    let line = |name: &'static str, label: &str, value: &str, kind: &str, complete: &str| {
        field(
            name,
            label,
            problems,
            html! {
                input id=(name) name=(name) type=(kind) value=(value) autocomplete=(complete)
                    aria-invalid=[problems.contains_key(name).then_some("true")]
                    aria-describedby=[problems.contains_key(name).then(|| format!("{name}-problem"))];
            },
        )
    };
    let choice = |name: &'static str, label: &str, value: &str, choices: &[&str]| {
        field(
            name,
            label,
            problems,
            html! {
                select id=(name) name=(name) {
                    @for choice in choices { option value=(choice) selected[*choice == value] { (choice) } }
                }
            },
        )
    };
    html! {
        form id="vendor-form" method="post" action={ "/vendors/" (id) } aria-label="Vendor details" novalidate {
            input type="hidden" name="version" value=(version);
            @if !problems.is_empty() {
                p.problem role="alert" { "The vendor was not saved. Correct the marked fields." }
            }
            fieldset {
                legend { "Identity" }
                div.fields {
                    (line("name", "Name", &details.name, "text", "off"))
                    (choice("category", "Category", &details.category, &CATEGORIES))
                    (line("tax_number", "Tax number", &details.tax_number, "text", "off"))
                }
            }
            fieldset {
                legend { "Address" }
                div.fields {
                    (line("street", "Street", &details.street, "text", "off"))
                    (line("postcode", "Postcode", &details.postcode, "text", "off"))
                    (line("city", "City", &details.city, "text", "off"))
                    (line("country", "Country", &details.country, "text", "off"))
                }
            }
            fieldset {
                legend { "Contact" }
                div.fields {
                    (line("contact", "Contact person", &details.contact, "text", "off"))
                    (line("email", "E-mail", &details.email, "email", "off"))
                    (line("phone", "Phone", &details.phone, "tel", "off"))
                }
            }
            fieldset {
                legend { "Terms" }
                div.fields {
                    (choice("payment_terms", "Payment terms", &details.payment_terms, &PAYMENT_TERMS))
                    (choice("currency", "Currency", &details.currency, &CURRENCIES))
                    div.field role="radiogroup" aria-labelledby="delivery-label" {
                        span.label id="delivery-label" { "Mode of delivery" }
                        div.choices {
                            @for mode in DELIVERY_MODES {
                                label.inline {
                                    input type="radio" name="delivery_mode" value=(mode)
                                        checked[mode == details.delivery_mode];
                                    " " (mode)
                                }
                            }
                        }
                    }
                    div.field {
                        label.inline {
                            input type="checkbox" name="e_invoices" value="yes" checked[details.e_invoices];
                            " Sends electronic invoices"
                        }
                    }
                }
                (field("note", "Note", problems, html! {
                    textarea id="note" name="note" rows="3" { (details.note) }
                }))
            }
            div.actions {
                button.primary type="submit" { "Save" }
                a.button href={ "/vendors/" (id) } { "Discard changes" }
            }
        }
    }
}

fn field(name: &str, label: &str, problems: &Problems, control: Markup) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            (control)
            @if let Some(problem) = problems.get(name) {
                span.field-problem id={ (name) "-problem" } { (problem) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::{seed, vendors::Details};

    fn changed(change: impl FnOnce(&mut Details)) -> Vec<&'static str> {
        let world = seed::world(jiff::Timestamp::UNIX_EPOCH);
        let mut details = world.vendors.values().next().unwrap().details.clone();
        change(&mut details);
        check(&details).into_keys().collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(changed(|_| ()), [""; 0]);
        assert_eq!(changed(|d| d.name.clear()), ["name"]);
        assert_eq!(changed(|d| d.email = "nobody".into()), ["email"]);
        assert_eq!(changed(|d| d.phone = "call me".into()), ["phone"]);
        assert_eq!(changed(|d| d.payment_terms = "Never".into()), ["payment_terms"]);
        assert_eq!(changed(|d| d.city = "x".repeat(81)), ["city"]);
    }
}
