//! Roles of a PostgreSQL server.
//!
//! A role that may sign in (`LOGIN`) is enabled, another is disabled; its expiry is `VALID UNTIL`. A change looks,
//! compares and alters in one transaction that holds the role's row, so that what an administrator does by hand
//! meanwhile is either seen or waits. Nothing else of a role is touched.

mod guard;
mod roles;
mod server;
mod tls;
mod trouble;

use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;

use crate::connector::{CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedPage, Observation};
use crate::error::ConnectorError;
use crate::secret::Secrets;
use crate::settings::PostgresqlSettings;
use roles::RoleId;
use server::{Server, Session};
use trouble::Failure;

/// How often it is looked whether ended connections are gone.
const ENDING_PAUSE: Duration = Duration::from_millis(20);

/// What is done on a connection, which comes back with the outcome.
type Work<T> = Pin<Box<dyn Future<Output = (Session, Result<T, Failure>)> + Send>>;

/// The roles of one server.
pub(crate) struct Postgresql {
    server: Server,
}

impl Postgresql {
    /// Checks the settings; nothing is sent yet.
    pub(crate) fn open(settings: PostgresqlSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        Ok(Self { server: Server::new(settings, secrets)? })
    }

    /// Does something within its time, on a connection that is used again if it is still whole.
    async fn call<T>(
        &self,
        limit: Duration,
        work: impl FnOnce(Session) -> Work<T> + Send,
    ) -> Result<T, ConnectorError> {
        let whole = async {
            let _turn = self.server.turn().await?;
            let session = self.server.session().await?;
            let (session, done) = work(session).await;
            let done = done.map_err(|failure| failure.explain(self.server.place()));
            if !matches!(done, Err(ConnectorError::Unreachable(_))) {
                self.server.keep(session);
            }
            done
        };
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_| {
            Err(ConnectorError::unreachable(
                format!(
                    "PostgreSQL at {} did not answer within {} seconds: see whether it is overloaded or the \
                     network drops packets.",
                    self.server.place(),
                    limit.as_secs()
                ),
                "timed out",
            ))
        })
    }
}

#[async_trait]
impl Connector for Postgresql {
    fn expiry(&self) -> Expiry {
        Expiry::Exact
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let after = match after {
            None => RoleId::BEFORE_ALL,
            Some(text) => RoleId::parse(text).ok_or_else(|| {
                ConnectorError::refused("The listing has no such page: begin it anew.", text)
            })?,
        };
        self.call(LIST_LIMIT, move |session| {
            Box::pin(async move {
                let done = roles::list(&session.connection.client, after).await;
                (session, done)
            })
        })
        .await
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let absent = Attributes { state: AccountState::Absent, expires_at: None };
        // What is no oid was never given by us, and names nobody.
        let attributes = match RoleId::parse(&account.external_id) {
            None => absent,
            Some(id) => self
                .call(CALL_LIMIT, move |session| {
                    Box::pin(async move {
                        let done = roles::read(&session.connection, id).await;
                        (session, done)
                    })
                })
                .await?
                .map_or(absent, |role| role.attributes),
        };
        Ok(Observation { attributes, version: None })
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Timestamp,
    ) -> Result<(), ConnectorError> {
        if to.state == AccountState::Absent {
            return Err(ConnectorError::refused("A role is enabled or disabled; it is never removed.", ""));
        }
        let Some(id) = RoleId::parse(&account.external_id) else { return Err(ConnectorError::Changed) };
        let expected = expected.attributes;
        self.call(CALL_LIMIT, move |session| {
            Box::pin(async move {
                let done = roles::set(&session.connection, id, to, expected).await;
                (session, done)
            })
        })
        .await
    }

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        let Some(id) = RoleId::parse(&account.external_id) else { return Ok(()) };
        self.call(CALL_LIMIT, move |session| {
            Box::pin(async move {
                let ended = async {
                    // A connection that was told to end is listed until it has done so.
                    while roles::end_connections(&session.connection, id).await? > 0 {
                        tokio::time::sleep(ENDING_PAUSE).await;
                    }
                    Ok(())
                };
                let done = ended.await;
                (session, done)
            })
        })
        .await
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        self.call(CALL_LIMIT, move |session| {
            Box::pin(async move {
                let done = roles::rights(&session.connection.client).await.and_then(roles::Rights::sentence);
                (session, done)
            })
        })
        .await
    }
}
