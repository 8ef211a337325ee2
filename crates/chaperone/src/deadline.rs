//! Bodies that end in time. One that we read: who sends byte by byte gets no further than who sends nothing. One that
//! we send and that has no end of its own: a stream of events ends when the process is asked to, so that nobody waits
//! for it; browsers take it up again by themselves.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::Sleep;

/// The body did not arrive in time, or broke.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LateOrBroken {
    /// The time is over.
    #[error("the body took longer than {} s", .0.as_secs())]
    Late(Duration),
    /// What the connection says.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// A body with a time limit for all of it, counted from the head of its request.
pub(crate) struct Deadline<B> {
    body: B,
    limit: Duration,
    over: Pin<Box<Sleep>>,
}

impl<B> Deadline<B> {
    pub(crate) fn new(body: B, limit: Duration) -> Self {
        Self { body, limit, over: Box::pin(tokio::time::sleep(limit)) }
    }
}

impl<B> Body for Deadline<B>
where
    B: Body + Unpin,
    LateOrBroken: From<B::Error>,
{
    type Data = B::Data;
    type Error = LateOrBroken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, LateOrBroken>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(LateOrBroken::from)));
        }
        match self.over.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(LateOrBroken::Late(self.limit)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that ends when the process is asked to.
pub(crate) struct UntilClosing<B> {
    body: B,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<B> UntilClosing<B> {
    pub(crate) fn new(body: B, mut closing: watch::Receiver<bool>) -> Self {
        let closing = Box::pin(async move {
            // A sender that is gone means the same.
            let _over = closing.wait_for(|closing| *closing).await;
        });
        Self { body, closing }
    }
}

impl<B: Body + Unpin> Body for UntilClosing<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if self.closing.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
