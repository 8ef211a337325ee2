//! User Login Events: sign-ins that started in a span of time, with who it was; and their totals.
//!
//! Every question is one walk along an index. A part of a name is looked up among the users first: a few users are
//! asked for by their ids, so that one user's week is found among millions of others' sign-ins.

use std::collections::HashMap;

use chaperone_domain::Instant;
use chaperone_domain::ids::{PrivilegedSessionId, SignInId, TargetId, UserId};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind, TargetUse};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{COLUMNS, read, target_uses};
use crate::StoreError;
use crate::columns::{micros, uncount};
use crate::filter::SignInQuery;
use crate::page::{Cursor, Direction, Items, Key, Page};
use crate::sql::{Query, Reads, Row, Sorting, args, pattern};

/// Users of a part of a name that are asked for by their ids; with more, the name is compared row by row.
const NAMED_MAX: usize = 50;
/// Users of a total at most; those with the most sign-ins.
pub const TOTAL_USERS_MAX: usize = 1_000;
/// Days of a total at most; the last ones.
pub const TOTAL_DAYS_MAX: usize = 400;
const DAY_MICROS: i64 = 86_400_000_000;

/// A sign-in with who it is about and where it was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRow {
    /// The sign-in.
    pub sign_in: SignIn,
    /// The user's name.
    pub user_name: String,
    /// How people know the user.
    pub display_name: String,
    /// Where the user's mail goes.
    pub email: String,
    /// The targets that it was used at, in the order of first use.
    pub targets: Vec<TargetUse>,
}

/// How often and how long a user was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserTotal {
    /// Who.
    pub user_id: UserId,
    /// The user's name.
    pub user_name: String,
    /// How people know the user.
    pub display_name: String,
    /// Where the user's mail goes.
    pub email: String,
    /// Sign-ins.
    pub count: u64,
    /// From start to end, or to the last known use, added up.
    pub time: SignedDuration,
    /// The start of the last one.
    pub last_at: Instant,
}

/// What happened in a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTotal {
    /// When the day began (UTC).
    pub day: Instant,
    /// Sign-ins that started in it.
    pub count: u64,
    /// Users who made them.
    pub users: u64,
}

/// Totals of User Login Events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInTotals {
    /// Sign-ins.
    pub count: u64,
    /// Users who made them.
    pub users: u64,
    /// Users with the most sign-ins first; at most [`TOTAL_USERS_MAX`].
    pub per_user: Vec<UserTotal>,
    /// Days with sign-ins, oldest first; the last [`TOTAL_DAYS_MAX`].
    pub per_day: Vec<DayTotal>,
}

/// Which sign-ins, as a condition; `None` when there can be none.
struct Asked {
    /// One of these users, when a name was asked for that few have.
    users: Option<Vec<Uuid>>,
    query: SignInQuery,
    /// Behind a page's cursor; then the end of the span is no condition of its own, for the index can begin at one
    /// place only.
    begins_at_cursor: bool,
}

impl Asked {
    fn conditions(&self, sql: &str) -> Query {
        let SignInQuery { user_name, .. } = &self.query;
        let query = Query::new(&format!("{sql} WHERE sign_ins.deleted_at IS NULL"))
            .and("sign_ins.started_at >= ?", micros(self.query.start))
            .and_if("sign_ins.started_at < ?", (!self.begins_at_cursor).then(|| micros(self.query.end)));
        let query = match &self.users {
            Some(users) => query.and_one_of("sign_ins.user_id", users.iter().copied()),
            None => query.and_if(
                "sign_ins.user_id IN (SELECT users.id FROM users WHERE users.search LIKE ? ESCAPE '\\')",
                user_name.as_deref().map(pattern),
            ),
        };
        query
            .and_if("sign_ins.user_id = ?", self.query.user_id.map(UserId::uuid))
            .and_if("sign_ins.channel = ?", self.query.channel.map(Channel::name))
            .and_if("sign_ins.kind = ?", self.query.kind.map(SignInKind::name))
            .and_if("sign_ins.client_address = ?", self.query.client_address.clone())
            .and_if(
                "sign_ins.privileged_session_id = ?",
                self.query.privileged_session_id.map(PrivilegedSessionId::uuid),
            )
            .and_if(
                "EXISTS (SELECT 1 FROM sign_in_targets WHERE sign_in_targets.sign_in_id = sign_ins.id \
                 AND sign_in_targets.target_id = ?)",
                self.query.target_id.map(TargetId::uuid),
            )
    }
}

impl Reads<'_> {
    async fn asked(&self, query: SignInQuery, after: Option<&str>) -> Result<Option<Asked>, StoreError> {
        let users = match &query.user_name {
            None => None,
            Some(part) => {
                let sql = format!(
                    "SELECT id FROM users WHERE search LIKE $1 ESCAPE '\\' LIMIT {}",
                    NAMED_MAX.saturating_add(1)
                );
                let found = self.place.all(&sql, args![pattern(part)], |row| row.take::<Uuid>()).await?;
                if found.is_empty() {
                    return Ok(None);
                }
                (found.len() <= NAMED_MAX).then_some(found)
            }
        };
        let begins_at_cursor = match after.map(|after| Cursor::decode(after).ok_or(StoreError::Cursor)) {
            Some(cursor) => matches!(cursor?.key, Key::Number(key) if key < micros(query.end)),
            None => false,
        };
        Ok(Some(Asked { users, query, begins_at_cursor }))
    }

    /// Sign-ins that started in a span of time, newest first.
    pub async fn sign_ins(&self, query: SignInQuery, page: Page) -> Result<Items<SignInRow>, StoreError> {
        let Some(asked) = self.asked(query, page.after.as_deref()).await? else {
            return Ok(Items { items: Vec::new(), next: None });
        };
        let query = asked.conditions(&format!(
            "SELECT {COLUMNS}, users.user_name, users.display_name, users.email \
             FROM sign_ins JOIN users ON users.id = sign_ins.user_id"
        ));
        let sorting = Sorting {
            key: "sign_ins.started_at",
            id: "sign_ins.id",
            order: Direction::NewestFirst,
            is_text: false,
        };
        let read_row = |row: &mut Row<'_>| {
            Ok(SignInRow {
                sign_in: read(row)?,
                user_name: row.text()?,
                display_name: row.text()?,
                email: row.text()?,
                targets: Vec::new(),
            })
        };
        let place = |row: &SignInRow| (Key::Number(micros(row.sign_in.started_at)), row.sign_in.id.uuid());
        let mut found = self.place.page(query, sorting, &page, read_row, place).await?;
        let mut uses = self.uses_of_page(asked, &found.items).await?;
        for row in &mut found.items {
            row.targets = uses.remove(&row.sign_in.id).unwrap_or_default();
            row.targets.sort_unstable_by_key(|used| (used.first_at, used.target_id));
        }
        Ok(found)
    }

    /// Where the sign-ins of a page were used: the same walk once more, from its first instant to its last.
    async fn uses_of_page(
        &self,
        asked: Asked,
        page: &[SignInRow],
    ) -> Result<HashMap<SignInId, Vec<TargetUse>>, StoreError> {
        let mut uses: HashMap<SignInId, Vec<TargetUse>> = HashMap::new();
        let (Some(newest), Some(oldest)) = (page.first(), page.last()) else { return Ok(uses) };
        let start = oldest.sign_in.started_at;
        let end = newest.sign_in.started_at.checked_add(SignedDuration::from_micros(1));
        let asked = Asked {
            query: SignInQuery { start, end: end.unwrap_or(Instant::MAX), ..asked.query },
            begins_at_cursor: false,
            ..asked
        };
        let query = asked.conditions(&format!(
            "SELECT sign_ins.id, {} FROM sign_ins JOIN sign_in_targets ON sign_in_targets.sign_in_id = sign_ins.id",
            target_uses::COLUMNS
        ));
        let read = |row: &mut Row<'_>| Ok((row.id(SignInId::new)?, target_uses::read(row)?));
        for (sign_in, used) in query.in_any_order(self.place, read).await? {
            uses.entry(sign_in).or_default().push(used);
        }
        Ok(uses)
    }

    /// When the sign-in of that number started, counted from the newest one, which is number 1; `None` when there are
    /// fewer.
    pub async fn start_of_sign_in(
        &self,
        query: SignInQuery,
        number: u64,
    ) -> Result<Option<Instant>, StoreError> {
        let Some(asked) = self.asked(query, None).await? else { return Ok(None) };
        let found = asked
            .conditions("SELECT sign_ins.started_at FROM sign_ins")
            .ending(&format!(
                "ORDER BY sign_ins.started_at DESC, sign_ins.id DESC LIMIT 1 OFFSET {}",
                number.saturating_sub(1)
            ))
            .in_any_order(self.place, |row| row.instant("sign_ins.started_at"))
            .await?;
        Ok(found.first().copied())
    }

    /// How many they are.
    pub async fn count_sign_ins(&self, query: SignInQuery) -> Result<u64, StoreError> {
        let Some(asked) = self.asked(query, None).await? else { return Ok(0) };
        let query = asked.conditions("SELECT COUNT(*) FROM sign_ins");
        let counted = query.in_any_order(self.place, |row| uncount(row.take()?, "a count")).await?;
        Ok(counted.first().copied().unwrap_or_default())
    }

    /// How often and how long users were there, and how many on each day.
    pub async fn sign_in_totals(&self, query: SignInQuery) -> Result<SignInTotals, StoreError> {
        let Some(asked) = self.asked(query, None).await? else { return Ok(SignInTotals::default()) };
        let all = asked.conditions("SELECT COUNT(*), COUNT(DISTINCT sign_ins.user_id) FROM sign_ins");
        let counts =
            |row: &mut Row<'_>| Ok((uncount(row.take()?, "a count")?, uncount(row.take()?, "a count")?));
        let (count, users) = all.in_any_order(self.place, counts).await?.first().copied().unwrap_or_default();
        Ok(SignInTotals {
            count,
            users,
            per_user: self.totals_per_user(&asked).await?,
            per_day: self.totals_per_day(&asked).await?,
        })
    }

    async fn totals_per_user(&self, asked: &Asked) -> Result<Vec<UserTotal>, StoreError> {
        let query = asked
            .conditions(
                "SELECT sign_ins.user_id AS user_id, COUNT(*) AS many, \
                 CAST(SUM(COALESCE(sign_ins.ended_at, sign_ins.last_seen_at) - sign_ins.started_at) AS BIGINT) \
                 AS time_us, MAX(sign_ins.started_at) AS last_at FROM sign_ins",
            )
            .ending(&format!("GROUP BY sign_ins.user_id ORDER BY 2 DESC, 1 LIMIT {TOTAL_USERS_MAX}"))
            .within(
                "SELECT users.id, users.user_name, users.display_name, users.email, totals.many, totals.time_us, \
                 totals.last_at FROM",
                "AS totals JOIN users ON users.id = totals.user_id",
            );
        let read = |row: &mut Row<'_>| {
            Ok(UserTotal {
                user_id: row.id(UserId::new)?,
                user_name: row.text()?,
                display_name: row.text()?,
                email: row.text()?,
                count: uncount(row.take()?, "a count")?,
                time: SignedDuration::from_micros(row.take()?),
                last_at: row.instant("sign_ins.started_at")?,
            })
        };
        query.all(self.place, "totals.many DESC, totals.user_id", read).await
    }

    async fn totals_per_day(&self, asked: &Asked) -> Result<Vec<DayTotal>, StoreError> {
        let query = asked
            .conditions(&format!(
                "SELECT sign_ins.started_at / {DAY_MICROS} AS day, COUNT(*) AS many, \
                 COUNT(DISTINCT sign_ins.user_id) AS users FROM sign_ins"
            ))
            .ending(&format!("GROUP BY 1 ORDER BY 1 DESC LIMIT {TOTAL_DAYS_MAX}"))
            .within("SELECT totals.day, totals.many, totals.users FROM", "AS totals");
        let read = |row: &mut Row<'_>| {
            let day: i64 = row.take()?;
            Ok(DayTotal {
                day: crate::columns::instant(day.saturating_mul(DAY_MICROS), "sign_ins.started_at")?,
                count: uncount(row.take()?, "a count")?,
                users: uncount(row.take()?, "a count")?,
            })
        };
        query.all(self.place, "totals.day", read).await
    }
}
