//! The spool: the folder on the local disk where recordings are written, until their segments are shipped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chaperone_domain::ids::RecordingId;

use super::errors::VaultError;

/// The file name of a segment.
pub(crate) fn segment_name(segment: u32) -> String {
    format!("seg-{segment:06}.chs")
}

/// The number of the segment of that name.
pub(crate) fn segment_number(name: &str) -> Option<u32> {
    let number: u32 = name.strip_prefix("seg-")?.strip_suffix(".chs")?.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

/// The file name of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The file name of the seal.
pub(crate) const SEAL: &str = "seal.json";

/// Tells how many bytes are free where a folder is.
pub type FreeSpace = Arc<dyn Fn(&Path) -> io::Result<u64> + Send + Sync>;

/// Asks the file system.
pub(crate) fn free_space_of_file_system() -> FreeSpace {
    Arc::new(|path| {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    })
}

/// The file that is written to see whether the disk takes anything.
const PROBE: &str = "probe";
/// A block of the disk.
const PROBE_BYTES: usize = 4096;

/// The spool's folder, with what is used of it.
pub(crate) struct Spool {
    root: PathBuf,
    used: AtomicU64,
    max_bytes: Option<u64>,
    free_space: FreeSpace,
    /// Syncs that fail, one after the other: what a broken disk does.
    #[cfg(test)]
    pub(crate) failing_syncs: std::sync::atomic::AtomicU32,
}

impl Spool {
    /// Opens the folder, making it where it is missing.
    pub(crate) fn open(
        root: PathBuf,
        max_bytes: Option<u64>,
        free_space: FreeSpace,
    ) -> Result<Self, VaultError> {
        let failed = |error| VaultError::io("opening the spool", error);
        fs::create_dir_all(&root).map_err(failed)?;
        let spool = Self {
            root,
            used: AtomicU64::new(0),
            max_bytes,
            free_space,
            #[cfg(test)]
            failing_syncs: std::sync::atomic::AtomicU32::new(0),
        };
        let mut used = 0;
        for id in spool.recordings()? {
            for entry in fs::read_dir(spool.folder(id)).map_err(failed)? {
                used += entry.and_then(|entry| entry.metadata()).map_err(failed)?.len();
            }
        }
        spool.used.store(used, Ordering::Relaxed);
        Ok(spool)
    }

    /// The folder of a recording.
    pub(crate) fn folder(&self, id: RecordingId) -> PathBuf {
        self.root.join(id.to_string())
    }

    /// Recordings that have a folder here.
    pub(crate) fn recordings(&self) -> Result<Vec<RecordingId>, VaultError> {
        let failed = |error| VaultError::io("listing the spool", error);
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Some(id) = name.to_str().and_then(|name| name.parse().ok()) {
                ids.push(id);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Segments of a recording that are here, in order.
    pub(crate) fn segments(&self, id: RecordingId) -> Result<Vec<u32>, VaultError> {
        let failed = |error| VaultError::io("listing a recording", error);
        let entries = match fs::read_dir(self.folder(id)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut segments = Vec::new();
        for entry in entries {
            segments.extend(entry.map_err(failed)?.file_name().to_str().and_then(segment_number));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Bytes that may still be written.
    pub(crate) fn room(&self) -> Result<u64, VaultError> {
        let free = (self.free_space)(&self.root).map_err(|error| VaultError::io("asking for room", error))?;
        let quota = self.max_bytes.map(|max| max.saturating_sub(self.used.load(Ordering::Relaxed)));
        Ok(quota.map_or(free, |quota| quota.min(free)))
    }

    /// Bytes that are here.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn grew(&self, bytes: u64) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn shrank(&self, bytes: u64) {
        // Never below zero: what is forgotten may have been cut meanwhile.
        let _ = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(used.saturating_sub(bytes)));
    }

    /// Makes a file's content durable.
    pub(crate) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if self.failing_syncs.load(Ordering::SeqCst) > 0 {
            self.failing_syncs.fetch_sub(1, Ordering::SeqCst);
            return Err(io::Error::other("the disk was told to fail"));
        }
        file.sync_data()
    }

    /// Tries whether what is written becomes durable.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let mut file = File::create(self.root.join(PROBE))?;
        file.write_all(&[0x5a; PROBE_BYTES])?;
        self.sync(&file)
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Makes the names of recordings durable.
    pub(crate) fn sync_root(&self) -> io::Result<()> {
        self.sync_folder(&self.root)
    }

    /// Writes a whole file, which is there with all its bytes or not at all, durably.
    pub(crate) fn write_whole(&self, id: RecordingId, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder(id);
        let path = folder.join(name);
        let staged = folder.join(format!("{name}.new"));
        let before = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&staged, &path)?;
        self.sync_folder(&folder)?;
        self.shrank(before);
        self.grew(bytes.len() as u64);
        Ok(())
    }

    /// Removes a segment that is somewhere else, or was never acknowledged.
    pub(crate) fn remove_segment(&self, id: RecordingId, segment: u32) -> Result<(), VaultError> {
        self.remove_file(id, &segment_name(segment))
    }

    /// Removes a file of a recording.
    pub(crate) fn remove_file(&self, id: RecordingId, name: &str) -> Result<(), VaultError> {
        let path = self.folder(id).join(name);
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        match fs::remove_file(&path) {
            Ok(()) => {
                self.shrank(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(VaultError::io("removing a file", error)),
        }
    }

    /// Removes a recording's folder, once all of it is somewhere else.
    pub(crate) fn remove_recording(&self, id: RecordingId) -> Result<(), VaultError> {
        let folder = self.folder(id);
        let mut bytes = 0;
        if let Ok(entries) = fs::read_dir(&folder) {
            bytes = entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum();
        }
        match fs::remove_dir_all(&folder) {
            Ok(()) => {
                self.shrank(bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(VaultError::io("removing a recording", error)),
        }
    }

    /// A file's bytes; `None` when it is not there.
    pub(crate) fn read(&self, id: RecordingId, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        match fs::read(self.folder(id).join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VaultError::io("reading a recording", error)),
        }
    }
}
