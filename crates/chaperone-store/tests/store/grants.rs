//! Grants and their holders.

use chaperone_domain::account::AccountState;
use chaperone_domain::grant::{Attributes, Doubt, Grant, GrantHolder, GrantOutcome, GrantPhase, Lease, Wish};
use chaperone_domain::ids::{AccountId, GrantId, NodeId, PrivilegedSessionId};
use chaperone_domain::privileged_session::PrivilegedSession;
use chaperone_store::StoreError;

use crate::world::{World, at};

const DISABLED: Attributes = Attributes { state: AccountState::Disabled, expires_at: None };
const ENABLED: Attributes = Attributes { state: AccountState::Enabled, expires_at: None };

/// A fresh grant of an account; not stored yet.
fn opening(world: &World, account_id: AccountId) -> Grant {
    let id = GrantId::new(world.id());
    Grant { desired: ENABLED, ..Grant::new(id, account_id, DISABLED, at(7_200), at(0)) }
}

fn closed(grant: &Grant) -> Grant {
    let outcome = Some(GrantOutcome::Restored);
    Grant { phase: GrantPhase::Closed, outcome, closed_at: Some(at(9)), ..grant.clone() }
}

fn hold(grant: &Grant, session: &PrivilegedSession, until: i64) -> GrantHolder {
    GrantHolder {
        grant_id: grant.id,
        privileged_session_id: session.id,
        wish: Wish::Enable,
        switched_to: None,
        until: at(until),
        released_at: None,
    }
}

async fn add(world: &World, grant: &Grant) -> Result<(), StoreError> {
    world.change(grant.clone(), |tx, grant| Box::pin(async move { tx.insert_grant(&grant).await })).await
}

async fn update(world: &World, grant: &Grant, expected: i64) -> Result<(), StoreError> {
    world
        .change((grant.clone(), expected), |tx, (grant, expected)| {
            Box::pin(async move { tx.update_grant(&grant, expected).await })
        })
        .await
}

async fn add_holder(world: &World, holder: GrantHolder) -> Result<(), StoreError> {
    world.change(holder, |tx, holder| Box::pin(async move { tx.insert_holder(&holder).await })).await
}

async fn release(
    world: &World,
    grant: GrantId,
    session: PrivilegedSessionId,
    second: i64,
) -> Result<(), StoreError> {
    world
        .change((grant, session, second), |tx, (grant, session, second)| {
            Box::pin(async move { tx.release_holder(grant, session, at(second)).await })
        })
        .await
}

async fn stored(world: &World, id: GrantId) -> Grant {
    world.store.read().grant(id).await.expect("read").expect("there")
}

async fn add_session(world: &World) -> PrivilegedSession {
    let session = world.draft();
    world.add_session(&session).await.expect("stored");
    session
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_reads_back_as_it_was_written_in_every_phase_and_with_every_outcome() {
    for world in World::each().await {
        let full = |phase, outcome| Grant {
            phase,
            baseline: Attributes { state: AccountState::Absent, expires_at: Some(at(1)) },
            desired: Attributes { state: AccountState::Enabled, expires_at: Some(at(2)) },
            known: vec![DISABLED, Attributes { state: AccountState::Disabled, expires_at: Some(at(3)) }],
            touched: true,
            observed: Attributes { state: AccountState::Enabled, expires_at: Some(at(4)) },
            deadline: at(5),
            fence: 6,
            lease: Some(Lease { by: NodeId::new(world.id()), until: at(7) }),
            doubtful: vec![
                Doubt { attributes: DISABLED, until: at(20) },
                Doubt {
                    attributes: Attributes { state: AccountState::Enabled, expires_at: Some(at(21)) },
                    until: at(22),
                },
            ],
            back_to: Some(Attributes { state: AccountState::Disabled, expires_at: Some(at(23)) }),
            attempt: 8,
            next_try_at: Some(at(9)),
            problem: Some("The directory says: ‘no’".to_owned()),
            outcome: Some(outcome),
            look_again_at: Some(at(24)),
            created_at: at(10),
            closed_at: Some(at(11)),
            ..opening(&world, world.account.id)
        };
        let open = [GrantPhase::Opening, GrantPhase::Held, GrantPhase::Closing];
        let grants = open
            .map(|phase| full(phase, GrantOutcome::Untouched))
            .into_iter()
            .chain(GrantOutcome::ALL.map(|outcome| full(GrantPhase::Closed, outcome)))
            .chain([opening(&world, world.account.id)]);
        for mut grant in grants {
            add(&world, &grant).await.expect("stored");
            assert_eq!(stored(&world, grant.id).await, grant);
            grant = closed(&grant);
            update(&world, &grant, grant.fence).await.expect("closed, to make room for the next");
            grant.fence += 1;
            assert_eq!(stored(&world, grant.id).await, grant);
        }
        assert_eq!(world.store.read().grant(GrantId::new(world.id())).await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_everything_but_account_and_birth_and_raises_the_fence() {
    for world in World::each().await {
        let old = opening(&world, world.account.id);
        add(&world, &old).await.expect("stored");
        let mut new = Grant {
            phase: GrantPhase::Held,
            baseline: ENABLED,
            desired: DISABLED,
            known: vec![DISABLED, Attributes { state: AccountState::Disabled, expires_at: Some(at(3)) }],
            touched: true,
            observed: ENABLED,
            deadline: at(5),
            lease: Some(Lease { by: NodeId::new(world.id()), until: at(7) }),
            doubtful: vec![Doubt { attributes: ENABLED, until: at(20) }],
            back_to: Some(DISABLED),
            attempt: 8,
            next_try_at: Some(at(9)),
            problem: Some("slow".to_owned()),
            outcome: Some(GrantOutcome::SetStricter),
            look_again_at: Some(at(24)),
            closed_at: Some(at(11)),
            ..old.clone()
        };
        update(&world, &new, 1).await.expect("updated");
        new.fence = 2;
        assert_eq!(stored(&world, old.id).await, new);
        // And everything that can be absent goes away again.
        update(&world, &old, 2).await.expect("updated");
        assert_eq!(stored(&world, old.id).await, Grant { fence: 3, ..old });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_an_old_fence_changes_nothing() {
    for world in World::each().await {
        let grant = opening(&world, world.account.id);
        add(&world, &grant).await.expect("stored");
        let tries = (0..16).map(|attempt| {
            let taken = Grant { attempt, ..grant.clone() };
            let world = &world;
            async move { update(world, &taken, 1).await }
        });
        let results = futures_util::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert_eq!(
            results.iter().filter(|result| **result == Err(StoreError::Stale)).count(),
            15,
            "{results:?}"
        );
        let now = stored(&world, grant.id).await;
        assert_eq!(results.iter().position(Result::is_ok), usize::try_from(now.attempt).ok());
        assert_eq!(now.fence, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_open_a_grant_of_an_account_at_once_one_succeeds() {
    for world in World::each().await {
        let tries = (0..16).map(|_| {
            let (world, grant) = (&world, opening(&world, world.account.id));
            async move { (grant.id, add(world, &grant).await) }
        });
        let results = futures_util::future::join_all(tries).await;
        let conflict = Err(StoreError::Conflict { constraint: "grants_open_account".to_owned() });
        let won: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id).collect();
        assert_eq!(won.len(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|(_, result)| *result == conflict).count(), 15, "{results:?}");
        let (open, _) = world.store.read().open_grant(world.account.id).await.expect("read").expect("open");
        assert_eq!(open.id, won[0]);
        // Another account is another matter, and a closed grant makes room.
        add(&world, &opening(&world, world.other_account.id)).await.expect("another account");
        update(&world, &closed(&open), open.fence).await.expect("closed");
        assert_eq!(world.store.read().open_grant(world.account.id).await.expect("read"), None);
        add(&world, &opening(&world, world.account.id)).await.expect("once the first is closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_share_an_open_grant_are_listed_until_they_release_it() {
    for world in World::each().await {
        let grant = opening(&world, world.account.id);
        add(&world, &grant).await.expect("stored");
        let (early, late) = (add_session(&world).await, add_session(&world).await);
        let late_hold = hold(&grant, &late, 200);
        let early_hold = GrantHolder { wish: Wish::None, ..hold(&grant, &early, 100) };
        add_holder(&world, late_hold).await.expect("stored");
        add_holder(&world, early_hold).await.expect("stored");
        let read = world.store.read();
        let open = async || read.open_grant(world.account.id).await.expect("read");
        assert_eq!(
            open().await,
            Some((grant.clone(), vec![early_hold, late_hold])),
            "who ends first is first"
        );

        release(&world, grant.id, early.id, 50).await.expect("released");
        assert_eq!(open().await, Some((grant.clone(), vec![late_hold])));
        assert_eq!(release(&world, grant.id, early.id, 60).await, Err(StoreError::Stale), "once only");
        let stranger = PrivilegedSessionId::new(world.id());
        assert_eq!(release(&world, grant.id, stranger, 60).await, Err(StoreError::Stale));
        let released = GrantHolder { released_at: Some(at(50)), ..early_hold };
        let of_early = read.grants_of_session(early.id).await.expect("read");
        assert_eq!(of_early, [(grant.clone(), released)], "the hold stays, with its end");
        assert_eq!(read.grants_of_session(late.id).await.expect("read"), [(grant.clone(), late_hold)]);

        let again = add_holder(&world, hold(&grant, &late, 300)).await;
        let constraint = "grant_holders_pkey".to_owned();
        assert_eq!(again, Err(StoreError::Conflict { constraint }), "a session holds a grant once");
        let nothing = GrantHolder { grant_id: GrantId::new(world.id()), ..hold(&grant, &late, 300) };
        assert_eq!(add_holder(&world, nothing).await, Err(StoreError::Reference));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_keeps_what_it_was_switched_to_until_it_is_released() {
    for world in World::each().await {
        let grant = opening(&world, world.account.id);
        add(&world, &grant).await.expect("stored");
        let session = add_session(&world).await;
        add_holder(&world, hold(&grant, &session, 100)).await.expect("stored");
        let switch = async |to| {
            world
                .change((grant.id, session.id, to), |tx, (grant, session, to)| {
                    Box::pin(async move { tx.switch_holder(grant, session, to).await })
                })
                .await
        };
        switch(AccountState::Disabled).await.expect("switched");
        let (_, holders) =
            world.store.read().open_grant(world.account.id).await.expect("read").expect("open");
        assert_eq!(holders[0].wants(), Wish::Disable);
        assert_eq!(holders[0].wish, Wish::Enable, "what was asked for stays");
        release(&world, grant.id, session.id, 50).await.expect("released");
        assert_eq!(switch(AccountState::Enabled).await, Err(StoreError::Stale));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_taken_by_one_of_many_nodes_and_costs_the_others_their_fence() {
    for world in World::each().await {
        let grant = opening(&world, world.account.id);
        add(&world, &grant).await.expect("stored");
        let tries = (0..8).map(|_| {
            let lease = Some(Lease { by: NodeId::new(world.id()), until: at(15) });
            let doubtful = vec![Doubt { attributes: ENABLED, until: at(30) }];
            let taken = Grant { lease, doubtful, attempt: 77, ..grant.clone() };
            let world = &world;
            async move {
                let row = taken.clone();
                let done = world
                    .store
                    .keep_books(move |books| {
                        let row = row.clone();
                        Box::pin(async move { books.lease_grant(&row, 1).await })
                    })
                    .await;
                (taken, done)
            }
        });
        let results = futures_util::future::join_all(tries).await;
        let won: Vec<&Grant> =
            results.iter().filter(|(_, done)| done.is_ok()).map(|(grant, _)| grant).collect();
        assert_eq!(won.len(), 1, "{results:?}");
        let expected =
            Grant { lease: won[0].lease, doubtful: won[0].doubtful.clone(), fence: 2, ..grant.clone() };
        assert_eq!(stored(&world, grant.id).await, expected, "nothing but lease and doubt is taken over");
        assert_eq!(update(&world, &grant, 1).await, Err(StoreError::Stale));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_due_for_a_second_look_come_in_order_and_leave_when_they_were_looked_at() {
    for world in World::each().await {
        let seen = |account, second| {
            let grant = closed(&opening(&world, account));
            Grant { look_again_at: Some(at(second)), ..grant }
        };
        let (early, late) = (seen(world.account.id, 10), seen(world.other_account.id, 20));
        for grant in [&late, &early] {
            add(&world, grant).await.expect("stored");
        }
        let read = world.store.read();
        let due = async |second| {
            let due = read.grants_to_look_at_again(at(second), 9).await.expect("read");
            due.iter().map(|grant| grant.id).collect::<Vec<_>>()
        };
        assert_eq!(due(9).await, []);
        assert_eq!(due(20).await, [early.id, late.id]);
        assert_eq!(read.grant_to_look_at_again(world.account.id).await.expect("read"), Some(early.clone()));
        let done = async |grant: &Grant, fence| {
            let id = grant.id;
            let books = world
                .store
                .keep_books(move |books| Box::pin(async move { books.look_again(id, None, fence).await }));
            books.await
        };
        done(&early, 1).await.expect("kept");
        assert_eq!(done(&late, 7).await, Err(StoreError::Stale), "somebody else was faster");
        assert_eq!(due(20).await, [late.id]);
        assert_eq!(read.grant_to_look_at_again(world.account.id).await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_switched_accounts_lists_its_grants_oldest_first() {
    for world in World::each().await {
        let session = add_session(&world).await;
        let first = Grant { created_at: at(20), ..opening(&world, world.account.id) };
        let second = Grant { created_at: at(10), ..opening(&world, world.other_account.id) };
        for grant in [&first, &second] {
            add(&world, grant).await.expect("stored");
            add_holder(&world, hold(grant, &session, 100)).await.expect("stored");
        }
        let grants = world.store.read().grants_of_session(session.id).await.expect("read");
        assert_eq!(grants.iter().map(|(grant, _)| grant.id).collect::<Vec<_>>(), [second.id, first.id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_grants_come_each_with_its_own_holders_and_closed_ones_not_at_all() {
    for world in World::each().await {
        let read = world.store.read();
        assert_eq!(read.open_grants().await.expect("read"), []);
        let over = closed(&opening(&world, world.account.id));
        let held = Grant { phase: GrantPhase::Held, created_at: at(1), ..opening(&world, world.account.id) };
        let unheld = Grant {
            phase: GrantPhase::Closing,
            created_at: at(2),
            ..opening(&world, world.other_account.id)
        };
        for grant in [&unheld, &held, &over] {
            add(&world, grant).await.expect("stored");
        }
        let (here, gone) = (add_session(&world).await, add_session(&world).await);
        add_holder(&world, hold(&held, &here, 100)).await.expect("stored");
        add_holder(&world, hold(&held, &gone, 100)).await.expect("stored");
        add_holder(&world, hold(&over, &gone, 100)).await.expect("stored");
        add_holder(&world, hold(&unheld, &gone, 100)).await.expect("stored");
        release(&world, held.id, gone.id, 5).await.expect("released");
        release(&world, unheld.id, gone.id, 5).await.expect("released");
        let expected = [(held.clone(), vec![hold(&held, &here, 100)]), (unheld, Vec::new())];
        assert_eq!(read.open_grants().await.expect("read"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_keeps_phase_and_openness_together() {
    for world in World::each().await {
        add(&world, &opening(&world, world.account.id)).await.expect("stored");
        for wrong in ["phase = 'closed'", "open_account_id = NULL"] {
            let refused = world.run_raw(&format!("UPDATE grants SET {wrong}")).await.unwrap_err();
            assert!(refused.to_string().contains("grants_open"), "{wrong}: {refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_whose_accounts_are_on_their_way_and_may_be_tried() {
    for world in World::each().await {
        let session = add_session(&world).await;
        let moving = async |second| {
            let found = world.store.read().sessions_with_moving_grants(at(second), 10).await.expect("read");
            found.into_iter().map(|id| id == session.id).collect::<Vec<_>>()
        };
        let mut grant = opening(&world, world.account.id);
        add(&world, &grant).await.expect("stored");
        assert!(moving(10).await.is_empty(), "nobody holds it");
        add_holder(&world, hold(&grant, &session, 100)).await.expect("stored");
        assert_eq!(moving(10).await, [true]);
        let table = [
            (GrantPhase::Opening, Some(11), 0),
            (GrantPhase::Opening, Some(10), 1),
            (GrantPhase::Held, None, 0),
            (GrantPhase::Closing, None, 1),
        ];
        for (phase, next_try, expected) in table {
            let fence = grant.fence;
            grant = Grant { phase, next_try_at: next_try.map(at), ..grant };
            update(&world, &grant, fence).await.expect("stored");
            grant.fence = fence + 1;
            assert_eq!(moving(10).await.len(), expected, "{phase:?} {next_try:?}");
        }
        release(&world, grant.id, session.id, 9).await.expect("released");
        assert!(moving(10).await.is_empty(), "released");
    }
}
