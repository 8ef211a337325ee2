//! What changed, told to whoever watches: *look again*, never the content.

use chaperone_domain::ids::UserId;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Changes that a slow watcher may fall behind before it is told to look at everything again.
pub const CHANGES_KEPT: usize = 1024;

/// A noun of which something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedNoun {
    /// A privileged session, its grants, its logs.
    PrivilegedSession,
    /// A recording.
    Recording,
    /// A sign-in.
    SignIn,
    /// An account.
    Account,
    /// A user.
    User,
    /// A target.
    Target,
    /// A directory, its import or its accounts.
    Directory,
    /// The organization.
    Organization,
    /// A scheduled export, its runs or its findings.
    ScheduledExport,
}

impl ChangedNoun {
    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrivilegedSession => "privileged_session",
            Self::Recording => "recording",
            Self::SignIn => "sign_in",
            Self::Account => "account",
            Self::User => "user",
            Self::Target => "target",
            Self::Directory => "directory",
            Self::Organization => "organization",
            Self::ScheduledExport => "scheduled_export",
        }
    }
}

/// Something changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub noun: ChangedNoun,
    /// Which.
    pub id: Uuid,
    /// The users whose own matter it is; others need a role that reads everything.
    pub concerns: Vec<UserId>,
}

/// The channel on which changes are told.
pub struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::Sender::new(CHANGES_KEPT))
    }
}

impl Changes {
    /// Tells of a change.
    pub fn tell(&self, noun: ChangedNoun, id: Uuid, concerns: Vec<UserId>) {
        // Nobody may be watching.
        let _watchers = self.0.send(Change { noun, id, concerns });
    }

    /// Watches from now on.
    pub fn watch(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
