//! Connections: taken, secured, read with limits, and handed to whoever answers for the host that they ask for.
//!
//! Everything that a stranger can make us wait for has an end: the handshake, the first request, a request's head, the
//! body of what the console's host takes. What comes in clear from another machine is refused, unless a proxy that the
//! configuration names brought it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chaperone_api::{ClientAddress, OverTls};
use chaperone_gateway::{Gateway, Peer};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use maud::html;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::deadline::{Deadline, UntilClosing};
use crate::lanes::Lanes;
use crate::pages;

/// The first request of a connection, and the head of each, must be here after this time.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// A TLS handshake must be done after this time.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A body for the console's or the replay host must be here after this time. Targets take uploads of any length; the
/// gateway has limits of its own.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);
/// Asked for over HTTP/2 when nothing else is said; a client that does not answer is gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Browsers come back over TLS only, for a year.
const STAY_SECURE: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// Largest head of a request, in bytes.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// Connections at the same time; more wait to be taken.
const CONNECTIONS_MAX: usize = 16_384;
/// Streams of one HTTP/2 connection at the same time.
const STREAMS_MAX: u32 = 250;
/// What goes on when the process is asked to end has this long to finish.
const GRACE: Duration = Duration::from_secs(5);
/// A pause after the system refused a connection (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Who answers for which host.
pub(crate) struct Doors {
    /// The console's host name, without port.
    pub(crate) console_host: String,
    pub(crate) console: Router,
    /// The replay frame's host name, without port.
    pub(crate) replay_host: String,
    pub(crate) replay: Router,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Becomes true when the process is asked to end.
    pub(crate) closing: watch::Receiver<bool>,
}

/// The host that a request is for: lower case, without port.
fn host(request: &Request<Incoming>) -> String {
    let named = request
        .uri()
        .host()
        .map(str::to_owned)
        .or_else(|| request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(without_port))
        .unwrap_or_default();
    named.trim_end_matches('.').to_ascii_lowercase()
}

/// The host name of `name:port`.
pub(crate) fn without_port(authority: &str) -> String {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) && !name.ends_with(':') => {
            name.to_owned()
        }
        _ => authority.to_owned(),
    }
}

/// Who holds the other end. What a proxy tells is believed only from its address.
fn peer(trusted: &[IpAddr], address: SocketAddr, tls: bool, headers: &HeaderMap) -> Peer {
    if !trusted.contains(&address.ip().to_canonical()) {
        return Peer { address, secure: tls, forwarded_for: None };
    }
    let told = |name: &str| -> Option<String> {
        let values: Vec<&str> =
            headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let secure = tls || told("x-forwarded-proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    Peer { address, secure, forwarded_for: told("x-forwarded-for") }
}

/// Whether what comes this way may hold passwords: over TLS, from this machine, or from a proxy that is believed.
fn may_come(trusted: &[IpAddr], peer: &Peer) -> bool {
    let address = peer.address.ip().to_canonical();
    peer.secure || address.is_loopback() || trusted.contains(&address)
}

/// The client's address for the trail: what the believed proxy itself saw, or the connection's.
fn client_address(peer: &Peer) -> String {
    let told = peer.forwarded_for.as_deref().and_then(|told| told.rsplit(',').next()).map(str::trim);
    told.filter(|told| !told.is_empty())
        .map_or_else(|| peer.address.ip().to_canonical().to_string(), str::to_owned)
}

impl Doors {
    async fn answer(&self, mut request: Request<Incoming>, address: SocketAddr, tls: bool) -> Response<Body> {
        let host = host(&request);
        let peer = peer(&self.trusted_proxies, address, tls, request.headers());
        if !may_come(&self.trusted_proxies, &peer) {
            return not_in_clear();
        }
        let router = if host == self.console_host {
            &self.console
        } else if host == self.replay_host {
            &self.replay
        } else {
            return self.until_closing(self.gateway.handle(request, peer).await.map(Body::new));
        };
        request.extensions_mut().insert(ClientAddress(client_address(&peer)));
        request.extensions_mut().insert(OverTls(peer.secure));
        let request = request.map(|body| Body::new(Deadline::new(body, BODY_TIMEOUT)));
        let mut response = match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if peer.secure {
            response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, STAY_SECURE);
        }
        self.until_closing(response)
    }

    /// A stream of events would keep its connection for as long as somebody looks.
    fn until_closing(&self, response: Response<Body>) -> Response<Body> {
        let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
            return response;
        }
        response.map(|body| Body::new(UntilClosing::new(body, self.closing.clone())))
    }
}

fn not_in_clear() -> Response<Body> {
    let content = html! {
        p { "Chaperone takes nothing in clear over a network. Use an address that begins with https://." }
        p { "For the operator: add [tls] to the configuration, or name the proxy that has it in trusted_proxies." }
    };
    let mut response = pages::page(StatusCode::FORBIDDEN, "Not in clear", &content, "");
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Takes connections until `shutdown` becomes true, and lets those that go on finish for a moment.
pub(crate) async fn run(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    doors: Arc<Doors>,
    lanes: Arc<Lanes>,
    mut shutdown: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let next = async || {
        let place = room.clone().acquire_owned().await;
        (place, listener.accept().await)
    };
    loop {
        let (place, accepted) = tokio::select! {
            (Ok(place), accepted) = next() => (place, accepted),
            _ = shutdown.wait_for(|over| *over) => break,
            else => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (tls, doors, watcher) = (tls.clone(), doors.clone(), graceful.watcher());
        let taken = lanes.serve(stream, async move |stream| {
            connection(stream, address, tls, doors, watcher).await;
            drop(place);
        });
        if let Err(error) = taken {
            tracing::warn!(%error, "a connection could not be taken");
        }
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::info!(open, "connections that did not finish in time were closed");
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    doors: Arc<Doors>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small writes may wait");
    }
    match tls {
        None => serve(stream, address, false, doors, watcher).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve(stream, address, true, doors, watcher).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
            Err(_) => tracing::debug!(%address, "a handshake took too long"),
        },
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    address: SocketAddr,
    tls: bool,
    doors: Arc<Doors>,
    watcher: Watcher,
) {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn({
        let asked = asked.clone();
        move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let doors = doors.clone();
            async move { Ok::<_, Infallible>(doors.answer(request, address, tls).await) }
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_MAX_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_MAX_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(PING_INTERVAL));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        ended = watcher.watch(connection) => if let Err(error) = ended {
            tracing::debug!(%address, %error, "a connection ended early");
        },
        () = asks_nothing(&asked) => tracing::debug!(%address, "a connection asked for nothing"),
    }
}

/// Ends when no request came in time. The limits of the protocols begin when it is known which of them is spoken: a
/// client that says nothing at all would never come so far.
async fn asks_nothing(asked: &AtomicBool) {
    tokio::time::sleep(HEAD_TIMEOUT).await;
    if asked.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_off_and_nothing_else() {
        let table = [
            ("erp.localhost:8080", "erp.localhost"),
            ("erp.localhost", "erp.localhost"),
            ("[::1]:8080", "[::1]"),
            ("a:b", "a:b"),
        ];
        for (authority, expected) in table {
            assert_eq!(without_port(authority), expected);
        }
    }
    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn what_a_proxy_tells_is_believed_only_from_its_address() {
        let proxy = ["192.0.2.10".parse().expect("an address")];
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9, 198.51.100.7"));
        headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
        let table = [
            ("192.0.2.10:4000", true, "198.51.100.7"),
            ("[::ffff:192.0.2.10]:4000", true, "198.51.100.7"),
            ("192.0.2.11:4000", false, "192.0.2.11"),
            ("127.0.0.1:4000", false, "127.0.0.1"),
        ];
        for (from, secure, client) in table {
            let peer = peer(&proxy, address(from), false, &headers);
            assert_eq!((peer.secure, client_address(&peer).as_str()), (secure, client), "{from}");
        }
    }

    #[test]
    fn nothing_comes_in_clear_from_another_machine() {
        let proxy = ["192.0.2.10".parse().expect("an address")];
        let table = [
            ("203.0.113.9:4000", false, false),
            ("203.0.113.9:4000", true, true),
            ("127.0.0.1:4000", false, true),
            ("[::1]:4000", false, true),
            ("[::ffff:127.0.0.1]:4000", false, true),
            ("192.0.2.10:4000", false, true),
            ("192.0.2.11:4000", false, false),
        ];
        for (from, tls, expected) in table {
            let peer = peer(&proxy, address(from), tls, &HeaderMap::new());
            assert_eq!(may_come(&proxy, &peer), expected, "{from}, TLS {tls}");
        }
    }
}
