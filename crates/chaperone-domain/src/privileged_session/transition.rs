//! The state machine of a privileged session: one table.

use super::{EndReason, Status};

/// Where a session stands. *Starting* is shown as Approved: the start is intended and not yet proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Asked for.
    Draft,
    /// Allowed.
    Approved,
    /// Allowed; the intent to start is written, the grants are being made.
    Starting,
    /// Running.
    Active,
    /// Over for the user; the way back is not proved yet.
    Ending,
    /// Over and back, after it could not start.
    Failed,
    /// Over and back.
    Ended,
    /// Not allowed.
    Rejected,
    /// Taken back.
    Cancelled,
    /// Never started.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::Approved,
        Self::Starting,
        Self::Active,
        Self::Ending,
        Self::Failed,
        Self::Ended,
        Self::Rejected,
        Self::Cancelled,
        Self::Expired,
    ];

    /// The status that people see.
    pub const fn status(self) -> Status {
        match self {
            Self::Draft => Status::Draft,
            Self::Approved | Self::Starting => Status::Approved,
            Self::Active => Status::Active,
            Self::Ending => Status::Ending,
            Self::Failed => Status::Failed,
            Self::Ended => Status::Ended,
            Self::Rejected => Status::Rejected,
            Self::Cancelled => Status::Cancelled,
            Self::Expired => Status::Expired,
        }
    }

    /// The stable name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            other => other.status().name(),
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Something that happens to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Move {
    /// Allowed.
    Approve,
    /// Not allowed.
    Reject,
    /// Taken back before it started.
    Cancel,
    /// The request was changed.
    Edit,
    /// The end came before the start.
    Expire,
    /// The start is intended: grants are being made from now on.
    Start,
    /// Every grant is verified.
    Started,
    /// It ends, for this reason.
    End(EndReason),
    /// Every account is proved back.
    AccountsBack,
}

/// What becomes of `state` by `step`; `None` when it cannot happen. `end_reason` is why it is Ending, if it is.
pub const fn next(state: State, step: Move, end_reason: Option<EndReason>) -> Option<State> {
    use Move as M;
    use State as S;
    Some(match (state, step) {
        (S::Draft, M::Approve) => S::Approved,
        (S::Draft, M::Reject) => S::Rejected,
        (S::Draft | S::Approved, M::Cancel) => S::Cancelled,
        (S::Draft | S::Approved, M::Edit) => S::Draft,
        (S::Draft | S::Approved, M::Expire) => S::Expired,
        (S::Approved, M::Start) => S::Starting,
        (S::Starting, M::Started) => S::Active,
        (
            S::Starting,
            M::End(EndReason::CouldNotStart | EndReason::AccountRemoved | EndReason::EndedByAdministrator),
        ) => S::Ending,
        (
            S::Active,
            M::End(
                EndReason::Completed
                | EndReason::HandedBack
                | EndReason::EndedByAdministrator
                | EndReason::RecordingLost
                | EndReason::AccountRemoved,
            ),
        ) => S::Ending,
        (S::Ending, M::AccountsBack) => match end_reason {
            Some(EndReason::CouldNotStart) => S::Failed,
            _ => S::Ended,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moves() -> impl Strategy<Value = Move> {
        prop_oneof![
            Just(Move::Approve),
            Just(Move::Reject),
            Just(Move::Cancel),
            Just(Move::Edit),
            Just(Move::Expire),
            Just(Move::Start),
            Just(Move::Started),
            Just(Move::AccountsBack),
            proptest::sample::select(EndReason::ALL.to_vec()).prop_map(Move::End),
        ]
    }

    /// Follows `steps` from Draft; steps that cannot happen are skipped.
    fn walk(steps: &[Move]) -> Vec<(State, Move, State)> {
        let (mut state, mut end_reason, mut path) = (State::Draft, None, Vec::new());
        for &step in steps {
            if let Some(after) = next(state, step, end_reason) {
                if let Move::End(reason) = step {
                    end_reason = Some(reason);
                }
                path.push((state, step, after));
                state = after;
            }
        }
        path
    }

    proptest! {
        #[test]
        fn nothing_becomes_active_without_approval_and_an_intended_start(steps in proptest::collection::vec(moves(), 0..40)) {
            let path = walk(&steps);
            for (index, (_, _, after)) in path.iter().enumerate() {
                if *after == State::Active {
                    let before: Vec<Move> = path[..=index].iter().map(|(_, step, _)| *step).collect();
                    let approved = before.iter().rposition(|step| *step == Move::Approve);
                    let edited = before.iter().rposition(|step| *step == Move::Edit);
                    let intended = before.iter().rposition(|step| *step == Move::Start);
                    prop_assert!(approved.is_some() && approved > edited && intended > approved);
                }
            }
        }

        #[test]
        fn whatever_started_ends_only_after_its_accounts_are_back(steps in proptest::collection::vec(moves(), 0..40)) {
            let path = walk(&steps);
            let started = path.iter().any(|(_, step, _)| *step == Move::Start);
            let last = path.last().map_or(State::Draft, |(_, _, after)| *after);
            if started && last.status().is_final() {
                prop_assert_eq!(path.last().map(|(_, step, _)| *step), Some(Move::AccountsBack));
            }
        }

        #[test]
        fn a_final_state_stays(steps in proptest::collection::vec(moves(), 0..40), more in moves()) {
            let last = walk(&steps).last().map_or(State::Draft, |(_, _, after)| *after);
            if last.status().is_final() {
                prop_assert_eq!(next(last, more, None), None);
            }
        }
    }

    #[test]
    fn a_session_that_could_not_start_fails_and_never_counts_as_ended() {
        let steps = [Move::Approve, Move::Start, Move::End(EndReason::CouldNotStart), Move::AccountsBack];
        assert_eq!(walk(&steps).last().map(|(_, _, after)| *after), Some(State::Failed));
    }

    #[test]
    fn state_names_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
        }
    }
}
