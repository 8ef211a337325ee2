//! The trail: its filters, and the trail as a file.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

async fn items(world: &World, path: &str) -> Vec<Value> {
    let answer = world.by(&world.audrey, "GET", path, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()["items"].as_array().expect("a list").clone()
}

fn actions(items: &[Value]) -> HashSet<&str> {
    items.iter().map(|item| item["action"].as_str().expect("an action")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_is_asked_about_several_actions_and_about_a_target() {
    let world = World::new().await;
    let paula = world.sign_in("paula", PASSWORD).await;
    world.call(&paula, "POST", "/sign-out", None).await;
    let path = format!("/targets/{}", world.target.id);
    let changed = world.by(&world.anna, "PATCH", &path, Some(json!({"name": "Another name"}))).await;
    assert_eq!(changed.status, 200, "{}", changed.text);

    let two = items(&world, "/audit-events?action=sign_in_ended,target_changed").await;
    assert_eq!(actions(&two), HashSet::from(["sign_in_ended", "target_changed"]));
    let repeated = items(&world, "/audit-events?action=sign_in_ended&action=target_changed").await;
    assert_eq!(repeated, two);

    let about = items(&world, &format!("/audit-events?target_id={}", world.target.id)).await;
    assert!(actions(&about).contains("target_changed"), "{about:?}");
    let id = world.target.id.to_string();
    assert!(about.iter().all(|event| event["subject"]["id"] == id || event["details"]["target_id"] == id));
    let other = items(&world, &format!("/audit-events?target_id={}", world.account.id)).await;
    assert_eq!(other, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_the_trail_that_make_no_sense_are_answered_with_what_to_do() {
    let world = World::new().await;
    for (asked, expected) in [
        ("action=sign_in_started,sleeping", "unknown-value"),
        ("target_id=erp", "not-an-id"),
        ("start=2026-09-21T00:00:00Z&end=2026-09-20T00:00:00Z", "end-not-after-start"),
        ("format=csv&start=2026-09-21T00:00:00Z&end=2026-09-21T00:00:00Z", "end-not-after-start"),
        ("format=pdf", "unknown-value"),
        ("format=csv&limit=10", "file-in-pages"),
    ] {
        let answer = world.by(&world.audrey, "GET", &format!("/audit-events?{asked}"), None).await;
        assert_eq!((answer.status, answer.rule().as_str()), (422, expected), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_comes_as_a_file_by_its_filters_and_the_trail_says_so() {
    let world = World::new().await;
    for name in ["paula", "victor", "paula"] {
        world.sign_in(name, PASSWORD).await;
        world.forward(10);
    }
    let asked = "/audit-events?action=sign_in_started";
    let listed = items(&world, asked).await;
    assert!(listed.len() >= 3);
    world.forward(1);
    for format in ["csv", "xlsx", "jsonl", "parquet"] {
        let file = world.by(&world.audrey, "GET", &format!("{asked}&format={format}"), None).await;
        assert_eq!(file.status, 200, "{format}: {}", file.text);
        assert_eq!(file.headers["chaperone-total-rows"], listed.len().to_string(), "{format}");
        let named = file.headers["content-disposition"].to_str().expect("text").to_owned();
        assert!(named.starts_with("attachment; filename=\"audit-events_until_2026-"), "{named}");
        assert!(named.ends_with(&format!(".{format}\"")), "{named}");
        if format == "jsonl" {
            let rows: Vec<Value> =
                file.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<_>>();
            assert_eq!(ids(&rows), ids(&listed), "the same, in the same order");
            for (row, event) in rows.iter().zip(&listed) {
                assert_eq!(row["commitment"], event["commitment"]);
                let details: Value =
                    serde_json::from_str(row["details"].as_str().expect("text")).expect("JSON");
                assert_eq!(details, event["details"]);
            }
        }
    }
    let told = items(&world, "/audit-events?action=export_ended").await;
    assert_eq!(told.len(), 4);
    for event in &told {
        assert_eq!(event["subject"], json!({"kind": "export", "id": "audit-events"}));
        assert_eq!(event["details"]["outcome"], "complete");
        assert_eq!(event["details"]["rows"], listed.len());
        assert_eq!(event["details"]["actions"], "sign_in_started");
    }
    let victor = world.by(&world.victor, "GET", &format!("{asked}&format=csv"), None).await;
    assert_eq!(victor.status, 403);
}
