//! Roles of a real PostgreSQL server, which `CHAPERONE_TEST_POSTGRES_URL` names: its user is a superuser.
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

mod cluster;
mod sign_in;
mod wire;

use std::hash::BuildHasher as _;
use std::sync::Arc;

use chaperone_connectors::{
    Connector, ConnectorError, ExternalAccount, PostgresqlSettings, Secrets, Settings, Tls, open,
};
use chaperone_domain::account::AccountState::{self, Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use jiff::Timestamp;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

use crate::contract::{self, World as _, keeps_the_contract, later};

const URL_VARIABLE: &str = "CHAPERONE_TEST_POSTGRES_URL";

/// As whom Chaperone signs in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    Superuser,
    CreateRole,
}

/// The roles of one test in a server that other tests share: their names begin with something of its own.
struct Roles {
    server: Config,
    admin: Client,
    prefix: String,
    user: String,
    connector: Arc<dyn Connector>,
}

/// A name as it stands in a statement.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn account(external_id: String) -> ExternalAccount {
    ExternalAccount { id: AccountId::new(Uuid::from_u128(1)), external_id }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The settings of a server on this machine, in clear.
fn settings(server: &Config, user: &str) -> PostgresqlSettings {
    let Some(Host::Tcp(host)) = server.get_hosts().first() else { panic!("a host") };
    PostgresqlSettings {
        host: host.clone(),
        port: server.get_ports().first().copied().unwrap_or(5432),
        database: "postgres".to_owned(),
        user: user.to_owned(),
        password: None,
        tls: Tls::Off,
    }
}

fn opened(settings: PostgresqlSettings) -> Arc<dyn Connector> {
    open(Settings::Postgresql(settings), Secrets::new("/nowhere")).expect("the settings are right")
}

fn server() -> Option<Config> {
    let Ok(url) = std::env::var(URL_VARIABLE) else {
        println!("skipped: {URL_VARIABLE} names no server");
        return None;
    };
    Some(url.parse().expect("a postgres:// address"))
}

impl Roles {
    async fn new(who: As) -> Option<Self> {
        let server = server()?;
        let admin = connect(&server).await.expect("the server answers");
        let number = std::hash::RandomState::new().hash_one(std::process::id());
        let prefix = format!("t{:08x}_", number & 0xffff_ffff);
        let user = match who {
            As::Superuser => server.get_user().unwrap_or("postgres").to_owned(),
            As::CreateRole => {
                let user = format!("{prefix}chaperone");
                let sql = format!("CREATE ROLE {user} LOGIN CREATEROLE; GRANT pg_signal_backend TO {user}");
                admin.batch_execute(&sql).await.expect("made");
                user
            }
        };
        let connector = opened(settings(&server, &user));
        Some(Self { server, admin, prefix, user, connector })
    }

    /// Runs something as an administrator.
    async fn run(&self, sql: &str) {
        self.admin.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    async fn name(&self, account: &ExternalAccount) -> String {
        let oid: u32 = account.external_id.parse().expect("an oid");
        let row = self.admin.query_one("SELECT rolname::text FROM pg_roles WHERE oid = $1", &[&oid]).await;
        row.expect("there").get(0)
    }

    async fn find(&self, name: &str) -> ExternalAccount {
        let sql = "SELECT oid::text FROM pg_roles WHERE rolname = $1::text";
        account(self.admin.query_one(sql, &[&name]).await.expect("there").get(0))
    }

    /// Adds a role with these options.
    async fn add_with(&self, name: &str, options: &str) -> ExternalAccount {
        let name = self.shown(name);
        self.run(&format!("CREATE ROLE {} {options}", quoted(&name))).await;
        // CREATEROLE reaches only what it was given, from version 16 on.
        if self.user.starts_with(&self.prefix) {
            let sql = "SELECT current_setting('server_version_num')::int >= 160000";
            let newer: bool = self.admin.query_one(sql, &[]).await.expect("asked").get(0);
            if newer && !options.contains("SUPERUSER") {
                let (role, user) = (quoted(&name), &self.user);
                self.run(&format!("GRANT {role} TO {user} WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"))
                    .await;
            }
        }
        self.find(&name).await
    }

    /// Signs in as a role.
    async fn sign_in_as(&self, account: &ExternalAccount) -> Result<Client, tokio_postgres::Error> {
        connect(self.server.clone().user(self.name(account).await)).await
    }

    async fn valid_until(&self, account: &ExternalAccount) -> Option<String> {
        let oid: u32 = account.external_id.parse().expect("an oid");
        let sql = "SELECT rolvaliduntil::text FROM pg_roles WHERE oid = $1";
        self.admin.query_one(sql, &[&oid]).await.expect("there").get(0)
    }
}

#[async_trait::async_trait]
impl contract::World for Roles {
    fn connector(&self) -> Arc<dyn Connector> {
        self.connector.clone()
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        self.add_with(name, if state == Enabled { "LOGIN" } else { "NOLOGIN" }).await
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        let login = if state == Enabled { "LOGIN" } else { "NOLOGIN" };
        self.run(&format!("ALTER ROLE {} {login}", quoted(&self.name(account).await))).await;
    }

    async fn remove(&self, account: &ExternalAccount) {
        self.run(&format!("DROP ROLE {}", quoted(&self.name(account).await))).await;
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        let (from, to) = (quoted(&self.name(account).await), quoted(&self.shown(name)));
        self.run(&format!("ALTER ROLE {from} RENAME TO {to}")).await;
    }

    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        match self.sign_in_as(account).await {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.code().map(|code| code.code()), Some("28000"), "{error:?}");
                false
            }
        }
    }

    fn shown(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn awkward_names(&self) -> Vec<String> {
        let names = [
            "o'neill",
            "a\"b",
            "x\\",
            "c,d=e/f",
            "%s %I $1",
            "Åsa Öberg",
            "名前",
            " spaces ",
            "UPPER",
            "-n",
            "a;DROP ROLE b",
            "$$",
            "tab\tline\nend",
        ];
        names.map(str::to_owned).into()
    }
}

mod as_a_superuser {
    use super::*;
    keeps_the_contract!(Roles::new(As::Superuser));
}

mod with_create_role {
    use super::*;
    keeps_the_contract!(Roles::new(As::CreateRole));
}

fn said(error: &ConnectorError) -> String {
    let (ConnectorError::Unreachable(trouble) | ConnectorError::Refused(trouble)) = error else {
        panic!("{error:?}")
    };
    trouble.sentence.clone()
}

#[tokio::test]
async fn names_as_long_as_the_server_allows_are_names() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    for letter in ["\"", "'", "\\", "/", ",", "é", "n"] {
        let room = 63 - world.prefix.len();
        let name = letter.repeat(room / letter.len());
        let account = world.add(&name, Disabled).await;
        let to = Attributes { state: Enabled, expires_at: Some(later()) };
        contract::set(&world, &account, to).await.expect("set");
        assert_eq!(contract::observe(&world, &account).await.attributes, to);
        assert!(world.is_enabled(&account).await, "{name}");
    }
}

#[tokio::test]
async fn no_expiry_has_two_spellings_and_both_stay_as_they_are() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    for (name, options, spelled) in
        [("null", "NOLOGIN", None), ("infinity", "NOLOGIN VALID UNTIL 'infinity'", Some("infinity"))]
    {
        let account = world.add_with(name, options).await;
        let baseline = contract::observe(&world, &account).await.attributes;
        assert_eq!(baseline, Attributes { state: Disabled, expires_at: None });
        contract::set(&world, &account, Attributes { state: Enabled, expires_at: None }).await.expect("set");
        contract::set(&world, &account, baseline).await.expect("set");
        assert_eq!(world.valid_until(&account).await.as_deref(), spelled);
    }
}

#[tokio::test]
async fn an_expiry_that_has_passed_or_never_comes_goes_back_to_what_it_was() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    for (name, text) in [
        ("passed", "2001-02-03 04:05:06.000007+00"),
        ("before-christ", "0044-03-15 12:00:00+00 BC"),
        ("always", "-infinity"),
    ] {
        let account = world.add_with(name, &format!("LOGIN VALID UNTIL '{text}'")).await;
        let baseline = contract::observe(&world, &account).await.attributes;
        assert_eq!(baseline.state, Enabled);
        assert!(baseline.expires_at.is_some_and(|expiry| expiry < Timestamp::now()), "{baseline:?}");
        contract::set(&world, &account, Attributes { state: Enabled, expires_at: Some(later()) })
            .await
            .expect("set");
        contract::set(&world, &account, baseline).await.expect("set");
        assert_eq!(contract::observe(&world, &account).await.attributes, baseline);
        assert_eq!(world.valid_until(&account).await.as_deref(), Some(text));
    }
    let far = world.add_with("far", "LOGIN VALID UNTIL '200000-01-01'").await;
    let baseline = contract::observe(&world, &far).await.attributes;
    contract::set(&world, &far, Attributes { state: Disabled, ..baseline }).await.expect("set");
    assert_eq!(world.valid_until(&far).await.as_deref(), Some("200000-01-01 00:00:00+00"));
}

#[tokio::test]
async fn nothing_else_of_a_role_is_touched() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let options = "NOLOGIN NOINHERIT CREATEDB CONNECTION LIMIT 3 PASSWORD 'secret'";
    let account = world.add_with("much", options).await;
    let name = quoted(&world.name(&account).await);
    world.run(&format!("ALTER ROLE {name} SET work_mem = '7MB'")).await;
    let everything = async || -> String {
        let sql = "SELECT (to_jsonb(a) - 'rolcanlogin' - 'rolvaliduntil')::text || s.setconfig::text \
                   FROM pg_authid a JOIN pg_db_role_setting s ON s.setrole = a.oid WHERE a.oid::text = $1";
        world.admin.query_one(sql, &[&account.external_id]).await.expect("there").get(0)
    };
    let before = everything().await;
    contract::set(&world, &account, Attributes { state: Enabled, expires_at: Some(later()) })
        .await
        .expect("set");
    assert_eq!(everything().await, before);
}

#[tokio::test]
async fn connections_of_the_account_are_ended_and_no_others() {
    for who in [As::Superuser, As::CreateRole] {
        let Some(world) = Roles::new(who).await else { return };
        let (account, neighbour) = (world.add("works", Enabled).await, world.add("works-too", Enabled).await);
        let idle = world.sign_in_as(&account).await.expect("signed in");
        let busy = world.sign_in_as(&account).await.expect("signed in");
        let other = world.sign_in_as(&neighbour).await.expect("signed in");
        let sleeping = tokio::spawn(async move { busy.batch_execute("SELECT pg_sleep(600)").await });
        contract::set(&world, &account, Attributes { state: Disabled, expires_at: None }).await.expect("set");
        world.connector().end_sign_ins(&account).await.expect("ended");
        assert!(sleeping.await.expect("joined").is_err());
        assert!(idle.batch_execute("SELECT 1").await.is_err());
        other.batch_execute("SELECT 1").await.expect("untouched");
        // Also those of a role that was dropped under them.
        let left = world.sign_in_as(&neighbour).await.expect("signed in");
        world.remove(&neighbour).await;
        world.connector().end_sign_ins(&neighbour).await.expect("ended");
        assert!(left.batch_execute("SELECT 1").await.is_err());
    }
}

#[tokio::test]
async fn roles_that_come_with_the_server_are_no_accounts() {
    let Some(world) = Roles::new(As::Superuser).await else { return };
    let listed = contract::listed(&world).await;
    assert!(listed.iter().any(|account| account.name == world.user), "the superuser is one");
    assert!(listed.iter().all(|account| !account.name.starts_with("pg_")), "{listed:?}");
    let predefined = world.find("pg_monitor").await;
    let seen = contract::observe(&world, &predefined).await;
    assert_eq!(seen.attributes.state, AccountState::Absent);
    let to = Attributes { state: Enabled, expires_at: None };
    let refused = world.connector().set(&predefined, to, &seen, "key", Timestamp::now()).await;
    assert_eq!(refused, Err(ConnectorError::Changed));
}

#[tokio::test]
async fn chaperones_own_role_is_never_changed() {
    for who in [As::Superuser, As::CreateRole] {
        let Some(world) = Roles::new(who).await else { return };
        let own = world.find(&world.user).await;
        let to = Attributes { state: Disabled, expires_at: None };
        let error = contract::set(&world, &own, to).await.expect_err("refused");
        assert!(said(&error).contains("itself signs in as"), "{error:?}");
        let error = world.connector().end_sign_ins(&own).await.expect_err("refused");
        assert!(said(&error).contains("own connections"), "{error:?}");
        assert!(world.is_enabled(&own).await);
    }
}

#[tokio::test]
async fn a_superuser_is_changed_by_a_superuser_only() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let account = world.add_with("root", "NOLOGIN SUPERUSER").await;
    let to = Attributes { state: Enabled, expires_at: Some(later()) };
    let error = contract::set(&world, &account, to).await.expect_err("refused");
    assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    assert!(said(&error).contains("only superusers may change"), "{error:?}");
    let superuser = opened(settings(&world.server, world.server.get_user().unwrap_or_default()));
    let seen = contract::observe(&world, &account).await;
    superuser.set(&account, to, &seen, "key", Timestamp::now()).await.expect("set");
}

#[tokio::test]
async fn the_probe_names_the_right_that_is_missing_and_then_finds_it() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let account = world.add("somebody", Disabled).await;
    let user = quoted(&world.user);
    world.run(&format!("ALTER ROLE {user} NOCREATEROLE; REVOKE pg_signal_backend FROM {user}")).await;
    let probe = async || world.connector().probe().await;
    let error = probe().await.expect_err("refused");
    assert!(said(&error).contains("CREATEROLE"), "{error:?}");
    let to = Attributes { state: Enabled, expires_at: None };
    let error = contract::set(&world, &account, to).await.expect_err("refused");
    assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    assert!(said(&error).contains("CREATEROLE"), "{error:?}");

    world.run(&format!("ALTER ROLE {user} CREATEROLE")).await;
    let error = probe().await.expect_err("refused");
    assert!(said(&error).contains("pg_signal_backend"), "{error:?}");
    contract::set(&world, &account, to).await.expect("set");
    let working = world.sign_in_as(&account).await.expect("signed in");
    let error = world.connector().end_sign_ins(&account).await.expect_err("refused");
    assert!(said(&error).contains("pg_signal_backend"), "{error:?}");
    working.batch_execute("SELECT 1").await.expect("still there");

    world.run(&format!("GRANT pg_signal_backend TO {user}")).await;
    let said = probe().await.expect("all rights");
    assert!(said.starts_with("PostgreSQL ") && said.contains("CREATEROLE"), "{said}");
    world.connector().end_sign_ins(&account).await.expect("ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_change_a_role_at_once_one_is_told_that_it_changed() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let account = world.add("contested", Disabled).await;
    let (one, two) = (world.connector(), opened(settings(&world.server, &world.user)));
    let targets = [
        Attributes { state: Enabled, expires_at: Some(later()) },
        Attributes { state: Enabled, expires_at: None },
        Attributes { state: Disabled, expires_at: Some(later()) },
        Attributes { state: Disabled, expires_at: None },
    ];
    for round in 0..40 {
        let expected = contract::observe(&world, &account).await;
        let mut wanted = targets.into_iter().filter(|to| *to != expected.attributes).cycle().skip(round % 3);
        let (first, second) = (wanted.next().expect("one"), wanted.next().expect("another"));
        let now = Timestamp::now();
        let (a, b) = tokio::join!(
            one.set(&account, first, &expected, "one", now),
            two.set(&account, second, &expected, "two", now)
        );
        let seen = contract::observe(&world, &account).await.attributes;
        match (a, b) {
            (Ok(()), Err(ConnectorError::Changed)) => assert_eq!(seen, first),
            (Err(ConnectorError::Changed), Ok(())) => assert_eq!(seen, second),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_is_just_changing_is_waited_for() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let account = world.add("emergency", Enabled).await;
    let expected = contract::observe(&world, &account).await;
    world.run("BEGIN").await;
    world.switch_by_hand(&account, Disabled).await;
    let (connector, other) = (world.connector(), account.clone());
    let to = Attributes { state: Enabled, expires_at: Some(later()) };
    let setting =
        tokio::spawn(async move { connector.set(&other, to, &expected, "key", Timestamp::now()).await });
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = $1::text AND wait_event_type = 'Lock'";
    let watcher = connect(&world.server).await.expect("the server answers");
    while watcher.query_one(waiting, &[&world.user]).await.expect("asked").get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
        assert!(!setting.is_finished(), "nobody waited");
    }
    world.run("COMMIT").await;
    assert_eq!(setting.await.expect("joined"), Err(ConnectorError::Changed));
    assert!(!world.is_enabled(&account).await, "an emergency disable was undone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_use_one_connector_at_once() {
    let Some(world) = Roles::new(As::CreateRole).await else { return };
    let account = world.add("popular", Enabled).await;
    let asked = (0..100).map(|_| {
        let (connector, account) = (world.connector(), account.clone());
        tokio::spawn(async move { connector.observe(&account).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        let seen = answer.await.expect("joined").expect("observed");
        assert_eq!(seen.attributes.state, Enabled);
    }
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1::text";
    let connections: i64 = world.admin.query_one(sql, &[&world.user]).await.expect("asked").get(0);
    assert!((1..=16).contains(&connections), "{connections}");
}
