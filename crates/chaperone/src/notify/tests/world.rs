//! One installation: Anna and Bert administrate, Carla approves, Paula works, Dora has left, Emil has no address.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chaperone_app::accounts::NewAccount;
use chaperone_app::clock::Clock;
use chaperone_app::faults::Faults;
use chaperone_app::notifications::NotificationView;
use chaperone_app::privileged_sessions::{NewPrivilegedSession, StatusChange};
use chaperone_app::targets::TargetFields;
use chaperone_app::users::{NewUser, UserChange};
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who, jobs};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::PrivilegedSessionId;
use chaperone_domain::notification::Channel;
use chaperone_domain::sign_in;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Store, StoreConfig};
use tempfile::TempDir;

use crate::config::{Notifications, Security, Smtp};

/// Where the clock stands at first: 2026-09-21 14:13:20 UTC.
const BEGIN_S: i64 = 1_790_000_000;

#[derive(Clone)]
pub(super) struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_second(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

pub(super) struct World {
    folder: TempDir,
    clock: Hand,
    pub(super) app: Arc<App>,
    pub(super) anna: User,
    pub(super) bert: User,
    pub(super) carla: User,
    pub(super) paula: User,
    pub(super) account: Account,
    pub(super) target: Target,
}

pub(super) fn addresses() -> Addresses {
    Addresses {
        console: "http://console.localhost:8080".to_owned(),
        replay: "http://replay.localhost:8080".to_owned(),
        scheme: "http".to_owned(),
        port: Some(8080),
    }
}

/// A mail server on this machine, in clear.
pub(super) fn mail_at(port: u16) -> Notifications {
    let smtp = Smtp {
        host: "localhost".to_owned(),
        port,
        security: Security::None,
        credentials: None,
        from: "Chaperone <chaperone@example.org>".parse().expect("an address"),
    };
    Notifications { smtp: Some(smtp), ..Default::default() }
}

async fn open(folder: &Path, clock: &Hand, told: &Notifications, faults: Faults) -> Arc<App> {
    let store =
        Store::connect(StoreConfig::new(format!("sqlite:{}", folder.join("rows.db").display()))).await;
    let vault =
        VaultConfig::with_folders(folder.join("spool"), folder.join("blobs"), MasterKey::new([7; 32]));
    let config = AppConfig {
        store: store.expect("the database opens"),
        vault: Vault::open(vault.expect("folders")).expect("the vault opens"),
        clock: Box::new(clock.clone()),
        master_key: [7; 32],
        addresses: addresses(),
        directory_secrets: "/nonexistent".into(),
        tail: TAIL,
        notifications: crate::notify::channels(told, &addresses()).expect("channels"),
        event_streams: Vec::new(),
        faults,
    };
    App::open(config).await.expect("the app opens")
}

async fn user(app: &App, name: &str, role: Role) -> User {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: String::new(),
        email: if name == "emil" { String::new() } else { format!("{name}@example.org") },
        roles: vec![role],
        active: name != "dora",
        password: Some("correct horse battery".to_owned()),
    };
    app.create_user(&Op::system(app.now()), new).await.expect("a user").0
}

pub(super) fn op_of(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(sign_in::Channel::Web),
        client: Client::new("192.0.2.7", "test"),
        sign_in_id: None,
    }
}

impl World {
    pub(super) async fn new(told: &Notifications) -> Self {
        // In tests nobody does it before.
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = TempDir::new().expect("a folder");
        let clock = Hand(Arc::new(AtomicI64::new(BEGIN_S)));
        let app = open(folder.path(), &clock, told, Faults::none()).await;
        app.install().await.expect("installed");
        let anna = user(&app, "anna", Role::SystemAdministrator).await;
        let bert = user(&app, "bert", Role::SystemAdministrator).await;
        let carla = user(&app, "carla", Role::Approver).await;
        let paula = user(&app, "paula", Role::User).await;
        user(&app, "dora", Role::Approver).await;
        user(&app, "emil", Role::Approver).await;
        let admin = op_of(&app, &anna);
        let account = NewAccount {
            directory_id: None,
            name: "erp-admin".to_owned(),
            owner: Some(paula.id),
            privileged: true,
            state: AccountState::Disabled,
        };
        let account = app.create_account(&admin, account).await.expect("an account");
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
        let target = app.create_target(&admin, fields).await.expect("a target");
        Self { folder, clock, app, anna, bert, carla, paula, account, target }
    }

    /// Another node over the same rows; it may be told where to stop.
    pub(super) async fn node(&self, told: &Notifications, faults: Faults) -> Arc<App> {
        open(self.folder.path(), &self.clock, told, faults).await
    }

    pub(super) fn forward(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn op(&self, user: &User) -> Op {
        op_of(&self.app, user)
    }

    /// Paula asks.
    pub(super) async fn asked(&self, from_s: i64, to_s: i64) -> PrivilegedSessionId {
        let after = |seconds: i64| {
            Instant::from_second(self.clock.0.load(Ordering::SeqCst) + seconds).expect("in range")
        };
        let new = NewPrivilegedSession {
            account_id: self.account.id,
            more_accounts: Vec::new(),
            user_id: None,
            target_ids: vec![self.target.id],
            starts_at: after(from_s),
            ends_at: after(to_s),
            reason: "Month end\r\nBcc: everybody@example.org".to_owned(),
            ticket: "T-17".to_owned(),
            wish: Wish::Enable,
            notice_acknowledged: true,
        };
        let asked = self.app.request_privileged_session(&self.op(&self.paula), new).await;
        asked.expect("asked").session.id
    }

    pub(super) async fn decide(&self, who: &User, id: PrivilegedSessionId, change: StatusChange) {
        self.app.change_status(&self.op(who), id, change, "", None).await.expect("decided");
    }

    pub(super) async fn process(&self) {
        jobs::process_due(&self.app).await.expect("processed");
    }

    /// One look of the sending job at each channel; how many attempts that were.
    pub(super) async fn send(&self) -> u64 {
        let mail = jobs::deliver_due(&self.app, Channel::Mail).await.expect("looked");
        mail + jobs::deliver_due(&self.app, Channel::Webhook).await.expect("looked")
    }

    pub(super) async fn told(&self, id: PrivilegedSessionId) -> Vec<NotificationView> {
        self.app.notifications(&self.op(&self.anna), id).await.expect("a list")
    }

    /// Each line of what was told: kind, to whom, state.
    pub(super) async fn lines(&self, id: PrivilegedSessionId) -> Vec<String> {
        let line = |view: &NotificationView| {
            let told = &view.notification;
            format!("{} {} {}", told.kind.name(), told.address, told.state.name())
        };
        let mut lines: Vec<String> = self.told(id).await.iter().map(line).collect();
        lines.sort();
        lines
    }

    pub(super) async fn account_now(&self) -> AccountState {
        self.app.account(&self.op(&self.anna), self.account.id).await.expect("an account").state
    }

    pub(super) async fn change_user(&self, user: &User, change: UserChange) {
        self.app.change_user(&self.op(&self.anna), user.id, change).await.expect("changed");
    }
}
