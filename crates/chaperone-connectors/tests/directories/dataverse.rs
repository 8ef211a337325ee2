//! Dataverse against its Web API as documented.

use chaperone_connectors::{ConnectorError, PAGE};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;

use crate::contract::{World, keeps_the_contract, observe};
use crate::dataverse_server::{ALL_PRIVILEGES, DataverseWorld, connector};
use crate::microsoft::CLIENT_SECRET;

keeps_the_contract!(DataverseWorld::start());

const ENABLED: Attributes = Attributes { state: Enabled, expires_at: None };

#[tokio::test]
async fn every_change_of_the_row_makes_the_version_an_old_one() {
    let world = DataverseWorld::start().await.expect("a world");
    let one = world.add("one", Disabled).await;
    let seen = observe(&world, &one).await;
    world.rename(&one, "another").await;
    let error =
        world.connector().set(&one, ENABLED, &seen, "key", Timestamp::now()).await.expect_err("changed");
    assert_eq!(error, ConnectorError::Changed);
    assert!(!world.is_enabled(&one).await);
}

#[tokio::test]
async fn missing_privileges_are_named_by_the_probe_and_by_the_call() {
    let world = DataverseWorld::start().await.expect("a world");
    let one = world.add("one", Disabled).await;
    let seen = observe(&world, &one).await;
    for missing in ["prvWriteUser", "prvDisableUser"] {
        world.server.state().api.privileges =
            ALL_PRIVILEGES.iter().copied().filter(|held| *held != missing).collect();
        let probed = world.connector().probe().await.expect_err("missing");
        let set =
            world.connector().set(&one, ENABLED, &seen, "key", Timestamp::now()).await.expect_err("missing");
        for error in [probed, set] {
            assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
            assert!(error.to_string().contains(missing), "{error}");
        }
        assert!(!world.is_enabled(&one).await);
    }
    world.server.state().api.privileges.clear();
    for error in [
        world.connector().probe().await.expect_err("missing"),
        world.connector().list(None).await.expect_err("missing"),
        world.connector().observe(&one).await.expect_err("missing"),
    ] {
        assert!(error.to_string().contains("prvReadUser"), "{error}");
    }
    world.server.state().api.is_known = false;
    let error = world.connector().probe().await.expect_err("unknown");
    assert!(error.to_string().contains("application user"), "{error}");
}

#[tokio::test]
async fn a_token_is_used_again_and_fetched_once_more_when_it_is_not_accepted() {
    let world = DataverseWorld::start().await.expect("a world");
    let one = world.add("one", Disabled).await;
    for _ in 0..3 {
        observe(&world, &one).await;
    }
    assert_eq!(world.server.state().tenant.given, 1);
    world.server.state().tenant.good.clear();
    let seen = observe(&world, &one).await;
    assert_eq!(world.server.state().tenant.given, 2);
    world.server.state().tenant.good.clear();
    world.connector().set(&one, ENABLED, &seen, "key", Timestamp::now()).await.expect("with a new token");
    assert!(world.is_enabled(&one).await);
    assert_eq!(world.server.state().tenant.given, 3);
}

#[tokio::test]
async fn a_token_without_life_is_fetched_for_every_call_and_many_at_once_fetch_one() {
    let world = DataverseWorld::start().await.expect("a world");
    let one = world.add("one", Disabled).await;
    let all = (0..10).map(|_| {
        let (connector, one) = (world.connector(), one.clone());
        tokio::spawn(async move { connector.observe(&one).await.expect("observed") })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("no panic");
    }
    assert_eq!(world.server.state().tenant.given, 1);
    let world = DataverseWorld::start().await.expect("a world");
    world.server.state().tenant.life = 0;
    let one = world.add("one", Disabled).await;
    for _ in 0..3 {
        observe(&world, &one).await;
    }
    assert_eq!(world.server.state().tenant.given, 3);
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_named_and_a_new_one_needs_no_restart() {
    let world = DataverseWorld::start().await.expect("a world");
    let one = world.add("one", Enabled).await;
    world.server.change_secret("wrong-but-secret");
    for error in [
        world.connector().list(None).await.expect_err("refused"),
        world.connector().observe(&one).await.expect_err("refused"),
        world.connector().probe().await.expect_err("refused"),
    ] {
        assert!(
            matches!(error, ConnectorError::Refused(_)) && error.to_string().contains("file:entra"),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("wrong-but-secret"), "{error:?}");
    }
    world.server.change_secret(CLIENT_SECRET);
    assert_eq!(observe(&world, &one).await.attributes, ENABLED);
}

#[tokio::test]
async fn settings_that_are_wrong_are_named() {
    let world = DataverseWorld::start().await.expect("a world");
    let tenant = connector(&world.server, |settings| settings.tenant = "fabrikam.example".to_owned());
    assert!(tenant.probe().await.expect_err("refused").to_string().contains("no tenant fabrikam.example"));
    let client = connector(&world.server, |settings| settings.client_id = "somebody".to_owned());
    assert!(client.probe().await.expect_err("refused").to_string().contains("no application somebody"));
    let path = connector(&world.server, |settings| settings.url.push_str("/main.aspx"));
    assert!(path.probe().await.expect_err("refused").to_string().contains("directory's address"));
    let authority =
        connector(&world.server, |settings| "http://127.0.0.1:1".clone_into(&mut settings.authority));
    let error = authority.probe().await.expect_err("away");
    assert!(matches!(error, ConnectorError::Unreachable(_)), "{error:?}");
    assert!(error.to_string().starts_with("The token service at 127.0.0.1 accepts no connection"), "{error}");
}

#[tokio::test]
async fn a_next_page_at_another_place_is_not_followed() {
    let world = DataverseWorld::start().await.expect("a world");
    for number in 0..=PAGE {
        world.add(&format!("user-{number}"), Enabled).await;
    }
    for elsewhere in ["http://127.0.0.1:1", "https://example.com"] {
        world.server.state().api.elsewhere = Some(elsewhere.to_owned());
        let error = world.connector().list(None).await.expect_err("refused");
        assert!(
            matches!(error, ConnectorError::Refused(_)) && error.to_string().contains("another place"),
            "{error:?}"
        );
        let error = world.connector().list(Some(&format!("{elsewhere}/x"))).await.expect_err("refused");
        assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    }
    for nonsense in ["", "x", "/api/data/v9.2/systemusers"] {
        assert!(world.connector().list(Some(nonsense)).await.is_err(), "{nonsense}");
    }
}

#[tokio::test]
async fn users_without_a_name_or_with_too_long_a_one_are_left_out_and_counted() {
    let world = DataverseWorld::start().await.expect("a world");
    // Built-in users have none.
    for name in ["", "x".repeat(10 * 1024).as_str(), "good@contoso.com"] {
        world.add(name, Enabled).await;
    }
    let page = world.connector().list(None).await.expect("listed");
    assert_eq!((page.accounts.len(), page.left_out, page.next), (1, 2, None));
}
