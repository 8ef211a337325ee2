//! The signed assertion that tells a target who is there: a JWT (RFC 7519) of exactly one kind, EdDSA.
//!
//! Only issuing is here; it needs no parser. The public key is published as JWKS.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::ids::SignInId;
use chaperone_domain::target::Target;
use serde_json::json;

use crate::app::App;
use crate::errors::AppError;
use crate::gate::LiveFacts;

/// How long an assertion holds, in seconds.
pub const ASSERTION_SECONDS: i64 = 60;

/// The key that signs assertions.
pub struct AssertionKey {
    pair: Ed25519KeyPair,
    key_id: String,
}

impl AssertionKey {
    pub(crate) fn new(seed: &[u8; 32]) -> Result<Self, AppError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| AppError::Inside("assertion key"))?;
        let key_id = URL_SAFE_NO_PAD
            .encode(&digest::digest(&digest::SHA256, pair.public_key().as_ref()).as_ref()[..12]);
        Ok(Self { pair, key_id })
    }

    /// The public key, 32 bytes, with its id.
    pub fn public(&self) -> (String, Vec<u8>) {
        (self.key_id.clone(), self.pair.public_key().as_ref().to_vec())
    }

    fn sign(&self, claims: &serde_json::Value) -> String {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.key_id});
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

impl App {
    /// The assertion for a request of this sign-in to the target; `audience` is the host as the browser sees it.
    pub fn assertion(
        &self,
        target: &Target,
        facts: &LiveFacts,
        sign_in: SignInId,
        audience: &str,
    ) -> Result<String, AppError> {
        let issued_at = self.now().as_second();
        Ok(self.assertion_key.sign(&json!({
            "iss": self.addresses.console,
            "aud": audience,
            "sub": facts.account.name,
            "name": facts.user.display_name,
            "email": facts.user.email,
            "user": facts.user.user_name,
            "groups": facts.user.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
            "sid": sign_in.to_string(),
            "target": target.id.to_string(),
            "iat": issued_at,
            "exp": issued_at + ASSERTION_SECONDS,
        })))
    }

    /// The public key of assertions and its id.
    pub fn assertion_public_key(&self) -> (String, Vec<u8>) {
        self.assertion_key.public()
    }
}
