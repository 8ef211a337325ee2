//! Many privileged sessions that are due in the same second, on accounts of their own: how long after its time each
//! becomes Active, and how long after its end its account is proved back.
//!
//! ```sh
//! due_at_once <url of an empty database> <sessions> built-in
//! due_at_once <url of an empty database> <sessions> <url of a PostgreSQL server, as its superuser>
//! ```
//!
//! Prints `start <milliseconds>` and `back <milliseconds>` for each session; the bench reads its lines. A session that
//! could not start, or an account that is not back, ends it with an error.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chaperone_app::accounts::{AccountChange, NewAccount};
use chaperone_app::clock::Clock;
use chaperone_app::directories::Settings;
use chaperone_app::faults::Faults;
use chaperone_app::lists::{AccountFilter, Page};
use chaperone_app::notifications::Channels;
use chaperone_app::privileged_sessions::{NewPrivilegedSession, StatusChange};
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who, jobs};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::directory::ImportState;
use chaperone_domain::grant::Wish;
use chaperone_domain::ids::{AccountId, DirectoryId, PrivilegedSessionId};
use chaperone_domain::privileged_session::Status;
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Store, StoreConfig};

/// How it is called.
const USAGE: &str = "due_at_once <url of an empty database> <sessions> <built-in|url of a PostgreSQL server>";
/// How long the sessions last, from the first one's start.
const LASTS: Duration = Duration::from_secs(30);
/// How long it may take until everything is back.
const PATIENCE: Duration = Duration::from_secs(300);

type Failed = Box<dyn std::error::Error + Send + Sync>;

struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "a measurement lives by the real clock")]
    fn now(&self) -> Instant {
        Instant::now()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, sessions, directory] = arguments.as_slice() else { return Err(USAGE.into()) };
    let sessions: usize = sessions.parse().map_err(|_| USAGE)?;
    let folder = tempfile::tempdir()?;
    let app = open(folder.path(), database).await?;
    app.install().await?;
    let anna = user(&app, "anna", &[Role::SystemAdministrator]).await?;
    let bert = user(&app, "bert", &[Role::SystemAdministrator]).await?;
    let paula = user(&app, "paula", &[]).await?;
    let (stop, shutdown) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(jobs::run(app.clone(), shutdown));
    let accounts = match directory.as_str() {
        "built-in" => built_in(&app, &anna, &paula, sessions).await?,
        url => roles(&app, &anna, &paula, url, sessions).await?,
    };
    let target = target(&app, &anna, accounts.first().map(|account| account.directory_id)).await?;
    let (due, ids) = schedule(&app, &anna, &bert, &target, &accounts).await?;
    tracing::info!(sessions, %due, "everything is approved");
    wait(&app, &anna, &ids, Status::Active).await?;
    wait(&app, &anna, &ids, Status::Ended).await?;
    report(&app, &anna, &ids, &accounts).await?;
    stop.send_replace(true);
    running.await?;
    Ok(())
}

async fn open(folder: &std::path::Path, database: &str) -> Result<Arc<App>, Failed> {
    let vault =
        VaultConfig::with_folders(folder.join("spool"), folder.join("blobs"), MasterKey::new([7; 32]))?;
    let config = AppConfig {
        store: Store::connect(StoreConfig::new(database)).await?,
        vault: Vault::open(vault)?,
        clock: Box::new(Wall),
        master_key: [7; 32],
        addresses: Addresses {
            console: "http://console.localhost".to_owned(),
            replay: "http://replay.localhost".to_owned(),
            scheme: "http".to_owned(),
            port: None,
        },
        directory_secrets: folder.join("secrets"),
        notifications: Channels::default(),
        tail: TAIL,
        faults: Faults::none(),
    };
    Ok(App::open(config).await?)
}

async fn user(app: &App, name: &str, roles: &[Role]) -> Result<User, Failed> {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: name.to_owned(),
        email: String::new(),
        roles: roles.to_vec(),
        active: true,
        password: Some("correct horse battery".to_owned()),
    };
    Ok(app.create_user(&Op::system(app.now()), new).await?.0)
}

fn op(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::Web),
        client: Client::new("192.0.2.7", "measurement"),
        sign_in_id: None,
    }
}

async fn built_in(app: &App, anna: &User, paula: &User, count: usize) -> Result<Vec<Account>, Failed> {
    let mut accounts = Vec::with_capacity(count);
    for number in 0..count {
        let new = NewAccount {
            directory_id: None,
            name: format!("due-{number:05}"),
            owner: Some(paula.id),
            privileged: true,
            state: AccountState::Disabled,
        };
        accounts.push(app.create_account(&op(app, anna), new).await?);
    }
    Ok(accounts)
}

/// Roles of a real server, imported and given to Paula.
async fn roles(
    app: &App,
    anna: &User,
    paula: &User,
    url: &str,
    count: usize,
) -> Result<Vec<Account>, Failed> {
    let sql: String =
        (0..count).map(|number| format!("CREATE ROLE \"due-{number:05}\" NOLOGIN;\n")).collect();
    let mut psql = Command::new("psql").args([url, "--quiet"]).stdin(Stdio::piped()).spawn()?;
    psql.stdin.take().ok_or("no way into psql")?.write_all(sql.as_bytes())?;
    if !psql.wait()?.success() {
        return Err("the roles could not be made".into());
    }
    let place = url.split_once('@').and_then(|(_, rest)| rest.split_once('/')).ok_or(USAGE)?.0;
    let (host, port) = place.rsplit_once(':').ok_or(USAGE)?;
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "kind": "postgresql", "host": host, "port": port.parse::<u16>()?, "user": "postgres", "tls": {"mode": "off"},
    }))?;
    let directory = app.create_directory(&op(app, anna), "Roles", settings).await?.directory.id;
    app.start_import(&op(app, anna), directory).await?;
    while app
        .directory(&op(app, anna), directory)
        .await?
        .import
        .is_none_or(|it| it.state == ImportState::Running)
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut accounts = Vec::with_capacity(count);
    let mut after = None;
    loop {
        let filter = AccountFilter {
            directory_id: Some(directory),
            q: Some("due-".to_owned()),
            ..AccountFilter::default()
        };
        let page = app.accounts(&op(app, anna), filter, Page { after, limit: 500 }).await?;
        for account in page.items {
            let change = AccountChange {
                owner: Some(Some(paula.id)),
                privileged: Some(true),
                ..AccountChange::default()
            };
            accounts.push(app.change_account(&op(app, anna), account.id, change).await?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(accounts);
        }
    }
}

async fn target(app: &App, anna: &User, directory_id: Option<DirectoryId>) -> Result<Target, Failed> {
    let fields = TargetFields {
        name: "ERP".to_owned(),
        host: "erp.localhost".to_owned(),
        directory_id,
        upstream: "http://127.0.0.1:1".to_owned(),
        identity: TargetIdentity::Assertion,
        recording: TargetRecording::Privileged,
        web_services_in_session: WebServicesInSession::Refuse,
        audit_enabled: true,
        entry_posts: Vec::new(),
    };
    Ok(app.create_target(&op(app, anna), fields).await?)
}

/// Asks for all sessions and approves them; all start and end in the same second.
async fn schedule(
    app: &Arc<App>,
    anna: &User,
    bert: &User,
    target: &Target,
    accounts: &[Account],
) -> Result<(Instant, Vec<PrivilegedSessionId>), Failed> {
    // Approving takes its time: about a millisecond for each, and twice that to be sure.
    let ahead = Duration::from_secs(5) + Duration::from_millis(8) * u32::try_from(accounts.len())?;
    let due = app.now().checked_add(ahead)?;
    let mut asking = tokio::task::JoinSet::new();
    for share in accounts.chunks(accounts.len().div_ceil(16).max(1)) {
        let (app, anna, bert, target) = (app.clone(), anna.clone(), bert.clone(), target.id);
        let share: Vec<AccountId> = share.iter().map(|account| account.id).collect();
        asking.spawn(async move {
            let mut ids = Vec::with_capacity(share.len());
            for account_id in share {
                let new = NewPrivilegedSession {
                    account_id,
                    more_accounts: Vec::new(),
                    user_id: None,
                    target_ids: vec![target],
                    starts_at: due,
                    ends_at: due.checked_add(LASTS)?,
                    reason: "Month end".to_owned(),
                    ticket: String::new(),
                    wish: Wish::Enable,
                    notice_acknowledged: true,
                };
                let id = app.request_privileged_session(&op(&app, &anna), new).await?.session.id;
                app.change_status(&op(&app, &bert), id, StatusChange::Approve, "", None).await?;
                ids.push(id);
            }
            Ok::<_, Failed>(ids)
        });
    }
    let mut ids = Vec::with_capacity(accounts.len());
    while let Some(share) = asking.join_next().await {
        ids.extend(share??);
    }
    if app.now() >= due {
        return Err("scheduling took so long that the sessions were due before it ended".into());
    }
    Ok((due, ids))
}

async fn wait(app: &App, anna: &User, ids: &[PrivilegedSessionId], status: Status) -> Result<(), Failed> {
    let until = tokio::time::Instant::now() + PATIENCE;
    for id in ids {
        loop {
            let session = app.privileged_session(&op(app, anna), *id).await?;
            if session.status() == Status::Failed {
                return Err(format!("{id} could not start").into());
            }
            let there = session.status() == status || session.status() == Status::Ended;
            if there {
                break;
            }
            if tokio::time::Instant::now() > until {
                return Err(format!("{id} is still {}", session.status().name()).into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

async fn report(
    app: &App,
    anna: &User,
    ids: &[PrivilegedSessionId],
    accounts: &[Account],
) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    for id in ids {
        let view = app.view_privileged_session(&op(app, anna), *id).await?;
        let session = &view.session;
        let started = session.started_at.ok_or("a session without a start")?;
        let back =
            view.grants.first().and_then(|(grant, _)| grant.closed_at).ok_or("an account is not back")?;
        writeln!(out, "start {}", started.duration_since(session.window.starts_at()).as_millis())?;
        writeln!(out, "back {}", back.duration_since(session.window.ends_at()).as_millis())?;
    }
    for before in accounts {
        let after = app.account(&op(app, anna), before.id).await?;
        if (after.state, after.expires_at) != (before.state, before.expires_at) {
            return Err(format!("{} is not what it was", before.name).into());
        }
    }
    Ok(())
}
