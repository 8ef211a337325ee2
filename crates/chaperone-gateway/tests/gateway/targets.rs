//! Targets are hostile: down, slow, endless, broken, too large. Each has its own answer, and nothing is lost.

use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

use crate::support::World;
use crate::support::page::LoadedPage;
use crate::support::target::{broken, page};
use crate::support::world::NAVIGATION;

async fn answered_by(bytes: impl Into<bytes::Bytes>) -> (World, crate::support::Answer) {
    let world = World::everyday().await;
    let address = broken(bytes).await;
    world.change_target(|target| target.upstream = format!("http://{address}"));
    let answer = world.navigate("/").await;
    (world, answer)
}

#[tokio::test]
async fn a_target_that_is_down_is_said_to_be() {
    let world = World::everyday().await;
    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("bound");
    world.change_target(|target| target.upstream = format!("http://{free}"));
    let answer = world.navigate("/").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("cannot be reached"));
    let script = world.ask("GET", "/", &[("sec-fetch-mode", "cors")], "").await;
    assert!(script.json()["type"].as_str().expect("text").ends_with("/target-unreachable"));
}

#[tokio::test]
async fn a_slow_target_is_not_waited_for_for_ever() {
    let world = World::everyday().await;
    let answer = world.navigate("/slow").await;
    assert_eq!(answer.status, 504);
    assert!(answer.text().contains("does not answer in time"));
}

#[tokio::test]
async fn answers_that_are_no_http_are_said_to_be_broken() {
    for bytes in [
        &b""[..],
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    ] {
        let (_, answer) = answered_by(bytes).await;
        assert_eq!(answer.status, 502, "{}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_off_as_whole() {
    let world = World::everyday().await;
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\nZZ\r\n",
    ] {
        let address = broken(answer).await;
        world.change_target(|target| target.upstream = format!("http://{address}"));
        let cookie = world.cookie();
        let answer = world.open("GET", "/", &[("cookie", &cookie)], "").await;
        assert_eq!(answer.status(), 200);
        assert!(answer.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let huge = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(300_000));
    let (_, answer) = answered_by(huge).await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("headers are larger than allowed"), "{}", answer.text());
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: 1\r\n".repeat(500));
    let (_, answer) = answered_by(many).await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains("headers are larger than allowed"), "{}", answer.text());
}

#[tokio::test]
async fn an_endless_answer_streams_in_bounded_memory_and_ends_with_its_reader() {
    let world = World::everyday().await;
    let cookie = world.cookie();
    let answer = world.open("GET", "/endless", &[("cookie", &cookie)], "").await;
    let mut body = answer.into_body();
    let mut bytes = 0;
    while bytes < 8 * 1024 * 1024 {
        let frame = body.frame().await.expect("goes on").expect("right");
        bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
}

#[tokio::test]
async fn an_endless_beginning_of_a_page_is_refused() {
    let world = World::recorded().await;
    let endless = format!("<!-- {}", "x".repeat(3 * 1024 * 1024));
    world.target.answers("/", page("text/html", endless));
    let answer = world.navigate("/").await;
    assert!(answer.status == 502, "{}", answer.status);
    assert!(!answer.text().contains("xxxx"));
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_reads_outcome_unknown() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let loaded: LoadedPage = world.load("/").await;
    let address = broken("").await;
    world.change_target(|target| target.upstream = format!("http://{address}"));
    let answer = world.ask("POST", "/save", &[("x-chaperone", &loaded.proof("POST", "/save"))], "x").await;
    assert_eq!(answer.status, 502);
    world.eventually_frames(&["opened change POST /save", "body x", "closed unknown 0 1 0"]).await;

    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("bound");
    world.change_target(|target| target.upstream = format!("http://{free}"));
    let answer = world.ask("POST", "/other", &[("x-chaperone", &loaded.proof("POST", "/other"))], "x").await;
    assert_eq!(answer.status, 502);
    world.eventually_frames(&["closed refused 0 0 0"]).await;
}

#[tokio::test]
async fn six_held_changes_beside_two_event_streams_all_come_to_an_answer() {
    let world = std::sync::Arc::new(World::recorded().await);
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let mut loaded = world.load("/").await;
    let cookie = world.cookie();
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(world.open("GET", "/events", &[("cookie", &cookie)], "").await);
    }
    let batch = loaded.batch(&[&crate::support::page::step(0)]);
    let asks: Vec<_> = (0..6)
        .map(|_| {
            let (world, proof) = (world.clone(), loaded.proof("POST", "/save"));
            tokio::spawn(
                async move { world.ask("POST", "/save", &[("x-chaperone", &proof)], "x").await.status },
            )
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(world.batch(batch).await.status, 200);
    for ask in asks {
        assert_eq!(ask.await.expect("runs"), 200);
    }
    for stream in &mut streams {
        assert!(stream.body_mut().frame().await.expect("goes on").is_ok());
    }
}

#[tokio::test]
async fn a_double_click_that_aborts_its_first_navigation_changes_nothing_else() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let mut loaded = world.load("/").await;
    let declared = crate::support::page::intent(&http::Method::POST, "/save", "form");
    loaded.send(&world, &[&declared, &declared]).await;
    let cookie = world.cookie();
    let headers = [NAVIGATION, &[("cookie", cookie.as_str())]].concat();
    drop(world.open("POST", "/save", &headers, "a=1").await);
    assert_eq!(world.ask("POST", "/save", NAVIGATION, "a=1").await.status, 200);
    let closed = ["opened change POST /save", "opened change POST /save", "closed done 200 3 11"];
    world.eventually_frames(&closed).await;
}
