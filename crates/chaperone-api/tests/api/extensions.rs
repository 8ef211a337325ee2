//! A running session's end over the API: later with approval, earlier at once.

use serde_json::{Value, json};

use crate::world::{Answer, Person, World};

async fn active(world: &World) -> String {
    let id = world.asked(0, 3_600).await;
    assert_eq!(world.decide(&world.bert, &id, "Approve").await.status, 200);
    world.process().await;
    id
}

async fn extend(world: &World, person: &Person, id: &str, to_s: i64) -> Answer {
    let body = json!({"ends_at": world.after(to_s), "reason": "The run takes longer"});
    world.by(person, "POST", &format!("/privileged-sessions/{id}/extend"), Some(body)).await
}

async fn read(world: &World, id: &str) -> Value {
    world.by(&world.audrey, "GET", &format!("/privileged-sessions/{id}"), None).await.json()
}

fn actions(session: &Value) -> Vec<&str> {
    session["allowed_actions"].as_array().expect("actions").iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn more_time_is_asked_for_approved_by_somebody_else_and_nothing_is_cut() {
    let world = World::new().await;
    let id = active(&world).await;
    let old = read(&world, &id).await["ends_at"].clone();
    let asked = extend(&world, &world.paula, &id, 7_200).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let session = read(&world, &id).await;
    assert_eq!((&session["ends_at"], &session["extension"]["ends_at"]), (&old, &json!(world.after(7_200))));
    assert_eq!(session["extension"]["requested_by"], json!(world.paula.user.id.to_string()));

    assert_eq!(world.decide(&world.paula, &id, "Approve").await.status, 403);
    assert_eq!(world.decide(&world.anna, &id, "Approve").await.rule(), "self-approval-refused");
    let carla = world.by(&world.carla, "GET", &format!("/privileged-sessions/{id}"), None).await.json();
    assert!(actions(&carla).contains(&"Approve"), "{carla}");
    assert_eq!(world.decide(&world.carla, &id, "Approve").await.status, 200);
    let session = read(&world, &id).await;
    assert_eq!((&session["ends_at"], &session["extension"]), (&json!(world.after(7_200)), &Value::Null));
    assert_eq!(session["status"], "Active");

    world.forward(3_700);
    world.process().await;
    assert_eq!(read(&world, &id).await["status"], "Active", "the old end is over");
    world.forward(3_600);
    world.process().await;
    assert_eq!(read(&world, &id).await["status"], "Ended");
    let log = world.by(&world.audrey, "GET", &format!("/privileged-sessions/{id}/audit-log"), None).await;
    for action in ["privileged_session_extension_requested", "privileged_session_extended"] {
        assert!(log.text.contains(action), "{}", log.text);
    }
}

#[tokio::test]
async fn a_rejected_or_taken_back_extension_leaves_the_end() {
    let world = World::new().await;
    let id = active(&world).await;
    let old = read(&world, &id).await["ends_at"].clone();
    for (person, decision) in [(&world.carla, "Reject"), (&world.paula, "Cancel")] {
        assert_eq!(extend(&world, &world.paula, &id, 7_200).await.status, 200);
        let decided = world.decide(person, &id, decision).await;
        assert_eq!(decided.status, 200, "{}", decided.text);
        let session = read(&world, &id).await;
        assert_eq!((&session["ends_at"], &session["extension"]), (&old, &Value::Null), "{decision}");
        assert_eq!(session["status"], "Active", "{decision} is about the extension");
    }
    world.forward(3_600);
    world.process().await;
    assert_eq!(read(&world, &id).await["status"], "Ended");
}

#[tokio::test]
async fn an_extension_says_what_is_wrong_at_its_field() {
    let world = World::new().await;
    let draft = world.asked(60, 3_600).await;
    assert_eq!(extend(&world, &world.anna, &draft, 7_200).await.rule(), "wrong-status");
    let id = active(&world).await;
    for (seconds, rule) in [(60, "not-later"), (3_600, "not-later"), (24 * 3_600 + 60, "window-too-long")] {
        let refused = extend(&world, &world.paula, &id, seconds).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, rule), "{}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], "ends_at");
    }
    let path = format!("/privileged-sessions/{id}/extend");
    let unsaid = json!({"ends_at": world.after(7_200), "reason": " "});
    assert_eq!(world.by(&world.paula, "POST", &path, Some(unsaid)).await.rule(), "no-reason");
    let unknown = json!({"ends_at": world.after(7_200), "reason": "x", "until": "late"});
    assert_eq!(world.by(&world.paula, "POST", &path, Some(unknown)).await.rule(), "wrong-body");
    let stale = json!({"ends_at": world.after(7_200), "reason": "x", "version": 1});
    assert_eq!(world.by(&world.paula, "POST", &path, Some(stale)).await.status, 409);
}

#[tokio::test]
async fn an_earlier_end_counts_at_once_and_anything_else_of_a_running_session_stays() {
    let world = World::new().await;
    let id = active(&world).await;
    let path = format!("/privileged-sessions/{id}");
    let edit = |body: Value| world.by(&world.paula, "PATCH", &path, Some(body));
    let later = json!({"ends_at": world.after(7_200)});
    assert_eq!(world.by(&world.anna, "PATCH", &path, Some(later)).await.rule(), "later-end");
    assert_eq!(
        world.by(&world.anna, "PATCH", &path, Some(json!({"reason": "else"}))).await.rule(),
        "session-active"
    );
    let over = json!({"ends_at": world.after(-60)});
    assert_eq!(world.by(&world.anna, "PATCH", &path, Some(over)).await.rule(), "end-in-past");
    let shorter = edit(json!({"ends_at": world.after(600)})).await;
    assert_eq!(shorter.status, 200, "{}", shorter.text);
    assert_eq!(shorter.text("ends_at"), world.after(600));
    world.forward(601);
    world.process().await;
    let ended = read(&world, &id).await;
    assert_eq!((ended["status"].as_str(), ended["end_reason"].as_str()), (Some("Ended"), Some("completed")));
}
