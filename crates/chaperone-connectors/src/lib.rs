//! Observe and change accounts in other systems.
//!
//! [`Connector`] is the contract that every directory fulfils; the built-in directory is one implementation (in
//! the app, because its accounts are rows), the others live here.

use async_trait::async_trait;
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use jiff::Timestamp;

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
    /// The directory's own name for it.
    pub external_id: String,
    /// How people know it.
    pub name: String,
    /// Where mail goes; may be empty.
    pub email: String,
    /// State and expiry.
    pub attributes: Attributes,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPage {
    /// The accounts.
    pub accounts: Vec<ListedAccount>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// Why a directory did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// It could not be reached or did not answer in time: the effect is unknown, observe again.
    #[error("the directory cannot be reached")]
    Unreachable {
        /// For an operator.
        context: String,
    },
    /// It was reached and refuses: rights are missing, or it does not accept the value.
    #[error("the directory refuses")]
    Refused {
        /// For an operator.
        context: String,
    },
    /// The account is not as expected any more: observe again.
    #[error("the account was changed by somebody else meanwhile")]
    Changed,
}

/// A directory that holds accounts.
///
/// Every call may fail with [`ConnectorError::Unreachable`] *after* it took effect; callers observe again before
/// they decide anything. Calls carry their own deadline, shorter than the caller's lease.
#[async_trait]
pub trait Connector: Send + Sync {
    /// One page of the accounts, in the directory's own order.
    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError>;

    /// The account as it is now; one that is not there is observed as absent, which is no error.
    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError>;

    /// Makes the account so. Compare-and-set against `expected` where the system allows it; idempotent: the same
    /// call with the same `key` again does nothing more. An expiry is set where the system has one.
    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        key: &str,
        now: Timestamp,
    ) -> Result<(), ConnectorError>;

    /// Ends what the account is running there, where the system can.
    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError>;

    /// Whether it can be reached with the rights that are needed; the text says what was found.
    async fn probe(&self) -> Result<String, ConnectorError>;
}
