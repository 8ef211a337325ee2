//! Event streams: a cursor that only the holder moves, and only forward.

use chaperone_domain::event_stream::EventStream;
use chaperone_store::{Store, StoreError};

use crate::world::{World, at};

async fn add(world: &World, last_seq: i64) {
    let added = world
        .change(last_seq, |tx, last_seq| {
            Box::pin(async move { tx.insert_event_stream("siem", "{}", at(0), last_seq).await })
        })
        .await;
    added.expect("added");
}

async fn stored(world: &World) -> EventStream {
    world.store.read().event_stream("siem").await.expect("read").expect("there")
}

async fn take(store: &Store, second: i64) -> Option<EventStream> {
    let taken = store
        .keep_books(move |books| {
            Box::pin(async move { books.take_event_stream("siem", at(second), at(second + 60)).await })
        })
        .await;
    taken.expect("looked")
}

async fn taken_up_to(store: &Store, stream: &EventStream, seq: i64, second: i64) -> bool {
    let stream = stream.clone();
    let moved = store
        .keep_books(move |books| {
            let stream = stream.clone();
            Box::pin(async move { books.event_stream_taken(&stream, seq, at(second), at(second + 60)).await })
        })
        .await;
    moved.expect("tried")
}

async fn failed(store: &Store, stream: &EventStream, second: i64, next: i64) -> bool {
    let stream = stream.clone();
    let kept = store
        .keep_books(move |books| {
            let stream = stream.clone();
            Box::pin(
                async move { books.event_stream_failed(&stream, "It is away.", at(second), at(next)).await },
            )
        })
        .await;
    kept.expect("tried")
}

#[tokio::test]
async fn a_stream_is_there_once_and_begins_where_it_was_told_to() {
    for world in World::each().await {
        assert_eq!(world.store.read().last_event_number().await, Ok(0));
        add(&world, 7).await;
        let stream = stored(&world).await;
        assert_eq!((stream.last_seq, stream.fence, stream.attempt), (7, 0, 0));
        assert_eq!((stream.settings.as_deref(), stream.created_at), (Some("{}"), at(0)));
        assert!(stream.last_sent_at.is_none() && stream.problem.is_none() && stream.lease_until.is_none());
        let again = world
            .change((), |tx, ()| {
                Box::pin(async move { tx.insert_event_stream("siem", "{}", at(1), 0).await })
            })
            .await;
        assert_eq!(again, Err(StoreError::Conflict { constraint: "event_streams_pkey".to_owned() }));
        assert_eq!(world.store.read().event_streams().await, Ok(vec![stream]));
    }
}

#[tokio::test]
async fn one_node_has_it_until_its_lease_is_over_and_who_lost_it_moves_nothing() {
    for world in World::each().await {
        add(&world, 0).await;
        let other = world.reopened().await;
        let first = take(&world.store, 0).await.expect("free");
        assert_eq!(take(&other, 59).await, None, "still the first one's");
        assert!(taken_up_to(&world.store, &first, 10, 30).await);
        assert_eq!(take(&other, 89).await, None, "each batch prolongs the lease");
        let second = take(&other, 90).await.expect("the lease is over");
        assert_eq!((second.last_seq, second.fence), (10, first.fence + 1));
        assert!(!taken_up_to(&world.store, &first, 20, 91).await, "the first one lost it");
        assert!(!failed(&world.store, &first, 91, 92).await);
        assert_eq!(stored(&world).await.last_seq, 10);
        assert!(taken_up_to(&other, &second, 20, 91).await);
        assert!(!taken_up_to(&other, &second, 19, 91).await, "never back");
        assert_eq!(stored(&world).await.last_seq, 20);
    }
}

#[tokio::test]
async fn many_that_reach_for_it_at_once_are_one_that_gets_it() {
    for world in World::each().await {
        add(&world, 0).await;
        let takes = (0..16).map(|_| {
            let store = world.store.clone();
            tokio::spawn(async move { take(&store, 5).await })
        });
        let mut got = 0;
        for taking in takes.collect::<Vec<_>>() {
            got += i32::from(taking.await.expect("joined").is_some());
        }
        assert_eq!(got, 1);
        assert_eq!(stored(&world).await.fence, 1);
    }
}

#[tokio::test]
async fn what_failed_is_tried_after_its_pause_and_success_makes_all_well() {
    for world in World::each().await {
        add(&world, 0).await;
        let stream = take(&world.store, 0).await.expect("free");
        assert!(failed(&world.store, &stream, 1, 5).await);
        let after = stored(&world).await;
        assert_eq!((after.attempt, after.next_try_at, after.lease_until), (1, Some(at(5)), None));
        assert_eq!((after.problem.as_deref(), after.problem_since), (Some("It is away."), Some(at(1))));
        assert_eq!(take(&world.store, 4).await, None, "the pause is on");
        let stream = take(&world.store, 5).await.expect("the pause is over");
        assert!(failed(&world.store, &stream, 6, 8).await);
        assert_eq!(stored(&world).await.problem_since, Some(at(1)), "since the first failure");
        let stream = take(&world.store, 8).await.expect("due");
        let passed = world.books(stream.clone(), |books, stream| {
            Box::pin(async move { books.event_stream_passed(&stream, 2, at(68)).await })
        });
        assert_eq!(passed.await, Ok(true));
        let after = stored(&world).await;
        assert_eq!(
            (after.last_seq, after.problem_since),
            (2, Some(at(1))),
            "nothing was sent, so nothing is well"
        );
        let told = (stream.clone(), ());
        let stalled = world
            .change(told, |tx, (stream, ())| {
                Box::pin(async move { tx.event_stream_stalled(&stream, "Away.", at(9), at(10)).await })
            })
            .await;
        assert_eq!(stalled, Ok(()));
        assert_eq!(stored(&world).await.stalled_at, Some(at(9)));
        let stream = take(&world.store, 10).await.expect("due");
        let well = world
            .change(stream, |tx, stream| {
                Box::pin(async move { tx.event_stream_recovered(&stream, 3, at(11), at(70)).await })
            })
            .await;
        assert_eq!(well, Ok(()));
        let after = stored(&world).await;
        assert_eq!((after.last_seq, after.attempt, after.last_sent_at), (3, 0, Some(at(11))));
        assert!(after.problem.is_none() && after.problem_since.is_none() && after.stalled_at.is_none());
        let stream = after.clone();
        world
            .books(stream, |books, stream| Box::pin(async move { books.release_event_stream(&stream).await }))
            .await
            .expect("released");
        assert!(take(&world.store, 12).await.is_some(), "free at once");
    }
}

#[tokio::test]
async fn a_stream_that_is_not_configured_keeps_its_place_and_is_not_taken() {
    for world in World::each().await {
        add(&world, 4).await;
        let set = |before: EventStream, settings: Option<&'static str>| {
            world.change((before, settings), |tx, (before, settings)| {
                Box::pin(async move { tx.set_event_stream_settings(&before, settings).await })
            })
        };
        let before = stored(&world).await;
        assert_eq!(set(before.clone(), None).await, Ok(()));
        assert_eq!(take(&world.store, 5).await, None);
        assert_eq!(set(before, Some("{\"a\":1}")).await, Err(StoreError::Stale), "somebody was faster");
        assert_eq!(set(stored(&world).await, Some("{\"a\":1}")).await, Ok(()));
        assert_eq!(take(&world.store, 5).await.map(|stream| stream.last_seq), Some(4));
    }
}
