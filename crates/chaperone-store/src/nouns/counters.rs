//! The clock's high water: the lowest *now* of every later start. When retention looked, and until when it waits.

use chaperone_domain::Instant;

use crate::StoreError;
use crate::columns::{corrupt, instant, micros};
use crate::sql::{Reads, args};
use crate::tx::BookTx;

/// Before every instant: never.
pub(super) const NEVER: i64 = -9_223_372_036_854_775_807;

impl Reads<'_> {
    /// When retention looked last; `None` before its first look.
    pub async fn retention_looked_at(&self) -> Result<Option<Instant>, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'retention_looked_at'";
        let value: i64 = self.place.one(sql, args![], |row| row.take()).await?.unwrap_or(NEVER);
        if value == NEVER { Ok(None) } else { instant(value, "counters.retention_looked_at").map(Some) }
    }

    /// Until when retention waits; long ago when it does not.
    pub async fn retention_waits_until(&self) -> Result<Instant, StoreError> {
        let sql = "SELECT value FROM counters WHERE name = 'retention_waits_until'";
        let value: i64 = self.place.one(sql, args![], |row| row.take()).await?.unwrap_or(NEVER);
        if value == NEVER { Ok(Instant::MIN) } else { instant(value, "counters.retention_waits_until") }
    }
}

impl BookTx {
    /// Retention looks now, and is to wait until then; answers until when it waits.
    pub async fn retention_looks(
        &mut self,
        now: Instant,
        wait_until: Option<Instant>,
    ) -> Result<Instant, StoreError> {
        let later = "UPDATE counters SET value = CASE WHEN value < $1 THEN $1 ELSE value END";
        let sql = format!("{later} WHERE name = 'retention_looked_at'");
        self.place().run(&sql, args![micros(now)]).await?;
        if let Some(until) = wait_until {
            let sql = format!("{later} WHERE name = 'retention_waits_until'");
            self.place().run(&sql, args![micros(until)]).await?;
        }
        Reads { place: self.place() }.retention_waits_until().await
    }

    /// Raises the high water to `now` if that is later; answers the high water.
    pub async fn raise_high_water(&mut self, now: Instant) -> Result<Instant, StoreError> {
        let sql = "UPDATE counters SET value = CASE WHEN value < $1 THEN $1 ELSE value END \
                   WHERE name = 'high_water' RETURNING value";
        self.place()
            .one(sql, args![micros(now)], |row| row.instant("counters.high_water"))
            .await?
            .ok_or_else(|| corrupt("counters.high_water"))
    }
}
