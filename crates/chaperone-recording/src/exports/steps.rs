//! Steps as JSON and as CSV.

use serde_json::json;

use super::{ExportError, heading};
use crate::contents::Contents;
use crate::steps::MASKED;

/// The columns of the CSV form.
const COLUMNS: [&str; 14] = [
    "seq",
    "at",
    "kind",
    "text",
    "label",
    "role",
    "old_value",
    "new_value",
    "masked",
    "form_context",
    "record_context",
    "page_title",
    "page_url",
    "exchange_ids",
];

/// Steps with what the recording is.
pub fn steps_json(contents: &Contents) -> Result<Vec<u8>, ExportError> {
    let steps: Vec<_> = (1_u64..)
        .zip(&contents.timeline.steps)
        .map(|(seq, record)| {
            let step = &record.step;
            json!({
                "seq": seq,
                "at": record.at.to_string(),
                "offset_ms": contents.step_offset_ms(record),
                "kind": step.kind.name(),
                "text": record.sentence,
                "label": step.label,
                "role": step.role,
                "control": step.control,
                "value": step.value,
                "form_context": step.form_context,
                "record_context": step.record_context,
                "page": step.page,
                "selectors": step.selectors,
                "point": step.point,
                "trusted": step.trusted,
                "node": step.node,
                "document_id": record.document.to_string(),
                "exchange_ids": record.exchanges.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut file = heading(contents);
    file["format"] = json!("chaperone steps 1");
    file["steps"] = steps.into();
    Ok(serde_json::to_vec_pretty(&file)?)
}

/// Steps as a table: RFC 4180, UTF-8 with a mark, so that spreadsheets read it as such. A cell that a spreadsheet would
/// take for a formula begins with an apostrophe.
pub fn steps_csv(contents: &Contents) -> Vec<u8> {
    let mut csv = String::from("\u{feff}");
    row(&mut csv, COLUMNS.map(str::to_owned));
    for (seq, record) in (1_u64..).zip(&contents.timeline.steps) {
        let step = &record.step;
        let value = step.value.as_ref();
        let masked = value.is_some_and(|value| value.masked);
        let shown = |text: Option<&String>| match masked {
            true => MASKED.to_owned(),
            false => text.cloned().unwrap_or_default(),
        };
        let exchanges: Vec<String> = record.exchanges.iter().map(ToString::to_string).collect();
        row(
            &mut csv,
            [
                seq.to_string(),
                record.at.to_string(),
                step.kind.name().to_owned(),
                record.sentence.replace("**", ""),
                step.label.clone(),
                step.role.clone(),
                value.map_or_else(String::new, |value| shown(value.old.as_ref())),
                value.map_or_else(String::new, |value| shown(value.new.as_ref())),
                if masked { "yes" } else { "no" }.to_owned(),
                step.form_context.clone().unwrap_or_default(),
                step.record_context.clone().unwrap_or_default(),
                step.page.title.clone(),
                step.page.url.clone(),
                exchanges.join(" "),
            ],
        );
    }
    csv.into_bytes()
}

fn row<const N: usize>(csv: &mut String, cells: [String; N]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell_text(cell)).collect();
    csv.push_str(&cells.join(","));
    csv.push_str("\r\n");
}

fn cell_text(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let table = [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=1+1", "'=1+1"),
            ("-5,00", "\"'-5,00\""),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+1", "'+1"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("＝1+1", "'＝1+1"),
            ("two\r\nlines", "\"two\r\nlines\""),
        ];
        for (text, expected) in table {
            assert_eq!(cell_text(text), expected);
        }
    }
}
