//! Imports: looks at all accounts of a directory.

use chaperone_domain::directory::{AccountImport, ImportState};
use chaperone_domain::ids::{AccountImportId, DirectoryId};

use super::one_row;
use crate::StoreError;
use crate::columns::{count, micros, opt_micros, uncount};
use crate::sql::{Reads, Row, args};
use crate::tx::WriteTx;

const COLUMNS: &str = "id, directory_id, state, place, seen, added, changed, vanished, left_out, total, attempt, \
                       next_try_at, problem, started_at, ended_at, fence";

fn read(row: &mut Row<'_>) -> Result<AccountImport, StoreError> {
    let number = |count: i64| uncount(count, "account_imports");
    Ok(AccountImport {
        id: row.id(AccountImportId::new)?,
        directory_id: row.id(DirectoryId::new)?,
        state: row.named(ImportState::parse, "account_imports.state")?,
        place: row.take()?,
        seen: number(row.take()?)?,
        added: number(row.take()?)?,
        changed: number(row.take()?)?,
        vanished: number(row.take()?)?,
        left_out: number(row.take()?)?,
        total: row.take::<Option<i64>>()?.map(number).transpose()?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("account_imports.next_try_at")?,
        problem: row.take()?,
        started_at: row.instant("account_imports.started_at")?,
        ended_at: row.opt_instant("account_imports.ended_at")?,
        fence: row.take()?,
    })
}

/// The directory while the import runs: what makes a directory have one running import only.
fn running(import: &AccountImport) -> Option<uuid::Uuid> {
    (import.state == ImportState::Running).then(|| import.directory_id.uuid())
}

impl Reads<'_> {
    /// The newest import of a directory.
    pub async fn last_import(&self, directory: DirectoryId) -> Result<Option<AccountImport>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM account_imports WHERE directory_id = $1 ORDER BY started_at DESC, id DESC LIMIT 1"
        );
        self.place.one(&sql, args![directory.uuid()], read).await
    }

    /// The imports that go on.
    pub async fn running_imports(&self) -> Result<Vec<AccountImport>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM account_imports WHERE running_directory_id IS NOT NULL ORDER BY started_at, id"
        );
        self.place.all(&sql, args![], read).await
    }
}

impl WriteTx {
    /// Adds an import; the key `account_imports_running` when one goes on in the directory.
    pub async fn insert_import(&mut self, import: &AccountImport) -> Result<(), StoreError> {
        let sql = "INSERT INTO account_imports (id, directory_id, running_directory_id, state, place, seen, added, \
                   changed, vanished, left_out, total, attempt, next_try_at, problem, started_at, ended_at, fence) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
        let values = args![
            import.id.uuid(),
            import.directory_id.uuid(),
            running(import),
            import.state.name(),
            import.place.clone(),
            count(import.seen)?,
            count(import.added)?,
            count(import.changed)?,
            count(import.vanished)?,
            count(import.left_out)?,
            import.total.map(count).transpose()?,
            import.attempt,
            opt_micros(import.next_try_at),
            import.problem.clone(),
            micros(import.started_at),
            opt_micros(import.ended_at),
            import.fence,
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Changes an import; [`StoreError::Stale`] when its fence is not the expected one, which becomes one more.
    pub async fn update_import(
        &mut self,
        import: &AccountImport,
        expected_fence: i64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE account_imports SET running_directory_id = $1, state = $2, place = $3, seen = $4, \
                   added = $5, changed = $6, vanished = $7, left_out = $8, total = $9, attempt = $10, \
                   next_try_at = $11, problem = $12, ended_at = $13, fence = $14 WHERE id = $15 AND fence = $16";
        let values = args![
            running(import),
            import.state.name(),
            import.place.clone(),
            count(import.seen)?,
            count(import.added)?,
            count(import.changed)?,
            count(import.vanished)?,
            count(import.left_out)?,
            import.total.map(count).transpose()?,
            import.attempt,
            opt_micros(import.next_try_at),
            import.problem.clone(),
            opt_micros(import.ended_at),
            expected_fence + 1,
            import.id.uuid(),
            expected_fence,
        ];
        one_row(self.place().run(sql, values).await?)
    }
}
