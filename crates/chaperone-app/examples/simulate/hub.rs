//! Where everything stops: each commit and each call to the directory waits here until the schedule says how it goes.
//!
//! One activity runs at a time. It runs until it reaches a gate; then the schedule decides which activity goes on, what
//! time it is, and what becomes of the call.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use chaperone_app::clock::Clock;
use chaperone_connectors::{Connector, ConnectorError, Expiry, ExternalAccount, ListedPage, Observation};
use chaperone_domain::Instant;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use chaperone_domain::ids::AccountId;
use chaperone_store::{Gate, Stage, StoreError};

/// Where an activity stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// Around a commit.
    Commit(Stage),
    /// Before the directory is asked.
    Observe(AccountId),
    /// Before something is sent.
    Set(AccountId, Attributes),
    /// Before the answer is heard.
    Answer(AccountId),
    /// Before what runs is ended.
    EndSignIns(AccountId),
}

/// How it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// As it should.
    On,
    /// It fails and has no effect.
    Fails,
    /// A commit loses a race.
    Races,
    /// It is sent, takes effect later, and nobody hears an answer.
    Unheard,
    /// It is sent, takes effect later, and the caller waits for the answer.
    Flies,
}

/// Something that is on its way to the directory.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    pub account: AccountId,
    pub expected: Attributes,
    pub to: Attributes,
    /// It arrives before this, or never.
    pub until_us: i64,
}

/// How the directory is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub expiry: Expiry,
    /// Whether what arrives late is compared with what its sender saw.
    pub compares: bool,
}

pub struct Inner {
    /// An activity runs; otherwise every gate is open.
    pub driving: bool,
    pub at: Option<At>,
    pub go: Option<Go>,
    pub kind: Kind,
    pub accounts: BTreeMap<AccountId, Attributes>,
    pub flights: Vec<Flight>,
    /// What was sent since somebody looked.
    pub sent: Option<(AccountId, Attributes)>,
    /// Nobody answers.
    pub away: bool,
    pub now_us: i64,
}

#[derive(Clone)]
pub struct Hub(Arc<Mutex<Inner>>);

impl Hub {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            driving: false,
            at: None,
            go: None,
            kind: Kind { expiry: Expiry::Exact, compares: true },
            accounts: BTreeMap::new(),
            flights: Vec::new(),
            sent: None,
            away: false,
            now_us: 0,
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, at: At) -> Stop {
        Stop { hub: self.clone(), at: Some(at) }
    }

    /// The gate of the store.
    pub fn gate(&self) -> Gate {
        let hub = self.clone();
        Arc::new(move |stage| {
            let stop = hub.stop(At::Commit(stage));
            Box::pin(async move {
                match stop.await {
                    Go::On => Ok(()),
                    Go::Races => Err(StoreError::Contended),
                    _ => Err(StoreError::Unavailable),
                }
            })
        })
    }
}

/// Stops its activity once.
struct Stop {
    hub: Hub,
    at: Option<At>,
}

impl Future for Stop {
    type Output = Go;

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Go> {
        let at = self.at.take();
        let mut hub = self.hub.lock();
        if !hub.driving {
            return Poll::Ready(Go::On);
        }
        if at.is_some() {
            hub.at = at;
            return Poll::Pending;
        }
        hub.go.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// The directory of another system.
pub struct Elsewhere(pub Hub);

fn away() -> ConnectorError {
    ConnectorError::unreachable("The directory does not answer.", "simulated")
}

impl Elsewhere {
    async fn call(&self, at: At) -> Result<Go, ConnectorError> {
        match self.0.stop(at).await {
            Go::Fails => Err(away()),
            _ if self.0.lock().away => Err(away()),
            go => Ok(go),
        }
    }
}

/// What an account is that is not there.
pub const GONE: Attributes = Attributes { state: AccountState::Absent, expires_at: None };

#[async_trait]
impl Connector for Elsewhere {
    fn expiry(&self) -> Expiry {
        self.0.lock().kind.expiry
    }

    async fn list(&self, _after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        Ok(ListedPage::default())
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        self.call(At::Observe(account.id)).await?;
        let attributes = self.0.lock().accounts.get(&account.id).copied().unwrap_or(GONE);
        Ok(Observation { attributes, version: None })
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Instant,
    ) -> Result<(), ConnectorError> {
        let go = self.call(At::Set(account.id, to)).await?;
        self.0.lock().sent = Some((account.id, to));
        let expected = expected.attributes;
        if matches!(go, Go::Unheard | Go::Flies) {
            {
                let mut hub = self.0.lock();
                let until_us = hub.now_us + FLIGHT_US;
                hub.flights.push(Flight { account: account.id, expected, to, until_us });
            }
            if go == Go::Flies {
                self.call(At::Answer(account.id)).await?;
            }
            return Err(away());
        }
        {
            let mut hub = self.0.lock();
            if hub.accounts.get(&account.id) != Some(&expected) {
                return Err(ConnectorError::Changed);
            }
            hub.accounts.insert(account.id, to);
        }
        self.call(At::Answer(account.id)).await.map(|_| ())
    }

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        self.call(At::EndSignIns(account.id)).await.map(|_| ())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        Ok("It is here.".to_owned())
    }
}

/// How long something may be on its way: as long as the product counts on ([`chaperone_domain::grant::LEASE`]).
pub const FLIGHT_US: i64 = 15_000_000;

/// The clock of one node: the world's, and how far it is off.
#[derive(Clone)]
pub struct NodeClock {
    pub hub: Hub,
    pub off_us: Arc<AtomicI64>,
}

impl Clock for NodeClock {
    fn now(&self) -> Instant {
        let us = self.hub.lock().now_us + self.off_us.load(Ordering::Relaxed);
        Instant::from_microsecond(us).unwrap_or(Instant::MAX)
    }
}
