//! Seal: the last word of a recording, and what it counts to.

use chaperone_recording::manifest::SealFacts;
use chaperone_store::Events;

use super::*;
use crate::changes::ChangedNoun;

impl App {
    /// Seals a recording whose sign-in is over: the vault signs the last word, the row takes the counts over. May be
    /// called again at any time, also after a crash in the middle. What is gone, or not what was written, becomes
    /// *damaged*: that is told, with everything that can still be read.
    pub async fn seal_recording(&self, id: RecordingId) -> Result<(), AppError> {
        let Some(mut recording) = self.store.read().recording(id).await? else { return Ok(()) };
        if recording.state != RecordingState::Recording {
            return Ok(());
        }
        let sign_in = self.store.read().sign_in(recording.sign_in_id).await?;
        let end = sign_in.as_ref().and_then(|sign_in| sign_in.end);
        let Some(end) = end else { return Ok(()) };
        let facts = SealFacts { ended_at: end.at, reason: end.kind.name().to_owned() };
        let sealed = match self.vault.resume(id).await {
            Ok(resumed) => resumed.writer.seal(facts).await.map(|_| ()),
            Err(error) => Err(error),
        };
        self.faults.reach("seal.sealed");
        recording.ended_at = Some(end.at);
        let problem = match sealed {
            Ok(()) => None,
            // This does not come back by trying again.
            Err(error @ (VaultError::NotFound | VaultError::Damaged { .. } | VaultError::WrongKey)) => {
                Some(error)
            }
            Err(error) => return Err(error.into()),
        };
        if let Ok(contents) = self.vault.contents(id).await {
            count(&mut recording, &contents);
        }
        recording.state = if problem.is_some() { RecordingState::Damaged } else { RecordingState::Sealed };
        let op = Op::processor(self.now());
        let action =
            if problem.is_some() { AuditAction::RecordingDamaged } else { AuditAction::RecordingSealed };
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let event = op
            .event(action, "recording", id)
            .in_session(recording.privileged_session_id)
            .in_sign_in(recording.sign_in_id)
            .with("steps", number(recording.steps))
            .with("exchanges", number(recording.exchanges))
            .with("bytes", number(recording.bytes))
            .with("problem", problem.map(|problem| problem.to_string()));
        let row = recording.clone();
        self.store
            .write(move |tx| {
                let (row, event) = (row.clone(), event.clone());
                Box::pin(async move {
                    tx.update_recording(&row).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        let concerns = sign_in.map(|sign_in| sign_in.user_id).into_iter().collect();
        self.changes.tell(ChangedNoun::Recording, id.uuid(), concerns);
        Ok(())
    }
}
