//! Event streams: the trail on its way to collectors (a SIEM, a log store), in the order of its numbers.
//!
//! What a stream is stands in the configuration; how far it has come is a row. A job sends what is behind
//! ([`crate::jobs`]): at least once, in order, with nothing skipped. Whatever a collector does, the trail itself waits
//! for nothing.
//!
//! | file | what |
//! | --- | --- |
//! | `classes` | what each action is in OCSF: the one table |
//! | `ocsf`, `cef` | an event as OCSF JSON, as a line of CEF |
//! | `names` | the names behind ids |
//! | `delivery` | what the executable hands in to send them |
//! | `settle` | what the configuration says now, with its events; stalled and recovered |

use std::time::Duration;

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::event_stream::EventStream;
use chaperone_domain::user::Role;
use chaperone_store::{EventFilter, Page, StoredEvent};

use crate::app::App;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

pub mod cef;
pub mod classes;
mod delivery;
mod names;
pub mod ocsf;
mod settle;
#[cfg(test)]
mod tests;

pub use delivery::{Collector, ConfiguredStream, Outgoing, SendError};
pub use names::Names;

/// How long one attempt to send may take.
pub(crate) const ATTEMPT_LIMIT: Duration = Duration::from_secs(20);

/// A stream as it is configured and where it stands.
#[derive(Clone)]
pub struct EventStreamView {
    /// Its name.
    pub name: String,
    /// What the configuration of this node says; `None` when it says nothing any more.
    pub configured: Option<ConfiguredStream>,
    /// Where it stands; `None` for the moment until it is begun.
    pub stream: Option<EventStream>,
    /// Numbers of the trail that it has not come to yet.
    pub behind_events: i64,
    /// How long the oldest of them waits, in seconds.
    pub behind_s: i64,
}

/// What came back from a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTested {
    /// Whether the collector took it.
    pub taken: bool,
    /// What came back, or what went wrong.
    pub said: String,
    /// The id of the event that was sent.
    pub event_id: String,
}

impl App {
    /// The event streams, with those that are not configured any more, by name.
    pub async fn event_streams(&self, op: &Op) -> Result<Vec<EventStreamView>, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        let stored = self.store.read().event_streams().await?;
        let last = self.store.read().last_event_number().await?;
        let mut names: Vec<&str> = stored.iter().map(|stream| stream.name.as_str()).collect();
        names.extend(self.event_streams.iter().map(|stream| stream.name.as_str()));
        names.sort_unstable();
        names.dedup();
        let mut views = Vec::new();
        for name in names {
            let stream = stored.iter().find(|stream| stream.name == name).cloned();
            let from = stream.as_ref().map_or(last, |stream| stream.last_seq);
            let oldest = match from < last {
                true => self.numbered_after(from, 1).await?.into_iter().next(),
                false => None,
            };
            views.push(EventStreamView {
                name: name.to_owned(),
                configured: self.event_streams.iter().find(|stream| stream.name == name).cloned(),
                stream,
                behind_events: last.saturating_sub(from).max(0),
                behind_s: oldest.map_or(0, |oldest| op.at.duration_since(oldest.event.at).as_secs().max(0)),
            });
        }
        Ok(views)
    }

    /// Sends one marked event to a collector and says what came back. The trail keeps that it was tried.
    pub async fn test_event_stream(&self, op: &Op, name: &str) -> Result<StreamTested, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let found = self.event_streams.iter().find(|stream| stream.name == name);
        let stream = found.ok_or(AppError::NotFound { noun: "event stream" })?;
        let event = test_event(op, name);
        let names = self.names_in(&[unnumbered(event.clone())]).await?;
        let tested = send_test(stream, event, &names, &self.origin()).await;
        // An event of its own: what was sent is not in the trail, and what is in the trail is sent with its number.
        let event = op
            .event(AuditAction::EventStreamTested, "event_stream", name)
            .with("taken", tested.taken)
            .with("said", tested.said.as_str())
            .with("sent_event_id", tested.event_id.as_str());
        self.note(event).await?;
        Ok(tested)
    }

    /// So many events after a number, in the order of numbers.
    pub(crate) async fn numbered_after(&self, seq: i64, limit: u64) -> Result<Vec<StoredEvent>, AppError> {
        let filter = EventFilter { after_seq: Some(seq), ..Default::default() };
        Ok(self.store.read().audit_events(filter, Page::first(limit)).await?.items)
    }

    /// Which installation events come from.
    pub(crate) fn origin(&self) -> ocsf::Origin {
        ocsf::Origin { console: self.addresses.console.clone() }
    }
}

/// The event that a test sends: it has no number, and is marked.
pub fn test_event(op: &Op, name: &str) -> AuditEvent {
    op.event(AuditAction::EventStreamTested, "event_stream", name).with("test", true)
}

fn unnumbered(event: AuditEvent) -> StoredEvent {
    StoredEvent { seq: None, commitment: [0; 32], event, deleted_at: None }
}

/// Sends one event that has no number; what came back, in words.
pub async fn send_test(
    stream: &ConfiguredStream,
    event: AuditEvent,
    names: &Names,
    origin: &ocsf::Origin,
) -> StreamTested {
    let at = event.at;
    let outgoing = outgoing(&unnumbered(event), names, origin, stream.event_max_bytes);
    let event_id = outgoing.id.clone();
    let sent = match tokio::time::timeout(ATTEMPT_LIMIT, stream.collector.take(&[outgoing], at)).await {
        Ok(sent) => sent,
        Err(_) => Err(SendError::later(no_answer(stream))),
    };
    match sent {
        Ok(said) => StreamTested { taken: true, said, event_id },
        Err(SendError::Later { problem, .. } | SendError::Refused(problem)) => {
            StreamTested { taken: false, said: problem, event_id }
        }
    }
}

/// The sentence when an attempt took too long.
pub(crate) fn no_answer(stream: &ConfiguredStream) -> String {
    format!("The collector of {} does not answer within {} seconds.", stream.name, ATTEMPT_LIMIT.as_secs())
}

/// An event as it goes out.
pub(crate) fn outgoing(
    stored: &StoredEvent,
    names: &Names,
    origin: &ocsf::Origin,
    max_bytes: usize,
) -> Outgoing {
    let event = &stored.event;
    Outgoing {
        seq: stored.seq,
        id: event.id.to_string(),
        at: event.at,
        action: event.action,
        severity: classes::meaning_of(event).severity,
        ocsf: ocsf::fitted(ocsf::of(stored, names, origin), max_bytes),
    }
}
