//! What went wrong in comparable products, as far as it is about accounts. Others of the list are told where they
//! belong: overlapping grants in `sessions`, a reboot in the middle in `kills`.

use chaperone_app::faults::Faults;
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::{AppError, jobs};
use chaperone_domain::account::Account;
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::{Attributes, GrantOutcome, LEASE, RETRY_MAX, Wish};
use chaperone_domain::ids::{AccountId, PrivilegedSessionId};
use chaperone_domain::privileged_session::{EndReason, Status};

use crate::elsewhere::Next;
use crate::world::{ROOT, World, settings};

const OFF: Attributes = Attributes { state: Disabled, expires_at: None };

async fn status(world: &World, id: PrivilegedSessionId) -> Status {
    world.session(id).await.session.status()
}

async fn active(world: &World) -> PrivilegedSessionId {
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    assert_eq!(status(world, id).await, Status::Active);
    id
}

#[tokio::test]
async fn a_revoke_that_only_looks_done_is_not_called_done() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    world.elsewhere.reachable(false);
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    for _ in 0..5 {
        world.process().await;
        assert_eq!(status(&world, id).await, Status::Ending, "the account is open still");
        world.clock.forward(30);
    }
    world.elsewhere.reachable(true);
    world.clock.forward(RETRY_MAX.as_secs());
    world.process().await;
    assert_eq!((status(&world, id).await, world.elsewhere.account()), (Status::Ended, OFF));
}

#[tokio::test]
async fn a_way_back_that_only_looks_done_is_made_until_it_is_seen() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    world.elsewhere.next(Next::OnlyLooksDone);
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.process().await;
    assert_eq!((status(&world, id).await, world.elsewhere.account()), (Status::Ended, OFF));
    assert_eq!(world.elsewhere.sets(), 2, "there and back");
}

#[tokio::test]
async fn a_start_that_only_looks_done_is_not_active() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.elsewhere.next(Next::OnlyLooksDone);
    world.process().await;
    assert_eq!(status(&world, id).await, Status::Active);
    assert_eq!(world.elsewhere.account().state, Enabled, "active is what was seen");
}

/// Another account of the same directory and owner that no session asks for.
fn foreign(account: &Account) -> Account {
    Account {
        id: AccountId::new(uuid::Uuid::from_u128(79)),
        external_id: "2".to_owned(),
        name: "erp-admin-2".to_owned(),
        ..account.clone()
    }
}

#[tokio::test]
async fn foreign_accounts_are_never_changed() {
    let world = World::elsewhere(OFF).await;
    let here = world.account_now().await;
    world.imported(&foreign(&here)).await;
    let id = active(&world).await;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(world.app.clone(), shutdown));
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    while status(&world, id).await != Status::Ended {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    running.await.expect("ended");
    let of_the_session = world.session(id).await;
    assert_eq!(of_the_session.grants.len(), 1);
    assert_eq!(of_the_session.grants[0].0.account_id, here.id, "its own account and no other");
    let touched = world.elsewhere.touched();
    assert_eq!(touched.len(), 3, "opened, closed, and what ran was ended: {touched:?}");
    assert!(touched.iter().all(|id| *id == here.external_id), "{touched:?}");
    let op = world.op(&world.anna);
    let everything = world.app.accounts(&op, Default::default(), chaperone_store::Page::first(100));
    for account in everything.await.expect("accounts").items {
        assert_eq!((account.expires_at, account.drift), (None, None), "{}", account.name);
    }
}

#[tokio::test]
async fn a_removal_under_a_live_session_is_refused_and_names_the_session() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    let refused = world.app.remove_directory(&world.op(&world.anna), world.account.directory_id).await;
    let said = refused.expect_err("refused").to_string();
    assert!(said.contains(&id.to_string()), "{said}");
    assert_eq!(status(&world, id).await, Status::Active);
}

#[tokio::test]
async fn an_account_that_is_removed_under_a_live_session_ends_it() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    world
        .elsewhere
        .others(Attributes { state: chaperone_domain::account::AccountState::Absent, expires_at: None });
    jobs::steps::watch(&world.app).await.expect("looked");
    world.process().await;
    let view = world.session(id).await;
    assert_eq!(
        (view.session.status(), view.session.end_reason, view.grants[0].0.outcome),
        (Status::Ended, Some(EndReason::AccountRemoved), Some(GrantOutcome::Absent))
    );
}

#[tokio::test]
async fn trying_again_is_endless_and_never_silent() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    world.elsewhere.reachable(false);
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    for _ in 0..30 {
        world.process().await;
        world.clock.forward(RETRY_MAX.as_secs());
    }
    let grant = world.session(id).await.grants[0].0.clone();
    assert!(grant.attempt >= 30, "{grant:?}");
    assert!(grant.problem.is_some_and(|problem| problem.contains("does not answer")));
    let log = world.app.account_log(&world.op(&world.anna), id).await.expect("a log");
    let back = log.last().expect("an entry");
    assert!(back.failed_attempts >= 30 && back.problem.is_some() && back.verified_at.is_none(), "{back:?}");
}

#[tokio::test]
async fn a_crash_leaves_no_session_without_its_end() {
    for step in ["end.back_intended", "back.before_set", "back.after_set", "end.before_close", "end.released"]
    {
        let mut world = World::elsewhere(OFF).await;
        let id = active(&world).await;
        world.clock.forward(600);
        let faults = Faults::new(move |reached| {
            if reached == step {
                std::panic::panic_any("stopped");
            }
        });
        world.restart(faults).await;
        let app = world.app.clone();
        tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
        world.restart(Faults::none()).await;
        world.clock.forward(LEASE.as_secs());
        world.process().await;
        let log = world.app.audit_log(&world.op(&world.anna), id).await.expect("a log");
        let ends = log.iter().filter(|entry| entry.to_status.as_deref() == Some("Ended")).count();
        assert_eq!((ends, world.elsewhere.account()), (1, OFF), "stopped at {step}");
    }
}

#[tokio::test]
async fn settings_that_change_during_a_session_do_not_keep_its_account_open() {
    let world = World::elsewhere(OFF).await;
    let id = active(&world).await;
    let (op, directory) = (world.op(&world.anna), world.account.directory_id);
    let change = async |name: Option<&str>, root: &str| {
        let to = Some(settings(root));
        world.app.change_directory(&op, directory, name.map(str::to_owned), to, None).await
    };
    change(Some("Renamed"), ROOT).await.expect("the same system");
    let other = format!("{ROOT}/other");
    let refused = change(None, &other).await.expect_err("refused");
    assert!(matches!(refused, AppError::Refused { name: "system-fixed", .. }), "{refused:?}");
    assert!(refused.to_string().contains(&format!("belong to linux {ROOT}.")), "{refused}");
    world.clock.forward(600);
    world.process().await;
    assert_eq!((status(&world, id).await, world.elsewhere.account()), (Status::Ended, OFF));
    assert!(change(None, &other).await.is_err(), "what is known of its accounts is known of that system");
}

#[tokio::test]
async fn a_directory_is_pointed_at_another_system_as_long_as_it_has_no_accounts() {
    let world = World::elsewhere(OFF).await;
    let op = world.op(&world.anna);
    let root = |name: &str| settings(&format!("{ROOT}/{name}"));
    let added = world.app.create_directory(&op, "Another", root("mistyped")).await.expect("added");
    let id = added.directory.id;
    let changed = world.app.change_directory(&op, id, None, Some(root("right")), None).await;
    assert_eq!(changed.expect("changed").settings, Some(root("right")));

    // An account that comes in while the connection is tested counts.
    world.elsewhere.sleep_at_the_probe();
    let (app, tx_op, to) = (world.app.clone(), op.clone(), root("late"));
    let late = tokio::spawn(async move { app.change_directory(&tx_op, id, None, Some(to), None).await });
    world.elsewhere.asleep().await;
    world.imported(&Account { directory_id: id, ..foreign(&world.account) }).await;
    world.elsewhere.go_on();
    let refused = late.await.expect("joined").expect_err("refused");
    assert!(matches!(refused, AppError::Refused { name: "system-fixed", .. }), "{refused:?}");
    let now = world.app.directory(&op, id).await.expect("there");
    assert_eq!((now.settings, now.directory.version), (Some(root("right")), 2));
}

#[tokio::test]
async fn a_directory_whose_import_goes_on_is_not_pointed_at_another_system() {
    let world = World::elsewhere(OFF).await;
    let op = world.op(&world.anna);
    let here = settings(&format!("{ROOT}/empty"));
    let id = world.app.create_directory(&op, "Empty", here.clone()).await.expect("added").directory.id;
    world.app.start_import(&op, id).await.expect("begun");
    let to = settings(&format!("{ROOT}/other"));
    let refused = world.app.change_directory(&op, id, None, Some(to), None).await.expect_err("refused");
    assert!(matches!(refused, AppError::Refused { name: "import-running", .. }), "{refused:?}");
    let kept = world.app.change_directory(&op, id, Some("Renamed".to_owned()), Some(here), None).await;
    assert_eq!(kept.expect("changed").directory.name, "Renamed");
}

#[tokio::test]
async fn many_sessions_that_start_together_all_start_and_share_what_they_share() {
    let world = World::elsewhere(OFF).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.approved(60, 600, Wish::Enable).await.session.id);
    }
    world.clock.forward(60);
    for _ in 0..3 {
        world.process().await;
    }
    for id in &ids {
        assert_eq!(status(&world, *id).await, Status::Active);
    }
    assert_eq!(world.elsewhere.sets(), 1);
    world.clock.forward(600);
    for _ in 0..3 {
        world.process().await;
    }
    for id in &ids {
        assert_eq!(status(&world, *id).await, Status::Ended);
    }
    assert_eq!(world.elsewhere.account(), OFF);
}

#[tokio::test]
async fn a_request_does_not_expire_before_its_own_start() {
    let world = World::new().await;
    let id = world.approved(7 * 24 * 3_600, 7 * 24 * 3_600 + 600, Wish::Enable).await.session.id;
    world.clock.forward(7 * 24 * 3_600 - 1);
    world.process().await;
    assert_eq!(status(&world, id).await, Status::Approved);
    world.clock.forward(1);
    world.process().await;
    assert_eq!(status(&world, id).await, Status::Active);
}

#[tokio::test]
async fn of_two_requests_that_are_approved_seconds_apart_none_is_lost() {
    let world = World::new().await;
    let first = world.approved(10, 600, Wish::Enable).await.session.id;
    world.clock.forward(2);
    let second = world.approved(8, 598, Wish::Enable).await.session.id;
    world.clock.forward(10);
    for _ in 0..2 {
        world.process().await;
    }
    assert_eq!((status(&world, first).await, status(&world, second).await), (Status::Active, Status::Active));
    world.clock.forward(600);
    for _ in 0..2 {
        world.process().await;
    }
    assert_eq!((status(&world, first).await, status(&world, second).await), (Status::Ended, Status::Ended));
    assert_eq!(world.account_now().await.state, Disabled);
}
