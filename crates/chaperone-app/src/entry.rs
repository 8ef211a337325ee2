//! The way into a target: from the console by a one-time code, or by a token ([`tokens`]).
//!
//! | file | what |
//! | --- | --- |
//! | `ordinary` | outside of privileged sessions: with which account, and not while a session holds it |
//! | `tokens` | programs |
//! | `live` | sign-ins that are open: taken in at start, known by their cookies |
//! | `refused` | what the gateway tells of whom it did not let through |

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::account::Account;
use chaperone_domain::ids::{SignInId, TargetId};
use chaperone_domain::privileged_session::{PrivilegedSession, WINDOW_MAX};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind};
use chaperone_domain::target::Target;
use chaperone_domain::user::User;
use chaperone_store::{ApiToken, EntryCode};
use jiff::SignedDuration;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::gate::{LiveFacts, LiveSignIn, Recorded, SessionFacts};
use crate::op::{Client, Op, Who};
use crate::secrets;
use crate::sign_ins::{new_limit, started_event};

mod live;
mod ordinary;
mod refused;
mod tokens;

pub(crate) use ordinary::refuse_in_session;
pub(crate) use tokens::is_begun_already;

/// How long a one-time code may be redeemed.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Longest return path, in bytes.
pub const RETURN_PATH_MAX_BYTES: usize = 2048;

/// The name of the rule that an account which a session holds is used in that session only.
const ACCOUNT_IN_SESSION: &str = "account-in-session";
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
