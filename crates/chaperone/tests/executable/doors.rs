//! Each host answers for itself, and no other.

use http::Method;

use crate::client::{Answer, Call};
use crate::process::{Demo, Installation, Process};

async fn serve() -> (Process, u16, Installation) {
    let installation = Installation::new("");
    let (process, port) = installation.serve().await;
    (process, port, installation)
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").starts_with("text/html")
}

#[tokio::test]
async fn an_unknown_host_gets_a_plain_page_that_says_so() {
    let (process, port, _installation) = serve().await;
    for host in ["elsewhere.example", "127.0.0.1", "console.localhost.elsewhere.example"] {
        let answer = Call::get(host, "/").header("accept", "text/html").expect(port, 404).await;
        assert!(is_page(&answer) && answer.text().contains("no application"), "{host}: {}", answer.text());
        assert!(
            !answer.headers.contains_key("location") && !answer.headers.contains_key("set-cookie"),
            "{host}"
        );
        Call::get(host, "/api/v1/me").expect(port, 404).await;
        Call::get(host, "/healthz").expect(port, 404).await;
    }
    process.stopped().await;
}

#[tokio::test]
async fn the_console_has_the_api_its_health_and_its_pages_under_a_strict_policy() {
    let (process, port, _installation) = serve().await;
    for host in ["console.localhost", "CONSOLE.localhost.", "console.localhost:8080"] {
        Call::get(host, "/healthz").expect(port, 200).await;
        Call::get(host, "/readyz").expect(port, 200).await;
    }
    let unknown = Call::get("console.localhost", "/api/v1/nothing").expect(port, 404).await;
    assert_eq!(unknown.header("content-type"), "application/problem+json");
    assert_eq!(Call::api(Method::GET, "/me").expect(port, 401).await.header("cache-control"), "no-store");

    // The address of a page inside the console is the console; with web/console/dist missing a page says what to do.
    let page = Call::get("console.localhost", "/privileged-sessions").send(port).await.expect("an answer");
    assert!(is_page(&page), "{}", page.text());
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("script-src 'unsafe"), "{policy}");
    match page.status {
        200 => {
            assert!(policy.contains("script-src 'self';"), "{policy}");
            assert!(policy.contains("frame-src http://replay.localhost;"), "{policy}");
            let script = page
                .text()
                .split("src=\"/")
                .nth(1)
                .and_then(|rest| rest.split('"').next().map(str::to_owned));
            let script = format!("/{}", script.expect("the page has a script"));
            let file = Call::get("console.localhost", &script).expect(port, 200).await;
            assert!(file.header("content-type").starts_with("text/javascript"));
            assert!(file.header("cache-control").contains("immutable"), "{:?}", file.headers);
        }
        503 => assert!(page.text().contains("cargo xtask"), "{}", page.text()),
        other => panic!("{other}: {}", page.text()),
    }
    Call::get("console.localhost", "/assets/of-another-version.js").expect(port, 404).await;
    for path in ["/../Cargo.toml", "/assets/../../../Cargo.toml", "/assets/%2e%2e/%2e%2e/Cargo.toml"] {
        let answer = Call::get("console.localhost", path).send(port).await.expect("an answer");
        assert!(!answer.text().contains("[package]"), "{path}");
    }
    process.stopped().await;
}

#[tokio::test]
async fn the_replay_host_knows_neither_the_api_nor_cookies() {
    let (process, port, _installation) = serve().await;
    for path in [
        "/",
        "/api/v1/me",
        "/healthz",
        "/enter",
        "/assets/x/y",
        "/frame/nothing.js",
        "/frame/.%2e/index.html",
    ] {
        let answer =
            Call::get("replay.localhost", path).header("cookie", "a=b").send(port).await.expect("an answer");
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
    }
    let asset = format!("/assets/{}/{}?expires=99999999999&signature=AAAA", "0".repeat(36), "0".repeat(64));
    Call::get("replay.localhost", &asset).expect(port, 404).await;
    let frame = Call::get("replay.localhost", "/frame/index.html").send(port).await.expect("an answer");
    if frame.status == 200 {
        let policy = frame.header("content-security-policy");
        assert!(policy.contains("frame-ancestors http://console.localhost"), "{policy}");
        assert!(policy.contains("connect-src 'none'") && policy.contains("default-src 'none'"), "{policy}");
    }
    process.stopped().await;
}

#[tokio::test]
async fn a_target_answers_strangers_by_the_way_to_the_console() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = Demo::start(data.path(), &[], &[]).await;
    let host = format!("erp.localhost:{}", demo.port);
    let navigation = Call::get(&host, "/vendors")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
        .header("accept", "text/html");
    let answer = navigation.expect(demo.port, 303).await;
    let to = answer.header("location");
    assert!(to.starts_with(&format!("http://console.localhost:{}/enter?target=", demo.port)), "{to}");
    assert!(answer.header("set-cookie").starts_with("__Host-chaperone-nonce="), "{:?}", answer.headers);
    for path in ["/api/v1/me", "/readyz", "/enter"] {
        let answer = Call::get(&host, path).expect(demo.port, 401).await;
        assert!(!answer.text().contains("erp-admin"), "{path}");
    }
    demo.process.stopped().await;
}
