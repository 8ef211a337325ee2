//! The built-in directory: an account is a row, and its state is the user's right to enter targets.
//!
//! A change that a grant asks for compares the grant's fence in its own transaction, so that a node that slept through
//! what others did changes nothing; no lease is needed.

use async_trait::async_trait;
use chaperone_connectors::{
    Connector, ConnectorError, Expiry, ExternalAccount, ListedAccount, ListedPage, Observation,
};
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::{DirectoryId, GrantId};
use chaperone_store::{AccountSet, Page, Plan, StoreError};

use crate::app::App;
use crate::op::{EventExt as _, Op};

/// Accounts of one page of a listing.
const PAGE: u64 = 500;

/// The connector over the rows.
pub(crate) struct BuiltInDirectory<'a> {
    pub(crate) app: &'a App,
    pub(crate) directory_id: DirectoryId,
    /// Changes hold only while the grant has this fence.
    pub(crate) fence: Option<(GrantId, i64)>,
}

fn unreachable(error: StoreError) -> ConnectorError {
    ConnectorError::unreachable("The database cannot be reached.", error)
}

/// What is seen of an account whose row was read.
pub(crate) fn seen(row: &Account) -> Observation {
    Observation {
        attributes: Attributes { state: row.state, expires_at: row.expires_at },
        version: Some(row.version.to_string()),
    }
}

#[async_trait]
impl Connector for BuiltInDirectory<'_> {
    fn expiry(&self) -> Expiry {
        Expiry::Exact
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let filter =
            chaperone_store::AccountFilter { directory_id: Some(self.directory_id), ..Default::default() };
        let page = Page { after: after.map(str::to_owned), limit: PAGE };
        let items = self.app.store.read().accounts(filter, page).await.map_err(unreachable)?;
        let accounts = items
            .items
            .into_iter()
            .map(|account| ListedAccount {
                external_id: account.external_id,
                name: account.name,
                email: String::new(),
                attributes: Attributes { state: account.state, expires_at: account.expires_at },
            })
            .collect();
        Ok(ListedPage { accounts, next: items.next, ..ListedPage::default() })
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let row = self.app.store.read().account(account.id).await.map_err(unreachable)?;
        Ok(match row {
            Some(row) => seen(&row),
            None => Observation {
                attributes: Attributes { state: AccountState::Absent, expires_at: None },
                version: None,
            },
        })
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        key: &str,
        now: Instant,
    ) -> Result<(), ConnectorError> {
        let expected = expected.attributes;
        let event = Op::processor(now)
            .event(AuditAction::AccountChanged, "account", account.id)
            .with("old_state", expected.state.name())
            .with("new_state", to.state.name())
            .with("key", key);
        let set = AccountSet { account: account.id, expected, to, fence: self.fence };
        match self.app.store.carry_out(Plan::with(event).set(set)).await {
            Ok(set) => set.iter().for_each(|after| self.app.account_moved(after)),
            Err(StoreError::Stale) => return Err(ConnectorError::Changed),
            Err(error) => return Err(unreachable(error)),
        }
        Ok(())
    }

    async fn end_sign_ins(&self, _account: &ExternalAccount) -> Result<(), ConnectorError> {
        // Target sign-ins are ended by the session's own transaction; the gate was told by `set`.
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        self.app.store.probe().await.map_err(unreachable)?;
        Ok("The built-in directory is here.".to_owned())
    }
}
