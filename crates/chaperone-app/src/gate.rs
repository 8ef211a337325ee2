//! What the gateway asks of the app: who is there, may they, as whom; decided from memory on the way of a request.
//!
//! The gate holds every open target sign-in and every target. Use cases that end, disable or change something
//! tell the gate *after* their commit; deadlines are known in advance, so that a session is cut in time even when
//! the database is away. What is not known here is looked up once in the store (it may have begun on another
//! node).

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::ids::{AccountId, PrivilegedSessionId, SignInId, TargetId, UserId};
use chaperone_domain::privileged_session::{PrivilegedSession, State};
use chaperone_domain::sign_in::{Channel, SignIn};
use chaperone_domain::target::Target;
use chaperone_domain::user::User;
use chaperone_recording::Writer;
use tokio::sync::watch;

/// Why a sign-in that was live is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its time is over.
    Deadline,
    /// Nothing is allowed at the moment (account disabled, user inactive); it may be again.
    Suspended,
    /// Somebody or something ended it.
    Ended,
}

/// The privileged session of a live sign-in, as far as the way of a request needs it.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Which.
    pub id: PrivilegedSessionId,
    /// Whether it is Active.
    pub active: bool,
    /// When it ends.
    pub ends_at: Instant,
    /// What for; shown in the banner.
    pub reason: String,
    /// Where it leads.
    pub target_ids: Vec<TargetId>,
}

/// Everything that admission looks at; replaced as a whole when something changes.
#[derive(Clone, Debug)]
pub struct LiveFacts {
    /// Who.
    pub user: User,
    /// As which account.
    pub account: Account,
    /// In which privileged session.
    pub session: Option<SessionFacts>,
    /// When the sign-in ends at the latest.
    pub expires_at: Instant,
}

/// How a live sign-in is recorded.
#[derive(Clone)]
pub enum Recorded {
    /// Not at all.
    No,
    /// Here.
    Here(Arc<Writer>),
    /// It must be, and cannot be at the moment: nothing goes through.
    Unavailable,
}

/// A target sign-in that goes on, in memory.
pub struct LiveSignIn {
    /// Identity.
    pub id: SignInId,
    /// Through which door.
    pub channel: Channel,
    /// How it is recorded.
    pub recorded: Recorded,
    facts: ArcSwap<LiveFacts>,
    last_seen_us: AtomicI64,
    stored_last_seen_us: AtomicI64,
    targets_seen: Mutex<HashMap<TargetId, i64>>,
    cut: watch::Sender<Option<Cut>>,
}

impl LiveSignIn {
    /// A live sign-in from its rows.
    pub fn new(sign_in: &SignIn, facts: LiveFacts, recorded: Recorded) -> Arc<Self> {
        let last_seen_us = sign_in.last_seen_at.as_microsecond();
        Arc::new(Self {
            id: sign_in.id,
            channel: sign_in.channel,
            recorded,
            facts: ArcSwap::from_pointee(facts),
            last_seen_us: AtomicI64::new(last_seen_us),
            stored_last_seen_us: AtomicI64::new(last_seen_us),
            targets_seen: Mutex::default(),
            cut: watch::Sender::new(None),
        })
    }

    /// What admission looks at now.
    pub fn facts(&self) -> Arc<LiveFacts> {
        self.facts.load_full()
    }

    /// Notes that it was used at a target.
    pub fn seen(&self, now: Instant, target: TargetId) {
        let now_us = now.as_microsecond();
        self.last_seen_us.fetch_max(now_us, Ordering::Relaxed);
        if let Ok(mut seen) = self.targets_seen.lock() {
            seen.insert(target, now_us);
        }
    }

    /// What was used since this was last asked: the last use and the targets, for the job that stores it.
    pub(crate) fn take_seen(&self) -> Option<(Instant, Vec<(TargetId, Instant)>)> {
        let seen_us = self.last_seen_us.load(Ordering::Relaxed);
        let stored_us = self.stored_last_seen_us.swap(seen_us, Ordering::Relaxed);
        if seen_us <= stored_us {
            return None;
        }
        let at = Instant::from_microsecond(seen_us).ok()?;
        let targets = self.targets_seen.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
        let targets = targets
            .into_iter()
            .filter_map(|(target, us)| Some((target, Instant::from_microsecond(us).ok()?)))
            .collect();
        Some((at, targets))
    }

    /// When it is over at the latest: its own limit or its session's end.
    pub fn deadline(&self) -> Instant {
        let facts = self.facts.load();
        facts.session.as_ref().map_or(facts.expires_at, |session| session.ends_at.min(facts.expires_at))
    }

    /// Whether it was cut.
    pub fn is_cut(&self) -> Option<Cut> {
        *self.cut.borrow()
    }

    /// Resolves when the sign-in is over: at its deadline by the monotonic clock (`now` is the wall clock's
    /// instant at the call), or as soon as it is cut. Every open stream waits for this beside its own work.
    pub async fn until_cut(&self, now: Instant) -> Cut {
        let mut cut = self.cut.subscribe();
        let left = self.deadline().duration_since(now);
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        let deadline = tokio::time::sleep(left);
        tokio::pin!(deadline);
        loop {
            if let Some(cut) = *cut.borrow_and_update() {
                return cut;
            }
            tokio::select! {
                () = &mut deadline => return Cut::Deadline,
                changed = cut.changed() => if changed.is_err() { return Cut::Ended },
            }
        }
    }

    /// Cuts for good.
    fn end(&self) {
        self.cut.send_replace(Some(Cut::Ended));
    }

    /// Cuts open streams until the facts allow something again; what has ended stays so.
    fn suspend(&self, suspended: bool) {
        self.cut.send_if_modified(|state| match (*state, suspended) {
            (None, true) => {
                *state = Some(Cut::Suspended);
                true
            }
            (Some(Cut::Suspended), false) => {
                *state = None;
                true
            }
            _ => false,
        });
    }
}

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
}

#[derive(Default)]
struct Live {
    /// A secret is bound to one host: the cookie of one target does not open another.
    by_secret: HashMap<SecretHash, (Arc<LiveSignIn>, String)>,
    by_id: HashMap<SignInId, (Arc<LiveSignIn>, Vec<SecretHash>)>,
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
        live.by_secret.get(hash).filter(|(_, bound)| bound == host).map(|(live, _)| live.clone())
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
            live.by_secret.insert(hash, (sign_in.clone(), host.to_owned()));
        }
    }

    /// Cuts a sign-in and forgets it.
    pub fn end(&self, id: SignInId) {
        let found = self.live.write().ok().and_then(|mut live| {
            let (sign_in, secrets) = live.by_id.remove(&id)?;
            for secret in secrets {
                live.by_secret.remove(&secret);
            }
            Some(sign_in)
        });
        if let Some(sign_in) = found {
            sign_in.end();
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
                sign_in.facts.store(Arc::new(facts));
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
