//! Forward: make the account as it is wanted and prove it.

use super::*;
use chaperone_connectors::Observation;
use chaperone_domain::grant::{self, ForwardStep};

/// Sets of one go; more means that somebody else writes the account all the time.
const SETS_MAX: usize = 4;

/// How far the account came.
pub(super) enum Made {
    /// It was seen as it is wanted; `None` when that was kept before.
    Proved(Option<Box<Proof>>),
    /// Somebody else changed it: it was left as it is.
    ChangedByOthers,
    /// The directory does not know it.
    Absent,
    /// Not now; it is tried again.
    NotYet,
}

/// An account was seen as it is wanted; that is still to be kept.
#[derive(Clone)]
pub(super) struct Proof {
    grant: Grant,
    fence: i64,
    done_at: Option<Instant>,
    /// When the directory was asked.
    looked_at: Option<Instant>,
    elsewhere: bool,
}

impl Proof {
    /// The event that says it.
    pub(super) fn event(&self, op: &Op, session: PrivilegedSessionId) -> AuditEvent {
        let Self { grant, done_at, .. } = self;
        op.event(AuditAction::GrantVerified, "account", grant.account_id)
            .in_session(session)
            .with("grant_id", grant.id.to_string())
            .with("state", grant.observed.state.name())
            .with("expires_at", grant.observed.expires_at.map(|at| at.to_string()))
            .with("done_at", done_at.map(|at| at.to_string()))
    }

    /// Keeps it with a plan that has its event.
    pub(super) fn within(&self, plan: Plan, op: &Op) -> Plan {
        let Self { grant, fence, elsewhere, .. } = self;
        let plan = plan.grant(grant.clone(), *fence);
        if *elsewhere { plan.seen(grant.account_id, grant.observed, op.at) } else { plan }
    }
}

impl App {
    /// Observe, compare, set, observe again; the outcome is committed with its event by whoever asked. `seen` is what
    /// was just seen of the account: a set compares with it.
    pub(super) async fn make_so(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: &Account,
        mut grant: Grant,
        seen: Option<Observation>,
    ) -> Result<Made, AppError> {
        let waits = grant.next_try_at.is_some_and(|next| op.at < next);
        if waits || grant.leased_to_other(self.node, op.at).is_some() {
            return Ok(Made::NotYet);
        }
        match self.drive_forward(op, account, &mut grant, seen).await? {
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
        account: &Account,
        grant: &mut Grant,
        mut just_seen: Option<Observation>,
    ) -> Result<Result<Made, ConnectorError>, AppError> {
        let connector = match self.connector(account).await {
            Ok(connector) => connector,
            Err(error) => return Ok(Err(error)),
        };
        let external = external(account);
        // Told before a lease is taken anew: one that another node left says that it may have sent something.
        let untried = grant.is_untried(self.node);
        let mut done_at = None;
        for _ in 0..SETS_MAX {
            // What was seen before says nothing about what came since.
            let looked_at = just_seen.is_none().then(|| self.now());
            let seen = match just_seen.take() {
                Some(seen) => seen,
                None => match connector.observe(&external).await {
                    Ok(seen) => seen,
                    Err(error) => return Ok(Err(error)),
                },
            };
            match grant::forward(&grant.own_doing(), grant.desired, seen.attributes) {
                ForwardStep::Verified if grant.phase == GrantPhase::Held => {
                    return Ok(Ok(Made::Proved(None)));
                }
                ForwardStep::Verified => {
                    // Before anything else can fail: what is kept of a failed attempt says it too.
                    if done_at.is_none() && untried && !self.unheard.has_made(grant.id) {
                        grant.found_so();
                    }
                    if grant.touched
                        && seen.attributes.state != AccountState::Enabled
                        && let Err(error) = self.end_what_runs(&connector, grant, &external).await?
                    {
                        return Ok(Err(error));
                    }
                    let (fence, mut grant) = (grant.fence, grant.clone());
                    // The lease first: what another node could have sent is told by what is known until now.
                    grant.release_lease(self.node, self.now());
                    grant.proved(seen.attributes);
                    if let Some(at) = looked_at {
                        grant.looked(at);
                    }
                    let proof = Proof { grant, fence, done_at, looked_at, elsewhere: is_elsewhere(account) };
                    return Ok(Ok(Made::Proved(Some(Box::new(proof)))));
                }
                ForwardStep::Absent => return Ok(Ok(Made::Absent)),
                ForwardStep::ChangedByOthers => return Ok(Ok(Made::ChangedByOthers)),
                ForwardStep::Set(to) => {
                    self.faults.reach("forward.before_set");
                    match self.send(op, &connector, grant, &external, (to, &seen)).await? {
                        Ok(()) => done_at = Some(self.now()),
                        Err(ConnectorError::Changed) => {}
                        Err(error) => return Ok(Err(error)),
                    }
                    self.faults.reach("forward.after_set");
                }
            }
        }
        Ok(Err(ConnectorError::Changed))
    }

    /// Keeps proofs, each by itself.
    pub(super) async fn keep_proofs(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        proofs: impl IntoIterator<Item = Proof>,
    ) -> Result<(), AppError> {
        for proof in proofs {
            let op = Op { at: self.now(), ..op.clone() };
            let plan = Plan::with(proof.event(&op, session.id));
            self.store.carry_out(proof.within(plan, &op)).await?;
            self.proof_kept(&proof).await?;
        }
        Ok(())
    }

    /// Tells of a proof that was kept.
    pub(super) async fn proof_kept(&self, proof: &Proof) -> Result<(), AppError> {
        self.unheard.proved(proof.grant.id);
        if let Some(at) = proof.looked_at {
            self.unheard.looked(proof.grant.id, at);
        }
        if proof.elsewhere { self.account_seen(proof.grant.account_id).await } else { Ok(()) }
    }
}
