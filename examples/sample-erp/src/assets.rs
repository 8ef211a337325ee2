//! Style sheet, scripts and pictures, built into the executable.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! asset {
    ($path:literal, $kind:expr) => {
        ($path, $kind, include_str!(concat!("../assets/", $path)))
    };
}

const ASSETS: [(&str, &str, &str); 17] = [
    asset!("app.css", CSS),
    asset!("icon.svg", SVG),
    asset!("erp.js", JS),
    asset!("dashboard.js", JS),
    asset!("vendor.js", JS),
    asset!("print.js", JS),
    asset!("orders/main.js", JS),
    asset!("orders/api.js", JS),
    asset!("orders/dom.js", JS),
    asset!("orders/list.js", JS),
    asset!("orders/detail.js", JS),
    asset!("orders/grid.js", JS),
    asset!("orders/lookup.js", JS),
    asset!("lab/senders.js", JS),
    asset!("lab/worker.js", JS),
    asset!("lab/frame.js", JS),
    asset!("lab/mark.js", JS),
];

/// `GET /assets/{path}`
pub(crate) async fn serve(Path(path): Path<String>) -> Response {
    match ASSETS.iter().find(|(known, ..)| *known == path) {
        Some((_, kind, text)) => {
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "max-age=60")], *text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
