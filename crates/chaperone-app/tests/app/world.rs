//! One installation in a folder of its own: two administrators, Paula with a disabled privileged account, one target.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chaperone_app::accounts::NewAccount;
use chaperone_app::clock::Clock;
use chaperone_app::event_streams::ConfiguredStream;
use chaperone_app::faults::Faults;
use chaperone_app::notifications::Channels;
use chaperone_app::privileged_sessions::{NewPrivilegedSession, PrivilegedSessionView, StatusChange};
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, AppError, Client, Op, Opener, Who, jobs};
use chaperone_connectors::Settings;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::grant::{Attributes, Wish};
use chaperone_domain::ids::{AccountId, DirectoryId, PrivilegedSessionId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{FreeSpace, MasterKey, Vault, VaultConfig};
use chaperone_store::{Events, Gate, Store, StoreConfig, StoreError};
use tempfile::TempDir;

use crate::elsewhere::Elsewhere;

/// Where the clock stands at first.
const BEGIN_S: i64 = 1_790_000_000;
/// Names the directory of another system in its settings; what begins so is another one, and answers alike.
pub const ROOT: &str = "/elsewhere";
/// The file that says how many bytes are free for recordings.
const ROOM: &str = "room";
pub const PASSWORD: &str = "correct horse battery";

#[derive(Clone)]
pub struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_second(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

impl Hand {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn after(&self, seconds: i64) -> Instant {
        Instant::from_second(self.0.load(Ordering::SeqCst) + seconds).expect("in range")
    }
}

pub struct World {
    folder: TempDir,
    pub clock: Hand,
    channels: Channels,
    /// A directory of another system.
    pub elsewhere: Elsewhere,
    streams: Vec<ConfiguredStream>,
    pub app: Arc<App>,
    pub anna: User,
    pub bert: User,
    pub paula: User,
    pub account: Account,
    pub target: Target,
}

fn database_url(folder: &std::path::Path) -> String {
    format!("sqlite:{}", folder.join("chaperone.db").display())
}

async fn store(folder: &std::path::Path) -> Store {
    Store::connect(StoreConfig::new(database_url(folder))).await.expect("the database opens")
}

async fn open(
    folder: &TempDir,
    store: Store,
    clock: &Hand,
    channels: Channels,
    streams: Vec<ConfiguredStream>,
    faults: Faults,
    elsewhere: &Elsewhere,
) -> Arc<App> {
    let path = folder.path();
    let vault = VaultConfig::with_folders(path.join("spool"), path.join("blobs"), MasterKey::new([7; 32]));
    let room = path.join(ROOM);
    let free_space: FreeSpace = Arc::new(move |_| match std::fs::read_to_string(&room) {
        Ok(bytes) => Ok(bytes.parse().expect("a number")),
        Err(_) => Ok(u64::MAX),
    });
    let vault = VaultConfig { free_space, ..vault.expect("folders") };
    let vault = Vault::open(vault).expect("the vault opens");
    let config = AppConfig {
        store,
        vault,
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
        notifications: channels,
        event_streams: streams,
        faults,
    };
    let elsewhere = elsewhere.clone();
    let opener: Opener = Box::new(move |settings, secrets| match settings {
        Settings::Linux(linux) if linux.root.as_deref().is_some_and(|root| root.starts_with(ROOT)) => {
            Ok(Arc::new(elsewhere.clone()))
        }
        settings => chaperone_connectors::open(settings, secrets),
    });
    App::open_with(config, opener).await.expect("the app opens")
}

async fn user(app: &App, name: &str, roles: &[Role]) -> User {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: name.to_owned(),
        email: String::new(),
        roles: roles.to_vec(),
        active: true,
        password: Some(PASSWORD.to_owned()),
    };
    app.create_user(&Op::system(app.now()), new).await.expect("a user").0
}

/// The settings of a directory of another system.
pub fn settings(root: &str) -> Settings {
    serde_json::from_value(serde_json::json!({"kind": "linux", "root": root})).expect("settings")
}

fn fields() -> TargetFields {
    TargetFields {
        name: "ERP".to_owned(),
        host: "erp.localhost".to_owned(),
        directory_id: None,
        upstream: "http://127.0.0.1:1".to_owned(),
        identity: TargetIdentity::Assertion,
        recording: TargetRecording::Privileged,
        web_services_in_session: WebServicesInSession::Refuse,
        audit_enabled: true,
        entry_posts: Vec::new(),
    }
}

impl World {
    pub async fn new() -> Self {
        Self::telling(Channels::default()).await
    }

    /// One that tells on these ways.
    pub async fn telling(channels: Channels) -> Self {
        Self::with(channels, Vec::new()).await
    }

    /// One that tells on these ways and sends its trail on these streams.
    pub async fn with(channels: Channels, streams: Vec<ConfiguredStream>) -> Self {
        let folder = TempDir::new().expect("a folder");
        let clock = Hand(Arc::new(AtomicI64::new(BEGIN_S)));
        let elsewhere = Elsewhere::default();
        let rows = store(folder.path()).await;
        let app =
            open(&folder, rows, &clock, channels.clone(), streams.clone(), Faults::none(), &elsewhere).await;
        app.install().await.expect("installed");
        let anna = user(&app, "anna", &[Role::SystemAdministrator]).await;
        let bert = user(&app, "bert", &[Role::SystemAdministrator]).await;
        let paula = user(&app, "paula", &[]).await;
        let admin = op_of(&app, &anna);
        let account = NewAccount {
            directory_id: None,
            name: "erp-admin".to_owned(),
            owner: Some(paula.id),
            privileged: true,
            state: AccountState::Disabled,
        };
        let account = app.create_account(&admin, account).await.expect("an account");
        let target = app.create_target(&admin, fields()).await.expect("a target");
        Self { folder, clock, channels, elsewhere, streams, app, anna, bert, paula, account, target }
    }

    /// One whose account and target are of another system; the account is so there.
    pub async fn elsewhere(attributes: Attributes) -> Self {
        Self::elsewhere_telling(attributes, Channels::default()).await
    }

    /// The same, one that tells on these ways.
    pub async fn elsewhere_telling(attributes: Attributes, channels: Channels) -> Self {
        let mut world = Self::telling(channels).await;
        world.elsewhere.others(attributes);
        let directory = Directory {
            id: DirectoryId::new(uuid::Uuid::from_u128(77)),
            name: "Elsewhere".to_owned(),
            kind: DirectoryKind::Linux,
            settings: serde_json::to_string(&settings(ROOT)).expect("settings"),
            created_at: world.app.now(),
            removed_at: None,
            version: 1,
        };
        let account = Account {
            id: AccountId::new(uuid::Uuid::from_u128(78)),
            directory_id: directory.id,
            external_id: "1".to_owned(),
            state: attributes.state,
            expires_at: attributes.expires_at,
            last_seen_at: Some(world.app.now()),
            ..world.account.clone()
        };
        let event =
            Op::system(world.app.now()).event(AuditAction::DirectoryCreated, "directory", directory.id);
        let (row, store) = (directory.clone(), world.rows().await);
        let written = store.write(move |tx| {
            let (event, directory) = (event.clone(), row.clone());
            Box::pin(async move {
                tx.insert_directory(&directory).await?;
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        });
        written.await.expect("stored");
        world.imported(&account).await;
        let fields = TargetFields {
            name: "Elsewhere".to_owned(),
            host: "elsewhere.localhost".to_owned(),
            directory_id: Some(directory.id),
            ..fields()
        };
        world.target = world.app.create_target(&world.op(&world.anna), fields).await.expect("a target");
        world.account = account;
        world
    }

    /// An account as an import adds it.
    pub async fn imported(&self, account: &Account) {
        let event = Op::system(self.app.now()).event(
            AuditAction::AccountsImported,
            "directory",
            account.directory_id,
        );
        let (row, store) = (account.clone(), self.rows().await);
        let written = store.write(move |tx| {
            let (event, account) = (event.clone(), row.clone());
            Box::pin(async move {
                tx.insert_account(&account).await?;
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        });
        written.await.expect("stored");
    }

    /// Another node over the same rows.
    pub async fn another_node(&self, faults: Faults) -> Arc<App> {
        self.node(self.rows().await, faults).await
    }

    /// Another node, with a gate around every commit of its.
    pub async fn gated_node(&self, gate: Gate) -> Arc<App> {
        self.node(self.rows().await.gated(gate), Faults::none()).await
    }

    async fn node(&self, store: Store, faults: Faults) -> Arc<App> {
        let (channels, streams) = (self.channels.clone(), self.streams.clone());
        open(&self.folder, store, &self.clock, channels, streams, faults, &self.elsewhere).await
    }

    /// The process stops as if killed and starts again over the same files.
    pub async fn restart(&mut self, faults: Faults) {
        self.app = self.another_node(faults).await;
    }

    /// It is configured otherwise and starts again.
    pub async fn restart_with(&mut self, streams: Vec<ConfiguredStream>) {
        self.streams = streams;
        self.restart(Faults::none()).await;
    }

    /// The same rows, past the app.
    pub async fn rows(&self) -> Store {
        store(self.folder.path()).await
    }

    /// Where everything is kept.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The address of the world's database, for what is done past the store.
    pub fn database_url(&self) -> String {
        database_url(self.folder())
    }

    /// So many bytes are free for recordings from now on.
    pub fn room(&self, bytes: u64) {
        std::fs::write(self.folder().join(ROOM), bytes.to_string()).expect("written");
    }

    pub fn op(&self, user: &User) -> Op {
        op_of(&self.app, user)
    }

    pub fn request(&self, from_s: i64, to_s: i64, wish: Wish) -> NewPrivilegedSession {
        NewPrivilegedSession {
            account_id: self.account.id,
            more_accounts: Vec::new(),
            user_id: None,
            target_ids: vec![self.target.id],
            starts_at: self.clock.after(from_s),
            ends_at: self.clock.after(to_s),
            reason: "Month end".to_owned(),
            ticket: String::new(),
            wish,
            notice_acknowledged: true,
        }
    }

    /// Anna asks, Bert approves.
    pub async fn approved(&self, from_s: i64, to_s: i64, wish: Wish) -> PrivilegedSessionView {
        let asked =
            self.app.request_privileged_session(&self.op(&self.anna), self.request(from_s, to_s, wish)).await;
        let id = asked.expect("asked").session.id;
        self.decide(&self.bert, id, StatusChange::Approve).await.expect("approved")
    }

    pub async fn decide(
        &self,
        who: &User,
        id: PrivilegedSessionId,
        change: StatusChange,
    ) -> Result<PrivilegedSessionView, AppError> {
        self.app.change_status(&self.op(who), id, change, "", None).await
    }

    pub async fn process(&self) {
        jobs::process_due(&self.app).await.expect("processed");
    }

    pub async fn session(&self, id: PrivilegedSessionId) -> PrivilegedSessionView {
        self.app.view_privileged_session(&self.op(&self.anna), id).await.expect("a session")
    }

    pub async fn account_now(&self) -> Account {
        self.account_of(self.account.id).await
    }

    pub async fn account_of(&self, id: AccountId) -> Account {
        self.app.account(&self.op(&self.anna), id).await.expect("an account")
    }
}

pub fn op_of(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::Web),
        client: Client::new("192.0.2.7", "test"),
        sign_in_id: None,
    }
}
