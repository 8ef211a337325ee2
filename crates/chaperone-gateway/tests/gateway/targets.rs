//! Targets are hostile: down, slow, endless, broken, too large. Each has its own answer, and nothing is lost.

use std::time::Duration;

use http_body_util::BodyExt as _;
use tokio::net::TcpListener;

use crate::support::World;
use crate::support::page::LoadedPage;
use crate::support::target::{broken, keeping_open, page};
use crate::support::world::{BODY_IDLE, NAVIGATION};

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
async fn an_answer_longer_than_it_said_ends_where_it_said_and_the_rest_answers_nobody() {
    let world = World::everyday().await;
    let rest = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let address = keeping_open(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nshort{rest}")).await;
    world.change_target(|target| target.upstream = format!("http://{address}"));
    for _ in 0..3 {
        let answer = world.navigate("/").await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "short"));
    }
}

#[tokio::test]
async fn an_answer_of_two_lengths_is_said_to_be_broken() {
    for lengths in ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 6", "Content-Length: -1"] {
        let (_, answer) = answered_by(format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nshort!")).await;
        assert_eq!(answer.status, 502, "{lengths}");
    }
    // The chunks count, whatever else is said: nobody behind the gateway reads another length.
    let both = "Content-Length: 99\r\nTransfer-Encoding: chunked";
    let (_, answer) = answered_by(format!("HTTP/1.1 200 OK\r\n{both}\r\n\r\n5\r\nshort\r\n0\r\n\r\n")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "short"));
    assert!(answer.headers.get("content-length").is_none_or(|length| length == "5"), "{:?}", answer.headers);
}

#[tokio::test]
async fn an_answer_that_stands_still_is_ended_and_not_passed_off_as_whole() {
    let world = World::everyday().await;
    let address = keeping_open("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort").await;
    world.change_target(|target| target.upstream = format!("http://{address}"));
    let cookie = world.cookie();
    let mut body = world.open("GET", "/", &[("cookie", &cookie)], "").await.into_body();
    let frame = body.frame().await.expect("begins").expect("right");
    assert_eq!(frame.data_ref().map(|data| data.as_ref()), Some(&b"short"[..]));
    let began = tokio::time::Instant::now();
    assert!(body.frame().await.expect("an end").is_err(), "it is not whole");
    assert!(began.elapsed() < 10 * BODY_IDLE, "it was not ended by its own timeout");
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
    let mut read = async |most: usize| {
        while bytes < most {
            let frame = body.frame().await.expect("goes on").expect("right");
            bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
    };
    read(8 * MIB).await;
    let before = resident_bytes();
    read(264 * MIB).await;
    // While nobody reads, nothing is taken from the target either.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let more = resident_bytes().saturating_sub(before);
    assert!(more < 64 * MIB, "{more} bytes more after 256 MiB have passed");
}

const MIB: usize = 1024 * 1024;

/// What this process, with the gateway, its target and its reader, has in memory.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<usize>().ok()).expect("a number") * 1024
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
