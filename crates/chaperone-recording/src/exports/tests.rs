//! The files of one recording that a real vault keeps.

use std::io::Read as _;

use bytes::Bytes;
use chaperone_domain::ids::{DocumentId, ExchangeId, RecordingId, SignInId, UserId};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::bodies::*;
use crate::frame::NewFrame;
use crate::keys::{MasterKey, sha256};
use crate::manifest::{NewRecording, SealFacts};
use crate::wire::to_hex;
use crate::{FrameBody, VaultConfig, VaultLimits, Writer};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\nnot really";

struct World {
    _folder: tempfile::TempDir,
    vault: Vault,
    id: RecordingId,
    writer: Writer,
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_763_660_000_000 + milliseconds).expect("in range")
}

fn document(number: u128) -> DocumentId {
    DocumentId::new(Uuid::from_u128(number))
}

fn exchange(number: u128) -> ExchangeId {
    ExchangeId::new(Uuid::from_u128(number))
}

fn said(number: u128, sequence: u32, body: fn(PageEntries) -> FrameBody, json: &Value) -> FrameBody {
    let batch = BatchHead {
        document: document(number),
        epoch: 0,
        sequence,
        since_start_ms: 0,
        hidden: false,
        tail: false,
        ended: false,
    };
    body(PageEntries { batch, json: Bytes::from(json.to_string()) })
}

fn issued(number: u128, url: &str, top: bool) -> FrameBody {
    FrameBody::DocumentIssued(DocumentIssued {
        document: document(number),
        url: url.into(),
        top,
        target: None,
    })
}

fn picture_of(src: &str) -> Value {
    json!({"type": 2, "timestamp": 1, "data": {"node": {"type": 0, "id": 1, "childNodes": [
        {"type": 2, "id": 2, "tagName": "img", "attributes": {"src": src, "onerror": "alert(1)"}, "childNodes": []}]}}})
}

fn served(url: &str, sha256: [u8; 32], content_type: &str) -> FrameBody {
    FrameBody::AssetServed(AssetServed {
        document: None,
        url: url.into(),
        sha256,
        content_type: content_type.into(),
        bytes: PICTURE.len() as u64,
    })
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (spool, store) = (folder.path().join("spool"), folder.path().join("store"));
        let mut config = VaultConfig::with_folders(spool, store, MasterKey::new([5; 32])).expect("folders");
        config.limits = VaultLimits { free_floor_bytes: 0, last_floor_bytes: 0, ..VaultLimits::default() };
        let vault = Vault::open(config).expect("opens");
        let id = RecordingId::new(Uuid::from_u128(1));
        let (user_id, sign_in_id) = (UserId::new(Uuid::from_u128(3)), SignInId::new(Uuid::from_u128(2)));
        let recording = NewRecording {
            id,
            sign_in_id,
            privileged_session_id: None,
            user_id,
            user_name: "paula".into(),
            account_id: None,
            account_name: Some("erp-admin".into()),
            target_ids: Vec::new(),
            policy: json!({}),
            started_at: at(0),
        };
        let consent = Consent {
            user_id,
            user_name: "paula".into(),
            account_id: None,
            account_name: Some("erp-admin".into()),
            privileged_session_id: None,
            sign_in_id,
            notice_sha256: [9; 32],
        };
        let writer = vault.begin(recording, consent).await.expect("begins");
        Self { _folder: folder, vault, id, writer }
    }

    async fn write(&self, bodies: Vec<FrameBody>) {
        let frames = (1..).zip(bodies).map(|(second, body)| NewFrame { at: at(second * 1000), body });
        self.writer.append(frames.collect()).await.expect("written");
    }

    /// A page on which Paula changes an amount and saves it.
    async fn working() -> Self {
        let world = Self::new().await;
        let logo = world.vault.put_asset("image/png", Bytes::from_static(PICTURE)).await.expect("kept");
        let steps = json!([
            {"seq": 0, "t": 1_763_660_002_500_i64, "kind": "change", "label": "Amount", "role": "textbox", "trusted": true,
             "value": {"old": "=1+1", "new": "1200.00", "type": "number", "masked": false, "length": 7},
             "page": {"url": "http://erp.localhost/", "title": "Payment, \"new\""}},
            {"seq": 1, "t": 5, "kind": "change", "label": "PIN", "trusted": true,
             "value": {"old": null, "new": null, "type": "secret", "masked": true, "length": 4}},
            {"seq": 2, "kind": "submit", "label": "Save", "trusted": true}]);
        let opened = ExchangeOpened {
            exchange: exchange(10),
            document: Some(document(7)),
            sequence: Some(1),
            step: Some(2),
            target: None,
            kind: OpenedKind::Change,
            method: "POST".into(),
            url: "http://erp.localhost/pay?draft=1&x=a%20b".into(),
            headers: vec![
                ("content-type".into(), "application/x-www-form-urlencoded".into()),
                ("cookie".into(), "•••".into()),
            ],
        };
        let closed = ExchangeClosed {
            exchange: exchange(10),
            outcome: Outcome::Done,
            reason: None,
            status: Some(303),
            headers: vec![("location".into(), "/paid".into()), ("content-type".into(), "image/png".into())],
            request_bytes: 900,
            request_sha256: Some([1; 32]),
            response_bytes: 3,
            response_sha256: None,
            duration_ms: 12,
            preview: Bytes::from_static(b"\xff\x00\x01"),
        };
        world
            .write(vec![
                issued(7, "http://erp.localhost/", true),
                served("http://erp.localhost/logo.png", logo, "image/png"),
                said(
                    7,
                    0,
                    |entries| FrameBody::Dom(entries, true),
                    &json!([picture_of("http://erp.localhost/logo.png")]),
                ),
                said(7, 1, FrameBody::Steps, &steps),
                FrameBody::ExchangeOpened(opened),
                FrameBody::ExchangeBody(ExchangeBody {
                    exchange: exchange(10),
                    offset: 0,
                    bytes: Bytes::from_static(b"amount=1200&pin=%E2%80%A2%E2%80%A2"),
                }),
                FrameBody::ExchangeClosed(closed),
                issued(8, "http://erp.localhost/help", false),
                said(
                    8,
                    0,
                    |entries| FrameBody::Dom(entries, true),
                    &json!([picture_of("http://evil.example/x.png")]),
                ),
            ])
            .await;
        world
    }

    async fn contents(&self) -> Contents {
        self.vault.contents(self.id).await.expect("read")
    }
}

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// The records of a file of comma-separated values, read as RFC 4180 says.
fn records(csv: &str) -> Vec<Vec<String>> {
    let (mut records, mut cells, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.next_if_eq(&'"').is_some() => cell.push('"'),
            (_, '"') => quoted = !quoted,
            (false, ',') => cells.push(std::mem::take(&mut cell)),
            (false, '\r') if chars.next_if_eq(&'\n').is_some() => {
                cells.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut cells));
            }
            (_, c) => cell.push(c),
        }
    }
    assert!(cell.is_empty() && cells.is_empty() && !quoted, "the last record ends as the others do");
    records
}

#[tokio::test]
async fn steps_are_a_table_that_spreadsheets_read_and_do_not_run() {
    let world = World::working().await;
    let csv = String::from_utf8(steps_csv(&world.contents().await)).expect("UTF-8");
    let records = records(csv.strip_prefix('\u{feff}').expect("a mark of UTF-8"));
    assert!(
        records.iter().all(|record| record.len() == records[0].len()) && records.len() == 4,
        "{records:?}"
    );
    let cell = |row: usize, name: &str| {
        let column = records[0].iter().position(|known| known == name).expect("a column");
        records[row][column].as_str()
    };
    assert_eq!(cell(1, "text"), "In the Amount field, enter \"1200.00\"");
    assert_eq!((cell(1, "old_value"), cell(1, "new_value")), ("'=1+1", "1200.00"));
    assert_eq!(cell(1, "page_title"), "Payment, \"new\"");
    assert_eq!((cell(2, "new_value"), cell(2, "masked")), ("•••", "yes"));
    assert_eq!(cell(3, "exchange_ids"), exchange(10).to_string());
}

#[tokio::test]
async fn steps_stand_where_the_picture_is_when_the_pages_clock_can_be_believed() {
    let world = World::working().await;
    let file = read(&steps_json(&world.contents().await).expect("made"));
    assert_eq!((&file["format"], &file["user_name"]), (&json!("chaperone steps 1"), &json!("paula")));
    let offsets: Vec<_> =
        file["steps"].as_array().expect("steps").iter().map(|step| step["offset_ms"].clone()).collect();
    assert_eq!(offsets, [json!(2500), json!(4000), json!(4000)]);
    assert_eq!(file["steps"][0]["value"]["new"], "1200.00");
    assert_eq!(file["coverage"]["changes_explained"], 1);
}

#[tokio::test]
async fn exchanges_are_an_http_archive() {
    let world = World::working().await;
    let har = read(&har(&world.contents().await).expect("made"));
    let log = &har["log"];
    assert_eq!((&log["version"], &log["creator"]["name"]), (&json!("1.2"), &json!("Chaperone")));
    assert_eq!(log["pages"].as_array().map(Vec::len), Some(2));
    let entry = &log["entries"][0];
    assert_eq!(entry["pageref"], log["pages"][0]["id"]);
    assert_eq!(entry["request"]["queryString"][1], json!({"name": "x", "value": "a b"}));
    assert_eq!(entry["request"]["postData"]["text"], "amount=1200&pin=%E2%80%A2%E2%80%A2");
    assert_eq!(entry["request"]["postData"]["comment"], "Only the beginning of the body is kept.");
    assert_eq!(entry["response"]["redirectURL"], "/paid");
    assert_eq!(
        (&entry["response"]["content"]["text"], &entry["response"]["content"]["encoding"]),
        (&json!("/wAB"), &json!("base64"))
    );
    assert_eq!((&entry["_explained"], &entry["_evidence"]), (&json!(true), &json!(true)));
    assert_eq!(log["_recording"]["coverage"]["changes_released"], 1);
    // Every field that the format asks for is there.
    for (place, names) in [
        ("", ["startedDateTime", "time", "request", "response", "cache", "timings"].as_slice()),
        (
            "/request",
            &["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"],
        ),
        ("/request/postData", &["mimeType", "params", "text"]),
        (
            "/response",
            &[
                "status",
                "statusText",
                "httpVersion",
                "cookies",
                "headers",
                "content",
                "redirectURL",
                "headersSize",
                "bodySize",
            ],
        ),
        ("/timings", &["send", "wait", "receive"]),
    ] {
        let fields = entry.pointer(place).and_then(Value::as_object).expect("an object");
        assert!(names.iter().all(|name| fields.contains_key(*name)), "{place}: {fields:?}");
    }
}

#[tokio::test]
async fn messages_of_a_websocket_stand_with_its_opening() {
    let world = World::new().await;
    let opened = ExchangeOpened {
        exchange: exchange(10),
        document: None,
        sequence: None,
        step: None,
        target: None,
        kind: OpenedKind::Websocket,
        method: "GET".into(),
        url: "ws://erp.localhost/live".into(),
        headers: Vec::new(),
    };
    let message = |direction, text, content: &'static [u8]| {
        FrameBody::WebSocketMessage(WebSocketMessage {
            exchange: exchange(10),
            direction,
            sequence: None,
            text,
            bytes: content.len() as u64,
            sha256: [1; 32],
            content: Some(Bytes::from_static(content)),
        })
    };
    world
        .write(vec![
            FrameBody::ExchangeOpened(opened),
            message(Direction::ToTarget, true, b"ping"),
            message(Direction::ToPage, false, b"\xff"),
        ])
        .await;
    let har = read(&har(&world.contents().await).expect("made"));
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 1);
    assert!(!entries[0].as_object().expect("an object").contains_key("pageref"));
    let told = entries[0]["_webSocketMessages"].as_array().expect("messages");
    let told: Vec<_> =
        told.iter().map(|message| (&message["type"], &message["opcode"], &message["data"])).collect();
    assert_eq!(
        told,
        [(&json!("send"), &json!(1), &json!("ping")), (&json!("receive"), &json!(2), &json!("/w=="))]
    );
}

#[tokio::test]
async fn pages_are_lists_of_events_and_harmless() {
    let world = World::working().await;
    let bytes = rrweb(&world.vault, &world.contents().await).await.expect("made");
    let file = read(&bytes);
    let frames: Vec<_> =
        file["documents"].as_array().expect("documents").iter().map(|one| one["frame"].clone()).collect();
    assert_eq!(frames, [json!(false), json!(true)]);
    assert_eq!(file["documents"][0]["events"][0]["type"], 2);
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(
        !text.contains("onerror") && !text.contains("evil.example/x.png") && !text.contains("logo.png"),
        "{text}"
    );
}

#[tokio::test]
async fn the_bundle_holds_everything_with_checksums_that_fit() {
    let world = World::working().await;
    world
        .writer
        .seal(SealFacts { ended_at: at(60_000), reason: "handed_back".into() })
        .await
        .expect("sealed");
    let contents = world.contents().await;
    let bytes = bundle(&world.vault, world.id, &contents).await.expect("made");
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip file");
    let mut file = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap_or_else(|_| panic!("{name}")).read_to_end(&mut bytes).expect("read");
        bytes
    };
    let asset = format!("assets/{}.png", to_hex(&sha256(&[PICTURE])));
    assert_eq!(file(&asset), PICTURE);
    let pages = read(&file("rrweb.json"));
    let node = pages.pointer("/documents/0/events/0/data/node/childNodes/0/attributes").expect("the picture");
    assert_eq!(node, &json!({"src": asset}));
    assert_eq!(file("steps.csv"), steps_csv(&contents));
    assert_eq!(file("exchanges.har"), har(&contents).expect("made"));

    let sums = String::from_utf8(file("SHA256SUMS")).expect("text");
    let named: Vec<_> = sums.lines().map(|line| line.split_once("  ").expect("two columns")).collect();
    for (sum, name) in &named {
        assert_eq!(*sum, to_hex(&sha256(&[&file(name)])), "{name}");
    }
    let readme = String::from_utf8(file("README.txt")).expect("text");
    let words = [
        "paula as erp-admin",
        "Steps                                     3\n",
        "sha256sum -c SHA256SUMS",
        "seal.json",
    ];
    assert!(words.iter().all(|word| readme.contains(word)), "{readme}");
    let mut names: Vec<_> = named.iter().map(|(_, name)| (*name).to_owned()).collect();
    names.extend(["SHA256SUMS".to_owned(), "README.txt".to_owned()]);
    names.sort_unstable();
    let mut there: Vec<_> = zip.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
    there.sort_unstable();
    assert_eq!(there, names, "nothing is there without a checksum");
}

#[tokio::test]
async fn an_asset_that_cannot_be_had_leaves_a_hole_and_a_scriptable_picture_stays_out() {
    let world = World::new().await;
    let svg =
        world.vault.put_asset("image/svg+xml", Bytes::from_static(b"<svg onload='x'/>")).await.expect("kept");
    world
        .write(vec![
            served("http://erp.localhost/a.svg", svg, "image/svg+xml"),
            served("http://erp.localhost/b.png", [3; 32], "image/png"),
            said(
                7,
                0,
                |entries| FrameBody::Dom(entries, true),
                &json!([picture_of("http://erp.localhost/a.svg"), picture_of("http://erp.localhost/b.png")]),
            ),
        ])
        .await;
    let bytes = bundle(&world.vault, world.id, &world.contents().await).await.expect("made");
    let zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a zip file");
    assert!(zip.file_names().all(|name| !name.expect("UTF-8").starts_with("assets/")));
}

#[tokio::test]
async fn a_page_as_deep_as_browsers_make_them_is_read_and_a_deeper_one_leaves_its_time() {
    let nested = |levels: usize| {
        let node = (0..levels).fold(String::new(), |inside, _| {
            format!(r#"{{"type":2,"id":1,"tagName":"p","attributes":{{}},"childNodes":[{inside}]}}"#)
        });
        format!(r#"{{"type":2,"timestamp":1,"data":{{"node":{node}}}}}"#)
    };
    let world = World::new().await;
    let json = format!("[{},{},{}]", nested(512), nested(600), nested(1));
    let batch = BatchHead {
        document: document(7),
        epoch: 0,
        sequence: 0,
        since_start_ms: 0,
        hidden: false,
        tail: false,
        ended: false,
    };
    world.write(vec![FrameBody::Dom(PageEntries { batch, json: Bytes::from(json) }, true)]).await;
    /// Bytes of stack that a thread of the runtime has.
    const STACK: usize = 2 * 1024 * 1024;
    let runtime = tokio::runtime::Handle::current();
    let deep = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let events = runtime.block_on(world.vault.events_of(world.id, document(7))).expect("read");
        let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
        assert_eq!(kinds, [json!(2), json!(5), json!(2)]);
        assert_eq!(events[1]["timestamp"], json!(at(1000).as_millisecond()));
        let written = serde_json::to_vec(&events.clone()).expect("written");
        assert!(written.len() > 512 * 40);
    });
    tokio::task::spawn_blocking(|| deep.expect("a thread").join()).await.expect("ends").expect("holds");
}
