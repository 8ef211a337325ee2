//! A stream that ends when the other side says more than a directory ever needs to.
//!
//! The library reads a message whole, and makes room for the length that its header claims: up to 4 GiB. What
//! answers may be no PostgreSQL at all, so lengths are checked before the library sees them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Longest message, in bytes: the longest that a directory's answers hold is some kilobytes.
const MESSAGE_MAX_BYTES: u32 = 1024 * 1024;
/// Most that may be said in one call, in bytes: a page of 500 roles has about 50 KB.
const CALL_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// A letter and the length of the rest, itself included.
const HEADER_BYTES: usize = 5;

/// How much was said in this call.
#[derive(Clone, Debug, Default)]
pub(super) struct Said(Arc<AtomicU64>);

impl Said {
    /// A new call begins.
    pub(super) fn begin(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The stream.
pub(super) struct Guard<S> {
    inner: S,
    said: Said,
    header: [u8; HEADER_BYTES],
    /// Bytes of the header that were seen.
    seen: usize,
    /// Bytes of the message that are still to come.
    rest: u64,
}

impl<S> Guard<S> {
    pub(super) fn new(inner: S, said: Said) -> Self {
        Self { inner, said, header: [0; HEADER_BYTES], seen: 0, rest: 0 }
    }

    /// Follows the messages through what was read.
    fn check(&mut self, mut read: &[u8]) -> io::Result<()> {
        let count = u64::try_from(read.len()).unwrap_or(u64::MAX);
        if self.said.0.fetch_add(count, Ordering::Relaxed).saturating_add(count) > CALL_MAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer of more than 16 MiB"));
        }
        while !read.is_empty() {
            if self.rest > 0 {
                let within = usize::try_from(self.rest).unwrap_or(usize::MAX).min(read.len());
                self.rest -= within as u64;
                read = &read[within..];
                continue;
            }
            self.header[self.seen] = read[0];
            self.seen += 1;
            read = &read[1..];
            if self.seen == HEADER_BYTES {
                let [_, a, b, c, d] = self.header;
                let length = u32::from_be_bytes([a, b, c, d]);
                if !(4..=MESSAGE_MAX_BYTES).contains(&length) {
                    let error = format!("a message of {length} bytes");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
                (self.seen, self.rest) = (0, u64::from(length - 4));
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        Poll::Ready(self.check(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Guard<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// Puts the guard inside TLS, where messages can be seen.
pub(super) struct Guarded<T> {
    pub(super) tls: T,
    pub(super) said: Said,
}

impl<S, T> TlsConnect<S> for Guarded<T>
where
    T: TlsConnect<S>,
    T::Stream: Unpin,
    T::Future: Send + 'static,
{
    type Stream = Guard<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let (handshake, said) = (self.tls.connect(stream), self.said);
        Box::pin(async move { Ok(Guard::new(handshake.await?, said)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard<()> {
        Guard::new((), Said::default())
    }

    #[test]
    fn messages_are_followed_however_they_are_cut() {
        let message = [b'Z', 0, 0, 0, 5, b'I'];
        let stream = message.repeat(10);
        for pieces in 1..stream.len() {
            let mut guard = guard();
            for piece in stream.chunks(pieces) {
                guard.check(piece).expect("right");
            }
            assert_eq!((guard.seen, guard.rest), (0, 0));
        }
    }

    #[test]
    fn a_length_that_no_answer_has_is_refused_before_anybody_makes_room_for_it() {
        for garbage in
            [&b"HTTP/1.1 400 Bad Request"[..], &[b'T', 0xff, 0xff, 0xff, 0xff], &[b'T', 0, 0, 0, 3]]
        {
            assert!(guard().check(garbage).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn a_call_may_not_be_answered_without_end() {
        let message = [&[b'N', 0, 1, 0, 0][..], &[0; 65_532]].concat();
        let (mut guard, mut taken) = (guard(), 0_usize);
        while guard.check(&message).is_ok() {
            taken += message.len();
        }
        assert!(taken as u64 <= CALL_MAX_BYTES, "{taken}");
        assert!(taken as u64 > CALL_MAX_BYTES / 2, "{taken}");
        guard.said.begin();
        guard.check(&message).expect("a new call");
    }
}
