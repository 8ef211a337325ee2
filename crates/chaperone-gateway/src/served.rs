//! Style sheets, pictures and fonts, kept as they are served, so that a replay never loads from the live target.
//!
//! The page does not wait for any of it: pieces are noted as they pass, and stored when the answer is over. An
//! asset that is too large, broke off or finds too many others waiting is not kept, and the replay shows a
//! placeholder in its place.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chaperone_app::App;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use crate::body::{AtEnd, AtPiece};
use crate::documents::RecordedSignIn;
use crate::encoding::{Coding, Unpacker};
use crate::limits::ASSET_MAX_BYTES;
use crate::{rewrite, witness};

/// An asset that passes.
pub(crate) struct Passing {
    recorded: Arc<RecordedSignIn>,
    app: Arc<App>,
    url: String,
    content_type: String,
    coding: Coding,
    pieces: Arc<Mutex<Pieces>>,
    permit: OwnedSemaphorePermit,
}

#[derive(Default)]
struct Pieces {
    bytes: Vec<Bytes>,
    length: usize,
}

/// Whether an answer is an asset, and there is room to keep it.
pub(crate) fn passing(
    recorded: &Arc<RecordedSignIn>,
    app: &Arc<App>,
    url: &str,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Passing> {
    let (content_type, _) = rewrite::content_type(headers)?;
    let kept = content_type == "text/css"
        || content_type.starts_with("image/")
        || content_type.starts_with("font/")
        || content_type.contains("font-");
    if status != StatusCode::OK || !kept {
        return None;
    }
    let coding =
        Coding::parse(headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"))).ok()?;
    let permit = recorded.assets.clone().try_acquire_owned().ok()?;
    Some(Passing {
        recorded: recorded.clone(),
        app: app.clone(),
        url: url.to_owned(),
        content_type,
        coding,
        pieces: Arc::default(),
        permit,
    })
}

impl Passing {
    /// Notes each piece.
    pub(crate) fn at_piece(&self) -> AtPiece {
        let pieces = self.pieces.clone();
        Box::new(move |piece| {
            let mut pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner);
            pieces.length = pieces.length.saturating_add(piece.len());
            if pieces.length <= ASSET_MAX_BYTES {
                pieces.bytes.push(piece.clone());
            } else {
                pieces.bytes = Vec::new();
            }
        })
    }

    /// Stores it when it is whole, after `then` has been told.
    pub(crate) fn at_end(self, then: AtEnd) -> AtEnd {
        Box::new(move |ending| {
            then(ending);
            let pieces = std::mem::take(&mut *self.pieces.lock().unwrap_or_else(PoisonError::into_inner));
            if ending.whole && pieces.length <= ASSET_MAX_BYTES && pieces.length > 0 {
                tokio::spawn(self.store(pieces.bytes));
            }
        })
    }

    async fn store(self, pieces: Vec<Bytes>) {
        let mut unpacker = Unpacker::new(self.coding);
        let mut bytes = Vec::new();
        let unpacked = pieces
            .iter()
            .try_for_each(|piece| unpacker.push(piece, &mut bytes))
            .and_then(|()| unpacker.finish(&mut bytes));
        if unpacked.is_err() || bytes.len() > ASSET_MAX_BYTES {
            return;
        }
        let length = bytes.len() as u64;
        match self.app.vault().put_asset(&self.content_type, Bytes::from(bytes)).await {
            Ok(hash) => {
                let frame =
                    witness::asset_served(&self.url, hash, &self.content_type, length, self.app.now());
                self.recorded.frames.put(frame).await;
            }
            Err(error) => tracing::warn!(%error, "an asset could not be kept for replay"),
        }
        drop(self.permit);
    }
}
