//! In which characters a document is written: decided once, told to the browser, so that it cannot see other
//! characters than the rewriter saw.
//!
//! Browsers decide by the byte order mark, then by the header, then by what the first bytes of the document say,
//! then by guessing. We take the same order, and instead of guessing decide for UTF-8 where the bytes are UTF-8
//! and for windows-1252 where they are not. The rewriter reads encodings that contain ASCII as they are; others
//! (UTF-16, ISO-2022-JP) are transcoded to UTF-8 on the way.

use encoding_rs::{
    Decoder, Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED,
};

/// What kind of document the first bytes belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// HTML, with `<meta charset>`.
    Html,
    /// XHTML, with `<?xml encoding?>`.
    Xml,
}

/// The decision about a document's characters.
pub(crate) struct Charset {
    /// As which encoding the document leaves us; its name goes into `Content-Type`.
    pub outgoing: &'static Encoding,
    /// Transcodes what comes in, where that differs.
    pub transcoder: Option<Transcoder>,
    /// Bytes at the beginning that are a byte order mark of an encoding that we replace.
    pub skip: usize,
}

/// Decides by the header's charset and the first bytes of the document (as many as browsers look at, or all).
pub(crate) fn decide(declared: Option<&str>, start: &[u8], markup: Markup) -> Charset {
    if let Some((encoding, length)) = Encoding::for_bom(start) {
        // A byte order mark of UTF-8 may stay: it comes before the doctype and says what we say.
        let skip = if encoding == UTF_8 { 0 } else { length };
        return Charset::new(encoding, skip);
    }
    let by_header = declared.and_then(|label| Encoding::for_label(label.as_bytes()));
    let by_document = || match markup {
        Markup::Html => meta_charset(&start[..start.len().min(crate::limits::CHARSET_SCAN_BYTES)]),
        Markup::Xml => xml_encoding(start),
    };
    let by_bytes = || match std::str::from_utf8(start) {
        // An error without a length is a character that the end of the look cut in two.
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    };
    Charset::new(by_header.or_else(by_document).unwrap_or_else(by_bytes), 0)
}

impl Charset {
    fn new(encoding: &'static Encoding, skip: usize) -> Self {
        if [UTF_16LE, UTF_16BE, ISO_2022_JP, REPLACEMENT, X_USER_DEFINED].contains(&encoding) {
            let transcoder = Transcoder { decoder: encoding.new_decoder_without_bom_handling() };
            return Self { outgoing: UTF_8, transcoder: Some(transcoder), skip };
        }
        Self { outgoing: encoding, transcoder: None, skip }
    }
}

/// Turns the bytes of one encoding into UTF-8, piece by piece.
pub(crate) struct Transcoder {
    decoder: Decoder,
}

impl Transcoder {
    /// Transcodes the next piece; `last` ends the document.
    pub(crate) fn push(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        let mut piece = [0_u8; 4096];
        loop {
            let (result, read, written, _) = self.decoder.decode_to_utf8(bytes, &mut piece, last);
            out.extend_from_slice(&piece[..written]);
            bytes = &bytes[read..];
            if result == encoding_rs::CoderResult::InputEmpty {
                return;
            }
        }
    }
}

/// What `<meta charset>` or `<meta http-equiv=content-type>` in the first bytes says.
fn meta_charset(start: &[u8]) -> Option<&'static Encoding> {
    let mut rest = start;
    while let Some(at) = find(rest, b"<") {
        rest = &rest[at..];
        if rest.starts_with(b"<!--") {
            let end = find(&rest[4..], b"-->")?;
            rest = &rest[4 + end + 3..];
        } else if rest.len() > 5
            && rest[..5].eq_ignore_ascii_case(b"<meta")
            && (rest[5].is_ascii_whitespace() || rest[5] == b'/')
        {
            let end = find(rest, b">")?;
            if let Some(encoding) = charset_of_meta(&rest[5..end]) {
                return Some(encoding);
            }
            rest = &rest[end..];
        } else {
            rest = &rest[1..];
        }
    }
    None
}

fn charset_of_meta(attributes: &[u8]) -> Option<&'static Encoding> {
    let text = String::from_utf8_lossy(attributes).to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = text[from..].find("charset") {
        let after = from + at + "charset".len();
        let value = text[after..].trim_start().strip_prefix('=').map(str::trim_start);
        if let Some(value) = value {
            let value = value.trim_start_matches(['"', '\'']);
            let end = value
                .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '/'))
                .unwrap_or(value.len());
            let encoding = Encoding::for_label(&value.as_bytes()[..end])?;
            // Bytes that could be read as ASCII so far are not UTF-16, whatever they say.
            return Some(match encoding {
                e if e == UTF_16LE || e == UTF_16BE => UTF_8,
                e if e == X_USER_DEFINED => WINDOWS_1252,
                e => e,
            });
        }
        from = after;
    }
    None
}

/// What `<?xml encoding="…"?>` at the very beginning says; UTF-8 when it says nothing.
fn xml_encoding(start: &[u8]) -> Option<&'static Encoding> {
    let declared = start.strip_prefix(b"<?xml").and_then(|rest| {
        let text = String::from_utf8_lossy(&rest[..find(rest, b"?>")?]).into_owned();
        let value = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start().to_owned();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let label = value[1..].split(quote).next()?;
        Encoding::for_label(label.as_bytes())
    });
    Some(declared.filter(|e| *e != UTF_16LE && *e != UTF_16BE).unwrap_or(UTF_8))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{EUC_JP, SHIFT_JIS};

    fn decided(declared: Option<&str>, start: &[u8]) -> (&'static Encoding, bool, usize) {
        let charset = decide(declared, start, Markup::Html);
        (charset.outgoing, charset.transcoder.is_some(), charset.skip)
    }

    #[test]
    fn mark_then_header_then_document_then_bytes() {
        type Row<'a> = (Option<&'a str>, &'a [u8], (&'static Encoding, bool, usize));
        let rows: &[Row<'_>] = &[
            (Some("shift_jis"), b"\xEF\xBB\xBF<p>", (UTF_8, false, 0)),
            (Some("utf-8"), b"\xFF\xFE<\0", (UTF_8, true, 2)),
            (None, b"\xFE\xFF\0<", (UTF_8, true, 2)),
            (Some("utf-16le"), b"<\0h\0", (UTF_8, true, 0)),
            (Some("iso-2022-jp"), b"<p>", (UTF_8, true, 0)),
            (Some("Shift_JIS"), b"<meta charset=utf-8>", (SHIFT_JIS, false, 0)),
            (Some("no-such-charset"), b"<meta charset='EUC-JP'>", (EUC_JP, false, 0)),
            (None, b"<!-- <meta charset=euc-jp> --><META http-equiv=Content-Type content=\"text/html; charset=shift_jis\">", (SHIFT_JIS, false, 0)),
            (None, b"<meta charset=utf-16>", (UTF_8, false, 0)),
            (None, b"<metadata charset=euc-jp>", (UTF_8, false, 0)),
            (None, "<p>Zürich".as_bytes(), (UTF_8, false, 0)),
            (None, b"<p>Z\xFCrich", (WINDOWS_1252, false, 0)),
            (None, b"<p>Z\xC3", (UTF_8, false, 0)),
            (None, b"\x1B$B<script>", (UTF_8, false, 0)),
            (None, b"", (UTF_8, false, 0)),
        ];
        for (declared, start, expected) in rows {
            assert_eq!(decided(*declared, start), *expected, "{declared:?} {start:?}");
        }
    }

    #[test]
    fn xml_says_its_encoding_in_its_first_line() {
        let xml = |start: &[u8]| decide(None, start, Markup::Xml).outgoing;
        assert_eq!(xml(b"<?xml version='1.0' encoding='Shift_JIS'?><html/>"), SHIFT_JIS);
        assert_eq!(xml(b"<html/>"), UTF_8);
        assert_eq!(xml(b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><html/>"), UTF_8);
    }

    #[test]
    fn pieces_cut_anywhere_transcode_like_the_whole() {
        let text = "<html>Grüße, 漢字 \u{1F600}</html>";
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for cut in 0..=utf16.len() {
            let mut transcoder = Charset::new(UTF_16LE, 0).transcoder.expect("differs");
            let mut out = Vec::new();
            transcoder.push(&utf16[..cut], false, &mut out);
            transcoder.push(&utf16[cut..], true, &mut out);
            assert_eq!(String::from_utf8(out).expect("is UTF-8"), text);
        }
    }
}
