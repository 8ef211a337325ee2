//! Retention: how long data is kept, and what is never deleted however old it is.
//!
//! A row is stamped with the retention in force when it is written, so a later change of the setting concerns new rows
//! only. It may be deleted one second past its period, unless it belongs to something that goes on or is held:
//! [`Protection`] says why not.

use jiff::SignedDuration;

use crate::Instant;
use crate::ids::{PrivilegedSessionId, UserId};
use crate::privileged_session::{Principal, State};
use crate::user::Role;

/// The setting that keeps for ever.
pub const FOR_EVER: i64 = -1;
/// Shortest and longest retention that is not for ever, in days.
pub const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 1..=365_000;
/// A row goes when it is older than its period by this much.
pub const EXPIRES_PAST: SignedDuration = SignedDuration::from_secs(1);
/// Longest reason of a legal hold, in characters.
pub const HOLD_REASON_MAX_CHARS: usize = 4000;

/// Whether this is a retention that can be set, in days.
pub fn is_retention(days: i64) -> bool {
    days == FOR_EVER || RETENTION_DAYS.contains(&days)
}

/// A class of data with a retention of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetentionClass {
    /// Audit events, with the access records among them.
    Trail,
    /// Sign-ins.
    SignIns,
    /// Recordings.
    Recordings,
}

impl RetentionClass {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Trail, Self::SignIns, Self::Recordings];

    /// The stable name in the trail.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trail => "trail",
            Self::SignIns => "sign_ins",
            Self::Recordings => "recordings",
        }
    }
}

/// The latest stamp of what may be deleted at this instant.
pub fn expired_until(now: Instant) -> Instant {
    now.saturating_sub(EXPIRES_PAST).unwrap_or(Instant::MIN)
}

/// States of a session of which something may be deleted: nothing can happen in them any more.
pub fn deletable_states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| state.status().is_final())
}

/// A legal hold: nothing that belongs to the session is deleted while it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegalHold {
    /// The session.
    pub privileged_session_id: PrivilegedSessionId,
    /// Who set it.
    pub set_by: UserId,
    /// When.
    pub set_at: Instant,
    /// Why.
    pub reason: String,
}

/// Whether `who` may set a legal hold: system administrators and auditors.
pub fn may_set_hold(who: &Principal) -> bool {
    who.has(Role::SystemAdministrator) || who.has(Role::Auditor)
}

/// Whether `who` may lift a legal hold: system administrators.
pub fn may_lift_hold(who: &Principal) -> bool {
    who.has(Role::SystemAdministrator)
}

/// Numbers as people read them: `3-17, 20`. They are in ascending order.
pub fn ranges(numbers: &[i64]) -> String {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let text = |(first, last): &(i64, i64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::Roles;
    use uuid::Uuid;

    #[test]
    fn a_retention_is_for_ever_or_at_least_a_day_and_ends_before_time_does() {
        for days in [FOR_EVER, 1, 7, 365_000] {
            assert!(is_retention(days), "{days}");
        }
        for days in [i64::MIN, -2, 0, 365_001, i64::MAX] {
            assert!(!is_retention(days), "{days}");
        }
    }

    #[test]
    fn what_is_one_second_past_its_period_has_expired_and_nothing_younger() {
        let stamp = Instant::from_second(1_000).expect("in range");
        let expired = |now: i64| stamp <= expired_until(Instant::from_microsecond(now).expect("in range"));
        assert!(!expired(1_000_000_000));
        assert!(!expired(1_000_999_999));
        assert!(expired(1_001_000_000));
    }

    #[test]
    fn nothing_of_a_session_that_can_still_move_may_be_deleted() {
        let deletable: Vec<_> = deletable_states().collect();
        for state in [State::Draft, State::Approved, State::Starting, State::Active, State::Ending] {
            assert!(!deletable.contains(&state), "{state:?}");
        }
        assert_eq!(deletable.len(), 5);
    }

    #[test]
    fn auditors_set_holds_and_only_system_administrators_lift_them() {
        let table = [
            (Role::SystemAdministrator, true, true),
            (Role::Auditor, true, false),
            (Role::Approver, false, false),
            (Role::User, false, false),
        ];
        for (role, sets, lifts) in table {
            let who = Principal { user_id: UserId::new(Uuid::nil()), roles: Roles::new([role]) };
            assert_eq!((may_set_hold(&who), may_lift_hold(&who)), (sets, lifts), "{role:?}");
        }
    }

    #[test]
    fn numbers_read_as_ranges() {
        for (numbers, text) in [(&[][..], ""), (&[7], "7"), (&[1, 2, 3], "1-3"), (&[1, 3, 4, 9], "1, 3-4, 9")]
        {
            assert_eq!(ranges(numbers), text);
        }
    }
}
