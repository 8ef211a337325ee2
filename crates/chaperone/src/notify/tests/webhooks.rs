//! Webhooks: signed, repeated under one id, never led elsewhere.

use chaperone_app::privileged_sessions::StatusChange;
use chaperone_domain::notification::{NotificationKind, NotificationState};
use serde_json::Value;

use super::receiver::{Call, Receiver, SECRET};
use super::world::World;

/// The signature that the reference library makes of what came.
fn is_signed(call: &Call) -> bool {
    let reference = standardwebhooks::Webhook::new(SECRET).expect("a secret");
    let timestamp = call.header("webhook-timestamp").parse().expect("seconds");
    let expected = reference.sign(call.header("webhook-id"), timestamp, &call.body).expect("signed");
    call.header("webhook-signature") == expected
}

#[tokio::test]
async fn a_webhook_gets_signed_json_and_again_under_the_same_id_when_it_fails() {
    let receiver = Receiver::start().await;
    receiver.answer(500, "the stack trace of somebody else");
    let world = World::new(&receiver.told(&[NotificationKind::ToApprove])).await;
    let id = world.asked(60, 3_600).await;
    assert_eq!(world.send().await, 1);
    let view = world.told(id).await.remove(0);
    assert_eq!(view.notification.state, NotificationState::Waiting);
    assert_eq!(view.notification.problem.as_deref(), Some("The webhook chat did not take it (500)."));
    assert_eq!(world.send().await, 0, "not before its pause is over");
    world.forward(1);
    assert_eq!(world.send().await, 1);
    assert_eq!(world.lines(id).await, ["to_approve chat sent"]);
    let [first, second] = receiver.calls().try_into().unwrap_or_else(|_| panic!("two calls"));
    assert!(is_signed(&first) && is_signed(&second));
    assert_eq!(first.header("webhook-id"), view.notification.id.to_string());
    assert_eq!(second.header("webhook-id"), first.header("webhook-id"));
    assert_ne!(second.header("webhook-timestamp"), first.header("webhook-timestamp"));
    assert_eq!(second.header("content-type"), "application/json");
    let told: Value = serde_json::from_slice(&second.body).expect("JSON");
    assert_eq!(told["type"], "privileged_session.to_approve");
    assert_eq!(told["timestamp"], "2026-09-21T14:13:20Z");
    assert_eq!(told["data"]["privileged_session_id"], id.to_string());
    assert_eq!(told["data"]["user"]["user_name"], "paula");
    assert_eq!(told["data"]["url"], format!("http://console.localhost:8080/privileged-sessions/{id}"));
}

#[tokio::test]
async fn what_was_changed_on_the_way_does_not_fit_its_signature() {
    let receiver = Receiver::start().await;
    let world = World::new(&receiver.told(&NotificationKind::ALL)).await;
    world.asked(60, 3_600).await;
    world.send().await;
    let call = receiver.calls().remove(0);
    assert!(is_signed(&call));
    let changed = String::from_utf8_lossy(&call.body).replace("paula", "mallory");
    assert!(!is_signed(&Call { body: changed.into(), ..call }));
}

#[tokio::test]
async fn a_webhook_is_told_only_what_it_wants() {
    let receiver = Receiver::start().await;
    let world = World::new(&receiver.told(&[NotificationKind::Started])).await;
    let id = world.asked(0, 3_600).await;
    world.decide(&world.bert, id, StatusChange::Approve).await;
    world.process().await;
    world.send().await;
    assert_eq!(world.lines(id).await, ["started chat sent"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_what_is_gone_is_given_up_at_once() {
    let receiver = Receiver::start().await;
    receiver.answer(307, "");
    receiver.answer(410, "");
    let world = World::new(&receiver.told(&[NotificationKind::ToApprove])).await;
    let id = world.asked(60, 3_600).await;
    world.send().await;
    let problem = world.told(id).await[0].notification.problem.clone().expect("a problem");
    assert!(problem.contains("redirect (307)"), "{problem}");
    world.forward(1);
    world.send().await;
    assert_eq!(world.lines(id).await, ["to_approve chat given_up"]);
    assert_eq!(receiver.calls().len(), 2, "nothing went elsewhere");
}

#[tokio::test]
async fn an_answer_without_end_is_read_a_little_and_shown_to_nobody() {
    let receiver = Receiver::start().await;
    receiver.answer(400, &"secret of the other side ".repeat(1_000_000));
    let world = World::new(&receiver.told(&[NotificationKind::ToApprove])).await;
    let id = world.asked(60, 3_600).await;
    world.send().await;
    let problem = world.told(id).await[0].notification.problem.clone().expect("a problem");
    assert_eq!(problem, "The webhook chat did not take it (400).");
}

#[tokio::test]
async fn a_webhook_that_was_taken_out_of_the_configuration_is_given_up() {
    let receiver = Receiver::start().await;
    let world = World::new(&receiver.told(&[NotificationKind::ToApprove])).await;
    let id = world.asked(60, 3_600).await;
    let other = world.node(&Default::default(), chaperone_app::faults::Faults::none()).await;
    let channel = chaperone_domain::notification::Channel::Webhook;
    assert_eq!(chaperone_app::jobs::deliver_due(&other, channel).await.ok(), Some(1));
    assert_eq!(world.lines(id).await, ["to_approve chat given_up"]);
    assert!(receiver.calls().is_empty());
}
