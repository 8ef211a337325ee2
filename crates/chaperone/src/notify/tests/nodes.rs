//! Several nodes, and nodes that die: at least once, under one id, never side by side.

use chaperone_app::faults::Faults;
use chaperone_app::jobs::deliver_due;
use chaperone_app::users::UserChange;
use chaperone_domain::notification::{Channel, NotificationState};

use super::mail_server::MailServer;
use super::world::{World, mail_at};

#[tokio::test]
async fn a_node_that_dies_between_sending_and_storing_leaves_a_mail_that_is_sent_again_under_the_same_id() {
    let mut server = MailServer::start().await;
    let told = mail_at(server.port);
    let world = World::new(&told).await;
    let id = world.asked(0, 3_600).await;
    let dying = Faults::new(|step| {
        if step == "notification.sent" {
            std::panic::panic_any("killed");
        }
    });
    let node = world.node(&told, dying).await;
    assert_eq!(deliver_due(&node, Channel::Mail).await.ok(), Some(4));
    let first = server.mails(4).await;
    assert!(world.told(id).await.iter().all(|view| view.notification.state == NotificationState::Waiting));
    assert_eq!(world.send().await, 0, "still the dead node's");
    world.forward(60);
    assert_eq!(world.send().await, 4);
    let ids = |mails: &[(String, String)]| -> Vec<String> {
        let id_of = |text: &str| text.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
        mails.iter().map(|(_, text)| id_of(text).expect("an id")).collect()
    };
    let second = server.mails(4).await;
    assert_eq!(ids(&second), ids(&first));
    assert!(world.told(id).await.iter().all(|view| view.notification.state == NotificationState::Sent));
}

#[tokio::test]
async fn a_node_that_dies_before_sending_leaves_a_mail_that_is_sent_once() {
    let mut server = MailServer::start().await;
    let told = mail_at(server.port);
    let world = World::new(&told).await;
    world.asked(0, 3_600).await;
    let dying = Faults::new(|step| {
        if step == "notification.taken" {
            std::panic::panic_any("killed");
        }
    });
    let node = world.node(&told, dying).await;
    assert_eq!(deliver_due(&node, Channel::Mail).await.ok(), Some(4));
    world.forward(60);
    assert_eq!(world.send().await, 4);
    assert_eq!(server.mails(4).await.len(), 4);
}

#[tokio::test]
async fn what_one_node_is_sending_no_other_node_sends() {
    let mut server = MailServer::start().await;
    let told = mail_at(server.port);
    let world = World::new(&told).await;
    let slow = UserChange { email: Some("slow@example.org".to_owned()), ..Default::default() };
    world.change_user(&world.paula, slow).await;
    let id = world.asked(0, 3_600).await;
    let (one, two) = (world.node(&told, Faults::none()).await, world.node(&told, Faults::none()).await);
    let sending = tokio::spawn(async move { deliver_due(&one, Channel::Mail).await });
    let mut said = Vec::new();
    while said.len() < 4 {
        said.push(server.says().await);
    }
    assert!(said.iter().any(|said| said["held"] == "slow@example.org"), "{said:?}");
    world.forward(59);
    assert_eq!(deliver_due(&two, Channel::Mail).await.ok(), Some(0));
    server.let_go().await;
    assert_eq!(sending.await.expect("joined").ok(), Some(4));
    assert_eq!(server.mails(1).await[0].0, "slow@example.org");
    assert!(world.told(id).await.iter().all(|view| view.notification.attempt == 1));
}
