//! Recordings.

use chaperone_domain::ids::{RecordingId, SignInId};
use chaperone_domain::recording::{Coverage, Recording, RecordingState};
use chaperone_domain::sign_in::{EndKind, SignIn, SignInEnd};
use chaperone_store::{Page, RecordingFilter, StoreError};

use crate::world::{World, at, first};

/// More than any of these tests makes.
const ALL: u64 = 100;

/// A recording of a sign-in that has just begun; not stored yet.
fn begun(world: &World, sign_in: &SignIn, second: i64) -> Recording {
    Recording {
        id: RecordingId::new(world.id()),
        sign_in_id: sign_in.id,
        privileged_session_id: sign_in.privileged_session_id,
        state: RecordingState::Recording,
        started_at: at(second),
        ended_at: None,
        steps: 0,
        exchanges: 0,
        bytes: 0,
        coverage: Coverage::default(),
        deleted_at: None,
    }
}

/// Each count another one, so that none can be taken for its neighbour.
fn counted(recording: &Recording) -> Recording {
    let coverage = Coverage {
        changes_released: 4,
        changes_with_evidence: 5,
        changes_explained: 6,
        unexplained_values: 7,
        changes_refused: 8,
        gaps: 9,
        areas_not_recorded: 10,
    };
    Recording { steps: 1, exchanges: 2, bytes: i64::MAX.unsigned_abs(), coverage, ..recording.clone() }
}

async fn add_sign_in(world: &World) -> SignIn {
    let sign_in = world.console_sign_in(0);
    world.add_sign_in(&sign_in).await.expect("stored");
    sign_in
}

async fn add(world: &World, recording: &Recording) -> Result<(), StoreError> {
    world.change(recording.clone(), |tx, row| Box::pin(async move { tx.insert_recording(&row).await })).await
}

async fn update(world: &World, recording: &Recording) -> Result<(), StoreError> {
    world.change(recording.clone(), |tx, row| Box::pin(async move { tx.update_recording(&row).await })).await
}

async fn count(world: &World, recording: &Recording) {
    world
        .books(recording.clone(), |books, row| {
            Box::pin(async move { books.update_recording_counts(&row).await })
        })
        .await
        .expect("kept");
}

async fn stored(world: &World, id: RecordingId) -> Recording {
    world.store.read().recording(id).await.expect("read").expect("there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_reads_back_as_it_was_written_in_every_state() {
    for world in World::each().await {
        for state in RecordingState::ALL {
            let sign_in = add_sign_in(&world).await;
            let recording =
                Recording { state, ended_at: Some(at(9)), ..counted(&begun(&world, &sign_in, 5)) };
            add(&world, &recording).await.expect("stored");
            assert_eq!(stored(&world, recording.id).await, recording);
            let of_sign_in = world.store.read().recording_of_sign_in(sign_in.id).await.expect("read");
            assert_eq!(of_sign_in, Some(recording));
        }
        let read = world.store.read();
        assert_eq!(read.recording(RecordingId::new(world.id())).await.expect("read"), None);
        assert_eq!(read.recording_of_sign_in(SignInId::new(world.id())).await.expect("read"), None);
        let sign_in = add_sign_in(&world).await;
        let huge = Recording { bytes: u64::MAX, ..begun(&world, &sign_in, 0) };
        assert_eq!(add(&world, &huge).await, Err(StoreError::NotStorable { what: "a count" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_has_one_recording() {
    for world in World::each().await {
        let sign_in = add_sign_in(&world).await;
        let tries = (0..8).map(|_| {
            let (world, recording) = (&world, begun(&world, &sign_in, 0));
            async move { add(world, &recording).await }
        });
        let results = futures_util::future::join_all(tries).await;
        let conflict = Err(StoreError::Conflict { constraint: "recordings_sign_in".to_owned() });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|result| **result == conflict).count(), 7, "{results:?}");
        let nowhere = Recording { sign_in_id: SignInId::new(world.id()), ..begun(&world, &sign_in, 0) };
        assert_eq!(add(&world, &nowhere).await, Err(StoreError::Reference));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_go_on_until_the_recording_is_sealed_and_no_late_count_undoes_a_seal() {
    for world in World::each().await {
        let sign_in = add_sign_in(&world).await;
        let fresh = begun(&world, &sign_in, 0);
        add(&world, &fresh).await.expect("stored");
        let counts = counted(&fresh);
        count(&world, &counts).await;
        assert_eq!(stored(&world, fresh.id).await, counts);

        let sealed =
            Recording { state: RecordingState::Sealed, ended_at: Some(at(9)), steps: 77, ..counts.clone() };
        count(&world, &sealed).await;
        assert_eq!(stored(&world, fresh.id).await, counts, "a seal is no matter of counting");
        update(&world, &sealed).await.expect("sealed");
        assert_eq!(stored(&world, fresh.id).await, sealed);
        count(&world, &counts).await;
        count(&world, &Recording { steps: 78, ..sealed.clone() }).await;
        assert_eq!(stored(&world, fresh.id).await, sealed);

        let unknown = Recording { id: RecordingId::new(world.id()), ..sealed };
        assert_eq!(update(&world, &unknown).await, Err(StoreError::Stale));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsealed_recordings_come_with_the_end_of_their_sign_in() {
    for world in World::each().await {
        let end = SignInEnd { at: at(8), kind: EndKind::SessionEnded, estimated: true };
        let (open, over, done) = (
            world.console_sign_in(0),
            SignIn { end: Some(end), ..world.console_sign_in(0) },
            SignIn { end: Some(end), ..world.console_sign_in(0) },
        );
        for sign_in in [&open, &over, &done] {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        let goes_on = counted(&begun(&world, &open, 20));
        let to_seal = begun(&world, &over, 10);
        let sealed = Recording { state: RecordingState::Sealed, ..begun(&world, &done, 5) };
        for recording in [&goes_on, &to_seal, &sealed] {
            add(&world, recording).await.expect("stored");
        }
        let unsealed = world.store.read().unsealed_recordings().await.expect("read");
        assert_eq!(unsealed, [(to_seal, Some(end)), (goes_on, None)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_found_by_session_person_account_and_state_newest_first() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let privileged = world.target_sign_in(&session, 0);
        let annas = SignIn { user_id: world.anna.id, ..world.console_sign_in(0) };
        let plain = world.console_sign_in(0);
        let mut ids = Vec::new();
        for (second, sign_in) in (0..).zip([&privileged, &annas, &plain]) {
            world.add_sign_in(sign_in).await.expect("stored");
            let state = if second == 1 { RecordingState::Damaged } else { RecordingState::Recording };
            let recording = Recording { state, ..begun(&world, sign_in, second) };
            add(&world, &recording).await.expect("stored");
            ids.push(recording.id);
        }
        let [of_session, of_anna, of_paula] = ids[..] else { panic!("three recordings") };
        let any = RecordingFilter::default;
        let table = [
            (any(), vec![of_paula, of_anna, of_session]),
            (RecordingFilter { privileged_session_id: Some(session.id), ..any() }, vec![of_session]),
            (RecordingFilter { user_id: Some(world.paula.id), ..any() }, vec![of_paula, of_session]),
            (RecordingFilter { account_id: Some(session.account_id), ..any() }, vec![of_session]),
            (RecordingFilter { account_id: Some(world.other_account.id), ..any() }, vec![]),
            (RecordingFilter { state: Some(RecordingState::Damaged), ..any() }, vec![of_anna]),
            (RecordingFilter { state: Some(RecordingState::Sealed), ..any() }, vec![]),
        ];
        for (filter, expected) in table {
            let found = world.store.read().recordings(filter.clone(), first(ALL)).await.expect("read").items;
            assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{filter:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_recording_once_also_when_they_began_at_the_same_instant() {
    for world in World::each().await {
        let mut expected = Vec::new();
        for _ in 0..7 {
            let recording = begun(&world, &add_sign_in(&world).await, 0);
            add(&world, &recording).await.expect("stored");
            expected.insert(0, recording.id);
        }
        for limit in [1, 3, 7] {
            let mut seen = Vec::new();
            let mut page = first(limit);
            loop {
                let found =
                    world.store.read().recordings(RecordingFilter::default(), page).await.expect("read");
                seen.extend(found.items.iter().map(|row| row.id));
                let Some(next) = found.next else { break };
                page = Page { after: Some(next), limit };
            }
            assert_eq!(seen, expected, "pages of {limit}");
        }
    }
}
