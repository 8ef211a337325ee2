//! The one writer of a SQLite file: changes that wait at the same time share a commit.
//!
//! SQLite takes one writer at a time, and what a durable commit costs is one sync of the disk. So one thread owns the
//! writing connection; it takes everything that waits, runs it in one transaction, and commits once. While the disk
//! syncs, the next ones gather.
//!
//! Nearly always every change of a group goes well, so they run *together* first: the plans with the same statements,
//! the others one after the other, and the events of all at the end, many in one statement. When one of them fails,
//! everything is rolled back and the group runs again *apart*, each change with its events in a savepoint, so that only
//! what failed is undone. A plan whose expectations fail is left out, and the rest runs together once more.

use std::sync::Arc;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tokio::sync::mpsc;

use crate::StoreError;
use crate::error::{Damage, translate};
use crate::nouns::audit_events;
use crate::plan;
use crate::sql::{Place, Transaction};
use crate::tx::{Job, Ran, with_events};
use crate::written::Counts;

/// Changes of one commit at most.
const GROUP_MAX: usize = 256;
/// Changes that may wait; more wait for room.
const WAITING_MAX: usize = 4096;

/// A handle to the writing thread; it ends when the last handle is gone.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Box<dyn Job>>);

impl Writer {
    pub(crate) fn start(connection: DatabaseConnection, counts: Arc<Counts>) -> Result<Self, StoreError> {
        let (sender, mut waiting) = mpsc::channel::<Box<dyn Job>>(WAITING_MAX);
        let runtime = tokio::runtime::Handle::current();
        let writing = async move {
            let mut group = Vec::new();
            while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
                write(&connection, &counts, std::mem::take(&mut group)).await;
            }
        };
        // A thread of its own: every statement waits for SQLite's thread, and this one is woken sooner than a task
        // among all others.
        let thread = std::thread::Builder::new().name("writer".to_owned());
        thread.spawn(move || runtime.block_on(writing)).map_err(|error| {
            tracing::error!(%error, "there is no thread for the database's writer");
            StoreError::Unavailable
        })?;
        Ok(Self(sender))
    }

    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.0.send(job).await.map_err(|_| StoreError::Unavailable)
    }
}

async fn write(connection: &DatabaseConnection, counts: &Counts, mut group: Vec<Box<dyn Job>>) {
    let outcome = commit(connection, counts, &mut group).await;
    for job in group {
        job.answer(outcome.clone());
    }
}

fn failed(error: &DbErr) -> StoreError {
    translate(DbBackend::Sqlite, error).0
}

/// Begins as a writer. A transaction that reads first and writes later would be refused at once when somebody else with
/// the same file open wrote meanwhile; this one waits its turn and then sees what the other wrote.
async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(immediate).await.map_err(|error| failed(&error))
}

/// Runs the group in one transaction. An error that costs the whole transaction costs all of them: nobody is told
/// that anything was kept.
async fn commit(
    connection: &DatabaseConnection,
    counts: &Counts,
    group: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    loop {
        match together(connection, counts, group).await? {
            Together::Settled => return Ok(()),
            Together::WithoutSome => {}
            Together::Undone => return apart(connection, counts, group).await,
        }
    }
}

/// What became of a group that ran together.
enum Together {
    /// All is said.
    Settled,
    /// Nothing was kept: some plans do not stand any more.
    WithoutSome,
    /// Nothing was kept: something failed.
    Undone,
}

/// Runs the group as if nothing could fail.
async fn together(
    connection: &DatabaseConnection,
    counts: &Counts,
    group: &mut [Box<dyn Job>],
) -> Result<Together, StoreError> {
    let (mut transaction, mut all) = (Transaction::new(begin(connection).await?), Vec::new());
    let mut plans: Vec<_> =
        group.iter_mut().filter_map(|job| job.planned()).filter(|plan| plan.stands()).collect();
    let mut kept = plans.len();
    let written = if plans.is_empty() {
        Ok(true)
    } else {
        plan::write(Place::Transaction(&transaction), &mut plans).await
    };
    let mut undone = match written {
        Ok(true) => None,
        Ok(false) => {
            transaction.roll_back().await;
            return Ok(if group.len() == 1 { Together::Settled } else { Together::WithoutSome });
        }
        Err(error) => {
            if let [only] = plans.as_mut_slice() {
                only.refuse(error);
            }
            Some(transaction.damage())
        }
    };
    all.extend(plans.iter().flat_map(|plan| plan.events()).cloned());
    for job in &mut *group {
        if undone.is_some() {
            break;
        }
        if job.planned().is_some() {
            continue;
        }
        let ran;
        (transaction, ran) = job.run(transaction).await;
        match ran {
            Ran::Keep(events) => {
                kept += 1;
                all.extend(events);
            }
            Ran::Undo(damage) => undone = Some(damage),
        }
    }
    if undone.is_none()
        && let Err(error) = audit_events::insert(Place::Transaction(&transaction), &all).await
    {
        undone = Some(transaction.damage());
        if let [only] = group {
            only.refuse(error);
        }
    }
    let Some(damage) = undone else {
        transaction.inner.commit().await.map_err(|error| failed(&error))?;
        counts.committed(kept, all.len());
        return Ok(Together::Settled);
    };
    transaction.roll_back().await;
    match (damage, group.len()) {
        (Some(Damage::Transaction), _) => Err(StoreError::Unavailable),
        (_, 1) => Ok(Together::Settled),
        _ => Ok(Together::Undone),
    }
}

/// Runs the group so that a change that fails is undone alone.
async fn apart(
    connection: &DatabaseConnection,
    counts: &Counts,
    group: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    let outer = begin(connection).await?;
    let (mut changes, mut events) = (0, 0);
    for job in group {
        let savepoint = outer.begin().await.map_err(|error| failed(&error))?;
        let (savepoint, ran) = job.run(Transaction::new(savepoint)).await;
        match with_events(&savepoint, job.as_mut(), ran).await {
            Ran::Keep(added) => {
                (changes, events) = (changes + 1, events + added.len());
                savepoint.inner.commit().await.map_err(|error| failed(&error))?;
            }
            Ran::Undo(Some(Damage::Transaction)) => {
                // Whether a savepoint is still there is not known; the transaction goes as a whole.
                drop(savepoint);
                Transaction::new(outer).roll_back().await;
                return Err(StoreError::Unavailable);
            }
            Ran::Undo(_) => savepoint.inner.rollback().await.map_err(|error| failed(&error))?,
        }
    }
    outer.commit().await.map_err(|error| failed(&error))?;
    counts.committed(changes, events);
    Ok(())
}
