//! HTTP/2 towards browsers, TLS towards targets.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::World;
use crate::support::world::{HOST, trusting};

#[tokio::test]
async fn browsers_may_speak_http_2() {
    let world = World::everyday().await;
    let stream = TcpStream::connect(world.address).await.expect("connects");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("shakes hands");
    tokio::spawn(connection);
    let request = Request::builder()
        .method("POST")
        .uri(format!("http://{HOST}/save?a=1"))
        .header("cookie", "app=1")
        .header("cookie", format!("__Host-chaperone={}", world.secret))
        .header("cookie", "more=2")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(b"data")))
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert!(!answer.headers().contains_key("transfer-encoding"));
    assert_eq!(answer.into_body().collect().await.expect("whole").to_bytes(), "{\"ok\":true}");
    let seen = world.target.last("/save?a=1");
    assert_eq!((seen.headers["host"].to_str().expect("text"), &seen.body[..]), (HOST, &b"data"[..]));
    assert_eq!(seen.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["app=1; more=2"]);
}

/// A target that speaks TLS and says one thing.
async fn secure_target() -> u16 {
    let certificate =
        CertificateDer::from_pem_slice(include_bytes!("fixtures/target.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/target.key")).expect("a key");
    let config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("fits")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure").await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_target_that_proves_itself_is_spoken_to_and_no_other() {
    let mut world = World::everyday().await;
    let port = secure_target().await;
    world.change_target(|target| target.upstream = format!("https://localhost:{port}"));
    let answer = world.navigate("/").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("certificate is not trusted"), "{}", answer.text());

    world.restart_gateway_trusting(trusting(include_bytes!("fixtures/ca.pem"))).await;
    let answer = world.navigate("/").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "secure"));

    world.change_target(|target| target.upstream = format!("https://127.0.0.1:{port}"));
    assert_eq!(world.navigate("/").await.status, 502, "a certificate is for its name");
}
