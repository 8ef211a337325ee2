//! Grants: what Chaperone does to one account while at least one privileged session holds it, and the way back.
//!
//! Both directions ([`cycle`]) are *level-triggered*: they look at the account as it is now and say the one thing to do next,
//! so that they can be asked again after any crash, by any node, and come to the same end. The way back compares
//! three ways (what it was, what we made of it, what it is) and never re-enables what somebody else disabled.

use jiff::SignedDuration;

pub mod cycle;
pub mod lease;
pub mod lost;

pub use cycle::{BackStep, ForwardStep, back, forward};
pub use lease::{Doubt, LEASE, LEASE_MARGIN, Lease};

use crate::Instant;
use crate::account::AccountState;
use crate::ids::{AccountId, GrantId, PrivilegedSessionId};

/// A start that is not proved after this long could not start.
pub const START_LIMIT: SignedDuration = SignedDuration::from_secs(60);
/// Longest pause between two attempts to reach a directory.
pub const RETRY_MAX: SignedDuration = SignedDuration::from_mins(5);

/// What a privileged session wants of an account (API: `account_action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Leave it as it is.
    None,
    /// Enabled for the time of the session.
    Enable,
    /// Disabled for the time of the session.
    Disable,
}

impl Wish {
    /// Every wish.
    pub const ALL: [Self; 3] = [Self::None, Self::Enable, Self::Disable];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    /// The wish of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wish| wish.name() == name)
    }

    /// Whether two sessions cannot hold one account at the same time.
    pub const fn is_opposite(self, other: Self) -> bool {
        matches!((self, other), (Self::Enable, Self::Disable) | (Self::Disable, Self::Enable))
    }

    /// The wish for that state; `None` for one that nobody can wish for.
    pub const fn for_state(state: AccountState) -> Option<Self> {
        match state {
            AccountState::Enabled => Some(Self::Enable),
            AccountState::Disabled => Some(Self::Disable),
            AccountState::Absent => None,
        }
    }

    /// The state that the wish asks for, given what the account was.
    pub const fn desired(self, baseline: AccountState) -> AccountState {
        match self {
            Self::None => baseline,
            Self::Enable => AccountState::Enabled,
            Self::Disable => AccountState::Disabled,
        }
    }
}

/// Everything about an account that setting it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Enabled, disabled or absent.
    pub state: AccountState,
    /// The directory's own expiry, where it has one.
    pub expires_at: Option<Instant>,
}

impl Attributes {
    /// The stricter of the two, attribute by attribute.
    pub fn stricter(self, other: Self) -> Self {
        Self {
            state: if rank(self.state) >= rank(other.state) { self.state } else { other.state },
            expires_at: match (self.expires_at, other.expires_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    /// Whether this allows nothing that `other` forbids.
    pub fn at_least_as_strict_as(self, other: Self) -> bool {
        self.stricter(other) == self
    }
}

const fn rank(state: AccountState) -> u8 {
    match state {
        AccountState::Enabled => 0,
        AccountState::Disabled => 1,
        AccountState::Absent => 2,
    }
}

/// How a grant was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantOutcome {
    /// Chaperone never changed the account.
    Untouched,
    /// It is back in its original state.
    Restored,
    /// Somebody else made it stricter meanwhile; it was left so.
    KeptChangedByOthers,
    /// Somebody else made it laxer meanwhile; it was set to the stricter of both.
    SetStricter,
    /// The account is gone.
    Absent,
}

impl GrantOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Untouched, Self::Restored, Self::KeptChangedByOthers, Self::SetStricter, Self::Absent];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Restored => "restored",
            Self::KeptChangedByOthers => "kept_changed_by_others",
            Self::SetStricter => "set_stricter",
            Self::Absent => "absent",
        }
    }

    /// The outcome of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// Where a grant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantPhase {
    /// The intent is written; the account is not proved yet.
    Opening,
    /// The account is as desired.
    Held,
    /// The way back is intended and not proved yet.
    Closing,
    /// The account is proved back.
    Closed,
}

impl GrantPhase {
    /// Every phase.
    pub const ALL: [Self; 4] = [Self::Opening, Self::Held, Self::Closing, Self::Closed];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Held => "held",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    /// The phase of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// What Chaperone does to one account. At most one open grant per account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Identity.
    pub id: GrantId,
    /// The account.
    pub account_id: AccountId,
    /// Where it stands.
    pub phase: GrantPhase,
    /// What the account was when the first holder started.
    pub baseline: Attributes,
    /// What it goes back to, when that is not the baseline: the stricter of it and of what somebody else made of the
    /// account, or what was left when the grant was closed and a late effect is put back.
    pub back_to: Option<Attributes>,
    /// What it should be now.
    pub desired: Attributes,
    /// What the account can be by what Chaperone did: what was last proved (at first the baseline), then what was
    /// intended since, the last intent last. Anything else is somebody else's doing.
    pub known: Vec<Attributes>,
    /// Whether anything but the baseline was ever intended.
    pub touched: bool,
    /// What was last seen.
    pub observed: Attributes,
    /// When the last holder ends.
    pub deadline: Instant,
    /// Rises whenever a node takes the grant; a stale node loses on it.
    pub fence: i64,
    /// Which node works on it, and until when.
    pub lease: Option<Lease>,
    /// What a call may have done, or may still do, whose end nobody heard.
    pub doubtful: Vec<Doubt>,
    /// Attempts since the last success.
    pub attempt: i64,
    /// When to try next.
    pub next_try_at: Option<Instant>,
    /// What went wrong last, for an operator.
    pub problem: Option<String>,
    /// How it was closed, or is to be closed once that is proved.
    pub outcome: Option<GrantOutcome>,
    /// When the account is looked at once more after the grant was closed.
    pub look_again_at: Option<Instant>,
    /// When it was opened.
    pub created_at: Instant,
    /// When it was closed.
    pub closed_at: Option<Instant>,
}

/// One privileged session's hold on a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantHolder {
    /// The grant.
    pub grant_id: GrantId,
    /// Who holds it.
    pub privileged_session_id: PrivilegedSessionId,
    /// What the session asked for.
    pub wish: Wish,
    /// To what an administrator switched the account for the rest of the session.
    pub switched_to: Option<AccountState>,
    /// Until when.
    pub until: Instant,
    /// When the hold was released.
    pub released_at: Option<Instant>,
}

impl GrantHolder {
    /// What the session wants now: what it was switched to, else what it asked for.
    pub fn wants(&self) -> Wish {
        self.switched_to.and_then(Wish::for_state).unwrap_or(self.wish)
    }
}

/// How long to wait before attempt number `attempt` (1 is the first repetition): 1 s doubled up to [`RETRY_MAX`].
pub fn retry_pause(attempt: i64) -> SignedDuration {
    let seconds = 1_i64 << attempt.clamp(1, 20).saturating_sub(1);
    SignedDuration::from_secs(seconds).min(RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_only_ever_shortened() {
        let at = |second| Some(Instant::from_second(second).expect("in range"));
        let on = |expires_at| Attributes { state: AccountState::Enabled, expires_at };
        assert_eq!(on(at(10)).stricter(on(at(20))), on(at(10)));
        assert_eq!(on(at(20)).stricter(on(at(10))), on(at(10)));
        assert_eq!(on(None).stricter(on(at(20))), on(at(20)));
    }

    #[test]
    fn retries_wait_longer_up_to_five_minutes() {
        assert_eq!(retry_pause(1), SignedDuration::from_secs(1));
        assert_eq!(retry_pause(4), SignedDuration::from_secs(8));
        assert_eq!(retry_pause(1_000), RETRY_MAX);
    }
}
