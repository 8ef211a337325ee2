//! Switch: an administrator enables or disables an account for the rest of a session; and the end of a hold moves with
//! the end of its session.

use super::*;

impl App {
    /// Enables or disables the account for the rest of the session: the new wish is durable before the effect.
    pub(crate) async fn switch_grant(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        mut grant: Grant,
        holder: GrantHolder,
        state: AccountState,
    ) -> Result<(), AppError> {
        let account = self.store.read().account(grant.account_id).await?;
        let account = account.ok_or(AppError::Inside("grant without account"))?;
        let refused = |error: ConnectorError| {
            AppError::refused("directory-not-reachable", format!("The account was not switched. {error}"))
        };
        let connector = self.connector(&account).await.map_err(refused)?;
        let seen = connector.observe(&external(&account)).await.map_err(refused)?;
        let own = self.is_own_matter(op, session).await?;
        let fence = grant.fence;
        self.unheard.tell(&mut grant, self.node);
        if is_elsewhere(&account) {
            grant.take_lease(self.node, op.at);
        }
        grant.switch(state, seen.attributes, expiry_of(connector.expiry(), holder.until));
        let (tx_op, session_id, name) = (op.clone(), session.id, account.name.clone());
        self.store
            .write(move |tx| {
                let (op, grant, name) = (tx_op.clone(), grant.clone(), name.clone());
                Box::pin(async move {
                    tx.update_grant(&grant, fence).await?;
                    tx.switch_holder(grant.id, session_id, state).await?;
                    let what =
                        format!("The account {name} is to be {} for the rest of the session.", state.name());
                    let mut switched = op
                        .event(
                            AuditAction::PrivilegedSessionAccountSwitched,
                            "privileged_session",
                            session_id,
                        )
                        .in_session(session_id)
                        .with("changed_by_kind", ChangedByKind::of(&op).name())
                        .with("account_id", grant.account_id.to_string())
                        .with("new_state", state.name())
                        .with("what", what);
                    if own {
                        switched = switched.with("self_approved", "yes");
                    }
                    let intended = intended_event(&op, session_id, &grant, 1);
                    Ok::<_, AppError>(tx.commit((), Events::one(switched).and(intended)))
                })
            })
            .await?;
        self.faults.reach("switch.intended");
        Ok(())
    }

    /// How the directories of a session's accounts keep an expiry, for a new end of the session.
    pub(crate) async fn expiries_of(
        &self,
        session: &PrivilegedSession,
    ) -> Result<Vec<(AccountId, chaperone_connectors::Expiry)>, AppError> {
        let mut kinds = Vec::new();
        for (id, _) in session.accounts() {
            let account = self.store.read().account(id).await?;
            let account = account.ok_or(AppError::Inside("session without account"))?;
            let kind = match self.connector(&account).await {
                Ok(connector) => connector.expiry(),
                Err(error) => {
                    let why = format!("The account {} cannot be reached. {error}", account.name);
                    return Err(AppError::refused("directory-not-reachable", why));
                }
            };
            kinds.push((id, kind));
        }
        Ok(kinds)
    }
}

/// Moves the ends of a session's holds to its new end, as part of the transaction that moves the session's. What the
/// accounts are to be follows; the processor makes them so.
pub(crate) async fn move_holds(
    tx: &mut chaperone_store::WriteTx,
    op: &Op,
    session: &PrivilegedSession,
    kinds: &[(AccountId, chaperone_connectors::Expiry)],
    mut events: Events,
) -> Result<Events, AppError> {
    let until = session.window.ends_at();
    for (account, kind) in kinds {
        let Some((mut grant, mut holders)) = tx.read().open_grant(*account).await? else { continue };
        let Some(own) = holders.iter_mut().find(|holder| holder.privileged_session_id == session.id) else {
            continue;
        };
        own.until = until;
        if grant.phase == GrantPhase::Closing {
            continue;
        }
        let fence = grant.fence;
        let before = grant.desired;
        let end = chaperone_domain::grant::cycle::wanted_until(&holders).unwrap_or(until);
        grant.intend(&holders, expiry_of(*kind, end));
        tx.move_holder(grant.id, session.id, until).await?;
        tx.update_grant(&grant, fence).await?;
        if grant.desired != before {
            events = events.and(intended_event(op, session.id, &grant, holders.len()));
        }
    }
    Ok(events)
}

/// An administrator's own change of an account that sessions hold, as part of its transaction: the state to which the
/// account goes back, and with it what is wanted meanwhile. Says the intent that follows.
pub(crate) async fn rebase(
    tx: &mut chaperone_store::WriteTx,
    op: &Op,
    grant: &mut Grant,
    holders: &[GrantHolder],
    state: AccountState,
) -> Result<Option<AuditEvent>, AppError> {
    let (fence, before) = (grant.fence, grant.desired);
    let end = chaperone_domain::grant::cycle::wanted_until(holders);
    // Only the built-in directory's accounts are changed this way; it keeps an expiry as it is.
    grant.rebase(state, holders, end);
    tx.update_grant(grant, fence).await?;
    let first = holders.first().filter(|_| grant.desired != before);
    Ok(first.map(|holder| intended_event(op, holder.privileged_session_id, grant, holders.len())))
}
