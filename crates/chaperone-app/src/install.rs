//! The first start: what every installation has from the beginning.

use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::ids::DirectoryId;
use chaperone_domain::user::Role;
use chaperone_store::{Events, Page, UserFilter};

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::secrets;
use crate::users::NewUser;

/// The administrator of a first start.
pub struct FirstAdministrator {
    /// What to type at sign-in.
    pub user_name: String,
    /// For one use; shown once.
    pub one_time_password: String,
}

/// The name of the first administrator.
pub const FIRST_ADMINISTRATOR: &str = "admin";

impl App {
    /// Makes the built-in directory, if it is not there.
    pub async fn install(&self) -> Result<(), AppError> {
        let directories = self.store.read().directories().await?;
        if directories.iter().any(|directory| directory.kind == DirectoryKind::BuiltIn) {
            return Ok(());
        }
        let op = Op::system(self.now());
        let directory = Directory {
            id: DirectoryId::new(secrets::new_uuid(op.at)),
            name: "Chaperone".to_owned(),
            kind: DirectoryKind::BuiltIn,
            settings: String::new(),
            created_at: op.at,
            removed_at: None,
            version: 1,
        };
        self.store
            .write(move |tx| {
                let (op, directory) = (op.clone(), directory.clone());
                Box::pin(async move {
                    tx.insert_directory(&directory).await?;
                    let installed = op.event(AuditAction::Installed, "organization", "1");
                    let created = op
                        .event(AuditAction::DirectoryCreated, "directory", directory.id)
                        .with("name", directory.name.as_str())
                        .with("kind", directory.kind.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(installed).and(created)))
                })
            })
            .await
    }

    /// Makes one administrator when there is no user at all. With a password of the operator's choice none is
    /// made up.
    pub async fn first_administrator(
        &self,
        password: Option<String>,
    ) -> Result<Option<FirstAdministrator>, AppError> {
        let page = Page { after: None, limit: 1 };
        if !self.store.read().users(UserFilter::default(), page).await?.items.is_empty() {
            return Ok(None);
        }
        let chosen = password.is_some();
        let new = NewUser {
            user_name: FIRST_ADMINISTRATOR.to_owned(),
            display_name: "First administrator".to_owned(),
            email: String::new(),
            roles: vec![Role::SystemAdministrator],
            active: true,
            password,
        };
        let (user, one_time) = self.create_user(&Op::system(self.now()), new).await?;
        Ok((!chosen).then(|| FirstAdministrator {
            user_name: user.user_name,
            one_time_password: one_time.unwrap_or_default(),
        }))
    }
}
