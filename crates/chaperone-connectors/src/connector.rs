//! The contract.

use std::time::Duration;

use async_trait::async_trait;
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use jiff::Timestamp;

use crate::error::ConnectorError;

/// Longest time that one call but a listing may take; shorter than any lease under which it is made.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Longest time that one page of a listing may take.
pub const LIST_LIMIT: Duration = Duration::from_secs(30);
/// Accounts of one page of a listing, at most.
pub const PAGE: usize = 500;
/// Longest name or external id that is taken from a directory, in bytes. Longer ones are left out of a listing,
/// and counted.
pub const NAME_MAX_BYTES: usize = 1024;

/// An account as a directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    /// Chaperone's id of it.
    pub id: AccountId,
    /// The directory's own name for it, stable when it is renamed.
    pub external_id: String,
}

/// What was seen of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// State and expiry.
    pub attributes: Attributes,
    /// The directory's version of the account, where it has one: a set that expects it is compare-and-set.
    pub version: Option<String>,
}

/// One account of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// The directory's own name for it, stable when it is renamed.
    pub external_id: String,
    /// How people know it; unique in the directory without regard to case.
    pub name: String,
    /// Where mail goes; may be empty.
    pub email: String,
    /// State and expiry.
    pub attributes: Attributes,
}

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedPage {
    /// The accounts.
    pub accounts: Vec<ListedAccount>,
    /// Accounts of this page that cannot be taken: without a name, or with one longer than [`NAME_MAX_BYTES`].
    pub left_out: u64,
    /// How many there are in all, where the directory says it.
    pub total: Option<u64>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// How a directory keeps an expiry of its own: an account that is enabled for a session carries the session's end
/// there, so that it closes even when nobody is left to close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It has none, or none that is safe to write; [`Attributes::expires_at`] is always `None`.
    None,
    /// To the microsecond.
    Exact,
    /// By whole days (UTC): an expiry is the first instant of a day.
    Days,
}

/// A directory that holds accounts.
///
/// Every call may fail with [`ConnectorError::Unreachable`] *after* it took effect; callers observe again before
/// they decide anything. Every call carries its own deadline ([`CALL_LIMIT`], [`LIST_LIMIT`]), however slowly or
/// endlessly the other side answers. A connector may be used by any number of tasks at once, and finds its way
/// back to a directory that was away by itself. Secrets are read anew whenever it signs in, so that a changed one
/// needs no restart.
#[async_trait]
pub trait Connector: Send + Sync {
    /// How it keeps an expiry.
    fn expiry(&self) -> Expiry;

    /// One page of the accounts, in the directory's own order: at most [`PAGE`]. `after` is what the page before
    /// gave as `next`.
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError>;

    /// The account as it is now; one that is not there is observed as absent, which is no error.
    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError>;

    /// Makes the account so: enabled or disabled, never absent. Compare-and-set against `expected` where the system
    /// allows it, else the account is observed once more right before ([`ConnectorError::Changed`] when it is
    /// not as expected, also when it is gone). Idempotent: the same call with the same `key` again does nothing
    /// more. An expiry is set, or taken away, where the system has one. Nothing else of the account is touched.
    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        key: &str,
        now: Timestamp,
    ) -> Result<(), ConnectorError>;

    /// Ends what the account is running there, where the system can; ends nothing, successfully, where it cannot.
    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError>;

    /// Whether it can be reached with the rights that are needed to list, observe and set, found out without a
    /// change to any account. The text is a sentence for people that says what was found.
    async fn probe(&self) -> Result<String, ConnectorError>;
}
