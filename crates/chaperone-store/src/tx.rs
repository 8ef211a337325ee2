//! Changes: a body that may run again, its audit events, one commit.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::audit_event::AuditEvent;
use futures_util::FutureExt as _;
use sea_orm::{DatabaseConnection, TransactionTrait as _};
use tokio::sync::{RwLock, oneshot};

use crate::StoreError;
use crate::connect::{Engine, Stage, Store};
use crate::error::{Damage, translate};
use crate::nouns::audit_events;
use crate::plan::Planned;
use crate::sql::{Place, Reads, Transaction};
use crate::written::Counts;

/// A boxed future of a body.
pub(crate) type BoxFuture<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

/// How often a change that lost a race on PostgreSQL runs again.
pub(crate) const RACES_MAX: u32 = 20;
/// Races that it may lose beside others; then it waits until no other change of this node runs, and only other nodes
/// can be in its way.
pub(crate) const RACES_BESIDE_OTHERS: u32 = 4;
/// The first pause before it runs again; it doubles up to [`RACE_PAUSE_MAX`].
pub(crate) const RACE_PAUSE: Duration = Duration::from_millis(2);
/// The longest pause before a change runs again.
pub(crate) const RACE_PAUSE_MAX: Duration = Duration::from_millis(100);

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

    pub(crate) fn from_vec(events: Vec<AuditEvent>) -> Self {
        Self(events)
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
    /// To be kept together with these events, if they can be added and the commit works.
    Keep(Vec<AuditEvent>),
    /// To be undone.
    Undo(Option<Damage>),
}

/// A body with somebody who waits for it; its types are hidden so that many can share a commit.
pub(crate) trait Job: Send {
    /// Runs the body; gives the transaction back. The events are not in it yet.
    fn run(&mut self, tx: Transaction) -> BoxFuture<'_, (Transaction, Ran)>;
    /// The plan, if it is one: plans run together.
    fn planned(&mut self) -> Option<&mut Planned> {
        None
    }
    /// The body went well, but nothing of it can be kept.
    fn refuse(&mut self, error: StoreError);
    /// Answers whoever waits, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// Somebody who waits for an outcome, and what this is as far as it is known.
pub(crate) struct Reply<T, E> {
    pub(crate) outcome: Option<Result<T, E>>,
    to: oneshot::Sender<Result<T, E>>,
}

impl<T, E: From<StoreError>> Reply<T, E> {
    pub(crate) fn to(to: oneshot::Sender<Result<T, E>>) -> Self {
        Self { outcome: None, to }
    }

    pub(crate) fn refuse(&mut self, error: StoreError) {
        self.outcome = Some(Err(E::from(error)));
    }

    pub(crate) fn settle(self, committed: Result<(), StoreError>) {
        let outcome = match (committed, self.outcome) {
            (_, Some(Err(error))) => Err(error),
            (Err(error), _) => Err(E::from(error)),
            (Ok(()), Some(Ok(value))) => Ok(value),
            (Ok(()), None) => Err(E::from(StoreError::BodyPanicked)),
        };
        // Whoever waited may have gone; the change stands all the same.
        let _gone = self.to.send(outcome);
    }
}

struct Waiting<T, E, F> {
    body: F,
    reply: Reply<T, E>,
}

impl<T: Send, E: From<StoreError> + Send, F: Send> Waiting<T, E, F> {
    /// Keeps what the body answered, and says what becomes of its change.
    fn ran<C>(
        &mut self,
        tx: &Transaction,
        answer: Result<C, E>,
        split: impl FnOnce(C) -> (T, Vec<AuditEvent>),
    ) -> Ran {
        match answer.map(split) {
            Ok((value, events)) if tx.damage().is_none() => {
                self.reply.outcome = Some(Ok(value));
                Ran::Keep(events)
            }
            Ok(_) => {
                let raced = tx.damage() == Some(Damage::Race);
                self.reply.refuse(if raced { StoreError::Contended } else { StoreError::Unavailable });
                Ran::Undo(tx.damage())
            }
            Err(error) => {
                self.reply.outcome = Some(Err(error));
                Ran::Undo(tx.damage())
            }
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
            let body = &self.0.body;
            let answer = AssertUnwindSafe(async { body(&mut tx).await }).catch_unwind().await;
            let answer = answer.unwrap_or_else(|_| Err(E::from(StoreError::BodyPanicked)));
            let ran = self.0.ran(&tx.tx, answer, |committed| (committed.value, committed.events.0));
            (tx.tx, ran)
        })
    }

    fn refuse(&mut self, error: StoreError) {
        self.0.reply.refuse(error);
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        self.0.reply.settle(committed);
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
            let body = &self.0.body;
            let answer = AssertUnwindSafe(async { body(&mut tx).await }).catch_unwind().await;
            let answer = answer.unwrap_or(Err(StoreError::BodyPanicked));
            let ran = self.0.ran(&tx.tx, answer, |value| (value, Vec::new()));
            (tx.tx, ran)
        })
    }

    fn refuse(&mut self, error: StoreError) {
        self.0.reply.refuse(error);
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        self.0.reply.settle(committed);
    }
}

/// Adds the events of a change that is to be kept; one whose events cannot be added is not.
pub(crate) async fn with_events(tx: &Transaction, job: &mut dyn Job, ran: Ran) -> Ran {
    let Ran::Keep(events) = ran else { return ran };
    match audit_events::insert(Place::Transaction(tx), &events).await {
        Ok(()) => Ran::Keep(events),
        Err(error) => {
            job.refuse(error);
            Ran::Undo(tx.damage())
        }
    }
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
        self.pass(Stage::Before).await?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { body, reply: Reply::to(reply) };
        match &self.engine {
            Engine::Sqlite(writer) => writer.submit(Box::new(Change(waiting))).await?,
            Engine::Postgres { changes, turns, .. } => self.begin(changes, turns, Box::new(Change(waiting))),
        }
        let kept = answer.await.unwrap_or_else(|_| Err(E::from(StoreError::Unavailable)))?;
        self.pass(Stage::After).await?;
        Ok(kept)
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
        self.pass(Stage::Before).await?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting { body, reply: Reply::to(reply) };
        match &self.engine {
            Engine::Sqlite(writer) => writer.submit(Box::new(Books(waiting))).await?,
            Engine::Postgres { turns, .. } => self.begin(&self.pool, turns, Box::new(Books(waiting))),
        }
        let kept = answer.await.unwrap_or(Err(StoreError::Unavailable))?;
        self.pass(Stage::After).await?;
        Ok(kept)
    }

    /// Runs it in a task of its own: whoever asked may go away, a transaction never stays half done.
    fn begin(&self, pool: &DatabaseConnection, turns: &Arc<RwLock<()>>, job: Box<dyn Job>) {
        let (pool, counts, turns) = (pool.clone(), self.counts.clone(), turns.clone());
        tokio::spawn(async move { to_its_end(&pool, &counts, &turns, job).await });
    }
}

/// A transaction of its own, again when it lost a race.
pub(crate) async fn to_its_end(
    pool: &DatabaseConnection,
    counts: &Counts,
    turns: &RwLock<()>,
    mut job: Box<dyn Job>,
) {
    let mut pause = RACE_PAUSE;
    for race in 1..=RACES_MAX {
        let ended = if race <= RACES_BESIDE_OTHERS {
            let _beside_others = turns.read().await;
            once(pool, counts, job.as_mut()).await
        } else {
            let _alone = turns.write().await;
            once(pool, counts, job.as_mut()).await
        };
        if ended == Err(StoreError::Contended) && race < RACES_MAX {
            counts.raced();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RACE_PAUSE_MAX);
            continue;
        }
        return job.answer(ended);
    }
}

async fn once(pool: &DatabaseConnection, counts: &Counts, job: &mut dyn Job) -> Result<(), StoreError> {
    let failed = |error: &sea_orm::DbErr| translate(sea_orm::DbBackend::Postgres, error).0;
    let tx = pool.begin().await.map_err(|error| failed(&error))?;
    let (tx, ran) = job.run(Transaction::new(tx)).await;
    match with_events(&tx, job, ran).await {
        Ran::Keep(events) => {
            tx.inner.commit().await.map_err(|error| failed(&error))?;
            counts.committed(1, events.len());
            Ok(())
        }
        Ran::Undo(damage) => {
            tx.roll_back().await;
            if damage == Some(Damage::Race) { Err(StoreError::Contended) } else { Ok(()) }
        }
    }
}
