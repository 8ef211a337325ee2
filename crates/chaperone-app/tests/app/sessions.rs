//! A privileged session from request to the account's way back.

use chaperone_app::organization::OrganizationChange;
use chaperone_app::privileged_sessions::{Direction, StatusChange};
use chaperone_app::{AppError, Op};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::{GrantOutcome, Wish};
use chaperone_domain::ids::{PrivilegedSessionId, SignInId};
use chaperone_domain::privileged_session::{EndReason, Status};
use chaperone_domain::sign_in::EndKind;

use crate::world::{PASSWORD, World};

fn rule<T: std::fmt::Debug>(result: Result<T, AppError>) -> String {
    match result.expect_err("refused") {
        AppError::Refused { name, .. } => name.to_owned(),
        AppError::Invalid(fields) => fields.iter().map(|field| field.name).collect::<Vec<_>>().join(" "),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_account_is_enabled_for_the_window_and_disabled_again_after_it() {
    let world = World::new().await;
    let id = world.approved(60, 3_600, Wish::Enable).await.session.id;
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Approved);
    assert_eq!(world.account_now().await.state, Disabled);

    world.clock.forward(60);
    world.process().await;
    let view = world.session(id).await;
    assert_eq!(view.session.status(), Status::Active);
    assert_eq!(view.session.started_at, Some(world.clock.after(0)));
    let account = world.account_now().await;
    assert_eq!((account.state, account.expires_at), (Enabled, Some(view.session.window.ends_at())));

    world.clock.forward(3_600);
    world.process().await;
    let view = world.session(id).await;
    assert_eq!(view.session.status(), Status::Ended);
    assert_eq!(view.session.end_reason, Some(EndReason::Completed));
    let account = world.account_now().await;
    assert_eq!((account.state, account.expires_at), (Disabled, None));
    assert_eq!(view.grants[0].0.outcome, Some(GrantOutcome::Restored));
}

#[tokio::test]
async fn the_audit_log_says_each_status_by_whom_and_as_what() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    world.decide(&world.anna, id, StatusChange::End).await.expect("ended");
    world.process().await;
    let log = world.app.audit_log(&world.op(&world.anna), id).await.expect("a log");
    let lines: Vec<String> = log
        .iter()
        .filter_map(|entry| {
            let who = entry.changed_by.as_ref().map_or("-", |user| user.user_name.as_str());
            Some(format!("{} by {who} as {}", entry.to_status.as_ref()?, entry.changed_by_kind))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Draft by anna as SystemAdministrator",
            "Approved by bert as SystemAdministrator",
            "Active by - as BatchProcess",
            "Ending by anna as SystemAdministrator",
            "Ended by - as BatchProcess",
        ]
    );
}

#[tokio::test]
async fn ones_own_request_is_approved_by_somebody_else() {
    let world = World::new().await;
    let asked = world
        .app
        .request_privileged_session(&world.op(&world.anna), world.request(0, 600, Wish::Enable))
        .await;
    let id = asked.expect("asked").session.id;
    assert_eq!(rule(world.decide(&world.anna, id, StatusChange::Approve).await), "self-approval-refused");
    assert_eq!(world.session(id).await.session.status(), Status::Draft);
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
}

#[tokio::test]
async fn of_two_approvals_at_once_one_counts() {
    let world = World::new().await;
    let asked = world
        .app
        .request_privileged_session(&world.op(&world.anna), world.request(60, 600, Wish::Enable))
        .await;
    let id = asked.expect("asked").session.id;
    let (one, two) = tokio::join!(
        world.decide(&world.bert, id, StatusChange::Approve),
        world.decide(&world.bert, id, StatusChange::Approve)
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
    let log = world.app.audit_log(&world.op(&world.anna), id).await.expect("a log");
    assert_eq!(log.iter().filter(|entry| entry.to_status.as_deref() == Some("Approved")).count(), 1);
}

#[tokio::test]
async fn wrong_windows_are_refused_by_name() {
    let world = World::new().await;
    for (from, to, name) in [
        (0, 24 * 3_600 + 1, "window-too-long"),
        (600, 600, "end-not-after-start"),
        (600, 300, "end-not-after-start"),
        (-61, 600, "start-in-past"),
    ] {
        let op = world.op(&world.anna);
        let asked = world.app.request_privileged_session(&op, world.request(from, to, Wish::Enable));
        assert_eq!(rule(asked.await), name, "{from} to {to}");
    }
}

#[tokio::test]
async fn opposite_wishes_in_the_same_time_are_refused_at_approval() {
    let world = World::new().await;
    world.approved(60, 600, Wish::Enable).await;
    let asked = world
        .app
        .request_privileged_session(&world.op(&world.anna), world.request(300, 900, Wish::Disable))
        .await;
    let id = asked.expect("asked").session.id;
    assert_eq!(rule(world.decide(&world.bert, id, StatusChange::Approve).await), "opposite-overlap");
    assert_eq!(world.session(id).await.session.status(), Status::Draft);
}

#[tokio::test]
async fn sessions_that_overlap_share_the_account_until_the_last_one_ends() {
    let world = World::new().await;
    let first = world.approved(0, 600, Wish::Enable).await.session.id;
    let second = world.approved(300, 1_200, Wish::Enable).await.session.id;
    world.process().await;
    world.clock.forward(300);
    world.process().await;
    assert_eq!(world.session(second).await.session.status(), Status::Active);
    world.clock.forward(300);
    world.process().await;
    assert_eq!(world.session(first).await.session.status(), Status::Ended);
    assert_eq!(world.account_now().await.state, Enabled);
    world.clock.forward(600);
    world.process().await;
    assert_eq!(world.session(second).await.session.status(), Status::Ended);
    let account = world.account_now().await;
    assert_eq!((account.state, account.expires_at), (Disabled, None));
}

#[tokio::test]
async fn an_administrator_switches_the_account_during_the_session_and_it_still_goes_back() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    assert_eq!(
        rule(world.app.switch_account(&world.op(&world.bert), id, None, false).await),
        "wrong-status",
        "only while Active"
    );
    world.process().await;
    world.app.switch_account(&world.op(&world.bert), id, None, false).await.expect("switched");
    assert_eq!(world.account_now().await.state, Disabled);
    world.app.switch_account(&world.op(&world.bert), id, None, true).await.expect("switched");
    assert_eq!(world.account_now().await.state, Enabled);
    world.clock.forward(600);
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Ended);
    assert_eq!(world.account_now().await.state, Disabled);
}

#[tokio::test]
async fn an_account_that_several_sessions_hold_is_not_switched_and_the_other_one_is_named() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    let other = world.approved(0, 300, Wish::Enable).await.session.id;
    world.process().await;
    let switch = async || world.app.switch_account(&world.op(&world.bert), id, None, false).await;
    match switch().await.expect_err("refused") {
        AppError::Refused { name: "held-by-several", detail } => {
            assert!(detail.contains(&other.to_string()) && !detail.contains(&id.to_string()), "{detail}");
        }
        refused => panic!("{refused:?}"),
    }
    assert_eq!(world.account_now().await.state, Enabled);
    world.clock.forward(300);
    world.process().await;
    assert_eq!(world.session(other).await.session.status(), Status::Ended);
    switch().await.expect("switched: nobody else holds it any more");
    assert_eq!(world.account_now().await.state, Disabled);
}

#[tokio::test]
async fn whoever_decides_about_their_own_session_where_that_is_allowed_is_marked_in_its_audit_log() {
    let world = World::new().await;
    let anna = world.op(&world.anna);
    let allowed = OrganizationChange { allow_self_approval: Some(true), ..Default::default() };
    world.app.change_organization(&anna, allowed).await.expect("allowed");
    let asked = world.app.request_privileged_session(&anna, world.request(0, 600, Wish::Enable)).await;
    let id = asked.expect("asked").session.id;
    world.decide(&world.anna, id, StatusChange::Approve).await.expect("approved");
    world.process().await;
    for (who, end) in [(&world.anna, 1_200), (&world.bert, 1_800)] {
        let end = world.clock.after(end);
        world.app.extend_privileged_session(&anna, id, end, "not done", None).await.expect("asked");
        world.decide(who, id, StatusChange::Approve).await.expect("approved");
    }
    for (who, enabled) in [(&world.anna, false), (&world.bert, true)] {
        world.app.switch_account(&world.op(who), id, None, enabled).await.expect("switched");
    }
    let log = world.app.audit_log(&anna, id).await.expect("a log");
    let marked: Vec<_> = log
        .iter()
        .filter_map(|entry| {
            let said =
                entry.comment.as_deref()?.strip_prefix("Self-approval, allowed by the organization.")?;
            let who = entry.changed_by.as_ref().expect("somebody").user_name.as_str();
            Some((entry.action, who, said.trim()))
        })
        .collect();
    let actions: Vec<_> = marked.iter().map(|(action, who, _)| (*action, *who)).collect();
    let expected = [
        (AuditAction::PrivilegedSessionStatusChanged, "anna"),
        (AuditAction::PrivilegedSessionExtended, "anna"),
        (AuditAction::PrivilegedSessionAccountSwitched, "anna"),
    ];
    assert_eq!(actions, expected, "and nothing of Bert's: {log:?}");
    assert!(marked[1].2.starts_with("The end was moved from"), "what was done is said too: {marked:?}");
    assert!(marked[2].2.contains("erp-admin is to be disabled"), "{marked:?}");
}

#[tokio::test]
async fn what_an_administrator_sets_during_the_session_is_what_it_goes_back_to() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let change = chaperone_app::accounts::AccountChange { state: Some(Enabled), ..Default::default() };
    world.app.change_account(&world.op(&world.anna), world.account.id, change).await.expect("changed");
    world.clock.forward(600);
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Ended);
    let account = world.account_now().await;
    assert_eq!((account.state, account.expires_at), (Enabled, None));
}

#[tokio::test]
async fn nothing_starts_before_its_time_by_hand_either() {
    let world = World::new().await;
    let id = world.approved(60, 600, Wish::Enable).await.session.id;
    assert_eq!(rule(world.app.process_by_hand(&world.op(&world.anna), id).await), "nothing-due");
    world.clock.forward(60);
    let view = world.app.process_by_hand(&world.op(&world.anna), id).await.expect("processed");
    assert_eq!(view.session.status(), Status::Active);
}

#[tokio::test]
async fn requests_whose_end_passes_expire() {
    let world = World::new().await;
    let approved = world.approved(600, 1_200, Wish::Enable).await.session.id;
    let asked = world
        .app
        .request_privileged_session(&world.op(&world.anna), world.request(60, 600, Wish::Enable))
        .await;
    let draft = asked.expect("asked").session.id;
    world.clock.forward(1_200);
    world.process().await;
    assert_eq!(world.session(approved).await.session.status(), Status::Expired);
    assert_eq!(world.session(draft).await.session.status(), Status::Expired);
    assert_eq!(world.account_now().await.state, Disabled);
}

#[tokio::test]
async fn opening_needs_the_password_and_consent_and_leaves_a_recording() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let paula = world.op(&world.paula);
    let open = |password: &str, consent| {
        world.app.open_privileged_session(&paula, id, Some(password.to_owned()), consent)
    };
    assert_eq!(rule(open("wrong", true).await), "password-wrong");
    assert_eq!(rule(open(PASSWORD, false).await), "consent-declined");
    let opened = open(PASSWORD, true).await.expect("opened");
    assert_eq!(opened.targets.len(), 1);
    let log = world.app.user_log(&world.op(&world.anna), id).await.expect("a log");
    assert_eq!(log.len(), 1);
    assert!(log[0].0.end.is_none());

    world.decide(&world.paula, id, StatusChange::HandBack).await.expect("handed back");
    world.process().await;
    let view = world.session(id).await;
    assert_eq!(
        (view.session.status(), view.session.end_reason),
        (Status::Ended, Some(EndReason::HandedBack))
    );
    let log = world.app.user_log(&world.op(&world.anna), id).await.expect("a log");
    assert!(log[0].0.end.is_some_and(|end| !end.estimated));
    assert!(world.app.gate().by_id(opened.sign_in_id).is_none());
}

/// A session in which Paula works; what she opened.
async fn worked_in(world: &World) -> (PrivilegedSessionId, SignInId) {
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let password = Some(PASSWORD.to_owned());
    let opened = world.app.open_privileged_session(&world.op(&world.paula), id, password, true).await;
    (id, opened.expect("opened").sign_in_id)
}

async fn end_of(world: &World, id: PrivilegedSessionId) -> Option<(EndKind, bool)> {
    let log = world.app.user_log(&world.op(&world.anna), id).await.expect("a log");
    log[0].0.end.map(|end| (end.kind, end.estimated))
}

#[tokio::test]
async fn a_password_that_is_reset_ends_what_is_open_in_privileged_sessions_too() {
    let world = World::new().await;
    let (id, sign_in) = worked_in(&world).await;
    let on_the_machine = Op::system(world.app.now());
    let password = world.app.reset_password_by_name(&on_the_machine, "paula").await.expect("reset");
    assert!(world.app.gate().by_id(sign_in).is_none(), "nobody gets in with it any more");
    assert_eq!(end_of(&world, id).await, Some((EndKind::EndedByAdministrator, false)));
    assert_eq!(world.session(id).await.session.status(), Status::Active, "the session itself goes on");
    let paula = world.op(&world.paula);
    let open = async |password: &str| {
        world.app.open_privileged_session(&paula, id, Some(password.to_owned()), true).await
    };
    assert_eq!(rule(open(PASSWORD).await), "password-wrong");
    open(&password).await.expect("opened again");
}

#[tokio::test]
async fn ones_own_new_password_leaves_what_one_does_in_a_privileged_session() {
    let world = World::new().await;
    let (id, sign_in) = worked_in(&world).await;
    let (paula, new) = (world.op(&world.paula), "another horse, another battery".to_owned());
    world.app.change_own_password(&paula, PASSWORD.to_owned(), new).await.expect("changed");
    assert!(world.app.gate().by_id(sign_in).is_some());
    assert_eq!(end_of(&world, id).await, None);
}

#[tokio::test]
async fn the_account_log_says_that_an_approved_extension_moved_the_end() {
    let world = World::new().await;
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let (first_end, end) = (world.clock.after(600), world.clock.after(1_200));
    world
        .app
        .extend_privileged_session(&world.op(&world.paula), id, end, "not done", None)
        .await
        .expect("asked");
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.clock.forward(1_200);
    world.process().await;
    let log = world.app.account_log(&world.op(&world.anna), id).await.expect("a log");
    let lines: Vec<_> = log
        .iter()
        .map(|entry| (entry.direction, entry.wanted.as_str(), entry.wanted_until.clone()))
        .collect();
    let expected = [
        (Direction::Forward, "enabled", Some(first_end.to_string())),
        (Direction::EndMoved, "enabled", Some(end.to_string())),
        (Direction::Back, "disabled", None),
    ];
    assert_eq!(lines, expected);
    assert!(log.iter().all(|entry| entry.done_at.is_some() && entry.verified_at.is_some()));
}
