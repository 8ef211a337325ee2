//! Shipping: complete segments go to the store, and leave the spool once they are there.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::Inner;
use super::errors::VaultError;
use super::live::Live;
use super::spool::{MANIFEST, SEAL, segment_name};

/// Recordings that are shipped at the same time at most.
const SHIPPED_AT_ONCE: usize = 4;
/// The first pause after a failure of the store; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Ships what the committer reports as complete, until the vault is gone.
pub(crate) async fn run(inner: Weak<Inner>, mut complete: mpsc::UnboundedReceiver<Arc<Live>>) {
    let places = Arc::new(Semaphore::new(SHIPPED_AT_ONCE));
    while let Some(live) = complete.recv().await {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let inner = inner.clone();
        tokio::spawn(async move {
            ship_until_done(inner, live).await;
            drop(place);
        });
    }
}

async fn ship_until_done(inner: Weak<Inner>, live: Arc<Live>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(vault) = inner.upgrade() else { return };
        match vault.ship_complete(&live).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(recording = %live.id, %error, "segments wait to be shipped");
                drop(vault);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

impl Inner {
    /// Ships every segment that nothing is written to any more.
    pub(crate) async fn ship_complete(&self, live: &Live) -> Result<(), VaultError> {
        let mut manifest_shipped = live.shipping.lock().await;
        // Behind the durable position nothing is complete; the segment of that position may still be written to,
        // unless the recording is closed.
        let open = {
            let disk = live.disk();
            let settled = disk.closed && !disk.poisoned && disk.open.is_none() && disk.written == disk.synced;
            if settled { u32::MAX } else { disk.synced.segment }
        };
        for segment in self.spool.segments(live.id)? {
            if segment >= open {
                break;
            }
            if !*manifest_shipped {
                self.put(live, MANIFEST, live.manifest_bytes.clone()).await?;
                *manifest_shipped = true;
            }
            let name = segment_name(segment);
            if let Some(bytes) = self.spooled(live.id, &name).await? {
                self.put(live, &name, bytes).await?;
            }
            self.spool.remove_segment(live.id, segment)?;
        }
        Ok(())
    }

    /// Ships the seal, the last thing of a recording, and forgets its folder.
    pub(crate) async fn ship_seal(&self, live: &Live) -> Result<(), VaultError> {
        self.ship_complete(live).await?;
        let _shipping = live.shipping.lock().await;
        if let Some(seal) = self.spooled(live.id, SEAL).await? {
            self.put(live, SEAL, seal).await?;
        }
        self.spool.remove_recording(live.id)
    }

    async fn put(&self, live: &Live, name: &str, bytes: Bytes) -> Result<(), VaultError> {
        self.blobs.put(&Self::blob(live.id, name), bytes.into()).await?;
        Ok(())
    }
}
