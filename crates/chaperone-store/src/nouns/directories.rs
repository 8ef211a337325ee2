//! Directories.

use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::DirectoryId;

use super::one_row;
use crate::StoreError;
use crate::columns::{micros, opt_micros};
use crate::sql::{Reads, Row, args};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, name, kind, settings, created_at, removed_at, version";

fn read(row: &mut Row<'_>) -> Result<Directory, StoreError> {
    Ok(Directory {
        id: row.id(DirectoryId::new)?,
        name: row.text()?,
        kind: row.named(DirectoryKind::parse, "directories.kind")?,
        settings: row.text()?,
        created_at: row.instant("directories.created_at")?,
        removed_at: row.opt_instant("directories.removed_at")?,
        version: row.take()?,
    })
}

impl Reads<'_> {
    /// Every directory that was not removed, oldest first.
    pub async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM directories WHERE removed_at IS NULL ORDER BY created_at, id");
        self.place.all(&sql, args![], read).await
    }

    /// The directory of that id, also a removed one.
    pub async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM directories WHERE id = $1");
        self.place.one(&sql, args![id.uuid()], read).await
    }
}

impl WriteTx {
    /// Adds a directory; its name is unique.
    pub async fn insert_directory(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let sql = "INSERT INTO directories (id, name, kind, settings, created_at, removed_at, version) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = args![
            directory.id.uuid(),
            directory.name.as_str(),
            directory.kind.name(),
            directory.settings.as_str(),
            micros(directory.created_at),
            opt_micros(directory.removed_at),
            directory.version,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes a directory; its kind stays.
    pub async fn update_directory(
        &mut self,
        directory: &Directory,
        expected_version: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE directories SET name = $1, settings = $2, removed_at = $3, version = $4 \
                   WHERE id = $5 AND version = $6";
        let values = args![
            directory.name.as_str(),
            directory.settings.as_str(),
            opt_micros(directory.removed_at),
            expected_version + 1,
            directory.id.uuid(),
            expected_version,
        ];
        one_row(self.place().run(sql, values).await?)
    }
}
