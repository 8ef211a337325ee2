//! A real PostgreSQL server as a directory: its roles are the accounts. `CHAPERONE_TEST_POSTGRES_URL` names the server,
//! which others may use too: the names of one set of roles begin with something of their own.

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// The variable by which the server is found.
const URL_VARIABLE: &str = "CHAPERONE_TEST_POSTGRES_URL";

/// What a role is, as the server says: whether it may sign in, and until when. (No expiry has two spellings there.)
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role {
    pub(crate) login: bool,
    pub(crate) valid_until: Option<Timestamp>,
}

/// A set of roles, and the administrator who looks at them past Chaperone.
pub(crate) struct Roles {
    pub(crate) prefix: String,
    pub(crate) port: u16,
    server: Config,
    admin: Client,
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

impl Roles {
    /// A new set with a role that Chaperone signs in as; `None` where no server is named.
    pub(crate) async fn new() -> Option<Self> {
        let server: Config = std::env::var(URL_VARIABLE).ok()?.parse().expect("a postgres:// address");
        let admin = connect(&server).await;
        let number = std::hash::RandomState::new().hash_one(std::process::id());
        let prefix = format!("x{:08x}_", number & 0xffff_ffff);
        let port = server.get_ports().first().copied().unwrap_or(5432);
        let roles = Self { prefix, port, server, admin };
        let user = roles.user();
        roles.run(&format!("CREATE ROLE {user} LOGIN CREATEROLE; GRANT pg_signal_backend TO {user}")).await;
        Some(roles)
    }

    /// As whom Chaperone signs in.
    pub(crate) fn user(&self) -> String {
        format!("{}chaperone", self.prefix)
    }

    /// Runs something as an administrator.
    pub(crate) async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Adds a role with these options; answers its name.
    pub(crate) async fn add(&self, name: &str, options: &str) -> String {
        let (name, user) = (format!("{}{name}", self.prefix), self.user());
        self.run(&format!("CREATE ROLE {name} {options}")).await;
        let sql = "SELECT current_setting('server_version_num')::int >= 160000";
        let newer: bool = self.admin.query_one(sql, &[]).await.expect("asked").get(0);
        if newer {
            // From version 16 on, CREATEROLE reaches only what it was given.
            self.run(&format!("GRANT {name} TO {user} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE")).await;
        }
        name
    }

    /// Makes a database of this set's name; its address.
    pub(crate) async fn database(&self) -> String {
        let name = format!("{}rows", self.prefix);
        self.run(&format!("CREATE DATABASE {name}")).await;
        let Some(Host::Tcp(host)) = self.server.get_hosts().first() else { panic!("a host") };
        let user = self.server.get_user().unwrap_or("postgres");
        format!("postgres://{user}@{host}:{}/{name}", self.port)
    }

    /// Every role of the set as it is now, by name.
    pub(crate) async fn now(&self) -> BTreeMap<String, Role> {
        let sql = "SELECT rolname::text, rolcanlogin, CASE WHEN isfinite(rolvaliduntil) \
                   THEN (extract(epoch FROM rolvaliduntil) * 1000000)::bigint END FROM pg_roles \
                   WHERE starts_with(rolname::text, $1) AND rolname <> $2::text";
        let rows = self.admin.query(sql, &[&self.prefix, &self.user()]).await.expect("the server answers");
        let role = |row: &tokio_postgres::Row| {
            let valid_until: Option<i64> = row.get(2);
            let valid_until = valid_until.map(|us| Timestamp::from_microsecond(us).expect("in range"));
            (row.get(0), Role { login: row.get(1), valid_until })
        };
        rows.iter().map(role).collect()
    }

    /// One role as it is now.
    pub(crate) async fn role(&self, name: &str) -> Role {
        self.now().await.remove(name).unwrap_or_else(|| panic!("{name} is gone"))
    }

    /// The settings of the directory, reached over this port.
    pub(crate) fn settings(&self, port: u16) -> Value {
        json!({
            "kind": "postgresql", "host": "127.0.0.1", "port": port, "database": "postgres",
            "user": self.user(), "tls": {"mode": "off"},
        })
    }

    /// Stops the server's processes that serve Chaperone, in the middle of what they do.
    pub(crate) async fn stop(&self) -> Stopped {
        let sql = "SELECT pid FROM pg_stat_activity WHERE usename = $1::text";
        let rows = self.admin.query(sql, &[&self.user()]).await.expect("the server answers");
        let serving: Vec<Pid> = rows.iter().filter_map(|row| Pid::from_raw(row.get(0))).collect();
        let stopped = Stopped(serving);
        stopped.signal(Signal::STOP);
        stopped
    }

    /// Ends the server's processes that serve Chaperone.
    pub(crate) async fn cut(&self) {
        let user = self.user();
        self.run(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"))
            .await;
    }

    /// Removes the roles and the database.
    pub(crate) async fn remove(self) {
        self.cut().await;
        self.run(&format!("DROP DATABASE IF EXISTS {}rows WITH (FORCE)", self.prefix)).await;
        for name in self.now().await.into_keys().chain([self.user()]) {
            self.run(&format!("DROP ROLE IF EXISTS {name}")).await;
        }
    }
}

/// Processes that stand still until the value goes.
pub(crate) struct Stopped(Vec<Pid>);

impl Stopped {
    fn signal(&self, signal: Signal) {
        for pid in &self.0 {
            // One that has ended meanwhile stands still for good.
            let _ended = kill_process(*pid, signal);
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal(Signal::CONT);
    }
}
