//! Accounts: logins held by a directory.

use crate::Instant;
use crate::ids::{AccountId, DirectoryId, UserId};

/// The state of an account in its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// It can be used.
    Enabled,
    /// It is there and cannot be used.
    Disabled,
    /// The directory does not know it (any more).
    Absent,
}

impl AccountState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Disabled, Self::Absent];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Absent => "absent",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A login held by a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Identity.
    pub id: AccountId,
    /// Where it lives.
    pub directory_id: DirectoryId,
    /// The directory's own name for it, stable when it is renamed.
    pub external_id: String,
    /// How people know it.
    pub name: String,
    /// Where mail goes, as the directory has it; may be empty.
    pub email: String,
    /// Who may use it; nobody when `None`.
    pub owner: Option<UserId>,
    /// Whether targets are entered as this account only inside a privileged session.
    pub privileged: bool,
    /// The state last observed (for the built-in directory: the state).
    pub state: AccountState,
    /// The directory's own expiry, where it has one: the account counts as disabled from then on.
    pub expires_at: Option<Instant>,
    /// When its directory was last asked; `None` in the built-in directory, which knows at any time.
    pub last_seen_at: Option<Instant>,
    /// What somebody else made of it; `None` when nothing is open.
    pub drift: Option<Drift>,
    /// Rises with each change.
    pub version: i64,
}

/// An account was not as it should have been: somebody changed it outside of Chaperone. Open until an administrator
/// has taken notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// What it should have been.
    pub expected: AccountState,
    /// When it was seen to be otherwise.
    pub at: Instant,
}

impl Account {
    /// Whether the account can be used now.
    pub fn is_usable(&self, now: Instant) -> bool {
        self.state == AccountState::Enabled && self.expires_at.is_none_or(|expiry| now < expiry)
    }
}
