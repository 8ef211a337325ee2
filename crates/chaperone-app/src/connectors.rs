//! The connectors of all directories, opened when they are first needed and again when their settings changed.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chaperone_connectors::{
    Connector, ConnectorError, Expiry, ExternalAccount, ListedPage, Observation, Secrets, Settings,
};
use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::DirectoryId;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::built_in_directory::BuiltInDirectory;

/// Calls to one directory at the same time, at most: one that is slow holds up its own accounts only.
const CALLS_AT_ONCE: usize = 16;

/// What is open.
pub(crate) struct Connectors {
    secrets: Secrets,
    open: Mutex<HashMap<DirectoryId, (i64, Arc<Limited>)>>,
}

impl Connectors {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self { secrets, open: Mutex::default() }
    }

    /// The connector of settings that are not stored yet.
    pub(crate) fn of_settings(&self, settings: Settings) -> Result<Arc<dyn Connector>, ConnectorError> {
        chaperone_connectors::open(settings, self.secrets.clone())
    }

    fn of(&self, directory: &Directory) -> Result<Arc<Limited>, ConnectorError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, connector)) = open.get(&directory.id)
            && *version == directory.version
        {
            return Ok(connector.clone());
        }
        let settings: Settings = serde_json::from_str(&directory.settings).map_err(|error| {
            ConnectorError::refused("The stored settings of this directory cannot be read.", error)
        })?;
        let inner = self.of_settings(settings)?;
        let connector = Arc::new(Limited { inner, room: Semaphore::new(CALLS_AT_ONCE) });
        open.insert(directory.id, (directory.version, connector.clone()));
        Ok(connector)
    }
}

/// A connector with a limit of calls at the same time.
pub(crate) struct Limited {
    inner: Arc<dyn Connector>,
    room: Semaphore,
}

#[async_trait]
impl Connector for Limited {
    fn expiry(&self) -> Expiry {
        self.inner.expiry()
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let _room = self.room.acquire().await;
        self.inner.list(after).await
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let _room = self.room.acquire().await;
        self.inner.observe(account).await
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        key: &str,
        now: Instant,
    ) -> Result<(), ConnectorError> {
        let _room = self.room.acquire().await;
        self.inner.set(account, to, expected, key, now).await
    }

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        let _room = self.room.acquire().await;
        self.inner.end_sign_ins(account).await
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        let _room = self.room.acquire().await;
        self.inner.probe().await
    }
}

/// A directory that can be asked.
pub(crate) enum Reached<'a> {
    BuiltIn(BuiltInDirectory<'a>),
    Other(Arc<Limited>),
}

impl<'a> Deref for Reached<'a> {
    type Target = dyn Connector + 'a;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::BuiltIn(directory) => directory,
            Self::Other(connector) => connector.as_ref(),
        }
    }
}

impl App {
    /// The connector of a directory.
    pub(crate) fn reach(&self, directory: &Directory) -> Result<Reached<'_>, ConnectorError> {
        if directory.kind == DirectoryKind::BuiltIn {
            return Ok(Reached::BuiltIn(BuiltInDirectory { app: self, directory_id: directory.id }));
        }
        Ok(Reached::Other(self.connectors.of(directory)?))
    }

    /// The connector of the directory that holds the account, also when the directory was removed meanwhile.
    pub(crate) async fn connector(&self, account: &Account) -> Result<Reached<'_>, ConnectorError> {
        let directory = self
            .store
            .read()
            .directory(account.directory_id)
            .await
            .map_err(|error| ConnectorError::unreachable("The database cannot be reached.", error))?;
        match directory {
            Some(directory) => self.reach(&directory),
            None => {
                Err(ConnectorError::refused("The account's directory is not known.", account.directory_id))
            }
        }
    }

    /// The account as its directory has it now.
    pub(crate) async fn observe(&self, account: &Account) -> Result<Observation, ConnectorError> {
        self.connector(account).await?.observe(&external(account)).await
    }
}

/// The account as its directory knows it.
pub(crate) fn external(account: &Account) -> ExternalAccount {
    ExternalAccount { id: account.id, external_id: account.external_id.clone() }
}

/// A session's end as the directory can keep it as an account's own expiry.
pub(crate) fn expiry_of(kind: Expiry, end: Instant) -> Option<Instant> {
    const DAY_SECONDS: i64 = 24 * 60 * 60;
    match kind {
        Expiry::None => None,
        Expiry::Exact => Some(end),
        // The first day that begins at or after the end.
        Expiry::Days => {
            let seconds = end.as_second() + i64::from(end.subsec_nanosecond() > 0);
            let days = seconds.div_euclid(DAY_SECONDS) + i64::from(seconds.rem_euclid(DAY_SECONDS) > 0);
            Instant::from_second(days * DAY_SECONDS).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_kept_as_the_directory_can() {
        let at = |second| Instant::from_second(second).expect("in range");
        let noon = at(43_200);
        assert_eq!(expiry_of(Expiry::None, noon), None);
        assert_eq!(expiry_of(Expiry::Exact, noon), Some(noon));
        assert_eq!(expiry_of(Expiry::Days, noon), Some(at(86_400)));
        assert_eq!(expiry_of(Expiry::Days, at(86_400)), Some(at(86_400)), "a day's first instant is exact");
    }
}
