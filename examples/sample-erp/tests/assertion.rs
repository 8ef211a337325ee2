//! Behind a gateway, only a right assertion opens the ERP.

mod support;

use http::StatusCode;
use sample_erp::{Erp, Identity, Keys};
use serde_json::{Value, json};
use support::{AUDIENCE, Browser, Signer, behind_a_gateway, claims, config, now};

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims("erp-admin", "paula");
    change(&mut claims);
    claims
}

#[tokio::test]
async fn every_wrong_assertion_is_refused_with_the_same_plain_page() {
    let (erp, signer) = behind_a_gateway().await;
    let stranger = Signer::new("k1");
    let unknown = Signer::new("k2");
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "k1"});
    let right = claims("erp-admin", "paula");
    let now = now().as_second();
    let mut broken_signature = signer.assertion("erp-admin", "paula");
    let last = if broken_signature.ends_with('A') { "B" } else { "A" };
    broken_signature.replace_range(broken_signature.len() - 4..=broken_signature.len() - 4, last);

    let refused: Vec<(&str, Option<String>)> = vec![
        ("no assertion", None),
        ("nonsense", Some("nonsense".into())),
        ("expired", Some(signer.token(&header, &with(|c| c["exp"] = json!(now - 1))))),
        ("expiring now", Some(signer.token(&header, &with(|c| c["exp"] = json!(now))))),
        ("from the future", Some(signer.token(&header, &with(|c| c["iat"] = json!(now + 61))))),
        ("another audience", Some(signer.token(&header, &with(|c| c["aud"] = json!("crm.localhost:8080"))))),
        (
            "no audience",
            Some(signer.token(
                &header,
                &with(|c| {
                    c.as_object_mut().unwrap().remove("aud");
                }),
            )),
        ),
        (
            "no account",
            Some(signer.token(
                &header,
                &with(|c| {
                    c.as_object_mut().unwrap().remove("sub");
                }),
            )),
        ),
        ("another key of the same id", Some(stranger.assertion("erp-admin", "paula"))),
        ("an unknown key id", Some(unknown.assertion("erp-admin", "paula"))),
        ("no key id", Some(signer.token(&json!({"alg": "EdDSA"}), &right))),
        ("algorithm none", Some(signer.token(&json!({"alg": "none", "kid": "k1"}), &right))),
        ("algorithm HS256", Some(signer.token(&json!({"alg": "HS256", "kid": "k1"}), &right))),
        ("a broken signature", Some(broken_signature)),
        (
            "no signature",
            Some(signer.assertion("erp-admin", "paula").rsplit_once('.').unwrap().0.to_owned() + "."),
        ),
    ];
    for (what, token) in refused {
        let mut browser = Browser::new(&erp);
        if let Some(token) = token {
            browser = browser.with("chaperone-assertion", token);
        }
        for path in ["/", "/api/changes", "/assets/app.css", "/lab/echo", "/sign-in", "/nowhere"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}: {path}");
            assert!(answer.text().contains("only reachable through its gateway"), "{what}: {path}");
        }
    }
    let twice = Browser::new(&erp)
        .with("chaperone-assertion", signer.assertion("a", "a"))
        .with("chaperone-assertion", signer.assertion("b", "b"));
    assert_eq!(twice.get("/").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_right_assertion_says_who_the_account_and_the_user_behind_it_are() {
    let (erp, signer) = behind_a_gateway().await;
    let browser = Browser::new(&erp).with("chaperone-assertion", signer.assertion("erp-admin", "paula"));
    let me = browser.get("/api/me").await.json();
    assert_eq!((&me["account"], &me["user"]), (&json!("erp-admin"), &json!("paula")));
    assert_eq!((&me["name"], &me["sign_in"]), (&json!("Name of erp-admin"), &json!("0190-sign-in")));
    let page = browser.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("used by paula"));
}

#[tokio::test]
async fn keys_are_fetched_from_the_gateway_when_first_needed() {
    // The lab's own sink cannot serve a key set, so a one-answer server stands in for the gateway's console.
    let signer = Signer::new("rotated-1");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let jwks = signer.jwks();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0_u8; 2048];
            let read = stream.read(&mut head).await.unwrap();
            assert!(head[..read].starts_with(b"GET /.well-known/jwks.json HTTP/1.1\r\n"));
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{jwks}", jwks.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let keys = Keys::Url(format!("http://console.localhost:{}/.well-known/jwks.json", address.port()));
    let erp = Erp::start(config(Identity::Assertion { keys, audience: AUDIENCE.into() })).await.unwrap();
    let known = Browser::new(&erp).with("chaperone-assertion", signer.assertion("nora", "nora"));
    assert_eq!(known.get("/").await.status, StatusCode::OK);
    let unknown =
        Browser::new(&erp).with("chaperone-assertion", Signer::new("rotated-2").assertion("nora", "nora"));
    assert_eq!(unknown.get("/").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_key_address_that_cannot_be_used_is_refused_at_the_start() {
    for url in ["https://console.example/jwks", "ftp://console.example/jwks", "nonsense"] {
        let identity = Identity::Assertion { keys: Keys::Url(url.into()), audience: AUDIENCE.into() };
        assert!(Erp::start(config(identity)).await.is_err(), "{url}");
    }
}
