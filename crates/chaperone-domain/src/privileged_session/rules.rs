//! Who may make which move, when, and which rule refuses it.

use super::{PrivilegedSession, State, WINDOW_MAX};
use crate::Instant;
use crate::account::{Account, AccountState};
use crate::grant::Wish;
use crate::ids::{AccountId, UserId};
use crate::organization::Organization;
use crate::target::{Target, TargetRecording};
use crate::user::{Role, Roles};

/// Who acts: a user with their roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub user_id: UserId,
    /// With which roles.
    pub roles: Roles,
}

impl Principal {
    /// Whether the principal has the role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.has(role)
    }
}

/// Something that a person may do with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Change the request.
    Edit,
    /// Allow it.
    Approve,
    /// Refuse it.
    Reject,
    /// Take it back.
    Cancel,
    /// Do by hand what the processor would do now.
    Process,
    /// End it.
    End,
    /// Give it back before its time.
    HandBack,
    /// Enter the targets.
    Open,
    /// Enable the account for the rest of the session.
    EnableAccount,
    /// Disable the account for the rest of the session.
    DisableAccount,
    /// Ask for a later end.
    Extend,
    /// Make the end earlier.
    Shorten,
}

impl Action {
    /// Every action, in the order in which they are offered.
    pub const ALL: [Self; 12] = [
        Self::Open,
        Self::HandBack,
        Self::Approve,
        Self::Reject,
        Self::Extend,
        Self::Shorten,
        Self::Edit,
        Self::Process,
        Self::EnableAccount,
        Self::DisableAccount,
        Self::Cancel,
        Self::End,
    ];

    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edit => "Edit",
            Self::Approve => "Approve",
            Self::Reject => "Reject",
            Self::Cancel => "Cancel",
            Self::Process => "Process",
            Self::End => "End",
            Self::HandBack => "HandBack",
            Self::Open => "Open",
            Self::EnableAccount => "EnableAccount",
            Self::DisableAccount => "DisableAccount",
            Self::Extend => "Extend",
            Self::Shorten => "Shorten",
        }
    }
}

/// The rule that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The state does not allow it.
    WrongStatus,
    /// A role is missing.
    RoleMissing,
    /// Requester, editor, user or owner may not decide about it themselves.
    SelfApproval,
    /// The start lies ahead.
    NothingDue {
        /// When it starts.
        starts_at: Instant,
    },
    /// The end is over.
    WindowOver,
    /// Somebody else is the user of the session.
    NotTheUser,
    /// The account is in that state already.
    AlreadySo,
}

impl Refusal {
    /// The stable name in the API: the end of a problem's `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongStatus => "wrong-status",
            Self::RoleMissing => "role-missing",
            Self::SelfApproval => "self-approval-refused",
            Self::NothingDue { .. } => "nothing-due",
            Self::WindowOver => "window-over",
            Self::NotTheUser => "not-the-user",
            Self::AlreadySo => "already-so",
        }
    }
}

/// What a decision about a session needs to know beside the session.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The session.
    pub session: &'a PrivilegedSession,
    /// The owner of its account.
    pub account_owner: Option<UserId>,
    /// What the grant wants of the account now, while there is one.
    pub desired: Option<AccountState>,
    /// The settings.
    pub organization: &'a Organization,
    /// Now.
    pub now: Instant,
}

impl Facts<'_> {
    /// Whether `who` would decide about their own matter.
    pub fn is_own_matter(&self, who: UserId) -> bool {
        let session = self.session;
        session.requested_by == who
            || session.user_id == who
            || session.edited_by.contains(&who)
            || session.extension.as_ref().is_some_and(|extension| extension.requested_by == who)
            || self.account_owner == Some(who)
    }

    /// Whether `who` may do `action` now; the rule that refuses otherwise.
    pub fn may(&self, who: &Principal, action: Action) -> Result<(), Refusal> {
        let session = self.session;
        let administrator = who.has(Role::SystemAdministrator);
        let decides = administrator || who.has(Role::Approver);
        let requester = session.requested_by == who.user_id;
        let user = session.user_id == who.user_id;
        let allowed_states: &[State] = match action {
            // What is decided about an Active session is its extension.
            Action::Cancel if session.extension.is_some() => &[State::Draft, State::Approved, State::Active],
            Action::Approve | Action::Reject if session.extension.is_some() => &[State::Draft, State::Active],
            Action::Edit | Action::Cancel => &[State::Draft, State::Approved],
            Action::Approve | Action::Reject => &[State::Draft],
            Action::Extend | Action::Shorten => &[State::Active],
            Action::Process => &[State::Approved, State::Starting, State::Active, State::Ending],
            Action::End => &[State::Active, State::Starting],
            Action::HandBack | Action::Open | Action::EnableAccount | Action::DisableAccount => {
                &[State::Active]
            }
        };
        let by_role = match action {
            Action::Approve | Action::Reject | Action::End => decides,
            Action::Edit => administrator || requester,
            Action::Cancel | Action::Extend | Action::Shorten => administrator || requester || user,
            Action::Process | Action::EnableAccount | Action::DisableAccount => administrator,
            Action::HandBack | Action::Open => {
                if !user {
                    return Err(Refusal::NotTheUser);
                }
                true
            }
        };
        if !by_role {
            return Err(Refusal::RoleMissing);
        }
        if !allowed_states.contains(&session.state) {
            return Err(Refusal::WrongStatus);
        }
        let over = self.now >= session.window.ends_at();
        let own = self.is_own_matter(who.user_id) && !self.organization.allow_self_approval;
        match action {
            Action::Approve if over => Err(Refusal::WindowOver),
            Action::Approve if own => Err(Refusal::SelfApproval),
            Action::EnableAccount | Action::DisableAccount if own => Err(Refusal::SelfApproval),
            Action::Open | Action::Extend | Action::Shorten if over => Err(Refusal::WindowOver),
            Action::EnableAccount if self.desired == Some(AccountState::Enabled) => Err(Refusal::AlreadySo),
            Action::DisableAccount if self.desired == Some(AccountState::Disabled) => Err(Refusal::AlreadySo),
            Action::Process if session.state == State::Approved && self.now < session.window.starts_at() => {
                Err(Refusal::NothingDue { starts_at: session.window.starts_at() })
            }
            _ => Ok(()),
        }
    }
}

/// Whether the principal may see the session at all.
pub fn may_see(who: &Principal, session: &PrivilegedSession, account_owner: Option<UserId>) -> bool {
    who.has(Role::SystemAdministrator)
        || who.has(Role::Approver)
        || who.has(Role::Auditor)
        || session.user_id == who.user_id
        || session.requested_by == who.user_id
        || account_owner == Some(who.user_id)
}

/// What is wrong with a request for a session, beside its window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestProblem {
    /// The notice was not acknowledged.
    NoticeNotAcknowledged,
    /// Nobody owns the account, so nobody could use it.
    AccountWithoutOwner,
    /// The user of the session is not the owner of the account.
    UserIsNotOwner,
    /// The directory does not know the account any more.
    AccountAbsent,
    /// No target is named.
    NoTargets,
    /// A target is of another directory than the account.
    TargetOfOtherDirectory,
    /// A target is never recorded.
    TargetNotRecorded,
    /// No reason is given.
    NoReason,
    /// The principal may only ask for accounts that they own.
    NotYourAccount,
    /// The accounts of one session have one owner.
    AccountsOfSeveralOwners,
    /// An account is named twice.
    AccountTwice,
}

impl RequestProblem {
    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoticeNotAcknowledged => "recording-notice-not-acknowledged",
            Self::AccountWithoutOwner => "account-without-owner",
            Self::UserIsNotOwner => "user-is-not-owner",
            Self::AccountAbsent => "account-absent",
            Self::NoTargets => "no-targets",
            Self::TargetOfOtherDirectory => "target-of-other-directory",
            Self::TargetNotRecorded => "target-not-recorded",
            Self::NoReason => "no-reason",
            Self::NotYourAccount => "not-your-account",
            Self::AccountsOfSeveralOwners => "accounts-of-several-owners",
            Self::AccountTwice => "account-twice",
        }
    }

    /// The field of the request that it concerns.
    pub const fn field(self) -> &'static str {
        match self {
            Self::NoticeNotAcknowledged => "recording_notice_acknowledged",
            Self::AccountWithoutOwner | Self::AccountAbsent | Self::NotYourAccount => "account_id",
            Self::UserIsNotOwner => "user_id",
            Self::NoTargets | Self::TargetOfOtherDirectory | Self::TargetNotRecorded => "target_ids",
            Self::NoReason => "reason",
            Self::AccountsOfSeveralOwners | Self::AccountTwice => "more_accounts",
        }
    }
}

/// A request for a session, with the rows that it names.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The account to borrow.
    pub account: &'a Account,
    /// Accounts that are taken with it.
    pub more_accounts: &'a [Account],
    /// Who is to work with it.
    pub user_id: UserId,
    /// Where to.
    pub targets: &'a [Target],
    /// What for.
    pub reason: &'a str,
    /// Whether the requester has acknowledged the recording notice.
    pub notice_acknowledged: bool,
}

impl Request<'_> {
    /// Everything that is wrong with the request.
    pub fn problems(&self, who: &Principal) -> Vec<RequestProblem> {
        let mut problems = Vec::new();
        let account = self.account;
        if !self.notice_acknowledged {
            problems.push(RequestProblem::NoticeNotAcknowledged);
        }
        match account.owner {
            None => problems.push(RequestProblem::AccountWithoutOwner),
            Some(owner) if owner != self.user_id => problems.push(RequestProblem::UserIsNotOwner),
            Some(_) => {}
        }
        if !who.has(Role::SystemAdministrator) && account.owner != Some(who.user_id) {
            problems.push(RequestProblem::NotYourAccount);
        }
        if account.state == AccountState::Absent
            || self.more_accounts.iter().any(|more| more.state == AccountState::Absent)
        {
            problems.push(RequestProblem::AccountAbsent);
        }
        if self.more_accounts.iter().any(|more| more.owner != account.owner) {
            problems.push(RequestProblem::AccountsOfSeveralOwners);
        }
        let mut ids: Vec<_> = self.more_accounts.iter().map(|more| more.id).chain([account.id]).collect();
        ids.sort();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            problems.push(RequestProblem::AccountTwice);
        }
        if self.targets.is_empty() {
            problems.push(RequestProblem::NoTargets);
        }
        if self.targets.iter().any(|target| target.directory_id != account.directory_id) {
            problems.push(RequestProblem::TargetOfOtherDirectory);
        }
        if self.targets.iter().any(|target| target.recording == TargetRecording::Off) {
            problems.push(RequestProblem::TargetNotRecorded);
        }
        if self.reason.trim().is_empty() {
            problems.push(RequestProblem::NoReason);
        }
        problems
    }
}

/// The sessions among `others` that want the opposite of one of `session`'s accounts in the same time.
pub fn opposite_overlaps<'a>(
    session: &PrivilegedSession,
    others: &'a [PrivilegedSession],
) -> impl Iterator<Item = &'a PrivilegedSession> {
    let (id, window) = (session.id, session.window);
    let wishes: Vec<_> = session.accounts().collect();
    others.iter().filter(move |other| {
        let opposite = |(account, wish): &(AccountId, Wish)| {
            other.wish_for(*account).is_some_and(|other| other.is_opposite(*wish))
        };
        other.id != id
            && matches!(other.state, State::Approved | State::Starting | State::Active)
            && other.window.overlaps(window)
            && wishes.iter().any(opposite)
    })
}

/// The wish that a switch during the session asks for.
pub const fn switched(enabled: AccountState) -> Wish {
    match enabled {
        AccountState::Enabled => Wish::Enable,
        AccountState::Disabled | AccountState::Absent => Wish::Disable,
    }
}

/// Longest window in whole hours, for sentences.
pub const WINDOW_MAX_HOURS: i64 = WINDOW_MAX.as_hours();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PrivilegedSessionId;
    use crate::privileged_session::{Extension, MoreAccount, Window};
    use uuid::Uuid;

    fn at(minute: i64) -> Instant {
        Instant::from_second(1_700_000_000 + minute * 60).expect("in range")
    }

    fn user(n: u128) -> UserId {
        UserId::new(Uuid::from_u128(n))
    }

    fn principal(n: u128, roles: &[Role]) -> Principal {
        Principal { user_id: user(n), roles: Roles::new(roles.iter().copied()) }
    }

    /// Requested by 1, edited by 2, used by 3, owned by 3.
    fn session(state: State) -> PrivilegedSession {
        PrivilegedSession {
            id: PrivilegedSessionId::new(Uuid::from_u128(9)),
            account_id: AccountId::new(Uuid::from_u128(8)),
            more_accounts: Vec::new(),
            extension: None,
            user_id: user(3),
            requested_by: user(1),
            edited_by: vec![user(2)],
            target_ids: Vec::new(),
            state,
            end_reason: None,
            wish: Wish::Enable,
            window: Window::stored(at(0), at(60)).expect("a window"),
            reason: "why".to_owned(),
            ticket: String::new(),
            approved_by: None,
            self_approved: false,
            start_intended_at: None,
            started_at: None,
            ended_at: None,
            created_at: at(-10),
            updated_at: at(-10),
            version: 1,
        }
    }

    fn may(
        state: State,
        minute: i64,
        who: &Principal,
        action: Action,
        allow_self: bool,
    ) -> Result<(), Refusal> {
        let session = session(state);
        let organization = Organization { allow_self_approval: allow_self, ..Organization::preset() };
        let facts = Facts {
            session: &session,
            account_owner: Some(user(3)),
            desired: Some(AccountState::Enabled),
            organization: &organization,
            now: at(minute),
        };
        facts.may(who, action)
    }

    #[test]
    fn nobody_approves_their_own_matter_unless_the_organization_allows_it() {
        use Role::{Approver, SystemAdministrator};
        for own in [1, 2, 3] {
            let who = principal(own, &[SystemAdministrator]);
            assert_eq!(
                may(State::Draft, 0, &who, Action::Approve, false),
                Err(Refusal::SelfApproval),
                "{own}"
            );
            assert_eq!(may(State::Draft, 0, &who, Action::Approve, true), Ok(()), "{own}");
            assert_eq!(
                may(State::Active, 5, &who, Action::DisableAccount, false),
                Err(Refusal::SelfApproval)
            );
        }
        assert_eq!(may(State::Draft, 0, &principal(4, &[Approver]), Action::Approve, false), Ok(()));
        let auditor = principal(5, &[Role::Auditor, Role::User]);
        assert_eq!(may(State::Draft, 0, &auditor, Action::Approve, true), Err(Refusal::RoleMissing));
    }

    #[test]
    fn processing_before_the_start_names_the_start() {
        let who = principal(4, &[Role::SystemAdministrator]);
        let refused = Err(Refusal::NothingDue { starts_at: at(0) });
        assert_eq!(may(State::Approved, -1, &who, Action::Process, false), refused);
        assert_eq!(may(State::Approved, 0, &who, Action::Process, false), Ok(()));
        assert_eq!(may(State::Draft, 0, &who, Action::Process, false), Err(Refusal::WrongStatus));
    }

    #[test]
    fn only_the_user_of_the_session_opens_it_and_hands_it_back() {
        let (paula, admin) = (principal(3, &[Role::User]), principal(4, &[Role::SystemAdministrator]));
        for action in [Action::Open, Action::HandBack] {
            assert_eq!(may(State::Active, 5, &paula, action, false), Ok(()));
            assert_eq!(may(State::Active, 5, &admin, action, false), Err(Refusal::NotTheUser));
            assert_eq!(may(State::Approved, 5, &paula, action, false), Err(Refusal::WrongStatus));
        }
        assert_eq!(may(State::Active, 60, &paula, Action::Open, false), Err(Refusal::WindowOver));
    }

    #[test]
    fn the_account_is_switched_only_during_active_and_only_to_the_other_state() {
        let admin = principal(4, &[Role::SystemAdministrator]);
        assert_eq!(may(State::Approved, 5, &admin, Action::DisableAccount, false), Err(Refusal::WrongStatus));
        assert_eq!(may(State::Active, 5, &admin, Action::DisableAccount, false), Ok(()));
        assert_eq!(may(State::Active, 5, &admin, Action::EnableAccount, false), Err(Refusal::AlreadySo));
    }

    #[test]
    fn a_late_approval_is_good_until_the_end_and_not_after_it() {
        let who = principal(4, &[Role::Approver]);
        assert_eq!(may(State::Draft, 59, &who, Action::Approve, false), Ok(()));
        assert_eq!(may(State::Draft, 60, &who, Action::Approve, false), Err(Refusal::WindowOver));
    }

    #[test]
    fn opposite_wishes_meet_only_in_the_same_time() {
        let wanted = session(State::Draft);
        let mut other = session(State::Approved);
        other.id = PrivilegedSessionId::new(Uuid::from_u128(10));
        other.wish = Wish::Disable;
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 1);
        other.window = Window::stored(at(60), at(120)).expect("a window");
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 0);
        other.window = wanted.window;
        other.wish = Wish::None;
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 0);
        other.wish = Wish::Disable;
        other.state = State::Rejected;
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 0);
    }

    #[test]
    fn opposite_wishes_meet_on_any_account_of_the_session() {
        let mut wanted = session(State::Draft);
        let shared = AccountId::new(Uuid::from_u128(77));
        wanted.more_accounts = vec![MoreAccount { account_id: shared, wish: Wish::Disable }];
        let mut other = session(State::Active);
        other.id = PrivilegedSessionId::new(Uuid::from_u128(10));
        other.account_id = shared;
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 1);
        assert_eq!(
            opposite_overlaps(&other, std::slice::from_ref(&wanted)).count(),
            0,
            "a draft holds nothing"
        );
        other.wish = Wish::Disable;
        assert_eq!(opposite_overlaps(&wanted, std::slice::from_ref(&other)).count(), 0);
    }

    #[test]
    fn an_extension_is_asked_for_by_those_concerned_and_decided_by_others() {
        use Role::{Approver, SystemAdministrator, User};
        let organization = Organization::preset();
        let mut running = session(State::Active);
        let decide = |session: &PrivilegedSession, who: &Principal, action| {
            let facts = Facts {
                session,
                account_owner: Some(user(3)),
                desired: None,
                organization: &organization,
                now: at(5),
            };
            facts.may(who, action)
        };
        let (paula, admin) = (principal(3, &[User]), principal(4, &[SystemAdministrator]));
        let (approver, stranger) = (principal(5, &[Approver]), principal(6, &[User]));
        assert_eq!(decide(&running, &paula, Action::Extend), Ok(()));
        assert_eq!(decide(&running, &stranger, Action::Extend), Err(Refusal::RoleMissing));
        assert_eq!(
            decide(&running, &approver, Action::Approve),
            Err(Refusal::WrongStatus),
            "nothing to decide"
        );
        running.extension = Some(Extension {
            ends_at: at(90),
            reason: "not done".to_owned(),
            requested_by: user(4),
            requested_at: at(5),
        });
        assert_eq!(decide(&running, &approver, Action::Approve), Ok(()));
        assert_eq!(decide(&running, &approver, Action::Reject), Ok(()));
        assert_eq!(decide(&running, &admin, Action::Approve), Err(Refusal::SelfApproval), "asked for it");
        assert_eq!(decide(&running, &paula, Action::Cancel), Ok(()));
    }
}
