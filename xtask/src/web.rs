//! The npm workspace: bundles, unit tests, lints, browser tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::postgres::{Durability, Postgres, URL_VARIABLE};
use crate::process::Program;
use crate::project::{Failure, Outcome, read, root, target, web, write};
use crate::{python, setup};

/// The guide that the console brings along.
const GUIDE: &str = "docs/directories.md";
/// What a bundle is not made from.
const NOT_AN_INPUT: &[&str] = &["node_modules", "dist", "e2e", "test-results", "playwright-report"];

/// Builds console, recorder and player, unless nothing changed since they were built.
pub(crate) fn bundles() -> Outcome {
    let stamp = target().join("web-bundles.stamp");
    let built = std::fs::metadata(&stamp).and_then(|stamp| stamp.modified()).ok();
    let complete =
        workspaces()?.iter().filter(|one| one.has("build")).all(|one| one.folder.join("dist").is_dir());
    let guide = std::fs::metadata(root().join(GUIDE)).and_then(|guide| guide.modified()).ok();
    let changed = newest_change(&web()).max(guide);
    if complete && built.is_some_and(|built| changed.is_some_and(|changed| changed < built)) {
        eprintln!("    web bundles: up to date");
        return Ok(());
    }
    // The time is that of the start: a file saved while we build is newer than the stamp.
    std::fs::create_dir_all(target())?;
    let started = target().join("web-bundles.started");
    write(&started, "")?;
    npm().args(["run", "build", "--workspaces", "--if-present"]).run()?;
    std::fs::rename(started, stamp)?;
    Ok(())
}

/// The unit tests of every workspace that has some; the browser tests are `browser_tests`.
pub(crate) fn unit_tests() -> Outcome {
    each_workspace("test")
}

/// eslint and the type checker in every workspace.
pub(crate) fn lints() -> Outcome {
    each_workspace("lint")?;
    each_workspace("typecheck")
}

/// Playwright against this executable, with a PostgreSQL server whose roles are the accounts of a directory.
pub(crate) fn browser_tests(executable: &Path, more: &[String]) -> Outcome {
    let chromium = setup::chromium().ok_or_else(|| Failure("there is no Chromium".to_owned()))?;
    let postgres = Postgres::start(Durability::None)?;
    Program::new("npx")
        .args(["playwright", "test"])
        .args(more)
        .folder(&web().join("e2e"))
        .env("CHAPERONE_BIN", executable)
        .env("CHROMIUM", chromium)
        .env(URL_VARIABLE, postgres.url())
        .env(python::PYTHON_VARIABLE, python::python())
        .run()
}

/// What only a browser can measure: the barrier, memory for each recorded sign-in, the recorder's size.
pub(crate) fn browser_bench(executable: &Path) -> Outcome {
    let chromium = setup::chromium().ok_or_else(|| Failure("there is no Chromium".to_owned()))?;
    Program::new("npx")
        .args(["playwright", "test", "--config", "playwright.bench.config.ts"])
        .folder(&web().join("e2e"))
        .env("CHAPERONE_BIN", executable)
        .env("CHROMIUM", chromium)
        .run()
}

struct Workspace {
    name: String,
    folder: PathBuf,
    scripts: Vec<String>,
}

impl Workspace {
    fn has(&self, script: &str) -> bool {
        self.scripts.iter().any(|one| one == script)
    }
}

/// Runs a script in each workspace that has it; all of them run, also after a failure.
fn each_workspace(script: &str) -> Outcome {
    let mut failures = Vec::new();
    for workspace in workspaces()?.iter().filter(|one| one.has(script)) {
        let run = npm().args(["run", script, "--workspace", workspace.name.as_str()]).run();
        failures.extend(run.err().map(|failure| failure.to_string()));
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure(failures.join("; "))) }
}

fn workspaces() -> Outcome<Vec<Workspace>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(web())?.flatten() {
        let file = entry.path().join("package.json");
        if !file.is_file() {
            continue;
        }
        let package: serde_json::Value = serde_json::from_str(&read(&file)?)
            .map_err(|error| Failure(format!("{} is not JSON: {error}", file.display())))?;
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let scripts = package["scripts"].as_object().map(|scripts| scripts.keys().cloned().collect());
        found.push(Workspace { name, folder: entry.path(), scripts: scripts.unwrap_or_default() });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn npm() -> Program {
    Program::new("npm").folder(&web())
}

/// When a file that the bundles are made from was last changed.
fn newest_change(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .filter(|entry| !NOT_AN_INPUT.iter().any(|name| entry.file_name() == OsStr::new(name)))
        .filter_map(|entry| {
            let kind = entry.file_type().ok()?;
            if kind.is_dir() { newest_change(&entry.path()) } else { entry.metadata().ok()?.modified().ok() }
        })
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_source_counts_and_an_installed_package_does_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("console/src")).unwrap();
        std::fs::write(folder.path().join("console/src/main.ts"), "").unwrap();
        let before = newest_change(folder.path()).unwrap();

        std::fs::create_dir_all(folder.path().join("node_modules/left")).unwrap();
        let later = before + std::time::Duration::from_secs(60);
        let set = |name: &str| {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_modified(later).unwrap();
        };
        set("node_modules/left/pad.js");
        assert_eq!(newest_change(folder.path()), Some(before));
        set("console/src/other.ts");
        assert_eq!(newest_change(folder.path()), Some(later));
    }
}
