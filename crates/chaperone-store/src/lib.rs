//! Rows: migrations and queries, on SQLite and PostgreSQL.
//!
//! [`Store`] is one concrete type over both databases; every query is one text that both understand.
//!
//! * [`Store::read`] asks.
//! * [`Store::write`] changes: its body gets a [`WriteTx`], whose only way to commit takes the audit [`Events`] of
//!   the change. It returns when the commit is durable. On SQLite, changes that wait at the same time share one
//!   commit (and one sync of the disk); one that fails is undone alone.
//! * [`Store::carry_out`] makes a change that is known as a whole before its transaction begins, a [`Plan`]. Plans that
//!   wait at the same time share their statements too.
//! * [`Store::keep_books`] keeps what no person could ask about (last uses, cursors, numbers): its [`BookTx`]
//!   reaches only the tables that it names.
//! * [`Store::retain`] deletes what retention does not keep: its [`RetentionTx`] is the only way in which an audit event
//!   is erased.
//!
//! Instants are whole microseconds since 1970, UTC.

mod columns;
mod condition;
mod connect;
mod error;
mod filter;
mod joiner;
mod migrations;
mod nouns;
mod page;
mod plan;
mod retention;
mod sql;
mod tx;
mod writer;
mod written;

pub use condition::{Bound, Column, Compare, Condition, TextMatch};
pub use connect::{Gate, Stage, Store, StoreConfig};
pub use error::StoreError;
pub use filter::{
    AccountFilter, EventFilter, RecordingFilter, SessionFilter, SignInFilter, SignInQuery, UserFilter,
};
pub use nouns::accounts::AccountSet;
pub use nouns::api_tokens::ApiToken;
pub use nouns::audit_events::StoredEvent;
pub use nouns::entry_codes::EntryCode;
pub use nouns::legal_holds::HoldSet;
pub use nouns::retention::{Deleted, Expired, ExpiryPlace};
pub use nouns::sign_ins::login_events::{
    DayTotal, SignInRow, SignInTotals, TOTAL_DAYS_MAX, TOTAL_USERS_MAX, UserTotal,
};
pub use nouns::source_audit::{SourceKey, SourceSort, columns as source_columns};
pub use nouns::users::columns as user_columns;
pub use page::{Items, PAGE_MAX, Page};
pub use plan::Plan;
pub use retention::{RETENTION_BATCH, RetentionTx};
pub use sql::Reads;
pub use tx::{BookTx, Committed, Events, WriteTx};
pub use written::Written;
