//! Writes one recording.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chaperone_domain::ids::RecordingId;
use tokio::sync::oneshot;

use super::committer::Job;
use super::errors::VaultError;
use super::live::Live;
use super::reader::Reader;
use super::spool::SEAL;
use super::{Inner, WAITING_KIB, blocking};
use crate::frame::{FRAME_MAX_BYTES, NewFrame, Packed};
use crate::keys::sha256;
use crate::manifest::{FORMAT_VERSION, Manifest, Seal, SealFacts};
use crate::timeline::Builder;

/// Frames larger than this together, in bytes, are compressed where they hold nobody up.
const COMPRESS_ASIDE_BYTES: usize = 64 * 1024;

/// Writes one recording. Any number of tasks may use it at once; the frames of one call stay together and in order.
#[derive(Clone)]
pub struct Writer {
    inner: Arc<Inner>,
    live: Arc<Live>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("recording", &self.live.id).finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(inner: Arc<Inner>, live: Arc<Live>) -> Self {
        Self { inner, live }
    }

    /// The recording.
    pub fn recording(&self) -> RecordingId {
        self.live.id
    }

    /// Its first word.
    pub fn manifest(&self) -> &Manifest {
        &self.live.manifest
    }

    /// The secret of which the keys of this recording's documents are derived.
    pub fn document_secret(&self) -> [u8; 32] {
        self.live.key.document_secret()
    }

    /// How many frames are durable.
    pub fn durable_frames(&self) -> u64 {
        self.live.durable().sequence
    }

    /// Writes frames, and returns when they are on the disk: the number of the last one. After an error none of them
    /// counts as written, and the same call may be made again.
    pub async fn append(&self, frames: Vec<NewFrame>) -> Result<u64, VaultError> {
        if frames.is_empty() {
            return Ok(self.durable_frames().saturating_sub(1));
        }
        let size: usize = frames.iter().map(weight).sum();
        let packed = if size > COMPRESS_ASIDE_BYTES {
            blocking(move || pack(&frames)).await?
        } else {
            pack(&frames)?
        };
        let kib = packed.iter().map(|frame| frame.compressed.len()).sum::<usize>() / 1024 + 1;
        let places = u32::try_from(kib.min(WAITING_KIB)).unwrap_or(u32::MAX);
        let room =
            self.inner.waiting.clone().acquire_many_owned(places).await.map_err(|_| VaultError::Stopped)?;
        let (done, answer) = oneshot::channel();
        let job = Job::Append { live: self.live.clone(), frames: packed, room: Some(room), done };
        self.inner.jobs.send(job).await.map_err(|_| VaultError::Stopped)?;
        answer.await.map_err(|_| VaultError::Stopped)?
    }

    /// Ends the recording: nothing more may come, all of it is counted, signed and shipped. May be called again at any
    /// time, also after a crash in the middle: the first seal stands.
    pub async fn seal(&self, facts: SealFacts) -> Result<Seal, VaultError> {
        let mut sealing = self.live.sealing.lock().await;
        let seal = match &*sealing {
            Some(seal) => seal.clone(),
            None => {
                let seal = self.say_last_word(facts).await?;
                *sealing = Some(seal.clone());
                seal
            }
        };
        self.inner.ship_seal(&self.live).await?;
        self.inner.forget(self.live.id);
        Ok(seal)
    }

    async fn say_last_word(&self, facts: SealFacts) -> Result<Seal, VaultError> {
        let (done, answer) = oneshot::channel();
        let job = Job::Close { live: self.live.clone(), done };
        self.inner.jobs.send(job).await.map_err(|_| VaultError::Stopped)?;
        answer.await.map_err(|_| VaultError::Stopped)??;

        let end = self.live.durable();
        let mut builder = Builder::new(false);
        let mut by_kind = BTreeMap::new();
        let mut reader = Reader::over_live(self.inner.clone(), self.live.clone(), None);
        let mut bytes = 0;
        let mut before = reader.position();
        while let Some(frame) = reader.next().await? {
            if frame.segment != before.segment {
                bytes += before.offset;
            }
            *by_kind.entry(frame.body.kind().name().to_owned()).or_insert(0) += 1;
            builder.take(&frame);
            before = reader.position();
        }
        bytes += before.offset;
        let seal = Seal {
            format: FORMAT_VERSION,
            recording_id: self.live.id,
            manifest_sha256: sha256(&[&self.live.manifest_bytes]),
            segments: end.segment,
            frames: end.sequence,
            frames_by_kind: by_kind,
            bytes,
            last_hash: end.hash,
            coverage: builder.end().coverage,
            started_at: self.live.manifest.started_at,
            last_frame_at: reader.last_frame_at().unwrap_or(self.live.manifest.started_at),
            ended_at: facts.ended_at,
            reason: facts.reason,
        };
        let file = seal.sign(&self.inner.keys).map_err(|_| VaultError::Cryptography)?;
        let (spool, id) = (self.inner.spool.clone(), self.live.id);
        blocking(move || spool.write_whole(id, SEAL, &file).map_err(|error| VaultError::io("sealing", error))).await?;
        Ok(seal)
    }
}

fn weight(frame: &NewFrame) -> usize {
    use crate::bodies::FrameBody;
    match &frame.body {
        FrameBody::Dom(entries, _)
        | FrameBody::Steps(entries)
        | FrameBody::Intents(entries)
        | FrameBody::Health(entries) => entries.json.len(),
        FrameBody::ExchangeBody(body) => body.bytes.len(),
        FrameBody::ExchangeClosed(body) => body.preview.len(),
        FrameBody::WebSocketMessage(body) => body.content.as_ref().map_or(0, bytes::Bytes::len),
        _ => 0,
    }
}

fn pack(frames: &[NewFrame]) -> Result<Vec<Packed>, VaultError> {
    let packed = frames.iter().map(Packed::pack).collect::<Option<_>>();
    packed.ok_or(VaultError::TooLarge { limit: FRAME_MAX_BYTES })
}
