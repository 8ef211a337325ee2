//! Accounts, and the compare-and-set by which the built-in directory is changed.

use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::grant::{Attributes, Grant};
use chaperone_domain::ids::{AccountId, DirectoryId, GrantId};
use chaperone_store::{AccountFilter, AccountSet, Page, StoreError};

use crate::world::{World, at, first};

async fn add(world: &World, account: &Account) -> Result<(), StoreError> {
    world
        .change(account.clone(), |tx, account| Box::pin(async move { tx.insert_account(&account).await }))
        .await
}

fn named(world: &World, name: &str) -> Account {
    let id = AccountId::new(world.id());
    Account { id, name: name.to_owned(), external_id: id.to_string(), ..world.other_account.clone() }
}

async fn set(world: &World, id: AccountId, expected: Attributes, to: Attributes) -> bool {
    set_fenced(world, id, (expected, to), None).await
}

async fn set_fenced(
    world: &World,
    id: AccountId,
    (expected, to): (Attributes, Attributes),
    fence: Option<(GrantId, i64)>,
) -> bool {
    let set = AccountSet { account: id, expected, to, fence };
    let after = world
        .change(set, |tx, set| Box::pin(async move { tx.compare_and_set_account(&set).await }))
        .await
        .expect("asked");
    let Some(after) = after else { return false };
    let row = world.store.read().account(id).await.expect("read").expect("known");
    assert_eq!(after, row, "it is told as it is now");
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_reads_back_as_written_in_every_state() {
    for world in World::each().await {
        for state in AccountState::ALL {
            let account = Account {
                state,
                expires_at: Some(at(9)),
                external_id: format!("CN=O'Brien\\, {},OU=Ops", state.name()),
                ..named(&world, state.name())
            };
            add(&world, &account).await.expect("stored");
            let read = world.store.read();
            assert_eq!(read.account(account.id).await.expect("read"), Some(account));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_one_in_its_directory_whatever_its_case() {
    for world in World::each().await {
        let again = named(&world, "ERP-Admin");
        let taken = Err(StoreError::Conflict { constraint: "accounts_name".to_owned() });
        assert_eq!(add(&world, &again).await, taken);
        let known = Account { external_id: world.account.external_id.clone(), ..named(&world, "other") };
        let taken = Err(StoreError::Conflict { constraint: "accounts_external_id".to_owned() });
        assert_eq!(add(&world, &known).await, taken);
        let nowhere = Account { directory_id: DirectoryId::new(world.id()), ..again };
        assert_eq!(add(&world, &nowhere).await, Err(StoreError::Reference));
        let found = world.store.read().account_by_name(world.directory.id, "ERP-ADMIN").await.expect("read");
        assert_eq!(found, Some(world.account.clone()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_on_the_version_that_was_seen() {
    for world in World::each().await {
        let update = |account: Account, version: i64| {
            world.change((account, version), |tx, (account, version)| {
                Box::pin(async move { tx.update_account(&account, version).await })
            })
        };
        let changed = Account {
            name: "erp-root".to_owned(),
            owner: Some(world.anna.id),
            privileged: false,
            state: AccountState::Enabled,
            expires_at: Some(at(7)),
            ..world.account.clone()
        };
        update(changed.clone(), 1).await.expect("kept");
        let read = world.store.read();
        let stored = read.account(world.account.id).await.expect("read");
        assert_eq!(stored, Some(Account { version: 2, ..changed.clone() }));
        assert_eq!(update(changed, 1).await, Err(StoreError::Stale));
        assert!(read.account_by_name(world.directory.id, "erp-admin").await.expect("read").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn state_and_expiry_are_set_only_while_they_are_as_expected() {
    for world in World::each().await {
        let id = world.account.id;
        let plain = |state| Attributes { state, expires_at: None };
        let until = Attributes { state: AccountState::Enabled, expires_at: Some(at(60)) };
        assert!(!set(&world, id, plain(AccountState::Enabled), until).await, "it is disabled");
        assert!(set(&world, id, plain(AccountState::Disabled), until).await);
        assert!(!set(&world, id, plain(AccountState::Disabled), until).await, "it is set already");
        assert!(!set(&world, id, plain(AccountState::Enabled), until).await, "another expiry");
        assert!(set(&world, id, until, plain(AccountState::Disabled)).await);
        let stored = world.store.read().account(id).await.expect("read").expect("there");
        assert_eq!((stored.state, stored.expires_at, stored.version), (AccountState::Disabled, None, 3));
        assert!(!set(&world, AccountId::new(world.id()), until, until).await, "there is no such account");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_grant_asks_for_is_set_only_while_it_has_its_fence() {
    for world in World::each().await {
        let id = world.account.id;
        let disabled = Attributes { state: AccountState::Disabled, expires_at: None };
        let enabled = Attributes { state: AccountState::Enabled, expires_at: Some(at(60)) };
        let grant = Grant::new(GrantId::new(world.id()), id, disabled, at(60), at(0));
        world
            .change(grant.clone(), |tx, grant| Box::pin(async move { tx.insert_grant(&grant).await }))
            .await
            .expect("stored");
        let there = (disabled, enabled);
        assert!(!set_fenced(&world, id, there, Some((grant.id, grant.fence + 1))).await, "another fence");
        let unknown = GrantId::new(world.id());
        assert!(!set_fenced(&world, id, there, Some((unknown, grant.fence))).await, "no such grant");
        assert!(set_fenced(&world, id, there, Some((grant.id, grant.fence))).await);
        let read = world.store.read();
        let version = read.account(id).await.expect("read").expect("known").version;
        assert_eq!(read.account_version(id).await.expect("read"), Some((version, true)));
        assert_eq!(read.account_version(world.other_account.id).await.expect("read"), Some((1, false)));
        assert_eq!(read.account_version(AccountId::new(world.id())).await.expect("read"), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_listed_by_name_and_found_by_owner_kind_and_part_of_the_name() {
    for world in World::each().await {
        let everyday = Account { privileged: false, owner: Some(world.paula.id), ..named(&world, "Beta") };
        add(&world, &everyday).await.expect("stored");
        add(&world, &named(&world, "alpha%")).await.expect("stored");
        let read = world.store.read();
        let found = async |filter: AccountFilter| {
            let (mut page, mut names) = (first(1), Vec::new());
            loop {
                let items = read.accounts(filter.clone(), page).await.expect("read");
                names.extend(items.items.into_iter().map(|account| account.name));
                let Some(next) = items.next else { return names };
                page = Page { after: Some(next), limit: 1 };
            }
        };
        let all = AccountFilter::default;
        assert_eq!(found(all()).await, ["alpha%", "Beta", "crm-admin", "erp-admin"]);
        let paulas = AccountFilter { owner: Some(world.paula.id), ..all() };
        assert_eq!(found(paulas.clone()).await, ["Beta", "erp-admin"]);
        assert_eq!(found(AccountFilter { privileged: Some(true), ..paulas }).await, ["erp-admin"]);
        assert_eq!(found(AccountFilter { q: Some("A%".to_owned()), ..all() }).await, ["alpha%"]);
        let elsewhere = DirectoryId::new(world.id());
        assert!(found(AccountFilter { directory_id: Some(elsewhere), ..all() }).await.is_empty());
        let owned = read.accounts_of(world.paula.id).await.expect("read");
        assert_eq!(
            owned.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(),
            ["Beta", "erp-admin"]
        );
    }
}
