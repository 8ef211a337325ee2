//! What the recorder in a page sends, byte by byte, and what proves that it came from there.
//!
//! Each document has a key of its own, derived from the recording's secret and handed to the page in its tag. The
//! key proves that *this page loaded our tag*, never that the page is honest. The protocol is described in
//! `docs/recorder-protocol.md`; both sides are tested against the same vectors.

use aws_lc_rs::{constant_time, hkdf, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::document::Arrival;
use chaperone_domain::ids::DocumentId;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::encoding::{Coding, Unpacker};
use crate::limits::{BATCH_MAX_BYTES, BATCH_MAX_UNPACKED_BYTES};

const MAGIC: &[u8; 4] = b"CHB1";
const HEAD_BYTES: usize = 4 + 16 + 2 + 4 + 1 + 1 + 8 + 2 + 4 + MAC_BYTES;
const MAC_BYTES: usize = 16;
const KEY_INFO: &[u8] = b"chaperone document v1";

const FLAG_HIDDEN: u8 = 0b0010;
const FLAG_TAIL: u8 = 0b0100;
const FLAG_ENDED: u8 = 0b1000;

/// The first 16 bytes of an HMAC-SHA-256 under a document's key.
pub type Mac = [u8; MAC_BYTES];

/// Why a batch is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes are no batch.
    #[error("this is not a batch")]
    Malformed,
    /// It is longer than a batch may be, packed or unpacked.
    #[error("the batch is too large")]
    TooLarge,
    /// Its MAC is not one of the document's key.
    #[error("the batch is forged")]
    Forged,
}

/// The key of one document.
pub struct DocumentKey {
    bytes: [u8; 32],
    hmac: hmac::Key,
}

struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

impl DocumentKey {
    /// The key of this document of the recording with this secret.
    pub fn derive(recording_secret: &[u8; 32], document: DocumentId) -> Self {
        let mut bytes = [0; 32];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, document.uuid().as_bytes());
        let derived = salt.extract(recording_secret);
        // Expanding to one hash length cannot fail; were it to, a key of zeros would only lock the page out.
        let _ = derived.expand(&[KEY_INFO], KeyLength).and_then(|okm| okm.fill(&mut bytes));
        Self { bytes, hmac: hmac::Key::new(hmac::HMAC_SHA256, &bytes) }
    }

    /// What the page's tag carries: document id and key.
    pub fn token(&self, document: DocumentId) -> String {
        let mut token = [0; 48];
        token[..16].copy_from_slice(document.uuid().as_bytes());
        token[16..].copy_from_slice(&self.bytes);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn mac(&self, parts: &[&[u8]]) -> Mac {
        let mut context = hmac::Context::with_key(&self.hmac);
        for part in parts {
            context.update(part);
        }
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&context.sign().as_ref()[..MAC_BYTES]);
        mac
    }

    /// The proof that an acknowledgement comes from us, as its header is written.
    pub fn acknowledge(&self, body: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(&[b"ack:", body]))
    }

    /// Whether the page made this proof for this request. `method` is `WEBSOCKET` for sockets.
    pub fn proves(&self, proof: &Proof, method: &str, path_and_query: &str) -> bool {
        let sequence = proof.sequence.to_string();
        let parts: [&[u8]; 6] =
            [b"req:", sequence.as_bytes(), b":", method.as_bytes(), b":", path_and_query.as_bytes()];
        constant_time::verify_slices_are_equal(&self.mac(&parts), &proof.mac).is_ok()
    }
}

/// What a request of a page carries: `<document>.<sequence>.<mac>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which document asks.
    pub document: DocumentId,
    /// The batch that holds everything up to this moment.
    pub sequence: u32,
    mac: Mac,
}

impl Proof {
    /// Reads the three parts.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (document, sequence, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || sequence.starts_with('+') {
            return None;
        }
        Some(Self {
            document: DocumentId::new(Uuid::from_bytes(fixed(document)?)),
            sequence: sequence.parse().ok()?,
            mac: fixed(mac)?,
        })
    }
}

fn fixed(text: &str) -> Option<[u8; 16]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// A batch as it came in; nothing of it is believed before [`Batch::verify`].
#[derive(Debug)]
pub struct Batch<'a> {
    /// Which document.
    pub document: DocumentId,
    /// Rises at each return from the browser's history.
    pub epoch: u16,
    /// Counts through the whole life of the document.
    pub sequence: u32,
    /// Milliseconds since the document began.
    pub since_start_ms: u64,
    /// MAC of the batch before.
    pub previous_mac: Mac,
    /// MAC of this one.
    pub mac: Mac,
    packed: bool,
    flags: u8,
    entries: u16,
    body: &'a [u8],
    covered: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Takes the bytes apart.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BatchError> {
        if bytes.len() > BATCH_MAX_BYTES {
            return Err(BatchError::TooLarge);
        }
        let mut reader = Reader { rest: bytes };
        if reader.take::<4>()? != *MAGIC {
            return Err(BatchError::Malformed);
        }
        let document = DocumentId::new(Uuid::from_bytes(reader.take()?));
        let epoch = u16::from_be_bytes(reader.take()?);
        let sequence = u32::from_be_bytes(reader.take()?);
        let [codec, flags] = reader.take()?;
        let since_start_ms = u64::from_be_bytes(reader.take()?);
        let entries = u16::from_be_bytes(reader.take()?);
        let body_length = u32::from_be_bytes(reader.take()?) as usize;
        let previous_mac = reader.take()?;
        let body_and_mac = reader.rest;
        if codec > 1 || body_and_mac.len() != body_length.saturating_add(MAC_BYTES) {
            return Err(BatchError::Malformed);
        }
        let (body, mac) = body_and_mac.split_at(body_length);
        let mac = mac.try_into().map_err(|_| BatchError::Malformed)?;
        let covered = &bytes[..HEAD_BYTES + body_length];
        Ok(Self {
            document,
            epoch,
            sequence,
            since_start_ms,
            previous_mac,
            mac,
            packed: codec == 1,
            flags,
            entries,
            body,
            covered,
        })
    }

    /// Whether the document's key made it.
    pub fn verify(&self, key: &DocumentKey) -> Result<(), BatchError> {
        let right = key.mac(&[b"batch:", self.covered]);
        constant_time::verify_slices_are_equal(&right, &self.mac).map_err(|_| BatchError::Forged)
    }

    /// The page is hidden.
    pub fn hidden(&self) -> bool {
        self.flags & FLAG_HIDDEN != 0
    }

    /// The page is going away.
    pub fn is_tail(&self) -> bool {
        self.flags & FLAG_TAIL != 0
    }

    /// The page was left.
    pub fn ended(&self) -> bool {
        self.flags & FLAG_ENDED != 0
    }

    /// Unpacks the body: a JSON array of entries.
    pub fn unpack(&self) -> Result<Vec<u8>, BatchError> {
        if !self.packed {
            return Ok(self.body.to_vec());
        }
        let mut unpacked = Vec::new();
        let mut unpacker = Unpacker::new(Coding::Gzip);
        for slice in self.body.chunks(crate::limits::UNPACK_SLICE_BYTES) {
            unpacker.push(slice, &mut unpacked).map_err(|_| BatchError::TooLarge)?;
            if unpacked.len() > BATCH_MAX_UNPACKED_BYTES {
                return Err(BatchError::TooLarge);
            }
        }
        unpacker.finish(&mut unpacked).map_err(|_| BatchError::Malformed)?;
        Ok(unpacked)
    }

    /// What it tells the document's life cycle, by its content and not by what its flags claim.
    pub fn arrival(&self, content: &Content<'_>) -> Arrival {
        Arrival {
            epoch: self.epoch,
            sequence: self.sequence,
            hello: content.hello.is_some(),
            snapshot: content.snapshot,
            hidden: self.hidden(),
            ended: self.ended(),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(BatchError::Malformed)?;
        self.rest = rest;
        Ok(*head)
    }
}

/// A request that cannot carry a proof, declared before it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Intent {
    /// The page's own name for it.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Path and query.
    pub url: String,
    /// How it leaves: `form`, `navigate`, `beacon`, `no-cors`, `keepalive` or `download`.
    pub via: String,
    /// The step that explains it.
    #[serde(default)]
    pub step: Option<u64>,
}

/// What a page says first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// Its address.
    #[serde(default)]
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: String,
    /// Whether it is a frame of another page.
    #[serde(default)]
    pub frame: bool,
}

/// One entry: its channel and its content, as the page wrote it.
#[derive(Debug, Deserialize)]
pub struct Entry<'a>(
    /// `h`, `d`, `s` or `i`.
    pub &'a str,
    /// The content.
    #[serde(borrow)]
    pub &'a RawValue,
);

/// A batch's content, as far as the gateway looks at it.
#[derive(Debug, Default)]
pub struct Content<'a> {
    /// Every entry in order.
    pub entries: Vec<Entry<'a>>,
    /// The hello, if this is the batch that says it.
    pub hello: Option<Hello>,
    /// A full snapshot is inside.
    pub snapshot: bool,
    /// Declared requests.
    pub intents: Vec<Intent>,
    /// The `seq` of the last step inside.
    pub last_step: Option<u64>,
}

#[derive(Deserialize)]
struct DomKind {
    r#type: u8,
}

#[derive(Deserialize)]
struct HealthKind<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct StepNumber {
    seq: u64,
}

/// The kind of rrweb event that is a full snapshot.
const RRWEB_FULL_SNAPSHOT: u8 = 2;

impl<'a> Content<'a> {
    /// Reads the unpacked body; the number of entries must be the announced one.
    pub fn parse(batch: &Batch<'_>, unpacked: &'a [u8]) -> Result<Self, BatchError> {
        // A sign of life may have no body at all.
        let entries: Vec<Entry<'a>> = if unpacked.is_empty() {
            Vec::new()
        } else {
            serde_json::from_slice(unpacked).map_err(|_| BatchError::Malformed)?
        };
        if entries.len() != usize::from(batch.entries) {
            return Err(BatchError::Malformed);
        }
        let mut content = Self::default();
        for (index, Entry(channel, payload)) in entries.iter().enumerate() {
            let text = payload.get();
            match *channel {
                "d" => {
                    let kind: DomKind = serde_json::from_str(text).map_err(|_| BatchError::Malformed)?;
                    content.snapshot |= kind.r#type == RRWEB_FULL_SNAPSHOT;
                }
                "h" => {
                    let kind: HealthKind<'_> =
                        serde_json::from_str(text).map_err(|_| BatchError::Malformed)?;
                    if kind.r#type == "hello" && batch.sequence == 0 && index == 0 {
                        content.hello = Some(serde_json::from_str(text).map_err(|_| BatchError::Malformed)?);
                    }
                }
                "i" => content.intents.push(serde_json::from_str(text).map_err(|_| BatchError::Malformed)?),
                "s" => {
                    let step: StepNumber = serde_json::from_str(text).map_err(|_| BatchError::Malformed)?;
                    content.last_step = Some(step.seq);
                }
                _ => return Err(BatchError::Malformed),
            }
        }
        content.entries = entries;
        Ok(content)
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
