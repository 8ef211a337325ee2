//! What the recorder in the page said: the entries of one channel of a batch, as they came.

use bytes::Bytes;
use chaperone_domain::ids::DocumentId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::text;

/// Which batch of a document something came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHead {
    /// The document.
    #[serde(with = "text")]
    pub document: DocumentId,
    /// Rises by one at each return from the browser's history.
    pub epoch: u16,
    /// Counts batches from 0 through the whole life of the document.
    pub sequence: u32,
    /// Milliseconds since the document began, by the page's clock.
    pub since_start_ms: u64,
    /// The page was hidden.
    #[serde(default)]
    pub hidden: bool,
    /// The page was going away.
    #[serde(default)]
    pub tail: bool,
    /// The page has gone.
    #[serde(default)]
    pub ended: bool,
}

/// Entries of one channel of a batch: a JSON array, each entry as the page wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageEntries {
    /// The batch that they came with.
    pub batch: BatchHead,
    /// The array.
    pub json: Bytes,
}

impl PageEntries {
    /// The entries that read as `T`; others are left out, and counted in the second part.
    pub fn read<T: DeserializeOwned>(&self) -> (Vec<T>, usize) {
        let Ok(raw) = serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(&self.json) else {
            return (Vec::new(), 1);
        };
        let all = raw.len();
        let read: Vec<T> =
            raw.into_iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect();
        let left_out = all - read.len();
        (read, left_out)
    }

    /// The entries as JSON values, each in its place; `None` for one that cannot be read, or that nests deeper than
    /// [`ENTRY_DEPTH_MAX`].
    pub fn values(&self) -> Vec<Option<serde_json::Value>> {
        let raw: Vec<&serde_json::value::RawValue> = serde_json::from_slice(&self.json).unwrap_or_default();
        raw.into_iter().map(|entry| value(entry.get())).collect()
    }
}

/// How deep an entry may nest. The picture of a page takes two levels for each level of the page, and a browser's
/// parser makes pages of 512 levels at most.
pub const ENTRY_DEPTH_MAX: usize = 1100;

/// Reads a value that nests as deep as pages do, but not so deep that reading it would exhaust the stack.
fn value(json: &str) -> Option<serde_json::Value> {
    if depth(json) > ENTRY_DEPTH_MAX {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit();
    serde_json::Value::deserialize(&mut reader).ok()
}

/// How deep brackets nest outside of texts.
fn depth(json: &str) -> usize {
    let (mut now, mut most, mut in_text, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match (in_text, byte) {
            _ if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'[' | b'{') => {
                now += 1;
                most = most.max(now);
            }
            (false, b']' | b'}') => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}
