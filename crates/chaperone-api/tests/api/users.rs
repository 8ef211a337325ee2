//! Users over the API: who is the last one that may administer, and what another password ends.

use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

/// How the sign-ins of this user by browser ended, newest first.
async fn end_kinds(world: &World, user_name: &str) -> Vec<Value> {
    let path = format!("/sign-ins?channel=web&user_name={user_name}");
    let list = world.by(&world.audrey, "GET", &path, None).await.json();
    list["items"].as_array().expect("a list").iter().map(|row| row["end_kind"].clone()).collect()
}

#[tokio::test]
async fn the_last_active_system_administrator_keeps_role_and_activity() {
    let world = World::new().await;
    let [anna, bert] = [&world.anna, &world.bert].map(|person| format!("/users/{}", person.user.id));
    let inactive = world.by(&world.anna, "PATCH", &bert, Some(json!({"active": false}))).await;
    assert_eq!(inactive.status, 200, "there is another one: {}", inactive.text);
    for change in [json!({"active": false}), json!({"roles": ["auditor"]}), json!({"roles": []})] {
        let refused = world.by(&world.anna, "PATCH", &anna, Some(change.clone())).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, "last-administrator"), "{change}");
    }
    let kept = world.by(&world.anna, "GET", &anna, None).await.json();
    assert_eq!((&kept["active"], &kept["roles"]), (&json!(true), &json!(["system_administrator"])));
    let more = json!({"roles": ["system_administrator", "approver"], "display_name": "Anna Berg"});
    assert_eq!(world.by(&world.anna, "PATCH", &anna, Some(more)).await.status, 200, "anything else changes");

    assert_eq!(world.by(&world.anna, "PATCH", &bert, Some(json!({"active": true}))).await.status, 200);
    let leaves = world.by(&world.anna, "PATCH", &anna, Some(json!({"roles": ["auditor"]}))).await;
    assert_eq!(leaves.status, 200, "{}", leaves.text);
}

#[tokio::test]
async fn ones_own_new_password_ends_every_other_sign_in_of_oneself() {
    let world = World::new().await;
    let (here, there) = (world.sign_in("victor", PASSWORD).await, world.sign_in("victor", PASSWORD).await);
    let paula = world.sign_in("paula", PASSWORD).await;
    let body = json!({"old_password": PASSWORD, "new_password": "another horse, another battery"});
    assert_eq!(world.call(&here, "POST", "/me/password", Some(body)).await.status, 204);
    for (who, status) in [(&here, 200), (&there, 401), (&paula, 200)] {
        assert_eq!(world.call(who, "GET", "/me", None).await.status, status);
    }
    let kinds = end_kinds(&world, "victor").await;
    assert_eq!(kinds.iter().filter(|kind| **kind == json!("signed_out")).count(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == Value::Null).count(), 1, "{kinds:?}");
}

#[tokio::test]
async fn a_reset_ends_every_sign_in_of_the_user_in_the_name_of_an_administrator() {
    let world = World::new().await;
    let (one, two) = (world.sign_in("victor", PASSWORD).await, world.sign_in("victor", PASSWORD).await);
    let path = format!("/users/{}/reset-password", world.victor.user.id);
    assert_eq!(world.by(&world.anna, "POST", &path, None).await.status, 200);
    for who in [&one, &two] {
        assert_eq!(world.call(who, "GET", "/me", None).await.status, 401);
    }
    assert_eq!(end_kinds(&world, "victor").await, ["ended_by_administrator", "ended_by_administrator"]);
}
