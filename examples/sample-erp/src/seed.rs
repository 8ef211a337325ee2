//! The data a new ERP starts with: a trading company's vendors, items and orders. All names are invented, all
//! check digits are right.

mod tables;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

use self::tables::{BANKS, BUYERS, ITEMS, NOTES, VENDORS, VendorRow};
use crate::{
    items::Item,
    money::Cents,
    orders::{Line, Order, Status},
    vendors::{
        Attachment, BankAccount, CATEGORIES, DELIVERY_MODES, Details, PAYMENT_TERMS, Vendor,
        bank_accounts::iban_of,
    },
    world::World,
};

/// A fresh ERP, as it stands at `now`.
pub(crate) fn world(now: Timestamp) -> World {
    let items = ITEMS
        .iter()
        .map(|(id, name, unit, price)| Item {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            unit: (*unit).to_owned(),
            price: Cents(*price),
        })
        .collect();
    let mut world = World { items, ..World::default() };
    for (place, row) in VENDORS.iter().enumerate() {
        let vendor = vendor(&mut world, place, row, now);
        world.vendors.insert(vendor.id.clone(), vendor);
    }
    for place in 0..30 {
        let order = order(&world, place, now);
        world.orders.insert(order.id.clone(), order);
    }
    for (text, link) in [
        ("Price list 2027 of Adler & Quast Fasteners has arrived", "/vendors/V-1002"),
        ("Month-end closing begins on the 28th", "/"),
        ("PO-1004 is waiting for approval", "/orders/PO-1004"),
    ] {
        world.notifications.add(now, "system", text.to_owned(), link.to_owned());
    }
    world
}

fn vendor(world: &mut World, place: usize, row: &VendorRow, now: Timestamp) -> Vendor {
    let (name, street, postcode, city, country, contact, phone, currency) = *row;
    let accounts = 1 + usize::from(place.is_multiple_of(4));
    let bank_accounts = (0..accounts)
        .map(|number| {
            let (code, bank, bic, pattern) = BANKS[(place + number * 2) % BANKS.len()];
            BankAccount {
                id: world.next_part("BA"),
                bank: bank.to_owned(),
                iban: iban_of(code, &fill(pattern, place * 7 + number * 3 + 1)),
                bic: bic.to_owned(),
                currency: currency.to_owned(),
                primary: number == 0,
            }
        })
        .collect();
    let attachments = if place % 5 == 1 {
        let text = format!("Framework contract between Larkfell Supply and {name}.\nTerms as agreed.\n");
        vec![Attachment {
            id: world.next_part("AT"),
            name: "framework-contract.txt".to_owned(),
            description: "Framework contract 2026".to_owned(),
            content_type: "text/plain; charset=utf-8".to_owned(),
            bytes: text.into(),
            added_by: "nora".to_owned(),
            added_at: before(now, 90),
        }]
    } else {
        Vec::new()
    };
    let mail: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).take(14).collect();
    Vendor {
        id: format!("V-{}", 1001 + place),
        active: place != 13 && place != 18,
        details: Details {
            name: name.to_owned(),
            category: CATEGORIES[place * 5 % CATEGORIES.len()].to_owned(),
            street: street.to_owned(),
            postcode: postcode.to_owned(),
            city: city.to_owned(),
            country: country.to_owned(),
            contact: contact.to_owned(),
            email: format!("orders@{mail}.example"),
            phone: phone.to_owned(),
            payment_terms: PAYMENT_TERMS[place * 3 % PAYMENT_TERMS.len()].to_owned(),
            currency: currency.to_owned(),
            delivery_mode: DELIVERY_MODES[place % DELIVERY_MODES.len()].to_owned(),
            tax_number: format!(
                "{:02}/{:03}/{:05}",
                10 + place,
                137 * (place + 3) % 1000,
                7919 * (place + 11) % 100_000
            ),
            e_invoices: place.is_multiple_of(3),
            note: String::new(),
        },
        bank_accounts,
        attachments,
        version: 1,
        changed_by: BUYERS[place % BUYERS.len()].to_owned(),
        changed_at: before(now, 10 + place),
    }
}

fn order(world: &World, place: usize, now: Timestamp) -> Order {
    const STATUS: [Status; 6] = [
        Status::Received,
        Status::Approved,
        Status::Draft,
        Status::InReview,
        Status::Approved,
        Status::InReview,
    ];
    // Inactive vendors keep old orders only; new ones go to active vendors.
    let active: Vec<&Vendor> = world.vendors.values().filter(|vendor| vendor.active).collect();
    let vendor = active[place * 7 % active.len()];
    let lines = (0..1 + place % 4)
        .map(|number| {
            let item = &world.items[(place * 5 + number * 3) % world.items.len()];
            Line {
                item: item.id.clone(),
                description: item.name.clone(),
                quantity: u32::try_from(1 + (place * 13 + number * 29) % 48).unwrap_or(1),
                unit: item.unit.clone(),
                price: item.price,
            }
        })
        .collect();
    let today = now.to_zoned(TimeZone::UTC).date();
    let days = i32::try_from(place * 11 % 40).unwrap_or(0) - 6;
    let status = if place == 20 { Status::Cancelled } else { STATUS[place % STATUS.len()] };
    Order {
        id: format!("PO-{}", 1001 + place),
        vendor: vendor.id.clone(),
        status,
        delivery_date: today.saturating_add(days.days()),
        currency: vendor.details.currency.clone(),
        buyer: BUYERS[place * 2 % BUYERS.len()].to_owned(),
        note: NOTES[place % NOTES.len()].to_owned(),
        lines,
        version: 1,
        created_at: before(now, 40 - place),
        changed_by: BUYERS[(place + 1) % BUYERS.len()].to_owned(),
        changed_at: before(now, 5),
    }
}

/// Some days before; the beginning of time does not matter here.
fn before(now: Timestamp, days: usize) -> Timestamp {
    let hours = i64::try_from(days).unwrap_or(0) * 24;
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(now)
}

/// The pattern with its `#` filled by digits that look random and never change.
fn fill(pattern: &str, salt: usize) -> String {
    let mut value = salt * 2_654_435 + 97;
    pattern
        .chars()
        .map(|c| {
            if c != '#' {
                return c;
            }
            value = (value * 31 + 7) % 1_000_003;
            char::from_digit(u32::try_from(value % 10).unwrap_or(0), 10).unwrap_or('0')
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::world;
    use crate::vendors::bank_accounts::is_iban;

    #[test]
    fn the_seed_is_complete_and_its_bank_accounts_are_valid() {
        let world = world(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!((world.vendors.len(), world.orders.len()), (20, 30));
        for vendor in world.vendors.values() {
            assert_eq!(vendor.bank_accounts.iter().filter(|account| account.primary).count(), 1);
            for account in &vendor.bank_accounts {
                assert!(is_iban(&account.iban), "{} {}", vendor.id, account.iban);
            }
        }
        for order in world.orders.values() {
            assert!(world.vendors[&order.vendor].active, "{}", order.id);
        }
    }
}
