//! One behaviour suite on both databases: every test runs on a SQLite file and, where `CHAPERONE_TEST_POSTGRES_URL`
//! names a server in which it may make databases, on PostgreSQL.

mod access_records;
mod accounts;
mod audit_events;
mod changes;
mod event_streams;
mod grants;
mod kills;
mod login_events;
mod notifications;
mod organization;
mod plans;
mod recordings;
mod retention;
mod scheduled_exports;
mod secrets;
mod sessions;
mod sign_ins;
mod source_audit;
mod targets;
mod users;
mod world;
