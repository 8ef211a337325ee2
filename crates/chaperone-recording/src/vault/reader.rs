//! Reads a recording, spooled and shipped parts together: every link of the chain is checked, what is wanted is
//! decrypted, what is damaged is named.
//!
//! A recording that goes on can be read to its durable end, and further when there is more.

use std::sync::Arc;

use bytes::Bytes;
use chaperone_domain::ids::RecordingId;
use jiff::Timestamp;

use super::Inner;
use super::errors::VaultError;
use super::live::Live;
use super::spool::{MANIFEST, SEAL, segment_name};
use crate::frame::{Frame, KindSet};
use crate::keys::{RecordingKey, sha256};
use crate::manifest::{Manifest, Seal, genesis};
use crate::segment::{Broken, Link, Position, is_torn};

/// Reads a recording, frame by frame.
pub struct Reader {
    inner: Arc<Inner>,
    id: RecordingId,
    key: Arc<RecordingKey>,
    live: Option<Arc<Live>>,
    manifest: Manifest,
    seal: Option<Seal>,
    /// The last segment, when nobody writes here.
    last_segment: u32,
    position: Position,
    /// The segment's bytes from `position` on.
    buffer: Bytes,
    /// There may be more of this segment than is in the buffer.
    bounded: bool,
    kinds: KindSet,
    torn_bytes: u64,
    last_frame_at: Option<Timestamp>,
    failed: Option<VaultError>,
}

/// A recording's own facts, as they are stored.
pub(crate) struct Opened {
    pub(crate) key: Arc<RecordingKey>,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_bytes: Bytes,
    pub(crate) seal: Option<Seal>,
}

fn damaged(file: impl Into<String>, offset: u64, what: &'static str) -> VaultError {
    VaultError::Damaged { file: file.into(), offset, what }
}

/// Reads manifest and seal of a recording that nobody writes here.
pub(crate) async fn open(inner: &Inner, id: RecordingId) -> Result<Opened, VaultError> {
    let manifest_bytes = inner.file(id, MANIFEST).await?.ok_or(VaultError::NotFound)?;
    let seal = match inner.file(id, SEAL).await? {
        Some(bytes) => Some(
            Seal::read(&bytes, &inner.keys.public_key())
                .ok_or_else(|| damaged(SEAL, 0, "the seal's signature does not fit"))?,
        ),
        None => None,
    };
    if seal.as_ref().is_some_and(|seal| seal.manifest_sha256 != sha256(&[&manifest_bytes])) {
        return Err(damaged(MANIFEST, 0, "the manifest is not the one that was sealed"));
    }
    if seal.as_ref().is_some_and(|seal| seal.recording_id != id) {
        return Err(damaged(SEAL, 0, "the seal belongs to another recording"));
    }
    let manifest: Manifest = serde_json::from_slice(&manifest_bytes)
        .map_err(|_| damaged(MANIFEST, 0, "the manifest cannot be read"))?;
    if manifest.recording_id != id {
        return Err(damaged(MANIFEST, 0, "the manifest belongs to another recording"));
    }
    let wrapped =
        manifest.wrapped_key().ok_or_else(|| damaged(MANIFEST, 0, "the wrapped key cannot be read"))?;
    let ours = manifest.master_key_id == inner.keys.identity();
    let key = match (inner.keys.unwrap(id, &wrapped), ours) {
        (Ok(key), true) => key,
        (Ok(_), false) => return Err(damaged(MANIFEST, 0, "the master key's name was changed")),
        (Err(_), true) => return Err(damaged(MANIFEST, 0, "the wrapped key was changed")),
        (Err(_), false) => return Err(VaultError::WrongKey),
    };
    Ok(Opened { key: Arc::new(key), manifest, manifest_bytes, seal })
}

impl Reader {
    pub(crate) fn over_live(inner: Arc<Inner>, live: Arc<Live>, seal: Option<Seal>) -> Self {
        Self {
            inner,
            id: live.id,
            key: live.key.clone(),
            manifest: live.manifest.clone(),
            seal,
            last_segment: 0,
            position: Position::genesis(genesis(&live.manifest_bytes)),
            buffer: Bytes::new(),
            bounded: false,
            live: Some(live),
            kinds: KindSet::ALL,
            torn_bytes: 0,
            last_frame_at: None,
            failed: None,
        }
    }

    pub(crate) async fn over_stored(
        inner: Arc<Inner>,
        id: RecordingId,
        opened: Opened,
    ) -> Result<Self, VaultError> {
        let last_segment = match &opened.seal {
            Some(seal) => seal.segments,
            None => inner.segments(id).await?.last().copied().unwrap_or(0),
        };
        Ok(Self {
            inner,
            id,
            key: opened.key,
            live: None,
            position: Position::genesis(genesis(&opened.manifest_bytes)),
            manifest: opened.manifest,
            seal: opened.seal,
            last_segment,
            buffer: Bytes::new(),
            bounded: false,
            kinds: KindSet::ALL,
            torn_bytes: 0,
            last_frame_at: None,
            failed: None,
        })
    }

    /// Gives only frames of these kinds; others are checked in their place, but not decrypted.
    #[must_use]
    pub fn only(mut self, kinds: KindSet) -> Self {
        self.kinds = kinds;
        self
    }

    /// The recording's first word.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The recording's last word, if it has been said.
    pub fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref()
    }

    /// Bytes behind the last whole frame: what was being written when the power went. They were not acknowledged.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// When the last frame that was passed happened.
    pub fn last_frame_at(&self) -> Option<Timestamp> {
        self.last_frame_at
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The next frame; `None` at the durable end. After an error it is the same error again: what is behind damage
    /// cannot be believed.
    pub async fn next(&mut self) -> Result<Option<Frame>, VaultError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let next = self.advance().await;
        if let Err(error @ VaultError::Damaged { .. }) = &next {
            self.failed = Some(error.clone());
        }
        next
    }

    /// All frames from here to the durable end.
    pub async fn rest(&mut self) -> Result<Vec<Frame>, VaultError> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await? {
            frames.push(frame);
        }
        Ok(frames)
    }

    /// Waits until there is more than was read; `false` when nothing more will come here.
    pub async fn more(&mut self) -> bool {
        let Some(live) = &self.live else { return false };
        if live.disk().closed && live.durable().sequence <= self.position.sequence {
            return false;
        }
        let mut durable = live.durable.subscribe();
        let read = self.position.sequence;
        durable.wait_for(|position| position.sequence > read).await.is_ok()
    }

    async fn advance(&mut self) -> Result<Option<Frame>, VaultError> {
        while let Some((place, link, bytes)) = self.link().await? {
            self.last_frame_at = Some(link.header.at);
            if self.kinds.has(link.header.kind) {
                return match place.open(self.id, self.key.frames(), &link, &bytes) {
                    Ok(frame) => Ok(Some(frame)),
                    Err(broken) => Err(self.named(place, broken)),
                };
            }
        }
        Ok(None)
    }

    /// The next frame's place in the chain, checked.
    async fn link(&mut self) -> Result<Option<(Position, Link, Bytes)>, VaultError> {
        loop {
            if !self.buffer.is_empty() {
                let place = self.position;
                match place.check(&self.buffer) {
                    Ok(link) => {
                        let bytes = self.buffer.split_to(link.bytes);
                        self.position = place.after(&link);
                        return Ok(Some((place, link, bytes)));
                    }
                    Err(broken) => return self.broken(broken).map(|()| None),
                }
            }
            if !self.load_more().await? {
                return Ok(None);
            }
        }
    }

    /// At bytes that are no frame: the torn end of what was being written, or damage.
    fn broken(&mut self, broken: Broken) -> Result<(), VaultError> {
        let may_be_torn =
            self.live.is_none() && self.seal.is_none() && self.position.segment == self.last_segment;
        if may_be_torn && is_torn(&self.position, &self.buffer) {
            self.torn_bytes = self.buffer.len() as u64;
            self.buffer = Bytes::new();
            return Ok(());
        }
        Err(self.named(self.position, broken))
    }

    fn named(&self, place: Position, broken: Broken) -> VaultError {
        let what = match broken {
            Broken::Short => "the frame ends too soon",
            Broken::Wrong(what) => what,
        };
        damaged(segment_name(place.segment), place.offset, what)
    }

    /// Fills the buffer; `false` at the end.
    async fn load_more(&mut self) -> Result<bool, VaultError> {
        let durable = self.live.as_ref().map(|live| live.durable());
        if self.bounded {
            // More of the same segment may have become durable.
            let (bytes, bounded) = self.load(self.position.segment, durable).await?;
            let offset = usize::try_from(self.position.offset).unwrap_or(usize::MAX);
            self.buffer = if offset < bytes.len() { bytes.slice(offset..) } else { Bytes::new() };
            self.bounded = bounded;
            if !self.buffer.is_empty() {
                return Ok(true);
            }
        }
        let last = durable.map_or(self.last_segment, |durable| durable.segment);
        if self.torn_bytes > 0 || self.position.segment >= last {
            return self.end().map(|()| false);
        }
        let next = self.position.segment + 1;
        let (bytes, bounded) = self.load(next, durable).await?;
        match self.position.enter(self.id, &bytes) {
            Ok(position) => {
                self.position = position;
                self.bounded = bounded;
                self.buffer = bytes.slice(crate::segment::SEGMENT_HEADER_BYTES..);
                Ok(true)
            }
            Err(broken) => {
                let unfinished = self.live.is_none() && self.seal.is_none() && next == last;
                if unfinished && (broken == Broken::Short || bytes.iter().all(|byte| *byte == 0)) {
                    self.torn_bytes = (bytes.len() as u64).max(1);
                    return Ok(false);
                }
                let what = match broken {
                    Broken::Short => "the segment ends within its header",
                    Broken::Wrong(what) => what,
                };
                Err(damaged(segment_name(next), 0, what))
            }
        }
    }

    /// A segment's bytes, as far as they are durable, and whether there may be more of it later.
    async fn load(&self, segment: u32, durable: Option<Position>) -> Result<(Bytes, bool), VaultError> {
        let name = segment_name(segment);
        let mut bytes = self
            .inner
            .file(self.id, &name)
            .await?
            .ok_or_else(|| damaged(&name, 0, "the segment is missing"))?;
        let bound = durable.filter(|durable| durable.segment == segment);
        if let Some(durable) = bound {
            bytes.truncate(usize::try_from(durable.offset).unwrap_or(usize::MAX));
        }
        Ok((bytes, bound.is_some()))
    }

    /// At the end: what was read is what was sealed.
    fn end(&self) -> Result<(), VaultError> {
        let Some(seal) = &self.seal else { return Ok(()) };
        if self.live.is_some() || (seal.frames, seal.last_hash) == (self.position.sequence, self.position.hash) {
            return Ok(());
        }
        let name = segment_name(self.position.segment.max(1));
        Err(damaged(name, self.position.offset, "the recording ends in another place than its seal says"))
    }
}
