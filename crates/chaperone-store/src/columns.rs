//! Values as columns hold them, and back. Instants are whole microseconds since 1970 (UTC) in a 64-bit column;
//! names of closed lists are stored as their stable text; what cannot be read back is named by table and column.
use chaperone_domain::Instant;

use crate::StoreError;

/// Bytes of a SHA-256.
pub(crate) const HASH_BYTES: usize = 32;

pub(crate) fn micros(at: Instant) -> i64 {
    at.as_microsecond()
}

pub(crate) fn opt_micros(at: Option<Instant>) -> Option<i64> {
    at.map(micros)
}

pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt { what: what.to_owned() }
}

pub(crate) fn instant(micros: i64, what: &str) -> Result<Instant, StoreError> {
    Instant::from_microsecond(micros).map_err(|_| corrupt(what))
}

pub(crate) fn opt_instant(micros: Option<i64>, what: &str) -> Result<Option<Instant>, StoreError> {
    micros.map(|micros| instant(micros, what)).transpose()
}

/// The value of that stable name.
pub(crate) fn named<T>(parse: fn(&str) -> Option<T>, name: &str, what: &str) -> Result<T, StoreError> {
    parse(name).ok_or_else(|| corrupt(what))
}

/// A count as a 64-bit column holds it.
pub(crate) fn count(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::NotStorable { what: "a count" })
}

pub(crate) fn uncount(count: i64, what: &str) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| corrupt(what))
}

pub(crate) fn fixed<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| corrupt(what))
}

/// What searching compares: without regard to case, in Rust, so that both databases find the same.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}
