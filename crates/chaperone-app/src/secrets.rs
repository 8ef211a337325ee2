//! Random secrets, their hashes, keys derived from the master key, and passwords.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, PasswordHash};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::Instant;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::errors::AppError;

/// Bytes of a secret: cookies, tokens, codes.
pub const SECRET_BYTES: usize = 32;
/// Password hashes computed at the same time at most: each needs 19 MiB.
pub const PASSWORD_WORK_MAX: usize = 2;
/// Passwords that wait for their turn; more wait to be taken.
const PASSWORD_WAITING_MAX: usize = 64;
/// What every API token begins with.
pub const TOKEN_PREFIX: &str = "chp_";

/// Fills `bytes` from the system's generator.
pub fn fill(bytes: &mut [u8]) {
    // The generator of aws-lc does not fail on the systems that we run on; a failure must stop the process
    // rather than hand out a secret that can be guessed.
    if rand::fill(bytes).is_err() {
        std::process::abort();
    }
}

/// Ids made so far, by which those of one millisecond are told apart in order.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A new UUID version 7 for this instant. Behind the instant stands a counter of this process (RFC 9562, method 1), so
/// that what one operation makes one after the other sorts in that order.
pub fn new_uuid(at: Instant) -> Uuid {
    let mut bytes = [0; 10];
    fill(&mut bytes);
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    // Version and variant take the upper bits of the first and the third byte: 4 + 8 + 6 bits are left for the counter.
    let [_, high, middle, low] = (count << 2).to_be_bytes();
    bytes[0] = high;
    bytes[1] = middle;
    bytes[2] = low >> 2;
    let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}

/// A new secret as text: 43 characters of base64url.
pub fn new_secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The hash under which a secret is kept.
pub fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

/// A password for one use: four groups of five characters that cannot be mixed up.
pub fn one_time_password() -> String {
    const ALPHABET: &[u8; 32] =
        b"abcdefghjkmnpqrstuvwxyz23456789ABCDE".first_chunk::<32>().expect("32 characters");
    let mut bytes = [0; 20];
    fill(&mut bytes);
    let mut text = String::with_capacity(23);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && index % 5 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    text
}

/// Keys of the app, each derived from the master key for one purpose. Prints nothing.
pub struct Keys {
    csrf: hmac::Key,
    asset_addresses: hmac::Key,
    continuation: hmac::Key,
    installation: hmac::Key,
    assertion_seed: [u8; 32],
}

impl Keys {
    /// Derives the keys.
    pub fn derive(master_key: &[u8; 32]) -> Result<Self, AppError> {
        let derive = |purpose: &[u8]| -> Result<[u8; 32], AppError> {
            let mut key = [0; 32];
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"chaperone app v1")
                .extract(master_key)
                .expand(&[purpose], hkdf::HKDF_SHA256)
                .and_then(|material| material.fill(&mut key))
                .map_err(|_| AppError::Inside("deriving a key"))?;
            Ok(key)
        };
        Ok(Self {
            csrf: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"csrf")?),
            asset_addresses: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"asset addresses")?),
            continuation: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"continuation")?),
            installation: hmac::Key::new(hmac::HMAC_SHA256, &derive(b"installation")?),
            assertion_seed: derive(b"assertion")?,
        })
    }

    /// The token that a browser's state-changing calls carry, for one sign-in.
    pub fn csrf_token(&self, sign_in: Uuid) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.csrf, sign_in.as_bytes()))
    }

    /// Whether the token belongs to the sign-in.
    pub fn csrf_token_fits(&self, sign_in: Uuid, token: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(token)
            .is_ok_and(|tag| hmac::verify(&self.csrf, sign_in.as_bytes(), &tag).is_ok())
    }

    /// The signature of an asset's address.
    pub fn sign_asset_address(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.asset_addresses, text.as_bytes()))
    }

    /// Whether the signature belongs to the address.
    pub fn asset_address_fits(&self, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|tag| hmac::verify(&self.asset_addresses, text.as_bytes(), &tag).is_ok())
    }

    /// The signature of the place in a list at which the next page begins.
    pub fn sign_continuation(&self, text: &[u8]) -> Vec<u8> {
        hmac::sign(&self.continuation, text).as_ref().to_vec()
    }

    /// Whether the signature belongs to the place.
    pub fn continuation_fits(&self, text: &[u8], signature: &[u8]) -> bool {
        hmac::verify(&self.continuation, text, signature).is_ok()
    }

    /// An id of something that every installation has one of and that is no row, for protocols that want an id: the
    /// same on every node and after every start.
    pub fn id_of(&self, what: &str) -> Uuid {
        let tag = hmac::sign(&self.installation, what.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&tag.as_ref()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The seed of the key that signs assertions.
    pub(crate) fn assertion_seed(&self) -> &[u8; 32] {
        &self.assertion_seed
    }
}

type PasswordWork = Box<dyn FnOnce() + Send>;

/// Hashes and checks passwords, a bounded number at a time, on threads of their own: each keeps the memory that a hash
/// needs, so how much of it there is does not depend on how many threads the rest of the process has.
#[derive(Clone)]
pub struct Passwords {
    work: mpsc::Sender<PasswordWork>,
}

impl Default for Passwords {
    fn default() -> Self {
        let (work, waiting) = mpsc::channel::<PasswordWork>(PASSWORD_WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..PASSWORD_WORK_MAX {
            let waiting = waiting.clone();
            let thread = std::thread::Builder::new().name("passwords".to_owned());
            let started = thread.spawn(move || {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
                    // Nobody is left who could ask.
                    let Some(work) = next else { return };
                    // One that panics is answered as failed; the thread stays for the others.
                    let _panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                }
            });
            if let Err(error) = started {
                tracing::error!(%error, "a thread for passwords could not be started");
            }
        }
        Self { work }
    }
}

impl Passwords {
    /// The Argon2id hash of a password, with its parameters and a fresh salt.
    pub async fn hash(&self, password: String) -> Result<String, AppError> {
        self.run(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|_| AppError::Inside("hashing a password"))
        })
        .await?
    }

    /// Whether the password fits the hash. Without a hash the same work is done and the answer is no, so that
    /// an unknown user takes as long as a wrong password.
    pub async fn fits(&self, password: String, hash: Option<String>) -> Result<bool, AppError> {
        self.run(move || match hash.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
            _ => {
                let _same_work = Argon2::default().hash_password(password.as_bytes());
                false
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AppError> {
        let failed = || AppError::Inside("password work failed");
        let (done, answer) = oneshot::channel();
        let work = Box::new(move || {
            // Whoever asked may have gone.
            let _gone = done.send(work());
        });
        self.work.send(work).await.map_err(|_| failed())?;
        answer.await.map_err(|_| failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_instant_sort_in_the_order_in_which_they_were_made() {
        let at = Instant::from_second(1_700_000_000).expect("in range");
        let made: Vec<Uuid> = (0..1000).map(|_| new_uuid(at)).collect();
        assert!(made.is_sorted());
        assert_eq!(made[0].get_version_num(), 7);
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".to_owned()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.fits("correct horse".to_owned(), Some(hash.clone())).await.expect("checked"));
        assert!(!passwords.fits("wrong horse".to_owned(), Some(hash)).await.expect("checked"));
        assert!(!passwords.fits("anything".to_owned(), None).await.expect("checked"));
        assert!(!passwords.fits(String::new(), Some(String::new())).await.expect("checked"));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = new_uuid(Instant::from_second(1_700_000_000).expect("ok"));
        let late = new_uuid(Instant::from_second(1_700_000_001).expect("ok"));
        assert!(early < late);
        assert_eq!(early.get_version_num(), 7);
    }

    #[test]
    fn a_csrf_token_belongs_to_one_sign_in() {
        let keys = Keys::derive(&[7; 32]).expect("derived");
        let token = keys.csrf_token(Uuid::from_u128(1));
        assert!(keys.csrf_token_fits(Uuid::from_u128(1), &token));
        assert!(!keys.csrf_token_fits(Uuid::from_u128(2), &token));
        assert!(!keys.csrf_token_fits(Uuid::from_u128(1), ""));
    }
}
