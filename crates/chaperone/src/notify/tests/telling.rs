//! What is told in the life of a session, once each.

use chaperone_app::jobs::tell_by_time;
use chaperone_app::privileged_sessions::StatusChange;

use super::mail_server::MailServer;
use super::world::{World, mail_at};

#[tokio::test]
async fn the_user_is_told_of_every_turn_of_their_session_and_each_once() {
    let mut server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    let id = world.asked(3_600, 7_200).await;
    world.decide(&world.bert, id, StatusChange::Approve).await;
    let steps = [3_600 - 901, 1, 1, 899, 2_699, 1, 1, 899, 1];
    for seconds in steps {
        world.forward(seconds);
        tell_by_time(&world.app).await.expect("told");
        tell_by_time(&world.app).await.expect("told");
        world.process().await;
        world.send().await;
    }
    let told: Vec<(&str, String)> = world
        .told(id)
        .await
        .iter()
        .filter(|view| view.notification.recipient == Some(world.paula.id))
        .map(|view| (view.notification.kind.name(), view.notification.created_at.to_string()))
        .collect();
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["to_approve", "approved", "starts_soon", "started", "ends_soon", "ended"], "{told:?}");
    assert_eq!(told[2].1, "2026-09-21T14:58:20Z", "a quarter of an hour before 15:13:20");
    assert_eq!(told[4].1, "2026-09-21T15:58:20Z", "a quarter of an hour before 16:13:20");
    // To approve: four; the others: Bert who approved and Paula.
    let mails = server.mails(4 + 5 * 2).await;
    let last = mails.iter().find(|(_, text)| text.contains("Subject: Ended: erp-admin for paula"));
    assert!(last.expect("told").1.contains("is over: its time was up."));
}

#[tokio::test]
async fn a_session_that_was_rejected_tells_its_requester_what_was_said() {
    let mut server = MailServer::start().await;
    let world = World::new(&mail_at(server.port)).await;
    let id = world.asked(3_600, 7_200).await;
    world.send().await;
    server.mails(4).await;
    let op = world.op(&world.carla);
    let said = "Not at month end; ask again on Monday.";
    world.app.change_status(&op, id, StatusChange::Reject, said, None).await.expect("rejected");
    assert_eq!(world.send().await, 1);
    let mails = server.mails(1).await;
    assert_eq!(mails[0].0, "paula@example.org");
    assert!(mails[0].1.contains(&format!("Said:        {said}")), "{}", mails[0].1);
}

#[tokio::test]
async fn where_nothing_is_configured_nothing_is_written_down() {
    let world = World::new(&Default::default()).await;
    let id = world.asked(0, 3_600).await;
    world.decide(&world.bert, id, StatusChange::Approve).await;
    world.process().await;
    tell_by_time(&world.app).await.expect("told");
    assert!(world.told(id).await.is_empty());
}
