//! The process is killed at every step around the start and the end of a session. Started again over the same data, it
//! brings the session to where it was going and the account to where it belongs.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::client::{Call, NoAnswer};
use crate::demo::{change_status, privileged_account, reaches, request};
use crate::process::Demo;

/// On the way from approval to Active.
const STARTING: [&str; 6] = [
    "start.intended",
    "start.grant_intended",
    "forward.before_set",
    "forward.after_set",
    "start.proved",
    "status.written",
];
/// On the way from the administrator's *End* to Ended.
const ENDING: [&str; 5] =
    ["end.back_intended", "back.before_set", "back.after_set", "end.before_close", "end.released"];
/// In between.
const SWITCHING: &str = "switch.intended";
const OPENING: &str = "open.recording_begun";
const SEALING: &str = "seal.sealed";

/// Starts a demo that kills itself at this step.
async fn demo_that_dies_at(step: &str, data: &Path) -> Demo {
    Demo::start(data, &[("CHAPERONE_FAULT", step)], &[]).await
}

/// It has killed itself, and was not asked to end; a demo goes on over its data.
async fn dies_and_starts_again(demo: Demo, step: &str, data: &Path) -> Demo {
    let ended = demo.process.ended().await;
    assert_eq!(ended.status.signal(), Some(Signal::ABORT.as_raw()), "at {step}: {ended:?}");
    Demo::start(data, &[], &[]).await
}

/// Ends the session, and sees that all is as before: the account is back, and says why the session ended.
async fn ends_well(demo: Demo, session: &Value, step: &str) {
    let answered = change_status(&demo, session, "End").await;
    assert_eq!(answered, Ok(200), "after {step}");
    ended_well(&demo, session, step).await;
    demo.process.stopped().await;
}

async fn ended_well(demo: &Demo, session: &Value, step: &str) {
    let ended = reaches(demo, session, "Ended").await;
    assert_eq!(ended["end_reason"], "ended_by_administrator", "after {step}");
    assert_eq!(ended["not_back"], json!([]), "after {step}");
    let outcomes: Vec<&Value> =
        ended["grants"].as_array().expect("grants").iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes.len(), 1, "one grant, whatever was begun twice: after {step}");
    let account = privileged_account(demo).await;
    assert_eq!(
        (&account["state"], &account["expires_at"]),
        (&json!("disabled"), &Value::Null),
        "after {step}"
    );
}

/// A change of status after which the process may be gone before it answers.
async fn change_status_to_death(demo: &Demo, session: &Value, status: &str) {
    match change_status(demo, session, status).await {
        Ok(answered) => assert_eq!(answered, 200, "{status}"),
        Err(_gone) => {}
    }
}

#[tokio::test]
async fn killed_while_a_session_starts_it_starts_all_the_same() {
    for step in STARTING {
        let data = tempfile::tempdir().expect("a folder");
        let demo = demo_that_dies_at(step, data.path()).await;
        let session = request(&demo).await;
        change_status_to_death(&demo, &session, "Approve").await;
        let demo = dies_and_starts_again(demo, step, data.path()).await;
        reaches(&demo, &session, "Active").await;
        assert_eq!(privileged_account(&demo).await["state"], "enabled", "after {step}");
        ends_well(demo, &session, step).await;
    }
}

#[tokio::test]
async fn killed_while_a_session_ends_the_account_goes_back_all_the_same() {
    for step in ENDING {
        let data = tempfile::tempdir().expect("a folder");
        let demo = demo_that_dies_at(step, data.path()).await;
        let session = request(&demo).await;
        change_status_to_death(&demo, &session, "Approve").await;
        reaches(&demo, &session, "Active").await;
        change_status_to_death(&demo, &session, "End").await;
        let demo = dies_and_starts_again(demo, step, data.path()).await;
        ended_well(&demo, &session, step).await;
        demo.process.stopped().await;
    }
}

#[tokio::test]
async fn killed_while_the_account_is_switched_it_becomes_what_was_wished() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = demo_that_dies_at(SWITCHING, data.path()).await;
    let session = request(&demo).await;
    change_status_to_death(&demo, &session, "Approve").await;
    reaches(&demo, &session, "Active").await;
    let path = format!("/privileged-sessions/{}/account", session["id"].as_str().expect("an id"));
    let call = Call::api(Method::POST, &path).by(demo.of_role("system_administrator")[1]);
    let switched = call.json(&json!({"enabled": false})).send(demo.port).await;
    assert!(switched.is_err(), "it was killed before it could answer: {switched:?}");
    let demo = dies_and_starts_again(demo, SWITCHING, data.path()).await;
    let disabled = async {
        while privileged_account(&demo).await["state"] != "disabled" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::process::LIMIT, disabled).await.expect("switched after all");
    assert_eq!(reaches(&demo, &session, "Active").await["status"], "Active");
    ends_well(demo, &session, SWITCHING).await;
}

async fn open(demo: &Demo, session: &Value) -> Result<Value, NoAnswer> {
    let user = demo.of_role("user")[0];
    let mut browser = Browser::new(demo.port, demo.line["console_url"].as_str().expect("a console"));
    let password = user["password"].as_str().expect("a password");
    let signed_in = browser.sign_in(user["user_name"].as_str().expect("a name"), password).await.json();
    let csrf = signed_in["csrf_token"].as_str().expect("a token").to_owned();
    let path = format!("/privileged-sessions/{}/open", session["id"].as_str().expect("an id"));
    let answer = browser.change(&csrf, &path, &json!({"password": password, "consent": true})).await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(answer.json())
}

#[tokio::test]
async fn killed_while_a_recording_begins_or_is_sealed_the_next_start_goes_on() {
    let data = tempfile::tempdir().expect("a folder");
    let demo = demo_that_dies_at(OPENING, data.path()).await;
    let session = request(&demo).await;
    change_status_to_death(&demo, &session, "Approve").await;
    reaches(&demo, &session, "Active").await;
    open(&demo, &session).await.expect_err("it was killed before it could answer");
    let ended = demo.process.ended().await;
    assert_eq!(ended.status.signal(), Some(Signal::ABORT.as_raw()), "{ended:?}");

    let demo = demo_that_dies_at(SEALING, data.path()).await;
    let opened = open(&demo, &session).await.expect("opened, with a recording of its own");
    change_status_to_death(&demo, &session, "End").await;
    let demo = dies_and_starts_again(demo, SEALING, data.path()).await;
    let sealed = async {
        loop {
            let path = format!("/recordings/{}", opened["recording_id"].as_str().expect("an id"));
            let call = Call::api(Method::GET, &path).by(demo.of_role("auditor")[0]);
            if call.expect(demo.port, 200).await.json()["state"] == "sealed" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::process::LIMIT, sealed).await.expect("sealed after all");
    ended_well(&demo, &session, SEALING).await;
    demo.process.stopped().await;
}

/// Every named step in the app's sources.
fn named_steps(folder: &Path, steps: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            named_steps(&path, steps);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("read");
            let names = text.split("faults.reach(\"").skip(1).filter_map(|rest| rest.split('"').next());
            steps.extend(names.map(str::to_owned));
        }
    }
}

/// Steps at which the app's own tests stop the process's work and start it again.
const STOPPED_IN_PROCESS: [&str; 16] = [
    "again.back_intended",
    "back.stricter_intended",
    "event_stream.sent",
    "event_stream.taken",
    "export.file_written",
    "export.manifest_written",
    "export.taken",
    "extend.written",
    "hold.observed",
    "import.page",
    "lease.taken",
    "notification.sent",
    "notification.taken",
    "retention.recording_destroyed",
    "retention.recording_given_up",
    "retention.rows_deleted",
];

#[test]
fn no_named_step_is_left_out_here() {
    let mut named = BTreeSet::new();
    named_steps(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../chaperone-app/src")), &mut named);
    let mut killed: BTreeSet<String> =
        STARTING.iter().chain(&ENDING).map(|step| (*step).to_owned()).collect();
    killed.extend([SWITCHING, OPENING, SEALING].map(str::to_owned));
    killed.extend(STOPPED_IN_PROCESS.map(str::to_owned));
    assert_eq!(named, killed);
}
