//! Accounts: read, make in the built-in directory, change, look at.

use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{AccountId, DirectoryId, UserId};
use chaperone_domain::privileged_session::State;
use chaperone_domain::user::Role;
use chaperone_store::{AccountFilter, Events, Items, Page, StoreError};

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::grants::rebase;
use crate::op::{EventExt as _, Op, Who};
use crate::secrets;

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 200;

/// An account that is to be made in the built-in directory.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Where; the built-in directory when `None`.
    pub directory_id: Option<DirectoryId>,
    /// How people and targets know it.
    pub name: String,
    /// Who may use it.
    pub owner: Option<UserId>,
    /// Whether it is used only inside privileged sessions.
    pub privileged: bool,
    /// Enabled or disabled.
    pub state: AccountState,
}

/// What is to be changed of an account; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Who may use it; `Some(None)` takes the owner away.
    pub owner: Option<Option<UserId>>,
    /// Whether it is used only inside privileged sessions.
    pub privileged: Option<bool>,
    /// Enabled or disabled (built-in directory).
    pub state: Option<AccountState>,
    /// Notice is taken of what somebody else made of it.
    pub drift_seen: bool,
    /// The version that the caller saw.
    pub version: Option<i64>,
}

impl App {
    /// The accounts, by page; those who may not read everything see their own.
    pub async fn accounts(
        &self,
        op: &Op,
        mut filter: AccountFilter,
        page: Page,
    ) -> Result<Items<Account>, AppError> {
        if op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor]).is_err() {
            filter.owner = Some(op.user()?.id);
        }
        Ok(self.store.read().accounts(filter, page).await?)
    }

    /// One account.
    pub async fn account(&self, op: &Op, id: AccountId) -> Result<Account, AppError> {
        let user = op.user()?.id;
        let account = self.store.read().account(id).await?.ok_or(AppError::NotFound { noun: "account" })?;
        if account.owner != Some(user)
            && op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor]).is_err()
        {
            return Err(AppError::NotFound { noun: "account" });
        }
        Ok(account)
    }

    /// Makes an account in the built-in directory.
    pub async fn create_account(&self, op: &Op, new: NewAccount) -> Result<Account, AppError> {
        if !matches!(op.who, Who::System) {
            op.require(&[Role::SystemAdministrator])?;
        }
        let directory = self.built_in_directory().await?;
        if new.directory_id.is_some_and(|id| id != directory.id) {
            let why =
                "Accounts are made in the built-in directory; those of other directories come by import.";
            return Err(AppError::field("directory_id", "not-built-in", why));
        }
        let length = new.name.chars().count();
        if new.name.trim() != new.name
            || length == 0
            || length > NAME_MAX_CHARS
            || new.name.chars().any(char::is_control)
        {
            return Err(AppError::field("name", "name-length", "Give it a name of 1 to 200 characters."));
        }
        if new.state == AccountState::Absent {
            return Err(AppError::field("state", "state-value", "An account is made enabled or disabled."));
        }
        self.check_owner(new.owner).await?;
        let account = Account {
            id: AccountId::new(secrets::new_uuid(op.at)),
            directory_id: directory.id,
            external_id: new.name.to_lowercase(),
            name: new.name,
            email: String::new(),
            owner: new.owner,
            privileged: new.privileged,
            state: new.state,
            expires_at: None,
            last_seen_at: None,
            drift: None,
            version: 1,
        };
        let (tx_op, row) = (op.clone(), account.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.insert_account(&row).await?;
                    let event = op
                        .event(AuditAction::AccountCreated, "account", row.id)
                        .with("name", row.name.as_str())
                        .with("owner", row.owner.map(|id| id.to_string()))
                        .with("privileged", row.privileged)
                        .with("state", row.state.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        match written {
            Err(AppError::Store(StoreError::Conflict { .. })) => Err(AppError::Conflict {
                detail: format!("An account named {} is there already.", account.name),
            }),
            Err(error) => Err(error),
            Ok(()) => {
                self.account_moved(&account);
                Ok(account)
            }
        }
    }

    async fn check_owner(&self, owner: Option<UserId>) -> Result<(), AppError> {
        if let Some(owner) = owner
            && self.store.read().user(owner).await?.is_none()
        {
            return Err(AppError::field("user_id", "unknown-user", "There is no such user."));
        }
        Ok(())
    }

    /// Changes an account. While a session holds it, the administrator's own change of its state becomes the
    /// state to which it goes back; the session's hold stays.
    pub async fn change_account(
        &self,
        op: &Op,
        id: AccountId,
        change: AccountChange,
    ) -> Result<Account, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.account(op, id).await?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        if change.state == Some(AccountState::Absent) {
            return Err(AppError::field("state", "state-value", "Set it to enabled or disabled."));
        }
        if change.state.is_some() && before.last_seen_at.is_some() {
            let why = "Chaperone changes the state of accounts in other directories only for privileged sessions; \
ask for one, or change it in the directory itself.";
            return Err(AppError::refused("state-of-other-directory", why));
        }
        if change.owner.is_some_and(|owner| owner != before.owner) {
            self.refuse_new_owner(&before).await?;
        }
        if let Some(owner) = change.owner {
            self.check_owner(owner).await?;
        }
        let (tx_op, old) = (op.clone(), before.clone());
        let after = self
            .store
            .write(move |tx| {
                let (op, old, change) = (tx_op.clone(), old.clone(), change.clone());
                Box::pin(async move {
                    let mut row = old.clone();
                    row.owner = change.owner.unwrap_or(row.owner);
                    row.privileged = change.privileged.unwrap_or(row.privileged);
                    let mut event = op.event(AuditAction::AccountChanged, "account", row.id);
                    let mut intended = None;
                    if let Some(state) = change.state {
                        match tx.read().open_grant(row.id).await? {
                            Some((mut grant, holders)) => {
                                event = event
                                    .with("old_baseline", grant.baseline.state.name())
                                    .with("new_baseline", state.name());
                                intended = rebase(tx, &op, &mut grant, &holders, state).await?;
                            }
                            None => {
                                event = event.changed("state", &old.state.name(), &state.name());
                                row.state = state;
                            }
                        }
                    }
                    let owner =
                        |account: &Account| account.owner.map(|id| id.to_string()).unwrap_or_default();
                    if let Some(drift) = row.drift.filter(|_| change.drift_seen) {
                        event = event.with("drift_seen", true).with("drift_at", drift.at.to_string());
                        row.drift = None;
                    }
                    event = event.changed("owner", &owner(&old), &owner(&row)).changed(
                        "privileged",
                        &old.privileged,
                        &row.privileged,
                    );
                    tx.update_account(&row, old.version).await?;
                    row.version = old.version + 1;
                    let events = Events::one(event);
                    let events = intended.into_iter().fold(events, Events::and);
                    Ok::<_, AppError>(tx.commit(row, events))
                })
            })
            .await?;
        self.account_moved(&after);
        self.processor_nudge.notify_one();
        Ok(after)
    }

    /// The user of a session is the owner of its account: while sessions want it, it stays so.
    async fn refuse_new_owner(&self, account: &Account) -> Result<(), AppError> {
        let open = [State::Draft, State::Approved, State::Starting, State::Active, State::Ending];
        match self.store.read().sessions_of_account(account.id, &open).await?.first() {
            None => Ok(()),
            Some(session) => Err(AppError::refused(
                "account-in-use",
                format!("Privileged session {} needs its owner to stay; end or cancel it first.", session.id),
            )),
        }
    }

    /// Asks the account's directory how it is now.
    pub async fn observe_account(&self, op: &Op, id: AccountId) -> Result<Account, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let account = self.account(op, id).await?;
        self.look_at(op, account).await
    }

    /// Tells gate and watchers that an account is different now.
    pub(crate) fn account_moved(&self, account: &Account) {
        self.gate.account_changed(account);
        self.changes.tell(ChangedNoun::Account, account.id.uuid(), account.owner.into_iter().collect());
    }
}
