//! A directory of another system, with one account, whose calls fail as the test says: what no real server does on
//! command.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chaperone_connectors::{Connector, ConnectorError, Expiry, ExternalAccount, ListedPage, Observation};
use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use tokio::sync::Notify;

/// What the next call that sets the account does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// What it should.
    #[default]
    Works,
    /// It stops before anything is sent, until [`Elsewhere::go_on`].
    Sleeps,
    /// It says that it did, and did not.
    OnlyLooksDone,
    /// Nobody hears an answer; it takes effect at [`Elsewhere::land`].
    IsLate,
}

struct Inner {
    account: Attributes,
    next: Next,
    on_its_way: Option<(Attributes, Attributes)>,
    reachable: bool,
    sets: usize,
    ended: usize,
}

#[derive(Clone)]
pub struct Elsewhere {
    inner: Arc<Mutex<Inner>>,
    asleep: Arc<Notify>,
    woken: Arc<Notify>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        let account = Attributes { state: AccountState::Disabled, expires_at: None };
        let inner =
            Inner { account, next: Next::Works, on_its_way: None, reachable: true, sets: 0, ended: 0 };
        Self { inner: Arc::new(Mutex::new(inner)), asleep: Arc::default(), woken: Arc::default() }
    }
}

impl Elsewhere {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }

    /// What the account is.
    pub fn account(&self) -> Attributes {
        self.lock().account
    }

    /// Somebody else changes the account.
    pub fn others(&self, to: Attributes) {
        self.lock().account = to;
    }

    pub fn next(&self, next: Next) {
        self.lock().next = next;
    }

    pub fn reachable(&self, reachable: bool) {
        self.lock().reachable = reachable;
    }

    /// Resolves when a call sleeps.
    pub async fn asleep(&self) {
        self.asleep.notified().await;
    }

    /// Wakes the call that sleeps.
    pub fn go_on(&self) {
        self.woken.notify_one();
    }

    /// What was on its way takes effect, if the account is as the sender saw it.
    pub fn land(&self) {
        let mut inner = self.lock();
        let (expected, to) = inner.on_its_way.take().expect("something is on its way");
        if inner.account == expected {
            inner.account = to;
        }
    }

    /// Changes that took effect.
    pub fn sets(&self) -> usize {
        self.lock().sets
    }

    /// How often what runs was ended.
    pub fn ended(&self) -> usize {
        self.lock().ended
    }
}

fn away() -> ConnectorError {
    ConnectorError::unreachable("The directory does not answer.", "a test")
}

#[async_trait]
impl Connector for Elsewhere {
    fn expiry(&self) -> Expiry {
        Expiry::Exact
    }

    async fn list(&self, _after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        Ok(ListedPage::default())
    }

    async fn observe(&self, _account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let inner = self.lock();
        if !inner.reachable {
            return Err(away());
        }
        Ok(Observation { attributes: inner.account, version: None })
    }

    async fn set(
        &self,
        _account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Instant,
    ) -> Result<(), ConnectorError> {
        let next = std::mem::take(&mut self.lock().next);
        match next {
            Next::Works => {}
            Next::Sleeps => {
                self.asleep.notify_one();
                self.woken.notified().await;
            }
            Next::OnlyLooksDone => return Ok(()),
            Next::IsLate => {
                self.lock().on_its_way = Some((expected.attributes, to));
                return Err(away());
            }
        }
        let mut inner = self.lock();
        if !inner.reachable {
            return Err(away());
        }
        if inner.account != expected.attributes {
            return Err(ConnectorError::Changed);
        }
        inner.account = to;
        inner.sets += 1;
        Ok(())
    }

    async fn end_sign_ins(&self, _account: &ExternalAccount) -> Result<(), ConnectorError> {
        self.lock().ended += 1;
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        Ok("It is here.".to_owned())
    }
}
