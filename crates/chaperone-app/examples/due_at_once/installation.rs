//! The app, its people, and what they ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chaperone_app::clock::Clock;
use chaperone_app::faults::Faults;
use chaperone_app::notifications::Channels;
use chaperone_app::privileged_sessions::{NewPrivilegedSession, StatusChange};
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who};
use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{AccountId, PrivilegedSessionId, TargetId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Store, StoreConfig};
use tempfile::TempDir;

use super::Failed;

/// From when the sessions are asked for until they start; until then all of them must be approved. Shorter than the
/// time after which accounts are looked at again, so that moving the clock makes no work of its own.
const START_IN: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// How long the sessions last.
const LASTS: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// How many ask at the same time.
pub(super) const AT_ONCE: usize = 64;

/// The real clock, moved forward by what is not waited for.
#[derive(Clone, Default)]
pub(crate) struct MovedClock(Arc<AtomicI64>);

impl Clock for MovedClock {
    #[expect(clippy::disallowed_methods, reason = "a measurement lives by the real clock")]
    fn now(&self) -> Instant {
        let moved = jiff::SignedDuration::from_micros(self.0.load(Ordering::Relaxed));
        Instant::now().saturating_add(moved).unwrap_or(Instant::MAX)
    }
}

impl MovedClock {
    /// Moves it forward, so that it shows `to` now.
    pub(crate) fn move_to(&self, to: Instant) {
        let by = to.duration_since(self.now()).as_micros();
        self.0.fetch_add(i64::try_from(by).unwrap_or_default().max(0), Ordering::Relaxed);
    }
}

/// The app over an empty database.
pub(crate) struct Installation {
    pub(crate) app: Arc<App>,
    pub(crate) store: Store,
    pub(crate) clock: MovedClock,
    /// She asks.
    pub(crate) anna: User,
    /// He approves.
    bert: User,
    /// Her accounts are borrowed.
    pub(crate) paula: User,
    _folder: TempDir,
}

/// An operation of that user now.
pub(crate) fn op(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::Web),
        client: Client::new("192.0.2.7", "measurement"),
        sign_in_id: None,
    }
}

async fn user(app: &App, name: &str, roles: &[Role]) -> Result<User, Failed> {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: name.to_owned(),
        email: String::new(),
        roles: roles.to_vec(),
        active: true,
        password: Some("correct horse battery".to_owned()),
    };
    Ok(app.create_user(&Op::system(app.now()), new).await?.0)
}

impl Installation {
    pub(crate) async fn open(database: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let vault =
            VaultConfig::with_folders(path.join("spool"), path.join("blobs"), MasterKey::new([7; 32]))?;
        let (store, clock) = (Store::connect(StoreConfig::new(database)).await?, MovedClock::default());
        let config = AppConfig {
            store: store.clone(),
            vault: Vault::open(vault)?,
            clock: Box::new(clock.clone()),
            master_key: [7; 32],
            addresses: Addresses {
                console: "http://console.localhost".to_owned(),
                replay: "http://replay.localhost".to_owned(),
                scheme: "http".to_owned(),
                port: None,
            },
            directory_secrets: path.join("secrets"),
            notifications: Channels::default(),
            tail: TAIL,
            event_streams: Vec::new(),
            faults: Faults::none(),
        };
        let app = App::open(config).await?;
        app.install().await?;
        let anna = user(&app, "anna", &[Role::SystemAdministrator]).await?;
        let bert = user(&app, "bert", &[Role::SystemAdministrator]).await?;
        let paula = user(&app, "paula", &[]).await?;
        Ok(Self { app, store, clock, anna, bert, paula, _folder: folder })
    }

    async fn target(&self, accounts: &[Account]) -> Result<TargetId, Failed> {
        let fields = TargetFields {
            name: "ERP".to_owned(),
            host: "erp.localhost".to_owned(),
            directory_id: accounts.first().map(|account| account.directory_id),
            upstream: "http://127.0.0.1:1".to_owned(),
            identity: TargetIdentity::Assertion,
            recording: TargetRecording::Privileged,
            web_services_in_session: WebServicesInSession::Refuse,
            audit_enabled: true,
            entry_posts: Vec::new(),
        };
        Ok(self.app.create_target(&op(&self.app, &self.anna), fields).await?.id)
    }

    /// Asks for a session for each account and approves it; all start in the same second, and all end in the same.
    pub(crate) async fn schedule(
        &self,
        accounts: &[Account],
    ) -> Result<(Instant, Instant, Vec<PrivilegedSessionId>), Failed> {
        let target = self.target(accounts).await?;
        let starts_at = self.app.now() + START_IN;
        let ends_at = starts_at + LASTS;
        let mut asking = tokio::task::JoinSet::new();
        for share in accounts.chunks(accounts.len().div_ceil(AT_ONCE).max(1)) {
            let (app, anna, bert) = (self.app.clone(), self.anna.clone(), self.bert.clone());
            let share: Vec<AccountId> = share.iter().map(|account| account.id).collect();
            asking.spawn(async move {
                let mut ids = Vec::with_capacity(share.len());
                for account_id in share {
                    let new = NewPrivilegedSession {
                        account_id,
                        more_accounts: Vec::new(),
                        user_id: None,
                        target_ids: vec![target],
                        starts_at,
                        ends_at,
                        reason: "Month end".to_owned(),
                        ticket: String::new(),
                        wish: Wish::Enable,
                        notice_acknowledged: true,
                    };
                    let id = app.request_privileged_session(&op(&app, &anna), new).await?.session.id;
                    app.change_status(&op(&app, &bert), id, StatusChange::Approve, "", None).await?;
                    ids.push(id);
                }
                Ok::<_, Failed>(ids)
            });
        }
        let mut ids = Vec::with_capacity(accounts.len());
        while let Some(share) = asking.join_next().await {
            ids.extend(share??);
        }
        if self.app.now() + super::AHEAD >= starts_at {
            return Err("scheduling took so long that the sessions were due before it ended".into());
        }
        Ok((starts_at, ends_at, ids))
    }
}
