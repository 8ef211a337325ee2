//! JSON over HTTP, as careful as a client must be that carries credentials.
//!
//! Every answer is read up to a limit; no redirect is followed and no proxy of the environment is used, because the
//! credentials would go with the request; what the other side says is shown without the secrets it may repeat. What
//! every service means alike (away, busy, broken off, no JSON) becomes an error here; what a status means for an
//! account is the caller's to say.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::error::ConnectorError;
use crate::settings::Tls;

/// Largest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 8 * 1024 * 1024;
/// How much of what the other side said goes into a log line, in characters.
const SAID_MAX_CHARS: usize = 300;
/// Largest text with certificates, in bytes.
const CERTIFICATES_MAX_BYTES: usize = 64 * 1024;
/// How long an unused connection is kept.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// A client of one service.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    who: &'static str,
}

impl Http {
    /// A client; `who` begins the sentences about it ("The SCIM service").
    pub(crate) fn new(who: &'static str, tls: &Tls) -> Result<Self, ConnectorError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(client_config(tls)?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_idle_timeout(IDLE_LIMIT)
            .user_agent(concat!("Chaperone/", env!("CARGO_PKG_VERSION")))
            // Whatever else the machine's host table may say, in clear means: to this machine.
            .resolve_to_addrs("localhost", &[([127, 0, 0, 1], 0).into()])
            .build()
            .map_err(|error| {
                ConnectorError::refused("No HTTP client can be made of these settings.", chain(&error))
            })?;
        Ok(Self { client, who })
    }

    /// The same client, under another name in sentences.
    pub(crate) fn named(&self, who: &'static str) -> Self {
        Self { client: self.client.clone(), who }
    }

    /// What sentences about it begin with.
    pub(crate) fn who(&self) -> &'static str {
        self.who
    }

    /// Sends a request and reads the whole answer, whatever its status means; only an answer that means the same
    /// everywhere is an error: a redirect, too busy (429, 503), broken (any other 5xx but 501).
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, ConnectorError> {
        let who = self.who;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let mut outgoing = self.client.request(request.method, request.url);
        let mut secrets = Vec::new();
        for (name, value) in request.headers {
            outgoing = outgoing.header(name, value);
        }
        if let Some(token) = request.bearer {
            let line = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let mut value = HeaderValue::from_str(&line).map_err(|error| {
                let sentence =
                    format!("The token for {host} holds characters that no token has; copy it again.");
                ConnectorError::refused(sentence, error)
            })?;
            value.set_sensitive(true);
            outgoing = outgoing.header(reqwest::header::AUTHORIZATION, value);
            secrets.push(token);
        }
        if let Some((kind, body)) = request.body {
            outgoing = outgoing.header(reqwest::header::CONTENT_TYPE, kind).body(body);
        }
        secrets.extend(request.unspoken);
        let mut response = outgoing.send().await.map_err(|error| self.trouble(&host, &error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text =
            |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        if status.is_redirection() {
            // The machine only: what stands behind it could be anything.
            let to = text(LOCATION).and_then(|to| Url::parse(&to).ok()?.host_str().map(str::to_owned));
            let sentence = format!(
                "{who} at {host} answers with a redirect, which is not followed because the credentials would go \
                 along; enter the address that answers itself."
            );
            return Err(ConnectorError::refused(
                sentence,
                format!("{status}, to {}", to.unwrap_or_default()),
            ));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.trouble(&host, &error))? {
            if body.len() + chunk.len() > ANSWER_MAX_BYTES {
                let sentence =
                    format!("{who} at {host} answers with more than 8 MiB; is it the right address?");
                return Err(ConnectorError::unreachable(sentence, status));
            }
            body.extend_from_slice(&chunk);
        }
        let answer = Answer { status: status.as_u16(), etag: text(ETAG), body, who, host, secrets };
        match answer.status {
            429 | 503 => {
                let seconds = text(RETRY_AFTER).and_then(|after| after.trim().parse::<u64>().ok());
                let wish = seconds.map(|seconds| format!(" for {seconds} seconds")).unwrap_or_default();
                let sentence = format!(
                    "{who} at {} is busy and wants to be left alone{wish}; it is tried again.",
                    answer.host
                );
                Err(ConnectorError::unreachable(sentence, answer.said()))
            }
            408 | 500 | 502..=599 => {
                let sentence = format!(
                    "{who} at {} is not working (status {}); look there, it is tried again.",
                    answer.host, answer.status
                );
                Err(ConnectorError::unreachable(sentence, answer.said()))
            }
            _ => Ok(answer),
        }
    }

    /// Why a request did not get its answer.
    fn trouble(&self, host: &str, error: &reqwest::Error) -> ConnectorError {
        let who = self.who;
        if error.is_builder() {
            let sentence =
                format!("No request can be sent to {host}: a value holds characters that HTTP cannot carry.");
            return ConnectorError::refused(sentence, chain(error));
        }
        let sentence = if error.is_dns() {
            format!("{who} cannot be found: no machine is known as {host}; check the address.")
        } else if let Some(why) = tls_trouble(error) {
            format!("{who} at {host} does not prove who it is: {why}.")
        } else if io_kind(error) == Some(std::io::ErrorKind::ConnectionRefused) {
            format!("{who} at {host} accepts no connection; is it running, and is the port right?")
        } else if error.is_connect() {
            format!("{who} at {host} cannot be reached; check the address, the network and the firewall.")
        } else {
            format!("{who} at {host} did not give a whole answer; it is tried again.")
        };
        ConnectorError::unreachable(sentence, chain(error))
    }
}

/// Gives the work of a whole call its deadline.
pub(crate) async fn within<T>(
    limit: Duration,
    who: &str,
    work: impl Future<Output = Result<T, ConnectorError>>,
) -> Result<T, ConnectorError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let sentence = format!("{who} did not answer within {} seconds; it is tried again.", limit.as_secs());
        Err(ConnectorError::unreachable(sentence, ""))
    })
}

/// A request.
pub(crate) struct Request {
    method: reqwest::Method,
    url: Url,
    headers: Vec<(&'static str, String)>,
    bearer: Option<Zeroizing<String>>,
    body: Option<(&'static str, Vec<u8>)>,
    unspoken: Vec<Zeroizing<String>>,
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: reqwest::Method, url: Url) -> Self {
        Self { method, url, headers: Vec::new(), bearer: None, body: None, unspoken: Vec::new() }
    }

    /// A GET.
    pub(crate) fn get(url: Url) -> Self {
        Self::new(reqwest::Method::GET, url)
    }

    /// With this header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With this token.
    pub(crate) fn bearer(mut self, token: Zeroizing<String>) -> Self {
        self.bearer = Some(token);
        self
    }

    /// With this JSON.
    pub(crate) fn json(mut self, kind: &'static str, body: &Value) -> Self {
        self.body = Some((kind, body.to_string().into_bytes()));
        self
    }

    /// With these fields of a form, of which `secret` never shows up in an error.
    pub(crate) fn form(mut self, fields: &[(&str, &str)], secret: Zeroizing<String>) -> Self {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        // Nor as it stands in the form.
        self.unspoken.push(Zeroizing::new(url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()));
        self.unspoken.push(secret);
        self
    }
}

/// A whole answer.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The `ETag` header.
    pub(crate) etag: Option<String>,
    body: Vec<u8>,
    who: &'static str,
    host: String,
    secrets: Vec<Zeroizing<String>>,
}

impl Answer {
    /// Whether it says that what was asked was done.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, where it is a JSON object.
    pub(crate) fn object(&self) -> Option<Value> {
        serde_json::from_slice::<Value>(&self.body).ok().filter(Value::is_object)
    }

    /// The body as a JSON object; anything else is no answer.
    pub(crate) fn json(&self) -> Result<Value, ConnectorError> {
        self.object().ok_or_else(|| {
            let (who, host) = (self.who, &self.host);
            let is_page = String::from_utf8_lossy(&self.body).trim_start().starts_with('<');
            let sentence = if is_page {
                format!(
                    "{who} at {host} answers with a web page where data is expected; is the address right, and is a \
                     sign-in page or a proxy in front of it?"
                )
            } else {
                format!("{who} at {host} answers with something that is no JSON object; is the address right?")
            };
            ConnectorError::unreachable(sentence, self.said())
        })
    }

    /// That it was done, where nothing needs to be said: an empty body or an object. A sign-in page also comes with
    /// status 200.
    pub(crate) fn done(&self) -> Result<(), ConnectorError> {
        if self.body.is_empty() { Ok(()) } else { self.json().map(|_| ()) }
    }

    /// What it says, in short and without secrets, for the log and behind a sentence.
    pub(crate) fn said(&self) -> String {
        let object = self.object().unwrap_or_default();
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let parts = ["/error/code", "/error/message", "/scimType", "/detail", "/error", "/error_description"];
        let parts: Vec<&str> = parts.into_iter().map(text).filter(|part| !part.is_empty()).collect();
        let said = if parts.is_empty() {
            String::from_utf8_lossy(&self.body).into_owned()
        } else {
            parts.join(": ")
        };
        format!("status {}: {}", self.status, shortened(&said, &self.secrets))
    }

    /// The service refuses, in words that say what to do.
    pub(crate) fn refused(&self, sentence: impl Into<String>) -> ConnectorError {
        ConnectorError::refused(sentence, self.said())
    }

    /// A status that the caller has no better words for.
    pub(crate) fn unexpected(&self, doing: &str) -> ConnectorError {
        let sentence = format!("{} at {} refuses {doing} ({}).", self.who, self.host, self.said());
        ConnectorError::refused(sentence, "")
    }
}

/// The address of a service: HTTPS, or in clear to this machine where TLS is off. `what` names the setting.
pub(crate) fn address(what: &str, text: &str, tls: &Tls) -> Result<Url, ConnectorError> {
    let refused = |why: &str| Err(ConnectorError::refused(format!("{what} {why}"), ""));
    let Ok(mut url) = Url::parse(text.trim()) else {
        return refused("is not an address such as https://example.com/path.");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("holds a user name or a password; name the secret in its own setting instead.");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refused("has a ? or # part; leave that part out.");
    }
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return refused("names no machine."),
    };
    match (url.scheme(), tls) {
        ("https", Tls::WellKnown | Tls::Authorities { .. }) => {}
        ("http", Tls::Off) if is_this_machine => {}
        ("http", Tls::Off) => {
            return refused("is on another machine: use https there, and do not set TLS off.");
        }
        ("https", Tls::Off) => {
            return refused("begins with https while TLS is set off; set one of them right.");
        }
        _ => return refused("must begin with https://."),
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The address with these segments behind it, each encoded, and with this query.
pub(crate) fn below(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

fn client_config(tls: &Tls) -> Result<rustls::ClientConfig, ConnectorError> {
    let mut roots = rustls::RootCertStore::empty();
    match tls {
        Tls::WellKnown => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Tls::Authorities { certificates } => {
            let refused = |why: &str, error: &dyn std::fmt::Display| {
                ConnectorError::refused(format!("The authorities' certificates {why}."), error)
            };
            if certificates.len() > CERTIFICATES_MAX_BYTES {
                return Err(refused(
                    "are longer than 64 KiB; name only those that this directory needs",
                    &"",
                ));
            }
            for certificate in CertificateDer::pem_slice_iter(certificates.as_bytes()) {
                let certificate = certificate.map_err(|error| refused("are not PEM", &error))?;
                roots.add(certificate).map_err(|error| refused("hold one that is none", &error))?;
            }
            if roots.is_empty() {
                return Err(refused("are empty; paste them as PEM (-----BEGIN CERTIFICATE-----)", &""));
            }
        }
        // An empty store trusts nobody: should anything ever speak TLS here, it fails.
        Tls::Off => {}
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectorError::refused("TLS cannot be set up on this machine.", error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Text of the other side for a log: one line, short, without the secrets that were sent.
fn shortened(text: &str, secrets: &[Zeroizing<String>]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.as_str(), "[secret]");
    }
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(SAID_MAX_CHARS).collect()
}

/// An error with its causes.
fn chain(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    if texts.is_empty() { "no further word".to_owned() } else { texts.join(": ") }
}

/// The causes of an error, also those that an input/output error wraps.
fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> Vec<&'a (dyn std::error::Error + 'static)> {
    let mut all = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        all.push(error);
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn std::error::Error + 'static)),
            None => error.source(),
        };
    }
    all
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    causes(error)
        .into_iter()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind)
        .next()
}

fn tls_trouble(error: &reqwest::Error) -> Option<String> {
    use rustls::CertificateError as Bad;
    let error = causes(error).into_iter().find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    Some(match error {
        rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
            "no authority that is trusted here has signed its certificate; name its authority in the settings"
                .to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
            "its certificate has expired; have it renewed".to_owned()
        }
        rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "its certificate is for another name; use the name in the certificate".to_owned()
        }
        other => format!("TLS failed ({other}); is the port right, and does it speak TLS?"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_in_clear_to_this_machine_only() {
        for good in ["http://127.0.0.1:8080/v2/", "http://[::1]/", "http://localhost:1"] {
            assert!(address("The address", good, &Tls::Off).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1/",
            "http://example.com",
            "https://127.0.0.1",
            "ftp://localhost",
            "localhost",
            "",
        ] {
            assert!(address("The address", bad, &Tls::Off).is_err(), "{bad}");
        }
        for bad in
            ["http://example.com", "https://a:b@example.com", "https://example.com/?x", "https://e.com/#x"]
        {
            let error = address("The address", bad, &Tls::WellKnown).expect_err("refused").to_string();
            assert!(
                error.starts_with("The address ") && error.ends_with('.') && !error.contains("a:b"),
                "{error}"
            );
        }
    }

    #[test]
    fn what_stands_in_a_path_is_encoded() {
        let base =
            address("The address", "https://example.com/scim/v2/", &Tls::WellKnown).expect("an address");
        let url = below(&base, &["Users", "a/b?c#d%e f\u{fc}"], &[("x", "1&2")]);
        assert_eq!(url.as_str(), "https://example.com/scim/v2/Users/a%2Fb%3Fc%23d%25e%20f%C3%BC?x=1%262");
    }

    #[test]
    fn certificates_that_are_none_are_refused() {
        for bad in
            ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", &"x".repeat(70_000)]
        {
            let tls = Tls::Authorities { certificates: bad.to_owned() };
            assert!(matches!(Http::new("It", &tls), Err(ConnectorError::Refused(_))));
        }
    }

    #[test]
    fn what_the_other_side_says_is_shown_in_one_line_without_our_secrets() {
        let said = shortened("bad token hunter2\r\nX: y", &[Zeroizing::new("hunter2".to_owned())]);
        assert_eq!(said, "bad token [secret]  X: y");
    }
}
