//! What the client would like: annotations, the size of a page, the row back.

use axum::http::HeaderMap;

use super::options::PAGE_ROWS;

/// The header by which a client says what it would like.
const PREFER: &str = "prefer";

/// The preferences that are followed here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefer {
    annotations: Option<String>,
    /// Rows of a page.
    pub(crate) page: Option<u64>,
    /// Whether a change answers the row.
    pub(crate) representation: bool,
}

impl Prefer {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut prefer = Self::default();
        let lines = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        for token in lines.flat_map(tokens) {
            let (name, value) = token.split_once('=').unwrap_or((token, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "odata.include-annotations" => prefer.annotations = Some(value.to_owned()),
                "odata.maxpagesize" => {
                    prefer.page =
                        value.parse().ok().filter(|rows| *rows > 0).map(|rows: u64| rows.min(PAGE_ROWS));
                }
                "return" => prefer.representation = value.eq_ignore_ascii_case("representation"),
                // A preference that is not known is not followed; that is what a preference is.
                _ => {}
            }
        }
        prefer
    }

    /// Whether an annotation of that name is wanted.
    pub(crate) fn wants(&self, annotation: &str) -> bool {
        self.annotations.as_deref().is_some_and(|wanted| {
            wanted.split(',').map(str::trim).any(|wanted| match wanted.strip_suffix('*') {
                Some(begin) => annotation.starts_with(begin),
                None => annotation == wanted,
            })
        })
    }

    /// What was followed, for the answer.
    pub(crate) fn applied(&self) -> Option<String> {
        let mut applied = Vec::new();
        if let Some(annotations) = &self.annotations {
            applied.push(format!("odata.include-annotations=\"{annotations}\""));
        }
        if let Some(page) = self.page {
            applied.push(format!("odata.maxpagesize={page}"));
        }
        if self.representation {
            applied.push("return=representation".to_owned());
        }
        (!applied.is_empty()).then(|| applied.join(","))
    }
}

/// The parts of a line, at commas that stand outside of quotes.
fn tokens(line: &str) -> Vec<&str> {
    let (mut tokens, mut from, mut quoted) = (Vec::new(), 0, false);
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => {
                tokens.push(line[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    tokens.push(line[from..].trim());
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(value: &str) -> Prefer {
        let mut headers = HeaderMap::new();
        headers.insert(PREFER, value.parse().expect("a value"));
        Prefer::read(&headers)
    }

    #[test]
    fn several_preferences_stand_in_one_line() {
        let read = prefer("odata.include-annotations=\"*\",odata.maxpagesize=2");
        assert_eq!(read.page, Some(2));
        assert!(read.wants("OData.Community.Display.V1.FormattedValue"));
        assert_eq!(read.applied().as_deref(), Some("odata.include-annotations=\"*\",odata.maxpagesize=2"));
    }

    #[test]
    fn annotations_are_named_with_commas_and_stars() {
        let read = prefer("odata.include-annotations=\"A.B,Microsoft.Dynamics.CRM.*\"");
        assert!(read.wants("A.B") && read.wants("Microsoft.Dynamics.CRM.totalrecordcount"));
        assert!(!read.wants("A.C"));
    }

    #[test]
    fn a_page_is_never_larger_than_the_sources_and_nonsense_is_not_followed() {
        assert_eq!(prefer("odata.maxpagesize=9999999").page, Some(PAGE_ROWS));
        assert_eq!(prefer("odata.maxpagesize=0").page, None);
        assert_eq!(prefer("odata.maxpagesize=x, return=representation").page, None);
        assert_eq!(prefer("nonsense").applied(), None);
    }
}
