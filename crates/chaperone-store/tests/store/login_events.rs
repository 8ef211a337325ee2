//! User Login Events by their filters, their totals, and what the database does for one user's week among many.

use chaperone_domain::ids::{ApiTokenId, UserId};
use chaperone_domain::sign_in::{Channel, EndKind, SignIn, SignInEnd, TargetUse};
use chaperone_store::{ApiToken, Page, SignInFilter, SignInQuery, StoreError};
use jiff::SignedDuration;
use sea_orm::QueryResult;
use uuid::Uuid;

use crate::world::{World, at, first, user};

const DAY_S: i64 = 86_400;

fn between(start: i64, end: i64) -> SignInQuery {
    SignInQuery::between(at(start), at(end))
}

fn over(second: i64) -> Option<SignInEnd> {
    Some(SignInEnd { at: at(second), kind: EndKind::SignedOut, estimated: false })
}

async fn add_user(world: &World, id: u128, name: &str) -> UserId {
    let user = user(id, name, name);
    let id = user.id;
    world
        .change(user, |tx, user| Box::pin(async move { tx.insert_user(&user, None).await }))
        .await
        .expect("stored");
    id
}

async fn add_token(world: &World, hash: [u8; 32]) -> ApiTokenId {
    let token = ApiToken {
        id: ApiTokenId::new(world.id()),
        user_id: world.paula.id,
        name: "import".to_owned(),
        created_at: at(0),
        last_used_at: None,
        expires_at: None,
        revoked_at: None,
    };
    let id = token.id;
    world
        .change((token, hash), |tx, (token, hash)| {
            Box::pin(async move { tx.insert_api_token(&token, &hash).await })
        })
        .await
        .expect("stored");
    id
}

async fn ids(world: &World, query: SignInQuery) -> Vec<chaperone_domain::ids::SignInId> {
    let found = world.store.read().sign_ins(query.clone(), first(1_000)).await.expect("read");
    let counted = world.store.read().count_sign_ins(query).await.expect("read");
    assert_eq!(counted, found.items.len() as u64, "both ask the same");
    found.items.iter().map(|row| row.sign_in.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn login_events_are_found_by_address_and_privileged_session() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let here = world.console_sign_in(10);
        let there = SignIn { client_address: "2001:db8::1".to_owned(), ..world.console_sign_in(20) };
        let inside = world.target_sign_in(&session, 30);
        for sign_in in [&here, &there, &inside] {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        let from =
            |address: &str| SignInQuery { client_address: Some(address.to_owned()), ..between(0, 100) };
        assert_eq!(ids(&world, from("2001:db8::1")).await, [there.id]);
        assert_eq!(ids(&world, from("192.0.2")).await, [], "an address is whole");
        let of_session = SignInQuery { privileged_session_id: Some(session.id), ..between(0, 100) };
        assert_eq!(ids(&world, of_session).await, [inside.id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_name_finds_the_sign_ins_of_few_and_of_many_users() {
    for world in World::each().await {
        // More than are asked for by their ids.
        let mut expected = Vec::new();
        for number in 0..60_u128 {
            let user_id = add_user(&world, 10_000 + number, &format!("night-{number:02}")).await;
            let second = 100 + i64::try_from(number).expect("small");
            let sign_in = SignIn { user_id, ..world.console_sign_in(second) };
            world.add_sign_in(&sign_in).await.expect("stored");
            expected.insert(0, sign_in.id);
        }
        world.add_sign_in(&world.console_sign_in(50)).await.expect("stored");
        let named = |name: &str| SignInQuery { user_name: Some(name.to_owned()), ..between(0, 1_000) };
        assert_eq!(ids(&world, named("NIGHT-")).await, expected);
        assert_eq!(ids(&world, named("night-5")).await, expected[..10]);
        assert_eq!(ids(&world, named("night-59")).await, expected[..1]);
        assert_eq!(ids(&world, named("nobody")).await, []);
        let totals = world.store.read().sign_in_totals(named("night-")).await.expect("read");
        assert_eq!((totals.count, totals.users, totals.per_user.len()), (60, 60, 60));
        let nobody = world.store.read().sign_in_totals(named("nobody")).await.expect("read");
        assert_eq!((nobody.count, nobody.per_user, nobody.per_day), (0, vec![], vec![]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_has_the_uses_of_its_own_sign_ins_and_a_part_begins_where_its_number_says() {
    for world in World::each().await {
        let used = |id, target, second| {
            world.books((id, TargetUse::begun(target, at(second))), |books, (id, used)| {
                Box::pin(async move { books.add_target_use(id, &used).await })
            })
        };
        // Two in each second, every one used at the CRM and, later, at the ERP.
        let mut expected = Vec::new();
        for number in 0..6 {
            let sign_in = world.console_sign_in(100 + number / 2);
            world.add_sign_in(&sign_in).await.expect("stored");
            used(sign_in.id, world.erp.id, 300 + number).await.expect("kept");
            used(sign_in.id, world.crm.id, 200 + number).await.expect("kept");
            expected.push((sign_in.started_at, sign_in.id, number));
        }
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let read = world.store.read();
        let mut page = Page::first(2);
        let mut found = Vec::new();
        loop {
            let items = read.sign_ins(between(0, 1_000), page).await.expect("read");
            found.extend(items.items);
            let Some(next) = items.next else { break };
            page = Page { after: Some(next), limit: 2 };
        }
        for (row, (_, id, number)) in found.iter().zip(&expected) {
            let targets: Vec<_> = row.targets.iter().map(|used| (used.target_id, used.first_at)).collect();
            assert_eq!(row.sign_in.id, *id);
            assert_eq!(targets, [(world.crm.id, at(200 + number)), (world.erp.id, at(300 + number))]);
        }
        assert_eq!(found.len(), expected.len());
        for (number, start) in [(1, Some(at(102))), (2, Some(at(102))), (3, Some(at(101))), (7, None)] {
            assert_eq!(read.start_of_sign_in(between(0, 1_000), number).await.expect("read"), start);
        }
        let at_one = SignInQuery { target_id: Some(world.erp.id), ..between(0, 102) };
        let rows = read.sign_ins(at_one, first(10)).await.expect("read").items;
        assert!(
            rows.iter().all(|row| row.targets.len() == 2),
            "all of its targets, not only the one asked for"
        );
        assert_eq!(rows.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_say_how_often_and_how_long_per_user_and_per_day() {
    for world in World::each().await {
        // The world begins in the middle of a day: the second one's first moment, and the last before it.
        let midnight = DAY_S - at(0).as_second() % DAY_S;
        let paulas = [
            SignIn { end: over(60), ..world.console_sign_in(0) },
            SignIn { end: over(midnight + 40), ..world.console_sign_in(midnight - 1) },
            // Still open: up to the last known use.
            SignIn { last_seen_at: at(midnight + 9), ..world.console_sign_in(midnight) },
        ];
        let annas = SignIn { user_id: world.anna.id, end: over(7), ..world.console_sign_in(2) };
        for sign_in in paulas.iter().chain([&annas]) {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        let read = world.store.read();
        let totals = read.sign_in_totals(between(0, 2 * DAY_S)).await.expect("read");
        assert_eq!((totals.count, totals.users), (4, 2));
        let per_user: Vec<_> = totals
            .per_user
            .iter()
            .map(|total| (total.user_name.as_str(), total.count, total.time, total.last_at))
            .collect();
        let seconds = SignedDuration::from_secs;
        assert_eq!(
            per_user,
            [("paula", 3, seconds(60 + 41 + 9), at(midnight)), ("anna", 1, seconds(5), at(2))]
        );
        assert_eq!(totals.per_user[0].email, "paula@example.org");
        let per_day: Vec<_> = totals
            .per_day
            .iter()
            .map(|total| (total.day.as_second() - at(0).as_second(), total.count, total.users))
            .collect();
        assert_eq!(per_day, [(midnight - DAY_S, 3, 2), (midnight, 1, 1)]);
        let none = read.sign_in_totals(between(5 * DAY_S, 6 * DAY_S)).await.expect("read");
        assert_eq!(none, Default::default());
        let channel = SignInQuery { channel: Some(Channel::WebServices), ..between(0, 2 * DAY_S) };
        assert_eq!(read.sign_in_totals(channel).await.expect("read").count, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn active_and_idle_time_adds_up_over_batches() {
    for world in World::each().await {
        let sign_in = world.console_sign_in(0);
        world.add_sign_in(&sign_in).await.expect("stored");
        let mut used = TargetUse::begun(world.erp.id, at(0));
        used.used(at(10));
        let first_batch = used;
        used = used.going_on();
        used.used(at(1_000));
        used.used(at(1_020));
        for batch in [first_batch, used, TargetUse::begun(world.crm.id, at(5))] {
            world
                .books((sign_in.id, batch), |books, (id, batch)| {
                    Box::pin(async move { books.add_target_use(id, &batch).await })
                })
                .await
                .expect("kept");
        }
        let stored = world.store.read().target_uses(sign_in.id).await.expect("read");
        let expected = TargetUse {
            active: SignedDuration::from_secs(30),
            idle: SignedDuration::from_secs(990),
            last_at: at(1_020),
            ..first_batch
        };
        assert_eq!(stored, [expected, TargetUse::begun(world.crm.id, at(5))]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_one_open_sign_in_for_each_account_and_session() {
    for world in World::each().await {
        let (token, other) = (add_token(&world, [1; 32]).await, add_token(&world, [2; 32]).await);
        let of_token = |token, second| SignIn {
            channel: Channel::WebServices,
            api_token_id: Some(token),
            ..world.console_sign_in(second)
        };
        let first_one = of_token(token, 0);
        world.add_sign_in(&first_one).await.expect("stored");
        assert_eq!(
            world.add_sign_in(&of_token(token, 1)).await,
            Err(StoreError::Conflict { constraint: "sign_ins_open_token".to_owned() })
        );
        let at_target = SignIn { account_id: Some(world.account.id), ..of_token(token, 1) };
        world.add_sign_in(&at_target).await.expect("as an account it is another one");
        world.add_sign_in(&of_token(other, 1)).await.expect("as is that of another token");
        let read = world.store.read();
        let open = async |account| read.open_sign_in_of_token(token, account, None).await.expect("read");
        assert_eq!(open(None).await, Some(first_one.clone()));
        assert_eq!(open(Some(world.account.id)).await, Some(at_target.clone()));
        assert_eq!(open(Some(world.other_account.id)).await, None);
        let filter = SignInFilter { api_token_id: Some(token), ..Default::default() };
        assert_eq!(read.open_sign_ins(filter).await.expect("read").len(), 2);

        let ended = world
            .change(first_one.id, |tx, id| {
                Box::pin(async move {
                    let end = SignInEnd { at: at(9), kind: EndKind::Lost, estimated: true };
                    tx.end_sign_in(id, end).await
                })
            })
            .await;
        assert_eq!(ended, Ok(true));
        assert_eq!(open(None).await, None);
        world.add_sign_in(&of_token(token, 10)).await.expect("the next one");
    }
}

/// What the database says about how it goes about a question.
fn plan(rows: &[QueryResult], column: &str) -> String {
    rows.iter().map(|row| row.try_get::<String>("", column).expect("text") + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_users_week_is_one_walk_along_an_index() {
    for world in World::each().await {
        let sqlite = matches!(world.place, crate::world::Place::Sqlite(_));
        let literal = |id: Uuid| {
            if sqlite { format!("x'{}'", id.simple()) } else { format!("'{id}'::uuid") }
        };
        // Enough rows for the planner to care.
        for number in 0..400 {
            let user_id = if number % 40 == 0 { world.anna.id } else { world.paula.id };
            let sign_in = SignIn { user_id, ..world.console_sign_in(number * 60) };
            world.add_sign_in(&sign_in).await.expect("stored");
        }
        let sql = format!(
            "SELECT sign_ins.id FROM sign_ins WHERE sign_ins.started_at >= {} AND sign_ins.user_id = {} \
             AND (sign_ins.started_at, sign_ins.id) < ({}, {}) \
             ORDER BY sign_ins.started_at DESC, sign_ins.id DESC LIMIT 101",
            at(0).as_microsecond(),
            literal(world.anna.id.uuid()),
            at(20_000).as_microsecond(),
            literal(Uuid::max()),
        );
        let said = if sqlite {
            plan(&world.ask_raw(&format!("EXPLAIN QUERY PLAN {sql}")).await, "detail")
        } else {
            world.run_raw("ANALYZE sign_ins").await.expect("analysed");
            plan(&world.ask_raw(&format!("EXPLAIN {sql}")).await, "QUERY PLAN")
        };
        assert!(said.contains("sign_ins_by_user"), "{said}");
        // PostgreSQL sorts as few rows as there are here rather than to follow the order of the index.
        assert!(!said.contains("TEMP B-TREE") && !said.contains("Seq Scan"), "{said}");
    }
}
