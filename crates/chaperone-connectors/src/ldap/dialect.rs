//! What differs between OpenLDAP and Active Directory.

use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use uuid::Uuid;

use crate::connector::{Expiry, ListedAccount, NAME_MAX_BYTES, Observation};
use crate::error::ConnectorError;
use crate::ldap::session::Entry;
use crate::settings::LdapFlavour;

mod active_directory;
mod openldap;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// [`openldap`].
    Openldap,
    /// [`active_directory`].
    ActiveDirectory,
}

/// One attribute from one value to another, both as the server writes them; `None` is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) attribute: &'static str,
    pub(super) old: Option<Vec<u8>>,
    pub(super) new: Option<Vec<u8>>,
}

impl Dialect {
    pub(super) fn of(flavour: LdapFlavour) -> Self {
        match flavour {
            LdapFlavour::Openldap => Self::Openldap,
            LdapFlavour::ActiveDirectory => Self::ActiveDirectory,
        }
    }

    /// Which entries are accounts, where the settings do not say it.
    pub(super) fn default_filter(self) -> &'static str {
        match self {
            Self::Openldap => "(objectClass=inetOrgPerson)",
            Self::ActiveDirectory => "(&(objectCategory=person)(objectClass=user))",
        }
    }

    pub(super) fn expiry(self) -> Expiry {
        match self {
            Self::Openldap => Expiry::None,
            Self::ActiveDirectory => Expiry::Exact,
        }
    }

    /// The attribute that is stable when an entry is renamed or moved.
    pub(super) fn id_attribute(self) -> &'static str {
        match self {
            Self::Openldap => "entryUUID",
            Self::ActiveDirectory => "objectGUID",
        }
    }

    fn name_attribute(self) -> &'static str {
        match self {
            Self::Openldap => "uid",
            Self::ActiveDirectory => "sAMAccountName",
        }
    }

    /// The attributes that say whether an account is enabled and until when.
    pub(super) fn state_attributes(self) -> &'static [&'static str] {
        match self {
            Self::Openldap => &[openldap::LOCKED],
            Self::ActiveDirectory => &[active_directory::CONTROL, active_directory::EXPIRES],
        }
    }

    /// All that is read of an account.
    pub(super) fn attributes(self) -> Vec<&'static str> {
        let mut all = vec![self.id_attribute(), self.name_attribute(), "mail"];
        all.extend(self.state_attributes());
        all
    }

    /// Finds the account of that id and no other.
    pub(super) fn id_filter(self, id: Uuid) -> String {
        match self {
            Self::Openldap => format!("(entryUUID={})", id.hyphenated()),
            Self::ActiveDirectory => {
                let bytes: String = id.to_bytes_le().iter().map(|byte| format!("\\{byte:02x}")).collect();
                format!("(objectGUID={bytes})")
            }
        }
    }

    fn id(self, entry: &Entry) -> Option<Uuid> {
        let value = entry.first(self.id_attribute())?;
        match self {
            Self::Openldap => Uuid::try_parse_ascii(value).ok(),
            Self::ActiveDirectory => Some(Uuid::from_bytes_le(value.try_into().ok()?)),
        }
    }

    /// State, expiry, and as version the very values that a change must find.
    pub(super) fn observe(self, entry: &Entry) -> Result<Observation, ConnectorError> {
        match self {
            Self::Openldap => Ok(openldap::observe(entry)),
            Self::ActiveDirectory => active_directory::observe(entry),
        }
    }

    /// What is wanted, as this kind of server can keep it.
    pub(super) fn as_kept(self, to: Attributes) -> Result<Attributes, ConnectorError> {
        if to.state == AccountState::Absent {
            return Err(ConnectorError::refused("An account can be enabled or disabled, never removed.", ""));
        }
        match self {
            Self::Openldap => openldap::as_kept(to),
            Self::ActiveDirectory => active_directory::as_kept(to),
        }
    }

    /// From what the entry is to what is wanted.
    pub(super) fn changes(self, entry: &Entry, to: Attributes) -> Result<Vec<Change>, ConnectorError> {
        match self {
            Self::Openldap => Ok(openldap::changes(entry, to)),
            Self::ActiveDirectory => active_directory::changes(entry, to),
        }
    }

    /// Two values that the attribute can have, of which it has room for one: taking away both never works.
    pub(super) fn impossible_values(self) -> [&'static str; 2] {
        match self {
            Self::Openldap => ["19010101000000Z", "19010101000001Z"],
            Self::ActiveDirectory => ["-1", "-2"],
        }
    }

    /// The entry as an account of a listing; `None` when it cannot be taken.
    pub(super) fn listed(self, entry: &Entry) -> Option<ListedAccount> {
        let name = self.name(entry)?;
        let email = entry.text("mail").filter(|email| email.len() <= NAME_MAX_BYTES).unwrap_or_default();
        Some(ListedAccount {
            external_id: self.id(entry)?.hyphenated().to_string(),
            name,
            email,
            attributes: self.observe(entry).ok()?.attributes,
        })
    }

    /// Of several names the first in alphabetical order: servers give values in no order.
    pub(super) fn name(self, entry: &Entry) -> Option<String> {
        entry.text(self.name_attribute()).filter(|name| !name.is_empty() && name.len() <= NAME_MAX_BYTES)
    }
}
