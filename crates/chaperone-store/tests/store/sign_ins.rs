//! Sign-ins, their secrets, and the targets that they were used at.

use chaperone_domain::ids::{PrivilegedSessionId, SignInId, TargetId, UserId};
use chaperone_domain::sign_in::{
    Channel, EndKind, IDLE_LIMIT, SignIn, SignInEnd, SignInKind, TargetUse, WEB_SERVICES_IDLE_LIMIT,
};
use chaperone_store::{Page, SignInFilter, SignInQuery, SignInRow, StoreError};

use crate::world::{World, at, first};

/// More than any of these tests makes.
const ALL: u64 = 1_000;
const HASH: [u8; 32] = [0xab; 32];

fn signed_out(second: i64) -> SignInEnd {
    SignInEnd { at: at(second), kind: EndKind::SignedOut, estimated: false }
}

/// Everything that started between these seconds.
fn between(start: i64, end: i64) -> SignInQuery {
    SignInQuery::between(at(start), at(end))
}

async fn add_with_secret(
    world: &World,
    sign_in: &SignIn,
    hash: [u8; 32],
    host: &'static str,
) -> Result<(), StoreError> {
    world
        .change((sign_in.clone(), hash, host), |tx, (sign_in, hash, host)| {
            Box::pin(async move { tx.insert_sign_in(&sign_in, Some((&hash, host))).await })
        })
        .await
}

async fn add_secret(
    world: &World,
    id: SignInId,
    hash: [u8; 32],
    host: &'static str,
) -> Result<(), StoreError> {
    world
        .books((id, hash, host), |books, (id, hash, host)| {
            Box::pin(async move { books.add_sign_in_secret(id, &hash, host).await })
        })
        .await
}

async fn end(world: &World, id: SignInId, end: SignInEnd) -> bool {
    world
        .change((id, end), |tx, (id, end)| Box::pin(async move { tx.end_sign_in(id, end).await }))
        .await
        .expect("asked")
}

async fn use_at(world: &World, id: SignInId, target: TargetId, second: i64) {
    world
        .books((id, target, second), |books, (id, target, second)| {
            Box::pin(async move { books.add_target_use(id, &TargetUse::begun(target, at(second))).await })
        })
        .await
        .expect("kept");
}

async fn touch(world: &World, id: SignInId, second: i64) {
    world
        .books((id, second), |books, (id, second)| {
            Box::pin(async move { books.touch_sign_in(id, at(second)).await })
        })
        .await
        .expect("kept");
}

async fn stored(world: &World, id: SignInId) -> SignIn {
    world.store.read().sign_in(id).await.expect("read").expect("there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_reads_back_as_it_was_written_with_every_end() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let console = world.console_sign_in(0);
        let target = SignIn {
            channel: Channel::WebServices,
            client_address: "2001:db8::1".to_owned(),
            user_agent: "curl/8, „sehr“".to_owned(),
            authenticated_at: at(1),
            last_seen_at: at(2),
            expires_at: at(3),
            ..world.target_sign_in(&session, 0)
        };
        let ended = EndKind::ALL.map(|kind| SignIn {
            end: Some(SignInEnd { at: at(4), kind, estimated: kind == EndKind::Lost }),
            ..world.console_sign_in(0)
        });
        for sign_in in [console, target].into_iter().chain(ended) {
            world.add_sign_in(&sign_in).await.expect("stored");
            assert_eq!(stored(&world, sign_in.id).await, sign_in);
        }
        assert_eq!(world.store.read().sign_in(SignInId::new(world.id())).await.expect("read"), None);
        let nobody = SignIn { user_id: UserId::new(world.id()), ..world.console_sign_in(0) };
        assert_eq!(world.add_sign_in(&nobody).await, Err(StoreError::Reference));
        let no_session = PrivilegedSessionId::new(world.id());
        let nowhere = SignIn { privileged_session_id: Some(no_session), ..world.console_sign_in(0) };
        assert_eq!(world.add_sign_in(&nowhere).await, Err(StoreError::Reference));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_leads_to_its_sign_in_and_host_until_the_sign_in_ends() {
    for world in World::each().await {
        let (sign_in, other) = (world.console_sign_in(0), world.console_sign_in(0));
        add_with_secret(&world, &sign_in, HASH, "console.localhost").await.expect("stored");
        world.add_sign_in(&other).await.expect("stored");
        add_secret(&world, sign_in.id, [1; 32], "a.localhost").await.expect("kept");
        add_secret(&world, other.id, [2; 32], "a.localhost").await.expect("kept");
        let read = world.store.read();
        let by = async |hash: [u8; 32]| read.sign_in_by_secret(&hash).await.expect("read");
        assert_eq!(by(HASH).await, Some((sign_in.clone(), "console.localhost".to_owned())));
        assert_eq!(by([1; 32]).await, Some((sign_in.clone(), "a.localhost".to_owned())));
        assert_eq!(by([2; 32]).await, Some((other.clone(), "a.localhost".to_owned())));
        assert_eq!(by([3; 32]).await, None);
        let both = [([1; 32], "a.localhost".to_owned()), (HASH, "console.localhost".to_owned())];
        assert_eq!(read.sign_in_secrets(sign_in.id).await.expect("read"), both);

        assert!(end(&world, sign_in.id, signed_out(5)).await);
        assert_eq!((by(HASH).await, by([1; 32]).await), (None, None));
        assert_eq!(read.sign_in_secrets(sign_in.id).await.expect("read"), []);
        assert!(by([2; 32]).await.is_some(), "others go on");
        let late = add_secret(&world, sign_in.id, [4; 32], "b.localhost").await;
        assert_eq!(late, Err(StoreError::Stale), "what has ended is not opened again");
        assert_eq!(by([4; 32]).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_opens_one_sign_in_only() {
    for world in World::each().await {
        let (sign_in, thief) = (world.console_sign_in(0), world.console_sign_in(0));
        add_with_secret(&world, &sign_in, HASH, "a.localhost").await.expect("stored");
        let conflict = Err(StoreError::Conflict { constraint: "sign_in_secrets_pkey".to_owned() });
        assert_eq!(add_with_secret(&world, &thief, HASH, "b.localhost").await, conflict);
        assert_eq!(world.store.read().sign_in(thief.id).await.expect("read"), None, "nothing of it is kept");
        world.add_sign_in(&thief).await.expect("stored without secret");
        assert_eq!(add_secret(&world, thief.id, HASH, "b.localhost").await, conflict);
        let (found, host) = world.store.read().sign_in_by_secret(&HASH).await.expect("read").expect("there");
        assert_eq!((found.id, host.as_str()), (sign_in.id, "a.localhost"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_once_and_the_first_end_stays() {
    for world in World::each().await {
        let sign_in = world.console_sign_in(0);
        world.add_sign_in(&sign_in).await.expect("stored");
        let tries = (0..16).map(|second| {
            let (world, id) = (&world, sign_in.id);
            async move { (second, end(world, id, signed_out(second)).await) }
        });
        let results = futures_util::future::join_all(tries).await;
        let won: Vec<_> = results.iter().filter(|(_, ended)| *ended).map(|(second, _)| *second).collect();
        assert_eq!(won.len(), 1, "{results:?}");
        assert_eq!(stored(&world, sign_in.id).await.end, Some(signed_out(won[0])));
        assert!(!end(&world, SignInId::new(world.id()), signed_out(1)).await, "one that never was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_use_only_moves_forward_and_only_while_the_sign_in_is_open() {
    for world in World::each().await {
        let sign_in = world.console_sign_in(0);
        world.add_sign_in(&sign_in).await.expect("stored");
        let last_seen = async || stored(&world, sign_in.id).await.last_seen_at;
        touch(&world, sign_in.id, 100).await;
        assert_eq!(last_seen().await, at(100));
        touch(&world, sign_in.id, 50).await;
        assert_eq!(last_seen().await, at(100));
        assert!(end(&world, sign_in.id, signed_out(100)).await);
        touch(&world, sign_in.id, 200).await;
        assert_eq!(last_seen().await, at(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_given_again_counts_while_the_sign_in_is_open() {
    for world in World::each().await {
        let sign_in = world.console_sign_in(0);
        world.add_sign_in(&sign_in).await.expect("stored");
        let again = async |second: i64| {
            world
                .change((sign_in.id, second), |tx, (id, second)| {
                    Box::pin(async move { tx.reauthenticate_sign_in(id, at(second)).await })
                })
                .await
        };
        again(10).await.expect("changed");
        assert_eq!(stored(&world, sign_in.id).await, SignIn { authenticated_at: at(10), ..sign_in.clone() });
        assert!(end(&world, sign_in.id, signed_out(20)).await);
        assert_eq!(again(30).await, Err(StoreError::Stale));
        assert_eq!(stored(&world, sign_in.id).await.authenticated_at, at(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_sign_ins_are_found_by_kind_user_account_and_session() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let console = world.console_sign_in(30);
        let annas = SignIn { user_id: world.anna.id, ..world.console_sign_in(20) };
        let target = world.target_sign_in(&session, 10);
        let over = SignIn { end: Some(signed_out(5)), ..world.target_sign_in(&session, 0) };
        for sign_in in [&console, &annas, &target, &over] {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        let any = SignInFilter::default;
        let table = [
            (any(), vec![target.id, annas.id, console.id]),
            (SignInFilter { kind: Some(SignInKind::Console), ..any() }, vec![annas.id, console.id]),
            (SignInFilter { kind: Some(SignInKind::Target), ..any() }, vec![target.id]),
            (SignInFilter { user_id: Some(world.paula.id), ..any() }, vec![target.id, console.id]),
            (SignInFilter { account_id: Some(session.account_id), ..any() }, vec![target.id]),
            (SignInFilter { account_id: Some(world.other_account.id), ..any() }, vec![]),
            (SignInFilter { privileged_session_id: Some(session.id), ..any() }, vec![target.id]),
        ];
        for (filter, expected) in table {
            let open = world.store.read().open_sign_ins(filter.clone()).await.expect("read");
            assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), expected, "{filter:?}");
        }
        let log = world.store.read().user_log(session.id).await.expect("read");
        assert_eq!(log, [(over, None), (target, None)], "the user log also has what is over");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_are_exactly_the_open_sign_ins_that_time_ends() {
    for world in World::each().await {
        let now = 100_000;
        let mut expected = Vec::new();
        for (channel, idle) in
            [(Channel::Web, IDLE_LIMIT.as_secs()), (Channel::WebServices, WEB_SERVICES_IDLE_LIMIT.as_secs())]
        {
            for last_seen in [now - idle - 1, now - idle, now - idle + 1, now] {
                for expires in [now - 1, now, now + 1] {
                    for end in [None, Some(signed_out(now))] {
                        let sign_in = SignIn {
                            channel,
                            last_seen_at: at(last_seen),
                            expires_at: at(expires),
                            end,
                            ..world.console_sign_in(last_seen)
                        };
                        world.add_sign_in(&sign_in).await.expect("stored");
                        // The rule is the domain's; the query must agree with it.
                        if sign_in.end.is_none() && sign_in.due_end(at(now)).is_some() {
                            expected.push((sign_in.started_at, sign_in.id));
                        }
                    }
                }
            }
        }
        expected.sort_unstable();
        assert!(expected.len() > 10 && expected.len() < 24, "both kinds are among them");
        let read = world.store.read();
        let overdue = async |limit| -> Vec<_> {
            let found = read.overdue_sign_ins(at(now), limit).await.expect("read");
            found.iter().map(|sign_in| (sign_in.started_at, sign_in.id)).collect()
        };
        assert_eq!(overdue(ALL).await, expected);
        assert_eq!(overdue(4).await, expected[..4]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_events_hold_who_when_and_where_newest_first() {
    for world in World::each().await {
        let session = world.draft();
        world.add_session(&session).await.expect("stored");
        let console = world.console_sign_in(10);
        let target = world.target_sign_in(&session, 20);
        let program =
            SignIn { user_id: world.anna.id, channel: Channel::WebServices, ..world.console_sign_in(30) };
        for sign_in in [&console, &target, &program] {
            world.add_sign_in(sign_in).await.expect("stored");
        }
        // The CRM first, although its id is higher; being used again changes no order.
        use_at(&world, target.id, world.crm.id, 21).await;
        use_at(&world, target.id, world.erp.id, 22).await;
        use_at(&world, target.id, world.crm.id, 23).await;
        use_at(&world, target.id, world.crm.id, 19).await;

        let read = world.store.read();
        let all = read.sign_ins(between(0, 100), first(ALL)).await.expect("read").items;
        let people: Vec<_> = all
            .iter()
            .map(|row| (&row.sign_in, row.user_name.as_str(), row.display_name.as_str(), row.email.as_str()))
            .collect();
        let paula = ("paula", "Paula Privileged", "paula@example.org");
        let expected = [
            (&program, "anna", "Anna Admin", "anna@example.org"),
            (&target, paula.0, paula.1, paula.2),
            (&console, paula.0, paula.1, paula.2),
        ];
        assert_eq!(people, expected);
        let target_ids = |row: &SignInRow| row.targets.iter().map(|used| used.target_id).collect::<Vec<_>>();
        let places: Vec<_> = all.iter().map(target_ids).collect();
        assert_eq!(places, [vec![], vec![world.crm.id, world.erp.id], vec![]]);
        let times = world.ask_raw("SELECT first_at, last_at FROM sign_in_targets ORDER BY first_at").await;
        let times: Vec<(i64, i64)> = times
            .iter()
            .map(|row| (row.try_get("", "first_at").unwrap(), row.try_get("", "last_at").unwrap()))
            .collect();
        let micros = |second| at(second).as_microsecond();
        assert_eq!(times, [(micros(21), micros(23)), (micros(22), micros(22))]);

        let named = |name: &str| SignInQuery { user_name: Some(name.to_owned()), ..between(0, 100) };
        let table = [
            // From the start on, before the end.
            (between(10, 30), vec![target.id, console.id]),
            (between(11, 20), vec![]),
            (named("ANNA A"), vec![program.id]),
            (named("@example"), vec![program.id, target.id, console.id]),
            (named("a%"), vec![]),
            (SignInQuery { user_id: Some(world.anna.id), ..between(0, 100) }, vec![program.id]),
            (SignInQuery { channel: Some(Channel::WebServices), ..between(0, 100) }, vec![program.id]),
            (SignInQuery { kind: Some(SignInKind::Target), ..between(0, 100) }, vec![target.id]),
            (SignInQuery { target_id: Some(world.erp.id), ..between(0, 100) }, vec![target.id]),
            (SignInQuery { target_id: Some(world.erp.id), ..between(0, 20) }, vec![]),
        ];
        for (query, expected) in table {
            let found = read.sign_ins(query.clone(), first(ALL)).await.expect("read").items;
            assert_eq!(found.iter().map(|row| row.sign_in.id).collect::<Vec<_>>(), expected, "{query:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_login_events_go_on_behind_the_last_row_while_new_ones_come() {
    for world in World::each().await {
        let mut expected = Vec::new();
        for _ in 0..9 {
            let sign_in = world.console_sign_in(5);
            world.add_sign_in(&sign_in).await.expect("stored");
            expected.insert(0, sign_in.id);
        }
        let mut seen = Vec::new();
        let mut page = first(2);
        loop {
            let found = world.store.read().sign_ins(between(0, 100), page).await.expect("read");
            seen.extend(found.items.iter().map(|row| row.sign_in.id));
            // At the head of the list, where counting rows would repeat some.
            world.add_sign_in(&world.console_sign_in(50)).await.expect("stored");
            let Some(next) = found.next else { break };
            page = Page { after: Some(next), limit: 2 };
        }
        assert_eq!(seen, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_itself_keeps_the_parts_of_an_end_together() {
    for world in World::each().await {
        world.add_sign_in(&world.console_sign_in(0)).await.expect("stored");
        for wrong in ["ended_at = 5", "end_kind = 'lost'", "ended_at = 5, end_kind = 'lost'"] {
            let refused = world.run_raw(&format!("UPDATE sign_ins SET {wrong}")).await.unwrap_err();
            assert!(refused.to_string().contains("sign_ins_end"), "{wrong}: {refused}");
        }
    }
}
