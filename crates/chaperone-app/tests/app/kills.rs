//! The process is stopped at every step of start and end; started again, it brings everything to the same end.

use std::sync::{Arc, Mutex};

use chaperone_app::faults::Faults;
use chaperone_app::jobs;
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_domain::account::AccountState;
use chaperone_domain::directory::ImportState;
use chaperone_domain::grant::Wish;
use chaperone_domain::privileged_session::Status;

use crate::world::World;

/// Runs a session from its start to its end, stopping at the step of that number in that phase.
async fn run(stop_at: Option<usize>, wish: Wish) -> Vec<&'static str> {
    let mut world = World::new().await;
    let before = world.account_now().await;
    let id = world.approved(60, 600, wish).await.session.id;
    let reached = Arc::new(Mutex::new(Vec::new()));
    let seen = reached.clone();
    let faults = Faults::new(move |step| {
        let mut seen = seen.lock().expect("not poisoned");
        seen.push(step);
        if Some(seen.len()) == stop_at {
            drop(seen);
            std::panic::panic_any("killed");
        }
    });
    world.restart(faults).await;
    for (forward_s, wanted) in [(60, Status::Active), (600, Status::Ended)] {
        world.clock.forward(forward_s);
        let app = world.app.clone();
        // A step that stops takes its task with it; the look itself goes on without it.
        tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
        let stopped = Some(reached.lock().expect("not poisoned").len()) == stop_at;
        if stopped {
            world.restart(Faults::none()).await;
        }
        world.process().await;
        assert_eq!(world.session(id).await.session.status(), wanted, "stopped at {stop_at:?}");
        let account = world.account_now().await;
        let expected = if wanted == Status::Active { wish.desired(before.state) } else { before.state };
        assert_eq!(account.state, expected, "stopped at {stop_at:?}");
    }
    let after = world.account_now().await;
    assert_eq!((after.state, after.expires_at), (before.state, before.expires_at));
    reached.lock().expect("not poisoned").clone()
}

#[tokio::test]
async fn stopped_at_any_step_the_session_still_starts_and_the_account_still_goes_back() {
    let steps = run(None, Wish::Enable).await;
    for needed in [
        "start.intended",
        "start.grant_intended",
        "forward.before_set",
        "forward.after_set",
        "start.proved",
        "end.back_intended",
        "back.before_set",
        "back.after_set",
        "end.before_close",
        "end.released",
    ] {
        assert!(steps.contains(&needed), "{needed} is not reached: {steps:?}");
    }
    for stop_at in 1..=steps.len() {
        let reached = run(Some(stop_at), Wish::Enable).await;
        assert_eq!(reached.last(), steps.get(stop_at - 1), "stopped there and nowhere else");
    }
}

#[tokio::test]
async fn an_account_that_nobody_wants_changed_is_not_touched() {
    let steps = run(None, Wish::None).await;
    assert!(!steps.contains(&"forward.before_set") && !steps.contains(&"back.before_set"), "{steps:?}");
}

/// Stops at a step by its name.
fn stop_at(name: &'static str) -> Faults {
    Faults::new(move |step| {
        if step == name {
            std::panic::panic_any("killed");
        }
    })
}

#[tokio::test]
async fn stopped_after_an_extension_is_written_the_account_still_follows_it_and_goes_back() {
    let mut world = World::new().await;
    let before = world.account_now().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let end = world.clock.after(1_200);
    let op = world.op(&world.paula);
    world.app.extend_privileged_session(&op, id, end, "not done", None).await.expect("asked");
    world.restart(stop_at("extend.written")).await;
    let (app, op) = (world.app.clone(), world.op(&world.bert));
    let decided =
        tokio::spawn(async move { app.change_status(&op, id, StatusChange::Approve, "", None).await });
    assert!(decided.await.is_err(), "stopped");
    world.restart(Faults::none()).await;
    world.process().await;
    let session = world.session(id).await.session;
    assert_eq!((session.status(), session.window.ends_at()), (Status::Active, end));
    let account = world.account_now().await;
    assert_eq!((account.state, account.expires_at), (AccountState::Enabled, Some(end)));
    world.clock.forward(1_200);
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Ended);
    let after = world.account_now().await;
    assert_eq!((after.state, after.expires_at), (before.state, before.expires_at));
}

#[tokio::test]
async fn stopped_after_a_page_of_an_import_it_goes_on_to_its_end() {
    let mut world = World::new().await;
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(root.path().join("etc")).expect("made");
    std::fs::write(root.path().join("etc/passwd"), "ops:x:1500:1500::/home/ops:/bin/sh\n").expect("written");
    std::fs::write(root.path().join("etc/shadow"), "ops:*:20000:0:99999:7:::\n").expect("written");
    let settings = serde_json::json!({"kind": "linux", "root": root.path()});
    let settings = serde_json::from_value(settings).expect("settings");
    let op = world.op(&world.anna);
    // Without the rights to read accounts there is nothing to import.
    let Ok(directory) = world.app.create_directory(&op, "Jumphost", settings).await else { return };
    let id = directory.directory.id;
    world.app.start_import(&op, id).await.expect("begun");
    world.restart(stop_at("import.page")).await;
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(world.app.clone(), shutdown));
    let import = loop {
        let import = world.app.directory(&op, id).await.expect("there").import.expect("begun");
        if import.seen > 0 {
            break import;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    running.abort();
    assert_eq!(import.state, ImportState::Running);
    world.restart(Faults::none()).await;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(world.app.clone(), shutdown));
    let import = loop {
        let import = world.app.directory(&op, id).await.expect("there").import.expect("begun");
        if import.state != ImportState::Running {
            break import;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    stop.send_replace(true);
    running.await.expect("ended");
    assert_eq!((import.state, import.added, import.problem), (ImportState::Done, 1, None));
}
