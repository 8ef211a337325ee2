//! From a recorder's batch to frames: its channels apart, so that steps can be read without unpacking pictures of
//! the page.
//!
//! Every entry is kept byte by byte as the page wrote it.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bodies::{BatchHead, FrameBody, PageEntries};
use crate::frame::NewFrame;

/// The kind of rrweb event that is a full snapshot.
pub(crate) const RRWEB_FULL_SNAPSHOT: u64 = 2;

/// Why a batch's content is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchContentError {
    /// It is not a JSON array of pairs.
    #[error("the content of the batch is not a list of entries")]
    Malformed,
    /// A channel has a name that is not known.
    #[error("the batch has an entry of an unknown channel")]
    UnknownChannel,
}

#[derive(Deserialize)]
struct Entry<'a>(&'a str, #[serde(borrow)] &'a RawValue);

#[derive(Deserialize)]
struct Kind {
    r#type: u64,
}

/// The frames of one batch. `unpacked` is its body after decompression: a JSON array of `[channel, payload]`, or
/// nothing. A batch without entries gives one frame all the same: a sign of life.
pub fn frames(head: BatchHead, unpacked: &[u8], at: Timestamp) -> Result<Vec<NewFrame>, BatchContentError> {
    let entries: Vec<Entry<'_>> = if unpacked.is_empty() {
        Vec::new()
    } else {
        serde_json::from_slice(unpacked).map_err(|_| BatchContentError::Malformed)?
    };
    let mut health = List::default();
    let mut dom = List::default();
    let mut steps = List::default();
    let mut intents = List::default();
    let mut snapshot = false;
    for Entry(channel, payload) in &entries {
        match *channel {
            "h" => health.push(payload),
            "d" => {
                let kind = serde_json::from_str::<Kind>(payload.get()).ok();
                snapshot |= kind.is_some_and(|kind| kind.r#type == RRWEB_FULL_SNAPSHOT);
                dom.push(payload);
            }
            "s" => steps.push(payload),
            "i" => intents.push(payload),
            _ => return Err(BatchContentError::UnknownChannel),
        }
    }
    let mut frames = Vec::new();
    let mut push = |body| frames.push(NewFrame { at, body });
    if !health.is_empty() || entries.is_empty() {
        push(FrameBody::Health(health.end(head)));
    }
    if !dom.is_empty() {
        push(FrameBody::Dom(dom.end(head), snapshot));
    }
    if !steps.is_empty() {
        push(FrameBody::Steps(steps.end(head)));
    }
    if !intents.is_empty() {
        push(FrameBody::Intents(intents.end(head)));
    }
    Ok(frames)
}

#[derive(Default)]
struct List(Vec<u8>);

impl List {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, payload: &RawValue) {
        self.0.push(if self.0.is_empty() { b'[' } else { b',' });
        self.0.extend_from_slice(payload.get().as_bytes());
    }

    fn end(mut self, batch: BatchHead) -> PageEntries {
        if self.0.is_empty() {
            self.0.push(b'[');
        }
        self.0.push(b']');
        PageEntries { batch, json: Bytes::from(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use chaperone_domain::ids::DocumentId;
    use uuid::Uuid;

    use super::*;

    fn head() -> BatchHead {
        BatchHead {
            document: DocumentId::new(Uuid::from_u128(1)),
            epoch: 0,
            sequence: 3,
            since_start_ms: 5,
            hidden: false,
            tail: false,
            ended: false,
        }
    }

    #[test]
    fn channels_come_apart_and_entries_stay_as_they_came() {
        let batch = br#"[["h",{"type":"hello"}],["d",{"type":4}],["s",{ "seq": 0 }],["d",{"type":2,"data":{}}],["i",{"id":"a"}]]"#;
        let frames = frames(head(), batch, Timestamp::UNIX_EPOCH).expect("a batch");
        let [health, dom, steps, intents] = frames.as_slice() else { panic!("four frames: {frames:?}") };
        assert!(matches!(&health.body, FrameBody::Health(e) if e.json == r#"[{"type":"hello"}]"#));
        assert!(matches!(&dom.body, FrameBody::Dom(e, true) if e.json == r#"[{"type":4},{"type":2,"data":{}}]"#));
        assert!(matches!(&steps.body, FrameBody::Steps(e) if e.json == r#"[{ "seq": 0 }]"#));
        assert!(matches!(&intents.body, FrameBody::Intents(e) if e.json == r#"[{"id":"a"}]"#));
    }

    #[test]
    fn a_sign_of_life_is_a_frame() {
        for nothing in [b"".as_slice(), b"[]"] {
            let frames = frames(head(), nothing, Timestamp::UNIX_EPOCH).expect("a batch");
            assert!(matches!(&frames[..], [NewFrame { body: FrameBody::Health(e), .. }] if e.json == "[]"));
        }
    }

    #[test]
    fn what_is_no_batch_is_refused() {
        let malformed = [b"{".as_slice(), b"{}", b"[1]", b"[[\"s\"]]"];
        for bytes in malformed {
            assert_eq!(frames(head(), bytes, Timestamp::UNIX_EPOCH), Err(BatchContentError::Malformed));
        }
        assert_eq!(
            frames(head(), br#"[["x",{}]]"#, Timestamp::UNIX_EPOCH),
            Err(BatchContentError::UnknownChannel)
        );
    }
}
