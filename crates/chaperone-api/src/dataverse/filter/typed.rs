//! Names become properties, values get their types, and tests can be asked.

use chaperone_app::lists::{Compare, TextMatch};
use chaperone_domain::Instant;
use uuid::Uuid;

use super::Wrong;
use super::grammar::{Expr, Literal, Name, guid, instant};
use crate::dataverse::schema::{Kind, Property, Table};

/// A value of a property.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Number(i64),
    Text(String),
    Guid(Uuid),
    Flag(bool),
    Instant(Instant),
}

/// What is asked of one property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    Compare(Compare, Value),
    OneOf(Vec<Value>),
    Null,
    Text(TextMatch, String),
}

/// A filter in which every name is a property and every value has its type.
#[derive(Clone, Debug)]
pub(crate) enum Typed {
    All(Vec<Typed>),
    Any(Vec<Typed>),
    Not(Box<Typed>),
    Test(&'static Property, Test),
}

impl Test {
    /// Whether a value passes; nothing passes only the test for nothing and those for *another one*.
    pub(crate) fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            return matches!(self, Self::Null | Self::Compare(Compare::Ne, _));
        };
        match self {
            Self::Null => false,
            Self::OneOf(values) => values.contains(value),
            Self::Compare(compare, other) => match compare {
                Compare::Eq => value == other,
                Compare::Ne => value != other,
                Compare::Lt => value < other,
                Compare::Le => value <= other,
                Compare::Gt => value > other,
                Compare::Ge => value >= other,
            },
            Self::Text(place, part) => match (value, place) {
                (Value::Text(text), TextMatch::Contains) => text.contains(part),
                (Value::Text(text), TextMatch::StartsWith) => text.starts_with(part),
                (Value::Text(text), TextMatch::EndsWith) => text.ends_with(part),
                _ => false,
            },
        }
    }
}

impl Typed {
    /// Whether a row passes whose properties have these values.
    pub(crate) fn holds(&self, value_of: &impl Fn(&Property) -> Option<Value>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(value_of)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(value_of)),
            Self::Not(inner) => !inner.holds(value_of),
            Self::Test(property, test) => test.holds(value_of(property).as_ref()),
        }
    }
}

/// Finds the names among the table's properties, and gives the values their types.
pub(crate) fn check(expr: &Expr, table: &'static Table) -> Result<Typed, Wrong> {
    let all = |parts: &[Expr]| -> Result<Vec<Typed>, Wrong> {
        parts.iter().map(|part| check(part, table)).collect()
    };
    Ok(match expr {
        Expr::All(parts) => Typed::All(all(parts)?),
        Expr::Any(parts) => Typed::Any(all(parts)?),
        Expr::Not(inner) => Typed::Not(Box::new(check(inner, table)?)),
        Expr::Compare { name, compare, value } => {
            let property = find(name, table)?;
            comparison(property, *compare, value)?
        }
        Expr::OneOf { name, values } => {
            let property = find(name, table)?;
            let values: Result<_, _> = values.iter().map(|value| in_list(property, value)).collect();
            Typed::Test(property, Test::OneOf(values?))
        }
        Expr::Text { name, place, value } => {
            let property = find(name, table)?;
            match (property.kind, &value.1) {
                (Kind::Text, Literal::Text(text)) => Typed::Test(property, Test::Text(*place, text.clone())),
                (Kind::Text, _) => return Err(Wrong::new(value.0, "A text in single quotes was expected")),
                (kind, _) => {
                    let message = format!(
                        "This function looks into texts, and '{}' is of the type '{}'",
                        property.name,
                        kind.edm()
                    );
                    return Err(Wrong::new(name.at, message));
                }
            }
        }
    })
}

fn find(name: &Name, table: &'static Table) -> Result<&'static Property, Wrong> {
    table.property(&name.text).ok_or_else(|| {
        let shown: String = name.text.chars().take(100).collect();
        let message = format!(
            "Could not find a property named '{shown}' on type 'Microsoft.Dynamics.CRM.{}'",
            table.logical_name
        );
        Wrong::new(name.at, message)
    })
}

fn comparison(
    property: &'static Property,
    compare: Compare,
    value: &(usize, Literal),
) -> Result<Typed, Wrong> {
    let equal = matches!(compare, Compare::Eq | Compare::Ne);
    if value.1 == Literal::Null {
        let null = Typed::Test(property, Test::Null);
        return match compare {
            Compare::Eq => Ok(null),
            Compare::Ne => Ok(Typed::Not(Box::new(null))),
            _ => Err(Wrong::new(value.0, "null is neither less nor more than a value")),
        };
    }
    if !equal && matches!(property.kind, Kind::Guid | Kind::Flag) {
        let kind = property.kind.edm();
        let message = format!("Values of the type '{kind}' are the same or not, neither less nor more");
        return Err(Wrong::new(value.0, message));
    }
    let value = of_type(property, value)?;
    Ok(Typed::Test(property, Test::Compare(compare, value)))
}

/// The value in the property's type. The source takes guids and dates in quotes too.
fn of_type(property: &Property, (at, literal): &(usize, Literal)) -> Result<Value, Wrong> {
    let value = match (property.kind, literal) {
        (Kind::Number, Literal::Number(number)) => Some(Value::Number(*number)),
        (Kind::Text, Literal::Text(text)) => Some(Value::Text(text.clone())),
        (Kind::Guid, Literal::Guid(id)) => Some(Value::Guid(*id)),
        (Kind::Guid, Literal::Text(text)) => guid(text).map(Value::Guid),
        (Kind::Flag, Literal::Flag(flag)) => Some(Value::Flag(*flag)),
        (Kind::Instant, Literal::Instant(at)) => Some(Value::Instant(*at)),
        (Kind::Instant, Literal::Text(text)) => instant(text).map(Value::Instant),
        _ => None,
    };
    value.ok_or_else(|| {
        let message = format!(
            "'{}' is of the type '{}': such a value was expected",
            property.name,
            property.kind.edm()
        );
        Wrong::new(*at, message)
    })
}

/// A value of a list: the source's functions write all of them as texts.
fn in_list(property: &Property, value: &(usize, Literal)) -> Result<Value, Wrong> {
    let read = match (property.kind, &value.1) {
        (Kind::Number, Literal::Text(text)) => text.parse().ok().map(Value::Number),
        (Kind::Flag, Literal::Text(text)) => text.parse().ok().map(Value::Flag),
        _ => None,
    };
    read.map_or_else(|| of_type(property, value), Ok)
}
