//! Active Directory: an account is disabled while bit 2 of `userAccountControl` is set, and ends at `accountExpires`.

use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;

use super::Change;
use crate::connector::Observation;
use crate::error::ConnectorError;
use crate::ldap::session::Entry;

/// What kind of account it is and whether it is disabled, bit by bit.
pub(super) const CONTROL: &str = "userAccountControl";
/// When it ends.
pub(super) const EXPIRES: &str = "accountExpires";

/// The bit for disabled (`ADS_UF_ACCOUNTDISABLE`).
const DISABLED: i64 = 0x2;
/// From 1601-01-01 to 1970-01-01, in seconds.
const EPOCH_SECONDS: i64 = 11_644_473_600;
/// The directory counts in steps of 100 ns.
const STEPS_PER_MICROSECOND: i64 = 10;
/// Never, as the directory itself writes it for a new account; 0 means the same.
const NEVER: i64 = i64::MAX;

pub(super) fn observe(entry: &Entry) -> Result<Observation, ConnectorError> {
    let control = control(entry)?;
    let state = if control & DISABLED == 0 { AccountState::Enabled } else { AccountState::Disabled };
    let expires = expires(entry)?;
    let written = expires.map(|steps| steps.to_string()).unwrap_or_default();
    Ok(Observation {
        attributes: Attributes { state, expires_at: expires.and_then(instant) },
        version: Some(format!("{CONTROL}={control};{EXPIRES}={written}")),
    })
}

/// An expiry is kept to the microsecond.
pub(super) fn as_kept(to: Attributes) -> Result<Attributes, ConnectorError> {
    let expires_at = to.expires_at.map(|at| instant(steps(at)?).ok_or_else(|| unwritable(at))).transpose()?;
    Ok(Attributes { expires_at, ..to })
}

pub(super) fn changes(entry: &Entry, to: Attributes) -> Result<Vec<Change>, ConnectorError> {
    let mut changes = Vec::new();
    let before = control(entry)?;
    let after = match to.state {
        AccountState::Enabled => before & !DISABLED,
        _ => before | DISABLED,
    };
    let old = |attribute: &str| entry.first(attribute).map(<[u8]>::to_vec);
    if after != before {
        let new = Some(after.to_string().into_bytes());
        changes.push(Change { attribute: CONTROL, old: old(CONTROL), new });
    }
    if expires(entry)?.and_then(instant) != to.expires_at {
        let written = to.expires_at.map_or(Ok(NEVER), steps)?;
        let new = Some(written.to_string().into_bytes());
        changes.push(Change { attribute: EXPIRES, old: old(EXPIRES), new });
    }
    Ok(changes)
}

fn control(entry: &Entry) -> Result<i64, ConnectorError> {
    number(entry, CONTROL)?.ok_or_else(|| {
        let sentence = format!(
            "{CONTROL} of the account cannot be read: let the name that Chaperone signs in with read it, and let the \
             filter name users only."
        );
        ConnectorError::refused(sentence, &entry.dn)
    })
}

fn expires(entry: &Entry) -> Result<Option<i64>, ConnectorError> {
    number(entry, EXPIRES)
}

fn number(entry: &Entry, attribute: &str) -> Result<Option<i64>, ConnectorError> {
    let Some(value) = entry.first(attribute) else { return Ok(None) };
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| {
        ConnectorError::refused(format!("{attribute} of the account is no number: mend it there."), &entry.dn)
    })
}

/// `None` for never, and for what lies behind the year 9999.
fn instant(steps: i64) -> Option<Timestamp> {
    if steps == 0 || steps == NEVER {
        return None;
    }
    Timestamp::from_microsecond(steps.div_euclid(STEPS_PER_MICROSECOND) - EPOCH_SECONDS * 1_000_000).ok()
}

fn steps(at: Timestamp) -> Result<i64, ConnectorError> {
    let steps = (at.as_microsecond() + EPOCH_SECONDS * 1_000_000).checked_mul(STEPS_PER_MICROSECOND);
    steps.filter(|steps| *steps > 0).ok_or_else(|| unwritable(at))
}

fn unwritable(at: Timestamp) -> ConnectorError {
    ConnectorError::refused("Active Directory cannot keep this expiry: choose one after the year 1601.", at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_counted_from_1601_in_steps_of_100_ns() {
        // 2026-01-01T00:00:00Z, as the directory's own tools show it.
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
        assert_eq!(steps(at), Ok(134_116_992_000_000_000));
        assert_eq!(instant(134_116_992_000_000_000), Some(at));
        assert_eq!(instant(134_116_992_000_000_019).map(|at| at.subsec_microsecond()), Some(1));
        for never in [0, NEVER, NEVER - 1] {
            assert_eq!(instant(never), None);
        }
        let early: Timestamp = "1600-01-01T00:00:00Z".parse().expect("an instant");
        assert!(steps(early).is_err());
    }

    #[test]
    fn all_other_bits_are_kept() {
        let entry = Entry::of("cn=x", &[(CONTROL, "66048"), (EXPIRES, "0")]);
        let disabled = Attributes { state: AccountState::Disabled, expires_at: None };
        let change = |from: &str, to: &str| Change {
            attribute: CONTROL,
            old: Some(from.as_bytes().to_vec()),
            new: Some(to.as_bytes().to_vec()),
        };
        assert_eq!(changes(&entry, disabled), Ok(vec![change("66048", "66050")]));
        let entry = Entry::of("cn=x", &[(CONTROL, "66050")]);
        let enabled = Attributes { state: AccountState::Enabled, expires_at: None };
        assert_eq!(changes(&entry, enabled), Ok(vec![change("66050", "66048")]));
    }
}
