//! The trail: events with their changes, commitments, numbers, and the clock's high water.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, DetailValue, Subject};
use chaperone_domain::ids::{AuditEventId, PrivilegedSessionId, SignInId, TargetId};
use chaperone_domain::sign_in::Channel;
use chaperone_ledger::SALT_BYTES;
use chaperone_store::{EventFilter, Events, Items, Page, StoreError, StoredEvent};

use crate::world::{World, at, first};

/// More than any of these tests makes.
const ALL: u64 = 1_000;

/// An event that says all that an event can say.
fn full(world: &World, second: i64) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::new(world.id()),
        at: at(second),
        actor: Actor::User(world.anna.id),
        on_behalf_of: Some(world.paula.id),
        action: AuditAction::AccountChanged,
        subject: Subject { kind: "account".to_owned(), id: world.account.id.to_string() },
        privileged_session_id: Some(PrivilegedSessionId::new(world.id())),
        sign_in_id: Some(SignInId::new(world.id())),
        channel: Some(Channel::WebServices),
        client_address: Some("2001:db8::1".to_owned()),
        reason: Some("Weil’s „so“ ist:\n\t100 %".to_owned()),
        // Not in the order of their names, one name twice, every kind of value.
        details: vec![
            ("z".to_owned(), DetailValue::Text("a \"b\" \\ \u{1} 語".to_owned())),
            ("a".to_owned(), DetailValue::Number(i64::MIN)),
            ("a".to_owned(), DetailValue::Number(i64::MAX)),
            ("flag".to_owned(), DetailValue::Flag(true)),
            ("none".to_owned(), DetailValue::Nothing),
            (String::new(), DetailValue::Text(String::new())),
        ],
    }
}

/// An event that says next to nothing.
fn plain(world: &World, second: i64) -> AuditEvent {
    AuditEvent { at: at(second), ..world.event() }
}

async fn add(world: &World, events: Vec<AuditEvent>) {
    world
        .store
        .write(move |tx| {
            let mut events = events.clone().into_iter();
            let first = Events::one(events.next().expect("at least one"));
            let events = events.fold(first, Events::and);
            Box::pin(async move { Ok::<_, StoreError>(tx.commit((), events)) })
        })
        .await
        .expect("stored");
}

/// What this test added: a world is furnished long before.
fn from_the_beginning() -> EventFilter {
    EventFilter { start: Some(at(0)), ..Default::default() }
}

async fn ask(world: &World, filter: EventFilter, page: Page) -> Items<StoredEvent> {
    world.store.read().audit_events(filter, page).await.expect("read")
}

/// All that a filter by anything but a number finds, oldest first.
async fn in_order(world: &World, filter: EventFilter) -> Vec<StoredEvent> {
    let found = ask(world, filter, first(ALL)).await;
    assert_eq!(found.next, None);
    found.items.into_iter().rev().collect()
}

async fn sequence(world: &World, limit: u64) -> u64 {
    world
        .books(limit, |books, limit| Box::pin(async move { books.sequence_events(limit).await }))
        .await
        .expect("numbered")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reads_back_as_it_was_written_with_every_action_and_actor() {
    for world in World::each().await {
        let actors = [Actor::Processor, Actor::System, Actor::Anonymous]
            .map(|actor| AuditEvent { actor, ..full(&world, 1) });
        let actions = AuditAction::ALL.iter().map(|action| AuditEvent { action: *action, ..full(&world, 2) });
        let events: Vec<_> = actors.into_iter().chain(actions).chain([plain(&world, 3)]).collect();
        add(&world, events.clone()).await;
        let stored = in_order(&world, from_the_beginning()).await;
        let stored: Vec<_> = stored.into_iter().map(|stored| stored.event).collect();
        assert_eq!(stored, events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commitment_opens_to_the_event_as_it_reads_back() {
    for world in World::each().await {
        add(&world, vec![full(&world, 1), full(&world, 2), plain(&world, 3), plain(&world, 3)]).await;
        let stored = ask(&world, from_the_beginning(), first(ALL)).await.items;
        let rows = world.ask_raw("SELECT id, salt FROM audit_events").await;
        let mut salts = BTreeSet::new();
        for StoredEvent { event, commitment, .. } in &stored {
            let salt = rows
                .iter()
                .find(|row| row.try_get::<uuid::Uuid>("", "id").unwrap() == event.id.uuid())
                .map(|row| row.try_get::<Vec<u8>>("", "salt").unwrap())
                .expect("a salt");
            let salt: [u8; SALT_BYTES] = salt.try_into().expect("of full length");
            assert_eq!(*commitment, chaperone_ledger::commitment(&salt, &event.canonical_bytes()));
            assert!(salts.insert(salt), "each event has a salt of its own");
        }
        assert_eq!(salts.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_there_exactly_when_its_change_is() {
    for world in World::each().await {
        let session = world.draft();
        let event = plain(&world, 1);
        // The change works, the event does not: its id is taken.
        add(&world, vec![event.clone()]).await;
        let (row, twice) = (session.clone(), event.clone());
        let refused = world
            .store
            .write(move |tx| {
                let (row, twice) = (row.clone(), twice.clone());
                Box::pin(async move {
                    tx.insert_privileged_session(&row).await?;
                    Ok(tx.commit((), Events::one(twice)))
                })
            })
            .await;
        let constraint = "audit_events_pkey".to_owned();
        assert_eq!(refused, Err(StoreError::Conflict { constraint }));
        assert_eq!(world.store.read().privileged_session(session.id).await.expect("read"), None);

        // The change is committed by its body, but the last word is an error.
        let late = plain(&world, 2);
        let row = session.clone();
        let refused: Result<(), StoreError> = world
            .store
            .write(move |tx| {
                let (row, late) = (row.clone(), late.clone());
                Box::pin(async move {
                    tx.insert_privileged_session(&row).await?;
                    let _never_handed_back = tx.commit((), Events::one(late));
                    Err(StoreError::Stale)
                })
            })
            .await;
        assert_eq!(refused, Err(StoreError::Stale));
        assert_eq!(world.store.read().privileged_session(session.id).await.expect("read"), None);

        // Both work.
        world.add_session(&session).await.expect("stored");
        let stored = ask(&world, from_the_beginning(), first(ALL)).await.items;
        assert_eq!(stored.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), [event]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_finds_exactly_its_events() {
    for world in World::each().await {
        let by_anna = AuditEvent { on_behalf_of: None, ..full(&world, 10) };
        let for_paula =
            AuditEvent { actor: Actor::Processor, action: AuditAction::GrantClosed, ..full(&world, 20) };
        let nobody = plain(&world, 30);
        let target = TargetId::new(world.id());
        let at_target = AuditEvent {
            details: vec![("target_id".to_owned(), DetailValue::Text(target.to_string()))],
            ..plain(&world, 40)
        };
        let of_target = AuditEvent {
            subject: Subject { kind: "target".to_owned(), id: target.to_string() },
            ..plain(&world, 50)
        };
        add(&world, vec![of_target.clone(), at_target.clone()]).await;
        add(&world, vec![nobody.clone(), for_paula.clone(), by_anna.clone()]).await;
        let any = from_the_beginning;
        let span = |start, end| EventFilter { start: Some(at(start)), end: Some(at(end)), ..any() };
        let table = [
            (any(), vec![by_anna.id, for_paula.id, nobody.id, at_target.id, of_target.id]),
            (EventFilter { action: Some(AuditAction::GrantClosed), ..any() }, vec![for_paula.id]),
            (
                EventFilter { actions: vec![AuditAction::GrantClosed, AuditAction::AccountChanged], ..any() },
                vec![by_anna.id, for_paula.id],
            ),
            (EventFilter { target_id: Some(target), ..any() }, vec![at_target.id, of_target.id]),
            (EventFilter { target_id: Some(TargetId::new(world.id())), ..any() }, vec![]),
            (EventFilter { action: Some(AuditAction::UserCreated), ..any() }, vec![]),
            (EventFilter { user_id: Some(world.anna.id), ..any() }, vec![by_anna.id]),
            (EventFilter { user_id: Some(world.paula.id), ..any() }, vec![for_paula.id]),
            (EventFilter { privileged_session_id: by_anna.privileged_session_id, ..any() }, vec![by_anna.id]),
            (EventFilter { sign_in_id: for_paula.sign_in_id, ..any() }, vec![for_paula.id]),
            // From the start on, before the end.
            (span(10, 30), vec![by_anna.id, for_paula.id]),
            (span(11, 20), vec![]),
            (EventFilter { user_id: Some(world.anna.id), ..span(11, 40) }, vec![]),
        ];
        for (filter, expected) in table {
            let found = in_order(&world, filter.clone()).await;
            assert_eq!(
                found.iter().map(|stored| stored.event.id).collect::<Vec<_>>(),
                expected,
                "{filter:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_session_holds_its_events_in_order_and_no_others() {
    for world in World::each().await {
        let session = PrivilegedSessionId::new(world.id());
        let of_session = |second| AuditEvent { privileged_session_id: Some(session), ..full(&world, second) };
        // Three of one instant keep the order of their ids.
        let events = [of_session(5), of_session(5), of_session(5), of_session(3)];
        add(&world, vec![events[3].clone(), events[1].clone(), full(&world, 4)]).await;
        add(&world, vec![events[2].clone(), events[0].clone(), plain(&world, 4)]).await;
        let log = world.store.read().audit_log(session).await.expect("read");
        let [a, b, c, earliest] = events;
        assert_eq!(log, [earliest, a, b, c]);
        let nothing = world.store.read().audit_log(PrivilegedSessionId::new(world.id())).await;
        assert_eq!(nothing, Ok(Vec::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_time_and_by_number_show_every_event_once() {
    for world in World::each().await {
        let events: Vec<_> = (0..11).map(|n| plain(&world, n / 4)).collect();
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        add(&world, events).await;
        while sequence(&world, 5).await > 0 {}
        let newest_first: Vec<_> = ids.iter().rev().copied().collect();
        let by_number = EventFilter { after_seq: Some(0), ..from_the_beginning() };
        for (filter, ids) in [(from_the_beginning(), newest_first), (by_number, ids)] {
            for limit in [1, 4, 11, 12] {
                let mut seen = Vec::new();
                let mut page = first(limit);
                loop {
                    let found = ask(&world, filter.clone(), page).await;
                    seen.extend(found.items.iter().map(|stored| stored.event.id));
                    let Some(next) = found.next else { break };
                    page = Page { after: Some(next), limit };
                }
                assert_eq!(seen, ids, "{filter:?} in pages of {limit}");
            }
        }
    }
}

/// The numbers in order of time, each with its event.
async fn numbers(world: &World) -> Vec<(Option<i64>, AuditEventId)> {
    let stored = in_order(world, EventFilter::default()).await;
    stored.iter().map(|stored| (stored.seq, stored.event.id)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_follow_the_order_of_time_and_are_never_given_twice() {
    for world in World::each().await {
        // The one event of furnishing the world, then four that came in another order than they happened.
        let events: Vec<_> = [30, 10, 20, 40].map(|second| plain(&world, second)).to_vec();
        add(&world, events).await;
        assert!(numbers(&world).await.iter().all(|(seq, _)| seq.is_none()));
        let by_number = EventFilter { after_seq: Some(0), ..Default::default() };
        assert_eq!(
            ask(&world, by_number.clone(), first(ALL)).await.items,
            [],
            "without number, not among numbered"
        );
        assert_eq!(sequence(&world, 2).await, 2);
        let some = numbers(&world).await;
        assert_eq!(
            some.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
            [Some(1), Some(2), None, None, None]
        );
        assert_eq!(sequence(&world, ALL).await, 3);
        assert_eq!(sequence(&world, ALL).await, 0);
        let all = numbers(&world).await;
        assert_eq!(
            all.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
            (1..=5).map(Some).collect::<Vec<_>>()
        );
        assert_eq!(all[..2], some[..2], "a number stays");

        // What comes late with an early time is numbered behind: a number that was given never moves.
        let late = plain(&world, 5);
        add(&world, vec![late.clone()]).await;
        assert_eq!(sequence(&world, ALL).await, 1);
        let after = EventFilter { after_seq: Some(5), ..Default::default() };
        let found = ask(&world, after, first(ALL)).await.items;
        assert_eq!(found.iter().map(|s| (s.seq, s.event.id)).collect::<Vec<_>>(), [(Some(6), late.id)]);
        let numbered = ask(&world, by_number, first(ALL)).await.items;
        let seqs: Vec<_> = numbered.iter().map(|stored| stored.seq).collect();
        assert_eq!(seqs, (1..=6).map(Some).collect::<Vec<_>>(), "read by number, in the order of numbers");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sequencers_beside_writers_leave_neither_gap_nor_double() {
    const WRITERS: i64 = 4;
    const EACH: i64 = 40;
    for world in World::each().await {
        let writer = async |writer: i64| {
            for n in 0..EACH {
                // Times of different writers are mixed.
                add(&world, vec![plain(&world, n * WRITERS + writer), plain(&world, n)]).await;
            }
        };
        let written = AtomicBool::new(false);
        let writers = async {
            futures_util::future::join_all((0..WRITERS).map(writer)).await;
            written.store(true, Ordering::SeqCst);
        };
        let sequencer = async |limit| {
            let mut mine = 0;
            loop {
                // Read before looking: what is written by then is seen by the look.
                let last = written.load(Ordering::SeqCst);
                let numbered = sequence(&world, limit).await;
                mine += numbered;
                if last && numbered == 0 {
                    return mine;
                }
            }
        };
        let ((), few, many) = tokio::join!(writers, sequencer(3), sequencer(50));
        let expected = u64::try_from(2 * WRITERS * EACH).expect("positive") + 1;
        assert_eq!(few + many, expected, "each event was numbered by exactly one of them");
        let mut seqs: Vec<_> = numbers(&world).await.into_iter().map(|(seq, _)| seq).collect();
        seqs.sort_unstable();
        let gapless: Vec<_> = (1..=i64::try_from(expected).expect("small")).map(Some).collect();
        assert_eq!(seqs, gapless);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn details_keep_every_sign_also_those_that_a_text_column_may_not() {
    for world in World::each().await {
        let details =
            vec![("a\0".to_owned(), DetailValue::from("a\0b")), ("c".to_owned(), "\u{10ffff}".into())];
        let event = AuditEvent { details, ..plain(&world, 2) };
        add(&world, vec![event.clone()]).await;
        let stored = ask(&world, from_the_beginning(), first(ALL)).await.items;
        assert_eq!(stored.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), [event]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_high_water_only_rises_and_outlives_the_store() {
    for world in World::each().await {
        let raise = async |now: Instant| {
            world
                .books(now, |books, now| Box::pin(async move { books.raise_high_water(now).await }))
                .await
                .expect("raised")
        };
        assert_eq!(raise(at(100)).await, at(100), "fresh, it is what it is raised to");
        assert_eq!(raise(at(50)).await, at(100), "a clock that was set back changes nothing");
        assert_eq!(
            raise(Instant::MIN).await,
            at(100),
            "asking for it is raising it to the beginning of time"
        );
        assert_eq!(raise(at(101)).await, at(101));
        let both = futures_util::future::join_all((0..16).map(|n| raise(at(200 - n)))).await;
        assert_eq!(both.iter().max(), Some(&at(200)));
        let again = world.reopened().await;
        let kept = again
            .keep_books(|books| Box::pin(async move { books.raise_high_water(Instant::MIN).await }))
            .await;
        assert_eq!(kept, Ok(at(200)));
    }
}
