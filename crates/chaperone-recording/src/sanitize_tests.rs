use serde_json::json;

use super::*;

fn known(address: &str) -> Option<String> {
    (address == "http://erp.localhost/logo.png").then(|| "http://replay.localhost/assets/1".to_owned())
}

/// A full snapshot with this one element in it, made harmless.
fn element_after(tag: &str, attributes: Value, children: Value) -> Value {
    let node = json!({"type": 2, "id": 7, "tagName": tag, "attributes": attributes, "childNodes": children});
    let mut event =
        json!({"type": 2, "timestamp": 1, "data": {"node": {"type": 0, "id": 1, "childNodes": [node]}}});
    sanitize_event(&mut event, &known);
    event.pointer("/data/node/childNodes/0").cloned().expect("the element is there")
}

#[test]
fn elements_that_run_or_embed_become_empty() {
    for tag in ["script", "SCRIPT", "object", "embed", "base", "meta", "frame", "template", "x y"] {
        let text = json!([{"type": 3, "id": 8, "textContent": "alert(1)"}]);
        let after = element_after(
            tag,
            json!({"src": "http://evil.example/x.js", "href": "http://evil.example/"}),
            text,
        );
        assert_eq!(after["tagName"], "div", "{tag}");
        assert_eq!(after["id"], 7);
        assert!(!after.to_string().contains("evil") && !after.to_string().contains("alert"), "{after}");
    }
}

#[test]
fn handlers_and_addresses_that_run_go() {
    let attributes = json!({
        "onclick": "alert(1)", "OnLoad": "alert(1)", "formaction": "http://evil.example", "action": "/x",
        "href": " java\nscript:alert(1)", "title": "javascript:alert(1)", "class": "button", "srcdoc": "<script>",
        "ping": "http://evil.example", "data-x": "vbscript:x",
    });
    let after = element_after("a", attributes, json!([]));
    assert_eq!(after["attributes"], json!({"href": "#", "class": "button"}));
}

#[test]
fn pictures_come_from_the_recording_or_not_at_all() {
    let from = |src: &str| {
        element_after("img", json!({"src": src, "srcset": "a 1x", "alt": "x"}), json!([]))["attributes"]
            .clone()
    };
    assert_eq!(
        from("http://erp.localhost/logo.png"),
        json!({"src": "http://replay.localhost/assets/1", "alt": "x"})
    );
    assert_eq!(from("http://evil.example/track.png"), json!({"alt": "x"}));
    assert_eq!(from("data:image/png;base64,AAAA"), json!({"src": "data:image/png;base64,AAAA", "alt": "x"}));
    assert_eq!(from("data:text/html,<script>"), json!({"alt": "x"}));
    assert_eq!(from("/relative.png"), json!({"alt": "x"}));
}

#[test]
fn frames_stay_without_content_of_their_own() {
    let after = element_after(
        "iframe",
        json!({"src": "http://evil.example", "srcdoc": "x", "width": "10"}),
        json!([]),
    );
    assert_eq!(after["attributes"], json!({"width": "10"}));
}

#[test]
fn styles_fetch_from_the_recording_or_not_at_all() {
    let table = [
        (
            "a{background:url(http://erp.localhost/logo.png)}",
            "a{background:url(\"http://replay.localhost/assets/1\")}",
        ),
        ("a{background:URL( 'http://evil.example/x)y' )}", "a{background:url(\"\")}"),
        ("a{b:url(\"http://evil.example/\")}c{}", "a{b:url(\"\")}c{}"),
        ("@import 'http://evil.example/;x'; a{}", " a{}"),
        ("@import url(http://evil.example/a;b) screen; a{}", " a{}"),
        ("@IMPORT \"x\"", ""),
        ("a{filter:url(#blur)}", "a{filter:url(\"#blur\")}"),
        ("a{}</style><script>", "a{}<\\/style><script>"),
        ("ä{content:'ß'} b{background:url(x", "ä{content:'ß'} b{background:url(\"\")"),
    ];
    for (css, expected) in table {
        assert_eq!(sanitize_css(css, &known), expected, "{css}");
    }
}

#[test]
fn styles_are_found_wherever_they_are() {
    let bad = "a{b:url(http://evil.example/)}";
    let mut events = [
        json!({"type": 2, "data": {"node": {"type": 2, "id": 1, "tagName": "link", "attributes": {"_cssText": bad, "href": "http://evil.example/a.css"}, "childNodes": []}}}),
        json!({"type": 2, "data": {"node": {"type": 2, "id": 1, "tagName": "style", "attributes": {}, "childNodes": [{"type": 3, "id": 2, "textContent": bad}]}}}),
        json!({"type": 2, "data": {"node": {"type": 2, "id": 1, "tagName": "p", "attributes": {"style": "b:url(http://evil.example/)"}, "childNodes": []}}}),
        json!({"type": 3, "data": {"source": 0, "adds": [{"parentId": 1, "node": {"type": 3, "id": 2, "isStyle": true, "textContent": bad}}], "texts": [{"id": 2, "value": bad}], "attributes": [{"id": 1, "attributes": {"style": {"b": "url(http://evil.example/)", "c": ["url(http://evil.example/)", "important"]}, "src": "http://evil.example/", "onclick": "x"}}]}}),
        json!({"type": 3, "data": {"source": 8, "adds": [{"rule": bad}], "replaceSync": bad}}),
        json!({"type": 3, "data": {"source": 13, "set": {"property": "b", "value": "url(http://evil.example/)"}}}),
        json!({"type": 3, "data": {"source": 15, "styles": [{"rules": [{"rule": bad}]}]}}),
        json!({"type": 4, "data": {"href": "http://evil.example/", "width": 5, "height": 6}}),
    ];
    for event in &mut events {
        sanitize_event(event, &known);
        assert!(!event.to_string().contains("evil"), "{event}");
    }
}

#[test]
fn what_is_not_shown_leaves_its_time() {
    for kind in [json!(5), json!(6), json!("2"), json!(null)] {
        let mut event = json!({"type": kind, "timestamp": 9, "data": {"tag": "x", "payload": "<script>"}});
        sanitize_event(&mut event, &known);
        assert_eq!(event, json!({"type": 5, "timestamp": 9, "data": {"tag": "left-out", "payload": {}}}));
    }
}

#[test]
fn a_page_that_nests_deep_is_no_trouble() {
    let mut node =
        json!({"type": 2, "id": 1, "tagName": "p", "attributes": {"onclick": "x"}, "childNodes": []});
    for id in 2..200 {
        node = json!({"type": 2, "id": id, "tagName": "p", "attributes": {}, "childNodes": [node]});
    }
    let mut event = json!({"type": 2, "data": {"node": node}});
    sanitize_event(&mut event, &known);
    assert!(!event.to_string().contains("onclick"));
}
