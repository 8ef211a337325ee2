//! What the two witnesses said, put together.

use bytes::Bytes;
use chaperone_domain::ids::{SignInId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::bodies::*;
use crate::exchanges::ExchangeKind;

/// Tells a recording frame by frame; one second passes between two frames.
struct Story {
    frames: Vec<Frame>,
}

fn document(number: u128) -> DocumentId {
    DocumentId::new(Uuid::from_u128(number))
}

fn exchange(number: u128) -> ExchangeId {
    ExchangeId::new(Uuid::from_u128(number))
}

fn at(second: usize) -> Timestamp {
    Timestamp::from_second(1_763_660_000 + i64::try_from(second).expect("small")).expect("in range")
}

impl Story {
    fn new() -> Self {
        let consent = Consent {
            user_id: UserId::new(Uuid::from_u128(3)),
            user_name: "paula".into(),
            account_id: None,
            account_name: None,
            privileged_session_id: None,
            sign_in_id: SignInId::new(Uuid::from_u128(2)),
            notice_sha256: [9; 32],
        };
        Self { frames: Vec::new() }.then(FrameBody::Consent(consent))
    }

    fn then(mut self, body: FrameBody) -> Self {
        let sequence = self.frames.len();
        self.frames.push(Frame {
            sequence: sequence as u64,
            at: at(sequence),
            segment: 1,
            offset: 0,
            hash: [0; 32],
            body,
        });
        self
    }

    fn issued(self, number: u128, url: &str) -> Self {
        let issued = DocumentIssued { document: document(number), url: url.into(), top: true, target: None };
        self.then(FrameBody::DocumentIssued(issued))
    }

    fn entries(number: u128, sequence: u32, ended: bool, json: &Value) -> PageEntries {
        let batch = BatchHead {
            document: document(number),
            epoch: 0,
            sequence,
            since_start_ms: 0,
            hidden: false,
            tail: ended,
            ended,
        };
        PageEntries { batch, json: Bytes::from(json.to_string()) }
    }

    fn steps(self, number: u128, sequence: u32, json: Value) -> Self {
        self.then(FrameBody::Steps(Self::entries(number, sequence, false, &json)))
    }

    fn health(self, number: u128, sequence: u32, json: Value) -> Self {
        self.then(FrameBody::Health(Self::entries(number, sequence, false, &json)))
    }

    fn opened(self, number: u128, from: Option<(u128, u32)>, step: Option<u64>, body: &'static str) -> Self {
        let opened = ExchangeOpened {
            exchange: exchange(number),
            document: from.map(|(number, _)| document(number)),
            sequence: from.map(|(_, sequence)| sequence),
            step,
            target: None,
            kind: OpenedKind::Change,
            method: "POST".into(),
            url: "http://erp.localhost/vendors/V-100".into(),
            headers: vec![("Content-Type".into(), "application/json".into())],
        };
        let bytes = Bytes::from_static(body.as_bytes());
        let piece = ExchangeBody { exchange: exchange(number), offset: 0, bytes };
        self.then(FrameBody::ExchangeOpened(opened)).then(FrameBody::ExchangeBody(piece))
    }

    fn closed(self, number: u128, outcome: Outcome) -> Self {
        self.then(FrameBody::ExchangeClosed(ExchangeClosed {
            exchange: exchange(number),
            outcome,
            reason: None,
            status: (outcome == Outcome::Done).then_some(200),
            headers: vec![("content-type".into(), "text/html".into())],
            request_bytes: 17,
            request_sha256: None,
            response_bytes: 5,
            response_sha256: None,
            duration_ms: 12,
            preview: Bytes::from_static(b"saved"),
        }))
    }

    fn read(&self) -> Timeline {
        self.read_with(true)
    }

    fn read_with(&self, keep_bodies: bool) -> Timeline {
        let mut builder = Builder::new(keep_bodies);
        self.frames.iter().for_each(|frame| builder.take(frame));
        builder.end()
    }
}

fn step(seq: u64, kind: &str, label: &str, new: &str) -> Value {
    json!({"seq": seq, "kind": kind, "label": label, "role": "textbox", "trusted": true,
        "value": {"old": null, "new": new, "type": "text", "masked": false, "length": new.len()},
        "page": {"url": "http://erp.localhost/vendors/V-100", "title": "V-100 Larkfell Steel Ltd"}})
}

#[test]
fn a_change_stands_beside_the_step_that_it_followed_from() {
    let story = Story::new()
        .issued(1, "http://erp.localhost/vendors/V-100")
        .steps(1, 0, json!([step(0, "change", "Amount", "1,200.00"), step(1, "click", "Save", "")]))
        .opened(10, Some((1, 0)), Some(1), r#"{"amount":1200}"#)
        .closed(10, Outcome::Done);
    let timeline = story.read();
    let [change] = timeline.exchanges.as_slice() else { panic!("one exchange") };
    assert_eq!(
        (change.kind, change.outcome, change.status),
        (ExchangeKind::Change, Outcome::Done, Some(200))
    );
    assert_eq!((change.evidence, change.step, change.unexplained.len()), (Some(true), Some(1), 0));
    assert_eq!((&change.request_body[..], &change.preview[..]), (&br#"{"amount":1200}"#[..], &b"saved"[..]));
    assert_eq!(timeline.steps[1].exchanges, [exchange(10)]);
    assert!(timeline.steps[0].exchanges.is_empty());
    assert_eq!(timeline.steps[0].sentence, "In the **Amount** field, enter \"1,200.00\"");
    assert_eq!(timeline.documents[0].title, "V-100 Larkfell Steel Ltd");
    let complete = Coverage {
        changes_released: 1,
        changes_with_evidence: 1,
        changes_explained: 1,
        ..Coverage::default()
    };
    assert_eq!(timeline.coverage, complete);
}

#[test]
fn without_bodies_it_counts_the_same() {
    let story = Story::new()
        .steps(1, 0, json!([step(0, "click", "Save", "")]))
        .opened(10, Some((1, 0)), None, r#"{"iban":"DE99"}"#)
        .closed(10, Outcome::Done);
    let lean = story.read_with(false);
    assert_eq!(lean.coverage, story.read().coverage);
    assert_eq!(lean.coverage.unexplained_values, 1);
    assert!(lean.exchanges[0].request_body.is_empty() && lean.exchanges[0].preview.is_empty());
}

#[test]
fn what_the_page_held_is_explained_and_what_nobody_saw_or_typed_is_not() {
    let field = |value: &str| json!({"type": 2, "tagName": "input", "attributes": {"value": value}, "childNodes": []});
    let option = json!({"type": 2, "tagName": "option", "attributes": {"value": "ZZ99"}, "childNodes": []});
    let body = json!({"type": 2, "tagName": "body", "attributes": {}, "childNodes": [field("Brevik"), field("3950"), option]});
    let picture = json!({"type": 2, "data": {"node": {"type": 0, "childNodes": [body]}}, "timestamp": 1});
    let head = BatchHead {
        document: document(1),
        epoch: 0,
        sequence: 0,
        since_start_ms: 0,
        hidden: false,
        tail: false,
        ended: false,
    };
    let dom = PageEntries { batch: head, json: json!([picture]).to_string().into() };
    let story = Story::new()
        .then(FrameBody::Dom(dom, true))
        .steps(1, 1, json!([step(0, "click", "Save", "")]))
        .opened(10, Some((1, 1)), None, r#"{"name":"brevik","postcode":3950,"iban":"ZZ99"}"#)
        .opened(11, None, None, r#"{"name":"Brevik"}"#);
    let timeline = story.read();
    let unexplained = |number: usize| {
        timeline.exchanges[number].unexplained.iter().map(|value| value.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(unexplained(0), ["iban"]);
    assert_eq!(unexplained(1), ["name"], "it was another document's, or none's");
}

#[test]
fn a_change_that_no_person_made_is_not_explained_whatever_the_page_names() {
    let mut by_script = step(0, "click", "Save", "");
    by_script["trusted"] = json!(false);
    let story = Story::new()
        .steps(1, 0, json!([by_script, {"seq": 1, "kind": "tab_show", "trusted": true}]))
        .opened(10, Some((1, 0)), Some(0), "{}")
        .opened(11, Some((1, 0)), Some(1), "{}")
        .opened(12, Some((1, 0)), Some(77), "{}")
        .opened(13, None, Some(0), "{}");
    let timeline = story.read();
    assert!(timeline.exchanges.iter().all(|exchange| !exchange.explained()), "{:?}", timeline.exchanges);
    assert_eq!((timeline.coverage.changes_released, timeline.coverage.changes_explained), (4, 0));
    // The one without a document names no evidence either.
    assert_eq!(timeline.coverage.changes_with_evidence, 3);
}

#[test]
fn a_step_explains_for_thirty_seconds_and_only_in_its_document() {
    let mut story = Story::new().steps(1, 0, json!([step(0, "click", "Save", "")]));
    story = story.opened(10, Some((1, 0)), None, "{}").opened(11, Some((2, 0)), None, "{}");
    while story.frames.len() < 40 {
        story = story.health(1, 1, json!([]));
    }
    let timeline = story.opened(12, Some((1, 1)), None, "{}").opened(13, Some((1, 1)), Some(0), "{}").read();
    let steps: Vec<_> = timeline.exchanges.iter().map(|exchange| exchange.step).collect();
    assert_eq!(steps, [Some(0), None, None, None]);
}

#[test]
fn evidence_counts_only_when_it_is_in_the_chain_before_the_change() {
    let story = Story::new()
        .steps(1, 3, json!([step(0, "click", "Save", "")]))
        .opened(10, Some((1, 3)), None, "{}")
        .opened(11, Some((1, 4)), None, "{}")
        .steps(1, 4, json!([]));
    let evidence: Vec<_> = story.read().exchanges.iter().map(|exchange| exchange.evidence).collect();
    assert_eq!(evidence, [Some(true), Some(false)]);
}

#[test]
fn what_was_opened_and_never_closed_reads_outcome_unknown() {
    let timeline = Story::new().opened(10, None, None, "{}").read();
    assert_eq!(timeline.exchanges[0].outcome, Outcome::Unknown);
    assert_eq!(timeline.coverage.changes_released, 1);
}

#[test]
fn a_refused_change_was_not_released() {
    let refusal =
        Refusal { document: None, method: "PUT".into(), url: "http://e/".into(), reason: "x".into() };
    let timeline = Story::new()
        .opened(10, None, None, "{}")
        .closed(10, Outcome::Refused)
        .then(FrameBody::Refusal(refusal))
        .read();
    let coverage = timeline.coverage;
    assert_eq!((coverage.changes_released, coverage.changes_refused, timeline.refusals.len()), (0, 2, 1));
}

#[test]
fn messages_to_the_target_are_changes_and_messages_from_it_are_not() {
    let opened = |kind| ExchangeOpened {
        exchange: exchange(10),
        document: Some(document(1)),
        sequence: Some(0),
        step: None,
        target: None,
        kind,
        method: "GET".into(),
        url: "ws://erp.localhost/live".into(),
        headers: Vec::new(),
    };
    let message = |direction, content: &'static str| {
        FrameBody::WebSocketMessage(WebSocketMessage {
            exchange: exchange(10),
            direction,
            sequence: Some(0),
            text: true,
            bytes: content.len() as u64,
            sha256: [1; 32],
            content: Some(Bytes::from_static(content.as_bytes())),
        })
    };
    let timeline = Story::new()
        .steps(1, 0, json!([step(0, "click", "Send", "")]))
        .then(FrameBody::ExchangeOpened(opened(OpenedKind::Websocket)))
        .then(message(Direction::ToTarget, "ping"))
        .then(message(Direction::ToPage, "pong"))
        .read();
    let kinds: Vec<_> =
        timeline.exchanges.iter().map(|exchange| (exchange.kind, exchange.may_change())).collect();
    assert_eq!(
        kinds,
        [
            (ExchangeKind::Websocket, false),
            (ExchangeKind::WebsocketMessage, true),
            (ExchangeKind::WebsocketMessage, false)
        ]
    );
    assert_eq!(timeline.exchanges[1].url, "ws://erp.localhost/live");
    assert_eq!(timeline.coverage.changes_released, 1);
}

#[test]
fn documents_have_their_title_their_states_and_their_end() {
    let hello =
        json!([{"type": "hello", "url": "http://erp.localhost/", "title": "Vendors", "frame": false}]);
    let picture = Story::entries(1, 1, false, &json!([{"type": 2, "data": {}}]));
    let lost =
        DocumentState { document: document(2), state: DocumentPhase::Lost, reason: Some("gap".into()) };
    let story = Story::new()
        .issued(1, "http://erp.localhost/")
        .health(1, 0, hello)
        .issued(2, "http://erp.localhost/two")
        .then(FrameBody::DocumentState(lost))
        .health(2, 9, json!([]))
        .then(FrameBody::Dom(picture, true));
    let live = story.read();
    assert_eq!((live.documents[0].title.as_str(), live.documents[0].state), ("Vendors", DocumentPhase::Live));
    assert!(live.documents[0].replayable && !live.documents[1].replayable);
    assert_eq!(
        (live.documents[1].state, live.documents[1].reason.as_deref()),
        (DocumentPhase::Lost, Some("gap"))
    );
    assert_eq!(live.coverage.gaps, 1);

    let tail = Story::entries(1, 2, true, &json!([]));
    let left = story.then(FrameBody::Health(tail)).read();
    assert_eq!((left.documents[0].state, left.documents[0].ended_at), (DocumentPhase::Ended, Some(at(7))));
}

#[test]
fn areas_that_are_not_recorded_count_once() {
    let frame =
        json!([{"type": "frame", "url": "https://maps.example/"}, {"type": "degraded", "what": "canvas"}]);
    let timeline = Story::new().health(1, 0, frame.clone()).health(1, 1, frame).read();
    assert_eq!((timeline.areas.len(), timeline.coverage.areas_not_recorded), (2, 2));
}

#[test]
fn what_is_not_in_it_is_named() {
    let said = json!([
        {"type": "hello", "url": "http://erp.localhost/", "title": "Vendors", "frame": false},
        {"type": "frame", "url": "https://maps.example/"},
        {"type": "degraded", "what": "closed_shadow_root"},
    ]);
    let lost =
        DocumentState { document: document(2), state: DocumentPhase::Lost, reason: Some("silent".into()) };
    let gap = Gap { document: None, reason: "storage".into(), detail: "The disk was full.".into() };
    let timeline = Story::new()
        .health(1, 0, said)
        .issued(2, "http://erp.localhost/two")
        .then(FrameBody::DocumentState(lost))
        .then(FrameBody::Gap(gap))
        .read();
    let sentences: Vec<String> = timeline.missing().into_iter().map(|missing| missing.sentence).collect();
    assert_eq!(
        sentences,
        [
            "The frame https://maps.example/ in “Vendors” (http://erp.localhost/) is not recorded: it does not \
             come through the gateway.",
            "A closed shadow root in “Vendors” (http://erp.localhost/) is not recorded.",
            "The disk was full.",
            "http://erp.localhost/two was lost: nothing was heard of it any more.",
        ]
    );
    let counted = timeline.coverage.gaps + timeline.coverage.areas_not_recorded;
    assert_eq!(counted, sentences.len() as u64, "as many as are counted");
}

#[test]
fn a_masked_value_is_not_shown_even_if_the_page_sends_it() {
    let mut secret = step(0, "key", "Code", "hunter2");
    secret["value"]["masked"] = json!(true);
    secret["value"]["old"] = json!("hunter1");
    secret["value"]["code"] = json!("hunter3");
    let timeline = Story::new().steps(1, 0, json!([secret])).read();
    let shown = serde_json::to_string(&timeline.steps).expect("JSON");
    assert!(!shown.contains("hunter") && shown.contains("\"masked\":true"), "{shown}");
}

#[test]
fn steps_that_cannot_be_read_are_counted_and_the_others_stay() {
    let timeline = Story::new().steps(1, 0, json!([{"kind": 5}, step(0, "click", "Save", "")])).read();
    assert_eq!((timeline.unreadable_entries, timeline.steps.len()), (1, 1));
}

#[test]
fn an_address_stands_for_the_asset_that_was_served_before() {
    let served = |byte| {
        FrameBody::AssetServed(AssetServed {
            document: None,
            url: "http://erp.localhost/logo.png".into(),
            sha256: [byte; 32],
            content_type: "image/png".into(),
            bytes: 1,
        })
    };
    let timeline = Story::new().then(served(1)).then(served(2)).read();
    let of =
        |second| timeline.asset_at("http://erp.localhost/logo.png", at(second)).map(|asset| asset.sha256[0]);
    assert_eq!([of(0), of(1), of(2), of(9)], [Some(1), Some(1), Some(2), Some(2)]);
    assert_eq!(timeline.asset_at("http://erp.localhost/other.png", at(9)), None);
}
