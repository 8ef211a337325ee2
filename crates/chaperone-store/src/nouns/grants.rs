//! Grants and their holders.

use std::collections::HashMap;

use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::{Attributes, Doubt, Grant, GrantHolder, GrantOutcome, GrantPhase, Lease, Wish};
use chaperone_domain::ids::{AccountId, GrantId, NodeId, PrivilegedSessionId};

use sea_orm::sea_query::Value;
use uuid::Uuid;

use super::{one_of, one_row};
use crate::StoreError;
use crate::columns::{corrupt, instant, micros, named, opt_instant, opt_micros};
use crate::sql::{Place, Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "grants.id, grants.account_id, grants.phase, grants.baseline_state, grants.baseline_expires_at, \
                       grants.desired_state, grants.desired_expires_at, grants.known, grants.touched, grants.observed_state, \
                       grants.observed_expires_at, \
                       grants.deadline, grants.fence, grants.lease_by, grants.lease_until, grants.doubtful, \
                       grants.attempt, grants.next_try_at, grants.problem, grants.outcome, grants.look_again_at, \
                       grants.created_at, grants.closed_at, grants.back_to_state, grants.back_to_expires_at";
const HOLDER_COLUMNS: &str = "grant_holders.grant_id, grant_holders.privileged_session_id, grant_holders.wish, \
                              grant_holders.switched_to, grant_holders.until, grant_holders.released_at";

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

/// What is in doubt, as JSON: state, expiry and until when, in microseconds.
fn doubtful(text: &str) -> Result<Vec<Doubt>, StoreError> {
    let what = "grants.doubtful";
    let doubts: Vec<(String, Option<i64>, i64)> = serde_json::from_str(text).map_err(|_| corrupt(what))?;
    doubts
        .into_iter()
        .map(|(state, expires_at, until)| {
            let state = named(AccountState::parse, &state, what)?;
            let attributes = Attributes { state, expires_at: opt_instant(expires_at, what)? };
            Ok(Doubt { attributes, until: instant(until, what)? })
        })
        .collect()
}

fn doubtful_text(grant: &Grant) -> String {
    let doubt = |doubt: &Doubt| {
        let Attributes { state, expires_at } = doubt.attributes;
        serde_json::json!([state.name(), opt_micros(expires_at), micros(doubt.until)])
    };
    serde_json::Value::from_iter(grant.doubtful.iter().map(doubt)).to_string()
}

fn lease(row: &mut Row<'_>) -> Result<Option<Lease>, StoreError> {
    let by = row.opt_id(NodeId::new)?;
    let until = row.opt_instant("grants.lease_until")?;
    Ok(by.zip(until).map(|(by, until)| Lease { by, until }))
}

fn read(row: &mut Row<'_>) -> Result<Grant, StoreError> {
    let mut grant = Grant {
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
        lease: lease(row)?,
        doubtful: doubtful(&row.text()?)?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("grants.next_try_at")?,
        problem: row.take()?,
        outcome: row.opt_named(GrantOutcome::parse, "grants.outcome")?,
        look_again_at: row.opt_instant("grants.look_again_at")?,
        created_at: row.instant("grants.created_at")?,
        closed_at: row.opt_instant("grants.closed_at")?,
        back_to: None,
    };
    let state = row.opt_named(AccountState::parse, "grants.back_to_state")?;
    let expires_at = row.opt_instant("grants.back_to_expires_at")?;
    grant.back_to = state.map(|state| Attributes { state, expires_at });
    Ok(grant)
}

fn read_holder(row: &mut Row<'_>) -> Result<GrantHolder, StoreError> {
    Ok(GrantHolder {
        grant_id: row.id(GrantId::new)?,
        privileged_session_id: row.id(PrivilegedSessionId::new)?,
        wish: row.named(Wish::parse, "grant_holders.wish")?,
        switched_to: row.opt_named(AccountState::parse, "grant_holders.switched_to")?,
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

    /// The version of an account, and whether it has an open grant.
    pub async fn account_version(&self, account: AccountId) -> Result<Option<(i64, bool)>, StoreError> {
        let sql = "SELECT accounts.version, grants.id FROM accounts \
                   LEFT JOIN grants ON grants.open_account_id = accounts.id WHERE accounts.id = $1";
        let read = |row: &mut Row<'_>| Ok((row.take()?, row.opt_id(GrantId::new)?.is_some()));
        self.place.one(sql, args![account.uuid()], read).await
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

    /// The newest grant of an account that is to be looked at once more.
    pub async fn grant_to_look_at_again(&self, account: AccountId) -> Result<Option<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE account_id = $1 AND look_again_at IS NOT NULL \
             ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        self.place.one(&sql, args![account.uuid()], read).await
    }

    /// The grants whose accounts are to be looked at once more now, at most `limit`; the longest due first.
    pub async fn grants_to_look_at_again(&self, now: Instant, limit: u64) -> Result<Vec<Grant>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM grants WHERE look_again_at IS NOT NULL AND look_again_at <= $1 \
             ORDER BY look_again_at, id LIMIT $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.place.all(&sql, args![micros(now), limit], read).await
    }

    /// The session that held a grant last.
    pub async fn last_holder(&self, grant: GrantId) -> Result<Option<GrantHolder>, StoreError> {
        let sql = format!(
            "SELECT {HOLDER_COLUMNS} FROM grant_holders WHERE grant_id = $1 \
             ORDER BY COALESCE(released_at, until) DESC, privileged_session_id LIMIT 1"
        );
        self.place.one(&sql, args![grant.uuid()], read_holder).await
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
fn open_account(grant: &Grant) -> Option<Uuid> {
    (grant.phase != GrantPhase::Closed).then(|| grant.account_id.uuid())
}

/// What is written of a grant, first and later.
const WRITTEN: [&str; 22] = [
    "open_account_id",
    "phase",
    "baseline_state",
    "baseline_expires_at",
    "desired_state",
    "desired_expires_at",
    "known",
    "touched",
    "observed_state",
    "observed_expires_at",
    "deadline",
    "lease_by",
    "lease_until",
    "doubtful",
    "attempt",
    "next_try_at",
    "problem",
    "outcome",
    "look_again_at",
    "closed_at",
    "back_to_state",
    "back_to_expires_at",
];

fn written(grant: &Grant) -> Vec<Value> {
    args![
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
        grant.lease.map(|lease| lease.by.uuid()),
        opt_micros(grant.lease.map(|lease| lease.until)),
        doubtful_text(grant),
        grant.attempt,
        opt_micros(grant.next_try_at),
        grant.problem.clone(),
        grant.outcome.map(GrantOutcome::name),
        opt_micros(grant.look_again_at),
        opt_micros(grant.closed_at),
        grant.back_to.map(|to| to.state.name()),
        opt_micros(grant.back_to.and_then(|to| to.expires_at)),
    ]
}

/// Adds grants.
pub(crate) async fn insert(place: Place<'_>, grants: &[&Grant]) -> Result<(), StoreError> {
    let columns = [&["id", "account_id", "fence", "created_at"], WRITTEN.as_slice()].concat();
    let values = |grant: &&Grant| {
        let mut values =
            args![grant.id.uuid(), grant.account_id.uuid(), grant.fence, micros(grant.created_at)];
        values.extend(written(grant));
        values
    };
    place.insert(("grants", &columns, ""), grants, values).await.map(|_| ())
}

/// Changes grants that have the expected fences, which become one more; the ids of those.
pub(crate) async fn update(place: Place<'_>, grants: &[(&Grant, i64)]) -> Result<Vec<Uuid>, StoreError> {
    let values = |(grant, fence): &(&Grant, i64)| {
        let mut values = args![grant.id.uuid(), *fence];
        values.extend(written(grant));
        values
    };
    place.update_counted(("grants", "fence", &WRITTEN), grants, values).await
}

/// Adds holds.
pub(crate) async fn insert_holders(place: Place<'_>, holders: &[&GrantHolder]) -> Result<(), StoreError> {
    const COLUMNS: [&str; 6] =
        ["grant_id", "privileged_session_id", "wish", "switched_to", "until", "released_at"];
    let values = |holder: &&GrantHolder| {
        args![
            holder.grant_id.uuid(),
            holder.privileged_session_id.uuid(),
            holder.wish.name(),
            holder.switched_to.map(AccountState::name),
            micros(holder.until),
            opt_micros(holder.released_at),
        ]
    };
    place.insert(("grant_holders", &COLUMNS, ""), holders, values).await.map(|_| ())
}

/// A hold that is released.
pub(crate) type Release = (GrantId, PrivilegedSessionId, Instant);

/// Releases holds that were not released before; grant and session of those.
pub(crate) async fn release(place: Place<'_>, holds: &[&Release]) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let sql = "UPDATE grant_holders SET released_at = given.at FROM given \
               WHERE grant_id = given.of_grant AND privileged_session_id = given.of_session \
               AND released_at IS NULL RETURNING grant_id, privileged_session_id";
    let values = |(grant, session, at): &&Release| args![grant.uuid(), session.uuid(), micros(*at)];
    let read = |row: &mut Row<'_>| Ok((row.take()?, row.take()?));
    place.over(&["of_grant", "of_session", "at"], holds, values, sql, read).await
}

/// The accounts that have the expected version, and neither an open grant nor one that is to be looked at again.
pub(crate) async fn free(place: Place<'_>, accounts: &[&(AccountId, i64)]) -> Result<Vec<Uuid>, StoreError> {
    let sql = "SELECT accounts.id FROM given \
               JOIN accounts ON accounts.id = given.of_account AND accounts.version = given.expected_version \
               WHERE NOT EXISTS (SELECT 1 FROM grants WHERE open_account_id = given.of_account) \
               AND NOT EXISTS (SELECT 1 FROM grants \
               WHERE grants.account_id = given.of_account AND look_again_at IS NOT NULL)";
    let values = |(id, version): &&(AccountId, i64)| args![id.uuid(), *version];
    place.over(&["of_account", "expected_version"], accounts, values, sql, |row| row.take()).await
}

impl WriteTx {
    /// Adds a grant; the key `grants_open_account` when the account has an open one.
    pub async fn insert_grant(&mut self, grant: &Grant) -> Result<(), StoreError> {
        insert(self.place(), &[grant]).await
    }

    /// Changes a grant; [`StoreError::Stale`] when its fence is not the expected one, which becomes one more.
    pub async fn update_grant(&mut self, grant: &Grant, expected_fence: i64) -> Result<(), StoreError> {
        one_of(&update(self.place(), &[(grant, expected_fence)]).await?)
    }

    /// Adds a hold.
    pub async fn insert_holder(&mut self, holder: &GrantHolder) -> Result<(), StoreError> {
        insert_holders(self.place(), &[holder]).await
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

    /// Keeps that a hold was switched for the rest of its session.
    pub async fn switch_holder(
        &mut self,
        grant: GrantId,
        session: PrivilegedSessionId,
        to: AccountState,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grant_holders SET switched_to = $1 \
                   WHERE grant_id = $2 AND privileged_session_id = $3 AND released_at IS NULL";
        one_row(self.place().run(sql, args![to.name(), grant.uuid(), session.uuid()]).await?)
    }

    /// Releases a hold; [`StoreError::Stale`] when it was released before.
    pub async fn release_holder(
        &mut self,
        grant: GrantId,
        session: PrivilegedSessionId,
        at: Instant,
    ) -> Result<(), StoreError> {
        one_of(&release(self.place(), &[&(grant, session, at)]).await?)
    }
}

impl BookTx {
    /// Keeps who works on a grant and what is in doubt; [`StoreError::Stale`] when its fence is not the expected one,
    /// which becomes one more.
    pub async fn lease_grant(&mut self, grant: &Grant, expected_fence: i64) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET lease_by = $1, lease_until = $2, doubtful = $3, fence = $4 \
                   WHERE id = $5 AND fence = $6";
        let values = args![
            grant.lease.map(|lease| lease.by.uuid()),
            opt_micros(grant.lease.map(|lease| lease.until)),
            doubtful_text(grant),
            expected_fence + 1,
            grant.id.uuid(),
            expected_fence,
        ];
        one_row(self.place().run(sql, values).await?)
    }

    /// Keeps when a grant's account is looked at once more; `None` when it was. [`StoreError::Stale`] when the grant's
    /// fence is not the expected one, which becomes one more.
    pub async fn look_again(
        &mut self,
        grant: GrantId,
        at: Option<Instant>,
        expected_fence: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE grants SET look_again_at = $1, fence = $2 WHERE id = $3 AND fence = $4";
        let values = args![opt_micros(at), expected_fence + 1, grant.uuid(), expected_fence];
        one_row(self.place().run(sql, values).await?)
    }

    /// Grants that waited for their next attempt may be tried now. Nothing else of them moves, so that whoever works on
    /// one goes on.
    pub async fn grants_are_due(&mut self, ids: &[GrantId]) -> Result<(), StoreError> {
        for id in ids {
            let sql = "UPDATE grants SET next_try_at = NULL WHERE id = $1 AND open_account_id IS NOT NULL";
            self.place().run(sql, args![id.uuid()]).await?;
        }
        Ok(())
    }
}
