//! One installation, its people, and the router.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use chaperone_api::{CONSOLE_COOKIE_NAME, ClientAddress};
use chaperone_app::accounts::NewAccount;
use chaperone_app::clock::Clock;
use chaperone_app::faults::Faults;
use chaperone_app::notifications::Channels;
use chaperone_app::targets::TargetFields;
use chaperone_app::users::NewUser;
use chaperone_app::{Addresses, App, AppConfig, Client, Op, TAIL, Who, jobs};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::{Target, TargetIdentity, TargetRecording, WebServicesInSession};
use chaperone_domain::user::{Role, User};
use chaperone_recording::{MasterKey, Vault, VaultConfig};
use chaperone_store::{Store, StoreConfig};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

pub const CONSOLE: &str = "http://console.localhost:8080";
pub const PASSWORD: &str = "correct horse battery";
const BEGIN_S: i64 = 1_790_000_000;

struct Hand(Arc<AtomicI64>);

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_second(self.0.load(Ordering::SeqCst)).expect("in range")
    }
}

/// Somebody with a token of their own.
pub struct Person {
    pub user: User,
    pub token: String,
}

pub struct World {
    folder: TempDir,
    clock: Arc<AtomicI64>,
    pub app: Arc<App>,
    router: Router,
    pub anna: Person,
    pub bert: Person,
    pub carla: Person,
    pub audrey: Person,
    pub paula: Person,
    pub victor: Person,
    pub account: Account,
    pub target: Target,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The rule that a problem names.
    pub fn rule(&self) -> String {
        let kind = self.json()["type"].as_str().expect("a problem").to_owned();
        assert_eq!(self.headers["content-type"], "application/problem+json");
        kind.rsplit('/').next().expect("a name").to_owned()
    }

    pub fn text(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("{name}: {}", self.text)).to_owned()
    }
}

/// How a call says who makes it.
#[derive(Clone)]
pub enum As {
    Nobody,
    Token(String),
    /// The console's page: cookie and the token against calls from other sites.
    Console(String, String),
    /// Whatever is said here.
    Headers(Vec<(&'static str, String)>),
}

async fn person(app: &App, name: &str, roles: &[Role]) -> Person {
    let new = NewUser {
        user_name: name.to_owned(),
        display_name: name.to_owned(),
        email: String::new(),
        roles: roles.to_vec(),
        active: true,
        password: Some(PASSWORD.to_owned()),
    };
    let (user, _) = app.create_user(&Op::system(app.now()), new).await.expect("a user");
    let (_, token) = app.create_api_token(&op(app, &user), "test".to_owned(), None).await.expect("a token");
    Person { user, token }
}

pub fn op(app: &App, user: &User) -> Op {
    Op {
        who: Who::User(Box::new(user.clone())),
        at: app.now(),
        channel: Some(Channel::WebServices),
        client: Client::new("192.0.2.1", "test"),
        sign_in_id: None,
    }
}

impl World {
    pub async fn new() -> Self {
        Self::telling(Channels::default()).await
    }

    /// One that tells on these ways.
    pub async fn telling(channels: Channels) -> Self {
        let folder = TempDir::new().expect("a folder");
        let clock = Arc::new(AtomicI64::new(BEGIN_S));
        let path = folder.path();
        let url = format!("sqlite:{}", path.join("chaperone.db").display());
        let vault =
            VaultConfig::with_folders(path.join("spool"), path.join("blobs"), MasterKey::new([7; 32]));
        let app = App::open(AppConfig {
            store: Store::connect(StoreConfig::new(url)).await.expect("the database opens"),
            vault: Vault::open(vault.expect("folders")).expect("the vault opens"),
            clock: Box::new(Hand(clock.clone())),
            master_key: [7; 32],
            addresses: Addresses {
                console: CONSOLE.to_owned(),
                replay: "http://replay.localhost:8080".to_owned(),
                scheme: "http".to_owned(),
                port: Some(8080),
            },
            directory_secrets: folder.path().join("secrets"),
            tail: TAIL,
            notifications: channels,
            event_streams: Vec::new(),
            faults: Faults::none(),
        })
        .await
        .expect("the app opens");
        app.install().await.expect("installed");
        let anna = person(&app, "anna", &[Role::SystemAdministrator]).await;
        let bert = person(&app, "bert", &[Role::SystemAdministrator]).await;
        let carla = person(&app, "carla", &[Role::Approver]).await;
        let audrey = person(&app, "audrey", &[Role::Auditor]).await;
        let paula = person(&app, "paula", &[Role::User]).await;
        let victor = person(&app, "victor", &[Role::User]).await;
        let administrator = op(&app, &anna.user);
        let new = NewAccount {
            directory_id: None,
            name: "erp-admin".to_owned(),
            owner: Some(paula.user.id),
            privileged: true,
            state: AccountState::Disabled,
        };
        let account = app.create_account(&administrator, new).await.expect("an account");
        let fields = TargetFields {
            name: "ERP".to_owned(),
            host: "erp.localhost".to_owned(),
            directory_id: None,
            upstream: "http://127.0.0.1:1".to_owned(),
            identity: TargetIdentity::Assertion,
            recording: TargetRecording::Privileged,
            web_services_in_session: WebServicesInSession::Refuse,
            audit_enabled: true,
            entry_posts: Vec::new(),
        };
        let target = app.create_target(&administrator, fields).await.expect("a target");
        let router = chaperone_api::router(app.clone());
        Self { folder, clock, app, router, anna, bert, carla, audrey, paula, victor, account, target }
    }

    pub fn forward(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// An instant from now, as the API writes it.
    pub fn after(&self, seconds: i64) -> String {
        Instant::from_second(self.clock.load(Ordering::SeqCst) + seconds).expect("in range").to_string()
    }

    /// The same rows, past the app.
    pub async fn store(&self) -> Store {
        let url = format!("sqlite:{}", self.folder.path().join("chaperone.db").display());
        Store::connect(StoreConfig::new(url)).await.expect("the database opens")
    }

    pub async fn process(&self) {
        jobs::process_due(&self.app).await.expect("processed");
    }

    /// Imports the accounts of a directory, and waits until that has ended.
    pub async fn import(&self, directory: &str) {
        let path = format!("/directories/{directory}");
        let started = self.by(&self.anna, "POST", &format!("{path}/import"), None).await;
        assert_eq!(started.status, 202, "{}", started.text);
        let (end, ended) = tokio::sync::watch::channel(false);
        let jobs = tokio::spawn(jobs::run(self.app.clone(), ended));
        while self.by(&self.anna, "GET", &path, None).await.json()["import"]["state"] == "running" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        end.send(true).expect("somebody listens");
        jobs.await.expect("the jobs end");
    }

    /// Calls with these bytes as the body.
    pub async fn send(&self, who: &As, method: &str, path: &str, kind: Option<&str>, body: Body) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path)
            .extension(ClientAddress("192.0.2.1".to_owned()));
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        request = match who {
            As::Nobody => request,
            As::Token(token) => request.header("authorization", format!("Bearer {token}")),
            As::Console(secret, csrf) => request
                .header("cookie", format!("{CONSOLE_COOKIE_NAME}={secret}"))
                .header("origin", CONSOLE)
                .header("x-chaperone-csrf", csrf),
            As::Headers(headers) => {
                headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
            }
        };
        let response =
            self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("ends").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub async fn call(&self, who: &As, method: &str, path: &str, body: Option<Value>) -> Answer {
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(who, method, &format!("/api/v1{path}"), kind, body).await
    }

    pub async fn by(&self, person: &Person, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call(&As::Token(person.token.clone()), method, path, body).await
    }

    /// Signs in to the console.
    pub async fn sign_in(&self, user_name: &str, password: &str) -> As {
        let body = json!({"user_name": user_name, "password": password});
        let answer = self.call(&As::Nobody, "POST", "/sign-in", Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let cookie = answer.headers["set-cookie"].to_str().expect("text").to_owned();
        let secret = cookie.split(['=', ';']).nth(1).expect("a value").to_owned();
        As::Console(secret, answer.text("csrf_token"))
    }

    /// What a request of the account's window asks for.
    pub fn request(&self, from_s: i64, to_s: i64) -> Value {
        json!({
            "account_id": self.account.id.to_string(),
            "target_ids": [self.target.id.to_string()],
            "starts_at": self.after(from_s),
            "ends_at": self.after(to_s),
            "reason": "Month end",
            "account_action": "enable",
            "recording_notice_acknowledged": true,
        })
    }

    /// Asked for by Anna; its id.
    pub async fn asked(&self, from_s: i64, to_s: i64) -> String {
        let answer =
            self.by(&self.anna, "POST", "/privileged-sessions", Some(self.request(from_s, to_s))).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.text("id")
    }

    pub async fn decide(&self, person: &Person, id: &str, status: &str) -> Answer {
        let path = format!("/privileged-sessions/{id}/change-status");
        self.by(person, "POST", &path, Some(json!({ "status": status }))).await
    }
}
