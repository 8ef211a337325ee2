//! Who was told what, over the API. The receiver takes nothing for good until it is asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chaperone_app::jobs;
use chaperone_app::notifications::{Channels, DeliveryError, Post, Poster, Webhook};
use chaperone_domain::notification::{Channel, NotificationKind};
use serde_json::json;

use crate::world::World;

struct Fickle(AtomicBool);

#[async_trait]
impl Poster for Fickle {
    async fn post(&self, _post: &Post) -> Result<(), DeliveryError> {
        match self.0.swap(true, Ordering::SeqCst) {
            true => Ok(()),
            false => Err(DeliveryError::Refused("The webhook chat is gone (410).".to_owned())),
        }
    }
}

/// A webhook whose receiver refuses the first notification.
pub fn fickle() -> Channels {
    let poster = Arc::new(Fickle(AtomicBool::new(false)));
    let kinds = NotificationKind::ALL.to_vec();
    Channels { mailer: None, webhooks: vec![Webhook { name: "chat".to_owned(), kinds, poster }] }
}

#[tokio::test]
async fn who_was_told_what_is_listed_and_an_administrator_has_it_tried_again() {
    let world = World::telling(fickle()).await;
    let id = world.asked(60, 3_600).await;
    let path = format!("/privileged-sessions/{id}/notifications");
    let listed = async || world.by(&world.paula, "GET", &path, None).await.json()["items"][0].clone();
    let waiting = listed().await;
    assert_eq!(
        (&waiting["kind"], &waiting["channel"], &waiting["address"], &waiting["state"]),
        (&json!("to_approve"), &json!("webhook"), &json!("chat"), &json!("waiting"))
    );
    assert_eq!((&waiting["recipient"], &waiting["sent_at"]), (&json!(null), &json!(null)));
    assert_eq!(waiting["next_try_at"], world.after(0));
    assert!(waiting.get("body").is_none());

    jobs::deliver_due(&world.app, Channel::Webhook).await.expect("looked");
    let given_up = listed().await;
    assert_eq!((&given_up["state"], &given_up["attempts"]), (&json!("given_up"), &json!(1)));
    assert_eq!(given_up["problem"], "The webhook chat is gone (410).");
    assert_eq!(given_up["next_try_at"], json!(null));

    let retry = format!("/notifications/{}/retry", given_up["id"].as_str().expect("an id"));
    assert_eq!(world.by(&world.paula, "POST", &retry, None).await.rule(), "role-missing");
    let again = world.by(&world.bert, "POST", &retry, None).await;
    assert_eq!((again.status, again.text("state").as_str()), (200, "waiting"), "{}", again.text);
    jobs::deliver_due(&world.app, Channel::Webhook).await.expect("looked");
    let sent = listed().await;
    assert_eq!((&sent["state"], &sent["sent_at"]), (&json!("sent"), &json!(world.after(0))));
    let late = world.by(&world.bert, "POST", &retry, None).await;
    assert_eq!((late.status, late.rule().as_str()), (422, "notification-sent"));
    assert_eq!(
        world.by(&world.bert, "POST", "/notifications/nonsense/retry", None).await.rule(),
        "not-an-id"
    );

    let trail =
        world.by(&world.audrey, "GET", &format!("/audit-events?privileged_session_id={id}"), None).await;
    for action in ["notification_given_up", "notification_retried"] {
        assert!(trail.text.contains(action), "{action}: {}", trail.text);
    }
}
