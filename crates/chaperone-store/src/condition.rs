//! What rows are restricted by when somebody else writes the question: a tree of comparisons over columns that the
//! store names, every value bound.
//!
//! Logic has two values here: a comparison with a column that holds nothing is false, and its opposite is true. SQL
//! would say *unknown* to both. So negation is carried down to the comparisons, where it is written out.

use sea_orm::sea_query::Value;
use uuid::Uuid;

/// A column that may be asked about; the store has them as constants.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub(crate) sql: &'static str,
    pub(crate) nullable: bool,
}

impl Column {
    /// A column that always holds something.
    pub(crate) const fn always(sql: &'static str) -> Self {
        Self { sql, nullable: false }
    }

    /// A column that may hold nothing.
    pub(crate) const fn maybe(sql: &'static str) -> Self {
        Self { sql, nullable: true }
    }
}

/// A value to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A whole number; instants are microseconds.
    Number(i64),
    /// A text.
    Text(String),
    /// An id.
    Id(Uuid),
    /// Yes or no.
    Flag(bool),
}

impl From<Bound> for Value {
    fn from(bound: Bound) -> Self {
        match bound {
            Bound::Number(number) => number.into(),
            Bound::Text(text) => text.into(),
            Bound::Id(id) => id.into(),
            Bound::Flag(flag) => flag.into(),
        }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// The same.
    Eq,
    /// Another one.
    Ne,
    /// Less.
    Lt,
    /// At most.
    Le,
    /// More.
    Gt,
    /// At least.
    Ge,
}

impl Compare {
    const fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    const fn opposite(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }
}

/// Where in a text a part is looked for; with regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// Anywhere.
    Contains,
    /// At its beginning.
    StartsWith,
    /// At its end.
    EndsWith,
}

/// A condition on rows.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Every row, or none.
    Always(bool),
    /// All of them hold; with none of them: every row.
    All(Vec<Condition>),
    /// At least one of them holds; with none of them: no row.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The column compared with a value.
    Compare(Column, Compare, Bound),
    /// The column is one of the values.
    OneOf(Column, Vec<Bound>),
    /// The column holds nothing.
    Null(Column),
    /// The column, a text, holds a part.
    Text(Column, TextMatch, String),
}

impl Condition {
    /// The text of the condition; its values are added to those that are bound already.
    pub(crate) fn sql(self, values: &mut Vec<Value>) -> String {
        self.write(false, values)
    }

    fn write(self, negated: bool, values: &mut Vec<Value>) -> String {
        let mut bind = |value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        match self {
            Self::Always(holds) => (if holds == negated { "1 = 0" } else { "1 = 1" }).to_owned(),
            Self::Not(inner) => inner.write(!negated, values),
            Self::All(parts) => joined(parts, negated, !negated, values),
            Self::Any(parts) => joined(parts, negated, negated, values),
            Self::Null(column) if !column.nullable => Self::Always(false).write(negated, values),
            Self::Null(column) => {
                format!("{} IS {}NULL", column.sql, if negated { "NOT " } else { "" })
            }
            Self::Compare(column, compare, bound) => {
                let value = bind(bound.into());
                let sign = if negated { compare.opposite() } else { compare }.sign();
                // What is nothing is not equal to anything, and neither less nor more.
                let holds_for_nothing = (compare == Compare::Ne) != negated;
                or_nothing(format!("{} {sign} {value}", column.sql), column, holds_for_nothing)
            }
            Self::OneOf(_, bounds) if bounds.is_empty() => Self::Always(false).write(negated, values),
            Self::OneOf(column, bounds) => {
                let names: Vec<String> = bounds.into_iter().map(|bound| bind(bound.into())).collect();
                let not = if negated { "NOT " } else { "" };
                or_nothing(format!("{} {not}IN ({})", column.sql, names.join(", ")), column, negated)
            }
            Self::Text(column, place, part) => {
                let value = bind(part.into());
                let text = column.sql;
                // Not LIKE: it looks at case on one database and not on the other.
                let found = match place {
                    TextMatch::Contains => {
                        // What is nothing contains nothing, not even the empty text.
                        format!(
                            "({text} IS NOT NULL AND ({value} = '' OR replace({text}, {value}, '') <> {text}))"
                        )
                    }
                    TextMatch::StartsWith => format!("substr({text}, 1, length({value})) = {value}"),
                    TextMatch::EndsWith => format!(
                        "(length({text}) >= length({value}) AND \
                         substr({text}, length({text}) - length({value}) + 1) = {value})"
                    ),
                };
                let found = if negated { format!("NOT {found}") } else { found };
                or_nothing(found, column, negated)
            }
        }
    }
}

/// The test, which also holds for nothing if it should.
fn or_nothing(test: String, column: Column, holds: bool) -> String {
    if holds && column.nullable { format!("({test} OR {} IS NULL)", column.sql) } else { test }
}

fn joined(parts: Vec<Condition>, negated: bool, by_and: bool, values: &mut Vec<Value>) -> String {
    if parts.is_empty() {
        return (if by_and { "1 = 1" } else { "1 = 0" }).to_owned();
    }
    let parts: Vec<String> = parts.into_iter().map(|part| part.write(negated, values)).collect();
    format!("({})", parts.join(if by_and { " AND " } else { " OR " }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Column = Column::always("a");
    const B: Column = Column::maybe("b");

    fn text(condition: Condition) -> String {
        condition.sql(&mut Vec::new())
    }

    #[test]
    fn values_are_bound_and_never_written_into_the_text() {
        let mut values = vec![Value::from(1_i64)];
        let evil = "'; DROP TABLE users; --".to_owned();
        let sql = Condition::Compare(A, Compare::Eq, Bound::Text(evil.clone())).sql(&mut values);
        assert_eq!(sql, "a = $2");
        assert_eq!(values[1], Value::from(evil));
    }

    #[test]
    fn negation_is_carried_down_and_what_holds_nothing_is_told_apart() {
        let eq = |column| Condition::Compare(column, Compare::Eq, Bound::Number(1));
        let not = |inner| Condition::Not(Box::new(inner));
        assert_eq!(text(not(eq(A))), "a <> $1");
        assert_eq!(text(not(eq(B))), "(b <> $1 OR b IS NULL)");
        assert_eq!(text(not(not(eq(B)))), "b = $1");
        assert_eq!(text(Condition::Compare(B, Compare::Ne, Bound::Number(1))), "(b <> $1 OR b IS NULL)");
        assert_eq!(text(not(Condition::Compare(B, Compare::Ne, Bound::Number(1)))), "b = $1");
        assert_eq!(text(not(Condition::All(vec![eq(A), eq(B)]))), "(a <> $1 OR (b <> $2 OR b IS NULL))");
        assert_eq!(text(not(Condition::Null(B))), "b IS NOT NULL");
        assert_eq!(text(Condition::Null(A)), "1 = 0");
        let one_of = Condition::OneOf(B, vec![Bound::Number(1), Bound::Number(2)]);
        assert_eq!(text(not(one_of)), "(b NOT IN ($1, $2) OR b IS NULL)");
    }

    #[test]
    fn nothing_of_nothing_is_what_logic_says() {
        assert_eq!(text(Condition::All(Vec::new())), "1 = 1");
        assert_eq!(text(Condition::Any(Vec::new())), "1 = 0");
        assert_eq!(text(Condition::Not(Box::new(Condition::Any(Vec::new())))), "1 = 1");
        assert_eq!(text(Condition::OneOf(A, Vec::new())), "1 = 0");
    }
}
