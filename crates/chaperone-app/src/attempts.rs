//! Limits on attempts: token buckets per name and per address, and over all. In memory, bounded.

use std::collections::HashMap;
use std::sync::Mutex;

use chaperone_domain::Instant;
use jiff::SignedDuration;

/// Failed attempts for one name before it must wait.
pub const PER_NAME: u32 = 10;
/// Failed attempts from one address before it must wait.
pub const PER_ADDRESS: u32 = 50;
/// Failed attempts over all before everybody must wait.
pub const OVER_ALL: u32 = 1000;
/// Every so often one attempt is forgotten.
pub const FORGET_ONE_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Names and addresses remembered at most; the oldest are forgotten first.
pub const REMEMBERED_MAX: usize = 100_000;

#[derive(Clone, Copy)]
struct Bucket {
    level: u32,
    since: Instant,
}

impl Bucket {
    fn drained(self, now: Instant) -> Self {
        let elapsed = now.duration_since(self.since).as_secs().max(0);
        let forgotten = u32::try_from(elapsed / FORGET_ONE_AFTER.as_secs()).unwrap_or(u32::MAX);
        if forgotten == 0 {
            return self;
        }
        Self { level: self.level.saturating_sub(forgotten), since: now }
    }
}

/// Counts failed attempts to sign in.
#[derive(Default)]
pub struct Attempts {
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Attempts {
    fn limits<'a>(name: &'a str, address: &'a str) -> [(String, u32); 3] {
        [
            (format!("name {}", name.to_lowercase().chars().take(128).collect::<String>()), PER_NAME),
            (format!("address {address}"), PER_ADDRESS),
            ("all".to_owned(), OVER_ALL),
        ]
    }

    /// How long to wait before an attempt is allowed; `None` when it is.
    pub fn must_wait(&self, name: &str, address: &str, now: Instant) -> Option<SignedDuration> {
        let buckets = self.buckets.lock().ok()?;
        Self::limits(name, address)
            .iter()
            .any(|(key, limit)| buckets.get(key).is_some_and(|bucket| bucket.drained(now).level >= *limit))
            .then_some(FORGET_ONE_AFTER)
    }

    /// Counts an attempt before its outcome is known, so that many at once do not slip through; a success takes
    /// it back with [`Self::succeeded`].
    pub fn begin(&self, name: &str, address: &str, now: Instant) {
        let Ok(mut buckets) = self.buckets.lock() else { return };
        if buckets.len() > REMEMBERED_MAX {
            buckets.retain(|_, bucket| bucket.drained(now).level > 0);
            if buckets.len() > REMEMBERED_MAX {
                buckets.clear();
            }
        }
        for (key, _) in Self::limits(name, address) {
            let bucket = buckets.entry(key).or_insert(Bucket { level: 0, since: now });
            *bucket = bucket.drained(now);
            bucket.level = bucket.level.saturating_add(1);
        }
    }

    /// Takes back what [`Self::begin`] counted, and forgets the failures for the name.
    pub fn succeeded(&self, name: &str, address: &str) {
        let Ok(mut buckets) = self.buckets.lock() else { return };
        for (key, limit) in Self::limits(name, address) {
            if limit == PER_NAME {
                buckets.remove(&key);
            } else if let Some(bucket) = buckets.get_mut(&key) {
                bucket.level = bucket.level.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Instant {
        Instant::from_second(1_700_000_000 + second).expect("in range")
    }

    #[test]
    fn a_name_waits_after_ten_failures_and_is_forgiven_with_time() {
        let attempts = Attempts::default();
        for _ in 0..PER_NAME {
            assert_eq!(attempts.must_wait("paula", "10.0.0.1", at(0)), None);
            attempts.begin("Paula", "10.0.0.1", at(0));
        }
        assert!(attempts.must_wait("paula", "10.0.0.2", at(0)).is_some());
        assert_eq!(attempts.must_wait("peter", "10.0.0.1", at(0)), None);
        assert_eq!(attempts.must_wait("paula", "10.0.0.1", at(31)), None);
    }

    #[test]
    fn a_success_forgets_the_failures_of_the_name() {
        let attempts = Attempts::default();
        for _ in 0..PER_NAME {
            attempts.begin("paula", "a", at(0));
        }
        attempts.succeeded("paula", "a");
        assert_eq!(attempts.must_wait("paula", "a", at(0)), None);
    }
}
