//! The first start, the key, the data folder, and the way back in for whoever lost the password.

use std::os::unix::fs::PermissionsExt as _;

use http::Method;
use serde_json::json;

use crate::client::{Answer, Call};
use crate::process::{Installation, PASSWORD};

async fn sign_in(port: u16, user_name: &str, password: &str) -> Answer {
    let content = json!({"user_name": user_name, "password": password});
    Call::api(Method::POST, "/sign-in").json(&content).send(port).await.expect("an answer")
}

/// The one-time password in what was said: four groups of five.
fn one_time_password(said: &str) -> String {
    let looks_like = |word: &&str| {
        let groups: Vec<&str> = word.split('-').collect();
        groups.len() == 4 && groups.iter().all(|group| group.len() == 5)
    };
    said.split_whitespace().find(looks_like).unwrap_or_else(|| panic!("no password in {said}")).to_owned()
}

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_prints_a_password_once_and_it_opens_the_console() {
    let installation = Installation::new("");
    let (mut process, port) = installation.serve().await;
    let password = one_time_password(&process.says("with the password").await);
    assert_eq!(sign_in(port, "admin", "something-else").await.status, 401);
    let answer = sign_in(port, "admin", &password).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["user"]["password_must_change"], true);
    let ended = process.stopped().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.err.matches(&password).count(), 1, "printed once, and in no log");
    assert!(!ended.out.contains(&password));

    let (process, port) = installation.serve().await;
    assert_eq!(sign_in(port, "admin", &password).await.status, 200, "it stays until it is changed");
    let ended = process.stopped().await;
    assert!(!ended.err.contains("with the password"), "{}", ended.err);
}

#[tokio::test]
async fn the_first_password_may_come_from_a_file() {
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    assert_eq!(sign_in(port, "admin", PASSWORD).await.status, 200);
    let ended = process.stopped().await;
    assert!(!ended.err.contains(PASSWORD) && !ended.err.contains("with the password"), "{}", ended.err);
}

#[tokio::test]
async fn key_and_data_are_for_our_user_only() {
    let installation = Installation::new("");
    let (process, _) = installation.serve().await;
    assert_eq!(mode(&installation.key()), 0o600);
    assert_eq!(mode(&installation.data()), 0o700);
    process.stopped().await;
}

#[tokio::test]
async fn data_without_its_key_is_not_opened() {
    let installation = Installation::new("");
    installation.serve().await.0.stopped().await;
    let key = std::fs::read_to_string(installation.key()).expect("read");

    std::fs::remove_file(installation.key()).expect("removed");
    let ended = installation.start().ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("is missing, and there is data"), "{ended:?}");
    assert!(!installation.key().exists(), "none is made up");

    let other = key.replace(|digit: char| digit.is_ascii_digit(), "a");
    std::fs::write(installation.key(), other).expect("written");
    std::fs::set_permissions(installation.key(), std::fs::Permissions::from_mode(0o600)).expect("set");
    let ended = installation.start().ended().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("the master key is another one"), "{ended:?}");

    std::fs::write(installation.key(), key).expect("written");
    installation.serve().await.0.stopped().await;
}

#[tokio::test]
async fn one_process_has_the_data() {
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    let second = installation.start().ended().await;
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(second.err.contains("another chaperone uses the data folder"), "{second:?}");
    let reset = installation.reset_password("admin").await;
    assert!(reset.err.contains("another chaperone uses the data folder"), "{reset:?}");
    assert_eq!(sign_in(port, "admin", PASSWORD).await.status, 200, "the first goes on");

    process.killed().await;
    let (process, port) = installation.serve().await;
    assert_eq!(sign_in(port, "admin", PASSWORD).await.status, 200, "a killed process holds nothing");
    process.stopped().await;
}

#[tokio::test]
async fn a_lost_password_is_replaced_on_the_machine_itself() {
    let installation = Installation::with_password("");
    let before = installation.reset_password("admin").await;
    assert!(before.err.contains("there is no data"), "{before:?}");
    assert!(!installation.data().exists(), "nothing was begun");

    let (process, port) = installation.serve().await;
    let signed_in = sign_in(port, "admin", PASSWORD).await;
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    Call::api(Method::GET, "/me").header("cookie", &cookie).expect(port, 200).await;
    process.stopped().await;

    let unknown = installation.reset_password("nobody").await;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(unknown.err.contains("there is no user nobody"), "{unknown:?}");
    let reset = installation.reset_password("admin").await;
    assert!(reset.status.success(), "{reset:?}");
    let password = one_time_password(&reset.out);

    let (process, port) = installation.serve().await;
    assert_eq!(sign_in(port, "admin", PASSWORD).await.status, 401, "the old one is over");
    Call::api(Method::GET, "/me").header("cookie", &cookie).expect(port, 401).await;
    let answer = sign_in(port, "admin", &password).await;
    assert_eq!(answer.json()["user"]["password_must_change"], true, "{}", answer.text());
    process.stopped().await;
}
