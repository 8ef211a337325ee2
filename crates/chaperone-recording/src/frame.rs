//! A frame: one thing that happened, at one instant, in one place of the chain.

use std::cell::RefCell;

use bytes::Bytes;
use chaperone_domain::ids::DocumentId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::bodies::FrameBody;

/// Longest body of a frame before compression, in bytes: a recorder's longest batch, and room for its head.
pub const FRAME_MAX_BYTES: usize = 33 * 1024 * 1024;
/// Bytes of a frame's header.
pub(crate) const HEADER_BYTES: usize = 52;
/// Bytes of the nonce behind the header.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes of the authentication tag at the end of the ciphertext.
pub(crate) const TAG_BYTES: usize = 16;
/// Bytes of the hash that ends a frame.
pub(crate) const HASH_BYTES: usize = 32;

/// A link of the chain.
pub type Hash = [u8; HASH_BYTES];

/// What is to be written: when it happened, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFrame {
    /// When it happened; microseconds are kept.
    pub at: Timestamp,
    /// What happened.
    pub body: FrameBody,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Counts frames from 0 through the whole recording.
    pub sequence: u64,
    /// When it happened.
    pub at: Timestamp,
    /// The segment that it stands in.
    pub segment: u32,
    /// Where in the segment it begins, in bytes.
    pub offset: u64,
    /// Its link of the chain.
    pub hash: Hash,
    /// What happened.
    pub body: FrameBody,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $name:literal;)*) => {
        /// The kind of a frame: readable without the key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FrameKind {
            $($(#[$doc])* $kind,)*
        }

        impl FrameKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The number on disk.
            pub const fn code(self) -> u8 {
                match self { $(Self::$kind => $code,)* }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The kind of that number.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    /// The user agreed to be recorded.
    Consent = 1, "consent";
    /// A document's HTML begins to go out.
    DocumentIssued = 2, "document_issued";
    /// A document went into another state.
    DocumentState = 3, "document_state";
    /// rrweb events.
    Dom = 4, "dom";
    /// What the user did.
    Steps = 5, "steps";
    /// Requests that the page declared.
    Intents = 6, "intents";
    /// How the recorder is.
    Health = 7, "health";
    /// An exchange is about to leave.
    ExchangeOpened = 8, "exchange_opened";
    /// A piece of a request's body.
    ExchangeBody = 9, "exchange_body";
    /// An exchange is over.
    ExchangeClosed = 10, "exchange_closed";
    /// Something was read.
    ExchangeRead = 11, "exchange_read";
    /// A message of a WebSocket.
    WebSocketMessage = 12, "websocket_message";
    /// An asset was served.
    AssetServed = 13, "asset_served";
    /// Something is missing.
    Gap = 14, "gap";
    /// A change was refused.
    Refusal = 15, "refusal";
    /// Anything else.
    Note = 16, "note";
}

/// A set of kinds: what a reader wants to see. Frames of other kinds are verified, but not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindSet(u32);

impl KindSet {
    /// Every kind.
    pub const ALL: Self = Self(u32::MAX);

    /// These kinds.
    pub fn of(kinds: &[FrameKind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | 1 << kind.code()))
    }

    /// Every kind but these.
    pub fn without(kinds: &[FrameKind]) -> Self {
        Self(!Self::of(kinds).0)
    }

    /// Whether the kind is in it.
    pub fn has(self, kind: FrameKind) -> bool {
        self.0 & (1 << kind.code()) != 0
    }
}

/// The part of a frame that is readable without the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: FrameKind,
    pub(crate) full_snapshot: bool,
    pub(crate) plain_bytes: u32,
    pub(crate) cipher_bytes: u32,
    pub(crate) sequence: u64,
    /// The first frame that was not known to be durable when this one was written.
    pub(crate) durable: u64,
    pub(crate) at: Timestamp,
    pub(crate) document: Option<DocumentId>,
}

const FULL_SNAPSHOT: u8 = 1;

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind.code();
        bytes[1] = if self.full_snapshot { FULL_SNAPSHOT } else { 0 };
        // Two bytes are kept free, and zero.
        bytes[4..8].copy_from_slice(&self.plain_bytes.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.cipher_bytes.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[20..28].copy_from_slice(&self.durable.to_be_bytes());
        bytes[28..36].copy_from_slice(&self.at.as_microsecond().to_be_bytes());
        let document = self.document.map_or(Uuid::nil(), DocumentId::uuid);
        bytes[36..52].copy_from_slice(document.as_bytes());
        bytes
    }

    /// Reads a header; `None` when these bytes are none.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
            std::array::from_fn(|index| bytes[at + index])
        }
        if bytes[1] & !FULL_SNAPSHOT != 0 || bytes[2..4] != [0, 0] {
            return None;
        }
        let plain_bytes = u32::from_be_bytes(field(bytes, 4));
        let cipher_bytes = u32::from_be_bytes(field(bytes, 8));
        // Compression may add a little, never much.
        let most = FRAME_MAX_BYTES + FRAME_MAX_BYTES / 64 + 1024;
        if plain_bytes as usize > FRAME_MAX_BYTES
            || cipher_bytes as usize > most
            || (cipher_bytes as usize) < TAG_BYTES
        {
            return None;
        }
        let document = Uuid::from_bytes(field(bytes, 36));
        Some(Self {
            kind: FrameKind::from_code(bytes[0])?,
            full_snapshot: bytes[1] & FULL_SNAPSHOT != 0,
            plain_bytes,
            cipher_bytes,
            sequence: u64::from_be_bytes(field(bytes, 12)),
            durable: u64::from_be_bytes(field(bytes, 20)),
            at: Timestamp::from_microsecond(i64::from_be_bytes(field(bytes, 28))).ok()?,
            document: (!document.is_nil()).then(|| DocumentId::new(document)),
        })
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        HEADER_BYTES + NONCE_BYTES + self.cipher_bytes as usize + HASH_BYTES
    }
}

/// A frame that is compressed and waits for its place in the chain.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) kind: FrameKind,
    pub(crate) full_snapshot: bool,
    pub(crate) at: Timestamp,
    pub(crate) document: Option<DocumentId>,
    pub(crate) plain_bytes: u32,
    pub(crate) compressed: Bytes,
}

impl Packed {
    /// Compresses a frame; `None` when it is too large.
    pub(crate) fn pack(frame: &NewFrame) -> Option<Self> {
        let plain = frame.body.encode().ok()?;
        if plain.len() > FRAME_MAX_BYTES {
            return None;
        }
        let compressed = compress(&plain)?;
        Some(Self {
            kind: frame.body.kind(),
            full_snapshot: frame.body.full_snapshot(),
            at: frame.at,
            document: frame.body.document(),
            plain_bytes: u32::try_from(plain.len()).ok()?,
            compressed: Bytes::from(compressed),
        })
    }
}

/// The level at which bodies are compressed.
const ZSTD_LEVEL: i32 = 3;
/// The level for small bodies: making tables for their letters costs more than it saves.
const ZSTD_LEVEL_SMALL: i32 = -1;
/// What is small, in bytes.
const SMALL_BYTES: usize = 2 * 1024;

/// One compressor for each of the two levels.
struct Compressors {
    small: zstd::bulk::Compressor<'static>,
    large: zstd::bulk::Compressor<'static>,
}

impl Compressors {
    fn new() -> Option<Self> {
        Some(Self {
            small: zstd::bulk::Compressor::new(ZSTD_LEVEL_SMALL).ok()?,
            large: zstd::bulk::Compressor::new(ZSTD_LEVEL).ok()?,
        })
    }
}

thread_local! {
    /// Making a compressor costs more than compressing a frame of ordinary size, so that each thread keeps its own.
    static COMPRESSORS: RefCell<Option<Compressors>> = const { RefCell::new(None) };
}

fn compress(plain: &[u8]) -> Option<Vec<u8>> {
    COMPRESSORS.with_borrow_mut(|kept| {
        let compressors = match kept {
            Some(compressors) => compressors,
            None => kept.insert(Compressors::new()?),
        };
        let compressor =
            if plain.len() <= SMALL_BYTES { &mut compressors.small } else { &mut compressors.large };
        compressor.compress(plain).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_it_was_written() {
        for &kind in FrameKind::ALL {
            assert_eq!(FrameKind::from_code(kind.code()), Some(kind));
            let header = Header {
                kind,
                full_snapshot: kind == FrameKind::Dom,
                plain_bytes: 7,
                cipher_bytes: 40,
                sequence: 9,
                durable: 8,
                at: Timestamp::from_microsecond(1_763_660_000_000_001).expect("in range"),
                document: Some(DocumentId::new(Uuid::from_u128(5))),
            };
            assert_eq!(Header::decode(&header.encode()), Some(header));
        }
    }

    #[test]
    fn a_header_with_free_bits_set_is_none() {
        let header = Header {
            kind: FrameKind::Note,
            full_snapshot: false,
            plain_bytes: 1,
            cipher_bytes: 16,
            sequence: 0,
            durable: 0,
            at: Timestamp::UNIX_EPOCH,
            document: None,
        };
        for (at, value) in [(1, 2), (2, 1), (3, 1), (0, 0), (0, 99)] {
            let mut bytes = header.encode();
            bytes[at] = value;
            assert_eq!(Header::decode(&bytes), None, "byte {at}");
        }
    }

    #[test]
    fn a_set_has_what_it_was_made_of() {
        let set = KindSet::without(&[FrameKind::Dom]);
        assert!(!set.has(FrameKind::Dom) && set.has(FrameKind::Steps) && KindSet::ALL.has(FrameKind::Dom));
    }
}
