//! An independent SCIM server (`scim2-server` of PyPI), and its administrator.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use chaperone_connectors::{
    Connector, ExternalAccount, ScimSettings, SecretRef, Secrets, Settings, Tls, open,
};
use chaperone_domain::account::AccountState;
use chaperone_domain::ids::AccountId;
use serde_json::{Value, json};

/// Names the program; `cargo xtask test` sets it.
const PROGRAM_VARIABLE: &str = "CHAPERONE_TEST_SCIM_SERVER";
/// How often another port is tried when somebody else was quicker to take one.
const TRIES: usize = 10;
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const TOKEN: &str = "a token that is known";

/// A running server.
pub(crate) struct ScimServer {
    _process: Process,
    url: String,
    admin: reqwest::Client,
    folder: tempfile::TempDir,
    connector: Arc<dyn Connector>,
}

/// A process that ends with the value, also when a test fails before the server is ready.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl ScimServer {
    /// A server that does everything.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(None).await
    }

    /// A server that says so of itself in its `ServiceProviderConfig`; it does then only what it says.
    pub(crate) async fn start_with(config: Option<Value>) -> Option<Self> {
        let program = PathBuf::from(std::env::var_os(PROGRAM_VARIABLE)?);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("scim"), TOKEN).expect("written");
        let mut arguments = vec!["--bearer-token".to_owned(), TOKEN.to_owned()];
        if let Some(config) = config {
            let file = folder.path().join("config.json");
            std::fs::write(&file, config.to_string()).expect("written");
            arguments.extend(["--service-provider-config".to_owned(), file.display().to_string()]);
        }
        for _ in 0..TRIES {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let port = listener.local_addr().expect("an address").port();
            drop(listener);
            let started = Command::new(&program)
                .args(&arguments)
                .args(["--port", &port.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let mut process = Process(started.expect("started"));
            let mut said = String::new();
            BufReader::new(process.0.stdout.take().expect("piped")).read_line(&mut said).expect("read");
            if !said.starts_with("Serving SCIM") {
                continue;
            }
            let url = format!("http://127.0.0.1:{port}/v2");
            let connector = connector(&url, folder.path().to_owned());
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
            let admin = reqwest::Client::builder().no_proxy().build().expect("a client");
            return Some(Self { _process: process, url, admin, folder, connector });
        }
        panic!("{} does not start", program.display());
    }

    pub(crate) fn connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    /// What the connector takes for the token from now on.
    pub(crate) fn change_token(&self, token: &str) {
        std::fs::write(self.folder.path().join("scim"), token).expect("written");
    }

    /// What an administrator asks of the server.
    pub(crate) async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut request = self.admin.request(method, format!("{}{path}", self.url)).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// Adds a user with these attributes.
    pub(crate) async fn create(&self, mut user: Value) -> ExternalAccount {
        user["schemas"] = json!([USER]);
        let (status, user) = self.call(reqwest::Method::POST, "/Users", Some(&user)).await;
        assert_eq!(status, 201, "{user}");
        account(user["id"].as_str().expect("an id"))
    }

    /// The user as the server has it.
    pub(crate) async fn user(&self, account: &ExternalAccount) -> Value {
        let (status, user) =
            self.call(reqwest::Method::GET, &format!("/Users/{}", account.external_id), None).await;
        assert_eq!(status, 200, "{user}");
        user
    }

    /// Changes one attribute.
    pub(crate) async fn replace(&self, account: &ExternalAccount, name: &str, value: Value) {
        let mut user = self.user(account).await;
        user[name] = value;
        let path = format!("/Users/{}", account.external_id);
        let (status, said) = self.call(reqwest::Method::PUT, &path, Some(&user)).await;
        assert_eq!(status, 200, "{said}");
    }
}

/// An account by its external id.
pub(crate) fn account(external_id: &str) -> ExternalAccount {
    ExternalAccount { id: AccountId::new(uuid::Uuid::from_u128(1)), external_id: external_id.to_owned() }
}

/// A connector for the service at `url`, whose token is in the file `scim` of the folder.
pub(crate) fn connector(url: &str, folder: PathBuf) -> Arc<dyn Connector> {
    let token = SecretRef::File("scim".to_owned());
    let settings = ScimSettings { url: url.to_owned(), token, tls: Tls::Off };
    open(Settings::Scim(settings), Secrets::new(folder)).expect("a connector")
}

#[async_trait::async_trait]
impl crate::contract::World for ScimServer {
    fn connector(&self) -> Arc<dyn Connector> {
        Self::connector(self)
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        self.create(json!({ "userName": name, "active": state == AccountState::Enabled })).await
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        self.replace(account, "active", json!(state == AccountState::Enabled)).await;
    }

    async fn remove(&self, account: &ExternalAccount) {
        let path = format!("/Users/{}", account.external_id);
        assert_eq!(self.call(reqwest::Method::DELETE, &path, None).await.0, 204);
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        self.replace(account, "userName", json!(name)).await;
    }

    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        self.user(account).await["active"] == json!(true)
    }

    fn awkward_names(&self) -> Vec<String> {
        let names = [
            "o'brien \"x\", y/z\\w",
            "über größe",
            "a;b*()&|=+<>#%?",
            "名前",
            "  lead",
            "$(id)",
            "a@b.example",
        ];
        names.map(str::to_owned).to_vec()
    }
}
