//! Every route that changes something leaves its event in the trail: one walk through all of them, and what a change
//! was reads back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::linux::Machine;
use crate::notifications::fickle;
use crate::world::{As, PASSWORD, World};

/// Routes that ask something of another system and change nothing, or that say what they did only where they found
/// something: the stories of their nouns have them.
const CHANGE_NOTHING: [&str; 5] = [
    "POST /directories/test",
    "POST /directories/{id}/test",
    "POST /accounts/{id}/observe",
    "POST /scheduled-exports/{id}/check",
    "POST /event-streams/{name}/test",
];
/// Of a directory that only root can have.
const ROOT_ONLY: [&str; 4] = [
    "POST /directories",
    "PATCH /directories/{id}",
    "POST /directories/{id}/import",
    "DELETE /directories/{id}",
];

struct Walk {
    world: World,
    walked: BTreeSet<String>,
}

impl Walk {
    async fn events(&self, action: &str) -> Vec<Value> {
        let path = format!("/audit-events?action={action}&limit=500");
        let found = self.world.by(&self.world.audrey, "GET", &path, None).await.json();
        found["items"].as_array().expect("events").clone()
    }

    /// Calls a route, and finds one more event of that action.
    async fn call(&mut self, who: &As, route: &str, id: &str, body: Option<Value>, action: &str) -> Value {
        let before = self.events(action).await.len();
        let (method, path) = route.split_once(' ').expect("a method and a path");
        let answer = self.world.call(who, method, &path.replace("{id}", id), body).await;
        assert!(answer.status < 300, "{route}: {}", answer.text);
        let after = self.events(action).await;
        assert_eq!(after.len(), before + 1, "{route} leaves one {action}");
        assert!(after[0]["seq"].is_null() || after[0]["seq"].is_i64(), "{}", after[0]);
        self.walked.insert(route.to_owned());
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }
}

fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("an id in {body}")).to_owned()
}

#[tokio::test]
async fn every_route_that_changes_something_leaves_its_event() {
    let mut walk = Walk { world: World::telling(fickle()).await, walked: BTreeSet::new() };
    let token = |token: &str| As::Token(token.to_owned());
    let (anna, bert) = (token(&walk.world.anna.token), token(&walk.world.bert.token));
    let (audrey, paula_token) = (token(&walk.world.audrey.token), token(&walk.world.paula.token));

    users(&mut walk, &anna).await;
    accounts_and_targets(&mut walk, &anna).await;
    sessions(&mut walk, &anna, &bert, &audrey, &paula_token).await;
    exports(&mut walk, &anna).await;
    if let Some(machine) = Machine::new() {
        directories(&mut walk, &anna, &machine).await;
    } else {
        walk.walked.extend(ROOT_ONLY.map(str::to_owned));
    }

    walk.walked.extend(CHANGE_NOTHING.map(str::to_owned));
    let api = serde_json::to_value(chaperone_api::openapi()).expect("JSON");
    let mut routes = BTreeSet::new();
    for (path, methods) in api["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys().filter(|method| *method != "get") {
            routes.insert(format!(
                "{} {}",
                method.to_uppercase(),
                path.strip_prefix("/api/v1").unwrap_or(path)
            ));
        }
    }
    assert_eq!(walk.walked, routes, "every route that is not only read is walked here");
}

async fn users(walk: &mut Walk, anna: &As) {
    let new =
        json!({"user_name": "nora", "display_name": "Nora", "email": "", "roles": [], "password": PASSWORD});
    let nora = id(&walk.call(anna, "POST /users", "", Some(new), "user_created").await);
    let change = json!({"display_name": "Nora Berg"});
    let changed = walk.call(anna, "PATCH /users/{id}", &nora, Some(change), "user_changed").await;
    assert_eq!(changed["display_name"], "Nora Berg");

    let body = json!({"user_name": "nora", "password": PASSWORD});
    walk.call(&As::Nobody, "POST /sign-in", "", Some(body), "sign_in_started").await;
    let here = walk.world.sign_in("nora", PASSWORD).await;
    let body = json!({"old_password": PASSWORD, "new_password": "another horse, another battery"});
    walk.call(&here, "POST /me/password", "", Some(body), "password_changed").await;
    walk.call(&here, "POST /sign-out", "", None, "sign_in_ended").await;
    let ended = walk.world.sign_in("nora", "another horse, another battery").await;
    let open = walk.world.call(anna, "GET", "/sign-ins?user_name=nora", None).await.json();
    let open = open["items"].as_array().expect("a list").iter().find(|row| row["ended_at"].is_null());
    let open = open.and_then(|row| row["sign_in_id"].as_str()).expect("one is open").to_owned();
    walk.call(anna, "POST /sign-ins/{id}/end", &open, None, "sign_in_ended").await;
    assert_eq!(walk.world.call(&ended, "GET", "/me", None).await.status, 401);
    walk.call(anna, "POST /users/{id}/reset-password", &nora, None, "password_reset").await;

    let made =
        walk.call(anna, "POST /api-tokens", "", Some(json!({"name": "import"})), "api_token_created").await;
    walk.call(anna, "DELETE /api-tokens/{id}", &id(&made), None, "api_token_revoked").await;
}

async fn accounts_and_targets(walk: &mut Walk, anna: &As) {
    let account =
        walk.call(anna, "POST /accounts", "", Some(json!({"name": "crm-admin"})), "account_created").await;
    let change = json!({"privileged": true});
    walk.call(anna, "PATCH /accounts/{id}", &id(&account), Some(change), "account_changed").await;
    let new = json!({"name": "CRM", "host": "crm.localhost", "upstream": "http://127.0.0.1:1"});
    let target = id(&walk.call(anna, "POST /targets", "", Some(new), "target_created").await);
    let change = json!({"name": "Customers"});
    walk.call(anna, "PATCH /targets/{id}", &target, Some(change), "target_changed").await;
    walk.call(anna, "DELETE /targets/{id}", &target, None, "target_removed").await;
    let change = json!({"name": "Larkfell"});
    walk.call(anna, "PATCH /organization", "", Some(change), "organization_changed").await;
}

/// Edit, Reject and Cancel read back as what they are; then a session from its request to its end.
async fn sessions(walk: &mut Walk, anna: &As, bert: &As, audrey: &As, paula: &As) {
    const ASK: &str = "POST /privileged-sessions";
    const ONE: &str = "PATCH /privileged-sessions/{id}";
    const DECIDE: &str = "POST /privileged-sessions/{id}/change-status";
    let (asked, changed) = ("privileged_session_requested", "privileged_session_status_changed");
    let decided = |status: &str, comment: &str| Some(json!({"status": status, "comment": comment}));

    let request = walk.world.request(60, 3_600);
    let rejected = id(&walk.call(anna, ASK, "", Some(request.clone()), asked).await);
    let edit = json!({"reason": "Quarter end", "ticket": "T-77", "ends_at": walk.world.after(1_800)});
    let edited = walk.call(anna, ONE, &rejected, Some(edit), "privileged_session_edited").await;
    assert_eq!((&edited["reason"], &edited["ticket"]), (&json!("Quarter end"), &json!("T-77")));
    assert_eq!(edited["ends_at"], json!(walk.world.after(1_800)));
    let event = walk.events("privileged_session_edited").await.remove(0);
    assert!(event.to_string().contains("Quarter end"), "old and new values are in the trail: {event}");
    walk.call(bert, DECIDE, &rejected, decided("Reject", "Not this week"), changed).await;
    let cancelled = id(&walk.call(anna, ASK, "", Some(request), asked).await);
    walk.call(anna, DECIDE, &cancelled, decided("Cancel", "Not needed"), changed).await;
    for (session, status, comment) in
        [(&rejected, "Rejected", "Not this week"), (&cancelled, "Cancelled", "Not needed")]
    {
        let path = format!("/privileged-sessions/{session}");
        let read = walk.world.call(audrey, "GET", &path, None).await.json();
        assert_eq!((&read["status"], &read["not_back"]), (&json!(status), &json!([])), "{read}");
        let log = walk.world.call(audrey, "GET", &format!("{path}/audit-log"), None).await.text;
        assert!(log.contains(comment), "why is in its Audit log: {log}");
        let again =
            walk.world.call(bert, "POST", &format!("{path}/change-status"), decided("Approve", "")).await;
        assert_eq!(again.status, 422, "it is over for good: {}", again.text);
    }

    let session = id(&walk.call(anna, ASK, "", Some(walk.world.request(0, 3_600)), asked).await);
    walk.call(bert, DECIDE, &session, decided("Approve", ""), changed).await;
    let process = "POST /privileged-sessions/{id}/process";
    walk.call(bert, process, &session, None, "privileged_session_start_intended").await;
    let console = walk.world.sign_in("paula", PASSWORD).await;
    let agree = json!({"password": PASSWORD, "consent": true});
    walk.call(&console, "POST /privileged-sessions/{id}/open", &session, Some(agree), "consent_given").await;
    let switch = json!({"enabled": false});
    let switched = "privileged_session_account_switched";
    walk.call(bert, "POST /privileged-sessions/{id}/account", &session, Some(switch), switched).await;
    let longer = json!({"ends_at": walk.world.after(7_200), "reason": "The run takes longer"});
    let extension = "privileged_session_extension_requested";
    walk.call(paula, "POST /privileged-sessions/{id}/extend", &session, Some(longer), extension).await;
    let hold = json!({"held": true, "reason": "A case at court"});
    walk.call(audrey, "POST /privileged-sessions/{id}/legal-hold", &session, Some(hold), "legal_hold_set")
        .await;

    chaperone_app::jobs::deliver_due(&walk.world.app, chaperone_domain::notification::Channel::Webhook)
        .await
        .expect("looked");
    let path = format!("/privileged-sessions/{rejected}/notifications");
    let told = walk.world.call(anna, "GET", &path, None).await.json();
    let given_up = told["items"].as_array().expect("a list").iter().find(|one| one["state"] == "given_up");
    let given_up = id(given_up.expect("the receiver refused the first one"));
    walk.call(anna, "POST /notifications/{id}/retry", &given_up, None, "notification_retried").await;
}

async fn exports(walk: &mut Walk, anna: &As) {
    let folder = tempfile::tempdir().expect("a folder");
    let target = json!({"kind": "folder", "path": folder.path()});
    let new =
        json!({"name": "Daily", "content": "sign_ins", "every": "day", "format": "csv", "target": target});
    let export =
        id(&walk.call(anna, "POST /scheduled-exports", "", Some(new), "scheduled_export_created").await);
    let path = "/scheduled-exports/{id}";
    let change = json!({"name": "Every day"});
    walk.call(anna, &format!("PATCH {path}"), &export, Some(change), "scheduled_export_changed").await;
    walk.world.forward(2 * 86_400);
    let run = format!("POST {path}/run");
    walk.call(anna, &run, &export, Some(json!({})), "scheduled_export_requested").await;
    walk.call(anna, &format!("DELETE {path}"), &export, None, "scheduled_export_removed").await;
}

async fn directories(walk: &mut Walk, anna: &As, machine: &Machine) {
    let new = json!({"name": "Build machine", "settings": {"kind": "linux", "root": machine.root()}});
    let directory = id(&walk.call(anna, "POST /directories", "", Some(new), "directory_created").await);
    let change = json!({"name": "Old build machine"});
    walk.call(anna, "PATCH /directories/{id}", &directory, Some(change), "directory_changed").await;
    walk.call(anna, "POST /directories/{id}/import", &directory, None, "account_import_started").await;
    walk.call(anna, "DELETE /directories/{id}", &directory, None, "directory_removed").await;
}
