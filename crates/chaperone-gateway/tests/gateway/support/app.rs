//! The app over a database of its own and the disk of the test.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chaperone_app::clock::Clock;
use chaperone_app::entry::EntryRequest;
use chaperone_app::faults::Faults;
use chaperone_app::gate::LiveFacts;
use chaperone_app::lists::{EventFilter, Page};
use chaperone_app::notifications::Channels;
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditAction, DetailValue};
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::grant::Wish;
use chaperone_domain::privileged_session::{PrivilegedSession, State, Window};
use chaperone_domain::sign_in::{Channel, SignIn};
use chaperone_domain::target::Target;
use chaperone_domain::user::{Role, Roles};
use chaperone_store::{Events, Store, StoreConfig, StoreError};

use super::World;
use super::vault::Disk;

/// The machine's clock, and how far the test is ahead of it.
struct Ahead(Arc<AtomicI64>);

impl Clock for Ahead {
    #[expect(clippy::disallowed_methods, reason = "over real connections time is real")]
    fn now(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

fn config(disk: &Disk) -> StoreConfig {
    StoreConfig::new(format!("sqlite:{}", disk.folder.path().join("chaperone.db").display()))
}

pub async fn open(disk: &Disk) -> Arc<App> {
    let config = AppConfig {
        store: Store::connect(config(disk)).await.expect("the database opens"),
        vault: disk.vault.clone(),
        clock: Box::new(Ahead(disk.ahead_s.clone())),
        master_key: [7; 32],
        addresses: Addresses {
            console: "http://console.localhost:8080".to_owned(),
            replay: "http://replay.localhost:8080".to_owned(),
            scheme: "http".to_owned(),
            port: Some(8080),
        },
        directory_secrets: "/nonexistent".into(),
        tail: TAIL,
        notifications: Channels::default(),
        event_streams: Vec::new(),
        faults: Faults::none(),
    };
    App::open(config).await.expect("the app opens")
}

/// Time passes.
pub fn later(world: &World, by: Duration) {
    world.disk.ahead_s.fetch_add(i64::try_from(by.as_secs()).expect("short"), Ordering::SeqCst);
}

/// The privileged session of the world's sign-in is extended or shortened.
pub fn session_ends_in(world: &World, by: Duration) {
    let facts = world.live.facts();
    let known = facts.session.as_ref().expect("a session");
    let now = world.app.now();
    world.app.gate().session_changed(&PrivilegedSession {
        id: known.id,
        account_id: facts.account.id,
        more_accounts: Vec::new(),
        user_id: facts.user.id,
        requested_by: facts.user.id,
        edited_by: Vec::new(),
        target_ids: known.target_ids.clone(),
        state: State::Active,
        end_reason: None,
        wish: Wish::Enable,
        window: Window::stored(now, now + by).expect("a window"),
        extension: None,
        reason: known.reason.clone(),
        ticket: String::new(),
        approved_by: None,
        self_approved: false,
        start_intended_at: None,
        started_at: None,
        ended_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    });
}

/// The refusals in the trail, each as action and cause, oldest first.
pub async fn events(world: &World) -> Vec<String> {
    let mut auditor = world.live.facts().user.clone();
    auditor.roles = Roles::new([Role::Auditor]);
    let op = op(world, auditor);
    let told = [AuditAction::AccessRefused, AuditAction::ChangeRefused, AuditAction::DocumentLocked];
    let found =
        world.app.audit_events(&op, EventFilter::default(), Page::first(1000)).await.expect("a trail");
    found
        .items
        .iter()
        .rev()
        .filter(|stored| told.contains(&stored.event.action))
        .map(|stored| {
            let cause = stored.event.details.iter().find(|(name, _)| name == "cause");
            let cause = match cause {
                Some((_, DetailValue::Text(cause))) => cause.as_str(),
                _ => "",
            };
            format!("{} {cause}", stored.event.action.name())
        })
        .collect()
}

/// Where accesses by a browser were recorded, oldest first.
pub async fn accesses(world: &World) -> Vec<String> {
    let mut auditor = world.live.facts().user.clone();
    auditor.roles = Roles::new([Role::Auditor]);
    let filter = EventFilter { action: Some(AuditAction::UserAccessViaWeb), ..EventFilter::default() };
    let found =
        world.app.audit_events(&op(world, auditor), filter, Page::first(1000)).await.expect("a trail");
    let place = |details: &[(String, DetailValue)]| match details.iter().find(|(name, _)| name == "place") {
        Some((_, DetailValue::Text(place))) => place.clone(),
        other => panic!("{other:?}"),
    };
    found.items.iter().rev().map(|stored| place(&stored.event.details)).collect()
}

fn op(world: &World, user: chaperone_domain::user::User) -> Op {
    Op {
        who: Who::User(Box::new(user)),
        at: world.app.now(),
        channel: Some(Channel::Web),
        client: Client::new("127.0.0.1", "test"),
        sign_in_id: None,
    }
}

/// Writes the rows of a person who is signed in at a target.
pub async fn put(disk: &Disk, app: &App, facts: &LiveFacts, target: &Target, sign_in: &SignIn) {
    let directory = Directory {
        id: target.directory_id,
        name: "Chaperone".to_owned(),
        kind: DirectoryKind::BuiltIn,
        settings: String::new(),
        created_at: sign_in.started_at,
        removed_at: None,
        version: 1,
    };
    let event = Op::system(app.now()).event(AuditAction::Installed, "organization", "1");
    let rows = (directory, facts.user.clone(), facts.account.clone(), target.clone(), sign_in.clone());
    let store = Store::connect(config(disk)).await.expect("the database opens");
    store
        .write(move |tx| {
            let ((directory, user, account, target, sign_in), event) = (rows.clone(), event.clone());
            Box::pin(async move {
                tx.insert_directory(&directory).await?;
                tx.insert_user(&user, None).await?;
                tx.insert_account(&account).await?;
                tx.insert_target(&target).await?;
                tx.insert_sign_in(&sign_in, None).await?;
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        })
        .await
        .expect("written");
}

/// A one-time code of the person's open sign-in, for a browser with this nonce.
pub async fn way_in(world: &World, nonce: &str) -> String {
    let request = EntryRequest {
        target_id: world.domain_target.lock().expect("not poisoned").id,
        nonce: nonce.to_owned(),
        return_path: "/".to_owned(),
        sign_in_id: Some(world.live.id),
        consent: false,
    };
    let op = op(world, world.live.facts().user.clone());
    let address = world.app.begin_entry(&op, request).await.expect("a way in");
    address.rsplit('=').next().expect("a code").to_owned()
}
