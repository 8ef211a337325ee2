//! What is refused before any use case: credentials, calls from other sites, bodies, parameters.

use axum::body::Body;
use chaperone_api::CONSOLE_COOKIE_NAME;
use serde_json::json;

use crate::world::{As, CONSOLE, PASSWORD, World};

#[tokio::test]
async fn the_consoles_cookie_is_bound_to_its_host_and_out_of_reach_of_scripts() {
    let world = World::new().await;
    let body = json!({"user_name": "ANNA", "password": PASSWORD});
    let answer = world.call(&As::Nobody, "POST", "/sign-in", Some(body)).await;
    let cookie = answer.headers["set-cookie"].to_str().expect("text");
    assert!(cookie.starts_with("__Host-"), "{cookie}");
    for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(!answer.text.contains(PASSWORD));
}

#[tokio::test]
async fn a_wrong_pair_is_answered_alike_whatever_is_wrong() {
    let world = World::new().await;
    for (name, password) in [("anna", "wrong"), ("nobody-of-that-name", PASSWORD), ("", "")] {
        let body = json!({"user_name": name, "password": password});
        let answer = world.call(&As::Nobody, "POST", "/sign-in", Some(body)).await;
        assert_eq!((answer.status, answer.rule().as_str()), (401, "sign-in-failed"), "{name}");
    }
    for _ in 0..20 {
        let body = json!({"user_name": "anna", "password": "wrong"});
        world.call(&As::Nobody, "POST", "/sign-in", Some(body)).await;
    }
    let body = json!({"user_name": "anna", "password": PASSWORD});
    let answer = world.call(&As::Nobody, "POST", "/sign-in", Some(body)).await;
    assert_eq!((answer.status, answer.rule().as_str()), (429, "too-many-attempts"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let world = World::new().await;
    let As::Console(secret, csrf) = world.sign_in("anna", PASSWORD).await else { panic!("a console") };
    let cookie = ("cookie", format!("{CONSOLE_COOKIE_NAME}={secret}"));
    let origin = |origin: &str| ("origin", origin.to_owned());
    let token = ("x-chaperone-csrf", csrf.clone());
    let attempts = [
        vec![cookie.clone()],
        vec![cookie.clone(), origin(CONSOLE)],
        vec![cookie.clone(), token.clone()],
        vec![cookie.clone(), origin("http://evil.localhost:8080"), token.clone()],
        vec![cookie.clone(), origin("null"), token.clone()],
        vec![cookie.clone(), origin(CONSOLE), ("x-chaperone-csrf", "x".repeat(csrf.len()))],
        vec![cookie.clone(), ("sec-fetch-site", "same-site".to_owned()), token.clone()],
    ];
    for headers in attempts {
        let who = As::Headers(headers.clone());
        let answer = world.call(&who, "PATCH", "/organization", Some(json!({"name": "Evil"}))).await;
        assert_eq!((answer.status, answer.rule().as_str()), (403, "cross-site-call"), "{headers:?}");
    }
    let who = As::Headers(vec![cookie.clone(), origin(CONSOLE), token.clone()]);
    assert_eq!(
        world.call(&who, "PATCH", "/organization", Some(json!({"name": "Larkfell"}))).await.status,
        200
    );
    let both = As::Headers(vec![cookie, ("authorization", format!("Bearer {}", world.anna.token))]);
    assert_eq!(world.call(&both, "GET", "/me", None).await.rule(), "two-credentials");
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let world = World::new().await;
    let who = As::Headers(vec![("origin", "http://evil.example".to_owned())]);
    let body = json!({"user_name": "anna", "password": PASSWORD});
    assert_eq!(world.call(&who, "POST", "/sign-in", Some(body)).await.rule(), "cross-site-call");
}

#[tokio::test]
async fn bodies_are_read_strictly_and_never_beyond_the_limit() {
    let world = World::new().await;
    let anna = As::Token(world.anna.token.clone());
    let send = |kind: Option<&'static str>, body: Vec<u8>| {
        let (world, anna) = (&world, &anna);
        async move {
            let answer = world.send(anna, "PATCH", "/api/v1/organization", kind, Body::from(body)).await;
            (answer.status, answer.rule())
        }
    };
    let json = Some("application/json");
    assert_eq!(send(json, b"{\"nmae\": \"x\"}".to_vec()).await, (422, "wrong-body".to_owned()));
    assert_eq!(send(json, b"{\"name\": 7}".to_vec()).await, (422, "wrong-body".to_owned()));
    assert_eq!(send(json, b"{\"name\"".to_vec()).await, (400, "not-json".to_owned()));
    assert_eq!(send(None, b"{}".to_vec()).await, (415, "not-json".to_owned()));
    assert_eq!(send(Some("text/plain"), b"{}".to_vec()).await, (415, "not-json".to_owned()));
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(chaperone_api::BODY_MAX_BYTES));
    assert_eq!(send(json, large.clone().into_bytes()).await, (413, "body-too-large".to_owned()));

    // Before anybody is signed in nothing large is read at all.
    let large = Body::from(large);
    let answer = world.send(&As::Nobody, "POST", "/api/v1/sign-in", json, large).await;
    assert_eq!((answer.status, answer.rule().as_str()), (413, "body-too-large"));
    let name = world.by(&world.anna, "GET", "/organization", None).await.text("name");
    assert_eq!(name, "My organization", "nothing changed");
}

#[tokio::test]
async fn parameters_are_read_strictly() {
    let world = World::new().await;
    for (path, rule) in [
        ("/users?limt=5", "wrong-parameter"),
        ("/users?limit=five", "wrong-parameter"),
        ("/users?limit=0", "limit-range"),
        ("/users?limit=501", "limit-range"),
        ("/users?after=x", "not-a-cursor"),
        ("/privileged-sessions?status=Open", "unknown-value"),
        ("/privileged-sessions?user_id=1", "not-an-id"),
        ("/sign-ins?start=yesterday", "not-an-instant"),
        ("/sign-ins?start=2026-11-20T00:00:00Z&end=2026-11-19T00:00:00Z", "end-not-after-start"),
    ] {
        let answer = world.by(&world.anna, "GET", path, None).await;
        assert_eq!((answer.status, answer.rule().as_str()), (422, rule), "{path}");
    }
    let both = world.by(&world.anna, "GET", "/privileged-sessions?status=Draft&status=Active", None).await;
    assert_eq!(both.status, 200);
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::new().await;
    assert_eq!(world.by(&world.anna, "GET", "/nothing", None).await.rule(), "no-such-route");
    assert_eq!(world.by(&world.anna, "PUT", "/organization", None).await.rule(), "wrong-method");
    let health = world.send(&As::Nobody, "GET", "/healthz", None, Body::empty()).await;
    assert_eq!((health.status, health.text.as_str()), (200, "ok\n"));
    let ready = world.send(&As::Nobody, "GET", "/readyz", None, Body::empty()).await;
    assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"));
    let keys = world.send(&As::Nobody, "GET", "/.well-known/jwks.json", None, Body::empty()).await;
    assert_eq!(keys.json()["keys"][0]["crv"], "Ed25519");
}
