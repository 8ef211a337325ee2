//! Sign-ins at targets that are open: taken in when Chaperone starts, known by their cookies, ended by their users.

use super::*;
use chaperone_domain::ids::RecordingId;
use chaperone_domain::sign_in::EndKind;
use chaperone_recording::bodies::Gap;
use chaperone_recording::{FrameBody, NewFrame, VaultError, Writer};
use chaperone_store::SignInFilter;

impl App {
    /// Takes in every open target sign-in at start, resuming recordings.
    pub(crate) async fn take_in_live_sign_ins(&self) -> Result<(), AppError> {
        let filter = SignInFilter { kind: Some(SignInKind::Target), ..Default::default() };
        for sign_in in self.store.read().open_sign_ins(filter).await? {
            if let Some(live) = self.to_live(&sign_in).await? {
                self.gate.insert(live.clone());
                for (hash, host) in self.store.read().sign_in_secrets(sign_in.id).await? {
                    self.gate.add_secret(&live, hash, &host);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn to_live(&self, sign_in: &SignIn) -> Result<Option<Arc<LiveSignIn>>, AppError> {
        let Some(account_id) = sign_in.account_id else { return Ok(None) };
        let read = self.store.read();
        let (Some(user), Some(account)) =
            (read.user(sign_in.user_id).await?, read.account(account_id).await?)
        else {
            return Ok(None);
        };
        let session = match sign_in.privileged_session_id {
            Some(id) => read.privileged_session(id).await?,
            None => None,
        };
        let recorded = match read.recording_of_sign_in(sign_in.id).await? {
            None => Recorded::No,
            Some(recording) => match self.resume_recording(recording.id).await {
                Ok(writer) => Recorded::Here(writer),
                Err(error) => {
                    tracing::error!(recording = %recording.id, %error, "recording cannot be resumed");
                    Recorded::Unavailable
                }
            },
        };
        let facts = LiveFacts {
            user,
            account,
            session: session.as_ref().map(SessionFacts::from),
            expires_at: sign_in.expires_at,
        };
        let live = LiveSignIn::new(sign_in, facts, recorded);
        live.go_on(read.target_uses(sign_in.id).await?);
        Ok(Some(live))
    }

    /// Takes a recording up again after a restart; the gap is told in it.
    async fn resume_recording(&self, id: RecordingId) -> Result<Arc<Writer>, VaultError> {
        let resumed = self.vault.resume(id).await?;
        if resumed.seal.is_some() {
            return Err(VaultError::Closed);
        }
        let gap = Gap {
            document: None,
            reason: "interrupted".to_owned(),
            detail: match resumed.last_frame_at {
                Some(last) => {
                    format!("Chaperone stopped and started again; the last frame before is of {last}.")
                }
                None => "Chaperone stopped and started again.".to_owned(),
            },
        };
        resumed.writer.append(vec![NewFrame { at: self.now(), body: FrameBody::Gap(gap) }]).await?;
        Ok(Arc::new(resumed.writer))
    }

    /// The live sign-in of a target's cookie at that host; memory first, then the store (another node may have
    /// begun it).
    pub async fn identify_cookie(
        &self,
        secret: &str,
        host: &str,
    ) -> Result<Option<Arc<LiveSignIn>>, AppError> {
        let hash = secrets::hash(secret);
        if let Some(live) = self.gate.by_secret(&hash, host) {
            return Ok(Some(live));
        }
        let Some((sign_in, bound_host)) = self.store.read().sign_in_by_secret(&hash).await? else {
            return Ok(None);
        };
        if sign_in.kind != SignInKind::Target || sign_in.end.is_some() || bound_host != host {
            return Ok(None);
        }
        let live = match self.gate.by_id(sign_in.id) {
            Some(live) => Some(live),
            None => self.to_live(&sign_in).await?,
        };
        if let Some(live) = &live {
            self.gate.insert(live.clone());
            self.gate.add_secret(live, hash, host);
        }
        Ok(live)
    }

    /// The user signs out of their targets.
    pub async fn sign_out_target(&self, sign_in: &LiveSignIn) -> Result<(), AppError> {
        let row =
            self.store.read().sign_in(sign_in.id).await?.ok_or(AppError::NotFound { noun: "sign-in" })?;
        self.end_sign_in_row(&self.op_of(sign_in, &Client::default()), row, EndKind::SignedOut).await
    }
}
