//! The clock's high water: the lowest *now* of every later start.

use chaperone_domain::Instant;

use crate::StoreError;
use crate::columns::{corrupt, micros};
use crate::sql::args;
use crate::tx::BookTx;

impl BookTx {
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
