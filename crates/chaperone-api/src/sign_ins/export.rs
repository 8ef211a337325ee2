//! Export grid: the answer is the file, piece by piece as it is written.

use std::io;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use chaperone_app::sign_ins::SignInExport;
use futures_util::stream;

/// Tells in advance how many rows the file will have, for whoever shows progress.
const TOTAL_ROWS_HEADER: HeaderName = HeaderName::from_static("chaperone-total-rows");

/// The file. Whoever closes the connection before its end has broken the export off; an error in the middle ends the
/// answer without its last piece, so that half a file is never taken for a whole one.
pub(super) fn answer(export: SignInExport) -> Response {
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
