//! What is old goes, what is held or goes on stays, and the trail tells which.

use chaperone_app::faults::Faults;
use chaperone_app::lists::{
    Bound, Compare, Condition, EventFilter, Page, SourceKey, SourceSort, source_columns,
};
use chaperone_app::organization::OrganizationChange;
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::recordings::DownloadFormat;
use chaperone_app::retention::Retained;
use chaperone_app::users::NewUser;
use chaperone_app::{AppError, jobs};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditAction, AuditEvent, DetailValue};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{PrivilegedSessionId, RecordingId, SignInId};
use chaperone_domain::recording::RecordingState;
use chaperone_domain::user::{Role, User};

use crate::databases::run_past_the_store;
use crate::world::{PASSWORD, World};

const DAY: i64 = 86_400;
/// The source's code for deleted audit data.
const AUDIT_LOG_DELETION: i64 = 111;

/// What Paula did: a session that is over, with its sign-in and its sealed recording.
struct Done {
    session: PrivilegedSessionId,
    sign_in: SignInId,
    recording: RecordingId,
}

impl World {
    async fn keep(&self, trail: i64, sign_ins: i64, recordings: i64) {
        let change = OrganizationChange {
            audit_retention_days: Some(trail),
            sign_in_retention_days: Some(sign_ins),
            recording_retention_days: Some(recordings),
            ..OrganizationChange::default()
        };
        self.app.change_organization(&self.op(&self.anna), change).await.expect("changed");
    }

    /// Paula opens a session; it goes on.
    async fn opened(&self) -> Done {
        let session = self.approved(0, 600, Wish::Enable).await.session.id;
        self.process().await;
        let paula = self.op(&self.paula);
        let opened = self.app.open_privileged_session(&paula, session, Some(PASSWORD.to_owned()), true).await;
        let opened = opened.expect("opened");
        Done { session, sign_in: opened.sign_in_id, recording: opened.recording_id }
    }

    async fn done(&self) -> Done {
        let done = self.opened().await;
        self.decide(&self.paula, done.session, StatusChange::HandBack).await.expect("handed back");
        self.process().await;
        self.app.seal_recording(done.recording).await.expect("sealed");
        done
    }

    /// Days go by, and the job looks every day; what it deleted together.
    async fn days(&self, days: i64) -> Retained {
        let mut sum = Retained::default();
        for _ in 0..days {
            self.clock.forward(DAY);
            self.number().await;
            let done = jobs::apply_retention(&self.app).await.expect("applied").expect("it does not wait");
            sum.events += done.events;
            sum.sign_ins += done.sign_ins;
            sum.recordings += done.recordings;
            sum.kept = done.kept;
        }
        sum
    }

    async fn number(&self) {
        let rows = self.rows().await;
        let numbered =
            rows.keep_books(|books| Box::pin(async move { books.sequence_events(10_000).await })).await;
        numbered.expect("numbered");
    }

    async fn trail(&self, action: AuditAction) -> Vec<AuditEvent> {
        let filter = EventFilter { action: Some(action), ..EventFilter::default() };
        let page = Page { after: None, limit: 500 };
        let found = self.app.audit_events(&self.op(&self.anna), filter, page).await.expect("a trail");
        found.items.into_iter().map(|stored| stored.event).collect()
    }

    /// Files of a recording, wherever they are.
    fn files(&self, done: &Done) -> usize {
        let id = done.recording.to_string();
        let of = |folder: std::path::PathBuf| std::fs::read_dir(folder).map_or(0, Iterator::count);
        of(self.folder().join("spool").join(&id)) + of(self.folder().join("blobs/recordings").join(&id))
    }

    async fn somebody(&self, name: &str, role: Role) -> User {
        let new = NewUser {
            user_name: name.to_owned(),
            display_name: String::new(),
            email: String::new(),
            roles: vec![role],
            active: true,
            password: Some(PASSWORD.to_owned()),
        };
        self.app.create_user(&self.op(&self.anna), new).await.expect("a user").0
    }

    async fn state_of(&self, done: &Done) -> RecordingState {
        self.app.recording(&self.op(&self.anna), done.recording).await.expect("a row").recording.state
    }
}

fn text<'a>(event: &'a AuditEvent, name: &str) -> Option<&'a DetailValue> {
    event.details.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[tokio::test]
async fn a_retention_that_is_none_is_refused_with_what_to_do() {
    let world = World::new().await;
    for days in [0, -2, 365_001, i64::MIN] {
        let changes = [
            OrganizationChange { audit_retention_days: Some(days), ..Default::default() },
            OrganizationChange { sign_in_retention_days: Some(days), ..Default::default() },
            OrganizationChange { recording_retention_days: Some(days), ..Default::default() },
        ];
        for change in changes {
            let refused = world.app.change_organization(&world.op(&world.anna), change).await;
            let Err(AppError::Invalid(fields)) = refused else { panic!("{days}: {refused:?}") };
            assert_eq!(fields[0].name, "retention-range");
            assert!(fields[0].detail.contains("365000 days, or -1 for ever"), "{}", fields[0].detail);
        }
    }
    world.keep(7, -1, 365_000).await;
    let told = world.trail(AuditAction::OrganizationChanged).await;
    assert_eq!(text(&told[0], "new_recording_retention_days"), Some(&DetailValue::Number(365_000)));
    assert_eq!(text(&told[0], "new_sign_in_retention_days"), None, "it did not change");
}

#[tokio::test]
async fn what_is_old_goes_and_what_is_left_says_so_everywhere() {
    let world = World::new().await;
    world.keep(3, 3, 3).await;
    let done = world.done().await;
    assert!(world.files(&done) > 0);
    assert_eq!(world.days(2).await, Retained { kept: 0, ..Retained::default() }, "nothing is old");
    // Not before one second past the period of the last of it.
    let went = world.days(2).await;
    assert!(went.events > 5, "{went:?}");
    assert_eq!((went.sign_ins, went.recordings, went.kept), (1, 1, 0));
    assert_eq!(world.files(&done), 0, "key and bytes are destroyed");

    let anna = world.op(&world.anna);
    let view = world.app.recording(&anna, done.recording).await.expect("its row is there");
    assert_eq!(view.recording.state, RecordingState::Deleted);
    assert!(view.recording.deleted_at.is_some());
    let opened = world.app.open_recording(&anna, done.recording).await;
    assert!(matches!(opened.err(), Some(AppError::Refused { name: "recording-deleted", .. })));
    let taken = world.app.download_recording(&anna, done.recording, DownloadFormat::Bundle).await;
    assert!(matches!(taken.err(), Some(AppError::Refused { name: "recording-deleted", .. })));
    let listed = world.session(done.session).await;
    let of_session = world.app.recordings_of_session(&anna, &listed.session).await.expect("a list");
    assert_eq!(of_session[0].state, RecordingState::Deleted);
    let log = world.app.user_log(&anna, done.session).await.expect("a log");
    assert_eq!((log.len(), log[0].0.id, log[0].1.is_some()), (1, done.sign_in, true));
    let log = world.app.audit_log(&anna, done.session).await.expect("a log");
    let deleted = log.iter().filter(|entry| entry.action == AuditAction::EventDeleted).count();
    assert!(deleted > 5, "{log:?}");
    assert!(log[0].comment.as_deref().is_some_and(|comment| comment.contains("Retention deleted")));

    // The trail tells what went.
    let told = world.trail(AuditAction::AuditLogDeleted).await;
    let of = |class: &str| -> Vec<&AuditEvent> {
        told.iter().filter(|event| text(event, "class") == Some(&DetailValue::from(class))).collect()
    };
    let events: i64 = of("trail")
        .iter()
        .map(|event| match text(event, "count") {
            Some(DetailValue::Number(count)) => *count,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(u64::try_from(events), Ok(went.events));
    assert!(of("trail").iter().all(|event| text(event, "numbers").is_some()));
    assert_eq!((of("sign_ins").len(), of("recordings").len()), (1, 1));
    let destroyed = world.trail(AuditAction::RecordingDestroyed).await;
    assert_eq!(
        destroyed.iter().map(|event| event.privileged_session_id).collect::<Vec<_>>(),
        [Some(done.session)]
    );
}

#[tokio::test]
async fn nothing_of_a_running_session_goes_however_short_the_retention_is() {
    let world = World::new().await;
    world.keep(1, 1, 1).await;
    // A session lasts a day at most; this one cannot come back, so it stays *Ending*.
    let work = world.opened().await;
    let before = world.app.audit_log(&world.op(&world.anna), work.session).await.expect("a log").len();
    world.days(5).await;
    let log = world.app.audit_log(&world.op(&world.anna), work.session).await.expect("a log");
    assert_eq!(log.len(), before);
    assert!(log.iter().all(|entry| entry.action != AuditAction::EventDeleted));
    assert_eq!(world.state_of(&work).await, RecordingState::Recording);
    assert!(world.files(&work) > 0);
    world.process().await;
    world.app.seal_recording(work.recording).await.expect("sealed");
    let went = world.days(2).await;
    assert!(went.recordings == 1 && went.events > 0, "over, it goes: {went:?}");
}

#[tokio::test]
async fn a_legal_hold_keeps_everything_of_its_session_and_nothing_else() {
    let world = World::new().await;
    world.keep(1, 1, 1).await;
    let (held, other) = (world.done().await, world.done().await);
    let auditor = world.somebody("audrey", Role::Auditor).await;
    let approver = world.somebody("albert", Role::Approver).await;
    let hold = async |who: &User, held_now: bool, reason: &str| {
        world.app.change_legal_hold(&world.op(who), held.session, held_now, reason).await
    };
    assert!(matches!(hold(&approver, true, "why").await, Err(AppError::RoleMissing { .. })));
    assert!(matches!(hold(&world.paula, true, "why").await, Err(AppError::RoleMissing { .. })));
    for reason in ["", "  ", &"x".repeat(4001)] {
        assert!(matches!(hold(&auditor, true, reason).await, Err(AppError::Invalid(_))));
    }
    assert!(matches!(
        hold(&world.anna, false, "why").await,
        Err(AppError::Refused { name: "already-so", .. })
    ));
    let view = hold(&auditor, true, " A case at court ").await.expect("held");
    assert!(view.legal_hold.held && !view.legal_hold.may_lift, "auditors do not lift");
    assert!(matches!(hold(&auditor, true, "again").await, Err(AppError::Refused { name: "already-so", .. })));
    assert!(matches!(hold(&auditor, false, "why").await, Err(AppError::RoleMissing { .. })));
    let hers = world.app.view_privileged_session(&world.op(&world.paula), held.session).await.expect("hers");
    assert!(hers.legal_hold.held && hers.legal_hold.reason.is_none() && hers.legal_hold.set_by.is_none());

    let went = world.days(4).await;
    assert_eq!((went.sign_ins, went.recordings), (1, 1));
    assert!(went.kept > 5, "{went:?}");
    assert_eq!(
        (world.state_of(&held).await, world.state_of(&other).await),
        (RecordingState::Sealed, RecordingState::Deleted)
    );
    assert!(world.files(&held) > 0 && world.files(&other) == 0);
    let anna = world.op(&world.anna);
    world.app.open_recording(&anna, held.recording).await.expect("it can still be watched");
    let log = world.app.audit_log(&anna, held.session).await.expect("a log");
    assert!(log.iter().all(|entry| entry.action != AuditAction::EventDeleted));
    assert!(log.iter().any(|entry| entry.comment.as_deref() == Some("A case at court")));

    let view = hold(&world.anna, false, "The case is closed").await.expect("lifted");
    assert!(!view.legal_hold.held && view.legal_hold.may_set);
    let went = world.days(1).await;
    assert_eq!((went.sign_ins, went.recordings), (1, 1));
    assert_eq!(world.files(&held), 0);
    let lifted = world.trail(AuditAction::LegalHoldLifted).await;
    assert_eq!(text(&lifted[0], "set_because"), Some(&DetailValue::from("A case at court")));
}

#[tokio::test]
async fn killed_at_any_step_of_a_deletion_it_goes_on_after_the_next_start_and_is_told_once() {
    for stop_at in ["retention.rows_deleted", "retention.recording_given_up", "retention.recording_destroyed"]
    {
        let mut world = World::new().await;
        world.keep(1, 1, 1).await;
        let done = world.done().await;
        world.days(1).await;
        world.restart(Faults::new(move |step| assert_ne!(step, stop_at, "killed"))).await;
        world.clock.forward(DAY);
        world.number().await;
        let app = world.app.clone();
        let killed = tokio::spawn(async move { jobs::apply_retention(&app).await }).await;
        assert!(killed.is_err_and(|error| error.is_panic()), "{stop_at}");
        world.restart(Faults::none()).await;
        let state = world.state_of(&done).await;
        if state == RecordingState::Deleted {
            // Whoever began may still be at it: a hold is not promised, and nobody else goes on, until its lease is over.
            let held =
                world.app.change_legal_hold(&world.op(&world.anna), done.session, true, "A case").await;
            assert!(matches!(held, Err(AppError::Refused { name: "being-deleted", .. })), "{held:?}");
        }
        world.clock.forward(120);
        for _ in 0..2 {
            jobs::apply_retention(&world.app).await.expect("applied").expect("it does not wait");
        }
        assert_eq!(
            (world.state_of(&done).await, world.files(&done)),
            (RecordingState::Deleted, 0),
            "{stop_at}"
        );
        assert_eq!(world.trail(AuditAction::RecordingDestroyed).await.len(), 1, "{stop_at}");
        let told = world.trail(AuditAction::AuditLogDeleted).await;
        let recordings = told.iter().filter(|event| event.subject.kind == "recording").count();
        assert_eq!(recordings, 1, "{stop_at}");
    }
}

#[tokio::test]
async fn a_hold_takes_back_a_deletion_that_broke_off_and_says_what_is_gone() {
    for destroyed_before in [false, true] {
        let stop_at =
            if destroyed_before { "retention.recording_destroyed" } else { "retention.recording_given_up" };
        let mut world = World::new().await;
        world.keep(-1, -1, 1).await;
        let done = world.done().await;
        world.days(1).await;
        world.restart(Faults::new(move |step| assert_ne!(step, stop_at, "killed"))).await;
        world.clock.forward(DAY);
        let app = world.app.clone();
        let killed = tokio::spawn(async move { jobs::apply_retention(&app).await }).await;
        assert!(killed.is_err_and(|error| error.is_panic()));
        world.restart(Faults::none()).await;
        world.clock.forward(121);
        world
            .app
            .change_legal_hold(&world.op(&world.anna), done.session, true, "A case")
            .await
            .expect("held");
        let expected = if destroyed_before { RecordingState::Damaged } else { RecordingState::Sealed };
        assert_eq!(world.state_of(&done).await, expected);
        assert_eq!(world.days(3).await.recordings, 0);
        assert_eq!(world.state_of(&done).await, expected);
        let opened = world.app.open_recording(&world.op(&world.anna), done.recording).await;
        assert_eq!(opened.is_ok(), !destroyed_before);
    }
}

#[tokio::test]
async fn a_store_that_is_away_delays_a_destruction_and_nothing_else() {
    let world = World::new().await;
    world.keep(-1, -1, 1).await;
    let done = world.done().await;
    // Where the store's folder was, something else is mounted.
    let (blobs, aside) = (world.folder().join("blobs/recordings"), world.folder().join("aside"));
    std::fs::rename(&blobs, &aside).expect("moved");
    std::fs::write(&blobs, "not a folder").expect("written");
    assert_eq!(world.days(2).await.recordings, 1, "nobody is shown it any more");
    assert_eq!(world.state_of(&done).await, RecordingState::Deleted);
    assert_eq!(world.trail(AuditAction::RecordingDestroyed).await.len(), 0);
    std::fs::remove_file(&blobs).expect("removed");
    std::fs::rename(&aside, &blobs).expect("back");
    assert!(world.files(&done) > 0);
    world.clock.forward(121);
    jobs::apply_retention(&world.app).await.expect("applied");
    assert_eq!((world.files(&done), world.trail(AuditAction::RecordingDestroyed).await.len()), (0, 1));
}

#[tokio::test]
async fn a_step_of_the_clock_deletes_nothing_for_a_day() {
    let world = World::new().await;
    world.keep(1, 1, 1).await;
    let done = world.done().await;
    world.days(1).await;
    world.clock.forward(3_650 * DAY);
    world.number().await;
    assert_eq!(jobs::apply_retention(&world.app).await.expect("looked"), None);
    let refused = world.app.delete_audit_data(&world.op(&world.anna), world.clock.after(-2 * DAY)).await;
    assert!(matches!(refused, Err(AppError::Refused { name: "retention-waits" | "retention-keeps", .. })));
    world.clock.forward(DAY - 1);
    assert_eq!(jobs::apply_retention(&world.app).await.expect("looked"), None);
    assert_eq!(world.state_of(&done).await, RecordingState::Sealed);
    world.clock.forward(1);
    let went = jobs::apply_retention(&world.app).await.expect("looked").expect("it has waited");
    assert_eq!(went.recordings, 1);
    assert_eq!(world.trail(AuditAction::RetentionWaits).await.len(), 1);
}

#[tokio::test]
async fn somebody_who_asks_for_deletion_gets_what_retention_would_delete_and_no_more() {
    let world = World::new().await;
    world.keep(2, -1, -1).await;
    let done = world.done().await;
    let last: Instant = world.app.now();
    world.number().await;
    let ask = async |who: &User, up_to: Instant| world.app.delete_audit_data(&world.op(who), up_to).await;
    assert!(matches!(ask(&world.paula, last).await, Err(AppError::RoleMissing { .. })));
    let refused = ask(&world.anna, last).await;
    assert!(matches!(refused, Err(AppError::Refused { name: "retention-keeps", .. })), "{refused:?}");
    assert_eq!(world.trail(AuditAction::AuditLogDeletionRefused).await.len(), 1, "who asked is told");
    // What was written before the setting is kept for ever, so it refuses too; a date before it has nothing.
    let before = Instant::from_second(1).expect("in range");
    let nothing = ask(&world.anna, before).await.expect("allowed");
    assert_eq!((nothing.count, nothing.complete), (0, true));

    world.app.change_legal_hold(&world.op(&world.anna), done.session, true, "A case").await.expect("held");
    let rows = world.rows().await;
    world.clock.forward(2 * DAY + 1);
    let expired =
        rows.read().expired_events(world.app.now(), last, chaperone_store::ExpiryPlace::START).await;
    let expired = expired.expect("read");
    assert!(expired.kept > 5 && !expired.free.is_empty(), "{expired:?}");
    assert!(matches!(ask(&world.anna, last).await, Err(AppError::Refused { name: "retention-keeps", .. })));
}

#[tokio::test]
async fn what_has_expired_is_deleted_at_once_for_whoever_asks_and_the_sources_table_tells_it() {
    let world = World::new().await;
    world.keep(2, -1, -1).await;
    let held = world.done().await;
    world.app.change_legal_hold(&world.op(&world.anna), held.session, true, "A case").await.expect("held");
    let last = world.app.now();
    world.number().await;
    // As if the setting had stood before the first event: what was written without one is kept for ever.
    let url = world.database_url();
    let stamp =
        format!("UPDATE audit_events SET keep_until = at + {} WHERE keep_until IS NULL", 2 * DAY * 1_000_000);
    assert!(run_past_the_store(&url, &stamp).await > 0);
    world.clock.forward(2 * DAY + 1);
    let rows = world.rows().await;
    let expired =
        rows.read().expired_events(world.app.now(), last, chaperone_store::ExpiryPlace::START).await;
    let expired = expired.expect("read");
    let anna = world.op(&world.anna);
    let deleted = world.app.delete_audit_data(&anna, last).await.expect("allowed");
    assert!(deleted.count > 5 && deleted.kept > 5 && deleted.complete, "{deleted:?}");
    assert_eq!((deleted.count, deleted.kept), (expired.free.len() as u64, expired.kept));
    assert_eq!(world.trail(AuditAction::EventDeleted).await.len() as u64, deleted.count);
    let log = world.app.audit_log(&anna, held.session).await.expect("a log");
    assert!(log.iter().all(|entry| entry.action != AuditAction::EventDeleted), "what is held stays: {log:?}");

    let code = Condition::Compare(source_columns::CODE, Compare::Eq, Bound::Number(AUDIT_LOG_DELETION));
    let newest = [SourceSort { key: SourceKey::Id, descending: true }];
    let told = world.app.source_audit(&anna, code, &newest, None, 100).await.expect("read");
    let [(stored, action)] = told.as_slice() else { panic!("one: {told:?}") };
    let event = &stored.event;
    assert_eq!((action.code(), action.operation().code()), (AUDIT_LOG_DELETION, 3));
    assert_eq!(event.actor.user_id(), Some(world.anna.id));
    assert_eq!(text(event, "class"), Some(&DetailValue::from("trail")));
    assert_eq!(text(event, "count"), i64::try_from(deleted.count).ok().map(DetailValue::Number).as_ref());
    assert!(text(event, "numbers").is_some());
    let job = jobs::apply_retention(&world.app).await.expect("looked").expect("it does not wait");
    assert_eq!((job.events, job.kept), (0, deleted.kept), "nothing was left for the job");
}
