//! What the gateway itself saw: the record of authority. The only file that knows how frames look.
//!
//! Frames that a change waits for are appended and awaited where the way of a request says so. All others go
//! through [`Frames`]: in order, bounded, never dropped. A request that would make such a frame first takes its
//! place in the queue, so that a store that is slow or away slows the work down instead of losing its record.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chaperone_domain::Instant;
use chaperone_domain::document::{self, LostReason};
use chaperone_domain::ids::{DocumentId, ExchangeId, TargetId};
use chaperone_recording::bodies::{
    AssetServed, BatchHead, DocumentIssued, DocumentPhase, DocumentState, ExchangeBody, ExchangeClosed,
    ExchangeOpened, ExchangeRead, Refusal, WebSocketMessage,
};
pub(crate) use chaperone_recording::bodies::{Direction, OpenedKind, Outcome};
use chaperone_recording::{FrameBody, NewFrame, Writer};
use http::HeaderMap;
use tokio::sync::mpsc;

use crate::batch::Batch;
use crate::body::{Ending, Tally};
use crate::documents::{DocumentKind, Evidence};
use crate::limits::{BODY_KEPT_MAX_BYTES, FRAME_PLACE_WAIT, READ_QUEUE_FRAMES};
use crate::redact;

/// Frames that are written at once at most.
const FRAMES_AT_ONCE: usize = 256;
/// How long frames gather before they are written together: nobody waits for them, and a sync for every page that
/// is read would cost more than the page.
const GATHER: Duration = Duration::from_millis(10);
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
        if frames.len() < FRAMES_AT_ONCE {
            tokio::time::sleep(GATHER).await;
            while frames.len() < FRAMES_AT_ONCE
                && let Ok(frame) = receiver.try_recv()
            {
                frames.push(frame);
            }
        }
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

/// One request as it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Identity of the exchange.
    pub(crate) exchange: ExchangeId,
    /// The target that it goes to.
    pub(crate) target: TargetId,
    /// Its method.
    pub(crate) method: String,
    /// Its whole public address, secrets taken out.
    pub(crate) url: String,
    /// When it came in.
    pub(crate) at: Instant,
}

impl Asked {
    fn duration_ms(&self, now: Instant) -> u64 {
        u64::try_from(now.duration_since(self.at).as_millis()).unwrap_or(0)
    }
}

/// A document's HTML begins to go out.
pub(crate) fn document_issued(
    document: DocumentId,
    kind: DocumentKind,
    target: TargetId,
    url: &str,
    at: Instant,
) -> NewFrame {
    let top = kind == DocumentKind::Page;
    let body = DocumentIssued { document, url: url.to_owned(), top, target: Some(target) };
    NewFrame { at, body: FrameBody::DocumentIssued(body) }
}

/// A document went into another state.
pub(crate) fn document_state(
    document: DocumentId,
    state: document::DocumentState,
    reason: Option<LostReason>,
    at: Instant,
) -> NewFrame {
    let state = match state {
        document::DocumentState::Issued => DocumentPhase::Issued,
        document::DocumentState::Live => DocumentPhase::Live,
        document::DocumentState::Stale => DocumentPhase::Stale,
        document::DocumentState::Ended => DocumentPhase::Ended,
        document::DocumentState::Lost => DocumentPhase::Lost,
    };
    let reason = reason.map(|reason| reason.name().to_owned());
    NewFrame { at, body: FrameBody::DocumentState(DocumentState { document, state, reason }) }
}

/// A batch, as its document's recorder wrote it, its channels apart; `None` when its content is none.
pub(crate) fn batch(batch: &Batch<'_>, unpacked: &[u8], at: Instant) -> Option<Vec<NewFrame>> {
    let head = BatchHead {
        document: batch.document,
        epoch: batch.epoch,
        sequence: batch.sequence,
        since_start_ms: batch.since_start_ms,
        hidden: batch.hidden(),
        tail: batch.is_tail(),
        ended: batch.ended(),
    };
    chaperone_recording::batch::frames(head, unpacked, at).ok()
}

/// A change is about to leave.
pub(crate) fn opened(
    asked: &Asked,
    kind: OpenedKind,
    evidence: Option<&Evidence>,
    headers: &HeaderMap,
) -> NewFrame {
    let body = ExchangeOpened {
        exchange: asked.exchange,
        document: evidence.map(|evidence| evidence.document),
        sequence: evidence.map(|evidence| evidence.sequence),
        step: evidence.and_then(|evidence| evidence.step),
        target: Some(asked.target),
        kind,
        method: asked.method.clone(),
        url: asked.url.clone(),
        headers: redact::headers(headers),
    };
    NewFrame { at: asked.at, body: FrameBody::ExchangeOpened(body) }
}

/// Bytes of a change's body that are about to leave.
pub(crate) fn request_body(exchange: ExchangeId, offset: u64, bytes: Bytes, at: Instant) -> NewFrame {
    NewFrame { at, body: FrameBody::ExchangeBody(ExchangeBody { exchange, offset, bytes }) }
}

/// What came back for a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// The status; `None` when there was no answer.
    pub(crate) status: Option<u16>,
    /// The headers, secrets taken out.
    pub(crate) headers: Vec<(String, String)>,
    /// The beginning of the body, secrets taken out.
    pub(crate) preview: Bytes,
    /// Why there was no answer.
    pub(crate) reason: Option<String>,
}

/// A change ended.
pub(crate) fn closed(
    asked: &Asked,
    outcome: Outcome,
    answered: Answered,
    request: &Ending,
    response: &Ending,
    at: Instant,
) -> NewFrame {
    let body = ExchangeClosed {
        exchange: asked.exchange,
        outcome,
        reason: answered.reason,
        status: answered.status,
        headers: answered.headers,
        request_bytes: request.bytes,
        request_sha256: request.sha256,
        response_bytes: response.bytes,
        response_sha256: response.sha256,
        duration_ms: asked.duration_ms(at),
        preview: answered.preview,
    };
    NewFrame { at, body: FrameBody::ExchangeClosed(body) }
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
    let body = ExchangeRead {
        exchange: asked.exchange,
        document,
        target: Some(asked.target),
        method: asked.method.clone(),
        url: asked.url.clone(),
        status,
        content_type: content_type.to_owned(),
        response_bytes: response.bytes,
        response_sha256: response.sha256,
        duration_ms: asked.duration_ms(at),
    };
    NewFrame { at: asked.at, body: FrameBody::ExchangeRead(body) }
}

/// A change was refused before it was opened.
pub(crate) fn change_refused(
    document: Option<DocumentId>,
    method: &str,
    url: &str,
    reason: &'static str,
    at: Instant,
) -> NewFrame {
    let body =
        Refusal { document, method: method.to_owned(), url: url.to_owned(), reason: reason.to_owned() };
    NewFrame { at, body: FrameBody::Refusal(body) }
}

/// A style sheet, a picture or a font was served, and is kept for replay.
pub(crate) fn asset_served(
    url: &str,
    sha256: [u8; 32],
    content_type: &str,
    bytes: u64,
    at: Instant,
) -> NewFrame {
    let (url, content_type) = (url.to_owned(), content_type.to_owned());
    NewFrame {
        at,
        body: FrameBody::AssetServed(AssetServed { document: None, url, sha256, content_type, bytes }),
    }
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
    let mut tally = Tally::hashing();
    tally.add(content);
    let ending = tally.end(true);
    let kept = content.len() as u64 <= BODY_KEPT_MAX_BYTES;
    let content_type = if text { "application/json" } else { "" };
    let body = WebSocketMessage {
        exchange,
        direction,
        sequence,
        text,
        bytes: ending.bytes,
        sha256: ending.sha256.unwrap_or_default(),
        content: kept.then(|| redact::body(content_type, content)),
    };
    NewFrame { at, body: FrameBody::WebSocketMessage(body) }
}
