//! The timeline of a recording: its documents, steps, exchanges and gaps, and how complete it is.

use std::collections::{BTreeMap, HashMap, HashSet};

use chaperone_domain::ids::{DocumentId, ExchangeId, TargetId};
use jiff::Timestamp;
use serde::Deserialize;

use crate::bodies::{
    AssetServed, Consent, DocumentPhase, FrameBody, Gap, Note, Outcome, PageEntries, Refusal,
};
use crate::exchanges::{Exchange, Joiner};
use crate::frame::Frame;
use crate::manifest::Coverage;
use crate::steps::{Step, StepRecord};
use crate::vault::{Reader, VaultError};

/// One loaded page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentRecord {
    /// The document.
    pub id: DocumentId,
    /// Its address.
    pub url: String,
    /// Its last title.
    pub title: String,
    /// A page of its own, not a frame of another one.
    pub top: bool,
    /// The target that it came from.
    pub target: Option<TargetId>,
    /// When its HTML began to go out, or when it was first heard.
    pub started_at: Timestamp,
    /// When it was last heard.
    pub last_heard_at: Timestamp,
    /// When it was left or lost.
    pub ended_at: Option<Timestamp>,
    /// Its last state.
    pub state: DocumentPhase,
    /// Why it is lost.
    pub reason: Option<String>,
    /// Whether there is a picture of it: it can be replayed.
    pub replayable: bool,
}

/// An area that could not be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Area {
    /// The document that it is in.
    pub document: DocumentId,
    /// The address of the frame, or what the recorder could not do.
    pub what: String,
}

/// Something with its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: T,
}

/// What happened in a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// The consent that it began with.
    pub consent: Option<At<Consent>>,
    /// Documents, in the order in which they began.
    pub documents: Vec<DocumentRecord>,
    /// Steps, in order.
    pub steps: Vec<StepRecord>,
    /// Exchanges, in the order in which they began.
    pub exchanges: Vec<Exchange>,
    /// Assets that were served.
    pub assets: Vec<At<AssetServed>>,
    /// What is missing.
    pub gaps: Vec<At<Gap>>,
    /// Changes that were refused.
    pub refusals: Vec<At<Refusal>>,
    /// Areas that could not be recorded.
    pub areas: Vec<Area>,
    /// Notes.
    pub notes: Vec<At<Note>>,
    /// Entries of the recorder that could not be read.
    pub unreadable_entries: u64,
    /// The last frame's instant.
    pub last_frame_at: Option<Timestamp>,
    /// How complete it is.
    pub coverage: Coverage,
}

impl Timeline {
    /// Reads all that the reader gives.
    pub async fn read(mut reader: Reader) -> Result<Self, VaultError> {
        let mut builder = Builder::new(true);
        while let Some(frame) = reader.next().await? {
            builder.take(&frame);
        }
        Ok(builder.end())
    }

    /// The asset that this address stood for at this instant: the last one served before, else the first one after.
    pub fn asset_at(&self, url: &str, at: Timestamp) -> Option<&AssetServed> {
        let mut same = self.assets.iter().filter(|asset| asset.what.url == url).peekable();
        let first = same.peek().map(|asset| &asset.what);
        same.take_while(|asset| asset.at <= at).last().map(|asset| &asset.what).or(first)
    }

    /// When the recording began.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.consent.as_ref().map(|consent| consent.at)
    }
}

#[derive(Deserialize)]
struct Health {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    what: String,
    #[serde(default)]
    frame: bool,
}

/// Builds a timeline, frame by frame.
pub struct Builder {
    timeline: Timeline,
    documents: HashMap<DocumentId, usize>,
    areas: HashSet<Area>,
    joiner: Joiner,
    keep_bodies: bool,
}

impl Builder {
    /// A new one. Without bodies it needs little memory, and counts the same.
    pub fn new(keep_bodies: bool) -> Self {
        Self {
            timeline: Timeline::default(),
            documents: HashMap::new(),
            areas: HashSet::new(),
            joiner: Joiner::default(),
            keep_bodies,
        }
    }

    /// Takes the next frame.
    pub fn take(&mut self, frame: &Frame) {
        let at = frame.at;
        self.timeline.last_frame_at = Some(at);
        match &frame.body {
            FrameBody::Consent(consent) => {
                self.timeline.consent.get_or_insert(At { at, what: consent.clone() });
            }
            FrameBody::DocumentIssued(issued) => {
                let document = self.document(issued.document, at);
                document.url.clone_from(&issued.url);
                document.top = issued.top;
                document.target = issued.target;
            }
            FrameBody::DocumentState(state) => {
                let lost = state.state == DocumentPhase::Lost;
                let over = lost || state.state == DocumentPhase::Ended;
                let document = self.document(state.document, at);
                let was_lost = document.state == DocumentPhase::Lost;
                document.state = state.state;
                document.reason.clone_from(&state.reason);
                document.ended_at = over.then_some(at);
                if lost && !was_lost {
                    self.timeline.coverage.gaps += 1;
                }
            }
            FrameBody::Dom(entries, snapshot) => {
                self.heard(entries, at, *snapshot);
                if *snapshot {
                    for entry in entries.values().into_iter().flatten() {
                        self.joiner.picture(entries.batch.document, &entry);
                    }
                }
            }
            FrameBody::Intents(entries) => self.heard(entries, at, false),
            FrameBody::Health(entries) => {
                self.heard(entries, at, false);
                self.health(entries, at);
            }
            FrameBody::Steps(entries) => {
                self.heard(entries, at, false);
                self.steps(entries, at);
            }
            FrameBody::AssetServed(asset) => self.timeline.assets.push(At { at, what: asset.clone() }),
            FrameBody::Gap(gap) => {
                self.timeline.coverage.gaps += 1;
                self.timeline.gaps.push(At { at, what: gap.clone() });
            }
            FrameBody::Refusal(refusal) => {
                self.timeline.coverage.changes_refused += 1;
                self.timeline.refusals.push(At { at, what: refusal.clone() });
            }
            FrameBody::Note(note) => self.timeline.notes.push(At { at, what: note.clone() }),
            FrameBody::ExchangeOpened(_)
            | FrameBody::ExchangeBody(_)
            | FrameBody::ExchangeClosed(_)
            | FrameBody::ExchangeRead(_)
            | FrameBody::WebSocketMessage(_) => {
                if let Some(exchange) = self.joiner.take(frame) {
                    self.exchange(exchange);
                }
            }
        }
    }

    /// The timeline so far; what is still open reads *outcome unknown*.
    pub fn end(mut self) -> Timeline {
        for exchange in self.joiner.left() {
            self.exchange(exchange);
        }
        let mut timeline = self.timeline;
        timeline.coverage.areas_not_recorded = timeline.areas.len() as u64;
        timeline.exchanges.sort_by_key(|exchange| exchange.frame);
        let mut followed: BTreeMap<(DocumentId, u64), Vec<ExchangeId>> = BTreeMap::new();
        for exchange in &timeline.exchanges {
            if let (Some(document), Some(step)) = (exchange.document, exchange.step) {
                followed.entry((document, step)).or_default().push(exchange.id);
            }
        }
        for record in &mut timeline.steps {
            record.exchanges = followed.remove(&(record.document, record.step.seq)).unwrap_or_default();
            record.exchanges.dedup();
        }
        timeline
    }

    fn document(&mut self, id: DocumentId, at: Timestamp) -> &mut DocumentRecord {
        let documents = &mut self.timeline.documents;
        let index = *self.documents.entry(id).or_insert_with(|| {
            documents.push(DocumentRecord {
                id,
                url: String::new(),
                title: String::new(),
                top: true,
                target: None,
                started_at: at,
                last_heard_at: at,
                ended_at: None,
                state: DocumentPhase::Issued,
                reason: None,
                replayable: false,
            });
            documents.len() - 1
        });
        &mut documents[index]
    }

    fn heard(&mut self, entries: &PageEntries, at: Timestamp, snapshot: bool) {
        let batch = entries.batch;
        self.joiner.batch(batch.document, batch.sequence);
        let document = self.document(batch.document, at);
        document.last_heard_at = at;
        document.replayable |= snapshot;
        if document.state == DocumentPhase::Lost {
            return;
        }
        if batch.ended {
            document.state = DocumentPhase::Ended;
            document.ended_at = Some(at);
        } else if document.replayable {
            document.state = DocumentPhase::Live;
            document.ended_at = None;
        }
    }

    fn health(&mut self, entries: &PageEntries, at: Timestamp) {
        let (said, unreadable) = entries.read::<Health>();
        self.timeline.unreadable_entries += unreadable as u64;
        let id = entries.batch.document;
        for health in said {
            match health.r#type.as_str() {
                "hello" => {
                    let document = self.document(id, at);
                    document.title = health.title;
                    document.top &= !health.frame;
                    if document.url.is_empty() {
                        document.url = health.url;
                    }
                }
                "frame" => self.area(Area { document: id, what: health.url }),
                "degraded" => self.area(Area { document: id, what: health.what }),
                _ => {}
            }
        }
    }

    fn area(&mut self, area: Area) {
        if self.areas.insert(area.clone()) {
            self.timeline.areas.push(area);
        }
    }

    fn steps(&mut self, entries: &PageEntries, at: Timestamp) {
        let (steps, unreadable) = entries.read::<Step>();
        self.timeline.unreadable_entries += unreadable as u64;
        let batch = entries.batch;
        for mut step in steps {
            // The recorder sends no text with it; whoever else does so is not believed.
            if let Some(value) = step.value.as_mut().filter(|value| value.masked) {
                (value.old, value.new, value.code) = (None, None, None);
            }
            if !step.page.title.is_empty() {
                self.document(batch.document, at).title.clone_from(&step.page.title);
            }
            let record = StepRecord {
                document: batch.document,
                sequence: batch.sequence,
                at,
                sentence: step.sentence(),
                step,
                exchanges: Vec::new(),
            };
            self.joiner.step(&record);
            self.timeline.steps.push(record);
        }
    }

    fn exchange(&mut self, mut exchange: Exchange) {
        let coverage = &mut self.timeline.coverage;
        if exchange.may_change() {
            if exchange.outcome == Outcome::Refused {
                coverage.changes_refused += 1;
            } else {
                coverage.changes_released += 1;
                coverage.changes_with_evidence += u64::from(exchange.evidence == Some(true));
                coverage.changes_explained += u64::from(exchange.explained());
                coverage.unexplained_values += exchange.unexplained.len() as u64;
            }
        }
        if !self.keep_bodies {
            exchange.request_body = bytes::Bytes::new();
            exchange.preview = bytes::Bytes::new();
            exchange.unexplained = Vec::new();
        }
        self.timeline.exchanges.push(exchange);
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
