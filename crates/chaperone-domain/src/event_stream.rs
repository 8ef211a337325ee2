//! Event streams: the trail, sent on to a collector in the order of its numbers.
//!
//! A stream has a *cursor*: the number up to which the collector has taken what is for it. The cursor moves after the
//! collector has said so, never before, so that nothing is skipped; what was taken and not yet stored is sent again.
//! Who sends holds the stream under a lease with a fence: two nodes never move one cursor.

use jiff::SignedDuration;

use crate::Instant;

/// The pause after the first failed attempt; it doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(1);
/// Longest pause between two attempts, unless the collector asks for a longer one.
pub const RETRY_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Longest pause that a collector can ask for.
pub const ASKED_PAUSE_MAX: SignedDuration = SignedDuration::from_mins(15);
/// A stream that could send nothing for this long is told of.
pub const TELL_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// Longest name of a stream, in characters.
pub const NAME_MAX_CHARS: usize = 50;

/// How a collector is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// JSON by HTTP POST.
    Webhook,
    /// Syslog (RFC 5424) over TCP or TLS.
    Syslog,
    /// OpenTelemetry logs by HTTP.
    Otlp,
}

impl StreamKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Syslog, Self::Otlp];

    /// The stable name in API, rows and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Syslog => "syslog",
            Self::Otlp => "otlp",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamFormat {
    /// The Open Cybersecurity Schema Framework, as JSON.
    Ocsf,
    /// The Common Event Format, for collectors that know nothing newer.
    Cef,
}

impl StreamFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Ocsf, Self::Cef];

    /// The stable name in API, rows and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Where a stream begins that was never there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamStart {
    /// With what has no number yet.
    Now,
    /// With the first event of the trail.
    Beginning,
}

impl StreamStart {
    /// Every start.
    pub const ALL: [Self; 2] = [Self::Now, Self::Beginning];

    /// The stable name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Beginning => "start",
        }
    }

    /// The start of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|start| start.name() == name)
    }
}

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStream {
    /// Its name in the configuration.
    pub name: String,
    /// What the configuration says about it, without secrets; `None` when it is not configured any more.
    pub settings: Option<String>,
    /// Since when it is there.
    pub created_at: Instant,
    /// The number up to which everything that is for it was taken.
    pub last_seq: i64,
    /// When the collector took something last.
    pub last_sent_at: Option<Instant>,
    /// Counts who took the stream in hand: whoever finds another number has lost it.
    pub fence: i64,
    /// How long it belongs to the node that took it.
    pub lease_until: Option<Instant>,
    /// Failed attempts since something was taken.
    pub attempt: i64,
    /// When to try next, after a failed attempt.
    pub next_try_at: Option<Instant>,
    /// What went wrong last; `None` when nothing is wrong.
    pub problem: Option<String>,
    /// Since when it is wrong.
    pub problem_since: Option<Instant>,
    /// When it was told that it is wrong for long.
    pub stalled_at: Option<Instant>,
}

impl EventStream {
    /// Whether it may be tried at `now`: nobody holds it, and no pause is on.
    pub fn is_due(&self, now: Instant) -> bool {
        self.lease_until.is_none_or(|until| until <= now) && self.next_try_at.is_none_or(|next| next <= now)
    }

    /// Whether it is to be told now that nothing could be sent for long.
    pub fn is_to_be_told(&self, now: Instant) -> bool {
        self.stalled_at.is_none()
            && self.problem_since.is_some_and(|since| now.duration_since(since) >= TELL_AFTER)
    }
}

/// The pause after this many failed attempts. `draw` is random: the pause lies between a half and the whole of what the
/// doubling gives, so that nodes and streams do not all come back at once. What a collector asked for is kept to, up to
/// [`ASKED_PAUSE_MAX`].
pub fn retry_pause(attempt: i64, draw: u8, asked: Option<SignedDuration>) -> SignedDuration {
    let doublings = u32::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
    let factor = 1_i32.checked_shl(doublings).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
    let whole = RETRY_FIRST.checked_mul(factor).map_or(RETRY_MAX, |pause| pause.min(RETRY_MAX));
    let half = whole / 2;
    let pause = half.saturating_add(half.saturating_mul(i32::from(draw)) / 255);
    asked.map_or(pause, |asked| pause.max(asked.min(ASKED_PAUSE_MAX)))
}

/// Whether a stream may be called so: small letters, digits, `-` and `_`, so that the name fits into addresses and ids.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=NAME_MAX_CHARS).contains(&name.len()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(second).expect("in range")
    }

    fn stream() -> EventStream {
        EventStream {
            name: "siem".to_owned(),
            settings: Some("{}".to_owned()),
            created_at: at(0),
            last_seq: 0,
            last_sent_at: None,
            fence: 0,
            lease_until: None,
            attempt: 0,
            next_try_at: None,
            problem: None,
            problem_since: None,
            stalled_at: None,
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_lie_between_a_half_and_the_whole() {
        let seconds = |attempt, draw| retry_pause(attempt, draw, None).as_millis();
        assert_eq!(
            [1, 2, 3, 6, 7, 8, i64::MAX].map(|attempt| seconds(attempt, 255)),
            [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]
        );
        assert_eq!([0, 1, 2, 7].map(|attempt| seconds(attempt, 0)), [500, 500, 1_000, 30_000]);
        for draw in 0..=u8::MAX {
            assert!((500..=1_000).contains(&seconds(1, draw)), "{draw}");
        }
    }

    #[test]
    fn a_collector_may_ask_for_a_longer_pause_but_not_for_ever() {
        let minute = SignedDuration::from_mins(1);
        assert_eq!(retry_pause(1, 255, Some(minute)), minute);
        assert_eq!(retry_pause(7, 255, Some(SignedDuration::from_secs(3))), minute);
        assert_eq!(retry_pause(1, 0, Some(SignedDuration::from_hours(24))), ASKED_PAUSE_MAX);
    }

    #[test]
    fn a_stream_is_due_when_nobody_holds_it_and_no_pause_is_on() {
        assert!(stream().is_due(at(5)));
        assert!(!EventStream { lease_until: Some(at(6)), ..stream() }.is_due(at(5)));
        assert!(EventStream { lease_until: Some(at(5)), ..stream() }.is_due(at(5)));
        assert!(!EventStream { next_try_at: Some(at(6)), ..stream() }.is_due(at(5)));
    }

    #[test]
    fn it_is_told_once_after_ten_minutes_of_trouble() {
        let broken = EventStream { problem_since: Some(at(0)), ..stream() };
        assert!(!broken.is_to_be_told(at(599)));
        assert!(broken.is_to_be_told(at(600)));
        assert!(!EventStream { stalled_at: Some(at(600)), ..broken }.is_to_be_told(at(900)));
        assert!(!stream().is_to_be_told(at(900)));
    }

    #[test]
    fn names_fit_into_addresses() {
        for good in ["siem", "a", "splunk-2_eu", &"a".repeat(50)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Splunk", "a b", "a/b", "ä", &"a".repeat(51)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
