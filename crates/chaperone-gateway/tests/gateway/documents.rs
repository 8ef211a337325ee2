//! Recorded pages: the recorder is in, first, whatever the page is like; what cannot be recorded is not delivered.

use std::io::Write as _;
use std::time::Duration;

use crate::support::page::{HELLO, LoadedPage, SNAPSHOT};
use crate::support::target::page;
use crate::support::world::NAVIGATION;
use crate::support::{World, app};

const HTML: &str = "<!doctype html><html><head><title>Vendors</title></head><body><p>x</p></body></html>";

#[tokio::test]
async fn a_recorded_page_gets_its_recorder_first_and_fresh() {
    let world = World::recorded().await;
    world.target.answers(
        "/",
        page("text/html", HTML)
            .header("etag", "\"abc\"")
            .header("cache-control", "public, max-age=60")
            .header("alt-svc", "h3")
            .header("digest", "x")
            .header("content-security-policy", "default-src 'self'; script-src 'nonce-page'")
            .header("content-security-policy-report-only", "script-src 'none'"),
    );
    let asked = [
        NAVIGATION,
        &[
            ("if-none-match", "\"abc\""),
            ("range", "bytes=0-1"),
            ("if-modified-since", "x"),
            ("available-dictionary", "x"),
        ],
    ]
    .concat();
    let answer = world.ask("GET", "/", &asked, "").await;
    assert_eq!(answer.status, 200);
    let tag = answer.text().split("<title>").next().expect("has a head").to_owned();
    assert!(tag.starts_with("<!doctype html><html><head><script src=\"/.chaperone/"), "{tag}");
    assert!(tag.contains(" nonce=\"page\"></script><noscript>"), "{tag}");
    assert_eq!(answer.text().replace(&tag, "<!doctype html><html><head>"), HTML, "nothing else changes");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("etag"), Some("W/\"abc\""));
    assert_eq!(answer.header("content-security-policy-report-only"), Some("script-src 'nonce-page'"));
    for gone in ["alt-svc", "digest"] {
        assert_eq!(answer.header(gone), None, "{gone}");
    }
    let seen = world.target.last("/").headers;
    for gone in ["if-none-match", "range", "if-modified-since", "available-dictionary"] {
        assert!(!seen.contains_key(gone), "{gone}");
    }
    assert_eq!(seen["accept-encoding"], "gzip, br, zstd");

    let source = tag.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an address");
    let script = world.ask("GET", source, &[], "").await;
    assert_eq!((script.status, script.text().as_str()), (200, "/* recorder */"));
    assert!(script.header("cache-control").expect("has one").contains("immutable"));
}

#[tokio::test]
async fn packed_pages_are_unpacked_and_packed_again() {
    use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZstdDecoder};
    use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::recorded().await;
    macro_rules! pack {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            encoder.write_all(HTML.as_bytes()).await.expect("packs");
            encoder.shutdown().await.expect("packs");
            encoder.into_inner()
        }};
    }
    macro_rules! unpack {
        ($decoder:ident, $bytes:expr) => {{
            let mut text = String::new();
            $decoder::new(&$bytes[..]).read_to_string(&mut text).await.expect("unpacks");
            text
        }};
    }
    for (name, packed) in
        [("gzip", pack!(GzipEncoder)), ("br", pack!(BrotliEncoder)), ("zstd", pack!(ZstdEncoder))]
    {
        let length = packed.len().to_string();
        world.target.answers(
            "/",
            page("text/html", packed).header("content-encoding", name).header("content-length", &length),
        );
        let answer = world.navigate("/").await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(name)));
        let text = match name {
            "gzip" => unpack!(GzipDecoder, answer.body),
            "br" => unpack!(BrotliDecoder, answer.body),
            _ => unpack!(ZstdDecoder, answer.body),
        };
        LoadedPage::of(&text).begin(&world).await;
    }
    world.target.answers("/", page("text/html", "x").header("content-encoding", "deflate"));
    assert_eq!(world.navigate("/").await.status, 502, "what cannot be rewritten is not delivered");
}

#[tokio::test]
async fn other_characters_come_as_utf_8() {
    let world = World::recorded().await;
    let utf16: Vec<u8> = format!("\u{FEFF}{HTML}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    world.target.answers("/", page("text/html", utf16));
    let answer = world.navigate("/").await;
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(answer.text().starts_with("<!doctype html><html><head><script src="), "{}", answer.text());
    let mut latin = b"<html><head></head>".to_vec();
    latin.write_all(b"Z\xFCrich").expect("writes");
    world.target.answers("/", page("text/html; charset=iso-8859-1", latin));
    assert_eq!(world.navigate("/").await.header("content-type"), Some("text/html; charset=windows-1252"));
}

#[tokio::test]
async fn only_what_becomes_a_document_gets_a_recorder() {
    let world = World::recorded().await;
    let svg = "<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>";
    world.target.answers("/f", page("text/html", HTML).header("cache-control", "max-age=9"));
    world.target.answers("/svg", page("image/svg+xml", svg));
    world.target.answers(
        "/x",
        page("application/xhtml+xml", "<html xmlns='http://www.w3.org/1999/xhtml'><head/></html>"),
    );
    world.target.answers("/mixed", page("multipart/x-mixed-replace;boundary=a", "--a"));
    world.target.answers(
        "/typeless",
        crate::support::target::Page { status: 200, headers: vec![], body: HTML.into() },
    );
    world.target.answers(
        "/guess",
        crate::support::target::Page { status: 200, headers: vec![], body: "x<script>".into() },
    );
    world.target.answers("/twice", page("text/plain", HTML).header("content-type", "text/html"));

    let fragment =
        world.ask("GET", "/f", &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")], "").await;
    assert_eq!(fragment.text(), HTML, "a fragment that is fetched is data");
    assert_eq!(
        fragment.header("cache-control"),
        Some("no-store"),
        "and does not come back from the cache as a page"
    );

    let picture = world.navigate("/svg").await;
    assert_eq!((picture.text().as_str(), picture.header("content-security-policy")), (svg, Some("sandbox")));

    let xhtml = world.navigate("/x").await;
    assert!(
        xhtml.text().starts_with("<html xmlns='http://www.w3.org/1999/xhtml'><script xmlns="),
        "{}",
        xhtml.text()
    );

    assert_eq!(world.navigate("/mixed").await.status, 502);
    assert!(world.navigate("/typeless").await.text().contains("data-c="));
    let guess = world.navigate("/guess").await;
    assert_eq!(
        (guess.header("content-type"), guess.text().as_str()),
        (Some("application/octet-stream"), "x<script>")
    );
    let twice = world.navigate("/twice").await;
    assert!(twice.text().contains("data-c=") && twice.headers.get_all("content-type").iter().count() == 1);

    let frame =
        world.ask("GET", "/f", &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")], "").await;
    assert!(frame.text().contains("data-c="), "frames are documents");
    let no_hints = world.ask("GET", "/f", &[("accept", "text/html,*/*;q=0.8")], "").await;
    assert!(no_hints.text().contains("data-c="), "without hints the wish for HTML decides");
}

#[tokio::test]
async fn a_page_that_runs_no_scripts_has_no_recorder_and_owes_no_hello() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", HTML).header("content-security-policy", "sandbox"));
    for _ in 0..4 {
        assert_eq!(world.navigate("/").await.text(), HTML);
    }
    app::later(&world, Duration::from_secs(6));
    assert_eq!(world.navigate("/").await.status, 200);
}

#[tokio::test]
async fn ambiguous_markup_is_not_delivered() {
    let world = World::recorded().await;
    world.target.answers(
        "/",
        page("text/html", "<template><select><xmp><script>1</script></xmp></select></template>"),
    );
    let answer = world.navigate("/").await;
    assert!(answer.status == 502 || answer.text().contains("data-c="), "{}", answer.text());
    let late =
        "<html><head><template><select><xmp><script>\"use strict\";</script></xmp></select></template>";
    world.target.answers("/late", page("text/html", late));
    let mut sender = world.connect().await;
    let cookie = world.cookie();
    let headers = [NAVIGATION, &[("cookie", cookie.as_str())]].concat();
    let answer = sender.send_request(World::request("GET", "/late", &headers, "")).await.expect("an answer");
    let delivered = http_body_util::BodyExt::collect(answer.into_body()).await;
    assert!(
        delivered.is_err() || !delivered.expect("whole").to_bytes().ends_with(b"</template>"),
        "nothing passes unrecorded"
    );
}

#[tokio::test]
async fn pages_are_not_loaded_in_advance_and_workers_remove_themselves() {
    let world = World::recorded().await;
    let asked = [NAVIGATION, &[("sec-purpose", "prefetch;prerender")]].concat();
    assert_eq!(world.ask("GET", "/", &asked, "").await.status, 503);
    let worker = world
        .ask("GET", "/sw.js", &[("service-worker", "script"), ("sec-fetch-dest", "serviceworker")], "")
        .await;
    assert_eq!(worker.status, 200);
    assert!(worker.text().contains("unregister()") && !worker.text().contains("fetch'"));
    assert!(world.target.seen().is_empty());
}

#[tokio::test]
async fn a_recorder_that_never_runs_closes_the_sign_in_until_it_does() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", HTML));
    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(LoadedPage::of(&world.navigate("/").await.text()));
    }
    assert_eq!(world.navigate("/").await.status, 200, "they may still be starting");
    app::later(&world, Duration::from_secs(6));
    let blocked = world.navigate("/again").await;
    assert_eq!(blocked.status, 428);
    assert!(
        blocked.text().contains("recorder is blocked")
            && blocked.text().contains("/.chaperone/retry?to=%2Fagain"),
        "{}",
        blocked.text()
    );
    let change = world.ask("POST", "/save", &[], "x").await;
    assert_eq!(change.status, 428);

    let retried = world.ask("GET", "/.chaperone/retry?to=%2Fagain", NAVIGATION, "").await;
    assert_eq!((retried.status, retried.header("location")), (303, Some("/again")));
    let mut page = LoadedPage::of(&world.navigate("/").await.text());
    page.begin(&world).await;
    assert_eq!(
        world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await.status,
        200
    );
}

#[tokio::test]
async fn a_page_with_ten_frames_loads_and_too_many_at_once_do_not() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", HTML));
    let frame = [("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")];
    let mut first = LoadedPage::of(&world.navigate("/").await.text());
    for _ in 0..15 {
        assert_eq!(world.ask("GET", "/", &frame, "").await.status, 200);
    }
    // A seventeenth waits for one of the others to say hello.
    let (late, hello) = tokio::join!(world.ask("GET", "/", &frame, ""), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        first.send(&world, &[HELLO]).await
    });
    assert_eq!((late.status, hello.status), (200, 200));
    app::later(&world, Duration::from_secs(6));
    assert_eq!(
        world.navigate("/").await.status,
        200,
        "frames may be sandboxed: their silence closes nothing"
    );
}

#[tokio::test]
async fn an_aborted_page_owes_nothing() {
    let world = World::recorded().await;
    let long = format!("<html><head></head><body>{}", "x".repeat(20_000_000));
    world.target.answers("/long", page("text/html", long));
    let cookie = world.cookie();
    let headers = [NAVIGATION, &[("cookie", cookie.as_str())]].concat();
    for _ in 0..4 {
        let answer = world.open("GET", "/long", &headers, "").await;
        assert_eq!(answer.status(), 200);
        drop(answer);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    app::later(&world, Duration::from_secs(6));
    world.target.answers("/", page("text/html", HTML));
    assert_eq!(world.navigate("/").await.status, 200);
}

#[tokio::test]
async fn what_pages_show_is_kept_for_replay() {
    let world = World::recorded().await;
    world.target.answers("/style.css", page("text/css", "a{color:red}"));
    world.target.answers("/data", page("application/json", "{}"));
    assert_eq!(
        world.ask("GET", "/style.css", &[("sec-fetch-dest", "style")], "").await.text(),
        "a{color:red}"
    );
    assert_eq!(world.ask("GET", "/data", &[], "").await.text(), "{}");
    world.eventually_frames(&["asset /style.css"]).await;
    assert!(!world.frames().await.iter().any(|frame| frame == "asset /data"));
}

#[tokio::test]
async fn every_read_leaves_one_frame() {
    let world = std::sync::Arc::new(World::recorded().await);
    let asks = (0..40).map(|_| {
        let world = world.clone();
        tokio::spawn(
            async move { world.ask("GET", "/data", &[("sec-fetch-dest", "empty")], "").await.status },
        )
    });
    for ask in asks.collect::<Vec<_>>() {
        assert_eq!(ask.await.expect("runs"), 200);
    }
    world.eventually_frames(&["read GET /data 200"; 40]).await;
    assert_eq!(world.frames().await.iter().filter(|frame| frame.starts_with("read ")).count(), 40);
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_is_recorded_all_the_same() {
    let world = std::sync::Arc::new(World::recorded().await);
    let asking = tokio::spawn({
        let world = world.clone();
        async move { world.ask("GET", "/slow", &[("sec-fetch-dest", "empty")], "").await.status }
    });
    while !world.target.was_asked("/slow") {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    asking.abort();
    world.eventually_frames(&["read GET /slow 0"]).await;
}

#[tokio::test]
async fn a_full_snapshot_makes_a_page_live_and_its_claim_does_not() {
    let world = World::recorded().await;
    world.target.answers("/", page("text/html", HTML));
    let mut page = LoadedPage::of(&world.navigate("/").await.text());
    page.send(&world, &[HELLO]).await;
    let claimed = page.batch_with(&[], 1);
    assert_eq!(world.batch(claimed).await.status, 200);
    let early = world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await;
    assert_eq!(early.status, 428, "the flag alone is no snapshot");
    page.send(&world, &[SNAPSHOT]).await;
    assert_eq!(
        world.ask("POST", "/save", &[("x-chaperone", &page.proof("POST", "/save"))], "x").await.status,
        200
    );
}
