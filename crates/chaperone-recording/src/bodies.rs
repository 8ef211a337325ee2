//! What frames say. Each body is a small JSON head and, where there are bytes kept as they came, a tail behind it.
//!
//! The gateway's own frames (exchanges, refusals, assets, documents) are the authority. What the recorder in the page
//! said ([`PageEntries`]) is kept as it came, byte by byte: the page belongs to the recorded user.

mod entries;
mod stored;

use bytes::Bytes;
use chaperone_domain::ids::{
    AccountId, DocumentId, ExchangeId, PrivilegedSessionId, SignInId, TargetId, UserId,
};
use serde::{Deserialize, Serialize};

pub use entries::{BatchHead, ENTRY_DEPTH_MAX, PageEntries};

use crate::frame::FrameKind;
use crate::wire::{hex32, hex32_option, text, text_option};

/// The user agreed to be recorded: the first frame of every recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who agreed.
    #[serde(with = "text")]
    pub user_id: UserId,
    /// The name they sign in with.
    pub user_name: String,
    /// The account they act as.
    #[serde(with = "text_option", default)]
    pub account_id: Option<AccountId>,
    /// That account's name.
    #[serde(default)]
    pub account_name: Option<String>,
    /// The privileged session that they opened.
    #[serde(with = "text_option", default)]
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// The sign-in that is recorded.
    #[serde(with = "text")]
    pub sign_in_id: SignInId,
    /// SHA-256 of the notice that they read.
    #[serde(with = "hex32")]
    pub notice_sha256: [u8; 32],
}

/// A document's HTML begins to go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentIssued {
    /// The document.
    #[serde(with = "text")]
    pub document: DocumentId,
    /// Its address.
    pub url: String,
    /// A page of its own, not a frame of another one.
    pub top: bool,
    /// The target that it comes from.
    #[serde(with = "text_option", default)]
    pub target: Option<TargetId>,
}

/// What a document's evidence allows; the names are those of `chaperone_domain::document::DocumentState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentPhase {
    /// Its HTML went out; nothing proves yet that it is recorded.
    Issued,
    /// Its recorder is heard.
    Live,
    /// Its recorder is silent for longer than its lease.
    Stale,
    /// Its evidence is broken for good.
    Lost,
    /// The page was left.
    Ended,
}

impl DocumentPhase {
    /// The stable name in API and frames.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Lost => "lost",
            Self::Ended => "ended",
        }
    }
}

/// A document went into another state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentState {
    /// The document.
    #[serde(with = "text")]
    pub document: DocumentId,
    /// Its state from now on.
    pub state: DocumentPhase,
    /// Why, where there is more to say (`gap`, `forged`, `silent`).
    #[serde(default)]
    pub reason: Option<String>,
}

/// What kind of exchange has an opening frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpenedKind {
    /// It may change something.
    Change,
    /// It takes something away.
    Download,
    /// A WebSocket.
    Websocket,
}

/// An exchange is about to leave; durable before its first byte goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeOpened {
    /// The exchange.
    #[serde(with = "text")]
    pub exchange: ExchangeId,
    /// The document that it came from.
    #[serde(with = "text_option", default)]
    pub document: Option<DocumentId>,
    /// The batch of that document that holds everything up to it.
    #[serde(default)]
    pub sequence: Option<u32>,
    /// The step that the page named for it.
    #[serde(default)]
    pub step: Option<u64>,
    /// The target that it goes to.
    #[serde(with = "text_option", default)]
    pub target: Option<TargetId>,
    /// What it is.
    pub kind: OpenedKind,
    /// Its method.
    pub method: String,
    /// Its whole public address, secrets taken out.
    pub url: String,
    /// Its headers, secrets taken out.
    pub headers: Vec<(String, String)>,
}

/// A piece of a request's body that is about to leave, secrets taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeBody {
    /// The exchange.
    pub exchange: ExchangeId,
    /// Where in the body the piece begins, in bytes.
    pub offset: u64,
    /// The piece.
    pub bytes: Bytes,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The target answered.
    Done,
    /// It did not reach the target.
    Refused,
    /// It went wrong in a way that is known.
    Failed,
    /// It may have reached the target; what became of it is not known.
    Unknown,
}

impl Outcome {
    /// The stable name in API and frames.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// An exchange that had an opening frame is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeClosed {
    /// The exchange.
    pub exchange: ExchangeId,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// The answer's headers, secrets taken out.
    pub headers: Vec<(String, String)>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// SHA-256 of the request's body as it was sent.
    pub request_sha256: Option<[u8; 32]>,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// SHA-256 of the answer's body as it was sent.
    pub response_sha256: Option<[u8; 32]>,
    /// From the opening to the end.
    pub duration_ms: u64,
    /// The beginning of the answer's body, secrets taken out; may be empty.
    pub preview: Bytes,
}

/// Something was read: the whole exchange in one frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangeRead {
    /// The exchange.
    #[serde(with = "text")]
    pub exchange: ExchangeId,
    /// The document that it came from, as far as it said so.
    #[serde(with = "text_option", default)]
    pub document: Option<DocumentId>,
    /// The target that it went to.
    #[serde(with = "text_option", default)]
    pub target: Option<TargetId>,
    /// Its method.
    pub method: String,
    /// Its whole public address, secrets taken out.
    pub url: String,
    /// The answer's status, or [`NOT_AWAITED`](Self::NOT_AWAITED).
    pub status: u16,
    /// The answer's type.
    #[serde(default)]
    pub content_type: String,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// SHA-256 of the answer's body, where it was taken.
    #[serde(with = "hex32_option", default)]
    pub response_sha256: Option<[u8; 32]>,
    /// From the request to the end of the answer.
    pub duration_ms: u64,
}

impl ExchangeRead {
    /// The status when whoever asked went away before there was an answer.
    pub const NOT_AWAITED: u16 = 0;
}

/// Which way a message of a WebSocket went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the page to the target: it may change something.
    ToTarget,
    /// From the target to the page.
    ToPage,
}

/// A message of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketMessage {
    /// The exchange that opened the WebSocket.
    pub exchange: ExchangeId,
    /// Which way it went.
    pub direction: Direction,
    /// The batch of the document that holds everything up to it.
    pub sequence: Option<u32>,
    /// Text, not binary.
    pub text: bool,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Its content, where it is kept.
    pub content: Option<Bytes>,
}

/// A style sheet, a picture or a font was served, and is kept for replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetServed {
    /// The document that asked for it, as far as it is known.
    #[serde(with = "text_option", default)]
    pub document: Option<DocumentId>,
    /// Its whole address.
    pub url: String,
    /// SHA-256 of its content: its name in the vault.
    #[serde(with = "hex32")]
    pub sha256: [u8; 32],
    /// Its type.
    pub content_type: String,
    /// Its length.
    pub bytes: u64,
}

/// Something is missing, and this says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The document whose evidence is missing, if it is one document's.
    #[serde(with = "text_option", default)]
    pub document: Option<DocumentId>,
    /// A stable name: `interrupted`, `storage`, `clock`, …
    pub reason: String,
    /// A sentence for the reader.
    #[serde(default)]
    pub detail: String,
}

/// A change was refused before it was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The document that it came from.
    #[serde(with = "text_option", default)]
    pub document: Option<DocumentId>,
    /// Its method.
    pub method: String,
    /// Its address, secrets taken out.
    pub url: String,
    /// The stable name of the reason.
    pub reason: String,
}

/// Anything else that a reader should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A stable name.
    pub topic: String,
    /// A sentence for the reader.
    pub text: String,
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameBody {
    /// The user agreed to be recorded.
    Consent(Consent),
    /// A document's HTML begins to go out.
    DocumentIssued(DocumentIssued),
    /// A document went into another state.
    DocumentState(DocumentState),
    /// What the page looked like: rrweb events. `true`: a full snapshot is inside.
    Dom(PageEntries, bool),
    /// What the user did.
    Steps(PageEntries),
    /// Requests that the page declared before they left.
    Intents(PageEntries),
    /// How the recorder is; an empty list is a sign of life.
    Health(PageEntries),
    /// An exchange is about to leave.
    ExchangeOpened(ExchangeOpened),
    /// A piece of its body is about to leave.
    ExchangeBody(ExchangeBody),
    /// It is over.
    ExchangeClosed(ExchangeClosed),
    /// Something was read.
    ExchangeRead(ExchangeRead),
    /// A message of a WebSocket.
    WebSocketMessage(WebSocketMessage),
    /// An asset was served.
    AssetServed(AssetServed),
    /// Something is missing.
    Gap(Gap),
    /// A change was refused.
    Refusal(Refusal),
    /// Anything else.
    Note(Note),
}

impl FrameBody {
    /// Which kind of frame it is.
    pub fn kind(&self) -> FrameKind {
        match self {
            Self::Consent(_) => FrameKind::Consent,
            Self::DocumentIssued(_) => FrameKind::DocumentIssued,
            Self::DocumentState(_) => FrameKind::DocumentState,
            Self::Dom(..) => FrameKind::Dom,
            Self::Steps(_) => FrameKind::Steps,
            Self::Intents(_) => FrameKind::Intents,
            Self::Health(_) => FrameKind::Health,
            Self::ExchangeOpened(_) => FrameKind::ExchangeOpened,
            Self::ExchangeBody(_) => FrameKind::ExchangeBody,
            Self::ExchangeClosed(_) => FrameKind::ExchangeClosed,
            Self::ExchangeRead(_) => FrameKind::ExchangeRead,
            Self::WebSocketMessage(_) => FrameKind::WebSocketMessage,
            Self::AssetServed(_) => FrameKind::AssetServed,
            Self::Gap(_) => FrameKind::Gap,
            Self::Refusal(_) => FrameKind::Refusal,
            Self::Note(_) => FrameKind::Note,
        }
    }

    /// The document that it is about, if it is about one.
    pub fn document(&self) -> Option<DocumentId> {
        match self {
            Self::DocumentIssued(body) => Some(body.document),
            Self::DocumentState(body) => Some(body.document),
            Self::Dom(entries, _) | Self::Steps(entries) | Self::Intents(entries) | Self::Health(entries) => {
                Some(entries.batch.document)
            }
            Self::ExchangeOpened(body) => body.document,
            Self::ExchangeRead(body) => body.document,
            Self::AssetServed(body) => body.document,
            Self::Gap(body) => body.document,
            Self::Refusal(body) => body.document,
            Self::Consent(_)
            | Self::ExchangeBody(_)
            | Self::ExchangeClosed(_)
            | Self::WebSocketMessage(_)
            | Self::Note(_) => None,
        }
    }

    /// Whether a full snapshot of a document is inside: replay can begin here.
    pub fn full_snapshot(&self) -> bool {
        matches!(self, Self::Dom(_, true))
    }
}
