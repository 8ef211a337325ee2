//! Directories.

use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::DirectoryId;

use crate::StoreError;
use crate::columns::micros;
use crate::sql::{Reads, Row, args};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, name, kind, created_at";

fn read(row: &mut Row<'_>) -> Result<Directory, StoreError> {
    Ok(Directory {
        id: row.id(DirectoryId::new)?,
        name: row.text()?,
        kind: row.named(DirectoryKind::parse, "directories.kind")?,
        created_at: row.instant("directories.created_at")?,
    })
}

impl Reads<'_> {
    /// Every directory, oldest first.
    pub async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        self.place
            .all(&format!("SELECT {COLUMNS} FROM directories ORDER BY created_at, id"), args![], read)
            .await
    }

    /// The directory of that id.
    pub async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM directories WHERE id = $1");
        self.place.one(&sql, args![id.uuid()], read).await
    }
}

impl WriteTx {
    /// Adds a directory.
    pub async fn insert_directory(&mut self, directory: &Directory) -> Result<(), StoreError> {
        let sql = "INSERT INTO directories (id, name, kind, created_at) VALUES ($1, $2, $3, $4)";
        let values = args![
            directory.id.uuid(),
            directory.name.as_str(),
            directory.kind.name(),
            micros(directory.created_at)
        ];
        self.place().run(sql, values).await.map(|_| ())
    }
}
