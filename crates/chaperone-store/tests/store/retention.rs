//! Retention: stamps, what may go and what stays, deletion against legal holds.

use std::collections::BTreeSet;

use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent};
use chaperone_domain::grant::{Attributes, Grant, GrantHolder, GrantPhase, Wish};
use chaperone_domain::ids::{AuditEventId, GrantId, PrivilegedSessionId, RecordingId};
use chaperone_domain::organization::Organization;
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_domain::recording::{Coverage, Recording, RecordingState};
use chaperone_domain::retention::LegalHold;
use chaperone_domain::sign_in::{EndKind, SignIn, SignInEnd, TargetUse};
use chaperone_store::{
    Deleted, EventFilter, Events, ExpiryPlace, HoldSet, RETENTION_BATCH, SignInQuery, StoreError,
};
use uuid::Uuid;

use crate::world::{Place, World, at, first};

/// A day, in seconds.
const DAY: i64 = 86_400;
/// When everything of these tests has expired, in seconds after the beginning.
const LATE: i64 = 40 * DAY;

/// Keeps new rows for so many days.
async fn keep(world: &World, trail: i64, sign_ins: i64, recordings: i64) {
    let version = world.store.read().organization().await.expect("read").version;
    let row = Organization {
        audit_retention_days: trail,
        sign_in_retention_days: sign_ins,
        recording_retention_days: recordings,
        ..Organization::preset()
    };
    let kept = world.change((row, version), |tx, (row, version)| {
        Box::pin(async move { tx.update_organization(&row, version).await })
    });
    kept.await.expect("kept");
}

/// Numbers every event that there is.
async fn number(world: &World) {
    let numbered =
        world.books((), |books, ()| Box::pin(async move { books.sequence_events(10_000).await })).await;
    numbered.expect("numbered");
}

fn event_of(world: &World, session: Option<PrivilegedSessionId>, second: i64) -> AuditEvent {
    AuditEvent {
        at: at(second),
        actor: Actor::User(world.paula.id),
        privileged_session_id: session,
        reason: Some("Somebody's secret reason".to_owned()),
        client_address: Some("192.0.2.77".to_owned()),
        details: vec![("what".to_owned(), "a detail".into())],
        action: AuditAction::AccessRefused,
        ..world.event()
    }
}

async fn add(world: &World, event: &AuditEvent) {
    let event = event.clone();
    let added = world.store.write(move |tx| {
        let event = event.clone();
        Box::pin(async move { Ok::<_, StoreError>(tx.commit((), Events::one(event))) })
    });
    added.await.expect("added");
}

/// Looks through everything that has expired, as the job does; what is free of it.
async fn expired_events(world: &World, now: Instant) -> Vec<Uuid> {
    let (mut free, mut place) = (Vec::new(), ExpiryPlace::START);
    loop {
        let look = world.store.read().expired_events(now, now, place).await.expect("read");
        free.extend(look.free);
        let Some(next) = look.next else { return free };
        place = next;
    }
}

async fn delete(world: &World, ids: Vec<Uuid>, now: Instant) -> Result<Deleted, StoreError> {
    let event = AuditEvent { at: now, ..world.event() };
    let deleted = world.store.retain(move |mut tx| {
        let (ids, event) = (ids.clone(), event.clone());
        Box::pin(async move {
            let deleted = tx.delete_events(&ids, now).await?.ok_or(StoreError::Stale)?;
            Ok(tx.commit(deleted, Events::one(event)))
        })
    });
    deleted.await
}

async fn delete_sign_ins(world: &World, ids: Vec<Uuid>, now: Instant) -> Result<Deleted, StoreError> {
    let event = AuditEvent { at: now, ..world.event() };
    let deleted = world.store.retain(move |mut tx| {
        let (ids, event) = (ids.clone(), event.clone());
        Box::pin(async move {
            let deleted = tx.delete_sign_ins(&ids, now).await?.ok_or(StoreError::Stale)?;
            Ok(tx.commit(deleted, Events::one(event)))
        })
    });
    deleted.await
}

async fn delete_recording(
    world: &World,
    id: RecordingId,
    now: Instant,
    until: Instant,
) -> Result<Recording, StoreError> {
    let event = AuditEvent { at: now, ..world.event() };
    let deleted = world.store.retain(move |mut tx| {
        let event = event.clone();
        Box::pin(async move {
            let given_up = tx.delete_recording(id, now, until).await?.ok_or(StoreError::Stale)?;
            Ok(tx.commit(given_up, Events::one(event)))
        })
    });
    deleted.await
}

async fn destroyed(world: &World, id: RecordingId, now: Instant) -> Result<(), StoreError> {
    let event = AuditEvent { at: now, ..world.event() };
    let said = world.store.retain(move |mut tx| {
        let event = event.clone();
        Box::pin(async move {
            tx.recording_destroyed(id, now).await?;
            Ok::<_, StoreError>(tx.commit((), Events::one(event)))
        })
    });
    said.await
}

fn hold_on(world: &World, session: PrivilegedSessionId, set_at: Instant) -> LegalHold {
    LegalHold {
        privileged_session_id: session,
        set_by: world.anna.id,
        set_at,
        reason: "A case at court".to_owned(),
    }
}

async fn hold(world: &World, session: PrivilegedSessionId, set_at: Instant) -> Result<HoldSet, StoreError> {
    world
        .change(hold_on(world, session, set_at), |tx, hold| {
            Box::pin(async move { tx.set_legal_hold(&hold).await })
        })
        .await
}

async fn lift(world: &World, session: PrivilegedSessionId, set_at: Instant) -> Result<(), StoreError> {
    world
        .change((session, set_at), |tx, (session, set_at)| {
            Box::pin(async move { tx.lift_legal_hold(session, set_at).await })
        })
        .await
}

async fn session_in(world: &World, state: State) -> PrivilegedSession {
    let session = PrivilegedSession { state, ..world.draft() };
    world.add_session(&session).await.expect("stored");
    session
}

fn over(second: i64) -> Option<SignInEnd> {
    Some(SignInEnd { at: at(second), kind: EndKind::SignedOut, estimated: false })
}

fn recording_of(world: &World, sign_in: &SignIn, state: RecordingState) -> Recording {
    Recording {
        id: RecordingId::new(world.id()),
        sign_in_id: sign_in.id,
        privileged_session_id: sign_in.privileged_session_id,
        state,
        started_at: sign_in.started_at,
        ended_at: sign_in.end.map(|end| end.at),
        steps: 3,
        exchanges: 4,
        bytes: 5,
        coverage: Coverage::default(),
        deleted_at: None,
    }
}

async fn add_recording(world: &World, recording: &Recording) {
    let added = world.change(recording.clone(), |tx, recording| {
        Box::pin(async move { tx.insert_recording(&recording).await })
    });
    added.await.expect("stored");
}

/// A sealed recording of a session that is over: session, sign-in, recording.
async fn recorded(world: &World) -> (PrivilegedSession, SignIn, Recording) {
    let session = session_in(world, State::Ended).await;
    let sign_in = SignIn { end: over(60), ..world.target_sign_in(&session, 0) };
    world.add_sign_in(&sign_in).await.expect("stored");
    let recording = recording_of(world, &sign_in, RecordingState::Sealed);
    add_recording(world, &recording).await;
    (session, sign_in, recording)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_keeps_the_retention_that_was_in_force_when_it_was_written() {
    for world in World::each().await {
        let for_ever = event_of(&world, None, 0);
        add(&world, &for_ever).await;
        keep(&world, 2, -1, -1).await;
        let two_days = event_of(&world, None, 0);
        add(&world, &two_days).await;
        keep(&world, 1, -1, -1).await;
        let one_day = event_of(&world, None, 0);
        add(&world, &one_day).await;
        keep(&world, -1, -1, -1).await;
        add(&world, &event_of(&world, None, 0)).await;
        number(&world).await;
        let mine = |ids: Vec<Uuid>| -> Vec<AuditEventId> {
            let of = [&for_ever, &two_days, &one_day].map(|event| event.id);
            ids.into_iter().map(AuditEventId::new).filter(|id| of.contains(id)).collect()
        };
        // One second past the period, not before.
        assert_eq!(mine(expired_events(&world, at(DAY)).await), []);
        assert_eq!(mine(expired_events(&world, at(DAY + 1)).await), [one_day.id]);
        assert_eq!(mine(expired_events(&world, at(2 * DAY)).await), [one_day.id]);
        assert_eq!(mine(expired_events(&world, at(2 * DAY + 1)).await), [one_day.id, two_days.id]);
        assert_eq!(mine(expired_events(&world, at(4_000 * DAY)).await), [one_day.id, two_days.id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_event_leaves_number_and_commitment_and_nothing_of_what_happened() {
    for world in World::each().await {
        keep(&world, 1, -1, -1).await;
        let session = session_in(&world, State::Ended).await.id;
        let event = event_of(&world, Some(session), 10);
        add(&world, &event).await;
        add(&world, &event_of(&world, None, 30 * DAY)).await;
        number(&world).await;
        let everything = async || {
            let filter = EventFilter { after_seq: Some(0), ..EventFilter::default() };
            world.store.read().audit_events(filter, first(1_000)).await.expect("read").items
        };
        let before = everything().await;
        let now = at(3 * DAY);
        let deleted = delete(&world, vec![event.id.uuid()], now).await.expect("deleted");
        let old = before.iter().find(|stored| stored.event.id == event.id).expect("there");
        assert_eq!((deleted.count, deleted.numbers), (1, vec![old.seq.expect("numbered")]));
        assert_eq!((deleted.first_at, deleted.last_at), (event.at, event.at));

        let after = everything().await;
        let left = after.iter().find(|stored| stored.event.id == event.id).expect("there");
        assert_eq!((left.seq, left.commitment), (old.seq, old.commitment));
        assert_eq!(left.deleted_at, Some(now));
        let expected = AuditEvent {
            id: event.id,
            at: event.at,
            privileged_session_id: Some(session),
            ..chaperone_domain::audit_event::AuditEvent {
                actor: Actor::Unknown,
                action: AuditAction::EventDeleted,
                subject: chaperone_domain::audit_event::Subject {
                    kind: "audit_event".to_owned(),
                    id: String::new(),
                },
                ..world.event()
            }
        };
        assert_eq!(left.event, expected);
        let numbers: Vec<_> = after.iter().map(|stored| stored.seq).collect();
        let gapless: Vec<_> = (1..=i64::try_from(before.len()).expect("small")).map(Some).collect();
        assert_eq!(numbers, gapless, "the numbers have no gap");
        let of_paula = EventFilter { user_id: Some(world.paula.id), ..EventFilter::default() };
        let found = world.store.read().audit_events(of_paula, first(1_000)).await.expect("read").items;
        assert!(found.iter().all(|stored| stored.event.id != event.id), "nobody is named any more");
        let log = world.store.read().audit_log(session).await.expect("read");
        assert_eq!(log.first().map(|event| event.action), Some(AuditAction::EventDeleted));

        let raw = world.ask_raw("SELECT reason, details, length(salt) FROM audit_events").await;
        let texts: Vec<(Option<String>, String)> = raw
            .iter()
            .map(|row| (row.try_get_by_index(0).expect("text"), row.try_get_by_index(1).expect("text")))
            .collect();
        assert_eq!(texts.iter().filter(|(reason, _)| reason.is_some()).count(), 1, "of the two, one is left");
        let twice = delete(&world, vec![event.id.uuid()], at(4 * DAY)).await;
        assert_eq!(twice, Err(StoreError::Stale), "what is deleted is deleted once");
        number(&world).await;
        assert!(everything().await.iter().all(|stored| stored.seq.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_is_not_in_the_file_of_sqlite_any_more() {
    let world = World::new(Place::Sqlite(tempfile::TempDir::new().expect("a folder"))).await;
    keep(&world, 1, -1, -1).await;
    let event = event_of(&world, None, 10);
    add(&world, &event).await;
    number(&world).await;
    let file = world.file().expect("SQLite");
    let holds = async |world: &World| {
        world.run_raw("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("moved into the file");
        let bytes = std::fs::read(&file).expect("read");
        bytes.windows(16).any(|window| window == b"Somebody's secre")
    };
    assert!(holds(&world).await);
    delete(&world, vec![event.id.uuid()], at(LATE)).await.expect("deleted");
    assert!(!holds(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_number_is_not_deleted() {
    for world in World::each().await {
        keep(&world, 1, -1, -1).await;
        let event = event_of(&world, None, 0);
        add(&world, &event).await;
        assert!(!expired_events(&world, at(LATE)).await.contains(&event.id.uuid()));
        assert_eq!(delete(&world, vec![event.id.uuid()], at(LATE)).await, Err(StoreError::Stale));
        number(&world).await;
        assert!(expired_events(&world, at(LATE)).await.contains(&event.id.uuid()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_session_that_goes_on_is_deleted() {
    for world in World::each().await {
        keep(&world, 1, 1, 1).await;
        for state in State::ALL {
            let session = session_in(&world, state).await;
            let sign_in = SignIn { end: over(60), ..world.target_sign_in(&session, 0) };
            world.add_sign_in(&sign_in).await.expect("stored");
            let recording = recording_of(&world, &sign_in, RecordingState::Sealed);
            add_recording(&world, &recording).await;
            let event = event_of(&world, Some(session.id), 0);
            // It belongs to the session by its sign-in alone.
            let by_sign_in = AuditEvent { sign_in_id: Some(sign_in.id), ..event_of(&world, None, 0) };
            add(&world, &event).await;
            add(&world, &by_sign_in).await;
            number(&world).await;
            let goes = state.status().is_final();
            let free = expired_events(&world, at(LATE)).await;
            for event in [&event, &by_sign_in] {
                assert_eq!(free.contains(&event.id.uuid()), goes, "{state:?}");
                let deleted = delete(&world, vec![event.id.uuid()], at(LATE)).await;
                assert_eq!(deleted.is_ok(), goes, "{state:?}: {deleted:?}");
            }
            let given_up = delete_recording(&world, recording.id, at(LATE), at(LATE)).await;
            assert_eq!(given_up.is_ok(), goes, "{state:?}: {given_up:?}");
            let deleted = delete_sign_ins(&world, vec![sign_in.id.uuid()], at(LATE)).await;
            assert_eq!(deleted.is_ok(), goes, "{state:?}: {deleted:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_open_grant_is_deleted_although_its_session_is_over() {
    for world in World::each().await {
        keep(&world, 1, 1, 1).await;
        let session = session_in(&world, State::Ended).await;
        let event = event_of(&world, Some(session.id), 0);
        add(&world, &event).await;
        number(&world).await;
        let attributes = Attributes { state: AccountState::Disabled, expires_at: None };
        let id = GrantId::new(world.id());
        let grant =
            Grant { phase: GrantPhase::Held, ..Grant::new(id, world.account.id, attributes, at(0), at(0)) };
        let holder = GrantHolder {
            grant_id: grant.id,
            privileged_session_id: session.id,
            wish: Wish::Enable,
            switched_to: None,
            until: at(0),
            released_at: Some(at(1)),
        };
        let opened = world.change((grant.clone(), holder), |tx, (grant, holder)| {
            Box::pin(async move {
                tx.insert_grant(&grant).await?;
                tx.insert_holder(&holder).await
            })
        });
        opened.await.expect("stored");
        assert_eq!(delete(&world, vec![event.id.uuid()], at(LATE)).await, Err(StoreError::Stale));
        let closed = Grant { phase: GrantPhase::Closed, closed_at: Some(at(2)), ..grant };
        let closing = world
            .change(closed, |tx, grant| Box::pin(async move { tx.update_grant(&grant, grant.fence).await }));
        closing.await.expect("closed");
        assert_eq!(delete(&world, vec![event.id.uuid()], at(LATE)).await.map(|deleted| deleted.count), Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_everything_until_it_is_lifted() {
    for world in World::each().await {
        keep(&world, 1, 1, 1).await;
        let (session, sign_in, recording) = recorded(&world).await;
        let event = event_of(&world, Some(session.id), 0);
        add(&world, &event).await;
        number(&world).await;
        assert_eq!(world.store.read().legal_hold(session.id).await, Ok(None));
        let held = hold(&world, session.id, at(5)).await;
        assert_eq!(held, Ok(HoldSet::Held { taken_back: Vec::new() }));
        assert_eq!(
            world.store.read().legal_hold(session.id).await,
            Ok(Some(hold_on(&world, session.id, at(5))))
        );
        assert_eq!(hold(&world, session.id, at(6)).await, Err(StoreError::Stale), "there is one");
        let now = at(LATE);
        assert!(!expired_events(&world, now).await.contains(&event.id.uuid()));
        assert_eq!(delete(&world, vec![event.id.uuid()], now).await, Err(StoreError::Stale));
        assert_eq!(delete_sign_ins(&world, vec![sign_in.id.uuid()], now).await, Err(StoreError::Stale));
        assert_eq!(delete_recording(&world, recording.id, now, now).await, Err(StoreError::Stale));
        let read = world.store.read();
        assert_eq!(read.expired_sign_ins(now, ExpiryPlace::START).await.expect("read").kept, 1);
        assert_eq!(read.expired_recordings(now, ExpiryPlace::START).await.expect("read").kept, 1);

        assert_eq!(lift(&world, session.id, at(4)).await, Err(StoreError::Stale), "not another one");
        lift(&world, session.id, at(5)).await.expect("lifted");
        assert_eq!(lift(&world, session.id, at(5)).await, Err(StoreError::Stale));
        assert_eq!(delete(&world, vec![event.id.uuid()], now).await.map(|deleted| deleted.count), Ok(1));
        delete_recording(&world, recording.id, now, now).await.expect("given up");
        delete_sign_ins(&world, vec![sign_in.id.uuid()], now).await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_goes_after_its_end_and_leaves_when_it_was_where_a_session_shows_it() {
    for world in World::each().await {
        keep(&world, -1, 1, -1).await;
        let (session, of_session, _) = recorded(&world).await;
        let open = world.console_sign_in(0);
        let long = SignIn { end: over(3_600), ..world.console_sign_in(0) };
        let short = SignIn { end: over(1), ..world.console_sign_in(0) };
        for sign_in in [&open, &long, &short] {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        let used = world.books((short.id, world.erp.id), |books, (sign_in, target)| {
            Box::pin(async move { books.add_target_use(sign_in, &TargetUse::begun(target, at(0))).await })
        });
        used.await.expect("used");
        let free = async |second: i64| {
            let look = world.store.read().expired_sign_ins(at(second), ExpiryPlace::START).await;
            look.expect("read").free.into_iter().collect::<BTreeSet<_>>()
        };
        // The period begins with the end.
        assert_eq!(free(DAY + 1).await, BTreeSet::new());
        assert_eq!(free(DAY + 2).await, BTreeSet::from([short.id.uuid()]));
        assert_eq!(free(DAY + 61).await, BTreeSet::from([short.id.uuid(), of_session.id.uuid()]));
        let all = [&open, &long, &short, &of_session].map(|sign_in| sign_in.id.uuid());
        assert_eq!(free(LATE).await, all[1..].iter().copied().collect());
        let deleted = delete_sign_ins(&world, all.to_vec(), at(LATE)).await.expect("deleted");
        assert_eq!((deleted.count, deleted.numbers), (3, Vec::new()));

        let query = SignInQuery::between(at(-10), at(10));
        let listed = world.store.read().sign_ins(query, first(10)).await.expect("read").items;
        assert_eq!(listed.iter().map(|row| row.sign_in.id).collect::<Vec<_>>(), [open.id]);
        assert_eq!(world.store.read().sign_in(short.id).await, Ok(None), "a plain one is gone");
        let log = world.store.read().user_log(session.id).await.expect("read");
        let emptied =
            SignIn { client_address: String::new(), user_agent: String::new(), ..of_session.clone() };
        assert_eq!(log, [(emptied, Some(at(LATE)))], "its session still says when it was");
        let again = delete_sign_ins(&world, all.to_vec(), at(2 * LATE)).await;
        assert_eq!(again, Err(StoreError::Stale));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_given_up_once_and_keeps_its_row() {
    for world in World::each().await {
        keep(&world, -1, -1, 1).await;
        let (_, sign_in, recording) = recorded(&world).await;
        let running = SignIn { end: over(60), ..world.console_sign_in(0) };
        world.add_sign_in(&running).await.expect("stored");
        let unsealed =
            Recording { ended_at: None, ..recording_of(&world, &running, RecordingState::Recording) };
        add_recording(&world, &unsealed).await;
        let now = at(LATE);
        let look = world.store.read().expired_recordings(now, ExpiryPlace::START).await.expect("read");
        assert_eq!((look.free, look.kept), (vec![recording.id.uuid()], 1));
        let early = delete_recording(&world, recording.id, at(DAY + 60), at(LATE)).await;
        assert_eq!(early, Err(StoreError::Stale), "the period begins with its end");
        assert_eq!(delete_recording(&world, unsealed.id, now, now).await, Err(StoreError::Stale));

        let until = at(LATE + 120);
        let given_up = delete_recording(&world, recording.id, now, until).await.expect("given up");
        let expected =
            Recording { state: RecordingState::Deleted, deleted_at: Some(now), ..recording.clone() };
        assert_eq!(given_up, expected);
        assert_eq!(world.store.read().recording(recording.id).await, Ok(Some(expected)));
        assert_eq!(delete_recording(&world, recording.id, now, until).await, Err(StoreError::Stale));
        let late = world.change(recording.clone(), |tx, recording| {
            Box::pin(async move { tx.update_recording(&recording).await })
        });
        assert_eq!(late.await, Err(StoreError::Stale), "nothing makes it anything else again");

        // Whoever began has until then; after that somebody else goes on, and only one.
        let take = async |second: i64| {
            let taken = world.books((recording.id, at(second)), |books, (id, now)| {
                Box::pin(async move {
                    books.take_destruction(id, now, now + jiff::SignedDuration::from_secs(9)).await
                })
            });
            taken.await.expect("asked")
        };
        let waiting =
            async |second: i64| world.store.read().recordings_to_destroy(at(second), 10).await.expect("read");
        assert_eq!(waiting(LATE + 119).await, []);
        assert!(!take(LATE + 119).await);
        assert_eq!(waiting(LATE + 120).await, [recording.id]);
        let takers = futures_util::future::join_all((0..8).map(|_| take(LATE + 120))).await;
        assert_eq!(takers.iter().filter(|taken| **taken).count(), 1);
        destroyed(&world, recording.id, at(LATE + 121)).await.expect("said");
        assert_eq!(destroyed(&world, recording.id, at(LATE + 122)).await, Err(StoreError::Stale));
        assert_eq!(waiting(10 * LATE).await, []);
        assert!(!take(10 * LATE).await);
        let look = world.store.read().expired_recordings(at(10 * LATE), ExpiryPlace::START).await;
        assert_eq!(look.expect("read").free, Vec::<Uuid>::new());
        // The sign-in can go before or after: the recording's row still finds who it was.
        assert!(world.store.read().sign_in(sign_in.id).await.expect("read").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_waits_for_a_destruction_in_progress_and_takes_back_one_that_broke_off() {
    for world in World::each().await {
        keep(&world, -1, -1, 1).await;
        let (session, _, recording) = recorded(&world).await;
        let (now, until) = (at(LATE), at(LATE + 120));
        delete_recording(&world, recording.id, now, until).await.expect("given up");
        assert_eq!(hold(&world, session.id, at(LATE + 1)).await, Ok(HoldSet::BeingDestroyed));
        assert_eq!(world.store.read().legal_hold(session.id).await, Ok(None));
        let held = hold(&world, session.id, at(LATE + 121)).await;
        assert_eq!(held, Ok(HoldSet::Held { taken_back: vec![recording.id] }));
        assert_eq!(world.store.read().recording(recording.id).await, Ok(Some(recording.clone())));
        assert_eq!(destroyed(&world, recording.id, at(LATE + 122)).await, Err(StoreError::Stale));
        let taken = world.books(recording.id, |books, id| {
            Box::pin(async move { books.take_destruction(id, at(10 * LATE), at(11 * LATE)).await })
        });
        assert_eq!(taken.await, Ok(false));
        lift(&world, session.id, at(LATE + 121)).await.expect("lifted");
        delete_recording(&world, recording.id, at(2 * LATE), at(2 * LATE)).await.expect("it expires again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_held_hold_no_look_up() {
    for world in World::each().await {
        keep(&world, 1, -1, -1).await;
        let session = session_in(&world, State::Ended).await;
        hold(&world, session.id, at(0)).await.expect("held");
        let held = usize::try_from(RETENTION_BATCH).expect("small") + 5;
        let mut events: Vec<_> = (0..held).map(|_| event_of(&world, Some(session.id), 0)).collect();
        let free = event_of(&world, None, 0);
        events.push(free.clone());
        let added = world.store.write(move |tx| {
            let mut all = events.clone().into_iter();
            Box::pin(async move {
                let one = Events::one(all.next().expect("some"));
                Ok::<_, StoreError>(tx.commit((), all.fold(one, Events::and)))
            })
        });
        added.await.expect("added");
        number(&world).await;
        let look = world.store.read().expired_events(at(LATE), at(LATE), ExpiryPlace::START).await;
        let look = look.expect("read");
        assert_eq!(
            look.free.len() + usize::try_from(look.kept).expect("small"),
            held - 5,
            "no more than a batch"
        );
        assert!(
            expired_events(&world, at(LATE)).await.contains(&free.id.uuid()),
            "what comes behind is found"
        );
    }
}

/// How many events of a session are deleted.
async fn deleted_of(world: &World, session: PrivilegedSessionId) -> usize {
    let log = world.store.read().audit_log(session).await.expect("read");
    log.iter().filter(|event| event.action == AuditAction::EventDeleted).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn once_a_hold_is_acknowledged_nothing_goes_however_many_delete_at_that_moment() {
    const SESSIONS: usize = 24;
    const DELETERS: usize = 6;
    for world in World::each().await {
        keep(&world, 1, -1, -1).await;
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let session = session_in(&world, State::Ended).await;
            for _ in 0..4 {
                add(&world, &event_of(&world, Some(session.id), 0)).await;
            }
            sessions.push(session.id);
        }
        number(&world).await;
        let now = at(LATE);
        let deleter = async |n: usize| {
            let mut went = 0;
            loop {
                let mut ids = expired_events(&world, now).await;
                if ids.is_empty() {
                    return went;
                }
                // Everybody begins somewhere else, and takes events of several sessions at once.
                let length = ids.len();
                ids.rotate_left(n * length / DELETERS);
                ids.truncate(7);
                match delete(&world, ids, now).await {
                    Ok(deleted) => went += deleted.count,
                    Err(StoreError::Stale | StoreError::Contended) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let holder = async |session: PrivilegedSessionId| {
            loop {
                // Counted in the transaction that sets the hold.
                let held = world.change(hold_on(&world, session, at(LATE - 1)), |tx, hold| {
                    Box::pin(async move {
                        tx.set_legal_hold(&hold).await?;
                        let log = tx.read().audit_log(hold.privileged_session_id).await?;
                        Ok(log.iter().filter(|event| event.action == AuditAction::EventDeleted).count())
                    })
                });
                match held.await {
                    Ok(gone) => return (session, gone),
                    Err(StoreError::Contended) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        let deleters = futures_util::future::join_all((0..DELETERS).map(deleter));
        let holders = futures_util::future::join_all(sessions.iter().copied().map(holder));
        let (went, held) = tokio::join!(deleters, holders);
        for (session, when_held) in &held {
            assert_eq!(deleted_of(&world, *session).await, *when_held, "nothing went after the hold stood");
        }
        let gone: usize = held.iter().map(|(_, gone)| gone).sum();
        let of_sessions = went.iter().sum::<u64>();
        assert!(gone as u64 <= of_sessions, "{gone} of {of_sessions}");
    }
}
