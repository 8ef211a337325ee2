//! Imports: all pages of a directory, again and again, however often they break off.

use chaperone_app::{AppError, jobs};
use chaperone_connectors::ListedAccount;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::directory::{AccountImport, ImportState};
use chaperone_domain::grant::Attributes;
use chaperone_store::{AccountFilter, Page};

use crate::world::World;

const OFF: Attributes = Attributes { state: AccountState::Disabled, expires_at: None };
const ON: Attributes = Attributes { state: AccountState::Enabled, expires_at: None };

fn listed(number: usize, attributes: Attributes) -> ListedAccount {
    ListedAccount {
        external_id: number.to_string(),
        name: format!("account-{number}"),
        email: String::new(),
        attributes,
    }
}

/// A directory with so many accounts; the world's own is the first.
async fn world(accounts: usize, page: usize) -> World {
    let world = World::elsewhere(OFF).await;
    world.elsewhere.lists((1..=accounts).map(|number| listed(number, OFF)).collect(), page);
    world
}

async fn begin(world: &World) {
    world.app.start_import(&world.op(&world.anna), world.account.directory_id).await.expect("begun");
}

async fn import(world: &World) -> AccountImport {
    let view = world.app.directory(&world.op(&world.anna), world.account.directory_id).await;
    view.expect("a directory").import.expect("an import")
}

async fn to_the_end(world: &World) -> AccountImport {
    while jobs::steps::imports(&world.app).await.expect("a page") {}
    import(world).await
}

async fn account(world: &World, number: usize) -> Account {
    let filter = AccountFilter { directory_id: Some(world.account.directory_id), ..AccountFilter::default() };
    let page = world.rows().await.read().accounts(filter, Page::first(500)).await.expect("accounts");
    let found = page.items.into_iter().find(|account| account.external_id == number.to_string());
    found.expect("imported")
}

#[tokio::test]
async fn every_page_is_taken_with_progress_and_the_next_import_sees_what_became_of_them() {
    let world = world(5, 2).await;
    begin(&world).await;
    let again = world.app.start_import(&world.op(&world.anna), world.account.directory_id).await;
    assert!(matches!(again, Err(AppError::Conflict { .. })), "one goes on already");
    assert!(jobs::steps::imports(&world.app).await.expect("a page"), "there is more");
    let half = import(&world).await;
    assert_eq!((half.state, half.seen, half.total), (ImportState::Running, 2, Some(5)));
    let whole = to_the_end(&world).await;
    assert_eq!((whole.state, whole.seen, whole.vanished), (ImportState::Done, 5, 0));
    assert_eq!((whole.added, whole.changed), (4, 1), "the first one was known by another name");

    // Renamed, enabled by somebody else although it is privileged, and gone.
    world.clock.forward(60);
    let mut now: Vec<_> = (1..=4).map(|number| listed(number, OFF)).collect();
    now[1].name = "renamed".to_owned();
    now[0].attributes = ON;
    world.elsewhere.lists(now, 3);
    begin(&world).await;
    let again = to_the_end(&world).await;
    assert_eq!((again.state, again.seen, again.added), (ImportState::Done, 4, 0));
    assert_eq!((again.changed, again.vanished), (2, 1));
    assert_eq!(account(&world, 2).await.name, "renamed");
    assert_eq!(account(&world, 5).await.state, AccountState::Absent);
    let own = account(&world, 1).await;
    assert_eq!((own.id, own.state), (world.account.id, AccountState::Enabled));
    assert_eq!(own.drift.map(|drift| drift.expected), Some(AccountState::Disabled));
}

#[tokio::test]
async fn a_listing_that_breaks_off_begins_anew_and_is_given_up_in_the_end() {
    let world = world(6, 2).await;
    world.elsewhere.breaks_off_at(Some(3));
    begin(&world).await;
    while jobs::steps::imports(&world.app).await.expect("a page") {}
    let broken = import(&world).await;
    assert_eq!((broken.state, broken.attempt, broken.seen), (ImportState::Running, 1, 0));
    assert!(broken.place.is_none() && broken.problem.is_some() && broken.next_try_at.is_some());
    assert!(!jobs::steps::imports(&world.app).await.expect("waits"), "not before its time");

    world.elsewhere.breaks_off_at(None);
    world.clock.forward(2);
    let whole = to_the_end(&world).await;
    assert_eq!((whole.state, whole.seen, whole.problem), (ImportState::Done, 6, None));

    world.elsewhere.breaks_off_at(Some(0));
    begin(&world).await;
    for _ in 0..6 {
        while jobs::steps::imports(&world.app).await.expect("a page") {}
        world.clock.forward(300);
    }
    let given_up = import(&world).await;
    assert_eq!(given_up.state, ImportState::Failed);
    assert!(given_up.problem.is_some_and(|problem| problem.contains("does not answer")));
    assert_eq!(account(&world, 6).await.state, AccountState::Disabled, "nothing is gone because of it");
}

#[tokio::test]
async fn a_hundred_thousand_accounts_are_taken_over_and_looked_through_again() {
    const ACCOUNTS: usize = 100_000;
    let world = world(ACCOUNTS, 1_000).await;
    for added in [ACCOUNTS - 1, 0] {
        begin(&world).await;
        let import = to_the_end(&world).await;
        assert_eq!((import.state, import.seen), (ImportState::Done, ACCOUNTS as u64));
        assert_eq!((import.added, import.vanished), (added as u64, 0));
        world.clock.forward(60);
    }
    let view = world.app.directory(&world.op(&world.anna), world.account.directory_id).await;
    assert_eq!(view.expect("a directory").accounts, ACCOUNTS as u64);
}
