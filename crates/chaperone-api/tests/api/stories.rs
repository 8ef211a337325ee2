//! A privileged session over the API, and what is refused on the way.

use serde_json::json;

use crate::world::{As, PASSWORD, World};

#[tokio::test]
async fn a_session_is_asked_for_approved_opened_and_ended() {
    let world = World::new().await;
    let id = world.asked(60, 3_600).await;
    let path = format!("/privileged-sessions/{id}");
    assert_eq!(world.decide(&world.anna, &id, "Approve").await.rule(), "self-approval-refused");
    let early = world.by(&world.bert, "POST", &format!("{path}/process"), None).await;
    assert_eq!(early.status, 422, "a Draft is not processed");
    assert_eq!(world.decide(&world.bert, &id, "Approve").await.text("status"), "Approved");

    let early = world.by(&world.bert, "POST", &format!("{path}/process"), None).await;
    assert_eq!((early.status, early.rule().as_str()), (422, "nothing-due"));
    assert!(early.text("detail").contains(&world.after(60)), "the start time is named: {}", early.text);
    let switch = Some(json!({"enabled": false}));
    assert_eq!(world.by(&world.bert, "POST", &format!("{path}/account"), switch.clone()).await.status, 422);

    world.forward(60);
    let active = world.by(&world.bert, "POST", &format!("{path}/process"), None).await;
    assert_eq!(active.text("status"), "Active", "{}", active.text);
    let grant = &active.json()["grants"][0];
    assert_eq!((grant["phase"].as_str(), grant["baseline"].as_str()), (Some("held"), Some("disabled")));

    let by_token = json!({"password": PASSWORD, "consent": true});
    let refused = world.by(&world.paula, "POST", &format!("{path}/open"), Some(by_token.clone())).await;
    assert_eq!(refused.rule(), "browser-needed");
    let paula = world.sign_in("paula", PASSWORD).await;
    for (body, rule) in [
        (json!({"consent": true}), "password-needed"),
        (json!({"password": "wrong", "consent": true}), "password-wrong"),
        (json!({"password": PASSWORD, "consent": false}), "consent-declined"),
    ] {
        let refused = world.call(&paula, "POST", &format!("{path}/open"), Some(body)).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, rule));
    }
    let opened = world.call(&paula, "POST", &format!("{path}/open"), Some(by_token)).await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    let url = opened.json()["targets"][0]["url"].as_str().expect("an address").to_owned();
    assert!(url.starts_with("http://erp.localhost:8080/.chaperone/start?sign_in="), "{url}");

    assert_eq!(world.by(&world.bert, "POST", &format!("{path}/account"), switch).await.status, 200);
    assert_eq!(world.decide(&world.carla, &id, "End").await.text("status"), "Ending");
    world.process().await;
    let ended = world.by(&world.audrey, "GET", &path, None).await;
    assert_eq!(
        (ended.text("status").as_str(), ended.text("end_reason").as_str()),
        ("Ended", "ended_by_administrator")
    );
    assert_eq!(ended.json()["grants"][0]["outcome"], "restored");
    assert_eq!(ended.json()["not_back"], json!([]));

    let log = world.by(&world.audrey, "GET", &format!("{path}/user-log"), None).await.json();
    assert_eq!(log["items"][0]["end_kind"], "session_ended");
    let recordings = world.by(&world.audrey, "GET", &format!("{path}/recordings"), None).await.json();
    let recording = recordings["items"][0]["id"].as_str().expect("a recording").to_owned();
    assert_eq!(opened.text("recording_id"), recording);
    let watched = world.by(&world.audrey, "GET", &format!("/recordings/{recording}"), None).await;
    assert_eq!(watched.json()["user"]["user_name"], "paula");
    assert_eq!(world.by(&world.victor, "GET", &format!("/recordings/{recording}"), None).await.status, 404);
    for format in ["bundle", "rrweb", "steps.json", "steps.csv", "har"] {
        let file = world
            .by(&world.audrey, "GET", &format!("/recordings/{recording}/download?format={format}"), None)
            .await;
        assert_eq!(file.status, 200, "{format}");
        assert!(
            file.headers["content-disposition"].to_str().expect("text").starts_with("attachment"),
            "{format}"
        );
    }

    let trail = world
        .by(&world.audrey, "GET", &format!("/audit-events?privileged_session_id={id}"), None)
        .await
        .json();
    let actions: Vec<&str> = trail["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["action"].as_str())
        .collect();
    for needed in [
        "privileged_session_requested",
        "privileged_session_refused",
        "privileged_session_start_intended",
        "grant_intended",
        "grant_verified",
        "consent_declined",
        "consent_given",
        "recording_started",
        "privileged_session_account_switched",
        "sign_in_ended",
        "grant_closed",
        "recording_viewed",
        "recording_downloaded",
    ] {
        assert!(actions.contains(&needed), "{needed} is not in {actions:?}");
    }
}

#[tokio::test]
async fn requests_that_are_not_in_order_are_refused_by_field_and_leave_nothing() {
    let world = World::new().await;
    let with = |change: serde_json::Value| {
        let mut request = world.request(60, 600);
        for (name, value) in change.as_object().expect("fields") {
            request[name.as_str()] = value.clone();
        }
        request
    };
    let unknown = "01a1fc37-65c2-7000-83d3-1715f43e7799";
    let cases = [
        (world.request(0, 24 * 3_600 + 1), "window-too-long", "ends_at"),
        (world.request(600, 300), "end-not-after-start", "ends_at"),
        (world.request(-61, 600), "start-in-past", "starts_at"),
        (with(json!({"account_id": unknown})), "unknown-account", "account_id"),
        (with(json!({"target_ids": [unknown]})), "unknown-target", "target_ids"),
        (with(json!({"target_ids": []})), "no-targets", "target_ids"),
        (with(json!({"reason": " "})), "no-reason", "reason"),
        (
            with(json!({"recording_notice_acknowledged": false})),
            "recording-notice-not-acknowledged",
            "recording_notice_acknowledged",
        ),
        (with(json!({"user_id": world.victor.user.id.to_string()})), "user-is-not-owner", "user_id"),
        (with(json!({"account_action": "destroy"})), "unknown-value", "account_action"),
        (with(json!({"starts_at": "soon"})), "not-an-instant", "starts_at"),
    ];
    for (request, rule, field) in cases {
        let refused = world.by(&world.anna, "POST", "/privileged-sessions", Some(request)).await;
        assert_eq!((refused.status, refused.rule().as_str()), (422, rule), "{}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{}", refused.text);
        assert!(refused.text("detail").ends_with('.'), "a sentence: {}", refused.text);
    }
    let none = world.by(&world.anna, "GET", "/privileged-sessions", None).await;
    assert_eq!(none.json()["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn of_two_decisions_on_one_version_the_second_is_stale() {
    let world = World::new().await;
    let id = world.asked(60, 600).await;
    let path = format!("/privileged-sessions/{id}/change-status");
    let approve = json!({"status": "Approve", "version": 1});
    assert_eq!(world.by(&world.bert, "POST", &path, Some(approve.clone())).await.status, 200);
    let second = world.by(&world.carla, "POST", &path, Some(approve)).await;
    assert_eq!((second.status, second.rule().as_str()), (409, "changed-meanwhile"));
}

#[tokio::test]
async fn opposite_wishes_at_the_same_time_are_refused_with_the_other_session_named() {
    let world = World::new().await;
    let first = world.asked(60, 600).await;
    assert_eq!(world.decide(&world.bert, &first, "Approve").await.status, 200);
    let mut request = world.request(300, 900);
    request["account_action"] = json!("disable");
    let second = world.by(&world.anna, "POST", "/privileged-sessions", Some(request)).await.text("id");
    let refused = world.decide(&world.bert, &second, "Approve").await;
    assert_eq!((refused.status, refused.rule().as_str()), (422, "opposite-overlap"));
    assert!(refused.text("detail").contains(&first), "{}", refused.text);
}

#[tokio::test]
async fn lists_are_paged_without_gaps_and_repeats() {
    let world = World::new().await;
    for n in 0..7 {
        world.asked(60 + n, 600).await;
    }
    let mut seen = Vec::new();
    let mut path = "/privileged-sessions?limit=3".to_owned();
    loop {
        let page = world.by(&world.audrey, "GET", &path, None).await.json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/privileged-sessions?limit=3&after={next}");
    }
    assert_eq!(seen.len(), 7);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn a_one_time_password_is_for_changing_it_and_nothing_else() {
    let world = World::new().await;
    let path = format!("/users/{}/reset-password", world.victor.user.id);
    let once = world.by(&world.anna, "POST", &path, None).await.text("one_time_password");
    let victor = world.sign_in("victor", &once).await;
    assert_eq!(world.call(&victor, "GET", "/privileged-sessions", None).await.rule(), "password-must-change");
    let change = |new: &str| Some(json!({"old_password": once, "new_password": new}));
    assert_eq!(world.call(&victor, "POST", "/me/password", change("short")).await.status, 422);
    assert_eq!(world.call(&victor, "POST", "/me/password", change("a much longer one")).await.status, 204);
    assert_eq!(world.call(&victor, "GET", "/privileged-sessions", None).await.status, 200);
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once() {
    let world = World::new().await;
    let victor = world.sign_in("victor", PASSWORD).await;
    assert_eq!(world.call(&victor, "GET", "/me", None).await.status, 200);
    let path = format!("/users/{}", world.victor.user.id);
    assert_eq!(world.by(&world.anna, "PATCH", &path, Some(json!({"active": false}))).await.status, 200);
    assert_eq!(world.call(&victor, "GET", "/me", None).await.status, 401);
    assert_eq!(world.by(&world.victor, "GET", "/me", None).await.status, 401);
    let body = json!({"user_name": "victor", "password": PASSWORD});
    assert_eq!(world.call(&As::Nobody, "POST", "/sign-in", Some(body)).await.rule(), "sign-in-failed");
}
