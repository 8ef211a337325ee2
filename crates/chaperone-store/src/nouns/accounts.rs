//! Accounts.

use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::{AccountId, DirectoryId, UserId};

use super::one_row;
use crate::StoreError;
use crate::columns::{folded, opt_micros};
use crate::filter::AccountFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::sql::{Query, Reads, Row, Sorting, args, pattern};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, directory_id, external_id, name, owner, privileged, state, expires_at, version";

fn read(row: &mut Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.id(AccountId::new)?,
        directory_id: row.id(DirectoryId::new)?,
        external_id: row.text()?,
        name: row.text()?,
        owner: row.opt_id(UserId::new)?,
        privileged: row.take()?,
        state: row.named(AccountState::parse, "accounts.state")?,
        expires_at: row.opt_instant("accounts.expires_at")?,
        version: row.take()?,
    })
}

impl Reads<'_> {
    /// The account of that id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM accounts WHERE id = $1"), args![id.uuid()], read).await
    }

    /// The account of that name in a directory, without regard to case.
    pub async fn account_by_name(
        &self,
        directory: DirectoryId,
        name: &str,
    ) -> Result<Option<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM accounts WHERE directory_id = $1 AND name_key = $2");
        self.place.one(&sql, args![directory.uuid(), folded(name)], read).await
    }

    /// Accounts by name.
    pub async fn accounts(&self, filter: AccountFilter, page: Page) -> Result<Items<Account>, StoreError> {
        let query = Query::new(&format!("SELECT {COLUMNS} FROM accounts WHERE 1 = 1"))
            .and_if("owner = ?", filter.owner.map(UserId::uuid))
            .and_if("directory_id = ?", filter.directory_id.map(DirectoryId::uuid))
            .and_if("privileged = ?", filter.privileged)
            .and_if("name_key LIKE ? ESCAPE '\\'", filter.q.as_deref().map(pattern));
        let sorting = Sorting { key: "name_key", id: "id", order: Direction::OldestFirst, is_text: true };
        let place = |account: &Account| (Key::Text(folded(&account.name)), account.id.uuid());
        self.place.page(query, sorting, &page, read, place).await
    }

    /// The accounts that a user owns, by name.
    pub async fn accounts_of(&self, owner: UserId) -> Result<Vec<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM accounts WHERE owner = $1 ORDER BY name_key, id");
        self.place.all(&sql, args![owner.uuid()], read).await
    }
}

impl WriteTx {
    /// Adds an account; its name is unique in its directory without regard to case.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let sql = "INSERT INTO accounts (id, directory_id, external_id, name, name_key, owner, privileged, state, \
                   expires_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let values = args![
            account.id.uuid(),
            account.directory_id.uuid(),
            account.external_id.as_str(),
            account.name.as_str(),
            folded(&account.name),
            account.owner.map(UserId::uuid),
            account.privileged,
            account.state.name(),
            opt_micros(account.expires_at),
            account.version,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes an account.
    pub async fn update_account(
        &mut self,
        account: &Account,
        expected_version: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET name = $1, name_key = $2, owner = $3, privileged = $4, state = $5, \
                   expires_at = $6, version = $7 WHERE id = $8 AND version = $9";
        let values = args![
            account.name.as_str(),
            folded(&account.name),
            account.owner.map(UserId::uuid),
            account.privileged,
            account.state.name(),
            opt_micros(account.expires_at),
            expected_version + 1,
            account.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Sets state and expiry if they are still as expected; says whether they were. For the built-in directory.
    pub async fn compare_and_set_account(
        &mut self,
        id: AccountId,
        expected: Attributes,
        to: Attributes,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET state = $1, expires_at = $2, version = version + 1 \
                   WHERE id = $3 AND state = $4 AND COALESCE(expires_at, -1) = COALESCE($5, -1)";
        let values = args![
            to.state.name(),
            opt_micros(to.expires_at),
            id.uuid(),
            expected.state.name(),
            opt_micros(expected.expires_at),
        ];
        Ok(self.place().run(sql, values).await? == 1)
    }
}
