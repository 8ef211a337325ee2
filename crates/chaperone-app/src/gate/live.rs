//! A target sign-in that goes on, in memory: what admission looks at, when it is over, and what was used.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::ids::{ApiTokenId, PrivilegedSessionId, SignInId, TargetId};
use chaperone_domain::sign_in::{Channel, SignIn, TargetUse};
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

/// What was used since this was last asked.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The last use.
    pub(crate) at: Instant,
    /// The use of targets since then.
    pub(crate) targets: Vec<TargetUse>,
}

/// The use of a target, as far as it is not stored.
struct Noted {
    used: TargetUse,
    is_stored: bool,
}

/// A target sign-in that goes on, in memory.
pub struct LiveSignIn {
    /// Identity.
    pub id: SignInId,
    /// Through which door.
    pub channel: Channel,
    /// By which token.
    pub api_token_id: Option<ApiTokenId>,
    /// How it is recorded.
    pub recorded: Recorded,
    pub(super) facts: ArcSwap<LiveFacts>,
    /// How often the facts were replaced.
    learned: AtomicU64,
    last_seen_us: AtomicI64,
    stored_last_seen_us: AtomicI64,
    uses: Mutex<HashMap<TargetId, Noted>>,
    cut: watch::Sender<Option<Cut>>,
}

impl LiveSignIn {
    /// A live sign-in from its rows.
    pub fn new(sign_in: &SignIn, facts: LiveFacts, recorded: Recorded) -> Arc<Self> {
        let last_seen_us = sign_in.last_seen_at.as_microsecond();
        Arc::new(Self {
            id: sign_in.id,
            channel: sign_in.channel,
            api_token_id: sign_in.api_token_id,
            recorded,
            facts: ArcSwap::from_pointee(facts),
            learned: AtomicU64::new(0),
            last_seen_us: AtomicI64::new(last_seen_us),
            stored_last_seen_us: AtomicI64::new(last_seen_us),
            uses: Mutex::default(),
            cut: watch::Sender::new(None),
        })
    }

    /// What admission looks at now.
    pub fn facts(&self) -> Arc<LiveFacts> {
        self.facts.load_full()
    }

    /// Replaces the facts; open streams look at their deadline again.
    pub(super) fn learn(&self, facts: LiveFacts) {
        self.facts.store(Arc::new(facts));
        self.learned.fetch_add(1, Ordering::Release);
        self.cut.send_modify(|_| ());
    }

    /// How often the facts were replaced: a deadline that was read before may have moved.
    pub fn learned(&self) -> u64 {
        self.learned.load(Ordering::Acquire)
    }

    /// Goes on with what is stored of its use: a pause over a restart is idle time like any other.
    pub(crate) fn go_on(&self, stored: Vec<TargetUse>) {
        let noted = stored.into_iter().map(|used| {
            let used = used.going_on();
            (used.target_id, Noted { used, is_stored: true })
        });
        self.lock_uses().extend(noted);
    }

    fn lock_uses(&self) -> MutexGuard<'_, HashMap<TargetId, Noted>> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that it was used at a target.
    pub fn seen(&self, now: Instant, target: TargetId) {
        self.last_seen_us.fetch_max(now.as_microsecond(), Ordering::Relaxed);
        let mut uses = self.lock_uses();
        let fresh = || Noted { used: TargetUse::begun(target, now), is_stored: false };
        let noted = uses.entry(target).or_insert_with(fresh);
        noted.used.used(now);
        noted.is_stored = false;
    }

    /// What was used since this was last asked, for the job that stores it.
    pub(crate) fn take_seen(&self) -> Option<Seen> {
        let seen_us = self.last_seen_us.load(Ordering::Relaxed);
        let stored_us = self.stored_last_seen_us.swap(seen_us, Ordering::Relaxed);
        let mut targets = Vec::new();
        for noted in self.lock_uses().values_mut().filter(|noted| !noted.is_stored) {
            targets.push(noted.used);
            *noted = Noted { used: noted.used.going_on(), is_stored: true };
        }
        if seen_us <= stored_us && targets.is_empty() {
            return None;
        }
        Some(Seen { at: Instant::from_microsecond(seen_us).ok()?, targets })
    }

    /// Takes back what could not be stored.
    pub(crate) fn give_back(&self, seen: Seen) {
        self.stored_last_seen_us.store(i64::MIN, Ordering::Relaxed);
        let mut uses = self.lock_uses();
        for used in seen.targets {
            if let Some(noted) = uses.get_mut(&used.target_id) {
                noted.used.active = noted.used.active.saturating_add(used.active);
                noted.used.idle = noted.used.idle.saturating_add(used.idle);
                noted.is_stored = false;
            }
        }
    }

    /// When it is over at the latest: its own limit or its session's end, which moves when the session is extended or
    /// shortened.
    pub fn deadline(&self) -> Instant {
        let facts = self.facts.load();
        facts.session.as_ref().map_or(facts.expires_at, |session| session.ends_at.min(facts.expires_at))
    }

    /// Whether it was cut.
    pub fn is_cut(&self) -> Option<Cut> {
        *self.cut.borrow()
    }

    /// Resolves when the sign-in is over: at its deadline by the monotonic clock (`now` is the wall clock's
    /// instant at the call), wherever that is moved to meanwhile, or as soon as it is cut. Every open stream waits for
    /// this beside its own work.
    pub async fn until_cut(&self, now: Instant) -> Cut {
        let mut cut = self.cut.subscribe();
        let begun = tokio::time::Instant::now();
        loop {
            if let Some(cut) = *cut.borrow_and_update() {
                return cut;
            }
            let left = Duration::try_from(self.deadline().duration_since(now)).unwrap_or(Duration::ZERO);
            tokio::select! {
                () = tokio::time::sleep_until(begun + left) => return Cut::Deadline,
                changed = cut.changed() => if changed.is_err() { return Cut::Ended },
            }
        }
    }

    /// Cuts for good.
    pub(super) fn end(&self) {
        self.cut.send_replace(Some(Cut::Ended));
    }

    /// Cuts open streams until the facts allow something again; what has ended stays so.
    pub(super) fn suspend(&self, suspended: bool) {
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
