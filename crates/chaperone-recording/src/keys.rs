//! Keys. All of them come from the master key, each derived for one purpose; none of them prints anything, and the
//! bytes that we hold are overwritten when they are dropped.
//!
//! Every recording has a key of its own, made at random and kept wrapped in its manifest: destroying the wrapped key
//! destroys the recording.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{digest, hkdf, hmac, rand};
use chaperone_domain::ids::RecordingId;
use zeroize::Zeroizing;

use crate::frame::{Hash, NONCE_BYTES, TAG_BYTES};
use crate::wire::to_hex;

/// Bytes of every key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a wrapped key: nonce, ciphertext, tag.
pub(crate) const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;

/// Why a key could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// The bytes were not made with this key.
    #[error("the bytes were not made with this key")]
    Wrong,
    /// The system's cryptography failed.
    #[error("the system's cryptography failed")]
    System,
}

impl From<aws_lc_rs::error::Unspecified> for KeyError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::System
    }
}

/// SHA-256 of several pieces, one after the other.
pub(crate) fn sha256(pieces: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(piece);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

fn derive(key: &[u8; KEY_BYTES], purpose: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    let mut derived = Zeroizing::new([0; KEY_BYTES]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(key);
    extracted.expand(&[purpose], Length)?.fill(&mut *derived)?;
    Ok(derived)
}

/// The key of which all others are derived.
pub struct MasterKey(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Takes the key's bytes.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The keys that a vault works with.
    pub(crate) fn vault_keys(&self) -> Result<VaultKeys, KeyError> {
        let seed = derive(&self.0, b"chaperone recording seal v1")?;
        let identity = derive(&self.0, b"chaperone master key id v1")?;
        Ok(VaultKeys {
            wrap: Cipher::new(&*derive(&self.0, b"chaperone recording wrap v1")?)?,
            asset: Cipher::new(&*derive(&self.0, b"chaperone asset v1")?)?,
            asset_name: hmac::Key::new(hmac::HMAC_SHA256, &*derive(&self.0, b"chaperone asset name v1")?),
            seal: Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(|_| KeyError::System)?,
            identity: to_hex(&identity[..8]),
        })
    }
}

/// AES-256-GCM under one key, a new random nonce each time.
pub(crate) struct Cipher(RandomizedNonceKey);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Result<Self, KeyError> {
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, key)?))
    }

    /// Encrypts in place and appends the tag.
    pub(crate) fn seal(&self, aad: &[u8], in_out: &mut Vec<u8>) -> Result<[u8; NONCE_BYTES], KeyError> {
        Ok(*self.0.seal_in_place_append_tag(Aad::from(aad), in_out)?.as_ref())
    }

    /// Decrypts in place; the plain bytes are at the front.
    pub(crate) fn open<'a>(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], KeyError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0.open_in_place(nonce, Aad::from(aad), in_out).map_err(|_| KeyError::Wrong)
    }
}

/// The keys that a vault works with. Prints nothing.
pub(crate) struct VaultKeys {
    wrap: Cipher,
    asset: Cipher,
    asset_name: hmac::Key,
    seal: Ed25519KeyPair,
    identity: String,
}

impl VaultKeys {
    /// A name for the master key that says nothing about it: which key opens a manifest.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The public key of seals.
    pub(crate) fn public_key(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.seal.public_key().as_ref());
        bytes
    }

    /// Signs a seal.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.seal.sign(message).as_ref());
        bytes
    }

    /// A new key for a recording, and the same wrapped.
    pub(crate) fn new_recording_key(
        &self,
        recording: RecordingId,
    ) -> Result<(RecordingKey, [u8; WRAPPED_BYTES]), KeyError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut *key)?;
        let mut sealed = key.to_vec();
        // Room for the tag, so that encrypting in place leaves no copy of the key behind in a smaller buffer.
        sealed.reserve(TAG_BYTES);
        let nonce = self.wrap.seal(&wrap_aad(recording), &mut sealed)?;
        let mut wrapped = [0; WRAPPED_BYTES];
        wrapped[..NONCE_BYTES].copy_from_slice(&nonce);
        wrapped[NONCE_BYTES..].copy_from_slice(&sealed);
        Ok((RecordingKey::new(key)?, wrapped))
    }

    /// A recording's key, unwrapped.
    pub(crate) fn unwrap(
        &self,
        recording: RecordingId,
        wrapped: &[u8; WRAPPED_BYTES],
    ) -> Result<RecordingKey, KeyError> {
        let (nonce, sealed) = wrapped.split_first_chunk().ok_or(KeyError::Wrong)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let plain = self.wrap.open(nonce, &wrap_aad(recording), &mut sealed)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(plain);
        RecordingKey::new(key)
    }

    /// The cipher of assets.
    pub(crate) fn asset(&self) -> &Cipher {
        &self.asset
    }

    /// Under which name an asset is stored: who sees the store cannot tell which content is there.
    pub(crate) fn asset_name(&self, hash: &Hash) -> String {
        to_hex(hmac::sign(&self.asset_name, hash).as_ref())
    }
}

fn wrap_aad(recording: RecordingId) -> Vec<u8> {
    [b"chaperone recording key v1".as_slice(), recording.uuid().as_bytes()].concat()
}

/// The key of one recording. Prints nothing.
pub(crate) struct RecordingKey {
    frames: Cipher,
    document_secret: Zeroizing<[u8; KEY_BYTES]>,
}

impl RecordingKey {
    fn new(key: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, KeyError> {
        Ok(Self {
            frames: Cipher::new(&*derive(&key, b"chaperone frames v1")?)?,
            document_secret: derive(&key, b"chaperone document secret v1")?,
        })
    }

    /// The cipher of frames.
    pub(crate) fn frames(&self) -> &Cipher {
        &self.frames
    }

    /// The secret of which the keys of this recording's documents are derived.
    pub(crate) fn document_secret(&self) -> [u8; KEY_BYTES] {
        *self.document_secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_wrapped_key_opens_with_its_master_key_for_its_recording_only() {
        let keys = MasterKey::new([1; 32]).vault_keys().expect("keys");
        let other = MasterKey::new([2; 32]).vault_keys().expect("keys");
        let id = RecordingId::new(Uuid::from_u128(1));
        let (key, wrapped) = keys.new_recording_key(id).expect("a key");
        let again = keys.unwrap(id, &wrapped).expect("opens");
        assert_eq!(again.document_secret(), key.document_secret());
        assert_eq!(other.unwrap(id, &wrapped).err(), Some(KeyError::Wrong));
        assert_eq!(keys.unwrap(RecordingId::new(Uuid::from_u128(2)), &wrapped).err(), Some(KeyError::Wrong));
        assert_ne!(keys.identity(), other.identity());
    }

    #[test]
    fn keys_print_nothing() {
        assert_eq!(format!("{:?}", MasterKey::new([7; 32])), "MasterKey");
    }
}
