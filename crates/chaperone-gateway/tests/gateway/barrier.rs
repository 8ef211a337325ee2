//! No change reaches the target before the evidence before it is durable.

use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::support::page::{LoadedPage, intent, step};
use crate::support::target::page;
use crate::support::world::NAVIGATION;
use crate::support::{World, app};

async fn world() -> (World, LoadedPage) {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", "<html><head></head></html>"));
    let page = world.load("/").await;
    (world, page)
}

#[tokio::test]
async fn a_change_without_evidence_never_reaches_the_target() {
    let (world, page) = world().await;
    for (what, headers) in [
        ("no proof", vec![]),
        ("noise", vec![("x-chaperone".to_owned(), "x".to_owned())]),
        ("another path", vec![("x-chaperone".to_owned(), page.proof("POST", "/other"))]),
        ("another method", vec![("x-chaperone".to_owned(), page.proof("PUT", "/save"))]),
        ("evidence that never comes", vec![("x-chaperone".to_owned(), page.proof_of(99, "POST", "/save"))]),
        ("a GET in disguise", vec![("x-http-method-override".to_owned(), "POST".to_owned())]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let method = if what.starts_with("a GET") { "GET" } else { "POST" };
        let answer = world.ask(method, "/save", &headers, "x").await;
        assert_eq!(answer.status, 428, "{what}");
        assert!(answer.json()["type"].as_str().expect("text").ends_with("/evidence-missing"), "{what}");
    }
    assert!(!world.target.was_asked("/save"));
    assert!(world.frames().await.iter().all(|frame| !frame.starts_with("opened")));
    // As few as these are told one by one, in the trail as in the recording.
    assert_eq!(
        app::events(&world).await,
        [
            "change_refused no-intent",
            "change_refused forged",
            "change_refused forged",
            "change_refused forged",
            "change_refused not-in-time",
            "change_refused no-intent"
        ]
    );
    world
        .eventually_frames(&["refused POST forged", "refused POST not-in-time", "refused GET no-intent"])
        .await;
}

#[tokio::test]
async fn a_change_with_evidence_is_opened_before_it_leaves_and_closed_after() {
    let (world, mut page) = world().await;
    page.send(&world, &[&step(0)]).await;
    let headers = [("x-chaperone", &*page.proof("POST", "/save?a=1")), ("content-type", "application/json")];
    let answer = world.ask("POST", "/save?a=1", &headers, r#"{"bank":"DE2","password":"geheim"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = world.target.last("/save?a=1");
    assert_eq!(seen.body, r#"{"bank":"DE2","password":"geheim"}"#, "the target gets what was sent");
    assert!(!seen.headers.contains_key("x-chaperone"));
    let body = r#"body {"bank":"DE2","password":"••••••"}"#;
    world.eventually_frames(&["opened change POST /save?a=1", body, "closed done 200 34 11"]).await;
    let frames = world.frames().await;
    let at = |wanted: &str| frames.iter().position(|frame| frame.starts_with(wanted)).expect(wanted);
    assert!(
        at("batch 2") < at("opened") && at("opened") < at("body") && at("body") < at("closed"),
        "{frames:?}"
    );
    assert!(!frames.iter().any(|frame| frame.contains("geheim")));
}

#[tokio::test]
async fn a_change_waits_for_evidence_that_is_on_its_way() {
    let (world, mut page) = world().await;
    let batch = page.batch(&[&step(0)]);
    let proof = page.proof("POST", "/save");
    let headers = [("x-chaperone", proof.as_str())];
    let (answer, sent) = tokio::join!(world.ask("POST", "/save", &headers, "x"), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!world.target.was_asked("/save"), "it is held");
        world.batch(batch).await
    });
    assert_eq!((answer.status, sent.status), (200, 200));
}

#[tokio::test]
async fn a_form_is_explained_by_its_intent_once() {
    let (world, mut page) = world().await;
    page.send(&world, &[&step(0), &intent(&Method::POST, "/save", "form")]).await;
    assert_eq!(world.ask("POST", "/save", NAVIGATION, "a=1").await.status, 200);
    let again = world.ask("POST", "/save", NAVIGATION, "a=1").await;
    assert_eq!(again.status, 428, "an intent explains one request");
    assert!(again.text().contains("Nothing was changed"));
    page.send(&world, &[&intent(&Method::POST, "/save", "form")]).await;
    app::later(&world, Duration::from_secs(11));
    page.send(&world, &[]).await;
    assert_eq!(
        world.ask("POST", "/save", NAVIGATION, "a=1").await.status,
        428,
        "an intent of long ago explains nothing"
    );
}

#[tokio::test]
async fn a_redirect_carries_the_evidence_on() {
    let (world, mut page) = world().await;
    world.target.answers(
        "/save",
        crate::support::target::page("text/plain", "").status(307).header("location", "/really-save"),
    );
    page.send(&world, &[&intent(&Method::POST, "/save", "form")]).await;
    assert_eq!(world.ask("POST", "/save", NAVIGATION, "a=1").await.status, 307);
    assert_eq!(world.ask("POST", "/elsewhere", NAVIGATION, "a=1").await.status, 428);
    assert_eq!(world.ask("POST", "/really-save", NAVIGATION, "a=1").await.status, 200);
}

#[tokio::test]
async fn a_download_needs_evidence_like_a_change() {
    let (world, mut page) = world().await;
    let file = crate::support::target::page("text/csv", "V-100")
        .header("content-disposition", "attachment; filename=vendors.csv");
    world.target.answers("/export", file.clone());
    assert_eq!(world.navigate("/export").await.status, 428);
    page.send(&world, &[&intent(&Method::GET, "/export", "download")]).await;
    let answer = world.navigate("/export").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "V-100"));
    world.eventually_frames(&["opened download GET /export", "closed done 200 0 5"]).await;

    // By a link that is redirected to the file.
    world.target.answers(
        "/link",
        crate::support::target::page("text/plain", "").status(302).header("location", "/export"),
    );
    page.send(&world, &[&intent(&Method::GET, "/link", "navigate")]).await;
    assert_eq!(world.navigate("/link").await.status, 302);
    assert_eq!(world.navigate("/export").await.status, 200);
    // By a script that fetches it: its proof is its evidence.
    let fetched = [("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")];
    assert_eq!(world.ask("GET", "/export", &fetched, "").await.status, 428);
    let proof = page.proof("GET", "/export");
    let proven = [&fetched[..], &[("x-chaperone", proof.as_str())]].concat();
    assert_eq!(world.ask("GET", "/export", &proven, "").await.status, 200);
    // A picture that says so is a picture.
    let picture = world.ask("GET", "/export", &[("sec-fetch-dest", "image")], "").await;
    assert_eq!(picture.status, 200);
}

#[tokio::test]
async fn a_stale_page_releases_nothing_until_it_is_heard_again() {
    let (world, mut page) = world().await;
    app::later(&world, Duration::from_secs(6));
    let proof = page.proof("POST", "/save");
    assert_eq!(world.ask("POST", "/save", &[("x-chaperone", &proof)], "x").await.status, 428);
    page.send(&world, &[]).await;
    assert_eq!(world.ask("POST", "/save", &[("x-chaperone", &proof)], "x").await.status, 200);
}

#[tokio::test]
async fn a_lost_page_releases_nothing_and_a_reload_does() {
    let (world, page) = world().await;
    let forged = {
        let mut bytes = page.clone().batch(&[&step(0)]);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bytes
    };
    let answer = world.batch(forged).await;
    assert_eq!(answer.status, 409);
    let refused = world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await;
    assert_eq!(refused.status, 428);
    assert!(app::events(&world).await.contains(&"document_locked forged".to_owned()));
    world.eventually_frames(&["lost forged"]).await;
    let fresh = world.load("/").await;
    assert_eq!(
        world.ask("POST", "/save", &[("x-chaperone", &fresh.proof("POST", "/save"))], "x").await.status,
        200
    );
}

#[tokio::test]
async fn ten_silent_minutes_lose_a_page_and_the_trail_says_so() {
    let (world, page) = world().await;
    app::later(&world, Duration::from_secs(601));
    world.eventually_frames(&["lost silent"]).await;
    assert!(app::events(&world).await.contains(&"document_locked silent".to_owned()));
    let answer = world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await;
    assert_eq!(answer.status, 428);
}

#[tokio::test]
async fn when_nothing_can_be_stored_nothing_is_changed() {
    let (world, mut page) = world().await;
    let proof = page.proof("POST", "/save");
    world.disk.fill(true);
    let answer = world.ask("POST", "/save", &[("x-chaperone", &proof)], "x").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(!world.target.was_asked("/save"));
    let batch = page.batch(&[&step(0)]);
    assert_eq!(world.batch(batch.clone()).await.status, 503, "the recorder is told to try again");
    world.disk.fill(false);
    assert_eq!(world.batch(batch).await.status, 200, "with the same bytes");
    assert_eq!(
        world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await.status,
        200
    );
    assert_eq!(world.target.seen().iter().filter(|seen| seen.path == "/save").count(), 1);
}

#[tokio::test]
async fn when_storing_stops_within_a_body_the_rest_does_not_leave() {
    use http_body::Frame;
    use http_body_util::StreamBody;
    use hyper_util::rt::TokioIo;
    let (world, page) = world().await;
    let (pieces, received) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, std::convert::Infallible>>(1);
    let body = StreamBody::new(futures_util::stream::unfold(received, |mut received| async {
        received.recv().await.map(|piece| (piece, received))
    }));
    let stream = tokio::net::TcpStream::connect(world.address).await.expect("connects");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("shakes hands");
    tokio::spawn(connection);
    let request = http::Request::post("/upload")
        .header("host", "erp.localhost:8080")
        .header("cookie", world.cookie())
        .header("x-chaperone", page.proof("POST", "/upload"))
        .body(Box::pin(body))
        .expect("a request");
    let answer =
        tokio::spawn(async move { sender.send_request(request).await.map(|answer| answer.status()) });
    pieces.send(Ok(Frame::data(Bytes::from_static(b"first")))).await.expect("is read");
    crate::support::eventually("the first piece arrived", || {
        world.target.seen().iter().any(|seen| seen.path == "/upload" && seen.body == "first")
    })
    .await;
    world.disk.fill(true);
    pieces.send(Ok(Frame::data(Bytes::from_static(b"second")))).await.expect("is read");
    let status = answer.await.expect("runs");
    assert!(status.is_err() || status.is_ok_and(|status| status == 503), "it is refused or cut");
    assert_eq!(world.target.last("/upload").body, "first");
    world.disk.fill(false);
    world.eventually_frames(&["opened change POST /upload", "body first"]).await;
}

#[tokio::test]
async fn large_bodies_are_recorded_up_to_the_limit_and_counted_beyond() {
    let (world, page) = world().await;
    let body = vec![b'x'; 3 * 1024 * 1024];
    let headers =
        [("x-chaperone", &*page.proof("POST", "/upload")), ("content-type", "application/octet-stream")];
    assert_eq!(world.ask("POST", "/upload", &headers, body.clone()).await.status, 200);
    assert_eq!(world.target.last("/upload").body.len(), body.len());
    world.eventually_frames(&["closed done 200 3145728 11"]).await;
    let frames = world.frames().await;
    let kept: usize = frames.iter().filter_map(|frame| frame.strip_prefix("body ")).map(str::len).sum();
    assert_eq!(kept, 1024 * 1024);
}

#[tokio::test]
async fn many_held_changes_are_bounded() {
    let (world, page) = world().await;
    let world = std::sync::Arc::new(world);
    let asks: Vec<_> = (0..12)
        .map(|_| {
            let (world, proof) = (world.clone(), page.proof_of(99, "POST", "/save"));
            tokio::spawn(async move { world.ask("POST", "/save", &[("x-chaperone", &proof)], "x").await })
        })
        .collect();
    for ask in asks {
        assert_eq!(ask.await.expect("runs").status, 428);
    }
    let refused = |reason: &str, times: usize| vec![format!("refused POST {reason}"); times];
    let expected = [refused("not-in-time", 8), refused("too-many-held", 4)].concat();
    world.eventually_frames(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut events = app::events(&world).await;
    events.sort_unstable();
    let expected = [["change_refused not-in-time"; 8].to_vec(), ["change_refused too-many-held"; 4].to_vec()];
    assert_eq!(events, expected.concat());
}

#[tokio::test]
async fn the_page_of_another_sign_in_proves_nothing_here() {
    let (world, _) = world().await;
    let (_, stranger) = self::world().await;
    let answer = world.ask("POST", "/save", &[("x-chaperone", &stranger.proof("POST", "/save"))], "x").await;
    assert_eq!(answer.status, 428);
    assert!(!world.target.was_asked("/save"));
}

#[tokio::test]
async fn the_browsers_own_reports_are_refused_at_once_and_trouble_nobody() {
    let (world, _) = world().await;
    let begun = tokio::time::Instant::now();
    let answer = world
        .ask("POST", "/csp-report", &[("sec-fetch-dest", "report"), ("sec-fetch-mode", "no-cors")], "{}")
        .await;
    assert_eq!(answer.status, 428);
    assert!(begun.elapsed() < Duration::from_secs(1), "nothing is waited for");
    assert!(!world.target.was_asked("/csp-report"));
    assert!(app::events(&world).await.is_empty());
    world.eventually_frames(&["refused POST browser-report"]).await;
}

#[tokio::test]
async fn a_change_whose_sign_in_ends_while_it_waits_does_not_leave() {
    let (world, mut page) = world().await;
    let batch = page.batch(&[&step(0)]);
    let proof = page.proof("POST", "/save");
    let headers = [("x-chaperone", proof.as_str())];
    let (answer, ()) = tokio::join!(world.ask("POST", "/save", &headers, "x"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.app.gate().end(world.live.id);
        world.batch(batch).await;
    });
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(!world.target.was_asked("/save"));
    assert!(world.frames().await.iter().all(|frame| !frame.starts_with("opened")));
}
