//! Who gets in, as whom the target sees them, and what never reaches it.

use crate::support::world::{HOST, NAVIGATION};
use crate::support::{World, app};
use chaperone_domain::target::{TargetIdentity, TargetRecording};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_unknown_browser_is_led_through_the_console_with_a_nonce() {
    let world = World::everyday().await;
    let answer = world.anonymous("GET", "/vendors?x=1", NAVIGATION, "").await;
    assert_eq!(answer.status, 303);
    let location = answer.header("location").expect("leads on");
    assert!(location.starts_with("http://console.localhost:8080/enter?target="), "{location}");
    let cookie = answer.header("set-cookie").expect("a nonce");
    assert!(
        cookie.starts_with("__Host-chaperone-nonce=") && cookie.contains("; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let nonce = &cookie["__Host-chaperone-nonce=".len()..cookie.find(';').expect("ends")];
    assert!(location.contains(nonce));
    assert!(world.target.seen().is_empty());

    let again = [NAVIGATION, &[("cookie", &cookie[..cookie.find(';').expect("ends")])]].concat();
    let again = world.anonymous("GET", "/", &again, "").await;
    assert!(again.header("location").expect("leads on").contains(nonce), "tabs side by side share the nonce");
}

#[tokio::test]
async fn a_code_works_once_with_its_nonce_and_becomes_a_cookie() {
    let world = World::recorded().await;
    let nonce = "n".repeat(43);
    let code = crate::support::app::way_in(&world, &nonce).await;
    let path = format!("/.chaperone/enter?code={code}");
    let cookie = format!("__Host-chaperone-nonce={nonce}");

    let fetched = [("sec-fetch-mode", "cors"), ("cookie", cookie.as_str())];
    assert_eq!(
        world.anonymous("GET", &path, &fetched, "").await.status,
        403,
        "only a navigation may bring it"
    );

    let asked = [NAVIGATION, &[("cookie", cookie.as_str())]].concat();
    let answer = world.anonymous("GET", &path, &asked, "").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.text());
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|c| c.to_str().expect("text")).collect();
    assert!(
        cookies[0].starts_with("__Host-chaperone=")
            && cookies[0].contains("Path=/; Secure; HttpOnly; SameSite=Lax")
    );
    assert!(!cookies[0].contains("Domain"));
    assert!(cookies[1].starts_with("__Host-chaperone-nonce=;"));
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\""), "pages from before have no recorder");

    let told = app::events(&world).await.len();
    assert_eq!(world.anonymous("GET", &path, &asked, "").await.status, 403, "a code works once");
    let wrong = format!("/.chaperone/enter?code={}", "w".repeat(43));
    assert_eq!(world.anonymous("GET", &wrong, &asked, "").await.status, 403, "nobody was given this one");
    assert_eq!(app::events(&world).await[told..], ["access_refused code-invalid"; 2], "the trail has both");
    let told = app::events(&world).await.len();
    for (path, headers) in [
        ("/.chaperone/enter", asked.as_slice()),
        (wrong.as_str(), NAVIGATION),
        (wrong.as_str(), &[("sec-fetch-mode", "cors")]),
    ] {
        assert_eq!(world.anonymous("GET", path, headers, "").await.status, 403, "{path} {headers:?}");
    }
    let missing = ["access_refused code-invalid"; 3];
    assert_eq!(app::events(&world).await[told..], missing, "also what brings no code, no nonce, no page");
}

#[tokio::test]
async fn what_is_no_navigation_is_told_that_nobody_is_signed_in() {
    let world = World::everyday().await;
    let script = world.anonymous("POST", "/save", &[("sec-fetch-mode", "cors")], "x").await;
    assert_eq!((script.status, script.header("content-type")), (401, Some("application/problem+json")));
    assert!(script.json()["type"].as_str().expect("text").ends_with("/not-signed-in"));
    let form = world
        .anonymous("POST", "/save", &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], "x")
        .await;
    assert_eq!((form.status, form.header("content-type")), (401, Some("text/html; charset=utf-8")));
    assert!(world.target.seen().is_empty());
}

#[tokio::test]
async fn a_body_over_the_limit_before_sign_in_is_refused_unread() {
    let world = World::everyday().await;
    let mut stream = TcpStream::connect(world.address).await.expect("connects");
    let head = format!("POST /save HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 999999999999\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("writes");
    let mut answer = [0; 64];
    let read = tokio::time::timeout(std::time::Duration::from_secs(4), stream.read(&mut answer)).await;
    let read = read.expect("answers without reading it all").expect("reads");
    assert!(answer[..read].starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&answer[..read]));
}

#[tokio::test]
async fn smuggled_requests_are_refused() {
    let world = World::everyday().await;
    for (what, head) in [
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: erp.localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        ),
        (
            "chunks in disguise",
            "POST / HTTP/1.1\r\nHost: erp.localhost\r\nTransfer-Encoding: xchunked\r\n\r\n",
        ),
        ("two hosts", "GET / HTTP/1.1\r\nHost: erp.localhost\r\nHost: other.localhost\r\n\r\n"),
        ("another host in the line", "GET http://other.localhost/ HTTP/1.1\r\nHost: erp.localhost\r\n\r\n"),
        ("no host", "GET / HTTP/1.1\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.expect("connects");
        stream.write_all(head.as_bytes()).await.expect("writes");
        let mut answer = vec![0; 32];
        let read = stream.read(&mut answer).await.expect("reads");
        let line = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(line.starts_with("HTTP/1.1 400") || read == 0, "{what}: {line}");
    }
    assert!(world.target.seen().is_empty());
}

#[tokio::test]
async fn what_follows_a_request_with_two_lengths_is_no_request() {
    let world = World::everyday().await;
    let mut stream = TcpStream::connect(world.address).await.expect("connects");
    let head = format!(
        "POST /first HTTP/1.1\r\nHost: {HOST}\r\nCookie: {}\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {HOST}\r\nCookie: {}\r\n\r\n",
        world.cookie(),
        world.cookie()
    );
    stream.write_all(head.as_bytes()).await.expect("writes");
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).await.expect("is closed");
    assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 ").count(), 1);
    assert!(!world.target.was_asked("/smuggled"));
}

#[tokio::test]
async fn the_target_hears_from_us_alone_who_is_there() {
    let world = World::everyday().await;
    let forged = [
        ("X-Forwarded-User", "root"),
        ("X_Forwarded_User", "root"),
        ("X-Forwarded-Groups", "root"),
        ("Remote-User", "root"),
        ("Chaperone-Assertion", "root"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("X-Forwarded-Host", "evil"),
        ("Forwarded", "for=root"),
    ];
    let answer = world.ask("GET", "/who", &forged, "").await;
    assert_eq!(answer.status, 200);
    let seen = world.target.last("/who").headers;
    assert_eq!(seen["x-forwarded-user"], "erp-admin");
    assert_eq!(seen["x-forwarded-email"], "paula@example.org");
    assert_eq!(
        (&seen["x-forwarded-for"], &seen["x-forwarded-host"], &seen["x-forwarded-proto"], &seen["host"]),
        (
            &"127.0.0.1".parse().expect("a header"),
            &HOST.parse().expect("a header"),
            &"http".parse().expect("a header"),
            &HOST.parse().expect("a header")
        )
    );
    assert!(seen.values().all(|value| value != "root"), "{seen:?}");
    assert_eq!(seen["cookie"], "app=1", "our cookie stays with us");
}

#[tokio::test]
async fn identity_is_told_in_the_targets_way() {
    let world = World::everyday().await;
    world.change_target(|target| target.identity = TargetIdentity::None);
    world.ask("GET", "/a", &[("x-forwarded-user", "root")], "").await;
    assert!(!world.target.last("/a").headers.contains_key("x-forwarded-user"));
    world.change_target(|target| target.identity = TargetIdentity::Assertion);
    world.ask("GET", "/b", &[("chaperone-assertion", "forged")], "").await;
    let told = world.target.last("/b").headers["chaperone-assertion"].clone();
    assert_ne!(told, "forged");
    world.ask("GET", "/c", &[], "").await;
    assert_eq!(world.target.last("/c").headers["chaperone-assertion"], told, "signed once, used for a while");
}

#[tokio::test]
async fn an_upgrade_tells_the_target_no_forged_identity_either() {
    let world = World::everyday().await;
    let cookie = world.cookie();
    let headers = [
        ("cookie", cookie.as_str()),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("x-forwarded-user", "root"),
        ("remote_user", "root"),
    ];
    let answer = world.open("GET", "/live", &headers, "").await;
    assert_eq!(answer.status(), 101);
    let seen = world.target.last("/live").headers;
    assert_eq!(seen["x-forwarded-user"], "erp-admin");
    assert!(seen.values().all(|value| value != "root"));
    assert_eq!(seen["cookie"], "app=1");
}

#[tokio::test]
async fn who_may_not_is_told_what_to_ask_for_and_where() {
    let world = World::recorded().await;
    world.change_target(|target| target.id = chaperone_domain::ids::TargetId::new(uuid::Uuid::nil()));
    let answer = world.navigate("/").await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("not part of your session")
            && answer.text().contains("http://console.localhost:8080/my-access")
    );
    assert!(!answer.text().contains("<script"));
    assert!(answer.header("content-security-policy").expect("has one").starts_with("default-src 'none'"));
    let script = world.ask("GET", "/data", &[("sec-fetch-mode", "cors")], "").await;
    assert!(script.json()["type"].as_str().expect("text").ends_with("/target-not-in-session"));
    assert!(world.target.seen().is_empty());
    assert_eq!(
        app::events(&world).await,
        ["access_refused target-not-in-session"; 2],
        "the trail has both refusals"
    );
}

#[tokio::test]
async fn a_target_that_is_always_recorded_takes_nobody_unrecorded() {
    let world = World::everyday().await;
    world.change_target(|target| target.recording = TargetRecording::Always);
    assert_eq!(world.navigate("/").await.status, 503);
    assert!(world.target.seen().is_empty());
}

#[tokio::test]
async fn a_cookie_together_with_a_token_is_refused() {
    let world = World::everyday().await;
    let answer = world.ask("GET", "/", &[("authorization", "Bearer chp_abc")], "").await;
    assert_eq!(answer.status, 400);
    let theirs = world.ask("GET", "/theirs", &[("authorization", "Bearer other")], "").await;
    assert_eq!(theirs.status, 200);
    assert_eq!(
        world.target.last("/theirs").headers["authorization"],
        "Bearer other",
        "it belongs to the target"
    );
}

#[tokio::test]
async fn programs_are_witnessed_without_a_document_and_their_token_stays_with_us() {
    let world = World::program().await;
    let token = format!("Bearer {}", world.secret);
    let answer = world
        .anonymous("POST", "/api", &[("authorization", &token), ("content-type", "application/json")], "{}")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(!world.target.last("/api").headers.contains_key("authorization"));
    world.eventually_frames(&["opened change POST /api", "body {}", "closed done 200 2 11"]).await;
}

#[tokio::test]
async fn hosts_and_paths_that_lead_nowhere_say_so() {
    let world = World::everyday().await;
    assert_eq!(world.anonymous("GET", "/", &[("host", "unknown.localhost")], "").await.status, 404);
    for path in ["/.chaperone/", "/.chaperone/v1/other", "/.chaperone/0000000000000000/recorder.js"] {
        assert_eq!(world.ask("GET", path, &[], "").await.status, 404, "{path}");
    }
    assert!(world.target.seen().is_empty());
}

#[tokio::test]
async fn signing_out_ends_it_at_once() {
    let world = World::everyday().await;
    assert_eq!(
        world.ask("POST", "/.chaperone/sign-out", &[("sec-fetch-site", "cross-site")], "").await.status,
        404
    );
    assert_eq!(world.ask("GET", "/a", &[], "").await.status, 200);
    let answer = world.ask("POST", "/.chaperone/sign-out", &[("sec-fetch-site", "same-origin")], "").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("set-cookie").expect("clears").contains("Max-Age=0"));
    assert_eq!(world.ask("GET", "/a", &[], "").await.status, 401);
}

#[tokio::test]
async fn everyday_work_passes_as_it_is_and_leaves_no_frames() {
    let world = World::everyday().await;
    let html = "<html><head><title>x</title></head></html>";
    world.target.answers(
        "/",
        crate::support::target::page("text/html", html)
            .header("content-security-policy", "default-src 'none'")
            .header("etag", "\"1\""),
    );
    let answer = world.navigate("/").await;
    assert_eq!(answer.text(), html);
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    assert_eq!(world.ask("POST", "/save", &[], "data").await.status, 200);
    assert_eq!(world.target.last("/save").body, "data");
}

#[tokio::test]
async fn preflights_between_targets_go_on_without_anybody_and_our_header_is_allowed() {
    let world = World::everyday().await;
    world.target.answers(
        "/api",
        crate::support::target::page("text/plain", "")
            .status(204)
            .header("access-control-allow-origin", "http://erp.localhost:8080")
            .header("access-control-allow-headers", "x-own"),
    );
    let asked = |origin: &'static str| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "x-chaperone, x-own"),
            ("x-forwarded-user", "root"),
        ]
    };
    let answer = world.anonymous("OPTIONS", "/api", &asked("http://erp.localhost:8080"), "").await;
    assert_eq!(answer.status, 204);
    let allowed: Vec<_> = answer.headers.get_all("access-control-allow-headers").iter().collect();
    assert_eq!(allowed, ["x-own", "x-chaperone"]);
    let seen = world.target.last("/api").headers;
    assert_eq!(seen["access-control-request-headers"], "x-own");
    assert!(!seen.contains_key("x-forwarded-user"));

    for origin in ["http://evil.example", "null", "not an origin"] {
        assert_eq!(world.anonymous("OPTIONS", "/api", &asked(origin), "").await.status, 401, "{origin}");
    }
    assert_eq!(
        world.anonymous("OPTIONS", "/api", &[("origin", "http://erp.localhost:8080")], "").await.status,
        401
    );
}

#[tokio::test]
async fn the_first_access_of_an_interval_is_recorded_if_the_target_is_audited() {
    for audited in [true, false] {
        let world = World::everyday().await;
        world.change_target(|target| target.audit_enabled = audited);
        for _ in 0..3 {
            assert_eq!(world.ask("GET", "/vendors", NAVIGATION, "").await.status, 200);
        }
        let expected: &[&str] = if audited { &["erp.localhost"] } else { &[] };
        assert_eq!(crate::support::app::accesses(&world).await, expected, "audited: {audited}");
    }
}
