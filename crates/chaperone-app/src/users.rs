//! Users: create, change, deactivate, passwords.

use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::{AccountId, SignInId, UserId};
use chaperone_domain::sign_in::{EndKind, SignIn};
use chaperone_domain::user::{
    PASSWORD_MIN_CHARS, PasswordProblem, Role, Roles, User, check_password, is_user_name,
};
use chaperone_store::{Events, Items, Page, SignInFilter, StoreError, UserFilter};

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::{AppError, FieldProblem};
use crate::op::{EventExt as _, Op};
use crate::secrets;
use crate::sign_ins::end_all;

/// Longest display name and e-mail, in characters.
pub const NAME_MAX_CHARS: usize = 200;

/// A user that is to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// What is typed at sign-in.
    pub user_name: String,
    /// How people know them.
    pub display_name: String,
    /// Where mail goes; may be empty.
    pub email: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they may sign in.
    pub active: bool,
    /// A password that the administrator chose; without one a one-time password is made.
    pub password: Option<String>,
}

/// What is to be changed of a user; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// How people know them.
    pub display_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
    /// What they may do.
    pub roles: Option<Vec<Role>>,
    /// Whether they may sign in.
    pub active: Option<bool>,
    /// The version that the caller saw.
    pub version: Option<i64>,
}

/// Why a user gets another password.
#[derive(Clone, Copy)]
enum NewPassword {
    /// The old one is lost, or known to somebody else.
    Reset,
    /// The user chose it, in this sign-in.
    Chosen(Option<SignInId>),
}

impl NewPassword {
    /// Whether a sign-in of the user goes on. Whoever chose a password has just proved who they are, and goes on with
    /// what they do in a privileged session.
    fn keeps(self, sign_in: &SignIn) -> bool {
        match self {
            Self::Reset => false,
            Self::Chosen(in_sign_in) => {
                Some(sign_in.id) == in_sign_in || sign_in.privileged_session_id.is_some()
            }
        }
    }
}

fn problem(field: &'static str, name: &'static str, detail: &str) -> FieldProblem {
    FieldProblem { name, field, detail: detail.to_owned() }
}

fn password_problem(problem_found: PasswordProblem, field: &'static str) -> FieldProblem {
    match problem_found {
        PasswordProblem::TooShort => FieldProblem {
            name: "password-too-short",
            field,
            detail: format!("Use at least {PASSWORD_MIN_CHARS} characters."),
        },
        PasswordProblem::TooLong => problem(field, "password-too-long", "Use at most 1024 bytes."),
        PasswordProblem::Guessable => problem(
            field,
            "password-guessable",
            "This is one of the first passwords that somebody would try; choose another.",
        ),
    }
}

fn check_texts(display_name: &str, email: &str) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if display_name.chars().count() > NAME_MAX_CHARS || display_name.chars().any(char::is_control) {
        problems.push(problem("display_name", "too-long", "Use at most 200 characters on one line."));
    }
    let plain = email.is_empty() || (email.contains('@') && !email.contains(char::is_whitespace));
    if email.chars().count() > NAME_MAX_CHARS || !plain || email.chars().any(char::is_control) {
        problems.push(problem("email", "not-an-address", "This is not a mail address."));
    }
    problems
}

impl App {
    /// The built-in directory.
    pub(crate) async fn built_in_directory(&self) -> Result<Directory, AppError> {
        let directories = self.store.read().directories().await?;
        directories
            .into_iter()
            .find(|directory| directory.kind == DirectoryKind::BuiltIn)
            .ok_or(AppError::Inside("the built-in directory is missing"))
    }

    /// Makes a user with their account in the built-in directory. Answers the one-time password, if one was made.
    pub async fn create_user(&self, op: &Op, new: NewUser) -> Result<(User, Option<String>), AppError> {
        if !matches!(op.who, crate::op::Who::System) {
            op.require(&[Role::SystemAdministrator])?;
        }
        let mut problems = check_texts(&new.display_name, &new.email);
        if !is_user_name(&new.user_name) {
            problems.push(problem(
                "user_name",
                "not-a-user-name",
                "Use 1 to 128 characters without spaces and control characters.",
            ));
        }
        if let Some(Err(found)) =
            new.password.as_ref().map(|password| check_password(&new.user_name, password))
        {
            problems.push(password_problem(found, "password"));
        }
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let one_time = new.password.is_none().then(secrets::one_time_password);
        let password = new.password.or_else(|| one_time.clone()).ok_or(AppError::Inside("no password"))?;
        let hash = self.passwords.hash(password).await?;
        let user = User {
            id: UserId::new(secrets::new_uuid(op.at)),
            user_name: new.user_name,
            display_name: new.display_name,
            email: new.email,
            active: new.active,
            roles: Roles::new(new.roles),
            password_must_change: one_time.is_some(),
            created_at: op.at,
            version: 1,
        };
        let account = Account {
            id: AccountId::new(secrets::new_uuid(op.at)),
            directory_id: self.built_in_directory().await?.id,
            external_id: user.user_name.to_lowercase(),
            name: user.user_name.clone(),
            owner: Some(user.id),
            privileged: false,
            state: AccountState::Enabled,
            expires_at: None,
            email: String::new(),
            last_seen_at: None,
            drift: None,
            version: 1,
        };
        let (op, made) = (op.clone(), user.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, user, account, hash) = (op.clone(), made.clone(), account.clone(), hash.clone());
                Box::pin(async move {
                    tx.insert_user(&user, Some(&hash)).await?;
                    tx.insert_account(&account).await?;
                    let created = op
                        .event(AuditAction::UserCreated, "user", user.id)
                        .with("user_name", user.user_name.as_str())
                        .with("roles", role_names(&user.roles))
                        .with("active", user.active);
                    let account_created = op
                        .event(AuditAction::AccountCreated, "account", account.id)
                        .with("name", account.name.as_str())
                        .with("owner", user.id.to_string())
                        .with("state", account.state.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(created).and(account_created)))
                })
            })
            .await;
        match written {
            Ok(()) => {}
            Err(AppError::Store(StoreError::Conflict { .. })) => {
                return Err(AppError::Conflict {
                    detail: format!("A user or account named {} is there already.", user.user_name),
                });
            }
            Err(error) => return Err(error),
        }
        self.changes.tell(ChangedNoun::User, user.id.uuid(), vec![user.id]);
        Ok((user, one_time))
    }

    /// The users, by page.
    pub async fn users(&self, op: &Op, filter: UserFilter, page: Page) -> Result<Items<User>, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor])?;
        Ok(self.store.read().users(filter, page).await?)
    }

    /// One user.
    pub async fn user(&self, op: &Op, id: UserId) -> Result<User, AppError> {
        if op.user()?.id != id {
            op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor])?;
        }
        self.store.read().user(id).await?.ok_or(AppError::NotFound { noun: "user" })
    }

    /// The user of that name, for Chaperone itself and for those who may read users.
    pub async fn user_by_name(&self, op: &Op, user_name: &str) -> Result<User, AppError> {
        if !matches!(op.who, crate::op::Who::System) {
            op.require(&[Role::SystemAdministrator, Role::Approver, Role::Auditor])?;
        }
        self.store.read().user_by_name(user_name).await?.ok_or(AppError::NotFound { noun: "user" })
    }

    /// Changes a user. The last active system administrator keeps role and activity.
    pub async fn change_user(&self, op: &Op, id: UserId, change: UserChange) -> Result<User, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.user(op, id).await?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        let mut after = before.clone();
        after.display_name = change.display_name.unwrap_or(after.display_name);
        after.email = change.email.unwrap_or(after.email);
        after.roles = change.roles.map_or(after.roles, Roles::new);
        after.active = change.active.unwrap_or(after.active);
        let problems = check_texts(&after.display_name, &after.email);
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let was = before.active && before.roles.has(Role::SystemAdministrator);
        let stays = after.active && after.roles.has(Role::SystemAdministrator);
        let (tx_op, row, old) = (op.clone(), after.clone(), before.clone());
        let ended = self
            .store
            .write(move |tx| {
                let (op, row, old) = (tx_op.clone(), row.clone(), old.clone());
                Box::pin(async move {
                    tx.update_user(&row, old.version).await?;
                    if was && !stays && tx.read().active_administrators().await? == 0 {
                        return Err(AppError::refused(
                            "last-administrator",
                            "This is the last active system administrator: make another one first.",
                        ));
                    }
                    let events = Events::one(
                        op.event(AuditAction::UserChanged, "user", row.id)
                            .changed("display_name", &old.display_name, &row.display_name)
                            .changed("email", &old.email, &row.email)
                            .changed("roles", &role_names(&old.roles), &role_names(&row.roles))
                            .changed("active", &old.active, &row.active),
                    );
                    let mut open = Vec::new();
                    if old.active && !row.active {
                        let filter = SignInFilter { user_id: Some(row.id), ..Default::default() };
                        open = tx.read().open_sign_ins(filter).await?;
                    }
                    let how = (EndKind::EndedByAdministrator, op.at);
                    let (events, ended) = end_all(tx, &op, open, how, events).await?;
                    Ok(tx.commit(ended, events))
                })
            })
            .await?;
        after.version = before.version + 1;
        self.gate.user_changed(&after);
        for id in ended {
            self.gate.end(id);
        }
        self.changes.tell(ChangedNoun::User, id.uuid(), vec![id]);
        Ok(after)
    }

    /// Gives a user a one-time password and ends all that is open in their name, in privileged sessions too.
    pub async fn reset_password(&self, op: &Op, id: UserId) -> Result<String, AppError> {
        if !matches!(op.who, crate::op::Who::System) {
            op.require(&[Role::SystemAdministrator])?;
        }
        let user = self.store.read().user(id).await?.ok_or(AppError::NotFound { noun: "user" })?;
        let password = secrets::one_time_password();
        let hash = self.passwords.hash(password.clone()).await?;
        self.set_password(op, &user, hash, NewPassword::Reset).await?;
        Ok(password)
    }

    /// Gives the user of that name a one-time password: for the command on the machine itself.
    pub async fn reset_password_by_name(&self, op: &Op, user_name: &str) -> Result<String, AppError> {
        let user =
            self.store.read().user_by_name(user_name).await?.ok_or(AppError::NotFound { noun: "user" })?;
        self.reset_password(op, user.id).await
    }

    /// Changes one's own password; every other sign-in of the user ends that is not in a privileged session.
    pub async fn change_own_password(&self, op: &Op, old: String, new: String) -> Result<(), AppError> {
        let user = op.user()?.clone();
        self.check_password_of(op, &user, old).await?;
        if let Err(found) = check_password(&user.user_name, &new) {
            return Err(AppError::Invalid(vec![password_problem(found, "new_password")]));
        }
        let hash = self.passwords.hash(new).await?;
        self.set_password(op, &user, hash, NewPassword::Chosen(op.sign_in_id)).await
    }

    async fn set_password(
        &self,
        op: &Op,
        user: &User,
        hash: String,
        new: NewPassword,
    ) -> Result<(), AppError> {
        let (must_change, action, kind) = match new {
            NewPassword::Reset => (true, AuditAction::PasswordReset, EndKind::EndedByAdministrator),
            NewPassword::Chosen(_) => (false, AuditAction::PasswordChanged, EndKind::SignedOut),
        };
        let (op, id) = (op.clone(), user.id);
        let ended = self
            .store
            .write(move |tx| {
                let (op, hash) = (op.clone(), hash.clone());
                Box::pin(async move {
                    tx.set_password(id, &hash, must_change).await?;
                    let events = Events::one(op.event(action, "user", id));
                    let filter = SignInFilter { user_id: Some(id), ..Default::default() };
                    let mut open = tx.read().open_sign_ins(filter).await?;
                    open.retain(|sign_in| !new.keeps(sign_in));
                    let (events, ended) = end_all(tx, &op, open, (kind, op.at), events).await?;
                    Ok::<_, AppError>(tx.commit(ended, events))
                })
            })
            .await?;
        for id in ended {
            self.gate.end(id);
        }
        self.changes.tell(ChangedNoun::User, id.uuid(), vec![id]);
        Ok(())
    }
}

/// The names of the roles, for the trail.
pub(crate) fn role_names(roles: &Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(",")
}
