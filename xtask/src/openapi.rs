//! The API's description and the console's types: generated from the code, committed, compared.

use std::path::Path;

use crate::process::Program;
use crate::project::{Outcome, failed, read, root, web, write};

/// What to do about a generated file that is not up to date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generated {
    /// Fail and say so.
    Compare,
    /// Write it anew.
    Bless,
}

/// Compares (or rewrites) `openapi/chaperone.json` with what this executable prints, and then the console's types
/// with what follows from it.
pub(crate) fn check(executable: &Path, generated: Generated) -> Outcome {
    let description = Program::new(executable).arg("openapi").text()?;
    compare("openapi/chaperone.json", &description, generated)?;
    let folder = tempfile::Builder::new().prefix("chaperone-types-").tempdir()?;
    let types = folder.path().join("schema.ts");
    Program::new("npm")
        .args(["run", "--silent", "generate", "--workspace", "@chaperone/console", "--", "--output"])
        .arg(&types)
        .folder(&web())
        .log(folder.path().join("log"))
        .run_quietly()?;
    compare("web/console/src/api/schema.ts", &read(&types)?, generated)
}

fn compare(file: &str, expected: &str, generated: Generated) -> Outcome {
    let path = root().join(file);
    if read(&path).is_ok_and(|committed| committed == expected) {
        return Ok(());
    }
    match generated {
        Generated::Bless => write(&path, expected),
        Generated::Compare => {
            failed(format!("{file} is not what the code says; run `cargo xtask check --bless` and commit it"))
        }
    }
}
