//! Notifications: with their change or not at all, once for each key, taken by one node at a time.

use std::collections::BTreeSet;

use chaperone_domain::ids::NotificationId;
use chaperone_domain::notification::{Channel, Notification, NotificationKind, NotificationState};
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_domain::user::{Role, Roles, User};
use chaperone_store::{Events, Store, StoreError};

use crate::world::{World, at, user, window};

/// A mail to Paula about the session, due at once; not stored yet.
fn mail(world: &World, session: &PrivilegedSession, occurrence: i64) -> Notification {
    Notification {
        id: NotificationId::new(world.id()),
        kind: NotificationKind::Approved,
        privileged_session_id: Some(session.id),
        account_id: Some(session.account_id),
        recipient: Some(world.paula.id),
        channel: Channel::Mail,
        address: "paula@example.org".to_owned(),
        occurrence,
        state: NotificationState::Waiting,
        attempt: 0,
        next_try_at: Some(at(10)),
        give_up_at: at(10 + 86_400),
        problem: None,
        created_at: at(10),
        sent_at: None,
        subject: "Approved".to_owned(),
        body: "Your session was approved.\n".to_owned(),
    }
}

async fn asked(world: &World) -> PrivilegedSession {
    let session = world.draft();
    world.add_session(&session).await.expect("stored");
    session
}

async fn add(world: &World, told: &[Notification]) -> Result<u64, StoreError> {
    world
        .change(told.to_vec(), |tx, told| Box::pin(async move { tx.insert_notifications(&told).await }))
        .await
}

async fn take(store: &Store, channel: Channel, second: i64, limit: u64) -> Vec<Notification> {
    let taken = store
        .keep_books(move |books| {
            Box::pin(
                async move { books.take_notifications(channel, at(second), at(second + 60), limit).await },
            )
        })
        .await;
    taken.expect("taken")
}

async fn stored(world: &World, id: NotificationId) -> Notification {
    world.store.read().notification(id).await.expect("read").expect("there")
}

#[tokio::test]
async fn what_is_told_reads_back_as_it_was_written() {
    for world in World::each().await {
        let session = asked(&world).await;
        let mail = mail(&world, &session, 1);
        let hook = Notification {
            id: NotificationId::new(world.id()),
            recipient: None,
            channel: Channel::Webhook,
            address: "chat".to_owned(),
            ..mail.clone()
        };
        assert_eq!(add(&world, &[mail.clone(), hook.clone()]).await, Ok(2));
        let found = world.store.read().notifications_of_session(session.id).await.expect("read");
        assert_eq!(found, [mail, hook]);
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_change_that_was_not_kept() {
    for world in World::each().await {
        let session = asked(&world).await;
        let mail = mail(&world, &session, 1);
        let told = [mail.clone()];
        let undone = world
            .change(told, |tx, told| {
                Box::pin(async move {
                    tx.insert_notifications(&told).await?;
                    Err::<(), _>(StoreError::Stale)
                })
            })
            .await;
        assert_eq!(undone, Err(StoreError::Stale));
        assert_eq!(world.store.read().notification(mail.id).await, Ok(None));
    }
}

#[tokio::test]
async fn the_same_thing_is_told_to_somebody_once_and_the_rest_of_the_change_stands() {
    for world in World::each().await {
        let session = asked(&world).await;
        let first = mail(&world, &session, 1);
        let again = Notification { id: NotificationId::new(world.id()), ..first.clone() };
        let next = mail(&world, &session, 2);
        assert_eq!(add(&world, std::slice::from_ref(&first)).await, Ok(1));
        assert_eq!(add(&world, &[again.clone(), next.clone()]).await, Ok(1));
        let found = world.store.read().notifications_of_session(session.id).await.expect("read");
        assert_eq!(found, [first, next]);
    }
}

#[tokio::test]
async fn nodes_that_take_at_the_same_time_never_take_the_same() {
    for world in World::each().await {
        let session = asked(&world).await;
        let told: Vec<Notification> = (1..=60).map(|number| mail(&world, &session, number)).collect();
        add(&world, &told).await.expect("added");
        let other = world.reopened().await;
        let mut taken = Vec::new();
        loop {
            let round = tokio::join!(
                take(&world.store, Channel::Mail, 20, 7),
                take(&other, Channel::Mail, 20, 7),
                take(&world.store, Channel::Mail, 20, 7),
                take(&other, Channel::Mail, 20, 7),
            );
            let round = [round.0, round.1, round.2, round.3].concat();
            if round.is_empty() {
                break;
            }
            taken.extend(round.into_iter().map(|told| told.id));
        }
        let distinct: BTreeSet<_> = taken.iter().copied().collect();
        assert_eq!((taken.len(), distinct.len()), (60, 60));
    }
}

#[tokio::test]
async fn what_was_taken_comes_back_when_the_lease_is_over_and_only_the_last_taker_may_say_how_it_went() {
    for world in World::each().await {
        let session = asked(&world).await;
        let mail = mail(&world, &session, 1);
        add(&world, std::slice::from_ref(&mail)).await.expect("added");
        assert!(take(&world.store, Channel::Mail, 9, 10).await.is_empty(), "not due yet");
        assert!(take(&world.store, Channel::Webhook, 20, 10).await.is_empty(), "another channel");
        assert_eq!(take(&world.store, Channel::Mail, 20, 10).await[0].attempt, 1);
        assert_eq!(world.store.read().notification_is_due(Channel::Mail, at(79)).await, Ok(false));
        assert!(take(&world.store, Channel::Mail, 79, 10).await.is_empty(), "leased");
        assert_eq!(world.store.read().notification_is_due(Channel::Mail, at(80)).await, Ok(true));
        assert_eq!(take(&world.store, Channel::Mail, 80, 10).await[0].attempt, 2);
        let sent = |attempt| {
            world.books((mail.id, attempt), |books, (id, attempt)| {
                Box::pin(async move { books.notification_sent(id, attempt, at(81)).await })
            })
        };
        assert_eq!(sent(1).await, Ok(false), "the first taker is too late");
        assert_eq!(sent(2).await, Ok(true));
        let found = stored(&world, mail.id).await;
        assert_eq!((found.state, found.sent_at), (NotificationState::Sent, Some(at(81))));
        assert_eq!(found.next_try_at, None);
        assert!(take(&world.store, Channel::Mail, 9_999, 10).await.is_empty(), "sent is sent");
    }
}

#[tokio::test]
async fn what_is_put_off_is_due_at_its_time_and_what_is_given_up_only_when_it_is_tried_again_by_hand() {
    for world in World::each().await {
        let session = asked(&world).await;
        let mail = mail(&world, &session, 1);
        add(&world, std::slice::from_ref(&mail)).await.expect("added");
        take(&world.store, Channel::Mail, 20, 10).await;
        let put_off = world.books(mail.id, |books, id| {
            Box::pin(async move { books.put_off_notification(id, 1, at(30), "It does not answer.").await })
        });
        assert_eq!(put_off.await, Ok(true));
        assert!(take(&world.store, Channel::Mail, 29, 10).await.is_empty());
        let taken = take(&world.store, Channel::Mail, 30, 10).await;
        assert_eq!(taken[0].problem.as_deref(), Some("It does not answer."));
        let give_up = |attempt| {
            world.change((mail.id, attempt), |tx, (id, attempt)| {
                Box::pin(async move { tx.give_up_notification(id, attempt, "It refuses.").await })
            })
        };
        assert_eq!(give_up(1).await, Err(StoreError::Stale));
        assert_eq!(give_up(2).await, Ok(()));
        let found = stored(&world, mail.id).await;
        assert_eq!((found.state, found.next_try_at), (NotificationState::GivenUp, None));
        assert!(take(&world.store, Channel::Mail, 9_999, 10).await.is_empty());
        let retried = world.change(mail.id, |tx, id| {
            Box::pin(async move { tx.retry_notification(id, at(10_000), at(20_000)).await })
        });
        assert_eq!(retried.await, Ok(()));
        let taken = take(&world.store, Channel::Mail, 10_000, 10).await;
        assert_eq!((taken[0].attempt, taken[0].give_up_at), (3, at(20_000)));
    }
}

#[tokio::test]
async fn what_was_sent_is_not_tried_again_by_hand() {
    for world in World::each().await {
        let session = asked(&world).await;
        let mail = mail(&world, &session, 1);
        let sent = Notification {
            state: NotificationState::Sent,
            next_try_at: None,
            sent_at: Some(at(11)),
            ..mail.clone()
        };
        add(&world, &[sent]).await.expect("added");
        let retried = world.change(mail.id, |tx, id| {
            Box::pin(async move { tx.retry_notification(id, at(20), at(30)).await })
        });
        assert_eq!(retried.await, Err(StoreError::Stale));
    }
}

#[tokio::test]
async fn time_tells_of_what_comes_soon_until_it_was_told() {
    for world in World::each().await {
        let approved = PrivilegedSession { state: State::Approved, ..world.draft() };
        let active = PrivilegedSession { state: State::Active, window: window(60, 3_500), ..world.draft() };
        let not_back = PrivilegedSession { state: State::Ending, ended_at: Some(at(2_700)), ..world.draft() };
        for session in [&approved, &active, &not_back, &world.draft()] {
            world.add_session(session).await.expect("stored");
        }
        let due = async |second: i64, after: Option<&PrivilegedSession>| -> Vec<_> {
            let after = after.map(|session| (session.window.starts_at(), session.id));
            let read = world.store.read();
            let (soon, back) = (at(second + 900), at(second - 60));
            let found = read.sessions_told_by_time(at(second), soon, back, after, 10).await.expect("read");
            found.iter().map(|session| session.id).collect()
        };
        assert_eq!(due(2_599, None).await, []);
        assert_eq!(due(2_600, None).await, [active.id]);
        assert_eq!(due(2_760, None).await, [active.id, approved.id, not_back.id]);
        assert_eq!(due(2_760, Some(&approved)).await, [not_back.id], "the next page");
        let told = Notification {
            kind: NotificationKind::StartsSoon,
            ..mail(&world, &approved, approved.window.starts_at().as_microsecond())
        };
        world
            .books(told, |books, told| Box::pin(async move { books.insert_notifications(&[told]).await }))
            .await
            .expect("added");
        assert_eq!(due(2_760, None).await, [active.id, not_back.id]);
    }
}

#[tokio::test]
async fn active_users_are_found_by_their_roles() {
    for world in World::each().await {
        let with = |id, name, roles: &[Role], active| User {
            roles: Roles::new(roles.iter().copied()),
            active,
            ..user(id, name, name)
        };
        let new = [
            with(50, "zoe", &[Role::Approver, Role::User], true),
            with(51, "bert", &[Role::SystemAdministrator], true),
            with(52, "gone", &[Role::Approver], false),
        ];
        let event = world.event();
        let added = world.store.write(move |tx| {
            let (new, event) = (new.clone(), event.clone());
            Box::pin(async move {
                for user in &new {
                    tx.insert_user(user, None).await?;
                }
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        });
        added.await.expect("added");
        let wanted = [Role::Approver, Role::SystemAdministrator];
        let found = world.store.read().active_users_with(&wanted).await.expect("read");
        let names: Vec<&str> = found.iter().map(|user| user.user_name.as_str()).collect();
        assert_eq!(names, ["bert", "zoe"]);
    }
}

#[tokio::test]
async fn what_was_sent_long_ago_is_removed_unless_its_session_goes_on_and_nothing_that_waits() {
    for world in World::each().await {
        let over = PrivilegedSession { state: State::Ended, ..world.draft() };
        let goes_on = PrivilegedSession { state: State::Ending, ..world.draft() };
        for session in [&over, &goes_on] {
            world.add_session(session).await.expect("stored");
        }
        let sent = |session, occurrence, second| Notification {
            state: NotificationState::Sent,
            next_try_at: None,
            sent_at: Some(at(second)),
            ..mail(&world, session, occurrence)
        };
        let given_up =
            Notification { state: NotificationState::GivenUp, next_try_at: None, ..mail(&world, &over, 5) };
        let old = [sent(&over, 1, 20), sent(&over, 2, 21), sent(&over, 3, 99)];
        let stays = [sent(&over, 4, 100), given_up, mail(&world, &over, 6), sent(&goes_on, 7, 20)];
        add(&world, &old).await.expect("stored");
        add(&world, &stays).await.expect("stored");
        let has_old = async || world.store.read().has_old_notifications(at(100)).await.expect("read");
        let remove = async || {
            let event = world.event();
            let removed = world.store.write(move |tx| {
                let event = event.clone();
                Box::pin(async move {
                    let removed = tx.remove_old_notifications(at(100), 2).await?;
                    Ok::<_, StoreError>(tx.commit(removed, Events::one(event)))
                })
            });
            removed.await.expect("removed")
        };
        assert!(has_old().await);
        assert_eq!(remove().await, 2, "no more than wanted");
        assert_eq!(stored(&world, old[2].id).await, old[2], "oldest first");
        assert_eq!(remove().await, 1);
        assert!(!has_old().await);
        assert_eq!(remove().await, 0);
        for kept in &stays {
            assert_eq!(stored(&world, kept.id).await, *kept);
        }
    }
}
