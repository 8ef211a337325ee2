//! One process per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::Problem;

/// The folder is ours for as long as this lives; the system lets go when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

/// Takes the data folder, and makes it if it is missing.
pub(crate) fn take(data_dir: &Path) -> Result<Lock, Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(format!("the data folder {} cannot be used: {error}", data_dir.display()))
    };
    std::fs::create_dir_all(data_dir).map_err(failed)?;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
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
