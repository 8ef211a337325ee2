//! The connectors of all directories, opened when they are first needed and again when their settings changed.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chaperone_connectors::{
    Connector, ConnectorError, Expiry, ExternalAccount, ListedPage, Observation, Secrets, Settings,
};
use chaperone_domain::Instant;
use chaperone_domain::account::Account;
use chaperone_domain::directory::{Directory, DirectoryKind};
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::DirectoryId;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::App;
use crate::built_in_directory::{self, BuiltInDirectory};

/// Calls to one directory at the same time, at most: one that is slow holds up its own accounts only.
const CALLS_AT_ONCE: usize = 16;

/// For how long a directory's row is taken to be as it was read: it changes when somebody changes its settings.
const ROW_FRESH: Duration = Duration::from_secs(1);

/// How a directory is opened; the executable uses [`chaperone_connectors::open`].
pub type Opener = Box<dyn Fn(Settings, Secrets) -> Result<Arc<dyn Connector>, ConnectorError> + Send + Sync>;

/// What is open.
pub(crate) struct Connectors {
    secrets: Secrets,
    opener: Opener,
    open: Mutex<HashMap<DirectoryId, (i64, Arc<Limited>)>>,
    rows: Mutex<HashMap<DirectoryId, (tokio::time::Instant, Directory)>>,
}

impl Connectors {
    pub(crate) fn new(secrets: Secrets, opener: Opener) -> Self {
        Self { secrets, opener, open: Mutex::default(), rows: Mutex::default() }
    }

    /// Where secrets are.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The connector of settings that are not stored yet.
    pub(crate) fn of_settings(&self, settings: Settings) -> Result<Arc<dyn Connector>, ConnectorError> {
        (self.opener)(settings, self.secrets.clone())
    }

    /// The directory's row is to be read anew.
    pub(crate) fn forget(&self, id: DirectoryId) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn row(&self, id: DirectoryId) -> Option<Directory> {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.get(&id).filter(|(read_at, _)| read_at.elapsed() < ROW_FRESH).map(|(_, row)| row.clone())
    }

    fn keep_row(&self, read_at: tokio::time::Instant, row: Directory) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).insert(row.id, (read_at, row));
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
    /// The connector itself, for those who have taken room.
    pub(crate) inner: Arc<dyn Connector>,
    room: Semaphore,
}

impl Limited {
    /// Room for one call; `None` never, as nobody closes it.
    pub(crate) async fn room(&self) -> Option<SemaphorePermit<'_>> {
        self.room.acquire().await.ok()
    }
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

impl Reached<'_> {
    /// The account as its directory has it, given its row that was just read.
    pub(crate) async fn look(&self, account: &Account) -> Result<Observation, ConnectorError> {
        match self {
            // The row is the account.
            Self::BuiltIn(_) => Ok(built_in_directory::seen(account)),
            Self::Other(connector) => connector.observe(&external(account)).await,
        }
    }
}

impl App {
    /// The connector of a directory.
    pub(crate) fn reach(&self, directory: &Directory) -> Result<Reached<'_>, ConnectorError> {
        if directory.kind == DirectoryKind::BuiltIn {
            let directory_id = directory.id;
            return Ok(Reached::BuiltIn(BuiltInDirectory { app: self, directory_id, fence: None }));
        }
        Ok(Reached::Other(self.connectors.of(directory)?))
    }

    /// The connector of the directory that holds the account, also when the directory was removed meanwhile.
    pub(crate) async fn connector(&self, account: &Account) -> Result<Reached<'_>, ConnectorError> {
        if let Some(directory) = self.connectors.row(account.directory_id) {
            return self.reach(&directory);
        }
        let read_at = tokio::time::Instant::now();
        let directory = self
            .store
            .read()
            .directory(account.directory_id)
            .await
            .map_err(|error| ConnectorError::unreachable("The database cannot be reached.", error))?;
        match directory {
            Some(directory) => {
                self.connectors.keep_row(read_at, directory.clone());
                self.reach(&directory)
            }
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

/// Whether the account is held by another system, which knows nothing of our fences.
pub(crate) fn is_elsewhere(account: &Account) -> bool {
    account.last_seen_at.is_some()
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
