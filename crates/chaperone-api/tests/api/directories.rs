//! Directories over the API: a tested connection, an import to its end, accounts that get owners, drift, removal.

use serde_json::{Value, json};

use crate::linux::Machine;
use crate::world::World;

fn settings(machine: &Machine) -> Value {
    json!({"kind": "linux", "root": machine.root()})
}

/// Added by Anna, with its accounts; its id.
async fn imported(world: &World, machine: &Machine) -> String {
    let new = json!({"name": "Build machine", "settings": settings(machine)});
    let added = world.by(&world.anna, "POST", "/directories", Some(new)).await;
    assert_eq!(added.status, 201, "{}", added.text);
    let id = added.text("id");
    world.import(&id).await;
    id
}

async fn account(world: &World, directory: &str, name: &str) -> Value {
    let path = format!("/accounts?directory_id={directory}&q={name}");
    let found = world.by(&world.anna, "GET", &path, None).await.json();
    found["items"][0].clone()
}

async fn change(world: &World, account: &Value, to: Value) -> Value {
    let path = format!("/accounts/{}", account["id"].as_str().expect("an id"));
    let changed = world.by(&world.anna, "PATCH", &path, Some(to)).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    changed.json()
}

#[tokio::test]
async fn a_connection_is_tested_before_anything_is_stored_and_says_what_is_wrong() {
    let world = World::new().await;
    let test = |settings: Value| {
        let world = &world;
        async move {
            world.by(&world.anna, "POST", "/directories/test", Some(json!({ "settings": settings }))).await
        }
    };
    let wrong = test(json!({"kind": "linux", "root": "no/such/folder"})).await;
    assert_eq!(wrong.json()["ok"], false);
    assert_eq!(wrong.text("found"), "Give the root folder from / on, or leave it out for this machine.");
    let closed = test(json!({"kind": "scim", "url": "http://127.0.0.1:9/scim", "token": "file:nothing-here", "tls": {"mode": "off"}})).await;
    assert_eq!(closed.json()["ok"], false, "{}", closed.text);
    assert!(closed.text("found").contains("file:nothing-here"), "{}", closed.text);

    let new = json!({"name": "Nowhere", "settings": {"kind": "linux", "root": "no/such/folder"}});
    let refused = world.by(&world.anna, "POST", "/directories", Some(new)).await;
    assert_eq!((refused.status, refused.rule().as_str()), (422, "directory-not-reachable"));
    let all = world.by(&world.anna, "GET", "/directories", None).await.json();
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "only the built-in one: {all}");

    let Some(machine) = Machine::new() else { return };
    let works = test(settings(&machine)).await.json();
    assert_eq!(works["ok"], true, "{works}");
    assert!(works["found"].as_str().is_some_and(|found| found.contains("3 accounts")), "{works}");
}

#[tokio::test]
async fn settings_are_read_strictly() {
    let world = World::new().await;
    for (settings, word) in [
        (json!({"kind": "linux", "rooot": "/x"}), "rooot"),
        (json!({"kind": "floppy"}), "floppy"),
        (json!({"root": "/x"}), "kind"),
        (
            json!({"kind": "postgresql", "host": "db", "user": "chaperone", "password": "hunter2"}),
            "file:name",
        ),
        (json!({"kind": "postgresql", "host": "db", "port": 70_000, "user": "chaperone"}), "70000"),
        (
            json!({"kind": "scim", "url": "https://x", "token": "env:T", "tls": {"mode": "perhaps"}}),
            "perhaps",
        ),
    ] {
        for path in ["/directories/test", "/directories"] {
            let mut body = json!({ "settings": settings });
            if path == "/directories" {
                body["name"] = json!("X");
            }
            let refused = world.by(&world.anna, "POST", path, Some(body)).await;
            assert_eq!((refused.status, refused.rule().as_str()), (422, "settings"), "{}", refused.text);
            assert!(refused.text.contains(word), "{word}: {}", refused.text);
            assert!(!refused.text.contains("hunter2"), "a typed secret is not said again: {}", refused.text);
        }
    }
    let unknown = json!({"name": "X", "settings": {"kind": "linux"}, "colour": "red"});
    assert_eq!(world.by(&world.anna, "POST", "/directories", Some(unknown)).await.rule(), "wrong-body");
}

#[tokio::test]
async fn accounts_are_imported_to_the_end_linked_to_a_user_and_counted() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    let id = imported(&world, &machine).await;
    let directory = world.by(&world.anna, "GET", &format!("/directories/{id}"), None).await.json();
    let import = &directory["import"];
    assert_eq!((import["state"].as_str(), import["seen"].as_u64()), (Some("done"), Some(3)), "{directory}");
    assert_eq!((import["added"].as_u64(), import["total"].as_u64()), (Some(3), Some(3)), "{directory}");
    assert_eq!(
        directory["settings"]["root"],
        json!(machine.root()),
        "an administrator reads how it is reached"
    );
    let read = world.by(&world.audrey, "GET", &format!("/directories/{id}"), None).await.json();
    assert_eq!((read["settings"].clone(), read["accounts"].as_u64()), (Value::Null, Some(3)));

    let oracle = account(&world, &id, "oracle").await;
    assert_eq!((oracle["state"].as_str(), oracle["user_id"].as_str()), (Some("disabled"), None));
    assert_eq!(world.by(&world.paula, "GET", "/accounts?q=oracle", None).await.json()["items"], json!([]));
    let linked = json!({"user_id": world.paula.user.id.to_string(), "privileged": true});
    assert_eq!(change(&world, &oracle, linked).await["privileged"], true);
    let seen = world.by(&world.paula, "GET", "/accounts?q=oracle", None).await.json();
    assert_eq!(seen["items"][0]["name"], "oracle", "the owner sees it: {seen}");
    let counted = world.by(&world.anna, "GET", &format!("/directories/{id}"), None).await.json();
    assert_eq!((counted["accounts"].as_u64(), counted["privileged"].as_u64()), (Some(3), Some(1)));

    let state = Some(json!({"state": "enabled"}));
    let path = format!("/accounts/{}", oracle["id"].as_str().expect("an id"));
    let refused = world.by(&world.anna, "PATCH", &path, state).await;
    assert_eq!(refused.rule(), "state-of-other-directory", "only sessions switch it");
}

#[tokio::test]
async fn what_others_change_is_shown_until_somebody_takes_notice() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    let id = imported(&world, &machine).await;
    let oracle = account(&world, &id, "oracle").await;
    let oracle = change(&world, &oracle, json!({"privileged": true})).await;
    let path = format!("/accounts/{}", oracle["id"].as_str().expect("an id"));
    let observe = format!("{path}/observe");
    let look = || world.by(&world.anna, "POST", &observe, None);
    assert_eq!(look().await.json()["drift"], Value::Null);

    machine.set("oracle", "");
    let seen = look().await.json();
    assert_eq!(
        (seen["state"].as_str(), seen["drift"]["expected"].as_str()),
        (Some("enabled"), Some("disabled")),
        "{seen}"
    );
    let drifted = world.by(&world.audrey, "GET", "/accounts?drifted=true", None).await.json();
    assert_eq!(drifted["items"][0]["id"], oracle["id"]);
    let directory = world.by(&world.audrey, "GET", &format!("/directories/{id}"), None).await.json();
    assert_eq!(directory["drifted"], 1);

    assert_eq!(change(&world, &oracle, json!({"drift_seen": true})).await["drift"], Value::Null);
    let directory = world.by(&world.audrey, "GET", &format!("/directories/{id}"), None).await.json();
    assert_eq!(directory["drifted"], 0);
}

#[tokio::test]
async fn the_same_system_is_not_added_twice_and_a_name_is_given_once() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    imported(&world, &machine).await;
    let again = json!({"name": "Other name", "settings": settings(&machine)});
    let refused = world.by(&world.anna, "POST", "/directories", Some(again)).await;
    assert_eq!((refused.status, refused.rule().as_str()), (422, "directory-twice"));
    assert!(refused.text("detail").contains("Build machine"), "{}", refused.text);

    let Some(other) = Machine::new() else { return };
    let same_name = json!({"name": "Build machine", "settings": settings(&other)});
    let refused = world.by(&world.anna, "POST", "/directories", Some(same_name)).await;
    assert_eq!((refused.status, refused.rule().as_str()), (409, "taken"));
}

#[tokio::test]
async fn a_directory_that_sessions_need_is_not_removed_and_they_are_named() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    let id = imported(&world, &machine).await;
    let oracle = account(&world, &id, "oracle").await;
    let owner = json!({"user_id": world.paula.user.id.to_string(), "privileged": true});
    change(&world, &oracle, owner).await;
    let mut request = world.request(0, 3_600);
    request["more_accounts"] = json!([{"account_id": oracle["id"]}]);
    let session = world.by(&world.anna, "POST", "/privileged-sessions", Some(request)).await.text("id");

    let path = format!("/directories/{id}");
    let refused = world.by(&world.anna, "DELETE", &path, None).await;
    assert_eq!((refused.status, refused.rule().as_str()), (422, "directory-in-use"));
    assert!(refused.text("detail").contains(&session), "{}", refused.text);

    assert_eq!(world.decide(&world.anna, &session, "Cancel").await.status, 200);
    assert_eq!(world.by(&world.anna, "DELETE", &path, None).await.status, 204);
    let left = world.by(&world.anna, "GET", "/directories", None).await.json();
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(world.by(&world.anna, "POST", &format!("{path}/import"), None).await.status, 404);
    let built_in = left["items"][0]["id"].as_str().expect("an id").to_owned();
    let refused = world.by(&world.anna, "DELETE", &format!("/directories/{built_in}"), None).await;
    assert_eq!(refused.rule(), "built-in-directory");
}

#[tokio::test]
async fn a_directory_with_accounts_is_changed_but_stays_of_its_kind_and_with_its_system() {
    let (Some(machine), Some(other)) = (Machine::new(), Machine::new()) else { return };
    let world = World::new().await;
    let path = format!("/directories/{}", imported(&world, &machine).await);
    let change = |body: Value| world.by(&world.anna, "PATCH", &path, Some(body));

    let changed = change(json!({"name": "Renamed", "settings": settings(&machine), "version": 1})).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let changed = changed.json();
    assert_eq!((changed["name"].as_str(), changed["version"].as_i64()), (Some("Renamed"), Some(2)));

    let stale = change(json!({"settings": settings(&machine), "version": 1})).await;
    assert_eq!((stale.status, stale.rule().as_str()), (409, "changed-meanwhile"));
    let elsewhere = change(json!({"settings": settings(&other), "version": 2})).await;
    assert_eq!((elsewhere.status, elsewhere.rule().as_str()), (422, "system-fixed"));
    let said = elsewhere.text("detail");
    assert!(said.contains(&machine.root()) && said.ends_with("Add another directory instead."), "{said}");
    let scim = json!({"kind": "scim", "url": "https://example.org/scim", "token": "file:scim"});
    let kind = change(json!({"settings": scim})).await;
    assert_eq!((kind.status, kind.rule().as_str()), (422, "kind-fixed"));
    assert_eq!(kind.json()["errors"][0]["field"], "settings.kind");
    assert_eq!(change(json!({"settings": {"kind": "linux", "rooot": "/"}})).await.rule(), "settings");
    let auditor = world.by(&world.audrey, "PATCH", &path, Some(json!({"name": "Mine"}))).await;
    assert_eq!(auditor.status, 403, "{}", auditor.text);

    let left = world.by(&world.anna, "GET", &path, None).await.json();
    assert_eq!((&left["settings"]["root"], left["version"].as_i64()), (&json!(machine.root()), Some(2)));
    assert_eq!(left["name"], "Renamed");
}

#[tokio::test]
async fn a_session_that_is_ending_names_just_the_accounts_that_are_not_back() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    let id = imported(&world, &machine).await;
    let owner = json!({"user_id": world.paula.user.id.to_string(), "privileged": true});
    let oracle = change(&world, &account(&world, &id, "oracle").await, owner).await;
    let mut request = world.request(0, 3_600);
    request["more_accounts"] = json!([{"account_id": oracle["id"], "account_action": "enable"}]);
    let session = world.by(&world.anna, "POST", "/privileged-sessions", Some(request)).await.text("id");
    assert_eq!(world.decide(&world.bert, &session, "Approve").await.status, 200);
    world.process().await;
    let read = || async {
        world.by(&world.audrey, "GET", &format!("/privileged-sessions/{session}"), None).await.json()
    };
    let active = read().await;
    assert_eq!((active["status"].as_str(), &active["not_back"]), (Some("Active"), &json!([])), "{active}");

    machine.away();
    assert_eq!(world.decide(&world.bert, &session, "End").await.status, 200);
    world.process().await;
    let ending = read().await;
    assert_eq!(
        (ending["status"].as_str(), &ending["not_back"]),
        (Some("Ending"), &json!([oracle["id"]])),
        "the account of the built-in directory is back: {ending}"
    );
    machine.back();
    assert_ne!(machine.expiry("oracle"), "1", "it is open still");

    world.forward(10);
    world.process().await;
    let ended = read().await;
    assert_eq!((ended["status"].as_str(), &ended["not_back"]), (Some("Ended"), &json!([])), "{ended}");
    assert_eq!(machine.expiry("oracle"), "1");
}

#[tokio::test]
async fn several_accounts_of_one_session_are_opened_together_and_put_back_together() {
    let Some(machine) = Machine::new() else { return };
    let world = World::new().await;
    let id = imported(&world, &machine).await;
    let owner = json!({"user_id": world.paula.user.id.to_string(), "privileged": true});
    let oracle = change(&world, &account(&world, &id, "oracle").await, owner.clone()).await;
    let deploy = account(&world, &id, "deploy").await;
    let mut request = world.request(0, 3_600);
    request["more_accounts"] = json!([
        {"account_id": oracle["id"], "account_action": "enable"},
        {"account_id": deploy["id"], "account_action": "disable"},
    ]);
    let refused = world.by(&world.anna, "POST", "/privileged-sessions", Some(request.clone())).await;
    assert_eq!(refused.rule(), "accounts-of-several-owners", "{}", refused.text);
    change(&world, &deploy, owner).await;
    let session = world.by(&world.anna, "POST", "/privileged-sessions", Some(request)).await;
    let path = format!("/privileged-sessions/{}", session.text("id"));
    assert_eq!(world.decide(&world.bert, &session.text("id"), "Approve").await.status, 200);
    world.process().await;
    let active = world.by(&world.audrey, "GET", &path, None).await;
    assert_eq!(active.text("status"), "Active", "{}", active.text);
    assert_ne!(machine.expiry("oracle"), "1", "it is open");
    assert_ne!(machine.expiry("deploy"), "", "it is closed");

    let unnamed = Some(json!({"enabled": false}));
    let switch = format!("{path}/account");
    assert_eq!(world.by(&world.bert, "POST", &switch, unnamed).await.status, 422, "which one is not said");
    let named = Some(json!({"enabled": false, "account_id": oracle["id"]}));
    let switched = world.by(&world.bert, "POST", &switch, named).await;
    assert_eq!(switched.status, 200, "{}", switched.text);
    world.process().await;
    assert_eq!(machine.expiry("oracle"), "1", "it is shut for the rest");

    assert_eq!(world.decide(&world.carla, &session.text("id"), "End").await.status, 200);
    world.process().await;
    assert_eq!(world.by(&world.audrey, "GET", &path, None).await.text("status"), "Ended");
    assert_eq!((machine.expiry("oracle").as_str(), machine.expiry("deploy").as_str()), ("1", ""));
    let log = world.by(&world.audrey, "GET", &format!("{path}/account-log"), None).await.json();
    let of = |name: &str| -> Vec<&Value> {
        log["items"].as_array().expect("items").iter().filter(|item| item["account_name"] == name).collect()
    };
    let deploys: Vec<_> =
        of("deploy").iter().map(|item| (item["direction"].clone(), item["wanted"].clone())).collect();
    assert_eq!(deploys, [(json!("forward"), json!("disabled")), (json!("back"), json!("enabled"))]);
    for item in of("deploy").into_iter().chain(of("oracle")) {
        assert!(item["verified_at"].is_string(), "intended and verified: {item}");
    }
    let by_hand = of("oracle").iter().find(|item| item["intended_by"]["user_name"] == "bert").copied();
    assert_eq!(by_hand.map(|item| &item["wanted"]), Some(&json!("disabled")), "the switch names who: {log}");
}
