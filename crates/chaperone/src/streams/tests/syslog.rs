//! Syslog to a real rsyslog, and to collectors that break off, hang, or are not there.

use chaperone_domain::event_stream::StreamFormat;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::events::{event, events, send, syslog_at};
use super::rsyslog::Rsyslog;
use crate::config::{Confirm, EventStream, Framing, Protection, Way};

/// The same stream with another framing and another confirmation.
fn with(stream: EventStream, new_framing: Framing, new_confirm: Confirm) -> EventStream {
    let Way::Syslog { host, port, protection, .. } = stream.way.clone() else { panic!("syslog") };
    EventStream {
        way: Way::Syslog { host, port, protection, framing: new_framing, confirm: new_confirm },
        ..stream
    }
}

/// The event that a message carries.
fn ocsf(message: &Value) -> Value {
    serde_json::from_str(message["message"].as_str().expect("text")).expect("OCSF")
}

#[tokio::test]
async fn rsyslog_reads_every_message_whole_and_in_order() {
    let Some(server) = Rsyslog::start(None).await else { return };
    let sent = events(1, 500);
    let said = send(&syslog_at(server.port, Protection::Clear), &sent).await;
    assert_eq!(said.as_deref(), Ok("The collector of siem read it and closed the connection."));
    let messages = server.messages();
    assert_eq!(messages.len(), 500, "what is confirmed is kept");
    for (message, event) in messages.iter().zip(&sent) {
        assert_eq!(ocsf(message), event.ocsf);
    }
    let first = &messages[0];
    assert_eq!((first["pri"].as_str(), first["version"].as_str()), (Some("108"), Some("1")));
    assert_eq!(
        (first["host"].as_str(), first["app"].as_str()),
        (Some("chaperone.example.org"), Some("chaperone"))
    );
    assert_eq!(first["id"], "ocsf");
    let data = first["data"].as_str().expect("structured data");
    assert!(data.contains("[meta sequenceId=\"1\"]"), "{data}");
    let element = format!("[chaperone@32473 uid=\"{}\" number=\"1\" action=\"sign_in_failed\"]", sent[0].id);
    assert!(data.contains(&element), "{data}");
}

#[tokio::test]
async fn an_old_collector_gets_cef_with_the_end_of_a_line_after_each() {
    let Some(server) = Rsyslog::start(None).await else { return };
    let stream = EventStream { format: StreamFormat::Cef, ..syslog_at(server.port, Protection::Clear) };
    let stream = with(stream, Framing::Newline, Confirm::Close);
    send(&stream, &events(1, 20)).await.expect("taken");
    let messages = server.messages();
    assert_eq!(messages.len(), 20);
    for (message, seq) in messages.iter().zip(1..) {
        let line = message["message"].as_str().expect("text");
        assert!(line.starts_with("CEF:0|Chaperone|Chaperone|"), "{line}");
        assert!(line.contains(&format!(" cn1={seq} cn1Label=number ")), "{line}");
        assert!(line.contains("suser=jürgen "), "{line}");
        assert_eq!(message["id"], "cef");
    }
}

#[tokio::test]
async fn a_collector_that_is_not_there_is_tried_again_and_what_it_confirmed_stays() {
    let Some(mut server) = Rsyslog::start(None).await else { return };
    let stream = syslog_at(server.port, Protection::Clear);
    send(&stream, &events(1, 5)).await.expect("taken");
    for signal in [Signal::TERM, Signal::KILL] {
        server.end(signal).await;
        let away = send(&stream, &events(6, 10)).await.expect_err("nobody is there");
        assert_eq!(away, "later: The collector of siem cannot be reached.");
        server.again().await;
    }
    send(&stream, &events(6, 10)).await.expect("taken");
    let numbers: Vec<_> =
        server.messages().iter().map(|message| ocsf(message)["metadata"]["sequence"].clone()).collect();
    assert_eq!(numbers, (1..=10).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_that_is_longer_than_a_message_may_be_arrives_shortened_and_says_so() {
    let Some(server) = Rsyslog::start(None).await else { return };
    let stream = syslog_at(server.port, Protection::Clear);
    let max = super::events::stream(&stream).event_max_bytes;
    let mut long = event(1);
    long.ocsf["unmapped"]["details"]["settings"] = Value::from("ü".repeat(50_000));
    long.ocsf = chaperone_app::event_streams::ocsf::fitted(long.ocsf, max);
    send(&stream, &[long]).await.expect("taken");
    let message = server.messages().remove(0);
    assert_eq!(ocsf(&message)["metadata"]["is_truncated"], true);
    assert!(message["message"].as_str().is_some_and(|text| text.len() <= 8_192));
}

#[tokio::test]
async fn a_collector_that_breaks_off_in_the_middle_has_taken_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let breaking = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut some = [0; 100];
        stream.read_exact(&mut some).await.expect("read");
        // What was sent and not read makes this a reset, as when a process dies.
    });
    let broke = send(&syslog_at(port, Protection::Clear), &events(1, 500)).await.expect_err("broken off");
    assert_eq!(broke, "later: The collector of siem broke the connection off.");
    breaking.await.expect("ended");
}

#[tokio::test]
async fn a_collector_that_never_closes_is_told_of_and_may_be_configured_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let holding = tokio::spawn(async move {
        let mut held = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.expect("read");
            held.push((stream, all));
        }
        held.len()
    });
    let stream = syslog_at(port, Protection::Clear);
    let hangs = send(&stream, &events(1, 2)).await.expect_err("never closed");
    assert!(hangs.contains("within 10 seconds") && hangs.contains("confirm = \"written\""), "{hangs}");
    let written = with(stream, Framing::OctetCounting, Confirm::Written);
    assert_eq!(
        send(&written, &events(1, 2)).await.as_deref(),
        Ok("It was handed to the network for the collector of siem.")
    );
    assert_eq!(holding.await.expect("ended"), 2);
}
