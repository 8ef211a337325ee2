//! What was recorded is watched, taken along and sealed; each of these is itself told.

use chaperone_app::AppError;
use chaperone_app::faults::Faults;
use chaperone_app::gate::Recorded;
use chaperone_app::lists::{EventFilter, Page, RecordingFilter};
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::recordings::{ASSET_ADDRESS_LIFETIME, DownloadFormat};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{DocumentId, PrivilegedSessionId, RecordingId, SignInId};
use chaperone_domain::recording::{Recording, RecordingState};
use chaperone_domain::user::User;
use chaperone_recording::bodies::{AssetServed, BatchHead, DocumentIssued, PageEntries};
use chaperone_recording::{FrameBody, NewFrame};
use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

const LOGO: &str = "http://erp.localhost/logo.png";
const PAGE: Page = Page { after: None, limit: 500 };

/// Paula at work in a recorded sign-in.
struct Work {
    session: PrivilegedSessionId,
    sign_in: SignInId,
    recording: RecordingId,
}

fn document() -> DocumentId {
    "00000000-0000-0000-0000-000000000007".parse().expect("an id")
}

fn said(sequence: u32, body: fn(PageEntries) -> FrameBody, json: &Value) -> FrameBody {
    let batch = BatchHead {
        document: document(),
        epoch: 0,
        sequence,
        since_start_ms: 0,
        hidden: false,
        tail: false,
        ended: false,
    };
    body(PageEntries { batch, json: json.to_string().into_bytes().into() })
}

impl World {
    async fn working(&self) -> Work {
        let session = self.approved(0, 600, Wish::Enable).await.session.id;
        self.process().await;
        let paula = self.op(&self.paula);
        let opened = self.app.open_privileged_session(&paula, session, Some(PASSWORD.to_owned()), true).await;
        let opened = opened.expect("opened");
        Work { session, sign_in: opened.sign_in_id, recording: opened.recording_id }
    }

    async fn record(&self, work: &Work, bodies: Vec<FrameBody>) {
        let live = self.app.gate().by_id(work.sign_in).expect("it goes on");
        let Recorded::Here(writer) = &live.recorded else { panic!("it is recorded here") };
        let at = self.app.now();
        writer.append(bodies.into_iter().map(|body| NewFrame { at, body }).collect()).await.expect("written");
    }

    /// Paula sees a page with a picture and enters an amount.
    async fn see_and_enter(&self, work: &Work) {
        let picture = vec![1, 2, 3];
        let sha256 = self.app.vault().put_asset("image/png", picture.into()).await.expect("kept");
        let url = "http://erp.localhost/".to_owned();
        let issued = DocumentIssued { document: document(), url, top: true, target: None };
        let asset = AssetServed {
            document: None,
            url: LOGO.to_owned(),
            sha256,
            content_type: "image/png".to_owned(),
            bytes: 3,
        };
        let page = json!([{"type": 2, "timestamp": 1, "data": {"node": {"type": 0, "id": 1, "childNodes": [
            {"type": 2, "id": 2, "tagName": "img", "attributes": {"src": LOGO, "onerror": "alert(1)"}, "childNodes": []}]}}}]);
        let steps = json!([{"seq": 0, "kind": "change", "label": "Amount", "trusted": true,
            "value": {"old": null, "new": "1200.00", "type": "text", "masked": false, "length": 7}}]);
        self.record(
            work,
            vec![
                FrameBody::DocumentIssued(issued),
                FrameBody::AssetServed(asset),
                said(0, |entries| FrameBody::Dom(entries, true), &page),
                said(1, FrameBody::Steps, &steps),
            ],
        )
        .await;
    }

    async fn hand_back(&self, work: &Work) {
        self.decide(&self.paula, work.session, StatusChange::HandBack).await.expect("handed back");
        self.process().await;
    }

    async fn row(&self, work: &Work) -> Recording {
        self.app.recording_of_sign_in(work.sign_in).await.expect("read").expect("a recording")
    }

    async fn told(&self, action: AuditAction) -> usize {
        let filter = EventFilter { action: Some(action), ..EventFilter::default() };
        self.app.audit_events(&self.op(&self.anna), filter, PAGE).await.expect("a trail").items.len()
    }

    async fn events(&self, work: &Work) -> Vec<Value> {
        self.app.recording_events(&self.op(&self.anna), work.recording, document()).await.expect("events")
    }
}

/// The address of the picture in the events, taken apart: recording, hash, expiry, signature.
fn signed(events: &[Value]) -> (String, String, i64, String) {
    let src = events[0]
        .pointer("/data/node/childNodes/0/attributes/src")
        .and_then(Value::as_str)
        .expect("a picture");
    let rest = src.strip_prefix("http://replay.localhost/assets/").expect("on the replay host");
    let (path, query) = rest.split_once("?expires=").expect("with an end");
    let (recording, hash) = path.split_once('/').expect("two parts");
    let (expires, signature) = query.split_once("&signature=").expect("signed");
    (recording.to_owned(), hash.to_owned(), expires.parse().expect("a number"), signature.to_owned())
}

#[tokio::test]
async fn a_recording_is_watched_while_it_goes_on_and_the_trail_tells_it_once() {
    let world = World::new().await;
    let work = world.working().await;
    let anna = world.op(&world.anna);
    let open = async || world.app.open_recording(&anna, work.recording).await.expect("opened");
    assert_eq!(open().await.view.recording.steps, 0);
    world.see_and_enter(&work).await;
    let opened = open().await;
    assert_eq!(opened.contents.timeline.steps[0].sentence, "In the **Amount** field, enter \"1200.00\"");
    assert_eq!((opened.view.recording.steps, opened.view.user.id), (1, world.paula.id));
    assert!(opened.view.recording.bytes > 0);
    assert_eq!(world.told(AuditAction::RecordingViewed).await, 1);
    world.clock.forward(301);
    world.app.open_recording(&world.op(&world.anna), work.recording).await.expect("opened");
    assert_eq!(world.told(AuditAction::RecordingViewed).await, 2);
}

#[tokio::test]
async fn only_those_who_may_see_a_recording_get_anything_of_it() {
    let world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    let stranger = User { id: world.bert.id, ..world.paula.clone() };
    let op = world.op(&stranger);
    let refused = [
        world.app.open_recording(&op, work.recording).await.err(),
        world.app.recording_events(&op, work.recording, document()).await.err(),
        world.app.download_recording(&op, work.recording, DownloadFormat::Bundle).await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(AppError::NotFound { noun: "recording" })), "{error:?}");
    }
    let listed = world.app.recordings(&op, RecordingFilter::default(), PAGE).await.expect("a list");
    assert!(listed.items.is_empty());
    assert_eq!(world.told(AuditAction::RecordingViewed).await, 0);

    let own = world.op(&world.paula);
    assert!(world.app.open_recording(&own, work.recording).await.is_ok(), "Paula may watch herself");
}

#[tokio::test]
async fn events_are_harmless_and_their_pictures_are_at_addresses_that_end() {
    let world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    let events = world.events(&work).await;
    assert!(!events[0].to_string().contains("onerror"));
    let (recording, hash, expires, signature) = signed(&events);
    let asset = async |recording: &str, hash: &str, expires, signature: &str| {
        world.app.asset_by_address(recording, hash, expires, signature).await
    };
    let shown = asset(&recording, &hash, expires, &signature).await.expect("shown");
    assert_eq!((shown.content_type.as_str(), &shown.bytes[..]), ("image/png", &[1, 2, 3][..]));
    let other = "00000000-0000-0000-0000-000000000001";
    assert!(asset(other, &hash, expires, &signature).await.is_err(), "of another recording");
    assert!(asset(&recording, &"0".repeat(64), expires, &signature).await.is_err(), "another picture");
    assert!(asset(&recording, &hash, expires + 1, &signature).await.is_err(), "for longer");
    world.clock.forward(ASSET_ADDRESS_LIFETIME.as_secs() + 1);
    assert!(asset(&recording, &hash, expires, &signature).await.is_err(), "too late");
}

#[tokio::test]
async fn what_is_asked_again_is_new_when_there_is_more_and_its_addresses_always_hold() {
    let world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    assert_eq!(world.events(&work).await.len(), 1);
    let moved = json!([{"type": 3, "timestamp": 2, "data": {"source": 3, "id": 1, "x": 0, "y": 9}}]);
    world.record(&work, vec![said(2, |entries| FrameBody::Dom(entries, false), &moved)]).await;
    let events = world.events(&work).await;
    assert_eq!(events.len(), 2);
    for _ in 0..20 {
        world.clock.forward(37);
        let (.., expires, _) = signed(&world.events(&work).await);
        assert!(expires - world.app.now().as_second() >= 180, "time enough to fetch a picture");
    }
}

#[tokio::test]
async fn every_form_is_downloaded_and_the_trail_tells_which() {
    let world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    for format in DownloadFormat::ALL {
        let (name, bytes) =
            world.app.download_recording(&world.op(&world.anna), work.recording, format).await.expect("made");
        assert_eq!(name, format!("recording-{}.{}", work.recording, format.extension()));
        assert_eq!(DownloadFormat::parse(format.name()), Some(format));
        match format {
            DownloadFormat::Bundle => assert!(bytes.starts_with(b"PK")),
            DownloadFormat::StepsCsv => assert!(String::from_utf8_lossy(&bytes).contains("Amount")),
            _ => assert!(serde_json::from_slice::<Value>(&bytes).is_ok()),
        }
    }
    assert_eq!(world.told(AuditAction::RecordingDownloaded).await, DownloadFormat::ALL.len());
}

#[tokio::test]
async fn a_recording_is_sealed_once_its_sign_in_is_over_and_counts_what_is_in_it() {
    let world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    world.app.seal_recording(work.recording).await.expect("nothing to do");
    assert_eq!(world.row(&work).await.state, RecordingState::Recording, "it goes on");
    world.hand_back(&work).await;
    for _ in 0..2 {
        world.app.seal_recording(work.recording).await.expect("sealed");
    }
    let row = world.row(&work).await;
    assert_eq!((row.state, row.steps, row.ended_at), (RecordingState::Sealed, 1, Some(world.app.now())));
    assert!(row.bytes > 0);
    assert_eq!(world.told(AuditAction::RecordingSealed).await, 1);
    let opened = world.app.open_recording(&world.op(&world.anna), work.recording).await.expect("opened");
    let seal = opened.contents.seal.as_ref().expect("signed");
    assert_eq!((seal.reason.as_str(), opened.contents.damage.is_none()), ("session_ended", true));
    assert_eq!(seal.coverage, opened.contents.timeline.coverage);
}

#[tokio::test]
async fn killed_before_or_within_sealing_it_is_sealed_after_the_next_start() {
    for within in [false, true] {
        let mut world = World::new().await;
        let work = world.working().await;
        world.see_and_enter(&work).await;
        world.hand_back(&work).await;
        if within {
            world.restart(Faults::new(|step| assert_ne!(step, "seal.sealed", "killed"))).await;
            let (app, id) = (world.app.clone(), work.recording);
            let killed = tokio::spawn(async move { app.seal_recording(id).await }).await;
            assert!(killed.is_err_and(|error| error.is_panic()));
            assert_eq!(world.row(&work).await.state, RecordingState::Recording);
        }
        world.restart(Faults::none()).await;
        world.app.seal_recording(work.recording).await.expect("sealed");
        let row = world.row(&work).await;
        assert_eq!((row.state, row.steps), (RecordingState::Sealed, 1));
        assert_eq!(world.told(AuditAction::RecordingSealed).await, 1);
    }
}

#[tokio::test]
async fn what_is_gone_is_told_as_damaged_and_not_tried_for_ever() {
    let mut world = World::new().await;
    let work = world.working().await;
    world.hand_back(&work).await;
    std::fs::remove_dir_all(world.folder().join("spool").join(work.recording.to_string())).expect("removed");
    world.restart(Faults::none()).await;
    for _ in 0..2 {
        world.app.seal_recording(work.recording).await.expect("told");
    }
    assert_eq!(world.row(&work).await.state, RecordingState::Damaged);
    assert_eq!(world.told(AuditAction::RecordingDamaged).await, 1);
    let opened = world.app.open_recording(&world.op(&world.anna), work.recording).await;
    assert!(matches!(opened.err(), Some(AppError::Refused { name: "recording-gone", .. })));
}

#[tokio::test]
async fn what_is_before_the_damage_is_still_shown() {
    let mut world = World::new().await;
    let work = world.working().await;
    world.see_and_enter(&work).await;
    world.record(&work, vec![said(2, FrameBody::Health, &json!([]))]).await;
    world.hand_back(&work).await;
    let segment = world.folder().join("spool").join(work.recording.to_string()).join("seg-000001.chs");
    let mut bytes = std::fs::read(&segment).expect("read");
    // Somewhere in the picture of the page: behind it is a frame that says that it was durable.
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    world.restart(Faults::none()).await;
    world.app.seal_recording(work.recording).await.expect("told");
    assert_eq!(world.row(&work).await.state, RecordingState::Damaged);
    let opened = world.app.open_recording(&world.op(&world.anna), work.recording).await.expect("opened");
    assert!(opened.contents.damage.is_some());
    assert_eq!(
        opened.contents.timeline.consent.as_ref().map(|consent| consent.what.user_name.as_str()),
        Some("paula")
    );
}
