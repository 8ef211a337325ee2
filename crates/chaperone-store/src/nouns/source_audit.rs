//! The trail as the source's audit table: the events that have one of its action codes, asked about in any way that
//! its Web API allows.

use chaperone_domain::source_action::SourceAction;

use super::audit_events::{COLUMNS, StoredEvent, read};
use crate::StoreError;
use crate::columns::{corrupt, micros};
use crate::condition::{Bound, Column, Compare, Condition};
use crate::sql::{Reads, args};

/// The columns that may be asked about.
pub mod columns {
    use crate::condition::Column;

    /// The event's id.
    pub const ID: Column = Column::always("id");
    /// When, in microseconds.
    pub const AT: Column = Column::always("at");
    /// The source's action code.
    pub const CODE: Column = Column::always("source_code");
    /// The noun of what it happened to.
    pub const SUBJECT_KIND: Column = Column::always("subject_kind");
    /// The id of what it happened to, as text.
    pub const SUBJECT_ID: Column = Column::always("subject_id");
    /// The user who did it.
    pub const ACTOR: Column = Column::maybe("actor_id");
    /// The privileged session in which it happened.
    pub const PRIVILEGED_SESSION: Column = Column::maybe("privileged_session_id");
    /// From where.
    pub const CLIENT_ADDRESS: Column = Column::maybe("client_address");
}

/// What rows may be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKey {
    /// When, to the microsecond.
    At,
    /// When, to the second: rows of one second are ordered by the next key.
    Second,
    /// The action code.
    Code,
    /// The operation of the action.
    Operation,
    /// The id.
    Id,
}

impl SourceKey {
    fn column(self) -> Column {
        match self {
            Self::At => columns::AT,
            Self::Second => Column::always("(at / 1000000)"),
            Self::Code => columns::CODE,
            // Four groups of codes; what is in none is an update. A test compares this with the domain's table.
            Self::Operation => Column::always(
                "(CASE WHEN source_code = 1 THEN 1 WHEN source_code IN (3, 111) THEN 3 \
                 WHEN source_code IN (64, 65, 112, 113) THEN 4 ELSE 2 END)",
            ),
            Self::Id => columns::ID,
        }
    }

    /// The key's value of a row.
    pub fn of(self, stored: &StoredEvent, action: SourceAction) -> Bound {
        match self {
            Self::At => Bound::Number(micros(stored.event.at)),
            Self::Second => Bound::Number(micros(stored.event.at) / 1_000_000),
            Self::Code => Bound::Number(action.code()),
            Self::Operation => Bound::Number(action.operation().code()),
            Self::Id => Bound::Id(stored.event.id.uuid()),
        }
    }
}

/// One key of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceSort {
    /// By what.
    pub key: SourceKey,
    /// The highest first.
    pub descending: bool,
}

/// Rows behind the place whose values of the keys are these.
fn behind(order: &[SourceSort], place: &[Bound]) -> Condition {
    let mut ways = Vec::new();
    for (depth, (sort, value)) in order.iter().zip(place).enumerate() {
        let compare = if sort.descending { Compare::Lt } else { Compare::Gt };
        let mut all: Vec<Condition> = order
            .iter()
            .zip(place)
            .take(depth)
            .map(|(sort, value)| Condition::Compare(sort.key.column(), Compare::Eq, value.clone()))
            .collect();
        all.push(Condition::Compare(sort.key.column(), compare, value.clone()));
        ways.push(Condition::All(all));
    }
    Condition::Any(ways)
}

impl Reads<'_> {
    /// Rows of the source's audit table in an order whose last key is the id, behind the place where the page
    /// before ended.
    pub async fn source_audit(
        &self,
        condition: Condition,
        order: &[SourceSort],
        after: Option<&[Bound]>,
        limit: u64,
    ) -> Result<Vec<(StoredEvent, SourceAction)>, StoreError> {
        let mut values = args![];
        let mut sql = format!(
            "SELECT {COLUMNS}, source_code FROM audit_events WHERE source_code IS NOT NULL AND {}",
            condition.sql(&mut values)
        );
        if let Some(place) = after {
            if place.len() != order.len() {
                return Err(StoreError::Cursor);
            }
            sql.push_str(" AND ");
            sql.push_str(&behind(order, place).sql(&mut values));
        }
        let keys: Vec<String> = order
            .iter()
            .map(|sort| format!("{} {}", sort.key.column().sql, if sort.descending { "DESC" } else { "ASC" }))
            .collect();
        sql.push_str(&format!(" ORDER BY {} LIMIT {limit}", keys.join(", ")));
        self.place
            .all(&sql, values, |row| {
                let stored = read(row)?;
                let action = SourceAction::from_code(row.take()?)
                    .ok_or_else(|| corrupt("audit_events.source_code"))?;
                Ok((stored, action))
            })
            .await
    }

    /// How many rows of the source's audit table the condition leaves; counting stops at `most`.
    pub async fn count_source_audit(&self, condition: Condition, most: u64) -> Result<u64, StoreError> {
        let mut values = args![];
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM audit_events \
             WHERE source_code IS NOT NULL AND {} LIMIT {most}) AS counted",
            condition.sql(&mut values)
        );
        let counted: Option<i64> = self.place.one(&sql, values, |row| row.take()).await?;
        crate::columns::uncount(counted.unwrap_or_default(), "a count")
    }
}

#[cfg(test)]
mod tests {
    use chaperone_domain::source_action::Operation;

    use super::*;

    #[test]
    fn the_databases_know_the_operation_of_every_code() {
        let codes = |operation: Operation| -> Vec<i64> {
            SourceAction::ALL
                .iter()
                .filter(|action| action.operation() == operation)
                .map(|action| action.code())
                .collect()
        };
        assert_eq!(codes(Operation::Create), [1]);
        assert_eq!(codes(Operation::Delete), [3, 111]);
        assert_eq!(codes(Operation::Access), [64, 65, 112, 113]);
    }

    #[test]
    fn a_place_in_two_keys_is_behind_the_first_or_equal_and_behind_the_second() {
        let order = [
            SourceSort { key: SourceKey::Code, descending: false },
            SourceSort { key: SourceKey::At, descending: true },
        ];
        let sql = behind(&order, &[Bound::Number(64), Bound::Number(7)]).sql(&mut Vec::new());
        assert_eq!(sql, "((source_code > $1) OR (source_code = $2 AND at < $3))");
    }
}
