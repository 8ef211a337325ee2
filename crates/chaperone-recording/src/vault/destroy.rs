//! Destruction: first the wrapped key, so that nothing can be read any more, then the bytes.
//!
//! Assets stay: they are kept once by content, and other recordings show them too.

use chaperone_domain::ids::RecordingId;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use super::errors::VaultError;
use super::spool::MANIFEST;
use super::{Inner, Vault, blocking};

impl Vault {
    /// Destroys what is here and in the store of a recording that is over. May be called again at any time, also after a
    /// crash in the middle: what is gone is gone. When it returns, nothing of it is left but assets.
    pub async fn destroy(&self, id: RecordingId) -> Result<(), VaultError> {
        self.inner.forget(id);
        gone(self.inner.blobs.delete(&Inner::blob(id, MANIFEST)).await)?;
        self.destroy_spooled(id).await?;
        let prefix = Path::from(format!("recordings/{id}"));
        let stored: Vec<_> =
            self.inner.blobs.list(Some(&prefix)).map_ok(|object| object.location).try_collect().await?;
        for location in stored {
            gone(self.inner.blobs.delete(&location).await)?;
        }
        Ok(())
    }

    /// Destroys what is in the spool of this node of a recording that was destroyed elsewhere.
    pub async fn destroy_spooled(&self, id: RecordingId) -> Result<(), VaultError> {
        let spool = self.inner.spool.clone();
        blocking(move || {
            spool.remove_file(id, MANIFEST)?;
            spool.remove_recording(id)
        })
        .await
    }
}

fn gone(deleted: Result<(), object_store::Error>) -> Result<(), VaultError> {
    match deleted {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
