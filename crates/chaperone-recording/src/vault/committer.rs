//! The committer: one thread that writes frames of all recordings and makes them durable together.
//!
//! It takes what is waiting, writes it, syncs every touched file once, and only then answers. While it syncs, others
//! queue up behind it and form the next group, so that groups grow exactly with the load: a caller that is alone
//! waits for one sync and nothing else.
//!
//! A failed sync proves nothing about what is on the disk, in either direction. Therefore nothing behind the last
//! good sync is believed any more: the recording is poisoned, its callers are told, and the next frame begins by
//! writing the sound part of the segment into a new file.

use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;

use super::errors::VaultError;
use super::live::{Disk, Live, OpenSegment};
use super::spool::{Spool, segment_name};
use crate::frame::Packed;
use crate::segment::{Position, SEGMENT_HEADER_BYTES};

/// Bytes that are written before a sync at most.
const GROUP_MAX_BYTES: usize = 32 * 1024 * 1024;
/// Files that are synced at the same time at most.
const SYNCS_AT_ONCE: usize = 8;

/// Where an answer goes.
pub(crate) type Done = oneshot::Sender<Result<u64, VaultError>>;

/// What the committer is asked for.
pub(crate) enum Job {
    /// Write these frames; the answer is the number of the last one.
    Append { live: Arc<Live>, frames: Vec<Packed>, room: Option<OwnedSemaphorePermit>, done: Done },
    /// Let nothing more come; the answer is the number of frames.
    Close { live: Arc<Live>, done: Done },
}

/// The committer's tools.
pub(crate) struct Committer {
    pub(crate) spool: Arc<Spool>,
    pub(crate) segment_bytes: u64,
    pub(crate) last_floor_bytes: u64,
    pub(crate) segment_age: Duration,
    /// Told when a segment is complete.
    pub(crate) shipper: mpsc::UnboundedSender<Arc<Live>>,
}

struct Waiting {
    answer: u64,
    done: Done,
    _room: Option<OwnedSemaphorePermit>,
}

/// A recording that this group writes to.
struct Touched {
    live: Arc<Live>,
    waiting: Vec<Waiting>,
    new_segment: bool,
    closing: bool,
}

impl Committer {
    /// Works until every sender is gone.
    pub(crate) fn run(self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut group = Vec::new();
            let mut bytes = self.take(&mut group, first);
            while bytes < GROUP_MAX_BYTES
                && let Ok(job) = jobs.try_recv()
            {
                bytes += self.take(&mut group, job);
            }
            self.commit(group);
        }
    }

    /// Writes one job's frames; answers it at once when that fails.
    fn take(&self, group: &mut Vec<Touched>, job: Job) -> usize {
        let (Job::Append { live, .. } | Job::Close { live, .. }) = &job;
        let live = live.clone();
        let at = group.iter().position(|touched| touched.live.id == live.id).unwrap_or_else(|| {
            group.push(Touched {
                live: live.clone(),
                waiting: Vec::new(),
                new_segment: false,
                closing: false,
            });
            group.len() - 1
        });
        let touched = &mut group[at];
        let mut disk = live.disk();
        match job {
            Job::Append { frames, room, done, .. } => {
                let bytes = frames.iter().map(|frame| frame.compressed.len()).sum();
                match self.write(touched, &mut disk, &frames) {
                    Ok(answer) => touched.waiting.push(Waiting { answer, done, _room: room }),
                    Err(error) => {
                        // The caller may have gone; that is its business.
                        let _ = done.send(Err(error));
                        if disk.poisoned && !touched.waiting.is_empty() {
                            let cause = io::Error::other("the file could not be cut behind a failed write");
                            fail(touched, &mut disk, "writing frames", &cause);
                        }
                    }
                }
                bytes
            }
            Job::Close { done, .. } => {
                match self.heal(&live, &mut disk) {
                    Ok(()) => {
                        touched.closing = true;
                        disk.closed = true;
                        touched.waiting.push(Waiting { answer: disk.written.sequence, done, _room: None });
                    }
                    Err(error) => {
                        let _ = done.send(Err(error));
                    }
                }
                0
            }
        }
    }

    fn write(&self, touched: &mut Touched, disk: &mut Disk, frames: &[Packed]) -> Result<u64, VaultError> {
        if disk.closed {
            return Err(VaultError::Closed);
        }
        let live = touched.live.clone();
        self.heal(&live, disk)?;
        let needed: usize = frames.iter().map(|frame| frame.compressed.len() + FRAME_OVERHEAD_BYTES).sum();
        if self.spool.room()? < self.last_floor_bytes + (needed + SEGMENT_HEADER_BYTES) as u64 {
            return Err(VaultError::StorageFull);
        }
        let full = disk.written.offset >= self.segment_bytes;
        let old = disk.open.as_ref().is_some_and(|open| open.since.elapsed() >= self.segment_age);
        if disk.open.is_none() || full || old {
            self.next_segment(touched, disk)?;
        }
        let Disk { open: Some(OpenSegment { file, .. }), written, synced, .. } = &mut *disk else {
            return Err(VaultError::Stopped);
        };
        let mut bytes = Vec::with_capacity(needed);
        let mut place = *written;
        for frame in frames {
            place = place.write(live.id, live.key.frames(), synced.sequence, frame, &mut bytes)?;
        }
        let before = written.offset;
        if let Err(error) = file.seek(SeekFrom::Start(before)).and_then(|_| file.write_all(&bytes)) {
            // What was written before stays good when the half-written rest can be cut off.
            if file.set_len(before).is_err() {
                disk.poisoned = true;
            }
            return Err(VaultError::io("writing frames", error));
        }
        *written = place;
        self.spool.grew(bytes.len() as u64);
        Ok(place.sequence.saturating_sub(1))
    }

    /// Ends the open segment, if there is one, and begins the next.
    fn next_segment(&self, touched: &mut Touched, disk: &mut Disk) -> Result<(), VaultError> {
        let live = touched.live.clone();
        if let Some(open) = &disk.open {
            // A segment is whole on the disk before the next one is there at all.
            if let Err(error) = self.spool.sync(&open.file) {
                fail(touched, disk, "ending a segment", &error);
                return Err(VaultError::io("ending a segment", error));
            }
            disk.open = None;
        }
        let begin = || {
            let path = live.folder.join(segment_name(disk.written.segment + 1));
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            file.write_all(&disk.written.next_header(live.id).encode())?;
            io::Result::Ok(file)
        };
        let file = begin().map_err(|error| VaultError::io("beginning a segment", error))?;
        disk.open = Some(OpenSegment { file, since: Instant::now() });
        disk.written = disk.written.into_next();
        touched.new_segment = true;
        self.spool.grew(SEGMENT_HEADER_BYTES as u64);
        Ok(())
    }

    /// Makes a poisoned recording sound again: what is behind the last good sync goes, and the rest is written anew.
    fn heal(&self, live: &Live, disk: &mut Disk) -> Result<(), VaultError> {
        if !disk.poisoned {
            return Ok(());
        }
        disk.open = None;
        disk.written = disk.synced;
        for segment in self.spool.segments(live.id)? {
            if segment > disk.synced.segment {
                self.spool.remove_segment(live.id, segment)?;
            }
        }
        if disk.synced.segment > 0 {
            rewrite(&self.spool, live, disk.synced)?;
        }
        disk.poisoned = false;
        tracing::info!(recording = %live.id, frames = disk.synced.sequence, "a recording is sound again after the disk failed");
        Ok(())
    }

    /// Makes everything that was written durable, and answers.
    fn commit(&self, mut group: Vec<Touched>) {
        group.retain(|touched| !touched.waiting.is_empty());
        for some in group.chunks_mut(SYNCS_AT_ONCE) {
            match some {
                [alone] => self.finish(alone),
                several => std::thread::scope(|scope| {
                    for touched in several {
                        scope.spawn(|| self.finish(touched));
                    }
                }),
            }
        }
    }

    fn finish(&self, touched: &mut Touched) {
        let live = touched.live.clone();
        let mut disk = live.disk();
        let result = match &disk.open {
            Some(open) => self.spool.sync(&open.file),
            None => Ok(()),
        };
        let result = match result {
            Ok(()) if touched.new_segment => self.spool.sync_folder(&live.folder),
            other => other,
        };
        if let Err(error) = result {
            fail(touched, &mut disk, "syncing", &error);
            return;
        }
        disk.synced = disk.written;
        if touched.closing {
            disk.open = None;
        }
        live.durable.send_replace(disk.synced);
        drop(disk);
        for waiting in touched.waiting.drain(..) {
            let _ = waiting.done.send(Ok(waiting.answer));
        }
        if touched.new_segment {
            // The vault may be going away; then the next start ships.
            let _ = self.shipper.send(live);
        }
    }
}

/// Bytes that a frame has beside its ciphertext.
const FRAME_OVERHEAD_BYTES: usize = crate::frame::HEADER_BYTES
    + crate::frame::NONCE_BYTES
    + crate::frame::TAG_BYTES
    + crate::frame::HASH_BYTES;

/// Tells everybody who waits that nothing of this group was kept.
fn fail(touched: &mut Touched, disk: &mut Disk, doing: &'static str, error: &io::Error) {
    tracing::error!(recording = %touched.live.id, %error, doing, "the disk failed");
    disk.poisoned = true;
    disk.open = None;
    disk.written = disk.synced;
    if touched.closing {
        disk.closed = false;
        touched.closing = false;
    }
    for waiting in touched.waiting.drain(..) {
        let copy = io::Error::new(error.kind(), error.to_string());
        let _ = waiting.done.send(Err(VaultError::io(doing, copy)));
    }
}

/// Writes the sound part of a segment into a new file, which takes its place.
pub(crate) fn rewrite(spool: &Spool, live: &Live, end: Position) -> Result<(), VaultError> {
    let name = segment_name(end.segment);
    let failed = |error| VaultError::io("making a segment sound", error);
    let bytes = match fs::read(live.folder.join(&name)) {
        Ok(bytes) => bytes,
        // It is shipped already.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let damaged = VaultError::Damaged {
        file: name.clone(),
        offset: bytes.len() as u64,
        what: "the segment is too short",
    };
    let length = usize::try_from(end.offset).map_err(|_| damaged.clone())?;
    let sound = bytes.get(..length).ok_or(damaged)?;
    // The last 32 bytes are the last frame's hash: what is read back is what was acknowledged.
    if end.offset > SEGMENT_HEADER_BYTES as u64 && !sound.ends_with(&end.hash) {
        return Err(VaultError::Damaged {
            file: name,
            offset: end.offset,
            what: "the segment reads back differently",
        });
    }
    spool.write_whole(live.id, &name, sound).map_err(failed)
}
