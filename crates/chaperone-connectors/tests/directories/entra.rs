//! Microsoft Entra ID against Microsoft Graph as documented.

use chaperone_connectors::{ConnectorError, PAGE};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::contract::{World, keeps_the_contract, observe};
use crate::entra_server::{ALL_ROLES, EntraWorld};

keeps_the_contract!(EntraWorld::start());

const ENABLED: Attributes = Attributes { state: Enabled, expires_at: None };

#[tokio::test]
async fn ending_sign_ins_ends_those_of_that_user_only() {
    let world = EntraWorld::start().await.expect("a world");
    let (one, _other) = (world.add("one", Enabled).await, world.add("other", Enabled).await);
    world.connector().end_sign_ins(&one).await.expect("ended");
    let revoked = world.server.state().api.revoked.clone();
    assert_eq!(revoked, [Uuid::try_parse(&one.external_id).expect("an id")]);
}

#[tokio::test]
async fn missing_permissions_are_named_by_the_probe_and_by_the_call() {
    for missing in ALL_ROLES {
        let world = EntraWorld::start().await.expect("a world");
        let one = world.add("one", Disabled).await;
        let seen = observe(&world, &one).await;
        {
            let tenant = &mut world.server.state().tenant;
            tenant.roles.retain(|role| role != missing);
            tenant.good.clear();
        }
        let now = Timestamp::now();
        let probed = world.connector().probe().await.expect_err("missing");
        let called = match missing {
            "User.Read.All" => world.connector().list(None).await.map(|_| ()),
            "User.RevokeSessions.All" => world.connector().end_sign_ins(&one).await,
            _ => world.connector().set(&one, ENABLED, &seen, "key", now).await,
        };
        for error in [probed, called.expect_err("missing")] {
            assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
            assert!(error.to_string().contains(missing), "{error}");
        }
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_still_a_token() {
    let world = EntraWorld::start().await.expect("a world");
    world.add("one", Enabled).await;
    world.server.state().tenant.is_opaque = true;
    let said = world.connector().probe().await.expect("it works");
    assert!(said.contains("User.RevokeSessions.All shows only"), "{said}");
}

#[tokio::test]
async fn a_next_page_at_another_place_is_not_followed() {
    let world = EntraWorld::start().await.expect("a world");
    for number in 0..=PAGE {
        world.add(&format!("user-{number}"), Enabled).await;
    }
    world.server.state().api.elsewhere = Some("https://graph.example.com".to_owned());
    let error = world.connector().list(None).await.expect_err("refused");
    assert!(
        matches!(error, ConnectorError::Refused(_)) && error.to_string().contains("another place"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_user_whose_state_is_not_said_is_neither_enabled_nor_disabled() {
    let world = EntraWorld::start().await.expect("a world");
    let one = world.add("one", Enabled).await;
    let id = Uuid::try_parse(&one.external_id).expect("an id");
    world.server.state().api.users.get_mut(&id).expect("there")["accountEnabled"] = json!(null);
    let error = world.connector().observe(&one).await.expect_err("refused");
    assert!(error.to_string().contains("User.Read.All"), "{error}");
    let page = world.connector().list(None).await.expect("listed");
    assert_eq!((page.accounts.len(), page.left_out), (0, 1));
}

#[tokio::test]
async fn a_name_that_is_too_long_is_left_out_and_counted() {
    let world = EntraWorld::start().await.expect("a world");
    for name in ["x".repeat(10 * 1024).as_str(), "good@contoso.com"] {
        world.add(name, Enabled).await;
    }
    let page = world.connector().list(None).await.expect("listed");
    assert_eq!((page.accounts.len(), page.left_out, page.next), (1, 1, None));
}
