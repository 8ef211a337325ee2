//! Lists as files: the answer is the file, piece by piece as it is written.

use std::io;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use chaperone_app::AppError;
use chaperone_app::exports::{Download, Format, Rows};
use futures_util::stream;

use crate::problem::Problem;
use crate::wire::parse_named;

/// The format of a page of the list.
const JSON: &str = "json";

/// Tells in advance how many rows the file will have, for whoever shows progress.
const TOTAL_ROWS_HEADER: HeaderName = HeaderName::from_static("chaperone-total-rows");

/// The format of the file that is asked for; `None` for a page of the list.
pub(crate) fn file_format(
    format: Option<&str>,
    limit: Option<u64>,
    after: Option<&str>,
) -> Result<Option<Format>, Problem> {
    let Some(name) = format.filter(|name| *name != JSON) else { return Ok(None) };
    let format = parse_named("format", Format::parse, name)?;
    if limit.is_some() || after.is_some() {
        return Err(AppError::field(
            "format",
            "file-in-pages",
            "A file holds all rows that are asked for: leave `limit` and `after` away, or ask for json.",
        )
        .into());
    }
    Ok(Some(format))
}

/// The file. Whoever closes the connection before its end has broken the export off; an error in the middle ends the
/// answer without its last piece, so that half a file is never taken for a whole one.
pub(crate) fn answer<R: Rows>(export: Download<R>) -> Response {
    let (format, total) = (export.format, export.total);
    let disposition = format!("attachment; filename=\"{}\"", export.file_name);
    let pieces = stream::unfold(export, async |mut export| {
        let piece = export.next().await?;
        Some((piece.map_err(io::Error::other), export))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(TOTAL_ROWS_HEADER, HeaderValue::from(total));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}
