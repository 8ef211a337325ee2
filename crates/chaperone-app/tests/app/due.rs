//! Sessions that are due in the same second: what they write is joined, and each goes its own way.

use chaperone_app::Client;
use chaperone_app::accounts::NewAccount;
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{AccountId, PrivilegedSessionId};
use chaperone_domain::privileged_session::{EndReason, Status};

use crate::world::World;

/// Accounts with sessions of their own.
const MANY: usize = 60;
/// Every so many of them have two sessions, one of which lasts longer.
const SHARED: usize = 4;

/// An account of Paula's.
async fn account(world: &World, number: usize) -> AccountId {
    let new = NewAccount {
        directory_id: None,
        name: format!("due-{number}"),
        owner: Some(world.paula.id),
        privileged: true,
        state: Disabled,
    };
    world.app.create_account(&world.op(&world.anna), new).await.expect("an account").id
}

/// An approved session for the account, in a minute for so long.
async fn approved(world: &World, account_id: AccountId, lasts: i64, wish: Wish) -> PrivilegedSessionId {
    let mut request = world.request(60, 60 + lasts, wish);
    request.account_id = account_id;
    let anna = world.op(&world.anna);
    let id = world.app.request_privileged_session(&anna, request).await.expect("asked").session.id;
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    id
}

async fn are(world: &World, sessions: &[PrivilegedSessionId], status: Status) {
    for id in sessions {
        assert_eq!(world.session(*id).await.session.status(), status);
    }
}

async fn statuses(world: &World, id: PrivilegedSessionId) -> Vec<String> {
    let log = world.app.audit_log(&world.op(&world.anna), id).await.expect("a log");
    log.into_iter().filter_map(|entry| entry.to_status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_due_in_the_same_second_go_each_their_own_way() {
    let world = World::new().await;
    let (mut accounts, mut short, mut long) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..MANY {
        let account = account(&world, number).await;
        short.push(approved(&world, account, 600, Wish::Enable).await);
        let shared = number % SHARED == 0;
        if shared {
            long.push(approved(&world, account, 900, Wish::Enable).await);
        }
        accounts.push((account, shared));
    }
    // Somebody is at work with an account that a session is about to hold.
    let paula = world.op(&world.paula);
    let token = world.app.create_api_token(&paula, "import".to_owned(), None).await.expect("a token").1;
    let client = Client::new("192.0.2.9", "curl/8");
    let at_work = world.app.identify_token(&world.target, &token, &client).await.expect("let in");
    let everyday = approved(&world, at_work.facts().account.id, 600, Wish::None).await;
    // One session is called off.
    let called_off = approved(&world, account(&world, MANY).await, 600, Wish::Enable).await;
    world.decide(&world.anna, called_off, StatusChange::Cancel).await.expect("called off");

    world.clock.forward(60);
    world.process().await;
    are(&world, &short, Status::Active).await;
    are(&world, &long, Status::Active).await;
    are(&world, &[everyday], Status::Active).await;
    are(&world, &[called_off], Status::Cancelled).await;
    assert!(at_work.is_cut().is_some(), "who was at work with the account is signed out");
    for (account, shared) in &accounts {
        let now = world.account_of(*account).await;
        let end = world.clock.after(if *shared { 900 } else { 600 });
        assert_eq!((now.state, now.expires_at), (Enabled, Some(end)));
    }

    world.clock.forward(600);
    world.process().await;
    are(&world, &short, Status::Ended).await;
    are(&world, &long, Status::Active).await;
    for (account, shared) in &accounts {
        let now = world.account_of(*account).await;
        assert_eq!(now.state, if *shared { Enabled } else { Disabled });
    }

    world.clock.forward(300);
    world.process().await;
    are(&world, &long, Status::Ended).await;
    for (account, _) in &accounts {
        let now = world.account_of(*account).await;
        assert_eq!((now.state, now.expires_at), (Disabled, None));
    }
    for id in short.iter().chain(&long) {
        let session = world.session(*id).await.session;
        assert_eq!(session.end_reason, Some(EndReason::Completed));
        assert_eq!(statuses(&world, *id).await, ["Draft", "Approved", "Active", "Ending", "Ended"]);
    }
}
