//! Legal hold and retention over the API.

use serde_json::{Value, json};

use crate::world::{Answer, Person, World};

async fn hold(world: &World, who: &Person, id: &str, body: Value) -> Answer {
    world.by(who, "POST", &format!("/privileged-sessions/{id}/legal-hold"), Some(body)).await
}

#[tokio::test]
async fn a_legal_hold_is_set_by_an_auditor_shown_to_all_and_lifted_by_an_administrator() {
    let world = World::new().await;
    let id = world.asked(60, 3_600).await;
    let session = world.by(&world.audrey, "GET", &format!("/privileged-sessions/{id}"), None).await.json();
    let none = json!({"held": false, "set_at": null, "set_by": null, "reason": null, "may_set": true, "may_lift": false});
    assert_eq!(session["legal_hold"], none);
    for (body, rule) in [
        (json!({"held": true, "reason": ""}), "reason-length"),
        (json!({"held": false, "reason": "There is none"}), "already-so"),
    ] {
        let refused = hold(&world, &world.anna, &id, body).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, rule), "{}", refused.text);
    }
    for body in [
        json!({"held": true}),
        json!({"held": "yes", "reason": "x"}),
        json!({"held": true, "reason": "x", "y": 1}),
    ] {
        assert_eq!(hold(&world, &world.anna, &id, body).await.status, 422);
    }
    let held = hold(&world, &world.audrey, &id, json!({"held": true, "reason": "A case at court"})).await;
    assert_eq!(held.status, 200, "{}", held.text);
    let shown = &held.json()["legal_hold"];
    assert_eq!((&shown["held"], &shown["reason"]), (&json!(true), &json!("A case at court")));
    assert_eq!(shown["set_by"]["id"], json!(world.audrey.user.id.to_string()));
    let hers = world.by(&world.paula, "GET", &format!("/privileged-sessions/{id}"), None).await.json();
    assert_eq!(hers["legal_hold"]["held"], json!(true));
    assert_eq!((&hers["legal_hold"]["reason"], &hers["legal_hold"]["set_by"]), (&Value::Null, &Value::Null));
    let lift = json!({"held": false, "reason": "The case is closed"});
    assert_eq!(hold(&world, &world.audrey, &id, lift.clone()).await.status, 403);
    let lifted = hold(&world, &world.anna, &id, lift).await;
    assert_eq!((lifted.status, &lifted.json()["legal_hold"]["held"]), (200, &json!(false)));
    let log = world.by(&world.audrey, "GET", &format!("/privileged-sessions/{id}/audit-log"), None).await;
    for word in ["legal_hold_set", "legal_hold_lifted", "A case at court", "The case is closed"] {
        assert!(log.text.contains(word), "{}", log.text);
    }
}

#[tokio::test]
async fn retention_is_set_per_class_and_none_is_refused() {
    let world = World::new().await;
    for field in ["auditretentionperiodv2", "sign_in_retention_days", "recording_retention_days"] {
        let before = world.by(&world.anna, "GET", "/organization", None).await.json();
        assert_eq!(before[field], json!(-1), "kept for ever at first");
        for days in [0, -2, 365_001] {
            let refused = world.by(&world.anna, "PATCH", "/organization", Some(json!({field: days}))).await;
            assert_eq!(
                (refused.status, refused.rule().as_str()),
                (422, "retention-range"),
                "{}",
                refused.text
            );
        }
        let changed = world.by(&world.anna, "PATCH", "/organization", Some(json!({field: 30}))).await;
        assert_eq!((changed.status, &changed.json()[field]), (200, &json!(30)));
    }
}
