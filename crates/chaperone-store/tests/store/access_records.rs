//! The row by which an access record is single.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_store::StoreError;

use crate::world::{World, at};

/// Many who want the record of the same interval.
const TAKERS: usize = 32;

async fn take(
    world: &World,
    action: AuditAction,
    seen: Option<Instant>,
    now: Instant,
) -> Result<bool, StoreError> {
    world
        .change((world.paula.id, action, seen, now), |tx, (user, action, seen, now)| {
            Box::pin(async move { tx.take_access_record(user, action, seen, now).await })
        })
        .await
}

async fn last(world: &World, action: AuditAction) -> Option<Instant> {
    world.store.read().last_access_record(world.paula.id, action).await.expect("read")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_saw_the_same_one_takes_the_record() {
    for world in World::each().await {
        let action = AuditAction::UserAccessViaWeb;
        let mut seen = None;
        for round in 1..=3 {
            let takers = (0..TAKERS).map(|_| take(&world, action, seen, at(round * 100)));
            let taken = futures_util::future::join_all(takers).await;
            let won = taken.iter().filter(|taken| **taken == Ok(true)).count();
            assert!(taken.iter().all(Result::is_ok), "{taken:?}");
            assert_eq!(won, 1, "{taken:?}");
            seen = last(&world, action).await;
            assert_eq!(seen, Some(at(round * 100)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ways_in_are_apart_a_row_never_goes_back_and_all_are_forgotten_together() {
    for world in World::each().await {
        let (web, services) = (AuditAction::UserAccessViaWeb, AuditAction::UserAccessViaWebServices);
        assert_eq!(take(&world, web, None, at(100)).await, Ok(true));
        assert_eq!(last(&world, services).await, None);
        assert_eq!(take(&world, services, None, at(50)).await, Ok(true));
        assert_eq!(take(&world, web, Some(at(99)), at(200)).await, Ok(false), "it is not as it was seen");
        assert_eq!(take(&world, web, Some(at(100)), at(60)).await, Ok(true));
        assert_eq!(last(&world, web).await, Some(at(100)));
        let forgotten =
            world.change((), |tx, ()| Box::pin(async move { tx.forget_access_records().await })).await;
        assert_eq!(forgotten, Ok(()));
        assert_eq!((last(&world, web).await, last(&world, services).await), (None, None));
    }
}
