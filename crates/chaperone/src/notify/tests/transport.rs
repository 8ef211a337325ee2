//! The way to the mail server: protected, or nothing is sent.

use std::path::PathBuf;

use chaperone_domain::notification::NotificationState;

use super::mail_server::MailServer;
use super::world::{World, mail_at};
use crate::config::{Notifications, Secret, Security, Smtp};

/// A certificate for `localhost`, and who signed it.
const CERTIFICATES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../chaperone-gateway/tests/gateway/fixtures");

async fn server(security: &str, more: &[&str]) -> MailServer {
    let (certificate, key) = (format!("{CERTIFICATES}/target.pem"), format!("{CERTIFICATES}/target.key"));
    let mut arguments = vec!["--security", security, "--certificate", &certificate, "--key", &key];
    arguments.extend_from_slice(more);
    MailServer::with(&arguments).await
}

fn told(port: u16, security: Security, password: Option<&str>, known: bool) -> Notifications {
    let plain = mail_at(port).smtp.expect("a mail server");
    let credentials = password.map(|password| ("chaperone".to_owned(), Secret::of(password)));
    Notifications {
        ca_file: known.then(|| PathBuf::from(format!("{CERTIFICATES}/ca.pem"))),
        smtp: Some(Smtp { security, credentials, ..plain }),
        webhooks: Vec::new(),
    }
}

/// How the first mail went: its state, and what went wrong.
async fn sent(told: &Notifications) -> (NotificationState, String) {
    let world = World::new(told).await;
    let id = world.asked(0, 3_600).await;
    world.send().await;
    let first = world.told(id).await.remove(0).notification;
    (first.state, first.problem.unwrap_or_default())
}

#[tokio::test]
async fn mails_go_over_tls_from_the_first_byte() {
    let mut server = server("tls", &[]).await;
    let went = sent(&told(server.port, Security::Tls, None, true)).await;
    assert_eq!(went, (NotificationState::Sent, String::new()));
    assert_eq!(server.says().await["tls"], true);
}

#[tokio::test]
async fn mails_go_over_tls_after_starttls_with_the_password() {
    let mut server = server("starttls", &["--password", "open sesame"]).await;
    let went = sent(&told(server.port, Security::StartTls, Some("open sesame"), true)).await;
    assert_eq!(went, (NotificationState::Sent, String::new()));
    assert_eq!(server.says().await["tls"], true);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_tried_again_because_an_operator_can_mend_it() {
    let server = server("starttls", &["--password", "open sesame"]).await;
    let (state, problem) = sent(&told(server.port, Security::StartTls, Some("hidden"), true)).await;
    assert_eq!(state, NotificationState::Waiting);
    assert!(problem.contains("does not let Chaperone in (535)"), "{problem}");
    assert!(!problem.contains("hidden"), "{problem}");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    for (name, security) in [("tls", Security::Tls), ("starttls", Security::StartTls)] {
        let server = server(name, &[]).await;
        let (state, problem) = sent(&told(server.port, security, None, false)).await;
        assert_eq!(state, NotificationState::Waiting, "{name}");
        assert!(problem.contains("localhost"), "{name}: {problem}");
    }
}

#[tokio::test]
async fn a_server_that_offers_no_tls_gets_nothing() {
    let server = MailServer::start().await;
    let (state, problem) = sent(&told(server.port, Security::StartTls, Some("hidden"), true)).await;
    assert_eq!(state, NotificationState::Waiting);
    assert!(!problem.is_empty() && !problem.contains("hidden"), "{problem}");
}
