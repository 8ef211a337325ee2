//! Services that answer badly: every connector over HTTP says what is wrong, changes nothing by mistake, takes
//! nobody for absent, and never says a secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chaperone_connectors::{
    Connector, ConnectorError, DataverseSettings, EntraSettings, Observation, ScimSettings, SecretRef,
    Secrets, Settings, Tls, open,
};
use chaperone_domain::account::AccountState::{Disabled, Enabled};
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "s3cret of+ours";
/// The same in a form.
const SECRET_IN_A_FORM: &str = "s3cret+of%2Bours";
/// What the token service of these tests gives.
const ACCESS: &str = "t0ken-of-theirs";
const CERTIFICATES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../chaperone-gateway/tests/gateway/fixtures");

/// A way to answer.
#[derive(Clone)]
enum Manner {
    /// These bytes, then the end.
    Bytes(String),
    /// A head, and data without end.
    Endless,
    /// Nothing, for ever.
    Silent,
    /// A byte now and then, for ever.
    Trickle,
    /// What was sent, as the words of a refusal.
    Echo,
    /// In this manner also where tokens are given.
    Everywhere(Box<Manner>),
}

fn whole(status: &str, headers: &str, body: &str) -> Manner {
    let length = body.len();
    Manner::Bytes(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// A service that gives tokens well and does everything else in this manner.
async fn serve(manner: Manner) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, manner.clone()));
        }
    });
    port
}

async fn answer(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    let (mut request, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).await?;
        request.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        if count == 0 || body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let manner = if let Manner::Everywhere(manner) = manner {
        *manner
    } else if request.contains("/oauth2/") {
        let body = format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{ACCESS}"}}"#);
        whole("200 OK", "", &body)
    } else {
        manner
    };
    match manner {
        Manner::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await?,
        Manner::Echo => {
            let said = request.replace(['\r', '\n', '"'], " ");
            let body = format!(r#"{{"detail":"{said}","error":{{"code":"x","message":"{said}"}}}}"#);
            if let Manner::Bytes(bytes) = whole("403 Forbidden", "", &body) {
                stream.write_all(bytes.as_bytes()).await?;
            }
        }
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[").await?;
            loop {
                stream.write_all(&[b' '; 64 * 1024]).await?;
            }
        }
        Manner::Trickle => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
        Manner::Silent | Manner::Everywhere(_) => std::future::pending().await,
    }
    stream.shutdown().await
}

/// Every connector over HTTP, for the service at `url`.
fn connectors(url: &str, tls: &Tls, folder: &tempfile::TempDir) -> Vec<(&'static str, Arc<dyn Connector>)> {
    std::fs::write(folder.path().join("it"), SECRET).expect("written");
    let (secret, url, tls) = (SecretRef::File("it".to_owned()), url.to_owned(), tls.clone());
    let scim = ScimSettings { url: url.clone(), token: secret.clone(), tls: tls.clone() };
    let dataverse = DataverseSettings {
        url: url.clone(),
        tenant: "t".to_owned(),
        client_id: "c".to_owned(),
        client_secret: secret.clone(),
        authority: url.clone(),
        tls: tls.clone(),
    };
    let entra = EntraSettings {
        url: url.clone(),
        tenant: "t".to_owned(),
        client_id: "c".to_owned(),
        client_secret: secret,
        authority: url,
        tls,
    };
    [
        ("scim", Settings::Scim(scim)),
        ("dataverse", Settings::Dataverse(dataverse)),
        ("entra", Settings::Entra(entra)),
    ]
    .map(|(name, settings)| (name, open(settings, Secrets::new(folder.path())).expect("a connector")))
    .to_vec()
}

/// What every call of a connector says; none may succeed.
async fn errors(name: &str, connector: &dyn Connector) -> Vec<ConnectorError> {
    let account = crate::microsoft::account(uuid::Uuid::from_u128(7));
    let attributes = |state| Attributes { state, expires_at: None };
    let expected = Observation { attributes: attributes(Enabled), version: Some("W/\"1\"".to_owned()) };
    let now = Timestamp::now();
    let mut errors = vec![
        connector.list(None).await.expect_err("listed"),
        connector.observe(&account).await.expect_err("observed"),
        connector.set(&account, attributes(Disabled), &expected, "key", now).await.expect_err("set"),
        connector.probe().await.expect_err("probed"),
    ];
    if name == "entra" {
        errors.push(connector.end_sign_ins(&account).await.expect_err("ended"));
    }
    for error in &errors {
        let shown = format!("{error:?}");
        assert!(
            ![SECRET, SECRET_IN_A_FORM, ACCESS].iter().any(|secret| shown.contains(secret)),
            "{name} says a secret: {shown}"
        );
        assert!(error.to_string().ends_with(['.', '?']), "{error}");
        assert_ne!(error, &ConnectorError::Changed, "{name}");
    }
    errors
}

async fn all_errors(manner: Manner) -> Vec<ConnectorError> {
    let url = format!("http://127.0.0.1:{}", serve(manner).await);
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = Vec::new();
    for (name, connector) in connectors(&url, &Tls::Off, &folder) {
        all.extend(errors(name, &*connector).await);
    }
    all
}

fn all_unreachable(errors: &[ConnectorError], word: &str) {
    for error in errors {
        assert!(
            matches!(error, ConnectorError::Unreachable(_)) && error.to_string().contains(word),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_service_that_is_busy_or_broken_is_tried_again() {
    let busy = "retry-after: 17\r\n";
    all_unreachable(&all_errors(whole("429 Too Many Requests", busy, "slow down")).await, "busy");
    all_unreachable(&all_errors(whole("503 Service Unavailable", busy, "")).await, "17 seconds");
    all_unreachable(&all_errors(whole("500 Internal Server Error", "", "oops")).await, "not working");
    all_unreachable(&all_errors(whole("502 Bad Gateway", "", "<html>")).await, "not working");
}

#[tokio::test]
async fn a_page_for_people_is_no_answer() {
    let page = "<!DOCTYPE html><title>Sign in</title>";
    all_unreachable(&all_errors(whole("200 OK", "content-type: text/html\r\n", page)).await, "web page");
    all_unreachable(&all_errors(whole("200 OK", "", "[1, 2]")).await, "no JSON object");
    all_unreachable(&all_errors(whole("200 OK", "", "\u{0}\u{1}")).await, "no JSON object");
}

#[tokio::test]
async fn a_404_that_is_not_of_the_service_makes_nobody_absent() {
    for error in all_errors(whole("404 Not Found", "", "<h1>nginx</h1>")).await {
        assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"value\": [";
    all_unreachable(&all_errors(Manner::Bytes(half.to_owned())).await, "whole answer");
    all_unreachable(&all_errors(Manner::Bytes("HTTP/1.1 200".to_owned())).await, "whole answer");
    all_unreachable(&all_errors(Manner::Bytes("SSH-2.0-OpenSSH_9.2\r\n".to_owned())).await, "whole answer");
    all_unreachable(&all_errors(Manner::Bytes(String::new())).await, "whole answer");
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    all_unreachable(&all_errors(Manner::Endless).await, "8 MiB");
}

#[tokio::test(start_paused = true)]
async fn silence_and_slowness_have_an_end() {
    all_unreachable(&all_errors(Manner::Silent).await, "seconds");
    all_unreachable(&all_errors(Manner::Everywhere(Box::new(Manner::Silent))).await, "seconds");
    all_unreachable(&all_errors(Manner::Trickle).await, "seconds");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let came = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&came);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counting.fetch_add(1, Ordering::SeqCst);
        }
    });
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: http://127.0.0.1:{port}/{SECRET_IN_A_FORM}\r\n");
        for error in all_errors(whole(status, &location, "")).await {
            assert!(
                matches!(error, ConnectorError::Refused(_)) && error.to_string().contains("redirect"),
                "{error:?}"
            );
        }
    }
    assert_eq!(came.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_service_that_repeats_our_secrets_does_not_bring_them_into_the_log() {
    for error in all_errors(Manner::Echo).await {
        assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_token_service_that_answers_badly_is_no_better() {
    let everywhere = |manner| Manner::Everywhere(Box::new(manner));
    all_unreachable(&all_errors(everywhere(whole("429 Too Many Requests", "", ""))).await, "busy");
    all_unreachable(&all_errors(everywhere(whole("500 Oops", "", ""))).await, "not working");
    all_unreachable(&all_errors(everywhere(whole("200 OK", "", "<html>"))).await, "web page");
    all_unreachable(&all_errors(everywhere(Manner::Endless)).await, "8 MiB");
    for error in all_errors(everywhere(Manner::Echo)).await {
        assert!(matches!(error, ConnectorError::Refused(_)), "{error:?}");
    }
    for error in all_errors(everywhere(whole("302 Found", "location: http://127.0.0.1:1/\r\n", ""))).await {
        assert!(error.to_string().contains("redirect"), "{error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    drop(listener);
    let folder = tempfile::tempdir().expect("a folder");
    for (name, connector) in connectors(&url, &Tls::Off, &folder) {
        all_unreachable(&errors(name, &*connector).await, "accepts no connection");
    }
    for (name, connector) in connectors("https://nobody.invalid", &Tls::WellKnown, &folder) {
        all_unreachable(&errors(name, &*connector).await, "cannot be found");
    }
}

/// A service behind TLS, with the certificate for `localhost` of the authority of the tests.
async fn serve_tls() -> u16 {
    let chain = CertificateDer::from_pem_file(format!("{CERTIFICATES}/target.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(format!("{CERTIFICATES}/target.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a certificate with its key");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await?;
                stream.write_all(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n").await?;
                stream.shutdown().await
            });
        }
    });
    port
}

#[tokio::test]
async fn the_other_side_proves_who_it_is() {
    let port = serve_tls().await;
    let folder = tempfile::tempdir().expect("a folder");
    let certificates = std::fs::read_to_string(format!("{CERTIFICATES}/ca.pem")).expect("the authority");
    let ours = Tls::Authorities { certificates };
    let named = format!("https://localhost:{port}");
    for (name, connector) in connectors(&named, &Tls::WellKnown, &folder) {
        all_unreachable(&errors(name, &*connector).await, "name its authority");
    }
    for (name, connector) in connectors(&named, &ours, &folder) {
        // Past TLS, to the words of the service.
        all_unreachable(&errors(name, &*connector).await, "not working");
    }
    for (name, connector) in connectors(&format!("https://127.0.0.1:{port}"), &ours, &folder) {
        all_unreachable(&errors(name, &*connector).await, "another name");
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let clear = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // As a web server answers what it takes for a bad request.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.shutdown().await;
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    for (name, connector) in connectors(&format!("https://localhost:{clear}"), &ours, &folder) {
        all_unreachable(&errors(name, &*connector).await, "does it speak TLS");
    }
}

#[test]
fn addresses_that_would_give_the_credentials_away_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (url, tls) in
        [("http://example.com", Tls::Off), ("http://example.com", Tls::WellKnown), ("", Tls::WellKnown)]
    {
        let token = SecretRef::File("it".to_owned());
        let settings = Settings::Scim(ScimSettings { url: url.to_owned(), token, tls });
        match open(settings, Secrets::new(folder.path())) {
            Err(ConnectorError::Refused(_)) => {}
            other => panic!("{url}: {:?}", other.err()),
        }
    }
}
