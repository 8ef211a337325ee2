//! The tables, as steps that only ever add: a step that was released is never changed.
//!
//! A step is one text for both databases; only two types differ by name: [`of`] writes `{uuid}` and `{blob}` as the
//! database at hand calls them.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr};
use sea_orm_migration::prelude::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

mod access_records;
mod audit;
mod audit_event_indexes;
mod audit_event_targets;
mod directories;
mod due;
mod event_streams;
mod grants;
mod notifications;
mod people;
mod retention;
mod scheduled_exports;
mod sessions;
mod sign_ins;
mod web_services;

/// Unique keys by name and by the columns that SQLite tells when one is broken.
pub(crate) const UNIQUE_KEYS: &[(&str, &str)] = &[
    ("users_user_name", "users.user_name_key"),
    ("directories_name", "directories.name"),
    ("accounts_name", "accounts.directory_id, accounts.name_key"),
    ("accounts_external_id", "accounts.directory_id, accounts.external_id"),
    ("targets_host", "targets.host"),
    ("grants_open_account", "grants.open_account_id"),
    ("account_imports_running", "account_imports.running_directory_id"),
    ("sign_ins_open_token", "sign_ins.open_token_key"),
    ("recordings_sign_in", "recordings.sign_in_id"),
    ("notifications_dedupe", "notifications.dedupe_key"),
    ("event_streams_pkey", "event_streams.name"),
    ("scheduled_exports_name", "scheduled_exports.name_key"),
];

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Step { name: "m0001_people", up: people::UP }),
            Box::new(Step { name: "m0002_sessions", up: sessions::UP }),
            Box::new(Step { name: "m0003_sign_ins", up: sign_ins::UP }),
            Box::new(Step { name: "m0004_audit", up: audit::UP }),
            Box::new(Step { name: "m0005_directories", up: directories::UP }),
            Box::new(Step { name: "m0006_notifications", up: notifications::UP }),
            Box::new(Step { name: "m0007_grants", up: grants::UP }),
            Box::new(Step { name: "m0012_due", up: due::UP }),
            Box::new(Step { name: "m0009_access_records", up: access_records::UP }),
            Box::new(Step { name: "m0010_event_streams", up: event_streams::UP }),
            Box::new(Step { name: "m0008_sign_ins", up: web_services::UP }),
            Box::new(Step { name: "m0012_audit_event_targets", up: audit_event_targets::UP }),
            Box::new(Step { name: "m0011_retention", up: retention::UP }),
            Box::new(Step { name: "m0011_scheduled_exports", up: scheduled_exports::UP }),
            Box::new(Step { name: "m0013_audit_event_indexes", up: audit_event_indexes::UP }),
        ]
    }
}

/// One step: statements, each ended by a semicolon.
struct Step {
    name: &'static str,
    up: &'static str,
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let text = of(manager.get_database_backend(), self.up);
        manager.get_connection().execute_unprepared(&text).await.map(|_| ())
    }
}

fn of(backend: DbBackend, text: &str) -> String {
    let (uuid, blob) = match backend {
        DbBackend::Sqlite => ("BLOB", "BLOB"),
        _ => ("UUID", "BYTEA"),
    };
    text.replace("{uuid}", uuid).replace("{blob}", blob)
}
