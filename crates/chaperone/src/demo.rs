//! `chaperone demo`: users, a sample ERP behind the gateway, and what to try.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chaperone_app::accounts::{AccountChange, NewAccount};
use chaperone_app::lists::{AccountFilter, Page};
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppError, Client, Op, Who};
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::UserId;
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use sample_erp::{Erp, ErpConfig, Identity, Keys};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::config::{Notifications, Security, Smtp};
use crate::node::{self, NodeConfig};
use crate::serve::{self, Serving};
use crate::{Problem, config, key, lock, notify, tls};

/// The password of every user of the demo. It is a demo's password: the demo listens on the loopback address only.
const PASSWORD: &str = "borrowed-for-an-hour";
/// The account that is borrowed.
const ACCOUNT: &str = "erp-admin";
/// The host of the sample ERP.
const ERP_HOST: &str = "erp.localhost";
/// Whom mails of the demo are from.
const MAIL_FROM: &str = "Chaperone <chaperone@larkfell.example>";
/// The name of the tokens that the demo prints.
const TOKEN_NAME: &str = "demo";

struct Person {
    user_name: &'static str,
    display_name: &'static str,
    role: Role,
    what: &'static str,
}

const PEOPLE: [Person; 4] = [
    Person {
        user_name: "anna",
        display_name: "Anna Berg",
        role: Role::SystemAdministrator,
        what: "system administrator: asks for the session",
    },
    Person {
        user_name: "bert",
        display_name: "Bert Olsen",
        role: Role::SystemAdministrator,
        what: "system administrator: approves it",
    },
    Person {
        user_name: "audrey",
        display_name: "Audrey Lind",
        role: Role::Auditor,
        what: "auditor: watches the recording",
    },
    Person {
        user_name: "paula",
        display_name: "Paula Reyes",
        role: Role::User,
        what: "privileged user: works in the ERP",
    },
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one line of JSON when it is ready, and nothing else on standard output
    #[arg(long)]
    json: bool,
    /// Where data is kept; without it, in a folder that goes away at the end
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The loopback address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// One more application behind the gateway: NAME=HOST=ADDRESS, for example wiki=wiki.localhost=http://127.0.0.1:3000
    #[arg(long, value_parser = Extra::parse)]
    target: Vec<Extra>,
    /// Send mails in clear to this mail server of this machine, for example a catcher of mails: 127.0.0.1:1025
    #[arg(long, value_name = "ADDRESS:PORT")]
    mail_server: Option<SocketAddr>,
    /// Speak TLS: the certificate and its chain (PEM), for console.localhost, replay.localhost and the targets
    #[arg(long, requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl Arguments {
    fn tls(&self) -> Option<config::Tls> {
        let (certificate_file, key_file) = (self.tls_certificate.clone()?, self.tls_key.clone()?);
        Some(config::Tls { certificate_file, key_file })
    }

    fn notifications(&self) -> Result<Notifications, Problem> {
        let Some(server) = self.mail_server else { return Ok(Notifications::default()) };
        if !server.ip().is_loopback() {
            return Err(Problem::new(format!(
                "the demo sends mails in clear, so to this machine only, and {server} is elsewhere; write --mail-server 127.0.0.1:1025"
            )));
        }
        let from = MAIL_FROM.parse().map_err(|error| Problem::new(format!("{MAIL_FROM}: {error}")))?;
        let (host, port) = (server.ip().to_string(), server.port());
        let smtp = Smtp { host, port, security: Security::None, credentials: None, from };
        Ok(Notifications { smtp: Some(smtp), ..Notifications::default() })
    }
}

/// One more application.
#[derive(Clone)]
struct Extra {
    name: String,
    host: String,
    upstream: String,
}

impl Extra {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '=').map(str::to_owned);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(host), Some(upstream)) => Ok(Self { name, host, upstream }),
            _ => {
                Err("write NAME=HOST=ADDRESS, for example wiki=wiki.localhost=http://127.0.0.1:3000"
                    .to_owned())
            }
        }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Problem> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Problem::new(
            "the demo has passwords that everybody knows, so it listens on a loopback address only; use `chaperone serve` for others",
        ));
    }
    let notifications = arguments.notifications()?;
    let acceptor = arguments.tls().as_ref().map(tls::server).transpose()?.map(TlsAcceptor::from);
    let passing = match arguments.data_dir {
        Some(_) => None,
        None => Some(
            tempfile::tempdir().map_err(|error| Problem::new(format!("no folder can be made: {error}")))?,
        ),
    };
    let data_dir = match (&arguments.data_dir, &passing) {
        (Some(folder), _) => folder.clone(),
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => return Err(Problem::new("there is no folder for data")),
    };
    let _lock = lock::take(&data_dir)?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(|error| {
        Problem::new(format!(
            "{} cannot be listened on: {error}. Name another with --listen 127.0.0.1:8081",
            arguments.listen
        ))
    })?;
    let address = listener.local_addr().map_err(|error| Problem::new(format!("no address: {error}")))?;
    let port = address.port();
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    let addresses = Addresses {
        console: format!("{scheme}://console.localhost:{port}"),
        replay: format!("{scheme}://replay.localhost:{port}"),
        scheme: scheme.to_owned(),
        port: Some(port),
    };
    let notifications = notify::channels(&notifications, &addresses)?;
    // A demo keeps its key with its data; `chaperone serve` refuses that.
    let data_exists = data_dir.join("chaperone.db").exists();
    let master_key = key::read_or_make(&data_dir.join("demo.key"), data_exists)?;
    let database_url = config::sqlite_url(&data_dir);
    let secrets_dir = data_dir.join("secrets");
    let node = NodeConfig {
        data_dir: &data_dir,
        database_url: &database_url,
        master_key,
        addresses: addresses.clone(),
        secrets_dir: &secrets_dir,
        notifications,
        event_streams: Vec::new(),
    };
    let node = node::open(node).await?;
    let app = node.app.clone();
    let erp = start_erp(&app, &data_dir, port).await?;
    let failed = |error: AppError| Problem::new(format!("the demo cannot be set up: {error}"));
    let users = seed(&app, &erp, &arguments.target).await.map_err(failed)?;
    let erp_url = format!("{scheme}://{ERP_HOST}:{port}");
    let ready = json!({
        "console_url": addresses.console,
        "target_url": erp_url,
        "users": users,
    });
    let target_tls = tls::towards_targets(None)?;
    let said = if arguments.json { ready.to_string() } else { welcome(&addresses.console, &erp_url) };
    let serving = Serving {
        node,
        addresses,
        target_tls,
        listeners: vec![listener],
        acceptor,
        trusted_proxies: Vec::new(),
    };
    let served = serve::until_asked(serving, || crate::print(&said)).await;
    erp.stop().await;
    served
}

async fn start_erp(app: &App, data_dir: &Path, port: u16) -> Result<Erp, Problem> {
    let (id, key) = app.assertion_public_key();
    let key: [u8; 32] =
        key.try_into().map_err(|_| Problem::new("the signing key has another form than Ed25519"))?;
    let identity =
        Identity::Assertion { keys: Keys::Static(vec![(id, key)]), audience: format!("{ERP_HOST}:{port}") };
    let config = ErpConfig { save_to: Some(data_dir.join("erp.json")), ..ErpConfig::on_loopback(identity) };
    Erp::start(config)
        .await
        .map_err(|error| Problem::new(format!("the sample ERP cannot be started: {error}")))
}

fn acting(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::WebServices),
        client: Client::new("127.0.0.1", "chaperone demo"),
        sign_in_id: None,
    }
}

/// Makes what is missing; a demo that is started again on its data goes on.
async fn seed(app: &Arc<App>, erp: &Erp, extra: &[Extra]) -> Result<Vec<serde_json::Value>, AppError> {
    let system = Op::system(app.now());
    let mut people = Vec::new();
    for person in &PEOPLE {
        people.push((person, user(app, &system, person).await?));
    }
    let Some((_, administrator)) = people.first() else { return Ok(Vec::new()) };
    let administrator = acting(app, administrator);
    let paula = people.iter().find(|(person, _)| person.role == Role::User).map(|(_, user)| user.id);
    let filter = AccountFilter { q: Some(ACCOUNT.to_owned()), ..Default::default() };
    if app.accounts(&administrator, filter, Page::first(1)).await?.items.is_empty() {
        let account = NewAccount {
            directory_id: None,
            name: ACCOUNT.to_owned(),
            owner: paula,
            privileged: true,
            state: AccountState::Disabled,
        };
        app.create_account(&administrator, account).await?;
    }
    if let Some(paula) = paula {
        close_everyday_account(app, &administrator, paula).await?;
    }
    let upstream = format!("http://{}", erp.address());
    put_target(app, &administrator, "Larkfell ERP", ERP_HOST, &upstream, TargetIdentity::Assertion).await?;
    for one in extra {
        put_target(app, &administrator, &one.name, &one.host, &one.upstream, TargetIdentity::None).await?;
    }
    let mut shown = Vec::new();
    for (person, user) in &people {
        let op = acting(app, user);
        // Tokens of the start before: their secrets are nowhere any more.
        for token in app.api_tokens(&op).await? {
            if token.name == TOKEN_NAME && token.revoked_at.is_none() {
                app.revoke_api_token(&op, token.id).await?;
            }
        }
        let (_, secret) = app.create_api_token(&op, TOKEN_NAME.to_owned(), None).await?;
        shown.push(json!({
            "user_name": person.user_name,
            "password": PASSWORD,
            "roles": [person.role.name()],
            "api_token": secret,
        }));
    }
    Ok(shown)
}

async fn user(app: &App, system: &Op, person: &Person) -> Result<User, AppError> {
    let new = NewUser {
        user_name: person.user_name.to_owned(),
        display_name: person.display_name.to_owned(),
        email: format!("{}@larkfell.example", person.user_name),
        roles: vec![person.role],
        active: true,
        password: Some(PASSWORD.to_owned()),
    };
    match app.create_user(system, new).await {
        Ok((user, _)) => Ok(user),
        Err(AppError::Conflict { .. }) => app.user_by_name(system, person.user_name).await,
        Err(error) => Err(error),
    }
}

/// Outside sessions the privileged user gets nowhere: the demo's point. Everybody else may look at the ERP as themselves.
async fn close_everyday_account(app: &App, op: &Op, user: UserId) -> Result<(), AppError> {
    let filter = AccountFilter { owner: Some(user), privileged: Some(false), ..Default::default() };
    for account in app.accounts(op, filter, Page::first(10)).await?.items {
        if account.state == AccountState::Enabled {
            let change = AccountChange { state: Some(AccountState::Disabled), ..Default::default() };
            app.change_account(op, account.id, change).await?;
        }
    }
    Ok(())
}

async fn put_target(
    app: &App,
    op: &Op,
    name: &str,
    host: &str,
    upstream: &str,
    identity: TargetIdentity,
) -> Result<(), AppError> {
    let known = app.targets(op).await?.into_iter().find(|target| target.host == host);
    if let Some(known) = known {
        // The same application, on another port than at the start before.
        if known.upstream != upstream {
            app.change_target(op, known.id, None, |fields| fields.upstream = upstream.to_owned()).await?;
        }
        return Ok(());
    }
    let fields = TargetFields {
        name: name.to_owned(),
        host: host.to_owned(),
        directory_id: None,
        upstream: upstream.to_owned(),
        identity,
        recording: TargetRecording::Privileged,
        web_services_in_session: WebServicesInSession::Refuse,
        audit_enabled: true,
        entry_posts: Vec::new(),
    };
    app.create_target(op, fields).await.map(|_| ())
}

fn welcome(console: &str, erp: &str) -> String {
    let people: Vec<String> =
        PEOPLE.iter().map(|person| format!("    {:<8} {}", person.user_name, person.what)).collect();
    format!(
        "
  Chaperone is ready:  {console}
  The sample ERP:      {erp}  (closed to Paula outside sessions)

  Everybody's password is  {PASSWORD}
{}

  Try this, in a window of its own for each person:
    1. anna    New: account {ACCOUNT}, from now on, a reason; confirm that Paula will be recorded.
    2. bert    Open the request, Change status, Approve. (Anna cannot approve her own.)
    3. paula   My access, Open, the password again, Agree and open. Change a vendor's bank account.
    4. bert    End now. Paula's next click meets a closed door.
    5. audrey  The session: Audit log, User log, Recordings, Play.

  Everything stays on this machine. Stop with Ctrl-C.
",
        people.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_demo_says_has_every_address_every_person_and_the_password() {
        let (console, erp) = ("http://console.localhost:8080", "http://erp.localhost:8080");
        let said = welcome(console, erp);
        let people = PEOPLE.iter().map(|person| person.user_name);
        for needed in [console, erp, PASSWORD, ACCOUNT].into_iter().chain(people) {
            assert!(said.contains(needed), "{needed} is not in {said}");
        }
        assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    }
}
