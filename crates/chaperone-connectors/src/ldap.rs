//! OpenLDAP and Active Directory.
//!
//! An account is found by an id that outlives renames and moves ([`Dialect`]), below one base. It is changed by one
//! modify request that takes away exactly the value that was seen and puts the new one in its place: such a request
//! is done whole or not at all (RFC 4511, section 4.6), so that a change by somebody else in between makes it fail.
//!
//! Ways to the server: one connection that all tasks share, and one of its own for each listing, because a server
//! remembers on the connection how far a listing came.

mod address;
mod dialect;
mod guard;
mod listing;
mod probe;
mod session;
mod syntax;
mod trouble;
mod trust;
mod way;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use ldap3::Scope;
use tokio::sync::Mutex;

use crate::connector::{
    CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedPage, NAME_MAX_BYTES, Observation,
};
use crate::error::ConnectorError;
use crate::ldap::dialect::Dialect;
use crate::ldap::listing::Listings;
use crate::ldap::session::{Entry, Search, Session};
use crate::secret::Secrets;
use crate::settings::LdapSettings;

/// Longest wait for an answer on a connection that was used before, which may be dead without our knowing: then it is
/// tried on a new one, within the limit of the call.
const REUSED_LIMIT: Duration = Duration::from_secs(4);

/// What the settings say, checked.
pub(crate) struct Plan {
    address: address::Address,
    trust: Arc<rustls::ClientConfig>,
    bind_dn: String,
    password: crate::secret::SecretRef,
    base: String,
    filter: String,
    dialect: Dialect,
    secrets: Secrets,
}

/// Accounts of an LDAP server.
pub(crate) struct Ldap {
    plan: Arc<Plan>,
    shared: Mutex<Option<Arc<Session>>>,
    listings: Listings,
}

impl Ldap {
    /// Checks the settings; nothing is sent.
    pub(crate) fn new(settings: LdapSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        let dialect = Dialect::of(settings.flavour);
        let filter = settings.filter.unwrap_or_else(|| dialect.default_filter().to_owned());
        syntax::check_filter(&filter)?;
        syntax::check_base(&settings.base_dn)?;
        syntax::check_bind_dn(&settings.bind_dn, settings.flavour)?;
        let plan = Plan {
            address: address::Address::parse(&settings.url, settings.start_tls, &settings.tls)?,
            trust: trust::trust(&settings.tls)?,
            bind_dn: settings.bind_dn,
            password: settings.password,
            base: settings.base_dn,
            filter,
            dialect,
            secrets,
        };
        Ok(Self { plan: Arc::new(plan), shared: Mutex::new(None), listings: Listings::default() })
    }

    /// The shared connection, opened where there is none; and whether it was used before.
    async fn session(&self) -> Result<(Arc<Session>, bool), ConnectorError> {
        let mut shared = self.shared.lock().await;
        if let Some(session) = shared.as_ref()
            && session.is_open()
        {
            return Ok((Arc::clone(session), true));
        }
        let session = Arc::new(Session::open(&self.plan).await?);
        *shared = Some(Arc::clone(&session));
        Ok((session, false))
    }

    /// Lets go of a connection that does not answer, unless somebody else did and opened another.
    async fn forget(&self, session: &Arc<Session>) {
        let mut shared = self.shared.lock().await;
        if shared.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *shared = None;
        }
    }

    /// The account's entry, and the connection on which it was found; `None` when it is not there. Reads only, so
    /// that a broken connection is replaced once and the question asked again.
    async fn find(&self, id: uuid::Uuid) -> Result<(Arc<Session>, Option<Entry>), ConnectorError> {
        let (session, reused) = self.session().await?;
        let asked = if reused {
            let asked = tokio::time::timeout(REUSED_LIMIT, self.ask(&session, id)).await;
            asked.unwrap_or_else(|_| Err(trouble::silent(&self.plan, REUSED_LIMIT)))
        } else {
            self.ask(&session, id).await
        };
        match asked {
            Err(ConnectorError::Unreachable(trouble)) => {
                self.forget(&session).await;
                if !reused {
                    return Err(ConnectorError::Unreachable(trouble));
                }
                let (session, _) = self.session().await?;
                match self.ask(&session, id).await {
                    Ok(entry) => Ok((session, entry)),
                    Err(error) => {
                        self.forget(&session).await;
                        Err(error)
                    }
                }
            }
            asked => asked.map(|entry| (session, entry)),
        }
    }

    async fn ask(&self, session: &Session, id: uuid::Uuid) -> Result<Option<Entry>, ConnectorError> {
        let filter = self.plan.dialect.id_filter(id);
        let search = Search {
            base: &self.plan.base,
            scope: Scope::Subtree,
            filter: &filter,
            attributes: self.plan.dialect.attributes(),
            limit: 2,
        };
        let mut found = session.search(&self.plan, search).await?;
        if found.len() > 1 {
            return Err(ConnectorError::refused(
                format!(
                    "Several entries of {} have the same {}: it cannot be told which one is the account.",
                    self.plan.address,
                    self.plan.dialect.id_attribute()
                ),
                id,
            ));
        }
        Ok(found.pop())
    }

    async fn set_now(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
    ) -> Result<(), ConnectorError> {
        let dialect = self.plan.dialect;
        let to = dialect.as_kept(to)?;
        let Some(id) = parse_id(&account.external_id) else { return Err(ConnectorError::Changed) };
        let (session, Some(entry)) = self.find(id).await? else { return Err(ConnectorError::Changed) };
        let seen = dialect.observe(&entry)?;
        if seen.attributes == to {
            return Ok(());
        }
        let other_version = expected.version.is_some() && expected.version != seen.version;
        if seen.attributes != expected.attributes || other_version {
            return Err(ConnectorError::Changed);
        }
        let done = session.modify(&self.plan, id, &entry, dialect.changes(&entry, to)?).await;
        match done {
            // Sent, and perhaps done: never sent again. The next call gets a connection of its own.
            Err(ConnectorError::Unreachable(trouble)) => {
                self.forget(&session).await;
                Err(ConnectorError::Unreachable(trouble))
            }
            // Some servers have one answer for "another value is there" and "this value is not allowed".
            Err(ConnectorError::Refused(trouble)) => match self.find(id).await {
                Ok((_, Some(entry))) if dialect.observe(&entry)?.version == seen.version => {
                    Err(ConnectorError::Refused(trouble))
                }
                Ok(_) => Err(ConnectorError::Changed),
                Err(_) => Err(ConnectorError::Refused(trouble)),
            },
            done => done,
        }
    }

    /// Within the limit, or the shared connection is given up: it may be what does not answer.
    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, ConnectorError>> + Send,
    ) -> Result<T, ConnectorError> {
        match tokio::time::timeout(limit, call).await {
            Ok(done) => done,
            Err(_) => {
                self.shared.lock().await.take();
                Err(trouble::silent(&self.plan, limit))
            }
        }
    }
}

#[async_trait]
impl Connector for Ldap {
    fn expiry(&self) -> Expiry {
        self.plan.dialect.expiry()
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let page = self.listings.page(&self.plan, after);
        tokio::time::timeout(LIST_LIMIT, page)
            .await
            .unwrap_or_else(|_| Err(trouble::silent(&self.plan, LIST_LIMIT)))
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let absent = Observation {
            attributes: Attributes { state: AccountState::Absent, expires_at: None },
            version: None,
        };
        let Some(id) = parse_id(&account.external_id) else { return Ok(absent) };
        match self.within(CALL_LIMIT, self.find(id)).await? {
            (_, Some(entry)) => self.plan.dialect.observe(&entry),
            (_, None) => Ok(absent),
        }
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Timestamp,
    ) -> Result<(), ConnectorError> {
        self.within(CALL_LIMIT, self.set_now(account, to, expected)).await
    }

    /// LDAP keeps no sign-ins that could be ended: applications ask it once and go on by themselves.
    async fn end_sign_ins(&self, _account: &ExternalAccount) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        self.within(CALL_LIMIT, probe::probe(&self.plan)).await
    }
}

/// The id as both dialects write it: 36 characters. Anything else was never given to an account.
fn parse_id(text: &str) -> Option<uuid::Uuid> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH || text.len() > NAME_MAX_BYTES {
        return None;
    }
    uuid::Uuid::try_parse(text).ok()
}
