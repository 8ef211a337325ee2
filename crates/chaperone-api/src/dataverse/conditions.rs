//! Typed tests as conditions on columns.

use chaperone_app::lists::{Bound, Column, Compare, Condition};
use chaperone_domain::Instant;

use super::filter::{Test, Typed, Value};
use super::schema::Property;

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// The condition of a filter, from the conditions of its tests.
pub(crate) fn of(typed: &Typed, leaf: &impl Fn(&Property, &Test) -> Condition) -> Condition {
    let all = |parts: &[Typed]| parts.iter().map(|part| of(part, leaf)).collect();
    match typed {
        Typed::All(parts) => Condition::All(all(parts)),
        Typed::Any(parts) => Condition::Any(all(parts)),
        Typed::Not(inner) => Condition::Not(Box::new(of(inner, leaf))),
        Typed::Test(property, test) => leaf(property, test),
    }
}

fn bound(value: &Value) -> Bound {
    match value {
        Value::Number(number) => Bound::Number(*number),
        Value::Text(text) => Bound::Text(text.clone()),
        Value::Guid(id) => Bound::Id(*id),
        Value::Flag(flag) => Bound::Flag(*flag),
        Value::Instant(at) => Bound::Number(at.as_microsecond()),
    }
}

/// A test of a column that holds the property's value as it is.
pub(crate) fn plain(column: Column, test: &Test) -> Condition {
    match test {
        Test::Null => Condition::Null(column),
        Test::Compare(compare, value) => Condition::Compare(column, *compare, bound(value)),
        Test::OneOf(values) => Condition::OneOf(column, values.iter().map(bound).collect()),
        Test::Text(place, part) => Condition::Text(column, *place, part.clone()),
    }
}

/// A test of a column of microseconds whose property shows whole seconds: what is compared is what is shown.
pub(crate) fn instant_test(column: Column, test: &Test) -> Condition {
    match test {
        Test::Compare(compare, Value::Instant(at)) => second(column, *compare, *at),
        Test::OneOf(values) => Condition::Any(
            values
                .iter()
                .map(|value| instant_test(column, &Test::Compare(Compare::Eq, value.clone())))
                .collect(),
        ),
        _ => Condition::Always(test.holds(None)),
    }
}

fn second(column: Column, compare: Compare, at: Instant) -> Condition {
    let begin = at.as_microsecond().div_euclid(SECOND_US).saturating_mul(SECOND_US);
    let end = begin.saturating_add(SECOND_US);
    let whole = at.as_nanosecond().rem_euclid(1_000_000_000) == 0;
    let from = |at_us| Condition::Compare(column, Compare::Ge, Bound::Number(at_us));
    let before = |at_us| Condition::Compare(column, Compare::Lt, Bound::Number(at_us));
    match compare {
        Compare::Eq if whole => Condition::All(vec![from(begin), before(end)]),
        Compare::Ne if whole => Condition::Any(vec![before(begin), from(end)]),
        // Nothing shows a part of a second.
        Compare::Eq => Condition::Always(false),
        Compare::Ne => Condition::Always(true),
        Compare::Ge if whole => from(begin),
        Compare::Lt if whole => before(begin),
        Compare::Gt | Compare::Ge => from(end),
        Compare::Le | Compare::Lt => before(end),
    }
}
