//! Decide about a session: approve, reject, cancel, end, hand back, process by hand, switch the account.

use super::*;
use chaperone_domain::ids::SignInId;
use chaperone_domain::notification::Notification;
use chaperone_domain::sign_in::{EndKind, SignIn, SignInKind};
use chaperone_store::{Events, Plan, SignInFilter, StoreError, WriteTx};

use crate::errors::refusal_sentence;
use crate::sign_ins::end_all;

/// What somebody decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// Allow it (source: Change status → Approve).
    Approve,
    /// Do not allow it.
    Reject,
    /// Take it back.
    Cancel,
    /// End it now.
    End,
    /// Give it back.
    HandBack,
}

impl StatusChange {
    /// Every decision.
    pub const ALL: [Self; 5] = [Self::Approve, Self::Reject, Self::Cancel, Self::End, Self::HandBack];

    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        self.action().name()
    }

    /// The decision of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.name() == name)
    }

    const fn action(self) -> Action {
        match self {
            Self::Approve => Action::Approve,
            Self::Reject => Action::Reject,
            Self::Cancel => Action::Cancel,
            Self::End => Action::End,
            Self::HandBack => Action::HandBack,
        }
    }

    const fn step(self) -> Move {
        match self {
            Self::Approve => Move::Approve,
            Self::Reject => Move::Reject,
            Self::Cancel => Move::Cancel,
            Self::End => Move::End(EndReason::EndedByAdministrator),
            Self::HandBack => Move::End(EndReason::HandedBack),
        }
    }
}

impl App {
    /// The rule that allows the caller this action now; a refusal of a decision is in the trail.
    pub(super) async fn require_action(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        action: Action,
    ) -> Result<(), AppError> {
        let (organization, account, desired) = self.decision(session).await?;
        let facts =
            Facts { session, account_owner: account.owner, desired, organization: &organization, now: op.at };
        let Err(refusal) = facts.may(&op.principal()?, action) else { return Ok(()) };
        let event = op
            .event(AuditAction::PrivilegedSessionRefused, "privileged_session", session.id)
            .in_session(session.id)
            .with("action", action.name())
            .with("rule", refusal.name())
            .with("changed_by_kind", ChangedByKind::of(op).name())
            .with("what", format!("{} was refused: {}", action.name(), refusal_sentence(refusal)));
        self.note(event).await?;
        Err(refusal.into())
    }

    /// Whether the caller decides about their own matter, which the organization may allow.
    pub(crate) async fn is_own_matter(&self, op: &Op, session: &PrivilegedSession) -> Result<bool, AppError> {
        let (organization, account, desired) = self.decision(session).await?;
        let facts =
            Facts { session, account_owner: account.owner, desired, organization: &organization, now: op.at };
        Ok(facts.is_own_matter(op.principal()?.user_id))
    }

    /// Changes the status by a person's decision.
    pub async fn change_status(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        change: StatusChange,
        comment: &str,
        version: Option<i64>,
    ) -> Result<PrivilegedSessionView, AppError> {
        if comment.chars().count() > TEXT_MAX_CHARS {
            return Err(AppError::field("comment", "too-long", "Use at most 4000 characters."));
        }
        let before = self.privileged_session(op, id).await?;
        if version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        self.require_action(op, &before, change.action()).await?;
        let about_extension =
            matches!(change, StatusChange::Approve | StatusChange::Reject | StatusChange::Cancel);
        if before.state == State::Active && about_extension {
            return self.decide_extension(op, before, change, comment).await;
        }
        let who = op.principal()?;
        let mut after = before.clone();
        let from = make_move(&mut after, change.step(), op.at)?;
        if change == StatusChange::Approve {
            self.refuse_opposite_overlap(&before).await?;
            after.approved_by = Some(who.user_id);
            after.self_approved = self.is_own_matter(op, &before).await?;
        }
        self.write_status(op, &before, &mut after, from, comment).await?;
        self.to_view(op, after).await
    }

    /// Another session that wants the opposite of the account in the same time refuses the approval.
    pub(super) async fn refuse_opposite_overlap(&self, session: &PrivilegedSession) -> Result<(), AppError> {
        let held = [State::Approved, State::Starting, State::Active];
        for (account, _) in session.accounts() {
            let others = self.store.read().sessions_of_account(account, &held).await?;
            if let Some(other) = rules::opposite_overlaps(session, &others).next() {
                let wish = other.wish_for(account).unwrap_or(other.wish);
                let why = format!(
                    "Privileged session {} wants the account {}d from {} to {}, this one wants the opposite in the \
same time. Choose another time, or cancel the other one.",
                    other.id,
                    wish.name(),
                    other.window.starts_at(),
                    other.window.ends_at()
                );
                return Err(AppError::refused("opposite-overlap", why));
            }
        }
        Ok(())
    }

    /// Writes a session that made its move, with its event and what is told of it; what was open in it ends in the same transaction.
    pub(crate) async fn write_status(
        &self,
        op: &Op,
        before: &PrivilegedSession,
        after: &mut PrivilegedSession,
        from: State,
        comment: &str,
    ) -> Result<(), AppError> {
        let moved = self.moved(op, before, after, from, comment).await?;
        let plan = moved.plan(op);
        let ended = self.write_moved(op, moved, plan).await?;
        self.status_written(after, ended);
        Ok(())
    }

    /// Carries out the plan of a session that made its move; the sign-ins that ended with it.
    pub(crate) async fn write_moved(
        &self,
        op: &Op,
        moved: Moved,
        plan: Plan,
    ) -> Result<Vec<SignInId>, AppError> {
        // Nearly always nobody is signed in who had to be signed out.
        if let Some(plan) = moved.if_nothing_else(plan.clone()) {
            match self.store.carry_out(plan).await {
                Ok(_) => return Ok(Vec::new()),
                Err(StoreError::Stale) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let op = op.clone();
        self.store
            .write(move |tx| {
                let (op, moved, plan) = (op.clone(), moved.clone(), plan.clone());
                Box::pin(async move {
                    moved.check(tx).await?;
                    let events = tx.write(plan).await?;
                    let (events, ended) = moved.end_sign_ins(tx, &op, events).await?;
                    Ok::<_, AppError>(tx.commit(ended, events))
                })
            })
            .await
    }

    /// What is to be written of a session that made its move. `after` gets the version that it will have.
    pub(crate) async fn moved(
        &self,
        op: &Op,
        before: &PrivilegedSession,
        after: &mut PrivilegedSession,
        from: State,
        comment: &str,
    ) -> Result<Moved, AppError> {
        let told = self.told_by_status(op, Some(from), after, comment).await?;
        let moved = Moved {
            session: after.clone(),
            version: before.version,
            from,
            told,
            comment: comment.to_owned(),
        };
        after.version = before.version + 1;
        Ok(moved)
    }

    /// Tells of a status that was written, and cuts the sign-ins that ended with it.
    pub(crate) fn status_written(&self, after: &PrivilegedSession, ended: Vec<SignInId>) {
        self.session_moved(after);
        for id in ended {
            self.gate.end(id);
        }
    }

    /// Does by hand what the processor would do now.
    pub async fn process_by_hand(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<PrivilegedSessionView, AppError> {
        let session = self.privileged_session(op, id).await?;
        self.require_action(op, &session, Action::Process).await?;
        self.process_session(op, id).await?;
        self.view_privileged_session(op, id).await
    }

    /// Enables or disables the account for the rest of the session.
    pub async fn switch_account(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        account_id: Option<AccountId>,
        enabled: bool,
    ) -> Result<PrivilegedSessionView, AppError> {
        let session = self.privileged_session(op, id).await?;
        let of_session = account_id.is_none_or(|account| session.wish_for(account).is_some());
        if !of_session {
            let why = "The session does not hold this account.";
            return Err(AppError::field("account_id", "not-of-session", why));
        }
        if account_id.is_none() && !session.more_accounts.is_empty() {
            let why = "The session holds several accounts; say which one.";
            return Err(AppError::field("account_id", "which-account", why));
        }
        let account_id = account_id.unwrap_or(session.account_id);
        let action = if enabled { Action::EnableAccount } else { Action::DisableAccount };
        self.require_action(op, &session, action).await?;
        let state = if enabled { AccountState::Enabled } else { AccountState::Disabled };
        let Some((grant, holders)) = self.store.read().open_grant(account_id).await? else {
            return Err(AppError::Inside("active session without grant"));
        };
        if grant.desired.state == state && grant.observed.state == state {
            return Err(Refusal::AlreadySo.into());
        }
        if let Some(other) = holders.iter().find(|holder| holder.privileged_session_id != id) {
            return Err(AppError::refused(
                "held-by-several",
                format!(
                    "Privileged session {} holds the account too; end it first, or leave the account as it is.",
                    other.privileged_session_id
                ),
            ));
        }
        let Some(holder) = holders.into_iter().find(|holder| holder.privileged_session_id == id) else {
            return Err(AppError::Inside("active session without hold"));
        };
        self.switch_grant(op, &session, grant, holder, state).await?;
        self.process_session(op, id).await?;
        self.view_privileged_session(op, id).await
    }
}

/// A session that made its move, and what is written of it.
#[derive(Clone)]
pub(crate) struct Moved {
    session: PrivilegedSession,
    version: i64,
    from: State,
    told: Vec<Notification>,
    comment: String,
}

impl Moved {
    /// What is written of it, whatever else goes with it.
    pub(crate) fn plan(&self, op: &Op) -> Plan {
        let Self { session, version, from, told, comment } = self;
        let mut event = status_event(op, session, *from, ChangedByKind::of(op)).because(comment);
        if session.self_approved && *from == State::Draft {
            event = event.with("self_approved", "yes");
        }
        Plan::with(event).session(session.clone(), *version).tell(told.clone())
    }

    /// The plan if it is all, because there is nobody to be signed out; `None` where more is to be looked at.
    fn if_nothing_else(&self, plan: Plan) -> Option<Plan> {
        match self.signs_out() {
            _ if self.session.state == State::Approved => None,
            None => Some(plan),
            Some(EndKind::SessionStarted) => Some(
                self.session.accounts().fold(plan, |plan, (account, _)| plan.if_nobody_is_in_with(account)),
            ),
            Some(_) => Some(plan.if_nobody_is_in(self.session.id)),
        }
    }

    /// Whose sign-ins end with it: those of the session, or those with its accounts that began before it.
    fn signs_out(&self) -> Option<EndKind> {
        match (self.from, self.session.state) {
            (State::Starting, State::Active) => Some(EndKind::SessionStarted),
            (_, State::Ending) => Some(EndKind::SessionEnded),
            _ => None,
        }
    }

    /// Two approvals of opposite wishes at once: the second finds the first here.
    async fn check(&self, tx: &WriteTx) -> Result<(), AppError> {
        if self.session.state != State::Approved {
            return Ok(());
        }
        let held = [State::Approved, State::Starting, State::Active];
        for (account, _) in self.session.accounts() {
            let others = tx.read().sessions_of_account(account, &held).await?;
            if rules::opposite_overlaps(&self.session, &others).next().is_some() {
                return Err(AppError::Stale);
            }
        }
        Ok(())
    }

    /// Ends the sign-ins that end with it; the events with theirs, and which.
    async fn end_sign_ins(
        &self,
        tx: &mut WriteTx,
        op: &Op,
        events: Events,
    ) -> Result<(Events, Vec<SignInId>), AppError> {
        let session = &self.session;
        let (open, kind) = match self.signs_out() {
            Some(kind @ EndKind::SessionStarted) => (older_sign_ins(tx, session).await?, kind),
            Some(kind) => {
                let filter = SignInFilter { privileged_session_id: Some(session.id), ..Default::default() };
                (tx.read().open_sign_ins(filter).await?, kind)
            }
            None => return Ok((events, Vec::new())),
        };
        // Where the time was over, the doors closed by themselves, before the processor came.
        let at = if kind == EndKind::SessionEnded { op.at.min(session.window.ends_at()) } else { op.at };
        end_all(tx, op, open, (kind, at), events).await
    }
}

/// Open target sign-ins of the session's accounts that are in no session: what is done with an account while a session
/// holds it is done in a session, and recorded.
async fn older_sign_ins(tx: &mut WriteTx, session: &PrivilegedSession) -> Result<Vec<SignIn>, AppError> {
    let mut older = Vec::new();
    for (account, _) in session.accounts() {
        let filter =
            SignInFilter { kind: Some(SignInKind::Target), account_id: Some(account), ..Default::default() };
        let open = tx.read().open_sign_ins(filter).await?;
        older.extend(open.into_iter().filter(|sign_in| sign_in.privileged_session_id.is_none()));
    }
    Ok(older)
}
