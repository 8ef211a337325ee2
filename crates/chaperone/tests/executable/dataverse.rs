//! Programs that were made for the source's Web API, unmodified, against the executable: npm's `dynamics-web-api` over
//! HTTP, and `PowerPlatform-Dataverse-Client` of PyPI over HTTPS, which is all that it takes.
//!
//! The set-up of `cargo xtask test` installs both. A client that is not there is not tried.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, Subject};
use chaperone_domain::ids::UserId;
use chaperone_domain::sign_in::Channel;
use chaperone_store::{Events, Store, StoreConfig, StoreError};
use http::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::Call;
use crate::process::{Installation, PASSWORD, WEB};

/// Names the Python that has the client.
const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";
/// Access records that the clients page through: more than two of the source's largest pages.
const RECORDS: usize = 12_000;
/// Records that are written in one transaction.
const AT_ONCE: usize = 1_000;
/// Where their times begin, and how far they are apart.
const BEGIN_S: i64 = 1_700_000_000;
const APART_S: i64 = 60;
/// What clients must not be led to by the machine's settings.
const PROXIES: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Somebody whose token a client uses.
struct Caller {
    id: String,
    token: String,
}

/// The installation's console is `localhost`, which every client finds.
fn installation(more: &str) -> Installation {
    let installation = Installation::with_password(more);
    let text = std::fs::read_to_string(installation.config()).expect("read");
    std::fs::write(installation.config(), text.replace("//console.localhost", "//localhost"))
        .expect("written");
    installation
}

/// A call to the API on `localhost`.
fn api(method: Method, path: &str) -> Call {
    Call::new(method, "localhost", &format!("/api/v1{path}"))
}

/// Signs in and makes a token.
async fn token(port: u16, user_name: &str, password: &str) -> Caller {
    let content = json!({"user_name": user_name, "password": password});
    let sign_in = || api(Method::POST, "/sign-in").header("origin", "http://localhost");
    let answer = sign_in().json(&content).expect(port, 200).await;
    let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    let body = answer.json();
    let call = api(Method::POST, "/api-tokens")
        .header("origin", "http://localhost")
        .header("cookie", &cookie)
        .header("x-chaperone-csrf", body["csrf_token"].as_str().expect("a token"));
    let made = call.json(&json!({"name": "client"})).expect(port, 201).await.json();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a text: {value}")).to_owned();
    Caller { id: text(&body["user"]["id"]), token: text(&made["secret"]) }
}

/// The first administrator and an auditor, each with a token.
async fn callers(port: u16) -> [Caller; 2] {
    let administrator = token(port, "admin", PASSWORD).await;
    let new =
        json!({"user_name": "audrey", "display_name": "Audrey", "roles": ["auditor"], "password": PASSWORD});
    let call =
        api(Method::POST, "/users").header("authorization", &format!("Bearer {}", administrator.token));
    call.json(&new).expect(port, 201).await;
    let auditor = token(port, "audrey", PASSWORD).await;
    [administrator, auditor]
}

/// Writes access records of a user, as many as the clients are to page through.
async fn write_records(installation: &Installation, user: &str) {
    let url = format!("sqlite:{}", installation.data().join("chaperone.db").display());
    let store = Store::connect(StoreConfig::new(url)).await.expect("the database opens");
    let user = UserId::new(user.parse().expect("an id"));
    for first in (0..RECORDS).step_by(AT_ONCE) {
        let written = store
            .write(move |tx| {
                Box::pin(async move {
                    let mut events = (first..first + AT_ONCE).map(|number| record(user, number));
                    let begin = Events::one(events.next().expect("one"));
                    Ok::<_, StoreError>(tx.commit((), events.fold(begin, Events::and)))
                })
            })
            .await;
        written.expect("written");
    }
}

fn record(user: UserId, number: usize) -> AuditEvent {
    let number = i64::try_from(number).expect("few");
    AuditEvent {
        id: format!("018bcfe5-6800-7000-8000-{number:012x}").parse().expect("an id"),
        at: Instant::from_second(BEGIN_S + number * APART_S).expect("in range"),
        actor: Actor::User(user),
        on_behalf_of: None,
        action: AuditAction::UserAccessViaWeb,
        subject: Subject { kind: "user".to_owned(), id: user.to_string() },
        privileged_session_id: None,
        sign_in_id: None,
        channel: Some(Channel::Web),
        client_address: Some("192.0.2.1".to_owned()),
        reason: None,
        details: vec![("place".to_owned(), "console".into())],
    }
}

/// An installation with its records, served at this address; and who calls.
async fn filled(installation: &Installation) -> [Caller; 2] {
    let (process, port) = installation.serve().await;
    let callers = callers(port).await;
    process.stopped().await;
    write_records(installation, &callers[0].id).await;
    callers
}

/// Runs a client against the address, and expects that it is content.
async fn run(mut client: Command, address: &str, callers: &[Caller; 2]) {
    for name in PROXIES {
        client.env_remove(name);
    }
    let [administrator, auditor] = callers;
    let ended = client
        .env("SERVER_URL", address)
        .env("TOKEN", &administrator.token)
        .env("USER_ID", &administrator.id)
        .env("AUDITOR_TOKEN", &auditor.token)
        .env("RECORDS", RECORDS.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the client starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && said.contains("every call was answered"), "{said}");
}

#[tokio::test]
async fn dynamics_web_api_works_over_http() {
    if !Path::new(WEB).join("node_modules/dynamics-web-api").is_dir() {
        skipped("the npm packages of web/ are not installed");
        return;
    }
    let installation = installation("");
    let callers = filled(&installation).await;
    let (process, port) = installation.serve().await;
    let mut node = Command::new("node");
    node.arg(Path::new(WEB).join("e2e/clients/dynamics-web-api.mjs"));
    run(node, &format!("http://localhost:{port}"), &callers).await;
    process.stopped().await;
}

#[tokio::test]
async fn power_platform_dataverse_client_works_over_https() {
    let Some(python) = std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from) else {
        skipped(&format!("{PYTHON_VARIABLE} is not set"));
        return;
    };
    let installation = installation("");
    let callers = filled(&installation).await;
    let certificate = with_tls(&installation);
    let (process, port) = installation.serve().await;
    let mut client = Command::new(python);
    client
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/executable/dataverse/client.py"))
        .env("REQUESTS_CA_BUNDLE", &certificate);
    run(client, &format!("https://localhost:{port}"), &callers).await;
    process.stopped().await;
}

/// Makes a certificate that signs itself, and has the installation served with it.
fn with_tls(installation: &Installation) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let place = |name: &str| installation.config().with_file_name(name);
    let (certificate, key) = (place("certificate.pem"), place("certificate.key"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let text = std::fs::read_to_string(installation.config()).expect("read").replace("http://", "https://");
    let tls = format!("[tls]\ncertificate_file = {certificate:?}\nkey_file = {key:?}\n");
    std::fs::write(installation.config(), format!("{text}\n{tls}")).expect("written");
    certificate
}

#[expect(clippy::print_stderr, reason = "whoever runs the tests must see what was not tried")]
fn skipped(why: &str) {
    eprintln!("not tried: {why}");
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused() {
    let installation = installation("");
    let (process, port) = installation.serve().await;
    let path = format!("/api/data/v9.2/audits?$filter=objecttypecode%20eq%20'{}'", "a".repeat(1_000_000));
    // It may be closed while we are still sending: then there is no answer.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let heard = crate::connections::say_and_wait(port, &request).await.0;
    assert!(
        heard.is_empty() || heard.starts_with("HTTP/1.1 414") || heard.starts_with("HTTP/1.1 431"),
        "{heard}"
    );
    Call::get("localhost", "/healthz").expect(port, 200).await;
    process.stopped().await;
}
