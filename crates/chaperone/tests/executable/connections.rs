//! Connections that say nothing, say it slowly, or say it in another protocol; and what happens to them at the end.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Call;
use crate::process::{Demo, Installation, LIMIT, PASSWORD};

/// Nobody who only pauses for breath is thrown out before this.
const PATIENCE: Duration = Duration::from_secs(8);
/// A certificate for `localhost`, and who signed it.
const CERTIFICATES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../chaperone-gateway/tests/gateway/fixtures");

/// What the other side says until it closes, after we said this and nothing more; and how long it took.
pub(crate) async fn say_and_wait(port: u16, say: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    stream.write_all(say.as_bytes()).await.expect("said");
    let (begin, mut heard) = (Instant::now(), Vec::new());
    let closed = tokio::time::timeout(LIMIT, stream.read_to_end(&mut heard)).await;
    // A reset is an end too.
    assert!(closed.is_ok(), "after {say:?} it waits for ever; heard {:?}", String::from_utf8_lossy(&heard));
    (String::from_utf8_lossy(&heard).into_owned(), begin.elapsed())
}

#[tokio::test]
async fn whoever_keeps_us_waiting_is_let_go_in_time() {
    let installation = Installation::new("");
    let (process, port) = installation.serve().await;
    let host = "Host: console.localhost\r\n";
    let half_head = format!("GET /healthz HTTP/1.1\r\n{host}X-Slow: ");
    let half_body = format!(
        "POST /api/v1/sign-in HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 90\r\n\r\n{{"
    );
    let idle = format!("GET /healthz HTTP/1.1\r\n{host}\r\n");
    let (silent, http2, head, body, idle) = tokio::join!(
        say_and_wait(port, ""),
        say_and_wait(port, "PRI * HTTP/2.0\r\n"),
        say_and_wait(port, &half_head),
        say_and_wait(port, &half_body),
        say_and_wait(port, &idle),
    );
    for (what, (_, waited)) in
        [("silent", &silent), ("http2", &http2), ("head", &head), ("body", &body), ("idle", &idle)]
    {
        assert!(*waited > PATIENCE, "{what}: closed after {waited:?}");
    }
    assert!(silent.0.is_empty(), "{}", silent.0);
    assert!(body.0.starts_with("HTTP/1.1 4"), "a late body is answered: {:?}", body.0);
    assert!(idle.0.starts_with("HTTP/1.1 200"), "{}", idle.0);
    Call::get("console.localhost", "/healthz").expect(port, 200).await;
    process.stopped().await;
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let installation = Installation::new("");
    let (process, port) = installation.serve().await;
    let large = "a".repeat(100 * 1024);
    // It may be closed while we are still sending: then there is no answer.
    let answer = Call::get("console.localhost", "/healthz").header("x-large", &large).send(port).await;
    assert!(answer.as_ref().map_or(true, |answer| answer.status == 431), "{answer:?}");
    Call::get("console.localhost", "/healthz").expect(port, 200).await;
    process.stopped().await;
}

#[tokio::test]
async fn a_body_larger_than_the_api_takes_is_refused() {
    let installation = Installation::new("");
    let (process, port) = installation.serve().await;
    let content = json!({"user_name": "a".repeat(chaperone_api::BODY_MAX_BYTES), "password": ""});
    Call::api(Method::POST, "/sign-in").json(&content).expect(port, 413).await;
    process.stopped().await;
}

async fn secure(port: u16, protocol: &[u8]) -> TlsStream<TcpStream> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(format!("{CERTIFICATES}/ca.pem")).expect("a certificate");
    roots.add(authority).expect("added");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake")
}

fn with_tls() -> Installation {
    let installation = Installation::with_password(&format!(
        "[tls]\ncertificate_file = '{CERTIFICATES}/target.pem'\nkey_file = '{CERTIFICATES}/target.key'\n"
    ));
    let text = std::fs::read_to_string(installation.config()).expect("read").replace("http://", "https://");
    std::fs::write(installation.config(), text).expect("written");
    installation
}

#[tokio::test]
async fn over_tls_both_protocols_are_spoken_and_browsers_are_told_to_stay() {
    let installation = with_tls();
    let (process, port) = installation.serve().await;

    let stream = secure(port, b"http/1.1").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let content = json!({"user_name": "admin", "password": PASSWORD});
    let signed_in = Call::api(Method::POST, "/sign-in")
        .header("origin", "https://console.localhost")
        .json(&content)
        .over(stream)
        .await
        .expect("an answer");
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    assert!(signed_in.header("strict-transport-security").starts_with("max-age="), "{:?}", signed_in.headers);
    assert!(signed_in.header("set-cookie").starts_with("__Host-"), "{:?}", signed_in.headers);

    let stream = secure(port, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let path = "/enter?target=0&nonce=n&return=%2F";
    let request = Request::get(format!("https://console.localhost{path}")).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    assert!(location.starts_with("/sign-in?then=%2Fenter%3Ftarget%3D0"), "a path, no host: {location}");
    let request = Request::get("https://nobody.localhost/").body(Empty::<Bytes>::new()).expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 404);
    answer.into_body().collect().await.expect("a body");

    let in_clear = Call::get("console.localhost", "/healthz").send(port).await;
    assert!(in_clear.is_err(), "no answer in clear at a port with TLS: {in_clear:?}");
    process.stopped().await;
}

#[tokio::test]
async fn the_demo_speaks_tls_when_it_is_given_a_certificate() {
    let data = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (format!("{CERTIFICATES}/target.pem"), format!("{CERTIFICATES}/target.key"));
    let more = ["--tls-certificate", &certificate, "--tls-key", &key];
    let demo = Demo::start(data.path(), &[], &more).await;
    assert_eq!(demo.line["target_url"], format!("https://erp.localhost:{}", demo.port));
    let administrator = demo.of_role("system_administrator")[0];
    let targets = Call::api(Method::GET, "/targets").by(administrator);
    let answer = targets.over(secure(demo.port, b"http/1.1").await).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let in_clear = Call::get("console.localhost", "/healthz").send(demo.port).await;
    assert!(in_clear.is_err(), "no answer in clear: {in_clear:?}");
    demo.process.stopped().await;
}

/// The address under which the trail keeps a sign-in that came with these headers.
async fn address_in_the_trail(more: &str) -> String {
    let installation = Installation::with_password(more);
    let (process, port) = installation.serve().await;
    let content = json!({"user_name": "admin", "password": PASSWORD});
    let signed_in = Call::api(Method::POST, "/sign-in")
        .header("x-forwarded-for", "203.0.113.9, 198.51.100.7")
        .header("x-forwarded-proto", "https")
        .json(&content)
        .expect(port, 200)
        .await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let list = Call::api(Method::GET, "/sign-ins").header("cookie", &cookie).expect(port, 200).await.json();
    process.stopped().await;
    list["items"][0]["client_address"].as_str().expect("an address").to_owned()
}

#[tokio::test]
async fn the_trail_believes_a_proxy_only_when_the_configuration_names_it() {
    assert_eq!(address_in_the_trail("trusted_proxies = ['127.0.0.1']\n").await, "198.51.100.7");
    assert_eq!(address_in_the_trail("trusted_proxies = ['192.0.2.10']\n").await, "127.0.0.1");
    assert_eq!(address_in_the_trail("").await, "127.0.0.1");
}

#[tokio::test]
async fn a_stream_of_events_ends_in_good_order_when_the_process_is_asked_to() {
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    let content = json!({"user_name": "admin", "password": PASSWORD});
    let signed_in = Call::api(Method::POST, "/sign-in").json(&content).expect(port, 200).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
    let asked =
        format!("GET /api/v1/changes HTTP/1.1\r\nHost: console.localhost\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.expect("said");
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    process.signal(Signal::TERM);
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.expect("an end, not a broken connection");
    let heard = String::from_utf8_lossy(&heard);
    assert!(heard.ends_with("0\r\n\r\n"), "the last chunk, as when all was said: {heard}");
    assert_eq!(process.ended().await.status.code(), Some(0));
}

#[tokio::test]
async fn asked_to_end_it_finishes_what_was_begun_and_takes_nothing_new() {
    for signal in [Signal::TERM, Signal::INT] {
        let installation = Installation::with_password("");
        let (mut process, port) = installation.serve().await;
        let body = json!({"user_name": "admin", "password": PASSWORD}).to_string();
        let (first, rest) = body.split_at(5);
        let mut begun = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        let head = format!(
            "POST /api/v1/sign-in HTTP/1.1\r\nHost: console.localhost\r\nContent-Type: application/json\r\n\
             Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        begun.write_all(head.as_bytes()).await.expect("said");
        // The handler waits for the body: the request has begun.
        let mut asked_on = [0; 25];
        begun.read_exact(&mut asked_on).await.expect("an interim answer");
        assert!(asked_on.starts_with(b"HTTP/1.1 100 Continue"), "{}", String::from_utf8_lossy(&asked_on));
        begun.write_all(first.as_bytes()).await.expect("said");
        process.signal(signal);
        process.says("ending").await;
        let refused = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LIMIT, refused).await.expect("nothing new is taken");
        begun.write_all(rest.as_bytes()).await.expect("said");
        let mut heard = String::new();
        begun.read_to_string(&mut heard).await.expect("an answer");
        assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("csrf_token"), "{heard}");
        let ended = process.ended().await;
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    }
}
