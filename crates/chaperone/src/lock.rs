//! One process per data folder.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::Problem;

/// The folder is ours for as long as this lives; the system lets go when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

/// Takes the data folder, and makes it if it is missing, for our user only.
pub(crate) fn take(data_dir: &Path) -> Result<Lock, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("the data folder {} cannot be used: {error}", data_dir.display()))
    };
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(data_dir.join("lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(Problem::new(format!(
            "another chaperone uses the data folder {}; stop it first, or name another folder",
            data_dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
