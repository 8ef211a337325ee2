//! The lab answers as its list says.

mod support;

use http::StatusCode;
use sample_erp::{Erp, Identity};
use support::{Browser, config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_echo_and_the_sink_tell_what_reached_the_application() {
    let erp = Erp::start(config(Identity::Own)).await.unwrap();
    let guest = Browser::new(&erp).with("x-probe", "one");
    let echo = guest.send("PATCH", "/lab/echo?a=1", "text/plain", "abc").await.json();
    assert_eq!((&echo["method"], &echo["path"]), (&"PATCH".into(), &"/lab/echo?a=1".into()));
    assert_eq!(echo["body_sha256"], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert!(echo["headers"].as_array().unwrap().contains(&serde_json::json!(["x-probe", "one"])));
    assert!(erp.received().is_empty());
    let answer = guest.form("/lab/sink?via=form&then=/lab/done", &[("amount", "5")]).await;
    assert_eq!(answer.header("location"), "/lab/done");
    assert_eq!(erp.received()[0].body_preview, "amount=5");
    assert_eq!(guest.form("/lab/sink?then=//elsewhere.example", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sizes_and_encodings_are_exact() {
    let erp = Erp::start(config(Identity::Own)).await.unwrap();
    let guest = Browser::new(&erp);
    assert_eq!(guest.get("/lab/page-50k").await.body.len(), 50 * 1024);
    assert_eq!(guest.get("/lab/json-1k").await.body.len(), 1024);
    assert_eq!(guest.get("/lab/json-1k").await.json()["text"].as_str().unwrap().len(), 1024 - 11);
    let file = guest.get("/lab/download").await.body;
    assert_eq!((file.len(), file[250], file[251]), (1024 * 1024, 250, 0));
    let gzip = guest.get("/lab/encoded/gzip").await;
    assert_eq!((gzip.header("content-encoding"), &gzip.body[..2]), ("gzip", &[0x1f, 0x8b][..]));
    assert_eq!(guest.get("/lab/encoded/br").await.header("content-encoding"), "br");
    let huge: usize =
        guest.get("/lab/huge-headers?bytes=8000").await.headers.values().map(|value| value.len()).sum();
    assert!(huge >= 8000);
    assert_eq!(guest.get("/lab/drip?pieces=3&every_ms=1").await.text().matches("<p>").count(), 3);
}

#[tokio::test]
async fn the_raw_listener_really_sends_what_is_wrong() {
    let erp = Erp::start(config(Identity::Own)).await.unwrap();
    for (path, part) in [
        ("/too-short", "content-length: 1000"),
        ("/bad-chunk", "\r\n\r\nxyz\r\n"),
        ("/no-http", "220 mail"),
        ("/", "<p>right"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(erp.lab_address().unwrap()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: lab\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains(part), "{path}: {answer}");
    }
}

#[tokio::test]
async fn stopping_ends_streams_that_never_end_by_themselves() {
    let erp = Erp::start(config(Identity::Own)).await.unwrap();
    let mut stream = tokio::net::TcpStream::connect(erp.address()).await.unwrap();
    stream.write_all(b"GET /lab/silent HTTP/1.1\r\nhost: lab\r\n\r\n").await.unwrap();
    let mut endless = tokio::net::TcpStream::connect(erp.address()).await.unwrap();
    endless.write_all(b"GET /lab/endless HTTP/1.1\r\nhost: lab\r\n\r\n").await.unwrap();
    let mut first = [0_u8; 12];
    endless.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    erp.stop().await;
    let mut rest = Vec::new();
    // The end may be a clean one or a broken connection; what counts is that there is one.
    let _ = endless.read_to_end(&mut rest).await;
}
