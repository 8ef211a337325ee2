//! The recorder's batches: in order, once, from the page that they name, durable before they are acknowledged.

use std::time::Duration;

use crate::support::World;
use crate::support::page::{HELLO, LoadedPage, SNAPSHOT, intent, step};
use crate::support::target::page;

async fn world() -> (World, LoadedPage) {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let html = world.navigate("/").await.text();
    (world, LoadedPage::of(&html))
}

#[tokio::test]
async fn what_is_acknowledged_is_durable_and_the_page_can_believe_it() {
    let (world, mut page) = world().await;
    let answer = page.send(&world, &[HELLO]).await;
    assert!(page.believes(&answer));
    assert!(world.frames().await.contains(&"batch 0".to_owned()));
    let said = answer.json();
    assert_eq!(said["durable_sequence"], 0);
    assert_eq!(said["lease_ms"], 5000);
    assert_eq!(said["commands"], serde_json::json!([]));
    let banner = &said["banner"];
    assert_eq!(
        (&banner["account"], &banner["user"], &banner["reason"]),
        (&"erp-admin".into(), &"paula".into(), &"Year-end fixes".into())
    );
    assert_eq!(banner["console_url"], "http://console.localhost:8080/my-access");
    assert_eq!(said["hosts"], serde_json::json!(["erp.localhost:8080"]));
}

#[tokio::test]
async fn a_batch_again_is_acknowledged_again_and_stored_once() {
    let (world, mut page) = world().await;
    let hello = page.batch(&[HELLO]);
    for _ in 0..3 {
        let answer = world.batch(hello.clone()).await;
        assert_eq!((answer.status, answer.json()["durable_sequence"].clone()), (200, 0.into()));
    }
    assert_eq!(world.frames().await.iter().filter(|frame| *frame == "batch 0").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_cut_off_with_its_page_and_sent_again_is_stored_once() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let first = page.sequence;
    for number in 0..60 {
        let batch = page.batch(&[&step(number)]);
        // Cut off a little later each time: before it is heard, while it is written, when it is written.
        let patience = Duration::from_micros(100 * u64::from(number % 30));
        let _cut_off = tokio::time::timeout(patience, world.batch(batch.clone())).await;
        assert_eq!(world.batch(batch).await.status, 200);
    }
    let frames = world.frames().await;
    for sequence in first..page.sequence {
        let stored = frames.iter().filter(|frame| **frame == format!("batch {sequence}")).count();
        assert_eq!(stored, 1, "batch {sequence}");
    }
}

#[tokio::test]
async fn a_tail_that_overtakes_waits_for_its_predecessor() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let (second, tail) = (page.batch(&[&step(0)]), page.batch_with(&[&step(1)], 0b1100));
    let (tail, second) = tokio::join!(world.batch(tail), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.batch(second).await
    });
    assert_eq!((tail.status, second.status), (200, 200));
    let frames = world.frames().await;
    let batches: Vec<_> = frames.iter().filter(|frame| frame.starts_with("batch")).collect();
    assert_eq!(batches, ["batch 0", "batch 1", "batch 2", "batch 3"]);
}

#[tokio::test]
async fn a_gap_locks_the_page() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    for _ in 0..5 {
        page.batch(&[&step(0)]);
    }
    let late = page.batch(&[&step(1)]);
    let answer = world.batch(late).await;
    assert_eq!((answer.status, answer.json()["commands"].clone()), (409, serde_json::json!(["lock"])));
    assert!(page.believes(&answer));
    world.eventually_frames(&["lost gap"]).await;
}

#[tokio::test]
async fn a_batch_that_does_not_continue_the_chain_locks_the_page() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let fork = page.clone();
    page.send(&world, &[&step(0)]).await;
    let mut fork = fork;
    let other = fork.batch(&[&step(7)]);
    assert_eq!(world.batch(other).await.status, 409, "other bytes in the place of durable ones");
    let answer = page.send(&world, &[&step(1)]).await;
    assert_eq!(answer.status, 409, "what is lost stays lost");
}

#[tokio::test]
async fn the_batch_of_another_document_is_refused() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let mut other = LoadedPage::of(&world.navigate("/").await.text());
    other.document = page.document;
    assert_eq!(other.send(&world, &[HELLO]).await.status, 409);
}

#[tokio::test]
async fn nobody_elses_cookie_can_send_or_break_a_documents_batches() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let batch = page.batch(&[&step(0)]);
    let mut forged = batch.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let answer = world
        .anonymous("POST", "/.chaperone/v1/batch", &[("cookie", "__Host-chaperone=unknown")], forged)
        .await;
    assert_eq!(answer.status, 409);
    assert_eq!(world.batch(batch).await.status, 200, "the page goes on");
}

#[tokio::test]
async fn oversized_and_meaningless_batches_are_refused() {
    let (world, mut page) = world().await;
    assert_eq!(world.batch(vec![0; 5 * 1024 * 1024]).await.status, 413);
    assert_eq!(world.batch(b"CHB1".to_vec()).await.status, 400);
    for entries in [&["{}"][..], &["[\"x\",1]"][..], &["[\"d\",{}]"][..], &["[\"i\",{}]"][..]] {
        let mut page = page.clone();
        assert_eq!(page.send(&world, entries).await.status, 400, "{entries:?}");
    }
    page.begin(&world).await;
}

#[tokio::test]
async fn a_page_from_before_a_restart_is_told_to_reload() {
    let (mut world, mut page) = world().await;
    page.begin(&world).await;
    world.restart_gateway().await;
    let answer = page.send(&world, &[&step(0)]).await;
    assert_eq!((answer.status, answer.json()["commands"].clone()), (200, serde_json::json!(["reload"])));
    assert!(page.believes(&answer));
    let refused = world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await;
    assert_eq!(refused.status, 428, "nothing is released meanwhile");
    let mut stranger = page.clone();
    stranger.document[0] ^= 1;
    assert_eq!(stranger.send(&world, &[HELLO]).await.status, 409, "nobody can make up a page");
}

#[tokio::test]
async fn the_tail_is_taken_after_the_end_of_the_sign_in() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    world.app.gate().end(world.live.id);
    let tail = page.batch_with(&[&step(0)], 0b1100);
    let answer = world.batch(tail).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(world.frames().await.contains(&"batch 2".to_owned()));
    let refused = world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await;
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn a_page_without_an_origin_is_heard_by_its_key() {
    let (world, mut page) = world().await;
    let asked = world
        .anonymous(
            "OPTIONS",
            "/.chaperone/v1/batch",
            &[("origin", "null"), ("access-control-request-method", "POST")],
            "",
        )
        .await;
    assert_eq!((asked.status, asked.header("access-control-allow-origin")), (204, Some("null")));
    let batch = page.batch(&[HELLO]);
    let answer = world.anonymous("POST", "/.chaperone/v1/batch", &[("origin", "null")], batch).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("null")));
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-chaperone-mac"));
    assert!(page.believes(&answer));
}

#[tokio::test]
async fn coming_back_from_the_history_begins_a_new_epoch() {
    let (world, mut page) = world().await;
    page.begin(&world).await;
    let end = page.batch_with(&[], 0b1100);
    assert_eq!(world.batch(end).await.status, 200);
    page.epoch = 1;
    assert_eq!(page.send(&world, &[SNAPSHOT]).await.status, 200);
    assert_eq!(page.send(&world, &[&intent(&http::Method::POST, "/save", "beacon")]).await.status, 200);
    assert_eq!(world.ask("POST", "/save", &[], "x").await.status, 200);
}
