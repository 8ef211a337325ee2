//! What the tests share: a gateway's signing key, a small HTTP client, a running ERP.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::Timestamp;
use sample_erp::{Clock, Erp, ErpConfig, Identity, Keys};
use serde_json::{Value, json};

/// The ERP's host as browsers would see it.
pub(crate) const AUDIENCE: &str = "erp.localhost:8080";

/// The time in all tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// Somebody who signs assertions.
pub(crate) struct Signer {
    pub(crate) kid: &'static str,
    pair: Ed25519KeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { kid, pair: Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap() }
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().unwrap()
    }

    pub(crate) fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.public_key());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "alg": "EdDSA", "use": "sig", "x": x}]})
            .to_string()
    }

    /// A token with exactly these claims and this header.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// What the gateway sends for an account that somebody else uses.
    pub(crate) fn assertion(&self, account: &str, user: &str) -> String {
        self.token(&json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid}), &claims(account, user))
    }
}

pub(crate) fn claims(account: &str, user: &str) -> Value {
    let now = now().as_second();
    json!({
        "iss": "http://console.localhost:8080", "aud": AUDIENCE, "sub": account, "name": format!("Name of {account}"),
        "email": format!("{account}@larkfell.example"), "user": user, "groups": ["Purchasing"],
        "sid": "0190-sign-in", "iat": now, "exp": now + 60
    })
}

/// A running ERP behind a gateway, and the gateway's key.
pub(crate) async fn behind_a_gateway() -> (Erp, Signer) {
    let signer = Signer::new("k1");
    let keys = Keys::Static(vec![(signer.kid.to_owned(), signer.public_key())]);
    let erp = Erp::start(config(Identity::Assertion { keys, audience: AUDIENCE.to_owned() })).await.unwrap();
    (erp, signer)
}

pub(crate) fn config(identity: Identity) -> ErpConfig {
    ErpConfig { clock: Clock::from_fn(now), ..ErpConfig::on_loopback(identity) }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {} {}", self.status, self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A client that sends the same headers with everything and follows no redirects.
pub(crate) struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(erp: &Erp) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            base: format!("http://{}", erp.address()),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) async fn send(&self, method: &str, path: &str, kind: &str, body: impl Into<Bytes>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let response = self.client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "").await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, "application/json", body.to_string()).await
    }

    pub(crate) async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, "application/x-www-form-urlencoded", body).await
    }
}
