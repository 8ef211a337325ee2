//! Everything put together: store, vault, app, gateway, jobs.

use std::path::Path;
use std::sync::Arc;

use chaperone_app::event_streams::ConfiguredStream;
use chaperone_app::notifications::Channels;
use chaperone_app::{Addresses, App, AppConfig, TAIL, jobs};
use chaperone_gateway::{Gateway, GatewayConfig, Recorder, limits};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Store, StoreConfig};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::reserve::Reserve;
use crate::{Problem, faults, files, key};

/// What a node is made of.
pub(crate) struct NodeConfig<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) database_url: &'a str,
    pub(crate) master_key: [u8; 32],
    pub(crate) addresses: Addresses,
    /// Where the secrets of directories are.
    pub(crate) secrets_dir: &'a Path,
    pub(crate) notifications: Channels,
    pub(crate) event_streams: Vec<ConfiguredStream>,
}

/// A node that is open, and is not served yet.
pub(crate) struct Node {
    pub(crate) app: Arc<App>,
    pub(crate) reserve: Arc<Reserve>,
}

/// Opens the app over its database and its recordings, with a reserve on the disk for both.
pub(crate) async fn open(config: NodeConfig<'_>) -> Result<Node, Problem> {
    key::must_fit(config.data_dir, &config.master_key)?;
    // First of all: on a full disk it makes room for the rest of the start.
    let reserve = Reserve::open(config.data_dir)
        .map_err(|error| Problem::new(format!("{} cannot be used: {error}", config.data_dir.display())))?;
    let store = Store::connect(StoreConfig::new(config.database_url)).await.map_err(|error| {
        Problem::new(format!("the database cannot be used: {error}; the log above says more"))
    })?;
    let vault = VaultConfig::with_folders(
        config.data_dir.join("spool"),
        config.data_dir.join("recordings"),
        MasterKey::new(config.master_key),
    )
    .and_then(|vault| Vault::open(VaultConfig { free_space: reserve.free_space(), ..vault }))
    .map_err(|error| {
        Problem::new(format!("recordings cannot be kept in {}: {error}", config.data_dir.display()))
    })?;
    let app = App::open(AppConfig {
        store,
        vault,
        clock: faults::clock(),
        master_key: config.master_key,
        addresses: config.addresses,
        directory_secrets: config.secrets_dir.to_owned(),
        tail: TAIL,
        notifications: config.notifications,
        event_streams: config.event_streams,
        faults: faults::faults(),
    })
    .await
    .map_err(|error| Problem::new(format!("Chaperone cannot start: {error}")))?;
    app.install().await.map_err(|error| Problem::new(format!("Chaperone cannot be set up: {error}")))?;
    Ok(Node { app, reserve })
}

/// The gateway over the app.
pub(crate) fn gateway(app: Arc<App>, target_tls: Arc<rustls::ClientConfig>) -> Arc<Gateway> {
    let recorder = Recorder::built_in().or_else(|| Recorder::read(&files::web_folder("recorder")));
    if recorder.is_none() {
        tracing::error!("the recorder was not built in: nothing that must be recorded can be used");
    }
    let config = GatewayConfig {
        recorder,
        target_tls,
        response_head_timeout: limits::RESPONSE_HEAD_TIMEOUT,
        body_idle_timeout: limits::BODY_IDLE_TIMEOUT,
    };
    Gateway::new(app, config)
}

/// Runs what time moves, until `shutdown` becomes true. A job that stops ends this early.
pub(crate) async fn run_jobs(node: Node, gateway: Arc<Gateway>, mut shutdown: watch::Receiver<bool>) {
    let Node { app, reserve } = node;
    let mut tasks = JoinSet::new();
    tasks.spawn(reserve.run(shutdown.clone()));
    tasks.spawn(jobs::run(app, shutdown.clone()));
    tasks.spawn(gateway.run(async move {
        // A sender that is gone means the same.
        let _over = shutdown.wait_for(|over| *over).await;
    }));
    tasks.join_all().await;
}
