//! Why the store did not do what was asked: a small closed list that is the same on both databases.
//!
//! What only an operator may read (addresses, SQL) goes to the log where the error is translated, never into the
//! error itself.
use sea_orm::{DbBackend, DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};

use crate::migrations::UNIQUE_KEYS;

/// Why the store did not do what was asked. It is cloned to everybody whose change was in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or does not work at the moment.
    #[error("the database is unavailable")]
    Unavailable,
    /// There is no space left to write to.
    #[error("the database is full")]
    Full,
    /// A value that must be unique is there already.
    #[error("taken already ({constraint})")]
    Conflict {
        /// The name of the unique key, for example `users_user_name`.
        constraint: String,
    },
    /// A row that is referred to is not there, or one that is referred to cannot go.
    #[error("a row that is referred to is missing or still needed")]
    Reference,
    /// A rule that the database itself checks refuses the row.
    #[error("refused by the database's own rule {constraint}")]
    Check {
        /// The name of the rule, for example `privileged_sessions_window`.
        constraint: String,
    },
    /// The row moved on since it was read, or is gone.
    #[error("the row was changed meanwhile")]
    Stale,
    /// Too many others wrote the same rows at the same time; trying again may work.
    #[error("too many changes at the same time")]
    Contended,
    /// What is stored cannot be read: it was changed by somebody else, or is of a newer release.
    #[error("{what} cannot be read as stored")]
    Corrupt {
        /// Table and column.
        what: String,
    },
    /// A value that cannot be stored: a text with a NUL character, or a number that is too large.
    #[error("{what} cannot be stored")]
    NotStorable {
        /// What kind of value.
        what: &'static str,
    },
    /// A page's cursor that this store did not give.
    #[error("this is not a cursor of this list")]
    Cursor,
    /// The body of a change panicked; nothing of it is kept.
    #[error("the change stopped in the middle and left nothing")]
    BodyPanicked,
    /// The address of the database cannot be used.
    #[error("the address of the database cannot be used: {reason}")]
    Address {
        /// Why not, without the address (it may hold a password).
        reason: &'static str,
    },
}

/// What an error means for the transaction that it happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The statement alone failed; the transaction goes on once its savepoint is rolled back.
    Statement,
    /// The transaction lost a race; it can be run again.
    Race,
    /// The transaction, and maybe its connection, is of no use any more.
    Transaction,
}

// Primary result codes of SQLite after which a transaction may have been rolled back as a whole, without being asked.
const SQLITE_BUSY: i64 = 5;
const SQLITE_LOCKED: i64 = 6;
const SQLITE_READONLY: i64 = 8;
const SQLITE_CORRUPT: i64 = 11;
const SQLITE_FULL: i64 = 13;
const SQLITE_CONSTRAINT: i64 = 19;
const SQLITE_NOTADB: i64 = 26;
/// The primary result code is the low byte of the extended one.
const SQLITE_PRIMARY: i64 = 0xff;
/// An I/O error that says *no space* only in its extended code: `SQLITE_IOERR_WRITE`.
const SQLITE_IOERR_WRITE: i64 = 778;

const POSTGRES_SERIALIZATION_FAILURE: &str = "40001";
const POSTGRES_DEADLOCK: &str = "40P01";
const POSTGRES_DISK_FULL: &str = "53100";
const POSTGRES_INVALID_TEXT: &str = "22021";

/// Translates an error of the database and says what it means for the transaction.
pub(crate) fn translate(backend: DbBackend, error: &DbErr) -> (StoreError, Damage) {
    if let DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) = error
        && let sqlx::Error::Database(inner) = inner.as_ref()
    {
        let translated = match backend {
            DbBackend::Sqlite => of_sqlite(inner.as_ref()),
            _ => of_postgres(inner.as_ref()),
        };
        if !matches!(translated.0, StoreError::Conflict { .. } | StoreError::Contended) {
            tracing::warn!(error = %inner.message(), code = inner.code().as_deref(), "the database refuses");
        }
        return translated;
    }
    match error {
        DbErr::Type(_)
        | DbErr::Json(_)
        | DbErr::TryIntoErr { .. }
        | DbErr::Query(RuntimeErr::SqlxError(_))
            if is_decoding(error) =>
        {
            tracing::error!(%error, "a row cannot be read");
            (StoreError::Corrupt { what: "a row".to_owned() }, Damage::Statement)
        }
        other => {
            tracing::warn!(error = %other, "the database is unavailable");
            (StoreError::Unavailable, Damage::Transaction)
        }
    }
}

fn is_decoding(error: &DbErr) -> bool {
    match error {
        DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => true,
        DbErr::Query(RuntimeErr::SqlxError(inner)) => matches!(
            inner.as_ref(),
            sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
        ),
        _ => false,
    }
}

fn of_postgres(error: &(dyn DatabaseError + 'static)) -> (StoreError, Damage) {
    let code = error.code().unwrap_or_default();
    let constraint = || error.constraint().unwrap_or_default().to_owned();
    match (code.as_ref(), error.kind()) {
        (POSTGRES_SERIALIZATION_FAILURE | POSTGRES_DEADLOCK, _) => (StoreError::Contended, Damage::Race),
        (POSTGRES_DISK_FULL, _) => (StoreError::Full, Damage::Transaction),
        (POSTGRES_INVALID_TEXT, _) => (StoreError::NotStorable { what: "a text" }, Damage::Statement),
        (_, ErrorKind::UniqueViolation) => {
            (StoreError::Conflict { constraint: constraint() }, Damage::Statement)
        }
        (_, ErrorKind::ForeignKeyViolation) => (StoreError::Reference, Damage::Statement),
        (_, ErrorKind::CheckViolation) => (StoreError::Check { constraint: constraint() }, Damage::Statement),
        // Classes 08 (connection), 25 (a transaction in the wrong state: read-only after a failover), 53 (resources),
        // 57 (shutdown), 58 (I/O), XX (inside).
        (code, _) if ["08", "25", "53", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => {
            (StoreError::Unavailable, Damage::Transaction)
        }
        _ => (StoreError::Unavailable, Damage::Statement),
    }
}

fn of_sqlite(error: &(dyn DatabaseError + 'static)) -> (StoreError, Damage) {
    let code: i64 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    match (code & SQLITE_PRIMARY, error.kind()) {
        (SQLITE_FULL, _) => (StoreError::Full, Damage::Transaction),
        _ if code == SQLITE_IOERR_WRITE => (StoreError::Full, Damage::Transaction),
        (SQLITE_BUSY | SQLITE_LOCKED, _) => (StoreError::Contended, Damage::Race),
        (_, ErrorKind::UniqueViolation) => {
            (StoreError::Conflict { constraint: unique_key(error.message()) }, Damage::Statement)
        }
        (_, ErrorKind::ForeignKeyViolation) => (StoreError::Reference, Damage::Statement),
        (_, ErrorKind::CheckViolation) => {
            let constraint = error.message().rsplit(": ").next().unwrap_or_default().to_owned();
            (StoreError::Check { constraint }, Damage::Statement)
        }
        (SQLITE_CONSTRAINT, _) => (StoreError::Unavailable, Damage::Statement),
        (SQLITE_CORRUPT | SQLITE_NOTADB, _) => {
            (StoreError::Corrupt { what: "the database file".to_owned() }, Damage::Transaction)
        }
        (SQLITE_READONLY, _) => (StoreError::Unavailable, Damage::Transaction),
        // I/O errors, no memory, interrupts: SQLite may have rolled back everything.
        _ => (StoreError::Unavailable, Damage::Transaction),
    }
}

/// SQLite names the columns of a unique key (`UNIQUE constraint failed: users.user_name_key`), PostgreSQL the key.
fn unique_key(message: &str) -> String {
    let columns = message.rsplit("failed: ").next().unwrap_or_default();
    let key = UNIQUE_KEYS.iter().find(|(_, of)| *of == columns).map(|(name, _)| (*name).to_owned());
    key.unwrap_or_else(|| match columns.split_once('.') {
        Some((table, _)) => format!("{table}_pkey"),
        None => columns.to_owned(),
    })
}
