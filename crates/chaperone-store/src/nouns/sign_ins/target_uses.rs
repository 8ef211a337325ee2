//! How sign-ins were used: last uses, and active and idle time at targets. What comes is added to what is there.

use chaperone_domain::Instant;
use chaperone_domain::ids::{SignInId, TargetId};
use chaperone_domain::sign_in::TargetUse;
use jiff::SignedDuration;

use crate::StoreError;
use crate::columns::micros;
use crate::sql::{Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

/// The columns of a use.
pub(super) const COLUMNS: &str = "sign_in_targets.target_id, sign_in_targets.first_at, sign_in_targets.last_at, \
                                  sign_in_targets.active_us, sign_in_targets.idle_us";

pub(super) fn read(row: &mut Row<'_>) -> Result<TargetUse, StoreError> {
    Ok(TargetUse {
        target_id: row.id(TargetId::new)?,
        first_at: row.instant("sign_in_targets.first_at")?,
        last_at: row.instant("sign_in_targets.last_at")?,
        active: SignedDuration::from_micros(row.take()?),
        idle: SignedDuration::from_micros(row.take()?),
    })
}

/// Time as a column holds it.
fn time(time: SignedDuration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Reads<'_> {
    /// The targets that a sign-in was used at, in the order of first use.
    pub async fn target_uses(&self, id: SignInId) -> Result<Vec<TargetUse>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sign_in_targets WHERE sign_in_id = $1 ORDER BY first_at, target_id"
        );
        self.place.all(&sql, args![id.uuid()], read).await
    }
}

const TOUCH: &str =
    "UPDATE sign_ins SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1 AND ended_at IS NULL";
const ADD: &str = "INSERT INTO sign_in_targets (sign_in_id, target_id, first_at, last_at, active_us, idle_us) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sign_in_id, target_id) DO UPDATE SET \
                   last_at = CASE WHEN sign_in_targets.last_at < excluded.last_at THEN excluded.last_at \
                   ELSE sign_in_targets.last_at END, \
                   active_us = sign_in_targets.active_us + excluded.active_us, \
                   idle_us = sign_in_targets.idle_us + excluded.idle_us";

fn added(id: SignInId, used: &TargetUse) -> Vec<sea_orm::Value> {
    args![
        id.uuid(),
        used.target_id.uuid(),
        micros(used.first_at),
        micros(used.last_at),
        time(used.active),
        time(used.idle),
    ]
}

impl BookTx {
    /// A sign-in was used; earlier uses than the last known one change nothing.
    pub async fn touch_sign_in(&mut self, id: SignInId, at: Instant) -> Result<(), StoreError> {
        self.place().run(TOUCH, args![micros(at), id.uuid()]).await.map(|_| ())
    }

    /// A sign-in was used at a target: its times are added to those that are known.
    pub async fn add_target_use(&mut self, id: SignInId, used: &TargetUse) -> Result<(), StoreError> {
        self.place().run(ADD, added(id, used)).await.map(|_| ())
    }
}

impl WriteTx {
    /// The last uses of a sign-in, together with its end.
    pub async fn add_target_use(&mut self, id: SignInId, used: &TargetUse) -> Result<(), StoreError> {
        self.place().run(ADD, added(id, used)).await.map(|_| ())
    }

    /// When a sign-in was used last, together with its end.
    pub async fn touch_sign_in(&mut self, id: SignInId, at: Instant) -> Result<(), StoreError> {
        self.place().run(TOUCH, args![micros(at), id.uuid()]).await.map(|_| ())
    }
}
