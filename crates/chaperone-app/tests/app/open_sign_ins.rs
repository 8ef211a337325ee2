//! What is open in a privileged session: it goes on when the session's end moves, ends with it, and nobody works with
//! its accounts beside it.

use chaperone_app::entry::{EntryRefused, EntryRequest};
use chaperone_app::gate::{Cut, NotAdmitted, admit};
use chaperone_app::privileged_sessions::{PrivilegedSessionChange, StatusChange};
use chaperone_app::{Client, jobs};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::privileged_session::{EndReason, Status};
use chaperone_domain::sign_in::{EndKind, SignInEnd};

use crate::world::{PASSWORD, World};

/// A session of ten minutes in which Paula works.
async fn open(world: &World) -> (PrivilegedSessionId, std::sync::Arc<chaperone_app::gate::LiveSignIn>) {
    let id = world.approved(0, 600, Wish::Enable).await.session.id;
    world.process().await;
    let password = Some(PASSWORD.to_owned());
    let opened = world.app.open_privileged_session(&world.op(&world.paula), id, password, true).await;
    let live = world.app.gate().by_id(opened.expect("opened").sign_in_id).expect("live");
    (id, live)
}

async fn end_of(world: &World, id: PrivilegedSessionId) -> Option<SignInEnd> {
    let log = world.app.user_log(&world.op(&world.anna), id).await.expect("a log");
    log[0].0.end
}

#[tokio::test]
async fn what_is_open_in_a_session_that_is_extended_goes_on_and_ends_exactly_at_the_new_end() {
    let world = World::new().await;
    let (id, live) = open(&world).await;
    let old = live.deadline();
    assert_eq!(old, world.session(id).await.session.window.ends_at());
    let new = world.clock.after(1_200);
    let paula = world.op(&world.paula);
    world.app.extend_privileged_session(&paula, id, new, "not done", None).await.expect("asked");
    assert_eq!(live.deadline(), old, "asked for is not approved");
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    assert_eq!(live.deadline(), new);

    world.clock.forward(700);
    world.process().await;
    assert_eq!(admit(&live, &world.target, world.app.now()), Ok(()), "after the old end");
    assert_eq!((end_of(&world, id).await, live.is_cut()), (None, None));

    // The door closes by itself, also when the processor comes late.
    world.clock.forward(800);
    assert_eq!(admit(&live, &world.target, world.app.now()), Err(NotAdmitted::NoActiveSession));
    world.process().await;
    let end = SignInEnd { at: new, kind: EndKind::SessionEnded, estimated: false };
    assert_eq!((end_of(&world, id).await, live.is_cut()), (Some(end), Some(Cut::Ended)));
}

#[tokio::test]
async fn what_waits_on_an_open_sign_in_follows_the_end_of_the_session_wherever_it_moves() {
    let world = World::new().await;
    let (id, live) = open(&world).await;
    let waiting = {
        let (live, now) = (live.clone(), world.app.now());
        tokio::spawn(async move { live.until_cut(now).await })
    };
    tokio::task::yield_now().await;
    let sooner = PrivilegedSessionChange { ends_at: Some(world.clock.after(1)), ..Default::default() };
    world.app.edit_privileged_session(&world.op(&world.paula), id, sooner).await.expect("shortened");
    // Half an hour was left; now it is a second.
    let cut = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
    assert_eq!(cut.expect("in time").expect("joined"), Cut::Deadline);
}

#[tokio::test]
async fn a_session_of_which_nothing_can_be_recorded_for_ten_minutes_ends_as_lost_and_its_account_goes_back() {
    for somebody_works in [false, true] {
        let world = World::new().await;
        let before = world.account_now().await;
        let id = if somebody_works {
            open(&world).await.0
        } else {
            let id = world.approved(0, 3_600, Wish::Enable).await.session.id;
            world.process().await;
            id
        };
        let end = world.clock.after(3_600);
        if somebody_works {
            let (paula, bert) = (world.op(&world.paula), world.op(&world.bert));
            world.app.extend_privileged_session(&paula, id, end, "not done", None).await.expect("asked");
            world.app.change_status(&bert, id, StatusChange::Approve, "", None).await.expect("approved");
        }
        let look = async |forward: i64| {
            world.clock.forward(forward);
            jobs::steps::recordings(&world.app).await.expect("looked");
            world.session(id).await.session.status()
        };
        world.room(1_000);
        assert_eq!(look(0).await, Status::Active);
        assert_eq!(look(590).await, Status::Active);
        // There is room for a moment: the ten minutes begin anew.
        world.room(u64::MAX);
        assert_eq!(look(5).await, Status::Active);
        world.room(1_000);
        assert_eq!(look(0).await, Status::Active);
        assert_eq!(look(599).await, Status::Active);
        assert_eq!(look(1).await, Status::Ending, "somebody works: {somebody_works}");
        world.process().await;
        let session = world.session(id).await.session;
        assert_eq!((session.status(), session.end_reason), (Status::Ended, Some(EndReason::RecordingLost)));
        let now = world.account_now().await;
        assert_eq!((now.state, now.expires_at), (before.state, before.expires_at), "it is back");
        let log = world.app.audit_log(&world.op(&world.anna), id).await.expect("a log");
        let why = log
            .iter()
            .any(|entry| entry.comment.as_deref() == Some("Nothing could be recorded for 10 minutes."));
        assert!(why, "the Audit log says why");
    }
}

#[tokio::test]
async fn who_was_at_work_with_an_account_before_a_session_took_it_is_signed_out_when_that_starts() {
    let world = World::new().await;
    let anna = world.op(&world.anna);
    let token = world.app.create_api_token(&world.op(&world.paula), "import".to_owned(), None).await;
    let token = token.expect("a token").1;
    let client = Client::new("192.0.2.9", "curl/8");
    let older = world.app.identify_token(&world.target, &token, &client).await.expect("let in");
    let facts = older.facts();
    assert!(facts.session.is_none() && !facts.account.privileged, "everyday work");

    let mut request = world.request(0, 600, Wish::None);
    request.account_id = facts.account.id;
    let id = world.app.request_privileged_session(&anna, request).await.expect("asked").session.id;
    world.decide(&world.bert, id, StatusChange::Approve).await.expect("approved");
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Active);
    assert_eq!(older.is_cut(), Some(Cut::Ended));
    let row = world.rows().await.read().sign_in(older.id).await.expect("read").expect("there");
    assert_eq!(row.end.map(|end| (end.kind, end.estimated)), Some((EndKind::SessionStarted, false)));

    // Nor does anybody begin anew beside it, by any way in; when it is over, everyday work goes on.
    let entry = || EntryRequest {
        target_id: world.target.id,
        nonce: world.app.new_nonce(),
        return_path: "/".to_owned(),
        sign_in_id: None,
        consent: true,
    };
    let paula = || world.op(&world.paula);
    let refused = world.app.identify_token(&world.target, &token, &client).await.map(|_| ());
    assert_eq!(refused, Err(EntryRefused::AccountInSession));
    let refused = world.app.begin_entry(&paula(), entry()).await;
    assert_eq!(refused, Err(EntryRefused::AccountInSession));
    world.decide(&world.bert, id, StatusChange::End).await.expect("ended");
    world.process().await;
    assert_eq!(world.session(id).await.session.status(), Status::Ended);
    world.app.begin_entry(&paula(), entry()).await.expect("let in again");
}
