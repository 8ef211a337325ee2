//! The privileged session: the request and, once approved, the window of time.
//!
//! [`transition`] is the whole state machine, one table; [`rules`] says who may make which move, when, and which
//! rule refuses it. Nothing else decides about a session.

use jiff::SignedDuration;

use crate::Instant;
use crate::grant::Wish;
use crate::ids::{AccountId, PrivilegedSessionId, TargetId, UserId};

pub mod rules;
pub mod transition;

pub use rules::{Action, Facts, Principal, Refusal};
pub use transition::{Move, State};

/// Longest time from start to end.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(24);
/// How far in the past a start may lie when it is asked for.
pub const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);
/// A session of which nothing could be recorded for this long ends.
pub const RECORDING_LOST_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Longest reason and comment, in characters.
pub const TEXT_MAX_CHARS: usize = 4000;
/// Longest ticket, in characters.
pub const TICKET_MAX_CHARS: usize = 200;
/// Most targets of one session.
pub const TARGETS_MAX: usize = 50;
/// Most accounts of one session.
pub const ACCOUNTS_MAX: usize = 20;

/// The status, as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Asked for.
    Draft,
    /// Allowed; the processor starts it at its time.
    Approved,
    /// Every grant is verified; the account can be used.
    Active,
    /// Over for the user; some account is not proved back yet.
    Ending,
    /// Over, every account proved back.
    Ended,
    /// Not allowed.
    Rejected,
    /// Taken back.
    Cancelled,
    /// Its end came before it was started.
    Expired,
    /// It could not start; every account is proved back.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Draft,
        Self::Approved,
        Self::Active,
        Self::Ending,
        Self::Ended,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
        Self::Failed,
    ];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "Draft",
            Self::Approved => "Approved",
            Self::Active => "Active",
            Self::Ending => "Ending",
            Self::Ended => "Ended",
            Self::Rejected => "Rejected",
            Self::Cancelled => "Cancelled",
            Self::Expired => "Expired",
            Self::Failed => "Failed",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing can happen any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ended | Self::Rejected | Self::Cancelled | Self::Expired | Self::Failed)
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its time was up.
    Completed,
    /// The user gave it back.
    HandedBack,
    /// An administrator or approver ended it.
    EndedByAdministrator,
    /// Nothing of it could be recorded for [`RECORDING_LOST_AFTER`].
    RecordingLost,
    /// The account is gone.
    AccountRemoved,
    /// The start was not proved in time.
    CouldNotStart,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Completed,
        Self::HandedBack,
        Self::EndedByAdministrator,
        Self::RecordingLost,
        Self::AccountRemoved,
        Self::CouldNotStart,
    ];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::HandedBack => "handed_back",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::RecordingLost => "recording_lost",
            Self::AccountRemoved => "account_removed",
            Self::CouldNotStart => "could_not_start",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// What is wrong with a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowProblem {
    /// The end is not after the start.
    EndNotAfterStart,
    /// Longer than [`WINDOW_MAX`].
    TooLong,
    /// The start lies more than [`START_TOLERANCE`] in the past.
    StartInPast,
    /// The end is over already.
    EndInPast,
}

/// From when until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    starts_at: Instant,
    ends_at: Instant,
}

impl Window {
    /// A window that somebody asks for now.
    pub fn request(starts_at: Instant, ends_at: Instant, now: Instant) -> Result<Self, WindowProblem> {
        let window = Self::stored(starts_at, ends_at)?;
        if ends_at <= now {
            return Err(WindowProblem::EndInPast);
        }
        if starts_at < now.saturating_sub(START_TOLERANCE).unwrap_or(Instant::MIN) {
            return Err(WindowProblem::StartInPast);
        }
        Ok(window)
    }

    /// A window that was asked for before: only its own shape is checked.
    pub fn stored(starts_at: Instant, ends_at: Instant) -> Result<Self, WindowProblem> {
        if ends_at <= starts_at {
            return Err(WindowProblem::EndNotAfterStart);
        }
        if ends_at.duration_since(starts_at) > WINDOW_MAX {
            return Err(WindowProblem::TooLong);
        }
        Ok(Self { starts_at, ends_at })
    }

    /// When it begins.
    pub const fn starts_at(self) -> Instant {
        self.starts_at
    }

    /// When it is over.
    pub const fn ends_at(self) -> Instant {
        self.ends_at
    }

    /// Whether the two share an instant.
    pub fn overlaps(self, other: Self) -> bool {
        self.starts_at < other.ends_at && other.starts_at < self.ends_at
    }
}

/// An account that a session takes beside its first one, and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoreAccount {
    /// The account.
    pub account_id: AccountId,
    /// What is done with it.
    pub wish: Wish,
}

/// A later end that was asked for and is not decided yet; the old end stands until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The end that is asked for.
    pub ends_at: Instant,
    /// What for.
    pub reason: String,
    /// Who asked.
    pub requested_by: UserId,
    /// When.
    pub requested_at: Instant,
}

/// The request and, once approved, the window of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivilegedSession {
    /// Identity.
    pub id: PrivilegedSessionId,
    /// The account that is borrowed: as whom the person enters the targets.
    pub account_id: AccountId,
    /// Accounts that are enabled or disabled with it, in the order in which they were named.
    pub more_accounts: Vec<MoreAccount>,
    /// Who works with it.
    pub user_id: UserId,
    /// Who asked.
    pub requested_by: UserId,
    /// Who changed the request, beside the requester.
    pub edited_by: Vec<UserId>,
    /// Where the person may go.
    pub target_ids: Vec<TargetId>,
    /// Where it stands.
    pub state: State,
    /// Why it ended.
    pub end_reason: Option<EndReason>,
    /// What is done with the account.
    pub wish: Wish,
    /// From when until when.
    pub window: Window,
    /// A later end that was asked for.
    pub extension: Option<Extension>,
    /// What for.
    pub reason: String,
    /// The number in some other system.
    pub ticket: String,
    /// Who approved.
    pub approved_by: Option<UserId>,
    /// Whether the approver was also requester, editor, user or owner.
    pub self_approved: bool,
    /// When the start was intended.
    pub start_intended_at: Option<Instant>,
    /// When it became Active.
    pub started_at: Option<Instant>,
    /// When it stopped being Active (or could not start).
    pub ended_at: Option<Instant>,
    /// When it was asked for.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
    /// Rises with each change.
    pub version: i64,
}

impl PrivilegedSession {
    /// The status, as people see it.
    pub const fn status(&self) -> Status {
        self.state.status()
    }

    /// Every account with what is done with it, the first one first.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, Wish)> + '_ {
        let more = self.more_accounts.iter().map(|more| (more.account_id, more.wish));
        std::iter::once((self.account_id, self.wish)).chain(more)
    }

    /// What the session does with an account; `None` when it is not one of its own.
    pub fn wish_for(&self, account: AccountId) -> Option<Wish> {
        self.accounts().find(|(id, _)| *id == account).map(|(_, wish)| wish)
    }

    /// Whether the person may work at `now`: Active and before the end.
    pub fn covers(&self, now: Instant) -> bool {
        self.state == State::Active && now < self.window.ends_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::from_second(1_700_000_000 + minute * 60).expect("in range")
    }

    #[test]
    fn windows_are_checked_when_asked_for() {
        let now = at(0);
        let table = [
            (at(0), at(60), Ok(())),
            (at(-1), at(60), Ok(())),
            (at(-2), at(60), Err(WindowProblem::StartInPast)),
            (at(10), at(10), Err(WindowProblem::EndNotAfterStart)),
            (at(10), at(5), Err(WindowProblem::EndNotAfterStart)),
            (at(0), at(24 * 60), Ok(())),
            (at(0), at(24 * 60 + 1), Err(WindowProblem::TooLong)),
            (at(-60), at(-30), Err(WindowProblem::EndInPast)),
        ];
        for (starts_at, ends_at, expected) in table {
            assert_eq!(
                Window::request(starts_at, ends_at, now).map(|_| ()),
                expected,
                "{starts_at} {ends_at}"
            );
        }
    }

    #[test]
    fn windows_that_only_touch_do_not_overlap() {
        let window = |from, to| Window::stored(at(from), at(to)).expect("a window");
        assert!(window(0, 10).overlaps(window(9, 20)));
        assert!(!window(0, 10).overlaps(window(10, 20)));
        assert!(!window(10, 20).overlaps(window(0, 10)));
        assert!(window(0, 30).overlaps(window(10, 20)));
    }
}
