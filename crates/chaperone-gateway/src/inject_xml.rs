//! The tag in XHTML: straight behind the start tag of the root element.
//!
//! XML has no implied elements and no raw text, so a scanner of the prolog is enough: declaration, comments,
//! processing instructions and the doctype with its internal subset come before the root; nothing in them runs
//! scripts, except a style sheet in XSLT, which would make another document and is refused.

use crate::inject::InjectError;
use crate::limits::HELD_HTML_BYTES;

/// Injects into one XML document, piece by piece.
pub(crate) struct XmlInjector {
    tag: String,
    held: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Prolog,
    Injected,
    /// The root is empty (`<html/>`): nothing in it can run, so nothing is injected.
    Empty,
}

/// What stands at the beginning of the rest of the prolog.
enum Found {
    /// Something of this length that is not the root.
    Other(usize),
    /// The root's start tag of this length.
    Root(usize),
    /// The piece ends inside something.
    More,
}

impl XmlInjector {
    /// An injector of this tag.
    pub(crate) fn new(tag: String) -> Self {
        Self { tag, held: Vec::new(), state: State::Prolog }
    }

    /// Whether the prolog is over, so that what comes out may be delivered.
    pub(crate) fn passes(&self) -> bool {
        self.state != State::Prolog
    }

    /// Whether the recorder was put in.
    pub(crate) fn injected(&self) -> bool {
        self.state == State::Injected
    }

    /// Takes the next bytes of the document.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InjectError> {
        if self.passes() {
            out.extend_from_slice(bytes);
            return Ok(());
        }
        self.held.extend_from_slice(bytes);
        let mut done = 0;
        loop {
            let rest = &self.held[done..];
            match next(rest)? {
                Found::Other(length) => done += length,
                Found::Root(length) => {
                    let empty = rest[..length].ends_with(b"/>");
                    done += length;
                    out.extend_from_slice(&self.held[..done]);
                    if !empty {
                        out.extend_from_slice(self.tag.as_bytes());
                    }
                    out.extend_from_slice(&self.held[done..]);
                    self.held = Vec::new();
                    self.state = if empty { State::Empty } else { State::Injected };
                    return Ok(());
                }
                Found::More if self.held.len() > HELD_HTML_BYTES => return Err(InjectError::TooLarge),
                Found::More => {
                    out.extend_from_slice(&self.held[..done]);
                    self.held.drain(..done);
                    return Ok(());
                }
            }
        }
    }

    /// Ends the document; one that never had a root is no document.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), InjectError> {
        out.append(&mut self.held);
        if self.passes() { Ok(()) } else { Err(InjectError::Ambiguous) }
    }
}

fn next(rest: &[u8]) -> Result<Found, InjectError> {
    let Some(&first) = rest.first() else { return Ok(Found::More) };
    if first != b'<' {
        // White space and a byte order mark stand between things; anything else is no XML and draws an error page.
        let length = rest.iter().position(|b| *b == b'<').unwrap_or(rest.len());
        return Ok(Found::Other(length));
    }
    if rest.len() < 9 && (b"<!DOCTYPE".starts_with(rest) || b"<!--".starts_with(rest)) {
        return Ok(Found::More);
    }
    if rest.starts_with(b"<!--") {
        return Ok(until(rest, 4, b"-->"));
    }
    if rest.starts_with(b"<?") {
        let found = until(rest, 2, b"?>");
        if let Found::Other(length) = found {
            let instruction = String::from_utf8_lossy(&rest[..length]).to_ascii_lowercase();
            if instruction.starts_with("<?xml-stylesheet") && !instruction.contains("text/css") {
                return Err(InjectError::Ambiguous);
            }
        }
        return Ok(found);
    }
    if rest.starts_with(b"<!DOCTYPE") {
        return Ok(doctype(rest));
    }
    if rest.len() >= 2 && matches!(rest[1], b'!' | b'/') {
        return Err(InjectError::Ambiguous);
    }
    Ok(tag_end(rest).map_or(Found::More, Found::Root))
}

fn until(rest: &[u8], from: usize, end: &[u8]) -> Found {
    let at = rest.get(from..).and_then(|tail| tail.windows(end.len()).position(|window| window == end));
    at.map_or(Found::More, |at| Found::Other(from + at + end.len()))
}

/// The length of a tag; `>` inside quotes does not end it.
fn tag_end(rest: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (index, &byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(index + 1),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

/// The doctype with its internal subset: `>` inside quotes, brackets, comments and instructions does not end it.
fn doctype(rest: &[u8]) -> Found {
    let mut at = "<!DOCTYPE".len();
    let mut subset = false;
    while let Some(&byte) = rest.get(at) {
        let inner = match byte {
            b'"' | b'\'' => until(&rest[at..], 1, &[byte]),
            b'<' if rest[at..].starts_with(b"<!--") => until(&rest[at..], 4, b"-->"),
            b'<' if rest[at..].starts_with(b"<?") => until(&rest[at..], 2, b"?>"),
            b'<' if rest.len() - at < 4 => Found::More,
            _ => Found::Other(1),
        };
        match byte {
            b'[' => subset = true,
            b']' => subset = false,
            b'>' if !subset => return Found::Other(at + 1),
            _ => {}
        }
        match inner {
            Found::Other(length) => at += length,
            _ => return Found::More,
        }
    }
    Found::More
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inject(document: &[u8], cut: usize) -> Result<String, InjectError> {
        let mut injector = XmlInjector::new("<TAG/>".to_owned());
        let mut out = Vec::new();
        injector.push(&document[..cut], &mut out)?;
        injector.push(&document[cut..], &mut out)?;
        injector.finish(&mut out)?;
        Ok(String::from_utf8(out).expect("is UTF-8"))
    }

    #[test]
    fn the_tag_stands_straight_behind_the_root_wherever_the_document_is_cut() {
        let rows = [
            ("<html>a</html>", "<html><TAG/>a</html>"),
            (
                "\u{FEFF}<?xml version='1.0'?>\n<!-- <html> --><!DOCTYPE html [<!ENTITY x \"<html>]>\"><!-- ]> --><?p ]>?>]>\n<h:html a='>' b=\">\">x",
                "\u{FEFF}<?xml version='1.0'?>\n<!-- <html> --><!DOCTYPE html [<!ENTITY x \"<html>]>\"><!-- ]> --><?p ]>?>]>\n<h:html a='>' b=\">\"><TAG/>x",
            ),
            ("<html/>", "<html/>"),
            (
                "<?xml-stylesheet type='text/css' href='a'?><html>",
                "<?xml-stylesheet type='text/css' href='a'?><html><TAG/>",
            ),
        ];
        for (before, after) in rows {
            for cut in 0..=before.len() {
                assert_eq!(inject(before.as_bytes(), cut).as_deref(), Ok(after), "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_makes_another_document_or_none_is_refused() {
        for document in
            ["<?xml-stylesheet type='text/xsl' href='a'?><html>", "no markup", "</html>", "<!ELEMENT x>"]
        {
            for cut in 0..=document.len() {
                assert_eq!(
                    inject(document.as_bytes(), cut),
                    Err(InjectError::Ambiguous),
                    "{document} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn an_endless_prolog_is_refused() {
        let mut injector = XmlInjector::new(String::new());
        let mut out = Vec::new();
        let endless = vec![b'x'; HELD_HTML_BYTES];
        injector.push(b"<!--", &mut out).expect("begins");
        let result = injector.push(&endless, &mut out);
        assert_eq!(result, Err(InjectError::TooLarge));
    }
}
