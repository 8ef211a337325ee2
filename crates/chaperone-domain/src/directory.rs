//! Directories: systems that hold accounts.

use crate::Instant;
use crate::ids::DirectoryId;

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
    /// When it was added.
    pub created_at: Instant,
}
