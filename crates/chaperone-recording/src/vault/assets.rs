//! Assets: what targets served beside documents (style sheets, pictures, fonts), kept once by content, so that a
//! replay never loads anything from the live target.
//!
//! An asset is found by the SHA-256 of its content. Its name in the store is a keyed digest of that, and its bytes are
//! encrypted: who sees the store can tell neither what is there nor whether a known file is.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions};

use super::errors::VaultError;
use super::{Inner, Vault};
use crate::frame::{Hash, NONCE_BYTES};
use crate::keys::sha256;

/// Largest asset, in bytes.
pub const ASSET_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest type of an asset, in bytes.
const CONTENT_TYPE_MAX_BYTES: usize = 255;
/// Assets that are remembered as stored; beyond that, the store is asked again.
const KNOWN_ASSETS: usize = 16 * 1024;
const MAGIC: &[u8; 4] = b"CHA1";

/// An asset as it was served. The type is what the target said: whoever serves it again must not believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its type.
    pub content_type: String,
    /// Its content.
    pub bytes: Bytes,
}

/// Assets that are known to be stored.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashSet<Hash>>);

impl Known {
    fn has(&self, hash: &Hash) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(hash)
    }

    fn remember(&self, hash: Hash) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_ASSETS {
            known.clear();
        }
        known.insert(hash);
    }
}

fn aad(hash: &Hash) -> Vec<u8> {
    [b"chaperone asset v1".as_slice(), hash].concat()
}

impl Inner {
    fn asset_path(&self, hash: &Hash) -> Path {
        let name = self.keys.asset_name(hash);
        Path::from(format!("assets/{}/{name}", &name[..2]))
    }
}

impl Vault {
    /// Keeps an asset, once for all recordings, and answers the hash that it is found by.
    pub async fn put_asset(&self, content_type: &str, bytes: Bytes) -> Result<Hash, VaultError> {
        if bytes.len() > ASSET_MAX_BYTES {
            return Err(VaultError::TooLarge { limit: ASSET_MAX_BYTES });
        }
        let hash = sha256(&[&bytes]);
        if self.inner.assets.has(&hash) {
            return Ok(hash);
        }
        let path = self.inner.asset_path(&hash);
        let kind = content_type.as_bytes();
        let kind = &kind[..kind.len().min(CONTENT_TYPE_MAX_BYTES)];
        let mut sealed = Vec::with_capacity(1 + kind.len() + bytes.len() + crate::frame::TAG_BYTES);
        sealed.push(u8::try_from(kind.len()).unwrap_or(u8::MAX));
        sealed.extend_from_slice(kind);
        sealed.extend_from_slice(&bytes);
        let nonce = self.inner.keys.asset().seal(&aad(&hash), &mut sealed)?;
        let stored = [MAGIC.as_slice(), &nonce, &sealed].concat();
        let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.inner.blobs.put_opts(&path, stored.into(), once).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {
                self.inner.assets.remember(hash);
                Ok(hash)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The asset of this hash.
    pub async fn asset(&self, hash: &Hash) -> Result<Asset, VaultError> {
        let path = self.inner.asset_path(hash);
        let stored = self.inner.blobs.get(&path).await?.bytes().await?;
        let damaged = |what| VaultError::Damaged { file: path.to_string(), offset: 0, what };
        let sealed = stored.strip_prefix(MAGIC.as_slice()).ok_or(damaged("this is not an asset"))?;
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE_BYTES>().ok_or(damaged("the asset ends too soon"))?;
        let mut sealed = sealed.to_vec();
        let plain = self
            .inner
            .keys
            .asset()
            .open(nonce, &aad(hash), &mut sealed)
            .map_err(|_| damaged("the asset was changed, or kept under another key"))?;
        let (length, rest) = plain.split_first().ok_or(damaged("the asset is empty"))?;
        let (kind, content) =
            rest.split_at_checked(usize::from(*length)).ok_or(damaged("the asset ends too soon"))?;
        Ok(Asset {
            content_type: String::from_utf8_lossy(kind).into_owned(),
            bytes: Bytes::copy_from_slice(content),
        })
    }
}
