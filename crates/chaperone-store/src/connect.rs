//! The store's handle: connections, pragmas, migrations.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sea_orm_migration::MigratorTrait as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::RwLock;

use crate::StoreError;
use crate::joiner::Joiner;
use crate::migrations::Migrator;
use crate::sql::{Place, Reads, args};
use crate::writer::Writer;
use crate::written::Counts;

/// Connections that only read a SQLite file.
const SQLITE_READERS: u32 = 8;
/// Pages that each of them keeps, in KiB as SQLite writes it: all of them together stay small.
const SQLITE_READER_CACHE: &str = "-1024";
/// Pages that the writer keeps: what many changes in one second touch over and over.
const SQLITE_WRITER_CACHE: &str = "-8192";
/// Pages of 4 KiB that gather beside the file before they are written into it (SQLite's own default is 1000): what
/// thousands of changes in a minute touch again and again is written once.
const SQLITE_CHECKPOINT_PAGES: &str = "16000";
/// Rows that SQLite reads ahead of whoever takes them: its thread stops a few times in a page of an export, and eight
/// readers keep little in memory.
const READ_AHEAD_ROWS: usize = 128;
/// How long a statement waits for another process that holds the file, a backup for example.
const SQLITE_BUSY: Duration = Duration::from_secs(10);
/// Connections to PostgreSQL for changes, and as many for everything else.
const POSTGRES_CONNECTIONS: u32 = 16;
/// Statements that the connection of plans keeps prepared: each of its texts in all its lengths.
const POSTGRES_PLAN_STATEMENTS: usize = 256;
/// What PostgreSQL takes a page out of order to cost, where one in order costs 1: pages are in memory or on disks without
/// arms. Its own default of 4 has it read whole tables that were small when it planned.
const POSTGRES_PAGE_COST: (&str, &str) = ("random_page_cost", "1.1");
/// When PostgreSQL takes a node to be gone that says nothing in the middle of a transaction: after half a minute, as the
/// joiner of plans gives up its side, so that what starts meanwhile still can. Until then the rows that it was changing
/// are closed to all other nodes; by itself the server would wait for hours.
const POSTGRES_GONE: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "4"),
];
/// How the connection of plans finds rows: by their keys, always. What it prepared when a table was empty would read
/// the whole table later, and a serializable transaction that did so is in everybody's way. A table without a key for
/// the question is read all the same, at a price that would have the server compile the statement first.
const POSTGRES_BY_KEYS: [(&str, &str); 4] =
    [("enable_seqscan", "off"), ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off")];
/// A connection that was idle for longer is asked whether it is still there before it is used.
const FRESH: Duration = Duration::from_secs(1);
/// How long somebody waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Where rows are kept.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite:/path/to/file` or `postgres://user:password@host/database`.
    pub url: String,
}

impl StoreConfig {
    /// The database of that address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into() }
    }
}

#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(Writer),
    Postgres {
        /// Changes have connections of their own, on which every transaction is serializable from its beginning.
        changes: DatabaseConnection,
        /// Held while a change runs; alone by one that lost several races.
        turns: Arc<RwLock<()>>,
        /// Where plans go.
        plans: Joiner,
    },
}

/// Where a commit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is kept yet.
    Before,
    /// It is durable.
    After,
}

/// Called around every commit: a test delays it, or fails it on either side.
pub type Gate = Arc<dyn Fn(Stage) -> BoxFuture<'static, Result<(), StoreError>> + Send + Sync>;

/// Rows, on SQLite or PostgreSQL; cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Reads; on PostgreSQL books too.
    pub(crate) pool: DatabaseConnection,
    pub(crate) engine: Engine,
    pub(crate) gate: Option<Gate>,
    pub(crate) counts: Arc<Counts>,
}

impl Store {
    /// The same rows, with a gate around every commit.
    #[must_use]
    pub fn gated(&self, gate: Gate) -> Self {
        Self { gate: Some(gate), ..self.clone() }
    }

    /// Passes the gate, if there is one.
    pub(crate) async fn pass(&self, stage: Stage) -> Result<(), StoreError> {
        match &self.gate {
            Some(gate) => gate(stage).await,
            None => Ok(()),
        }
    }

    /// Opens the database, makes the file if it is missing, and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Address`] for an address that cannot be used; [`StoreError::Unavailable`] when the database
    /// cannot be reached, opened or brought up to date.
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        if let Some(path) = config.url.strip_prefix("sqlite:") {
            Self::sqlite(path).await
        } else if config.url.starts_with("postgres://") || config.url.starts_with("postgresql://") {
            Self::postgres(&config.url).await
        } else {
            Err(StoreError::Address { reason: "it begins with neither sqlite: nor postgres://" })
        }
    }

    async fn sqlite(path: &str) -> Result<Self, StoreError> {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains(":memory:") {
            return Err(StoreError::Address { reason: "it names no file" });
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Full: what is acknowledged survives a power cut, not only a crash.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is erased is overwritten with zeros and does not stay in the file's free space.
            .pragma("secure_delete", "ON")
            .busy_timeout(SQLITE_BUSY)
            .row_buffer_size(READ_AHEAD_ROWS)
            .disable_statement_logging();
        let writing = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .after_release(|connection, _| only_whole(!connection.is_in_transaction()))
            .connect_with(
                options
                    .clone()
                    .pragma("cache_size", SQLITE_WRITER_CACHE)
                    .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT_PAGES),
            )
            .await
            .map_err(|error| unreachable(&error))?;
        let writing = SqlxSqliteConnector::from_sqlx_sqlite_pool(writing);
        migrate(&writing).await?;
        let reading = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE)
            // A file does not go away.
            .test_before_acquire(false)
            .connect_with(
                options.read_only(true).create_if_missing(false).pragma("cache_size", SQLITE_READER_CACHE),
            )
            .await
            .map_err(|error| unreachable(&error))?;
        let pool = SqlxSqliteConnector::from_sqlx_sqlite_pool(reading);
        let counts = Arc::<Counts>::default();
        let writer = Writer::start(writing, counts.clone())?;
        Ok(Self { pool, engine: Engine::Sqlite(writer), counts, gate: None })
    }

    async fn postgres(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Address { reason: "it is not a complete postgres:// address" })?
            .application_name("chaperone")
            .disable_statement_logging();
        let pool = postgres_pool(options.clone(), "read committed", POSTGRES_CONNECTIONS).await?;
        migrate(&pool).await?;
        let changes = postgres_pool(options.clone(), "serializable", POSTGRES_CONNECTIONS).await?;
        let joining = options.statement_cache_capacity(POSTGRES_PLAN_STATEMENTS).options(POSTGRES_BY_KEYS);
        let joining = move || {
            let (pool, options) = postgres_pool_of(joining.clone(), "serializable", 1);
            SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(options))
        };
        let (turns, counts) = (Arc::<RwLock<()>>::default(), Arc::<Counts>::default());
        let plans = Joiner::start(joining, changes.clone(), turns.clone(), counts.clone());
        let engine = Engine::Postgres { changes, turns, plans };
        Ok(Self { pool, engine, counts, gate: None })
    }

    /// Queries outside a transaction.
    pub fn read(&self) -> Reads<'_> {
        Reads { place: Place::Pool(&self.pool) }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if not.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.read().place.one("SELECT 1", args![], |_| Ok(())).await.map(|_| ())
    }
}

/// A connection goes back to its pool only when no transaction is open on it. When the disk fails, SQLite ends a
/// transaction by itself or refuses to end it, and sqlx takes it to be open from then on: what is written on that
/// connection later would be acknowledged and never be committed. Closing it undoes whatever is open.
fn only_whole(whole: bool) -> BoxFuture<'static, Result<bool, sqlx::Error>> {
    Box::pin(async move { Ok(whole) })
}

async fn postgres_pool(
    options: PgConnectOptions,
    isolation: &str,
    connections: u32,
) -> Result<DatabaseConnection, StoreError> {
    let (pool, options) = postgres_pool_of(options, isolation, connections);
    let pool = pool.connect_with(options).await.map_err(|error| unreachable(&error))?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
}

/// Connections on which every transaction has that isolation from its beginning.
fn postgres_pool_of(
    options: PgConnectOptions,
    isolation: &str,
    connections: u32,
) -> (PgPoolOptions, PgConnectOptions) {
    let options = options
        .options([("default_transaction_isolation", isolation), POSTGRES_PAGE_COST])
        .options(POSTGRES_GONE);
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| only_whole(!connection.is_in_transaction()));
    (pool, options)
}

async fn migrate(connection: &DatabaseConnection) -> Result<(), StoreError> {
    Migrator::up(connection, None).await.map_err(|error| {
        tracing::error!(%error, "the tables could not be brought up to date");
        StoreError::Unavailable
    })
}

fn unreachable(error: &sqlx::Error) -> StoreError {
    tracing::error!(%error, "the database cannot be opened");
    StoreError::Unavailable
}
