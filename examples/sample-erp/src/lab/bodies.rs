//! Answers whose bodies are slow, endless, short, compressed or large.

use std::{io, time::Duration};

use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderName, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use maud::html;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{
    app::{Shared, stopped},
    lab::pages,
    policy,
};

const MIB: usize = 1024 * 1024;

/// The most that a caller may ask to be sent, bytes.
const LARGEST_ANSWER: usize = 1024 * MIB;

/// Size of one piece of a large answer, bytes.
const PIECE: usize = 64 * 1024;

/// One response header of the huge ones, bytes of its value.
const HEADER_VALUE: usize = 4_000;

/// `/lab/status/{code}`
pub(crate) async fn status(Path(code): Path<u16>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
    (code, format!("Status {code}\n")).into_response()
}

/// `/lab/redirect/{code}` to `/lab/done`
pub(crate) async fn redirect(Path(code): Path<u16>) -> Response {
    let code =
        StatusCode::from_u16(code).ok().filter(StatusCode::is_redirection).unwrap_or(StatusCode::SEE_OTHER);
    (code, [(header::LOCATION, "/lab/done")]).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Drip {
    #[serde(default = "ten")]
    pieces: u32,
    #[serde(default = "hundred")]
    every_ms: u64,
}

fn ten() -> u32 {
    10
}

fn hundred() -> u64 {
    100
}

/// `GET /lab/drip?pieces=&every_ms=`: an HTML page, a piece at a time.
pub(crate) async fn drip(State(app): State<Shared>, Query(drip): Query<Drip>) -> Response {
    let every = Duration::from_millis(drip.every_ms);
    let beginning = stream::once(async {
        "<!doctype html><html lang=en><head><title>Drip</title></head><body><h1>Drip</h1>".to_owned()
    });
    let pieces = stream::iter(1..=drip.pieces).then(move |number| async move {
        tokio::time::sleep(every).await;
        format!("<p>Piece {number}</p>\n")
    });
    let end = stream::once(async { "</body></html>".to_owned() });
    html_stream(&app, beginning.chain(pieces).chain(end))
}

/// `GET /lab/endless`: rows for ever, as fast as the reader takes them.
pub(crate) async fn endless(State(app): State<Shared>) -> Response {
    let beginning = stream::once(async {
        "<!doctype html><html lang=en><head><title>Endless</title></head><body>".to_owned()
    });
    let rows = stream::iter(1_u64..).map(|number| format!("<p>Row {number} of a list without an end</p>\n"));
    html_stream(&app, beginning.chain(rows))
}

/// `GET /lab/silent`: takes the request and says nothing.
pub(crate) async fn silent(State(app): State<Shared>) -> Response {
    stopped(app.stopping.clone()).await;
    StatusCode::SERVICE_UNAVAILABLE.into_response()
}

/// The stream, cut off when the application stops.
fn html_stream(app: &Shared, pieces: impl stream::Stream<Item = String> + Send + 'static) -> Response {
    let until = Box::pin(stopped(app.stopping.clone()));
    let body =
        Body::from_stream(pieces.map(|piece| Ok::<_, io::Error>(Bytes::from(piece))).take_until(until));
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response()
}

/// `GET /lab/truncated`: promises 10,000 bytes and breaks off earlier.
pub(crate) async fn truncated() -> Response {
    let pieces = [
        Ok(Bytes::from_static(
            b"<!doctype html><html lang=en><head><title>Truncated</title></head><body>Half a pa",
        )),
        Err(io::Error::other("the lab breaks off here")),
    ];
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_LENGTH, "10000")];
    (headers, Body::from_stream(stream::iter(pieces))).into_response()
}

/// `GET /lab/encoded/{coding}`: a compressed page, whatever the client accepts.
pub(crate) async fn encoded(Path(coding): Path<String>) -> Response {
    let page = pages::small("Encoded", &html! { p { "This page came compressed by " (coding) "." } });
    let compressed = match coding.as_str() {
        "gzip" => compress(page.as_bytes(), GzipEncoder::new).await,
        "br" => compress(page.as_bytes(), BrotliEncoder::new).await,
        "zstd" => compress(page.as_bytes(), ZstdEncoder::new).await,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    match compressed {
        Ok(bytes) => {
            let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes).into_response();
            policy::set(response.headers_mut(), header::CONTENT_ENCODING, &coding);
            policy::set(response.headers_mut(), header::VARY, "accept-encoding");
            policy::set(response.headers_mut(), header::ETAG, "\"lab-encoded\"");
            response
        }
        Err(problem) => {
            tracing::error!(%problem, "the page cannot be compressed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An encoder whose output can be taken back once it is shut down.
trait Encoder: AsyncWrite + Unpin {
    fn into_bytes(self) -> Vec<u8>;
}

macro_rules! encoder {
    ($($kind:ident),*) => {
        $(impl Encoder for $kind<Vec<u8>> {
            fn into_bytes(self) -> Vec<u8> {
                self.into_inner()
            }
        })*
    };
}
encoder!(GzipEncoder, BrotliEncoder, ZstdEncoder);

async fn compress<E: Encoder>(bytes: &[u8], encoder: impl FnOnce(Vec<u8>) -> E) -> io::Result<Vec<u8>> {
    let mut encoder = encoder(Vec::new());
    encoder.write_all(bytes).await?;
    encoder.shutdown().await?;
    Ok(encoder.into_bytes())
}

/// `GET /lab/page-50k`: an ordinary page of exactly 50 KiB.
pub(crate) async fn page_50k() -> Response {
    const BYTES: usize = 50 * 1024;
    let rows = html! {
        table { tbody {
            @for row in 1..=1_200_u32 {
                tr { th scope="row" { "R-" (row) } td { (row * 7 % 97) } }
            }
        } }
    };
    let mut page = pages::small("50 KiB", &rows);
    page.truncate(BYTES);
    while page.len() < BYTES {
        page.push(' ');
    }
    Html(page).into_response()
}

/// `GET /lab/json-1k`: exactly 1 KiB of JSON.
pub(crate) async fn json_1k() -> Response {
    const BYTES: usize = 1024;
    let empty = json!({"text": ""}).to_string().len();
    Json(json!({"text": "x".repeat(BYTES - empty)})).into_response()
}

#[derive(Deserialize)]
pub(crate) struct Size {
    #[serde(default)]
    bytes: Option<usize>,
}

/// `GET /lab/download?bytes=`: an attachment whose bytes count up, so that any shift shows.
pub(crate) async fn download(Query(size): Query<Size>) -> Response {
    let bytes = size.bytes.unwrap_or(MIB).min(LARGEST_ANSWER);
    let pieces = (0..bytes).step_by(PIECE).map(move |start| {
        let piece: Vec<u8> =
            (start..bytes.min(start + PIECE)).map(|place| u8::try_from(place % 251).unwrap_or(0)).collect();
        Ok::<_, io::Error>(Bytes::from(piece))
    });
    let mut response = Body::from_stream(stream::iter(pieces)).into_response();
    let headers = response.headers_mut();
    policy::set(headers, header::CONTENT_TYPE, "application/octet-stream");
    policy::set(headers, header::CONTENT_DISPOSITION, "attachment; filename=\"counting.bin\"");
    policy::set(headers, header::CONTENT_LENGTH, &bytes.to_string());
    response
}

/// `GET /lab/huge-headers?bytes=`
pub(crate) async fn huge_headers(Query(size): Query<Size>) -> Response {
    /// More than this no server here sends.
    const MOST: usize = MIB;
    let wanted = size.bytes.unwrap_or(32 * 1024).min(MOST);
    let mut response =
        Html(pages::small("Huge headers", &html! { p { (wanted) " bytes of headers." } })).into_response();
    for number in 0..wanted.div_ceil(HEADER_VALUE) {
        if let Ok(name) = HeaderName::from_bytes(format!("x-lab-{number}").as_bytes()) {
            policy::set(response.headers_mut(), name, &"h".repeat(HEADER_VALUE.min(wanted)));
        }
    }
    response
}
