//! Requests that mean two things, identities that clients make up, and what is left of the rest.

use super::*;
use http::Request;

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn sent(headers: &[(&str, &str)]) -> HeaderMap {
    let mut headers = parts("GET", "/", headers).headers;
    to_target(&mut headers, CameBy { authority: "erp.test:8080", scheme: "https", client: "192.0.2.7" });
    headers
}

#[test]
fn requests_that_could_mean_two_things_are_refused() {
    type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], BadRequest);
    let rows: &[Row<'_>] = &[
        (
            "POST",
            "/",
            &[("host", "a"), ("content-length", "3"), ("transfer-encoding", "chunked")],
            BadRequest::Length,
        ),
        ("POST", "/", &[("host", "a"), ("content-length", "3"), ("content-length", "3")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("content-length", "3, 3")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("content-length", "+3")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("content-length", "-1")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("content-length", "")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("content-length", "1234567890123456789")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("transfer-encoding", "gzip, chunked")], BadRequest::Length),
        ("POST", "/", &[("host", "a"), ("transfer-encoding", "xchunked")], BadRequest::Length),
        (
            "POST",
            "/",
            &[("host", "a"), ("transfer-encoding", "chunked"), ("transfer-encoding", "identity")],
            BadRequest::Length,
        ),
        ("GET", "/", &[], BadRequest::Host),
        ("GET", "/", &[("host", "a"), ("host", "b")], BadRequest::Host),
        ("GET", "http://b/", &[("host", "a")], BadRequest::Host),
        ("GET", "/", &[("host", "a b")], BadRequest::Host),
        ("GET", "/", &[("host", "user@a")], BadRequest::Host),
        ("GET", "/", &[("host", "a:99999")], BadRequest::Host),
        ("GET", "/", &[("host", "a:+80")], BadRequest::Host),
        ("GET", "/", &[("host", "a:")], BadRequest::Host),
        ("GET", "/", &[("host", "")], BadRequest::Host),
        ("TRACE", "/", &[("host", "a")], BadRequest::Method),
        ("CONNECT", "a:80", &[("host", "a")], BadRequest::Method),
        ("OPTIONS", "*", &[("host", "a")], BadRequest::Path),
    ];
    for (method, uri, headers, expected) in rows {
        assert_eq!(check(&parts(method, uri, headers)), Err(*expected), "{method} {uri} {headers:?}");
    }
    let long = format!("/{}", "a".repeat(PATH_MAX_BYTES));
    assert_eq!(check(&parts("GET", &long, &[("host", "a")])), Err(BadRequest::Path));
    let huge = "a".repeat(REQUEST_HEADERS_MAX_BYTES);
    assert_eq!(check(&parts("GET", "/", &[("host", "a"), ("x", &huge)])), Err(BadRequest::TooLarge));
    let many = vec![("x-a", "1"); HEADERS_MAX_COUNT + 1];
    assert_eq!(check(&parts("GET", "/", &many)), Err(BadRequest::TooLarge));
}

#[test]
fn clear_requests_are_taken_over_both_protocols() {
    for (uri, headers, name, authority) in [
        ("/x?y", &[("host", "ERP.Test:8080"), ("content-length", "0")][..], "erp.test", "erp.test:8080"),
        ("https://erp.test/x", &[][..], "erp.test", "erp.test"),
        (
            "http://erp.test:80/x",
            &[("host", "erp.test:80"), ("transfer-encoding", "Chunked")][..],
            "erp.test",
            "erp.test:80",
        ),
    ] {
        let host = check(&parts("POST", uri, headers)).expect("clear");
        assert_eq!((host.name.as_str(), host.authority.as_str()), (name, authority));
    }
}

#[test]
fn whoever_a_client_claims_to_be_the_target_does_not_hear_it() {
    let forged = [
        "x-forwarded-user",
        "x-forwarded-email",
        "x-forwarded-groups",
        "x_forwarded_user",
        "X-Forwarded_User",
        "x-forwarded-preferred-username",
        "remote-user",
        "Remote_User",
        "x-remote-user",
        "x-webauth-user",
        "x-auth-request-user",
        "chaperone-assertion",
        "chaperone_assertion",
        "x-chaperone",
        "x-chaperone-user",
        "chaperone-authorization",
        "forwarded",
        "x-real-ip",
        "true-client-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-prefix",
        "x-ssl-client-cert",
    ];
    for name in forged {
        let headers = sent(&[("host", "a"), (name, "erp-admin")]);
        assert!(headers.values().all(|value| value != "erp-admin"), "{name}");
    }
}

#[test]
fn how_the_client_came_is_told_by_us_alone() {
    let headers = sent(&[
        ("host", "inside"),
        ("x-forwarded-host", "evil"),
        ("x-forwarded-proto", "gopher"),
        ("x-forwarded-for", "6.6.6.6"),
        ("accept", "text/html"),
        ("x-csrf-token", "stays"),
        ("authorization", "Basic dGFyZ2V0"),
    ]);
    assert_eq!(headers[HOST], "erp.test:8080");
    assert_eq!(headers["x-forwarded-host"], "erp.test:8080");
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
    assert_eq!(headers["x-csrf-token"], "stays");
    assert_eq!(headers["authorization"], "Basic dGFyZ2V0");
    assert_eq!(headers["accept"], "text/html");
}

#[test]
fn what_belongs_to_a_connection_stays_with_it() {
    let headers = sent(&[
        ("host", "a"),
        ("connection", "close, X-Private, host, cookie"),
        ("x-private", "1"),
        ("keep-alive", "1"),
        ("te", "trailers"),
        ("upgrade", "h2c"),
        ("proxy-authorization", "x"),
        ("cookie", "a=1"),
    ]);
    for name in ["connection", "x-private", "keep-alive", "upgrade", "proxy-authorization"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert_eq!(headers["te"], "trailers");
    assert_eq!(headers["cookie"], "a=1", "a client cannot have the session taken away by naming it");
}

#[test]
fn our_cookies_and_tokens_never_reach_a_target() {
    let headers = sent(&[
        ("cookie", "a=1; __Host-chaperone=secret; b=\"x=y\""),
        ("cookie", "__Host-chaperone-nonce=n"),
        ("cookie", "c"),
    ]);
    assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=\"x=y\"; c"]);
    assert!(!sent(&[("cookie", "__Host-chaperone=secret")]).contains_key(COOKIE));
    for value in ["Bearer chp_secret", "chp_secret", "bearer  chp_secret", "Basic chp_secret"] {
        assert!(!sent(&[("authorization", value)]).contains_key("authorization"), "{value}");
    }
}

#[test]
fn tokens_are_ours_by_their_prefix_only() {
    let found =
        |name: &str, value: &str| token(&parts("GET", "/", &[(name, value)]).headers).map(str::to_owned);
    assert_eq!(found("authorization", "Bearer chp_abc").as_deref(), Some("chp_abc"));
    assert_eq!(found("chaperone-authorization", "Bearer chp_abc").as_deref(), Some("chp_abc"));
    assert_eq!(found("chaperone-authorization", "chp_abc").as_deref(), Some("chp_abc"));
    assert_eq!(found("authorization", "Bearer eyJ"), None);
    assert_eq!(found("authorization", "Basic chp_abc"), None);
}

#[test]
fn a_cookie_is_found_by_its_whole_name() {
    let headers = parts(
        "GET",
        "/",
        &[("cookie", "x__Host-chaperone=no; __Host-chaperone-nonce=n"), ("cookie", "__Host-chaperone=yes")],
    )
    .headers;
    assert_eq!(cookie(&headers, COOKIE_NAME), Some("yes"));
    assert_eq!(cookie(&headers, NONCE_COOKIE_NAME), Some("n"));
    assert_eq!(cookie(&headers, "other"), None);
}

#[test]
fn a_get_that_asks_for_another_method_is_a_change() {
    let change = |method: &str, headers: &[(&str, &str)]| {
        let parts = parts(method, "/", headers);
        is_change(&parts.method, &parts.headers)
    };
    assert!(change("POST", &[]) && change("DELETE", &[]) && change("PROPFIND", &[]));
    assert!(!change("GET", &[]) && !change("HEAD", &[]) && !change("OPTIONS", &[]));
    assert!(change("GET", &[("x-http-method-override", "DELETE")]));
    assert!(change("GET", &[("x_http_method_override", "DELETE")]));
}

#[test]
fn a_target_speaks_neither_in_our_name_nor_about_other_ways() {
    let mut headers = parts(
        "GET",
        "/",
        &[
            ("alt-svc", "h3=\":443\""),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("x-chaperone-mac", "x"),
            ("chaperone-x", "x"),
            ("set-cookie", "a=1"),
            ("set-cookie", " __Host-chaperone=evil; Secure"),
            ("set-cookie", "b=2"),
            ("content-type", "text/html"),
        ],
    )
    .headers;
    to_client(&mut headers);
    assert_eq!(headers.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(headers.len(), 3, "{headers:?}");
}

#[test]
fn web_sockets_are_known_by_their_upgrade() {
    assert!(is_websocket(&parts("GET", "/", &[("upgrade", "WebSocket"), ("connection", "Upgrade")])));
    assert!(!is_websocket(&parts("POST", "/", &[("upgrade", "websocket")])));
    assert!(!is_websocket(&parts("GET", "/", &[("upgrade", "h2c")])));
}
