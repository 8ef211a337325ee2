//! The app: plain handles, built once by the executable.

use std::path::PathBuf;
use std::sync::Arc;

use chaperone_connectors::Secrets;
use chaperone_domain::Instant;
use chaperone_domain::ids::NodeId;
use chaperone_domain::target::Target;
use chaperone_recording::Vault;
use chaperone_store::Store;
use tokio::sync::{Notify, Semaphore, watch};

use crate::access_records::AccessRecords;
use crate::assertion::AssertionKey;
use crate::attempts::Attempts;
use crate::changes::Changes;
use crate::clock::{Clock, HighWaterClock};
use crate::connectors::{Connectors, Opener};
use crate::errors::AppError;
use crate::event_streams::ConfiguredStream;
use crate::exports::EXPORTS_MAX;
use crate::faults::Faults;
use crate::gate::Gate;
use crate::grants::{Hands, Unheard, Unheld};
use crate::notifications::{Channels, Nudges};
use crate::recordings::Viewings;
use crate::secrets::{self, Keys, Passwords};

/// The public addresses of the console and of the replay frame, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Console and API, for example `https://chaperone.example.org`.
    pub console: String,
    /// The replay frame, on an origin of its own.
    pub replay: String,
    /// `http` or `https`, for targets.
    pub scheme: String,
    /// The public port, when it is not the scheme's own.
    pub port: Option<u16>,
}

/// What the executable hands in.
pub struct AppConfig {
    /// Rows.
    pub store: Store,
    /// Recordings.
    pub vault: Vault,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// The key of which all others are derived.
    pub master_key: [u8; 32],
    /// Public addresses.
    pub addresses: Addresses,
    /// The folder with the secrets of directories.
    pub directory_secrets: PathBuf,
    /// How long a document's tail is taken after its sign-in ended, before the recording is sealed.
    pub tail: jiff::SignedDuration,
    /// On which ways people and programs are told; preset: on none.
    pub notifications: Channels,
    /// Where the trail is sent; preset: nowhere.
    pub event_streams: Vec<ConfiguredStream>,
    /// Named steps at which crash tests stop the process.
    pub faults: Faults,
}

/// A document's tail is taken for this long after its sign-in ended.
pub const TAIL: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);

/// How long an answer about readiness holds.
const READINESS_FRESH: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);
/// How long the database may take to store something before it counts as away.
const READINESS_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Plain handles; mutable state belongs to the part that it is in.
pub struct App {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: HighWaterClock,
    /// This run of the executable, in leases.
    pub(crate) node: NodeId,
    pub(crate) keys: Keys,
    pub(crate) assertion_key: AssertionKey,
    pub(crate) passwords: Passwords,
    pub(crate) attempts: Attempts,
    pub(crate) gate: Gate,
    pub(crate) changes: Changes,
    pub(crate) addresses: Addresses,
    pub(crate) faults: Faults,
    pub(crate) viewings: Viewings,
    pub(crate) refusals: crate::refusals::Refusals,
    /// One hand at a time begins a program's sign-in on this node.
    pub(crate) token_hand: tokio::sync::Mutex<()>,
    /// The runtime that opened the app, with all its threads.
    pub(crate) runtime: tokio::runtime::Handle,
    /// Exports that may still be begun.
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) tail: jiff::SignedDuration,
    /// Wakes the processor: something may be due.
    pub(crate) processor_nudge: Notify,
    /// On which ways people and programs are told.
    pub(crate) channels: Channels,
    /// Wakes whoever sends notifications.
    pub(crate) nudges: Nudges,
    /// Where the trail is sent.
    pub(crate) event_streams: Vec<ConfiguredStream>,
    /// Tells that events got their numbers.
    pub(crate) numbered: watch::Sender<()>,
    /// One hand at a time moves an account on this node.
    pub(crate) hands: Hands,
    /// What the decision about access records looks at.
    pub(crate) access_records: AccessRecords,
    /// What keeps sessions from taking hold of accounts.
    pub(crate) unheld: Unheld,
    /// Calls to directories whose end was not heard.
    pub(crate) unheard: Unheard,
    /// The ways into directories.
    pub(crate) connectors: Connectors,
    /// Wakes the job that imports accounts.
    pub(crate) imports_nudge: Notify,
    /// Wakes the job that writes scheduled exports.
    pub(crate) exports_nudge: Notify,
    /// Since when nothing can be recorded.
    pub(crate) unrecordable_since: std::sync::Mutex<Option<Instant>>,
    /// What was missing when it was looked last.
    readiness: tokio::sync::Mutex<Option<(Instant, Vec<String>)>>,
}

impl App {
    /// Opens the app over its parts and takes in what is live.
    pub async fn open(config: AppConfig) -> Result<Arc<Self>, AppError> {
        Self::open_with(config, Box::new(chaperone_connectors::open)).await
    }

    /// As [`App::open`], with another way into directories.
    pub async fn open_with(config: AppConfig, opener: Opener) -> Result<Arc<Self>, AppError> {
        let stored = config
            .store
            .keep_books(|books| Box::pin(async move { books.raise_high_water(Instant::MIN).await }))
            .await?;
        let keys = Keys::derive(&config.master_key)?;
        let organization = config.store.read().organization().await?;
        let assertion_key = AssertionKey::new(keys.assertion_seed())?;
        let clock = HighWaterClock::new(config.clock, Some(stored));
        let app = Arc::new(Self {
            store: config.store,
            vault: config.vault,
            node: NodeId::new(secrets::new_uuid(clock.now())),
            clock,
            keys,
            assertion_key,
            passwords: Passwords::default(),
            attempts: Attempts::default(),
            gate: Gate::default(),
            changes: Changes::default(),
            addresses: config.addresses,
            faults: config.faults,
            viewings: Viewings::default(),
            refusals: crate::refusals::Refusals::default(),
            token_hand: tokio::sync::Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            tail: config.tail,
            processor_nudge: Notify::new(),
            channels: config.notifications,
            nudges: Nudges::default(),
            event_streams: config.event_streams,
            numbered: watch::Sender::new(()),
            hands: Hands::default(),
            access_records: AccessRecords::new(&organization),
            unheld: Unheld::default(),
            unheard: Unheard::default(),
            connectors: Connectors::new(Secrets::new(config.directory_secrets), opener),
            imports_nudge: Notify::new(),
            exports_nudge: Notify::new(),
            unrecordable_since: std::sync::Mutex::new(None),
            readiness: tokio::sync::Mutex::new(None),
        });
        app.gate.set_targets(app.store.read().targets().await?);
        app.take_in_live_sign_ins().await?;
        Ok(app)
    }

    /// The instant now, never earlier than what was seen before.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Who is there and may they, from memory.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where recordings are kept.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Public addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What changed, told to whoever watches.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The keys derived from the master key.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The public address of a target, without a slash at the end.
    pub fn target_address(&self, target: &Target) -> String {
        match self.addresses.port {
            Some(port) => format!("{}://{}:{port}", self.addresses.scheme, target.host),
            None => format!("{}://{}", self.addresses.scheme, target.host),
        }
    }

    /// Whether everything that work needs is there; the sentences say what is not. Both are tried by writing to
    /// them, at most once in [`READINESS_FRESH`], however many ask.
    pub async fn readiness(&self) -> Vec<String> {
        let mut known = self.readiness.lock().await;
        let now = self.now();
        if let Some((at, problems)) = &*known
            && now.duration_since(*at) < READINESS_FRESH
        {
            return problems.clone();
        }
        let mut problems = Vec::new();
        let write =
            self.store.keep_books(move |books| Box::pin(async move { books.raise_high_water(now).await }));
        match tokio::time::timeout(READINESS_LIMIT, write).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => problems.push(format!("nothing can be stored: {error}")),
            Err(_) => problems.push("nothing can be stored: the database does not answer".to_owned()),
        }
        if let Err(error) = self.vault.probe().await {
            problems.push(format!("recordings cannot be kept: {error}"));
        }
        *known = Some((now, problems.clone()));
        problems
    }
}
