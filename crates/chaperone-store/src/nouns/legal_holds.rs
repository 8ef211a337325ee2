//! Legal holds: columns of the session, so that a hold and a deletion change the same row.

use chaperone_domain::Instant;
use chaperone_domain::ids::{PrivilegedSessionId, RecordingId, UserId};
use chaperone_domain::retention::LegalHold;

use super::one_row;
use crate::StoreError;
use crate::columns::micros;
use crate::sql::{Reads, args};
use crate::tx::WriteTx;

/// What became of a hold that was to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoldSet {
    /// It stands. These recordings were given up before, and their bytes not yet destroyed: they are kept again.
    Held {
        /// The recordings.
        taken_back: Vec<RecordingId>,
    },
    /// A recording of the session is being destroyed at this moment; nothing was changed.
    BeingDestroyed,
}

impl Reads<'_> {
    /// The hold on a session.
    pub async fn legal_hold(&self, session: PrivilegedSessionId) -> Result<Option<LegalHold>, StoreError> {
        let sql = "SELECT id, legal_hold_by, legal_hold_at, legal_hold_reason FROM privileged_sessions \
                   WHERE id = $1 AND legal_hold_at IS NOT NULL";
        self.place
            .one(sql, args![session.uuid()], |row| {
                Ok(LegalHold {
                    privileged_session_id: row.id(PrivilegedSessionId::new)?,
                    set_by: row.id(UserId::new)?,
                    set_at: row.instant("privileged_sessions.legal_hold_at")?,
                    reason: row.text()?,
                })
            })
            .await
    }
}

impl WriteTx {
    /// Sets a hold; [`StoreError::Stale`] when there is one.
    pub async fn set_legal_hold(&mut self, hold: &LegalHold) -> Result<HoldSet, StoreError> {
        let session = hold.privileged_session_id.uuid();
        // Whoever destroys holds a lease; one that ran out is over.
        let sql = "SELECT 1 FROM recordings WHERE privileged_session_id = $1 AND destroy_until > $2 LIMIT 1";
        let values = args![session, micros(hold.set_at)];
        if self.place().one(sql, values, |_| Ok(())).await?.is_some() {
            return Ok(HoldSet::BeingDestroyed);
        }
        let sql = "UPDATE recordings SET state = state_before, state_before = NULL, deleted_at = NULL, \
                   destroy_until = NULL WHERE privileged_session_id = $1 AND destroy_until <= $2 RETURNING id";
        let values = args![session, micros(hold.set_at)];
        let taken_back = self.place().all(sql, values, |row| row.id(RecordingId::new)).await?;
        let sql = "UPDATE privileged_sessions SET legal_hold_by = $1, legal_hold_at = $2, legal_hold_reason = $3 \
                   WHERE id = $4 AND legal_hold_at IS NULL";
        let values = args![hold.set_by.uuid(), micros(hold.set_at), hold.reason.as_str(), session];
        one_row(self.place().run(sql, values).await?)?;
        Ok(HoldSet::Held { taken_back })
    }

    /// Lifts a hold; [`StoreError::Stale`] when there is none, or another one than was set then.
    pub async fn lift_legal_hold(
        &mut self,
        session: PrivilegedSessionId,
        set_at: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE privileged_sessions SET legal_hold_by = NULL, legal_hold_at = NULL, legal_hold_reason = NULL \
                   WHERE id = $1 AND legal_hold_at = $2";
        one_row(self.place().run(sql, args![session.uuid(), micros(set_at)]).await?)
    }
}
