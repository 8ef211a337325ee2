//! The directory that holds the accounts: made, and looked into past the app.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use chaperone_app::accounts::{AccountChange, NewAccount};
use chaperone_app::directories::Settings;
use chaperone_app::lists::{AccountFilter, Page};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::directory::ImportState;
use chaperone_domain::ids::DirectoryId;

use super::installation::{AT_ONCE, Installation, op};
use super::{Failed, USAGE};

/// How often it is looked whether an import is over.
const LOOK: Duration = Duration::from_millis(20);

/// Where the accounts are.
pub(crate) enum Directory {
    /// Rows of our own.
    BuiltIn,
    /// Roles of a PostgreSQL server; its address.
    Roles(String),
}

impl Directory {
    /// Makes the roles, where it is a server.
    pub(crate) fn open(which: &str, count: usize) -> Result<Self, Failed> {
        if which == "built-in" {
            return Ok(Self::BuiltIn);
        }
        let roles = |kind: &str| -> String {
            (0..count).map(|number| format!("CREATE ROLE \"{kind}-{number:05}\" NOLOGIN;\n")).collect()
        };
        ask(which, &format!("BEGIN;\n{}{}COMMIT;\n", roles("due"), roles("bare")))?;
        Ok(Self::Roles(which.to_owned()))
    }

    /// How long it takes when somebody changes as many other roles one after the other on one connection, and looks at
    /// nothing.
    pub(crate) fn bare_changes(&self, count: usize) -> Result<Option<Duration>, Failed> {
        let Self::Roles(url) = self else { return Ok(None) };
        let statements: String = (0..count)
            .map(|number| format!("ALTER ROLE \"bare-{number:05}\" LOGIN VALID UNTIL '2100-01-01';\n"))
            .collect();
        let began = tokio::time::Instant::now();
        ask(url, &statements)?;
        Ok(Some(began.elapsed()))
    }

    /// The accounts, all Paula's and privileged.
    pub(crate) async fn accounts(&self, here: &Installation, count: usize) -> Result<Vec<Account>, Failed> {
        let (app, anna, owner) = (here.app.clone(), here.anna.clone(), here.paula.id);
        match self {
            Self::BuiltIn => {
                many((0..count).collect(), move |number| {
                    let (app, anna) = (app.clone(), anna.clone());
                    async move {
                        let new = NewAccount {
                            directory_id: None,
                            name: format!("due-{number:05}"),
                            owner: Some(owner),
                            privileged: true,
                            state: AccountState::Disabled,
                        };
                        Ok(app.create_account(&op(&app, &anna), new).await?)
                    }
                })
                .await
            }
            Self::Roles(url) => {
                let found = listed(here, import(here, url).await?).await?;
                many(found, move |account: Account| {
                    let (app, anna) = (app.clone(), anna.clone());
                    async move {
                        let change = AccountChange {
                            owner: Some(Some(owner)),
                            privileged: Some(true),
                            ..AccountChange::default()
                        };
                        Ok(app.change_account(&op(&app, &anna), account.id, change).await?)
                    }
                })
                .await
            }
        }
    }

    /// Sees that every account is enabled, with the sessions' end as its own.
    pub(crate) async fn are_open(
        &self,
        here: &Installation,
        accounts: &[Account],
        ends_at: Instant,
    ) -> Result<(), Failed> {
        let open = |state, expires_at| state == AccountState::Enabled && expires_at == Some(ends_at);
        rows_are(here, accounts, |row| open(row.state, row.expires_at)).await?;
        let end = format!("rolcanlogin AND rolvaliduntil = '{ends_at}'");
        self.roles_are(accounts.len(), &end)
    }

    /// Sees that every account is disabled, without an end.
    pub(crate) async fn are_back(&self, here: &Installation, accounts: &[Account]) -> Result<(), Failed> {
        let back =
            |state, expires_at: Option<Instant>| state == AccountState::Disabled && expires_at.is_none();
        rows_are(here, accounts, |row| back(row.state, row.expires_at)).await?;
        self.roles_are(accounts.len(), "NOT rolcanlogin AND COALESCE(rolvaliduntil, 'infinity') = 'infinity'")
    }

    /// Asks the server itself.
    fn roles_are(&self, count: usize, so: &str) -> Result<(), Failed> {
        let Self::Roles(url) = self else { return Ok(()) };
        let sql = format!("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'due-%' AND {so};");
        let found = ask(url, &sql)?;
        if found.trim() == count.to_string() {
            return Ok(());
        }
        Err(format!("of {count} roles, only {} are as they must be: {so}", found.trim()).into())
    }
}

async fn rows_are(
    here: &Installation,
    accounts: &[Account],
    so: impl Fn(&Account) -> bool,
) -> Result<(), Failed> {
    for account in accounts {
        let now = here.app.account(&op(&here.app, &here.anna), account.id).await?;
        if !so(&now) {
            return Err(format!("{} is {} and should not be", now.name, now.state.name()).into());
        }
    }
    Ok(())
}

/// Runs statements past the app, each in a transaction of its own; what they answered.
fn ask(url: &str, sql: &str) -> Result<String, Failed> {
    let mut psql = Command::new("psql")
        .args([url, "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    psql.stdin.take().ok_or("no way into psql")?.write_all(sql.as_bytes())?;
    let ended = psql.wait_with_output()?;
    if !ended.status.success() {
        return Err("PostgreSQL refused a statement".into());
    }
    Ok(String::from_utf8(ended.stdout)?)
}

/// Does something with every item, many at once.
async fn many<T, F, W>(items: Vec<T>, work: F) -> Result<Vec<Account>, Failed>
where
    T: Clone + Send + 'static,
    F: Fn(T) -> W + Clone + Send + 'static,
    W: Future<Output = Result<Account, Failed>> + Send + 'static,
{
    let mut shares = tokio::task::JoinSet::new();
    for share in items.chunks(items.len().div_ceil(AT_ONCE).max(1)) {
        let (share, work) = (share.to_vec(), work.clone());
        shares.spawn(async move {
            let mut done = Vec::with_capacity(share.len());
            for item in share {
                done.push(work(item).await?);
            }
            Ok::<_, Failed>(done)
        });
    }
    let mut done = Vec::with_capacity(items.len());
    while let Some(share) = shares.join_next().await {
        done.extend(share??);
    }
    Ok(done)
}

/// Adds the server as a directory and imports its roles.
async fn import(here: &Installation, url: &str) -> Result<DirectoryId, Failed> {
    let app = &here.app;
    let place = url.split_once('@').and_then(|(_, rest)| rest.split_once('/')).ok_or(USAGE)?.0;
    let (host, port) = place.rsplit_once(':').ok_or(USAGE)?;
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "kind": "postgresql", "host": host, "port": port.parse::<u16>()?, "user": "postgres", "tls": {"mode": "off"},
    }))?;
    let anna = || op(app, &here.anna);
    let id = app.create_directory(&anna(), "Roles", settings).await?.directory.id;
    app.start_import(&anna(), id).await?;
    loop {
        match app.directory(&anna(), id).await?.import {
            Some(import) if import.state != ImportState::Running => return Ok(id),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// The imported roles that the sessions are for.
async fn listed(here: &Installation, directory: DirectoryId) -> Result<Vec<Account>, Failed> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let filter = AccountFilter {
            directory_id: Some(directory),
            q: Some("due-".to_owned()),
            ..AccountFilter::default()
        };
        let page = Page { after, limit: 500 };
        let page = here.app.accounts(&op(&here.app, &here.anna), filter, page).await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}
