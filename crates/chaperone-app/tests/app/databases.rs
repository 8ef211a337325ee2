//! A database of its own on every kind that there is.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Names the PostgreSQL server of the tests; its user may make databases.
const POSTGRES_VARIABLE: &str = "CHAPERONE_TEST_POSTGRES_URL";

pub enum Database {
    Sqlite(TempDir),
    Postgres { server: String, name: String },
}

/// One of each kind.
pub async fn each() -> Vec<Database> {
    let mut databases = vec![Database::Sqlite(TempDir::new().expect("a folder"))];
    if let Ok(server) = std::env::var(POSTGRES_VARIABLE) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("chaperone_app_{}_{number}", std::process::id());
        run(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(&server, &format!("CREATE DATABASE {name}")).await;
        databases.push(Database::Postgres { server, name });
    }
    databases
}

async fn run(server: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await.expect("the server answers");
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.expect("done");
    drop(client);
    connection.await.expect("ends").expect("ends well");
}

/// A connection to a database past the store.
pub async fn past_the_store(url: &str) -> DatabaseConnection {
    let mut one = ConnectOptions::new(url);
    one.max_connections(1);
    sea_orm::Database::connect(one).await.expect("the database opens")
}

/// Runs a statement past the store; answers how many rows it concerned.
pub async fn run_past_the_store(url: &str, sql: &str) -> u64 {
    let connection = past_the_store(url).await;
    let done = connection.execute_unprepared(sql).await.expect("done").rows_affected();
    connection.close().await.expect("closed");
    done
}

impl Database {
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("rows.db").display()),
            Self::Postgres { server, name } => {
                let (server, _) = server.rsplit_once('/').expect("an address with a database");
                format!("{server}/{name}")
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self {
            let (server, sql) = (server.clone(), format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            // A thread with a runtime of its own: this one may be in the middle of a test's.
            let dropping = std::thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(run(&server, &sql));
            });
            let _ended = dropping.join();
        }
    }
}
