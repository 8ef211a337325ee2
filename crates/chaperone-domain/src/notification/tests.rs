//! What follows from what, and who is told, as tables.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::grant::Wish;
use crate::privileged_session::{Move, Window, transition};
use crate::user::Roles;

fn at(minute: i64) -> Instant {
    Instant::from_second(1_700_000_000 + minute * 60).expect("in range")
}

fn user(number: u128, roles: &[Role], active: bool) -> User {
    User {
        id: UserId::new(Uuid::from_u128(number)),
        user_name: format!("user{number}"),
        display_name: String::new(),
        email: format!("user{number}@example.org"),
        active,
        roles: Roles::new(roles.iter().copied()),
        password_must_change: false,
        created_at: at(0),
        version: 1,
    }
}

/// Asked for by 1, for 2, approved by 3, from minute 60 to minute 120.
fn session(state: State) -> PrivilegedSession {
    PrivilegedSession {
        id: PrivilegedSessionId::new(Uuid::from_u128(100)),
        account_id: AccountId::new(Uuid::from_u128(200)),
        more_accounts: Vec::new(),
        extension: None,
        user_id: UserId::new(Uuid::from_u128(2)),
        requested_by: UserId::new(Uuid::from_u128(1)),
        edited_by: Vec::new(),
        target_ids: Vec::new(),
        state,
        end_reason: None,
        wish: Wish::Enable,
        window: Window::stored(at(60), at(120)).expect("a window"),
        reason: String::new(),
        ticket: String::new(),
        approved_by: Some(UserId::new(Uuid::from_u128(3))),
        self_approved: false,
        start_intended_at: None,
        started_at: None,
        ended_at: None,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

fn notification(attempt: i64) -> Notification {
    Notification {
        id: NotificationId::new(Uuid::from_u128(1)),
        kind: NotificationKind::Approved,
        privileged_session_id: Some(session(State::Approved).id),
        account_id: None,
        recipient: None,
        channel: Channel::Webhook,
        address: "chat".to_owned(),
        occurrence: 2,
        state: NotificationState::Waiting,
        attempt,
        next_try_at: Some(at(0)),
        give_up_at: at(24 * 60),
        problem: None,
        created_at: at(0),
        sent_at: None,
        subject: String::new(),
        body: String::new(),
    }
}

#[test]
fn each_change_of_state_tells_what_the_table_says() {
    use NotificationKind as K;
    use State as S;
    let table = [
        (None, S::Draft, None, Some(K::ToApprove)),
        (Some(S::Approved), S::Draft, None, Some(K::ToApprove)),
        (Some(S::Draft), S::Draft, None, None),
        (Some(S::Draft), S::Approved, None, Some(K::Approved)),
        (Some(S::Draft), S::Rejected, None, Some(K::Rejected)),
        (Some(S::Draft), S::Cancelled, None, None),
        (Some(S::Draft), S::Expired, None, None),
        (Some(S::Approved), S::Starting, None, None),
        (Some(S::Starting), S::Active, None, Some(K::Started)),
        (Some(S::Starting), S::Ending, Some(EndReason::CouldNotStart), Some(K::CouldNotStart)),
        (Some(S::Starting), S::Ending, Some(EndReason::EndedByAdministrator), None),
        (Some(S::Active), S::Ending, Some(EndReason::Completed), None),
        (Some(S::Ending), S::Ended, Some(EndReason::Completed), Some(K::Ended)),
        (Some(S::Ending), S::Failed, Some(EndReason::CouldNotStart), None),
    ];
    for (from, to, reason, expected) in table {
        assert_eq!(of_status(from, to, reason), expected, "{from:?} to {to:?}");
    }
}

#[test]
fn only_what_did_not_simply_go_back_is_drift() {
    let told: Vec<_> =
        GrantOutcome::ALL.into_iter().filter(|outcome| of_outcome(*outcome).is_some()).collect();
    assert_eq!(told, [GrantOutcome::KeptChangedByOthers, GrantOutcome::SetStricter, GrantOutcome::Absent]);
}

#[test]
fn start_and_end_are_told_a_quarter_of_an_hour_before_and_not_outside_it() {
    let kind =
        |session: &PrivilegedSession, minute| of_time(session, false, at(minute)).map(|(kind, _)| kind);
    let approved = session(State::Approved);
    for (minute, expected) in [
        (44, None),
        (45, Some(NotificationKind::StartsSoon)),
        (59, Some(NotificationKind::StartsSoon)),
        (60, None),
    ] {
        assert_eq!(kind(&approved, minute), expected, "approved, minute {minute}");
    }
    let active = PrivilegedSession { started_at: Some(at(60)), ..session(State::Active) };
    for (minute, expected) in [
        (104, None),
        (105, Some(NotificationKind::EndsSoon)),
        (119, Some(NotificationKind::EndsSoon)),
        (120, None),
    ] {
        assert_eq!(kind(&active, minute), expected, "active, minute {minute}");
    }
}

#[test]
fn what_was_told_less_than_a_quarter_of_an_hour_before_is_not_told_again_as_soon() {
    let late = PrivilegedSession { updated_at: at(50), ..session(State::Approved) };
    assert_eq!(of_time(&late, false, at(55)), None, "approved at minute 50");
    let late = PrivilegedSession { started_at: Some(at(110)), ..session(State::Active) };
    assert_eq!(of_time(&late, false, at(115)), None, "started at minute 110");
    let short = Window::stored(at(60), at(75)).expect("a window");
    let approved = PrivilegedSession { window: short, ..session(State::Approved) };
    assert_eq!(of_time(&approved, false, at(50)), None, "a window of 15 minutes");
}

#[test]
fn an_account_that_is_not_back_is_told_after_a_minute_and_a_failed_attempt() {
    let ending = PrivilegedSession { ended_at: Some(at(120)), ..session(State::Ending) };
    let told = Some((NotificationKind::CouldNotBePutBack, at(120).as_microsecond()));
    for (minute, failed, expected) in [(120, true, None), (121, false, None), (121, true, told)] {
        assert_eq!(of_time(&ending, failed, at(minute)), expected, "minute {minute}, failed {failed}");
    }
}

#[test]
fn those_are_told_whose_session_it_is_and_whoever_has_to_act() {
    let people = [
        user(1, &[Role::User], true),
        user(2, &[Role::User], true),
        user(3, &[Role::Approver], true),
        user(4, &[Role::SystemAdministrator], true),
        user(5, &[Role::Approver], true),
        user(6, &[Role::Auditor], true),
        user(7, &[Role::SystemAdministrator, Role::Approver], false),
        user(1, &[Role::User], true),
    ];
    use NotificationKind as K;
    for kind in NotificationKind::ALL {
        let expected: &[u128] = match kind {
            K::ToApprove => &[1, 2, 3, 4, 5],
            K::CouldNotStart
            | K::CouldNotBePutBack
            | K::Drift
            | K::EventStreamStalled
            | K::ScheduledExportFailing => &[1, 2, 3, 4],
            K::ExportGapFound | K::ExportGapClosed => &[1, 2, 3, 4, 6],
            _ => &[1, 2, 3],
        };
        let told: Vec<u128> = recipients(kind, &session(State::Draft), None, &people)
            .iter()
            .map(|user| user.id.uuid().as_u128())
            .collect();
        assert_eq!(told, expected, "{}", kind.name());
    }
}

#[test]
fn somebody_who_is_not_active_is_never_told() {
    let people = [user(1, &[], false), user(2, &[], false), user(3, &Role::ALL, false)];
    for kind in NotificationKind::ALL {
        assert!(recipients(kind, &session(State::Draft), None, &people).is_empty(), "{}", kind.name());
    }
}

#[test]
fn pauses_double_from_a_second_to_a_quarter_of_an_hour() {
    let table = [(0, 1), (1, 1), (2, 2), (3, 4), (10, 512), (11, 900), (12, 900), (40, 900), (i64::MAX, 900)];
    for (attempt, seconds) in table {
        assert_eq!(retry_pause(attempt).as_secs(), seconds, "attempt {attempt}");
    }
}

#[test]
fn what_would_be_tried_after_its_last_hour_is_given_up() {
    let long = notification(20);
    assert_eq!(long.next_try(at(0)), Some(at(15)));
    assert_eq!(long.next_try(at(24 * 60 - 15)), None);
}

#[test]
fn names_read_back() {
    for kind in NotificationKind::ALL {
        assert_eq!(NotificationKind::parse(kind.name()), Some(kind));
    }
    for state in NotificationState::ALL {
        assert_eq!(NotificationState::parse(state.name()), Some(state));
    }
    for channel in Channel::ALL {
        assert_eq!(Channel::parse(channel.name()), Some(channel));
    }
}

#[test]
fn each_address_kind_and_occurrence_has_a_key_of_its_own() {
    let one = notification(0);
    let others = [
        Notification { kind: NotificationKind::Ended, ..one.clone() },
        Notification { occurrence: 3, ..one.clone() },
        Notification { address: "pager".to_owned(), ..one.clone() },
        Notification { channel: Channel::Mail, ..one.clone() },
        Notification { privileged_session_id: None, ..one.clone() },
        Notification { recipient: Some(UserId::new(Uuid::from_u128(9))), ..one.clone() },
    ];
    for other in others {
        assert_ne!(one.dedupe_key(), other.dedupe_key());
    }
    let moved = Notification { recipient: Some(UserId::new(Uuid::from_u128(9))), ..one.clone() };
    let renamed = Notification { address: "new@example.org".to_owned(), ..moved.clone() };
    assert_eq!(moved.dedupe_key(), renamed.dedupe_key(), "a person is told once, whatever their address");
}

proptest! {
    #[test]
    fn a_start_that_is_proved_or_fails_is_always_told(steps in proptest::collection::vec(
        prop_oneof![
            Just(Move::Approve), Just(Move::Start), Just(Move::Started), Just(Move::Edit), Just(Move::AccountsBack),
            proptest::sample::select(EndReason::ALL.to_vec()).prop_map(Move::End),
        ], 0..40))
    {
        let (mut state, mut reason) = (State::Draft, None);
        for step in steps {
            let Some(next) = transition::next(state, step, reason) else { continue };
            if let Move::End(why) = step {
                reason = Some(why);
            }
            let kind = of_status(Some(state), next, reason);
            match next {
                State::Active => prop_assert_eq!(kind, Some(NotificationKind::Started)),
                State::Ended => prop_assert_eq!(kind, Some(NotificationKind::Ended)),
                State::Failed => prop_assert_eq!(kind, None, "it was told when it could not start"),
                _ => {}
            }
            state = next;
        }
    }

    #[test]
    fn tries_never_come_closer_together_and_end_within_a_day(attempt in 1_i64..200) {
        prop_assert!(retry_pause(attempt) <= retry_pause(attempt + 1));
        let (mut now, mut tries) = (at(0), notification(0));
        while let Some(next) = { tries.attempt += 1; tries.next_try(now) } {
            prop_assert!(next > now && next < tries.give_up_at);
            now = next;
        }
        prop_assert!(tries.attempt > 90 && tries.attempt < 120, "{} attempts", tries.attempt);
    }
}
