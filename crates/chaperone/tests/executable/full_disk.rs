//! A disk without any room: what was acknowledged stays, nothing is done that cannot be written down first, and once
//! there is room everything goes where it should.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::client::Call;
use crate::clock::from_now;
use crate::office::Office;
use crate::process::{Installation, Process};
use crate::roles::Roles;

/// Longer than everything that is due while the disk is full.
const FULL_FOR: Duration = Duration::from_secs(6);

async fn served(installation: &Installation) -> (Process, u16) {
    let config = installation.config().display().to_string();
    let mut process = Process::start_shielded(&["serve", "--config", &config], &[]);
    let port = process.listens().await;
    (process, port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_acknowledged_is_lost_and_accounts_go_where_they_should_once_there_is_room() {
    let Some(roles) = Roles::new().await else { return };
    let (starts, ends) = (roles.add("starts", "NOLOGIN").await, roles.add("ends", "NOLOGIN").await);
    let installation = Installation::with_password("");
    let (process, port) = served(&installation).await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let before = (roles.role(&starts).await, roles.role(&ends).await);
    let ending = office.approved(port, &accounts[&ends], &from_now(0), &from_now(6_000)).await;
    office.reaches(port, &ending, "Active").await;
    let starting = office.approved(port, &accounts[&starts], &from_now(3_000), &from_now(60_000)).await;
    let held = roles.role(&ends).await;
    assert!(held.login && held.valid_until.is_some(), "the account's own end holds without us too: {held:?}");

    process.limit_files("0").await;
    let content = json!({
        "account_id": accounts[&starts]["id"], "target_ids": [office.roles_target], "starts_at": from_now(600_000),
        "ends_at": from_now(700_000), "reason": "never kept", "recording_notice_acknowledged": true,
    });
    let refused =
        Call::api(Method::POST, "/privileged-sessions").by(&office.owner).json(&content).send(port).await;
    let refused = refused.expect("an answer, and no silence");
    assert!(refused.status >= 500, "{}", refused.text());
    let not_ready = Call::get("console.localhost", "/readyz").expect(port, 503).await;
    assert!(not_ready.text().contains("nothing can be stored"), "{}", not_ready.text());
    tokio::time::sleep(FULL_FOR).await;
    assert_eq!(roles.role(&starts).await, before.0, "its time is there, and the intent could not be written");
    assert_eq!(roles.role(&ends).await, held, "its end is over, and the intent could not be written");

    process.limit_files("unlimited").await;
    office.reaches(port, &starting, "Active").await;
    let ended = office.reaches(port, &ending, "Ended").await;
    assert_eq!((&ended["end_reason"], &ended["not_back"]), (&json!("completed"), &json!([])));
    assert!(roles.role(&starts).await.login);
    assert_eq!(roles.role(&ends).await, before.1);
    let all = office.get(port, "/privileged-sessions?limit=500").await;
    assert_eq!(all["items"].as_array().expect("sessions").len(), 2, "what was refused is not there");
    office.change_status(port, &starting, "End").await;
    office.reaches(port, &starting, "Ended").await;
    assert_eq!(roles.role(&starts).await, before.0);
    process.stopped().await;
    roles.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_a_full_disk_it_says_why_it_cannot_start_and_brings_the_account_back_once_there_is_room() {
    let Some(roles) = Roles::new().await else { return };
    let name = roles.add("killed", "NOLOGIN").await;
    let installation = Installation::with_password("");
    let (process, port) = served(&installation).await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let before = roles.role(&name).await;
    let session = office.approved(port, &accounts[&name], &from_now(0), &from_now(3_000)).await;
    office.reaches(port, &session, "Active").await;
    process.limit_files("0").await;
    process.killed().await;

    let config = installation.config().display().to_string();
    let full = Process::start_on_a_full_disk(&["serve", "--config", &config], &[]).ended().await;
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(full.err.contains("chaperone: "), "{}", full.err);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let (process, port) = served(&installation).await;
    office.reaches(port, &session, "Ended").await;
    assert_eq!(roles.role(&name).await, before);
    process.stopped().await;
    roles.remove().await;
}
