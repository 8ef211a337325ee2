//! `chaperone serve`: a node from its configuration, until it is asked to end.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use chaperone_app::{Addresses, jobs};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::config::{self, Config};
use crate::lanes::Lanes;
use crate::listen::{self, Doors};
use crate::node::{self, Node, NodeConfig};
use crate::{Problem, console, key, lock, notify, replay, streams, tls};

/// Opens the node that a configuration describes; the lock keeps other processes away from its data.
pub(crate) async fn open(config: &Config) -> Result<(Node, lock::Lock), Problem> {
    let lock = lock::take(&config.data_dir)?;
    let data_exists = has_data(config);
    let master_key = key::read_or_make(&config.master_key_file, data_exists)?;
    let node = node::open(NodeConfig {
        data_dir: &config.data_dir,
        database_url: config.database_url.reveal(),
        master_key,
        addresses: config.addresses.clone(),
        secrets_dir: &config.secrets_dir,
        notifications: notify::channels(&config.notifications, &config.addresses)?,
        event_streams: streams::configured(&config.event_streams, &config.addresses)?,
    })
    .await?;
    Ok((node, lock))
}

/// Whether the data folder has been used before.
pub(crate) fn has_data(config: &Config) -> bool {
    config.data_dir.join("spool").exists() || config.data_dir.join("chaperone.db").exists()
}

pub(crate) async fn run(path: &Path) -> Result<(), Problem> {
    let config = config::read(path)?;
    let (node, _lock) = open(&config).await?;
    let first = node
        .app
        .first_administrator(config.first_password.as_ref().map(|password| password.reveal().to_owned()))
        .await
        .map_err(|error| Problem::new(format!("the first administrator cannot be made: {error}")))?;
    if let Some(first) = first {
        crate::say(&format!(
            "\nFirst start. Sign in at {} as {} with the password {}\nIt is shown this once and must be changed at the first sign-in.\n",
            config.addresses.console, first.user_name, first.one_time_password
        ));
    }
    let acceptor = config.tls.as_ref().map(tls::server).transpose()?.map(TlsAcceptor::from);
    let target_tls = tls::towards_targets(config.target_ca_file.as_deref())?;
    let mut listeners = Vec::new();
    for address in &config.listen {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Problem::new(format!("{address} cannot be listened on: {error}")))?;
        listeners.push(listener);
    }
    let serving = Serving {
        node,
        addresses: config.addresses,
        target_tls,
        listeners,
        acceptor,
        trusted_proxies: config.trusted_proxies,
    };
    let console = serving.addresses.console.clone();
    until_asked(serving, || tracing::info!(%console, "ready")).await
}

/// A node that is ready to be served, and where.
pub(crate) struct Serving {
    pub(crate) node: Node,
    pub(crate) addresses: Addresses,
    pub(crate) target_tls: Arc<rustls::ClientConfig>,
    pub(crate) listeners: Vec<TcpListener>,
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// Serves until the process is asked to end; `ready` is called once when it answers and can be asked to end.
pub(crate) async fn until_asked(serving: Serving, ready: impl FnOnce()) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem::new(format!("signals cannot be received: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let Serving { node, addresses, target_tls, listeners, acceptor, trusted_proxies } = serving;
    let app = node.app.clone();
    tokio::select! {
        looked = jobs::look_first(&app) => looked.map_err(|error| {
            Problem::new(format!("the accounts that sessions hold cannot be looked at: {error}"))
        })?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    }
    let gateway = node::gateway(app.clone(), target_tls);
    // Connections end first: what they still do is work for the jobs.
    let (close, closing) = watch::channel(false);
    let (over, shutdown) = watch::channel(false);
    let doors = Arc::new(Doors {
        console_host: host_of(&addresses.console),
        console: console::router(app.clone()),
        replay_host: host_of(&addresses.replay),
        replay: replay::router(app),
        gateway: gateway.clone(),
        trusted_proxies,
        closing: closing.clone(),
    });
    let mut background = tokio::spawn(node::run_jobs(node, gateway, shutdown));
    // They live longer than the jobs: connections to the database may have been opened in one of them.
    let lanes =
        Lanes::start().map_err(|error| Problem::new(format!("connections cannot be served: {error}")))?;
    let mut taking = JoinSet::new();
    for listener in listeners {
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "listening");
        }
        let (acceptor, doors) = (acceptor.clone(), doors.clone());
        taking.spawn(listen::run(listener, acceptor, doors, lanes.clone(), closing.clone()));
    }
    ready();
    let early = tokio::select! {
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        _ = &mut background => true,
    };
    tracing::info!("ending; what was begun may finish");
    close.send_replace(true);
    while let Some(ended) = taking.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a listener stopped");
        }
    }
    over.send_replace(true);
    if early {
        return Err(Problem::new(
            "the background process stopped, so accounts could stay open; Chaperone ends and should be started again",
        ));
    }
    let ended = background.await;
    drop(lanes);
    ended.map_err(|error| Problem::new(format!("the background process did not end well: {error}")))
}

/// The host name of an origin.
fn host_of(origin: &str) -> String {
    listen::without_port(origin.split("://").nth(1).unwrap_or(origin))
}
