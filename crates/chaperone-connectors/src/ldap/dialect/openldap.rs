//! OpenLDAP: an account is disabled while it has `pwdAccountLockedTime`, whatever the value.
//!
//! What we write is the lock that only an administrator takes away. A lock that the policy set for a while (after
//! wrong passwords) counts as disabled too; when an account that had one was enabled for a session, it comes back
//! with the permanent lock, which is the stricter of both.

use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;

use super::Change;
use crate::connector::Observation;
use crate::error::ConnectorError;
use crate::ldap::session::Entry;

/// Since when an account is locked, in the password policy overlay.
pub(super) const LOCKED: &str = "pwdAccountLockedTime";
/// Locked until an administrator unlocks it.
const FOR_GOOD: &[u8] = b"000001010000Z";

pub(super) fn observe(entry: &Entry) -> Observation {
    let locked = entry.first(LOCKED);
    let state = if locked.is_some() { AccountState::Disabled } else { AccountState::Enabled };
    let version = format!("{LOCKED}={}", String::from_utf8_lossy(locked.unwrap_or_default()));
    Observation { attributes: Attributes { state, expires_at: None }, version: Some(version) }
}

pub(super) fn as_kept(to: Attributes) -> Result<Attributes, ConnectorError> {
    if to.expires_at.is_some() {
        let sentence = "OpenLDAP keeps no expiry of accounts: leave it out.";
        return Err(ConnectorError::refused(sentence, ""));
    }
    Ok(to)
}

pub(super) fn changes(entry: &Entry, to: Attributes) -> Vec<Change> {
    let old = entry.first(LOCKED).map(<[u8]>::to_vec);
    let new = match (to.state, &old) {
        (AccountState::Enabled, _) => None,
        (_, Some(locked)) => Some(locked.clone()),
        (_, None) => Some(FOR_GOOD.to_vec()),
    };
    vec![Change { attribute: LOCKED, old, new }]
}
