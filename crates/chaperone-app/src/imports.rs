//! Import: all accounts of a directory are taken over, page by page. One page is one transaction, so that an import goes
//! on where it stood after any crash, on any node.

use std::collections::{BTreeMap, BTreeSet};

use chaperone_connectors::{ConnectorError, ListedAccount, ListedPage};
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::directory::{AccountImport, ImportState};
use chaperone_domain::grant::retry_pause;
use chaperone_domain::ids::{AccountId, AccountImportId, DirectoryId};
use chaperone_domain::user::Role;
use chaperone_store::{Events, StoreError, WriteTx};

use crate::app::App;
use crate::directories::DirectoryView;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::secrets;

/// Failed attempts at one page after which an import is given up.
const ATTEMPTS_MAX: i64 = 6;
/// Accounts that are marked as gone in one transaction.
const GONE_AT_ONCE: u64 = 500;

impl App {
    /// Begins to take over the accounts of a directory; the job goes on with it.
    pub async fn start_import(&self, op: &Op, id: DirectoryId) -> Result<DirectoryView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        self.changeable_directory(id).await?;
        let import = AccountImport {
            id: AccountImportId::new(secrets::new_uuid(op.at)),
            directory_id: id,
            state: ImportState::Running,
            place: None,
            seen: 0,
            added: 0,
            changed: 0,
            vanished: 0,
            left_out: 0,
            total: None,
            attempt: 0,
            next_try_at: None,
            problem: None,
            started_at: op.at,
            ended_at: None,
            fence: 1,
        };
        let (tx_op, row) = (op.clone(), import);
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.insert_import(&row).await?;
                    let event = op
                        .event(AuditAction::AccountImportStarted, "directory", row.directory_id)
                        .with("import_id", row.id.to_string());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match written {
            Err(AppError::Store(StoreError::Conflict { .. })) => {
                return Err(AppError::Conflict {
                    detail: "An import of this directory goes on already.".to_owned(),
                });
            }
            other => other?,
        }
        self.directory_moved(id);
        self.imports_nudge.notify_one();
        self.directory(op, id).await
    }

    /// One step of an import: a page, or the end. Says whether to go on at once.
    pub(crate) async fn import_step(&self, op: &Op, import: AccountImport) -> Result<bool, AppError> {
        let Some(directory) = self.store.read().directory(import.directory_id).await? else {
            return Ok(false);
        };
        if directory.removed_at.is_some() {
            self.end_import(op, import, Some("The directory was removed.".to_owned())).await?;
            return Ok(false);
        }
        if import.next_try_at.is_some_and(|next| op.at < next) {
            return Ok(false);
        }
        let listed = match self.reach(&directory) {
            Ok(connector) => connector.list(import.place.as_deref()).await,
            Err(error) => Err(error),
        };
        match listed {
            Ok(page) => self.take_page(op, import, page).await,
            Err(error) => {
                self.page_failed(op, import, &error).await?;
                Ok(false)
            }
        }
    }

    async fn page_failed(
        &self,
        op: &Op,
        mut import: AccountImport,
        error: &ConnectorError,
    ) -> Result<(), AppError> {
        tracing::warn!(directory = %import.directory_id, ?error, "a page of accounts was not listed");
        import.attempt += 1;
        let given_up = import.attempt >= ATTEMPTS_MAX || matches!(error, ConnectorError::Refused(_));
        if given_up {
            return self.end_import(op, import, Some(error.to_string())).await;
        }
        import.problem = Some(error.to_string());
        import.next_try_at = op.at.checked_add(retry_pause(import.attempt)).ok();
        // A listing that broke off begins anew: not every directory can go on in the middle after an error.
        (import.place, import.seen, import.left_out) = (None, 0, 0);
        let (tx_op, row, id) = (op.clone(), import.clone(), import.directory_id);
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.update_import(&row, row.fence).await?;
                    let event = op
                        .event(AuditAction::AccountsImported, "directory", row.directory_id)
                        .with("import_id", row.id.to_string())
                        .with("attempt", row.attempt)
                        .with("problem", row.problem.clone());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.directory_moved(id);
        Ok(())
    }

    async fn take_page(&self, op: &Op, import: AccountImport, page: ListedPage) -> Result<bool, AppError> {
        let (tx_op, row) = (op.clone(), import.clone());
        let last = page.next.is_none();
        let moved = self
            .store
            .write(move |tx| {
                let (op, mut row, page) = (tx_op.clone(), row.clone(), page.clone());
                Box::pin(async move {
                    let fence = row.fence;
                    let (events, moved) = take_accounts(tx, &op, &mut row, &page.accounts).await?;
                    row.left_out += page.left_out;
                    row.total = page.total.or(row.total);
                    row.place = page.next.clone();
                    (row.attempt, row.next_try_at, row.problem) = (0, None, None);
                    tx.update_import(&row, fence).await?;
                    let event = op
                        .event(AuditAction::AccountsImported, "directory", row.directory_id)
                        .with("import_id", row.id.to_string())
                        .with("seen", number(row.seen))
                        .with("added", number(row.added))
                        .with("changed", number(row.changed));
                    let events = events.into_iter().fold(Events::one(event), Events::and);
                    Ok::<_, AppError>(tx.commit(moved, events))
                })
            })
            .await;
        let moved = match moved {
            Ok(moved) => moved,
            // Another node goes on with it.
            Err(AppError::Stale) => return Ok(false),
            Err(error) => return Err(error),
        };
        for account in &moved {
            self.account_moved(account);
        }
        self.directory_moved(import.directory_id);
        self.faults.reach("import.page");
        if !last {
            return Ok(true);
        }
        let read = self.store.read();
        if let Some(import) = read.last_import(import.directory_id).await?
            && import.state == ImportState::Running
        {
            self.end_import(op, import, None).await?;
        }
        Ok(false)
    }

    /// The end: what was not seen is gone; or why it was given up.
    async fn end_import(
        &self,
        op: &Op,
        mut import: AccountImport,
        problem: Option<String>,
    ) -> Result<(), AppError> {
        let id = import.directory_id;
        while problem.is_none() {
            let (tx_op, row) = (op.clone(), import.clone());
            let gone = self
                .store
                .write(move |tx| {
                    let (op, row) = (tx_op.clone(), row.clone());
                    Box::pin(async move { take_gone(tx, &op, row).await })
                })
                .await?;
            let Some((after, accounts)) = gone else { break };
            for account in accounts {
                self.account_moved(&account);
            }
            import = after;
        }
        import.state = if problem.is_none() { ImportState::Done } else { ImportState::Failed };
        import.ended_at = Some(op.at);
        (import.next_try_at, import.problem) = (None, problem);
        let tx_op = op.clone();
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), import.clone());
                Box::pin(async move {
                    tx.update_import(&row, row.fence).await?;
                    let event = op
                        .event(AuditAction::AccountImportEnded, "directory", row.directory_id)
                        .with("import_id", row.id.to_string())
                        .with("state", row.state.name())
                        .with("seen", number(row.seen))
                        .with("added", number(row.added))
                        .with("changed", number(row.changed))
                        .with("vanished", number(row.vanished))
                        .with("left_out", number(row.left_out))
                        .with("problem", row.problem.clone());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        self.directory_moved(id);
        match written {
            Err(AppError::Stale) => Ok(()),
            other => other,
        }
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Takes listed accounts over: new ones are added, others changed. What should have been otherwise is told.
async fn take_accounts(
    tx: &mut WriteTx,
    op: &Op,
    import: &mut AccountImport,
    listed: &[ListedAccount],
) -> Result<(Vec<AuditEvent>, Vec<Account>), AppError> {
    let ids: Vec<String> = listed.iter().map(|account| account.external_id.clone()).collect();
    let known = tx.read().accounts_by_external_id(import.directory_id, &ids).await?;
    let mut known: BTreeMap<String, Account> =
        known.into_iter().map(|account| (account.external_id.clone(), account)).collect();
    let (mut events, mut moved, mut same) = (Vec::new(), Vec::new(), Vec::<AccountId>::new());
    let mut taken = BTreeSet::new();
    for account in listed {
        // A page may name an account twice when the directory changes while it is read.
        if !taken.insert(account.external_id.as_str()) {
            continue;
        }
        import.seen += 1;
        match known.remove(&account.external_id) {
            None => {
                tx.insert_account(&new_account(op, import.directory_id, account)).await?;
                import.added += 1;
            }
            Some(before) => {
                let mut after = Account {
                    name: account.name.clone(),
                    email: account.email.clone(),
                    state: account.attributes.state,
                    expires_at: account.attributes.expires_at,
                    ..before.clone()
                };
                if after == before {
                    same.push(before.id);
                    continue;
                }
                import.changed += 1;
                after.last_seen_at = Some(op.at);
                events.extend(changed(tx, op, &before, &mut after).await?);
                tx.update_account(&after, before.version).await?;
                after.version = before.version + 1;
                moved.push(after);
            }
        }
    }
    tx.accounts_seen(&same, op.at).await?;
    Ok((events, moved))
}

fn new_account(op: &Op, directory_id: DirectoryId, listed: &ListedAccount) -> Account {
    Account {
        id: AccountId::new(secrets::new_uuid(op.at)),
        directory_id,
        external_id: listed.external_id.clone(),
        name: listed.name.clone(),
        email: listed.email.clone(),
        owner: None,
        privileged: false,
        state: listed.attributes.state,
        expires_at: listed.attributes.expires_at,
        last_seen_at: Some(op.at),
        drift: None,
        version: 1,
    }
}

/// The events of a known account that is otherwise now. A privileged one that no session made so has drifted.
async fn changed(
    tx: &mut WriteTx,
    op: &Op,
    before: &Account,
    after: &mut Account,
) -> Result<Option<AuditEvent>, AppError> {
    let concerns = before.privileged || before.owner.is_some();
    if !concerns {
        return Ok(None);
    }
    let held = tx.read().open_grant(before.id).await?;
    let expected = held.map_or(before.state, |(grant, _)| grant.desired.state);
    if before.privileged && after.state != expected && after.drift.is_none() {
        after.drift = Some(chaperone_domain::account::Drift { expected, at: op.at });
        let event = op
            .event(AuditAction::AccountDrifted, "account", before.id)
            .with("expected", expected.name())
            .with("observed", after.state.name());
        return Ok(Some(event));
    }
    let event = op
        .event(AuditAction::AccountObserved, "account", before.id)
        .changed("name", &before.name, &after.name)
        .changed("state", &before.state.name(), &after.state.name());
    Ok(Some(event))
}

/// Marks some of the accounts that were not seen as gone; `None` when there are none left.
async fn take_gone(
    tx: &mut WriteTx,
    op: &Op,
    mut import: AccountImport,
) -> Result<chaperone_store::Committed<Option<(AccountImport, Vec<Account>)>>, AppError> {
    let fence = import.fence;
    let gone =
        tx.read().accounts_not_seen_since(import.directory_id, import.started_at, GONE_AT_ONCE).await?;
    let event = op
        .event(AuditAction::AccountsImported, "directory", import.directory_id)
        .with("import_id", import.id.to_string())
        .with("vanished", number(gone.len() as u64));
    if gone.is_empty() {
        return Ok(tx.commit(None, Events::one(event)));
    }
    let mut events = Events::one(event);
    let mut moved = Vec::with_capacity(gone.len());
    for before in gone {
        let mut after = Account { state: AccountState::Absent, last_seen_at: Some(op.at), ..before.clone() };
        if let Some(event) = changed(tx, op, &before, &mut after).await? {
            events = events.and(event);
        }
        tx.update_account(&after, before.version).await?;
        after.version = before.version + 1;
        import.vanished += 1;
        moved.push(after);
    }
    tx.update_import(&import, fence).await?;
    import.fence = fence + 1;
    Ok(tx.commit(Some((import, moved)), events))
}
