//! Segments: files of frames, each beginning with where the one before it ended. Pure: bytes in, bytes out.
//!
//! ```text
//! segment = header, frame*
//! header  = "CHPSEG" | version u16 | recording 16 | segment u32 | zero u32 | first sequence u64 | previous hash 32
//! frame   = header 52 | nonce 12 | AES-256-GCM(zstd(body)) | hash 32
//! hash    = SHA-256(previous hash | header | nonce | ciphertext)
//! ```

use bytes::Bytes;
use chaperone_domain::ids::RecordingId;

use crate::bodies::FrameBody;
use crate::frame::{FRAME_MAX_BYTES, Frame, HASH_BYTES, HEADER_BYTES, Hash, Header, NONCE_BYTES, Packed};
use crate::keys::{Cipher, KeyError, sha256};
use crate::manifest::FORMAT_VERSION;

/// Bytes of a segment's header.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 72;
const MAGIC: &[u8; 6] = b"CHPSEG";

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) recording: RecordingId,
    pub(crate) segment: u32,
    pub(crate) first_sequence: u64,
    pub(crate) previous: Hash,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..6].copy_from_slice(MAGIC);
        bytes[6..8].copy_from_slice(&FORMAT_VERSION.to_be_bytes());
        bytes[8..24].copy_from_slice(self.recording.uuid().as_bytes());
        bytes[24..28].copy_from_slice(&self.segment.to_be_bytes());
        bytes[32..40].copy_from_slice(&self.first_sequence.to_be_bytes());
        bytes[40..].copy_from_slice(&self.previous);
        bytes
    }
}

/// Why bytes are not the frame that should stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// They end too soon.
    Short,
    /// They are something else.
    Wrong(&'static str),
}

/// A frame whose place in the chain is right; not yet decrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    pub(crate) header: Header,
    pub(crate) bytes: usize,
    pub(crate) hash: Hash,
}

/// Where a writer or a reader stands in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    /// Bytes of the segment so far.
    pub(crate) offset: u64,
    /// The next frame's number.
    pub(crate) sequence: u64,
    /// The last link.
    pub(crate) hash: Hash,
}

impl Position {
    /// Before the first segment.
    pub(crate) fn genesis(hash: Hash) -> Self {
        Self { segment: 0, offset: 0, sequence: 0, hash }
    }

    /// The header of the segment behind this place.
    pub(crate) fn next_header(&self, recording: RecordingId) -> SegmentHeader {
        SegmentHeader {
            recording,
            segment: self.segment + 1,
            first_sequence: self.sequence,
            previous: self.hash,
        }
    }

    /// At the first frame of the next segment.
    pub(crate) fn into_next(self) -> Self {
        Self { segment: self.segment + 1, offset: SEGMENT_HEADER_BYTES as u64, ..self }
    }

    /// Checks that the segment behind this place begins as it must, and steps into it.
    pub(crate) fn enter(&self, recording: RecordingId, bytes: &[u8]) -> Result<Self, Broken> {
        let header = bytes.get(..SEGMENT_HEADER_BYTES).ok_or(Broken::Short)?;
        let right = self.next_header(recording).encode();
        if header == right {
            return Ok(self.into_next());
        }
        Err(Broken::Wrong(if header[..8] != right[..8] {
            "this is not a segment of this format"
        } else if header[8..24] != right[8..24] {
            "the segment belongs to another recording"
        } else if header[40..] != right[40..] {
            "the segment does not continue the chain"
        } else {
            "the segment is not the one that should stand here"
        }))
    }

    /// Checks the frame at the front of `bytes`, which begin at this place.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<Link, Broken> {
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(Broken::Short)?;
        let header = Header::decode(header).ok_or(Broken::Wrong("this is not the header of a frame"))?;
        if header.sequence != self.sequence {
            return Err(Broken::Wrong("the frame has another number than its place"));
        }
        let length = header.frame_bytes();
        let frame = bytes.get(..length).ok_or(Broken::Short)?;
        let (covered, stored) = frame.split_at(length - HASH_BYTES);
        let hash = sha256(&[&self.hash, covered]);
        if hash != stored {
            return Err(Broken::Wrong("the frame does not continue the chain"));
        }
        Ok(Link { header, bytes: length, hash })
    }

    /// The place behind a frame.
    pub(crate) fn after(self, link: &Link) -> Self {
        Self {
            segment: self.segment,
            offset: self.offset + link.bytes as u64,
            sequence: self.sequence + 1,
            hash: link.hash,
        }
    }

    fn aad(&self, recording: RecordingId, header: &[u8; HEADER_BYTES]) -> Vec<u8> {
        let mut aad = Vec::with_capacity(28 + HEADER_BYTES);
        aad.extend_from_slice(recording.uuid().as_bytes());
        aad.extend_from_slice(&self.segment.to_be_bytes());
        aad.extend_from_slice(&self.offset.to_be_bytes());
        aad.extend_from_slice(header);
        aad
    }

    /// Writes a frame at this place, behind what is in `out`, and answers the place behind it.
    pub(crate) fn write(
        self,
        recording: RecordingId,
        cipher: &Cipher,
        durable: u64,
        packed: &Packed,
        out: &mut Vec<u8>,
    ) -> Result<Self, KeyError> {
        let cipher_bytes = packed.compressed.len() + crate::frame::TAG_BYTES;
        let header = Header {
            kind: packed.kind,
            full_snapshot: packed.full_snapshot,
            plain_bytes: packed.plain_bytes,
            cipher_bytes: u32::try_from(cipher_bytes).map_err(|_| KeyError::System)?,
            sequence: self.sequence,
            durable,
            at: packed.at,
            document: packed.document,
        };
        let encoded = header.encode();
        let mut sealed = Vec::with_capacity(cipher_bytes);
        sealed.extend_from_slice(&packed.compressed);
        let nonce = cipher.seal(&self.aad(recording, &encoded), &mut sealed)?;
        let hash = sha256(&[&self.hash, &encoded, &nonce, &sealed]);
        out.extend_from_slice(&encoded);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out.extend_from_slice(&hash);
        Ok(self.after(&Link { header, bytes: header.frame_bytes(), hash }))
    }

    /// Decrypts a frame that was checked.
    pub(crate) fn open(
        &self,
        recording: RecordingId,
        cipher: &Cipher,
        link: &Link,
        bytes: &[u8],
    ) -> Result<Frame, Broken> {
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(Broken::Short)?;
        let nonce = bytes[HEADER_BYTES..].first_chunk::<NONCE_BYTES>().ok_or(Broken::Short)?;
        let end = link.bytes - HASH_BYTES;
        let mut sealed = bytes.get(HEADER_BYTES + NONCE_BYTES..end).ok_or(Broken::Short)?.to_vec();
        let plain = cipher
            .open(nonce, &self.aad(recording, header), &mut sealed)
            .map_err(|_| Broken::Wrong("the frame was not encrypted with the recording's key for this place"))?;
        let capacity = (link.header.plain_bytes as usize).min(FRAME_MAX_BYTES);
        let body = zstd::bulk::decompress(plain, capacity)
            .map_err(|_| Broken::Wrong("the frame's body cannot be decompressed"))?;
        if body.len() != capacity {
            return Err(Broken::Wrong("the frame's body has another length than its header says"));
        }
        let body = FrameBody::decode(link.header.kind, link.header.full_snapshot, &Bytes::from(body))
            .ok_or(Broken::Wrong("the frame's body is not one of its kind"))?;
        Ok(Frame {
            sequence: self.sequence,
            at: link.header.at,
            segment: self.segment,
            offset: self.offset,
            hash: link.hash,
            body,
        })
    }
}

/// Whether bytes that are no whole frame are the torn end of what was being written when the power went, and not
/// damage to something that was acknowledged.
///
/// Every frame says which frames were durable when it was written. So when anywhere behind the break there is a frame
/// that continues from the 32 bytes before it, and says that the broken one was durable, then it was.
pub(crate) fn is_torn(place: &Position, rest: &[u8]) -> bool {
    /// Frames that can have been on their way at once; far more than any group holds.
    const AHEAD: u64 = 1 << 20;
    for at in HASH_BYTES..rest.len() {
        let Some(header) = rest[at..].first_chunk::<HEADER_BYTES>().and_then(Header::decode) else { continue };
        let plausible = header.sequence > place.sequence && header.sequence - place.sequence < AHEAD;
        if !plausible || header.durable <= place.sequence {
            continue;
        }
        let mut previous = [0; HASH_BYTES];
        previous.copy_from_slice(&rest[at - HASH_BYTES..at]);
        let there = Position { sequence: header.sequence, hash: previous, ..*place };
        if there.check(&rest[at..]).is_ok() {
            return false;
        }
    }
    true
}
