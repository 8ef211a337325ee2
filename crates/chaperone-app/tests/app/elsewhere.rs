//! A directory of another system, with one account, whose calls fail as the test says: what no real server does on
//! command.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use chaperone_connectors::{
    Connector, ConnectorError, Expiry, ExternalAccount, ListedAccount, ListedPage, Observation,
};
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
    probe_sleeps: bool,
    sets: usize,
    ended: usize,
    touched: Vec<String>,
    listed: Vec<ListedAccount>,
    page: usize,
    breaks_off_at: Option<usize>,
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
        let inner = Inner {
            account,
            next: Next::Works,
            on_its_way: None,
            reachable: true,
            probe_sleeps: false,
            sets: 0,
            ended: 0,
            touched: Vec::new(),
            listed: Vec::new(),
            page: 1,
            breaks_off_at: None,
        };
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

    /// The next test of the connection does not end until [`Elsewhere::go_on`].
    pub fn sleep_at_the_probe(&self) {
        self.lock().probe_sleeps = true;
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

    /// What a listing says, in pages of so many.
    pub fn lists(&self, accounts: Vec<ListedAccount>, page: usize) {
        let mut inner = self.lock();
        (inner.listed, inner.page) = (accounts, page);
    }

    /// A listing breaks off at this account, until told otherwise.
    pub fn breaks_off_at(&self, account: Option<usize>) {
        self.lock().breaks_off_at = account;
    }

    /// The directory's own id of each account that was to be changed, or whose sign-ins were to be ended, call by call.
    pub fn touched(&self) -> Vec<String> {
        self.lock().touched.clone()
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

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let inner = self.lock();
        let begin: usize = after.map_or(0, |after| after.parse().expect("a place of ours"));
        let end = (begin + inner.page).min(inner.listed.len());
        if inner.breaks_off_at.is_some_and(|at| (begin..end).contains(&at)) {
            return Err(away());
        }
        Ok(ListedPage {
            accounts: inner.listed[begin..end].to_vec(),
            left_out: 0,
            total: Some(inner.listed.len() as u64),
            next: (end < inner.listed.len()).then(|| end.to_string()),
        })
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
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Instant,
    ) -> Result<(), ConnectorError> {
        self.lock().touched.push(account.external_id.clone());
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

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        let mut inner = self.lock();
        inner.ended += 1;
        inner.touched.push(account.external_id.clone());
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        let sleeps = std::mem::take(&mut self.lock().probe_sleeps);
        if sleeps {
            self.asleep.notify_one();
            self.woken.notified().await;
        }
        Ok("It is here.".to_owned())
    }
}
