//! What the gateway asks of the app: who is there, may they, as whom; decided from memory on the way of a request.
//!
//! The gate holds every open target sign-in and every target. Use cases that end, disable or change something
//! tell the gate *after* their commit; deadlines are known in advance, so that a session is cut in time even when
//! the database is away. What is not known here is looked up once in the store (it may have begun on another
//! node).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::ids::{AccountId, SignInId, UserId};
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::Target;
use chaperone_domain::user::User;

mod live;

pub(crate) use live::Seen;
pub use live::{Cut, LiveFacts, LiveSignIn, Recorded, SessionFacts};

/// Why somebody is not let through. Each has a page of its own that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The sign-in is over.
    SignInOver,
    /// The user is not active.
    UserInactive,
    /// The account is disabled (or expired, or gone).
    AccountDisabled,
    /// The account is privileged and no Active session covers it now.
    NoActiveSession,
    /// The privileged session does not name this target.
    TargetNotInSession,
    /// The account is of another directory than the target.
    OtherDirectory,
    /// Web services are refused inside privileged sessions at this target.
    WebServicesRefused,
    /// It must be recorded and cannot be at the moment.
    RecordingUnavailable,
}

impl NotAdmitted {
    /// The stable name, for problems, events and pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignInOver => "sign-in-over",
            Self::UserInactive => "user-inactive",
            Self::AccountDisabled => "account-disabled",
            Self::NoActiveSession => "no-active-session",
            Self::TargetNotInSession => "target-not-in-session",
            Self::OtherDirectory => "other-directory",
            Self::WebServicesRefused => "web-services-refused",
            Self::RecordingUnavailable => "recording-unavailable",
        }
    }
}

/// Decides whether a live sign-in may use a target now. Pure: facts and instant are handed in.
pub fn admit(sign_in: &LiveSignIn, target: &Target, now: Instant) -> Result<(), NotAdmitted> {
    use chaperone_domain::target::WebServicesInSession;
    let facts = sign_in.facts.load();
    if sign_in.is_cut() == Some(Cut::Ended) || now >= facts.expires_at {
        return Err(NotAdmitted::SignInOver);
    }
    if !facts.user.active {
        return Err(NotAdmitted::UserInactive);
    }
    if facts.account.directory_id != target.directory_id {
        return Err(NotAdmitted::OtherDirectory);
    }
    match &facts.session {
        Some(session) => {
            if !session.active || now >= session.ends_at {
                return Err(NotAdmitted::NoActiveSession);
            }
            if !session.target_ids.contains(&target.id) {
                return Err(NotAdmitted::TargetNotInSession);
            }
            if sign_in.channel == Channel::WebServices
                && target.web_services_in_session == WebServicesInSession::Refuse
            {
                return Err(NotAdmitted::WebServicesRefused);
            }
        }
        None if facts.account.privileged => return Err(NotAdmitted::NoActiveSession),
        None => {}
    }
    if !facts.account.is_usable(now) {
        return Err(NotAdmitted::AccountDisabled);
    }
    if matches!(sign_in.recorded, Recorded::Unavailable) {
        return Err(NotAdmitted::RecordingUnavailable);
    }
    Ok(())
}

impl From<&PrivilegedSession> for SessionFacts {
    fn from(session: &PrivilegedSession) -> Self {
        Self {
            id: session.id,
            active: session.state == State::Active,
            ends_at: session.window.ends_at(),
            reason: session.reason.clone(),
            target_ids: session.target_ids.clone(),
        }
    }
}

/// The hash under which a secret of 32 random bytes is kept.
pub type SecretHash = [u8; 32];

/// Every open target sign-in and every target, in memory.
#[derive(Default)]
pub struct Gate {
    targets: ArcSwap<HashMap<String, Arc<Target>>>,
    live: RwLock<Live>,
    /// Sign-ins that have ended and whose last uses are not stored yet.
    ended: Mutex<Vec<Arc<LiveSignIn>>>,
}

#[derive(Default)]
struct Live {
    /// A secret is bound to hosts: the cookie of one target does not open another, and a token may be known at several.
    by_secret: HashMap<SecretHash, Vec<(String, Arc<LiveSignIn>)>>,
    by_id: HashMap<SignInId, (Arc<LiveSignIn>, Vec<SecretHash>)>,
}

impl Live {
    fn forget(&mut self, secret: &SecretHash, which: impl Fn(&LiveSignIn) -> bool) {
        if let Some(bound) = self.by_secret.get_mut(secret) {
            bound.retain(|(_, known)| !which(known));
            if bound.is_empty() {
                self.by_secret.remove(secret);
            }
        }
    }
}

impl Gate {
    /// The target of that host (lower case, without port).
    pub fn target(&self, host: &str) -> Option<Arc<Target>> {
        self.targets.load().get(host).cloned()
    }

    /// Replaces the targets.
    pub fn set_targets(&self, targets: Vec<Target>) {
        let by_host = targets.into_iter().map(|target| (target.host.clone(), Arc::new(target))).collect();
        self.targets.store(Arc::new(by_host));
    }

    /// The live sign-in whose secret for that host has this hash.
    pub fn by_secret(&self, hash: &SecretHash, host: &str) -> Option<Arc<LiveSignIn>> {
        let live = self.live.read().ok()?;
        live.by_secret.get(hash)?.iter().find(|(bound, _)| bound == host).map(|(_, live)| live.clone())
    }

    /// The live sign-in of that id.
    pub fn by_id(&self, id: SignInId) -> Option<Arc<LiveSignIn>> {
        self.live.read().ok()?.by_id.get(&id).map(|(live, _)| live.clone())
    }

    /// Everything live.
    pub fn all(&self) -> Vec<Arc<LiveSignIn>> {
        self.live
            .read()
            .map(|live| live.by_id.values().map(|(live, _)| live.clone()).collect())
            .unwrap_or_default()
    }

    /// Takes in a live sign-in.
    pub fn insert(&self, sign_in: Arc<LiveSignIn>) {
        if let Ok(mut live) = self.live.write() {
            live.by_id.entry(sign_in.id).or_insert_with(|| (sign_in, Vec::new()));
        }
    }

    /// Adds a secret by which a live sign-in is known at one host.
    pub fn add_secret(&self, sign_in: &Arc<LiveSignIn>, hash: SecretHash, host: &str) {
        if let Ok(mut live) = self.live.write()
            && let Some((_, secrets)) = live.by_id.get_mut(&sign_in.id)
        {
            secrets.push(hash);
            let bound = live.by_secret.entry(hash).or_default();
            bound.retain(|(known, _)| known != host);
            bound.push((host.to_owned(), sign_in.clone()));
        }
    }

    /// Cuts a sign-in and forgets it.
    pub fn end(&self, id: SignInId) {
        let found = self.live.write().ok().and_then(|mut live| {
            let (sign_in, secrets) = live.by_id.remove(&id)?;
            for secret in secrets {
                live.forget(&secret, |known| known.id == id);
            }
            Some(sign_in)
        });
        if let Some(sign_in) = found {
            sign_in.end();
            self.keep_ended(sign_in);
        }
    }

    /// Keeps a sign-in that has ended until its last uses are stored.
    pub(crate) fn keep_ended(&self, sign_in: Arc<LiveSignIn>) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(sign_in);
    }

    /// Sign-ins that have ended since this was last asked.
    pub(crate) fn take_ended(&self) -> Vec<Arc<LiveSignIn>> {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets at which hosts the user's tokens are known as which account: it is decided anew with their next call.
    fn forget_tokens(&self, user: UserId) {
        let concerned: Vec<_> =
            self.of_user(user).into_iter().filter(|live| live.api_token_id.is_some()).collect();
        let Ok(mut live) = self.live.write() else { return };
        for sign_in in concerned {
            let secrets = live.by_id.get_mut(&sign_in.id).map(|(_, secrets)| std::mem::take(secrets));
            for secret in secrets.unwrap_or_default() {
                live.forget(&secret, |known| known.id == sign_in.id);
            }
        }
    }

    /// Hands every live sign-in's facts to `change`; those that it changes are replaced. When the new facts no
    /// longer allow anything, open streams are cut at once.
    fn update(&self, change: impl Fn(&mut LiveFacts) -> bool) {
        for sign_in in self.all() {
            let mut facts = (*sign_in.facts()).clone();
            if change(&mut facts) {
                let suspended = !facts.user.active
                    || facts.account.state != AccountState::Enabled
                    || facts.session.as_ref().is_some_and(|session| !session.active);
                sign_in.learn(facts);
                sign_in.suspend(suspended);
            }
        }
    }

    /// Tells of a changed user.
    pub fn user_changed(&self, user: &User) {
        self.update(|facts| {
            let concerned = facts.user.id == user.id;
            if concerned {
                facts.user = user.clone();
            }
            concerned
        });
    }

    /// Tells of a changed account.
    pub fn account_changed(&self, account: &Account) {
        self.update(|facts| {
            let concerned = facts.account.id == account.id;
            if concerned {
                facts.account = account.clone();
            }
            concerned
        });
    }

    /// Tells of a changed privileged session.
    pub fn session_changed(&self, session: &PrivilegedSession) {
        self.update(|facts| match &mut facts.session {
            Some(known) if known.id == session.id => {
                *known = session.into();
                true
            }
            _ => false,
        });
        // A program may act as the session's account from now on.
        self.forget_tokens(session.user_id);
    }

    /// The live sign-ins of an account.
    pub fn of_account(&self, account: AccountId) -> Vec<Arc<LiveSignIn>> {
        self.all().into_iter().filter(|sign_in| sign_in.facts().account.id == account).collect()
    }

    /// The live sign-ins of a user.
    pub fn of_user(&self, user: UserId) -> Vec<Arc<LiveSignIn>> {
        self.all().into_iter().filter(|sign_in| sign_in.facts().user.id == user).collect()
    }
}
