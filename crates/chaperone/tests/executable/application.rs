//! An application behind the gateway: a page, and a stream that says something once and then goes on without a word.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::StreamExt as _;
use futures_util::stream::{once, pending};

/// What its page says.
pub(crate) const INSIDE: &str = "you are inside";

async fn stream() -> impl IntoResponse {
    let first = once(async { Ok::<_, std::convert::Infallible>(Bytes::from("data: first\n\n")) });
    ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(first.chain(pending())))
}

/// Starts it; answers its port.
pub(crate) async fn application() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let pages = Router::new().route("/", get(async || INSIDE)).route("/stream", get(stream));
    tokio::spawn(async move { axum::serve(listener, pages).await });
    port
}
