//! Scheduled exports over the API.

use chaperone_app::jobs;
use serde_json::{Value, json};

use crate::world::World;

const DAY: i64 = 86_400;

#[tokio::test]
async fn an_export_is_made_runs_is_checked_and_removed() {
    let world = World::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let new = |name: &str, target: Value| json!({"name": name, "content": "sign_ins", "every": "day", "format": "csv", "target": target});
    let here = json!({"kind": "folder", "path": folder.path()});
    for (body, rule) in [
        (new("", here.clone()), "name-length"),
        (new("x", json!({"kind": "folder", "path": "relative"})), "target-unusable"),
        (new("x", json!({"kind": "folder", "path": "/nowhere/at/all"})), "target-unusable"),
        (
            json!({"name": "x", "content": "everything", "every": "day", "format": "csv", "target": here}),
            "unknown-value",
        ),
        (
            json!({"name": "x", "content": "sign_ins", "every": "day", "format": "csv", "target": here, "starts_at": "2026-13-01"}),
            "not-an-instant",
        ),
    ] {
        let refused = world.by(&world.anna, "POST", "/scheduled-exports", Some(body)).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, rule), "{}", refused.text);
    }
    let made = world.by(&world.anna, "POST", "/scheduled-exports", Some(new("Daily", here.clone()))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let (id, body) = (made.text("id"), made.json());
    assert_eq!((&body["target"], &body["findings"], &body["runs"]), (&here, &json!([]), &json!([])));
    assert!(body["next_at"].is_string());
    let twice = world.by(&world.anna, "POST", "/scheduled-exports", Some(new("daily", here))).await;
    assert_eq!(twice.status, 409, "{}", twice.text);

    let path = format!("/scheduled-exports/{id}");
    let early = world.by(&world.anna, "POST", &format!("{path}/run"), Some(json!({}))).await;
    assert_eq!((early.status, early.rule().as_str()), (422, "nothing-due"), "{}", early.text);
    world.forward(3 * DAY);
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 3);
    let read = world.by(&world.audrey, "GET", &path, None).await.json();
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(3));
    assert_eq!((&read["runs"][0]["number"], &read["runs"][0]["state"]), (&json!(3), &json!("done")));
    let page = world.by(&world.audrey, "GET", &format!("{path}/runs?limit=2"), None).await.json();
    assert_eq!((page["items"].as_array().map(Vec::len), &page["next"]), (Some(2), &json!("2")));
    let rest = world.by(&world.audrey, "GET", &format!("{path}/runs?limit=2&after=2"), None).await.json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["next"]), (Some(1), &Value::Null));
    let bad = world.by(&world.audrey, "GET", &format!("{path}/runs?after=x"), None).await;
    assert_eq!(bad.rule(), "not-a-cursor");

    let file = read["runs"][2]["file"].as_str().expect("a file");
    std::fs::remove_file(folder.path().join(file)).expect("removed");
    let checked = world.by(&world.audrey, "POST", &format!("{path}/check"), None).await;
    assert_eq!(checked.status, 200, "{}", checked.text);
    let finding = &checked.json()["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["interval_start"]),
        (&json!("file_missing"), &read["runs"][2]["interval_start"])
    );
    assert!(finding["detail"].as_str().is_some_and(|detail| detail.contains(file)), "{finding}");
    let again = json!({"interval_start": finding["interval_start"]});
    let run = world.by(&world.anna, "POST", &format!("{path}/run"), Some(again)).await;
    assert_eq!(run.status, 200, "{}", run.text);
    assert_eq!(jobs::export_due(&world.app).await.expect("looked"), 1);
    let checked = world.by(&world.audrey, "POST", &format!("{path}/check"), None).await;
    assert_eq!(checked.json()["findings"], json!([]));

    let paused = world.by(&world.anna, "PATCH", &path, Some(json!({"active": false}))).await.json();
    assert_eq!((&paused["active"], &paused["next_at"]), (&json!(false), &Value::Null));
    assert_eq!(world.by(&world.anna, "DELETE", &path, None).await.status, 204);
    assert_eq!(world.by(&world.anna, "GET", &path, None).await.status, 404);
    let trail = world.by(&world.audrey, "GET", "/audit-events", None).await.text;
    for action in ["created", "written", "requested", "changed", "removed"] {
        assert!(trail.contains(&format!("scheduled_export_{action}")), "{action}");
    }
}
