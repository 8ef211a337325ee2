//! Content codings of documents: unpacked for the rewriter and packed again for the browser, piece by piece.
//!
//! The codecs write into memory, so every poll is ready at once and they can be used without waiting. A target is
//! hostile: what a few bytes may grow into is capped, per slice and over the whole document.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_compression::Level;
use async_compression::tokio::write::{
    BrotliDecoder, BrotliEncoder, GzipDecoder, GzipEncoder, ZstdDecoder, ZstdEncoder,
};
use futures_util::FutureExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::limits::{EXPANSION_FACTOR, EXPANSION_FREE_BYTES, UNPACK_SLICE_BYTES, UNPACKED_SLICE_MAX_BYTES};

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
}

/// What we offer targets for documents: other codings, dictionaries among them, cannot be rewritten.
pub(crate) const ACCEPTED: [(Coding, &str); 3] =
    [(Coding::Gzip, "gzip"), (Coding::Brotli, "br"), (Coding::Zstd, "zstd")];

/// Why a body cannot be unpacked or packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodingError {
    /// Not a coding of [`ACCEPTED`], or several on top of each other.
    #[error("the content coding is not known")]
    Unknown,
    /// The packed bytes are wrong or end too early.
    #[error("the packed body is broken")]
    Broken,
    /// It grows beyond all measure.
    #[error("the packed body grows beyond the limit")]
    Bomb,
}

impl Coding {
    /// The coding of a `Content-Encoding` header.
    pub(crate) fn parse(value: Option<&str>) -> Result<Self, CodingError> {
        let value = value.unwrap_or("").trim();
        if value.is_empty() || value.eq_ignore_ascii_case("identity") {
            return Ok(Self::Identity);
        }
        let known = ACCEPTED.into_iter().find(|(_, name)| value.eq_ignore_ascii_case(name));
        let gzip = value.eq_ignore_ascii_case("x-gzip").then_some(Self::Gzip);
        known.map(|(coding, _)| coding).or(gzip).ok_or(CodingError::Unknown)
    }
}

/// Of what a browser accepts, what a document may come in.
pub(crate) fn narrowed(accept_encoding: &str) -> String {
    let offered = accept_encoding.split(',').map(str::trim).filter(|offer| {
        let name = offer.split(';').next().unwrap_or("").trim();
        name.eq_ignore_ascii_case("identity")
            || ACCEPTED.iter().any(|(_, known)| name.eq_ignore_ascii_case(known))
    });
    let narrowed = offered.collect::<Vec<_>>().join(", ");
    if narrowed.is_empty() { "identity".to_owned() } else { narrowed }
}

/// Memory that takes a limited number of bytes.
struct Room {
    bytes: Vec<u8>,
    max: usize,
}

impl AsyncWrite for Room {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.bytes.len() + bytes.len() > self.max {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

enum Codec {
    Identity(Room),
    Unzip(GzipDecoder<Room>),
    Unbrotli(Box<BrotliDecoder<Room>>),
    Unzstd(ZstdDecoder<Room>),
    Zip(GzipEncoder<Room>),
    Brotli(Box<BrotliEncoder<Room>>),
    Zstd(ZstdEncoder<Room>),
}

/// Runs the same line on whichever codec it is.
macro_rules! each {
    ($codec:expr, $inner:ident => $line:expr) => {
        match $codec {
            Codec::Identity($inner) => $line,
            Codec::Unzip($inner) => $line,
            Codec::Unbrotli($inner) => $line,
            Codec::Unzstd($inner) => $line,
            Codec::Zip($inner) => $line,
            Codec::Brotli($inner) => $line,
            Codec::Zstd($inner) => $line,
        }
    };
}

impl Codec {
    fn room(&mut self) -> &mut Room {
        match self {
            Self::Identity(room) => room,
            Self::Unzip(codec) => codec.get_mut(),
            Self::Unbrotli(codec) => codec.get_mut(),
            Self::Unzstd(codec) => codec.get_mut(),
            Self::Zip(codec) => codec.get_mut(),
            Self::Brotli(codec) => codec.get_mut(),
            Self::Zstd(codec) => codec.get_mut(),
        }
    }

    fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodingError> {
        let done = each!(self, codec => codec.write_all(bytes).now_or_never());
        self.drain(done, out)
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), CodingError> {
        let done = each!(self, codec => codec.flush().now_or_never());
        self.drain(done, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodingError> {
        let done = each!(self, codec => codec.shutdown().now_or_never());
        self.drain(done, out)
    }

    fn drain(&mut self, done: Option<io::Result<()>>, out: &mut Vec<u8>) -> Result<(), CodingError> {
        out.append(&mut self.room().bytes);
        match done {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.kind() == io::ErrorKind::StorageFull => Err(CodingError::Bomb),
            _ => Err(CodingError::Broken),
        }
    }
}

/// Unpacks a body.
pub(crate) struct Unpacker {
    codec: Codec,
    taken: u64,
    given: u64,
}

impl Unpacker {
    /// An unpacker of that coding.
    pub(crate) fn new(coding: Coding) -> Self {
        let room = Room { bytes: Vec::new(), max: UNPACKED_SLICE_MAX_BYTES };
        let codec = match coding {
            Coding::Identity => Codec::Identity(room),
            Coding::Gzip => Codec::Unzip(GzipDecoder::new(room)),
            Coding::Brotli => Codec::Unbrotli(Box::new(BrotliDecoder::new(room))),
            Coding::Zstd => Codec::Unzstd(ZstdDecoder::new(room)),
        };
        Self { codec, taken: 0, given: 0 }
    }

    /// Unpacks the next piece.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodingError> {
        for slice in bytes.chunks(UNPACK_SLICE_BYTES) {
            let before = out.len();
            self.codec.write(slice, out)?;
            // What was unpacked so far goes on at once: pages may come in pieces over a long time.
            self.codec.flush(out)?;
            self.taken += slice.len() as u64;
            self.given += (out.len() - before) as u64;
            if self.given > EXPANSION_FREE_BYTES && self.given > self.taken.saturating_mul(EXPANSION_FACTOR) {
                return Err(CodingError::Bomb);
            }
        }
        Ok(())
    }

    /// Ends the body; one that ends too early is broken.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodingError> {
        // An answer without any bytes (to HEAD, for example) is not a packed body that broke off.
        if self.taken == 0 { Ok(()) } else { self.codec.finish(out) }
    }
}

/// Packs a body: quickly, because it is done while the browser waits.
pub(crate) struct Packer {
    codec: Codec,
}

impl Packer {
    /// A packer of that coding.
    pub(crate) fn new(coding: Coding) -> Self {
        let room = Room { bytes: Vec::new(), max: usize::MAX };
        let codec = match coding {
            Coding::Identity => Codec::Identity(room),
            Coding::Gzip => Codec::Zip(GzipEncoder::with_quality(room, Level::Precise(5))),
            Coding::Brotli => Codec::Brotli(Box::new(BrotliEncoder::with_quality(room, Level::Precise(4)))),
            Coding::Zstd => Codec::Zstd(ZstdEncoder::with_quality(room, Level::Precise(3))),
        };
        Self { codec }
    }

    /// Packs the next piece, so that a browser can unpack all of it at once.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodingError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.codec.write(bytes, out)?;
        self.codec.flush(out)
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodingError> {
        self.codec.finish(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODINGS: [Coding; 4] = [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd];

    fn pack(coding: Coding, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut packer, mut out) = (Packer::new(coding), Vec::new());
        for piece in pieces {
            packer.push(piece, &mut out).expect("packs");
        }
        packer.finish(&mut out).expect("packs");
        out
    }

    #[test]
    fn what_is_packed_unpacks_wherever_it_is_cut() {
        let text = "<html><head>Grüße</head>".repeat(40);
        for coding in CODINGS {
            let packed = pack(coding, &[&text.as_bytes()[..100], &text.as_bytes()[100..]]);
            for cut in 0..=packed.len() {
                let (mut unpacker, mut out) = (Unpacker::new(coding), Vec::new());
                unpacker.push(&packed[..cut], &mut out).expect("right bytes");
                unpacker.push(&packed[cut..], &mut out).expect("right bytes");
                unpacker.finish(&mut out).expect("whole");
                assert_eq!(out, text.as_bytes(), "{coding:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn every_piece_can_be_unpacked_before_the_next_one_comes() {
        for coding in CODINGS {
            let (mut packer, mut unpacker) = (Packer::new(coding), Unpacker::new(coding));
            let mut seen = Vec::new();
            for piece in ["first ", "second ", "third"] {
                let mut packed = Vec::new();
                packer.push(piece.as_bytes(), &mut packed).expect("packs");
                unpacker.push(&packed, &mut seen).expect("unpacks");
                assert!(seen.ends_with(piece.as_bytes()), "{coding:?} {piece}");
            }
        }
    }

    #[test]
    fn broken_and_endless_bodies_are_refused() {
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
            let bomb = pack(coding, &[&vec![0_u8; 80 * 1024 * 1024]]);
            let (mut unpacker, mut out) = (Unpacker::new(coding), Vec::new());
            assert_eq!(unpacker.push(&bomb, &mut out), Err(CodingError::Bomb), "{coding:?}");

            let packed = pack(coding, &[b"some text that is long enough to be cut"]);
            let (mut unpacker, mut out) = (Unpacker::new(coding), Vec::new());
            let cut =
                unpacker.push(&packed[..packed.len() / 2], &mut out).and_then(|()| unpacker.finish(&mut out));
            assert_eq!(cut, Err(CodingError::Broken), "{coding:?} cut");

            let (mut unpacker, mut out) = (Unpacker::new(coding), Vec::new());
            let noise = unpacker.push(&[0xA5; 300], &mut out).and_then(|()| unpacker.finish(&mut out));
            assert!(noise.is_err(), "{coding:?} noise");
        }
    }

    #[test]
    fn only_codings_that_we_can_rewrite_are_asked_for() {
        assert_eq!(narrowed("gzip, deflate, br, zstd, dcb, dcz"), "gzip, br, zstd");
        assert_eq!(narrowed("deflate, br;q=0.5"), "br;q=0.5");
        assert_eq!(narrowed("dcb"), "identity");
        assert_eq!(Coding::parse(Some("BR")), Ok(Coding::Brotli));
        assert_eq!(Coding::parse(None), Ok(Coding::Identity));
        assert_eq!(Coding::parse(Some("gzip, br")), Err(CodingError::Unknown));
        assert_eq!(Coding::parse(Some("deflate")), Err(CodingError::Unknown));
    }
}
