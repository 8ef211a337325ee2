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
    /// Somebody else changed it: it was left as it is.
    ChangedByOthers,
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
        match self.drive_forward(op, session, account, &grant).await? {
            Ok(made) => Ok(made),
            Err(error) => {
                self.attempt_failed(op, session.id, grant, &error).await?;
                Ok(Made::NotYet)
            }
        }
    }

    async fn drive_forward(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: &Account,
        grant: &Grant,
    ) -> Result<Result<Made, ConnectorError>, AppError> {
        let connector = match self.connector(account).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err(error)),
        };
        let external = external(account);
        let mut done_at = None;
        for _ in 0..SETS_MAX {
            let seen = match connector.observe(&external).await {
                Ok(seen) => seen,
                Err(error) => return Ok(Err(error)),
            };
            match grant::forward(&grant.known, grant.desired, seen.attributes) {
                ForwardStep::Verified if grant.phase == GrantPhase::Held => return Ok(Ok(Made::Proved)),
                ForwardStep::Verified => {
                    self.proved(op, session.id, grant.clone(), seen.attributes, done_at).await?;
                    return Ok(Ok(Made::Proved));
                }
                ForwardStep::Absent => return Ok(Ok(Made::Absent)),
                ForwardStep::ChangedByOthers => return Ok(Ok(Made::ChangedByOthers)),
                ForwardStep::Set(to) => {
                    self.faults.reach("forward.before_set");
                    let key = format!("{}:{}:forward", grant.id, grant.fence);
                    match connector.set(&external, to, &seen, &key, op.at).await {
                        Ok(()) => done_at = Some(self.now()),
                        Err(ConnectorError::Changed) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                    self.faults.reach("forward.after_set");
                    if to.state != AccountState::Enabled
                        && let Err(error) = connector.end_sign_ins(&external).await
                    {
                        return Ok(Err(error));
                    }
                }
            }
        }
        Ok(Err(ConnectorError::Changed))
    }

    async fn proved(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        mut grant: Grant,
        seen: Attributes,
        done_at: Option<Instant>,
    ) -> Result<(), AppError> {
        let (fence, account_id) = (grant.fence, grant.account_id);
        grant.proved(seen);
        let tx_op = op.clone();
        self.store
            .write(move |tx| {
                let (op, grant) = (tx_op.clone(), grant.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.account_observed(grant.account_id, grant.observed, op.at).await?;
                    let event = op
                        .event(AuditAction::GrantVerified, "account", grant.account_id)
                        .in_session(session)
                        .with("grant_id", grant.id.to_string())
                        .with("state", grant.observed.state.name())
                        .with("expires_at", grant.observed.expires_at.map(|at| at.to_string()))
                        .with("done_at", done_at.map(|at| at.to_string()));
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.account_seen(account_id).await
    }
}
