//! Sign-ins of programs, refused attempts, the use of targets, and exports.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chaperone_app::entry::EntryRefused;
use chaperone_app::exports::Format;
use chaperone_app::faults::Faults;
use chaperone_app::gate::LiveSignIn;
use chaperone_app::lists::{EventFilter, Page, SignInQuery, SignInRow};
use chaperone_app::privileged_sessions::StatusChange;
use chaperone_app::targets::TargetFields;
use chaperone_app::{App, AppError, Client, jobs};
use chaperone_domain::audit_event::{AuditAction, AuditEvent, DetailValue};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::SignInId;
use chaperone_domain::sign_in::{Channel, EndKind, SignInKind};
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::User;
use chaperone_store::Stage;

use crate::databases::run_past_the_store;
use crate::world::{PASSWORD, World};

const UNKNOWN: &str = "chp_this-is-nobody-s-token-and-never-was";

fn client() -> Client {
    Client::new("192.0.2.9", "curl/8")
}

async fn token(world: &World, user: &User) -> String {
    world.app.create_api_token(&world.op(user), "import".to_owned(), None).await.expect("a token").1
}

async fn target(world: &World, name: &str, web_services: WebServicesInSession) -> Target {
    let fields = TargetFields {
        name: name.to_owned(),
        host: format!("{}.localhost", name.to_lowercase()),
        directory_id: None,
        upstream: "http://127.0.0.1:1".to_owned(),
        identity: TargetIdentity::None,
        recording: TargetRecording::Privileged,
        web_services_in_session: web_services,
        audit_enabled: true,
        entry_posts: Vec::new(),
    };
    world.app.create_target(&world.op(&world.anna), fields).await.expect("a target")
}

/// Every sign-in of a user, newest first.
async fn sign_ins(world: &World, user: &User) -> Vec<SignInRow> {
    let query = SignInQuery {
        user_id: Some(user.id),
        ..SignInQuery::between(world.clock.after(-1_000_000), world.clock.after(1))
    };
    world.app.sign_ins(&world.op(&world.anna), query, Page::first(100)).await.expect("read").items
}

/// Every event of that kind, oldest first.
async fn events(world: &World, action: AuditAction) -> Vec<AuditEvent> {
    let filter = EventFilter { action: Some(action), ..Default::default() };
    let found = world.app.audit_events(&world.op(&world.anna), filter, Page::first(1_000)).await;
    found.expect("read").items.into_iter().rev().map(|stored| stored.event).collect()
}

/// Everything that the trail says.
async fn whole_trail(world: &World) -> Vec<AuditEvent> {
    let found =
        world.app.audit_events(&world.op(&world.anna), EventFilter::default(), Page::first(1_000)).await;
    found.expect("read").items.into_iter().map(|stored| stored.event).collect()
}

fn detail(event: &AuditEvent, name: &str) -> DetailValue {
    event
        .details
        .iter()
        .find(|(known, _)| known == name)
        .map_or(DetailValue::Nothing, |(_, value)| value.clone())
}

async fn causes(world: &World) -> Vec<String> {
    let failed = events(world, AuditAction::SignInFailed).await;
    failed
        .iter()
        .map(|event| match detail(event, "cause") {
            DetailValue::Text(cause) => cause,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Runs the jobs until they have looked around, and stops them as at the end of a process.
async fn jobs_look(app: &Arc<App>) {
    let (end, ended) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(app.clone(), ended));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    end.send(true).expect("somebody listens");
    running.await.expect("the jobs end");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_token_are_one_sign_in_that_ends_estimated_when_they_stop() {
    let world = World::new().await;
    let token = token(&world, &world.paula).await;
    let calls = (0..16).map(|_| {
        let (app, token) = (world.app.clone(), token.clone());
        tokio::spawn(async move { app.authenticate_token(&token, client()).await.expect("known").sign_in_id })
    });
    let mut seen: Vec<SignInId> = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        seen.push(call.await.expect("answered").expect("in a sign-in"));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "however many call at the same time");
    world.clock.forward(100);
    let last = world.app.authenticate_token(&token, client()).await.expect("known");
    assert_eq!(last.sign_in_id, Some(seen[0]));

    let begun = sign_ins(&world, &world.paula).await;
    let sign_in = &begun[0].sign_in;
    assert_eq!((begun.len(), sign_in.kind, sign_in.channel), (1, SignInKind::Console, Channel::WebServices));
    assert_eq!((sign_in.client_address.as_str(), sign_in.user_agent.as_str()), ("192.0.2.9", "curl/8"));
    assert!(sign_in.api_token_id.is_some() && sign_in.end.is_none());

    world.clock.forward(30 * 60 - 1);
    jobs_look(&world.app).await;
    assert_eq!(sign_ins(&world, &world.paula).await[0].sign_in.end, None);
    world.clock.forward(1);
    jobs_look(&world.app).await;
    let end = sign_ins(&world, &world.paula).await[0].sign_in.end.expect("ended");
    assert_eq!(
        (end.kind, end.estimated, end.at),
        (EndKind::Lost, true, sign_in.started_at + std::time::Duration::from_secs(100))
    );

    let next = world.app.authenticate_token(&token, client()).await.expect("known").sign_in_id;
    assert_ne!(next, Some(seen[0]), "what has ended is not opened again");
    let started = events(&world, AuditAction::SignInStarted).await;
    let of_token: Vec<_> = started.iter().map(|event| (event.sign_in_id, event.channel)).collect();
    assert_eq!(of_token, [(Some(seen[0]), Some(Channel::WebServices)), (next, Some(Channel::WebServices))]);
    assert_eq!(detail(&started[0], "api_token_id"), sign_in.api_token_id.map(|id| id.to_string()).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_over_makes_way_for_the_next_without_a_refusal() {
    let world = World::new().await;
    let token = token(&world, &world.paula).await;
    let before = world.app.identify_token(&world.target, &token, &client()).await.expect("let in");
    world.clock.forward(12 * 3_600);
    let after = world.app.identify_token(&world.target, &token, &client()).await.expect("let in again");
    assert_ne!(before.id, after.id);
    let ends: Vec<_> = sign_ins(&world, &world.paula).await.iter().map(|row| row.sign_in.end).collect();
    assert!(ends[0].is_none() && ends[1].is_some_and(|end| end.estimated), "{ends:?}");
    assert_eq!(events(&world, AuditAction::AccessRefused).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_tokens_are_in_the_trail_with_their_cause_and_without_the_token() {
    let world = World::new().await;
    let revoked = token(&world, &world.paula).await;
    let op = world.op(&world.paula);
    world.app.authenticate_token(&revoked, client()).await.expect("good until now");
    let id = world.app.api_tokens(&op).await.expect("read")[0].id;
    world.app.revoke_api_token(&op, id).await.expect("revoked");
    let end = sign_ins(&world, &world.paula).await[0].sign_in.end.expect("what was open with it ends");
    assert_eq!((end.kind, end.estimated), (EndKind::SignedOut, false));

    let expiring = world.app.create_api_token(&op, "short".to_owned(), Some(world.clock.after(5))).await;
    let expiring = expiring.expect("a token").1;
    let inactive = token(&world, &world.bert).await;
    let no_more = chaperone_app::users::UserChange { active: Some(false), ..Default::default() };
    world.app.change_user(&world.op(&world.anna), world.bert.id, no_more).await.expect("changed");
    world.clock.forward(5);
    for token in [&revoked, UNKNOWN, &expiring, &inactive, "Basic"] {
        let refused = world.app.authenticate_token(token, client()).await;
        assert!(matches!(refused, Err(AppError::NotSignedIn)), "{token}");
    }
    let known = ["token_revoked", "unknown_token", "token_expired", "user_inactive", "not_a_token"];
    assert_eq!(causes(&world).await, known);
    for token in [&revoked, UNKNOWN] {
        let refused = world.app.identify_token(&world.target, token, &client()).await;
        assert_eq!(refused.err(), Some(EntryRefused::CodeInvalid), "at a target as well");
    }
    let failed = events(&world, AuditAction::SignInFailed).await;
    assert_eq!(failed.len(), 7);
    assert_eq!(detail(&failed[6], "target_id"), world.target.id.to_string().into());
    assert_eq!(failed[0].on_behalf_of, Some(world.paula.id), "whose token it was");
    assert_eq!(failed[1].client_address.as_deref(), Some("192.0.2.9"));
    let told = format!("{failed:?}");
    for token in [&revoked, UNKNOWN, &expiring, &inactive] {
        assert!(!told.contains(&token[4..]), "no token is in the trail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_is_told_by_its_number() {
    let world = World::new().await;
    for _ in 0..25 {
        world.app.authenticate_token(UNKNOWN, client()).await.map(|_| ()).expect_err("refused");
    }
    let failed = events(&world, AuditAction::SignInFailed).await;
    assert_eq!(failed.len(), 10);
    assert_eq!(detail(&failed[8], "more_are_counted"), false.into());
    assert_eq!(detail(&failed[9], "more_are_counted"), true.into());
    world.clock.forward(10);
    jobs_look(&world.app).await;
    let counted = events(&world, AuditAction::RefusalsCounted).await;
    assert_eq!(counted.len(), 1);
    assert_eq!(detail(&counted[0], "count"), 15.into());
    assert_eq!(counted[0].subject.id, "token  from 192.0.2.9: unknown_token");
    world.app.authenticate_token(UNKNOWN, client()).await.map(|_| ()).expect_err("refused");
    assert_eq!(events(&world, AuditAction::SignInFailed).await.len(), 11, "the next one is told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_beyond_the_limit_are_counted_and_fill_no_trail() {
    let world = World::new().await;
    let nobody = chaperone_app::Op::anonymous(world.app.now(), Channel::Web, client());
    for _ in 0..40 {
        let refused = world.app.sign_in(&nobody, "paula", "wrong".to_owned()).await;
        assert!(refused.is_err());
    }
    let causes = causes(&world).await;
    assert_eq!(causes.iter().filter(|cause| *cause == "wrong_password").count(), 10);
    assert_eq!(causes.iter().filter(|cause| *cause == "too_many_attempts").count(), 10);
    world.clock.forward(10);
    jobs_look(&world.app).await;
    let counted = events(&world, AuditAction::RefusalsCounted).await;
    assert_eq!(counted.iter().map(|event| detail(event, "count")).collect::<Vec<_>>(), [20.into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_fails_is_in_the_trail_with_its_reason_and_its_answer_tells_none() {
    let world = World::new().await;
    let no_more = chaperone_app::users::UserChange { active: Some(false), ..Default::default() };
    world.app.change_user(&world.op(&world.anna), world.bert.id, no_more).await.expect("changed");
    let before = whole_trail(&world).await.len();
    let attempts = [
        ("nobody-here", "typed-by-a-stranger", "unknown_user", None),
        ("paula", "typed-by-mistake", "wrong_password", Some(world.paula.id)),
        ("bert", PASSWORD, "user_inactive", Some(world.bert.id)),
        // Only who knows the password is refused for the user's sake.
        ("bert", "typed-by-a-thief", "wrong_password", Some(world.bert.id)),
    ];
    for (name, password, cause, user) in attempts {
        world.clock.forward(1);
        let nobody = chaperone_app::Op::anonymous(world.app.now(), Channel::Web, client());
        let refused = world.app.sign_in(&nobody, name, password.to_owned()).await;
        assert!(matches!(refused, Err(AppError::SignInFailed)), "{name}: one answer for all");
        let event = events(&world, AuditAction::SignInFailed).await.pop().expect("an event");
        assert_eq!((detail(&event, "cause"), detail(&event, "user_name")), (cause.into(), name.into()));
        assert_eq!((event.on_behalf_of, event.actor.user_id()), (user, None), "{name}");
        assert_eq!(event.client_address.as_deref(), Some("192.0.2.9"));
        assert_eq!(detail(&event, "user_agent"), "curl/8".into());
    }
    let trail = whole_trail(&world).await;
    assert_eq!(trail.len(), before + attempts.len());
    let trail = format!("{trail:?}");
    for (_, password, ..) in attempts {
        assert!(!trail.contains(password), "what was typed as a password is nowhere");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_the_way_in_with_an_old_password_when_it_is_reset_does_not_get_in() {
    let world = World::new().await;
    let (app, paula) = (world.app.clone(), world.paula.id);
    let on_the_way = Arc::new(AtomicBool::new(false));
    let seen = on_the_way.clone();
    // The password fits; before the sign-in is written, an administrator resets it.
    let node = world
        .gated_node(Arc::new(move |stage| {
            let (app, first) = (app.clone(), stage == Stage::Before && seen.swap(false, Ordering::SeqCst));
            Box::pin(async move {
                if first {
                    let op = chaperone_app::Op::system(app.now());
                    app.reset_password(&op, paula).await.expect("reset");
                }
                Ok(())
            })
        }))
        .await;
    let nobody = || chaperone_app::Op::anonymous(node.now(), Channel::Web, client());
    on_the_way.store(true, Ordering::SeqCst);
    let refused = node.sign_in(&nobody(), "paula", PASSWORD.to_owned()).await;
    assert!(matches!(refused, Err(AppError::SignInFailed)));
    let event = events(&world, AuditAction::SignInFailed).await.pop().expect("an event");
    assert_eq!(detail(&event, "cause"), "user_changed".into());
    let filter = chaperone_store::SignInFilter { user_id: Some(paula), ..Default::default() };
    assert_eq!(world.rows().await.read().open_sign_ins(filter).await.expect("read").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sign_in_ends_before_it_began_after_a_restart_with_a_clock_that_was_set_back() {
    let mut world = World::new().await;
    let token = token(&world, &world.paula).await;
    world.clock.forward(7_200);
    let nobody = chaperone_app::Op::anonymous(world.app.now(), Channel::Web, client());
    let by_password = world.app.sign_in(&nobody, "paula", PASSWORD.to_owned()).await.expect("signed in");
    world.app.sign_in(&nobody, "bert", PASSWORD.to_owned()).await.expect("signed in");
    world.app.authenticate_token(&token, client()).await.expect("known");
    world.app.identify_token(&world.target, &token, &client()).await.expect("let in");
    // The process is killed before the highest instant is stored.
    world.clock.forward(-3_600);
    world.restart(Faults::none()).await;
    let (op, _) = world.app.authenticate_cookie(&by_password.secret, client()).await.expect("known");
    assert!(op.at < by_password.sign_in.started_at, "time has gone back");
    let id = world.app.api_tokens(&op).await.expect("read")[0].id;
    world.app.revoke_api_token(&op, id).await.expect("revoked");
    world.app.sign_out(&op).await.expect("signed out");
    let no_more = chaperone_app::users::UserChange { active: Some(false), ..Default::default() };
    world.app.change_user(&world.op(&world.anna), world.bert.id, no_more).await.expect("changed");
    world.clock.forward(7_200);
    let (paulas, berts) = (sign_ins(&world, &world.paula).await, sign_ins(&world, &world.bert).await);
    assert_eq!((paulas.len(), berts.len()), (3, 1));
    for SignInRow { sign_in, .. } in paulas.into_iter().chain(berts) {
        let end = sign_in.end.expect("ended");
        assert_eq!((end.at, end.estimated), (sign_in.started_at, false), "{sign_in:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_has_one_sign_in_for_all_targets_also_after_a_restart() {
    let mut world = World::new().await;
    let crm = target(&world, "CRM", WebServicesInSession::Refuse).await;
    let token = token(&world, &world.paula).await;
    let at = async |world: &World, target: &Target| -> Arc<LiveSignIn> {
        world.app.identify_token(target, &token, &client()).await.expect("let in")
    };
    let erp = world.target.clone();
    let first = at(&world, &erp).await;
    for target in [&erp, &crm, &erp] {
        assert_eq!(at(&world, target).await.id, first.id);
    }
    first.seen(world.app.now(), erp.id);
    world.clock.forward(60);
    first.seen(world.app.now(), erp.id);
    first.seen(world.app.now(), crm.id);
    jobs_look(&world.app).await;
    world.restart(Faults::none()).await;
    // A pause over the restart, too long to count as work.
    world.clock.forward(600);
    let again = at(&world, &erp).await;
    assert_eq!(again.id, first.id);
    again.seen(world.app.now(), erp.id);
    world.clock.forward(30);
    again.seen(world.app.now(), erp.id);
    jobs_look(&world.app).await;

    let rows = sign_ins(&world, &world.paula).await;
    let uses: Vec<_> = rows[0]
        .targets
        .iter()
        .map(|used| (used.target_id, used.active.as_secs(), used.idle.as_secs()))
        .collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(uses, [(erp.id, 90, 600), (crm.id, 0, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_before_the_end_is_kept_when_a_sign_in_ends() {
    let world = World::new().await;
    let token = token(&world, &world.paula).await;
    let live = world.app.identify_token(&world.target, &token, &client()).await.expect("let in");
    live.seen(world.app.now(), world.target.id);
    world.clock.forward(20);
    live.seen(world.app.now(), world.target.id);
    world.app.end_sign_in(&world.op(&world.anna), live.id).await.expect("ended");
    jobs_look(&world.app).await;
    let rows = sign_ins(&world, &world.paula).await;
    assert_eq!(rows[0].sign_in.end.map(|end| end.kind), Some(EndKind::EndedByAdministrator));
    assert_eq!(rows[0].targets.iter().map(|used| used.active.as_secs()).collect::<Vec<_>>(), [20]);
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_session_a_program_acts_as_its_account_where_the_target_allows_that() {
    let world = World::new().await;
    let witness = target(&world, "CRM", WebServicesInSession::Witness).await;
    let token = token(&world, &world.paula).await;
    let acts_as = async || {
        let live = world.app.identify_token(&witness, &token, &client()).await.expect("let in");
        live.facts().account.name.clone()
    };
    assert_eq!(acts_as().await, "paula", "outside as the everyday account");
    let mut request = world.request(0, 3_600, Wish::Enable);
    request.target_ids = vec![world.target.id, witness.id];
    let asked = world.app.request_privileged_session(&world.op(&world.anna), request).await.expect("asked");
    let id = asked.session.id;
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.process().await;
    assert_eq!(acts_as().await, "erp-admin", "inside as the session's");
    let at_erp = world.app.identify_token(&world.target, &token, &client()).await.expect("let in");
    assert_eq!(at_erp.facts().account.name, "paula", "where that is refused, as everyday");
    world.decide(&world.anna, id, StatusChange::End).await.expect("ended");
    world.process().await;
    assert_eq!(acts_as().await, "paula", "and afterwards as before");
    let of_session: Vec<_> = sign_ins(&world, &world.paula)
        .await
        .into_iter()
        .filter(|row| row.sign_in.privileged_session_id == Some(id))
        .collect();
    assert_eq!(of_session.len(), 1);
    assert_eq!(of_session[0].sign_in.end.map(|end| end.kind), Some(EndKind::SessionEnded));
}

async fn whole(world: &World, format: Format) -> Vec<u8> {
    let query = SignInQuery::between(world.clock.after(-100_000), world.clock.after(1));
    let op = world.op(&world.anna);
    let mut export = world.app.export_sign_ins(&op, query, format).await.expect("begun");
    let mut bytes = Vec::new();
    while let Some(piece) = export.next().await {
        bytes.extend(piece.expect("a piece"));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_every_row_over_many_pages_and_is_in_the_trail() {
    let world = World::new().await;
    let nobody = |second| {
        world.clock.forward(second);
        chaperone_app::Op::anonymous(world.app.now(), Channel::Web, Client::new("192.0.2.9", "=1+1"))
    };
    let op = nobody(0);
    let paula = world.app.sign_in(&op, "paula", PASSWORD.to_owned()).await.expect("signed in");
    // More than a page, written past the use case, which asks for a password each time.
    let rows = world.rows().await;
    // Many in one moment, more than a page, and then one after the other.
    for number in 0..3_300_u32 {
        let mut copy = paula.sign_in.clone();
        copy.id = SignInId::new(uuid::Uuid::from_u128(number.into()));
        let before = jiff::SignedDuration::from_micros(i64::from(number.saturating_sub(1_200)));
        copy.started_at -= before;
        let event = op.event(AuditAction::SignInStarted, "sign_in", copy.id);
        rows.write(move |tx| {
            let (copy, event) = (copy.clone(), event.clone());
            Box::pin(async move {
                tx.insert_sign_in(&copy, None).await?;
                Ok::<_, AppError>(tx.commit((), chaperone_store::Events::one(event)))
            })
        })
        .await
        .expect("written");
    }
    let text = String::from_utf8(whole(&world, Format::Csv).await).expect("UTF-8");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 3_301);
    assert!(lines[0].starts_with("sign_in_id,user_id,user_name,display_name,email,kind,channel,started_at"));
    assert!(
        lines[1..].iter().all(|line| line.contains(",paula,paula,,console,web,") && line.contains(",'=1+1,"))
    );
    let place = |line: &str| {
        let columns: Vec<&str> = line.split(',').collect();
        (columns[7].parse::<jiff::Timestamp>().expect("an instant"), columns[0].to_owned())
    };
    let places: Vec<_> = lines[1..].iter().map(|line| place(line)).collect();
    assert!(places.is_sorted_by(|newer, older| newer > older), "newest first, no row twice");
    let json = String::from_utf8(whole(&world, Format::JsonLines).await).expect("UTF-8");
    assert_eq!(json.lines().count(), 3_301);
    assert!(whole(&world, Format::Xlsx).await.starts_with(b"PK"));
    assert!(whole(&world, Format::Parquet).await.starts_with(b"PAR1"));

    let begun = events(&world, AuditAction::ExportStarted).await;
    let ended = events(&world, AuditAction::ExportEnded).await;
    assert_eq!((begun.len(), ended.len()), (4, 4));
    assert_eq!(detail(&begun[0], "total"), 3_301.into());
    for event in ended {
        assert_eq!((detail(&event, "outcome"), detail(&event, "rows")), ("complete".into(), 3_301.into()));
        assert_eq!(event.actor.user_id(), Some(world.anna.id));
    }
}

/// How so many exports ended, as soon as the trail says so.
async fn outcomes(world: &World, many: usize) -> Vec<DetailValue> {
    let told = async {
        loop {
            let ended = events(world, AuditAction::ExportEnded).await;
            if ended.len() == many {
                return ended.iter().map(|ended| detail(ended, "outcome")).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), told).await.expect("told")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_rows_that_cannot_be_read_ends_with_an_error_and_never_as_a_whole_file() {
    let world = World::new().await;
    world.app.sign_in(&world.op(&world.paula), "paula", PASSWORD.to_owned()).await.expect("signed in");
    let url = world.database_url();
    run_past_the_store(&url, "UPDATE sign_ins SET channel = 'smoke signals'").await;
    for format in Format::ALL {
        let query = SignInQuery::between(world.clock.after(-100), world.clock.after(1));
        let op = world.op(&world.anna);
        let mut export = world.app.export_sign_ins(&op, query, format).await.expect("begun");
        let mut last = export.next().await.expect("something");
        while last.is_ok() {
            last = export.next().await.expect("an error at its end");
        }
        assert!(export.next().await.is_none(), "and nothing after it");
    }
    assert_eq!(outcomes(&world, Format::ALL.len()).await, vec!["broken_off".into(); Format::ALL.len()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_reads_to_its_end_is_told_as_broken_off() {
    let world = World::new().await;
    let query = SignInQuery::between(world.clock.after(-100), world.clock.after(1));
    let op = world.op(&world.anna);
    let mut export = world.app.export_sign_ins(&op, query.clone(), Format::Csv).await.expect("begun");
    export.next().await.expect("the names of the columns").expect("a piece");
    drop(export);
    assert_eq!(outcomes(&world, 1).await, ["broken_off".into()]);

    // So many at a time, and no more until one has ended.
    let mut under_way = Vec::new();
    for _ in 0..chaperone_app::exports::EXPORTS_MAX {
        under_way.push(world.app.export_sign_ins(&op, query.clone(), Format::Csv).await.expect("begun"));
    }
    let refused = world.app.export_sign_ins(&op, query.clone(), Format::Csv).await;
    assert!(matches!(refused, Err(AppError::Refused { name: "too-many-exports", .. })));
    under_way.pop();
    world.app.export_sign_ins(&op, query, Format::Csv).await.expect("there is room again");
}
