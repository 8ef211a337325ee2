//! What every connector keeps, said once: a directory's own tests add only what is special about it.

use std::sync::Arc;

use chaperone_connectors::{Connector, ConnectorError, Expiry, ExternalAccount, ListedAccount, Observation};
use chaperone_domain::account::AccountState::{self, Absent, Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::{SignedDuration, Timestamp};

/// A real directory with somebody who administers it beside Chaperone.
#[async_trait::async_trait]
pub(crate) trait World: Sync {
    /// Its connector.
    fn connector(&self) -> Arc<dyn Connector>;

    /// Adds an account by the directory's own means.
    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount;

    /// Enables or disables an account by the directory's own means.
    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState);

    /// Removes an account by the directory's own means.
    async fn remove(&self, account: &ExternalAccount);

    /// Gives an account another name by the directory's own means.
    async fn rename(&self, account: &ExternalAccount, name: &str);

    /// The directory's own word on whether the account is enabled: not through the connector.
    async fn is_enabled(&self, account: &ExternalAccount) -> bool;

    /// The name under which an account that was added or renamed is listed: a world in a server that others share
    /// may give its accounts a prefix.
    fn shown(&self, name: &str) -> String {
        name.to_owned()
    }

    /// Names that this kind of directory allows and that break careless quoting.
    fn awkward_names(&self) -> Vec<String>;
}

/// When a session would end: a whole number of days from now, so that every directory can keep it exactly.
pub(crate) fn later() -> Timestamp {
    let day = 24 * 60 * 60;
    let now = Timestamp::now().as_second();
    Timestamp::from_second((now / day + 2) * day).expect("in range")
}

/// State and expiry as this connector can keep them.
pub(crate) fn attributes(connector: &dyn Connector, state: AccountState, expires: bool) -> Attributes {
    let expires_at = (expires && connector.expiry() != Expiry::None).then(later);
    Attributes { state, expires_at }
}

pub(crate) async fn observe(world: &impl World, account: &ExternalAccount) -> Observation {
    world.connector().observe(account).await.expect("observed")
}

/// Sets an account from what it is now.
pub(crate) async fn set(
    world: &impl World,
    account: &ExternalAccount,
    to: Attributes,
) -> Result<(), ConnectorError> {
    let expected = observe(world, account).await;
    world.connector().set(account, to, &expected, "key", Timestamp::now()).await
}

/// Every account of the directory, over all pages.
pub(crate) async fn listed(world: &impl World) -> Vec<ListedAccount> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = world.connector().list(after.as_deref()).await.expect("listed");
        assert!(page.accounts.len() <= chaperone_connectors::PAGE, "{} at once", page.accounts.len());
        all.extend(page.accounts);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

pub(crate) async fn an_account_is_enabled_for_a_while_and_goes_back_to_what_it_was(world: &impl World) {
    let account = world.add("back-and-forth", Disabled).await;
    let connector = world.connector();
    let baseline = observe(world, &account).await.attributes;
    assert_eq!(baseline, Attributes { state: Disabled, expires_at: None });
    let opened = attributes(&*connector, Enabled, true);
    set(world, &account, opened).await.expect("enabled");
    assert_eq!(observe(world, &account).await.attributes, opened);
    assert!(world.is_enabled(&account).await);
    set(world, &account, baseline).await.expect("disabled");
    connector.end_sign_ins(&account).await.expect("ended");
    assert_eq!(observe(world, &account).await.attributes, baseline);
    assert!(!world.is_enabled(&account).await);
}

pub(crate) async fn an_account_is_disabled_for_a_while_and_goes_back_to_what_it_was(world: &impl World) {
    let account = world.add("forth-and-back", Enabled).await;
    let baseline = observe(world, &account).await.attributes;
    assert_eq!(baseline, Attributes { state: Enabled, expires_at: None });
    set(world, &account, Attributes { state: Disabled, expires_at: None }).await.expect("disabled");
    world.connector().end_sign_ins(&account).await.expect("ended");
    assert!(!world.is_enabled(&account).await);
    set(world, &account, baseline).await.expect("enabled");
    assert_eq!(observe(world, &account).await.attributes, baseline);
    assert!(world.is_enabled(&account).await);
}

pub(crate) async fn an_expiry_is_restored_exactly_where_there_is_one(world: &impl World) {
    let account = world.add("expires", Enabled).await;
    let connector = world.connector();
    if connector.expiry() == Expiry::None {
        assert_eq!(observe(world, &account).await.attributes.expires_at, None);
        return;
    }
    let with = attributes(&*connector, Enabled, true);
    let without = Attributes { expires_at: None, ..with };
    for to in [with, without, with] {
        set(world, &account, to).await.expect("set");
        assert_eq!(observe(world, &account).await.attributes, to);
    }
    if connector.expiry() == Expiry::Exact {
        let odd = later().checked_add(SignedDuration::from_micros(123_456)).expect("in range");
        let to = Attributes { state: Enabled, expires_at: Some(odd) };
        set(world, &account, to).await.expect("set");
        assert_eq!(observe(world, &account).await.attributes, to);
    }
}

pub(crate) async fn setting_twice_changes_nothing_more(world: &impl World) {
    let account = world.add("twice", Disabled).await;
    let connector = world.connector();
    let to = attributes(&*connector, Enabled, true);
    let expected = observe(world, &account).await;
    connector.set(&account, to, &expected, "one", Timestamp::now()).await.expect("set");
    let after = observe(world, &account).await;
    // The answer to the first call was lost: the same call again, by somebody who knows no better.
    match connector.set(&account, to, &expected, "one", Timestamp::now()).await {
        Ok(()) | Err(ConnectorError::Changed) => {}
        Err(error) => panic!("{error:?}"),
    }
    assert_eq!(observe(world, &account).await.attributes, after.attributes);
}

pub(crate) async fn what_somebody_else_changed_meanwhile_is_not_overwritten(world: &impl World) {
    let account = world.add("meanwhile", Enabled).await;
    let connector = world.connector();
    let expected = observe(world, &account).await;
    world.switch_by_hand(&account, Disabled).await;
    let to = attributes(&*connector, Enabled, true);
    let error = connector.set(&account, to, &expected, "key", Timestamp::now()).await.expect_err("changed");
    assert_eq!(error, ConnectorError::Changed);
    assert!(!world.is_enabled(&account).await, "an emergency disable was undone");
}

pub(crate) async fn an_account_that_vanished_is_absent_and_cannot_be_set(world: &impl World) {
    let account = world.add("vanishes", Enabled).await;
    let expected = observe(world, &account).await;
    world.remove(&account).await;
    assert_eq!(observe(world, &account).await.attributes.state, Absent);
    let to = Attributes { state: Disabled, expires_at: None };
    let error =
        world.connector().set(&account, to, &expected, "key", Timestamp::now()).await.expect_err("gone");
    assert_eq!(error, ConnectorError::Changed);
    world.connector().end_sign_ins(&account).await.expect("nothing to end");
}

pub(crate) async fn a_renamed_account_is_still_the_same(world: &impl World) {
    let account = world.add("before-the-wedding", Disabled).await;
    world.rename(&account, "after-the-wedding").await;
    assert_eq!(observe(world, &account).await.attributes.state, Disabled);
    set(world, &account, attributes(&*world.connector(), Enabled, true)).await.expect("enabled");
    assert!(world.is_enabled(&account).await);
    let all = listed(world).await;
    let found = all.iter().find(|listed| listed.external_id == account.external_id).expect("listed");
    assert_eq!(found.name, world.shown("after-the-wedding"));
}

pub(crate) async fn awkward_names_are_names(world: &impl World) {
    for name in world.awkward_names() {
        let account = world.add(&name, Disabled).await;
        let neighbour = world.add(&format!("{name}2"), Disabled).await;
        let to = attributes(&*world.connector(), Enabled, false);
        set(world, &account, to).await.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        assert!(world.is_enabled(&account).await, "{name:?}");
        assert!(!world.is_enabled(&neighbour).await, "{name:?} moved its neighbour");
        let all = listed(world).await;
        let found = all.iter().find(|listed| listed.external_id == account.external_id);
        assert_eq!(found.map(|listed| listed.name.as_str()), Some(world.shown(&name).as_str()));
    }
}

pub(crate) async fn external_ids_that_nobody_gave_are_absent(world: &impl World) {
    let long = "x".repeat(10 * 1024);
    for external_id in ["", "nobody", "'; DROP", "*)(uid=*", "../../etc", "a\"b\\c,d=e+f", "ünbekannt", &long]
    {
        let account = ExternalAccount {
            id: chaperone_domain::ids::AccountId::new(uuid::Uuid::from_u128(7)),
            external_id: external_id.to_owned(),
        };
        match world.connector().observe(&account).await {
            Ok(seen) => assert_eq!(seen.attributes.state, Absent, "{external_id:?}"),
            Err(error) => assert!(matches!(error, ConnectorError::Refused(_)), "{external_id:?}: {error:?}"),
        }
    }
}

pub(crate) async fn the_listing_has_every_account_once_over_all_pages(world: &impl World) {
    let count = chaperone_connectors::PAGE * 2 + 3;
    let mut made = std::collections::BTreeMap::new();
    for number in 0..count {
        let name = format!("listed-{number:05}");
        let state = if number % 2 == 0 { Enabled } else { Disabled };
        let account = world.add(&name, state).await;
        made.insert(account.external_id, (world.shown(&name), state));
    }
    let mut seen = std::collections::BTreeMap::new();
    for account in listed(world).await {
        let before = seen.insert(account.external_id, (account.name, account.attributes.state));
        assert_eq!(before, None, "listed twice");
    }
    seen.retain(|external_id, _| made.contains_key(external_id));
    assert_eq!(seen, made);
}

pub(crate) async fn the_probe_says_what_it_found(world: &impl World) {
    let said = world.connector().probe().await.expect("it works");
    assert!(said.ends_with('.') && said.len() > 10, "{said}");
}

/// Makes a test of every sentence of the contract; `$world` makes a fresh directory.
macro_rules! keeps_the_contract {
    ($world:expr) => {
        $crate::contract::keeps_the_contract!(@each $world;
            an_account_is_enabled_for_a_while_and_goes_back_to_what_it_was,
            an_account_is_disabled_for_a_while_and_goes_back_to_what_it_was,
            an_expiry_is_restored_exactly_where_there_is_one,
            setting_twice_changes_nothing_more,
            what_somebody_else_changed_meanwhile_is_not_overwritten,
            an_account_that_vanished_is_absent_and_cannot_be_set,
            a_renamed_account_is_still_the_same,
            awkward_names_are_names,
            external_ids_that_nobody_gave_are_absent,
            the_listing_has_every_account_once_over_all_pages,
            the_probe_says_what_it_found,
        );
    };
    (@each $world:expr; $($sentence:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $sentence() {
                // No world where the server is not installed; `cargo xtask test` sees to it.
                if let Some(world) = $world.await {
                    $crate::contract::$sentence(&world).await;
                }
            }
        )*
    };
}
pub(crate) use keeps_the_contract;
