//! A real vault in a folder of its own, on a disk that is full when a test says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chaperone_app::gate::LiveFacts;
use chaperone_domain::ids::RecordingId;
use chaperone_domain::sign_in::SignIn;
use chaperone_recording::{Consent, MasterKey, NewRecording, Vault, VaultConfig, Writer};
use tempfile::TempDir;

use super::names;

/// The disk, the vault on it, and the recording of the world's person.
pub struct Disk {
    pub vault: Vault,
    pub folder: TempDir,
    /// How far the tests' clock is ahead of the machine's, in seconds.
    pub ahead_s: Arc<AtomicI64>,
    full: Arc<AtomicBool>,
}

impl Disk {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let full = Arc::new(AtomicBool::new(false));
        let mut config = VaultConfig::with_folders(
            folder.path().join("spool"),
            folder.path().join("store"),
            MasterKey::new([7; 32]),
        )
        .expect("folders");
        let is_full = full.clone();
        config.free_space = Arc::new(move |_| Ok(if is_full.load(Ordering::SeqCst) { 0 } else { 1 << 40 }));
        Self { vault: Vault::open(config).expect("opens"), folder, ahead_s: Arc::default(), full }
    }

    /// Fills the disk, or makes room again.
    pub fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    /// Begins the recording of a sign-in.
    pub async fn begin(&self, id: RecordingId, row: &SignIn, facts: &LiveFacts) -> Arc<Writer> {
        let session = facts.session.as_ref().map(|session| session.id);
        let recording = NewRecording {
            id,
            sign_in_id: row.id,
            privileged_session_id: session,
            user_id: facts.user.id,
            user_name: facts.user.user_name.clone(),
            account_id: Some(facts.account.id),
            account_name: Some(facts.account.name.clone()),
            target_ids: Vec::new(),
            policy: serde_json::Value::Null,
            started_at: row.started_at,
        };
        let consent = Consent {
            user_id: facts.user.id,
            user_name: facts.user.user_name.clone(),
            account_id: Some(facts.account.id),
            account_name: Some(facts.account.name.clone()),
            privileged_session_id: session,
            sign_in_id: row.id,
            notice_sha256: [0; 32],
        };
        Arc::new(self.vault.begin(recording, consent).await.expect("begins"))
    }

    /// Everything that is durable, in words.
    pub async fn frames(&self, recording: RecordingId) -> Vec<String> {
        let mut reader = self.vault.reader(recording).await.expect("is there");
        let frames = reader.rest().await.expect("is sound");
        frames.iter().filter_map(|frame| names::of(&frame.body)).collect()
    }
}
