//! Recordings: begin with consent, read out, download; each viewing is itself an audit event.

use std::sync::Arc;

use chaperone_domain::account::Account;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{DocumentId, RecordingId, SignInId};
use chaperone_domain::privileged_session::{PrivilegedSession, rules};
use chaperone_domain::recording::{Coverage, Recording, RecordingState};
use chaperone_domain::sign_in::SignIn;
use chaperone_domain::user::{Role, User};
use chaperone_recording::sanitize::Sanitizer;
use chaperone_recording::{Asset, Contents, VaultError};
use chaperone_store::{Items, Page, RecordingFilter};
use jiff::SignedDuration;

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

mod begin;
mod download;
mod seal;
mod viewings;

pub use download::DownloadFormat;
pub use viewings::Viewings;

/// How long the address of an asset holds.
pub const ASSET_ADDRESS_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// A recording with who it is about.
#[derive(Clone, Debug)]
pub struct RecordingView {
    /// The row.
    pub recording: Recording,
    /// The sign-in.
    pub sign_in: SignIn,
    /// Who worked.
    pub user: User,
    /// As which account.
    pub account: Option<Account>,
}

/// A recording with everything that it holds.
pub struct OpenedRecording {
    /// The row and who it is about.
    pub view: RecordingView,
    /// What is in it.
    pub contents: Arc<Contents>,
}

impl App {
    /// The recordings, by page. System administrators and auditors see all, others their own.
    pub async fn recordings(
        &self,
        op: &Op,
        mut filter: RecordingFilter,
        page: Page,
    ) -> Result<Items<Recording>, AppError> {
        if op.require(&[Role::SystemAdministrator, Role::Auditor]).is_err() {
            filter.user_id = Some(op.user()?.id);
        }
        Ok(self.store.read().recordings(filter, page).await?)
    }

    /// The recordings of one session, for those who may see the session.
    pub async fn recordings_of_session(
        &self,
        op: &Op,
        session: &PrivilegedSession,
    ) -> Result<Vec<Recording>, AppError> {
        let who = op.principal()?;
        let account = self.store.read().account(session.account_id).await?;
        if !rules::may_see(&who, session, account.and_then(|account| account.owner)) {
            return Err(AppError::NotFound { noun: "privileged session" });
        }
        let filter = RecordingFilter { privileged_session_id: Some(session.id), ..Default::default() };
        let page = Page { after: None, limit: 500 };
        let mut items = self.store.read().recordings(filter, page).await?.items;
        for recording in &mut items {
            if recording.state == RecordingState::Recording {
                self.bring_up_to_date(recording).await;
            }
        }
        Ok(items)
    }

    /// The counts of a recording that goes on, as they are now.
    async fn bring_up_to_date(&self, recording: &mut Recording) {
        if let Ok(contents) = self.contents(recording.id).await {
            count(recording, &contents);
        }
    }

    /// What is in a recording; read once for several questions that follow each other.
    async fn contents(&self, id: RecordingId) -> Result<Arc<Contents>, AppError> {
        let now = self.now();
        let frames = self.vault.durable_frames(id);
        if let Some(contents) = self.viewings.contents(id, frames, now) {
            return Ok(contents);
        }
        let contents = Arc::new(self.vault.contents(id).await.map_err(gone)?);
        self.viewings.remember_contents(id, frames, now, &contents);
        Ok(contents)
    }

    /// Who may watch: system administrators and auditors; the recorded person their own.
    async fn viewable(&self, op: &Op, id: RecordingId) -> Result<RecordingView, AppError> {
        let user_id = op.user()?.id;
        let not_found = AppError::NotFound { noun: "recording" };
        let read = self.store.read();
        let Some(recording) = read.recording(id).await? else { return Err(not_found) };
        let sign_in =
            read.sign_in(recording.sign_in_id).await?.ok_or(AppError::Inside("recording without sign-in"))?;
        if sign_in.user_id != user_id && op.require(&[Role::SystemAdministrator, Role::Auditor]).is_err() {
            return Err(not_found);
        }
        let user = read.user(sign_in.user_id).await?.ok_or(AppError::Inside("sign-in without user"))?;
        let account = match sign_in.account_id {
            Some(id) => read.account(id).await?,
            None => None,
        };
        Ok(RecordingView { recording, sign_in, user, account })
    }

    /// The row of a recording, and who it is about; nothing of what was recorded.
    pub async fn recording(&self, op: &Op, id: RecordingId) -> Result<RecordingView, AppError> {
        self.viewable(op, id).await
    }

    /// As [`Self::viewable`], and there is something to watch.
    async fn watchable(&self, op: &Op, id: RecordingId) -> Result<RecordingView, AppError> {
        let view = self.viewable(op, id).await?;
        match view.recording.deleted_at {
            None => Ok(view),
            Some(at) => Err(AppError::refused(
                "recording-deleted",
                format!("Retention deleted this recording at {at}: nothing of what was recorded is left."),
            )),
        }
    }

    /// Opens a recording for watching; the trail says who watched.
    pub async fn open_recording(&self, op: &Op, id: RecordingId) -> Result<OpenedRecording, AppError> {
        let mut view = self.watchable(op, id).await?;
        if self.viewings.tell(op.user()?.id, id, op.at) {
            let mut event = op
                .event(AuditAction::RecordingViewed, "recording", id)
                .in_session(view.recording.privileged_session_id);
            event.on_behalf_of = Some(view.user.id).filter(|user| Some(*user) != op.actor().user_id());
            self.note(event).await?;
        }
        let contents = self.contents(id).await?;
        if view.recording.state == RecordingState::Recording {
            count(&mut view.recording, &contents);
        }
        Ok(OpenedRecording { view, contents })
    }

    /// The replay events of one document, made harmless, with assets at signed addresses of the replay host.
    pub async fn recording_events(
        &self,
        op: &Op,
        id: RecordingId,
        document: DocumentId,
    ) -> Result<Vec<serde_json::Value>, AppError> {
        let opened = self.open_recording(op, id).await?;
        let timeline = &opened.contents.timeline;
        let Some(known) = timeline.documents.iter().find(|known| known.id == document) else {
            return Err(AppError::NotFound { noun: "document" });
        };
        let frames = self.vault.durable_frames(id);
        if let Some(events) = self.viewings.events(id, document, frames, op.at) {
            return Ok(events.as_ref().clone());
        }
        let expires = op.at.saturating_add(ASSET_ADDRESS_LIFETIME).unwrap_or(op.at).as_second();
        let address_of = |url: &str| {
            let asset = timeline.asset_at(url, known.last_heard_at)?;
            let hex: String = asset.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            let signature = self.keys.sign_asset_address(&format!("{id}/{hex}/{expires}"));
            Some(format!(
                "{}/assets/{id}/{hex}?expires={expires}&signature={signature}",
                self.addresses.replay
            ))
        };
        let mut events = self.vault.events_of(id, document).await.map_err(gone)?;
        {
            let mut sanitizer = Sanitizer::new(&address_of);
            events.iter_mut().for_each(|event| sanitizer.event(event));
        }
        let events = Arc::new(events);
        self.viewings.remember_events(id, document, frames, op.at, &events, opened.contents.bytes);
        Ok(Arc::unwrap_or_clone(events))
    }

    /// An asset by its signed address, for the replay frame.
    pub async fn asset_by_address(
        &self,
        recording: &str,
        hash: &str,
        expires: i64,
        signature: &str,
    ) -> Result<Asset, AppError> {
        let not_found = AppError::NotFound { noun: "asset" };
        let signed = format!("{recording}/{hash}/{expires}");
        if self.now().as_second() > expires || !self.keys.asset_address_fits(&signed, signature) {
            return Err(not_found);
        }
        let mut bytes = [0; 32];
        if hash.len() != 64 {
            return Err(not_found);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let Some(pair) = hash.get(index * 2..index * 2 + 2) else { return Err(not_found) };
            let Ok(value) = u8::from_str_radix(pair, 16) else { return Err(not_found) };
            *byte = value;
        }
        match self.vault.asset(&bytes).await {
            Err(VaultError::NotFound) => Err(not_found),
            other => Ok(other?),
        }
    }

    /// The recording of a sign-in.
    pub async fn recording_of_sign_in(&self, id: SignInId) -> Result<Option<Recording>, AppError> {
        Ok(self.store.read().recording_of_sign_in(id).await?)
    }
}

/// A recording of which nothing is there any more does not come back by trying again.
fn gone(error: VaultError) -> AppError {
    match error {
        VaultError::NotFound => AppError::refused(
            "recording-gone",
            "What was recorded is not in the store any more. The trail tells when that was found.",
        ),
        other => other.into(),
    }
}

/// Takes the counts over from what is in the recording.
fn count(recording: &mut Recording, contents: &Contents) {
    let coverage = &contents.timeline.coverage;
    recording.steps = contents.timeline.steps.len() as u64;
    recording.exchanges = contents.timeline.exchanges.len() as u64;
    recording.bytes = contents.bytes;
    recording.coverage = Coverage {
        changes_released: coverage.changes_released,
        changes_with_evidence: coverage.changes_with_evidence,
        changes_explained: coverage.changes_explained,
        unexplained_values: coverage.unexplained_values,
        changes_refused: coverage.changes_refused,
        gaps: coverage.gaps,
        areas_not_recorded: coverage.areas_not_recorded,
    };
}
