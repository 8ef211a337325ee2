//! Retention: what has expired is deleted, in small batches, each with its event.
//!
//! A batch is a look outside of a transaction and then one small transaction that looks again and deletes; between two
//! batches others have their turn. What a session that goes on, an open grant or a legal hold keeps is passed over and
//! looked at again another time.
//!
//! A recording is an effect outside the database: first its row says that it is deleted, in the transaction that also
//! takes a lease; then its key and bytes are destroyed; then that is said. Whoever finds a lease that ran out goes on.

use std::time::Duration;

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::ids::RecordingId;
use chaperone_domain::recording::RecordingState;
use chaperone_domain::retention::{RetentionClass, ranges};
use chaperone_domain::user::Role;
use chaperone_store::{Deleted, Events, Expired, ExpiryPlace};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// The pause between two batches: others have their turn.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);
/// How long the destruction of one recording may take.
const DESTROY_LIMIT: Duration = Duration::from_secs(30);
/// How long a destruction belongs to the node that began it; longer than [`DESTROY_LIMIT`], so that what was sent to the
/// store has arrived.
const DESTROY_LEASE: SignedDuration = SignedDuration::from_secs(120);
/// Broken-off destructions that are taken up in one look.
const DESTROY_AGAIN_MAX: u64 = 100;
/// Audit events that one call deletes at most.
pub const DELETED_PER_CALL_MAX: u64 = 20_000;

/// What one pass deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Audit events.
    pub events: u64,
    /// Sign-ins.
    pub sign_ins: u64,
    /// Recordings.
    pub recordings: u64,
    /// Rows that have expired and that something keeps: a session that goes on, an open grant, a legal hold.
    pub kept: u64,
}

/// What a call deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedAuditData {
    /// Audit events.
    pub count: u64,
    /// Audit events that a session that goes on, an open grant or a legal hold keeps.
    pub kept: u64,
    /// Whether nothing more of it can be deleted; otherwise the call can be repeated.
    pub complete: bool,
}

impl App {
    /// Deletes everything that has expired; between two batches `go_on` is asked.
    pub(crate) async fn apply_retention(
        &self,
        op: &Op,
        go_on: impl Fn() -> bool + Send,
    ) -> Result<Retained, AppError> {
        let mut done = Retained::default();
        for class in RetentionClass::ALL {
            let mut place = ExpiryPlace::START;
            while go_on() {
                let now = self.now();
                let look = match class {
                    RetentionClass::Trail => self.store.read().expired_events(now, now, place).await?,
                    RetentionClass::SignIns => self.store.read().expired_sign_ins(now, place).await?,
                    RetentionClass::Recordings => self.store.read().expired_recordings(now, place).await?,
                };
                let (next, kept) = (look.next, look.kept);
                let count = self.delete(&Op { at: now, ..op.clone() }, class, look).await?;
                match class {
                    RetentionClass::Trail => done.events += count,
                    RetentionClass::SignIns => done.sign_ins += count,
                    RetentionClass::Recordings => done.recordings += count,
                }
                done.kept += kept;
                let Some(next) = next else { break };
                place = next;
                tokio::time::sleep(BETWEEN_BATCHES).await;
            }
        }
        Ok(done)
    }

    async fn delete(&self, op: &Op, class: RetentionClass, look: Expired) -> Result<u64, AppError> {
        if look.free.is_empty() {
            return Ok(0);
        }
        let deleted = match class {
            RetentionClass::Trail | RetentionClass::SignIns => self.delete_rows(op, class, look.free).await,
            RetentionClass::Recordings => {
                let mut count = 0;
                for id in look.free {
                    // Each may take its time, so each has a lease from its own beginning.
                    let op = Op { at: self.now(), ..op.clone() };
                    count += u64::from(self.delete_recording(&op, RecordingId::new(id)).await?);
                }
                Ok(count)
            }
        };
        match deleted {
            // Somebody else deleted it, or a hold came between: the next pass looks again.
            Err(AppError::Stale) => Ok(0),
            other => other,
        }
    }

    async fn delete_rows(&self, op: &Op, class: RetentionClass, ids: Vec<Uuid>) -> Result<u64, AppError> {
        let tx_op = op.clone();
        let count = self
            .store
            .retain(move |mut tx| {
                let (op, ids) = (tx_op.clone(), ids.clone());
                Box::pin(async move {
                    let deleted = match class {
                        RetentionClass::Trail => tx.delete_events(&ids, op.at).await?,
                        _ => tx.delete_sign_ins(&ids, op.at).await?,
                    };
                    let deleted = deleted.ok_or(AppError::Stale)?;
                    let event = deletion_event(&op, class, &deleted);
                    Ok::<_, AppError>(tx.commit(deleted.count, Events::one(event)))
                })
            })
            .await?;
        self.faults.reach("retention.rows_deleted");
        Ok(count)
    }

    /// Deletes a recording; whether it went.
    async fn delete_recording(&self, op: &Op, id: RecordingId) -> Result<bool, AppError> {
        let tx_op = op.clone();
        let destroy_until = lease(op.at)?;
        let given_up = self
            .store
            .retain(move |mut tx| {
                let op = tx_op.clone();
                Box::pin(async move {
                    let given_up = tx.delete_recording(id, op.at, destroy_until).await?;
                    let recording = given_up.ok_or(AppError::Stale)?;
                    let event = op
                        .event(AuditAction::AuditLogDeleted, "recording", id)
                        .in_session(recording.privileged_session_id)
                        .in_sign_in(recording.sign_in_id)
                        .with("class", RetentionClass::Recordings.name())
                        .with("count", 1_i64)
                        .with("bytes", i64::try_from(recording.bytes).unwrap_or(i64::MAX))
                        .with("first_at", recording.started_at.to_string())
                        .with("last_at", recording.ended_at.unwrap_or(recording.started_at).to_string());
                    Ok::<_, AppError>(tx.commit(recording, Events::one(event)))
                })
            })
            .await;
        let recording = match given_up {
            Ok(recording) => recording,
            Err(AppError::Stale) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.faults.reach("retention.recording_given_up");
        let sign_in = self.store.read().sign_in(recording.sign_in_id).await?;
        self.changes.tell(
            ChangedNoun::Recording,
            id.uuid(),
            sign_in.map(|sign_in| sign_in.user_id).into_iter().collect(),
        );
        self.destroy_recording(op, id).await?;
        Ok(true)
    }

    /// Destroys the bytes of a recording of which the caller holds the lease. A store that is away is tried again.
    async fn destroy_recording(&self, op: &Op, id: RecordingId) -> Result<(), AppError> {
        match tokio::time::timeout(DESTROY_LIMIT, self.vault.destroy(id)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => {
                tracing::warn!(recording = %id, %problem, "a recording waits to be destroyed; it is tried again");
                return Ok(());
            }
            Err(_) => {
                tracing::warn!(recording = %id, "the store is too slow to destroy a recording; it is tried again");
                return Ok(());
            }
        }
        self.faults.reach("retention.recording_destroyed");
        let at = self.now();
        let Some(recording) = self.store.read().recording(id).await? else { return Ok(()) };
        let event = Op { at, ..op.clone() }
            .event(AuditAction::RecordingDestroyed, "recording", id)
            .in_session(recording.privileged_session_id)
            .in_sign_in(recording.sign_in_id);
        let said = self
            .store
            .retain(move |mut tx| {
                let event = event.clone();
                Box::pin(async move {
                    tx.recording_destroyed(id, at).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match said {
            Err(AppError::Stale) => Ok(()),
            other => other,
        }
    }

    /// Goes on with destructions that broke off, and clears the spool of this node of recordings that were destroyed
    /// elsewhere.
    pub(crate) async fn destroy_again(&self, op: &Op) -> Result<(), AppError> {
        for id in self.store.read().recordings_to_destroy(self.now(), DESTROY_AGAIN_MAX).await? {
            let now = self.now();
            let until = lease(now)?;
            let taken = self.store.keep_books(move |books| {
                Box::pin(async move { books.take_destruction(id, now, until).await })
            });
            if taken.await? {
                self.destroy_recording(&Op { at: now, ..op.clone() }, id).await?;
            }
        }
        for id in self.vault.spooled()? {
            let row = self.store.read().recording(id).await?;
            if row.is_some_and(|row| row.state == RecordingState::Deleted) {
                self.vault.destroy_spooled(id).await?;
            }
        }
        Ok(())
    }

    /// Deletes audit events until an instant at once, as far as retention allows: what it keeps refuses the whole call,
    /// what is held stays. The trail says who asked, also when it is refused.
    pub async fn delete_audit_data(&self, op: &Op, up_to: Instant) -> Result<DeletedAuditData, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let waits_until = self.store.read().retention_waits_until().await?;
        let kept_from = self.store.read().oldest_kept_event(op.at, up_to).await?;
        let problem = match kept_from {
            Some(from) => Some((
                "retention-keeps",
                format!(
                    "Retention (auditretentionperiodv2) keeps audit events from {from} on. Choose an earlier date, or wait: \
                     what has expired is deleted by itself."
                ),
            )),
            None if op.at < waits_until => Some((
                "retention-waits",
                format!("The clock made a step forward, so nothing is deleted before {waits_until}."),
            )),
            None => None,
        };
        if let Some((rule, sentence)) = problem {
            let event = op
                .event(AuditAction::AuditLogDeletionRefused, "audit_event", "")
                .with("up_to", up_to.to_string())
                .with("rule", rule);
            self.note(event).await?;
            return Err(AppError::refused(rule, sentence));
        }
        let mut done = DeletedAuditData { count: 0, kept: 0, complete: true };
        let mut place = ExpiryPlace::START;
        loop {
            let look = self.store.read().expired_events(op.at, up_to, place).await?;
            let next = look.next;
            done.kept += look.kept;
            done.count += self.delete(op, RetentionClass::Trail, look).await?;
            match next {
                None => break,
                Some(_) if done.count >= DELETED_PER_CALL_MAX => {
                    done.complete = false;
                    break;
                }
                Some(next) => place = next,
            }
        }
        if done.count == 0 {
            let event = op
                .event(AuditAction::AuditLogDeleted, "audit_event", "")
                .with("class", RetentionClass::Trail.name())
                .with("count", 0_i64)
                .with("up_to", up_to.to_string());
            self.note(event).await?;
        }
        Ok(done)
    }
}

fn lease(now: Instant) -> Result<Instant, AppError> {
    now.checked_add(DESTROY_LEASE).map_err(|_| AppError::Inside("end of time"))
}

/// What was deleted: of which class, how many, from when to when, which numbers.
fn deletion_event(op: &Op, class: RetentionClass, deleted: &Deleted) -> AuditEvent {
    let kind = if class == RetentionClass::Trail { "audit_event" } else { "sign_in" };
    let event = op
        .event(AuditAction::AuditLogDeleted, kind, "")
        .with("class", class.name())
        .with("count", i64::try_from(deleted.count).unwrap_or(i64::MAX))
        .with("first_at", deleted.first_at.to_string())
        .with("last_at", deleted.last_at.to_string());
    if deleted.numbers.is_empty() { event } else { event.with("numbers", ranges(&deleted.numbers)) }
}
