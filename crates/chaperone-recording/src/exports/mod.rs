//! Recordings as files for other programs.
//!
//! | form | what it is |
//! | --- | --- |
//! | `steps.json`, `steps.csv` | what the user did, in words |
//! | `har` | the exchanges, as HTTP Archive 1.2 |
//! | `rrweb` | what the pages looked like, for rrweb's own replayer |
//! | `bundle` | all of these in a zip file, with checksums |

use chaperone_domain::ids::{DocumentId, RecordingId};
use serde_json::Value;

use crate::contents::Contents;
use crate::sanitize::sanitize_event;
use crate::vault::{Vault, VaultError};

mod bundle;
mod har;
mod steps;

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

/// The replayable documents of a recording with their events, harmless and without addresses to anywhere.
async fn documents(vault: &Vault, contents: &Contents) -> Result<Vec<(DocumentId, Vec<Value>)>, ExportError> {
    let mut documents = Vec::new();
    for document in contents.timeline.documents.iter().filter(|document| document.replayable && document.top)
    {
        let mut events = vault.events_of(contents.manifest.recording_id, document.id).await?;
        for event in &mut events {
            sanitize_event(event, &|_| None);
        }
        documents.push((document.id, events));
    }
    Ok(documents)
}

/// Events for rrweb's own replayer: one list per document, because pages in several tabs overlap in time. Pictures and
/// fonts that are files of the application are left out.
pub async fn rrweb(vault: &Vault, contents: &Contents) -> Result<Vec<u8>, ExportError> {
    let documents = documents(vault, contents).await?;
    let described: Vec<Value> = contents
        .timeline
        .documents
        .iter()
        .filter_map(|document| {
            let (_, events) = documents.iter().find(|(id, _)| *id == document.id)?;
            Some(serde_json::json!({
                "id": document.id.to_string(),
                "url": document.url,
                "title": document.title,
                "started_at": document.started_at.to_string(),
                "events": events,
            }))
        })
        .collect();
    let file = serde_json::json!({
        "format": "rrweb",
        "recording_id": contents.manifest.recording_id.to_string(),
        "started_at": contents.started_at().to_string(),
        "documents": described,
    });
    Ok(serde_json::to_vec(&file)?)
}

/// All forms in one zip file, with checksums.
pub async fn bundle(vault: &Vault, id: RecordingId, contents: &Contents) -> Result<Vec<u8>, ExportError> {
    let rrweb = rrweb(vault, contents).await?;
    let words = vault.words(id).await?;
    bundle::bundle(contents, &rrweb, words)
}
