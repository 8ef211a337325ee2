//! The vault: where the bytes of recordings are kept.
//!
//! What is written goes to the *spool*, a folder on the local disk, and is acknowledged when it is durable there.
//! Complete segments are shipped to the *store* (a folder or S3) and leave the spool. Readers see both as one.
//!
//! ```text
//! begin ─► Writer::append ─► committer ─► spool ─► shipper ─► store
//!              ▲                │ durable                       │
//!              └────────────────┘            Reader ◄───────────┘
//! ```
//!
//! After a crash, [`Vault::spooled`] lists what was not sealed, and [`Vault::resume`] takes each up again: the torn end
//! of what nobody was told is cut, everything else is verified.

mod assets;
mod committer;
mod destroy;
mod errors;
mod live;
mod reader;
mod ship;
mod spool;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chaperone_domain::ids::RecordingId;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::sync::{Semaphore, mpsc};

pub use assets::{ASSET_MAX_BYTES, Asset};
pub use errors::VaultError;
pub use reader::Reader;
pub use spool::FreeSpace;
pub use writer::Writer;

use crate::bodies::{Consent, FrameBody};
use crate::frame::{KindSet, NewFrame};
use crate::keys::{MasterKey, VaultKeys};
use crate::manifest::{Manifest, NewRecording, Seal, genesis};
use crate::segment::Position;
use committer::{Committer, Job};
use live::Live;
use spool::{MANIFEST, Spool, segment_number};

/// Jobs that may wait for the committer.
const JOBS_WAITING: usize = 1024;
/// Bytes, in KiB, that may wait for the committer; more wait with their callers.
const WAITING_KIB: usize = 64 * 1024;

/// The limits of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultLimits {
    /// A segment is complete at this size, in bytes …
    pub segment_bytes: u64,
    /// … or at this age.
    pub segment_age: Duration,
    /// The spool may take this many bytes; `None`: as many as the disk has.
    pub max_spool_bytes: Option<u64>,
    /// With less room than this, in bytes, nothing new begins; what has begun may use it …
    pub free_floor_bytes: u64,
    /// … down to this: the rest is for those who write beside the vault.
    pub last_floor_bytes: u64,
}

impl Default for VaultLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 8 * 1024 * 1024,
            segment_age: Duration::from_secs(60),
            max_spool_bytes: None,
            free_floor_bytes: 64 * 1024 * 1024,
            last_floor_bytes: 16 * 1024 * 1024,
        }
    }
}

/// What a vault is made of.
pub struct VaultConfig {
    /// The folder on the local disk.
    pub spool: PathBuf,
    /// Where segments are shipped to.
    pub blobs: Arc<dyn ObjectStore>,
    /// The key of which all others are derived.
    pub master_key: MasterKey,
    /// Limits.
    pub limits: VaultLimits,
    /// Tells how much room the disk has.
    pub free_space: FreeSpace,
}

impl VaultConfig {
    /// With the preset limits.
    pub fn new(spool: impl Into<PathBuf>, blobs: Arc<dyn ObjectStore>, master_key: MasterKey) -> Self {
        Self {
            spool: spool.into(),
            blobs,
            master_key,
            limits: VaultLimits::default(),
            free_space: spool::free_space_of_file_system(),
        }
    }

    /// With a folder as the store. What is put there is durable before it is believed to be there.
    pub fn with_folders(
        spool: impl Into<PathBuf>,
        store: impl Into<PathBuf>,
        master_key: MasterKey,
    ) -> Result<Self, VaultError> {
        let folder = store.into();
        std::fs::create_dir_all(&folder).map_err(|error| VaultError::io("opening the store", error))?;
        let blobs = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self::new(spool, Arc::new(blobs), master_key))
    }
}

pub(crate) struct Inner {
    pub(crate) spool: Arc<Spool>,
    pub(crate) blobs: Arc<dyn ObjectStore>,
    pub(crate) keys: VaultKeys,
    pub(crate) assets: assets::Known,
    limits: VaultLimits,
    jobs: mpsc::Sender<Job>,
    waiting: Arc<Semaphore>,
    live: Mutex<HashMap<RecordingId, Arc<Live>>>,
    /// One hand at a time takes recordings up again.
    resuming: tokio::sync::Mutex<()>,
    shipper: mpsc::UnboundedSender<Arc<Live>>,
}

/// The vault; a handle that is cheap to copy.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("blobs", &self.inner.blobs).finish_non_exhaustive()
    }
}

/// A recording that was taken up again.
#[derive(Debug)]
pub struct Resumed {
    /// Goes on writing. When the recording is sealed, it takes no frames and seals again.
    pub writer: Writer,
    /// Frames that are there.
    pub frames: u64,
    /// When the last of them happened.
    pub last_frame_at: Option<Timestamp>,
    /// Bytes that were cut: the torn end of what nobody was told.
    pub torn_bytes: u64,
    /// The seal, when there is one.
    pub seal: Option<Seal>,
}

/// What a whole recording was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its first word.
    pub manifest: Manifest,
    /// Its last word, if it has been said.
    pub seal: Option<Seal>,
    /// Frames that were read, decrypted and understood.
    pub frames: u64,
    /// The last link of the chain.
    pub last_hash: [u8; 32],
    /// Bytes of a torn end; they were not acknowledged.
    pub torn_bytes: u64,
}

impl Vault {
    /// Opens the vault. Must be called within a tokio runtime, which does the shipping.
    pub fn open(config: VaultConfig) -> Result<Self, VaultError> {
        let keys = config.master_key.vault_keys()?;
        let limits = config.limits;
        let spool = Arc::new(Spool::open(config.spool, limits.max_spool_bytes, config.free_space)?);
        let (jobs, waiting_jobs) = mpsc::channel(JOBS_WAITING);
        let (shipper, complete) = mpsc::unbounded_channel();
        let committer = Committer {
            spool: spool.clone(),
            segment_bytes: limits.segment_bytes,
            last_floor_bytes: limits.last_floor_bytes,
            segment_age: limits.segment_age,
            shipper: shipper.clone(),
        };
        std::thread::Builder::new()
            .name("vault-committer".to_owned())
            .spawn(move || committer.run(waiting_jobs))
            .map_err(|error| VaultError::io("starting the committer", error))?;
        let inner = Arc::new(Inner {
            spool,
            blobs: config.blobs,
            keys,
            assets: assets::Known::default(),
            limits,
            jobs,
            waiting: Arc::new(Semaphore::new(WAITING_KIB)),
            live: Mutex::default(),
            resuming: tokio::sync::Mutex::default(),
            shipper,
        });
        tokio::spawn(ship::run(Arc::downgrade(&inner), complete));
        Ok(Self { inner })
    }

    /// Whether a new recording may begin: there is room above the floor.
    pub fn ready(&self) -> Result<(), VaultError> {
        if self.inner.spool.room()? < self.inner.limits.free_floor_bytes {
            return Err(VaultError::StorageFull);
        }
        Ok(())
    }

    /// Whether recordings can be kept at this moment: as [`ready`](Self::ready), and a block that is written to the
    /// spool becomes durable. A quota, a limit or a disk that went read-only shows only so.
    pub async fn probe(&self) -> Result<(), VaultError> {
        self.ready()?;
        let spool = self.inner.spool.clone();
        blocking(move || spool.probe().map_err(|error| VaultError::io("trying the spool", error))).await
    }

    /// Bytes in the spool.
    pub fn spool_bytes(&self) -> u64 {
        self.inner.spool.used()
    }

    /// Begins a recording. Its manifest and its first frame, the consent, are durable when this returns: there is no
    /// recording without consent.
    pub async fn begin(&self, recording: NewRecording, consent: Consent) -> Result<Writer, VaultError> {
        self.ready()?;
        let id = recording.id;
        let (key, wrapped) = self.inner.keys.new_recording_key(id)?;
        let manifest = Manifest::new(&recording, &self.inner.keys, &wrapped);
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(|_| VaultError::Cryptography)?;
        let bytes = Bytes::from(bytes);
        let folder = self.inner.spool.folder(id);
        let (spool, made, written) = (self.inner.spool.clone(), folder.clone(), bytes.clone());
        blocking(move || {
            if let Err(error) = std::fs::create_dir(&made) {
                let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
                return Err(if exists {
                    VaultError::Exists
                } else {
                    VaultError::io("beginning a recording", error)
                });
            }
            let done = spool.write_whole(id, MANIFEST, &written).and_then(|()| spool.sync_root());
            done.map_err(|error| {
                // Nothing has begun; what is left of it must not look as if it had.
                let _ = spool.remove_recording(id);
                VaultError::io("beginning a recording", error)
            })
        })
        .await?;
        let start = Position::genesis(genesis(&bytes));
        let live = Arc::new(Live::new(id, Arc::new(key), manifest, bytes, folder, start, None));
        let writer = Writer::new(self.inner.clone(), live.clone());
        let first = NewFrame { at: recording.started_at, body: FrameBody::Consent(consent) };
        if let Err(error) = writer.append(vec![first]).await {
            let _ = self.inner.spool.remove_recording(id);
            return Err(error);
        }
        self.inner.live().insert(id, live);
        Ok(writer)
    }

    /// Takes a recording up again that was not sealed when the process ended, or asks for the writer of one that goes
    /// on. A recording whose consent never became durable is forgotten and not found.
    pub async fn resume(&self, id: RecordingId) -> Result<Resumed, VaultError> {
        let _one_at_a_time = self.inner.resuming.lock().await;
        if let Some(live) = self.inner.live_of(id) {
            let seal = live.sealing.lock().await.clone();
            let frames = live.durable().sequence;
            let mut reader =
                Reader::over_live(self.inner.clone(), live.clone(), seal.clone()).only(KindSet::of(&[]));
            while reader.next().await?.is_some() {}
            return Ok(Resumed {
                writer: Writer::new(self.inner.clone(), live),
                frames,
                last_frame_at: reader.last_frame_at(),
                torn_bytes: 0,
                seal,
            });
        }
        let opened = match reader::open(&self.inner, id).await {
            Err(VaultError::NotFound) => {
                self.inner.spool.remove_recording(id)?;
                return Err(VaultError::NotFound);
            }
            other => other?,
        };
        let (key, manifest, bytes) =
            (opened.key.clone(), opened.manifest.clone(), opened.manifest_bytes.clone());
        let seal = opened.seal.clone();
        let mut reader = Reader::over_stored(self.inner.clone(), id, opened).await?.only(KindSet::of(&[]));
        while reader.next().await?.is_some() {}
        let end = reader.position();
        if end.sequence == 0 {
            self.inner.spool.remove_recording(id)?;
            return Err(VaultError::NotFound);
        }
        let folder = self.inner.spool.folder(id);
        let live = Arc::new(Live::new(id, key, manifest, bytes, folder, end, seal.clone()));
        if seal.is_none() {
            let (spool, again) = (self.inner.spool.clone(), live.clone());
            blocking(move || make_sound(&spool, &again, end)).await?;
        }
        self.inner.live().insert(id, live.clone());
        let _ = self.inner.shipper.send(live.clone());
        Ok(Resumed {
            writer: Writer::new(self.inner.clone(), live),
            frames: end.sequence,
            last_frame_at: reader.last_frame_at(),
            torn_bytes: reader.torn_bytes(),
            seal,
        })
    }

    /// Recordings that are in the spool: not sealed, or sealed and not yet shipped whole.
    pub fn spooled(&self) -> Result<Vec<RecordingId>, VaultError> {
        self.inner.spool.recordings()
    }

    /// How many frames are durable of a recording that goes on here; `None` when none does.
    pub fn durable_frames(&self, id: RecordingId) -> Option<u64> {
        self.inner.live_of(id).map(|live| live.durable().sequence)
    }

    /// Reads a recording from its beginning.
    pub async fn reader(&self, id: RecordingId) -> Result<Reader, VaultError> {
        if let Some(live) = self.inner.live_of(id) {
            let seal = live.sealing.try_lock().ok().and_then(|seal| seal.clone());
            return Ok(Reader::over_live(self.inner.clone(), live, seal));
        }
        let opened = reader::open(&self.inner, id).await?;
        Reader::over_stored(self.inner.clone(), id, opened).await
    }

    /// Reads all of a recording as it is stored, and believes nothing: every link, every byte, every body.
    pub async fn verify(&self, id: RecordingId) -> Result<Verified, VaultError> {
        let mut reader = match self.inner.live_of(id) {
            Some(live) => Reader::over_live(self.inner.clone(), live, None),
            None => {
                let opened = reader::open(&self.inner, id).await?;
                Reader::over_stored(self.inner.clone(), id, opened).await?
            }
        };
        while reader.next().await?.is_some() {}
        let end = reader.position();
        Ok(Verified {
            manifest: reader.manifest().clone(),
            seal: reader.seal().cloned(),
            frames: end.sequence,
            last_hash: end.hash,
            torn_bytes: reader.torn_bytes(),
        })
    }

    /// The bytes of `manifest.json` and, when there is one, of `seal.json`, for whoever checks them elsewhere.
    pub async fn words(&self, id: RecordingId) -> Result<(Bytes, Option<Bytes>), VaultError> {
        let manifest = self.inner.file(id, MANIFEST).await?.ok_or(VaultError::NotFound)?;
        Ok((manifest, self.inner.file(id, spool::SEAL).await?))
    }
}

/// Cuts what was torn, and makes sure that what is kept is on the disk and not only in memory.
fn make_sound(spool: &Spool, live: &Live, end: Position) -> Result<(), VaultError> {
    let failed = |error| VaultError::io("resuming a recording", error);
    if !live.folder.exists() {
        std::fs::create_dir(&live.folder).map_err(failed)?;
    }
    spool.write_whole(live.id, MANIFEST, &live.manifest_bytes).map_err(failed)?;
    for segment in spool.segments(live.id)? {
        if segment > end.segment {
            spool.remove_segment(live.id, segment)?;
        }
    }
    committer::rewrite(spool, live, end)?;
    spool.sync_root().map_err(failed)
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<RecordingId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn live_of(&self, id: RecordingId) -> Option<Arc<Live>> {
        self.live().get(&id).cloned()
    }

    pub(crate) fn forget(&self, id: RecordingId) {
        self.live().remove(&id);
    }

    pub(crate) fn blob(id: RecordingId, name: &str) -> Path {
        Path::from(format!("recordings/{id}/{name}"))
    }

    /// A file of the spool.
    pub(crate) async fn spooled(&self, id: RecordingId, name: &str) -> Result<Option<Bytes>, VaultError> {
        let (spool, name) = (self.spool.clone(), name.to_owned());
        Ok(blocking(move || spool.read(id, &name)).await?.map(Bytes::from))
    }

    /// A file of a recording, wherever it is.
    pub(crate) async fn file(&self, id: RecordingId, name: &str) -> Result<Option<Bytes>, VaultError> {
        if let Some(bytes) = self.spooled(id, name).await? {
            return Ok(Some(bytes));
        }
        match self.blobs.get(&Self::blob(id, name)).await {
            Ok(found) => Ok(Some(found.bytes().await?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Every segment of a recording, wherever it is, in order.
    pub(crate) async fn segments(&self, id: RecordingId) -> Result<Vec<u32>, VaultError> {
        let mut segments = self.spool.segments(id)?;
        let prefix = Path::from(format!("recordings/{id}"));
        let mut stored = self.blobs.list(Some(&prefix));
        while let Some(object) = stored.try_next().await? {
            segments.extend(object.location.filename().and_then(segment_number));
        }
        segments.sort_unstable();
        segments.dedup();
        Ok(segments)
    }
}

/// Does something that waits for the disk.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| VaultError::Stopped)?
}
