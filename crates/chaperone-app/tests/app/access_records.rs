//! Access records: one per user and way in per interval, whoever looks, on every database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use chaperone_app::clock::Clock;
use chaperone_app::faults::Faults;
use chaperone_app::lists::{EventFilter, Page};
use chaperone_app::notifications::Channels;
use chaperone_app::organization::OrganizationChange;
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, AppError, Client, Op, Who, jobs};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditAction, AuditEvent, DetailValue};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Gate, Stage, Store, StoreConfig, StoreError};
use futures_util::FutureExt as _;
use sea_orm::{SqliteTransactionMode, TransactionOptions, TransactionTrait as _};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::databases::{Database, each, past_the_store};

const BEGIN_S: i64 = 1_790_000_000;
const HOUR_S: i64 = 3_600;
/// Accesses at the same time, on each node.
const ACCESSES: usize = 64;
/// A request waits at most so long for its record.
const WAIT: Duration = Duration::from_secs(2);
/// Beside that, for a machine that is busy; together less than what a statement waits for the file.
const BUSY: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_second(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

/// Two nodes over one database, with one clock each.
struct Nodes {
    _folder: TempDir,
    clocks: [Hand; 2],
    /// Whether the first node cannot write.
    away: Arc<AtomicBool>,
    apps: [Arc<App>; 2],
    anna: User,
    paula: User,
    database: Database,
}

/// Keeps every commit out while the switch is on.
fn gate(away: Arc<AtomicBool>) -> Gate {
    Arc::new(move |stage| {
        let closed = stage == Stage::Before && away.load(Ordering::SeqCst);
        Box::pin(async move { if closed { Err(StoreError::Unavailable) } else { Ok(()) } })
    })
}

async fn node(folder: &TempDir, name: &str, url: &str, clock: &Hand, away: Arc<AtomicBool>) -> Arc<App> {
    let path = folder.path().join(name);
    let vault = VaultConfig::with_folders(path.join("spool"), path.join("blobs"), MasterKey::new([7; 32]));
    let config = AppConfig {
        store: Store::connect(StoreConfig::new(url)).await.expect("the database opens").gated(gate(away)),
        vault: Vault::open(vault.expect("folders")).expect("the vault opens"),
        clock: Box::new(clock.clone()),
        master_key: [7; 32],
        addresses: Addresses {
            console: "http://console.localhost".to_owned(),
            replay: "http://replay.localhost".to_owned(),
            scheme: "http".to_owned(),
            port: None,
        },
        directory_secrets: path.join("secrets"),
        tail: jiff::SignedDuration::from_secs(30),
        notifications: Channels::default(),
        event_streams: Vec::new(),
        faults: Faults::none(),
    };
    App::open(config).await.expect("the app opens")
}

fn op(app: &App, user: &User, channel: Channel) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(channel),
        client: Client::new("192.0.2.7", "test"),
        sign_in_id: None,
    }
}

impl Nodes {
    async fn on(database: Database) -> Self {
        let folder = TempDir::new().expect("a folder");
        let clocks = [0, 0].map(|_| Hand(Arc::new(AtomicI64::new(BEGIN_S))));
        let url = database.url();
        let away = Arc::<AtomicBool>::default();
        let first = node(&folder, "one", &url, &clocks[0], away.clone()).await;
        first.install().await.expect("installed");
        let user = async |name: &str, roles: &[Role]| {
            let new = NewUser {
                user_name: name.to_owned(),
                display_name: name.to_owned(),
                email: String::new(),
                roles: roles.to_vec(),
                active: true,
                password: Some("correct horse battery".to_owned()),
            };
            first.create_user(&Op::system(first.now()), new).await.expect("a user").0
        };
        let anna = user("anna", &[Role::SystemAdministrator]).await;
        let paula = user("paula", &[]).await;
        let second = node(&folder, "two", &url, &clocks[1], Arc::default()).await;
        Self { _folder: folder, clocks, away, apps: [first, second], anna, paula, database }
    }

    async fn each() -> Vec<Self> {
        let mut nodes = Vec::new();
        for database in each().await {
            nodes.push(Self::on(database).await);
        }
        nodes
    }

    fn forward(&self, seconds: i64) {
        for clock in &self.clocks {
            clock.0.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    async fn access(&self, node: usize, channel: Channel) {
        let app = &self.apps[node];
        app.note_console_access(&op(app, &self.paula, channel)).await;
    }

    /// Whether an access is over without waiting for anything: no database was asked.
    fn is_quiet(&self, node: usize) -> bool {
        self.access(node, Channel::Web).now_or_never().is_some()
    }

    async fn events(&self, action: AuditAction) -> Vec<AuditEvent> {
        let filter = EventFilter { action: Some(action), ..EventFilter::default() };
        let op = op(&self.apps[0], &self.anna, Channel::Web);
        let found = self.apps[0].audit_events(&op, filter, Page::first(1_000)).await.expect("read");
        found.items.into_iter().map(|stored| stored.event).collect()
    }

    async fn records(&self) -> [usize; 2] {
        [
            self.events(AuditAction::UserAccessViaWeb).await.len(),
            self.events(AuditAction::UserAccessViaWebServices).await.len(),
        ]
    }

    async fn set(&self, node: usize, change: OrganizationChange) {
        let app = &self.apps[node];
        app.change_organization(&op(app, &self.anna, Channel::Web), change).await.expect("changed");
    }

    /// Lets both nodes look at what others changed, once.
    async fn look(&self) {
        for app in &self.apps {
            let (end, ended) = watch::channel(true);
            jobs::run(app.clone(), ended).await;
            drop(end);
        }
    }
}

fn off() -> OrganizationChange {
    OrganizationChange { is_user_access_audit_enabled: Some(false), ..OrganizationChange::default() }
}

fn on() -> OrganizationChange {
    OrganizationChange { is_user_access_audit_enabled: Some(true), ..OrganizationChange::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_accesses_on_two_nodes_at_once_one_is_recorded_for_each_way_in() {
    for nodes in Nodes::each().await {
        for round in 1..=3 {
            let accesses = (0..ACCESSES).flat_map(|_| {
                [Channel::Web, Channel::WebServices]
                    .into_iter()
                    .flat_map(|channel| [0, 1].map(|node| (node, channel)))
            });
            let accesses = accesses.map(|(node, channel)| nodes.access(node, channel));
            futures_util::future::join_all(accesses).await;
            assert_eq!(nodes.records().await, [round, round]);
            nodes.forward(4 * HOUR_S);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_interval_slides_from_the_last_record() {
    for nodes in Nodes::each().await {
        for (wait_s, expected) in [(0, 1), (4 * HOUR_S - 1, 1), (1, 2), (4 * HOUR_S - 1, 2), (2, 3)] {
            nodes.forward(wait_s);
            nodes.access(1, Channel::Web).await;
            nodes.access(0, Channel::Web).await;
            assert_eq!(nodes.records().await[0], expected, "after {wait_s} more seconds");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_who_where_from_where_and_the_interval() {
    for nodes in Nodes::each().await {
        nodes.access(0, Channel::WebServices).await;
        let events = nodes.events(AuditAction::UserAccessViaWebServices).await;
        let [event] = events.as_slice() else { panic!("one: {events:?}") };
        assert_eq!(event.actor.user_id(), Some(nodes.paula.id));
        assert_eq!(
            (event.subject.kind.as_str(), event.subject.id.clone()),
            ("user", nodes.paula.id.to_string())
        );
        assert_eq!(event.client_address.as_deref(), Some("192.0.2.7"));
        assert!(event.details.contains(&("useraccessauditinginterval".to_owned(), DetailValue::Number(4))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_nothing_records_every_access() {
    for nodes in Nodes::each().await {
        let change = OrganizationChange {
            user_access_auditing_interval_hours: Some(0),
            ..OrganizationChange::default()
        };
        nodes.set(0, change).await;
        nodes.look().await;
        for node in [0, 1, 0, 1, 1] {
            nodes.access(node, Channel::Web).await;
        }
        assert_eq!(nodes.records().await[0], 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_while_a_switch_is_off_and_switching_on_begins_anew() {
    for nodes in Nodes::each().await {
        nodes.access(0, Channel::Web).await;
        nodes.set(0, off()).await;
        // The second node has not looked yet: the database says that it is off.
        nodes.access(1, Channel::WebServices).await;
        nodes.access(0, Channel::Web).await;
        assert_eq!(nodes.records().await, [1, 0]);
        nodes.set(0, on()).await;
        nodes.look().await;
        nodes.access(1, Channel::Web).await;
        nodes.access(0, Channel::Web).await;
        assert_eq!(nodes.records().await, [2, 0], "the interval of before is forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_writes_no_second_record_and_loses_none() {
    for nodes in Nodes::each().await {
        nodes.access(0, Channel::Web).await;
        // One node's clock goes back by a day; the other node's was always behind.
        nodes.clocks[0].0.fetch_sub(24 * HOUR_S, Ordering::SeqCst);
        nodes.clocks[1].0.fetch_sub(2 * HOUR_S, Ordering::SeqCst);
        nodes.access(0, Channel::Web).await;
        nodes.access(1, Channel::Web).await;
        assert_eq!(nodes.records().await[0], 1);
        // The first access after the interval is recorded, by whichever clock gets there.
        nodes.clocks[1].0.fetch_add(6 * HOUR_S, Ordering::SeqCst);
        nodes.access(1, Channel::Web).await;
        nodes.access(0, Channel::Web).await;
        assert_eq!(nodes.records().await[0], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_the_interval_no_database_is_asked_and_outside_of_it_none_is_waited_for_long() {
    let nodes = Nodes::on(Database::Sqlite(TempDir::new().expect("a folder"))).await;
    nodes.access(0, Channel::Web).await;
    assert_eq!(nodes.records().await[0], 1);
    // Somebody else has the file, a backup for example.
    let connection = past_the_store(&nodes.database.url()).await;
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let lock = connection.begin_with_options(immediate).await.expect("locked");
    assert!(nodes.is_quiet(0), "inside the interval");
    nodes.forward(4 * HOUR_S);
    let began = tokio::time::Instant::now();
    nodes.access(0, Channel::Web).await;
    let took = began.elapsed();
    assert!(took < WAIT + BUSY, "the request goes on: {took:?}");
    assert!(nodes.is_quiet(0), "the next one does not wait for a record that is being written");
    assert_eq!(nodes.records().await[0], 1, "it cannot be written yet");
    lock.rollback().await.expect("released");
    let written = async {
        while nodes.records().await[0] < 2 {
            nodes.look().await;
        }
    };
    tokio::time::timeout(BUSY * 4, written).await.expect("it is written later");
    nodes.look().await;
    for node in [0, 1, 0] {
        nodes.access(node, Channel::Web).await;
    }
    assert_eq!(nodes.records().await[0], 2, "and once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_written_once_when_the_database_is_back_as_of_when_it_was() {
    for nodes in Nodes::each().await {
        nodes.away.store(true, Ordering::SeqCst);
        nodes.access(0, Channel::Web).await;
        assert!(nodes.is_quiet(0), "it is remembered");
        nodes.look().await;
        assert!(nodes.is_quiet(0), "and stays so while it is tried");
        assert_eq!(nodes.records().await[0], 0);
        nodes.forward(60);
        nodes.away.store(false, Ordering::SeqCst);
        for _ in 0..2 {
            nodes.look().await;
        }
        let events = nodes.events(AuditAction::UserAccessViaWeb).await;
        let [event] = events.as_slice() else { panic!("one: {events:?}") };
        assert_eq!((event.at.as_second(), event.actor.user_id()), (BEGIN_S, Some(nodes.paula.id)));
        // What another node wrote meanwhile covers it.
        nodes.forward(4 * HOUR_S);
        nodes.away.store(true, Ordering::SeqCst);
        nodes.access(0, Channel::Web).await;
        nodes.access(1, Channel::Web).await;
        nodes.away.store(false, Ordering::SeqCst);
        nodes.look().await;
        nodes.access(0, Channel::Web).await;
        assert_eq!(nodes.records().await[0], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_switch_is_an_event_and_what_takes_effect_is_another() {
    for nodes in Nodes::each().await {
        nodes.set(0, off()).await;
        nodes
            .set(0, OrganizationChange { is_audit_enabled: Some(false), ..OrganizationChange::default() })
            .await;
        nodes.set(0, on()).await;
        nodes
            .set(0, OrganizationChange { is_audit_enabled: Some(true), ..OrganizationChange::default() })
            .await;
        let counts = [
            (AuditAction::OrganizationChanged, 4),
            (AuditAction::AuditDisabled, 1),
            (AuditAction::AuditEnabled, 1),
            (AuditAction::UserAccessAuditStopped, 1),
            (AuditAction::UserAccessAuditStarted, 1),
            // Switched on while auditing was off: a setting and no effect.
            (AuditAction::AuditSettingsChanged, 1),
        ];
        for (action, expected) in counts {
            assert_eq!(nodes.events(action).await.len(), expected, "{action:?}");
        }
        let stopped = nodes.events(AuditAction::UserAccessAuditStopped).await.remove(0);
        let detail =
            |name: &str| stopped.details.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        assert_eq!(detail("old_isuseraccessauditenabled"), Some(&DetailValue::Flag(true)));
        assert_eq!(detail("new_isuseraccessauditenabled"), Some(&DetailValue::Flag(false)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_and_a_target_are_switched_alone_and_each_switch_is_an_event() {
    for nodes in Nodes::each().await {
        let app = &nodes.apps[0];
        let change =
            OrganizationChange { console_audit_enabled: Some(false), ..OrganizationChange::default() };
        nodes.set(0, change).await;
        nodes.access(0, Channel::Web).await;
        assert_eq!(nodes.records().await, [0, 0]);
        let fields = TargetFields {
            name: "ERP".to_owned(),
            host: "erp.localhost".to_owned(),
            directory_id: None,
            upstream: "http://127.0.0.1:1".to_owned(),
            identity: TargetIdentity::Assertion,
            recording: TargetRecording::Privileged,
            web_services_in_session: WebServicesInSession::Refuse,
            audit_enabled: true,
            entry_posts: Vec::new(),
        };
        let anna = op(app, &nodes.anna, Channel::Web);
        let target = app.create_target(&anna, fields).await.expect("a target");
        for enabled in [false, true] {
            app.change_target(&anna, target.id, None, |fields| fields.audit_enabled = enabled)
                .await
                .expect("changed");
        }
        assert_eq!(nodes.events(AuditAction::TargetAuditStopped).await.len(), 2, "console and target");
        assert_eq!(nodes.events(AuditAction::TargetAuditStarted).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_out_of_range_are_refused_with_the_field() {
    for nodes in Nodes::each().await {
        let app = &nodes.apps[0];
        let anna = op(app, &nodes.anna, Channel::Web);
        let preset = OrganizationChange::default;
        for (change, field) in [
            (
                OrganizationChange { user_access_auditing_interval_hours: Some(-1), ..preset() },
                "useraccessauditinginterval",
            ),
            (
                OrganizationChange { user_access_auditing_interval_hours: Some(1 << 31), ..preset() },
                "useraccessauditinginterval",
            ),
            (OrganizationChange { audit_retention_days: Some(0), ..preset() }, "auditretentionperiodv2"),
            (OrganizationChange { audit_retention_days: Some(-2), ..preset() }, "auditretentionperiodv2"),
            (
                OrganizationChange { audit_retention_days: Some(365_001), ..preset() },
                "auditretentionperiodv2",
            ),
        ] {
            match app.change_organization(&anna, change).await {
                Err(AppError::Invalid(problems)) => assert_eq!(problems[0].field, field),
                other => panic!("{field}: {other:?}"),
            }
        }
    }
}
