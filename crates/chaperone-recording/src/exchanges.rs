//! Exchanges: opening, body and closing joined into what happened; each change beside the step that explains it.
//!
//! Two witnesses are compared here. The gateway says what was sent; the page says what the user did. A change that no
//! step precedes, and a value in it that no step entered, are shown as such: they may be the application's own doing,
//! or somebody's who forges the page.

use std::collections::HashMap;

use bytes::Bytes;
use chaperone_domain::ids::{DocumentId, ExchangeId, TargetId};
use jiff::{SignedDuration, Timestamp};

use crate::bodies::{
    Direction, ExchangeBody, ExchangeClosed, ExchangeOpened, ExchangeRead, FrameBody, OpenedKind, Outcome,
    WebSocketMessage,
};
use crate::frame::Frame;
use crate::steps::StepRecord;
use crate::values::{Drawn, Explained, UnexplainedValue, leaves};

/// A step explains what leaves its document within this time after it: what the page's own script sends later is not
/// the doing of the person any more.
pub const STEP_EXPLAINS: SignedDuration = SignedDuration::from_secs(30);
/// Bytes of a request's body that are joined; the gateway keeps no more.
const BODY_JOINED_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// It may change something.
    Change,
    /// It takes something away.
    Download,
    /// A WebSocket was opened.
    Websocket,
    /// A message went through a WebSocket.
    WebsocketMessage,
    /// Something was read.
    Read,
}

impl ExchangeKind {
    /// The stable name in API and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Download => "download",
            Self::Websocket => "websocket",
            Self::WebsocketMessage => "websocket_message",
            Self::Read => "read",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The exchange; messages of one WebSocket share one.
    pub id: ExchangeId,
    /// The frame that it begins with: its place in the recording.
    pub frame: u64,
    /// When it was asked.
    pub at: Timestamp,
    /// What it is.
    pub kind: ExchangeKind,
    /// The document that it came from.
    pub document: Option<DocumentId>,
    /// The batch of that document that holds everything up to it.
    pub sequence: Option<u32>,
    /// The target that it went to.
    pub target: Option<TargetId>,
    /// Its method.
    pub method: String,
    /// Its whole public address.
    pub url: String,
    /// The request's headers.
    pub request_headers: Vec<(String, String)>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// SHA-256 of the request's body.
    pub request_sha256: Option<[u8; 32]>,
    /// The request's body, as far as it is kept.
    pub request_body: Bytes,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's headers.
    pub response_headers: Vec<(String, String)>,
    /// The answer's type.
    pub content_type: String,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// SHA-256 of the answer's body.
    pub response_sha256: Option<[u8; 32]>,
    /// The beginning of the answer's body.
    pub preview: Bytes,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// For a message: which way it went, and whether it is text. Its content is the request's body.
    pub message: Option<(Direction, bool)>,
    /// For what may change something: whether the evidence that it names was durable before it.
    pub evidence: Option<bool>,
    /// The number of the step, in its document, that explains it.
    pub step: Option<u64>,
    /// Values in it that no step entered.
    pub unexplained: Vec<UnexplainedValue>,
}

impl Exchange {
    /// Whether a step explains it.
    pub fn explained(&self) -> bool {
        self.step.is_some()
    }

    /// Whether it may have changed something at the target.
    pub fn may_change(&self) -> bool {
        match self.kind {
            ExchangeKind::Change | ExchangeKind::Download => true,
            ExchangeKind::WebsocketMessage => {
                self.message.is_some_and(|(direction, _)| direction == Direction::ToTarget)
            }
            ExchangeKind::Websocket | ExchangeKind::Read => false,
        }
    }

    /// The request's type.
    pub fn request_type(&self) -> &str {
        header(&self.request_headers, "content-type").unwrap_or("")
    }
}

/// The value of a header.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Joins frames to exchanges, in the order of the chain.
#[derive(Default)]
pub(crate) struct Joiner {
    open: HashMap<ExchangeId, Exchange>,
    sockets: HashMap<ExchangeId, Socket>,
    documents: HashMap<DocumentId, Seen>,
    explained: Explained,
    drawn: Drawn,
}

struct Socket {
    document: Option<DocumentId>,
    target: Option<TargetId>,
    url: String,
}

/// What the page of one document has said so far.
#[derive(Default)]
struct Seen {
    /// The highest batch that is in the chain.
    sequence: Option<u32>,
    /// Steps that a person did on purpose.
    acts: HashMap<u64, Timestamp>,
    last_act: Option<(u64, Timestamp)>,
}

impl Joiner {
    /// A batch of a document is in the chain.
    pub(crate) fn batch(&mut self, document: DocumentId, sequence: u32) {
        let seen = self.documents.entry(document).or_default();
        seen.sequence = seen.sequence.max(Some(sequence));
    }

    /// A full picture of a document is in the chain.
    pub(crate) fn picture(&mut self, document: DocumentId, picture: &serde_json::Value) {
        self.drawn.picture(document, picture);
    }

    /// A step is in the chain.
    pub(crate) fn step(&mut self, record: &StepRecord) {
        self.explained.step(&record.step);
        if record.step.kind.acts() && record.step.trusted {
            let seen = self.documents.entry(record.document).or_default();
            seen.acts.insert(record.step.seq, record.at);
            seen.last_act = Some((record.step.seq, record.at));
        }
    }

    /// Takes a frame; answers the exchange that it completes.
    pub(crate) fn take(&mut self, frame: &Frame) -> Option<Exchange> {
        match &frame.body {
            FrameBody::ExchangeOpened(opened) => {
                let exchange = self.opened(frame, opened);
                if opened.kind == OpenedKind::Websocket {
                    let socket =
                        Socket { document: opened.document, target: opened.target, url: opened.url.clone() };
                    self.sockets.insert(opened.exchange, socket);
                }
                // An id that is opened twice is the first one's end.
                self.open.insert(opened.exchange, exchange).map(|first| self.ended(first))
            }
            FrameBody::ExchangeBody(body) => {
                self.body(body);
                None
            }
            FrameBody::ExchangeClosed(closed) => {
                let exchange = self.open.remove(&closed.exchange)?;
                self.sockets.remove(&closed.exchange);
                let closed = Self::closed(exchange, closed);
                Some(self.ended(closed))
            }
            FrameBody::ExchangeRead(read) => Some(Self::read(frame, read)),
            FrameBody::WebSocketMessage(message) => Some(self.message(frame, message)),
            _ => None,
        }
    }

    /// What was opened and never closed: nobody knows what became of it.
    pub(crate) fn left(&mut self) -> Vec<Exchange> {
        let mut left: Vec<Exchange> = std::mem::take(&mut self.open).into_values().collect();
        left.sort_unstable_by_key(|exchange| exchange.frame);
        left.into_iter().map(|exchange| self.ended(exchange)).collect()
    }

    fn evidence(&self, document: Option<DocumentId>, sequence: Option<u32>) -> bool {
        let (Some(document), Some(sequence)) = (document, sequence) else { return false };
        self.documents
            .get(&document)
            .and_then(|seen| seen.sequence)
            .is_some_and(|highest| highest >= sequence)
    }

    fn step_for(&self, document: Option<DocumentId>, named: Option<u64>, at: Timestamp) -> Option<u64> {
        let seen = self.documents.get(&document?)?;
        let explains = |done_at: Timestamp| at.duration_since(done_at) <= STEP_EXPLAINS;
        // A step that is not in the chain, or that no person did, explains nothing, whoever names it.
        if let Some(step) = named
            && seen.acts.get(&step).is_some_and(|done_at| explains(*done_at))
        {
            return Some(step);
        }
        let (step, done_at) = seen.last_act?;
        explains(done_at).then_some(step)
    }

    fn opened(&self, frame: &Frame, opened: &ExchangeOpened) -> Exchange {
        let kind = match opened.kind {
            OpenedKind::Change => ExchangeKind::Change,
            OpenedKind::Download => ExchangeKind::Download,
            OpenedKind::Websocket => ExchangeKind::Websocket,
        };
        Exchange {
            kind,
            document: opened.document,
            sequence: opened.sequence,
            target: opened.target,
            request_headers: opened.headers.clone(),
            outcome: Outcome::Unknown,
            evidence: Some(self.evidence(opened.document, opened.sequence)),
            step: self.step_for(opened.document, opened.step, frame.at),
            ..blank(opened.exchange, frame, &opened.method, &opened.url)
        }
    }

    fn body(&mut self, body: &ExchangeBody) {
        let Some(exchange) = self.open.get_mut(&body.exchange) else { return };
        let known = exchange.request_body.len();
        // A piece that does not follow leaves a hole: what is behind it cannot be read as one body.
        if body.offset == known as u64 && known + body.bytes.len() <= BODY_JOINED_MAX_BYTES {
            exchange.request_body = match known {
                0 => body.bytes.clone(),
                _ => [exchange.request_body.as_ref(), &body.bytes].concat().into(),
            };
        }
        exchange.request_bytes = exchange.request_bytes.max(body.offset + body.bytes.len() as u64);
    }

    fn closed(mut exchange: Exchange, closed: &ExchangeClosed) -> Exchange {
        exchange.outcome = closed.outcome;
        exchange.reason = closed.reason.clone();
        exchange.status = closed.status;
        exchange.content_type = header(&closed.headers, "content-type").unwrap_or("").to_owned();
        exchange.response_headers = closed.headers.clone();
        exchange.request_bytes = closed.request_bytes;
        exchange.request_sha256 = closed.request_sha256;
        exchange.response_bytes = closed.response_bytes;
        exchange.response_sha256 = closed.response_sha256;
        exchange.preview = closed.preview.clone();
        exchange.duration_ms = Some(closed.duration_ms);
        exchange
    }

    fn ended(&self, mut exchange: Exchange) -> Exchange {
        if exchange.may_change() {
            let known = |value: &str| self.explained.has(value) || self.drawn.has(exchange.document, value);
            let values = leaves(exchange.request_type(), &exchange.request_body);
            exchange.unexplained = values.into_iter().filter(|leaf| !known(&leaf.value)).collect();
        }
        exchange
    }

    fn read(frame: &Frame, read: &ExchangeRead) -> Exchange {
        let awaited = read.status != ExchangeRead::NOT_AWAITED;
        Exchange {
            document: read.document,
            target: read.target,
            status: awaited.then_some(read.status),
            outcome: if awaited { Outcome::Done } else { Outcome::Unknown },
            content_type: read.content_type.clone(),
            response_bytes: read.response_bytes,
            response_sha256: read.response_sha256,
            duration_ms: Some(read.duration_ms),
            ..blank(read.exchange, frame, &read.method, &read.url)
        }
    }

    fn message(&self, frame: &Frame, message: &WebSocketMessage) -> Exchange {
        let socket = self.sockets.get(&message.exchange);
        let document = socket.and_then(|socket| socket.document);
        let to_target = message.direction == Direction::ToTarget;
        Exchange {
            kind: ExchangeKind::WebsocketMessage,
            document,
            sequence: message.sequence,
            target: socket.and_then(|socket| socket.target),
            request_bytes: message.bytes,
            request_sha256: Some(message.sha256),
            request_body: message.content.clone().unwrap_or_default(),
            message: Some((message.direction, message.text)),
            evidence: to_target.then(|| self.evidence(document, message.sequence)),
            step: if to_target { self.step_for(document, None, frame.at) } else { None },
            ..blank(message.exchange, frame, "", socket.map_or("", |socket| &socket.url))
        }
    }
}

fn blank(id: ExchangeId, frame: &Frame, method: &str, url: &str) -> Exchange {
    Exchange {
        id,
        frame: frame.sequence,
        at: frame.at,
        kind: ExchangeKind::Read,
        document: None,
        sequence: None,
        target: None,
        method: method.to_owned(),
        url: url.to_owned(),
        request_headers: Vec::new(),
        request_bytes: 0,
        request_sha256: None,
        request_body: Bytes::new(),
        status: None,
        response_headers: Vec::new(),
        content_type: String::new(),
        response_bytes: 0,
        response_sha256: None,
        preview: Bytes::new(),
        duration_ms: None,
        outcome: Outcome::Done,
        reason: None,
        message: None,
        evidence: None,
        step: None,
        unexplained: Vec::new(),
    }
}
