//! The one writer of a SQLite file: changes that wait at the same time share a commit.
//!
//! SQLite takes one writer at a time, and what a durable commit costs is one sync of the disk. So one task owns the
//! writing connection; it takes everything that waits, runs each in a savepoint, and commits once. While the disk
//! syncs, the next ones gather.

use sea_orm::{DatabaseConnection, DbBackend, DbErr, TransactionTrait as _};
use tokio::sync::mpsc;

use crate::StoreError;
use crate::error::{Damage, translate};
use crate::sql::Transaction;
use crate::tx::{Job, Ran};

/// Changes of one commit at most.
const GROUP_MAX: usize = 256;
/// Changes that may wait; more wait for room.
const WAITING_MAX: usize = 4096;

/// A handle to the writing task; the task ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Box<dyn Job>>);

impl Writer {
    pub(crate) fn start(connection: DatabaseConnection) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Box<dyn Job>>(WAITING_MAX);
        tokio::spawn(async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
                write(&connection, std::mem::take(&mut group)).await;
            }
        });
        Self(sender)
    }

    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.0.send(job).await.map_err(|_| StoreError::Unavailable)
    }
}

async fn write(connection: &DatabaseConnection, mut group: Vec<Box<dyn Job>>) {
    let outcome = commit(connection, &mut group).await;
    for job in group {
        job.answer(outcome.clone());
    }
}

fn failed(error: &DbErr) -> StoreError {
    translate(DbBackend::Sqlite, error).0
}

/// Runs the group in one transaction. A body that fails is undone alone; an error that costs the whole transaction
/// costs all of them: nobody is told that anything was kept.
async fn commit(connection: &DatabaseConnection, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let outer = connection.begin().await.map_err(|error| failed(&error))?;
    for job in group {
        let savepoint = outer.begin().await.map_err(|error| failed(&error))?;
        let (savepoint, ran) = job.run(Transaction::new(savepoint)).await;
        match ran {
            Ran::Keep => savepoint.inner.commit().await.map_err(|error| failed(&error))?,
            Ran::Undo(Some(Damage::Transaction)) => {
                // Whether a savepoint is still there is not known; the transaction goes as a whole.
                drop(savepoint);
                if let Err(error) = outer.rollback().await {
                    tracing::warn!(%error, "a transaction was dropped instead of rolled back");
                }
                return Err(StoreError::Unavailable);
            }
            Ran::Undo(_) => savepoint.inner.rollback().await.map_err(|error| failed(&error))?,
        }
    }
    outer.commit().await.map_err(|error| failed(&error))
}
