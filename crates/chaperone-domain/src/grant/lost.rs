//! Starts that the rows do not know, because they were put back from a backup that is older than the start.
//!
//! What tells them is what we leave in the directory: an account that is opened for a session carries that session's end
//! as its own expiry. Nobody else would choose that very microsecond.

use super::{Attributes, Wish};
use crate::Instant;
use crate::account::AccountState;

/// Whether an account is as a session that never started, as far as the rows know, would have made it: disabled as it
/// was `known`, and `seen` enabled until the session's `end`, as the directory keeps it.
pub fn is_lost_start(wish: Wish, known: Attributes, seen: Attributes, end: Option<Instant>) -> bool {
    wish == Wish::Enable
        && known.state == AccountState::Disabled
        && seen.state == AccountState::Enabled
        && end.is_some()
        && seen.expires_at == end
        && known.expires_at != end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_start_is_told_by_the_sessions_end_alone() {
        let at = |second| Some(Instant::from_second(second).expect("in range"));
        let is = |state, expires_at| Attributes { state, expires_at };
        let (on, off) = (AccountState::Enabled, AccountState::Disabled);
        let table = [
            (Wish::Enable, is(off, None), is(on, at(9)), at(9), true),
            (Wish::Enable, is(off, at(20)), is(on, at(9)), at(9), true),
            // Somebody else enabled it: for good, or until some other time.
            (Wish::Enable, is(off, None), is(on, None), at(9), false),
            (Wish::Enable, is(off, None), is(on, at(8)), at(9), false),
            // Its own expiry says nothing.
            (Wish::Enable, is(off, at(9)), is(on, at(9)), at(9), false),
            // The directory keeps none.
            (Wish::Enable, is(off, None), is(on, None), None, false),
            (Wish::Enable, is(on, None), is(on, at(9)), at(9), false),
            (Wish::Enable, is(off, None), is(off, at(9)), at(9), false),
            (Wish::Disable, is(off, None), is(on, at(9)), at(9), false),
            (Wish::None, is(off, None), is(on, at(9)), at(9), false),
        ];
        for (wish, known, seen, end, expected) in table {
            assert_eq!(
                is_lost_start(wish, known, seen, end),
                expected,
                "{wish:?} {known:?} {seen:?} {end:?}"
            );
        }
    }
}
