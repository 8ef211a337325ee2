//! One database with its people, and nodes over it: everything that schedules share. What a schedule changes is its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use chaperone_app::faults::Faults;
use chaperone_app::notifications::Channels;
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::{DirectoryId, TargetId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Events, Store, StoreConfig, StoreError};
use tempfile::TempDir;
use uuid::Uuid;

use crate::hub::{At, Elsewhere, Go, Hub, NodeClock};

/// Where time begins.
const BEGIN_US: i64 = 1_790_000_000_000_000;
/// Nodes: one for people, the others for the background process.
pub const NODES: usize = 4;
/// Where the database is kept while it is needed: in memory, if the machine has such a folder.
const IN_MEMORY: &str = "/dev/shm";

pub type Failed = Box<dyn std::error::Error + Send + Sync>;
/// What a node does.
pub type Work = Pin<Box<dyn Future<Output = bool>>>;

/// Something that a node does, stopped at a gate.
pub struct Activity {
    pub what: String,
    /// The session that it is about, by its number; all of them where it is about none.
    pub about: Option<usize>,
    pub at: At,
    work: Work,
}

pub struct Node {
    pub app: Arc<App>,
    pub off_us: Arc<AtomicI64>,
    pub activity: Option<Activity>,
}

pub struct World {
    runtime: tokio::runtime::Runtime,
    _folder: TempDir,
    pub hub: Hub,
    pub store: Store,
    vault: Vault,
    pub nodes: Vec<Node>,
    pub anna: User,
    pub bert: User,
    pub paula: User,
    /// Built in, and of another system, each with its target.
    pub built_in: (DirectoryId, TargetId),
    pub elsewhere: (DirectoryId, TargetId),
}

impl World {
    pub fn new() -> Result<Self, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let folder = if std::path::Path::new(IN_MEMORY).is_dir() {
            TempDir::new_in(IN_MEMORY)?
        } else {
            TempDir::new()?
        };
        let hub = Hub::new();
        hub.lock().now_us = BEGIN_US;
        let path = folder.path().to_owned();
        let made = runtime.block_on(async {
            let url = format!("sqlite:{}", path.join("chaperone.db").display());
            let store = Store::connect(StoreConfig::new(url)).await?;
            let vault =
                VaultConfig::with_folders(path.join("spool"), path.join("blobs"), MasterKey::new([7; 32]))?;
            let vault = Vault::open(vault)?;
            let mut nodes = Vec::new();
            for _ in 0..NODES {
                let off_us = Arc::new(AtomicI64::new(0));
                let app = open(&store, &vault, &hub, &off_us).await?;
                nodes.push(Node { app, off_us, activity: None });
            }
            let app = nodes[0].app.clone();
            app.install().await?;
            let anna = user(&app, "anna", &[Role::SystemAdministrator]).await?;
            let bert = user(&app, "bert", &[Role::SystemAdministrator]).await?;
            let paula = user(&app, "paula", &[]).await?;
            let elsewhere = directory(&app, &store).await?;
            let op = op_of(&app, &anna);
            let built_in = app.directories(&op).await?;
            let built_in = built_in
                .iter()
                .find(|it| it.directory.kind == DirectoryKind::BuiltIn)
                .ok_or("no built-in directory")?;
            let built_in = built_in.directory.id;
            let mut targets = Vec::new();
            for (name, directory_id) in [("here", built_in), ("elsewhere", elsewhere)] {
                targets.push(app.create_target(&op, fields(name, directory_id)).await?.id);
            }
            Ok::<_, Failed>((
                store,
                vault,
                nodes,
                anna,
                bert,
                paula,
                (built_in, targets[0]),
                (elsewhere, targets[1]),
            ))
        });
        let (store, vault, nodes, anna, bert, paula, built_in, elsewhere) = made?;
        Ok(Self {
            runtime,
            _folder: folder,
            hub,
            store,
            vault,
            nodes,
            anna,
            bert,
            paula,
            built_in,
            elsewhere,
        })
    }

    /// Does something at once, with every gate open.
    pub fn now<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Begins something on a node; it runs to its first gate. Says whether it is through already.
    pub fn begin(&mut self, node: usize, what: String, about: Option<usize>, work: Work) -> Option<bool> {
        let activity = Activity { what, about, at: At::Commit(chaperone_store::Stage::Before), work };
        self.drive(node, activity, None)
    }

    /// Goes on with what a node does, to its next gate.
    pub fn go_on(&mut self, node: usize, go: Go) -> Option<bool> {
        let activity = self.nodes[node].activity.take()?;
        self.drive(node, activity, Some(go))
    }

    fn drive(&mut self, node: usize, mut activity: Activity, go: Option<Go>) -> Option<bool> {
        {
            let mut hub = self.hub.lock();
            (hub.driving, hub.at, hub.go) = (true, None, go);
        }
        let hub = self.hub.clone();
        let stopped = self.runtime.block_on(std::future::poll_fn(|context| {
            match activity.work.as_mut().poll(context) {
                std::task::Poll::Ready(done) => std::task::Poll::Ready(Err(done)),
                std::task::Poll::Pending => match hub.lock().at.take() {
                    Some(at) => std::task::Poll::Ready(Ok(at)),
                    None => std::task::Poll::Pending,
                },
            }
        }));
        {
            let mut hub = self.hub.lock();
            (hub.driving, hub.at, hub.go) = (false, None, None);
        }
        match stopped {
            Ok(at) => {
                self.nodes[node].activity = Some(Activity { at, ..activity });
                None
            }
            Err(done) => Some(done),
        }
    }

    /// The node dies, and another one is in its place. What is over is over; what it had sent is on its way.
    pub fn kill(&mut self, node: usize) -> Result<(), Failed> {
        self.nodes[node].activity = None;
        let (store, vault, hub) = (&self.store, &self.vault, &self.hub);
        // Another job keeps the highest time that was seen, so that a restart does not fall behind it.
        let high = self.nodes.iter().map(|node| node.app.now()).max().unwrap_or(Instant::MIN);
        let off_us = self.nodes[node].off_us.clone();
        let app = self.runtime.block_on(async {
            store
                .keep_books(move |books| Box::pin(async move { books.raise_high_water(high).await }))
                .await?;
            open(store, vault, hub, &off_us).await
        })?;
        self.nodes[node].app = app;
        Ok(())
    }
}

async fn open(store: &Store, vault: &Vault, hub: &Hub, off_us: &Arc<AtomicI64>) -> Result<Arc<App>, Failed> {
    let config = AppConfig {
        store: store.gated(hub.gate()),
        vault: vault.clone(),
        clock: Box::new(NodeClock { hub: hub.clone(), off_us: off_us.clone() }),
        master_key: [7; 32],
        addresses: Addresses {
            console: "http://console.localhost".to_owned(),
            replay: "http://replay.localhost".to_owned(),
            scheme: "http".to_owned(),
            port: None,
        },
        directory_secrets: std::path::PathBuf::new(),
        tail: TAIL,
        notifications: Channels::default(),
        event_streams: Vec::new(),
        faults: Faults::none(),
    };
    let hub = hub.clone();
    Ok(App::open_with(config, Box::new(move |_, _| Ok(Arc::new(Elsewhere(hub.clone()))))).await?)
}

async fn user(app: &App, name: &str, roles: &[Role]) -> Result<User, Failed> {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: name.to_owned(),
        email: String::new(),
        roles: roles.to_vec(),
        active: true,
        password: None,
    };
    Ok(app.create_user(&Op::system(app.now()), new).await?.0)
}

async fn directory(app: &App, store: &Store) -> Result<DirectoryId, Failed> {
    let directory = Directory {
        id: DirectoryId::new(Uuid::from_u128(77)),
        name: "Elsewhere".to_owned(),
        kind: DirectoryKind::Linux,
        settings: "{\"kind\": \"linux\"}".to_owned(),
        created_at: app.now(),
        removed_at: None,
        version: 1,
    };
    let event = Op::system(app.now()).event(AuditAction::DirectoryCreated, "directory", directory.id);
    let row = directory.clone();
    store
        .write(move |tx| {
            let (row, event) = (row.clone(), event.clone());
            Box::pin(async move {
                tx.insert_directory(&row).await?;
                Ok::<_, StoreError>(tx.commit((), Events::one(event)))
            })
        })
        .await?;
    Ok(directory.id)
}

fn fields(name: &str, directory_id: DirectoryId) -> TargetFields {
    TargetFields {
        name: name.to_owned(),
        host: format!("{name}.localhost"),
        directory_id: Some(directory_id),
        upstream: "http://127.0.0.1:1".to_owned(),
        identity: TargetIdentity::Assertion,
        recording: TargetRecording::Privileged,
        web_services_in_session: WebServicesInSession::Refuse,
        audit_enabled: true,
        entry_posts: Vec::new(),
    }
}

pub fn op_of(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::Web),
        client: Client::new("192.0.2.7", "simulated"),
        sign_in_id: None,
    }
}
