//! A database of its own for every test, with the people and things that rows refer to.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, Subject};
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{
    AccountId, AuditEventId, DirectoryId, PrivilegedSessionId, SignInId, TargetId, UserId,
};
use chaperone_domain::privileged_session::{PrivilegedSession, State, Window};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind};
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, Roles, User};
use chaperone_store::{BookTx, Events, Page, Store, StoreConfig, StoreError, WriteTx};
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbErr, QueryResult, Statement};
use tempfile::TempDir;
use uuid::Uuid;

/// Names the PostgreSQL server of the tests; its user may make databases.
const POSTGRES_VARIABLE: &str = "CHAPERONE_TEST_POSTGRES_URL";
/// Where the tests' time begins.
const BEGIN_S: i64 = 1_790_000_000;

/// So many seconds after the beginning, and a microsecond: the last digit that is kept.
pub(crate) fn at(second: i64) -> Instant {
    Instant::from_microsecond((BEGIN_S + second) * 1_000_000 + 1).expect("in range")
}

/// The first page, of so many.
pub(crate) fn first(limit: u64) -> Page {
    Page::first(limit)
}

/// Where rows are; an own database goes when the test is over.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres {
        server: String,
        name: String,
    },
    /// A database of somebody else, by its address.
    #[allow(dead_code, reason = "only the example that appends events is lent one")]
    Lent(String),
}

/// One database with two people, an account of each, and two targets.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) place: Place,
    ids: AtomicU64,
    pub(crate) anna: User,
    pub(crate) paula: User,
    pub(crate) directory: Directory,
    /// Paula's.
    pub(crate) account: Account,
    /// Nobody's.
    pub(crate) other_account: Account,
    pub(crate) erp: Target,
    pub(crate) crm: Target,
}

impl World {
    /// A world on every database that there is.
    pub(crate) async fn each() -> Vec<Self> {
        let mut worlds = Vec::new();
        for place in Place::each().await {
            worlds.push(Self::new(place).await);
        }
        worlds
    }

    /// Furnishes an empty database.
    pub(crate) async fn new(place: Place) -> Self {
        let store = Store::connect(StoreConfig::new(place.url())).await.expect("the database opens");
        let directory = Directory {
            id: DirectoryId::new(Uuid::from_u128(1)),
            name: "Built-in".to_owned(),
            kind: DirectoryKind::BuiltIn,
            settings: String::new(),
            created_at: at(0),
            removed_at: None,
            version: 1,
        };
        let anna = user(2, "anna", "Anna Admin");
        let paula = user(3, "paula", "Paula Privileged");
        let account = account(4, "erp-admin", Some(paula.id), directory.id);
        let other_account = self::account(5, "crm-admin", None, directory.id);
        let erp = target(6, "ERP", "erp.localhost", directory.id);
        let crm = target(7, "CRM", "crm.localhost", directory.id);
        let ids = AtomicU64::new(1_000);
        let world = Self { store, place, ids, anna, paula, directory, account, other_account, erp, crm };
        world.furnish().await;
        world
    }

    async fn furnish(&self) {
        let rows = (
            self.directory.clone(),
            [self.anna.clone(), self.paula.clone()],
            [self.account.clone(), self.other_account.clone()],
            [self.erp.clone(), self.crm.clone()],
        );
        self.change(rows, |tx, (directory, users, accounts, targets)| {
            Box::pin(async move {
                tx.insert_directory(&directory).await?;
                for user in &users {
                    tx.insert_user(user, None).await?;
                }
                for account in &accounts {
                    tx.insert_account(account).await?;
                }
                for target in &targets {
                    tx.insert_target(target).await?;
                }
                Ok(())
            })
        })
        .await
        .expect("furnished");
    }

    /// An id that no other row of this world has; later ones are higher.
    pub(crate) fn id(&self) -> Uuid {
        Uuid::from_u128(self.ids.fetch_add(1, Ordering::Relaxed).into())
    }

    /// An event that says nothing in particular, long before everything else.
    pub(crate) fn event(&self) -> AuditEvent {
        AuditEvent {
            id: AuditEventId::new(self.id()),
            at: at(-1_000),
            actor: Actor::System,
            on_behalf_of: None,
            action: AuditAction::Installed,
            subject: Subject { kind: "test".to_owned(), id: "1".to_owned() },
            privileged_session_id: None,
            sign_in_id: None,
            channel: None,
            client_address: None,
            reason: None,
            details: Vec::new(),
        }
    }

    /// Makes a change with some event or other.
    pub(crate) async fn change<A, T>(
        &self,
        with: A,
        body: for<'t> fn(&'t mut WriteTx, A) -> BoxFuture<'t, Result<T, StoreError>>,
    ) -> Result<T, StoreError>
    where
        A: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        let event = self.event();
        self.store
            .write(move |tx| {
                let (with, event) = (with.clone(), event.clone());
                Box::pin(async move {
                    let value = body(tx, with).await?;
                    Ok(tx.commit(value, Events::one(event)))
                })
            })
            .await
    }

    /// Keeps books.
    pub(crate) async fn books<A, T>(
        &self,
        with: A,
        body: for<'t> fn(&'t mut BookTx, A) -> BoxFuture<'t, Result<T, StoreError>>,
    ) -> Result<T, StoreError>
    where
        A: Clone + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.store.keep_books(move |books| body(books, with.clone())).await
    }

    /// A request of Paula's for her account at the ERP, from an hour after the beginning for an hour; not stored yet.
    pub(crate) fn draft(&self) -> PrivilegedSession {
        PrivilegedSession {
            id: PrivilegedSessionId::new(self.id()),
            account_id: self.account.id,
            more_accounts: Vec::new(),
            extension: None,
            user_id: self.paula.id,
            requested_by: self.paula.id,
            edited_by: Vec::new(),
            target_ids: vec![self.erp.id],
            state: State::Draft,
            end_reason: None,
            wish: Wish::Enable,
            window: window(3_600, 7_200),
            reason: "Close the quarter".to_owned(),
            ticket: String::new(),
            approved_by: None,
            self_approved: false,
            start_intended_at: None,
            started_at: None,
            ended_at: None,
            created_at: at(0),
            updated_at: at(0),
            version: 1,
        }
    }

    pub(crate) async fn add_session(&self, session: &PrivilegedSession) -> Result<(), StoreError> {
        self.change(session.clone(), |tx, session| {
            Box::pin(async move { tx.insert_privileged_session(&session).await })
        })
        .await
    }

    /// Paula's sign-in to the console at that second, for twelve hours; not stored yet.
    pub(crate) fn console_sign_in(&self, second: i64) -> SignIn {
        SignIn {
            id: SignInId::new(self.id()),
            user_id: self.paula.id,
            kind: SignInKind::Console,
            channel: Channel::Web,
            account_id: None,
            privileged_session_id: None,
            api_token_id: None,
            client_address: "192.0.2.7".to_owned(),
            user_agent: "Firefox".to_owned(),
            started_at: at(second),
            authenticated_at: at(second),
            last_seen_at: at(second),
            expires_at: at(second + 12 * 3_600),
            end: None,
        }
    }

    /// Paula's sign-in to targets for a privileged session, as its account; not stored yet.
    pub(crate) fn target_sign_in(&self, session: &PrivilegedSession, second: i64) -> SignIn {
        SignIn {
            kind: SignInKind::Target,
            account_id: Some(session.account_id),
            privileged_session_id: Some(session.id),
            ..self.console_sign_in(second)
        }
    }

    pub(crate) async fn add_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.change(sign_in.clone(), |tx, sign_in| {
            Box::pin(async move { tx.insert_sign_in(&sign_in, None).await })
        })
        .await
    }

    /// Another store over the same database, as after a new start or on another node.
    pub(crate) async fn reopened(&self) -> Store {
        Store::connect(StoreConfig::new(self.place.url())).await.expect("the database opens")
    }

    /// The database's file, on SQLite.
    pub(crate) fn file(&self) -> Option<std::path::PathBuf> {
        match &self.place {
            Place::Sqlite(folder) => Some(folder.path().join("rows.db")),
            _ => None,
        }
    }

    /// A connection to the same database, past the store.
    async fn raw(&self) -> DatabaseConnection {
        Database::connect(self.place.url()).await.expect("the database opens")
    }

    /// Runs a statement past the store.
    pub(crate) async fn run_raw(&self, sql: &str) -> Result<(), DbErr> {
        let connection = self.raw().await;
        let done = connection.execute_unprepared(sql).await.map(|_| ());
        connection.close().await.expect("closed");
        done
    }

    /// Asks past the store.
    pub(crate) async fn ask_raw(&self, sql: &str) -> Vec<QueryResult> {
        let connection = self.raw().await;
        let question = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(question).await.expect("an answer");
        connection.close().await.expect("closed");
        rows
    }
}

impl Place {
    /// An empty database of every kind that there is.
    pub(crate) async fn each() -> Vec<Self> {
        let mut places = vec![Self::Sqlite(TempDir::new().expect("a folder"))];
        match std::env::var(POSTGRES_VARIABLE) {
            Ok(server) => places.push(Self::on_postgres(server).await),
            Err(_) => say(&format!("{POSTGRES_VARIABLE} is not set: on SQLite only")),
        }
        places
    }

    async fn on_postgres(server: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("chaperone_test_{}_{number}", std::process::id());
        let connection = Database::connect(&server).await.expect("the server answers");
        // One of an earlier process with the same number.
        let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        connection.execute_unprepared(&sql).await.expect("dropped");
        connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("created");
        connection.close().await.expect("closed");
        Self::Postgres { server, name }
    }

    /// The store's address of it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("rows.db").display()),
            Self::Postgres { server, name } => {
                let (server, _) = server.rsplit_once('/').expect("an address with a database");
                format!("{server}/{name}")
            }
            Self::Lent(url) => url.clone(),
        }
    }
}

thread_local! {
    /// Whether this test, which has a thread of its own, said where it failed.
    static SAID_WHERE: Cell<bool> = const { Cell::new(false) };
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that fails drops its place first, then those that it did not come to.
        if std::thread::panicking() && !SAID_WHERE.replace(true) {
            let name = if self.url().starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" };
            say(&format!("this happened on {name}"));
        }
        let Self::Postgres { server, name } = self else { return };
        let (server, sql) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        // A thread of its own: waiting is not allowed on the test's runtime.
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let connection = Database::connect(&server).await.expect("the server answers");
                connection.execute_unprepared(&sql).await.expect("dropped");
            });
        });
        if dropping.join().is_err() {
            say("a test database was left behind");
        }
    }
}

#[expect(clippy::print_stderr, reason = "what whoever runs the tests must know")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// From and until so many seconds after the beginning.
pub(crate) fn window(from: i64, until: i64) -> Window {
    Window::stored(at(from), at(until)).expect("a window")
}

pub(crate) fn user(id: u128, name: &str, display_name: &str) -> User {
    User {
        id: UserId::new(Uuid::from_u128(id)),
        user_name: name.to_owned(),
        display_name: display_name.to_owned(),
        email: format!("{name}@example.org"),
        active: true,
        roles: Roles::new([Role::User]),
        password_must_change: false,
        created_at: at(0),
        version: 1,
    }
}

fn account(id: u128, name: &str, owner: Option<UserId>, directory_id: DirectoryId) -> Account {
    Account {
        id: AccountId::new(Uuid::from_u128(id)),
        directory_id,
        external_id: name.to_owned(),
        name: name.to_owned(),
        email: String::new(),
        owner,
        privileged: true,
        state: AccountState::Disabled,
        expires_at: None,
        last_seen_at: None,
        drift: None,
        version: 1,
    }
}

fn target(id: u128, name: &str, host: &str, directory_id: DirectoryId) -> Target {
    Target {
        id: TargetId::new(Uuid::from_u128(id)),
        name: name.to_owned(),
        host: host.to_owned(),
        directory_id,
        upstream: "http://127.0.0.1:1".to_owned(),
        identity: TargetIdentity::Assertion,
        recording: TargetRecording::Privileged,
        web_services_in_session: WebServicesInSession::Refuse,
        audit_enabled: true,
        entry_posts: Vec::new(),
        created_at: at(0),
        version: 1,
    }
}
