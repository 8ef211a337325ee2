//! Every route, called by everybody: who may, who may not, and for whom it is not there.

use std::collections::BTreeSet;

use chaperone_app::users::NewUser;
use chaperone_domain::user::Role;
use serde_json::{Value, json};

use crate::world::{As, PASSWORD, World, op};

/// `-` nobody is signed in (401), `x` may not (403), `h` is not there for these eyes (404), `+` is let through to the
/// use case. Columns: nobody, a revoked token, a one-time password, a user, an auditor, an approver, an administrator.
const TABLE: &[(&str, &str, &str)] = &[
    ("POST", "/sign-out", "--+----"),
    ("GET", "/me", "--+++++"),
    ("POST", "/me/password", "--+++++"),
    ("GET", "/api-tokens", "--x++++"),
    ("POST", "/api-tokens", "--x++++"),
    ("DELETE", "/api-tokens/{id}", "--xhhhh"),
    ("GET", "/users", "--xx+++"),
    ("POST", "/users", "--xxxx+"),
    ("GET", "/users/{id}", "--xx+++"),
    ("PATCH", "/users/{id}", "--xxxx+"),
    ("POST", "/users/{id}/reset-password", "--xxxx+"),
    ("GET", "/organization", "--x++++"),
    ("PATCH", "/organization", "--xxxx+"),
    ("GET", "/directories", "--x++++"),
    ("POST", "/directories", "--xxxx+"),
    ("POST", "/directories/test", "--xxxx+"),
    ("GET", "/directories/{id}", "--xhhhh"),
    ("PATCH", "/directories/{id}", "--xxxxh"),
    ("DELETE", "/directories/{id}", "--xxxxh"),
    ("POST", "/directories/{id}/test", "--xxxxh"),
    ("POST", "/directories/{id}/import", "--xxxxh"),
    ("GET", "/accounts", "--x++++"),
    ("POST", "/accounts", "--xxxx+"),
    ("GET", "/accounts/{id}", "--xh+++"),
    ("PATCH", "/accounts/{id}", "--xxxx+"),
    ("POST", "/accounts/{id}/observe", "--xxxx+"),
    ("GET", "/targets", "--x++++"),
    ("POST", "/targets", "--xxxx+"),
    ("GET", "/targets/{id}", "--x++++"),
    ("PATCH", "/targets/{id}", "--xxxx+"),
    ("DELETE", "/targets/{id}", "--xxxx+"),
    ("GET", "/privileged-sessions", "--x++++"),
    ("POST", "/privileged-sessions", "--x+x++"),
    ("GET", "/privileged-sessions/{id}", "--xh+++"),
    ("PATCH", "/privileged-sessions/{id}", "--xhxx+"),
    ("POST", "/privileged-sessions/{id}/change-status", "--xhx++"),
    ("POST", "/privileged-sessions/{id}/extend", "--xhxx+"),
    ("POST", "/privileged-sessions/{id}/process", "--xhxx+"),
    ("POST", "/privileged-sessions/{id}/account", "--xhxx+"),
    ("POST", "/privileged-sessions/{id}/open", "--xhxxx"),
    ("POST", "/privileged-sessions/{id}/legal-hold", "--xh+x+"),
    ("GET", "/privileged-sessions/{id}/audit-log", "--xh+++"),
    ("GET", "/privileged-sessions/{id}/user-log", "--xh+++"),
    ("GET", "/privileged-sessions/{id}/account-log", "--xh+++"),
    ("GET", "/privileged-sessions/{id}/recordings", "--xh+++"),
    ("GET", "/privileged-sessions/{id}/notifications", "--xh+++"),
    ("POST", "/notifications/{id}/retry", "--xxxxh"),
    ("GET", "/recordings", "--x++++"),
    ("GET", "/recordings/{id}", "--xhhhh"),
    ("GET", "/recordings/{id}/steps", "--xhhhh"),
    ("GET", "/recordings/{id}/exchanges", "--xhhhh"),
    ("GET", "/recordings/{id}/events", "--xhhhh"),
    ("GET", "/recordings/{id}/download", "--xhhhh"),
    ("GET", "/sign-ins", "--x++++"),
    ("GET", "/sign-ins/totals", "--x++++"),
    ("POST", "/sign-ins/{id}/end", "--xxxxh"),
    ("GET", "/audit-events", "--xx+x+"),
    ("GET", "/event-streams", "--xx+x+"),
    ("POST", "/event-streams/{name}/test", "--xxxxh"),
    ("GET", "/scheduled-exports", "--xx+x+"),
    ("POST", "/scheduled-exports", "--xxxx+"),
    ("GET", "/scheduled-exports/{id}", "--xxhxh"),
    ("PATCH", "/scheduled-exports/{id}", "--xxxxh"),
    ("DELETE", "/scheduled-exports/{id}", "--xxxxh"),
    ("GET", "/scheduled-exports/{id}/runs", "--xxhxh"),
    ("POST", "/scheduled-exports/{id}/run", "--xxxxh"),
    ("POST", "/scheduled-exports/{id}/check", "--xxhxh"),
];

/// Routes that nobody has to be signed in for, and the stream, which does not end by itself.
const OPEN: [&str; 5] =
    ["POST /sign-in", "GET /healthz", "GET /readyz", "GET /.well-known/jwks.json", "GET /changes"];

fn body(world: &World, method: &str, path: &str) -> Option<Value> {
    let body = match (method, path) {
        ("POST", "/me/password") => json!({"old_password": "wrong", "new_password": "another long one"}),
        ("POST", "/api-tokens") => json!({"name": "x"}),
        ("POST", "/directories") => json!({"name": "", "settings": {"kind": "linux", "root": "nowhere"}}),
        ("POST", "/directories/test") => json!({"settings": {"kind": "linux", "root": "nowhere"}}),
        ("POST", "/scheduled-exports") => {
            json!({"name": "", "content": "sign_ins", "every": "day", "format": "csv", "target": {}})
        }
        ("POST", "/scheduled-exports/{id}/run") => json!({}),
        ("POST", "/users") => json!({"user_name": ""}),
        ("POST", "/accounts" | "/targets") => json!({"name": "", "host": "", "upstream": ""}),
        ("POST", "/privileged-sessions") => world.request(0, 600),
        ("POST", "/privileged-sessions/{id}/change-status") => json!({"status": "Approve"}),
        ("POST", "/privileged-sessions/{id}/extend") => {
            json!({"ends_at": world.after(7_200), "reason": "The run takes longer"})
        }
        ("POST", "/privileged-sessions/{id}/account") => json!({"enabled": true}),
        ("POST", "/privileged-sessions/{id}/legal-hold") => {
            json!({"held": true, "reason": "An investigation"})
        }
        ("POST", "/privileged-sessions/{id}/open") => json!({"password": PASSWORD, "consent": true}),
        ("PATCH", _) => json!({}),
        _ => return None,
    };
    Some(match (method, path) {
        ("POST", "/accounts") => json!({"name": ""}),
        _ => body,
    })
}

#[tokio::test]
async fn every_route_lets_through_whom_the_table_says_and_nobody_else() {
    let mut wrong = Vec::new();
    for (method, path, expected) in TABLE {
        // A world for each route: what one call changes, no other sees.
        let world = World::new().await;
        let session = world.asked(60, 3_600).await;
        let id = match path.split('/').nth(1) {
            Some("users") => world.paula.user.id.to_string(),
            Some("accounts") => world.account.id.to_string(),
            Some("targets") if *method != "DELETE" => world.target.id.to_string(),
            Some("targets") => {
                let new =
                    json!({"name": "Other", "host": "other.localhost", "upstream": "http://127.0.0.1:2"});
                world.by(&world.anna, "POST", "/targets", Some(new)).await.text("id")
            }
            Some("privileged-sessions") => session,
            _ => "01a1fc37-65c2-7000-83d3-1715f43e7799".to_owned(),
        };
        let mut address = path.replace("{id}", &id).replace("{name}", "siem");
        if path.ends_with("/events") && path.starts_with("/recordings") {
            address.push_str(&format!("?document_id={id}"));
        }
        if path.ends_with("/download") {
            address.push_str("?format=har");
        }
        let mut found = String::new();
        for column in 0..expected.len() {
            let who = principal(&world, column).await;
            let answer = world.call(&who, method, &address, body(&world, method, path)).await;
            found.push(match answer.status {
                401 => '-',
                403 => 'x',
                404 => 'h',
                405 => '?',
                status if status >= 500 => '!',
                _ => '+',
            });
        }
        if found != *expected {
            wrong.push(format!("{method} {path}: {found}, the table says {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

async fn principal(world: &World, column: usize) -> As {
    match column {
        0 => As::Nobody,
        1 => {
            let op = op(&world.app, &world.bert.user);
            let (token, secret) =
                world.app.create_api_token(&op, "gone".to_owned(), None).await.expect("made");
            world.app.revoke_api_token(&op, token.id).await.expect("revoked");
            As::Token(secret)
        }
        2 => {
            let new = NewUser {
                user_name: "newcomer".to_owned(),
                display_name: "Newcomer".to_owned(),
                email: String::new(),
                roles: vec![Role::SystemAdministrator],
                active: true,
                password: None,
            };
            let made = world.app.create_user(&op(&world.app, &world.anna.user), new).await.expect("made");
            world.sign_in("newcomer", &made.1.expect("a one-time password")).await
        }
        3 => As::Token(world.victor.token.clone()),
        4 => As::Token(world.audrey.token.clone()),
        5 => As::Token(world.carla.token.clone()),
        _ => As::Token(world.bert.token.clone()),
    }
}

#[test]
fn no_route_is_missing_from_the_table() {
    let description = serde_json::to_value(chaperone_api::openapi()).expect("JSON");
    let routes: BTreeSet<String> = description["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            let path = path.strip_prefix("/api/v1").unwrap_or(path).to_owned();
            let methods: Vec<String> = methods.as_object().expect("methods").keys().cloned().collect();
            methods.into_iter().map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    let table: BTreeSet<String> = TABLE
        .iter()
        .map(|(method, path, _)| format!("{method} {path}"))
        .chain(OPEN.iter().map(|route| (*route).to_owned()))
        .collect();
    assert_eq!(routes, table);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let description = serde_json::to_value(chaperone_api::openapi()).expect("JSON");
    let operations = description["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("methods"));
    let names: Vec<&str> =
        operations.map(|(_, operation)| operation["operationId"].as_str().expect("a name")).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    assert!(names.contains(&"get_privileged_sessions_id"), "{names:?}");
}

#[tokio::test]
async fn live_changes_need_a_sign_in_too() {
    let world = World::new().await;
    assert_eq!(world.call(&As::Nobody, "GET", "/changes", None).await.status, 401);
}
