//! What the gateway itself saw: the record of authority. The only file that knows how frames look.
//!
//! Frames that a change waits for are appended and awaited where the way of a request says so. All others go
//! through [`Frames`]: in order, bounded, never dropped. A request that would make such a frame first takes its
//! place in the queue, so that a store that is slow or away slows the work down instead of losing its record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chaperone_domain::Instant;
use chaperone_domain::document::LostReason;
use chaperone_domain::ids::{DocumentId, ExchangeId};
use chaperone_recording::{FrameBody, NewFrame, Writer};
use http::HeaderMap;
use tokio::sync::mpsc;

use crate::batch::{Batch, Content};
use crate::body::Ending;
use crate::documents::{DocumentKind, Evidence};
use crate::limits::{FRAME_PLACE_WAIT, READ_QUEUE_FRAMES};

/// Frames that are written at once at most.
const FRAMES_AT_ONCE: usize = 256;
/// The first pause after a failure to write; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between tries to write.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A place in the queue.
pub(crate) type Place = mpsc::OwnedPermit<NewFrame>;

/// The queue of frames that nobody waits for.
#[derive(Clone)]
pub(crate) struct Frames {
    sender: mpsc::Sender<NewFrame>,
}

impl Frames {
    /// A queue that is written until its last handle is dropped.
    pub(crate) fn begin(writer: Arc<Writer>) -> Self {
        let (sender, receiver) = mpsc::channel(READ_QUEUE_FRAMES);
        tokio::spawn(write(writer, receiver));
        Self { sender }
    }

    /// Takes a place in the queue; `None` when there is none in time.
    pub(crate) async fn place(&self) -> Option<Place> {
        tokio::time::timeout(FRAME_PLACE_WAIT, self.sender.clone().reserve_owned()).await.ok()?.ok()
    }

    /// Takes a place if there is one now.
    pub(crate) fn try_place(&self) -> Option<Place> {
        self.sender.clone().try_reserve_owned().ok()
    }

    /// Puts a frame into the queue, waiting for its turn.
    pub(crate) async fn put(&self, frame: NewFrame) {
        // The queue ends only with its last handle, and this is one.
        let _ = self.sender.send(frame).await;
    }
}

/// Writes what is in the queue; what cannot be written now is tried again with everything behind it waiting.
async fn write(writer: Arc<Writer>, mut receiver: mpsc::Receiver<NewFrame>) {
    let mut frames = Vec::new();
    while receiver.recv_many(&mut frames, FRAMES_AT_ONCE).await > 0 {
        let mut pause = FIRST_PAUSE;
        loop {
            match writer.append(frames.clone()).await {
                Ok(_) => break,
                Err(error) if is_final(&error) => {
                    tracing::error!(%error, frames = frames.len(), "frames came after the end of their recording");
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "frames wait to be written");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        frames.clear();
    }
}

/// Whether trying again cannot help: the recording is sealed.
fn is_final(error: &chaperone_recording::VaultError) -> bool {
    matches!(error, chaperone_recording::VaultError::Closed)
}

/// What an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeKind {
    /// It may change something.
    Change,
    /// It takes something away.
    Download,
    /// A WebSocket.
    Socket,
}

impl ExchangeKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Download => "download",
            Self::Socket => "websocket",
        }
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The target answered.
    Done,
    /// It did not reach the target.
    Refused,
    /// It may have reached the target; what became of it is not known.
    Unknown,
}

impl Outcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// One request as it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Identity of the exchange.
    pub exchange: ExchangeId,
    /// Its method.
    pub method: String,
    /// Its whole public address.
    pub url: String,
    /// When it came in.
    pub at: Instant,
}

/// A document's HTML begins to go out.
pub(crate) fn document_issued(document: DocumentId, kind: DocumentKind, url: &str, at: Instant) -> NewFrame {
    let top = kind == DocumentKind::Page;
    NewFrame { at, body: FrameBody::DocumentIssued { document, url: url.to_owned(), top } }
}

/// A batch, as its document's recorder wrote it.
pub(crate) fn batch(
    document: DocumentId,
    batch: &Batch<'_>,
    _content: &Content<'_>,
    unpacked: &[u8],
    at: Instant,
) -> Vec<NewFrame> {
    let body = FrameBody::Batch {
        document,
        epoch: batch.epoch,
        sequence: batch.sequence,
        since_start_ms: batch.since_start_ms,
        json: unpacked.to_vec(),
    };
    vec![NewFrame { at, body }]
}

/// A document is locked for good.
pub(crate) fn document_lost(document: DocumentId, reason: LostReason, at: Instant) -> NewFrame {
    NewFrame { at, body: FrameBody::DocumentLost { document, reason: reason.name() } }
}

/// A change is about to leave.
pub(crate) fn opened(
    asked: &Asked,
    kind: ExchangeKind,
    evidence: Option<&Evidence>,
    headers: &HeaderMap,
) -> NewFrame {
    let body = FrameBody::ExchangeOpened {
        exchange: asked.exchange,
        document: evidence.map(|evidence| evidence.document),
        sequence: evidence.map(|evidence| evidence.sequence),
        step: evidence.and_then(|evidence| evidence.step),
        kind: kind.name(),
        method: asked.method.clone(),
        url: asked.url.clone(),
        headers: crate::redact::headers(headers),
    };
    NewFrame { at: asked.at, body }
}

/// Bytes of a change's body that are about to leave.
pub(crate) fn request_body(exchange: ExchangeId, offset: u64, bytes: Bytes, at: Instant) -> NewFrame {
    NewFrame { at, body: FrameBody::ExchangeBody { exchange, offset, bytes } }
}

/// A change ended.
pub(crate) fn closed(
    asked: &Asked,
    outcome: Outcome,
    status: Option<u16>,
    request: &Ending,
    response: &Ending,
    at: Instant,
) -> NewFrame {
    let body = FrameBody::ExchangeClosed {
        exchange: asked.exchange,
        status,
        outcome: outcome.name(),
        request_bytes: request.bytes,
        request_sha256: request.sha256,
        response_bytes: response.bytes,
        response_sha256: response.sha256,
    };
    NewFrame { at, body }
}

/// Something was read.
pub(crate) fn read(
    asked: &Asked,
    document: Option<DocumentId>,
    status: u16,
    content_type: &str,
    response: &Ending,
    at: Instant,
) -> NewFrame {
    let duration = at.duration_since(asked.at);
    let body = FrameBody::ExchangeRead {
        exchange: asked.exchange,
        document,
        method: asked.method.clone(),
        url: asked.url.clone(),
        status,
        bytes: response.bytes,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(0),
        content_type: content_type.to_owned(),
    };
    NewFrame { at: asked.at, body }
}

/// A change was refused for want of evidence.
pub(crate) fn change_refused(
    document: Option<DocumentId>,
    method: &str,
    url: &str,
    reason: &'static str,
    at: Instant,
) -> NewFrame {
    let body = FrameBody::ChangeRefused { document, method: method.to_owned(), url: url.to_owned(), reason };
    NewFrame { at, body }
}

/// A style sheet, a picture or a font was served, and is kept for replay.
pub(crate) fn asset_served(
    url: &str,
    hash: [u8; 32],
    content_type: &str,
    bytes: u64,
    at: Instant,
) -> NewFrame {
    let body =
        FrameBody::AssetServed { url: url.to_owned(), hash, content_type: content_type.to_owned(), bytes };
    NewFrame { at, body }
}

/// Which way a message of a WebSocket goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the page to the target: it may change something.
    ToTarget,
    /// From the target to the page.
    ToPage,
}

/// A message of a WebSocket.
pub(crate) fn message(
    exchange: ExchangeId,
    direction: Direction,
    text: bool,
    content: &Bytes,
    sequence: Option<u32>,
    at: Instant,
) -> NewFrame {
    let mut tally = crate::body::Tally::hashing();
    tally.add(content);
    let ending = tally.end(true);
    let kept = content.len() as u64 <= crate::limits::BODY_KEPT_MAX_BYTES;
    let body = FrameBody::Message {
        exchange,
        from_client: direction == Direction::ToTarget,
        text,
        bytes: ending.bytes,
        sha256: ending.sha256.unwrap_or_default(),
        content: kept.then(|| content.clone()),
        sequence,
    };
    NewFrame { at, body }
}
