//! The state as a JSON file: read at the start, written some moments after each change and at the end.

use std::{io, path::Path, path::PathBuf, time::Duration};

use thiserror::Error;
use tokio::{fs, io::AsyncWriteExt, sync::watch};

use crate::{
    app::{Shared, stopped},
    world::World,
};

/// Changes that come close together are written once.
const WRITE_AFTER: Duration = Duration::from_millis(200);

/// Why the state cannot be read or written.
#[derive(Debug, Error)]
pub enum SaveError {
    /// The file cannot be read or written.
    #[error("{path}: {problem}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        problem: io::Error,
    },
    /// The file is not a saved ERP.
    #[error("{path} is no saved state: {problem}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: serde_json::Error,
    },
}

/// The saved state, if there is one.
pub(crate) async fn load(path: &Path) -> Result<Option<World>, SaveError> {
    match fs::read(path).await {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|problem| SaveError::Format { path: path.to_owned(), problem }),
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(problem) => Err(SaveError::File { path: path.to_owned(), problem }),
    }
}

/// Saves until told to stop, and then a last time.
pub(crate) async fn keep_saving(app: Shared, path: PathBuf, stop: watch::Receiver<bool>) {
    loop {
        let last = tokio::select! {
            () = app.changed.notified() => false,
            () = stopped(stop.clone()) => true,
        };
        if !last {
            tokio::time::sleep(WRITE_AFTER).await;
        }
        if let Err(problem) = save(&app, &path).await {
            tracing::error!(%problem, "the state cannot be saved");
        }
        if last {
            return;
        }
    }
}

/// Writes beside the file and renames, so that the file is always whole.
async fn save(app: &Shared, path: &Path) -> Result<(), SaveError> {
    let bytes = app
        .read(serde_json::to_vec)
        .map_err(|problem| SaveError::Format { path: path.to_owned(), problem })?;
    let beside = path.with_extension("new");
    write(&beside, path, &bytes).await.map_err(|problem| SaveError::File { path: path.to_owned(), problem })
}

async fn write(beside: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(beside).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    fs::rename(beside, path).await
}
