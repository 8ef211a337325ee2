//! Hold: a session takes hold of an account.

use super::*;

/// Whether a session holds an account now.
pub(super) enum Taken {
    /// It does.
    Yes,
    /// Not now; it is tried again.
    NotYet,
    /// It never will, and why.
    Never(String),
}

/// What keeps sessions from taking hold of accounts, as long as there is no grant that could keep it. Only in memory:
/// after a restart it is simply tried again.
#[derive(Default)]
pub(crate) struct Unheld(std::sync::Mutex<HashMap<(PrivilegedSessionId, AccountId), Waiting>>);

struct Waiting {
    attempt: i64,
    next_try_at: Instant,
    problem: String,
}

impl Unheld {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(PrivilegedSessionId, AccountId), Waiting>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn waits(&self, session: PrivilegedSessionId, account: AccountId, now: Instant) -> bool {
        self.lock().get(&(session, account)).is_some_and(|waiting| now < waiting.next_try_at)
    }

    fn failed(&self, session: PrivilegedSessionId, account: AccountId, now: Instant, problem: String) -> i64 {
        let mut all = self.lock();
        let waiting = all.entry((session, account)).or_insert(Waiting {
            attempt: 0,
            next_try_at: now,
            problem: String::new(),
        });
        waiting.attempt += 1;
        waiting.next_try_at = now.checked_add(retry_pause(waiting.attempt)).unwrap_or(now);
        waiting.problem = problem;
        waiting.attempt
    }

    /// What went wrong last.
    pub(super) fn problem(&self, session: PrivilegedSessionId, account: AccountId) -> Option<String> {
        self.lock().get(&(session, account)).map(|waiting| waiting.problem.clone())
    }

    /// The session does not wait any more.
    pub(super) fn forget(&self, session: PrivilegedSessionId) {
        self.lock().retain(|(waiting, _), _| *waiting != session);
    }
}

impl App {
    /// Takes hold of the account: a new grant with what the account is now as the baseline, or a part in one that
    /// another session opened.
    pub(super) async fn take_hold(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        account: &Account,
        wish: Wish,
    ) -> Result<Taken, AppError> {
        if self.unheld.waits(session.id, account.id, op.at) {
            return Ok(Taken::NotYet);
        }
        let reached = async {
            let connector = self.connector(account).await?;
            let seen = connector.observe(&external(account)).await?;
            Ok::<_, ConnectorError>((connector.expiry(), seen.attributes))
        };
        let (kind, baseline) = match reached.await {
            Ok(reached) => reached,
            Err(error) => {
                let problem = error.to_string();
                tracing::warn!(account = %account.id, ?error, "the account could not be observed");
                let attempt = self.unheld.failed(session.id, account.id, op.at, problem.clone());
                let event = op
                    .event(AuditAction::GrantAttemptFailed, "account", account.id)
                    .in_session(session.id)
                    .with("attempt", attempt)
                    .with("problem", problem);
                self.note(event).await?;
                return Ok(Taken::NotYet);
            }
        };
        if baseline.state == AccountState::Absent {
            let why = format!("The directory does not know the account {} any more.", account.name);
            return Ok(Taken::Never(why));
        }
        if wish.desired(baseline.state) == AccountState::Enabled
            && let Some(expired) = baseline.expires_at.filter(|expiry| *expiry <= op.at)
        {
            let why = format!(
                "The account {} expired in its directory at {expired}; give it a later expiry there.",
                account.name
            );
            return Ok(Taken::Never(why));
        }
        let id = GrantId::new(secrets::new_uuid(op.at));
        let (tx_op, row, account_id) = (op.clone(), session.clone(), account.id);
        let joined = self
            .store
            .write(move |tx| {
                let (op, session) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    let until = session.window.ends_at();
                    let open = tx.read().open_grant(account_id).await?;
                    let new = open.is_none();
                    let (mut grant, mut holders) = open.unwrap_or_else(|| {
                        let grant = Grant {
                            id,
                            account_id,
                            phase: GrantPhase::Opening,
                            baseline,
                            desired: baseline,
                            known: vec![baseline],
                            touched: false,
                            observed: baseline,
                            deadline: until,
                            fence: 1,
                            lease_until: None,
                            attempt: 0,
                            next_try_at: None,
                            problem: None,
                            outcome: None,
                            created_at: op.at,
                            closed_at: None,
                        };
                        (grant, Vec::new())
                    });
                    if grant.phase == GrantPhase::Closing {
                        // On its way back for another session: this one takes hold once it is there.
                        return Err(AppError::Stale);
                    }
                    let holder = GrantHolder {
                        grant_id: grant.id,
                        privileged_session_id: session.id,
                        wish,
                        until,
                        released_at: None,
                    };
                    holders.push(holder);
                    let end = chaperone_domain::grant::cycle::deadline_of(&holders).unwrap_or(until);
                    grant.intend(&holders, expiry_of(kind, end));
                    if new {
                        tx.insert_grant(&grant).await?;
                    } else {
                        let fence = grant.fence;
                        tx.update_grant(&grant, fence).await?;
                    }
                    tx.insert_holder(&holder).await?;
                    let event = intended_event(&op, session.id, &grant, holders.len());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match joined {
            // The unique key of open grants, or one that is being brought back: look again later.
            Err(AppError::Stale | AppError::Store(chaperone_store::StoreError::Conflict { .. })) => {
                Ok(Taken::NotYet)
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.unheld.forget(session.id);
                self.faults.reach("start.grant_intended");
                Ok(Taken::Yes)
            }
        }
    }
}
