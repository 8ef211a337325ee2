mod crashes;
mod damage;
mod destroying;
mod disk;
mod keeping;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chaperone_domain::ids::{DocumentId, ExchangeId, RecordingId, SignInId, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::bodies::*;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_763_660_000 + seconds).expect("in range")
}

pub(super) fn recording(number: u128) -> NewRecording {
    NewRecording {
        id: RecordingId::new(Uuid::from_u128(number)),
        sign_in_id: SignInId::new(Uuid::from_u128(2)),
        privileged_session_id: None,
        user_id: UserId::new(Uuid::from_u128(3)),
        user_name: "paula".to_owned(),
        account_id: None,
        account_name: Some("erp-admin".to_owned()),
        target_ids: Vec::new(),
        policy: serde_json::json!({"masking": "preset"}),
        started_at: at(0),
    }
}

pub(super) fn consent() -> Consent {
    Consent {
        user_id: UserId::new(Uuid::from_u128(3)),
        user_name: "paula".to_owned(),
        account_id: None,
        account_name: Some("erp-admin".to_owned()),
        privileged_session_id: None,
        sign_in_id: SignInId::new(Uuid::from_u128(2)),
        notice_sha256: [9; 32],
    }
}

pub(super) fn note(number: i64) -> NewFrame {
    NewFrame {
        at: at(number),
        body: FrameBody::Note(Note { topic: "test".to_owned(), text: format!("note {number}") }),
    }
}

/// A page that cannot be compressed well.
pub(super) fn dom(seed: u64, bytes: usize) -> NewFrame {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let text: String = (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'a' + u8::try_from(state % 26).expect("small"))
        })
        .collect();
    let batch = BatchHead {
        document: DocumentId::new(Uuid::from_u128(7)),
        epoch: 0,
        sequence: u32::try_from(seed).expect("small"),
        since_start_ms: seed,
        hidden: false,
        tail: false,
        ended: false,
    };
    let json = Bytes::from(format!(r#"[{{"type":2,"data":"{text}","timestamp":1}}]"#));
    NewFrame { at: at(1), body: FrameBody::Dom(PageEntries { batch, json }, true) }
}

pub(super) fn facts() -> SealFacts {
    SealFacts { ended_at: at(100), reason: "handed_back".to_owned() }
}

use crate::manifest::SealFacts;

/// A vault over folders that go away with the test.
pub(super) struct Place {
    folder: tempfile::TempDir,
    pub(super) limits: VaultLimits,
    pub(super) key: [u8; 32],
}

impl Place {
    pub(super) fn new() -> Self {
        let limits = VaultLimits { free_floor_bytes: 0, last_floor_bytes: 0, ..VaultLimits::default() };
        Self { folder: tempfile::tempdir().expect("a folder"), limits, key: [5; 32] }
    }

    pub(super) fn small_segments() -> Self {
        let mut place = Self::new();
        place.limits.segment_bytes = 600;
        place
    }

    pub(super) fn open(&self) -> Vault {
        Vault::open(self.config()).expect("opens")
    }

    pub(super) fn config(&self) -> VaultConfig {
        let key = MasterKey::new(self.key);
        let mut config = VaultConfig::with_folders(self.spool(), self.store(), key).expect("folders");
        config.limits = self.limits;
        config
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub(super) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(super) fn spooled(&self, id: RecordingId) -> PathBuf {
        self.spool().join(id.to_string())
    }

    pub(super) fn stored(&self, id: RecordingId) -> PathBuf {
        self.store().join("recordings").join(id.to_string())
    }
}

pub(super) async fn texts(vault: &Vault, id: RecordingId) -> Vec<String> {
    let mut reader = vault.reader(id).await.expect("opens").only(KindSet::of(&[crate::FrameKind::Note]));
    let frames = reader.rest().await.expect("sound");
    frames
        .into_iter()
        .map(|frame| match frame.body {
            FrameBody::Note(note) => note.text,
            other => panic!("not a note: {other:?}"),
        })
        .collect()
}

/// Waits until something holds.
pub(super) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn exchange(number: u128) -> ExchangeId {
    ExchangeId::new(Uuid::from_u128(number))
}

pub(super) fn arc<T>(value: T) -> Arc<T> {
    Arc::new(value)
}
