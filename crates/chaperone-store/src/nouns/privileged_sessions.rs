//! Privileged sessions with their targets.

use std::collections::HashMap;

use chaperone_domain::Instant;
use chaperone_domain::grant::{START_LIMIT, Wish};
use chaperone_domain::ids::{AccountId, DirectoryId, PrivilegedSessionId, TargetId, UserId};
use chaperone_domain::privileged_session::{
    EndReason, Extension, MoreAccount, PrivilegedSession, State, Status, Window,
};
use sea_orm::sea_query::Value;
use uuid::Uuid;

use super::one_of;
use crate::StoreError;
use crate::columns::{corrupt, folded, micros, opt_micros};
use crate::filter::SessionFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::sql::{Place, Query, Reads, Row, Sorting, args, json_texts, pattern};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, account_id, user_id, requested_by, edited_by, state, end_reason, wish, starts_at, ends_at, \
                       reason, ticket, approved_by, self_approved, start_intended_at, started_at, ended_at, \
                       created_at, updated_at, version, extension_ends_at, extension_reason, \
                       extension_requested_by, extension_requested_at";

/// States in which time alone may move a session. One that is on its way is left out while all that it waits for is
/// to be tried later: thousands that wait for a directory must not stand before others.
const MOVED_BY_TIME: &str = "(state IN ('Draft', 'Approved') AND ends_at <= $1) \
                             OR (state = 'Approved' AND starts_at <= $1) \
                             OR (state IN ('Starting', 'Ending') AND COALESCE((\
                                 SELECT MIN(COALESCE(grants.next_try_at, 0)) FROM grant_holders \
                                 JOIN grants ON grants.id = grant_holders.grant_id \
                                 WHERE grant_holders.privileged_session_id = privileged_sessions.id \
                                 AND grant_holders.released_at IS NULL), 0) <= $1) \
                             OR (state = 'Starting' AND (start_intended_at <= $2 OR ends_at <= $1)) \
                             OR (state = 'Active' AND ends_at <= $1)";

/// States in which time alone may tell something, unless it was told before; `$1` is now, `$2` until when something
/// comes soon, `$3` since when an account that is not back is told of.
const TOLD_BY_TIME: &str = "(state = 'Approved' AND starts_at > $1 AND starts_at <= $2 AND NOT EXISTS (\
                            SELECT 1 FROM notifications AS told WHERE told.kind = 'starts_soon' \
                            AND told.privileged_session_id = privileged_sessions.id \
                            AND told.occurrence = privileged_sessions.starts_at)) \
                            OR (state = 'Active' AND ends_at > $1 AND ends_at <= $2 AND NOT EXISTS (\
                            SELECT 1 FROM notifications AS told WHERE told.kind = 'ends_soon' \
                            AND told.privileged_session_id = privileged_sessions.id \
                            AND told.occurrence = privileged_sessions.ends_at)) \
                            OR (state = 'Ending' AND ended_at <= $3 AND NOT EXISTS (\
                            SELECT 1 FROM notifications AS told WHERE told.kind = 'could_not_be_put_back' \
                            AND told.privileged_session_id = privileged_sessions.id \
                            AND told.occurrence = privileged_sessions.ended_at))";

fn read(row: &mut Row<'_>) -> Result<PrivilegedSession, StoreError> {
    Ok(PrivilegedSession {
        id: row.id(PrivilegedSessionId::new)?,
        account_id: row.id(AccountId::new)?,
        more_accounts: Vec::new(),
        user_id: row.id(UserId::new)?,
        requested_by: row.id(UserId::new)?,
        edited_by: editors(&row.texts("privileged_sessions.edited_by")?)?,
        target_ids: Vec::new(),
        state: row.named(State::parse, "privileged_sessions.state")?,
        end_reason: row.opt_named(EndReason::parse, "privileged_sessions.end_reason")?,
        wish: row.named(Wish::parse, "privileged_sessions.wish")?,
        window: Window::stored(
            row.instant("privileged_sessions.starts_at")?,
            row.instant("privileged_sessions.ends_at")?,
        )
        .map_err(|_| corrupt("privileged_sessions.ends_at"))?,
        reason: row.text()?,
        ticket: row.text()?,
        approved_by: row.opt_id(UserId::new)?,
        self_approved: row.take()?,
        start_intended_at: row.opt_instant("privileged_sessions.start_intended_at")?,
        started_at: row.opt_instant("privileged_sessions.started_at")?,
        ended_at: row.opt_instant("privileged_sessions.ended_at")?,
        created_at: row.instant("privileged_sessions.created_at")?,
        updated_at: row.instant("privileged_sessions.updated_at")?,
        version: row.take()?,
        extension: {
            let ends_at = row.opt_instant("privileged_sessions.extension_ends_at")?;
            let reason = row.take::<Option<String>>()?;
            let requested_by = row.opt_id(UserId::new)?;
            let requested_at = row.opt_instant("privileged_sessions.extension_requested_at")?;
            match (ends_at, reason, requested_by, requested_at) {
                (Some(ends_at), Some(reason), Some(requested_by), Some(requested_at)) => {
                    Some(Extension { ends_at, reason, requested_by, requested_at })
                }
                _ => None,
            }
        },
    })
}

fn editors(ids: &[String]) -> Result<Vec<UserId>, StoreError> {
    ids.iter().map(|id| id.parse().map_err(|_| corrupt("privileged_sessions.edited_by"))).collect()
}

fn search(session: &PrivilegedSession) -> String {
    folded(&format!("{}\n{}", session.reason, session.ticket))
}

impl Reads<'_> {
    /// Reads what stands beside the rows: their targets and further accounts, in the order in which they were named.
    async fn whole(
        &self,
        mut sessions: Vec<PrivilegedSession>,
    ) -> Result<Vec<PrivilegedSession>, StoreError> {
        if sessions.is_empty() {
            return Ok(sessions);
        }
        // Both in one query: a session is read whenever it moves.
        let sql = "SELECT privileged_session_id, target_id, NULL AS wish, position \
                   FROM given JOIN privileged_session_targets ON privileged_session_id = given.of_session \
                   UNION ALL SELECT privileged_session_id, account_id, wish, position \
                   FROM given JOIN privileged_session_accounts ON privileged_session_id = given.of_session \
                   ORDER BY position";
        let beside = |row: &mut Row<'_>| {
            let (session, id): (Uuid, Uuid) = (row.take()?, row.take()?);
            Ok((session, id, row.opt_named(Wish::parse, "privileged_session_accounts.wish")?))
        };
        let mut targets: HashMap<Uuid, Vec<TargetId>> = HashMap::new();
        let mut accounts: HashMap<Uuid, Vec<MoreAccount>> = HashMap::new();
        for (session, id, wish) in self
            .place
            .over(&["of_session"], &sessions, |session| args![session.id.uuid()], sql, beside)
            .await?
        {
            match wish {
                None => targets.entry(session).or_default().push(TargetId::new(id)),
                Some(wish) => {
                    let more = MoreAccount { account_id: AccountId::new(id), wish };
                    accounts.entry(session).or_default().push(more);
                }
            }
        }
        for session in &mut sessions {
            session.target_ids = targets.remove(&session.id.uuid()).unwrap_or_default();
            session.more_accounts = accounts.remove(&session.id.uuid()).unwrap_or_default();
        }
        Ok(sessions)
    }

    /// The session of that id.
    pub async fn privileged_session(
        &self,
        id: PrivilegedSessionId,
    ) -> Result<Option<PrivilegedSession>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM privileged_sessions WHERE id = $1");
        let found = self.place.all(&sql, args![id.uuid()], read).await?;
        Ok(self.whole(found).await?.into_iter().next())
    }

    /// The sessions of those ids that are there, in no order.
    pub async fn privileged_sessions_with_ids(
        &self,
        ids: &[PrivilegedSessionId],
    ) -> Result<Vec<PrivilegedSession>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM given JOIN privileged_sessions ON privileged_sessions.id = given.of_id"
        );
        let found = self.place.over(&["of_id"], ids, |id| args![id.uuid()], &sql, read).await?;
        self.whole(found).await
    }

    /// Sessions, newest start first.
    pub async fn privileged_sessions(
        &self,
        filter: SessionFilter,
        page: Page,
    ) -> Result<Items<PrivilegedSession>, StoreError> {
        let states = State::ALL
            .into_iter()
            .filter(|state| filter.statuses.contains(&state.status()))
            .map(|state| state.name().to_owned());
        let query = Query::new(&format!("SELECT {COLUMNS} FROM privileged_sessions WHERE 1 = 1"))
            .and_one_of("state", states)
            .and_if("user_id = ?", filter.user_id.map(UserId::uuid))
            .and_if(
                "(account_id = ? OR id IN \
                 (SELECT privileged_session_id FROM privileged_session_accounts WHERE account_id = ?))",
                filter.account_id.map(AccountId::uuid),
            )
            .and_if("requested_by = ?", filter.requested_by.map(UserId::uuid))
            .and_if(
                "id IN (SELECT privileged_session_id FROM privileged_session_targets WHERE target_id = ?)",
                filter.target_id.map(TargetId::uuid),
            )
            .and_if(
                "(user_id = ? OR requested_by = ? OR account_id IN (SELECT id FROM accounts WHERE owner = ?))",
                filter.seen_by.map(UserId::uuid),
            )
            .and_if("ends_at > ?", filter.overlaps_from.map(micros))
            .and_if("starts_at < ?", filter.overlaps_to.map(micros))
            .and_if(
                "(search LIKE ? ESCAPE '\\' \
                 OR user_id IN (SELECT id FROM users WHERE search LIKE ? ESCAPE '\\') \
                 OR account_id IN (SELECT id FROM accounts WHERE name_key LIKE ? ESCAPE '\\'))",
                filter.q.as_deref().map(pattern),
            );
        let sorting = Sorting { key: "starts_at", id: "id", order: Direction::NewestFirst, is_text: false };
        let place = |session: &PrivilegedSession| {
            (Key::Number(micros(session.window.starts_at())), session.id.uuid())
        };
        let found = self.place.page(query, sorting, &page, read, place).await?;
        Ok(Items { items: self.whole(found.items).await?, next: found.next })
    }

    /// The sessions of an account in these states.
    pub async fn sessions_of_account(
        &self,
        account: AccountId,
        states: &[State],
    ) -> Result<Vec<PrivilegedSession>, StoreError> {
        // From the account to its sessions: there are few of these, however many there are in a state. A cross join is
        // read in this order.
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT id AS of_account FROM privileged_sessions WHERE account_id = $1 \
             UNION SELECT privileged_session_id FROM privileged_session_accounts WHERE account_id = $1) AS named \
             CROSS JOIN privileged_sessions WHERE id = of_account"
        );
        let query = Query::bound(sql, args![account.uuid()])
            .and_one_of("state", states.iter().map(|state| state.name().to_owned()));
        let found = query.all(self.place, "starts_at, id", read).await?;
        self.whole(found).await
    }

    /// The sessions that are not over and have an account of a directory, by their start.
    pub async fn sessions_needing_directory(
        &self,
        directory: DirectoryId,
    ) -> Result<Vec<(PrivilegedSessionId, Status)>, StoreError> {
        let sql = "SELECT id, state FROM privileged_sessions \
                   WHERE state IN ('Draft', 'Approved', 'Starting', 'Active', 'Ending') \
                   AND (account_id IN (SELECT id FROM accounts WHERE directory_id = $1) \
                   OR id IN (SELECT privileged_session_id FROM privileged_session_accounts WHERE account_id IN \
                   (SELECT id FROM accounts WHERE directory_id = $1))) ORDER BY starts_at, id";
        self.place
            .all(sql, args![directory.uuid()], |row| {
                let id = row.id(PrivilegedSessionId::new)?;
                Ok((id, row.named(State::parse, "privileged_sessions.state")?.status()))
            })
            .await
    }

    /// The sessions in these states, by their start.
    pub async fn sessions_in(&self, states: &[State]) -> Result<Vec<PrivilegedSession>, StoreError> {
        let query = Query::new(&format!("SELECT {COLUMNS} FROM privileged_sessions WHERE 1 = 1"))
            .and_one_of("state", states.iter().map(|state| state.name().to_owned()));
        let found = query.all(self.place, "starts_at, id", read).await?;
        self.whole(found).await
    }

    /// The sessions that the processor has to look at, by their start: their time has come, or they are on their way.
    pub async fn due_sessions(
        &self,
        now: Instant,
        limit: u64,
    ) -> Result<Vec<PrivilegedSessionId>, StoreError> {
        let sql = format!(
            "SELECT id FROM privileged_sessions WHERE {MOVED_BY_TIME} ORDER BY starts_at, id LIMIT {limit}"
        );
        let start_limit = now.checked_sub(START_LIMIT).unwrap_or(Instant::MIN);
        let values = args![micros(now), micros(start_limit)];
        self.place.all(&sql, values, |row| row.id(PrivilegedSessionId::new)).await
    }

    /// The sessions that hold accounts which are on their way and may be tried now.
    pub async fn sessions_with_moving_grants(
        &self,
        now: Instant,
        limit: u64,
    ) -> Result<Vec<PrivilegedSessionId>, StoreError> {
        let sql = format!(
            "SELECT grant_holders.privileged_session_id FROM grants \
             JOIN grant_holders ON grant_holders.grant_id = grants.id AND grant_holders.released_at IS NULL \
             WHERE grants.phase IN ('opening', 'closing') AND COALESCE(grants.next_try_at, 0) <= $1 \
             ORDER BY COALESCE(grants.next_try_at, 0), grants.id LIMIT {limit}"
        );
        self.place.all(&sql, args![micros(now)], |row| row.id(PrivilegedSessionId::new)).await
    }

    /// Sessions about which time alone may tell something now (`soon`: what comes until then; `not_back`: what ended
    /// until then), in the order of their starts and ids, after the one given.
    pub async fn sessions_told_by_time(
        &self,
        now: Instant,
        soon: Instant,
        not_back: Instant,
        after: Option<(Instant, PrivilegedSessionId)>,
        limit: u64,
    ) -> Result<Vec<PrivilegedSession>, StoreError> {
        let (after_at, after_id) = after.map_or((i64::MIN, Uuid::nil()), |(at, id)| (micros(at), id.uuid()));
        let sql = format!(
            "SELECT {COLUMNS} FROM privileged_sessions WHERE ({TOLD_BY_TIME}) \
             AND (starts_at > $4 OR (starts_at = $4 AND id > $5)) ORDER BY starts_at, id LIMIT {limit}"
        );
        let values = args![micros(now), micros(soon), micros(not_back), after_at, after_id];
        let found = self.place.all(&sql, values, read).await?;
        self.whole(found).await
    }

    /// When time moves the next session.
    pub async fn next_due_at(&self) -> Result<Option<Instant>, StoreError> {
        let sql = "SELECT MIN(due) FROM (\
                   SELECT MIN(starts_at) AS due FROM privileged_sessions WHERE state = 'Approved' \
                   UNION ALL SELECT MIN(ends_at) AS due FROM privileged_sessions WHERE state IN ('Draft', 'Active')\
                   ) AS next_due";
        Ok(self
            .place
            .one(sql, args![], |row| row.opt_instant("privileged_sessions.starts_at"))
            .await?
            .flatten())
    }

    /// The version of a session, for those who go on with what they read before.
    pub async fn privileged_session_version(
        &self,
        id: PrivilegedSessionId,
    ) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT version FROM privileged_sessions WHERE id = $1";
        self.place.one(sql, args![id.uuid()], |row| row.take()).await
    }
}

/// What is written of a session again and again.
const WRITTEN: [&str; 21] = [
    "account_id",
    "user_id",
    "edited_by",
    "state",
    "end_reason",
    "wish",
    "starts_at",
    "ends_at",
    "reason",
    "ticket",
    "search",
    "approved_by",
    "self_approved",
    "start_intended_at",
    "started_at",
    "ended_at",
    "updated_at",
    "extension_ends_at",
    "extension_reason",
    "extension_requested_by",
    "extension_requested_at",
];

fn written(session: &PrivilegedSession) -> Vec<Value> {
    let extension = session.extension.as_ref();
    args![
        session.account_id.uuid(),
        session.user_id.uuid(),
        json_texts(session.edited_by.iter().map(UserId::to_string)),
        session.state.name(),
        session.end_reason.map(EndReason::name),
        session.wish.name(),
        micros(session.window.starts_at()),
        micros(session.window.ends_at()),
        session.reason.as_str(),
        session.ticket.as_str(),
        search(session),
        session.approved_by.map(UserId::uuid),
        session.self_approved,
        opt_micros(session.start_intended_at),
        opt_micros(session.started_at),
        opt_micros(session.ended_at),
        micros(session.updated_at),
        opt_micros(extension.map(|extension| extension.ends_at)),
        extension.map(|extension| extension.reason.clone()),
        extension.map(|extension| extension.requested_by.uuid()),
        opt_micros(extension.map(|extension| extension.requested_at)),
    ]
}

/// Changes sessions that have the expected versions, which become one more; the ids of those. What stands beside them
/// stays as it is.
pub(crate) async fn update(
    place: Place<'_>,
    sessions: &[(&PrivilegedSession, i64)],
) -> Result<Vec<Uuid>, StoreError> {
    let values = |(session, version): &(&PrivilegedSession, i64)| {
        let mut values = args![session.id.uuid(), *version];
        values.extend(written(session));
        values
    };
    place.update_counted(("privileged_sessions", "version", &WRITTEN), sessions, values).await
}

impl WriteTx {
    /// Adds a session with its targets.
    pub async fn insert_privileged_session(&mut self, session: &PrivilegedSession) -> Result<(), StoreError> {
        let columns = [&["id", "requested_by", "created_at", "version"], WRITTEN.as_slice()].concat();
        let values = |session: &&PrivilegedSession| {
            let mut values = args![
                session.id.uuid(),
                session.requested_by.uuid(),
                micros(session.created_at),
                session.version,
            ];
            values.extend(written(session));
            values
        };
        self.place().insert(("privileged_sessions", &columns, ""), &[session], values).await?;
        self.put_beside(session).await
    }

    /// Changes a session with its targets.
    pub async fn update_privileged_session(
        &mut self,
        session: &PrivilegedSession,
        expected_version: i64,
    ) -> Result<(), StoreError> {
        one_of(&update(self.place(), &[(session, expected_version)]).await?)?;
        if matches!(session.state, State::Draft) {
            for table in ["privileged_session_targets", "privileged_session_accounts"] {
                let sql = format!("DELETE FROM {table} WHERE privileged_session_id = $1");
                self.place().run(&sql, args![session.id.uuid()]).await?;
            }
            self.put_beside(session).await?;
        }
        Ok(())
    }

    async fn put_beside(&mut self, session: &PrivilegedSession) -> Result<(), StoreError> {
        let sql = "INSERT INTO privileged_session_targets (privileged_session_id, target_id, position) \
                   VALUES ($1, $2, $3)";
        for (position, target) in (0_i64..).zip(&session.target_ids) {
            self.place().run(sql, args![session.id.uuid(), target.uuid(), position]).await?;
        }
        let sql = "INSERT INTO privileged_session_accounts (privileged_session_id, account_id, wish, position) \
                   VALUES ($1, $2, $3, $4)";
        for (position, more) in (0_i64..).zip(&session.more_accounts) {
            let values = args![session.id.uuid(), more.account_id.uuid(), more.wish.name(), position];
            self.place().run(sql, values).await?;
        }
        Ok(())
    }
}
