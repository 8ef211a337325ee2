//! One exchange on its way to a target: what of it is recorded, and when.
//!
//! A change's opening frame, and the frames of its body, are durable before the bytes that they describe leave. How
//! it ended is written behind the answer, from a place in the queue that was taken before anything left. A read
//! gets one frame, when it is over.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use chaperone_app::App;
use chaperone_domain::ids::DocumentId;
use chaperone_recording::bodies::ExchangeRead;
use futures_util::stream::unfold;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;

use crate::body::{AtEnd, AtPiece, Body, BodyError, Ending, Guard, Guarded, Observed, Tally, empty, full};
use crate::documents::{Evidence, RecordedSignIn};
use crate::errors::Refused;
use crate::forward::TargetProblem;
use crate::limits::{BODY_FRAME_BYTES, BODY_KEPT_MAX_BYTES, PREVIEW_MAX_BYTES};
use crate::redact;
use crate::witness::{self, Answered, Asked, OpenedKind, Outcome, Place};

/// How far the body of a request went; written by the connection to the target, read by the closing frame.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<Mutex<Option<Ending>>>);

impl Sent {
    fn at_end(&self) -> AtEnd {
        let sent = self.0.clone();
        Box::new(move |ending| *sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending))
    }

    fn ending(&self) -> Ending {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(NOTHING)
    }
}

/// A change whose opening frame is durable.
pub(crate) struct Opened {
    asked: Asked,
    place: Place,
    sent: Sent,
}

/// Opens a change: its opening frame becomes durable, with its body where that is short. What is answered is the
/// body to send, which records itself on its way.
pub(crate) async fn open(
    recorded: &Arc<RecordedSignIn>,
    app: &Arc<App>,
    asked: Asked,
    kind: OpenedKind,
    evidence: Option<&Evidence>,
    headers: &HeaderMap,
    body: Option<Incoming>,
) -> Result<(Opened, Body), Refused> {
    let place = recorded.frames.place().await.ok_or(Refused::CannotStore)?;
    let mut frames = vec![witness::opened(&asked, kind, evidence, headers)];
    let sent = Sent::default();
    let body = match body {
        Some(body) if !body.is_end_stream() => {
            let guarded = Guarded::new(body, Guard::new(app, &recorded.live));
            let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
            let beginning = Beginning::read(guarded, content_type, announced(headers)).await?;
            beginning.recorded(&mut frames, recorded, app, &asked, content_type, &sent)
        }
        _ => empty(),
    };
    recorded.writer.append(frames).await.map_err(|error| {
        tracing::warn!(%error, exchange = %asked.exchange, "a change was not sent: it could not be recorded");
        Refused::CannotStore
    })?;
    Ok((Opened { asked, place, sent }, body))
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What was read of a body before anything of it was sent.
struct Beginning {
    bytes: Bytes,
    rest: Option<Guarded<Incoming>>,
}

impl Beginning {
    /// Reads as much as is looked through (forms and JSON, whose secrets are taken out), or fits one frame.
    async fn read(
        mut body: Guarded<Incoming>,
        content_type: &str,
        announced: Option<u64>,
    ) -> Result<Self, Refused> {
        let most =
            if redact::looks_into(content_type) { BODY_KEPT_MAX_BYTES } else { BODY_FRAME_BYTES as u64 };
        let short = announced.is_some_and(|length| length <= most);
        if !short && !redact::looks_into(content_type) {
            return Ok(Self { bytes: Bytes::new(), rest: Some(body) });
        }
        let mut bytes = BytesMut::new();
        while bytes.len() as u64 <= most {
            match body.frame().await {
                None => return Ok(Self { bytes: bytes.freeze(), rest: None }),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        bytes.extend_from_slice(data);
                    }
                }
                Some(Err(BodyError::Cut)) => return Err(TargetProblem::Cut.into()),
                Some(Err(_)) => return Err(TargetProblem::RequestBroken.into()),
            }
            if body.is_end_stream() {
                return Ok(Self { bytes: bytes.freeze(), rest: None });
            }
        }
        Ok(Self { bytes: bytes.freeze(), rest: Some(body) })
    }

    /// The frames for what was read, and the body to send.
    fn recorded(
        self,
        frames: &mut Vec<chaperone_recording::NewFrame>,
        recorded: &Arc<RecordedSignIn>,
        app: &Arc<App>,
        asked: &Asked,
        content_type: &str,
        sent: &Sent,
    ) -> Body {
        let Some(rest) = self.rest else {
            if !self.bytes.is_empty() {
                let shown = redact::body(content_type, &self.bytes);
                frames.push(witness::request_body(asked.exchange, 0, shown, asked.at));
            }
            return Observed::new(full(self.bytes), Tally::hashing(), sent.at_end()).boxed_unsync();
        };
        // A form that is longer than what is kept cannot be looked through: length and hash remain.
        let kept = if redact::looks_into(content_type) { 0 } else { BODY_KEPT_MAX_BYTES };
        let state = Pump {
            first: (!self.bytes.is_empty()).then_some(self.bytes),
            rest,
            recorded: recorded.clone(),
            app: app.clone(),
            exchange: asked.exchange,
            offset: 0,
            kept,
        };
        let pumped = StreamBody::new(Box::pin(unfold(state, Pump::next)));
        Observed::new(pumped, Tally::hashing(), sent.at_end()).boxed_unsync()
    }
}

/// A body that makes each piece durable before it sends it.
struct Pump {
    first: Option<Bytes>,
    rest: Guarded<Incoming>,
    recorded: Arc<RecordedSignIn>,
    app: Arc<App>,
    exchange: chaperone_domain::ids::ExchangeId,
    offset: u64,
    kept: u64,
}

impl Pump {
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, BodyError>, Self)> {
        let frame = match self.first.take() {
            Some(first) => Ok(Frame::data(first)),
            None => self.rest.frame().await?,
        };
        let Some(bytes) = frame.as_ref().ok().and_then(Frame::data_ref) else { return Some((frame, self)) };
        if self.offset < self.kept {
            let room = usize::try_from(self.kept - self.offset).unwrap_or(usize::MAX);
            let shown = bytes.slice(..bytes.len().min(room));
            let described = witness::request_body(self.exchange, self.offset, shown, self.app.now());
            if self.recorded.writer.append(vec![described]).await.is_err() {
                return Some((Err(BodyError::NotRecorded), self));
            }
        }
        self.offset += bytes.len() as u64;
        Some((frame, self))
    }
}

impl Opened {
    /// The target gave no answer.
    pub(crate) fn failed(self, problem: TargetProblem, app: &App) {
        let outcome = match problem {
            TargetProblem::Unreachable | TargetProblem::Untrusted | TargetProblem::Over => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        let answered = Answered { reason: Some(problem.name().to_owned()), ..Answered::default() };
        let frame = witness::closed(&self.asked, outcome, answered, &self.sent.ending(), &NOTHING, app.now());
        self.place.send(frame);
    }

    /// The answer's body, which closes the exchange when it is over.
    pub(crate) fn closing(self, answer: &response::Parts, body: Body, app: &Arc<App>) -> Body {
        let app = app.clone();
        let preview = Preview::of(&answer.headers);
        let at_piece = preview.as_ref().map(Preview::at_piece);
        let mut answered = Answered {
            status: Some(answer.status.as_u16()),
            headers: redact::headers(&answer.headers),
            ..Answered::default()
        };
        let at_end: AtEnd = Box::new(move |ending| {
            answered.preview = preview.map(|preview| preview.end(&ending)).unwrap_or_default();
            // The head of an answer proves that the target did it, also when the rest did not arrive.
            let sent = self.sent.ending();
            self.place.send(witness::closed(&self.asked, Outcome::Done, answered, &sent, &ending, app.now()));
        });
        let observed = Observed::new(body, Tally::hashing(), at_end);
        match at_piece {
            Some(at_piece) => observed.each(at_piece).boxed_unsync(),
            None => observed.boxed_unsync(),
        }
    }
}

const NOTHING: Ending = Ending { bytes: 0, sha256: None, whole: false };

/// A short answer in words, kept whole so that its secrets can be taken out.
struct Preview {
    content_type: String,
    pieces: Arc<Mutex<BytesMut>>,
}

impl Preview {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?.to_owned();
        let readable = redact::looks_into(&content_type) && !headers.contains_key(CONTENT_ENCODING);
        readable.then(|| Self { content_type, pieces: Arc::default() })
    }

    fn at_piece(&self) -> AtPiece {
        let pieces = self.pieces.clone();
        Box::new(move |piece| {
            let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
            if pieces.len() + piece.len() <= PREVIEW_MAX_BYTES {
                pieces.extend_from_slice(piece);
            }
        })
    }

    fn end(self, ending: &Ending) -> Bytes {
        let pieces =
            std::mem::take(&mut *self.pieces.lock().unwrap_or_else(PoisonError::into_inner)).freeze();
        let whole = ending.whole && pieces.len() as u64 == ending.bytes;
        if whole { redact::body(&self.content_type, &pieces) } else { Bytes::new() }
    }
}

/// A read whose one frame has its place. It is written in any case: whoever asked may go away before there is an
/// answer, and the target was asked all the same.
pub(crate) struct Reading {
    asked: Asked,
    document: Option<DocumentId>,
    place: Option<Place>,
    app: Arc<App>,
}

impl Reading {
    /// `document`: which one asked, as far as it said so.
    pub(crate) fn new(asked: Asked, document: Option<DocumentId>, place: Place, app: &Arc<App>) -> Self {
        Self { asked, document, place: Some(place), app: app.clone() }
    }

    fn write(&mut self, status: u16, content_type: &str, ending: &Ending) {
        if let Some(place) = self.place.take() {
            let now = self.app.now();
            place.send(witness::read(&self.asked, self.document, status, content_type, ending, now));
        }
    }

    /// There was no answer.
    pub(crate) fn failed(mut self, status: u16) {
        self.write(status, "", &NOTHING);
    }

    /// Something else is written instead.
    pub(crate) fn replaced(mut self) {
        self.place = None;
    }

    /// What is written when the answer is over.
    pub(crate) fn at_end(mut self, status: u16, headers: &HeaderMap) -> AtEnd {
        let content_type =
            headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        Box::new(move |ending| self.write(status, &content_type, &ending))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.write(ExchangeRead::NOT_AWAITED, "", &NOTHING);
    }
}
