//! Directories: see, add with a tested connection, change, remove.

pub use chaperone_connectors::Settings;
use chaperone_connectors::{ConnectorError, LdapFlavour};
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::directory::{AccountImport, Directory, DirectoryKind, ImportState};
use chaperone_domain::ids::DirectoryId;
use chaperone_domain::user::Role;
use chaperone_store::{Events, Reads, StoreError};

use crate::accounts::NAME_MAX_CHARS;
use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::secrets;

/// Longest settings, as JSON, in bytes.
const SETTINGS_MAX_BYTES: usize = 128 * 1024;

/// A directory with everything that its page shows.
#[derive(Clone, Debug)]
pub struct DirectoryView {
    /// The directory.
    pub directory: Directory,
    /// How it is reached; `None` for the built-in one.
    pub settings: Option<Settings>,
    /// Its accounts.
    pub accounts: u64,
    /// Of these, the privileged ones.
    pub privileged: u64,
    /// Of these, the ones that somebody else changed.
    pub drifted: u64,
    /// The newest import.
    pub import: Option<AccountImport>,
}

/// What a test of a connection found: a sentence in either case.
pub type Probed = Result<String, String>;

impl App {
    /// The directories.
    pub async fn directories(&self, op: &Op) -> Result<Vec<DirectoryView>, AppError> {
        let mut views = Vec::new();
        for directory in self.store.read().directories().await? {
            views.push(self.seen_by(op, directory).await?);
        }
        Ok(views)
    }

    /// One directory, also a removed one.
    pub async fn directory(&self, op: &Op, id: DirectoryId) -> Result<DirectoryView, AppError> {
        let found = self.store.read().directory(id).await?;
        self.seen_by(op, found.ok_or(AppError::NotFound { noun: "directory" })?).await
    }

    /// The directory as the caller may see it: how it is reached is for those who may change it.
    async fn seen_by(&self, op: &Op, directory: Directory) -> Result<DirectoryView, AppError> {
        op.user()?;
        let view = self.directory_view(directory).await?;
        Ok(match op.require(&[Role::SystemAdministrator]) {
            Ok(_) => view,
            Err(_) => DirectoryView { settings: None, ..view },
        })
    }

    async fn directory_view(&self, directory: Directory) -> Result<DirectoryView, AppError> {
        let settings = match directory.kind {
            DirectoryKind::BuiltIn => None,
            _ => serde_json::from_str(&directory.settings).ok(),
        };
        let (accounts, privileged, drifted) = self.store.read().count_accounts(directory.id).await?;
        let import = self.store.read().last_import(directory.id).await?;
        Ok(DirectoryView { directory, settings, accounts, privileged, drifted, import })
    }

    /// The directory, if it can be changed: it is there, and not the built-in one.
    pub(crate) async fn changeable_directory(&self, id: DirectoryId) -> Result<Directory, AppError> {
        let found = self.store.read().directory(id).await?.filter(|directory| directory.removed_at.is_none());
        let directory = found.ok_or(AppError::NotFound { noun: "directory" })?;
        if directory.kind == DirectoryKind::BuiltIn {
            let why =
                "The built-in directory is part of Chaperone; it is neither reached, imported nor removed.";
            return Err(AppError::refused("built-in-directory", why));
        }
        Ok(directory)
    }

    /// Tries a connection without storing anything.
    pub async fn test_settings(&self, op: &Op, settings: Settings) -> Result<Probed, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        Ok(self.try_settings(settings).await.map_err(|error| told(&error)))
    }

    /// Tries the connection of a directory.
    pub async fn test_directory(&self, op: &Op, id: DirectoryId) -> Result<Probed, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let directory = self.changeable_directory(id).await?;
        let probed = match self.reach(&directory) {
            Ok(connector) => connector.probe().await,
            Err(error) => Err(error),
        };
        Ok(probed.map_err(|error| told(&error)))
    }

    async fn try_settings(&self, settings: Settings) -> Result<String, ConnectorError> {
        self.connectors.of_settings(settings)?.probe().await
    }

    /// Adds a directory whose connection works.
    pub async fn create_directory(
        &self,
        op: &Op,
        name: &str,
        settings: Settings,
    ) -> Result<DirectoryView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let name = checked_name(name)?;
        let text = settings_text(&settings)?;
        let directory = Directory {
            id: DirectoryId::new(secrets::new_uuid(op.at)),
            name,
            kind: kind_of(&settings),
            settings: text,
            created_at: op.at,
            removed_at: None,
            version: 1,
        };
        // Before anything is said to the other system, and once more with the change.
        refuse_second(&self.store.read(), &directory).await?;
        self.require_reachable(settings).await?;
        let (tx_op, row) = (op.clone(), directory.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    refuse_second(&tx.read(), &row).await?;
                    tx.insert_directory(&row).await?;
                    let event = op
                        .event(AuditAction::DirectoryCreated, "directory", row.id)
                        .with("name", row.name.as_str())
                        .with("kind", row.kind.name())
                        .with("settings", row.settings.as_str());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        name_taken(written, &directory.name)?;
        self.directory_moved(directory.id);
        self.directory_view(directory).await
    }

    /// Changes a directory; new settings must work, and with accounts it stays with its system.
    pub async fn change_directory(
        &self,
        op: &Op,
        id: DirectoryId,
        name: Option<String>,
        settings: Option<Settings>,
        version: Option<i64>,
    ) -> Result<DirectoryView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.changeable_directory(id).await?;
        if version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        let mut after = before.clone();
        let has_settings = settings.is_some();
        if let Some(name) = name {
            after.name = checked_name(&name)?;
        }
        if let Some(settings) = settings {
            if kind_of(&settings) != before.kind {
                let why = "A directory stays of its kind; add another one instead.";
                return Err(AppError::field("settings.kind", "kind-fixed", why));
            }
            after.settings = settings_text(&settings)?;
            // Before anything is said to the other system, and once more with the change.
            refuse_other_system(&self.store.read(), &before, &after).await?;
            refuse_second(&self.store.read(), &after).await?;
            self.require_reachable(settings).await?;
        }
        let (tx_op, old, row) = (op.clone(), before.clone(), after.clone());
        let written = self
            .store
            .write(move |tx| {
                let (op, old, row) = (tx_op.clone(), old.clone(), row.clone());
                Box::pin(async move {
                    refuse_other_system(&tx.read(), &old, &row).await?;
                    if has_settings {
                        refuse_second(&tx.read(), &row).await?;
                    }
                    tx.update_directory(&row, old.version).await?;
                    let event = op
                        .event(AuditAction::DirectoryChanged, "directory", row.id)
                        .changed("name", &old.name.as_str(), &row.name.as_str())
                        .changed("settings", &old.settings.as_str(), &row.settings.as_str());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        name_taken(written, &after.name)?;
        after.version = before.version + 1;
        self.directory_moved(id);
        self.directory_view(after).await
    }

    /// Removes a directory that no session and no target needs; its accounts stay as history.
    pub async fn remove_directory(&self, op: &Op, id: DirectoryId) -> Result<(), AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.changeable_directory(id).await?;
        let (tx_op, row) = (op.clone(), before.clone());
        self.store
            .write(move |tx| {
                let (op, mut row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    let sessions = tx.read().sessions_needing_directory(id).await?;
                    if !sessions.is_empty() {
                        let named: Vec<String> =
                            sessions.iter().take(10).map(|(id, status)| format!("{id} ({})", status.name())).collect();
                        let more = sessions.len().saturating_sub(named.len());
                        let why = format!(
                            "Privileged sessions need its accounts: {}{}. End or cancel them first.",
                            named.join(", "),
                            if more > 0 { format!(" and {more} more") } else { String::new() }
                        );
                        return Err(AppError::refused("directory-in-use", why));
                    }
                    let targets = tx.read().targets().await?;
                    let mut of_it = targets.iter().filter(|target| target.directory_id == id);
                    if let Some(target) = of_it.next() {
                        let why = format!(
                            "The target {} takes its accounts from this directory; remove or change it first.",
                            target.name
                        );
                        return Err(AppError::refused("directory-in-use", why));
                    }
                    let version = row.version;
                    row.removed_at = Some(op.at);
                    let name = row.name.clone();
                    // The name becomes free for another one.
                    row.name = format!("{name} (removed {})", op.at);
                    tx.update_directory(&row, version).await?;
                    let event = op
                        .event(AuditAction::DirectoryRemoved, "directory", id)
                        .with("name", name)
                        .with("kind", row.kind.name());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.directory_moved(id);
        Ok(())
    }

    async fn require_reachable(&self, settings: Settings) -> Result<(), AppError> {
        match self.try_settings(settings).await {
            Ok(_) => Ok(()),
            Err(error) => Err(AppError::refused("directory-not-reachable", told(&error))),
        }
    }

    /// Tells watchers that a directory, its import or its accounts moved.
    pub(crate) fn directory_moved(&self, id: DirectoryId) {
        self.connectors.forget(id);
        self.changes.tell(ChangedNoun::Directory, id.uuid(), Vec::new());
    }
}

/// The same system twice would be two accounts for one login, each with a grant of its own.
async fn refuse_second(read: &Reads<'_>, directory: &Directory) -> Result<(), AppError> {
    let Some(settings) = settings_of(directory) else { return Ok(()) };
    for other in read.directories().await? {
        let Some(known) = settings_of(&other) else { continue };
        if other.id != directory.id && known.shares_accounts_with(&settings) {
            let why = format!("The directory {} has accounts of this system already.", other.name);
            return Err(AppError::refused("directory-twice", why));
        }
    }
    Ok(())
}

/// How a directory is reached; `None` for the built-in one.
fn settings_of(directory: &Directory) -> Option<Settings> {
    serde_json::from_str(&directory.settings).ok()
}

/// A directory that has accounts stays with its system. Their ids mean nothing in another one, or somebody else: an
/// account that a session holds would be taken for absent there, and stay open where it is.
async fn refuse_other_system(
    read: &Reads<'_>,
    before: &Directory,
    after: &Directory,
) -> Result<(), AppError> {
    let (old, new) = (settings_of(before), settings_of(after));
    let stays = old.is_some() && old.as_ref().map(system_of) == new.as_ref().map(system_of);
    if stays || before.settings == after.settings {
        return Ok(());
    }
    let (accounts, ..) = read.count_accounts(before.id).await?;
    if accounts > 0 {
        let system = old.map_or_else(|| "another system".to_owned(), |old| old.system());
        let why =
            format!("The accounts of this directory belong to {system}. Add another directory instead.");
        return Err(AppError::refused("system-fixed", why));
    }
    // It may have read accounts there that are not stored yet.
    let import = read.last_import(before.id).await?;
    if import.is_some_and(|import| import.state == ImportState::Running) {
        let why = "An import of this directory goes on. Wait for its end, or add another directory instead.";
        return Err(AppError::refused("import-running", why));
    }
    Ok(())
}

/// Where accounts are, and how they are known there.
fn system_of(settings: &Settings) -> (String, Option<LdapFlavour>) {
    let flavour = match settings {
        Settings::Ldap(ldap) => Some(ldap.flavour),
        _ => None,
    };
    (settings.system(), flavour)
}

/// The sentence for people; what the other side said goes to the log.
fn told(error: &ConnectorError) -> String {
    tracing::info!(?error, "a directory did not answer as it should");
    error.to_string()
}

fn checked_name(name: &str) -> Result<String, AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS || name.chars().any(char::is_control) {
        return Err(AppError::field("name", "name-length", "Give it a name of 1 to 200 characters."));
    }
    Ok(name.to_owned())
}

fn settings_text(settings: &Settings) -> Result<String, AppError> {
    let text = serde_json::to_string(settings).map_err(|_| AppError::Inside("settings without JSON"))?;
    if text.len() > SETTINGS_MAX_BYTES {
        return Err(AppError::field("settings", "too-long", "Settings take at most 128 KiB."));
    }
    Ok(text)
}

fn kind_of(settings: &Settings) -> DirectoryKind {
    match settings {
        Settings::Postgresql(_) => DirectoryKind::Postgresql,
        Settings::Ldap(_) => DirectoryKind::Ldap,
        Settings::Scim(_) => DirectoryKind::Scim,
        Settings::Dataverse(_) => DirectoryKind::Dataverse,
        Settings::Entra(_) => DirectoryKind::Entra,
        Settings::Linux(_) => DirectoryKind::Linux,
    }
}

fn name_taken(written: Result<(), AppError>, name: &str) -> Result<(), AppError> {
    match written {
        Err(AppError::Store(StoreError::Conflict { .. })) => {
            Err(AppError::Conflict { detail: format!("A directory named {name} is there already.") })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ldap_server_is_the_same_with_and_without_tls_and_another_one_by_host_port_base_or_flavour() {
        let of = |url: &str, base: &str, flavour: &str| {
            let settings = serde_json::json!({
                "kind": "ldap", "url": url, "base_dn": base, "flavour": flavour, "bind_dn": "cn=chaperone",
                "password": "file:ldap",
            });
            system_of(&serde_json::from_value(settings).expect("settings"))
        };
        let here = of("ldap://ldap.example", "dc=example", "openldap");
        for url in ["ldaps://LDAP.example/", "ldap://ldap.example:389", "ldaps://ldap.example:636"] {
            assert_eq!(of(url, "DC=example", "openldap"), here, "{url}");
        }
        for (url, base, flavour) in [
            ("ldaps://other.example", "dc=example", "openldap"),
            ("ldap://ldap.example:636", "dc=example", "openldap"),
            ("ldapi://ldap.example", "dc=example", "openldap"),
            ("ldap://ldap.example", "ou=people,dc=example", "openldap"),
            ("ldap://ldap.example", "dc=example", "active_directory"),
        ] {
            assert_ne!(of(url, base, flavour), here, "{url} {base} {flavour}");
        }
    }
}
