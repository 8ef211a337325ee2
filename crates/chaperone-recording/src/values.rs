//! Values that were sent, and values that the user entered or found in the page's fields: which of the first do the
//! others explain?

use std::collections::{HashMap, HashSet};

use chaperone_domain::ids::DocumentId;
use serde::Serialize;
use serde_json::Value;

use crate::steps::{Step, StepKind};

/// Values of one body that are looked at.
const LEAVES_MAX: usize = 1000;
/// How deep a JSON body is looked into.
const DEPTH_MAX: usize = 64;
/// Longest value that is compared, in bytes; longer ones are files, not entries.
const VALUE_MAX_BYTES: usize = 16 * 1024;
/// Values of drawn fields that are kept of one recording; what comes later needs a step.
const DRAWN_MAX: usize = 100_000;
/// Characters at which the recorder cuts a value.
const STEP_VALUE_CHARS: usize = 4000;

/// A value that was sent, that no step entered, and that no field of the page held when it was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnexplainedValue {
    /// Where it stood: a field's name, or the path in a JSON body.
    pub name: String,
    /// The value.
    pub value: String,
}

/// What steps have entered so far.
#[derive(Default)]
pub(crate) struct Explained {
    words: HashSet<String>,
    cut: Vec<String>,
}

impl Explained {
    pub(crate) fn step(&mut self, step: &Step) {
        let Some(value) = &step.value else { return };
        if step.kind == StepKind::Key {
            return;
        }
        for text in [&value.new, &value.code].into_iter().flatten() {
            self.enter(text);
            if step.kind == StepKind::FilePick {
                // `name (bytes, type)`, one per line; the name is what a form sends.
                text.lines().filter_map(|line| line.rsplit_once(" (")).for_each(|(name, _)| self.enter(name));
            }
        }
    }

    fn enter(&mut self, text: &str) {
        if text.chars().count() >= STEP_VALUE_CHARS {
            self.cut.push(text.to_owned());
        }
        self.words.extend(forms(text));
    }

    pub(crate) fn has(&self, value: &str) -> bool {
        forms(value).iter().any(|form| self.words.contains(form))
            || self.cut.iter().any(|beginning| value.starts_with(beginning.as_str()))
    }
}

/// The values that stood in the fields of pages when they were drawn: whoever saves a form sends those too that they
/// did not touch.
#[derive(Default)]
pub(crate) struct Drawn {
    words: HashMap<DocumentId, HashSet<String>>,
    count: usize,
}

impl Drawn {
    /// Takes in a full picture of a page, as rrweb makes it.
    pub(crate) fn picture(&mut self, document: DocumentId, picture: &Value) {
        let words = self.words.entry(document).or_default();
        let mut nodes = vec![&picture["data"]["node"]];
        while let Some(node) = nodes.pop() {
            nodes.extend(node["childNodes"].as_array().into_iter().flatten());
            let is_field =
                node["tagName"].as_str().is_some_and(|name| matches!(name, "input" | "select" | "textarea"));
            if let Some(value) = node["attributes"]["value"].as_str().filter(|_| is_field) {
                if self.count >= DRAWN_MAX || value.len() > VALUE_MAX_BYTES {
                    continue;
                }
                self.count += 1;
                words.extend(forms(value));
            }
        }
    }

    pub(crate) fn has(&self, document: Option<DocumentId>, value: &str) -> bool {
        let words = document.and_then(|document| self.words.get(&document));
        words.is_some_and(|words| forms(value).iter().any(|form| words.contains(form)))
    }
}

/// The forms in which a value may be sent: as it was typed, a number without its separators, a date in another order.
fn forms(text: &str) -> Vec<String> {
    let plain = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let mut forms = vec![plain];
    let numeric = |c: char| c.is_ascii_digit() || " .,'-+/:TZ".contains(c);
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.chars().all(numeric) && trimmed.contains(|c: char| c.is_ascii_digit()) {
        let negative = if trimmed.starts_with('-') { "-" } else { "" };
        let digits: String = trimmed.chars().filter(char::is_ascii_digit).collect();
        let without_zeros = digits.trim_start_matches('0');
        forms.push(format!("#{negative}{without_zeros}"));
        // 12.50 is sent as 12.5, and 1,200.00 as 1200.
        if let Some(at) = trimmed.rfind(['.', ',']) {
            let whole: String = trimmed[..at].chars().filter(char::is_ascii_digit).collect();
            let part = trimmed[at + 1..].trim_end_matches('0');
            if part.chars().all(|c| c.is_ascii_digit()) {
                forms.push(format!("#{negative}{}{part}", whole.trim_start_matches('0')));
            }
        }
        let mut groups: Vec<&str> =
            trimmed.split(|c: char| !c.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
        if groups.len() >= 3 {
            groups.truncate(3);
            let mut bare: Vec<&str> = groups.iter().map(|group| group.trim_start_matches('0')).collect();
            bare.sort_unstable();
            forms.push(format!("@{}", bare.join("/")));
        }
    }
    forms
}

/// Whether a value says nothing that a person would have entered.
fn is_trivial(value: &str) -> bool {
    value.is_empty()
        || matches!(value, "true" | "false" | "null" | "on" | "off")
        // Secrets were taken out before; that the user typed one cannot be compared.
        || value.chars().all(|c| c == '•')
}

/// The values in a body of this type.
pub(crate) fn leaves(content_type: &str, body: &[u8]) -> Vec<UnexplainedValue> {
    let mut found = Vec::new();
    let essence = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => {
            for (name, value) in url::form_urlencoded::parse(body) {
                push(&mut found, &name, &value);
            }
        }
        "multipart/form-data" => multipart(content_type, body, &mut found),
        _ if essence == "application/json" || essence.ends_with("+json") || essence.is_empty() => {
            if let Ok(value) = serde_json::from_slice::<Value>(body) {
                json("", &value, 0, &mut found);
            }
        }
        _ => {}
    }
    found
}

fn push(found: &mut Vec<UnexplainedValue>, name: &str, value: &str) {
    if found.len() < LEAVES_MAX && value.len() <= VALUE_MAX_BYTES && !is_trivial(value.trim()) {
        found.push(UnexplainedValue { name: name.to_owned(), value: value.to_owned() });
    }
}

fn json(path: &str, value: &Value, depth: usize, found: &mut Vec<UnexplainedValue>) {
    if depth > DEPTH_MAX || found.len() >= LEAVES_MAX {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                json(&path, value, depth + 1, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                json(&format!("{path}[{index}]"), value, depth + 1, found);
            }
        }
        Value::String(text) => push(found, path, text),
        Value::Number(number) => push(found, path, &number.to_string()),
        Value::Bool(_) | Value::Null => {}
    }
}

/// The text fields of a form with files, and the files' names.
fn multipart(content_type: &str, body: &[u8], found: &mut Vec<UnexplainedValue>) {
    let boundary = content_type.split(';').filter_map(|part| part.trim().strip_prefix("boundary=")).next();
    let Some(boundary) = boundary.map(|text| text.trim_matches('"')).filter(|text| !text.is_empty()) else {
        return;
    };
    let delimiter = format!("--{boundary}");
    let text = String::from_utf8_lossy(body);
    for part in text.split(delimiter.as_str()).skip(1) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        let parameter = |name: &str| {
            let (_, rest) = head.split_once(&format!(" {name}=\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let name = parameter("name").unwrap_or_default();
        match parameter("filename") {
            Some(file) => push(found, &name, &file),
            None => push(found, &name, content.strip_suffix("\r\n").unwrap_or(content)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(entries: &[&str]) -> Explained {
        let mut explained = Explained::default();
        entries.iter().for_each(|entry| explained.enter(entry));
        explained
    }

    #[test]
    fn a_value_is_explained_in_the_forms_that_applications_send() {
        for (typed, sent) in [
            ("DE89 3704", "de89 3704"),
            (" Acme  Ltd ", "Acme Ltd"),
            ("1,234.50", "1234.5"),
            ("1.234,50", "1234.50"),
            ("1 200", "1200"),
            ("12/31/2026", "2026-12-31"),
            ("31.12.2026", "2026-12-31T00:00:00Z"),
            ("007", "7"),
        ] {
            assert!(explained(&[typed]).has(sent), "{typed} explains {sent}");
        }
    }

    #[test]
    fn what_was_not_entered_is_not_explained() {
        let explained = explained(&["DE2", "1200", "31.12.2026", "-5"]);
        for sent in ["DE3", "1201", "12000", "2026-11-30", "5", "DE", ""] {
            assert!(!explained.has(sent), "{sent}");
        }
    }

    #[test]
    fn values_are_found_in_forms_and_json() {
        let names = |found: Vec<UnexplainedValue>| {
            found.into_iter().map(|leaf| format!("{}={}", leaf.name, leaf.value)).collect::<Vec<_>>()
        };
        assert_eq!(
            names(leaves("application/x-www-form-urlencoded", b"a=1+2&b=&c=%C3%BC&d=on")),
            ["a=1 2", "c=ü"]
        );
        let body = br#"{"lines":[{"amount":12.5,"ok":true}],"note":null,"who":"x","pin":"\u2022\u2022"}"#;
        assert_eq!(names(leaves("application/json; charset=utf-8", body)), ["lines[0].amount=12.5", "who=x"]);
        let multi = b"--B\r\nContent-Disposition: form-data; name=\"iban\"\r\n\r\nDE9\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--B--\r\n";
        assert_eq!(names(leaves("multipart/form-data; boundary=B", multi)), ["iban=DE9", "f=a.pdf"]);
        assert!(leaves("application/octet-stream", b"a=1").is_empty());
    }
}
