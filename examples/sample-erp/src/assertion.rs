//! The gateway's signed word on who the user is.
//!
//! The header `Chaperone-Assertion` holds a JWT. Exactly one form is believed: algorithm EdDSA with an Ed25519
//! key whose `kid` is known, for our audience, not expired, not issued in the future. The algorithm is fixed
//! here and never taken from the token, which is what closes the family of *alg none* and *key confusion*
//! holes.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use thiserror::Error;

/// The request header that carries the assertion.
pub(crate) const ASSERTION_HEADER: &str = "chaperone-assertion";

/// How far the gateway's clock may run ahead of ours, seconds.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Longer tokens are not looked at, bytes.
const LONGEST_ASSERTION: usize = 8 * 1024;

/// What the gateway says about the user.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    /// The gateway's console.
    pub(crate) iss: String,
    /// The account's name.
    pub(crate) sub: String,
    /// The name to show.
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) email: Option<String>,
    /// The user behind the account.
    #[serde(default)]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) groups: Vec<String>,
    #[serde(rename = "sid", default)]
    pub(crate) sign_in: Option<String>,
    iat: i64,
    exp: i64,
}

/// Why an assertion is not believed. The user is told none of this; the log is.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum AssertionError {
    #[error("the request has no assertion")]
    Missing,
    #[error("the request has more than one assertion")]
    Repeated,
    #[error("the assertion cannot be read")]
    Malformed,
    #[error("the assertion's algorithm is not EdDSA")]
    WrongAlgorithm,
    #[error("the assertion names no key or one that is not known")]
    UnknownKey,
    #[error("the assertion's signature is wrong, or it is for another audience")]
    NotForUs,
    #[error("the assertion has expired")]
    Expired,
    #[error("the assertion was issued in the future")]
    FromTheFuture,
    #[error("the gateway's keys cannot be fetched")]
    NoKeys,
}

/// The key id that a token names. Nothing is believed yet; this only says which key to check with.
pub(crate) fn key_id(token: &str) -> Result<String, AssertionError> {
    if token.len() > LONGEST_ASSERTION {
        return Err(AssertionError::Malformed);
    }
    // An algorithm that the library does not know ("none" among them) fails here as malformed.
    let header = jsonwebtoken::decode_header(token).map_err(|_| AssertionError::Malformed)?;
    if header.alg != Algorithm::EdDSA {
        return Err(AssertionError::WrongAlgorithm);
    }
    header.kid.ok_or(AssertionError::UnknownKey)
}

/// Checks a token against the key it names.
pub(crate) fn verify(
    token: &str,
    key: &[u8; 32],
    audience: &str,
    now: Timestamp,
) -> Result<Claims, AssertionError> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // The times are checked below, against the clock that was handed in.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_ed_der(key), &validation)
        .map_err(|_| AssertionError::NotForUs)?
        .claims;
    let now = now.as_second();
    if claims.exp <= now {
        return Err(AssertionError::Expired);
    }
    if claims.iat > now + CLOCK_SKEW_SECONDS {
        return Err(AssertionError::FromTheFuture);
    }
    Ok(claims)
}
