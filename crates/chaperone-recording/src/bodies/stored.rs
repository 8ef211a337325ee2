//! How bodies are stored: a small head in JSON, and behind it bytes that are kept as they came.

use bytes::Bytes;
use chaperone_domain::ids::ExchangeId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Direction, ExchangeBody, ExchangeClosed, FrameBody, Outcome, PageEntries, WebSocketMessage};
use crate::frame::FrameKind;
use crate::wire::{hex32, hex32_option, text};

impl FrameBody {
    /// The bytes as they are stored: length of the head (u32, big-endian), head (JSON), tail.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let (head, tail): (Vec<u8>, &[u8]) = match self {
            Self::Consent(body) => (serde_json::to_vec(body)?, &[]),
            Self::DocumentIssued(body) => (serde_json::to_vec(body)?, &[]),
            Self::DocumentState(body) => (serde_json::to_vec(body)?, &[]),
            Self::Dom(entries, _) | Self::Steps(entries) | Self::Intents(entries) | Self::Health(entries) => {
                (serde_json::to_vec(&entries.batch)?, &entries.json)
            }
            Self::ExchangeOpened(body) => (serde_json::to_vec(body)?, &[]),
            Self::ExchangeBody(body) => {
                (serde_json::to_vec(&BodyHead { exchange: body.exchange, offset: body.offset })?, &body.bytes)
            }
            Self::ExchangeClosed(body) => (serde_json::to_vec(&ClosedHead::from(body))?, &body.preview),
            Self::ExchangeRead(body) => (serde_json::to_vec(body)?, &[]),
            Self::WebSocketMessage(body) => {
                (serde_json::to_vec(&MessageHead::from(body))?, body.content.as_deref().unwrap_or_default())
            }
            Self::AssetServed(body) => (serde_json::to_vec(body)?, &[]),
            Self::Gap(body) => (serde_json::to_vec(body)?, &[]),
            Self::Refusal(body) => (serde_json::to_vec(body)?, &[]),
            Self::Note(body) => (serde_json::to_vec(body)?, &[]),
        };
        let mut bytes = Vec::with_capacity(4 + head.len() + tail.len());
        bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(tail);
        Ok(bytes)
    }

    /// Reads what [`FrameBody::encode`] wrote; `None` when the bytes are not a body of this kind.
    pub(crate) fn decode(kind: FrameKind, full_snapshot: bool, bytes: &Bytes) -> Option<Self> {
        let length = usize::try_from(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
        let end = length.checked_add(4)?;
        let head = bytes.get(4..end)?;
        let tail = bytes.slice(end..);
        fn read<T: DeserializeOwned>(head: &[u8]) -> Option<T> {
            serde_json::from_slice(head).ok()
        }
        let entries = || Some(PageEntries { batch: read(head)?, json: tail.clone() });
        Some(match kind {
            FrameKind::Consent => Self::Consent(read(head)?),
            FrameKind::DocumentIssued => Self::DocumentIssued(read(head)?),
            FrameKind::DocumentState => Self::DocumentState(read(head)?),
            FrameKind::Dom => Self::Dom(entries()?, full_snapshot),
            FrameKind::Steps => Self::Steps(entries()?),
            FrameKind::Intents => Self::Intents(entries()?),
            FrameKind::Health => Self::Health(entries()?),
            FrameKind::ExchangeOpened => Self::ExchangeOpened(read(head)?),
            FrameKind::ExchangeBody => {
                let BodyHead { exchange, offset } = read(head)?;
                Self::ExchangeBody(ExchangeBody { exchange, offset, bytes: tail })
            }
            FrameKind::ExchangeClosed => Self::ExchangeClosed(read::<ClosedHead>(head)?.whole(tail)),
            FrameKind::ExchangeRead => Self::ExchangeRead(read(head)?),
            FrameKind::WebSocketMessage => Self::WebSocketMessage(read::<MessageHead>(head)?.whole(tail)),
            FrameKind::AssetServed => Self::AssetServed(read(head)?),
            FrameKind::Gap => Self::Gap(read(head)?),
            FrameKind::Refusal => Self::Refusal(read(head)?),
            FrameKind::Note => Self::Note(read(head)?),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct BodyHead {
    #[serde(with = "text")]
    exchange: ExchangeId,
    offset: u64,
}

#[derive(Serialize, Deserialize)]
struct ClosedHead {
    #[serde(with = "text")]
    exchange: ExchangeId,
    outcome: Outcome,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    request_bytes: u64,
    #[serde(with = "hex32_option", default)]
    request_sha256: Option<[u8; 32]>,
    response_bytes: u64,
    #[serde(with = "hex32_option", default)]
    response_sha256: Option<[u8; 32]>,
    duration_ms: u64,
}

impl From<&ExchangeClosed> for ClosedHead {
    fn from(body: &ExchangeClosed) -> Self {
        Self {
            exchange: body.exchange,
            outcome: body.outcome,
            reason: body.reason.clone(),
            status: body.status,
            headers: body.headers.clone(),
            request_bytes: body.request_bytes,
            request_sha256: body.request_sha256,
            response_bytes: body.response_bytes,
            response_sha256: body.response_sha256,
            duration_ms: body.duration_ms,
        }
    }
}

impl ClosedHead {
    fn whole(self, preview: Bytes) -> ExchangeClosed {
        ExchangeClosed {
            exchange: self.exchange,
            outcome: self.outcome,
            reason: self.reason,
            status: self.status,
            headers: self.headers,
            request_bytes: self.request_bytes,
            request_sha256: self.request_sha256,
            response_bytes: self.response_bytes,
            response_sha256: self.response_sha256,
            duration_ms: self.duration_ms,
            preview,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MessageHead {
    #[serde(with = "text")]
    exchange: ExchangeId,
    direction: Direction,
    #[serde(default)]
    sequence: Option<u32>,
    text: bool,
    bytes: u64,
    #[serde(with = "hex32")]
    sha256: [u8; 32],
    kept: bool,
}

impl From<&WebSocketMessage> for MessageHead {
    fn from(body: &WebSocketMessage) -> Self {
        Self {
            exchange: body.exchange,
            direction: body.direction,
            sequence: body.sequence,
            text: body.text,
            bytes: body.bytes,
            sha256: body.sha256,
            kept: body.content.is_some(),
        }
    }
}

impl MessageHead {
    fn whole(self, content: Bytes) -> WebSocketMessage {
        WebSocketMessage {
            exchange: self.exchange,
            direction: self.direction,
            sequence: self.sequence,
            text: self.text,
            bytes: self.bytes,
            sha256: self.sha256,
            content: self.kept.then_some(content),
        }
    }
}
