//! Scheduled exports: sign-ins or audit events, written to a folder or a bucket, one file for each day or week.
//!
//! Intervals are whole days or weeks in UTC, one after the other without gap, so what is missing can be counted. An
//! interval is written once it has [settled](SETTLED_AFTER). Each file has a *manifest* that names the hash of the
//! manifest before: the manifests are a chain.
//!
//! The *gap detector* compares files, manifests and rows; what does not fit is a [`Finding`] in words.

use jiff::SignedDuration;

use crate::Instant;
use crate::ids::ScheduledExportId;

/// Longest name of a scheduled export, in characters.
pub const NAME_MAX_CHARS: usize = 100;
/// An interval is written when it is over for this long: what happened in it is stored by then.
pub const SETTLED_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// An interval that is not written for this long after it could be is a gap.
pub const MISSED_AFTER: SignedDuration = SignedDuration::from_hours(6);
/// The pause after the first failed attempt; it doubles up to [`RETRY_MAX`].
pub const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(30);
/// Longest pause between two attempts.
pub const RETRY_MAX: SignedDuration = SignedDuration::from_mins(30);
/// How long failing goes on before people are told.
pub const TOLD_AFTER: SignedDuration = SignedDuration::from_mins(10);
/// How often the gap detector looks.
pub const CHECK_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// How far back the first interval may lie, in days.
pub const BACK_MAX_DAYS: i64 = 3_660;

/// A day, in seconds.
const DAY_S: i64 = 86_400;
/// 1 January 1970 was a Thursday; the Monday of its week was three days before.
const MONDAY_BEFORE_S: i64 = -3 * DAY_S;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportContent {
    /// Sign-ins that started in the interval.
    SignIns,
    /// Audit events, by their numbers: those that were numbered and happened before the interval's end, behind those of
    /// the file before.
    AuditEvents,
}

impl ExportContent {
    /// Every content.
    pub const ALL: [Self; 2] = [Self::SignIns, Self::AuditEvents];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIns => "sign_ins",
            Self::AuditEvents => "audit_events",
        }
    }

    /// The content of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content| content.name() == name)
    }
}

/// How long an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Every {
    /// From midnight to midnight, UTC.
    Day,
    /// From Monday to Monday, UTC.
    Week,
}

impl Every {
    /// Every length.
    pub const ALL: [Self; 2] = [Self::Day, Self::Week];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// The length of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|every| every.name() == name)
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Day => DAY_S,
            Self::Week => 7 * DAY_S,
        }
    }

    /// The interval that an instant is in.
    pub fn interval_of(self, at: Instant) -> Interval {
        let length = self.seconds();
        let origin = if self == Self::Week { MONDAY_BEFORE_S } else { 0 };
        let start = (at.as_second() - origin).div_euclid(length) * length + origin;
        let instant = |second: i64| Instant::from_second(second).unwrap_or(at);
        Interval { start: instant(start), end: instant(start.saturating_add(length)) }
    }

    /// The interval behind another.
    pub fn next(self, interval: Interval) -> Interval {
        self.interval_of(interval.end)
    }
}

/// From `start` on, before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Its first instant.
    pub start: Instant,
    /// The first instant behind it.
    pub end: Instant,
}

impl Interval {
    /// Whether what happened in it is stored by now.
    pub fn is_settled(self, now: Instant) -> bool {
        self.end.checked_add(SETTLED_AFTER).is_ok_and(|settled| settled <= now)
    }

    /// Whether it should have been written long ago.
    pub fn is_missed(self, now: Instant) -> bool {
        let limit = SETTLED_AFTER + MISSED_AFTER;
        self.end.checked_add(limit).is_ok_and(|limit| limit <= now)
    }
}

/// The pause after this many failed attempts.
pub fn retry_pause(attempt: i64) -> SignedDuration {
    let doublings = u32::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
    let factor = 1_i32.checked_shl(doublings).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
    RETRY_FIRST.checked_mul(factor).map_or(RETRY_MAX, |pause| pause.min(RETRY_MAX))
}

/// A scheduled export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledExport {
    /// Identity.
    pub id: ScheduledExportId,
    /// How people know it; unique.
    pub name: String,
    /// What is exported.
    pub content: ExportContent,
    /// How long an interval is.
    pub every: Every,
    /// The format, by its stable name.
    pub format: String,
    /// Where to, as JSON; secrets are named in it and not contained.
    pub target: String,
    /// The first interval begins here.
    pub starts_at: Instant,
    /// Whether it goes on.
    pub active: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it was removed; its files stay where they are.
    pub removed_at: Option<Instant>,
    /// When the gap detector looked last.
    pub checked_at: Option<Instant>,
    /// What kept the gap detector from looking, in words.
    pub check_problem: Option<String>,
    /// Rises with each change.
    pub version: i64,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// To be written, for the first time or again.
    Waiting,
    /// File and manifest are durable.
    Done,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 2] = [Self::Waiting, Self::Done];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What was written for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file's name.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// The SHA-256 of its manifest's bytes.
    pub manifest_sha256: [u8; 32],
    /// When both were durable.
    pub at: Instant,
}

/// One interval of an export, written or to be written. Numbers are a chain: a run is written when the one before is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRun {
    /// Whose.
    pub export_id: ScheduledExportId,
    /// Its place in the chain, from 1.
    pub number: i64,
    /// The interval.
    pub interval: Interval,
    /// How often the interval was written before: 0 the first time.
    pub revision: i64,
    /// Where it stands.
    pub state: RunState,
    /// Audit events: the last number that the run before holds, so that this one begins behind it.
    pub after_seq: i64,
    /// Audit events: the last number that it holds.
    pub last_seq: i64,
    /// Rises with each hand that takes it.
    pub fence: i64,
    /// Until when it belongs to a hand.
    pub lease_until: Option<Instant>,
    /// Failed attempts.
    pub attempt: i64,
    /// When to try next.
    pub next_try_at: Option<Instant>,
    /// What went wrong last, in words.
    pub problem: Option<String>,
    /// Since when it goes wrong.
    pub problem_since: Option<Instant>,
    /// When people were told of it.
    pub told_at: Option<Instant>,
    /// When it was laid down.
    pub created_at: Instant,
    /// What was written.
    pub written: Option<Written>,
    /// When its file was read again and its hash compared.
    pub verified_at: Option<Instant>,
}

/// What does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// An interval was not written.
    MissedInterval,
    /// A file is not there.
    FileMissing,
    /// A file is not what was written.
    FileChanged,
    /// A manifest is not there.
    ManifestMissing,
    /// A manifest is not what was written.
    ManifestChanged,
    /// A manifest does not name the one before it.
    ChainBroken,
    /// The database has rows that the file has not.
    RowsNotInFile,
    /// The file has rows that the database has not, and retention did not delete them.
    RowsNotInDatabase,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::MissedInterval,
        Self::FileMissing,
        Self::FileChanged,
        Self::ManifestMissing,
        Self::ManifestChanged,
        Self::ChainBroken,
        Self::RowsNotInFile,
        Self::RowsNotInDatabase,
    ];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissedInterval => "missed_interval",
            Self::FileMissing => "file_missing",
            Self::FileChanged => "file_changed",
            Self::ManifestMissing => "manifest_missing",
            Self::ManifestChanged => "manifest_changed",
            Self::ChainBroken => "chain_broken",
            Self::RowsNotInFile => "rows_not_in_file",
            Self::RowsNotInDatabase => "rows_not_in_database",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that does not fit, about one interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The interval.
    pub interval: Interval,
    /// In words, with what to do.
    pub detail: String,
    /// When it was found first.
    pub found_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().expect("an instant")
    }

    #[test]
    fn intervals_are_whole_days_and_weeks_that_follow_each_other() {
        let noon = at("2026-11-26T12:00:00Z");
        let day = Every::Day.interval_of(noon);
        assert_eq!((day.start, day.end), (at("2026-11-26T00:00:00Z"), at("2026-11-27T00:00:00Z")));
        let week = Every::Week.interval_of(noon);
        assert_eq!((week.start, week.end), (at("2026-11-23T00:00:00Z"), at("2026-11-30T00:00:00Z")));
        for every in Every::ALL {
            for start in ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2024-02-29T00:00:00Z"] {
                let mut interval = every.interval_of(at(start));
                for _ in 0..10 {
                    assert_eq!(every.interval_of(interval.start), interval, "its first instant is in it");
                    let next = every.next(interval);
                    assert_eq!(next.start, interval.end, "no gap");
                    interval = next;
                }
            }
        }
    }

    #[test]
    fn an_interval_settles_before_it_is_written_and_is_missed_hours_later() {
        let day = Every::Day.interval_of(at("2026-11-26T12:00:00Z"));
        assert!(!day.is_settled(at("2026-11-27T00:09:59Z")));
        assert!(day.is_settled(at("2026-11-27T00:10:00Z")));
        assert!(!day.is_missed(at("2026-11-27T06:09:59Z")));
        assert!(day.is_missed(at("2026-11-27T06:10:00Z")));
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        let pauses: Vec<_> = [0, 1, 2, 3, 7, 8, 40, i64::MAX].map(|n| retry_pause(n).as_secs()).to_vec();
        assert_eq!(pauses, [30, 30, 60, 120, 1_800, 1_800, 1_800, 1_800]);
    }
}
