//! The gateway's public keys: handed in, or fetched as a JWKS document and kept for a while.

use std::{collections::HashMap, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use thiserror::Error;
use tokio::{net::TcpStream, sync::Mutex, time::Instant};
use url::Url;

use crate::{assertion::AssertionError, config::Keys};

/// An unknown key id makes us look again, but not more often than this: otherwise anybody could make us hammer
/// the gateway by inventing key ids.
const REFETCH_AFTER: Duration = Duration::from_secs(5);

/// Fetched keys are used this long without asking again, so that a withdrawn key does not live for ever.
const KEYS_STAY_FRESH: Duration = Duration::from_secs(300);

/// How long the whole fetch may take.
const FETCH_DEADLINE: Duration = Duration::from_secs(5);

/// A longer JWKS document is refused, bytes.
const LARGEST_JWKS: usize = 64 * 1024;

type KeyTable = HashMap<String, [u8; 32]>;

/// Finds keys by their id.
#[derive(Debug)]
pub(crate) enum KeyRing {
    Static(KeyTable),
    Fetched { url: Url, state: Mutex<Fetched> },
}

#[derive(Debug, Default)]
pub(crate) struct Fetched {
    keys: KeyTable,
    fetched_at: Option<Instant>,
}

/// Why keys could not be had.
#[derive(Debug, Error)]
pub(crate) enum KeysError {
    #[error(
        "the JWKS address must be a plain http:// address with a host, for example http://127.0.0.1:8080/.well-known/jwks.json"
    )]
    Address,
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the exchange failed: {0}")]
    Exchange(#[from] hyper::Error),
    #[error("the answer has status {0}")]
    Status(u16),
    #[error("the answer is no key set")]
    NotAKeySet,
    #[error("no answer in time")]
    TooSlow,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// Only the members we use; other kinds of keys in the set are skipped.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    x: Option<String>,
}

impl KeyRing {
    pub(crate) fn new(keys: Keys) -> Result<Self, KeysError> {
        match keys {
            Keys::Static(keys) => Ok(Self::Static(keys.into_iter().collect())),
            Keys::Url(url) => {
                let url = Url::parse(&url).map_err(|_| KeysError::Address)?;
                if url.scheme() != "http" || url.host_str().is_none() {
                    return Err(KeysError::Address);
                }
                Ok(Self::Fetched { url, state: Mutex::default() })
            }
        }
    }

    /// The key of this id.
    pub(crate) async fn find(&self, id: &str) -> Result<[u8; 32], AssertionError> {
        match self {
            Self::Static(keys) => keys.get(id).copied().ok_or(AssertionError::UnknownKey),
            Self::Fetched { url, state } => {
                // The lock is held over the fetch on purpose: many requests at once make one fetch.
                let mut state = state.lock().await;
                let age = state.fetched_at.map(|at| at.elapsed());
                let known = state.keys.get(id).copied();
                let look_again = match (age, known) {
                    (None, _) => true,
                    (Some(age), Some(_)) => age > KEYS_STAY_FRESH,
                    (Some(age), None) => age > REFETCH_AFTER,
                };
                if look_again {
                    match fetch(url).await {
                        Ok(keys) => *state = Fetched { keys, fetched_at: Some(Instant::now()) },
                        Err(problem) => {
                            tracing::warn!(%url, %problem, "cannot fetch the gateway's keys");
                            return known.ok_or(AssertionError::NoKeys);
                        }
                    }
                }
                state.keys.get(id).copied().ok_or(AssertionError::UnknownKey)
            }
        }
    }
}

async fn fetch(url: &Url) -> Result<KeyTable, KeysError> {
    tokio::time::timeout(FETCH_DEADLINE, fetch_now(url)).await.map_err(|_| KeysError::TooSlow)?
}

async fn fetch_now(url: &Url) -> Result<KeyTable, KeysError> {
    let host = url.host_str().ok_or(KeysError::Address)?;
    let port = url.port_or_known_default().ok_or(KeysError::Address)?;
    // Browsers know that names under `.localhost` are this machine; resolvers often do not.
    let connect_to = if host == "localhost" || host.ends_with(".localhost") { "127.0.0.1" } else { host };
    let stream = TcpStream::connect((connect_to.trim_matches(['[', ']']), port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = http::Request::get(path)
        .header(http::header::HOST, format!("{host}:{port}"))
        .header(http::header::ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|_| KeysError::Address)?;
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(KeysError::Status(answer.status().as_u16()));
    }
    let body = Limited::new(answer.into_body(), LARGEST_JWKS)
        .collect()
        .await
        .map_err(|_| KeysError::NotAKeySet)?
        .to_bytes();
    driver.abort();
    read_jwks(&body)
}

fn read_jwks(body: &[u8]) -> Result<KeyTable, KeysError> {
    let set: Jwks = serde_json::from_slice(body).map_err(|_| KeysError::NotAKeySet)?;
    Ok(set
        .keys
        .into_iter()
        .filter(|key| key.kty == "OKP" && key.crv.as_deref() == Some("Ed25519"))
        .filter_map(|key| {
            let raw = URL_SAFE_NO_PAD.decode(key.x?).ok()?;
            Some((key.kid?, raw.try_into().ok()?))
        })
        .collect())
}

/// Reads a JWKS document that was handed over as a file.
pub(crate) fn from_document(document: &[u8]) -> Result<Vec<(String, [u8; 32])>, KeysError> {
    Ok(read_jwks(document)?.into_iter().collect())
}

impl Keys {
    /// Keys from the text of a JWKS document; kinds other than Ed25519 are skipped.
    pub fn from_jwks(document: &[u8]) -> Option<Self> {
        from_document(document).ok().filter(|keys| !keys.is_empty()).map(Self::Static)
    }
}

#[cfg(test)]
mod tests {
    use super::read_jwks;

    #[test]
    fn only_ed25519_keys_of_the_right_length_are_taken() {
        let set = br#"{"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "good", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "11qYAYKx"},
            {"kty": "OKP", "crv": "X25519", "kid": "other", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
            {"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}]}"#;
        let keys = read_jwks(set).unwrap();
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["good"]);
    }
}
