//! Each test is a way in which a page could reach whoever watches it.

use super::*;

const EVIL: &str = "http://evil.example/";

fn known(address: &str) -> Option<String> {
    (address == "http://erp.localhost/logo.png").then(|| "http://replay.localhost/assets/1".to_owned())
}

/// The events of one document, made harmless.
fn all(mut events: Vec<Value>) -> Vec<Value> {
    let mut sanitizer = Sanitizer::new(&known);
    events.iter_mut().for_each(|event| sanitizer.event(event));
    events
}

fn snapshot(node: Value) -> Value {
    json!({"type": 2, "timestamp": 1, "data": {"node": {"type": 0, "id": 1, "childNodes": [node]}}})
}

fn node(id: i64, tag: &str, attributes: Value, children: Value) -> Value {
    json!({"type": 2, "id": id, "tagName": tag, "attributes": attributes, "childNodes": children})
}

fn mutation(what: Value) -> Value {
    let mut data = json!({"source": 0, "adds": [], "attributes": [], "texts": [], "removes": []});
    data.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
    json!({"type": 3, "timestamp": 2, "data": data})
}

/// A full snapshot with this one element in it, made harmless.
fn element_after(tag: &str, attributes: Value, children: Value) -> Value {
    let events = all(vec![snapshot(node(7, tag, attributes, children))]);
    events[0].pointer("/data/node/childNodes/0").cloned().expect("the element is there")
}

fn attributes_after(tag: &str, attributes: Value) -> Value {
    element_after(tag, attributes, json!([]))["attributes"].clone()
}

/// What becomes of an attribute that is changed later, on an element of this name.
fn changed_after(tag: &str, attributes: Value) -> Value {
    let change = mutation(json!({"attributes": [{"id": 7, "attributes": attributes}]}));
    let events = all(vec![snapshot(node(7, tag, json!({}), json!([]))), change]);
    events[1].pointer("/data/attributes/0/attributes").cloned().expect("the change is there")
}

fn css(css: &str) -> String {
    super::css::sanitize(css, &known)
}

#[test]
fn elements_that_run_or_embed_become_empty() {
    let tags = [
        "script",
        "SCRIPT",
        "noscript",
        "object",
        "embed",
        "base",
        "meta",
        "frame",
        "frameset",
        "template",
        "x y",
        "svg:script",
        "a:b:SCRIPT",
        "x:iframe",
        "",
        "bad<tag",
    ];
    for tag in tags {
        let text = json!([{"type": 3, "id": 8, "textContent": "alert(1)"}]);
        let attributes = json!({"src": EVIL, "href": EVIL, "http-equiv": "refresh", "content": "0;url=http://evil.example/"});
        let after = element_after(tag, attributes, text);
        assert_eq!((&after["tagName"], &after["id"]), (&json!("div"), &json!(7)), "{tag}");
        assert!(!after.to_string().contains("evil") && !after.to_string().contains("alert"), "{after}");
    }
}

#[test]
fn a_name_that_is_no_text_is_not_made_one() {
    let mut script = node(7, "p", json!({"onclick": "x"}), json!([]));
    for tag in [json!(["script"]), json!({"a": 1}), json!(5), json!(null)] {
        script["tagName"] = tag;
        let after = all(vec![snapshot(script.clone())]);
        assert_eq!(after[0].pointer("/data/node/childNodes/0/tagName"), Some(&json!("div")));
    }
}

#[test]
fn elements_that_come_later_are_looked_at_as_well() {
    let bad = node(
        9,
        "div",
        json!({"onclick": "alert(1)"}),
        json!([node(10, "script", json!({"src": EVIL}), json!([]))]),
    );
    let events = all(vec![mutation(json!({"adds": [{"parentId": 1, "nextId": null, "node": bad}]}))]);
    let text = events[0].to_string();
    assert!(!text.contains("evil") && !text.contains("onclick") && !text.contains("script"), "{text}");
}

#[test]
fn handlers_and_addresses_that_run_go() {
    let attributes = json!({
        "onclick": "alert(1)", "OnLoad": "alert(1)", "formaction": EVIL, "action": "/x", "target": "_top",
        "href": " java\nscript:alert(1)", "title": "javascript:alert(1)", "class": "button", "srcdoc": "<script>",
        "ping": EVIL, "data-x": "vbscript:x", "a b": "x", "a/onclick": "x", "a=b": "x", "": "x", "nonce": "x",
    });
    assert_eq!(attributes_after("a", attributes.clone()), json!({"href": "#", "class": "button"}));
    assert_eq!(changed_after("a", attributes), json!({"href": "#", "class": "button"}));
}

#[test]
fn links_and_forms_lead_nowhere() {
    for tag in ["a", "area", "svg", "q"] {
        assert_eq!(
            attributes_after(tag, json!({"href": EVIL, "xlink:href": EVIL})),
            json!({"href": "#", "xlink:href": "#"})
        );
        assert_eq!(changed_after(tag, json!({"href": EVIL})), json!({"href": "#"}));
    }
    assert_eq!(
        attributes_after("form", json!({"action": EVIL, "method": "post", "target": "_top"})),
        json!({"method": "post"})
    );
    let parts = json!({"href": "#icon", "xlink:href": "#icon"});
    assert_eq!(attributes_after("use", parts.clone()), parts, "parts of the page itself stay");
}

#[test]
fn an_animation_cannot_set_an_address() {
    for name in ["href", "xlink:HREF", " onclick", "src"] {
        assert_eq!(attributes_after("set", json!({"attributeName": name, "id": "x"})), json!({"id": "x"}));
        assert_eq!(changed_after("animate", json!({"attributeName": name})), json!({}));
    }
    let turning = json!({"attributeName": "transform", "values": "0;360"});
    assert_eq!(attributes_after("animateTransform", turning.clone()), turning);
}

#[test]
fn values_that_are_no_texts_are_not_made_some() {
    let attributes = json!({"src": [EVIL], "style": ["a:url(http://evil.example/)"], "href": ["javascript:x"],
        "title": {"toString": "x"}, "checked": true, "rr_scrollTop": 5, "alt": null});
    assert_eq!(attributes_after("img", attributes), json!({"checked": true, "rr_scrollTop": 5, "alt": null}));
    let style = node(
        7,
        "style",
        json!({"_cssText": ["@import 'http://evil.example/'"]}),
        json!([{"type": 3, "id": 8, "textContent": ["@import 'http://evil.example/'"]}]),
    );
    let later = mutation(json!({"texts": [{"id": 8, "value": ["@import 'http://evil.example/'"]}]}));
    let events = all(vec![snapshot(style), later]);
    assert!(events.iter().all(|event| !event.to_string().contains("evil")), "{events:?}");
}

#[test]
fn pictures_come_from_the_recording_or_not_at_all() {
    let from = |src: &str| attributes_after("img", json!({"src": src, "srcset": "a 1x", "alt": "x"}));
    let replayed = json!({"src": "http://replay.localhost/assets/1", "alt": "x"});
    assert_eq!(from("http://erp.localhost/logo.png"), replayed);
    assert_eq!(changed_after("img", json!({"src": "http://erp.localhost/logo.png", "alt": "x"})), replayed);
    for gone in [
        EVIL,
        "//evil.example/x",
        "data:text/html,<script>",
        "/relative.png",
        "blob:http://erp.localhost/1",
        "HTTP:evil.example",
    ] {
        assert_eq!(from(gone), json!({"alt": "x"}), "{gone}");
    }
    assert_eq!(from("data:image/png;base64,AAAA"), json!({"src": "data:image/png;base64,AAAA", "alt": "x"}));
    for (tag, name) in [("video", "poster"), ("body", "background"), ("source", "src"), ("img", "rr_src")] {
        assert_eq!(attributes_after(tag, json!({ name: EVIL })), json!({}), "{tag} {name}");
    }
    assert_eq!(
        attributes_after("link", json!({"rel": "preload", "href": EVIL})),
        json!({"rel": "preload", "href": "#"})
    );
    let long = format!("data:image/png;base64,{}", "A".repeat(DATA_ADDRESS_MAX_BYTES));
    assert_eq!(from(&long), json!({"alt": "x"}));
}

#[test]
fn frames_stay_without_content_of_their_own() {
    let picture = "data:image/svg+xml,<svg onload='alert(1)'/>";
    for src in [EVIL, picture, "http://erp.localhost/logo.png"] {
        let attributes = json!({"src": src, "rr_src": src, "srcdoc": "x", "allow": "camera", "width": "10"});
        assert_eq!(attributes_after("iframe", attributes.clone()), json!({"width": "10"}));
        assert_eq!(changed_after("IFRAME", attributes), json!({"width": "10"}));
    }
}

#[test]
fn a_frame_is_remembered_whatever_is_said_of_its_number_later() {
    let change = |id: Value| {
        mutation(json!({"attributes": [{"id": id, "attributes": {"src": "data:image/svg+xml,x"}}]}))
    };
    let events = all(vec![
        snapshot(node(7, "iframe", json!({}), json!([]))),
        mutation(json!({"adds": [{"parentId": 1, "node": node(7, "img", json!({}), json!([]))}]})),
        change(json!(7)),
        change(json!(7.0)),
        change(json!("7")),
        change(json!([7])),
    ]);
    for event in &events[2..] {
        assert_eq!(event.pointer("/data/attributes/0/attributes"), Some(&json!({})));
    }
}

#[test]
fn styles_fetch_from_the_recording_or_not_at_all() {
    let table = [
        ("a{b:url(http://erp.localhost/logo.png)}", "a{b:url(\"http://replay.localhost/assets/1\")}"),
        ("a{b:url(http://erp.localhost/logo.png#x)}", "a{b:url(\"http://replay.localhost/assets/1#x\")}"),
        ("a{b:URL( 'http://evil.example/)y' )}", "a{b:url(\"\")}"),
        ("a{b:url(\"http://evil.example/\")}c{}", "a{b:url(\"\")}c{}"),
        ("@import 'http://evil.example/;x'; a{}", "@removed \"http://evil.example/;x\"; a{}"),
        ("@import url(http://evil.example/a;b) screen; a{}", "@removed url(\"\") screen; a{}"),
        ("a{filter:url(#blur)}", "a{filter:url(\"#blur\")}"),
        ("a{}</style><script>", "a{}< /style><script>"),
        ("ä{content:'ß'} b{background:url(x", "ä{content:\"ß\"} b{background:url(\"\")"),
        ("a{width:calc(1px + 2px)} /* url(x) */ b>c{}", "a{width:calc(1px + 2px)} /**/ b>c{}"),
        (
            "@media (min-width:1px){a::before{content:\"\\201c\"}}",
            "@media (min-width:1px){a::before{content:\"\u{201c}\"}}",
        ),
        (".md\\:flex{display:flex}", ".md\\:flex{display:flex}"),
        ("a{b:url(data:image/png;base64,AA==)}", "a{b:url(\"data:image/png;base64,AA==\")}"),
        (
            "@font-face{src:url(data:font/woff2;base64,AA)}",
            "@font-face{src:url(\"data:font/woff2;base64,AA\")}",
        ),
    ];
    for (given, expected) in table {
        assert_eq!(css(given), expected, "{given}");
    }
}

#[test]
fn a_style_cannot_hide_an_address() {
    let tricks = [
        // A name with escapes is the same name.
        r"a{b:u\72l(http://evil.example/)}",
        r"a{b:\000075\052 l(http://evil.example/)}",
        r"@\69mport 'http://evil.example/';",
        r"@IMPORT'http://evil.example/';",
        // Functions that take an address as a string.
        "a{b:image-set('http://evil.example/' 1x)}",
        "a{b:-webkit-image-set('http://evil.example/' 1x)}",
        "a{b:image('http://evil.example/')}",
        "a{b:src('http://evil.example/')}",
        r"a{b:im\61ge-set('http://evil.example/' 1x)}",
        // What looks like a string or a comment, and is none.
        "a{b:'\n;c:url(http://evil.example/);d:'}",
        "a{b:'\\\\';c:url(http://evil.example/)}",
        "a{b:\"\u{c};c:url(http://evil.example/)}",
        "/*/ url(x) */ a{b:url(http://evil.example/)}",
        "/* ' */ a{b:url(http://evil.example/)} /* ' */",
        "a{b:url('x' url(http://evil.example/))}",
        "a{b:url(x\\)y) url(http://evil.example/)}",
        // What some browsers take for a part of the name, and some do not.
        "a{b:\u{d7}url(http://evil.example/)}",
        "a{b:5.url(http://evil.example/)}",
        "a{b:+url(http://evil.example/)}",
        "a{b:#(url(http://evil.example/))}",
        "@media{@import url(http://evil.example/);}",
        "a{--x:url(http://evil.example/);b:var(--x)}",
    ];
    for trick in tricks {
        assert_eq!(fetched(&css(trick)), Vec::<String>::new(), "{trick} became {}", css(trick));
    }
    // The reader below sees what the tricks are about.
    let seen = tricks.iter().filter(|trick| !fetched(trick).is_empty()).count();
    assert_eq!(seen, tricks.len(), "{:?}", tricks.iter().find(|trick| fetched(trick).is_empty()));
}

/// What a reader that is independent of the code above, and takes everything for the worst, would fetch: it reads
/// escapes, and no strings and no comments but those that are there beyond doubt.
fn fetched(css: &str) -> Vec<String> {
    /// Bytes between a word and its address.
    const REACH: usize = 40;
    let mut plain = String::new();
    let mut chars = css.chars().peekable();
    while let Some(c) = chars.next() {
        let mut hex = String::new();
        while c == '\\' && hex.len() < 6 && chars.peek().is_some_and(char::is_ascii_hexdigit) {
            hex.extend(chars.next());
        }
        match (c, u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32)) {
            ('\\', Some(decoded)) => {
                chars.next_if(|next| next.is_whitespace());
                // An escape can be a letter of a name, and never a bracket or a quote.
                plain.push(if decoded.is_alphanumeric() { decoded } else { '?' });
            }
            _ => plain.push(c),
        }
    }
    let lower = plain.to_lowercase();
    let words = ["url(", "@import", "(image(", ":image(", ":src(", ":image-set(", ":-webkit-image-set("];
    let evil = |rest: &str| {
        rest.find("evil")
            .filter(|place| *place < REACH && !rest[..*place].contains(')'))
            .map(|_| rest.to_owned())
    };
    words
        .iter()
        .flat_map(|word| {
            lower.match_indices(word).filter_map(|(place, _)| evil(&lower[place..])).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn texts_of_one_style_mean_nothing_else_together() {
    let pieces = [
        ["a{b:u", "rl(http://evil.example/)}"],
        ["@im", "port 'http://evil.example/';"],
        ["/* ", "\"*/ a{b:url(http://evil.example/)} /*\""],
        ["a{b:\"", "\";c:url(http://evil.example/);d:\""],
        ["a{b:u\\", "72l(http://evil.example/)}"],
        ["a{b:url(", "http://evil.example/)}"],
    ];
    for [first, second] in pieces {
        let children =
            json!([{"type": 3, "id": 8, "textContent": first}, {"type": 3, "id": 9, "textContent": ""}]);
        let events = all(vec![
            snapshot(node(7, "style", json!({}), children)),
            mutation(json!({"texts": [{"id": 9, "value": second}]})),
            mutation(
                json!({"adds": [{"parentId": 7, "node": {"type": 3, "id": 10, "textContent": second}}]}),
            ),
            mutation(json!({"texts": [{"id": 10, "value": second}]})),
        ]);
        let first = events[0].pointer("/data/node/childNodes/0/childNodes/0/textContent").expect("text");
        for place in ["/data/texts/0/value", "/data/adds/0/node/textContent"] {
            for later in events.iter().filter_map(|event| event.pointer(place)) {
                let together = format!("{}{}", first.as_str().expect("text"), later.as_str().expect("text"));
                assert_eq!(css(&together), together, "there is nothing left to take out");
                assert!(fetched(&together).is_empty(), "{together}");
            }
        }
        let split = format!("{first}/* rr_split */{second}", first = pieces[0][0], second = pieces[0][1]);
        let style = attributes_after("style", json!({"_cssText": split}));
        let text = style["_cssText"].as_str().expect("text").to_owned();
        assert!(
            text.contains("/* rr_split */") && fetched(&text.replace("/* rr_split */", "")).is_empty(),
            "{text}"
        );
    }
}

#[test]
fn styles_are_found_wherever_they_are() {
    let bad = "a{b:url(http://evil.example/)}";
    let value = "url(http://evil.example/)";
    let events = all(vec![
        snapshot(node(2, "link", json!({"_cssText": bad, "href": "http://evil.example/a.css"}), json!([]))),
        snapshot(node(3, "style", json!({}), json!([{"type": 3, "id": 4, "textContent": bad}]))),
        snapshot(node(5, "p", json!({"style": "b:url(http://evil.example/)"}), json!([]))),
        snapshot(node(
            6,
            "rect",
            json!({"fill": value, "filter": value, "mask": value, "cursor": value}),
            json!([]),
        )),
        mutation(
            json!({"adds": [{"parentId": 1, "node": {"type": 3, "id": 12, "isStyle": true, "textContent": bad}}]}),
        ),
        mutation(json!({"texts": [{"id": 4, "value": bad}]})),
        mutation(json!({"adds": [{"parentId": 2, "node": {"type": 3, "id": 13, "textContent": bad}}]})),
        mutation(
            json!({"attributes": [{"id": 5, "attributes": {"style": {"b": value, "c": [value, "important"], "d": [[value]], "e": false}}}]}),
        ),
        mutation(json!({"attributes": [{"id": 3, "attributes": {"_cssText": bad}}]})),
        json!({"type": 3, "data": {"source": 8, "adds": [{"rule": bad}], "replaceSync": bad, "replace": bad}}),
        json!({"type": 3, "data": {"source": 13, "set": {"property": "b", "value": value}}}),
        json!({"type": 3, "data": {"source": 15, "styles": [{"rules": [{"rule": bad}]}]}}),
        json!({"type": 4, "data": {"href": EVIL, "width": 5, "height": 6}}),
    ]);
    for event in &events {
        assert!(!event.to_string().contains("evil"), "{event}");
        assert_ne!(event["type"], json!(5), "it is still shown: {event}");
    }
}

#[test]
fn a_picture_in_a_style_is_found_once() {
    let text = "a{b:url(http://erp.localhost/logo.png)}";
    let style = node(
        3,
        "style",
        json!({"_cssText": text}),
        json!([{"type": 3, "id": 4, "isStyle": true, "textContent": text}]),
    );
    let shown = all(vec![snapshot(style)])[0].to_string();
    assert_eq!(shown.matches("http://replay.localhost/assets/1").count(), 2, "{shown}");
}

#[test]
fn plain_text_stays_as_it_is() {
    let text = "See url(http://evil.example/) or @import 'x'; <b>";
    let page = node(2, "p", json!({"title": "url(x)"}), json!([{"type": 3, "id": 3, "textContent": text}]));
    let events = all(vec![snapshot(page), mutation(json!({"texts": [{"id": 3, "value": text}]}))]);
    assert_eq!(events[0].pointer("/data/node/childNodes/0/childNodes/0/textContent"), Some(&json!(text)));
    assert_eq!(events[1].pointer("/data/texts/0/value"), Some(&json!(text)));
}

#[test]
fn what_is_not_shown_leaves_its_time() {
    let source =
        |source: Value| json!({"type": 3, "timestamp": 9, "data": {"source": source, "x": "<script>"}});
    let kind =
        |kind: Value| json!({"type": kind, "timestamp": 9, "data": {"tag": "x", "payload": "<script>"}});
    let given = vec![
        kind(json!(5)),
        kind(json!(6)),
        kind(json!("2")),
        kind(json!(null)),
        kind(json!(2)),
        source(json!(9)),
        source(json!(10)),
        source(json!(11)),
        source(json!(99)),
        source(json!("0")),
        source(json!(0.5)),
    ];
    for event in all(given) {
        assert_eq!(event, json!({"type": 5, "timestamp": 9, "data": {"tag": "left-out", "payload": {}}}));
    }
    for odd in [json!(null), json!([]), json!("x"), json!({})] {
        assert_eq!(all(vec![odd])[0]["type"], json!(5));
    }
}

#[test]
fn what_the_user_did_to_the_page_stays() {
    let input =
        json!({"type": 3, "timestamp": 9, "data": {"source": 5, "id": 7, "text": "DE2", "isChecked": false}});
    assert_eq!(all(vec![input.clone()]), [input]);
}

#[test]
fn a_page_that_nests_deep_is_no_trouble() {
    let mut deep = node(1, "p", json!({"onclick": "x"}), json!([]));
    for id in 2..400 {
        deep = node(id, "p", json!({}), json!([deep]));
    }
    let text = all(vec![snapshot(deep)])[0].to_string();
    assert!(!text.contains("onclick") && text.matches("\"p\"").count() == 399);
}
