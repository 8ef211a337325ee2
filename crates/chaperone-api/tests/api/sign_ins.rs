//! User Login Events: the list, its totals, and Export grid.

use axum::body::Body;
use serde_json::{Value, json};

use crate::world::{As, PASSWORD, World};

async fn get(world: &World, path: &str) -> Value {
    let answer = world.by(&world.audrey, "GET", path, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

async fn rule(world: &World, path: &str) -> String {
    let answer = world.by(&world.audrey, "GET", path, None).await;
    assert_eq!(answer.status, 422, "{path}: {}", answer.text);
    answer.rule()
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_of_browsers_and_programs_are_listed_with_who_when_and_how() {
    let world = World::new().await;
    let paula = world.sign_in("paula", PASSWORD).await;
    world.forward(60);
    assert_eq!(world.call(&paula, "POST", "/sign-out", None).await.status, 204);
    world.by(&world.victor, "GET", "/me", None).await;
    let list = get(&world, "/sign-ins?user_name=paula").await;
    let row = &list["items"][0];
    let expected = json!({
        "user_name": "paula", "display_name": "paula", "email": "", "kind": "console", "channel": "web",
        "end_kind": "signed_out", "end_is_estimated": false, "duration_s": 60, "client_address": "192.0.2.1",
        "targets": [], "target_uses": [], "active_s": 0, "idle_s": 0, "api_token_id": null, "account_id": null,
        "privileged_session_id": null
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&row[name], value, "{name}");
    }
    let programs = get(&world, "/sign-ins?channel=web_services").await;
    let names: Vec<&Value> =
        programs["items"].as_array().expect("a list").iter().map(|row| &row["user_name"]).collect();
    assert_eq!(names, ["audrey", "victor"], "newest first, the caller among them");
    assert!(programs["items"][0]["api_token_id"].is_string());
    assert_eq!(programs["items"][0]["ended_at"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_the_list_the_totals_and_the_files_alike() {
    let world = World::new().await;
    for name in ["paula", "paula", "victor"] {
        world.sign_in(name, PASSWORD).await;
        world.forward(10);
    }
    for (filter, count) in [
        ("channel=web", 3),
        ("channel=web&user_name=PAU", 2),
        ("channel=web&client_address=192.0.2.1", 3),
        ("channel=web&client_address=192.0.2.2", 0),
        ("kind=target", 0),
        ("channel=web&user_name=nobody", 0),
        (&format!("channel=web&user_id={}", world.victor.user.id), 1),
        (&format!("privileged_session_id={}", world.account.id), 0),
        (&format!("target_id={}", world.target.id), 0),
    ] {
        let list = get(&world, &format!("/sign-ins?{filter}")).await;
        assert_eq!(list["items"].as_array().expect("a list").len(), count, "{filter}");
        let totals = get(&world, &format!("/sign-ins/totals?{filter}")).await;
        assert_eq!(totals["count"], count, "{filter}");
        let file = world.by(&world.audrey, "GET", &format!("/sign-ins?format=csv&{filter}"), None).await;
        assert_eq!(file.text.lines().count(), count + 1, "{filter}");
        assert_eq!(file.headers["chaperone-total-rows"], count.to_string(), "{filter}");
    }
    let totals = get(&world, "/sign-ins/totals?channel=web").await;
    let per_user: Vec<_> = totals["per_user"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|total| {
            (total["user_name"].as_str().expect("a name"), total["count"].as_u64().expect("a count"))
        })
        .collect();
    assert_eq!(per_user, [("paula", 2), ("victor", 1)]);
    assert_eq!(totals["per_day"], json!([{"day": "2026-09-21T00:00:00Z", "count": 3, "users": 2}]));
    assert_eq!((&totals["users"], &totals["users_are_cut"]), (&json!(2), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_is_preset_to_seven_days_before_the_end() {
    let world = World::new().await;
    world.sign_in("paula", PASSWORD).await;
    world.forward(7 * 86_400 + 60);
    let web = async |more: &str| {
        get(&world, &format!("/sign-ins?channel=web{more}")).await["items"].as_array().expect("a list").len()
    };
    assert_eq!(web("").await, 0);
    assert_eq!(web(&format!("&end={}", world.after(-120))).await, 1);
    assert_eq!(web(&format!("&start={}", world.after(-30 * 86_400))).await, 1, "any length");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_make_no_sense_are_answered_with_what_to_do() {
    let world = World::new().await;
    for path in ["/sign-ins", "/sign-ins/totals"] {
        for (asked, expected) in [
            ("start=2026-09-21T00:00:00Z&end=2026-09-20T00:00:00Z", "end-not-after-start"),
            ("start=2026-09-21T00:00:00Z&end=2026-09-21T00:00:00Z", "end-not-after-start"),
            ("start=2026-09", "not-an-instant"),
            ("end=2026-09-21T10", "not-an-instant"),
            ("channel=fax", "unknown-value"),
            ("kind=desktop", "unknown-value"),
            ("user_id=paula", "not-an-id"),
            ("target_id=1", "not-an-id"),
            ("privileged_session_id=x", "not-an-id"),
            ("username=paula", "wrong-parameter"),
            ("user_name=a%00b", "not-storable"),
        ] {
            assert_eq!(rule(&world, &format!("{path}?{asked}")).await, expected, "{path} {asked}");
        }
    }
    for (asked, expected) in [
        ("format=pdf", "unknown-value"),
        ("format=csv&limit=10", "file-in-pages"),
        ("format=xlsx&after=n1.00", "file-in-pages"),
        ("after=half", "not-a-cursor"),
        ("format=csv&start=2026-09-21T00:00:00Z&end=2026-09-20T00:00:00Z", "end-not-after-start"),
    ] {
        assert_eq!(rule(&world, &format!("/sign-ins?{asked}")).await, expected, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_a_file_with_a_name_that_tells_its_interval() {
    let world = World::new().await;
    world.sign_in("paula", PASSWORD).await;
    for (format, media_type) in [
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("jsonl", "application/jsonl; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let path = format!(
            "/sign-ins?format={format}&channel=web&start=2026-09-20T00:00:00Z&end=2026-09-22T00:00:00Z"
        );
        let answer = world.by(&world.audrey, "GET", &path, None).await;
        assert_eq!(
            (answer.status, &answer.headers["content-type"]),
            (200, &media_type.parse().expect("a value"))
        );
        let name = format!("sign-ins_2026-09-20T00-00-00Z_2026-09-22T00-00-00Z.{format}");
        assert_eq!(answer.headers["content-disposition"], format!("attachment; filename=\"{name}\""));
        assert_eq!(answer.headers["chaperone-total-rows"], "1");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_may_not_read_everything_see_and_take_out_their_own() {
    let world = World::new().await;
    world.sign_in("paula", PASSWORD).await;
    world.sign_in("victor", PASSWORD).await;
    for path in ["/sign-ins?channel=web&format=jsonl", "/sign-ins?channel=web"] {
        let answer = world.by(&world.victor, "GET", path, None).await;
        assert_eq!(answer.status, 200);
        assert!(answer.text.contains("victor") && !answer.text.contains("paula"), "{}", answer.text);
    }
    let totals = world.by(&world.victor, "GET", "/sign-ins/totals", None).await.json();
    assert_eq!(totals["users"], 1);
    let others = format!("/sign-ins?user_id={}", world.paula.user.id);
    assert_eq!(world.by(&world.victor, "GET", &others, None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_told_no_reason_and_the_trail_is() {
    let world = World::new().await;
    let answer =
        world.send(&As::Token("chp_nobody".to_owned()), "GET", "/api/v1/me", None, Body::empty()).await;
    assert_eq!((answer.status, answer.rule().as_str()), (401, "not-signed-in"));
    let trail = get(&world, "/audit-events?action=sign_in_failed").await;
    let event = &trail["items"][0];
    assert_eq!(
        (&event["details"]["cause"], &event["channel"], &event["client_address"]),
        (&json!("unknown_token"), &json!("web_services"), &json!("192.0.2.1"))
    );
    assert!(!trail.to_string().contains("chp_nobody"));
}
