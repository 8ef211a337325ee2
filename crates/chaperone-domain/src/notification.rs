//! Notifications: what is told about a privileged session or an event stream, to whom, and how long it is tried.
//!
//! A notification is one message to one address. It follows from a change of a session or of its grant, or from time
//! alone; [`of_status`], [`of_outcome`] and [`of_time`] say which. [`recipients`] says who is told.

use jiff::SignedDuration;

use crate::Instant;
use crate::grant::GrantOutcome;
use crate::ids::{AccountId, NotificationId, PrivilegedSessionId, UserId};
use crate::privileged_session::{EndReason, PrivilegedSession, State};
use crate::user::{Role, User};

/// How long before start and end people are told that it comes.
pub const SOON: SignedDuration = SignedDuration::from_mins(15);
/// An account that could not be put back for this long after the end is told of.
pub const NOT_BACK_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// The pause after the first failed attempt; it doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(1);
/// Longest pause between two attempts.
pub const RETRY_MAX: SignedDuration = SignedDuration::from_mins(15);
/// What could not be delivered for this long is given up.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// What was sent is kept for this long, and in any case until its session is over.
pub const KEEP_SENT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotificationKind {
    /// A request waits for a decision.
    ToApprove,
    /// It was allowed.
    Approved,
    /// It was not allowed.
    Rejected,
    /// It starts in [`SOON`].
    StartsSoon,
    /// It is Active.
    Started,
    /// It ends in [`SOON`].
    EndsSoon,
    /// It is over, and every account is proved back.
    Ended,
    /// It could not start.
    CouldNotStart,
    /// It is over, and an account could not be put back for [`NOT_BACK_AFTER`]; that is tried on.
    CouldNotBePutBack,
    /// The account was found otherwise than it was left: somebody else changed it, or a change of ours came late.
    Drift,
    /// An event stream could send nothing for long. It is about no session.
    EventStreamStalled,
    /// A scheduled export cannot be written for long. It is about no session.
    ScheduledExportFailing,
    /// The gap detector found something. It is about no session.
    ExportGapFound,
    /// What it found fits again. It is about no session.
    ExportGapClosed,
}

impl NotificationKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::ToApprove,
        Self::Approved,
        Self::Rejected,
        Self::StartsSoon,
        Self::Started,
        Self::EndsSoon,
        Self::Ended,
        Self::CouldNotStart,
        Self::CouldNotBePutBack,
        Self::Drift,
        Self::EventStreamStalled,
        Self::ScheduledExportFailing,
        Self::ExportGapFound,
        Self::ExportGapClosed,
    ];

    /// The stable name in API, rows and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ToApprove => "to_approve",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::StartsSoon => "starts_soon",
            Self::Started => "started",
            Self::EndsSoon => "ends_soon",
            Self::Ended => "ended",
            Self::CouldNotStart => "could_not_start",
            Self::CouldNotBePutBack => "could_not_be_put_back",
            Self::Drift => "drift",
            Self::EventStreamStalled => "event_stream_stalled",
            Self::ScheduledExportFailing => "scheduled_export_failing",
            Self::ExportGapFound => "export_gap_found",
            Self::ExportGapClosed => "export_gap_closed",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The roles whose bearers are told, beside those whose session it is.
    pub const fn told_roles(self) -> &'static [Role] {
        match self {
            Self::ToApprove => &[Role::SystemAdministrator, Role::Approver],
            Self::CouldNotStart
            | Self::CouldNotBePutBack
            | Self::Drift
            | Self::EventStreamStalled
            | Self::ScheduledExportFailing => &[Role::SystemAdministrator],
            Self::ExportGapFound | Self::ExportGapClosed => &[Role::SystemAdministrator, Role::Auditor],
            _ => &[],
        }
    }
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotificationState {
    /// To be sent, for the first time or again.
    Waiting,
    /// The other side took it.
    Sent,
    /// It is not tried any more.
    GivenUp,
}

impl NotificationState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Sent, Self::GivenUp];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::GivenUp => "given_up",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// On which way a notification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// To a person's e-mail address.
    Mail,
    /// To a program, by HTTP.
    Webhook,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }

    /// The channel of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// One message to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Identity; the same on every attempt, so that a receiver knows a repetition.
    pub id: NotificationId,
    /// What is told.
    pub kind: NotificationKind,
    /// About which session.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// About which account.
    pub account_id: Option<AccountId>,
    /// To whom; `None` for a webhook.
    pub recipient: Option<UserId>,
    /// On which way.
    pub channel: Channel,
    /// The e-mail address, or the name of the webhook.
    pub address: String,
    /// Which occurrence of the kind in its session it is: with session, kind, channel and address it is unique.
    pub occurrence: i64,
    /// Where it stands.
    pub state: NotificationState,
    /// Attempts so far.
    pub attempt: i64,
    /// When to try next; `None` when it is not tried any more.
    pub next_try_at: Option<Instant>,
    /// When it is given up.
    pub give_up_at: Instant,
    /// What went wrong last, for whoever may see the session.
    pub problem: Option<String>,
    /// When the change happened that it speaks of.
    pub created_at: Instant,
    /// When the other side took it.
    pub sent_at: Option<Instant>,
    /// In one line.
    pub subject: String,
    /// The text of a mail, the JSON of a webhook.
    pub body: String,
}

impl Notification {
    /// The key under which there is at most one row: however often a change is tried, by however many nodes, each
    /// address is told once. What is about no session is known by its subject.
    pub fn dedupe_key(&self) -> String {
        let about = self.privileged_session_id.map_or_else(|| self.subject.clone(), |id| id.to_string());
        let to = self.recipient.map_or_else(|| self.address.clone(), |id| id.to_string());
        format!("{about}/{}/{}/{}/{to}", self.kind.name(), self.occurrence, self.channel.name())
    }

    /// When the attempt that failed at `now` is repeated; `None` when it is given up instead.
    pub fn next_try(&self, now: Instant) -> Option<Instant> {
        now.checked_add(retry_pause(self.attempt)).ok().filter(|next| *next < self.give_up_at)
    }
}

/// The pause after this many failed attempts.
pub fn retry_pause(attempt: i64) -> SignedDuration {
    let doublings = u32::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
    let factor = 1_i32.checked_shl(doublings).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
    RETRY_FIRST.checked_mul(factor).map_or(RETRY_MAX, |pause| pause.min(RETRY_MAX))
}

/// What a change of state tells; `from` is `None` for a new request.
pub fn of_status(from: Option<State>, to: State, end_reason: Option<EndReason>) -> Option<NotificationKind> {
    match (from, to) {
        (None | Some(State::Approved), State::Draft) => Some(NotificationKind::ToApprove),
        (_, State::Approved) => Some(NotificationKind::Approved),
        (_, State::Rejected) => Some(NotificationKind::Rejected),
        (_, State::Active) => Some(NotificationKind::Started),
        (_, State::Ending) if end_reason == Some(EndReason::CouldNotStart) => {
            Some(NotificationKind::CouldNotStart)
        }
        (_, State::Ended) => Some(NotificationKind::Ended),
        _ => None,
    }
}

/// What the way in which a grant was closed tells.
pub const fn of_outcome(outcome: GrantOutcome) -> Option<NotificationKind> {
    match outcome {
        GrantOutcome::KeptChangedByOthers | GrantOutcome::SetStricter | GrantOutcome::Absent => {
            Some(NotificationKind::Drift)
        }
        GrantOutcome::Untouched | GrantOutcome::Restored => None,
    }
}

/// What time alone tells about a session, with its occurrence. `way_back_failed`: an attempt to put its account back
/// failed.
///
/// Nobody is told that something comes soon when they were told of it less than [`SOON`] before: when the session was
/// approved or started that late, or is no longer than that.
pub fn of_time(
    session: &PrivilegedSession,
    way_back_failed: bool,
    now: Instant,
) -> Option<(NotificationKind, i64)> {
    let window = session.window;
    let is_soon = |at: Instant, known_at: Instant| {
        let from = at.saturating_sub(SOON).unwrap_or(Instant::MIN);
        from <= now && now < at && known_at <= from
    };
    match session.state {
        State::Approved
            if window.ends_at().duration_since(window.starts_at()) > SOON
                && is_soon(window.starts_at(), session.updated_at) =>
        {
            Some((NotificationKind::StartsSoon, window.starts_at().as_microsecond()))
        }
        State::Active
            if window.ends_at().duration_since(window.starts_at()) > SOON
                && is_soon(window.ends_at(), session.started_at.unwrap_or(window.starts_at())) =>
        {
            Some((NotificationKind::EndsSoon, window.ends_at().as_microsecond()))
        }
        State::Ending => {
            let ended_at = session.ended_at.unwrap_or(session.updated_at);
            (way_back_failed && now.duration_since(ended_at) >= NOT_BACK_AFTER)
                .then(|| (NotificationKind::CouldNotBePutBack, ended_at.as_microsecond()))
        }
        _ => None,
    }
}

/// Who of these people is told, each once: requester, user and approver of the session, whoever asked for a later end
/// that it is about, and whoever has a role that the kind is told to. Somebody who is not active never is.
pub fn recipients<'a>(
    kind: NotificationKind,
    session: &PrivilegedSession,
    asked: Option<UserId>,
    people: &'a [User],
) -> Vec<&'a User> {
    let mut told: Vec<&User> = Vec::new();
    for user in people {
        let theirs = session.requested_by == user.id
            || session.user_id == user.id
            || session.approved_by == Some(user.id)
            || asked == Some(user.id);
        let by_role = kind.told_roles().iter().any(|role| user.roles.has(*role));
        if user.active && (theirs || by_role) && told.iter().all(|known| known.id != user.id) {
            told.push(user);
        }
    }
    told
}

#[cfg(test)]
mod tests;
