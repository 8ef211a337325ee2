//! A body that has to arrive in time: who sends byte by byte gets no further than who sends nothing.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
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
