//! What is written down to be told, with the change that it speaks of. The receiver is always away.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chaperone_app::faults::Faults;
use chaperone_app::lists::{EventFilter, Page};
use chaperone_app::notifications::{Channels, DeliveryError, Mail, Mailer, Post, Poster, Webhook};
use chaperone_app::privileged_sessions::{PrivilegedSessionChange, StatusChange};
use chaperone_app::users::{NewUser, UserChange};
use chaperone_app::{AppError, jobs};
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::{Attributes, Grant, GrantOutcome, Wish};
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::notification::{Channel, NotificationKind};
use chaperone_domain::privileged_session::Status;
use chaperone_domain::user::Role;
use chaperone_store::{Events, StoreError};

use crate::world::World;

struct Away;

#[async_trait]
impl Poster for Away {
    async fn post(&self, _post: &Post) -> Result<(), DeliveryError> {
        Err(DeliveryError::Later("It is away.".to_owned()))
    }
}

#[async_trait]
impl Mailer for Away {
    async fn send(&self, _mail: &Mail) -> Result<(), DeliveryError> {
        Err(DeliveryError::Later("It is away.".to_owned()))
    }
}

/// What takes everything.
struct There;

#[async_trait]
impl Poster for There {
    async fn post(&self, _post: &Post) -> Result<(), DeliveryError> {
        Ok(())
    }
}

fn channels() -> Channels {
    let webhook =
        Webhook { name: "chat".to_owned(), kinds: NotificationKind::ALL.to_vec(), poster: Arc::new(Away) };
    Channels { mailer: None, webhooks: vec![webhook] }
}

async fn told(world: &World, id: PrivilegedSessionId) -> Vec<&'static str> {
    let views = world.app.notifications(&world.op(&world.anna), id).await.expect("a list");
    views.iter().map(|view| view.notification.kind.name()).collect()
}

/// Who gets a mail of the last thing told.
async fn last_mails(world: &World, id: PrivilegedSessionId) -> Vec<String> {
    let views = world.app.notifications(&world.op(&world.anna), id).await.expect("a list");
    let last = &views.last().expect("told").notification;
    let mails = views.iter().filter(|view| {
        let told = &view.notification;
        (told.kind, told.occurrence, told.channel) == (last.kind, last.occurrence, Channel::Mail)
    });
    let mut people: Vec<String> =
        mails.map(|mail| mail.recipient.as_ref().expect("a person").user_name.clone()).collect();
    people.sort_unstable();
    people
}

/// What was said with the last thing told.
async fn last_body(world: &World, id: PrivilegedSessionId) -> String {
    let views = world.app.notifications(&world.op(&world.anna), id).await.expect("a list");
    views.last().expect("told").notification.body.clone()
}

/// What somebody else does to the rows, past the app.
#[derive(Clone)]
enum Change {
    Account(Account),
    Grant(Grant),
}

async fn behind_our_back(world: &World, change: Change) {
    let (rows, op) = (world.rows().await, world.op(&world.anna));
    let done = rows.write(move |tx| {
        let event = op.event(AuditAction::AccountChanged, "account", "");
        let change = change.clone();
        Box::pin(async move {
            match change {
                Change::Account(account) => tx.update_account(&account, account.version).await?,
                Change::Grant(grant) => tx.update_grant(&grant, grant.fence).await?,
            }
            Ok::<_, StoreError>(tx.commit((), Events::one(event)))
        })
    });
    done.await.expect("changed");
}

#[tokio::test]
async fn somebody_elses_change_of_the_account_is_told_as_drift() {
    let world = World::telling(channels()).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let expires_at = Some(world.clock.after(86_400));
    let stricter = Account { state: AccountState::Disabled, expires_at, ..world.account_now().await };
    behind_our_back(&world, Change::Account(stricter)).await;
    world.clock.forward(600);
    world.process().await;
    let view = world.session(id).await;
    assert_eq!(view.grants[0].0.outcome, Some(GrantOutcome::KeptChangedByOthers));
    assert_eq!(told(&world, id).await, ["to_approve", "approved", "started", "drift", "ended"]);
    let views = world.app.notifications(&world.op(&world.anna), id).await.expect("a list");
    assert!(
        views[3].notification.body.contains("made the account stricter"),
        "{}",
        views[3].notification.body
    );
}

#[tokio::test]
async fn drift_during_a_session_is_told_at_once_and_once_and_what_became_of_it_at_the_end() {
    let off = Attributes { state: AccountState::Disabled, expires_at: None };
    let world = World::elsewhere_telling(off, channels()).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.elsewhere.others(off);
    let before = ["to_approve", "approved", "started"];
    assert_eq!(told(&world, id).await, before, "nobody has looked yet");
    for _ in 0..3 {
        world.clock.forward(10);
        jobs::steps::watch(&world.app).await.expect("looked");
        assert_eq!(told(&world, id).await, [&before[..], &["drift"]].concat());
    }
    let said = last_body(&world, id).await;
    assert!(said.contains("Somebody else changed the account meanwhile; it was left so."), "{said}");
    assert_eq!(world.session(id).await.session.status(), Status::Active);
    world.clock.forward(600);
    world.process().await;
    assert_eq!(told(&world, id).await.last(), Some(&"ended"));
    assert_eq!(world.elsewhere.account(), off);
}

#[tokio::test]
async fn an_extension_is_told_to_those_who_decide_and_the_decision_to_those_whose_session_it_is() {
    let world = World::telling(Channels { mailer: Some(Arc::new(Away)), ..channels() }).await;
    let anna = world.op(&world.anna);
    for user in [&world.anna, &world.bert, &world.paula] {
        let email = Some(format!("{}@example.org", user.user_name));
        let change = UserChange { email, ..UserChange::default() };
        world.app.change_user(&anna, user.id, change).await.expect("changed");
    }
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let decide = async |end: i64, change: StatusChange, comment: &str| {
        let (paula, bert) = (world.op(&world.paula), world.op(&world.bert));
        let end = world.clock.after(end);
        world.app.extend_privileged_session(&paula, id, end, "not done", None).await.expect("asked");
        let asked = (told(&world, id).await.last().copied(), last_mails(&world, id).await);
        assert_eq!(asked.0, Some("to_approve"));
        assert_eq!(asked.1, ["anna", "bert", "paula"], "administrators, and those whose session it is");
        let said = last_body(&world, id).await;
        assert!(said.contains(&format!("A later end, {end}: not done")), "{said}");
        world.app.change_status(&bert, id, change, comment, None).await.expect("decided");
        let decided = (told(&world, id).await.last().copied(), last_mails(&world, id).await);
        assert_eq!(decided.1, ["anna", "bert", "paula"], "requester, approver, and who asked for it");
        (decided.0, last_body(&world, id).await)
    };
    let (kind, said) = decide(1_200, StatusChange::Reject, "Not tonight.").await;
    assert_eq!(kind, Some("rejected"));
    assert!(said.contains("The later end was rejected. Not tonight."), "{said}");
    let (kind, said) = decide(1_800, StatusChange::Approve, "").await;
    assert_eq!(kind, Some("approved"));
    assert!(said.contains("The end was moved from"), "{said}");

    // An administrator whose session it is not asked for it.
    let new = NewUser {
        user_name: "carl".to_owned(),
        display_name: "Carl".to_owned(),
        email: "carl@example.org".to_owned(),
        roles: vec![Role::SystemAdministrator],
        active: true,
        password: None,
    };
    let carl = world.op(&world.app.create_user(&anna, new).await.expect("a user").0);
    let end = world.clock.after(2_400);
    world.app.extend_privileged_session(&carl, id, end, "not done", None).await.expect("asked");
    let bert = world.op(&world.bert);
    world.app.change_status(&bert, id, StatusChange::Reject, "Enough.", None).await.expect("decided");
    assert_eq!(last_mails(&world, id).await, ["anna", "bert", "carl", "paula"]);
}

#[tokio::test]
async fn an_account_that_is_gone_is_told_as_a_start_that_failed() {
    let world = World::telling(channels()).await;
    let id = world.approved(60, 600, Wish::Enable).await.session.id;
    let gone = Account { state: AccountState::Absent, ..world.account_now().await };
    behind_our_back(&world, Change::Account(gone)).await;
    world.clock.forward(60);
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Failed);
    assert_eq!(told(&world, id).await, ["to_approve", "approved", "could_not_start"]);
    assert!(last_body(&world, id).await.contains("does not know the account erp-admin any more"));
}

#[tokio::test]
async fn a_session_of_which_nothing_can_be_recorded_waits_a_minute_for_room_and_then_fails_and_says_so() {
    let world = World::telling(channels()).await;
    let [first, second] = [60, 600].map(|from| world.approved(from, from + 300, Wish::Enable));
    let (first, second) = (first.await.session.id, second.await.session.id);
    let before = world.account_now().await;
    world.room(1_000);
    for (forward, expected) in [(60, Status::Approved), (59, Status::Approved), (1, Status::Failed)] {
        world.clock.forward(forward);
        world.process().await;
        assert_eq!(world.session(first).await.session.status(), expected);
        let now = world.account_now().await;
        assert_eq!((now.state, now.expires_at), (before.state, before.expires_at), "nothing is touched");
    }
    assert_eq!(told(&world, first).await.last(), Some(&"could_not_start"));
    assert!(last_body(&world, first).await.contains("no room for recordings"));
    world.clock.forward(510);
    world.process().await;
    world.room(u64::MAX);
    world.process().await;
    assert_eq!(world.session(second).await.session.status(), Status::Active, "there was room in time");
}

#[tokio::test]
async fn an_account_that_is_not_back_is_told_once_after_a_minute_of_failing() {
    let mut world = World::telling(channels()).await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let stopping = Faults::new(|step| {
        if step == "end.back_intended" {
            std::panic::panic_any("killed");
        }
    });
    world.restart(stopping).await;
    world.clock.forward(600);
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Ending);
    world.clock.forward(60);
    assert_eq!(jobs::tell_by_time(&world.app).await.expect("looked"), 0, "nothing has failed yet");
    let problem = Some("The directory does not answer.".to_owned());
    let failing = Grant { attempt: 3, problem, ..world.session(id).await.grants[0].0.clone() };
    behind_our_back(&world, Change::Grant(failing)).await;
    for added in [1, 0] {
        assert_eq!(jobs::tell_by_time(&world.app).await.expect("looked"), added);
    }
    assert_eq!(told(&world, id).await, ["to_approve", "approved", "started", "could_not_be_put_back"]);
    assert!(last_body(&world, id).await.contains("The directory does not answer."));
}

#[tokio::test]
async fn an_edit_that_takes_the_approval_away_asks_for_it_anew() {
    let world = World::telling(channels()).await;
    let op = world.op(&world.anna);
    let asked = world.app.request_privileged_session(&op, world.request(60, 600, Wish::Enable)).await;
    let id = asked.expect("asked").session.id;
    let reason =
        |reason: &str| PrivilegedSessionChange { reason: Some(reason.to_owned()), ..Default::default() };
    world.app.edit_privileged_session(&op, id, reason("Year end")).await.expect("edited");
    assert_eq!(told(&world, id).await, ["to_approve"], "it still waits for the same decision");
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.app.edit_privileged_session(&op, id, reason("Half year end")).await.expect("edited");
    assert_eq!(told(&world, id).await, ["to_approve", "approved", "to_approve"]);
    assert!(last_body(&world, id).await.contains("Half year end"));
}

#[tokio::test]
async fn a_decision_that_came_too_late_tells_nothing() {
    let world = World::telling(channels()).await;
    let asked = world
        .app
        .request_privileged_session(&world.op(&world.anna), world.request(60, 600, Wish::Enable))
        .await;
    let id = asked.expect("asked").session.id;
    let (one, two) = tokio::join!(
        world.decide(&world.bert, id, StatusChange::Approve),
        world.decide(&world.bert, id, StatusChange::Reject)
    );
    assert!(one.is_ok() != two.is_ok(), "{:?} {:?}", one.err(), two.err());
    assert_eq!(told(&world, id).await.len(), 2);
}

#[tokio::test]
async fn only_who_may_see_the_session_sees_who_was_told() {
    let world = World::telling(channels()).await;
    let id = world.approved(60, 600, Wish::Enable).await.session.id;
    assert_eq!(world.app.notifications(&world.op(&world.paula), id).await.expect("hers").len(), 2);
    let stranger = NewUser {
        user_name: "victor".to_owned(),
        display_name: String::new(),
        email: String::new(),
        roles: vec![chaperone_domain::user::Role::User],
        active: true,
        password: Some(crate::world::PASSWORD.to_owned()),
    };
    let victor = world.app.create_user(&world.op(&world.anna), stranger).await.expect("a user").0;
    let refused = world.app.notifications(&world.op(&victor), id).await;
    assert!(matches!(refused, Err(AppError::NotFound { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_sent_is_removed_ninety_days_later_and_what_waits_is_not() {
    let there = Webhook { name: "log".to_owned(), poster: Arc::new(There), ..channels().webhooks[0].clone() };
    let channels = Channels { webhooks: vec![there, channels().webhooks[0].clone()], ..Channels::default() };
    let world = World::telling(channels).await;
    let id = world.approved(60, 600, Wish::Enable).await.session.id;
    for forward_s in [60, 600] {
        world.clock.forward(forward_s);
        world.process().await;
    }
    while jobs::deliver_due(&world.app, Channel::Webhook).await.expect("looked") > 0 {}
    assert_eq!(told(&world, id).await.len(), 8, "each on both");
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    world.clock.forward(90 * DAY_SECONDS);
    assert_eq!(jobs::remove_old(&world.app).await.expect("looked"), 0, "not yet");
    world.clock.forward(1);
    assert_eq!(jobs::remove_old(&world.app).await.expect("removed"), 4);
    assert_eq!(told(&world, id).await, ["to_approve", "approved", "started", "ended"], "what waits is there");
    let filter = EventFilter { action: Some(AuditAction::NotificationsRemoved), ..EventFilter::default() };
    let op = world.op(&world.anna);
    let events = world.app.audit_events(&op, filter, Page { after: None, limit: 10 }).await.expect("a list");
    assert_eq!(events.items.len(), 1);
}

/// A session from start to end, stopped at the step of that number; the steps that were reached.
async fn run(stop_at: Option<usize>) -> usize {
    let mut world = World::telling(channels()).await;
    let id = world.approved(60, 600, Wish::Enable).await.session.id;
    let reached = Arc::new(Mutex::new(0));
    let seen = reached.clone();
    let faults = Faults::new(move |_| {
        let mut seen = seen.lock().expect("not poisoned");
        *seen += 1;
        if Some(*seen) == stop_at {
            drop(seen);
            std::panic::panic_any("killed");
        }
    });
    world.restart(faults).await;
    for forward_s in [60, 600] {
        world.clock.forward(forward_s);
        world.process().await;
        if Some(*reached.lock().expect("not poisoned")) == stop_at {
            world.restart(Faults::none()).await;
        }
        world.process().await;
    }
    let told = told(&world, id).await;
    assert_eq!(told, ["to_approve", "approved", "started", "ended"], "stopped at {stop_at:?}");
    *reached.lock().expect("not poisoned")
}

#[tokio::test]
async fn stopped_at_any_step_everything_is_told_and_nothing_twice() {
    let steps = run(None).await;
    assert!(steps > 8, "{steps} steps");
    for stop_at in 1..=steps {
        run(Some(stop_at)).await;
    }
}
