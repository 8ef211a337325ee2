//! Recordings as files for other programs.
//!
//! | form | what it is |
//! | --- | --- |
//! | `steps.json`, `steps.csv` | what the user did, in words |
//! | `har` | the exchanges, as HTTP Archive 1.2 |
//! | `rrweb` | what the pages looked like, for rrweb's own replayer |
//! | `bundle` | all of these and the pictures in a zip file, with checksums and a page that says what is what |
//!
//! Every form says how complete the recording is, and where it is damaged.

use chaperone_domain::ids::RecordingId;
use serde_json::{Value, json};

use crate::contents::Contents;
use crate::vault::{Vault, VaultError};

mod bundle;
mod har;
mod rrweb;
mod steps;
#[cfg(test)]
mod tests;

pub use har::har;
pub use steps::{steps_csv, steps_json};

/// A file that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The recording cannot be read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The file could not be put together.
    #[error("the file could not be made")]
    Packing,
}

impl From<serde_json::Error> for ExportError {
    fn from(_: serde_json::Error) -> Self {
        Self::Packing
    }
}

/// The pages for rrweb's own replayer, harmless, one list of events per document, because pages in several tabs
/// overlap in time. Pictures and fonts that are files of the application are left out.
pub async fn rrweb(vault: &Vault, contents: &Contents) -> Result<Vec<u8>, ExportError> {
    rrweb::file(vault, contents, &mut |_, _| None).await
}

/// All forms in one zip file, with pictures, fonts and checksums.
pub async fn bundle(vault: &Vault, id: RecordingId, contents: &Contents) -> Result<Vec<u8>, ExportError> {
    bundle::bundle(vault, contents, vault.words(id).await?).await
}

/// What every form in JSON says of its recording.
fn heading(contents: &Contents) -> Value {
    let manifest = &contents.manifest;
    json!({
        "recording_id": manifest.recording_id.to_string(),
        "privileged_session_id": manifest.privileged_session_id.map(|id| id.to_string()),
        "sign_in_id": manifest.sign_in_id.to_string(),
        "user_name": manifest.user_name,
        "account_name": manifest.account_name,
        "started_at": manifest.started_at.to_string(),
        "ended_at": contents.seal.as_ref().map(|seal| seal.ended_at.to_string()),
        "sealed": contents.seal.is_some(),
        "coverage": contents.timeline.coverage,
        "damage": contents.damage.as_ref().map(ToString::to_string),
    })
}
