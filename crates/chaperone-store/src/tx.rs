//! Changes: a body that may run again, its audit events, one commit.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use chaperone_domain::audit_event::AuditEvent;
use futures_util::FutureExt as _;
use sea_orm::{DatabaseConnection, IsolationLevel, TransactionTrait as _};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::connect::{Engine, Store};
use crate::error::{Damage, translate};
use crate::nouns::audit_events;
use crate::sql::{Place, Reads, Transaction};

/// A boxed future of a body.
pub(crate) type BoxFuture<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// How often a change that lost a race on PostgreSQL runs again.
const RACES_MAX: u32 = 20;
/// The first pause before it runs again; it doubles up to [`RACE_PAUSE_MAX`].
const RACE_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause before a change runs again.
const RACE_PAUSE_MAX: Duration = Duration::from_millis(100);

/// The audit events of a change: at least one.
#[derive(Clone, Debug)]
pub struct Events(Vec<AuditEvent>);

impl Events {
    /// One event.
    pub fn one(event: AuditEvent) -> Self {
        Self(vec![event])
    }

    /// One more event.
    #[must_use]
    pub fn and(mut self, event: AuditEvent) -> Self {
        self.0.push(event);
        self
    }
}

/// A change with its events; only [`WriteTx::commit`] makes one.
pub struct Committed<T> {
    value: T,
    events: Events,
}

/// A change in progress. It is kept when its body answers [`Committed`], and undone otherwise.
pub struct WriteTx {
    pub(crate) tx: Transaction,
}

impl WriteTx {
    /// Queries that see the change so far.
    pub fn read(&self) -> Reads<'_> {
        Reads { place: self.place() }
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place::Transaction(&self.tx)
    }

    /// The change is complete; these are its events.
    pub fn commit<T>(&self, value: T, events: Events) -> Committed<T> {
        Committed { value, events }
    }
}

/// Book-keeping in progress: reaches only what no person could ask about.
pub struct BookTx {
    pub(crate) tx: Transaction,
}

impl BookTx {
    pub(crate) fn place(&self) -> Place<'_> {
        Place::Transaction(&self.tx)
    }
}

/// What a job left in its transaction.
pub(crate) enum Ran {
    /// To be kept, if the commit works.
    Keep,
    /// To be undone.
    Undo(Option<Damage>),
}

/// A body with somebody who waits for it; its types are hidden so that many can share a commit.
pub(crate) trait Job: Send {
    /// Runs the body; gives the transaction back.
    fn run(&mut self, tx: Transaction) -> BoxFuture<'_, (Transaction, Ran)>;
    /// Answers whoever waits, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<T, E, F> {
    body: F,
    outcome: Option<Result<T, E>>,
    reply: Option<oneshot::Sender<Result<T, E>>>,
}

impl<T: Send, E: From<StoreError> + Send, F: Send> Waiting<T, E, F> {
    fn settle(mut self, committed: Result<(), StoreError>) {
        let outcome = match (committed, self.outcome.take()) {
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(E::from(error)),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(E::from(StoreError::BodyPanicked)),
        };
        if let Some(reply) = self.reply.take() {
            // Whoever waited may have gone; the change stands all the same.
            let _gone = reply.send(outcome);
        }
    }
}

struct Change<T, E, F>(Waiting<T, E, F>);

impl<T, E, F> Job for Change<T, E, F>
where
    F: for<'t> Fn(&'t mut WriteTx) -> BoxFuture<'t, Result<Committed<T>, E>> + Send + Sync,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: Transaction) -> BoxFuture<'_, (Transaction, Ran)> {
        Box::pin(async move {
            let mut tx = WriteTx { tx };
            let ran = run_change(&self.0.body, &mut tx).await;
            let damage = tx.tx.damage();
            let kept = ran.is_ok() && damage.is_none();
            self.0.outcome = Some(ran);
            (tx.tx, if kept { Ran::Keep } else { Ran::Undo(damage) })
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        self.0.settle(committed);
    }
}

struct Books<T, F>(Waiting<T, StoreError, F>);

impl<T, F> Job for Books<T, F>
where
    F: for<'t> Fn(&'t mut BookTx) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync,
    T: Send,
{
    fn run(&mut self, tx: Transaction) -> BoxFuture<'_, (Transaction, Ran)> {
        Box::pin(async move {
            let mut tx = BookTx { tx };
            let ran = run_books(&self.0.body, &mut tx).await;
            let damage = tx.tx.damage();
            let kept = ran.is_ok() && damage.is_none();
            self.0.outcome = Some(ran);
            (tx.tx, if kept { Ran::Keep } else { Ran::Undo(damage) })
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        self.0.settle(committed);
    }
}

async fn run_change<T, E, F>(body: &F, tx: &mut WriteTx) -> Result<T, E>
where
    F: for<'t> Fn(&'t mut WriteTx) -> BoxFuture<'t, Result<Committed<T>, E>>,
    E: From<StoreError>,
{
    let committed = match AssertUnwindSafe(body(tx)).catch_unwind().await {
        Ok(committed) => committed?,
        Err(_) => return Err(E::from(StoreError::BodyPanicked)),
    };
    audit_events::insert(tx.place(), &committed.events.0).await?;
    Ok(committed.value)
}

async fn run_books<T, F>(body: &F, tx: &mut BookTx) -> Result<T, StoreError>
where
    F: for<'t> Fn(&'t mut BookTx) -> BoxFuture<'t, Result<T, StoreError>>,
{
    AssertUnwindSafe(body(tx)).catch_unwind().await.unwrap_or(Err(StoreError::BodyPanicked))
}

impl Store {
    /// Makes a change together with its audit events, in one transaction, and returns when it is durable.
    ///
    /// The body may run more than once (it lost a race, or shared a commit that failed), so it must change nothing
    /// outside. When it answers an error, nothing of it is kept.
    ///
    /// # Errors
    /// The body's own; [`StoreError`] when the database refuses, is full or away: then nothing is kept.
    pub async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut WriteTx) -> BoxFuture<'t, Result<Committed<T>, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { body, outcome: None, reply: Some(reply) };
        self.submit(Box::new(Change(waiting)), IsolationLevel::Serializable).await?;
        answer.await.unwrap_or_else(|_| Err(E::from(StoreError::Unavailable)))
    }

    /// Keeps books: last uses, numbers, one-time codes. Returns when they are durable.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn keep_books<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(&'t mut BookTx) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { body, outcome: None, reply: Some(reply) };
        self.submit(Box::new(Books(waiting)), IsolationLevel::ReadCommitted).await?;
        answer.await.unwrap_or(Err(StoreError::Unavailable))
    }

    async fn submit(&self, job: Box<dyn Job>, isolation: IsolationLevel) -> Result<(), StoreError> {
        match &self.engine {
            Engine::Sqlite(writer) => writer.submit(job).await,
            Engine::Postgres => {
                // A task of its own: whoever asked may go away, a transaction never stays half done.
                let pool = self.pool.clone();
                tokio::spawn(async move { alone(&pool, job, isolation).await });
                Ok(())
            }
        }
    }
}

/// A transaction of its own, again when it lost a race.
async fn alone(pool: &DatabaseConnection, mut job: Box<dyn Job>, isolation: IsolationLevel) {
    let mut pause = RACE_PAUSE;
    for race in 1..=RACES_MAX {
        let ended = once(pool, job.as_mut(), isolation).await;
        if ended == Err(StoreError::Contended) && race < RACES_MAX {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RACE_PAUSE_MAX);
            continue;
        }
        return job.answer(ended);
    }
}

async fn once(
    pool: &DatabaseConnection,
    job: &mut dyn Job,
    isolation: IsolationLevel,
) -> Result<(), StoreError> {
    let failed = |error: &sea_orm::DbErr| translate(sea_orm::DbBackend::Postgres, error).0;
    let tx = pool.begin_with_config(Some(isolation), None).await.map_err(|error| failed(&error))?;
    let (tx, ran) = job.run(Transaction::new(tx)).await;
    match ran {
        Ran::Keep => tx.inner.commit().await.map_err(|error| failed(&error)),
        Ran::Undo(damage) => {
            if let Err(error) = tx.inner.rollback().await {
                tracing::warn!(%error, "a transaction was dropped instead of rolled back");
            }
            if damage == Some(Damage::Race) { Err(StoreError::Contended) } else { Ok(()) }
        }
    }
}
