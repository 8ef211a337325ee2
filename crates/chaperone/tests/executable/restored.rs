//! A backup that is put back: the rows are older than the world, so the world is looked at before anybody is served, and
//! accounts are brought back although the rows know nothing of it.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::clock::from_now;
use crate::office::Office;
use crate::process::{Installation, Process};
use crate::roles::Roles;
use crate::wire::{Way, Wire};

/// Long enough for a start that does not wait to be over.
const WELL_STARTED: Duration = Duration::from_secs(3);

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("an entry");
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).expect("copied");
        }
    }
}

/// Copies the data at one moment, as a snapshot does.
fn back_up(process: &Process, installation: &Installation) {
    process.signal(Signal::STOP);
    copy(&installation.data(), &installation.path("backup"));
    process.signal(Signal::CONT);
}

/// Puts the copy back in place of the data.
fn put_back(installation: &Installation) {
    std::fs::remove_dir_all(installation.data()).expect("removed");
    copy(&installation.path("backup"), &installation.data());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_active_session_serves_nobody_before_its_accounts_were_seen() {
    let Some(roles) = Roles::new().await else { return };
    let name = roles.add("was_active", "NOLOGIN").await;
    let before = roles.role(&name).await;
    let wire = Wire::to(roles.port).await;
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    let office = Office::set_up(port, roles.settings(wire.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let session = office.approved(port, &accounts[&name], &from_now(0), &from_now(20_000)).await;
    office.reaches(port, &session, "Active").await;
    back_up(&process, &installation);
    // The session ends and the account goes back: the copy does not know it.
    office.change_status(port, &session, "End").await;
    office.reaches(port, &session, "Ended").await;
    assert_eq!(roles.role(&name).await, before);
    process.stopped().await;
    put_back(&installation);

    wire.set(Way::Holds);
    let mut process = installation.start();
    process.says("before anybody is served").await;
    wire.asked().await;
    tokio::time::sleep(WELL_STARTED).await;
    assert!(!process.said().contains("listening"), "{}", process.said());
    wire.set(Way::Passes);
    let port = process.listens().await;
    let account =
        office.get(port, &format!("/accounts/{}", accounts[&name]["id"].as_str().expect("an id"))).await;
    assert_eq!(account["state"], "disabled", "known from the first answer on: {account}");
    assert_eq!(account["drift"]["expected"], "enabled", "and told: {account}");
    let ended = office.reaches(port, &session, "Ended").await;
    assert_eq!((&ended["end_reason"], &ended["not_back"]), (&json!("completed"), &json!([])));
    assert_eq!(roles.role(&name).await, before, "what is closed is not opened again");
    process.stopped().await;
    roles.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_an_active_session_that_is_over_brings_its_account_back() {
    let Some(roles) = Roles::new().await else { return };
    let name = roles.add("is_over", "NOLOGIN VALID UNTIL '2126-01-01 00:00:00+00'").await;
    let before = roles.role(&name).await;
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let session = office.approved(port, &accounts[&name], &from_now(0), &from_now(4_000)).await;
    office.reaches(port, &session, "Active").await;
    back_up(&process, &installation);
    process.killed().await;
    put_back(&installation);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(roles.role(&name).await.login);
    let (process, port) = installation.serve().await;
    office.reaches(port, &session, "Ended").await;
    assert_eq!(roles.role(&name).await, before);
    process.stopped().await;
    roles.remove().await;
}

/// A copy made before the start, put back while the session runs or when its time is over.
async fn copied_before_the_start(put_back_after: Duration, status: &str) {
    let Some(roles) = Roles::new().await else { return };
    let name = roles.add("unknown", "NOLOGIN").await;
    let before = roles.role(&name).await;
    let installation = Installation::with_password("");
    let (process, port) = installation.serve().await;
    let office = Office::set_up(port, roles.settings(roles.port)).await;
    let accounts = office.import(port, &roles.prefix).await;
    let session = office.approved(port, &accounts[&name], &from_now(2_000), &from_now(9_000)).await;
    back_up(&process, &installation);
    office.reaches(port, &session, "Active").await;
    process.killed().await;
    assert!(roles.role(&name).await.login, "open, and no row knows it");
    put_back(&installation);
    tokio::time::sleep(put_back_after).await;
    let (process, port) = installation.serve().await;
    let over = office.reaches(port, &session, status).await;
    assert_eq!(over["grants"].as_array().expect("grants").len(), 1, "{over}");
    assert_eq!(over["grants"][0]["outcome"], "restored", "{over}");
    assert_eq!(roles.role(&name).await, before, "brought back although the rows knew nothing of it");
    process.stopped().await;
    roles.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_before_the_start_brings_the_account_back_at_the_sessions_end() {
    copied_before_the_start(Duration::ZERO, "Ended").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_before_the_start_brings_the_account_back_when_the_session_is_over() {
    copied_before_the_start(Duration::from_secs(9), "Failed").await;
}
