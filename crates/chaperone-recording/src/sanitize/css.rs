//! Styles: what they would fetch becomes what the recording holds, or nothing.
//!
//! The text is taken apart as CSS itself does it (CSS Syntax Level 3), because every shortcut can be tricked: `u\72l(`
//! is `url(`, a string ends at the end of its line, a comment may hold a quote. What is not an address stays as it
//! came. Every piece ends what it begins, so that pieces that a browser puts together (the texts of one `style`
//! element) mean nothing else together than each of them alone.

use super::{AddressOf, shown};

/// Functions, beside `url`, that take an address as a string. Under another name they are none, and what holds them is
/// skipped by the browser.
const FETCHING: [&str; 6] = ["src", "image", "image-set", "-webkit-image-set", "expression", "-moz-element"];
/// What a name gets in front to be another one.
const UNKNOWN: &str = "removed-";

/// Makes a style sheet, a rule, or the value of a property harmless.
pub(super) fn sanitize(css: &str, address_of: &AddressOf<'_>) -> String {
    let mut text = Text { rest: css, clean: String::with_capacity(css.len()), address_of };
    while text.next() {}
    text.clean
}

/// Makes one of the texts of a `style` element harmless: nothing of it can continue in the next one.
pub(super) fn sanitize_piece(css: &str, address_of: &AddressOf<'_>) -> String {
    let mut clean = sanitize(css, address_of);
    if !clean.is_empty() && !clean.ends_with('\n') {
        clean.push('\n');
    }
    clean
}

struct Text<'a> {
    rest: &'a str,
    clean: String,
    address_of: &'a AddressOf<'a>,
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-' || !c.is_ascii()
}

fn is_newline(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{c}')
}

/// The character that an escape stands for, and the rest behind it; `escaped` begins behind the backslash.
fn escape(escaped: &str) -> (char, &str) {
    let digits = escaped.chars().take(6).take_while(char::is_ascii_hexdigit).count();
    if digits == 0 {
        let mut chars = escaped.chars();
        return (chars.next().unwrap_or('\u{fffd}'), chars.as_str());
    }
    let (code, mut rest) = escaped.split_at(digits);
    // One white space belongs to it.
    if let Some(behind) = rest.strip_prefix("\r\n") {
        rest = behind;
    } else if rest.starts_with(|c: char| is_newline(c) || c == ' ' || c == '\t') {
        rest = &rest[1..];
    }
    let c = u32::from_str_radix(code, 16).ok().and_then(char::from_u32).filter(|c| *c != '\0');
    (c.unwrap_or('\u{fffd}'), rest)
}

/// A name, decoded, at the front of the text, and the rest behind it; empty where there is none.
fn name(text: &str) -> (String, &str) {
    let (mut rest, mut decoded) = (text, String::new());
    loop {
        match rest.chars().next() {
            Some(c) if is_name(c) => {
                decoded.push(c);
                rest = &rest[c.len_utf8()..];
            }
            Some('\\') if !rest[1..].starts_with(is_newline) && rest.len() > 1 => {
                let (c, behind) = escape(&rest[1..]);
                decoded.push(c);
                rest = behind;
            }
            _ => return (decoded, rest),
        }
    }
}

/// A string whose quote has been read: its content, decoded, and the rest behind it.
fn string(text: &str, quote: char) -> (String, &str) {
    let (mut rest, mut content) = (text, String::new());
    while let Some(c) = rest.chars().next() {
        if is_newline(c) {
            break;
        }
        rest = &rest[c.len_utf8()..];
        if c == quote {
            break;
        }
        if c != '\\' {
            content.push(c);
        } else if let Some(behind) = rest.strip_prefix("\r\n") {
            rest = behind;
        } else if rest.starts_with(is_newline) {
            rest = &rest[1..];
        } else if !rest.is_empty() {
            let (c, behind) = escape(rest);
            content.push(c);
            rest = behind;
        }
    }
    (content, rest)
}

/// The address in `url(`, which has been read, and the rest behind its closing bracket.
fn address(text: &str) -> (String, &str) {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let (content, rest) = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => string(&text[1..], quote),
        _ => (String::new(), text),
    };
    let (mut rest, mut bare) = (rest, String::new());
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            ')' => break,
            '\\' if !rest.is_empty() => {
                let (c, behind) = escape(rest);
                bare.push(c);
                rest = behind;
            }
            _ => bare.push(c),
        }
    }
    // What stands behind the string are options of the request; they are not needed.
    if content.is_empty() { (bare.trim().to_owned(), rest) } else { (content, rest) }
}

impl<'a> Text<'a> {
    /// Takes the next piece over; `false` at the end.
    fn next(&mut self) -> bool {
        let Some(c) = self.rest.chars().next() else { return false };
        let behind = &self.rest[c.len_utf8()..];
        match c {
            '/' if behind.starts_with('*') => self.comment(),
            '"' | '\'' => self.string(c),
            '@' => self.at_rule(behind),
            '#' => {
                let (_, rest) = name(behind);
                self.keep_until(rest);
            }
            '\\' if behind.is_empty() || behind.starts_with(is_newline) => self.rest = behind,
            '\\' => self.word(),
            // Some reader of it might see the end of the element.
            '<' if behind.starts_with('/') => {
                self.clean.push_str("< ");
                self.rest = behind;
            }
            c if is_name(c) => self.word(),
            _ => self.keep_until(behind),
        }
        true
    }

    /// Takes over what is before `rest`, as it came.
    fn keep_until(&mut self, rest: &'a str) {
        self.clean.push_str(&self.rest[..self.rest.len() - rest.len()]);
        self.rest = rest;
    }

    /// Of a comment only stays that there was one: it keeps names apart.
    fn comment(&mut self) {
        let inside = &self.rest[2..];
        self.rest = inside.find("*/").map_or("", |place| &inside[place + 2..]);
        self.clean.push_str("/**/");
    }

    /// Strings are written anew, so that they end where they seem to and hold nothing that could be read otherwise.
    fn string(&mut self, quote: char) {
        let (content, rest) = string(&self.rest[1..], quote);
        self.clean.push_str(&quoted(&content));
        self.rest = rest;
    }

    fn at_rule(&mut self, behind: &'a str) {
        let (word, rest) = name(behind);
        if matches!(word.to_ascii_lowercase().as_str(), "import" | "namespace") {
            // An at-rule that nobody knows is skipped to the same place.
            self.clean.push_str("@removed");
            self.rest = rest;
        } else {
            self.keep_until(rest);
        }
    }

    fn word(&mut self) {
        let (word, rest) = name(self.rest);
        if rest.len() == self.rest.len() {
            // A backslash that begins nothing.
            self.rest = &self.rest[1..];
            return;
        }
        let Some(inside) = rest.strip_prefix('(') else { return self.keep_until(rest) };
        let word = word.to_ascii_lowercase();
        // Browsers do not agree on which characters beyond ASCII belong to a name.
        let word = word.rsplit(|c: char| !c.is_ascii()).next().unwrap_or_default();
        if word == "url" || word == "url-prefix" {
            let (address, rest) = address(inside);
            let shown = match address.starts_with('#') {
                true => Some(address),
                false => shown(&address, self.address_of),
            };
            self.clean.push_str(&format!("url({})", quoted(&shown.unwrap_or_default())));
            self.rest = rest;
        } else if FETCHING.contains(&word) {
            self.clean.push_str(UNKNOWN);
            self.clean.push_str(word);
            self.rest = rest;
        } else {
            self.keep_until(rest);
        }
    }
}

/// A string that says this and ends where it ends.
fn quoted(content: &str) -> String {
    let mut quoted = String::from("\"");
    for c in content.chars() {
        match c {
            c if c.is_control() || "\"\\<(@*".contains(c) => {
                quoted.push_str(&format!("\\{:x} ", u32::from(c)))
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
