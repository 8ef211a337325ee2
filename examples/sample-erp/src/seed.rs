//! The data a new ERP starts with: a trading company's vendors, items and orders. All names are invented, all
//! check digits are right.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

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

/// Name, street, postcode, city, country, contact, phone, currency.
type VendorRow = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const VENDORS: [VendorRow; 20] = [
    (
        "Brevik Steelworks",
        "Havnegata 14",
        "3950",
        "Brevik",
        "Norway",
        "Sigrid Aune",
        "+47 35 57 01 14",
        "EUR",
    ),
    (
        "Adler & Quast Fasteners",
        "Industriestrasse 8",
        "58636",
        "Iserlohn",
        "Germany",
        "Jonas Quast",
        "+49 2371 55 01 80",
        "EUR",
    ),
    (
        "Castellane Packaging",
        "12 rue des Tanneurs",
        "69007",
        "Lyon",
        "France",
        "Élodie Marchal",
        "+33 4 72 55 01 90",
        "EUR",
    ),
    (
        "Hollin Moor Bearings",
        "3 Foundry Lane",
        "S9 2QX",
        "Sheffield",
        "United Kingdom",
        "Graham Tolley",
        "+44 114 496 0151",
        "GBP",
    ),
    (
        "Vandermeer Cold Chain",
        "Maashaven 77",
        "3072",
        "Rotterdam",
        "Netherlands",
        "Lotte Vandermeer",
        "+31 10 555 01 20",
        "EUR",
    ),
    (
        "Sorrentini Valves",
        "Via dell'Artigiano 5",
        "25030",
        "Brescia",
        "Italy",
        "Paolo Sorrentini",
        "+39 030 555 0133",
        "EUR",
    ),
    (
        "Kestrel Circuits",
        "2200 Mesa Ridge",
        "80301",
        "Boulder",
        "United States",
        "Dana Whitcomb",
        "+1 303 555 0147",
        "USD",
    ),
    (
        "Lumen & Sohn Optics",
        "Carl-Zuse-Weg 2",
        "07745",
        "Jena",
        "Germany",
        "Dr. Petra Lumen",
        "+49 3641 55 02 11",
        "EUR",
    ),
    (
        "Granja Verde Oils",
        "Calle del Molino 19",
        "23001",
        "Jaén",
        "Spain",
        "Ana Beltrán",
        "+34 953 55 01 62",
        "EUR",
    ),
    (
        "Tatrawood Pallets",
        "Leśna 41",
        "34-500",
        "Zakopane",
        "Poland",
        "Marek Górny",
        "+48 18 555 01 73",
        "EUR",
    ),
    (
        "Alpina Drives",
        "Werkstrasse 30",
        "8404",
        "Winterthur",
        "Switzerland",
        "Reto Ammann",
        "+41 52 555 01 88",
        "CHF",
    ),
    (
        "Norrsken Sensors",
        "Skeppsbron 6",
        "972 38",
        "Luleå",
        "Sweden",
        "Elin Norberg",
        "+46 920 555 019",
        "SEK",
    ),
    (
        "Blackwater Chemicals",
        "Quay 9",
        "T12 X4P6",
        "Cork",
        "Ireland",
        "Aoife Hannigan",
        "+353 21 555 0142",
        "EUR",
    ),
    (
        "O'Dowd & Daughters Tools",
        "41 Mill Street",
        "H91 C2D5",
        "Galway",
        "Ireland",
        "Niamh O'Dowd",
        "+353 91 555 017",
        "EUR",
    ),
    (
        "Moravia Castings",
        "Slévárenská 12",
        "702 00",
        "Ostrava",
        "Czechia",
        "Jan Horák",
        "+420 595 550 155",
        "EUR",
    ),
    (
        "Lisboa Cork Seals",
        "Rua da Cortiça 88",
        "2845-001",
        "Seixal",
        "Portugal",
        "Inês Duarte",
        "+351 21 555 0166",
        "EUR",
    ),
    (
        "Helsingfors Paper",
        "Satamakatu 3",
        "00160",
        "Helsinki",
        "Finland",
        "Mikko Lehto",
        "+358 9 555 0171",
        "EUR",
    ),
    (
        "Danube Freight Forwarding",
        "Handelskai 210",
        "1020",
        "Vienna",
        "Austria",
        "Eva Steindl",
        "+43 1 555 01 77",
        "EUR",
    ),
    (
        "Ardennes Textiles",
        "Quai de Meuse 55",
        "5000",
        "Namur",
        "Belgium",
        "Luc Fontaine",
        "+32 81 555 018",
        "EUR",
    ),
    (
        "Quillfeather Office Supply",
        "7 Paper Mews",
        "BS1 4QA",
        "Bristol",
        "United Kingdom",
        "Harriet Quill",
        "+44 117 496 0159",
        "GBP",
    ),
];

/// Country code, bank, BIC, and the national number's pattern, in which `#` is a digit.
const BANKS: [(&str, &str, &str, &str); 6] = [
    ("DE", "Rheinische Handelsbank", "RHHBDEFFXXX", "37040044##########"),
    ("FR", "Banque du Rhône et d'Azur", "BRAZFRPP", "3000600001###########89"),
    ("NL", "Maasbank", "MAASNL2R", "MAAS##########"),
    ("GB", "Calder Valley Bank", "CVBKGB21", "CVBK601613########"),
    ("SE", "Norrlandsbanken", "NORRSESS", "500000#############"),
    ("AT", "Donau Kreditbank", "DOKRATWW", "19043###########"),
];

/// Number, name, unit, price in cents.
const ITEMS: [(&str, &str, &str, i64); 24] = [
    ("I-2001", "Hex bolt M8 × 40, zinc plated", "Box", 1_290),
    ("I-2002", "Hex bolt M10 × 60, stainless", "Box", 2_480),
    ("I-2003", "Washer 8.4, form A", "Box", 640),
    ("I-2010", "Steel sheet 2 mm, 1000 × 2000", "Piece", 8_950),
    ("I-2011", "Steel tube 40 × 40 × 3, 6 m", "Piece", 5_720),
    ("I-2020", "Deep groove ball bearing 6204", "Piece", 730),
    ("I-2021", "Pillow block bearing UCP 205", "Piece", 1_845),
    ("I-2030", "Ball valve DN 25, brass", "Piece", 2_260),
    ("I-2031", "Check valve DN 50", "Piece", 6_410),
    ("I-2040", "Temperature sensor PT100", "Piece", 3_175),
    ("I-2041", "Proximity switch M12", "Piece", 2_790),
    ("I-2042", "Control board KC-7", "Piece", 18_600),
    ("I-2050", "Geared motor 0.75 kW", "Piece", 42_900),
    ("I-2051", "Frequency drive 1.5 kW", "Piece", 38_750),
    ("I-2060", "Euro pallet, new", "Piece", 1_480),
    ("I-2061", "Folding box 400 × 300 × 200", "Bundle", 2_150),
    ("I-2062", "Stretch film 500 mm", "Roll", 890),
    ("I-2070", "Hydraulic oil HLP 46, 20 l", "Can", 6_980),
    ("I-2071", "Cleaning solvent, 10 l", "Can", 4_310),
    ("I-2080", "Cork seal 80 mm", "Bag", 1_120),
    ("I-2090", "Copy paper A4, 5 reams", "Carton", 2_395),
    ("I-2091", "Label roll 100 × 50", "Roll", 1_675),
    ("I-2095", "Road freight, full truck", "Trip", 94_000),
    ("I-2096", "Maintenance, per hour", "Hour", 9_200),
];

const NOTES: [&str; 5] = [
    "",
    "Deliver to gate 3, call ahead.",
    "Partial deliveries are fine.",
    "Certificates 3.1 with the delivery.",
    "Framework contract FC-2026/07.",
];

const BUYERS: [&str; 3] = ["nora", "tomas", "ida"];

/// A fresh ERP, as it stands at `now`.
pub(crate) fn world(now: Timestamp) -> World {
    let mut world = World::default();
    world.items = ITEMS
        .iter()
        .map(|(id, name, unit, price)| Item {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            unit: (*unit).to_owned(),
            price: Cents(*price),
        })
        .collect();
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
    let accounts = 1 + usize::from(place % 4 == 0);
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
