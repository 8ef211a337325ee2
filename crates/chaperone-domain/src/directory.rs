//! Directories: systems that hold accounts.

use crate::Instant;
use crate::ids::{AccountImportId, DirectoryId};

/// The kind of system behind a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DirectoryKind {
    /// Chaperone's own: an account is the user's right to enter targets.
    BuiltIn,
    /// Roles of a PostgreSQL server.
    Postgresql,
    /// OpenLDAP or Active Directory.
    Ldap,
    /// A SCIM 2.0 service.
    Scim,
    /// `systemuser` of a Dataverse environment.
    Dataverse,
    /// Users of Microsoft Entra ID.
    Entra,
    /// Accounts of the machine that Chaperone runs on.
    Linux,
}

impl DirectoryKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::BuiltIn, Self::Postgresql, Self::Ldap, Self::Scim, Self::Dataverse, Self::Entra, Self::Linux];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Postgresql => "postgresql",
            Self::Ldap => "ldap",
            Self::Scim => "scim",
            Self::Dataverse => "dataverse",
            Self::Entra => "entra",
            Self::Linux => "linux",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A system that holds accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Identity.
    pub id: DirectoryId,
    /// How people know it.
    pub name: String,
    /// What it is.
    pub kind: DirectoryKind,
    /// How it is reached, as its connector writes it (JSON); empty for the built-in directory. Never holds a secret.
    pub settings: String,
    /// When it was added.
    pub created_at: Instant,
    /// When it was removed; its accounts stay as history.
    pub removed_at: Option<Instant>,
    /// Rises with each change.
    pub version: i64,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportState {
    /// It goes on.
    Running,
    /// Every account was seen.
    Done,
    /// It was given up; what was seen until then is kept.
    Failed,
}

impl ImportState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Failed];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One look at all accounts of a directory. At most one at a time per directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountImport {
    /// Identity.
    pub id: AccountImportId,
    /// Of which directory.
    pub directory_id: DirectoryId,
    /// How far it is.
    pub state: ImportState,
    /// Where the next page begins; `None` at the first.
    pub place: Option<String>,
    /// Accounts seen so far.
    pub seen: u64,
    /// Of these, accounts that were new.
    pub added: u64,
    /// Of these, accounts that were otherwise before.
    pub changed: u64,
    /// Accounts that are not there any more; known at the end.
    pub vanished: u64,
    /// Accounts that cannot be taken (no name, or too long a one).
    pub left_out: u64,
    /// How many there are in all, where the directory says it.
    pub total: Option<u64>,
    /// Attempts since the last page.
    pub attempt: i64,
    /// When to try again.
    pub next_try_at: Option<Instant>,
    /// What went wrong last, in one sentence.
    pub problem: Option<String>,
    /// When it began: accounts that were not seen since then are gone.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// Rises with each page; a stale node loses on it.
    pub fence: i64,
}
