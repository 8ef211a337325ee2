//! The first and the last word of a recording: its manifest, written before its first frame, and its seal, signed
//! when nothing more may come.
//!
//! The chain begins with the hash of the manifest's bytes, so a changed manifest breaks the whole recording. The seal
//! names the last link, counts the frames and carries an Ed25519 signature over its own bytes.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chaperone_domain::ids::{AccountId, PrivilegedSessionId, RecordingId, SignInId, TargetId, UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::frame::Hash;
use crate::keys::{VaultKeys, WRAPPED_BYTES, sha256};
use crate::wire::{hex32, text, text_list, text_option};

/// The version of the format that is written.
pub const FORMAT_VERSION: u16 = 1;

/// What is to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecording {
    /// The recording.
    pub id: RecordingId,
    /// The sign-in that it records.
    pub sign_in_id: SignInId,
    /// The privileged session of that sign-in.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// Who is recorded.
    pub user_id: UserId,
    /// The name they sign in with.
    pub user_name: String,
    /// The account they act as.
    pub account_id: Option<AccountId>,
    /// That account's name.
    pub account_name: Option<String>,
    /// The targets that may be entered.
    pub target_ids: Vec<TargetId>,
    /// Which policy of masking and keeping applies, in the policy's own words.
    pub policy: serde_json::Value,
    /// When it begins: the instant of consent.
    pub started_at: Timestamp,
}

/// The first word of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub format: u16,
    /// The version of the product that wrote it.
    pub product: String,
    /// The recording.
    #[serde(with = "text")]
    pub recording_id: RecordingId,
    /// The sign-in that it records.
    #[serde(with = "text")]
    pub sign_in_id: SignInId,
    /// The privileged session of that sign-in.
    #[serde(with = "text_option")]
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// Who is recorded.
    #[serde(with = "text")]
    pub user_id: UserId,
    /// The name they sign in with.
    pub user_name: String,
    /// The account they act as.
    #[serde(with = "text_option")]
    pub account_id: Option<AccountId>,
    /// That account's name.
    pub account_name: Option<String>,
    /// The targets that may be entered.
    #[serde(with = "text_list")]
    pub target_ids: Vec<TargetId>,
    /// Which policy of masking and keeping applies.
    pub policy: serde_json::Value,
    /// When it began.
    #[serde(with = "text")]
    pub started_at: Timestamp,
    /// Which master key wraps the recording's key.
    pub master_key_id: String,
    /// The recording's key, wrapped: nonce, ciphertext and tag in Base64.
    pub wrapped_key: String,
    /// The public key that the seal will be checked with.
    #[serde(with = "hex32")]
    pub public_key: [u8; 32],
}

impl Manifest {
    pub(crate) fn new(recording: &NewRecording, keys: &VaultKeys, wrapped: &[u8; WRAPPED_BYTES]) -> Self {
        Self {
            format: FORMAT_VERSION,
            product: env!("CARGO_PKG_VERSION").to_owned(),
            recording_id: recording.id,
            sign_in_id: recording.sign_in_id,
            privileged_session_id: recording.privileged_session_id,
            user_id: recording.user_id,
            user_name: recording.user_name.clone(),
            account_id: recording.account_id,
            account_name: recording.account_name.clone(),
            target_ids: recording.target_ids.clone(),
            policy: recording.policy.clone(),
            started_at: recording.started_at,
            master_key_id: keys.identity().to_owned(),
            wrapped_key: STANDARD.encode(wrapped),
            public_key: keys.public_key(),
        }
    }

    pub(crate) fn wrapped_key(&self) -> Option<[u8; WRAPPED_BYTES]> {
        STANDARD.decode(&self.wrapped_key).ok()?.try_into().ok()
    }
}

/// The link that the chain begins with.
pub(crate) fn genesis(manifest_bytes: &[u8]) -> Hash {
    sha256(&[b"chaperone manifest v1", manifest_bytes])
}

/// How complete a recording is, in one figure with its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// State-changing exchanges that were let go to the target.
    pub changes_released: u64,
    /// Of those, how many had durable evidence before they left: must be all.
    pub changes_with_evidence: u64,
    /// Of those, how many a user step explains.
    pub changes_explained: u64,
    /// Posted values that no step explains.
    pub unexplained_values: u64,
    /// State-changing exchanges that were refused.
    pub changes_refused: u64,
    /// Breaks in the evidence.
    pub gaps: u64,
    /// Areas that could not be recorded, such as frames from foreign hosts.
    pub areas_not_recorded: u64,
}

/// What is known when a recording ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealFacts {
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why: a stable name.
    pub reason: String,
}

/// The last word of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The version of the format.
    pub format: u16,
    /// The recording.
    #[serde(with = "text")]
    pub recording_id: RecordingId,
    /// SHA-256 of the manifest's bytes.
    #[serde(with = "hex32")]
    pub manifest_sha256: Hash,
    /// How many segments there are.
    pub segments: u32,
    /// How many frames there are.
    pub frames: u64,
    /// How many there are of each kind.
    pub frames_by_kind: BTreeMap<String, u64>,
    /// Bytes of all segments.
    pub bytes: u64,
    /// The last link of the chain.
    #[serde(with = "hex32")]
    pub last_hash: Hash,
    /// How complete it is.
    pub coverage: Coverage,
    /// When it began.
    #[serde(with = "text")]
    pub started_at: Timestamp,
    /// When its last frame happened.
    #[serde(with = "text")]
    pub last_frame_at: Timestamp,
    /// When it ended.
    #[serde(with = "text")]
    pub ended_at: Timestamp,
    /// Why it ended.
    pub reason: String,
}

/// The seal as a file: the signed bytes as text, so that nobody has to guess how to write them again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealFile {
    seal: String,
    #[serde(with = "hex32")]
    public_key: [u8; 32],
    signature: String,
}

const SIGNED_PREFIX: &[u8] = b"chaperone seal v1\n";

impl Seal {
    /// The bytes of `seal.json`.
    pub(crate) fn sign(&self, keys: &VaultKeys) -> Result<Vec<u8>, serde_json::Error> {
        let seal = serde_json::to_string(self)?;
        let signature = keys.sign(&[SIGNED_PREFIX, seal.as_bytes()].concat());
        serde_json::to_vec(&SealFile { seal, public_key: keys.public_key(), signature: STANDARD.encode(signature) })
    }

    /// Reads `seal.json` when this key signed it.
    pub fn read(bytes: &[u8], public_key: &[u8; 32]) -> Option<Self> {
        let file: SealFile = serde_json::from_slice(bytes).ok()?;
        if &file.public_key != public_key {
            return None;
        }
        let signature = STANDARD.decode(&file.signature).ok()?;
        let message = [SIGNED_PREFIX, file.seal.as_bytes()].concat();
        UnparsedPublicKey::new(&ED25519, public_key).verify(&message, &signature).ok()?;
        serde_json::from_str(&file.seal).ok()
    }
}
