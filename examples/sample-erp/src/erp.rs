//! Starting, watching and stopping a whole ERP.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    app::{App, Shared, stopped},
    changes::Change,
    config::{ErpConfig, Identity},
    identity::Gate,
    keys::{KeyRing, KeysError},
    lab::{Received, raw},
    router,
    saving::{self, SaveError},
    seed,
    sign_in::Sessions,
};

/// Requests that are still running when the ERP is told to stop may take this much longer.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// A running ERP. It stops when told to or dropped.
#[derive(Debug)]
pub struct Erp {
    address: SocketAddr,
    lab_address: Option<SocketAddr>,
    app: Shared,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why an ERP does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {problem}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the system says.
        problem: io::Error,
    },
    /// The saved state cannot be read.
    #[error(transparent)]
    Saved(#[from] SaveError),
    /// The keys are not usable as configured.
    #[error("{0}")]
    Keys(String),
}

impl From<KeysError> for StartError {
    fn from(problem: KeysError) -> Self {
        Self::Keys(problem.to_string())
    }
}

impl Erp {
    /// Starts an ERP on the running tokio runtime. When this returns it answers.
    pub async fn start(config: ErpConfig) -> Result<Self, StartError> {
        let gate = match config.identity {
            Identity::Own => Gate::Own(Sessions::default()),
            Identity::Assertion { keys, audience } => Gate::Assertion { keys: KeyRing::new(keys)?, audience },
        };
        let saved = match &config.save_to {
            Some(path) => saving::load(path).await?,
            None => None,
        };
        let world = saved.unwrap_or_else(|| seed::world(config.clock.now()));
        let (stop, stopping) = watch::channel(false);
        let app = Arc::new(App::new(world, config.clock, gate, stopping.clone()));

        let (listener, address) = listen(config.listen).await?;
        let mut tasks = Vec::new();
        let service = router::all(Arc::clone(&app));
        let until = stopped(stopping.clone());
        tasks.push(tokio::spawn(async move {
            if let Err(problem) = axum::serve(listener, service).with_graceful_shutdown(until).await {
                tracing::error!(%problem, "the ERP cannot go on");
            }
        }));
        let mut lab_address = None;
        if let Some(address) = config.lab_listen {
            let (listener, address) = listen(address).await?;
            lab_address = Some(address);
            tasks.push(tokio::spawn(raw::serve(listener, stopping.clone())));
        }
        if let Some(path) = config.save_to {
            tasks.push(tokio::spawn(saving::keep_saving(Arc::clone(&app), path, stopping)));
        }
        tracing::info!(%address, "the ERP answers");
        Ok(Self { address, lab_address, app, stop, tasks })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the lab's raw listener is, if it was wanted.
    #[must_use]
    pub fn lab_address(&self) -> Option<SocketAddr> {
        self.lab_address
    }

    /// What was really done, oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.app.read(|world| world.changes.all().cloned().collect())
    }

    /// What reached the lab's sink, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.app.lab.received()
    }

    /// Stops: open streams are ended, running requests are waited for, the state is saved.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(STOP_WITHIN, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for Erp {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listen = async {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    listen.await.map_err(|problem| StartError::Listen { address, problem })
}
