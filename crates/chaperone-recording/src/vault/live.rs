//! A recording that is being written on this node.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chaperone_domain::ids::RecordingId;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::keys::RecordingKey;
use crate::manifest::{Manifest, Seal};
use crate::segment::Position;

/// A recording that is being written on this node.
pub(crate) struct Live {
    pub(crate) id: RecordingId,
    pub(crate) key: Arc<RecordingKey>,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_bytes: Bytes,
    pub(crate) folder: PathBuf,
    /// What is written; the committer's.
    disk: Mutex<Disk>,
    /// What is durable; everybody's.
    pub(crate) durable: watch::Sender<Position>,
    /// One hand at a time ships. `true` once the manifest is shipped.
    pub(crate) shipping: tokio::sync::Mutex<bool>,
    /// One hand at a time seals.
    pub(crate) sealing: tokio::sync::Mutex<Option<Seal>>,
}

/// What is written of a recording.
pub(crate) struct Disk {
    /// The segment that is written to; `None`: the next frame begins a new one.
    pub(crate) open: Option<OpenSegment>,
    /// The end of what is written, perhaps not yet durable.
    pub(crate) written: Position,
    /// The end of what is durable.
    pub(crate) synced: Position,
    /// The disk failed: what is behind `synced` must be cut before anything more is written.
    pub(crate) poisoned: bool,
    /// Nothing more may come.
    pub(crate) closed: bool,
}

/// The segment that is written to.
pub(crate) struct OpenSegment {
    pub(crate) file: File,
    pub(crate) since: Instant,
}

impl Live {
    pub(crate) fn new(
        id: RecordingId,
        key: Arc<RecordingKey>,
        manifest: Manifest,
        manifest_bytes: Bytes,
        folder: PathBuf,
        position: Position,
        seal: Option<Seal>,
    ) -> Self {
        let disk = Disk { open: None, written: position, synced: position, poisoned: false, closed: seal.is_some() };
        Self {
            id,
            key,
            manifest,
            manifest_bytes,
            folder,
            disk: Mutex::new(disk),
            durable: watch::Sender::new(position),
            shipping: tokio::sync::Mutex::new(false),
            sealing: tokio::sync::Mutex::new(seal),
        }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The end of what is durable.
    pub(crate) fn durable(&self) -> Position {
        *self.durable.borrow()
    }
}
