//! A document on its way: unpacked, transcoded, injected into and packed again, piece by piece.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use hyper::body::Incoming;

use crate::body::{BodyError, Guarded};
use crate::charset::Transcoder;
use crate::encoding::{Coding, CodingError, Packer, Unpacker};
use crate::inject::{HtmlInjector, InjectError};
use crate::inject_xml::XmlInjector;

/// Puts the recorder in.
pub(crate) enum Injector {
    Html(Box<HtmlInjector>),
    Xml(XmlInjector),
    None,
}

impl Injector {
    /// Takes bytes as long as it has to see them, and says how many: the others pass as they are.
    fn push_head(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, InjectError> {
        match self {
            Self::Html(injector) => injector.push_head(bytes, out),
            Self::Xml(injector) => injector.push(bytes, out).map(|()| bytes.len()),
            Self::None => Ok(0),
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), InjectError> {
        let taken = self.push_head(bytes, out)?;
        out.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), InjectError> {
        match self {
            Self::Html(injector) => injector.finish(out),
            Self::Xml(injector) => injector.finish(out),
            Self::None => Ok(()),
        }
    }

    /// Whether what comes out may be delivered.
    pub(crate) fn is_in(&self) -> bool {
        match self {
            Self::Html(injector) => injector.injected(),
            Self::Xml(injector) => injector.passes(),
            Self::None => true,
        }
    }

    pub(crate) fn injected(&self) -> bool {
        match self {
            Self::Html(injector) => injector.injected(),
            Self::Xml(injector) => injector.injected(),
            Self::None => false,
        }
    }

    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Html(injector) => injector.passes(),
            Self::Xml(injector) => injector.passes(),
            Self::None => true,
        }
    }
}

/// Unpack, transcode, inject, pack.
pub(crate) struct Pipeline {
    pub(crate) unpacker: Unpacker,
    pub(crate) transcoder: Option<Transcoder>,
    pub(crate) injector: Injector,
    pub(crate) packer: Packer,
    /// Kept for their memory.
    pub(crate) unpacked: Vec<u8>,
    pub(crate) transcoded: Vec<u8>,
}

/// Why the rest of a document cannot be rewritten.
pub(crate) struct Stopped(pub(crate) &'static str);

impl Pipeline {
    /// Whether bytes pass through all of it unchanged.
    pub(crate) fn is_transparent(&self, coding: Coding) -> bool {
        coding == Coding::Identity && self.transcoder.is_none() && self.injector.passes()
    }

    /// The same for the beginning of a document, without a copy of what passes: that is what it answers.
    pub(crate) fn inject_first(
        &mut self,
        mut text: Bytes,
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<Bytes, InjectError> {
        if self.transcoder.is_some() {
            self.inject(&text, last, out)?;
            return Ok(Bytes::new());
        }
        let taken = self.injector.push_head(&text, out)?;
        if last {
            // Nothing comes out of an injector that left bytes behind: it is through with the head.
            self.injector.finish(out)?;
        }
        Ok(text.split_off(taken))
    }

    fn inject(&mut self, text: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), InjectError> {
        match &mut self.transcoder {
            Some(transcoder) => {
                self.transcoded.clear();
                transcoder.push(text, last, &mut self.transcoded);
                let text = std::mem::take(&mut self.transcoded);
                self.injector.push(&text, out)?;
                self.transcoded = text;
            }
            None => self.injector.push(text, out)?,
        }
        if last { self.injector.finish(out) } else { Ok(()) }
    }

    /// The next packed piece, up to the injected text.
    pub(crate) fn text(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Stopped> {
        let mut unpacked = std::mem::take(&mut self.unpacked);
        unpacked.clear();
        self.unpacker.push(bytes, &mut unpacked).map_err(|_| Stopped("its coding"))?;
        self.inject(&unpacked, false, out).map_err(|_| Stopped("its markup"))?;
        self.unpacked = unpacked;
        Ok(())
    }

    pub(crate) fn end_text(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let mut unpacked = Vec::new();
        self.unpacker.finish(&mut unpacked).map_err(|_| Stopped("its coding"))?;
        self.inject(&unpacked, true, out).map_err(|_| Stopped("its markup"))
    }

    /// Packs what was injected into: the pieces that go out.
    pub(crate) fn pack(
        &mut self,
        pieces: [Bytes; 2],
        last: bool,
        coding: Coding,
    ) -> Result<VecDeque<Bytes>, CodingError> {
        if coding == Coding::Identity {
            return Ok(pieces.into_iter().filter(|piece| !piece.is_empty()).collect());
        }
        let mut packed = Vec::new();
        for piece in pieces {
            self.packer.push(&piece, &mut packed)?;
        }
        if last {
            self.packer.finish(&mut packed)?;
        }
        Ok(VecDeque::from([Bytes::from(packed)]))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Bytes, Stopped> {
        let (mut text, mut packed) = (Vec::new(), Vec::new());
        self.text(bytes, &mut text)?;
        self.packer.push(&text, &mut packed).map_err(|_| Stopped("its coding"))?;
        Ok(Bytes::from(packed))
    }

    pub(crate) fn finish(&mut self) -> Result<Bytes, Stopped> {
        let (mut text, mut packed) = (Vec::new(), Vec::new());
        self.end_text(&mut text)?;
        self.packer.push(&text, &mut packed).map_err(|_| Stopped("its coding"))?;
        self.packer.finish(&mut packed).map_err(|_| Stopped("its coding"))?;
        Ok(Bytes::from(packed))
    }
}

/// A document on its way: what was held first, then the rest as it comes.
pub(crate) struct Rewriting {
    pub(crate) first: VecDeque<Bytes>,
    pub(crate) inner: Guarded<Incoming>,
    pub(crate) pipeline: Pipeline,
    pub(crate) ended: bool,
    pub(crate) coding: Coding,
}

impl HttpBody for Rewriting {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        while !this.ended {
            let Some(frame) = ready!(Pin::new(&mut this.inner).poll_frame(context)) else {
                this.ended = true;
                let last = this.pipeline.finish().map_err(|Stopped(why)| BodyError::NotRewritten(why));
                return match last {
                    Ok(last) if last.is_empty() => Poll::Ready(None),
                    other => Poll::Ready(Some(other.map(Frame::data))),
                };
            };
            let bytes = match frame {
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Ok(frame) if this.pipeline.is_transparent(this.coding) => {
                    return Poll::Ready(Some(Ok(frame)));
                }
                Ok(frame) => match frame.into_data() {
                    Ok(bytes) => bytes,
                    // Trailers describe bytes that the browser does not get.
                    Err(_) => continue,
                },
            };
            match this.pipeline.push(&bytes) {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(Stopped(why)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(BodyError::NotRewritten(why))));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.ended
    }
}
