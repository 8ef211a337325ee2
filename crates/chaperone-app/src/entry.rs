//! The way into a target: from the console by a one-time code, or by a token ([`tokens`]); and what the gateway tells
//! the app of whom it did not let through ([`refused`]).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::ids::{AccountId, RecordingId, SignInId, TargetId};
use chaperone_domain::privileged_session::{PrivilegedSession, State, WINDOW_MAX};
use chaperone_domain::sign_in::{Channel, EndKind, SignIn, SignInKind};
use chaperone_domain::target::{Target, TargetRecording};
use chaperone_domain::user::User;
use chaperone_recording::bodies::Gap;
use chaperone_recording::{FrameBody, NewFrame, VaultError, Writer};
use chaperone_store::{ApiToken, EntryCode, Events, Reads, SignInFilter};
use jiff::SignedDuration;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::gate::{LiveFacts, LiveSignIn, Recorded, SessionFacts};
use crate::op::{Client, Op, Who};
use crate::secrets;
use crate::sign_ins::{new_limit, started_event};

mod refused;
mod tokens;

pub(crate) use tokens::is_begun_already;

/// How long a one-time code may be redeemed.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Longest return path, in bytes.
pub const RETURN_PATH_MAX_BYTES: usize = 2048;

/// The name of the rule that an account which a session holds is used in that session only.
const ACCOUNT_IN_SESSION: &str = "account-in-session";
/// States of a session that holds its accounts; in the last one they are not back yet.
const HOLDS: [State; 3] = [State::Starting, State::Active, State::Ending];

/// Why somebody does not get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryRefused {
    /// The code is unknown, used, too old, or for another host or browser.
    CodeInvalid,
    /// The sign-in is over.
    SignInOver,
    /// The sign-in belongs to somebody else, or does not lead here.
    NotYours,
    /// The user owns no account there that is not privileged.
    NoAccount,
    /// The account is disabled.
    AccountDisabled,
    /// A privileged session holds the account: until it is back, it is used in that session only, and recorded.
    AccountInSession,
    /// The user is not active.
    UserInactive,
    /// Sign-ins at this target are recorded and consent is missing.
    ConsentNeeded,
    /// It cannot be decided at the moment.
    Unavailable,
}

impl EntryRefused {
    /// The stable name, for problems, events and pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CodeInvalid => "code-invalid",
            Self::SignInOver => "sign-in-over",
            Self::NotYours => "not-yours",
            Self::NoAccount => "no-account",
            Self::AccountDisabled => "account-disabled",
            Self::AccountInSession => ACCOUNT_IN_SESSION,
            Self::UserInactive => "user-inactive",
            Self::ConsentNeeded => "consent-needed",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<AppError> for EntryRefused {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Refused { name: ACCOUNT_IN_SESSION, .. } => Self::AccountInSession,
            _ => Self::Unavailable,
        }
    }
}

/// Refuses a sign-in outside of privileged sessions as an account that one of them holds. Asked again where it is
/// written, since a session may begin between a look and a row.
pub(crate) async fn refuse_in_session(reads: Reads<'_>, account: AccountId) -> Result<(), AppError> {
    if reads.sessions_of_account(account, &HOLDS).await?.is_empty() {
        return Ok(());
    }
    Err(AppError::refused(
        ACCOUNT_IN_SESSION,
        "A privileged session holds the account: it can be used only in that session until it is back.",
    ))
}

/// When whatever is opened in a session ends at the latest: the session's own end ends it before, and may be moved until
/// there.
fn longest(session: &PrivilegedSession) -> chaperone_domain::Instant {
    session.window.starts_at().saturating_add(WINDOW_MAX).unwrap_or(session.window.ends_at())
}

/// A code redeemed.
pub struct Redeemed {
    /// The secret for the target's cookie.
    pub secret: String,
    /// Where to go on, host-relative.
    pub return_path: String,
}

/// What the console page `/enter` asks for.
#[derive(Clone, Debug)]
pub struct EntryRequest {
    /// Where to.
    pub target_id: TargetId,
    /// The nonce that the target's host has put in a cookie.
    pub nonce: String,
    /// Where to go on there.
    pub return_path: String,
    /// By which sign-in, when it was opened before.
    pub sign_in_id: Option<SignInId>,
    /// Whether the user has agreed to be recorded, where that is needed.
    pub consent: bool,
}

/// A host-relative path to return to; anything else becomes `/`.
pub fn safe_return_path(path: &str) -> String {
    let fine = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(char::is_control)
        && path.len() <= RETURN_PATH_MAX_BYTES;
    if fine { path.to_owned() } else { "/".to_owned() }
}

fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

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

    async fn to_live(&self, sign_in: &SignIn) -> Result<Option<Arc<LiveSignIn>>, AppError> {
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

    /// The user's account at a target outside privileged sessions.
    async fn ordinary_account(&self, user: &User, target: &Target) -> Result<Account, EntryRefused> {
        let owned = self.store.read().accounts_of(user.id).await.map_err(|_| EntryRefused::Unavailable)?;
        let mut ordinary: Vec<Account> = owned
            .into_iter()
            .filter(|account| account.directory_id == target.directory_id && !account.privileged)
            .filter(|account| account.state != AccountState::Absent)
            .collect();
        // The account of the user's own name first, so that the choice is always the same.
        ordinary.sort_by_key(|account| {
            (!account.name.eq_ignore_ascii_case(&user.user_name), account.name.clone())
        });
        let account = ordinary.into_iter().next().ok_or(EntryRefused::NoAccount)?;
        refuse_in_session(self.store.read(), account.id).await?;
        if account.is_usable(self.now()) { Ok(account) } else { Err(EntryRefused::AccountDisabled) }
    }

    pub(crate) fn new_sign_in(
        &self,
        op: &Op,
        user: &User,
        account: &Account,
        session: Option<&PrivilegedSession>,
        token: Option<&ApiToken>,
    ) -> SignIn {
        let limit = new_limit(op.at, token);
        SignIn {
            id: SignInId::new(secrets::new_uuid(op.at)),
            user_id: user.id,
            kind: SignInKind::Target,
            channel: if token.is_some() { Channel::WebServices } else { Channel::Web },
            account_id: Some(account.id),
            privileged_session_id: session.map(|session| session.id),
            api_token_id: token.map(|token| token.id),
            client_address: op.client.address.clone(),
            user_agent: op.client.user_agent.clone(),
            started_at: op.at,
            authenticated_at: op.at,
            last_seen_at: op.at,
            expires_at: match (session.map(longest), token) {
                (Some(longest), None) => longest,
                (Some(longest), Some(_)) => longest.min(limit),
                (None, _) => limit,
            },
            end: None,
        }
    }

    async fn begin_unrecorded(
        &self,
        op: &Op,
        sign_in: SignIn,
        user: User,
        account: Account,
    ) -> Result<Arc<LiveSignIn>, AppError> {
        let (tx_op, row, account_id) = (op.clone(), sign_in.clone(), account.id);
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    refuse_in_session(tx.read(), account_id).await?;
                    tx.insert_sign_in(&row, None).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(started_event(&op, &row))))
                })
            })
            .await?;
        let facts = LiveFacts { user, account, session: None, expires_at: sign_in.expires_at };
        let live = LiveSignIn::new(&sign_in, facts, Recorded::No);
        self.gate.insert(live.clone());
        self.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![sign_in.user_id]);
        Ok(live)
    }

    /// The console's answer to a browser that comes from a target: a one-time code, as the address to go to.
    pub async fn begin_entry(&self, op: &Op, request: EntryRequest) -> Result<String, EntryRefused> {
        let target =
            self.store.read().target(request.target_id).await.map_err(|_| EntryRefused::Unavailable)?;
        let target = target.ok_or(EntryRefused::NotYours)?;
        let begun = self.entry_code(op, &target, request).await;
        match begun {
            // To be asked for consent is a step on the way, and no refusal.
            Ok(_) | Err(EntryRefused::ConsentNeeded) => {}
            Err(why) => self.entry_refused(op, &target, why).await,
        }
        begun
    }

    async fn entry_code(
        &self,
        op: &Op,
        target: &Target,
        request: EntryRequest,
    ) -> Result<String, EntryRefused> {
        let unavailable = |_| EntryRefused::Unavailable;
        let user = op.user().map_err(|_| EntryRefused::NotYours)?.clone();
        let live = match request.sign_in_id {
            Some(id) => {
                let live = self.gate.by_id(id).ok_or(EntryRefused::SignInOver)?;
                let facts = live.facts();
                let leads_here =
                    facts.session.as_ref().is_none_or(|session| session.target_ids.contains(&target.id));
                if facts.user.id != user.id || live.channel != Channel::Web || !leads_here {
                    return Err(EntryRefused::NotYours);
                }
                live
            }
            None => self.ordinary_sign_in(op, &user, target, request.consent).await?,
        };
        let code = secrets::new_secret();
        let row = EntryCode {
            hash: secrets::hash(&code),
            sign_in_id: live.id,
            host: target.host.clone(),
            nonce_hash: secrets::hash(&request.nonce),
            return_path: safe_return_path(&request.return_path),
            expires_at: op.at.saturating_add(CODE_LIFETIME).unwrap_or(op.at),
        };
        self.store
            .keep_books(move |books| {
                let row = row.clone();
                Box::pin(async move { books.insert_entry_code(row).await })
            })
            .await
            .map_err(|error| unavailable(AppError::from(error)))?;
        Ok(format!("{}/.chaperone/enter?code={code}", self.target_address(target)))
    }

    async fn ordinary_sign_in(
        &self,
        op: &Op,
        user: &User,
        target: &Target,
        consent: bool,
    ) -> Result<Arc<LiveSignIn>, EntryRefused> {
        let account = self.ordinary_account(user, target).await?;
        let recorded = target.recording == TargetRecording::Always;
        let open = self.gate.of_user(user.id).into_iter().find(|live| {
            let facts = live.facts();
            live.channel == Channel::Web
                && facts.session.is_none()
                && facts.account.id == account.id
                && live.is_cut().is_none()
                && op.at < facts.expires_at
                && matches!(live.recorded, Recorded::Here(_)) == recorded
        });
        if let Some(live) = open {
            return Ok(live);
        }
        if recorded && !consent {
            return Err(EntryRefused::ConsentNeeded);
        }
        let sign_in = self.new_sign_in(op, user, &account, None, None);
        let begun = if recorded {
            self.begin_recorded(op, sign_in, user, &account, None, true).await
        } else {
            self.begin_unrecorded(op, sign_in, user.clone(), account).await
        };
        begun.map_err(EntryRefused::from)
    }

    /// Where an unknown browser goes from a target: the console's `/enter`.
    pub fn enter_address(
        &self,
        target: &Target,
        nonce: &str,
        return_path: &str,
        sign_in: Option<SignInId>,
    ) -> String {
        let mut address = format!(
            "{}/enter?target={}&nonce={}&return={}",
            self.addresses.console,
            target.id,
            escape(nonce),
            escape(&safe_return_path(return_path))
        );
        if let Some(id) = sign_in {
            address.push_str(&format!("&sign_in={id}"));
        }
        address
    }

    /// Redeems a one-time code at the target's host: once, in time, by the browser that asked for it. `brought` is the
    /// code and the nonce of that browser; nothing, when one of them is missing or did not come by a navigation.
    pub async fn redeem(
        &self,
        target: &Target,
        brought: Option<(&str, &str)>,
        client: &Client,
    ) -> Result<Redeemed, EntryRefused> {
        let redeemed = match brought {
            Some((code, nonce)) => self.redeem_code(target, code, nonce).await,
            None => Err(EntryRefused::CodeInvalid),
        };
        if let Err(why) = redeemed {
            let op = Op::anonymous(self.now(), Channel::Web, client.clone());
            self.entry_refused(&op, target, why).await;
            return Err(why);
        }
        redeemed
    }

    async fn redeem_code(&self, target: &Target, code: &str, nonce: &str) -> Result<Redeemed, EntryRefused> {
        let (hash, now) = (secrets::hash(code), self.now());
        let row = self
            .store
            .keep_books(move |books| Box::pin(async move { books.redeem_entry_code(&hash, now).await }))
            .await
            .map_err(|_| EntryRefused::Unavailable)?
            .filter(|row| row.host == target.host && row.nonce_hash == secrets::hash(nonce))
            .ok_or(EntryRefused::CodeInvalid)?;
        let live = self.gate.by_id(row.sign_in_id).ok_or(EntryRefused::SignInOver)?;
        let secret = secrets::new_secret();
        let secret_hash = secrets::hash(&secret);
        let (id, host) = (live.id, target.host.clone());
        self.store
            .keep_books(move |books| {
                let host = host.clone();
                Box::pin(async move { books.add_sign_in_secret(id, &secret_hash, &host).await })
            })
            .await
            .map_err(|_| EntryRefused::Unavailable)?;
        self.gate.add_secret(&live, secret_hash, &target.host);
        Ok(Redeemed { secret, return_path: row.return_path })
    }

    /// The user signs out of their targets.
    pub async fn sign_out_target(&self, sign_in: &LiveSignIn) -> Result<(), AppError> {
        let row =
            self.store.read().sign_in(sign_in.id).await?.ok_or(AppError::NotFound { noun: "sign-in" })?;
        self.end_sign_in_row(&self.op_of(sign_in, &Client::default()), row, EndKind::SignedOut).await
    }

    /// The operation of the user behind a live sign-in.
    fn op_of(&self, sign_in: &LiveSignIn, client: &Client) -> Op {
        Op {
            who: Who::User(Box::new(sign_in.facts().user.clone())),
            at: self.now(),
            channel: Some(sign_in.channel),
            client: client.clone(),
            sign_in_id: Some(sign_in.id),
        }
    }

    /// A fresh nonce for a target's host.
    pub fn new_nonce(&self) -> String {
        let mut bytes = [0; 16];
        secrets::fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_paths_stay_on_the_host() {
        assert_eq!(safe_return_path("/vendors?page=2"), "/vendors?page=2");
        for bad in ["//evil.example", "https://evil.example", "/\\evil", "", "vendors", "/a\nb"] {
            assert_eq!(safe_return_path(bad), "/", "{bad:?}");
        }
    }
}
