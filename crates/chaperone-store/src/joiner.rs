//! The joiner of plans on PostgreSQL: those that wait at the same time share a transaction.
//!
//! It has a connection of its own and writes one group after the other; while a group is written, the next one gathers.
//! Two groups side by side would only be in each other's way: rows of sessions that were asked for one after the other
//! stand on the same pages, which is what serializable transactions watch.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr, TransactionTrait as _};
use tokio::sync::{RwLock, mpsc};

use crate::StoreError;
use crate::error::{Damage, translate};
use crate::nouns::audit_events;
use crate::plan::{self, Planned};
use crate::sql::{Place, Transaction};
use crate::tx::{Job as _, RACE_PAUSE, RACE_PAUSE_MAX, RACES_BESIDE_OTHERS, RACES_MAX, to_its_end};
use crate::written::Counts;

/// Plans of one transaction at most.
const GROUP_MAX: usize = 64;
/// Plans that may wait; more wait for room.
const WAITING_MAX: usize = 4096;

/// How long a group may take. One connection carries all of them: when it is lost without a word, it is given up and the
/// next group gets another.
const GROUP_LIMIT: Duration = Duration::from_secs(30);

/// A handle to the joiner; it ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Joiner(mpsc::Sender<Planned>);

/// Where plans are written.
struct Connections {
    /// Makes a connection of the joiner's own, once it is used.
    open: Box<dyn Fn() -> DatabaseConnection + Send + Sync>,
    /// The one that it has.
    own: DatabaseConnection,
    /// Where changes run, among them plans that cannot be written with others.
    changes: DatabaseConnection,
    turns: Arc<RwLock<()>>,
    counts: Arc<Counts>,
}

/// What became of a group.
enum Outcome {
    /// All are kept.
    Kept,
    /// Nothing was kept: some plans do not stand any more.
    WithoutSome,
    /// Nothing was kept: others wrote the same rows.
    Raced,
    /// Nothing was kept: something failed.
    Undone,
    /// Nothing was kept: the database is of no use now.
    Unavailable(StoreError),
}

impl Joiner {
    /// Begins to write on a connection that `open` makes and that is used for nothing else.
    pub(crate) fn start(
        open: impl Fn() -> DatabaseConnection + Send + Sync + 'static,
        changes: DatabaseConnection,
        turns: Arc<RwLock<()>>,
        counts: Arc<Counts>,
    ) -> Self {
        let (sender, mut waiting) = mpsc::channel(WAITING_MAX);
        let mut connections = Connections { own: open(), open: Box::new(open), changes, turns, counts };
        tokio::spawn(async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
                connections.write(std::mem::take(&mut group)).await;
            }
        });
        Self(sender)
    }

    pub(crate) async fn submit(&self, planned: Planned) -> Result<(), StoreError> {
        self.0.send(planned).await.map_err(|_| StoreError::Unavailable)
    }
}

impl Connections {
    async fn write(&mut self, mut group: Vec<Planned>) {
        let (mut races, mut pause) = (0, RACE_PAUSE);
        while !group.is_empty() {
            let turns = self.turns.clone();
            let outcome = if races < RACES_BESIDE_OTHERS {
                let _beside_others = turns.read().await;
                self.in_time(&mut group).await
            } else {
                let _alone = turns.write().await;
                self.in_time(&mut group).await
            };
            match outcome {
                Outcome::Kept => return answer(group, Ok(())),
                Outcome::WithoutSome => {
                    let (standing, stale) = group.into_iter().partition(|planned| planned.stands());
                    answer(stale, Ok(()));
                    group = standing;
                }
                Outcome::Raced if races + 1 < RACES_MAX => {
                    races += 1;
                    self.counts.raced();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RACE_PAUSE_MAX);
                }
                Outcome::Raced => return answer(group, Err(StoreError::Contended)),
                Outcome::Undone => return self.apart(group),
                Outcome::Unavailable(error) => return answer(group, Err(error)),
            }
        }
    }

    async fn in_time(&mut self, group: &mut [Planned]) -> Outcome {
        if let Ok(outcome) = tokio::time::timeout(GROUP_LIMIT, self.once(group)).await {
            return outcome;
        }
        tracing::error!("PostgreSQL did not answer for half a minute; another connection is made");
        // The old one cannot be had back: whoever returns it waits for the same answer.
        self.own = (self.open)();
        Outcome::Unavailable(StoreError::Unavailable)
    }

    async fn once(&self, group: &mut [Planned]) -> Outcome {
        let tx = match self.own.begin().await {
            Ok(tx) => Transaction::new(tx),
            Err(error) => return Outcome::Unavailable(failed(&error)),
        };
        let mut planned: Vec<&mut Planned> = group.iter_mut().collect();
        let written = plan::write(Place::Transaction(&tx), &mut planned).await;
        let events: Vec<_> = planned.iter().flat_map(|planned| planned.events()).cloned().collect();
        let undone = match written {
            Ok(true) => audit_events::insert(Place::Transaction(&tx), &events).await.err(),
            Ok(false) => {
                tx.roll_back().await;
                return Outcome::WithoutSome;
            }
            Err(error) => Some(error),
        };
        let Some(error) = undone else {
            return match tx.inner.commit().await.map_err(|error| failed(&error)) {
                Ok(()) => {
                    self.counts.committed(group.len(), events.len());
                    Outcome::Kept
                }
                Err(StoreError::Contended) => Outcome::Raced,
                Err(error) => Outcome::Unavailable(error),
            };
        };
        let damage = tx.damage();
        tx.roll_back().await;
        match damage {
            Some(Damage::Race) => Outcome::Raced,
            Some(Damage::Transaction) => Outcome::Unavailable(error),
            Some(Damage::Statement) | None => Outcome::Undone,
        }
    }

    /// Each in a transaction of its own: only what fails is not kept.
    fn apart(&self, group: Vec<Planned>) {
        for planned in group {
            let (changes, counts, turns) = (self.changes.clone(), self.counts.clone(), self.turns.clone());
            tokio::spawn(async move { to_its_end(&changes, &counts, &turns, Box::new(planned)).await });
        }
    }
}

fn answer(group: Vec<Planned>, committed: Result<(), StoreError>) {
    for planned in group {
        Box::new(planned).answer(committed.clone());
    }
}

fn failed(error: &DbErr) -> StoreError {
    translate(DbBackend::Postgres, error).0
}
