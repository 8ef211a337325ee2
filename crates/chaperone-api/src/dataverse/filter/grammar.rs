//! The grammar: what a filter may look like, and where it stops being one.

use chaperone_app::lists::{Compare, TextMatch};
use chaperone_domain::Instant;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{Location as _, Stream as _};
use winnow::token::{any, literal, one_of, take_till, take_while};
use winnow::{LocatingSlice, ModalResult, Parser as _, Stateful};

use super::Wrong;

/// Longest filter, in bytes.
pub(crate) const FILTER_MAX_BYTES: usize = 32 * 1024;
/// Deepest nesting of parentheses and `not`.
const DEPTH_MAX: usize = 64;
/// Most comparisons in one filter.
const TERMS_MAX: usize = 500;
/// Most values in one list.
const LIST_MAX: usize = 500;
/// What functions of the source begin with.
const SOURCE_FUNCTIONS: &str = "Microsoft.Dynamics.CRM.";

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Flag(bool),
    Number(i64),
    Guid(Uuid),
    Instant(Instant),
    Text(String),
}

/// A filter as it is written; numbers are bytes of its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Compare { name: Name, compare: Compare, value: (usize, Literal) },
    OneOf { name: Name, values: Vec<(usize, Literal)> },
    Text { name: Name, place: TextMatch, value: (usize, Literal) },
}

/// A property's name, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// What is spent while reading.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    depth: usize,
    terms: usize,
}

type Input<'a> = Stateful<LocatingSlice<&'a str>, Spent>;
type Read<T> = ModalResult<T, Wrong>;

impl<'a> ParserError<Input<'a>> for Wrong {
    type Inner = Self;

    fn from_input(input: &Input<'a>) -> Self {
        Self::new(input.current_token_start(), "Syntax error")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

fn wrong<T>(at: usize, message: impl Into<String>) -> Read<T> {
    Err(ErrMode::Cut(Wrong::new(at, message)))
}

/// Reads a filter.
pub(crate) fn parse(text: &str) -> Result<Expr, Wrong> {
    if text.len() > FILTER_MAX_BYTES {
        return Err(Wrong::new(
            FILTER_MAX_BYTES,
            format!("The filter is longer than {FILTER_MAX_BYTES} bytes"),
        ));
    }
    let mut input = Stateful { input: LocatingSlice::new(text), state: Spent::default() };
    let read = any_of(&mut input).and_then(|expr| {
        spaces(&mut input)?;
        if input.input.is_empty() {
            Ok(expr)
        } else {
            wrong(input.current_token_start(), "Syntax error: 'and', 'or' or the end was expected")
        }
    });
    read.map_err(|error| {
        error
            .into_inner()
            .unwrap_or_else(|_| Wrong::new(text.len(), "Syntax error: the filter is incomplete"))
    })
}

fn spaces(input: &mut Input<'_>) -> Read<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

/// A keyword, with something that is no name behind it.
fn keyword(input: &mut Input<'_>, word: &'static str) -> bool {
    let start = input.checkpoint();
    let is_there = spaces(input).is_ok()
        && literal::<_, _, ErrMode<Wrong>>(word).parse_next(input).is_ok()
        && !input.input.chars().next().is_some_and(|next| next.is_alphanumeric() || "_./".contains(next));
    if !is_there {
        input.reset(&start);
    }
    is_there
}

/// A sign, if it stands there.
fn sign(input: &mut Input<'_>, wanted: char) -> bool {
    let start = input.checkpoint();
    let is_there = spaces(input).is_ok() && one_of::<_, _, ErrMode<Wrong>>(wanted).parse_next(input).is_ok();
    if !is_there {
        input.reset(&start);
    }
    is_there
}

fn expect(input: &mut Input<'_>, wanted: char) -> Read<()> {
    if sign(input, wanted) {
        return Ok(());
    }
    wrong(here(input), format!("Syntax error: '{wanted}' was expected"))
}

/// The next byte that is no space.
fn here(input: &mut Input<'_>) -> usize {
    let _spaces = spaces(input);
    input.current_token_start()
}

fn any_of(input: &mut Input<'_>) -> Read<Expr> {
    let mut parts = vec![all_of(input)?];
    while keyword(input, "or") {
        parts.push(all_of(input)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Any(parts) })
}

fn all_of(input: &mut Input<'_>) -> Read<Expr> {
    let mut parts = vec![term(input)?];
    while keyword(input, "and") {
        parts.push(term(input)?);
    }
    Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::All(parts) })
}

/// One level deeper, or the refusal to go there.
fn deeper<T>(input: &mut Input<'_>, inner: fn(&mut Input<'_>) -> Read<T>) -> Read<T> {
    input.state.depth += 1;
    if input.state.depth > DEPTH_MAX {
        return wrong(
            input.current_token_start(),
            format!("The filter is nested more than {DEPTH_MAX} levels deep"),
        );
    }
    let read = inner(input);
    input.state.depth -= 1;
    read
}

fn term(input: &mut Input<'_>) -> Read<Expr> {
    if sign(input, '(') {
        let inner = deeper(input, any_of)?;
        expect(input, ')')?;
        return Ok(inner);
    }
    if keyword(input, "not") {
        return Ok(Expr::Not(Box::new(deeper(input, term)?)));
    }
    input.state.terms += 1;
    if input.state.terms > TERMS_MAX {
        return wrong(here(input), format!("The filter has more than {TERMS_MAX} comparisons"));
    }
    let name = name(input)?;
    if sign(input, '(') {
        return function(input, &name);
    }
    comparison(input, name)
}

/// A name: letters, digits, `_`, `.`, with `/` between its parts.
fn name(input: &mut Input<'_>) -> Read<Name> {
    let at = here(input);
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let more = |c: char| c.is_ascii_alphanumeric() || "_./".contains(c);
    let read: Read<&str> = (one_of(first), take_while(0.., more)).take().parse_next(input);
    match read {
        Ok(text) => Ok(Name { at, text: text.to_owned() }),
        Err(_) => wrong(at, "Syntax error: a property or a function was expected"),
    }
}

fn comparison(input: &mut Input<'_>, name: Name) -> Read<Expr> {
    let signs = [
        ("eq", Compare::Eq),
        ("ne", Compare::Ne),
        ("lt", Compare::Lt),
        ("le", Compare::Le),
        ("gt", Compare::Gt),
        ("ge", Compare::Ge),
    ];
    for (word, compare) in signs {
        if keyword(input, word) {
            return Ok(Expr::Compare { name, compare, value: value(input)? });
        }
    }
    // A list may follow without a space, so that this is no keyword.
    let start = input.checkpoint();
    spaces(input)?;
    if literal::<_, _, ErrMode<Wrong>>("in").parse_next(input).is_ok() && sign(input, '(') {
        return Ok(Expr::OneOf { name, values: list(input, ')')? });
    }
    input.reset(&start);
    wrong(here(input), "Syntax error: one of eq, ne, lt, le, gt, ge, in was expected")
}

/// Values with commas between them, up to the sign that ends the list.
fn list(input: &mut Input<'_>, end: char) -> Read<Vec<(usize, Literal)>> {
    let mut values = Vec::new();
    loop {
        values.push(value(input)?);
        if values.len() > LIST_MAX {
            return wrong(here(input), format!("The list has more than {LIST_MAX} values"));
        }
        if sign(input, end) {
            return Ok(values);
        }
        expect(input, ',')?;
    }
}

fn function(input: &mut Input<'_>, called: &Name) -> Read<Expr> {
    let place = match called.text.as_str() {
        "contains" => TextMatch::Contains,
        "startswith" => TextMatch::StartsWith,
        "endswith" => TextMatch::EndsWith,
        other => {
            return match other.strip_prefix(SOURCE_FUNCTIONS) {
                Some(function) => source_function(input, called, function),
                None => wrong(called.at, format!("An unknown function with name '{other}' was found")),
            };
        }
    };
    let name = name(input)?;
    expect(input, ',')?;
    let value = value(input)?;
    expect(input, ')')?;
    Ok(Expr::Text { name, place, value })
}

/// `In(PropertyName='…',PropertyValues=[…])` and its like; the list's texts in single or double quotes.
fn source_function(input: &mut Input<'_>, called: &Name, function: &str) -> Read<Expr> {
    if !matches!(function, "In" | "NotIn" | "Between" | "NotBetween") {
        return wrong(called.at, format!("An unknown function with name '{}' was found", called.text));
    }
    argument(input, "PropertyName")?;
    let at = here(input) + 1;
    let (_, Literal::Text(text)) = value(input)? else {
        return wrong(at, "Syntax error: the property's name in quotes was expected");
    };
    expect(input, ',')?;
    argument(input, "PropertyValues")?;
    expect(input, '[')?;
    let values = list(input, ']')?;
    expect(input, ')')?;
    let name = Name { at, text };
    let within = |values: Vec<(usize, Literal)>| {
        let [low, high] = <[_; 2]>::try_from(values).ok()?;
        Some(Expr::All(vec![
            Expr::Compare { name: name.clone(), compare: Compare::Ge, value: low },
            Expr::Compare { name: name.clone(), compare: Compare::Le, value: high },
        ]))
    };
    let expr = match function {
        "In" | "NotIn" => Expr::OneOf { name, values },
        _ => match within(values) {
            Some(expr) => expr,
            None => return wrong(called.at, format!("The function '{}' takes two values", called.text)),
        },
    };
    Ok(if function.starts_with("Not") { Expr::Not(Box::new(expr)) } else { expr })
}

fn argument(input: &mut Input<'_>, wanted: &'static str) -> Read<()> {
    let given = name(input)?;
    if given.text != wanted {
        return wrong(given.at, format!("Syntax error: the argument '{wanted}' was expected"));
    }
    expect(input, '=')
}

fn value(input: &mut Input<'_>) -> Read<(usize, Literal)> {
    let at = here(input);
    if sign(input, '\'') {
        return Ok((at, Literal::Text(quoted(input, at, '\'')?)));
    }
    if sign(input, '"') {
        return Ok((at, Literal::Text(quoted(input, at, '"')?)));
    }
    let part = |c: char| c.is_ascii_alphanumeric() || "-:._+".contains(c);
    let read: Read<&str> = take_while(1.., part).parse_next(input);
    let Ok(text) = read else { return wrong(at, "Syntax error: a value was expected") };
    match bare(text) {
        Some(value) => Ok((at, value)),
        None => {
            let shown: String = text.chars().take(50).collect();
            wrong(at, format!("'{shown}' is not a value: texts stand in single quotes, dates are whole"))
        }
    }
}

/// The rest of a text in quotes; a doubled quote stands for one.
fn quoted(input: &mut Input<'_>, began: usize, quote: char) -> Read<String> {
    let mut text = String::new();
    loop {
        let part: Read<&str> = take_till(0.., quote).parse_next(input);
        text.push_str(part?);
        if any::<_, ErrMode<Wrong>>.parse_next(input).is_err() {
            return wrong(began, "Syntax error: a text that begins here has no end");
        }
        if !input.input.starts_with(quote) {
            return Ok(text);
        }
        let _second: Read<char> = any.parse_next(input);
        text.push(quote);
    }
}

/// A value without quotes.
fn bare(text: &str) -> Option<Literal> {
    Some(match text {
        "null" => Literal::Null,
        "true" => Literal::Flag(true),
        "false" => Literal::Flag(false),
        _ => {
            if let Some(guid) = guid(text) {
                Literal::Guid(guid)
            } else if let Ok(number) = text.parse() {
                Literal::Number(number)
            } else {
                Literal::Instant(instant(text)?)
            }
        }
    })
}

/// A guid in its form with hyphens.
pub(crate) fn guid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// An instant with its zone, or a whole day, which means its beginning in UTC.
pub(crate) fn instant(text: &str) -> Option<Instant> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let day: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
