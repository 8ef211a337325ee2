//! What can be seen in the files themselves: their length, marks of unfinished work, paths that documents name.

use std::path::Path;

use crate::project::{Outcome, failed, files, read, root};

/// A file longer than this should be split by noun or operation.
const LINES_WARN: usize = 500;
/// A file longer than this is a failure.
const LINES_MAX: usize = 800;

/// What we write ourselves; lock files and generated files are not read by anybody.
const OURS: &[&str] = &["rs", "ts", "tsx", "js", "mjs", "css", "md", "html"];
const GENERATED: &[&str] = &["web/console/src/api/schema.ts"];

/// Marks of work that somebody meant to come back to. Put together here, so that this file has none.
const MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("todo", "!("),
    concat!("unimpl", "emented!("),
    concat!("#[ig", "nore"),
    concat!("test.", "skip("),
    concat!("test.", "only("),
    concat!("describe.", "only("),
];

/// Folders at the root that documents speak of.
const NAMED_FOLDERS: &[&str] = &[".ci/", "crates/", "docs/", "examples/", "openapi/", "web/", "xtask/"];

/// Checks every file that git keeps or would keep.
pub(crate) fn check() -> Outcome {
    let mut broken = Vec::new();
    for file in files()? {
        let extension =
            Path::new(&file).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if !OURS.contains(&extension) || GENERATED.contains(&file.as_str()) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        broken.extend(too_long(&file, text.lines().count()));
        if extension == "md" {
            broken.extend(missing_paths(&file, &text, |path| root().join(path).exists()));
        } else {
            broken.extend(marks(&file, &text));
        }
    }
    if !read(&root().join("LICENSE"))?.contains("Apache License") {
        broken.push("LICENSE is not the Apache License".to_owned());
    }
    if broken.is_empty() { Ok(()) } else { failed(broken.join("\n    ")) }
}

fn too_long(file: &str, lines: usize) -> Option<String> {
    if lines > LINES_MAX {
        return Some(format!("{file}: {lines} lines, at most {LINES_MAX}"));
    }
    if lines > LINES_WARN {
        eprintln!("    {file}: {lines} lines; consider splitting it");
    }
    None
}

fn marks(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| MARKS.iter().any(|mark| line.contains(mark)))
        .map(|(number, line)| format!("{file}:{}: unfinished: {}", number + 1, line.trim()))
        .collect()
}

/// Paths in back ticks that begin with one of our folders, and relative links, must exist. A path with a
/// placeholder (`<noun>`, `*`, `{…}`) names a pattern and not a file.
fn missing_paths(file: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut missing = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let spans = line.split('`').skip(1).step_by(2);
        let named = spans
            .filter(|span| NAMED_FOLDERS.iter().any(|folder| span.starts_with(folder)))
            .filter(|span| !span.contains(['<', '*', '{', ' ', '…']))
            .map(|span| Path::new(span.split(':').next().unwrap_or(span)).to_path_buf());
        let links = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .map(|link| link.split('#').next().unwrap_or(link))
            .filter(|link| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"))
            .map(|link| folder.join(link));
        for path in named.chain(links) {
            if !exists(&path) {
                missing.push(format!("{file}:{}: names {}, which is not there", number + 1, path.display()));
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_names_a_path_that_is_gone_is_found() {
        let text = "See `crates/here/src/lib.rs` and `crates/gone/src/lib.rs`.\n[link](here.md) [far](https://a.b/c)";
        let exists = |path: &Path| path.to_string_lossy().contains("here");
        assert_eq!(
            missing_paths("docs/page.md", text, exists),
            ["docs/page.md:1: names crates/gone/src/lib.rs, which is not there"]
        );
    }

    #[test]
    fn patterns_and_examples_are_not_paths() {
        let text = "`crates/*/src`, `web/console/src/pages/<noun>/`\n```\n`docs/gone.md`\n```\n";
        assert_eq!(missing_paths("a.md", text, |_| false), Vec::<String>::new());
    }

    #[test]
    fn a_link_is_seen_from_its_document() {
        let missing = missing_paths("docs/a.md", "[b](b.md#part)", |path| path == Path::new("docs/b.md"));
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn marks_of_unfinished_work_are_found_with_their_line() {
        let text = format!("fn one() {{}}\n// {}: later\n", MARKS[0]);
        assert_eq!(marks("a.rs", &text).len(), 1);
        assert!(marks("a.rs", &text)[0].starts_with("a.rs:2: "));
    }

    #[test]
    fn only_the_longest_files_fail() {
        assert_eq!(too_long("a.rs", LINES_MAX), None);
        assert_eq!(too_long("a.rs", LINES_MAX + 1).unwrap(), "a.rs: 801 lines, at most 800");
    }
}
