//! Sign-ins: one login of a user, to the console or to targets, from start to end.

use jiff::SignedDuration;

use crate::Instant;
use crate::ids::{AccountId, ApiTokenId, PrivilegedSessionId, SignInId, UserId};

mod target_use;

pub use target_use::{ACTIVITY_GAP, TargetUse};

/// A sign-in that is not used for this long has ended, estimated at its last use.
pub const IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(60);
/// No sign-in lasts longer than this; a program that goes on begins another one.
pub const ABSOLUTE_LIMIT: SignedDuration = SignedDuration::from_hours(12);
/// A token's sign-in ends, estimated, after this long without a call.
pub const WEB_SERVICES_IDLE_LIMIT: SignedDuration = SignedDuration::from_mins(30);
/// Opening a privileged session needs an authentication that is at most this old.
pub const FRESH_AUTHENTICATION: SignedDuration = SignedDuration::from_mins(5);

/// Where a sign-in leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignInKind {
    /// The console and the API.
    Console,
    /// Targets.
    Target,
}

impl SignInKind {
    /// The stable name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Target => "target",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Console, Self::Target].into_iter().find(|kind| kind.name() == name)
    }
}

/// The door: a browser or a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// A browser.
    Web,
    /// A bearer token.
    WebServices,
}

impl Channel {
    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::WebServices => "web_services",
        }
    }

    /// The channel of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Web, Self::WebServices].into_iter().find(|channel| channel.name() == name)
    }
}

/// How a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndKind {
    /// By its user.
    SignedOut,
    /// By a limit of time.
    Expired,
    /// By an administrator.
    EndedByAdministrator,
    /// With its privileged session.
    SessionEnded,
    /// A privileged session of its account started: from then on the account is used in the session.
    SessionStarted,
    /// It went silent.
    Lost,
}

impl EndKind {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::SignedOut,
        Self::Expired,
        Self::EndedByAdministrator,
        Self::SessionEnded,
        Self::SessionStarted,
        Self::Lost,
    ];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Expired => "expired",
            Self::EndedByAdministrator => "ended_by_administrator",
            Self::SessionEnded => "session_ended",
            Self::SessionStarted => "session_started",
            Self::Lost => "lost",
        }
    }

    /// The way of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How and when a sign-in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInEnd {
    /// When.
    pub at: Instant,
    /// How.
    pub kind: EndKind,
    /// Whether `at` is the last use and not the end itself.
    pub estimated: bool,
}

/// One login of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Identity.
    pub id: SignInId,
    /// Who.
    pub user_id: UserId,
    /// Where it leads.
    pub kind: SignInKind,
    /// Through which door.
    pub channel: Channel,
    /// As which account (target sign-ins).
    pub account_id: Option<AccountId>,
    /// For which privileged session, for life.
    pub privileged_session_id: Option<PrivilegedSessionId>,
    /// By which token (web services).
    pub api_token_id: Option<ApiTokenId>,
    /// From where.
    pub client_address: String,
    /// With what.
    pub user_agent: String,
    /// Since when.
    pub started_at: Instant,
    /// When the password was last given.
    pub authenticated_at: Instant,
    /// When it was last used, as far as is stored.
    pub last_seen_at: Instant,
    /// When it ends at the latest.
    pub expires_at: Instant,
    /// How it ended.
    pub end: Option<SignInEnd>,
}

impl SignIn {
    /// What time alone makes of an open sign-in: `None` while it goes on.
    pub fn due_end(&self, now: Instant) -> Option<SignInEnd> {
        let idle_limit = match self.channel {
            Channel::Web => IDLE_LIMIT,
            Channel::WebServices => WEB_SERVICES_IDLE_LIMIT,
        };
        let silent_at = self.last_seen_at.saturating_add(idle_limit).unwrap_or(Instant::MAX);
        if silent_at <= now && silent_at < self.expires_at {
            return Some(SignInEnd { at: self.last_seen_at, kind: EndKind::Lost, estimated: true });
        }
        (self.expires_at <= now).then_some(SignInEnd {
            at: self.expires_at,
            kind: EndKind::Expired,
            estimated: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn at(second: i64) -> Instant {
        Instant::from_second(1_700_000_000 + second).expect("in range")
    }

    fn sign_in(last_seen: i64, expires: i64) -> SignIn {
        SignIn {
            id: SignInId::new(Uuid::nil()),
            user_id: UserId::new(Uuid::nil()),
            kind: SignInKind::Console,
            channel: Channel::Web,
            account_id: None,
            privileged_session_id: None,
            api_token_id: None,
            client_address: String::new(),
            user_agent: String::new(),
            started_at: at(0),
            authenticated_at: at(0),
            last_seen_at: at(last_seen),
            expires_at: at(expires),
            end: None,
        }
    }

    #[test]
    fn a_silent_sign_in_ends_estimated_at_its_last_use() {
        let silent = sign_in(100, 40_000);
        assert_eq!(silent.due_end(at(3_699)), None);
        let end = silent.due_end(at(3_700)).expect("silent for an hour");
        assert_eq!((end.at, end.kind, end.estimated), (at(100), EndKind::Lost, true));
    }

    #[test]
    fn a_used_sign_in_ends_exactly_at_its_absolute_limit() {
        let used = sign_in(39_900, 40_000);
        assert_eq!(used.due_end(at(39_999)), None);
        let end = used.due_end(at(41_000)).expect("expired");
        assert_eq!((end.at, end.kind, end.estimated), (at(40_000), EndKind::Expired, false));
    }
}
