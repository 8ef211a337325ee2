//! What is not in a recording, in words: areas that could not be recorded, gaps, and pages that were lost.

use chaperone_domain::ids::DocumentId;
use jiff::Timestamp;

use crate::bodies::DocumentPhase;
use crate::timeline::{Area, DocumentRecord, Timeline};

/// Something that is not in a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// When that was noticed, if it belongs to an instant.
    pub at: Option<Timestamp>,
    /// The page that it belongs to, if it is one page's.
    pub document: Option<DocumentId>,
    /// What it is, for the reader.
    pub sentence: String,
}

impl Timeline {
    /// What is not in the recording: areas first, then gaps, then pages that were lost.
    pub fn missing(&self) -> Vec<Missing> {
        let areas = self.areas.iter().map(|area| Missing {
            at: None,
            document: Some(area.document),
            sentence: self.area_sentence(area),
        });
        let gaps = self.gaps.iter().map(|gap| Missing {
            at: Some(gap.at),
            document: gap.what.document,
            sentence: if gap.what.detail.is_empty() {
                gap.what.reason.clone()
            } else {
                gap.what.detail.clone()
            },
        });
        let lost = self.documents.iter().filter(|document| document.state == DocumentPhase::Lost);
        let lost = lost.map(|document| Missing {
            at: document.ended_at,
            document: Some(document.id),
            sentence: format!("{} was lost: {}.", name(document), why_lost(document.reason.as_deref())),
        });
        areas.chain(gaps).chain(lost).collect()
    }

    fn area_sentence(&self, area: &Area) -> String {
        let document = self.documents.iter().find(|document| document.id == area.document);
        let page = document.map_or_else(|| "a page".to_owned(), name);
        match area.what.as_str() {
            "closed_shadow_root" => format!("A closed shadow root in {page} is not recorded."),
            "dom_recording_failed" => format!("The picture of {page} could not be recorded."),
            "entry_too_large" | "batch_too_large" => {
                format!("A part of {page} was too large to be recorded.")
            }
            "tail_cut" => format!("The last moments of {page} were too much to be sent when it was left."),
            frame if frame.contains("://") => {
                format!("The frame {frame} in {page} is not recorded: it does not come through the gateway.")
            }
            other => format!("A part of {page} is not recorded: {other}."),
        }
    }
}

/// Why a page was lost, by its stable name.
fn why_lost(reason: Option<&str>) -> &str {
    match reason {
        Some("gap") => "a part of what it sent did not come",
        Some("forged") => "what was sent for it was not made by its recorder",
        Some("silent") | None => "nothing was heard of it any more",
        Some(other) => other,
    }
}

/// A page as people know it.
fn name(document: &DocumentRecord) -> String {
    match (document.title.as_str(), document.url.as_str()) {
        ("", "") => "a page without a name".to_owned(),
        ("", url) => url.to_owned(),
        (title, "") => format!("“{title}”"),
        (title, url) => format!("“{title}” ({url})"),
    }
}
