//! Again: one lease after a grant was closed its account is looked at once more.
//!
//! What this or another node had sent before may take effect after the account was proved back. By then it is known
//! what that could be; it is put back like everything else, with its intent first, and told.

use super::*;

/// Accounts of one look.
const LOOK_MAX: u64 = 256;
/// When an account is tried again whose directory did not answer.
const RETRY: jiff::SignedDuration = jiff::SignedDuration::from_secs(30);
/// What is told.
const SAID: &str = "A change that Chaperone had sent before the account was back took effect only afterwards. The account is put \
back again.";

impl App {
    /// The accounts whose grants were closed a while ago and that are to be looked at once more.
    pub(crate) async fn due_again(&self) -> Result<Vec<GrantId>, AppError> {
        let due = self.store.read().grants_to_look_at_again(self.now(), LOOK_MAX).await?;
        Ok(due.into_iter().map(|grant| grant.id).collect())
    }

    /// Looks at the account of a closed grant once more, and puts back what came late.
    pub(crate) async fn look_again(&self, op: &Op, id: GrantId) -> Result<(), AppError> {
        let Some(grant) = self.store.read().grant(id).await? else { return Ok(()) };
        let _hands = self.hands.take(std::iter::once(grant.account_id)).await;
        let Some(mut grant) = self.store.read().grant(id).await? else { return Ok(()) };
        let now = self.now();
        let due = grant.look_again_at.is_some_and(|at| at <= now);
        if !due || grant.leased_to_other(self.node, now).is_some() {
            return Ok(());
        }
        let Some(holder) = self.store.read().last_holder(id).await? else { return Ok(()) };
        let session = holder.privileged_session_id;
        self.unheard.tell(&mut grant, self.node);
        if grant.phase == GrantPhase::Closed && !self.came_late(op, session, &mut grant).await? {
            return Ok(());
        }
        let before = grant.clone();
        match self.close(op, session, grant).await? {
            Ok(_) => Ok(()),
            Err((latest, error)) => self.attempt_failed(op, session, latest.unwrap_or(before), &error).await,
        }
    }

    /// Looks; whether something of our own came late, which is intended to be put back then.
    async fn came_late(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        grant: &mut Grant,
    ) -> Result<bool, AppError> {
        let account = self.store.read().account(grant.account_id).await?;
        let account = account.ok_or(AppError::Inside("grant without account"))?;
        let Ok(seen) = self.observe(&account).await else {
            let later = self.now().checked_add(RETRY).ok();
            self.looked_again(grant, later).await?;
            return Ok(false);
        };
        let seen = seen.attributes;
        let Some(left) = grant.came_late(seen) else {
            self.looked_again(grant, None).await?;
            if seen != grant.observed {
                // Somebody else's doing, and theirs to do: it is noticed like any other.
                self.look_at(op, account).await?;
            }
            return Ok(false);
        };
        if left.state != grant.observed.state {
            // Somebody else's doing, over what came late: it stays, and is noticed.
            self.look_at(op, account.clone()).await?;
        }
        tracing::warn!(grant = %grant.id, account = %account.id, "a change of ours took effect late");
        let told = self.told_by_drift(op, session, SAID).await?;
        let fence = grant.fence;
        grant.reopen(seen, left, self.now());
        grant.take_lease(self.node, self.now());
        let event = op
            .event(AuditAction::GrantIntended, "account", grant.account_id)
            .in_session(session)
            .with("grant_id", grant.id.to_string())
            .with("back_to", grant.goal().state.name())
            .with("back_to_expires_at", grant.goal().expires_at.map(|at| at.to_string()))
            .with("late_effect", seen.state.name());
        self.store.carry_out(Plan::with(event).grant(grant.clone(), fence).tell(told)).await?;
        grant.fence = fence + 1;
        self.faults.reach("again.back_intended");
        Ok(true)
    }

    async fn looked_again(&self, grant: &Grant, next: Option<Instant>) -> Result<(), AppError> {
        let (id, fence) = (grant.id, grant.fence);
        let kept = self
            .store
            .keep_books(move |books| Box::pin(async move { books.look_again(id, next, fence).await }))
            .await;
        kept.map_err(AppError::from)
    }
}
