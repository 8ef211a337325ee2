//! A small real web application: what it was asked is remembered, what it answers is chosen by the path.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The application.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    pages: Arc<Mutex<Vec<(String, Page)>>>,
    pub messages: Arc<Mutex<Vec<Message>>>,
}

/// What it answers under a path.
#[derive(Clone)]
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

pub fn page(content_type: &str, body: impl Into<Bytes>) -> Page {
    Page {
        status: 200,
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: body.into(),
    }
}

impl Page {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

impl Target {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let target = Self {
            address: listener.local_addr().expect("bound"),
            seen: Arc::default(),
            pages: Arc::default(),
            messages: Arc::default(),
        };
        let served = target.clone();
        tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let served = served.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let served = served.clone();
                        async move { Ok::<_, Infallible>(served.answer(request).await) }
                    });
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
                });
            }
        });
        target
    }

    /// Sets what a path answers.
    pub fn answers(&self, path: &str, page: Page) {
        self.pages.lock().expect("not poisoned").insert(0, (path.to_owned(), page));
    }

    /// Everything that arrived.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// The last request to a path.
    pub fn last(&self, path: &str) -> Seen {
        self.seen().into_iter().rev().find(|seen| seen.path == path).expect("it was asked")
    }

    /// Whether a path was ever asked for.
    pub fn was_asked(&self, path: &str) -> bool {
        self.seen().iter().any(|seen| seen.path == path)
    }

    async fn answer(&self, mut request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        if request.headers().contains_key("upgrade") {
            return self.socket(&mut request, path);
        }
        let (parts, body) = request.into_parts();
        let index = {
            let mut seen = self.seen.lock().expect("not poisoned");
            let entry = Seen {
                method: parts.method.to_string(),
                path: path.clone(),
                headers: parts.headers,
                body: Bytes::new(),
            };
            seen.push(entry);
            seen.len() - 1
        };
        // What arrived so far counts as seen, also when the rest never comes.
        let mut body = body;
        let mut whole = Vec::new();
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                whole.extend_from_slice(data);
                self.seen.lock().expect("not poisoned")[index].body = Bytes::from(whole.clone());
            }
        }
        match path.as_str() {
            "/endless" => {
                endless("application/octet-stream", Bytes::from(vec![b'x'; 16 * 1024]), Duration::ZERO)
            }
            "/events" => {
                endless("text/event-stream", Bytes::from_static(b"data: tick\n\n"), Duration::from_millis(20))
            }
            "/silent" => {
                endless("text/event-stream", Bytes::from_static(b"data: once\n\n"), Duration::from_secs(3600))
            }
            "/slow" => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                respond(page("text/plain", "late"))
            }
            _ => {
                let pages = self.pages.lock().expect("not poisoned").clone();
                let found = pages.into_iter().find(|(known, _)| *known == path).map(|(_, page)| page);
                respond(found.unwrap_or_else(|| page("application/json", "{\"ok\":true}")))
            }
        }
    }

    fn socket(&self, request: &mut Request<Incoming>, path: String) -> Response<Body> {
        let key = request.headers().get("sec-websocket-key").map(|key| derive_accept_key(key.as_bytes()));
        let upgrade = hyper::upgrade::on(&mut *request);
        let seen = Seen {
            method: "WEBSOCKET".to_owned(),
            path,
            headers: request.headers().clone(),
            body: Bytes::new(),
        };
        self.seen.lock().expect("not poisoned").push(seen);
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let upgraded = upgrade.await.expect("upgrades");
            let mut socket =
                WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            socket.send(Message::text("welcome")).await.expect("sends");
            while let Some(Ok(message)) = socket.next().await {
                messages.lock().expect("not poisoned").push(message);
            }
        });
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-accept", key.unwrap_or_default())
            .body(full(Bytes::new()))
            .expect("a response")
    }
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

fn respond(page: Page) -> Response<Body> {
    let mut response = Response::builder().status(page.status);
    for (name, value) in &page.headers {
        response = response.header(name, value);
    }
    response.body(full(page.body)).expect("a response")
}

fn endless(content_type: &str, piece: Bytes, pause: Duration) -> Response<Body> {
    let pieces = stream::unfold(false, move |begun| {
        let piece = piece.clone();
        async move {
            if begun && !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Some((Ok::<_, Infallible>(Frame::data(piece)), true))
        }
    });
    Response::builder()
        .header("content-type", content_type)
        .body(StreamBody::new(Box::pin(pieces)).boxed_unsync())
        .expect("a response")
}

/// A target that speaks no decent HTTP: every connection gets these bytes and is closed.
pub async fn broken(answer: impl Into<Bytes>) -> SocketAddr {
    saying(answer.into(), false).await
}

/// One that says these bytes to the first request of a connection, and then nothing, and leaves the connection open.
pub async fn keeping_open(answer: impl Into<Bytes>) -> SocketAddr {
    saying(answer.into(), true).await
}

async fn saying(answer: Bytes, keeps_open: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(&answer).await;
                if keeps_open {
                    // Until the other side has enough.
                    while stream.read(&mut asked).await.is_ok_and(|bytes| bytes > 0) {}
                }
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}
