//! The way back under every interleaving: late effects, stops in between, others' changes, switches.

use std::sync::{Mutex, mpsc};

use chaperone_app::accounts::AccountChange;
use chaperone_app::faults::Faults;
use chaperone_app::lists::{AccountFilter, Page};
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::{AppError, jobs};
use chaperone_domain::account::AccountState::{self, Disabled, Enabled};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::{Attributes, GrantOutcome, LEASE, Wish};
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::privileged_session::{EndReason, MoreAccount, Status};

use crate::elsewhere::Next;
use crate::world::World;

const ON: Attributes = Attributes { state: Enabled, expires_at: None };
const OFF: Attributes = Attributes { state: Disabled, expires_at: None };

fn lease_s() -> i64 {
    LEASE.as_secs()
}

fn stop_at(name: &'static str) -> Faults {
    Faults::new(move |step| {
        if step == name {
            std::panic::panic_any("stopped");
        }
    })
}

/// A node whose processor stopped at a step, and goes on when it is woken.
struct Sleeper {
    wake: mpsc::Sender<()>,
    processor: tokio::task::JoinHandle<Result<std::time::Duration, AppError>>,
}

impl Sleeper {
    async fn wake(self) {
        // With its end gone nobody sleeps again.
        drop(self.wake);
        self.processor.await.expect("joined").expect("processed");
    }
}

async fn sleeper_at(world: &World, name: &'static str) -> Sleeper {
    let ((reached, asleep), (wake, woken)) = (mpsc::channel(), mpsc::channel::<()>());
    let woken = Mutex::new(woken);
    let faults = Faults::new(move |step| {
        if step == name {
            let _heard = reached.send(());
            // Other tasks of this worker go on elsewhere.
            let _woken = tokio::task::block_in_place(|| woken.lock().expect("not poisoned").recv());
        }
    });
    let app = world.another_node(faults).await;
    let processor = tokio::spawn(async move { jobs::process_due(&app).await });
    tokio::task::spawn_blocking(move || asleep.recv()).await.expect("joined").expect("asleep");
    Sleeper { wake, processor }
}

async fn status(world: &World, id: PrivilegedSessionId) -> (Status, Option<EndReason>) {
    let session = world.session(id).await.session;
    (session.status(), session.end_reason)
}

async fn outcome(world: &World, id: PrivilegedSessionId) -> Option<GrantOutcome> {
    world.session(id).await.grants.first().and_then(|(grant, _)| grant.outcome)
}

#[tokio::test]
async fn a_change_that_takes_effect_after_the_account_was_back_is_put_back_and_told() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.elsewhere.next(Next::IsLate);
    world.process().await;
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.clock.forward(2);
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Ended);
    assert_eq!(world.elsewhere.account(), OFF);

    world.elsewhere.land();
    assert_eq!(world.elsewhere.account().state, Enabled, "left open");
    world.clock.forward(lease_s() - 1);
    jobs::look_again_due(&world.app).await.expect("looked");
    assert_eq!(world.elsewhere.account().state, Enabled, "not yet");
    world.clock.forward(lease_s() + 1);
    jobs::look_again_due(&world.app).await.expect("looked");
    assert_eq!(world.elsewhere.account(), OFF);
    assert_eq!(outcome(&world, id).await, Some(GrantOutcome::Restored));
    let log = world.app.account_log(&world.op(&world.anna), id).await.expect("a log");
    let last = log.last().expect("an entry");
    assert_eq!((last.wanted.as_str(), last.verified_state.as_deref()), ("disabled", Some("disabled")));
    assert_eq!(log.len(), 3, "there, back, and back again: {log:?}");

    // And nothing more after that.
    let sets = world.elsewhere.sets();
    world.clock.forward(2 * lease_s());
    jobs::look_again_due(&world.app).await.expect("looked");
    assert_eq!(world.elsewhere.sets(), sets);
}

#[tokio::test]
async fn stopped_while_a_late_change_is_put_back_it_is_put_back_all_the_same() {
    for step in ["again.back_intended", "back.before_set", "back.after_set", "end.before_close"] {
        let mut world = World::elsewhere(OFF).await;
        let id = world.approved(0, 600, Wish::Enable).await.session.id;
        world.elsewhere.next(Next::IsLate);
        world.process().await;
        world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
        world.clock.forward(2);
        world.process().await;
        world.elsewhere.land();
        world.clock.forward(2 * lease_s());
        world.restart(stop_at(step)).await;
        let app = world.app.clone();
        // The look itself goes on without the one that stopped.
        tokio::spawn(async move { jobs::look_again_due(&app).await }).await.expect("joined").expect("looked");
        world.restart(Faults::none()).await;
        for _ in 0..3 {
            world.clock.forward(2 * lease_s());
            jobs::look_again_due(&world.app).await.expect("looked");
        }
        assert_eq!(world.elsewhere.account(), OFF, "stopped at {step}");
        assert_eq!(outcome(&world, id).await, Some(GrantOutcome::Restored), "stopped at {step}");
    }
}

#[tokio::test]
async fn stopped_after_a_lease_was_taken_anew_the_account_goes_back_all_the_same() {
    let mut world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.elsewhere.reachable(false);
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.process().await;
    world.elsewhere.reachable(true);
    world.clock.forward(2 * lease_s());
    world.restart(stop_at("lease.taken")).await;
    let app = world.app.clone();
    tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
    assert_eq!(world.elsewhere.account().state, Enabled, "stopped before anything was sent");
    world.restart(Faults::none()).await;
    world.clock.forward(2 * lease_s());
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, OFF));
}

#[tokio::test]
async fn what_somebody_else_does_after_the_account_was_back_is_theirs() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.clock.forward(600);
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Ended);
    world.elsewhere.others(ON);
    world.clock.forward(2 * lease_s());
    jobs::look_again_due(&world.app).await.expect("looked");
    assert_eq!(world.elsewhere.account(), ON);
    assert!(world.account_now().await.drift.is_some(), "told");
}

#[tokio::test]
async fn a_late_change_that_a_next_session_finds_is_not_taken_for_the_original_state() {
    let world = World::elsewhere(OFF).await;
    let first = world.approved(0, 60, Wish::Enable).await.session.id;
    let second = world.approved(5, 120, Wish::None).await.session.id;
    world.elsewhere.next(Next::IsLate);
    world.process().await;
    world.decide(&world.bert, first, StatusChange::End).await.expect("ended");
    world.clock.forward(2);
    world.process().await;
    assert_eq!(status(&world, first).await.0, Status::Ended);
    world.elsewhere.land();
    world.clock.forward(5);
    world.process().await;
    assert_eq!(status(&world, second).await.0, Status::Active);
    assert_eq!(world.elsewhere.account(), OFF);
    world.clock.forward(120);
    world.process().await;
    assert_eq!((status(&world, second).await.0, world.elsewhere.account()), (Status::Ended, OFF));
}

#[tokio::test]
async fn a_late_change_during_the_session_is_undone_and_not_taken_for_somebody_elses() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.elsewhere.next(Next::IsLate);
    let bert = world.op(&world.bert);
    world.app.switch_account(&bert, id, None, false).await.expect("switched");
    world.app.switch_account(&bert, id, None, true).await.expect("switched back");
    assert_eq!(world.elsewhere.account().state, Enabled);
    world.elsewhere.land();
    assert_eq!(world.elsewhere.account().state, Disabled);
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(world.app.clone(), shutdown));
    while world.elsewhere.account().state != Enabled {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    running.await.expect("ended");
    world.clock.forward(600);
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, OFF));
}

#[tokio::test]
async fn a_node_that_slept_past_its_lease_sends_nothing_and_others_wait_for_the_lease() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.elsewhere.next(Next::Sleeps);
    let sleeper = world.app.clone();
    let asleep = tokio::spawn(async move { jobs::process_due(&sleeper).await });
    world.elsewhere.asleep().await;
    let other = world.another_node(Faults::none()).await;
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    jobs::process_due(&other).await.expect("processed");
    assert_eq!(status(&world, id).await.0, Status::Ending, "the lease of the one that sleeps is live");

    world.clock.forward(lease_s());
    jobs::process_due(&other).await.expect("processed");
    assert_eq!(status(&world, id).await.0, Status::Ended);
    world.elsewhere.go_on();
    asleep.await.expect("joined").expect("processed");
    assert_eq!((world.elsewhere.sets(), world.elsewhere.account()), (0, OFF));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_slept_changes_no_account_of_the_built_in_directory_that_others_brought_back() {
    let mut world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    let sleeper = sleeper_at(&world, "forward.before_set").await;
    world.app = world.another_node(Faults::none()).await;
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Ended);
    sleeper.wake().await;
    assert_eq!(world.account_now().await.state, Disabled);
}

#[tokio::test]
async fn a_stop_after_the_stricter_of_both_was_set_does_not_take_it_for_somebody_elses() {
    for step in ["back.stricter_intended", "back.after_set"] {
        let mut world = World::elsewhere(OFF).await;
        let id = world.approved(0, 600, Wish::Enable).await.session.id;
        world.process().await;
        let expires_at = Some(world.clock.after(9_000));
        world.elsewhere.others(Attributes { state: Enabled, expires_at });
        world.clock.forward(600);
        world.restart(stop_at(step)).await;
        let app = world.app.clone();
        tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
        assert_eq!(status(&world, id).await.0, Status::Ending, "{step}");
        world.restart(Faults::none()).await;
        world.clock.forward(lease_s());
        world.process().await;
        assert_eq!(status(&world, id).await.0, Status::Ended, "{step}");
        assert_eq!(outcome(&world, id).await, Some(GrantOutcome::SetStricter), "{step}");
        assert_eq!(world.elsewhere.account(), Attributes { state: Disabled, expires_at }, "{step}");
        let log = world.app.account_log(&world.op(&world.anna), id).await.expect("a log");
        assert_eq!(log.len(), 2, "{step}: there and back: {log:?}");
    }
}

#[tokio::test]
async fn what_runs_is_ended_also_when_the_way_back_was_stopped_in_between() {
    let mut world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.clock.forward(600);
    world.restart(stop_at("back.after_set")).await;
    let app = world.app.clone();
    tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
    assert_eq!((world.elsewhere.account(), world.elsewhere.ended()), (OFF, 0), "stopped in between");
    world.restart(Faults::none()).await;
    world.clock.forward(lease_s());
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.ended()), (Status::Ended, 1));
}

#[tokio::test]
async fn a_session_that_joins_after_somebody_else_disabled_the_account_leaves_it_disabled_at_the_end() {
    let world = World::elsewhere(ON).await;
    let first = world.approved(0, 600, Wish::Enable).await.session.id;
    let second = world.approved(300, 900, Wish::Enable).await.session.id;
    world.process().await;
    world.elsewhere.others(OFF);
    world.clock.forward(300);
    world.process().await;
    assert_eq!(status(&world, second).await.0, Status::Active);
    assert_eq!(world.elsewhere.account().state, Enabled, "approved anew, after that");
    world.clock.forward(600);
    world.process().await;
    for id in [first, second] {
        assert_eq!(status(&world, id).await.0, Status::Ended);
    }
    assert_eq!(world.elsewhere.account(), OFF);
}

#[tokio::test]
async fn a_session_that_wants_nothing_of_the_account_does_not_enable_what_somebody_else_disabled() {
    let world = World::elsewhere(OFF).await;
    let first = world.approved(0, 600, Wish::Enable).await.session.id;
    let second = world.approved(300, 900, Wish::None).await.session.id;
    world.process().await;
    world.elsewhere.others(OFF);
    world.clock.forward(300);
    world.process().await;
    assert_eq!(status(&world, second).await.0, Status::Active);
    assert_eq!(world.elsewhere.account(), OFF);
    world.clock.forward(600);
    world.process().await;
    for id in [first, second] {
        assert_eq!(status(&world, id).await.0, Status::Ended);
    }
    assert_eq!(world.elsewhere.account(), OFF);
}

#[tokio::test]
async fn an_account_that_cannot_be_brought_back_keeps_the_session_ending_and_no_other_one_waits_for_it() {
    let world = World::elsewhere(OFF).await;
    let filter = AccountFilter { privileged: Some(true), ..AccountFilter::default() };
    let all = world.app.accounts(&world.op(&world.anna), filter, Page::first(10)).await.expect("accounts");
    let here = all.items.iter().find(|account| account.id != world.account.id).expect("a built-in one").id;
    let mut request = world.request(0, 600, Wish::Enable);
    request.more_accounts = vec![MoreAccount { account_id: here, wish: Wish::Enable }];
    let asked = world.app.request_privileged_session(&world.op(&world.anna), request).await;
    let id = asked.expect("asked").session.id;
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Active);
    assert_eq!((world.account_of(here).await.state, world.elsewhere.account().state), (Enabled, Enabled));

    world.elsewhere.reachable(false);
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Ending);
    assert_eq!(world.account_of(here).await.state, Disabled, "it does not wait for the other one");
    let held: Vec<_> = world
        .session(id)
        .await
        .grants
        .iter()
        .filter(|(_, holder)| holder.released_at.is_none())
        .map(|(grant, _)| (grant.account_id, grant.closed_at))
        .collect();
    assert_eq!(held, [(world.account.id, None)]);

    world.elsewhere.reachable(true);
    world.clock.forward(10);
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, OFF));
}

/// A session whose account an administrator switched off.
async fn switched_off(world: &World) -> PrivilegedSessionId {
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let bert = world.op(&world.bert);
    world.app.switch_account(&bert, id, None, false).await.expect("switched");
    assert_eq!(world.account_now().await.state, Disabled);
    id
}

#[tokio::test]
async fn an_extension_does_not_undo_a_switch() {
    let mut world = World::new().await;
    let id = switched_off(&world).await;
    let (paula, end) = (world.op(&world.paula), world.clock.after(1_200));
    world.app.extend_privileged_session(&paula, id, end, "not done", None).await.expect("asked");
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.process().await;
    assert_eq!(world.account_now().await.state, Disabled);
    world.restart(Faults::none()).await;
    world.process().await;
    assert_eq!(world.account_now().await.state, Disabled);
    world.clock.forward(1_200);
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.account_now().await.state), (Status::Ended, Disabled));
}

#[tokio::test]
async fn a_session_that_leaves_does_not_undo_the_switch_of_another() {
    let world = World::new().await;
    let other = world.approved(60, 300, Wish::None).await.session.id;
    let id = switched_off(&world).await;
    world.clock.forward(60);
    world.process().await;
    assert_eq!(status(&world, other).await.0, Status::Active);
    world.clock.forward(240);
    world.process().await;
    assert_eq!(status(&world, other).await.0, Status::Ended);
    assert_eq!((status(&world, id).await.0, world.account_now().await.state), (Status::Active, Disabled));
}

#[tokio::test]
async fn a_session_that_wants_the_opposite_of_a_switch_cannot_start_and_says_why() {
    let world = World::new().await;
    let late = world.approved(60, 900, Wish::Enable).await.session.id;
    let id = switched_off(&world).await;
    world.clock.forward(60);
    world.process().await;
    assert_eq!(status(&world, late).await, (Status::Failed, Some(EndReason::CouldNotStart)));
    let log = world.app.audit_log(&world.op(&world.anna), late).await.expect("a log");
    assert!(format!("{log:?}").contains(&id.to_string()), "the other session is named");
    assert_eq!(world.account_now().await.state, Disabled);
}

#[tokio::test]
async fn an_administrators_own_change_during_a_hold_that_wants_nothing_is_made_and_stays() {
    for (before, stopped) in [(Disabled, false), (Enabled, false), (Disabled, true)] {
        let world = World::new().await;
        let set = async |state: AccountState| {
            let change = AccountChange { state: Some(state), ..AccountChange::default() };
            world
                .app
                .change_account(&world.op(&world.anna), world.account.id, change)
                .await
                .expect("changed");
        };
        set(before).await;
        let after = if before == Enabled { Disabled } else { Enabled };
        let id = world.approved(0, 600, Wish::None).await.session.id;
        world.process().await;
        set(after).await;
        if !stopped {
            world.process().await;
            assert_eq!(world.account_now().await.state, after, "at once");
        }
        world.clock.forward(600);
        world.process().await;
        assert_eq!((status(&world, id).await.0, world.account_now().await.state), (Status::Ended, after));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_administrators_own_change_between_look_and_hold_is_what_the_account_goes_back_to() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    let sleeper = sleeper_at(&world, "hold.observed").await;
    let change = AccountChange { state: Some(Enabled), ..AccountChange::default() };
    world.app.change_account(&world.op(&world.anna), world.account.id, change).await.expect("changed");
    sleeper.wake().await;
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Active);
    world.clock.forward(600);
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Ended);
    assert_eq!(world.account_now().await.state, Enabled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_slept_takes_no_hold_for_a_session_that_is_over() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    let sleeper = sleeper_at(&world, "hold.observed").await;
    world.decide(&world.bert, id, StatusChange::Cancel).await.expect("cancelled");
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Cancelled);
    sleeper.wake().await;
    let next = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    assert_eq!(status(&world, next).await.0, Status::Active, "nothing is held for ever");
}

#[tokio::test]
async fn what_somebody_else_disabled_between_look_and_hold_stays_disabled_at_the_end() {
    let mut world = World::elsewhere(ON).await;
    let id = world.approved(0, 600, Wish::Disable).await.session.id;
    let elsewhere = world.elsewhere.clone();
    world
        .restart(Faults::new(move |step| {
            if step == "hold.observed" {
                elsewhere.others(OFF);
            }
        }))
        .await;
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.sets()), (Status::Active, 0));
    world.clock.forward(600);
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, OFF));
}

#[tokio::test]
async fn what_we_disabled_before_a_stop_goes_back_however_long_the_stop_was() {
    let mut world = World::elsewhere(ON).await;
    let id = world.approved(0, 600, Wish::Disable).await.session.id;
    world.restart(stop_at("forward.after_set")).await;
    let app = world.app.clone();
    tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Approved, OFF));
    world.restart(Faults::none()).await;
    world.clock.forward(55);
    world.process().await;
    assert_eq!(status(&world, id).await.0, Status::Active);
    world.clock.forward(600);
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, ON));
}

#[tokio::test]
async fn every_change_of_an_account_was_intended_before() {
    let world = World::elsewhere(OFF).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.clock.forward(600);
    world.process().await;
    let events = world.rows().await.read().audit_log(id).await.expect("events");
    let of: Vec<AuditAction> = events.iter().map(|event| event.action).collect();
    let at = |action| of.iter().position(|of| *of == action).expect("there");
    assert!(at(AuditAction::GrantIntended) < at(AuditAction::GrantVerified));
    assert!(at(AuditAction::GrantVerified) < at(AuditAction::GrantClosed));
    assert_eq!(of.iter().filter(|of| **of == AuditAction::GrantIntended).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_seen_while_another_session_had_the_account_is_not_what_it_goes_back_to() {
    let world = World::elsewhere(ON).await;
    let first = world.approved(0, 600, Wish::Disable).await.session.id;
    world.process().await;
    let next = world.approved(0, 600, Wish::Disable).await.session.id;
    let sleeper = sleeper_at(&world, "hold.observed").await;
    world.decide(&world.bert, first, StatusChange::End).await.expect("ended");
    jobs::steps::session(&world.app, first).await.expect("back");
    assert_eq!((status(&world, first).await.0, world.elsewhere.account()), (Status::Ended, ON));
    sleeper.wake().await;
    world.process().await;
    assert_eq!((status(&world, next).await.0, world.elsewhere.account()), (Status::Active, OFF));
    world.clock.forward(600);
    world.process().await;
    assert_eq!((status(&world, next).await.0, world.elsewhere.account()), (Status::Ended, ON));
}

#[tokio::test]
async fn a_late_change_of_ours_that_nobody_saw_for_long_is_put_back_all_the_same() {
    for watched in [false, true] {
        let world = World::elsewhere(ON).await;
        let id = world.approved(0, 600, Wish::Disable).await.session.id;
        world.elsewhere.next(Next::IsLate);
        world.process().await;
        let bert = world.op(&world.bert);
        world.clock.forward(2);
        world.process().await;
        assert_eq!(world.elsewhere.account(), OFF);
        world.app.switch_account(&bert, id, None, true).await.expect("switched");
        assert_eq!(world.elsewhere.account(), ON);
        if watched {
            world.clock.forward(3 * lease_s());
            jobs::steps::watch(&world.app).await.expect("looked");
        }
        world.elsewhere.land();
        assert_eq!(world.elsewhere.account(), OFF);
        world.clock.forward(300);
        world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
        world.process().await;
        // Seen as it should be after the last moment in which it could come, it was somebody else.
        let after = if watched { OFF } else { ON };
        assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, after));
    }
}

#[tokio::test]
async fn whoever_disables_an_account_during_a_session_keeps_it_so_without_the_end_that_we_had_given_it() {
    for (before, expired) in [(OFF, None), (OFF, Some(9_000))] {
        let world = World::elsewhere(before).await;
        let own = expired.map(|seconds| world.clock.after(seconds));
        let before = Attributes { expires_at: own, ..before };
        world.elsewhere.others(before);
        let id = world.approved(0, 600, Wish::Enable).await.session.id;
        world.process().await;
        let held = world.elsewhere.account();
        assert_eq!((held.state, held.expires_at), (Enabled, Some(world.clock.after(600))));
        world.elsewhere.others(Attributes { state: Disabled, ..held });
        world.clock.forward(600);
        world.process().await;
        assert_eq!((status(&world, id).await.0, world.elsewhere.account()), (Status::Ended, before));
    }
}

#[tokio::test]
async fn an_administrators_own_change_after_the_account_was_set_back_is_what_it_goes_back_to() {
    let mut world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.restart(stop_at("end.before_close")).await;
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    let app = world.app.clone();
    tokio::spawn(async move { jobs::process_due(&app).await }).await.expect("joined").expect("looked");
    assert_eq!((status(&world, id).await.0, world.account_now().await.state), (Status::Ending, Disabled));
    world.restart(Faults::none()).await;
    let change = AccountChange { state: Some(Enabled), ..AccountChange::default() };
    world.app.change_account(&world.op(&world.anna), world.account.id, change).await.expect("changed");
    world.process().await;
    assert_eq!((status(&world, id).await.0, world.account_now().await.state), (Status::Ended, Enabled));
}
