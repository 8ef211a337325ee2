//! Recordings: what was done during one target sign-in.

use crate::Instant;
use crate::ids::{PrivilegedSessionId, RecordingId, SignInId};

/// The state of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordingState {
    /// It goes on.
    Recording,
    /// It is complete and signed.
    Sealed,
    /// What is stored does not verify.
    Damaged,
    /// Retention deleted it: its row is left, and nothing of what was recorded.
    Deleted,
}

impl RecordingState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Recording, Self::Sealed, Self::Damaged, Self::Deleted];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Sealed => "sealed",
            Self::Damaged => "damaged",
            Self::Deleted => "deleted",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// How complete a recording is, in one figure with its parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// State-changing exchanges that reached the target.
    pub changes_released: u64,
    /// Of those, how many had durable evidence before they left: must be all.
    pub changes_with_evidence: u64,
    /// Of those, how many a user step explains.
    pub changes_explained: u64,
    /// Posted values that no step explains.
    pub unexplained_values: u64,
    /// State-changing exchanges that were refused for want of evidence.
    pub changes_refused: u64,
    /// Breaks in a document's chain of evidence.
    pub gaps: u64,
    /// Areas that could not be recorded, such as frames from foreign hosts.
    pub areas_not_recorded: u64,
}

/// What was done during one target sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Identity.
    pub id: RecordingId,
    /// The sign-in that it records.
    pub sign_in_id: SignInId,
    /// The privileged session of that sign-in.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// Its state.
    pub state: RecordingState,
    /// When consent was given: the first frame.
    pub started_at: Instant,
    /// When the last frame was written, once it is sealed.
    pub ended_at: Option<Instant>,
    /// Steps so far.
    pub steps: u64,
    /// Exchanges so far.
    pub exchanges: u64,
    /// Bytes at rest so far.
    pub bytes: u64,
    /// How complete it is.
    pub coverage: Coverage,
    /// When retention deleted it.
    pub deleted_at: Option<Instant>,
}
