//! Mails through a server that is there, away, awkward or slow.

use chaperone_app::AppError;
use chaperone_app::lists::{EventFilter, Page};
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::users::UserChange;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::notification::{Channel, NotificationKind, NotificationState};

use super::mail_server::MailServer;
use super::receiver::Receiver;
use super::world::{World, mail_at};
use crate::config::Notifications;

fn address(email: &str) -> UserChange {
    UserChange { email: Some(email.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn those_who_decide_and_those_whose_session_it_is_get_a_mail_with_all_they_need() {
    let mut server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    let id = world.asked(3_600, 7_200).await;
    assert_eq!(world.send().await, 4, "Dora has left and Emil has no address");
    let mails = server.mails(4).await;
    let to: Vec<&str> = mails.iter().map(|(to, _)| to.as_str()).collect();
    assert_eq!(to, ["anna@example.org", "bert@example.org", "carla@example.org", "paula@example.org"]);
    let views = world.told(id).await;
    for (to, text) in &mails {
        let told = views.iter().find(|view| view.notification.address == *to).expect("told");
        let message_id = format!("Message-ID: <{}@console.localhost>", told.notification.id);
        for expected in [
            "From: Chaperone <chaperone@example.org>",
            "Subject: To approve: erp-admin for paula",
            "Auto-Submitted: auto-generated",
            "Date: Mon, 21 Sep 2026 14:13:20 +0000",
            message_id.as_str(),
            "paula asks for a privileged session.",
            "From:        2026-09-21 15:13:20 UTC",
            "Until:       2026-09-21 16:13:20 UTC",
            "Ticket:      T-17",
            &format!("http://console.localhost:8080/privileged-sessions/{id}"),
        ] {
            assert!(text.contains(expected), "{expected:?} is missing:\n{text}");
        }
        assert!(!text.contains("\nBcc:"), "what people write is no header and no line of ours:\n{text}");
        assert_eq!(told.notification.state, NotificationState::Sent);
    }
    world.decide(&world.carla, id, StatusChange::Approve).await;
    assert_eq!(world.send().await, 2, "the approver and Paula, who asked and works");
    let to: Vec<String> = server.mails(2).await.into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["carla@example.org", "paula@example.org"]);
    assert_eq!(world.send().await, 0);
}

#[tokio::test]
async fn while_the_mail_server_is_away_nothing_waits_for_it_and_when_it_is_back_all_is_sent() {
    let port = MailServer::start().await.end().await;
    let world = World::new(&mail_at(port)).await;
    let id = world.asked(0, 3_600).await;
    assert_eq!(world.send().await, 4);
    world.decide(&world.bert, id, StatusChange::Approve).await;
    world.process().await;
    assert_eq!(world.account_now().await, chaperone_domain::account::AccountState::Enabled);
    for attempt in 1..=3 {
        let views = world.told(id).await;
        let told = &views[0].notification;
        assert_eq!((told.attempt, told.state), (attempt, NotificationState::Waiting));
        assert_eq!(told.problem.as_deref(), Some("The mail server localhost cannot be reached."));
        world.forward(4);
        world.send().await;
    }
    let mut server = MailServer::with(&["--port", &port.to_string()]).await;
    world.forward(60);
    world.send().await;
    let lines = world.lines(id).await;
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(lines.iter().all(|line| line.ends_with(" sent")), "{lines:?}");
    assert_eq!(server.mails(8).await.len(), 8);
    assert!(world.told(id).await.iter().all(|view| view.notification.problem.is_none()));
}

#[tokio::test]
async fn what_cannot_be_sent_for_a_day_is_given_up_with_an_event_and_can_be_tried_again() {
    let port = MailServer::start().await.end().await;
    let world = World::new(&mail_at(port)).await;
    let id = world.asked(0, 3_600).await;
    world.forward(24 * 3_600);
    assert_eq!(world.send().await, 4);
    let lines = world.lines(id).await;
    assert!(lines.iter().all(|line| line.ends_with(" given_up")), "{lines:?}");
    world.forward(3_600);
    assert_eq!(world.send().await, 0, "given up is given up");

    let mut server = MailServer::with(&["--port", &port.to_string()]).await;
    let given_up = world.told(id).await.remove(0).notification;
    let refused = world.app.retry_notification(&world.op(&world.carla), given_up.id).await;
    assert!(matches!(refused, Err(AppError::RoleMissing { .. })), "{refused:?}");
    world.app.retry_notification(&world.op(&world.anna), given_up.id).await.expect("retried");
    assert_eq!(world.send().await, 1);
    assert_eq!(server.mails(1).await[0].0, given_up.address);
    let again = world.app.retry_notification(&world.op(&world.anna), given_up.id).await;
    assert!(matches!(again, Err(AppError::Refused { name: "notification-sent", .. })), "{again:?}");
    let count = async |action| {
        let filter = EventFilter { action: Some(action), ..Default::default() };
        let page = Page { after: None, limit: 100 };
        world.app.audit_events(&world.op(&world.anna), filter, page).await.expect("events").items.len()
    };
    assert_eq!(count(AuditAction::NotificationGivenUp).await, 4);
    assert_eq!(count(AuditAction::NotificationRetried).await, 1);
}

#[tokio::test]
async fn an_address_that_is_refused_is_given_up_at_once_and_one_that_is_busy_is_tried_again() {
    let server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    world.change_user(&world.paula, address("refused@example.org")).await;
    world.change_user(&world.carla, address("busy@example.org")).await;
    let id = world.asked(0, 3_600).await;
    world.send().await;
    assert_eq!(
        world.lines(id).await,
        [
            "to_approve anna@example.org sent",
            "to_approve bert@example.org sent",
            "to_approve busy@example.org waiting",
            "to_approve refused@example.org given_up",
        ]
    );
    let problem = async |address: &str| {
        let views = world.told(id).await;
        let view = views.into_iter().find(|view| view.notification.address == address);
        view.expect("told").notification.problem.unwrap_or_default()
    };
    let (refused, busy) = (problem("refused@example.org").await, problem("busy@example.org").await);
    assert_eq!(refused, "The mail server localhost refuses the mail (550).");
    assert_eq!(busy, "The mail server localhost does not take the mail now (451).");
}

#[tokio::test]
async fn an_address_that_no_mail_can_go_to_is_given_up_at_once() {
    let server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    world.change_user(&world.paula, address("@")).await;
    let id = world.asked(0, 3_600).await;
    world.send().await;
    let lines = world.lines(id).await;
    assert!(lines.contains(&"to_approve @ given_up".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_server_that_is_slow_with_one_mail_holds_up_neither_the_others_nor_webhooks_nor_sessions() {
    let mut server = MailServer::start().await;
    let receiver = Receiver::start().await;
    let told =
        Notifications { webhooks: receiver.told(&NotificationKind::ALL).webhooks, ..mail_at(server.port) };
    let world = World::new(&told).await;
    world.change_user(&world.paula, address("slow@example.org")).await;
    let id = world.asked(0, 3_600).await;
    let app = world.app.clone();
    let sending = tokio::spawn(async move { chaperone_app::jobs::deliver_due(&app, Channel::Mail).await });
    let mut said = Vec::new();
    while said.len() < 4 {
        said.push(server.says().await);
    }
    assert_eq!(said.iter().filter(|said| said["held"].is_string()).count(), 1, "{said:?}");
    world.decide(&world.bert, id, StatusChange::Approve).await;
    let sent = chaperone_app::jobs::deliver_due(&world.app, Channel::Webhook).await;
    assert_eq!((sent.ok(), receiver.calls().len()), (Some(2), 2));
    server.let_go().await;
    assert_eq!(sending.await.expect("joined").ok(), Some(4));
    assert_eq!(server.mails(1).await[0].0, "slow@example.org");
}

#[tokio::test]
async fn somebody_who_was_deactivated_meanwhile_gets_nothing() {
    let mut server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    let id = world.asked(0, 3_600).await;
    world.change_user(&world.carla, UserChange { active: Some(false), ..Default::default() }).await;
    world.send().await;
    let to: Vec<String> = server.mails(3).await.into_iter().map(|(to, _)| to).collect();
    assert_eq!(to, ["anna@example.org", "bert@example.org", "paula@example.org"]);
    let lines = world.lines(id).await;
    assert!(lines.contains(&"to_approve carla@example.org given_up".to_owned()), "{lines:?}");
    // And of the next thing nothing is even written down for them.
    world.asked(3_600, 7_200).await;
    assert_eq!(world.send().await, 3);
}
