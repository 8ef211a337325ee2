//! Recordings: begin with consent, read out, download; each viewing is itself an audit event.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{DocumentId, RecordingId, SignInId, UserId};
use chaperone_domain::privileged_session::{PrivilegedSession, rules};
use chaperone_domain::recording::{Coverage, Recording, RecordingState};
use chaperone_domain::sign_in::SignIn;
use chaperone_domain::user::{Role, User};
use chaperone_recording::{Contents, FrameBody, Manifest, NewFrame, exports, read_out, sanitize};
use chaperone_store::{Events, Items, Page, RecordingFilter};
use jiff::SignedDuration;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::gate::{LiveFacts, LiveSignIn, Recorded, SessionFacts};
use crate::op::{EventExt as _, Op};
use crate::secrets;
use crate::sign_ins::started_event;

/// One viewing by one user is told once in this time, however many requests it takes.
const VIEWING: SignedDuration = SignedDuration::from_mins(5);
/// How long the address of an asset holds.
pub const ASSET_ADDRESS_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// Viewings remembered at most.
const VIEWINGS_MAX: usize = 10_000;

/// Viewings told lately.
#[derive(Default)]
pub struct Viewings(Mutex<HashMap<(UserId, RecordingId), Instant>>);

impl Viewings {
    fn tell(&self, user: UserId, recording: RecordingId, now: Instant) -> bool {
        let Ok(mut told) = self.0.lock() else { return true };
        if told.len() > VIEWINGS_MAX {
            told.clear();
        }
        let lately = told.get(&(user, recording)).is_some_and(|last| now.duration_since(*last) < VIEWING);
        if !lately {
            told.insert((user, recording), now);
        }
        !lately
    }
}

/// A form in which a recording can be downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadFormat {
    /// Zip of all others with checksums.
    Bundle,
    /// Events that upstream rrweb replays.
    Rrweb,
    /// Steps as JSON.
    StepsJson,
    /// Steps as CSV.
    StepsCsv,
    /// Exchanges as HAR 1.2.
    Har,
}

impl DownloadFormat {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Bundle, Self::Rrweb, Self::StepsJson, Self::StepsCsv, Self::Har];

    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Rrweb => "rrweb",
            Self::StepsJson => "steps.json",
            Self::StepsCsv => "steps.csv",
            Self::Har => "har",
        }
    }

    /// The form of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Bundle => "zip",
            Self::Rrweb => "rrweb.json",
            Self::StepsJson => "steps.json",
            Self::StepsCsv => "steps.csv",
            Self::Har => "har",
        }
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Bundle => "application/zip",
            Self::Rrweb | Self::StepsJson | Self::Har => "application/json",
            Self::StepsCsv => "text/csv; charset=utf-8",
        }
    }
}

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
    /// The frames.
    pub contents: Contents,
    /// Read out of them.
    pub read_out: read_out::ReadOut,
}

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
        notice_sha256
            .copy_from_slice(digest::digest(&digest::SHA256, organization.recording_notice.as_bytes()).as_ref());
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
        };
        let manifest = Manifest {
            recording: recording.id,
            sign_in: sign_in.id,
            privileged_session: sign_in.privileged_session_id,
            user_name: user.user_name.clone(),
            account_name: account.name.clone(),
            targets: self.target_hosts(session).await?,
            started_at: op.at,
        };
        let consent = NewFrame {
            at: op.at,
            body: FrameBody::Consent {
                user: user.id,
                user_name: user.user_name.clone(),
                account: Some(account.id),
                account_name: account.name.clone(),
                privileged_session: sign_in.privileged_session_id,
                notice_sha256,
            },
        };
        let writer = self.vault.begin(manifest, consent).await?;
        self.faults.reach("open.recording_begun");
        let (tx_op, row, rec) = (op.clone(), sign_in.clone(), recording.clone());
        let notice_hex: String = notice_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        let written = self
            .store
            .write(move |tx| {
                let (op, row, rec, hash) = (tx_op.clone(), row.clone(), rec.clone(), notice_hex.clone());
                Box::pin(async move {
                    tx.insert_sign_in(&row, None).await?;
                    tx.insert_recording(&rec).await?;
                    let session = row.privileged_session_id;
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
            if let Err(sealing) = writer.seal(op.at).await {
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

    async fn target_hosts(&self, session: Option<&PrivilegedSession>) -> Result<Vec<String>, AppError> {
        let Some(session) = session else { return Ok(Vec::new()) };
        let targets = self.store.read().targets().await?;
        Ok(targets
            .into_iter()
            .filter(|target| session.target_ids.contains(&target.id))
            .map(|target| target.host)
            .collect())
    }

    /// The recordings, by page. System administrators and auditors see all, others their own.
    pub async fn recordings(&self, op: &Op, mut filter: RecordingFilter, page: Page) -> Result<Items<Recording>, AppError> {
        if op.require(&[Role::SystemAdministrator, Role::Auditor]).is_err() {
            filter.user_id = Some(op.user()?.id);
        }
        Ok(self.store.read().recordings(filter, page).await?)
    }

    /// The recordings of one session, for those who may see the session.
    pub async fn recordings_of_session(&self, op: &Op, session: &PrivilegedSession) -> Result<Vec<Recording>, AppError> {
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
        if let Ok(contents) = self.vault.read(recording.id).await {
            let out = read_out::read_out(&contents);
            recording.steps = out.steps.len() as u64;
            recording.exchanges = out.exchanges.len() as u64;
            recording.coverage = out.coverage;
            recording.bytes = contents.bytes;
        }
    }

    /// Who may watch: system administrators and auditors; the recorded person their own.
    async fn viewable(&self, op: &Op, id: RecordingId) -> Result<RecordingView, AppError> {
        let user_id = op.user()?.id;
        let not_found = AppError::NotFound { noun: "recording" };
        let read = self.store.read();
        let Some(recording) = read.recording(id).await? else { return Err(not_found) };
        let sign_in = read.sign_in(recording.sign_in_id).await?.ok_or(AppError::Inside("recording without sign-in"))?;
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

    /// Opens a recording for watching; the trail says who watched.
    pub async fn open_recording(&self, op: &Op, id: RecordingId) -> Result<OpenedRecording, AppError> {
        let mut view = self.viewable(op, id).await?;
        if self.viewings.tell(op.user()?.id, id, op.at) {
            let mut event = op
                .event(AuditAction::RecordingViewed, "recording", id)
                .in_session(view.recording.privileged_session_id);
            event.on_behalf_of = Some(view.user.id).filter(|user| Some(*user) != op.actor().user_id());
            self.note(event).await?;
        }
        let contents = self.vault.read(id).await?;
        let read_out = read_out::read_out(&contents);
        if view.recording.state == RecordingState::Recording {
            view.recording.steps = read_out.steps.len() as u64;
            view.recording.exchanges = read_out.exchanges.len() as u64;
            view.recording.coverage = read_out.coverage;
            view.recording.bytes = contents.bytes;
        }
        Ok(OpenedRecording { view, contents, read_out })
    }

    /// The replay events of one document, made harmless, with assets at signed addresses of the replay host.
    pub async fn recording_events(
        &self,
        op: &Op,
        id: RecordingId,
        document: DocumentId,
    ) -> Result<Vec<serde_json::Value>, AppError> {
        let opened = self.open_recording(op, id).await?;
        if !opened.read_out.documents.iter().any(|known| known.id == document) {
            return Err(AppError::NotFound { noun: "document" });
        }
        let assets = read_out::asset_index(&opened.contents);
        let expires = op.at.saturating_add(ASSET_ADDRESS_LIFETIME).unwrap_or(op.at).as_second();
        let address_of = |url: &str| {
            let hash = assets.get(url)?;
            let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let signature = self.keys.sign_asset_address(&format!("{id}/{hex}/{expires}"));
            Some(format!("{}/assets/{id}/{hex}?expires={expires}&signature={signature}", self.addresses.replay))
        };
        let mut events = read_out::events_of(&opened.contents, document);
        for event in &mut events {
            sanitize::sanitize_event(event, &address_of);
        }
        Ok(events)
    }

    /// An asset by its signed address, for the replay frame.
    pub async fn asset_by_address(
        &self,
        recording: &str,
        hash: &str,
        expires: i64,
        signature: &str,
    ) -> Result<chaperone_recording::Asset, AppError> {
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
        self.vault.asset(&bytes).await?.ok_or(not_found)
    }

    /// A recording as a file; the trail says who took it.
    pub async fn download_recording(
        &self,
        op: &Op,
        id: RecordingId,
        format: DownloadFormat,
    ) -> Result<(String, Vec<u8>), AppError> {
        let view = self.viewable(op, id).await?;
        let contents = self.vault.read(id).await?;
        let event = op
            .event(AuditAction::RecordingDownloaded, "recording", id)
            .in_session(view.recording.privileged_session_id)
            .with("format", format.name());
        self.note(event).await?;
        let bytes = tokio::task::spawn_blocking(move || {
            let out = read_out::read_out(&contents);
            match format {
                DownloadFormat::Bundle => exports::bundle(&contents, &out),
                DownloadFormat::Rrweb => exports::rrweb(&contents, &out),
                DownloadFormat::StepsJson => exports::steps_json(&contents, &out),
                DownloadFormat::StepsCsv => exports::steps_csv(&contents, &out),
                DownloadFormat::Har => exports::har(&contents, &out),
            }
        })
        .await
        .map_err(|_| AppError::Inside("export failed"))??;
        Ok((format!("recording-{id}.{}", format.extension()), bytes))
    }

    /// The recording of a sign-in.
    pub async fn recording_of_sign_in(&self, id: SignInId) -> Result<Option<Recording>, AppError> {
        Ok(self.store.read().recording_of_sign_in(id).await?)
    }
}
