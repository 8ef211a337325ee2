//! Privileged sessions.

use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{PrivilegedSessionId, TargetId, UserId};
use chaperone_domain::privileged_session::{EndReason, PrivilegedSession, State, Status};
use chaperone_store::{Page, SessionFilter, StoreError};

use crate::world::{World, at, first, window};

/// More than any of these tests makes.
const ALL: u64 = 100;

async fn update(world: &World, session: &PrivilegedSession, expected: i64) -> Result<(), StoreError> {
    world
        .change((session.clone(), expected), |tx, (session, expected)| {
            Box::pin(async move { tx.update_privileged_session(&session, expected).await })
        })
        .await
}

async fn found(world: &World, filter: SessionFilter) -> Vec<PrivilegedSessionId> {
    let items = world.store.read().privileged_sessions(filter, first(ALL)).await.expect("read").items;
    items.iter().map(|session| session.id).collect()
}

async fn is_stored(world: &World, session: &PrivilegedSession) {
    let stored = world.store.read().privileged_session(session.id).await.expect("read");
    assert_eq!(stored.as_ref(), Some(session));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_reads_back_as_it_was_written_in_every_state() {
    for world in World::each().await {
        for state in State::ALL {
            let session = PrivilegedSession {
                edited_by: vec![world.anna.id, world.paula.id],
                // Not in the order of their ids.
                target_ids: vec![world.crm.id, world.erp.id],
                state,
                end_reason: Some(EndReason::HandedBack),
                wish: Wish::Disable,
                reason: "Ä reason, \"quoted\"\nin two lines".to_owned(),
                ticket: "T-1".to_owned(),
                approved_by: Some(world.anna.id),
                self_approved: true,
                start_intended_at: Some(at(1)),
                started_at: Some(at(2)),
                ended_at: Some(at(3)),
                version: 7,
                ..world.draft()
            };
            world.add_session(&session).await.expect("stored");
            is_stored(&world, &session).await;
        }
        for end_reason in EndReason::ALL {
            let session = PrivilegedSession { end_reason: Some(end_reason), ..world.draft() };
            world.add_session(&session).await.expect("stored");
            is_stored(&world, &session).await;
        }
        let plain = world.draft();
        world.add_session(&plain).await.expect("stored");
        is_stored(&world, &plain).await;
        let nobody = PrivilegedSessionId::new(world.id());
        assert_eq!(world.store.read().privileged_session(nobody).await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_everything_but_who_asked_and_when_and_raises_the_version() {
    for world in World::each().await {
        let old = world.draft();
        world.add_session(&old).await.expect("stored");
        let mut new = PrivilegedSession {
            account_id: world.other_account.id,
            user_id: world.anna.id,
            edited_by: vec![world.anna.id],
            target_ids: vec![world.crm.id, world.erp.id],
            end_reason: Some(EndReason::CouldNotStart),
            wish: Wish::None,
            window: window(10, 20),
            reason: "Other".to_owned(),
            ticket: "T-2".to_owned(),
            approved_by: Some(world.anna.id),
            self_approved: true,
            start_intended_at: Some(at(1)),
            started_at: Some(at(2)),
            ended_at: Some(at(3)),
            updated_at: at(4),
            ..old.clone()
        };
        update(&world, &new, 1).await.expect("updated");
        new.version = 2;
        is_stored(&world, &new).await;
        // What people search by moves along.
        let by_words = |words: &str| SessionFilter { q: Some(words.to_owned()), ..Default::default() };
        assert_eq!(found(&world, by_words("t-2")).await, [new.id]);
        assert_eq!(found(&world, by_words("quarter")).await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_from_an_old_reading_changes_nothing_and_leaves_no_event() {
    for world in World::each().await {
        let old = world.draft();
        world.add_session(&old).await.expect("stored");
        let approved = PrivilegedSession { state: State::Approved, ..old.clone() };
        update(&world, &approved, 1).await.expect("updated");
        let events = world.ask_raw("SELECT id FROM audit_events").await.len();

        let stale = PrivilegedSession { state: State::Cancelled, target_ids: Vec::new(), ..old.clone() };
        assert_eq!(update(&world, &stale, 1).await, Err(StoreError::Stale));
        let unknown = PrivilegedSession { id: PrivilegedSessionId::new(world.id()), ..stale };
        assert_eq!(update(&world, &unknown, 1).await, Err(StoreError::Stale));
        is_stored(&world, &PrivilegedSession { version: 2, ..approved }).await;
        assert_eq!(world.ask_raw("SELECT id FROM audit_events").await.len(), events);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_read_the_same_version_one_changes_the_session() {
    for world in World::each().await {
        let old = world.draft();
        world.add_session(&old).await.expect("stored");
        let tries = (0..16).map(|n| {
            let new = PrivilegedSession { reason: format!("by {n}"), ..old.clone() };
            let world = &world;
            async move { update(world, &new, 1).await }
        });
        let results = futures_util::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let stale = results.iter().filter(|result| **result == Err(StoreError::Stale)).count();
        assert_eq!(stale, 15, "{results:?}");
        let stored = world.store.read().privileged_session(old.id).await.expect("read").expect("there");
        let winner = results.iter().position(Result::is_ok).expect("one");
        assert_eq!((stored.reason, stored.version), (format!("by {winner}"), 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_follow_the_request_while_it_is_a_draft() {
    for world in World::each().await {
        let mut session = world.draft();
        world.add_session(&session).await.expect("stored");
        for (version, target_ids) in
            (1..).zip([vec![world.crm.id, world.erp.id], vec![], vec![world.erp.id, world.crm.id]])
        {
            session.target_ids = target_ids;
            update(&world, &session, version).await.expect("updated");
            session.version = version + 1;
            is_stored(&world, &session).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_names_must_be_there() {
    for world in World::each().await {
        let unknown_user = UserId::new(world.id());
        let unknown_target = TargetId::new(world.id());
        let wrong = [
            PrivilegedSession { user_id: unknown_user, ..world.draft() },
            PrivilegedSession { approved_by: Some(unknown_user), ..world.draft() },
            PrivilegedSession { target_ids: vec![world.erp.id, unknown_target], ..world.draft() },
        ];
        for session in wrong {
            assert_eq!(world.add_session(&session).await, Err(StoreError::Reference));
            let stored = world.store.read().privileged_session(session.id).await.expect("read");
            assert_eq!(stored, None, "nothing of it is kept");
        }
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let gone =
            world.change(world.erp.id, |tx, id| Box::pin(async move { tx.delete_target(id).await })).await;
        assert_eq!(gone, Err(StoreError::Reference), "a target that a session names cannot go");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_refuses_a_window_longer_than_a_day_or_without_length() {
    for world in World::each().await {
        let session = PrivilegedSession { window: window(0, 24 * 3_600), ..world.draft() };
        world.add_session(&session).await.expect("a whole day is allowed");
        for wrong in ["starts_at + 86400000001", "starts_at", "starts_at - 1"] {
            let refused = world
                .run_raw(&format!("UPDATE privileged_sessions SET ends_at = {wrong}"))
                .await
                .unwrap_err();
            assert!(refused.to_string().contains("privileged_sessions_window"), "{wrong}: {refused}");
        }
        is_stored(&world, &session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_past_the_store_is_named_not_guessed() {
    for world in World::each().await {
        for (column, value) in [("state", "'Sleeping'"), ("edited_by", "'nobody'"), ("end_reason", "'tired'")]
        {
            let session = world.draft();
            world.add_session(&session).await.expect("stored");
            world
                .run_raw(&format!("UPDATE privileged_sessions SET {column} = {value}"))
                .await
                .expect("changed");
            let what = format!("privileged_sessions.{column}");
            let read = world.store.read().privileged_session(session.id).await;
            assert_eq!(read, Err(StoreError::Corrupt { what }));
            world.run_raw("DELETE FROM privileged_session_targets").await.expect("deleted");
            world.run_raw("DELETE FROM privileged_sessions").await.expect("deleted");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_finds_exactly_its_sessions() {
    for world in World::each().await {
        // Anna asked for Paula, as an account without owner, at the CRM.
        let annas = PrivilegedSession {
            requested_by: world.anna.id,
            account_id: world.other_account.id,
            target_ids: vec![world.crm.id],
            state: State::Approved,
            window: window(10_000, 20_000),
            reason: "Import 100% of it".to_owned(),
            ticket: "CHG_77".to_owned(),
            ..world.draft()
        };
        // Anna asked for herself, as Paula's account, without any target.
        let borrowed = PrivilegedSession {
            requested_by: world.anna.id,
            user_id: world.anna.id,
            target_ids: Vec::new(),
            state: State::Starting,
            window: window(20_000, 30_000),
            ..world.draft()
        };
        let paulas = PrivilegedSession { window: window(0, 10_000), ..world.draft() };
        for session in [&annas, &borrowed, &paulas] {
            world.add_session(session).await.expect("stored");
        }
        let any = SessionFilter::default;
        let q = |text: &str| SessionFilter { q: Some(text.to_owned()), ..any() };
        let span =
            |from, to| SessionFilter { overlaps_from: Some(at(from)), overlaps_to: Some(at(to)), ..any() };
        let statuses = |statuses: &[Status]| SessionFilter { statuses: statuses.to_vec(), ..any() };
        let table = [
            (any(), vec![borrowed.id, annas.id, paulas.id]),
            (statuses(&[Status::Draft]), vec![paulas.id]),
            (statuses(&[Status::Approved]), vec![borrowed.id, annas.id]),
            (statuses(&[Status::Draft, Status::Ended]), vec![paulas.id]),
            (statuses(&[Status::Rejected]), vec![]),
            (SessionFilter { user_id: Some(world.paula.id), ..any() }, vec![annas.id, paulas.id]),
            (SessionFilter { account_id: Some(world.other_account.id), ..any() }, vec![annas.id]),
            (SessionFilter { target_id: Some(world.erp.id), ..any() }, vec![paulas.id]),
            (SessionFilter { requested_by: Some(world.anna.id), ..any() }, vec![borrowed.id, annas.id]),
            // As user, as requester, as owner of the account.
            (
                SessionFilter { seen_by: Some(world.paula.id), ..any() },
                vec![borrowed.id, annas.id, paulas.id],
            ),
            (SessionFilter { seen_by: Some(world.anna.id), ..any() }, vec![borrowed.id, annas.id]),
            // Windows that only touch the span are outside.
            (span(10_000, 20_000), vec![annas.id]),
            (span(9_999, 20_001), vec![borrowed.id, annas.id, paulas.id]),
            (span(30_000, 40_000), vec![]),
            (q("IMPORT"), vec![annas.id]),
            (q("chg_77"), vec![annas.id]),
            // Signs that databases take for placeholders are letters like others.
            (q("100%"), vec![annas.id]),
            (q("chg%7"), vec![]),
            (q("chg-77"), vec![]),
            (q("\\"), vec![]),
            (q("paula priv"), vec![annas.id, paulas.id]),
            (q("CRM-ADMIN"), vec![annas.id]),
            (
                SessionFilter { user_id: Some(world.paula.id), target_id: Some(world.crm.id), ..q("import") },
                vec![annas.id],
            ),
        ];
        for (filter, expected) in table {
            assert_eq!(found(&world, filter.clone()).await, expected, "{filter:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_session_once_also_when_many_start_at_the_same_instant() {
    for world in World::each().await {
        let mut expected = Vec::new();
        for n in 0..23 {
            // Seven of them share each start.
            let session = PrivilegedSession { window: window(n / 7, 100), ..world.draft() };
            world.add_session(&session).await.expect("stored");
            expected.push((session.window.starts_at(), session.id));
        }
        expected.sort_unstable();
        expected.reverse();
        for limit in [1, 5, 22, 23, 24] {
            let mut seen = Vec::new();
            let mut page = first(limit);
            loop {
                let items = world
                    .store
                    .read()
                    .privileged_sessions(SessionFilter::default(), page)
                    .await
                    .expect("read");
                assert!(items.items.len() as u64 <= limit);
                seen.extend(items.items.iter().map(|session| (session.window.starts_at(), session.id)));
                let Some(next) = items.next else { break };
                page = Page { after: Some(next), limit };
            }
            assert_eq!(seen, expected, "pages of {limit}");
        }
        for bad in ["", "x", "t61.00000000000000000000000000000007"] {
            let page = Page { after: Some(bad.to_owned()), limit: 1 };
            let answer = world.store.read().privileged_sessions(SessionFilter::default(), page).await;
            assert_eq!(answer, Err(StoreError::Cursor), "{bad}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_due_when_time_moves_it_or_it_is_on_its_way() {
    for world in World::each().await {
        let now = 1_000;
        let mut due = Vec::new();
        for state in State::ALL {
            for (from, until) in [(0, 999), (0, 1_000), (0, 1_001), (1_000, 1_001), (1_001, 1_002)] {
                let session = PrivilegedSession { state, window: window(from, until), ..world.draft() };
                world.add_session(&session).await.expect("stored");
                let is_due = match state {
                    State::Draft | State::Active => until <= now,
                    State::Approved => from <= now,
                    State::Starting | State::Ending => true,
                    _ => false,
                };
                if is_due {
                    due.push((at(from), session.id));
                }
            }
        }
        due.sort_unstable();
        let read = world.store.read();
        let due: Vec<_> = due.into_iter().map(|(_, id)| id).collect();
        assert_eq!(read.due_sessions(at(now), ALL).await.expect("read"), due);
        assert_eq!(read.due_sessions(at(now), 3).await.expect("read"), due[..3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_due_instant_is_the_earliest_that_moves_a_session() {
    for world in World::each().await {
        let next = async || world.store.read().next_due_at().await.expect("read");
        assert_eq!(next().await, None);
        let table = [
            // The start of a draft moves nothing, and neither does anything of what is over.
            (State::Ended, window(1, 2), None),
            (State::Rejected, window(1, 2), None),
            (State::Active, window(1, 900), Some(900)),
            (State::Draft, window(1, 800), Some(800)),
            (State::Approved, window(700, 2_000), Some(700)),
            (State::Approved, window(750, 800), Some(700)),
        ];
        for (state, window, expected) in table {
            world.add_session(&PrivilegedSession { state, window, ..world.draft() }).await.expect("stored");
            assert_eq!(next().await, expected.map(at), "with one that is {state:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_by_account_and_state() {
    for world in World::each().await {
        let mut ids = Vec::new();
        for (n, (state, account_id)) in (0..).zip([
            (State::Active, world.account.id),
            (State::Approved, world.account.id),
            (State::Active, world.other_account.id),
        ]) {
            let session =
                PrivilegedSession { state, account_id, window: window(10 - n, 100), ..world.draft() };
            world.add_session(&session).await.expect("stored");
            ids.push(session.id);
        }
        let read = world.store.read();
        let of = |sessions: Vec<PrivilegedSession>| -> Vec<_> {
            sessions.iter().map(|session| session.id).collect()
        };
        let both = [State::Active, State::Approved];
        let own = read.sessions_of_account(world.account.id, &both).await.expect("read");
        assert_eq!(of(own), [ids[1], ids[0]], "by their start");
        let active = read.sessions_of_account(world.account.id, &[State::Active]).await.expect("read");
        assert_eq!(of(active), [ids[0]]);
        assert_eq!(of(read.sessions_in(&[State::Active]).await.expect("read")), [ids[2], ids[0]]);
        assert_eq!(of(read.sessions_in(&[State::Ended]).await.expect("read")), []);
    }
}
