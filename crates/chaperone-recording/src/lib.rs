//! Recordings: what was done during one target sign-in, written so that nothing can be lost, read or changed
//! behind anybody's back.
//!
//! A recording is a list of [`Frame`]s: consent, documents, what the recorder in the page said, what the gateway saw.
//! Frames are compressed, encrypted under a key of the recording, and chained by hash into segments; a signed seal
//! ends the chain. The format is described for other readers in `docs/recording-format.md`.
//!
//! * [`Vault`] keeps the bytes: [`Writer::append`] returns when its frames are on disk, not before.
//! * [`Reader`] gives them back, verified; what is damaged is named by segment and offset.
//! * [`timeline`] makes documents, steps, exchanges and the coverage figure of them.

pub mod batch;
pub mod bodies;
mod contents;
pub mod exchanges;
pub mod exports;
pub mod frame;
pub mod keys;
pub mod manifest;
pub mod missing;
pub mod sanitize;
mod segment;
pub mod steps;
pub mod timeline;
mod values;
mod vault;
mod wire;

pub use bodies::{Consent, FrameBody};
pub use contents::Contents;
pub use exchanges::{Exchange, ExchangeKind};
pub use frame::{Frame, FrameKind, KindSet, NewFrame};
pub use keys::MasterKey;
pub use manifest::{Coverage, Manifest, NewRecording, Seal, SealFacts};
pub use steps::{Step, StepKind, StepRecord};
pub use timeline::Timeline;
pub use values::UnexplainedValue;
pub use vault::{
    ASSET_MAX_BYTES, Asset, FreeSpace, Reader, Resumed, Vault, VaultConfig, VaultError, VaultLimits,
    Verified, Writer,
};
