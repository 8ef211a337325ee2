//! Use cases and jobs: authorise, decide, act, record.
//!
//! A use case reads as one sentence: *require → read facts → ask the domain → write → commit with its event →
//! nudge jobs*. It gets an [`Op`] first: who, from where, when. Nothing here speaks HTTP or SQL.
//!
//! Jobs ([`jobs`]) reconcile: they take no input, look at the world, and move it one step towards what is wanted.
//! They are started by the executable.
pub mod access_records;
pub mod accounts;
pub mod api_tokens;
mod app;
pub mod assertion;
pub mod attempts;
pub mod audit_events;
mod built_in_directory;
pub mod changes;
pub mod clock;
mod connectors;
pub mod directories;
pub mod entry;
pub mod errors;
pub mod event_streams;
pub mod exports;
pub mod faults;
pub mod gate;
mod grants;
mod imports;
pub mod install;
pub mod jobs;
pub mod legal_holds;
pub mod notifications;
pub mod op;
pub mod organization;
pub mod privileged_sessions;
pub mod recordings;
pub mod refusals;
pub mod retention;
pub mod scheduled_exports;
pub mod secrets;
pub mod sign_ins;
pub mod source_audit;
pub mod targets;
pub mod users;

/// What lists are asked with and answer, as the store has them: two doors ask, one store answers.
pub mod lists {
    pub use chaperone_store::{
        AccountFilter, ApiToken, Bound, Column, Compare, Condition, EventFilter, Items, Page,
        RecordingFilter, SessionFilter, SignInQuery, SignInRow, SignInTotals, SourceKey, SourceSort,
        StoreError, StoredEvent, TOTAL_DAYS_MAX, TOTAL_USERS_MAX, TextMatch, UserFilter, source_columns,
        user_columns,
    };
}

pub use app::{Addresses, App, AppConfig, TAIL};
pub use connectors::Opener;
pub use errors::AppError;
pub use op::{Client, Op, Who};
