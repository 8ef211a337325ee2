use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chaperone_app::App;
use chaperone_app::gate::{LiveFacts, LiveSignIn, Recorded, SessionFacts};
use chaperone_app::secrets;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::ids::{
    AccountId, DirectoryId, PrivilegedSessionId, RecordingId, SignInId, TargetId, UserId,
};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind};
use chaperone_domain::target::{
    Target as DomainTarget, TargetIdentity, TargetRecording, WebServicesInSession,
};
use chaperone_domain::user::{Roles, User};
use chaperone_gateway::{Gateway, GatewayConfig, Peer, Recorder};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::page::LoadedPage;
use super::target::Target;
use super::vault::Disk;

pub const HOST: &str = "erp.localhost:8080";

/// An answer that came whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

pub struct World {
    pub app: Arc<App>,
    pub gateway: Arc<Gateway>,
    pub address: SocketAddr,
    pub target: Target,
    pub live: Arc<LiveSignIn>,
    pub secret: String,
    pub domain_target: Mutex<DomainTarget>,
    pub disk: Disk,
    pub recording: Option<RecordingId>,
}

fn uuid() -> Uuid {
    secrets::new_uuid(Instant::from_second(1_700_000_000).expect("in range"))
}

pub fn sign_in_row(channel: Channel, now: Instant) -> SignIn {
    SignIn {
        id: SignInId::new(uuid()),
        user_id: UserId::new(uuid()),
        kind: SignInKind::Target,
        channel,
        account_id: None,
        privileged_session_id: None,
        api_token_id: None,
        client_address: String::new(),
        user_agent: String::new(),
        started_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: now + Duration::from_secs(3600),
        end: None,
    }
}

impl World {
    /// Somebody in a privileged session, recorded.
    pub async fn recorded() -> Self {
        Self::begin(true, Channel::Web).await
    }

    /// Somebody at everyday work.
    pub async fn everyday() -> Self {
        Self::begin(false, Channel::Web).await
    }

    /// A program inside a privileged session.
    pub async fn program() -> Self {
        Self::begin(true, Channel::WebServices).await
    }

    async fn begin(recorded: bool, channel: Channel) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let target = Target::start().await;
        let disk = Disk::new();
        let app = super::app::open(&disk).await;
        let now = app.now();
        let directory_id = DirectoryId::new(uuid());
        let domain_target = DomainTarget {
            id: TargetId::new(uuid()),
            name: "ERP".to_owned(),
            host: "erp.localhost".to_owned(),
            directory_id,
            upstream: format!("http://{}", target.address),
            identity: TargetIdentity::Headers,
            recording: TargetRecording::Privileged,
            web_services_in_session: WebServicesInSession::Witness,
            audit_enabled: true,
            entry_posts: Vec::new(),
            created_at: now,
            version: 1,
        };
        app.gate().set_targets(vec![domain_target.clone()]);
        let user = User {
            id: UserId::new(uuid()),
            user_name: "paula".to_owned(),
            display_name: "Paula".to_owned(),
            email: "paula@example.org".to_owned(),
            active: true,
            roles: Roles::default(),
            password_must_change: false,
            created_at: now,
            version: 1,
        };
        let account = Account {
            id: AccountId::new(uuid()),
            directory_id,
            external_id: "erp-admin".to_owned(),
            name: "erp-admin".to_owned(),
            email: String::new(),
            owner: Some(user.id),
            privileged: recorded,
            state: AccountState::Enabled,
            expires_at: None,
            last_seen_at: None,
            drift: None,
            version: 1,
        };
        let session = recorded.then(|| SessionFacts {
            id: PrivilegedSessionId::new(uuid()),
            active: true,
            ends_at: now + Duration::from_secs(1800),
            reason: "Year-end fixes".to_owned(),
            target_ids: vec![domain_target.id],
        });
        let mut row = sign_in_row(channel, now);
        row.user_id = user.id;
        let facts = LiveFacts { user, account, session, expires_at: row.expires_at };
        super::app::put(&disk, &app, &facts, &domain_target, &row).await;
        let recording = recorded.then(|| RecordingId::new(uuid()));
        let writer = match recording {
            Some(id) => Recorded::Here(disk.begin(id, &row, &facts).await),
            None => Recorded::No,
        };
        let live = LiveSignIn::new(&row, facts, writer);
        let secret = match channel {
            Channel::Web => secrets::new_secret(),
            Channel::WebServices => format!("chp_{}", secrets::new_secret()),
        };
        app.gate().insert(live.clone());
        app.gate().add_secret(&live, secrets::hash(&secret), "erp.localhost");

        let (gateway, address) = start(&app, trusting(b"")).await;
        let domain_target = Mutex::new(domain_target);
        Self { app, gateway, address, target, live, secret, domain_target, disk, recording }
    }

    /// A new gateway over the same app: what was in the old one's memory is gone.
    pub async fn restart_gateway(&mut self) {
        self.restart_gateway_trusting(trusting(b"")).await;
    }

    /// A new gateway that trusts these authorities' targets.
    pub async fn restart_gateway_trusting(&mut self, tls: Arc<rustls::ClientConfig>) {
        (self.gateway, self.address) = start(&self.app, tls).await;
    }

    /// Changes the target's settings.
    pub fn change_target(&self, change: impl FnOnce(&mut DomainTarget)) {
        let mut target = self.domain_target.lock().expect("not poisoned");
        change(&mut target);
        self.app.gate().set_targets(vec![target.clone()]);
    }

    /// What the recording holds, durably, in words.
    pub async fn frames(&self) -> Vec<String> {
        self.disk.frames(self.recording.expect("is recorded")).await
    }

    /// Waits until the recording holds all of these, as often as they are named.
    pub async fn eventually_frames(&self, wanted: &[&str]) {
        let mut held = Vec::new();
        for _ in 0..500 {
            held = self.frames().await;
            let mut left = held.clone();
            let all = wanted.iter().all(|wanted| {
                let found = left.iter().position(|frame| frame == wanted);
                found.map(|at| left.remove(at)).is_some()
            });
            if all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("wanted {wanted:?}\nfound {held:#?}");
    }

    /// The sign-in's cookie, with one of the application's own.
    pub fn cookie(&self) -> String {
        format!("app=1; __Host-chaperone={}", self.secret)
    }

    pub async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.address).await.expect("connects");
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("shakes hands");
        tokio::spawn(connection.with_upgrades());
        sender
    }

    /// A request as the tests build it; the host is there unless it is named.
    pub fn request(
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", HOST);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body.into())).expect("a request")
    }

    /// The head of the answer, and the rest still to come.
    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Incoming> {
        let mut sender = self.connect().await;
        sender.send_request(Self::request(method, path, headers, body)).await.expect("an answer")
    }

    /// Asks as nobody.
    pub async fn anonymous(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        whole(self.open(method, path, headers, body).await).await
    }

    /// Asks with the sign-in's cookie.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let cookie = self.cookie();
        let mut all = vec![("cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        self.anonymous(method, path, &all, body).await
    }

    /// Navigates to a page, as a browser does.
    pub async fn navigate(&self, path: &str) -> Answer {
        self.ask("GET", path, NAVIGATION, "").await
    }

    /// Loads a page and lets its recorder begin.
    pub async fn load(&self, path: &str) -> LoadedPage {
        let answer = self.navigate(path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mut page = LoadedPage::of(&answer.text());
        page.begin(self).await;
        page
    }

    /// Sends a batch.
    pub async fn batch(&self, bytes: Vec<u8>) -> Answer {
        self.ask(
            "POST",
            "/.chaperone/v1/batch",
            &[("content-type", "application/octet-stream"), ("sec-fetch-mode", "cors")],
            bytes,
        )
        .await
    }
}

/// An answer that stands still is ended after this time.
pub const BODY_IDLE: Duration = Duration::from_secs(4);

pub const NAVIGATION: &[(&str, &str)] = &[
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "same-origin"),
    ("accept", "text/html"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
];

pub async fn whole(response: http::Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a whole body").to_bytes();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// Trusts the authorities in this text.
pub fn trusting(pem: &[u8]) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.expect("a certificate")).expect("fits");
    }
    Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}

async fn start(app: &Arc<App>, target_tls: Arc<rustls::ClientConfig>) -> (Arc<Gateway>, SocketAddr) {
    let config = GatewayConfig {
        recorder: Some(Recorder::new(Bytes::from_static(b"/* recorder */"))),
        target_tls,
        response_head_timeout: Duration::from_millis(700),
        body_idle_timeout: BODY_IDLE,
    };
    let gateway = Gateway::new(app.clone(), config);
    let address = serve(gateway.clone()).await;
    (gateway, address)
}

async fn serve(gateway: Arc<Gateway>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(gateway.clone().run(std::future::pending()));
    tokio::spawn(async move {
        loop {
            let Ok((stream, peer)) = listener.accept().await else { return };
            let gateway = gateway.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let gateway = gateway.clone();
                    async move {
                        let peer = Peer { address: peer, secure: false, forwarded_for: None };
                        Ok::<_, Infallible>(gateway.handle(request, peer).await)
                    }
                });
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// Waits until something is so, and fails when it does not become so in five seconds.
pub async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not become so: {what}");
}
