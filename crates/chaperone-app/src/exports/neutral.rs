//! Cells that a spreadsheet would run as a formula.
//!
//! A spreadsheet that opens CSV takes a cell for a formula when it begins with `=`, `+`, `-` or `@`, in some languages
//! also in their full-width forms; some trim a tab, a line end, a space or a quote before they look. Such a *text* gets
//! an apostrophe in front, by which spreadsheets know a text. Numbers and instants are ours and stay as they are.
//!
//! Nothing is lost: whoever reads the file with a program takes one apostrophe away from a text that begins with one
//! and would be neutralised without it.

use std::borrow::Cow;

/// What a formula begins with, or what is trimmed away before it on its own account.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
/// What is looked through.
const BEFORE: [char; 4] = ['"', '\'', ' ', '\u{a0}'];

/// Whether a spreadsheet may take the text for a formula.
pub fn is_dangerous(text: &str) -> bool {
    text.trim_start_matches(BEFORE).starts_with(BEGINNINGS)
}

/// The text, so that every spreadsheet takes it for one.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if is_dangerous(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_be_a_formula_gets_an_apostrophe() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "\"=1+1\"",
            "\"\"=1",
            "  =1",
            "'=1",
            "＝1",
            "=cmd|' /C calc'!A0",
        ] {
            assert_eq!(neutral(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "a=1", "1-2", "paula", "\"quoted\"", "a\t=1", "192.0.2.1", "2001:db8::1"] {
            assert_eq!(neutral(text), text, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_done_can_be_undone(text in "[=+@\\-\"' \ta]{0,6}") {
            let written = neutral(&text).into_owned();
            prop_assert!(!written.trim_start_matches(['"', ' ']).starts_with(['=', '+', '-', '@', '\t']));
            let read = match written.strip_prefix('\'') {
                Some(inner) if is_dangerous(inner) => inner,
                _ => &written,
            };
            prop_assert_eq!(read, text);
        }
    }
}
