//! Lost: starts that the rows do not know, because they were put back from a backup that is older than the start. The
//! session takes them up where they are, and the cycle brings the accounts back as ever.

use super::*;
use chaperone_domain::grant::lost::is_lost_start;

/// An account that carries a session's mark: what it is to go back to, and what was found.
struct Found {
    account: AccountId,
    wish: Wish,
    known: Attributes,
    seen: Attributes,
}

impl App {
    /// Takes up every start that was lost.
    pub(crate) async fn take_up_lost_starts(&self, op: &Op) -> Result<(), AppError> {
        for session in self.store.read().sessions_in(&[State::Approved]).await? {
            if session.window.starts_at() > op.at {
                continue;
            }
            let found = self.marked_accounts(&session).await?;
            if found.is_empty() {
                continue;
            }
            tracing::warn!(session = %session.id, "a start that the rows did not know is taken up");
            match self.take_up(op, session, found).await {
                // Somebody else moved it meanwhile: it is theirs.
                Ok(()) | Err(AppError::Stale) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn marked_accounts(&self, session: &PrivilegedSession) -> Result<Vec<Found>, AppError> {
        let mut marked = Vec::new();
        for (id, wish) in session.accounts() {
            let Some(account) = self.store.read().account(id).await? else { continue };
            let held = self.store.read().open_grant(id).await?.is_some();
            if held || account.last_seen_at.is_none() {
                continue;
            }
            let Ok(connector) = self.connector(&account).await else { continue };
            let Ok(seen) = connector.observe(&external(&account)).await else { continue };
            let known = Attributes { state: account.state, expires_at: account.expires_at };
            let end = expiry_of(connector.expiry(), session.window.ends_at());
            if is_lost_start(wish, known, seen.attributes, end) {
                marked.push(Found { account: id, wish, known, seen: seen.attributes });
            }
        }
        Ok(marked)
    }

    /// *Approved* becomes *Starting*, with a grant for each account that was found opened.
    async fn take_up(&self, op: &Op, session: PrivilegedSession, found: Vec<Found>) -> Result<(), AppError> {
        let mut after = session.clone();
        make_move(&mut after, Move::Start, op.at)?;
        let until = session.window.ends_at();
        let grants: Vec<(Grant, GrantHolder)> = found
            .into_iter()
            .map(|found| {
                let id = GrantId::new(secrets::new_uuid(op.at));
                let grant = Grant {
                    desired: found.seen,
                    known: vec![found.known, found.seen],
                    touched: true,
                    observed: found.seen,
                    ..Grant::new(id, found.account, found.known, until, op.at)
                };
                let holder = GrantHolder {
                    grant_id: id,
                    privileged_session_id: session.id,
                    wish: found.wish,
                    switched_to: None,
                    until,
                    released_at: None,
                };
                (grant, holder)
            })
            .collect();
        let what = "The account was found open for this session, which the rows did not know: they are older than its \
                    start.";
        let event = op
            .event(AuditAction::PrivilegedSessionStartIntended, "privileged_session", after.id)
            .in_session(after.id)
            .with("changed_by_kind", ChangedByKind::of(op).name())
            .with("what", what);
        let plan = Plan::with(event).session(after.clone(), session.version);
        let plan = grants.into_iter().fold(plan, |plan, (grant, holder)| {
            plan.and(intended_event(op, after.id, &grant, 1)).new_grant(grant).new_holder(holder)
        });
        self.store.carry_out(plan).await?;
        after.version = session.version + 1;
        self.session_moved(&after);
        Ok(())
    }
}
