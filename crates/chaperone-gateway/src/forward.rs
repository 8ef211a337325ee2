//! To the target and back: a pool of HTTP/1.1 connections for each processor, streaming both ways, with limits on everything that a
//! target may do to us.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::util::BoxCloneSyncService;

use crate::body::{Body, BodyError};
use crate::limits::{
    CONNECT_TIMEOUT, HEADERS_MAX_COUNT, POOL_IDLE_PER_TARGET, POOL_IDLE_TIMEOUT, RESPONSE_HEADERS_MAX_BYTES,
};

/// Why a target did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetProblem {
    /// No connection stands.
    #[error("the application cannot be reached")]
    Unreachable,
    /// Its certificate is not trusted, or it speaks no TLS.
    #[error("the application's certificate is not trusted")]
    Untrusted,
    /// It does not begin to answer.
    #[error("the application does not answer in time")]
    Slow,
    /// Its answer is no HTTP, or it broke off.
    #[error("the application's answer is broken")]
    Broken,
    /// Its headers are larger than allowed.
    #[error("the headers of the application's answer are too large")]
    HeadersTooLarge,
    /// The request's own body broke off on its way.
    #[error("the request broke off")]
    RequestBroken,
    /// The request's body could not be recorded.
    #[error("the request could not be recorded")]
    NotRecorded,
    /// The sign-in ended meanwhile.
    #[error("the sign-in ended")]
    Cut,
    /// The sign-in had ended before anything was sent.
    #[error("the sign-in had ended")]
    Over,
}

impl TargetProblem {
    /// The stable name in frames.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::HeadersTooLarge => "headers-too-large",
            Self::RequestBroken => "request-broken",
            Self::NotRecorded => "not-recorded",
            Self::Cut => "cut",
            Self::Over => "over",
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("the address of the target is not valid")]
    Address,
    #[error("no connection in time")]
    TimedOut,
    #[error("no connection")]
    Io(#[from] io::Error),
    #[error("no trusted TLS")]
    Tls(#[source] io::Error),
}

type Connector = BoxCloneSyncService<Uri, TokioIo<Stream>, ConnectError>;

/// The way to every target. Each thread that serves has connections of its own, so that a request is not handed from
/// one processor to another in the middle.
pub(crate) struct Targets {
    clients: Vec<Client<Connector, Body>>,
    response_head_timeout: Duration,
}

thread_local! {
    /// A number for the thread, in the order in which threads first send something.
    static NUMBER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

impl Targets {
    /// A pool; `tls` says whose certificates are trusted at `https` targets.
    pub(crate) fn new(tls: Arc<ClientConfig>, response_head_timeout: Duration) -> Self {
        let connector = tower::service_fn(move |uri: Uri| {
            let tls = tls.clone();
            async move {
                let connected = tokio::time::timeout(CONNECT_TIMEOUT, connect(uri, tls)).await;
                connected.unwrap_or(Err(ConnectError::TimedOut))
            }
        });
        let connector = BoxCloneSyncService::new(connector);
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_PER_TARGET)
            .http1_max_buf_size(RESPONSE_HEADERS_MAX_BYTES)
            .http1_max_headers(HEADERS_MAX_COUNT)
            .set_host(false);
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        let clients = (0..count).map(|_| builder.build(connector.clone())).collect();
        Self { clients, response_head_timeout }
    }

    /// Sends a request and waits for the head of the answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, TargetProblem> {
        let client = &self.clients[NUMBER.with(|number| *number) % self.clients.len()];
        match tokio::time::timeout(self.response_head_timeout, client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(problem(&error)),
            Err(_) => Err(TargetProblem::Slow),
        }
    }
}

/// The address of a request at its target.
pub(crate) fn address(upstream: &str, path_and_query: &str) -> Result<Uri, TargetProblem> {
    let base = upstream.trim_end_matches('/');
    let mut text = String::with_capacity(base.len() + path_and_query.len());
    text.push_str(base);
    text.push_str(path_and_query);
    Uri::try_from(text).map_err(|_| TargetProblem::Unreachable)
}

fn problem(error: &hyper_util::client::legacy::Error) -> TargetProblem {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<BodyError>() {
            return match cause {
                BodyError::Cut => TargetProblem::Cut,
                BodyError::NotRecorded => TargetProblem::NotRecorded,
                _ => TargetProblem::RequestBroken,
            };
        }
        if let Some(cause) = cause.downcast_ref::<ConnectError>() {
            return match cause {
                ConnectError::TimedOut => TargetProblem::Slow,
                ConnectError::Tls(_) => TargetProblem::Untrusted,
                ConnectError::Address | ConnectError::Io(_) => TargetProblem::Unreachable,
            };
        }
        if let Some(cause) = cause.downcast_ref::<hyper::Error>()
            && cause.is_parse_too_large()
        {
            return TargetProblem::HeadersTooLarge;
        }
        source = cause.source();
    }
    if error.is_connect() { TargetProblem::Unreachable } else { TargetProblem::Broken }
}

async fn connect(uri: Uri, tls: Arc<ClientConfig>) -> Result<TokioIo<Stream>, ConnectError> {
    let host = uri.host().ok_or(ConnectError::Address)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let tcp = TcpStream::connect((bare, port)).await?;
    tcp.set_nodelay(true)?;
    if !secure {
        return Ok(TokioIo::new(Stream::Plain(tcp)));
    }
    let name = ServerName::try_from(bare.to_owned()).map_err(|_| ConnectError::Address)?;
    let tls = TlsConnector::from(tls).connect(name, tcp).await.map_err(ConnectError::Tls)?;
    Ok(TokioIo::new(Stream::Tls(Box::new(tls))))
}

/// A connection to a target.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
