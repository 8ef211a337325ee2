//! A reserve on the disk: room that nobody else can take, for what has to be written when the disk is full.
//!
//! It is a file of [`RESERVE_BYTES`] beside the data. When the disk has less than [`RELEASE_BELOW_BYTES`] left, the file
//! is removed, and what it took is there for the rows of SQLite: sessions end, accounts go back, and the trail says so.
//! For recordings that room does not exist: they stop before it is touched, so that nobody can work and no session
//! starts until there is room again. Then the reserve is made anew.
//!
//! A PostgreSQL server looks after its own disk; the reserve is kept beside the spool all the same, for it costs nothing
//! and the node's own files need room too.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chaperone_recording::FreeSpace;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tokio::sync::watch;

/// What is kept back, in bytes.
pub(crate) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// With less room than this, in bytes, the reserve is given to those who end sessions.
const RELEASE_BELOW_BYTES: u64 = 12 * 1024 * 1024;
/// With this much room beside it, in bytes, the reserve is made again.
const MAKE_ABOVE_BYTES: u64 = RESERVE_BYTES;
/// How often the disk is asked.
const EVERY: Duration = Duration::from_millis(500);
/// The name of the file.
const FILE: &str = "reserve";

/// The reserve of a data folder.
pub(crate) struct Reserve {
    folder: PathBuf,
    held: AtomicBool,
}

fn free_bytes(folder: &Path) -> io::Result<u64> {
    let found = statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

impl Reserve {
    /// The reserve of that folder, made or given away as the disk is now. Ask for it before anything else is written
    /// there: a start on a full disk needs it.
    ///
    /// # Errors
    /// When the folder cannot be asked.
    pub(crate) fn open(folder: &Path) -> io::Result<Arc<Self>> {
        let reserve = Self { folder: folder.to_owned(), held: AtomicBool::new(false) };
        let file = reserve.file();
        let whole = std::fs::metadata(&file).is_ok_and(|about| about.len() == RESERVE_BYTES);
        if whole {
            reserve.held.store(true, Ordering::SeqCst);
        } else if file.exists() {
            // Killed while it was made.
            std::fs::remove_file(&file)?;
        }
        reserve.look()?;
        Ok(Arc::new(reserve))
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// How much room there is for recordings: what the reserve gave away is not for them.
    pub(crate) fn free_space(self: &Arc<Self>) -> FreeSpace {
        let reserve = self.clone();
        Arc::new(move |folder| {
            let free = free_bytes(folder)?;
            let kept = if reserve.held.load(Ordering::SeqCst) { 0 } else { RESERVE_BYTES };
            Ok(free.saturating_sub(kept))
        })
    }

    /// Gives the reserve away, or makes it again, as the disk is now.
    fn look(&self) -> io::Result<()> {
        let free = free_bytes(&self.folder)?;
        if self.held.load(Ordering::SeqCst) {
            if free < RELEASE_BELOW_BYTES {
                // First the word, then the deed: recordings never see room that is not theirs.
                self.held.store(false, Ordering::SeqCst);
                std::fs::remove_file(self.file())?;
                tracing::error!(
                    folder = %self.folder.display(),
                    "the disk is full: the reserve is given to the sessions that end; nothing is recorded and no \
                     session starts. Make room"
                );
            }
        } else if free >= RESERVE_BYTES + MAKE_ABOVE_BYTES {
            self.make()?;
            self.held.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    fn make(&self) -> io::Result<()> {
        let path = self.file();
        let made = File::create(&path).and_then(|file| {
            allocate(&file)?;
            file.sync_all()
        });
        if made.is_err() {
            // Half a reserve is none, and takes room.
            let _gone = std::fs::remove_file(&path);
        }
        made
    }

    /// Looks from time to time, until `shutdown` becomes true.
    pub(crate) async fn run(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _over = shutdown.wait_for(|over| *over) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.look()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the reserve on the disk cannot be looked after"),
                Err(error) => tracing::error!(%error, "the look at the reserve broke off"),
            }
        }
    }
}

/// Takes the room on the disk; where the file system cannot promise it, by writing.
fn allocate(mut file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let zeros = vec![0; 1024 * 1024];
            for _ in 0..RESERVE_BYTES / 1024 / 1024 {
                file.write_all(&zeros)?;
            }
            Ok(())
        }
        done => Ok(done?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_and_not_finished_is_made_anew_and_what_is_whole_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE);
        std::fs::write(&file, "half").expect("written");
        let reserve = Reserve::open(folder.path()).expect("opened");
        assert_eq!(std::fs::metadata(&file).expect("there").len(), RESERVE_BYTES);
        let inode = || std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(&file).expect("there"));
        let before = inode();
        drop(reserve);
        let reserve = Reserve::open(folder.path()).expect("opened");
        assert_eq!(inode(), before, "the same file");
        let free = reserve.free_space();
        let held = free(folder.path()).expect("asked");
        reserve.held.store(false, Ordering::SeqCst);
        assert!(
            free(folder.path()).expect("asked") <= held.saturating_sub(RESERVE_BYTES / 2),
            "not for recordings"
        );
    }
}
