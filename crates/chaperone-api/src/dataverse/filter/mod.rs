//! `$filter`: from text to a typed expression, and from there to a condition on rows or to yes and no.
//!
//! Three steps, each pure: [`grammar`] reads the text into a tree of names and values with their positions; [`typed`]
//! finds each name among a table's properties and gives each value its property's type; whoever has the table
//! turns the typed tests into conditions, in which every value is bound.

use std::fmt;

mod grammar;
#[cfg(test)]
mod tests;
mod typed;

pub(crate) use grammar::{guid, instant, parse};
pub(crate) use typed::{Test, Typed, Value, check};

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The byte of the text.
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The sentence, with the position in characters.
    pub(crate) fn sentence(&self, text: &str) -> String {
        let position = text.char_indices().take_while(|(byte, _)| *byte < self.at).count();
        format!("{} at position {position} in the $filter.", self.message)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at byte {}", self.message, self.at)
    }
}
