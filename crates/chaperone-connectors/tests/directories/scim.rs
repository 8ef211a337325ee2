//! SCIM 2.0 against `scim2-server`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, Method, StatusCode, Uri};
use chaperone_connectors::{Connector, ConnectorError, Observation};
use chaperone_domain::account::AccountState::{Absent, Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use serde_json::json;

use crate::contract::{World, keeps_the_contract, listed, observe};
use crate::scim_server::{ScimServer, account, connector};

mod as_it_is {
    use super::*;
    keeps_the_contract!(ScimServer::start());
}

/// The other kind of service that is common: no PATCH, no versions, small pages.
mod without_patch_and_versions {
    use super::*;

    pub(super) fn config() -> serde_json::Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": { "supported": false },
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": false, "maxResults": 100 },
            "changePassword": { "supported": false },
            "sort": { "supported": false },
            "etag": { "supported": false },
            "authenticationSchemes": [],
        })
    }

    keeps_the_contract!(ScimServer::start_with(Some(config())));
}

const ENABLED: Attributes = Attributes { state: Enabled, expires_at: None };
const DISABLED: Attributes = Attributes { state: Disabled, expires_at: None };

#[tokio::test]
async fn only_active_is_changed_and_what_is_missing_counts_as_enabled() {
    for config in [None, Some(without_patch_and_versions::config())] {
        let Some(world) = ScimServer::start_with(config).await else { return };
        let one = world
            .create(json!({
                "userName": "ada",
                "externalId": "e-1",
                "name": { "givenName": "Ada", "familyName": "Lovelace" },
                "emails": [
                    { "value": "home@example.com", "type": "home" },
                    { "value": "ada@example.com", "type": "work", "primary": true },
                ],
            }))
            .await;
        let seen = observe(&world, &one).await;
        assert_eq!(seen.attributes, ENABLED);
        let before = world.user(&one).await;
        world.connector().set(&one, DISABLED, &seen, "key", Timestamp::now()).await.expect("disabled");
        let mut after = world.user(&one).await;
        assert_eq!(after["active"], json!(false));
        after.as_object_mut().expect("an object").remove("active");
        for part in ["userName", "externalId", "name", "emails"] {
            assert_eq!(after[part], before[part]);
        }
        let listed = listed(&world).await;
        assert_eq!((listed[0].name.as_str(), listed[0].email.as_str()), ("ada", "ada@example.com"));
    }
}

#[tokio::test]
async fn a_version_that_is_old_is_refused_by_the_service_itself() {
    let Some(world) = ScimServer::start().await else { return };
    let one = world.add("one", Disabled).await;
    let seen = observe(&world, &one).await;
    assert!(seen.version.is_some());
    world.rename(&one, "another").await;
    let error =
        world.connector().set(&one, ENABLED, &seen, "key", Timestamp::now()).await.expect_err("changed");
    assert_eq!(error, ConnectorError::Changed);
}

#[tokio::test]
async fn two_at_once_with_the_same_expectation_do_not_both_win() {
    let Some(world) = ScimServer::start().await else { return };
    let (one, connector) = (world.add("one", Disabled).await, world.connector());
    let seen = observe(&world, &one).await;
    let sets = (0..4).map(|_| {
        let (connector, one, seen) = (connector.clone(), one.clone(), seen.clone());
        tokio::spawn(async move { connector.set(&one, ENABLED, &seen, "key", Timestamp::now()).await })
    });
    let mut won = 0;
    for set in sets.collect::<Vec<_>>() {
        match set.await.expect("no panic") {
            Ok(()) => won += 1,
            Err(error) => assert_eq!(error, ConnectorError::Changed),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_name_that_is_too_long_is_left_out_and_counted() {
    let Some(world) = ScimServer::start().await else { return };
    world.add("short", Enabled).await;
    world.add(&"x".repeat(10 * 1024), Enabled).await;
    let page = world.connector().list(None).await.expect("listed");
    assert_eq!((page.accounts.len(), page.left_out, page.total, page.next), (1, 1, Some(2), None));
}

#[tokio::test]
async fn nobody_is_left_out_when_accounts_come_and_go_between_pages() {
    let Some(world) = ScimServer::start_with(Some(without_patch_and_versions::config())).await else {
        return;
    };
    let mut stay = BTreeSet::new();
    let mut go = Vec::new();
    for number in 0..450 {
        let one = world.add(&format!("user-{number}"), Enabled).await;
        if number % 15 == 0 {
            go.push(one);
        } else {
            stay.insert(one.external_id);
        }
    }
    // This server orders by id, which is random: who comes and goes does so anywhere.
    let (mut seen, mut after, mut pages) = (BTreeSet::new(), None::<String>, 0);
    loop {
        let page = world.connector().list(after.as_deref()).await.expect("listed");
        seen.extend(page.accounts.into_iter().map(|one| one.external_id));
        pages += 1;
        for _ in 0..4 {
            if let Some(one) = go.pop() {
                world.remove(&one).await;
            }
        }
        world.add(&format!("late-{pages}"), Enabled).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(pages > 4, "{pages}");
    assert_eq!(stay.difference(&seen).count(), 0);
}

#[tokio::test]
async fn a_token_that_is_wrong_is_named_and_a_new_one_needs_no_restart() {
    let Some(world) = ScimServer::start().await else { return };
    let one = world.add("one", Enabled).await;
    world.change_token("wrong-but-secret");
    let expected = Observation { attributes: ENABLED, version: None };
    let errors = [
        world.connector().list(None).await.expect_err("refused"),
        world.connector().observe(&one).await.expect_err("refused"),
        world.connector().set(&one, DISABLED, &expected, "key", Timestamp::now()).await.expect_err("refused"),
        world.connector().probe().await.expect_err("refused"),
    ];
    for error in errors {
        assert!(
            matches!(error, ConnectorError::Refused(_)) && error.to_string().contains("file:scim"),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("wrong-but-secret"), "{error:?}");
    }
    world.change_token("two\nlines");
    let error = world.connector().probe().await.expect_err("refused");
    assert!(error.to_string().contains("characters"), "{error:?}");
    world.change_token(crate::scim_server::TOKEN);
    assert_eq!(observe(&world, &one).await.attributes, ENABLED);
}

#[tokio::test]
async fn ids_that_would_be_other_places_are_nobody() {
    let Some(world) = ScimServer::start().await else { return };
    world.add("one", Enabled).await;
    for id in [".", "..", "../Users", "", ".search", "?x=1", "#x"] {
        match world.connector().observe(&account(id)).await {
            Ok(seen) => assert_eq!(seen.attributes.state, Absent, "{id}"),
            Err(error) => assert!(matches!(error, ConnectorError::Refused(_)), "{id}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn the_probe_says_how_accounts_are_changed() {
    for (config, way) in [(None, "PATCH"), (Some(without_patch_and_versions::config()), "PUT")] {
        let Some(world) = ScimServer::start_with(config).await else { return };
        world.add("one", Enabled).await;
        let said = world.connector().probe().await.expect("it works");
        assert!(said.contains(way) && said.contains("(1)"), "{said}");
    }
}

/// A service of the kind that does less than it says; with what it was sent by PUT.
async fn odd_service(
    user: serde_json::Value,
) -> (Arc<dyn Connector>, tempfile::TempDir, Arc<Mutex<Vec<String>>>) {
    let put = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&put);
    let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: String| async move {
        let is_user = uri.path().starts_with("/Users/");
        match method {
            Method::GET if is_user => (StatusCode::OK, user.to_string()),
            Method::PUT if is_user => {
                let version =
                    headers.get("if-match").and_then(|value| value.to_str().ok()).unwrap_or_default();
                kept.lock().expect("no panic while held").push(format!("{version} {body}"));
                (StatusCode::OK, body)
            }
            Method::PATCH => (StatusCode::NOT_IMPLEMENTED, String::new()),
            _ => (StatusCode::NOT_FOUND, String::new()),
        }
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("scim"), "token").expect("written");
    (connector(&url, folder.path().to_owned()), folder, put)
}

#[tokio::test]
async fn a_service_that_cannot_patch_after_all_gets_the_whole_account() {
    let user = json!({ "id": "7", "userName": "ada", "nickName": "a", "active": "True", "meta": { "version": "W/\"3\"" } });
    let (connector, _folder, put) = odd_service(user).await;
    let one = account("7");
    let seen = connector.observe(&one).await.expect("observed");
    assert_eq!(seen.attributes, ENABLED);
    connector.set(&one, DISABLED, &seen, "key", Timestamp::now()).await.expect("disabled");
    let put = put.lock().expect("no panic while held").clone();
    let (version, body) = put[0].split_once(" {").expect("a version and a body");
    let body: serde_json::Value = serde_json::from_str(&format!("{{{body}")).expect("JSON");
    assert_eq!((put.len(), version), (1, "W/\"3\""));
    assert_eq!(
        (&body["active"], &body["nickName"], &body["userName"]),
        (&json!(false), &json!("a"), &json!("ada"))
    );
}

#[tokio::test]
async fn an_answer_about_somebody_else_or_without_a_clear_state_is_none() {
    for user in [json!({ "id": "8", "active": true }), json!({ "id": "7", "active": "perhaps" }), json!({})] {
        let (connector, _folder, put) = odd_service(user.clone()).await;
        let expected = Observation { attributes: ENABLED, version: None };
        connector.observe(&account("7")).await.expect_err("no answer");
        connector
            .set(&account("7"), DISABLED, &expected, "key", Timestamp::now())
            .await
            .expect_err("not set");
        assert!(put.lock().expect("no panic while held").is_empty(), "{user}");
    }
}
