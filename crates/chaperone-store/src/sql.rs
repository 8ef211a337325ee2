//! Queries as texts that both databases understand, and rows as they come back.
//!
//! Values are always bound (`$1`, `$2` …), never written into a text; `$n` means the same to SQLite and PostgreSQL.

use std::sync::atomic::{AtomicU8, Ordering};

use chaperone_domain::Instant;
use sea_orm::sea_query::Value;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    TryGetable,
};
use uuid::Uuid;

use crate::StoreError;
use crate::columns::{corrupt, instant, named, opt_instant};
use crate::error::{Damage, translate};
use crate::page::{Cursor, Direction, Items, Key, Page};

/// Values to bind, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$(sea_orm::sea_query::Value::from($value)),*] };
}
pub(crate) use args;

/// Where a statement runs.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Pool(&'a DatabaseConnection),
    Transaction(&'a Transaction),
}

/// Rows of one statement at most.
const ROWS_MAX: usize = 64;

/// A list in shares, each for one statement: powers of two, so that there are few texts and each is prepared once.
pub(crate) fn shares<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let rows = (1_usize << rest.len().checked_ilog2()?).min(ROWS_MAX);
        let (now, later) = rest.split_at(rows);
        rest = later;
        Some(now)
    })
}

/// A transaction that remembers what an error did to it.
pub(crate) struct Transaction {
    pub(crate) inner: DatabaseTransaction,
    damage: AtomicU8,
}

const INTACT: u8 = 0;
const RACED: u8 = 1;
const BROKEN: u8 = 2;

impl Transaction {
    pub(crate) fn new(inner: DatabaseTransaction) -> Self {
        Self { inner, damage: AtomicU8::new(INTACT) }
    }

    /// The worst that an error did so far; `None` when every statement went well or failed alone.
    pub(crate) fn damage(&self) -> Option<Damage> {
        match self.damage.load(Ordering::Relaxed) {
            INTACT => None,
            RACED => Some(Damage::Race),
            _ => Some(Damage::Transaction),
        }
    }

    /// Undoes it.
    pub(crate) async fn roll_back(self) {
        if let Err(error) = self.inner.rollback().await {
            tracing::warn!(%error, "a transaction was dropped instead of rolled back");
        }
    }
}

impl Place<'_> {
    pub(crate) fn is_sqlite(self) -> bool {
        self.backend() == DbBackend::Sqlite
    }

    fn backend(self) -> DbBackend {
        match self {
            Self::Pool(pool) => pool.get_database_backend(),
            Self::Transaction(tx) => tx.inner.get_database_backend(),
        }
    }

    fn statement(self, sql: &str, values: Vec<Value>) -> Result<Statement, StoreError> {
        // PostgreSQL keeps no NUL in a text; SQLite would, and what one refuses the other does not keep.
        let has_nul = |value: &Value| matches!(value, Value::String(Some(text)) if text.contains('\0'));
        if values.iter().any(has_nul) {
            return Err(StoreError::NotStorable { what: "a text" });
        }
        Ok(Statement::from_sql_and_values(self.backend(), sql, values))
    }

    fn failed(self, error: &DbErr) -> StoreError {
        match self {
            Self::Pool(pool) => translate(pool.get_database_backend(), error).0,
            Self::Transaction(tx) => {
                let (error, damage) = translate(tx.inner.get_database_backend(), error);
                let level = match damage {
                    Damage::Statement => INTACT,
                    Damage::Race => RACED,
                    Damage::Transaction => BROKEN,
                };
                tx.damage.fetch_max(level, Ordering::Relaxed);
                error
            }
        }
    }

    /// Runs a change; answers how many rows it concerned.
    pub(crate) async fn run(self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let statement = self.statement(sql, values)?;
        let done = match self {
            Self::Pool(pool) => pool.execute_raw(statement).await,
            Self::Transaction(tx) => tx.inner.execute_raw(statement).await,
        };
        done.map(|done| done.rows_affected()).map_err(|error| self.failed(&error))
    }

    async fn rows(self, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, StoreError> {
        let statement = self.statement(sql, values)?;
        let rows = match self {
            Self::Pool(pool) => pool.query_all_raw(statement).await,
            Self::Transaction(tx) => tx.inner.query_all_raw(statement).await,
        };
        rows.map_err(|error| self.failed(&error))
    }

    /// Every row of a query.
    pub(crate) async fn all<T>(
        self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(sql, values).await?.iter().map(|row| read(&mut Row { row, at: 0 })).collect()
    }

    /// The first row of a query, if there is one.
    pub(crate) async fn one<T>(
        self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.rows(sql, values).await?.first().map(|row| read(&mut Row { row, at: 0 })).transpose()
    }

    /// The name of the value that is bound at that place.
    pub(crate) fn name(self, number: usize) -> String {
        // SQLite looks a name up in a list of all of them; what has none is only counted.
        if self.is_sqlite() { "?".to_owned() } else { format!("${number}") }
    }

    /// What stands behind `VALUES`: so many rows of so many values.
    fn value_rows(self, rows: usize, columns: usize) -> String {
        let row = |row: usize| {
            let names: Vec<String> = (1..=columns).map(|n| self.name(row * columns + n)).collect();
            format!("({})", names.join(", "))
        };
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    }

    /// Adds rows, many with one statement; answers how many were added. `ending` stands behind the values.
    pub(crate) async fn insert<T>(
        self,
        (table, columns, ending): (&str, &[&str], &str),
        rows: &[T],
        values: impl Fn(&T) -> Vec<Value>,
    ) -> Result<u64, StoreError> {
        let mut added = 0;
        for share in shares(rows) {
            let given = self.value_rows(share.len(), columns.len());
            let sql = format!("INSERT INTO {table} ({}) VALUES {given} {ending}", columns.join(", "));
            added += self.run(&sql, share.iter().flat_map(&values).collect()).await?;
        }
        Ok(added)
    }

    /// Runs a statement over many rows at once, which it finds in a table `given` with these columns, and reads what
    /// it answers.
    pub(crate) async fn over<T, R>(
        self,
        columns: &[&str],
        rows: &[T],
        values: impl Fn(&T) -> Vec<Value>,
        statement: &str,
        read: impl Fn(&mut Row<'_>) -> Result<R, StoreError>,
    ) -> Result<Vec<R>, StoreError> {
        let mut all = Vec::new();
        for share in shares(rows) {
            let given = self.value_rows(share.len(), columns.len());
            let sql = format!("WITH given ({}) AS (VALUES {given}) {statement}", columns.join(", "));
            all.extend(self.all(&sql, share.iter().flat_map(&values).collect(), &read).await?);
        }
        Ok(all)
    }

    /// Changes rows of a table that stand at the expected number of a column that counts their changes, which becomes one
    /// more; the ids of those. `values` are id, expected number, and what is written into `columns`.
    pub(crate) async fn update_counted<T>(
        self,
        (table, counter, columns): (&str, &str, &[&str]),
        rows: &[T],
        values: impl Fn(&T) -> Vec<Value>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let given = [&["row_id", "expected"], columns].concat();
        let sets: Vec<String> = columns.iter().map(|column| format!("{column} = given.{column}")).collect();
        let sql = format!(
            "UPDATE {table} SET {}, {counter} = given.expected + 1 FROM given \
             WHERE {table}.id = given.row_id AND {table}.{counter} = given.expected RETURNING {table}.id",
            sets.join(", ")
        );
        self.over(&given, rows, values, &sql, |row| row.take()).await
    }

    /// One page of a query.
    pub(crate) async fn page<T>(
        self,
        query: Query,
        sorting: Sorting,
        page: &Page,
        read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
        place: impl Fn(&T) -> (Key, Uuid),
    ) -> Result<Items<T>, StoreError> {
        let query = query.paged(sorting, page)?;
        let mut items = self.all(&query.sql, query.values, read).await?;
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| {
            let (key, id) = place(item);
            Cursor { key, id }.encode()
        });
        Ok(Items { items, next })
    }
}

/// Queries, outside a transaction or inside one.
#[derive(Clone, Copy)]
pub struct Reads<'a> {
    pub(crate) place: Place<'a>,
}

/// A row, read from left to right: the order of the fields is the order of the columns.
pub(crate) struct Row<'a> {
    row: &'a QueryResult,
    at: usize,
}

impl Row<'_> {
    /// The next column.
    pub(crate) fn take<T: TryGetable>(&mut self) -> Result<T, StoreError> {
        let at = self.at;
        self.at += 1;
        self.row.try_get_by_index(at).map_err(|error| {
            tracing::error!(column = at, %error, "a column cannot be read");
            corrupt("a column")
        })
    }

    pub(crate) fn id<I>(&mut self, new: fn(Uuid) -> I) -> Result<I, StoreError> {
        self.take().map(new)
    }

    pub(crate) fn opt_id<I>(&mut self, new: fn(Uuid) -> I) -> Result<Option<I>, StoreError> {
        Ok(self.take::<Option<Uuid>>()?.map(new))
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.take()
    }

    pub(crate) fn instant(&mut self, what: &str) -> Result<Instant, StoreError> {
        instant(self.take()?, what)
    }

    pub(crate) fn opt_instant(&mut self, what: &str) -> Result<Option<Instant>, StoreError> {
        opt_instant(self.take()?, what)
    }

    /// A value of a closed list, by its stable name.
    pub(crate) fn named<T>(&mut self, parse: fn(&str) -> Option<T>, what: &str) -> Result<T, StoreError> {
        named(parse, &self.text()?, what)
    }

    pub(crate) fn opt_named<T>(
        &mut self,
        parse: fn(&str) -> Option<T>,
        what: &str,
    ) -> Result<Option<T>, StoreError> {
        self.take::<Option<String>>()?.map(|name| named(parse, &name, what)).transpose()
    }

    /// A list of texts that is kept as JSON.
    pub(crate) fn texts(&mut self, what: &str) -> Result<Vec<String>, StoreError> {
        serde_json::from_str(&self.text()?).map_err(|_| corrupt(what))
    }
}

/// A list of texts as JSON.
pub(crate) fn json_texts(texts: impl IntoIterator<Item = String>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// What a list is ordered by: a column and the id where its values are equal.
#[derive(Clone, Copy)]
pub(crate) struct Sorting {
    pub(crate) key: &'static str,
    pub(crate) id: &'static str,
    pub(crate) order: Direction,
    pub(crate) is_text: bool,
}

/// A query that grows with the filters that are set.
pub(crate) struct Query {
    sql: String,
    values: Vec<Value>,
}

impl Query {
    /// Begins with a text that ends in a `WHERE` with at least one condition.
    pub(crate) fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// Begins with a text that ends in a `WHERE` with at least one condition, and the values that it binds.
    pub(crate) fn bound(sql: String, values: Vec<Value>) -> Self {
        Self { sql, values }
    }

    /// Adds a condition in which each `?` is the value.
    pub(crate) fn and(mut self, condition: &str, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        let name = format!("${}", self.values.len());
        self.sql.push_str(" AND ");
        self.sql.push_str(&condition.replace('?', &name));
        self
    }

    /// Adds a condition if there is a value.
    pub(crate) fn and_if<V: Into<Value>>(self, condition: &str, value: Option<V>) -> Self {
        match value {
            Some(value) => self.and(condition, value),
            None => self,
        }
    }

    /// Adds that the column is one of the values.
    pub(crate) fn and_one_of(
        mut self,
        column: &str,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> Self {
        let names: Vec<String> = values
            .into_iter()
            .map(|value| {
                self.values.push(value.into());
                format!("${}", self.values.len())
            })
            .collect();
        match names.as_slice() {
            [] => {}
            [only] => self.sql.push_str(&format!(" AND {column} = {only}")),
            several => self.sql.push_str(&format!(" AND {column} IN ({})", several.join(", "))),
        }
        self
    }

    /// Adds what stands behind the conditions: groups, order, limit.
    pub(crate) fn ending(mut self, text: &str) -> Self {
        self.sql.push(' ');
        self.sql.push_str(text);
        self
    }

    /// Makes it the inner query of another one, between these texts.
    pub(crate) fn within(mut self, before: &str, after: &str) -> Self {
        self.sql = format!("{before} ({}) {after}", self.sql);
        self
    }

    /// Restricts to the page; one more row than wanted is read, to know whether there is a next page.
    fn paged(mut self, sorting: Sorting, page: &Page) -> Result<Self, StoreError> {
        let Sorting { key, id, order, is_text } = sorting;
        let (beyond, direction) = match order {
            Direction::OldestFirst => (">", "ASC"),
            Direction::NewestFirst => ("<", "DESC"),
        };
        if let Some(after) = &page.after {
            let cursor = Cursor::decode(after).ok_or(StoreError::Cursor)?;
            self.values.push(match cursor.key {
                Key::Number(number) if !is_text => number.into(),
                Key::Text(text) if is_text => text.into(),
                _ => return Err(StoreError::Cursor),
            });
            let at = self.values.len();
            self.values.push(cursor.id.into());
            // Compared as a row: an index begins at this place then, and not at the head of the list.
            self.sql.push_str(&format!(" AND ({key}, {id}) {beyond} (${at}, ${})", at + 1));
        }
        self.sql.push_str(&format!(
            " ORDER BY {key} {direction}, {id} {direction} LIMIT {}",
            page.limit().saturating_add(1)
        ));
        Ok(self)
    }

    /// Every row, in the order given.
    pub(crate) async fn all<T>(
        self,
        place: Place<'_>,
        order: &str,
        read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.ending(&format!("ORDER BY {order}")).in_any_order(place, read).await
    }

    /// Every row.
    pub(crate) async fn in_any_order<T>(
        self,
        place: Place<'_>,
        read: impl Fn(&mut Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        place.all(&self.sql, self.values, read).await
    }
}

/// A part of a text as a pattern for `LIKE … ESCAPE '\'`, folded.
pub(crate) fn pattern(part: &str) -> String {
    let mut pattern = String::from("%");
    for c in crate::columns::folded(part).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
