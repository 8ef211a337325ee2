//! Viewings: who watched lately, and what was read for it.
//!
//! A player asks for a recording in many small requests, and each of them would read and verify the whole recording.
//! What was read is kept for a short while: as long as the recording has not grown, and never so long that an address
//! in it runs out in the hands of the player.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chaperone_domain::Instant;
use chaperone_domain::ids::{DocumentId, RecordingId, UserId};
use chaperone_recording::Contents;
use jiff::SignedDuration;
use serde_json::Value;

/// One viewing by one user is told once in this time, however many requests it takes.
const VIEWING: SignedDuration = SignedDuration::from_mins(5);
/// Viewings remembered at most.
const VIEWINGS_MAX: usize = 10_000;
/// How long what was read is kept: less than half of what an asset's address holds.
const READ_LATELY: SignedDuration = SignedDuration::from_mins(2);
/// Recordings, and documents, that are kept at most.
const READ_MAX: usize = 4;
/// Larger recordings, in bytes as they are stored, are read each time.
const READ_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Something that was read, and when.
struct Read<K, V> {
    key: K,
    /// How many frames there were, of a recording that goes on.
    frames: Option<u64>,
    at: Instant,
    value: Arc<V>,
}

/// What was read lately, the newest last.
struct Lately<K, V>(Mutex<Vec<Read<K, V>>>);

impl<K, V> Default for Lately<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, V> Lately<K, V> {
    fn get(&self, key: &K, frames: Option<u64>, now: Instant) -> Option<Arc<V>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|read| now.duration_since(read.at) < READ_LATELY);
        kept.iter().find(|read| read.key == *key && read.frames == frames).map(|read| read.value.clone())
    }

    fn remember(&self, key: K, frames: Option<u64>, now: Instant, value: &Arc<V>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|read| read.key != key);
        if kept.len() >= READ_MAX {
            kept.remove(0);
        }
        kept.push(Read { key, frames, at: now, value: value.clone() });
    }
}

/// Who watched lately, and what was read for it.
#[derive(Default)]
pub struct Viewings {
    told: Mutex<HashMap<(UserId, RecordingId), Instant>>,
    contents: Lately<RecordingId, Contents>,
    events: Lately<(RecordingId, DocumentId), Vec<Value>>,
}

impl Viewings {
    /// Whether this viewing is to be told in the trail.
    pub(super) fn tell(&self, user: UserId, recording: RecordingId, now: Instant) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() > VIEWINGS_MAX {
            told.clear();
        }
        let lately = told.get(&(user, recording)).is_some_and(|last| now.duration_since(*last) < VIEWING);
        if !lately {
            told.insert((user, recording), now);
        }
        !lately
    }

    pub(super) fn contents(
        &self,
        id: RecordingId,
        frames: Option<u64>,
        now: Instant,
    ) -> Option<Arc<Contents>> {
        self.contents.get(&id, frames, now)
    }

    pub(super) fn remember_contents(
        &self,
        id: RecordingId,
        frames: Option<u64>,
        now: Instant,
        contents: &Arc<Contents>,
    ) {
        if contents.bytes <= READ_MAX_BYTES {
            self.contents.remember(id, frames, now, contents);
        }
    }

    pub(super) fn events(
        &self,
        id: RecordingId,
        document: DocumentId,
        frames: Option<u64>,
        now: Instant,
    ) -> Option<Arc<Vec<Value>>> {
        self.events.get(&(id, document), frames, now)
    }

    pub(super) fn remember_events(
        &self,
        id: RecordingId,
        document: DocumentId,
        frames: Option<u64>,
        now: Instant,
        events: &Arc<Vec<Value>>,
        bytes: u64,
    ) {
        if bytes <= READ_MAX_BYTES {
            self.events.remember((id, document), frames, now, events);
        }
    }
}
