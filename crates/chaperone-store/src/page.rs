//! Pages of lists. A page begins after the place that the cursor of the page before names, not at a number of rows:
//! rows that are added or removed meanwhile neither repeat nor hide others.
use std::fmt::Write as _;

use uuid::Uuid;

/// Most items of one page; a larger limit gives this many.
pub const PAGE_MAX: u64 = 1000;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The cursor that the page before gave; opaque.
    pub after: Option<String>,
    /// Most items, 1 to [`PAGE_MAX`].
    pub limit: u64,
}

impl Page {
    /// The first page.
    pub const fn first(limit: u64) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit.clamp(1, PAGE_MAX)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` when this is the last.
    pub next: Option<String>,
}

/// What a list is ordered by: this value, and the id where values are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Number(i64),
    Text(String),
}

/// A place in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) key: Key,
    pub(crate) id: Uuid,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let id = self.id.simple();
        match &self.key {
            Key::Number(number) => format!("n{number}.{id}"),
            Key::Text(text) => {
                let mut encoded = String::from("t");
                for byte in text.bytes() {
                    let _ = write!(encoded, "{byte:02x}");
                }
                format!("{encoded}.{id}")
            }
        }
    }

    pub(crate) fn decode(cursor: &str) -> Option<Self> {
        let (key, id) = cursor.split_once('.')?;
        let id = Uuid::try_parse(id).ok()?;
        let key = match key.strip_prefix('n') {
            Some(number) => Key::Number(number.parse().ok()?),
            None => Key::Text(unhex(key.strip_prefix('t')?)?),
        };
        Some(Self { key, id })
    }
}

fn unhex(digits: &str) -> Option<String> {
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok().filter(|text| !text.contains('\0'))
}

/// Ascending or descending.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    OldestFirst,
    NewestFirst,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_anything_else_is_refused() {
        let id = Uuid::from_u128(7);
        for key in
            [Key::Number(i64::MIN), Key::Number(0), Key::Text(String::new()), Key::Text("ä.b%".to_owned())]
        {
            let cursor = Cursor { key, id };
            assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }
        for bad in [
            "",
            "n1",
            "x.00",
            "n1.zz",
            "t0.00000000000000000000000000000007",
            "té.00000000000000000000000000000007",
        ] {
            assert_eq!(Cursor::decode(bad), None, "{bad}");
        }
    }
}
