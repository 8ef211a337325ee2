//! The pages as rrweb's own replayer reads them.

use std::cell::RefCell;

use jiff::Timestamp;
use serde_json::json;

use super::{ExportError, heading};
use crate::contents::Contents;
use crate::sanitize::Sanitizer;
use crate::vault::Vault;

/// Gives the address of an asset in the file, for its original address and the instant at which the page was last
/// heard.
pub(super) type AssetAt<'a> = dyn FnMut(&str, Timestamp) -> Option<String> + Send + 'a;

/// The file: for each document its events, harmless.
pub(super) async fn file(
    vault: &Vault,
    contents: &Contents,
    asset_at: &mut AssetAt<'_>,
) -> Result<Vec<u8>, ExportError> {
    let mut documents = Vec::new();
    for document in contents.timeline.documents.iter().filter(|document| document.replayable) {
        let mut events = vault.events_of(contents.manifest.recording_id, document.id).await?;
        {
            let asset_at = RefCell::new(&mut *asset_at);
            let address_of = |url: &str| (asset_at.borrow_mut())(url, document.last_heard_at);
            let mut sanitizer = Sanitizer::new(&address_of);
            events.iter_mut().for_each(|event| sanitizer.event(event));
        }
        documents.push(json!({
            "id": document.id.to_string(),
            "url": document.url,
            "title": document.title,
            "frame": !document.top,
            "state": document.state.name(),
            "started_at": document.started_at.to_string(),
            "ended_at": document.ended_at.map(|at| at.to_string()),
            "events": events,
        }));
    }
    let mut file = heading(contents);
    file["format"] = json!("chaperone rrweb 1");
    file["documents"] = documents.into();
    Ok(serde_json::to_vec(&file)?)
}
