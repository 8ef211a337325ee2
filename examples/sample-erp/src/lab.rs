//! The lab: pages and answers for tests of a gateway, each awkward in one known way.
//!
//! Nothing here touches the ERP's data. With the ERP's own sign-in the lab is open to everybody; behind an
//! assertion it is closed like everything else.
//!
//! | address | what it does |
//! | --- | --- |
//! | `/lab` | a list of all of it |
//! | `/lab/echo` | any method: answers method, path, headers and the body's SHA-256 as JSON |
//! | `/lab/sink` | any method: notes what arrived ([`Erp::received`](crate::Erp::received), `GET /lab/received`); `?delay_ms=` waits first, `?then=` redirects to a path under `/lab/` |
//! | `/lab/status/{code}`, `/lab/redirect/{code}` | that status |
//! | `/lab/drip`, `/lab/endless`, `/lab/silent` | slowly, for ever, never |
//! | `/lab/truncated` | promises more bytes than it sends |
//! | `/lab/encoded/{gzip,br,zstd}` | a compressed page |
//! | `/lab/page-50k`, `/lab/json-1k`, `/lab/download` | 50 KiB HTML, 1 KiB JSON, 1 MiB attachment (`?bytes=`) |
//! | `/lab/huge-headers` | `?bytes=` of response headers |
//! | `/lab/html/{kind}` | HTML that is broken, or in another encoding |
//! | `/lab/csp/{row}` | one page for each way a policy can stand in a recorder's way |
//! | `/lab/senders` | every way a page can send something |
//! | `/lab/frames` | ten frames |
//! | `/lab/as-is/{kind}` | answers without the headers that everything else gets |
//!
//! Answers that no HTTP library lets through (a wrong `Content-Length`, broken chunks) come from the raw
//! listener, [`Erp::lab_address`](crate::Erp::lab_address).

mod bodies;
mod csp;
mod echo;
mod html;
mod pages;
pub(crate) mod raw;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get},
};

pub(crate) use self::echo::LabState;
pub use self::echo::Received;
use crate::app::Shared;

/// The largest body that the lab takes, bytes.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// All lab routes.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/lab", get(pages::index))
        .route("/lab/echo", any(echo::echo))
        .route("/lab/echo/{*rest}", any(echo::echo))
        .route("/lab/sink", any(echo::sink))
        .route("/lab/received", get(echo::received))
        .route("/lab/status/{code}", any(bodies::status))
        .route("/lab/redirect/{code}", any(bodies::redirect))
        .route("/lab/drip", get(bodies::drip))
        .route("/lab/endless", get(bodies::endless))
        .route("/lab/silent", get(bodies::silent))
        .route("/lab/truncated", get(bodies::truncated))
        .route("/lab/encoded/{coding}", get(bodies::encoded))
        .route("/lab/page-50k", get(bodies::page_50k))
        .route("/lab/json-1k", get(bodies::json_1k))
        .route("/lab/download", get(bodies::download))
        .route("/lab/huge-headers", get(bodies::huge_headers))
        .route("/lab/html/{kind}", get(html::show))
        .route("/lab/csp/{row}", get(csp::show))
        .route("/lab/senders", get(pages::senders))
        .route("/lab/frames", get(pages::frames))
        .route("/lab/frame/{number}", get(pages::frame))
        .route("/lab/done", get(pages::done))
        .route("/lab/as-is/{kind}", get(html::as_is))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}
