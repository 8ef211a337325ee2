//! A recording read whole: what is there, as far as it can be believed.

use chaperone_domain::ids::{DocumentId, RecordingId};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::bodies::FrameBody;
use crate::frame::{FrameKind, KindSet};
use crate::manifest::{Manifest, Seal};
use crate::sanitize::left_out;
use crate::steps::StepRecord;
use crate::timeline::{Builder, Timeline};
use crate::vault::{Vault, VaultError};

/// A page's clock is believed when it is not further than this from the gateway's.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A recording with what happened in it.
#[derive(Debug)]
pub struct Contents {
    /// Its first word.
    pub manifest: Manifest,
    /// Its last word, if it has been said.
    pub seal: Option<Seal>,
    /// What happened.
    pub timeline: Timeline,
    /// Frames that were read and verified.
    pub frames: u64,
    /// Bytes of these frames as they are kept: compressed and encrypted.
    pub bytes: u64,
    /// Where it is damaged; what is before is told, what is behind cannot be believed.
    pub damage: Option<VaultError>,
}

impl Vault {
    /// Reads a recording, also one that goes on. Damage is told in the answer; other errors are errors.
    pub async fn contents(&self, id: RecordingId) -> Result<Contents, VaultError> {
        let mut reader = self.reader(id).await?;
        let mut builder = Builder::new(true);
        let mut before = reader.position();
        let mut bytes = 0;
        let damage = loop {
            match reader.next().await {
                Ok(Some(frame)) => {
                    if frame.segment != before.segment {
                        bytes += before.offset;
                    }
                    builder.take(&frame);
                    before = reader.position();
                }
                Ok(None) => break None,
                Err(error @ VaultError::Damaged { .. }) => break Some(error),
                Err(error) => return Err(error),
            }
        };
        Ok(Contents {
            manifest: reader.manifest().clone(),
            seal: reader.seal().cloned(),
            timeline: builder.end(),
            frames: before.sequence,
            bytes: bytes + before.offset,
            damage,
        })
    }

    /// What one document looked like: its rrweb events as the page sent them, in order, to the durable end or to the
    /// first damage. They come from the recorded page and are not to be shown before [`crate::sanitize`]. In the place
    /// of one that cannot be read there is an empty one.
    pub async fn events_of(&self, id: RecordingId, document: DocumentId) -> Result<Vec<Value>, VaultError> {
        let mut reader = self.reader(id).await?.only(KindSet::of(&[FrameKind::Dom]));
        let mut events = Vec::new();
        loop {
            match reader.next().await {
                Ok(Some(frame)) => {
                    if let FrameBody::Dom(entries, _) = &frame.body
                        && entries.batch.document == document
                    {
                        let said = entries.values().into_iter();
                        let at = Value::from(frame.at.as_millisecond());
                        events.extend(said.map(|event| event.unwrap_or_else(|| left_out(&at))));
                    }
                }
                Ok(None) | Err(VaultError::Damaged { .. }) => return Ok(events),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Contents {
    /// When the recording began.
    pub fn started_at(&self) -> Timestamp {
        self.manifest.started_at
    }

    /// Milliseconds from the recording's beginning; what seems to be before it is at its beginning.
    pub fn offset_ms(&self, at: Timestamp) -> u64 {
        u64::try_from(at.duration_since(self.started_at()).as_millis()).unwrap_or(0)
    }

    /// When a step was done, in milliseconds from the beginning: by the page's clock, like the picture beside it, when
    /// that can be believed.
    pub fn step_offset_ms(&self, record: &StepRecord) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "milliseconds of the page's clock, checked below"
        )]
        let said = Timestamp::from_millisecond(record.step.t as i64).ok();
        let near = |said: &Timestamp| said.duration_since(record.at).abs() <= CLOCKS_APART_MAX;
        self.offset_ms(said.filter(near).unwrap_or(record.at))
    }

    /// How long it is so far.
    pub fn duration_ms(&self) -> u64 {
        let last = self.seal.as_ref().map(|seal| seal.last_frame_at).or(self.timeline.last_frame_at);
        last.map_or(0, |at| self.offset_ms(at))
    }
}
