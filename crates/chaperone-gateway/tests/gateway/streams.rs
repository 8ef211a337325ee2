//! What stays open is cut within a second when the sign-in is over, and passes piece by piece until then.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::page::{LoadedPage, step};
use crate::support::target::page;
use crate::support::{World, eventually};

/// What an end of the sign-in may take.
const SECOND: Duration = Duration::from_secs(1);

async fn is_cut_within_a_second(world: &World, path: &str) {
    let cookie = world.cookie();
    let answer = world.open("GET", path, &[("cookie", &cookie)], "").await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let first = timeout(SECOND, body.frame()).await.expect("comes at once").expect("a piece");
    assert!(first.expect("right").data_ref().is_some_and(|bytes| !bytes.is_empty()));
    world.app.gate().end(world.live.id);
    let ended = Instant::now();
    let cut = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return true;
            }
        }
        false
    };
    assert!(timeout(SECOND, cut).await.expect("is cut in time"), "an end is not pretended");
    assert!(ended.elapsed() < SECOND);
}

#[tokio::test]
async fn an_ended_sign_in_cuts_a_download() {
    is_cut_within_a_second(&World::everyday().await, "/endless").await;
    is_cut_within_a_second(&World::recorded().await, "/endless").await;
}

#[tokio::test]
async fn an_ended_sign_in_cuts_an_event_stream() {
    is_cut_within_a_second(&World::everyday().await, "/events").await;
    is_cut_within_a_second(&World::recorded().await, "/events").await;
}

#[tokio::test]
async fn an_ended_sign_in_cuts_a_stream_that_says_nothing() {
    is_cut_within_a_second(&World::everyday().await, "/silent").await;
    is_cut_within_a_second(&World::recorded().await, "/silent").await;
}

#[tokio::test]
async fn a_stream_follows_the_end_of_its_session_and_is_cut_there() {
    let world = World::recorded().await;
    let cookie = world.cookie();
    for path in ["/endless", "/events", "/silent"] {
        super::support::app::session_ends_in(&world, Duration::from_secs(1));
        let answer = world.open("GET", path, &[("cookie", &cookie)], "").await;
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        // Extended while it flows: the old end passes.
        super::support::app::session_ends_in(&world, Duration::from_secs(3));
        let extended = Instant::now();
        let cut = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
        timeout(Duration::from_secs(60), cut).await.expect("is cut");
        assert!(extended.elapsed() >= Duration::from_secs(2), "{path} was cut at the old end");
        // Shortened while it flows.
        let answer = {
            super::support::app::session_ends_in(&world, Duration::from_secs(3_600));
            world.open("GET", path, &[("cookie", &cookie)], "").await
        };
        let mut body = answer.into_body();
        super::support::app::session_ends_in(&world, Duration::from_secs(1));
        let cut = async { while body.frame().await.is_some_and(|frame| frame.is_ok()) {} };
        timeout(Duration::from_secs(60), cut).await.expect("is cut at the new end");
    }
}

#[tokio::test]
async fn an_ended_sign_in_does_not_wait_for_a_slow_target() {
    let world = World::everyday().await;
    let (answer, ()) = tokio::join!(world.ask("GET", "/slow", &[], ""), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.app.gate().end(world.live.id);
    });
    assert_eq!(answer.status, 403);
}

async fn socket(
    world: &World,
    path: &str,
) -> Result<WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, u16> {
    let cookie = world.cookie();
    let headers = [
        ("cookie", cookie.as_str()),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-extensions", "permessage-deflate"),
    ];
    let mut answer = world.open("GET", path, &headers, "").await;
    if answer.status() != 101 {
        return Err(answer.status().as_u16());
    }
    assert_eq!(answer.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let upgraded = hyper::upgrade::on(&mut answer).await.expect("upgrades");
    Ok(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, None).await)
}

async fn closes_within_a_second(
    socket: &mut WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
) -> Option<Message> {
    let last = async {
        let mut last = None;
        while let Some(Ok(message)) = socket.next().await {
            last = Some(message);
        }
        last
    };
    timeout(SECOND, last).await.expect("closes in time")
}

#[tokio::test]
async fn a_socket_that_is_not_recorded_passes_and_is_cut() {
    let world = World::everyday().await;
    let mut socket = socket(&world, "/live").await.expect("opens");
    assert_eq!(socket.next().await.expect("a message").expect("right"), Message::text("welcome"));
    socket.send(Message::text("7|stays")).await.expect("sends");
    eventually("it arrived", || {
        world.target.messages.lock().expect("not poisoned").contains(&Message::text("7|stays"))
    })
    .await;
    world.app.gate().end(world.live.id);
    closes_within_a_second(&mut socket).await;
}

async fn recorded() -> (World, LoadedPage) {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let page = world.load("/").await;
    (world, page)
}

#[tokio::test]
async fn a_recorded_socket_needs_a_proof_and_holds_messages_for_their_evidence() {
    let (world, mut page) = recorded().await;
    assert_eq!(socket(&world, "/live?room=1").await.err(), Some(428), "no proof");
    assert!(!world.target.was_asked("/live?room=1"));

    let mac = page.proof("WEBSOCKET", "/live?room=1");
    let mut open = socket(&world, &format!("/live?room=1&__chp={mac}")).await.expect("opens");
    assert!(world.target.was_asked("/live?room=1"), "the proof is stripped");
    assert!(!world.target.last("/live?room=1").headers.contains_key("sec-websocket-extensions"));
    assert_eq!(open.next().await.expect("a message").expect("right"), Message::text("welcome"));

    let batch = page.batch(&[&step(0)]);
    open.send(Message::text("2|held")).await.expect("sends");
    open.send(Message::binary(vec![0, 0, 0, 1, 9, 9])).await.expect("sends");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(world.target.messages.lock().expect("not poisoned").is_empty(), "held in order");
    assert_eq!(world.batch(batch).await.status, 200);
    let arrived = [Message::text("held"), Message::binary(vec![9, 9])];
    eventually("both arrived in order", || *world.target.messages.lock().expect("not poisoned") == arrived)
        .await;
    world
        .eventually_frames(&[
            "opened websocket WEBSOCKET /live?room=1",
            "message down welcome",
            "message up held",
        ])
        .await;

    world.app.gate().end(world.live.id);
    closes_within_a_second(&mut open).await;
    world.eventually_frames(&["closed done 101 0 0"]).await;
}

#[tokio::test]
async fn a_message_without_evidence_closes_the_socket() {
    let (world, page) = recorded().await;
    let mac = page.proof("WEBSOCKET", "/live");
    let mut open = socket(&world, &format!("/live?__chp={mac}")).await.expect("opens");
    open.send(Message::text("no sequence")).await.expect("sends");
    let last = closes_within_a_second(&mut open).await;
    assert!(matches!(last, Some(Message::Close(Some(_)))), "{last:?}");
    assert!(world.target.messages.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn an_ended_sign_in_cuts_a_recorded_socket() {
    let (world, page) = recorded().await;
    let mac = page.proof("WEBSOCKET", "/live");
    let mut open = socket(&world, &format!("/live?__chp={mac}")).await.expect("opens");
    assert_eq!(open.next().await.expect("a message").expect("right"), Message::text("welcome"));
    world.app.gate().end(world.live.id);
    closes_within_a_second(&mut open).await;
}
