//! Privileged sessions: ask, edit, decide, end, open. What time alone moves is in [`crate::jobs`].

use chaperone_domain::Instant;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::grant::{Grant, GrantHolder, Wish};
use chaperone_domain::ids::{AccountId, PrivilegedSessionId, TargetId, UserId};
use chaperone_domain::organization::Organization;
use chaperone_domain::privileged_session::rules::{self, Request};
use chaperone_domain::privileged_session::transition;
use chaperone_domain::privileged_session::{
    ACCOUNTS_MAX, Action, EndReason, Extension, Facts, MoreAccount, Move, Principal, PrivilegedSession,
    Refusal, State, TARGETS_MAX, TEXT_MAX_CHARS, TICKET_MAX_CHARS, Window,
};
use chaperone_domain::target::Target;
use chaperone_domain::user::{Role, User};
use chaperone_store::{Items, Page, SessionFilter};

use crate::app::App;
use crate::errors::{AppError, FieldProblem, request_problem, window_problem};
use crate::legal_holds::LegalHoldView;
use crate::op::{EventExt as _, Op, Who};

mod account_log;
mod decide;
mod extend;
mod logs;
mod open;
mod request;

pub use account_log::{AccountLogEntry, Direction};
pub use decide::StatusChange;
pub use logs::{AuditLogEntry, ChangedByKind};
pub use open::{Opened, OpenedTarget};
pub use request::{NewPrivilegedSession, PrivilegedSessionChange};

/// A session with everything that its page shows.
#[derive(Clone, Debug)]
pub struct PrivilegedSessionView {
    /// The session.
    pub session: PrivilegedSession,
    /// Its account.
    pub account: Account,
    /// The accounts that are enabled or disabled with it.
    pub more_accounts: Vec<Account>,
    /// Who works.
    pub user: User,
    /// Who asked.
    pub requested_by: User,
    /// Who approved.
    pub approved_by: Option<User>,
    /// Where to.
    pub targets: Vec<Target>,
    /// What the caller may do now.
    pub allowed_actions: Vec<Action>,
    /// What the state allows and a rule refuses.
    pub refused_actions: Vec<(Action, Refusal)>,
    /// What is done to its accounts.
    pub grants: Vec<(Grant, GrantHolder)>,
    /// Whether everything that belongs to it is kept.
    pub legal_hold: LegalHoldView,
}

impl PrivilegedSessionView {
    /// The name of one of the session's accounts.
    pub fn account_name(&self, id: AccountId) -> &str {
        let mut all = std::iter::once(&self.account).chain(&self.more_accounts);
        all.find(|account| account.id == id).map_or("", |account| &account.name)
    }
}

impl App {
    /// Facts for a decision about a session.
    async fn decision(
        &self,
        session: &PrivilegedSession,
    ) -> Result<(Organization, Account, Option<AccountState>), AppError> {
        let read = self.store.read();
        let organization = read.organization().await?;
        let account =
            read.account(session.account_id).await?.ok_or(AppError::Inside("session without account"))?;
        let desired = match session.more_accounts.as_slice() {
            [] => read.open_grant(session.account_id).await?.map(|(grant, _)| grant.desired.state),
            // Which of them is switched is said with the switch.
            _ => None,
        };
        Ok((organization, account, desired))
    }

    /// The session, if the caller may see it.
    pub async fn privileged_session(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<PrivilegedSession, AppError> {
        let not_found = AppError::NotFound { noun: "privileged session" };
        let Some(session) = self.store.read().privileged_session(id).await? else { return Err(not_found) };
        let owner = self.store.read().account(session.account_id).await?.and_then(|account| account.owner);
        if rules::may_see(&op.principal()?, &session, owner) { Ok(session) } else { Err(not_found) }
    }

    /// The session with everything that its page shows.
    pub async fn view_privileged_session(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<PrivilegedSessionView, AppError> {
        let session = self.privileged_session(op, id).await?;
        self.to_view(op, session).await
    }

    pub(crate) async fn to_view(
        &self,
        op: &Op,
        session: PrivilegedSession,
    ) -> Result<PrivilegedSessionView, AppError> {
        let (organization, account, desired) = self.decision(&session).await?;
        let who = op.principal()?;
        let facts = Facts {
            session: &session,
            account_owner: account.owner,
            desired,
            organization: &organization,
            now: op.at,
        };
        let (mut allowed_actions, mut refused_actions) = (Vec::new(), Vec::new());
        for action in Action::ALL {
            match facts.may(&who, action) {
                Ok(()) => allowed_actions.push(action),
                Err(
                    Refusal::WrongStatus | Refusal::RoleMissing | Refusal::NotTheUser | Refusal::AlreadySo,
                ) => {}
                Err(refusal) => refused_actions.push((action, refusal)),
            }
        }
        let read = self.store.read();
        let missing = AppError::Inside("session without user");
        let Some(user) = read.user(session.user_id).await? else { return Err(missing) };
        let Some(requested_by) = read.user(session.requested_by).await? else { return Err(missing) };
        let approved_by = match session.approved_by {
            Some(id) => read.user(id).await?,
            None => None,
        };
        let mut targets = Vec::new();
        for id in &session.target_ids {
            targets.extend(read.target(*id).await?);
        }
        let mut more_accounts = Vec::new();
        for more in &session.more_accounts {
            more_accounts.extend(read.account(more.account_id).await?);
        }
        let grants = read.grants_of_session(session.id).await?;
        let legal_hold = self.view_legal_hold(&who, session.id).await?;
        Ok(PrivilegedSessionView {
            session,
            account,
            more_accounts,
            user,
            requested_by,
            approved_by,
            targets,
            allowed_actions,
            refused_actions,
            grants,
            legal_hold,
        })
    }

    /// The sessions that the caller may see, newest start first, by page.
    pub async fn privileged_sessions(
        &self,
        op: &Op,
        mut filter: SessionFilter,
        page: Page,
    ) -> Result<Items<PrivilegedSessionView>, AppError> {
        if op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor]).is_err() {
            filter.seen_by = Some(op.user()?.id);
        }
        let found = self.store.read().privileged_sessions(filter, page).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for session in found.items {
            items.push(self.to_view(op, session).await?);
        }
        Ok(Items { items, next: found.next })
    }

    /// Wakes the processor and whoever sends notifications, and tells watchers after a session moved.
    pub(crate) fn session_moved(&self, session: &PrivilegedSession) {
        use crate::changes::ChangedNoun;
        self.gate.session_changed(session);
        self.changes.tell(
            ChangedNoun::PrivilegedSession,
            session.id.uuid(),
            vec![session.user_id, session.requested_by],
        );
        self.processor_nudge.notify_one();
        self.nudges.wake();
    }
}

/// The event that a session's status changed; the Audit log is made of these.
pub(crate) fn status_event(
    op: &Op,
    session: &PrivilegedSession,
    from: State,
    kind: ChangedByKind,
) -> AuditEvent {
    op.event(AuditAction::PrivilegedSessionStatusChanged, "privileged_session", session.id)
        .in_session(session.id)
        .with("from_status", from.status().name())
        .with("to_status", session.status().name())
        .with("changed_by_kind", kind.name())
        .with("end_reason", session.end_reason.map(EndReason::name))
}

/// Makes the move on the session, or says that the state does not allow it.
pub(crate) fn make_move(session: &mut PrivilegedSession, step: Move, at: Instant) -> Result<State, AppError> {
    let from = session.state;
    let next =
        transition::next(from, step, session.end_reason).ok_or(AppError::from(Refusal::WrongStatus))?;
    if let Move::End(reason) = step {
        session.end_reason = Some(reason);
        session.ended_at = Some(at);
    }
    match step {
        Move::Start => session.start_intended_at = Some(at),
        Move::Started => session.started_at = Some(at),
        _ => {}
    }
    session.state = next;
    session.updated_at = at;
    Ok(from)
}
