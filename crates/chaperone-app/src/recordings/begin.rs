//! Begin: a recorded sign-in, with consent as the first frame.

use aws_lc_rs::digest;
use chaperone_recording::manifest::SealFacts;
use chaperone_recording::{Consent, NewRecording};
use chaperone_store::Events;

use super::*;
use crate::changes::ChangedNoun;
use crate::entry::refuse_in_session;
use crate::gate::{LiveFacts, LiveSignIn, Recorded, SessionFacts};
use crate::secrets;
use crate::sign_ins::started_event;

impl App {
    /// Begins a recorded sign-in: the consent is durable as the recording's first frame before anything else.
    pub(crate) async fn begin_recorded(
        &self,
        op: &Op,
        sign_in: SignIn,
        user: &User,
        account: &Account,
        session: Option<&PrivilegedSession>,
        agreed: bool,
    ) -> Result<Arc<LiveSignIn>, AppError> {
        let organization = self.organization().await?;
        let mut notice_sha256 = [0; 32];
        notice_sha256.copy_from_slice(
            digest::digest(&digest::SHA256, organization.recording_notice.as_bytes()).as_ref(),
        );
        let recording = Recording {
            id: RecordingId::new(secrets::new_uuid(op.at)),
            sign_in_id: sign_in.id,
            privileged_session_id: sign_in.privileged_session_id,
            state: RecordingState::Recording,
            started_at: op.at,
            ended_at: None,
            steps: 0,
            exchanges: 0,
            bytes: 0,
            coverage: Coverage::default(),
            deleted_at: None,
        };
        let new = NewRecording {
            id: recording.id,
            sign_in_id: sign_in.id,
            privileged_session_id: sign_in.privileged_session_id,
            user_id: user.id,
            user_name: user.user_name.clone(),
            account_id: Some(account.id),
            account_name: Some(account.name.clone()),
            target_ids: session.map(|session| session.target_ids.clone()).unwrap_or_default(),
            policy: serde_json::json!({}),
            started_at: op.at,
        };
        let consent = Consent {
            user_id: user.id,
            user_name: user.user_name.clone(),
            account_id: Some(account.id),
            account_name: Some(account.name.clone()),
            privileged_session_id: sign_in.privileged_session_id,
            sign_in_id: sign_in.id,
            notice_sha256,
        };
        let writer = Arc::new(self.vault.begin(new, consent).await?);
        self.faults.reach("open.recording_begun");
        let (tx_op, row, rec, account_id) = (op.clone(), sign_in.clone(), recording.clone(), account.id);
        let notice_hex: String = notice_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let written = self
            .store
            .write(move |tx| {
                let (op, row, rec, hash) = (tx_op.clone(), row.clone(), rec.clone(), notice_hex.clone());
                Box::pin(async move {
                    let session = row.privileged_session_id;
                    if session.is_none() {
                        refuse_in_session(tx.read(), account_id).await?;
                    }
                    tx.insert_sign_in(&row, None).await?;
                    tx.insert_recording(&rec).await?;
                    let mut events = Events::one(started_event(&op, &row));
                    if agreed {
                        let consent = op
                            .event(AuditAction::ConsentGiven, "sign_in", row.id)
                            .in_sign_in(row.id)
                            .in_session(session)
                            .with("notice_sha256", hash);
                        events = events.and(consent);
                    }
                    let started = op
                        .event(AuditAction::RecordingStarted, "recording", rec.id)
                        .in_sign_in(row.id)
                        .in_session(session);
                    Ok::<_, AppError>(tx.commit((), events.and(started)))
                })
            })
            .await;
        if let Err(error) = written {
            // The recording holds a consent to nothing: it is closed, and stays as what it is.
            if let Err(sealing) =
                writer.seal(SealFacts { ended_at: op.at, reason: "sign_in_not_begun".to_owned() }).await
            {
                tracing::warn!(recording = %recording.id, %sealing, "recording of a sign-in that did not begin not sealed");
            }
            return Err(error);
        }
        let facts = LiveFacts {
            user: user.clone(),
            account: account.clone(),
            session: session.map(SessionFacts::from),
            expires_at: sign_in.expires_at,
        };
        let live = LiveSignIn::new(&sign_in, facts, Recorded::Here(writer));
        self.gate.insert(live.clone());
        self.changes.tell(ChangedNoun::Recording, recording.id.uuid(), vec![user.id]);
        if let Some(session) = session {
            self.changes.tell(ChangedNoun::PrivilegedSession, session.id.uuid(), vec![user.id]);
        }
        Ok(live)
    }
}
