//! What filters mean, and what is none.

use chaperone_app::lists::{Compare, TextMatch};
use proptest::prelude::*;
use uuid::Uuid;

use super::grammar::{Expr, FILTER_MAX_BYTES, Literal, Name};
use super::{Test, Typed, Value, check, parse};
use crate::dataverse::schema::{AUDIT, ENTITY_DEFINITION, Kind, SYSTEM_USER, Table};

fn typed(text: &str, table: &'static Table) -> Result<Typed, super::Wrong> {
    parse(text).and_then(|expr| check(&expr, table))
}

/// The test of a filter that is one.
fn test(text: &str) -> Test {
    match typed(text, &AUDIT).unwrap_or_else(|wrong| panic!("{text}: {wrong}")) {
        Typed::Test(_, test) => test,
        other => panic!("{text}: {other:?}"),
    }
}

/// Where a filter is wrong, and why.
fn wrong(text: &str) -> (usize, String) {
    let wrong = typed(text, &AUDIT).expect_err(text);
    assert!(wrong.at <= text.len(), "{text}: {wrong}");
    (wrong.at, wrong.message)
}

const GUID: &str = "01a1fc37-65c2-7000-83d3-1715f43e7799";

fn guid() -> Value {
    Value::Guid(GUID.parse().expect("a guid"))
}

#[test]
fn values_have_the_type_of_their_property() {
    assert_eq!(test("action eq 64"), Test::Compare(Compare::Eq, Value::Number(64)));
    assert_eq!(test("objecttypecode ne 'it''s'"), Test::Compare(Compare::Ne, Value::Text("it's".to_owned())));
    assert_eq!(test(&format!("_userid_value eq {GUID}")), Test::Compare(Compare::Eq, guid()));
    assert_eq!(test("_regardingobjectid_value eq null"), Test::Null);
    let instant = Value::Instant("2026-11-20T08:30:00Z".parse().expect("an instant"));
    assert_eq!(test("createdon ge 2026-11-20T08:30:00Z"), Test::Compare(Compare::Ge, instant.clone()));
    assert_eq!(test("createdon ge 2026-11-20T09:30:00+01:00"), Test::Compare(Compare::Ge, instant));
    let day = Value::Instant("2026-11-20T00:00:00Z".parse().expect("an instant"));
    assert_eq!(test("createdon lt 2026-11-20"), Test::Compare(Compare::Lt, day.clone()));
    // As the source's documents and its Python client write them.
    assert_eq!(test(&format!("_userid_value eq '{GUID}'")), Test::Compare(Compare::Eq, guid()));
    assert_eq!(test("createdon lt '2026-11-20'"), Test::Compare(Compare::Lt, day));
}

#[test]
fn lists_are_written_in_three_ways() {
    let wanted = Test::OneOf(vec![Value::Number(64), Value::Number(65)]);
    for text in [
        "action in (64,65)",
        "action in(64, 65)",
        "Microsoft.Dynamics.CRM.In(PropertyName='action',PropertyValues=['64','65'])",
        "Microsoft.Dynamics.CRM.In(PropertyName='action',PropertyValues=[\"64\",\"65\"])",
        "Microsoft.Dynamics.CRM.In( PropertyName = 'action' , PropertyValues = [ 64 , 65 ] )",
    ] {
        assert_eq!(test(text), wanted, "{text}");
    }
    let not_in = typed("Microsoft.Dynamics.CRM.NotIn(PropertyName='action',PropertyValues=[\"64\"])", &AUDIT);
    assert!(matches!(not_in, Ok(Typed::Not(_))));
    let between =
        "Microsoft.Dynamics.CRM.Between(PropertyName='createdon',PropertyValues=['2026-11-20','2026-11-21'])";
    assert!(matches!(typed(between, &AUDIT), Ok(Typed::All(parts)) if parts.len() == 2));
}

#[test]
fn and_binds_before_or_and_not_before_both() {
    let read = parse("action eq 1 or action eq 2 and not action eq 3").expect("read");
    let Expr::Any(parts) = read else { panic!("{read:?}") };
    assert!(matches!(&parts[..], [Expr::Compare { .. }, Expr::All(all)] if matches!(all[1], Expr::Not(_))));
    let grouped = parse("(action eq 1 or action eq 2) and action eq 3").expect("read");
    assert!(matches!(grouped, Expr::All(parts) if matches!(parts[0], Expr::Any(_))));
}

#[test]
fn texts_are_looked_into() {
    let read = test("contains(objecttypecode,'user')");
    assert_eq!(read, Test::Text(TextMatch::Contains, "user".to_owned()));
    assert!(wrong("contains(action,'6')").1.contains("Edm.Int32"));
    assert!(wrong("contains(objecttypecode,6)").1.contains("quotes"));
}

#[test]
fn objects_of_definitions_are_asked_for_their_value() {
    let text = "IsAuditEnabled/Value eq true and IsPrivate eq false";
    assert!(matches!(typed(text, &ENTITY_DEFINITION), Ok(Typed::All(parts)) if parts.len() == 2));
}

#[test]
fn nothing_is_another_one_than_everything_and_neither_less_nor_more() {
    let holds = |text: &str, email: Option<&str>| {
        let typed = typed(text, &SYSTEM_USER).expect(text);
        typed.holds(&|_| email.map(|email| Value::Text(email.to_owned())))
    };
    assert!(holds("internalemailaddress ne 'x'", None) && holds("not (internalemailaddress eq 'x')", None));
    assert!(!holds("internalemailaddress gt 'x'", None) && holds("not (internalemailaddress gt 'x')", None));
    assert!(holds("internalemailaddress eq null", None) && !holds("internalemailaddress ne null", None));
    assert!(holds("internalemailaddress ne null and endswith(internalemailaddress,'b')", Some("ab")));
}

#[test]
fn what_is_wrong_is_named_with_its_position() {
    for (text, at, part) in [
        ("nothing eq 1", 0, "Could not find a property named 'nothing'"),
        ("action eq 64 and nothing eq 1", 17, "'nothing'"),
        ("action eq '64'", 10, "Edm.Int32"),
        ("action eq 64.5", 10, "not a value"),
        ("action eq true", 10, "Edm.Int32"),
        ("action is 64", 7, "eq, ne"),
        ("action eq", 9, "a value was expected"),
        ("action", 6, "eq, ne"),
        ("", 0, "a property"),
        ("action eq 64 action eq 65", 13, "'and', 'or'"),
        ("(action eq 64", 13, "')' was expected"),
        ("action eq 64)", 12, "'and', 'or'"),
        ("createdon gt 2026-11", 13, "not a value"),
        ("createdon gt 2026-11-28T10", 13, "not a value"),
        ("createdon gt 2026-11-28T10:00:00", 13, "not a value"),
        ("createdon gt '2026-13-01'", 13, "Edm.DateTimeOffset"),
        ("createdon gt 5", 13, "Edm.DateTimeOffset"),
        ("_userid_value eq 'anna'", 17, "Edm.Guid"),
        ("_userid_value gt 01a1fc37-65c2-7000-83d3-1715f43e7799", 17, "neither less nor more"),
        ("action gt null", 10, "neither less nor more"),
        ("objecttypecode eq 'x", 18, "has no end"),
        ("year(createdon) eq 2026", 0, "unknown function with name 'year'"),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", 0, "unknown function"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='x',PropertyValues=['1'])", 40, "'x'"),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='action',PropertyValues=['1'])", 0, "two values"),
        ("64 eq action", 0, "a property"),
        ("action eq operation", 10, "not a value"),
        ("action in ()", 11, "a value was expected"),
        ("action eq 64; DROP TABLE users", 12, "'and', 'or'"),
    ] {
        let (found, message) = wrong(text);
        assert!(message.contains(part), "{text}: {message}");
        assert_eq!(found, at, "{text}: {message}");
    }
}

#[test]
fn what_costs_without_end_is_refused_at_its_limit() {
    let nested = format!("{}action eq 1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(wrong(&nested).1.contains("levels deep"));
    let nots = format!("{}action eq 1", "not ".repeat(8_000));
    assert!(wrong(&nots).1.contains("levels deep"));
    let long = "a".repeat(1_000_000);
    assert!(wrong(&format!("objecttypecode eq '{long}'")).1.contains("longer than"));
    let many = vec!["action eq 1"; 600].join(" or ");
    assert!(wrong(&many).1.contains("comparisons"));
    let list = vec!["1"; 600].join(",");
    assert!(wrong(&format!("action in ({list})")).1.contains("values"));
}

#[test]
fn positions_are_characters_for_people() {
    let text = "objecttypecode eq 'ä' and nothing eq 1";
    let wrong = typed(text, &AUDIT).expect_err("wrong");
    assert_eq!(wrong.sentence(text).split(" at position ").nth(1), Some("26 in the $filter."));
}

#[test]
fn a_deep_filter_within_the_limit_is_read() {
    let nested = format!("{}action eq 1{}", "(".repeat(60), ")".repeat(60));
    assert!(typed(&nested, &AUDIT).is_ok());
}

/// Values and how they are written.
fn literals() -> impl Strategy<Value = (Literal, String)> {
    prop_oneof![
        Just((Literal::Null, "null".to_owned())),
        any::<bool>().prop_map(|flag| (Literal::Flag(flag), flag.to_string())),
        any::<i64>().prop_map(|number| (Literal::Number(number), number.to_string())),
        any::<u128>().prop_map(|id| (Literal::Guid(Uuid::from_u128(id)), Uuid::from_u128(id).to_string())),
        "[^\\x00]{0,12}"
            .prop_map(|text| (Literal::Text(text.clone()), format!("'{}'", text.replace('\'', "''")))),
        (0..4_000_000_000_i64).prop_map(|second| {
            let at = jiff::Timestamp::from_second(second).expect("in range");
            (Literal::Instant(at), at.to_string())
        }),
    ]
}

/// A filter without positions, and how it is written.
fn filters() -> impl Strategy<Value = (Expr, String)> {
    let signs = prop_oneof![
        Just((Compare::Eq, "eq")),
        Just((Compare::Ne, "ne")),
        Just((Compare::Lt, "lt")),
        Just((Compare::Le, "le")),
        Just((Compare::Gt, "gt")),
        Just((Compare::Ge, "ge")),
    ];
    let comparison =
        ("[a-z_][a-z0-9_]{0,6}x", signs, literals()).prop_map(|(text, (compare, sign), (value, written))| {
            let name = Name { at: 0, text: text.clone() };
            (Expr::Compare { name, compare, value: (0, value) }, format!("{text} {sign} {written}"))
        });
    comparison.prop_recursive(6, 40, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            several.clone().prop_map(|parts| {
                let (exprs, texts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                (Expr::All(exprs), format!("(({}))", texts.join(") and (")))
            }),
            several.prop_map(|parts| {
                let (exprs, texts): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                (Expr::Any(exprs), format!("(({}))", texts.join(") or (")))
            }),
            inner.prop_map(|(expr, text)| (Expr::Not(Box::new(expr)), format!("not ({text})"))),
        ]
    })
}

/// The same without positions.
fn without_positions(expr: Expr) -> Expr {
    let all = |parts: Vec<Expr>| parts.into_iter().map(without_positions).collect();
    match expr {
        Expr::All(parts) => Expr::All(all(parts)),
        Expr::Any(parts) => Expr::Any(all(parts)),
        Expr::Not(inner) => Expr::Not(Box::new(without_positions(*inner))),
        Expr::Compare { name, compare, value } => {
            Expr::Compare { name: Name { at: 0, ..name }, compare, value: (0, value.1) }
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was_meant((expr, text) in filters()) {
        prop_assert_eq!(parse(&text).map(without_positions), Ok(expr), "{}", text);
    }

    #[test]
    fn no_text_at_all_ends_in_anything_but_an_answer(text in "\\PC{0,200}") {
        if let Err(wrong) = typed(&text, &AUDIT) {
            prop_assert!(wrong.at <= text.len().max(FILTER_MAX_BYTES));
            prop_assert!(!wrong.sentence(&text).is_empty());
        }
    }

    #[test]
    fn what_looks_like_a_filter_ends_in_an_answer(text in "[()a-z0-9 ',=\\[\\]\"._-]{0,120}") {
        let _answer = typed(&text, &AUDIT);
    }

    #[test]
    fn every_property_takes_values_of_its_own_type_alone((literal, written) in literals()) {
        for property in AUDIT.properties {
            let fits = matches!(
                (property.kind, &literal),
                (_, Literal::Null)
                    | (Kind::Number, Literal::Number(_))
                    | (Kind::Guid, Literal::Guid(_))
                    | (Kind::Instant, Literal::Instant(_))
                    | (Kind::Text, Literal::Text(_))
            );
            let read = typed(&format!("{} eq {written}", property.name), &AUDIT);
            let is_text = matches!(literal, Literal::Text(_));
            prop_assert!(read.is_ok() == fits || (is_text && property.kind != Kind::Number), "{} {written}", property.name);
        }
    }
}
