//! What happens to a stream as a whole, each with its event: it is there, is configured otherwise, is not configured any
//! more; it stalls, and sends again.

use std::sync::Arc;

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::event_stream::{EventStream, StreamStart};
use chaperone_store::{Events, StoreError};

use super::ConfiguredStream;
use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

impl App {
    /// Brings the rows to what the configuration says. Several nodes may do so at once: one of them writes.
    pub(crate) async fn settle_event_streams(self: &Arc<Self>) -> Result<(), AppError> {
        let op = Op::system(self.now());
        let stored = self.store.read().event_streams().await?;
        for configured in &self.event_streams {
            let settled = match stored.iter().find(|stream| stream.name == configured.name) {
                None => self.add_event_stream(&op, configured).await,
                Some(stream) if stream.settings.as_deref() != Some(&configured.settings()) => {
                    self.set_event_stream(&op, stream, Some(configured.settings())).await
                }
                Some(_) => Ok(()),
            };
            unless_another_was_faster(settled)?;
        }
        for stream in stored.iter().filter(|stream| stream.settings.is_some()) {
            if self.event_streams.iter().all(|configured| configured.name != stream.name) {
                unless_another_was_faster(self.set_event_stream(&op, stream, None).await)?;
            }
        }
        Ok(())
    }

    async fn add_event_stream(&self, op: &Op, configured: &ConfiguredStream) -> Result<(), AppError> {
        let (op, name, settings) = (op.clone(), configured.name.clone(), configured.settings());
        let start = configured.start;
        self.store
            .write(move |tx| {
                let (op, name, settings) = (op.clone(), name.clone(), settings.clone());
                Box::pin(async move {
                    let last_seq = match start {
                        StreamStart::Beginning => 0,
                        StreamStart::Now => tx.read().last_event_number().await?,
                    };
                    tx.insert_event_stream(&name, &settings, op.at, last_seq).await?;
                    let event = op
                        .event(AuditAction::EventStreamAdded, "event_stream", &name)
                        .with("settings", settings)
                        .with("after_number", last_seq);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }

    async fn set_event_stream(
        &self,
        op: &Op,
        stream: &EventStream,
        settings: Option<String>,
    ) -> Result<(), AppError> {
        let (op, before) = (op.clone(), stream.clone());
        self.store
            .write(move |tx| {
                let (op, before, settings) = (op.clone(), before.clone(), settings.clone());
                Box::pin(async move {
                    tx.set_event_stream_settings(&before, settings.as_deref()).await?;
                    let action = match (&before.settings, &settings) {
                        (_, None) => AuditAction::EventStreamRemoved,
                        (None, Some(_)) => AuditAction::EventStreamAdded,
                        (Some(_), Some(_)) => AuditAction::EventStreamChanged,
                    };
                    let event = op
                        .event(action, "event_stream", &before.name)
                        .with("old_settings", before.settings.clone())
                        .with("new_settings", settings)
                        .with("after_number", before.last_seq);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await
    }

    /// An attempt failed. When nothing could be sent for long, that is an event, and system administrators are told.
    /// Whether the stream was still ours.
    pub(crate) async fn event_stream_failed(
        &self,
        stream: &EventStream,
        problem: &str,
        next_try_at: Instant,
    ) -> Result<bool, AppError> {
        let op = Op::processor(self.now());
        if !stream.is_to_be_told(op.at) {
            let (stream, problem, at) = (stream.clone(), problem.to_owned(), op.at);
            let kept = self
                .store
                .keep_books(move |books| {
                    let (stream, problem) = (stream.clone(), problem.clone());
                    Box::pin(
                        async move { books.event_stream_failed(&stream, &problem, at, next_try_at).await },
                    )
                })
                .await?;
            return Ok(kept);
        }
        let told = self.told_by_event_stream(&op, stream, problem).await?;
        let (row, problem) = (stream.clone(), problem.to_owned());
        let written = self
            .store
            .write(move |tx| {
                let (op, row, problem, told) = (op.clone(), row.clone(), problem.clone(), told.clone());
                Box::pin(async move {
                    tx.event_stream_stalled(&row, &problem, op.at, next_try_at).await?;
                    tx.insert_notifications(&told).await?;
                    let event = op
                        .event(AuditAction::EventStreamStalled, "event_stream", &row.name)
                        .with("problem", problem)
                        .with("since", row.problem_since.map(|since| since.to_string()))
                        .with("after_number", row.last_seq);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        self.nudges.wake();
        still_ours(written)
    }

    /// The collector has taken everything up to that number. Whether the stream was still ours.
    pub(crate) async fn event_stream_taken(
        &self,
        stream: &EventStream,
        last_seq: i64,
        at: Instant,
        lease_until: Instant,
    ) -> Result<bool, AppError> {
        let row = stream.clone();
        let Some(stalled_at) = stream.stalled_at else {
            let kept = self
                .store
                .keep_books(move |books| {
                    let row = row.clone();
                    Box::pin(async move { books.event_stream_taken(&row, last_seq, at, lease_until).await })
                })
                .await?;
            return Ok(kept);
        };
        let op = Op::processor(at);
        let written = self
            .store
            .write(move |tx| {
                let (op, row) = (op.clone(), row.clone());
                Box::pin(async move {
                    tx.event_stream_recovered(&row, last_seq, op.at, lease_until).await?;
                    let event = op
                        .event(AuditAction::EventStreamRecovered, "event_stream", &row.name)
                        .with("stalled_at", stalled_at.to_string())
                        .with("since", row.problem_since.map(|since| since.to_string()))
                        .with("after_number", row.last_seq);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await;
        still_ours(written)
    }

    /// Nothing up to that number was for this stream. Whether the stream was still ours.
    pub(crate) async fn event_stream_passed(
        &self,
        stream: &EventStream,
        last_seq: i64,
        lease_until: Instant,
    ) -> Result<bool, AppError> {
        let row = stream.clone();
        let kept = self
            .store
            .keep_books(move |books| {
                let row = row.clone();
                Box::pin(async move { books.event_stream_passed(&row, last_seq, lease_until).await })
            })
            .await?;
        Ok(kept)
    }
}

fn unless_another_was_faster(written: Result<(), AppError>) -> Result<(), AppError> {
    match written {
        Err(AppError::Stale | AppError::Store(StoreError::Conflict { .. })) => Ok(()),
        other => other,
    }
}

fn still_ours(written: Result<(), AppError>) -> Result<bool, AppError> {
    match written {
        Ok(()) => Ok(true),
        Err(AppError::Stale) => Ok(false),
        Err(error) => Err(error),
    }
}
