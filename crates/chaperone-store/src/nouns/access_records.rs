//! When the last access record of a user was written, by the way in. One row for each, so that of many nodes and
//! threads one writes: whoever finds the row as it saw it before.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::UserId;

use crate::StoreError;
use crate::columns::micros;
use crate::sql::{Reads, args};
use crate::tx::WriteTx;

impl Reads<'_> {
    /// When the last access record of that user and action was written.
    pub async fn last_access_record(
        &self,
        user: UserId,
        action: AuditAction,
    ) -> Result<Option<Instant>, StoreError> {
        let sql = "SELECT written_at FROM access_records WHERE user_id = $1 AND action = $2";
        let values = args![user.uuid(), action.name()];
        self.place.one(sql, values, |row| row.instant("access_records.written_at")).await
    }
}

impl WriteTx {
    /// Takes the right to write the access record at `at`, if the last one is still the one that was `seen`; says
    /// whether it is ours.
    pub async fn take_access_record(
        &mut self,
        user: UserId,
        action: AuditAction,
        seen: Option<Instant>,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let key = args![user.uuid(), action.name(), micros(at)];
        let rows = match seen {
            None => {
                let sql = "INSERT INTO access_records (user_id, action, written_at) VALUES ($1, $2, $3) \
                           ON CONFLICT (user_id, action) DO NOTHING";
                self.place().run(sql, key).await?
            }
            Some(seen) => {
                let sql = "UPDATE access_records SET written_at = CASE WHEN written_at < $3 THEN $3 ELSE written_at END \
                           WHERE user_id = $1 AND action = $2 AND written_at = $4";
                let mut values = key;
                values.push(micros(seen).into());
                self.place().run(sql, values).await?
            }
        };
        Ok(rows == 1)
    }

    /// Forgets every one: auditing stopped, and begins anew when it is started again.
    pub async fn forget_access_records(&mut self) -> Result<(), StoreError> {
        self.place().run("DELETE FROM access_records", args![]).await.map(|_| ())
    }
}
