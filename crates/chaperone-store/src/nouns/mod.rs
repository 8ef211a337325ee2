//! One file per noun: its rows, to and from the domain's types, and its queries and changes.

pub(crate) mod access_records;
pub(crate) mod account_imports;
pub(crate) mod accounts;
pub(crate) mod api_tokens;
pub(crate) mod audit_events;
pub(crate) mod counters;
pub(crate) mod directories;
pub(crate) mod entry_codes;
pub(crate) mod event_streams;
pub(crate) mod grants;
pub(crate) mod legal_holds;
pub(crate) mod notifications;
pub(crate) mod organization;
pub(crate) mod privileged_sessions;
pub(crate) mod recordings;
pub(crate) mod retention;
pub(crate) mod scheduled_exports;
pub(crate) mod sign_ins;
pub(crate) mod source_audit;
pub(crate) mod targets;
pub(crate) mod users;

use crate::StoreError;

/// A change that expects a version concerned one row, or somebody was faster.
fn one_row(rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Stale) }
}

/// The same, given what of the rows that it concerned it answered.
fn one_of<T>(concerned: &[T]) -> Result<(), StoreError> {
    one_row(concerned.len() as u64)
}
