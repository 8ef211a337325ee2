//! Where things are, and how a command says that it failed.

use std::fmt;
use std::path::{Path, PathBuf};

/// What went wrong, as a sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// The result of a command, of a stage and of everything below them.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// A failure with the sentence given, for `?` and `return`.
pub(crate) fn failed<T>(sentence: impl Into<String>) -> Outcome<T> {
    Err(Failure(sentence.into()))
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// The npm workspace.
pub(crate) fn web() -> PathBuf {
    root().join("web")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Reads a text file; the failure names it.
pub(crate) fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| Failure(format!("cannot read {}: {error}", path.display())))
}

/// Writes a text file; the failure names it.
pub(crate) fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))
}

/// The files that git keeps or would keep (so: not what is ignored), relative to the root.
pub(crate) fn files() -> Outcome<Vec<String>> {
    let list = crate::process::Program::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .text()?;
    Ok(list.lines().filter(|line| root().join(line).is_file()).map(str::to_owned).collect())
}
