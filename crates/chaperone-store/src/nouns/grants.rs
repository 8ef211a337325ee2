//! Grants and their holders.

use std::collections::HashMap;

use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::{Attributes, Grant, GrantHolder, GrantOutcome, GrantPhase, Wish};
use chaperone_domain::ids::{AccountId, GrantId, PrivilegedSessionId};

use super::one_row;
use crate::StoreError;
use crate::columns::{corrupt, micros, named, opt_instant, opt_micros};
use crate::sql::{Reads, Row, args};
use crate::tx::WriteTx;

const COLUMNS: &str = "grants.id, grants.account_id, grants.phase, grants.baseline_state, grants.baseline_expires_at, \
                       grants.desired_state, grants.desired_expires_at, grants.known, grants.touched, grants.observed_state, \
                       grants.observed_expires_at, \
                       grants.deadline, grants.fence, grants.lease_until, grants.attempt, grants.next_try_at, \
                       grants.problem, grants.outcome, grants.created_at, grants.closed_at";
const HOLDER_COLUMNS: &str = "grant_holders.grant_id, grant_holders.privileged_session_id, grant_holders.wish, \
                              grant_holders.until, grant_holders.released_at";

fn attributes(row: &mut Row<'_>) -> Result<Attributes, StoreError> {
    Ok(Attributes {
        state: row.named(AccountState::parse, "grants state")?,
        expires_at: row.opt_instant("grants expires_at")?,
    })
}

/// What is known of the account, as JSON: pairs of state and expiry in microseconds.
fn known(text: &str) -> Result<Vec<Attributes>, StoreError> {
    let what = "grants.known";
    let pairs: Vec<(String, Option<i64>)> = serde_json::from_str(text).map_err(|_| corrupt(what))?;
    pairs
        .into_iter()
        .map(|(state, expires_at)| {
            let state = named(AccountState::parse, &state, what)?;
            Ok(Attributes { state, expires_at: opt_instant(expires_at, what)? })
        })
        .collect()
}

fn known_text(grant: &Grant) -> String {
    let pair = |known: &Attributes| serde_json::json!([known.state.name(), opt_micros(known.expires_at)]);
    serde_json::Value::from_iter(grant.known.iter().map(pair)).to_string()
}

fn read(row: &mut Row<'_>) -> Result<Grant, StoreError> {
    Ok(Grant {
        id: row.id(GrantId::new)?,
        account_id: row.id(AccountId::new)?,
        phase: row.named(GrantPhase::parse, "grants.phase")?,
        baseline: attributes(row)?,
        desired: attributes(row)?,
        known: known(&row.text()?)?,
        touched: row.take()?,
        observed: attributes(row)?,
        deadline: row.instant("grants.deadline")?,
        fence: row.take()?,
        lease_until: row.opt_instant("grants.lease_until")?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("grants.next_try_at")?,
        problem: row.take()?,
        outcome: row.opt_named(GrantOutcome::parse, "grants.outcome")?,
        created_at: row.instant("grants.created_at")?,
        closed_at: row.opt_instant("grants.closed_at")?,
    })
}

fn read_holder(row: &mut Row<'_>) -> Result<GrantHolder, StoreError> {
    Ok(GrantHolder {
        grant_id: row.id(GrantId::new)?,
        privileged_session_id: row.id(PrivilegedSessionId::new)?,
        wish: row.named(Wish::parse, "grant_holders.wish")?,
        until: row.instant("grant_holders.until")?,
        released_at: row.opt_instant("grant_holders.released_at")?,
    })
}

impl Reads<'_> {
    /// The grant of that id.
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM grants WHERE id = $1"), args![id.uuid()], read).await
    }

    /// The grants that a session holds or held, oldest first, each with its hold.
    pub async fn grants_of_session(
        &self,
        session: PrivilegedSessionId,
    ) -> Result<Vec<(Grant, GrantHolder)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, {HOLDER_COLUMNS} FROM grants JOIN grant_holders ON grant_holders.grant_id = grants.id \
             WHERE grant_holders.privileged_session_id = $1 ORDER BY grants.created_at, grants.id"
        );
        self.place.all(&sql, args![session.uuid()], |row| Ok((read(row)?, read_holder(row)?))).await
    }

    /// The open grant of an account with those who hold it.
    pub async fn open_grant(
        &self,
        account: AccountId,
    ) -> Result<Option<(Grant, Vec<GrantHolder>)>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM grants WHERE open_account_id = $1");
        let Some(grant) = self.place.one(&sql, args![account.uuid()], read).await? else { return Ok(None) };
        let sql = format!(
            "SELECT {HOLDER_COLUMNS} FROM grant_holders WHERE grant_id = $1 AND released_at IS NULL \
             ORDER BY until, privileged_session_id"
        );
        let holders = self.place.all(&sql, args![grant.id.uuid()], read_holder).await?;
        Ok(Some((grant, holders)))
    }

    /// Every open grant that is on its way and may be tried now, with those who hold it.
    pub async fn moving_grants(&self, now: Instant) -> Result<Vec<(Grant, Vec<GrantHolder>)>, StoreError> {
        let open = self.open_grants().await?;
        let due = |grant: &Grant| grant.next_try_at.is_none_or(|next| next <= now);
        Ok(open.into_iter().filter(|(grant, _)| grant.phase != GrantPhase::Held && due(grant)).collect())
    }

    /// Every open grant with those who hold it.
    pub async fn open_grants(&self) -> Result<Vec<(Grant, Vec<GrantHolder>)>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM grants WHERE open_account_id IS NOT NULL ORDER BY created_at, id");
        let grants = self.place.all(&sql, args![], read).await?;
        let sql = format!(
            "SELECT {HOLDER_COLUMNS} FROM grant_holders JOIN grants ON grants.id = grant_holders.grant_id \
             WHERE grants.open_account_id IS NOT NULL AND grant_holders.released_at IS NULL \
             ORDER BY grant_holders.until, grant_holders.privileged_session_id"
        );
        let mut holders: HashMap<GrantId, Vec<GrantHolder>> = HashMap::new();
        for holder in self.place.all(&sql, args![], read_holder).await? {
            holders.entry(holder.grant_id).or_default().push(holder);
        }
        Ok(grants
            .into_iter()
            .map(|grant| {
                let held = holders.remove(&grant.id).unwrap_or_default();
                (grant, held)
            })
            .collect())
    }
}

/// The account while the grant is open: what makes an account have one open grant only.
fn open_account(grant: &Grant) -> Option<uuid::Uuid> {
    (grant.phase != GrantPhase::Closed).then(|| grant.account_id.uuid())
}

impl WriteTx {
    /// Adds a grant; the key `grants_open_account` when the account has an open one.
    pub async fn insert_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        let sql = "INSERT INTO grants (id, account_id, open_account_id, phase, baseline_state, baseline_expires_at, \
                   desired_state, desired_expires_at, known, touched, observed_state, observed_expires_at, deadline, \
                   fence, lease_until, attempt, next_try_at, problem, outcome, created_at, closed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
                   $21)";
        let values = args![
            grant.id.uuid(),
            grant.account_id.uuid(),
            open_account(grant),
            grant.phase.name(),
            grant.baseline.state.name(),
            opt_micros(grant.baseline.expires_at),
            grant.desired.state.name(),
            opt_micros(grant.desired.expires_at),
            known_text(grant),
            grant.touched,
            grant.observed.state.name(),
            opt_micros(grant.observed.expires_at),
            micros(grant.deadline),
            grant.fence,
            opt_micros(grant.lease_until),
            grant.attempt,
            opt_micros(grant.next_try_at),
            grant.problem.clone(),
            grant.outcome.map(GrantOutcome::name),
            micros(grant.created_at),
            opt_micros(grant.closed_at),
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes a grant; [`StoreError::Stale`] when its fence is not the expected one, which becomes one more.
    pub async fn update_grant(&mut self, grant: &Grant, expected_fence: i64) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET open_account_id = $1, phase = $2, baseline_state = $3, baseline_expires_at = $4, \
                   desired_state = $5, desired_expires_at = $6, known = $7, touched = $8, observed_state = $9, \
                   observed_expires_at = $10, deadline = $11, fence = $12, lease_until = $13, attempt = $14, \
                   next_try_at = $15, problem = $16, outcome = $17, closed_at = $18 WHERE id = $19 AND fence = $20";
        let values = args![
            open_account(grant),
            grant.phase.name(),
            grant.baseline.state.name(),
            opt_micros(grant.baseline.expires_at),
            grant.desired.state.name(),
            opt_micros(grant.desired.expires_at),
            known_text(grant),
            grant.touched,
            grant.observed.state.name(),
            opt_micros(grant.observed.expires_at),
            micros(grant.deadline),
            expected_fence + 1,
            opt_micros(grant.lease_until),
            grant.attempt,
            opt_micros(grant.next_try_at),
            grant.problem.clone(),
            grant.outcome.map(GrantOutcome::name),
            opt_micros(grant.closed_at),
            grant.id.uuid(),
            expected_fence,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Adds a hold.
    pub async fn insert_holder(&mut self, holder: &GrantHolder) -> Result<(), StoreError> {
        let sql = "INSERT INTO grant_holders (grant_id, privileged_session_id, wish, until, released_at) \
                   VALUES ($1, $2, $3, $4, $5)";
        let values = args![
            holder.grant_id.uuid(),
            holder.privileged_session_id.uuid(),
            holder.wish.name(),
            micros(holder.until),
            opt_micros(holder.released_at),
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Moves the end of a hold: its session was extended or shortened.
    pub async fn move_holder(
        &mut self,
        grant: GrantId,
        session: PrivilegedSessionId,
        until: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grant_holders SET until = $1 \
                   WHERE grant_id = $2 AND privileged_session_id = $3 AND released_at IS NULL";
        one_row(self.place().run(sql, args![micros(until), grant.uuid(), session.uuid()]).await?)
    }

    /// Releases a hold; [`StoreError::Stale`] when it was released before.
    pub async fn release_holder(
        &mut self,
        grant: GrantId,
        session: PrivilegedSessionId,
        at: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grant_holders SET released_at = $1 \
                   WHERE grant_id = $2 AND privileged_session_id = $3 AND released_at IS NULL";
        one_row(self.place().run(sql, args![micros(at), grant.uuid(), session.uuid()]).await?)
    }
}
