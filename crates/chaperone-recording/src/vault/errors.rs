//! Why bytes could not be kept or given back.

use std::io;
use std::sync::Arc;

use crate::keys::KeyError;

/// Why bytes could not be kept or given back.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no room. What was acknowledged stays; try again when there is.
    #[error("there is no room left for recordings")]
    StorageFull,
    /// The recording is sealed, or being sealed: nothing more may come.
    #[error("the recording is sealed")]
    Closed,
    /// There is no such recording or asset.
    #[error("there is no such recording or asset")]
    NotFound,
    /// There is a recording with this id already.
    #[error("there is a recording with this id already")]
    Exists,
    /// It is larger than the format allows.
    #[error("it is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The recording belongs to another master key.
    #[error("the recording was made with another master key")]
    WrongKey,
    /// What is stored is not what was written. Everything before this place is sound.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong, as a sentence.
        what: &'static str,
    },
    /// The disk failed. Nothing of this call was acknowledged; the next one begins by making the place sound again.
    #[error("the disk failed while {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The store of shipped segments failed.
    #[error("the store failed: {0}")]
    Store(#[source] Arc<object_store::Error>),
    /// The system's cryptography failed.
    #[error("the system's cryptography failed")]
    Cryptography,
    /// The vault is shutting down.
    #[error("the vault is shutting down")]
    Stopped,
}

impl VaultError {
    /// An error of the disk.
    pub(crate) fn io(doing: &'static str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StorageFull,
            _ => Self::Io { doing, source: Arc::new(error) },
        }
    }
}

impl From<KeyError> for VaultError {
    fn from(_: KeyError) -> Self {
        Self::Cryptography
    }
}

impl From<object_store::Error> for VaultError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Store(Arc::new(other)),
        }
    }
}
