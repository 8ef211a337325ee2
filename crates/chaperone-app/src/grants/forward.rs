//! Forward: make the account as it is wanted and prove it.

use super::*;
use chaperone_domain::grant::{self, ForwardStep};

/// Sets of one go; more means that somebody else writes the account all the time.
const SETS_MAX: usize = 4;

/// How far the account came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// It was seen as it is wanted.
    Proved,
    /// The directory does not know it.
    Absent,
    /// Not now; it is tried again.
    NotYet,
}

impl App {
    /// Observe, compare, set, observe again; the outcome is committed with its event.
    pub(super) async fn make_so(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: &Account,
        grant: Grant,
    ) -> Result<Made, AppError> {
        if grant.next_try_at.is_some_and(|next| op.at < next) {
            return Ok(Made::NotYet);
        }
        let connector = self.connector(account);
        let external = external(account);
        for _ in 0..SETS_MAX {
            let seen = match connector.observe(&external).await {
                Ok(seen) => seen,
                Err(error) => {
                    self.attempt_failed(op, session.id, grant, &error).await?;
                    return Ok(Made::NotYet);
                }
            };
            match grant::forward(grant.desired, seen.attributes) {
                ForwardStep::Verified => {
                    self.proved(op, session.id, grant, seen.attributes).await?;
                    return Ok(Made::Proved);
                }
                ForwardStep::Absent => return Ok(Made::Absent),
                ForwardStep::Set(to) => {
                    self.faults.reach("forward.before_set");
                    let key = format!("{}:{}:forward", grant.id, grant.fence);
                    match connector.set(&external, to, &seen, &key, op.at).await {
                        Ok(()) | Err(ConnectorError::Changed) => {}
                        Err(error) => {
                            self.attempt_failed(op, session.id, grant, &error).await?;
                            return Ok(Made::NotYet);
                        }
                    }
                    self.faults.reach("forward.after_set");
                }
            }
        }
        self.attempt_failed(op, session.id, grant, &ConnectorError::Changed).await?;
        Ok(Made::NotYet)
    }

    async fn proved(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        seen: Attributes,
    ) -> Result<(), AppError> {
        let fence = grant.fence;
        grant.phase = GrantPhase::Held;
        grant.observed = seen;
        (grant.attempt, grant.next_try_at, grant.problem) = (0, None, None);
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant) = (tx_op.clone(), grant.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    let event = op
                        .event(AuditAction::GrantVerified, "account", grant.account_id)
                        .in_session(session)
                        .with("grant_id", grant.id.to_string())
                        .with("state", grant.observed.state.name())
                        .with("expires_at", grant.observed.expires_at.map(|at| at.to_string()));
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }
}
