//! Every limit of the gateway, by name and with its unit. Clients and targets are hostile alike.

use std::time::Duration;

/// Most bytes of all request headers together.
pub const REQUEST_HEADERS_MAX_BYTES: usize = 64 * 1024;
/// Most headers of a request or of a target's answer.
pub const HEADERS_MAX_COUNT: usize = 200;
/// Longest path with query, in bytes.
pub const PATH_MAX_BYTES: usize = 16 * 1024;
/// Most bytes of all headers of a target's answer together; the connection's read buffer is as large.
pub const RESPONSE_HEADERS_MAX_BYTES: usize = 128 * 1024;
/// A body is refused before anybody is identified when it announces more bytes than this.
pub const BODY_BEFORE_SIGN_IN_MAX_BYTES: u64 = 1024 * 1024;

/// The way through the console may take this many seconds: somebody may have to sign in on it.
pub const NONCE_SECONDS: u32 = 900;

/// Longest answer to a CORS preflight, in bytes.
pub const PREFLIGHT_ANSWER_MAX_BYTES: usize = 64 * 1024;

/// A connection to a target must stand after this time.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A target must begin to answer after this time.
pub const RESPONSE_HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// A body in either direction must move once in this time. Event streams that say nothing for longer are ended
/// and begin again by themselves.
pub const BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// An idle connection to a target is kept for this time.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Idle connections kept for each target.
pub const POOL_IDLE_PER_TARGET: usize = 64;

/// A change waits at most this long for its evidence.
pub const EVIDENCE_WAIT: Duration = Duration::from_secs(2);
/// A declared intent is good for this long.
pub const INTENT_AGE: Duration = Duration::from_secs(10);
/// Unused intents kept for each document.
pub const INTENTS_PER_DOCUMENT: usize = 64;
/// Changes of one document that may wait at once; the recorder keeps to three.
pub const HELD_PER_DOCUMENT: usize = 8;
/// Changes of one sign-in that may wait at once.
pub const HELD_PER_SIGN_IN: usize = 32;
/// A refused change's body is read this far, so that the answer reaches the browser, and then cut.
pub const REFUSED_BODY_DRAIN_BYTES: usize = 1024 * 1024;
/// … and for this long.
pub const REFUSED_BODY_DRAIN_TIME: Duration = Duration::from_secs(2);
/// A page waits this long for others of its sign-in to finish loading.
pub const LOADING_WAIT: Duration = Duration::from_secs(5);
/// A batch that overtook another waits this long for it.
pub const EARLY_BATCH_WAIT: Duration = Duration::from_secs(5);

/// Longest batch as sent, in bytes.
pub const BATCH_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longest batch unpacked, in bytes.
pub const BATCH_MAX_UNPACKED_BYTES: usize = 32 * 1024 * 1024;
/// A batch must have come in whole after this time.
pub const BATCH_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Batches of all sign-ins that are in memory at once; beyond that, recorders are told to try again.
pub const BATCHES_IN_MEMORY: usize = 64;
/// Documents of one sign-in that are remembered; the oldest that are over are forgotten first.
pub const DOCUMENTS_PER_SIGN_IN: usize = 256;

/// Bodies of changes are kept up to this many bytes; beyond that, length and hash remain.
pub const BODY_KEPT_MAX_BYTES: u64 = 1024 * 1024;
/// Most bytes of a body in one frame.
pub const BODY_FRAME_BYTES: usize = 64 * 1024;
/// An answer to a change is kept when it is in words and no longer than this, in bytes.
pub const PREVIEW_MAX_BYTES: usize = 16 * 1024;
/// Frames of reads that wait to be written in one sign-in; beyond that, requests wait.
pub const READ_QUEUE_FRAMES: usize = 1024;
/// A request waits this long for its place among the frames to be written.
pub const FRAME_PLACE_WAIT: Duration = Duration::from_secs(10);
/// Longest asset that is stored for replay, in bytes.
pub const ASSET_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Assets that may wait to be stored in one sign-in; a page never waits for them.
pub const ASSETS_WAITING: usize = 32;

/// Memory of the HTML rewriter for one document, in bytes.
pub const REWRITER_MEMORY_BYTES: usize = 16 * 1024 * 1024;
/// HTML is given to the rewriter in slices of this many bytes, so that it stops soon after the head.
pub const REWRITER_SLICE_BYTES: usize = 256;
/// Bytes of an HTML answer that are held back until the recorder is in.
pub const HELD_HTML_BYTES: usize = 1024 * 1024;
/// How far the beginning of a document is looked at for its character encoding, in bytes; browsers look as far.
pub const CHARSET_SCAN_BYTES: usize = 1024;
/// A compressed document may grow to this many times its size …
pub const EXPANSION_FACTOR: u64 = 200;
/// … once it is larger than this, in bytes.
pub const EXPANSION_FREE_BYTES: u64 = 16 * 1024 * 1024;
/// Compressed bytes are unpacked in slices of this size …
pub const UNPACK_SLICE_BYTES: usize = 4 * 1024;
/// … and one slice may grow to this many bytes.
pub const UNPACKED_SLICE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Longest WebSocket message, in bytes.
pub const WEBSOCKET_MESSAGE_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Longest WebSocket frame, in bytes.
pub const WEBSOCKET_FRAME_MAX_BYTES: usize = 4 * 1024 * 1024;
/// A socket that is cut gets this long to say goodbye.
pub const WEBSOCKET_CLOSE_WAIT: Duration = Duration::from_millis(200);

/// A signed assertion is used again for this long.
pub const ASSERTION_REUSE: Duration = Duration::from_secs(30);
/// Documents are looked at for silence this often.
pub const TICK: Duration = Duration::from_secs(1);
/// A sign-in's documents are remembered this long after its end: the tail may still come.
pub const TAIL: Duration = Duration::from_secs(30);
