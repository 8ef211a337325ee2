//! What the files say: `/etc/passwd` has the accounts, `/etc/shadow` when they expire.
//!
//! The expiry field counts days from 1970, and the account is closed from the first instant of its day. It holds
//! both a state and an expiry, each pair in one way:
//!
//! | field | state | expiry |
//! | --- | --- | --- |
//! | empty | enabled | none |
//! | 0, 1 | disabled | none |
//! | 2 to 10,000 (until May 1997) | disabled | so many days and 20,000 more (2024 to 2052) |
//! | more | enabled | that day |

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Bound;
use std::path::Path;

use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;

use crate::connector::NAME_MAX_BYTES;
use crate::error::ConnectorError;

/// The field is empty.
pub(super) const NEVER: i64 = -1;
/// What a disabled account without an expiry has: 2 January 1970, as passwd(1) recommends.
const DISABLED: i64 = 1;
/// Up to here a field means *disabled, with an expiry*.
const DISABLED_LAST: i64 = 10_000;
/// So much earlier is the expiry of a disabled account written, in days: it has passed then, and is not lost.
const SHIFT: i64 = 20_000;
/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;
/// Accounts of people, and of services that people made.
const UIDS: std::ops::Range<u32> = 1_000..65_534;
/// Longest file, in bytes: some hundred thousand accounts.
const FILE_MAX_BYTES: u64 = 32 * 1024 * 1024;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalAccount {
    pub(super) uid: u32,
    pub(super) name: String,
    /// The expiry field: days, or [`NEVER`].
    pub(super) field: i64,
}

impl LocalAccount {
    pub(super) fn attributes(&self) -> Attributes {
        let day = |day: i64| day.checked_mul(DAY_S).and_then(|second| Timestamp::from_second(second).ok());
        let (state, expires_at) = match self.field {
            ..=NEVER => (AccountState::Enabled, None),
            0..=DISABLED => (AccountState::Disabled, None),
            2..=DISABLED_LAST => (AccountState::Disabled, day(self.field + SHIFT)),
            // A day that the calendar does not have is as far away as none.
            field => (AccountState::Enabled, day(field)),
        };
        Attributes { state, expires_at }
    }
}

/// The field that means this.
pub(super) fn field(name: &str, to: Attributes) -> Result<i64, ConnectorError> {
    let refused = |sentence: String| Err(ConnectorError::refused(sentence, format!("{to:?}")));
    let day = match to.expires_at {
        None => None,
        Some(instant) if instant.as_microsecond() % (DAY_S * 1_000_000) == 0 => {
            Some(instant.as_second() / DAY_S)
        }
        Some(_) => {
            return refused(format!(
                "The account {name} can expire only at the beginning of a day (UTC): give such an instant."
            ));
        }
    };
    match (to.state, day) {
        (AccountState::Enabled, None) => Ok(NEVER),
        (AccountState::Enabled, Some(day)) if day > DISABLED_LAST => Ok(day),
        (AccountState::Disabled, None) => Ok(DISABLED),
        (AccountState::Disabled, Some(day)) if (DISABLED + 1..=DISABLED_LAST).contains(&(day - SHIFT)) => {
            Ok(day - SHIFT)
        }
        (AccountState::Absent, _) => {
            refused("An account is enabled or disabled; it is never removed.".to_owned())
        }
        (_, Some(_)) => refused(format!(
            "The expiry of the account {name} cannot be kept while it is disabled: give it one before the year \
             2052 that has not passed long ago, or none, with chage -E."
        )),
    }
}

/// Why an account cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its uid, or its name, is also another's.
    NotAlone,
    /// Its name is too long, is no text, or would be taken for an option.
    Name,
    /// It has no readable line in `/etc/shadow`.
    NoShadow,
}

/// The accounts of the files, by uid.
pub(super) struct Accounts(BTreeMap<u32, Result<LocalAccount, Unfit>>);

impl Accounts {
    /// Reads both files.
    pub(super) async fn read(root: Option<&Path>) -> Result<Self, ConnectorError> {
        let root = root.unwrap_or(Path::new("/"));
        let (passwd, shadow) = (read(root, "etc/passwd").await?, read(root, "etc/shadow").await?);
        Ok(Self::of(&passwd, &shadow))
    }

    fn of(passwd: &str, shadow: &str) -> Self {
        let mut fields = HashMap::new();
        for line in shadow.lines() {
            let mut columns = line.split(':');
            let (name, expiry) = (columns.next().unwrap_or_default(), columns.nth(6));
            // Of two lines the first one counts, as for every other program.
            fields.entry(name).or_insert_with(|| match expiry? {
                "" => Some(NEVER),
                days => days.parse().ok().filter(|days| *days >= 0),
            });
        }
        let mut names: HashMap<&str, u32> = HashMap::new();
        for line in passwd.lines() {
            *names.entry(line.split(':').next().unwrap_or_default()).or_default() += 1;
        }
        let mut accounts = BTreeMap::new();
        for line in passwd.lines() {
            let mut columns = line.split(':');
            let name = columns.next().unwrap_or_default();
            let Some(uid) = columns.nth(1).and_then(|uid| uid.parse().ok()).filter(|uid| UIDS.contains(uid))
            else {
                continue;
            };
            let fit = if name.is_empty()
                || name.len() > NAME_MAX_BYTES
                || name.starts_with('-')
                || name.contains(char::REPLACEMENT_CHARACTER)
            {
                Err(Unfit::Name)
            } else if accounts.contains_key(&uid) || names.get(name).is_some_and(|count| *count > 1) {
                Err(Unfit::NotAlone)
            } else {
                match fields.get(name) {
                    Some(Some(field)) => Ok(LocalAccount { uid, name: name.to_owned(), field: *field }),
                    _ => Err(Unfit::NoShadow),
                }
            };
            accounts.insert(uid, fit);
        }
        Self(accounts)
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.values().filter(|fit| fit.is_ok()).count() as u64
    }

    /// Those with a higher uid.
    pub(super) fn after(&self, uid: u32) -> impl Iterator<Item = (&u32, &Result<LocalAccount, Unfit>)> {
        self.0.range((Bound::Excluded(uid), Bound::Unbounded))
    }

    /// The account of this external id, its uid; `None` when there is none.
    pub(super) fn find(&self, external_id: &str) -> Result<Option<LocalAccount>, ConnectorError> {
        let Some(uid) = external_id.parse::<u32>().ok().filter(|uid| uid.to_string() == external_id) else {
            return Ok(None);
        };
        match self.0.get(&uid) {
            None => Ok(None),
            Some(Ok(account)) => Ok(Some(account.clone())),
            Some(Err(unfit)) => {
                let why = match unfit {
                    Unfit::NotAlone => "shares its uid or its name with another: give each its own",
                    Unfit::Name => "has a name that programs cannot take: give it another",
                    Unfit::NoShadow => "has no right line in /etc/shadow: run pwck and pwconv",
                };
                Err(ConnectorError::refused(
                    format!("The account with the uid {uid} {why}."),
                    format!("{unfit:?}"),
                ))
            }
        }
    }
}

async fn read(root: &Path, file: &str) -> Result<String, ConnectorError> {
    let path = root.join(file);
    let explain = |error: io::Error| {
        let path = path.display();
        match error.kind() {
            io::ErrorKind::PermissionDenied => ConnectorError::refused(
                format!("Chaperone may not read {path}: run it as root, or take another directory."),
                error,
            ),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                ConnectorError::refused(format!("There is no file {path}: check the root folder."), error)
            }
            _ => ConnectorError::unreachable(
                format!("The file {path} could not be read; it is tried again."),
                error,
            ),
        }
    };
    let about = tokio::fs::metadata(&path).await.map_err(explain)?;
    if !about.is_file() || about.len() > FILE_MAX_BYTES {
        let sentence = format!("{} is no plain file of at most 32 MiB.", path.display());
        return Err(ConnectorError::refused(sentence, format!("{} bytes", about.len())));
    }
    let bytes = tokio::fs::read(&path).await.map_err(explain)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(field: i64) -> Attributes {
        LocalAccount { uid: 1_000, name: "anna".to_owned(), field }.attributes()
    }

    #[test]
    fn every_field_comes_back_as_it_was() {
        for value in (NEVER..60_000).filter(|value| *value != 0) {
            assert_eq!(field("anna", with(value)), Ok(value));
        }
        assert_eq!(with(0), with(1));
    }

    #[test]
    fn a_disabled_account_has_expired_and_keeps_its_expiry() {
        let day = |text: &str| Some(text.parse::<Timestamp>().expect("an instant"));
        let disabled = |expires_at| Attributes { state: AccountState::Disabled, expires_at };
        for expires_at in [None, day("2026-12-01T00:00:00Z"), day("2052-02-20T00:00:00Z")] {
            let value = field("anna", disabled(expires_at)).expect("kept");
            assert!((1..=DISABLED_LAST).contains(&value), "{value}");
            assert_eq!(with(value), disabled(expires_at));
        }
        for lost in ["2060-01-01T00:00:00Z", "2001-01-01T00:00:00Z"] {
            let error = field("anna", disabled(day(lost))).expect_err("refused");
            assert!(error.to_string().contains("2052"), "{error}");
        }
        let enabled = Attributes { state: AccountState::Enabled, expires_at: day("2030-01-01T00:00:01Z") };
        assert!(field("anna", enabled).expect_err("refused").to_string().contains("beginning of a day"));
    }

    #[test]
    fn what_is_not_one_whole_account_is_left_out_with_a_reason() {
        let passwd = "root:x:0:0::/:/bin/sh\nanna:x:1000:1:Anna,,,:/:/bin/sh\ntwin:x:1001:1::/:\ntwinned:x:1001:1::/:\n\
                      -rf:x:1002:1::/:\ngone:x:1003:1::/:\nnobody:x:65534:1::/:\nbroken\n:::\nwrong:x:1004:1::/:\n";
        let shadow =
            "anna:!:1:0:9:7:::\ntwin:*:1::::::\ntwinned:*:1::::::\n-rf:*:1::::::\nwrong:*:1:::::x:\n";
        let accounts = Accounts::of(passwd, shadow);
        assert_eq!(accounts.count(), 1);
        assert_eq!(
            accounts.find("1000").map(|found| found.map(|found| found.name)),
            Ok(Some("anna".to_owned()))
        );
        for (uid, words) in
            [("1001", "shares"), ("1002", "name"), ("1003", "/etc/shadow"), ("1004", "/etc/shadow")]
        {
            let error = accounts.find(uid).expect_err("refused");
            assert!(error.to_string().contains(words), "{error}");
        }
        for nobody in ["0", "65534", "7", "01000", "+1000", "anna", ""] {
            assert_eq!(accounts.find(nobody), Ok(None), "{nobody}");
        }
    }
}
