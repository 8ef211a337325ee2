//! Access records: the source's thinned view of who used what. One per user and way in per interval.
//!
//! The trail has every sign-in and every refusal; an access record says no more than that somebody was there in this
//! interval, as the source's *Audit user access* does.

use jiff::SignedDuration;

use crate::Instant;
use crate::audit_event::AuditAction;
use crate::sign_in::Channel;

/// The action that an access through this door is recorded as.
pub const fn action(channel: Channel) -> AuditAction {
    match channel {
        Channel::Web => AuditAction::UserAccessViaWeb,
        Channel::WebServices => AuditAction::UserAccessViaWebServices,
    }
}

/// When the next access is recorded after one that was recorded at `last`; `None` when that is beyond all time.
pub fn next_due(last: Instant, interval_hours: i64) -> Option<Instant> {
    last.checked_add(SignedDuration::from_hours(interval_hours)).ok()
}

/// Whether an access at `now` is recorded: there is no record yet, every access is, or the interval since the last
/// record is over. An access before the last record (clocks differ, or one went back) belongs to that record's
/// interval.
pub fn is_due(last: Option<Instant>, now: Instant, interval_hours: i64) -> bool {
    let Some(last) = last else { return true };
    interval_hours == 0 || next_due(last, interval_hours).is_some_and(|due| now >= due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    #[test]
    fn the_first_access_is_recorded_and_the_next_when_the_interval_is_over() {
        assert!(is_due(None, at(0), 4));
        assert!(!is_due(Some(at(0)), at(0), 4));
        assert!(!is_due(Some(at(0)), at(4 * 3_600 - 1), 4));
        assert!(is_due(Some(at(0)), at(4 * 3_600), 4));
    }

    #[test]
    fn an_interval_of_nothing_records_every_access() {
        assert!(is_due(Some(at(10)), at(10), 0));
        assert!(is_due(Some(at(10)), at(9), 0));
    }

    #[test]
    fn a_clock_that_went_back_makes_no_second_record() {
        assert!(!is_due(Some(at(100_000)), at(0), 4));
    }

    #[test]
    fn the_longest_interval_is_never_over() {
        assert!(!is_due(Some(at(0)), at(200_000_000_000), 2_147_483_647));
    }
}
