//! The members of the workspace: their edges, and whether they take lints and versions from the one place.

use crate::process::Program;
use crate::project::{Failure, Outcome, read};

/// A crate of the workspace.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// Something that a member depends on.
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) for_tests: bool,
}

/// The members and their direct dependencies, from `cargo metadata`; and what their manifests do wrong.
pub(crate) fn read_all() -> Outcome<(Vec<Member>, Vec<String>)> {
    let text = Program::cargo().args(["metadata", "--no-deps", "--format-version=1", "--offline"]).text()?;
    let metadata: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| Failure(format!("cargo metadata: {error}")))?;
    let mut members = Vec::new();
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let dependencies = dependencies.map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap_or_default().to_owned(),
            for_tests: dependency["kind"].as_str() == Some("dev"),
        });
        let manifest = read(package["manifest_path"].as_str().unwrap_or_default().as_ref())?;
        broken.extend(manifest_mistakes(&name, &manifest));
        members.push(Member { name, dependencies: dependencies.collect() });
    }
    Ok((members, broken))
}

/// Lints, versions and the package's own fields are written once, in the workspace's manifest.
fn manifest_mistakes(name: &str, manifest: &str) -> Vec<String> {
    let manifest: toml::Table = match manifest.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{name}: Cargo.toml: {error}")],
    };
    let from_workspace =
        |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")) == Some(&true.into());
    let mut mistakes = Vec::new();
    if !from_workspace(manifest.get("lints")) {
        mistakes.push(format!("{name}: write `[lints] workspace = true`"));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !from_workspace(manifest.get("package").and_then(|package| package.get(field))) {
            mistakes.push(format!("{name}: write `{field}.workspace = true`"));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(section).and_then(toml::Value::as_table).into_iter().flatten();
        for (dependency, declared) in dependencies {
            if !from_workspace(Some(declared)) {
                mistakes.push(format!(
                    "{name}: the version of `{dependency}` belongs in the workspace's Cargo.toml"
                ));
            }
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [package]
        name = "one"
        version.workspace = true
        edition.workspace = true
        rust-version.workspace = true
        license.workspace = true
        publish.workspace = true
        [lints]
        workspace = true
        [dependencies]
        serde = { workspace = true, features = ["derive"] }
    "#;

    #[test]
    fn a_manifest_that_takes_all_from_the_workspace_is_fine() {
        assert_eq!(manifest_mistakes("one", GOOD), Vec::<String>::new());
    }

    #[test]
    fn lints_of_its_own_and_a_version_of_its_own_are_named() {
        let bad = GOOD
            .replace("[lints]\n        workspace = true", "[lints]")
            .replace("serde = { workspace = true, features = [\"derive\"] }", "serde = \"1\"");
        assert_eq!(
            manifest_mistakes("one", &bad),
            [
                "one: write `[lints] workspace = true`",
                "one: the version of `serde` belongs in the workspace's Cargo.toml"
            ]
        );
    }
}
