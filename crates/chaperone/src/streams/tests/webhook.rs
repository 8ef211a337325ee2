//! Webhooks: signed batches, lines, and what each answer means.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;

use super::events::{config, event, events, send};
use crate::config::{Body, EventStream, Secret, Way, WebhookSecret};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[derive(Default)]
struct Inside {
    calls: Vec<(HeaderMap, Bytes)>,
    answers: VecDeque<(u16, &'static str)>,
}

type Shared = Arc<Mutex<Inside>>;

async fn receive(State(inside): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut inside = inside.lock().expect("not poisoned");
    inside.calls.push((headers, body));
    let (status, pause) = inside.answers.pop_front().unwrap_or((204, ""));
    let status = StatusCode::from_u16(status).expect("a status");
    let headers = [(header::LOCATION, "/elsewhere"), (header::RETRY_AFTER, pause)];
    (status, headers, "secret of the other side").into_response()
}

struct Receiver {
    inside: Shared,
    port: u16,
}

impl Receiver {
    async fn start() -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let inside = Shared::default();
        let router = Router::new().fallback(receive).with_state(inside.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inside, port }
    }

    fn stream(&self, body: Body, secret: Option<&str>, authorization: Option<&str>) -> EventStream {
        config(Way::Webhook {
            url: Secret::of(&format!("http://127.0.0.1:{}/unguessable", self.port)),
            body,
            secret: secret.map(|secret| WebhookSecret::parse(secret).expect("a secret")),
            authorization: authorization.map(Secret::of),
        })
    }

    fn answer(&self, status: u16, pause: &'static str) {
        self.inside.lock().expect("not poisoned").answers.push_back((status, pause));
    }

    fn call(&self) -> (HeaderMap, Bytes) {
        self.inside.lock().expect("not poisoned").calls.remove(0)
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The signature that the library of the specification makes of what came.
fn is_signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let library = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    let timestamp = text(headers, "webhook-timestamp").parse().expect("seconds");
    let expected = library.sign(text(headers, "webhook-id"), timestamp, body).expect("signed");
    text(headers, "webhook-signature") == expected
}

#[tokio::test]
async fn a_batch_is_signed_json_with_one_id_on_every_attempt() {
    let receiver = Receiver::start().await;
    let stream = receiver.stream(Body::Batch, Some(SECRET), None);
    receiver.answer(500, "");
    let sent = events(7, 9);
    let failed = send(&stream, &sent).await.expect_err("500");
    assert_eq!(failed, "later: The collector of siem did not take it (500).");
    assert_eq!(send(&stream, &sent).await.as_deref(), Ok("The collector of siem took it (204)."));
    let (first, second) = (receiver.call(), receiver.call());
    for (headers, body) in [&first, &second] {
        assert!(is_signed(headers, body));
        assert_eq!(text(headers, "webhook-id"), "siem-7-9");
        assert_eq!(text(headers, "content-type"), "application/json");
        assert!(!is_signed(headers, String::from_utf8_lossy(body).replace("siem", "mole").as_bytes()));
    }
    let told: Value = serde_json::from_slice(&second.1).expect("JSON");
    assert_eq!(
        (&told["type"], &told["data"]["event_stream"]),
        (&"event_stream.batch".into(), &"siem".into())
    );
    assert_eq!(told["data"]["events"].as_array().expect("a list").len(), 3);
    assert_eq!(told["data"]["events"][0], sent[0].ocsf);
}

#[tokio::test]
async fn lines_go_with_an_authorization_to_collectors_that_want_them_so() {
    let receiver = Receiver::start().await;
    let stream = receiver.stream(Body::Lines, None, Some("Splunk 0f0f"));
    send(&stream, &events(1, 3)).await.expect("taken");
    let (headers, body) = receiver.call();
    assert_eq!(text(&headers, "authorization"), "Splunk 0f0f");
    assert_eq!(text(&headers, "content-type"), "application/x-ndjson");
    assert_eq!(text(&headers, "webhook-signature"), "");
    let lines: Vec<Value> = String::from_utf8_lossy(&body)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines, (1..=3).map(|seq| event(seq).ocsf).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_answer_has_its_meaning_and_says_nothing_of_the_other_side() {
    let receiver = Receiver::start().await;
    let stream = receiver.stream(Body::Batch, Some(SECRET), None);
    let table = [
        (400, "", "refused: The collector of siem refuses what is sent (400)."),
        (413, "", "refused: The collector of siem refuses what is sent (413)."),
        (422, "", "refused: The collector of siem refuses what is sent (422)."),
        (
            401,
            "",
            "later: The collector of siem does not let Chaperone in (401): look at its authorization or secret.",
        ),
        (404, "", "later: The collector of siem knows no such address (404): look at the url."),
        (429, "90", "in 90 s: The collector of siem asks for a pause (429)."),
        (503, "7", "in 7 s: The collector of siem did not take it (503)."),
        (503, "tomorrow", "later: The collector of siem did not take it (503)."),
    ];
    for (status, pause, expected) in table {
        receiver.answer(status, pause);
        assert_eq!(send(&stream, &events(1, 1)).await, Err(expected.to_owned()), "{status}");
    }
    receiver.answer(307, "");
    let redirected = send(&stream, &events(1, 1)).await.expect_err("not followed");
    assert!(redirected.contains("redirect (307), which is not followed"), "{redirected}");
    assert_eq!(receiver.inside.lock().expect("not poisoned").calls.len(), table.len() + 1);
}

#[tokio::test]
async fn a_collector_that_is_away_or_closes_in_the_middle_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let receiver =
        Receiver { inside: Shared::default(), port: listener.local_addr().expect("an address").port() };
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let stream = receiver.stream(Body::Batch, Some(SECRET), None);
    let closing = tokio::spawn(async move { drop(listener.accept().await) });
    let broke = send(&stream, &events(1, 1)).await.expect_err("closed");
    assert_eq!(broke, "later: The connection to the collector of siem broke off.");
    closing.await.expect("ended");
    let away = send(&stream, &events(1, 1)).await.expect_err("nobody is there");
    assert_eq!(away, "later: The collector of siem cannot be reached.");
}
