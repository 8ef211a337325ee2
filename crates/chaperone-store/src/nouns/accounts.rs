//! Accounts.

use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState, Drift};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::{AccountId, DirectoryId, GrantId, UserId};
use sea_orm::sea_query::Value;
use uuid::Uuid;

use super::one_row;
use crate::StoreError;
use crate::columns::{folded, micros, opt_micros, uncount};
use crate::filter::AccountFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::sql::{Place, Query, Reads, Row, Sorting, args, pattern};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "id, directory_id, external_id, name, email, owner, privileged, state, expires_at, \
                       last_seen_at, drift_expected, drift_at, version";

fn read(row: &mut Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.id(AccountId::new)?,
        directory_id: row.id(DirectoryId::new)?,
        external_id: row.text()?,
        name: row.text()?,
        email: row.text()?,
        owner: row.opt_id(UserId::new)?,
        privileged: row.take()?,
        state: row.named(AccountState::parse, "accounts.state")?,
        expires_at: row.opt_instant("accounts.expires_at")?,
        last_seen_at: row.opt_instant("accounts.last_seen_at")?,
        drift: {
            let expected = row.opt_named(AccountState::parse, "accounts.drift_expected")?;
            let at = row.opt_instant("accounts.drift_at")?;
            expected.zip(at).map(|(expected, at)| Drift { expected, at })
        },
        version: row.take()?,
    })
}

impl Reads<'_> {
    /// The account of that id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM accounts WHERE id = $1"), args![id.uuid()], read).await
    }

    /// The accounts of those ids that are there, in no order.
    pub async fn accounts_with_ids(&self, ids: &[AccountId]) -> Result<Vec<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM given JOIN accounts ON accounts.id = given.of_id");
        self.place.over(&["of_id"], ids, |id| args![id.uuid()], &sql, read).await
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
            .and_if("state = ?", filter.state.map(AccountState::name))
            .and_if("(drift_at IS NOT NULL) = ?", filter.drifted)
            .and_if("name_key LIKE ? ESCAPE '\\'", filter.q.as_deref().map(pattern));
        let sorting = Sorting { key: "name_key", id: "id", order: Direction::OldestFirst, is_text: true };
        let place = |account: &Account| (Key::Text(name_key(account)), account.id.uuid());
        self.place.page(query, sorting, &page, read, place).await
    }

    /// The accounts of a directory with these external ids.
    pub async fn accounts_by_external_id(
        &self,
        directory: DirectoryId,
        external_ids: &[String],
    ) -> Result<Vec<Account>, StoreError> {
        if external_ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = Query::new(&format!("SELECT {COLUMNS} FROM accounts WHERE 1 = 1"))
            .and("directory_id = ?", directory.uuid())
            .and_one_of("external_id", external_ids.iter().cloned());
        query.all(self.place, "external_id", read).await
    }

    /// Accounts of a directory that were last seen before an instant and are not known to be gone.
    pub async fn accounts_not_seen_since(
        &self,
        directory: DirectoryId,
        since: Instant,
        limit: u64,
    ) -> Result<Vec<Account>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts WHERE directory_id = $1 AND last_seen_at < $2 AND state <> 'absent' \
             ORDER BY id LIMIT {limit}"
        );
        self.place.all(&sql, args![directory.uuid(), micros(since)], read).await
    }

    /// Privileged accounts outside the built-in directory that nobody looked at since an instant, longest first.
    pub async fn accounts_to_look_at(&self, since: Instant, limit: u64) -> Result<Vec<Account>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts WHERE privileged = $1 AND last_seen_at < $2 AND state <> 'absent' \
             AND directory_id IN (SELECT id FROM directories WHERE removed_at IS NULL) \
             AND id NOT IN (SELECT open_account_id FROM grants WHERE open_account_id IS NOT NULL) \
             ORDER BY last_seen_at, id LIMIT {limit}"
        );
        self.place.all(&sql, args![true, micros(since)], read).await
    }

    /// How many accounts a directory has, how many of them are privileged, and how many drifted.
    pub async fn count_accounts(&self, directory: DirectoryId) -> Result<(u64, u64, u64), StoreError> {
        let sql = "SELECT COUNT(*), COUNT(CASE WHEN privileged THEN 1 END), COUNT(drift_at) FROM accounts \
                   WHERE directory_id = $1";
        let number = |count: i64| uncount(count, "accounts");
        let counts = self
            .place
            .one(sql, args![directory.uuid()], |row| {
                Ok((number(row.take()?)?, number(row.take()?)?, number(row.take()?)?))
            })
            .await?;
        Ok(counts.unwrap_or_default())
    }

    /// The accounts that a user owns, by name.
    pub async fn accounts_of(&self, owner: UserId) -> Result<Vec<Account>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM accounts WHERE owner = $1 ORDER BY name_key, id");
        self.place.all(&sql, args![owner.uuid()], read).await
    }
}

/// What makes a name unique in its directory, and what searching compares. In the built-in directory that is the name
/// without regard to case. Other directories have rules of their own (PostgreSQL tells `anna` and `Anna` apart), so
/// that there their own id stands behind the name.
fn name_key(account: &Account) -> String {
    let name = folded(&account.name);
    match account.last_seen_at {
        None => name,
        Some(_) => format!("{name}\u{1f}{}", folded(&account.external_id)),
    }
}

/// A change of an account of the built-in directory that compares before it sets.
#[derive(Clone, Debug)]
pub struct AccountSet {
    /// Of which account.
    pub account: AccountId,
    /// What it must be.
    pub expected: Attributes,
    /// What it becomes.
    pub to: Attributes,
    /// The grant that asks for it, and the fence that this must have; `None` when no grant asks.
    pub fence: Option<(GrantId, i64)>,
}

/// Makes the changes whose comparison holds; the accounts of those as they are then.
pub(crate) async fn compare_and_set(
    place: Place<'_>,
    sets: &[&AccountSet],
) -> Result<Vec<Account>, StoreError> {
    const GIVEN: [&str; 7] = [
        "account_id",
        "expected_state",
        "expected_expires_at",
        "to_state",
        "to_expires_at",
        "grant_id",
        "grant_fence",
    ];
    let sql = format!(
        "UPDATE accounts SET state = given.to_state, expires_at = given.to_expires_at, version = version + 1 \
         FROM given WHERE id = given.account_id AND state = given.expected_state \
         AND COALESCE(expires_at, -1) = COALESCE(given.expected_expires_at, -1) \
         AND (given.grant_id IS NULL OR EXISTS (SELECT 1 FROM grants \
         WHERE grants.id = given.grant_id AND grants.fence = given.grant_fence)) RETURNING {COLUMNS}"
    );
    let values = |set: &&AccountSet| {
        args![
            set.account.uuid(),
            set.expected.state.name(),
            opt_micros(set.expected.expires_at),
            set.to.state.name(),
            opt_micros(set.to.expires_at),
            set.fence.map(|(grant, _)| grant.uuid()),
            set.fence.map(|(_, fence)| fence),
        ]
    };
    place.over(&GIVEN, sets, values, &sql, read).await
}

/// What was seen of an account, and when.
pub(crate) type Seen = (AccountId, Attributes, Instant);

/// Notes what was seen of accounts of other directories; the built-in one's rows are what they are.
pub(crate) async fn observed(place: Place<'_>, accounts: &[&Seen]) -> Result<(), StoreError> {
    let sql = "UPDATE accounts SET state = given.seen_state, expires_at = given.seen_expires_at, \
               last_seen_at = given.seen_at, version = version + 1 FROM given \
               WHERE id = given.account_id AND last_seen_at IS NOT NULL RETURNING id";
    let values = |(id, seen, at): &&Seen| {
        args![id.uuid(), seen.state.name(), opt_micros(seen.expires_at), micros(*at)]
    };
    let given = ["account_id", "seen_state", "seen_expires_at", "seen_at"];
    place.over(&given, accounts, values, sql, |row| row.take::<Uuid>()).await.map(|_| ())
}

impl WriteTx {
    /// Adds an account; in the built-in directory its name is unique without regard to case.
    pub async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        let sql = "INSERT INTO accounts (id, directory_id, external_id, name, name_key, email, owner, privileged, \
                   state, expires_at, last_seen_at, drift_expected, drift_at, version) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        let values = args![
            account.id.uuid(),
            account.directory_id.uuid(),
            account.external_id.as_str(),
            account.name.as_str(),
            name_key(account),
            account.email.as_str(),
            account.owner.map(UserId::uuid),
            account.privileged,
            account.state.name(),
            opt_micros(account.expires_at),
            opt_micros(account.last_seen_at),
            account.drift.map(|drift| drift.expected.name()),
            opt_micros(account.drift.map(|drift| drift.at)),
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
        let sql = "UPDATE accounts SET name = $1, name_key = $2, email = $3, owner = $4, privileged = $5, \
                   state = $6, expires_at = $7, last_seen_at = $8, drift_expected = $9, drift_at = $10, version = $11 \
                   WHERE id = $12 AND version = $13";
        let values = args![
            account.name.as_str(),
            name_key(account),
            account.email.as_str(),
            account.owner.map(UserId::uuid),
            account.privileged,
            account.state.name(),
            opt_micros(account.expires_at),
            opt_micros(account.last_seen_at),
            account.drift.map(|drift| drift.expected.name()),
            opt_micros(account.drift.map(|drift| drift.at)),
            expected_version + 1,
            account.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Notes that these accounts were seen unchanged.
    pub async fn accounts_seen(&mut self, ids: &[AccountId], at: Instant) -> Result<(), StoreError> {
        seen(self.place(), ids, at).await
    }

    /// Notes what was seen of an account of another directory; the built-in one's rows are what they are.
    pub async fn account_observed(
        &mut self,
        id: AccountId,
        seen: Attributes,
        at: Instant,
    ) -> Result<(), StoreError> {
        observed(self.place(), &[&(id, seen, at)]).await
    }

    /// Notes that somebody else changed an account; says whether that is new.
    pub async fn account_drifted(
        &mut self,
        id: AccountId,
        expected: AccountState,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET drift_expected = $1, drift_at = $2, version = version + 1 \
                   WHERE id = $3 AND drift_at IS NULL";
        Ok(self.place().run(sql, args![expected.name(), micros(at), id.uuid()]).await? == 1)
    }

    /// Sets state and expiry if they are still as expected, and if the grant that asks for it still has that fence; the
    /// account as it is then. For the built-in directory.
    pub async fn compare_and_set_account(&mut self, set: &AccountSet) -> Result<Option<Account>, StoreError> {
        Ok(compare_and_set(self.place(), &[set]).await?.pop())
    }
}

impl BookTx {
    /// Notes that these accounts were seen unchanged.
    pub async fn accounts_seen(&mut self, ids: &[AccountId], at: Instant) -> Result<(), StoreError> {
        seen(self.place(), ids, at).await
    }
}

async fn seen(place: Place<'_>, ids: &[AccountId], at: Instant) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = (2..=ids.len() + 1).map(|n| format!("${n}")).collect();
    let sql = format!("UPDATE accounts SET last_seen_at = $1 WHERE id IN ({})", names.join(", "));
    let mut values = args![micros(at)];
    values.extend(ids.iter().map(|id| Value::from(id.uuid())));
    place.run(&sql, values).await.map(|_| ())
}
