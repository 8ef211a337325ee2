//! HTML as it is found in the world: broken, ambiguous, or in another encoding.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const UTF8: &str = "text/html; charset=utf-8";

/// Kind, content type, body.
const KINDS: [(&str, &str, &[u8]); 14] = [
    ("no-head", UTF8, b"<!doctype html><title>No head</title><p>A page whose head is implied."),
    ("no-doctype", UTF8, b"<html><head><title>No doctype</title></head><body><p>Quirks mode.</body></html>"),
    ("text-first", UTF8, b"Text before everything <html><head><title>Text first</title></head><body>x</body></html>"),
    ("unclosed", UTF8, b"<!doctype html><html><head><title>Unclosed</title><body><div><table><tr><td>cell"),
    ("unclosed-comment", UTF8, b"<!doctype html><!-- never closed <html><head><title>T</title></head><body>x</body></html>"),
    ("head-in-comment", UTF8, b"<!doctype html><!-- <head><script>no</script> --><html><head><title>Head in comment</title></head><body><p>x</p></body></html>"),
    ("script-in-select", UTF8, b"<!doctype html><html><head><title>Ambiguous</title></head><body><select><script>1</script></select></body></html>"),
    ("two-heads", UTF8, b"<!doctype html><html><head><title>One</title></head><head><title>Two</title></head><body>x</body><body>y</body></html>"),
    ("nul-bytes", UTF8, b"<!doctype html><ht\0ml><he\0ad><title>NUL</title></he\0ad><body>x\0y</body></html>"),
    ("late-charset", "text/html", b"<!doctype html><html><head><!-- 0123456789012345678901234567890123456789012345678901234567890123456789 --><meta charset=utf-8><title>Late charset \xc3\xa4</title></head><body>\xc3\xa4</body></html>"),
    ("latin1", "text/html; charset=iso-8859-1", b"<!doctype html><html><head><title>Latin-1 \xe4</title></head><body><p>Stra\xdfe</p></body></html>"),
    ("bom", "text/html", b"\xef\xbb\xbf<!doctype html><html><head><title>BOM</title></head><body><p>\xc3\xa4</p></body></html>"),
    ("xhtml", "application/xhtml+xml", b"<?xml version=\"1.0\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title>XHTML</title></head><body><p>Well formed.</p></body></html>"),
    ("svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80\" height=\"80\"><circle cx=\"40\" cy=\"40\" r=\"30\" fill=\"teal\"/></svg>"),
];

/// `GET /lab/html/{kind}`; also `utf-16` and `deep`, which are made.
pub(crate) async fn show(Path(kind): Path<String>) -> Response {
    let known = KINDS.iter().find(|(name, ..)| *name == kind);
    match (kind.as_str(), known) {
        (_, Some((_, content_type, body))) => {
            ([(header::CONTENT_TYPE, *content_type)], *body).into_response()
        }
        ("utf-16", None) => {
            let text = "<!doctype html><html><head><title>UTF-16 ä</title></head><body><p>Zwei Byte</p></body></html>";
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            ([(header::CONTENT_TYPE, "text/html; charset=utf-16le")], bytes).into_response()
        }
        ("deep", None) => {
            const LEVELS: usize = 5_000;
            let text = format!(
                "<!doctype html><html><head><title>Deep</title></head><body>{}x{}</body></html>",
                "<div>".repeat(LEVELS),
                "</div>".repeat(LEVELS)
            );
            ([(header::CONTENT_TYPE, UTF8)], text).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// All kinds, for the list.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, ..)| *kind).chain(["utf-16", "deep"])
}

/// `GET /lab/as-is/{kind}`: without the headers that every other answer gets.
pub(crate) async fn as_is(Path(kind): Path<String>) -> Response {
    const PAGE: &str =
        "<!doctype html><html lang=en><head><title>As is</title></head><body><h1>As is</h1></body></html>";
    match kind.as_str() {
        "no-policy" => ([(header::CONTENT_TYPE, UTF8)], PAGE).into_response(),
        // A browser without `nosniff` looks inside and shows it as HTML.
        "no-type" => {
            let mut response = PAGE.into_response();
            response.headers_mut().remove(header::CONTENT_TYPE);
            response
        }
        "cacheable" => {
            let headers = [
                (header::CONTENT_TYPE, UTF8),
                (header::CACHE_CONTROL, "public, max-age=3600"),
                (header::ETAG, "\"lab\""),
                (header::ACCEPT_RANGES, "bytes"),
            ];
            (headers, PAGE).into_response()
        }
        "service-worker.js" => {
            let headers = [
                (header::CONTENT_TYPE, "text/javascript"),
                (header::HeaderName::from_static("service-worker-allowed"), "/"),
            ];
            (headers, "self.addEventListener('fetch', () => {});").into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
