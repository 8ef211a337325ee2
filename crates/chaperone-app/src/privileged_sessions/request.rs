//! Ask for a session, and change what was asked for.

use super::*;
use chaperone_store::Events;

use crate::secrets;

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct NewPrivilegedSession {
    /// The account to borrow.
    pub account_id: AccountId,
    /// Accounts that are enabled or disabled with it.
    pub more_accounts: Vec<MoreAccount>,
    /// Who is to work with it; its owner when `None`.
    pub user_id: Option<UserId>,
    /// Where to.
    pub target_ids: Vec<TargetId>,
    /// From when.
    pub starts_at: Instant,
    /// Until when.
    pub ends_at: Instant,
    /// What for.
    pub reason: String,
    /// The number in some other system.
    pub ticket: String,
    /// What to do with the account.
    pub wish: Wish,
    /// Whether the requester knows, and has told the user, that everything is recorded.
    pub notice_acknowledged: bool,
}

/// What is to be changed of a request; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrivilegedSessionChange {
    /// The account to borrow.
    pub account_id: Option<AccountId>,
    /// Accounts that are enabled or disabled with it.
    pub more_accounts: Option<Vec<MoreAccount>>,
    /// Where to.
    pub target_ids: Option<Vec<TargetId>>,
    /// From when.
    pub starts_at: Option<Instant>,
    /// Until when.
    pub ends_at: Option<Instant>,
    /// What for.
    pub reason: Option<String>,
    /// The number in some other system.
    pub ticket: Option<String>,
    /// What to do with the account.
    pub wish: Option<Wish>,
    /// The version that the caller saw.
    pub version: Option<i64>,
}

fn check_texts(reason: &str, ticket: &str, targets: &[TargetId]) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut wrong = |field, detail: &str| {
        problems.push(FieldProblem { name: "too-long", field, detail: detail.to_owned() });
    };
    if reason.chars().count() > TEXT_MAX_CHARS {
        wrong("reason", "Use at most 4000 characters.");
    }
    if ticket.chars().count() > TICKET_MAX_CHARS {
        wrong("ticket", "Use at most 200 characters.");
    }
    if targets.len() > TARGETS_MAX {
        wrong("target_ids", "Name at most 50 targets.");
    }
    problems
}

/// Accounts with their wishes, for the trail.
fn accounts_text(accounts: &[MoreAccount]) -> String {
    let one = |more: &MoreAccount| format!("{} {}", more.account_id, more.wish.name());
    accounts.iter().map(one).collect::<Vec<_>>().join(",")
}

impl App {
    /// Everything that is wrong with a request, and its account.
    async fn check_request(
        &self,
        who: &Principal,
        new: &NewPrivilegedSession,
        window: Result<Window, chaperone_domain::privileged_session::WindowProblem>,
    ) -> Result<(Account, UserId, Window), AppError> {
        let mut problems = check_texts(&new.reason, &new.ticket, &new.target_ids);
        let unknown = |name, field, detail: &str| FieldProblem { name, field, detail: detail.to_owned() };
        let account = self.store.read().account(new.account_id).await?;
        let visible = account
            .filter(|account| who.has(Role::SystemAdministrator) || account.owner == Some(who.user_id));
        let mut targets = Vec::new();
        for id in &new.target_ids {
            match self.store.read().target(*id).await? {
                Some(target) => targets.push(target),
                None => problems.push(unknown("unknown-target", "target_ids", "There is no such target.")),
            }
        }
        let mut more_accounts = Vec::new();
        if new.more_accounts.len() >= ACCOUNTS_MAX {
            problems.push(unknown("too-many", "more_accounts", "A session takes at most 20 accounts."));
        }
        for more in new.more_accounts.iter().take(ACCOUNTS_MAX) {
            let found = self.store.read().account(more.account_id).await?;
            let found =
                found.filter(|found| who.has(Role::SystemAdministrator) || found.owner == Some(who.user_id));
            match found {
                Some(found) => more_accounts.push(found),
                None => problems.push(unknown(
                    "unknown-account",
                    "more_accounts",
                    "There is no such account among those that you may ask for.",
                )),
            }
        }
        let window = window.map_err(|found| problems.push(window_problem(found))).ok();
        let Some(account) = visible else {
            problems.push(unknown(
                "unknown-account",
                "account_id",
                "There is no such account among those that you may ask for.",
            ));
            return Err(AppError::Invalid(problems));
        };
        let user_id = new.user_id.or(account.owner);
        let request = Request {
            account: &account,
            more_accounts: &more_accounts,
            user_id: user_id.unwrap_or(who.user_id),
            targets: &targets,
            reason: &new.reason,
            notice_acknowledged: new.notice_acknowledged,
        };
        let found = request.problems(who);
        let no_target_known = !new.target_ids.is_empty() && targets.is_empty();
        problems.extend(
            found
                .into_iter()
                .filter(|found| !(no_target_known && *found == rules::RequestProblem::NoTargets))
                .map(request_problem),
        );
        match (problems.is_empty(), user_id, window) {
            (true, Some(user_id), Some(window)) => Ok((account, user_id, window)),
            _ => Err(AppError::Invalid(problems)),
        }
    }

    /// Asks for a session: it becomes a Draft.
    pub async fn request_privileged_session(
        &self,
        op: &Op,
        new: NewPrivilegedSession,
    ) -> Result<PrivilegedSessionView, AppError> {
        let who = op.principal()?;
        op.require(&[Role::SystemAdministrator, Role::Approver, Role::User])?;
        let window = Window::request(new.starts_at, new.ends_at, op.at);
        let (account, user_id, window) = self.check_request(&who, &new, window).await?;
        let mut target_ids = new.target_ids;
        target_ids.sort();
        target_ids.dedup();
        let session = PrivilegedSession {
            id: PrivilegedSessionId::new(secrets::new_uuid(op.at)),
            account_id: account.id,
            more_accounts: new.more_accounts,
            user_id,
            requested_by: who.user_id,
            edited_by: Vec::new(),
            target_ids,
            state: State::Draft,
            end_reason: None,
            wish: new.wish,
            window,
            extension: None,
            reason: new.reason.trim().to_owned(),
            ticket: new.ticket.trim().to_owned(),
            approved_by: None,
            self_approved: false,
            start_intended_at: None,
            started_at: None,
            ended_at: None,
            created_at: op.at,
            updated_at: op.at,
            version: 1,
        };
        let told = self.told_by_status(op, None, &session, "").await?;
        let (tx_op, row) = (op.clone(), session.clone());
        self.store
            .write(move |tx| {
                let (op, row, told) = (tx_op.clone(), row.clone(), told.clone());
                Box::pin(async move {
                    tx.insert_privileged_session(&row).await?;
                    tx.insert_notifications(&told).await?;
                    let event = op
                        .event(AuditAction::PrivilegedSessionRequested, "privileged_session", row.id)
                        .in_session(row.id)
                        .because(&row.reason)
                        .with("to_status", State::Draft.status().name())
                        .with("changed_by_kind", ChangedByKind::of(&op).name())
                        .with("account_id", row.account_id.to_string())
                        .with("more_accounts", accounts_text(&row.more_accounts))
                        .with("user_id", row.user_id.to_string())
                        .with("starts_at", row.window.starts_at().to_string())
                        .with("ends_at", row.window.ends_at().to_string())
                        .with("account_action", row.wish.name())
                        .with("ticket", row.ticket.as_str())
                        .with("recording_notice_acknowledged", true);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.session_moved(&session);
        self.to_view(op, session).await
    }

    /// Changes a request; an approved one becomes a Draft again.
    pub async fn edit_privileged_session(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
        change: PrivilegedSessionChange,
    ) -> Result<PrivilegedSessionView, AppError> {
        let before = self.privileged_session(op, id).await?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        if before.state == State::Active {
            return self.edit_active(op, before, change).await;
        }
        let who = op.principal()?;
        self.require_action(op, &before, Action::Edit).await?;
        let request = NewPrivilegedSession {
            account_id: change.account_id.unwrap_or(before.account_id),
            more_accounts: change.more_accounts.clone().unwrap_or_else(|| before.more_accounts.clone()),
            user_id: if change.account_id.is_some() { None } else { Some(before.user_id) },
            target_ids: change.target_ids.clone().unwrap_or_else(|| before.target_ids.clone()),
            starts_at: change.starts_at.unwrap_or(before.window.starts_at()),
            ends_at: change.ends_at.unwrap_or(before.window.ends_at()),
            reason: change.reason.clone().unwrap_or_else(|| before.reason.clone()),
            ticket: change.ticket.clone().unwrap_or_else(|| before.ticket.clone()),
            wish: change.wish.unwrap_or(before.wish),
            notice_acknowledged: true,
        };
        let window = if change.starts_at.is_some() {
            Window::request(request.starts_at, request.ends_at, op.at)
        } else {
            Window::stored(request.starts_at, request.ends_at)
        };
        let (account, user_id, window) = self.check_request(&who, &request, window).await?;
        let mut after = before.clone();
        let from = make_move(&mut after, Move::Edit, op.at)?;
        after.account_id = account.id;
        after.more_accounts = request.more_accounts;
        after.user_id = user_id;
        after.target_ids = request.target_ids;
        after.target_ids.sort();
        after.target_ids.dedup();
        after.window = window;
        after.reason = request.reason.trim().to_owned();
        after.ticket = request.ticket.trim().to_owned();
        after.wish = request.wish;
        after.approved_by = None;
        after.self_approved = false;
        if !after.edited_by.contains(&who.user_id) {
            after.edited_by.push(who.user_id);
        }
        let told = self.told_by_status(op, Some(from), &after, "").await?;
        let (tx_op, row, old) = (op.clone(), after.clone(), before.clone());
        self.store
            .write(move |tx| {
                let (op, row, old, told) = (tx_op.clone(), row.clone(), old.clone(), told.clone());
                Box::pin(async move {
                    tx.update_privileged_session(&row, old.version).await?;
                    tx.insert_notifications(&told).await?;
                    let targets = |session: &PrivilegedSession| {
                        session.target_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
                    };
                    let edited = op
                        .event(AuditAction::PrivilegedSessionEdited, "privileged_session", row.id)
                        .in_session(row.id)
                        .with("changed_by_kind", ChangedByKind::of(&op).name())
                        .with("what", "The request was edited.")
                        .changed("account_id", &old.account_id.to_string(), &row.account_id.to_string())
                        .changed(
                            "more_accounts",
                            &accounts_text(&old.more_accounts),
                            &accounts_text(&row.more_accounts),
                        )
                        .changed("target_ids", &targets(&old), &targets(&row))
                        .changed(
                            "starts_at",
                            &old.window.starts_at().to_string(),
                            &row.window.starts_at().to_string(),
                        )
                        .changed(
                            "ends_at",
                            &old.window.ends_at().to_string(),
                            &row.window.ends_at().to_string(),
                        )
                        .changed("reason", &old.reason, &row.reason)
                        .changed("ticket", &old.ticket, &row.ticket)
                        .changed("account_action", &old.wish.name(), &row.wish.name());
                    let mut events = Events::one(edited);
                    if from != row.state {
                        events = events.and(status_event(&op, &row, from, ChangedByKind::of(&op)));
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await?;
        after.version = before.version + 1;
        self.session_moved(&after);
        self.to_view(op, after).await
    }
}
