//! Changes that share a commit, and bodies that go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::privileged_session::PrivilegedSession;
use chaperone_store::{Events, Store, StoreError};

use crate::world::World;

/// How many change at the same time.
const MANY: usize = 60;

/// How the body of a change ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    Well,
    WithItsOwnError,
    WithAnErrorOfTheDatabase,
    InPanic,
    WithAnEventThatCannotBeKept,
}

/// Adds a session twice over if the database is to refuse it, and ends as told.
async fn change(world: &World, session: &PrivilegedSession, ends: Ends) -> Result<(), StoreError> {
    let (session, mut event) = (session.clone(), world.event());
    if ends == Ends::WithAnEventThatCannotBeKept {
        event.reason = Some("\0".to_owned());
    }
    world
        .store
        .write(move |tx| {
            let (session, event) = (session.clone(), event.clone());
            Box::pin(async move {
                tx.insert_privileged_session(&session).await?;
                match ends {
                    Ends::Well | Ends::WithAnEventThatCannotBeKept => Ok(tx.commit((), Events::one(event))),
                    Ends::WithItsOwnError => Err(StoreError::NotStorable { what: "this" }),
                    Ends::WithAnErrorOfTheDatabase => {
                        tx.insert_privileged_session(&session).await?;
                        unreachable!("the id is taken")
                    }
                    Ends::InPanic => panic!("on purpose"),
                }
            })
        })
        .await
}

async fn events(world: &World) -> usize {
    world.ask_raw("SELECT id FROM audit_events").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_fails_takes_nothing_with_it_and_leaves_nothing() {
    const KINDS: [Ends; 5] = [
        Ends::Well,
        Ends::WithItsOwnError,
        Ends::WithAnErrorOfTheDatabase,
        Ends::InPanic,
        Ends::WithAnEventThatCannotBeKept,
    ];
    for world in World::each().await {
        let before = events(&world).await;
        let sessions: Vec<_> = KINDS.iter().cycle().take(MANY).map(|ends| (*ends, world.draft())).collect();
        let changes = sessions.iter().map(|(ends, session)| change(&world, session, *ends));
        let results = futures_util::future::join_all(changes).await;
        for ((ends, session), result) in sessions.iter().zip(results) {
            let expected = match ends {
                Ends::Well => Ok(()),
                Ends::WithItsOwnError => Err(StoreError::NotStorable { what: "this" }),
                Ends::WithAnErrorOfTheDatabase => {
                    Err(StoreError::Conflict { constraint: "privileged_sessions_pkey".to_owned() })
                }
                Ends::InPanic => Err(StoreError::BodyPanicked),
                Ends::WithAnEventThatCannotBeKept => Err(StoreError::NotStorable { what: "a text" }),
            };
            assert_eq!(result, expected, "{ends:?}");
            let stored = world.store.read().privileged_session(session.id).await.expect("read");
            assert_eq!(stored.is_some(), *ends == Ends::Well, "{ends:?}");
        }
        assert_eq!(events(&world).await - before, MANY / KINDS.len(), "one event of each change that stands");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_all_go_well_are_kept_with_every_event_and_counted() {
    for world in World::each().await {
        let (before, counted) = (events(&world).await, world.store.written());
        let sessions: Vec<_> = (0..MANY).map(|_| world.draft()).collect();
        let changes = sessions.iter().map(|session| change(&world, session, Ends::Well));
        for result in futures_util::future::join_all(changes).await {
            assert_eq!(result, Ok(()));
        }
        assert_eq!(events(&world).await - before, MANY);
        let now = world.store.written();
        let many = MANY as u64;
        assert_eq!((now.changes - counted.changes, now.events - counted.events), (many, many));
        assert!((1..=many).contains(&(now.commits - counted.commits)), "{now:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_sees_what_it_did_and_others_see_it_only_when_it_is_committed() {
    for world in World::each().await {
        let (session, event) = (world.draft(), world.event());
        let outside = Arc::new(world.store.clone());
        let row = session.clone();
        let seen = world
            .store
            .write(move |tx| {
                let (row, event, outside) = (row.clone(), event.clone(), outside.clone());
                Box::pin(async move {
                    tx.insert_privileged_session(&row).await?;
                    let inside = tx.read().privileged_session(row.id).await?;
                    let outside = outside.read().privileged_session(row.id).await?;
                    Ok::<_, StoreError>(tx.commit((inside, outside), Events::one(event)))
                })
            })
            .await;
        assert_eq!(seen, Ok((Some(session.clone()), None)));
        let after = world.store.read().privileged_session(session.id).await.expect("read");
        assert_eq!(after, Some(session));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_caller_went_away_is_kept_or_undone_as_a_whole() {
    for world in World::each().await {
        let before = events(&world).await;
        let sessions: Vec<_> = (0..MANY).map(|_| world.draft()).collect();
        for session in &sessions {
            // Polled once, so that it is under way; then nobody waits any more.
            let change = change(&world, session, Ends::Well);
            assert!(futures_util::FutureExt::now_or_never(change).is_none(), "nothing is durable at once");
        }
        // What is asked for later is answered later: on SQLite by the one writer, and on PostgreSQL the change is
        // looked for until it is there.
        let mut kept = 0;
        for _ in 0..1_000 {
            world.add_session(&world.draft()).await.expect("stored");
            kept = 0;
            for session in &sessions {
                let stored = world.store.read().privileged_session(session.id).await.expect("read");
                kept += usize::from(stored.is_some());
            }
            if kept == MANY {
                break;
            }
        }
        assert_eq!(kept, MANY);
        let marks = world.ask_raw("SELECT id FROM privileged_sessions").await.len() - MANY;
        assert_eq!(events(&world).await - before, MANY + marks, "each with its event");
    }
}

/// Appends a letter to the session's reason, at the version that it reads.
async fn append(
    store: &Store,
    id: PrivilegedSessionId,
    event: AuditEvent,
    runs: &Arc<AtomicU32>,
) -> Result<(), StoreError> {
    let runs = runs.clone();
    let change = store.write(move |tx| {
        let event = event.clone();
        runs.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let mut row = tx.read().privileged_session(id).await?.ok_or(StoreError::Stale)?;
            row.reason.push('x');
            tx.update_privileged_session(&row, row.version).await?;
            Ok::<_, StoreError>(tx.commit((), Events::one(event)))
        })
    });
    change.await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_row_that_cross_are_all_made_one_after_the_other() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let runs = Arc::new(AtomicU32::new(0));
        // As a second node would, or on SQLite another program with the same file open.
        let other = world.reopened().await;
        // Each reads the version that it changes: without protection some would overwrite others.
        let changes = (0..16).map(|n| {
            let store = if n % 2 == 0 { &world.store } else { &other };
            append(store, session.id, world.event(), &runs)
        });
        for result in futures_util::future::join_all(changes).await {
            assert_eq!(result, Ok(()));
        }
        let stored = world.store.read().privileged_session(session.id).await.expect("read").expect("there");
        assert_eq!((stored.version, stored.reason), (17, format!("{}{}", session.reason, "x".repeat(16))));
        assert!(runs.load(Ordering::Relaxed) >= 16);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_changes_of_one_row_that_all_lose_races_are_all_made() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let runs = Arc::new(AtomicU32::new(0));
        let changes = (0..200).map(|_| append(&world.store, session.id, world.event(), &runs));
        for result in futures_util::future::join_all(changes).await {
            assert_eq!(result, Ok(()));
        }
        let stored = world.store.read().privileged_session(session.id).await.expect("read").expect("there");
        assert_eq!(stored.version, 201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_new_start() {
    for world in World::each().await {
        let sessions: Vec<_> = (0..MANY).map(|_| world.draft()).collect();
        let changes = sessions.iter().map(|session| change(&world, session, Ends::Well));
        for result in futures_util::future::join_all(changes).await {
            assert_eq!(result, Ok(()));
        }
        let again = world.reopened().await;
        for session in &sessions {
            let stored = again.read().privileged_session(session.id).await.expect("read");
            assert_eq!(stored.as_ref(), Some(session));
        }
    }
}
