//! Bodies on their way: boxed once, bounded always, cut when the sign-in is.
//!
//! Nothing here collects: a body is a chain of small wrappers that are polled by the connection that sends it. A
//! wrapper that has nothing to wait for costs a comparison; timers and the wait for the cut are made only when a
//! body really stands still.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aws_lc_rs::digest;
use bytes::Bytes;
use chaperone_app::App;
use chaperone_app::gate::LiveSignIn;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::time::Instant;

use crate::Gateway;
use crate::limits::BODY_IDLE_TIMEOUT;

/// A body in either direction.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Why a body ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The sign-in is over.
    #[error("the sign-in is over")]
    Cut,
    /// It stood still for too long.
    #[error("the body stood still for too long")]
    Idle,
    /// What describes it could not be recorded.
    #[error("the body could not be recorded")]
    NotRecorded,
    /// It could not be rewritten.
    #[error("the document could not be rewritten: {0}")]
    NotRewritten(&'static str),
    /// The connection that it came over broke, or it was not as long as announced.
    #[error("the other side broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<hyper::Error> for BodyError {
    fn from(error: hyper::Error) -> Self {
        Self::Broken(Box::new(error))
    }
}

/// A body of these bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of nothing.
pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// What a stream waits for beside its own bytes.
pub(crate) struct Guard {
    app: Arc<App>,
    live: Arc<LiveSignIn>,
    until: Instant,
    learned: u64,
}

impl Guard {
    /// A guard for streams of this sign-in.
    pub(crate) fn new(app: &Arc<App>, live: &Arc<LiveSignIn>) -> Self {
        let learned = live.learned();
        Self { app: app.clone(), live: live.clone(), until: until(app, live), learned }
    }

    /// Whether the sign-in is over, at the price of three comparisons.
    pub(crate) fn is_over(&mut self) -> bool {
        let learned = self.live.learned();
        if learned != self.learned {
            // A session that is extended or shortened moves the deadline of what is open in it.
            (self.until, self.learned) = (until(&self.app, &self.live), learned);
        }
        self.live.is_cut().is_some() || Instant::now() >= self.until
    }

    /// Resolves when the sign-in is over.
    pub(crate) fn over(&self) -> impl Future<Output = ()> + Send + 'static {
        let (app, live) = (self.app.clone(), self.live.clone());
        async move {
            live.until_cut(app.now()).await;
        }
    }
}

/// The sign-in's deadline by the monotonic clock.
fn until(app: &App, live: &LiveSignIn) -> Instant {
    let left = live.deadline().duration_since(app.now());
    Instant::now() + std::time::Duration::try_from(left).unwrap_or_default()
}

type Waiting = Pin<Box<dyn Future<Output = BodyError> + Send>>;

/// A body that ends with an error when the sign-in is over, or when it stands still for too long.
pub(crate) struct Guarded<B> {
    inner: B,
    guard: Guard,
    idle: std::time::Duration,
    waiting: Option<Waiting>,
}

impl<B> Guarded<B> {
    /// Guards a body.
    pub(crate) fn new(inner: B, guard: Guard) -> Self {
        Self { inner, guard, idle: BODY_IDLE_TIMEOUT, waiting: None }
    }

    /// The body of a target's answer: how long that may stand still is configured.
    pub(crate) fn answer(inner: B, guard: Guard, gateway: &Gateway) -> Self {
        Self { idle: gateway.body_idle_timeout, ..Self::new(inner, guard) }
    }
}

impl<B> HttpBody for Guarded<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.guard.is_over() {
            return Poll::Ready(Some(Err(BodyError::Cut)));
        }
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(frame) => {
                this.waiting = None;
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let (guard, idle) = (&this.guard, this.idle);
                let waiting = this.waiting.get_or_insert_with(|| {
                    let over = guard.over();
                    Box::pin(async move {
                        tokio::select! {
                            () = over => BodyError::Cut,
                            () = tokio::time::sleep(idle) => BodyError::Idle,
                        }
                    })
                });
                waiting.as_mut().poll(context).map(|error| Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// How a body ended, as far as it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Bytes that passed.
    pub bytes: u64,
    /// SHA-256 of them, where that was asked for.
    pub sha256: Option<[u8; 32]>,
    /// Whether it came to its end.
    pub whole: bool,
}

/// Counts and hashes what passes.
pub(crate) struct Tally {
    bytes: u64,
    hash: Option<digest::Context>,
}

impl Tally {
    /// A tally that only counts.
    pub(crate) fn counting() -> Self {
        Self { bytes: 0, hash: None }
    }

    /// A tally that counts and hashes.
    pub(crate) fn hashing() -> Self {
        Self { bytes: 0, hash: Some(digest::Context::new(&digest::SHA256)) }
    }

    /// Takes in the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }

    /// The result.
    pub(crate) fn end(self, whole: bool) -> Ending {
        let sha256 = self.hash.and_then(|hash| hash.finish().as_ref().try_into().ok());
        Ending { bytes: self.bytes, sha256, whole }
    }
}

/// What is done when a body has ended, or was given up.
pub(crate) type AtEnd = Box<dyn FnOnce(Ending) + Send>;
/// What is done with every piece on its way.
pub(crate) type AtPiece = Box<dyn FnMut(&Bytes) + Send>;

/// A body that tells how it ended, also when whoever read it turned away.
pub(crate) struct Observed<B> {
    inner: B,
    tally: Option<Tally>,
    at_piece: Option<AtPiece>,
    at_end: Option<AtEnd>,
}

impl<B> Observed<B> {
    /// Observes a body.
    pub(crate) fn new(inner: B, tally: Tally, at_end: AtEnd) -> Self {
        Self { inner, tally: Some(tally), at_piece: None, at_end: Some(at_end) }
    }

    /// Shows every piece to `at_piece` as it passes.
    pub(crate) fn each(mut self, at_piece: AtPiece) -> Self {
        self.at_piece = Some(at_piece);
        self
    }

    fn end(&mut self, whole: bool) {
        if let (Some(tally), Some(at_end)) = (self.tally.take(), self.at_end.take()) {
            at_end(tally.end(whole));
        }
    }
}

impl<B> HttpBody for Observed<B>
where
    B: HttpBody<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let (Some(bytes), Some(tally)) = (frame.data_ref(), &mut this.tally) {
                    tally.add(bytes);
                    if let Some(at_piece) = &mut this.at_piece {
                        at_piece(bytes);
                    }
                }
                // The connection may not ask again after the last piece.
                if this.inner.is_end_stream() {
                    this.end(true);
                }
            }
            Poll::Ready(Some(Err(_))) => this.end(false),
            Poll::Ready(None) => this.end(true),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Observed<B> {
    fn drop(&mut self) {
        self.end(false);
    }
}
