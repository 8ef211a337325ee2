//! What the executable hands in: one collector for each stream.

use std::sync::Arc;

use async_trait::async_trait;
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::event_stream::{StreamFormat, StreamKind, StreamStart};
use jiff::SignedDuration;
use serde_json::Value;

use super::cef;
use super::classes::{Class, Severity};

/// Why something did not arrive. The sentence is for whoever may see the streams: it names the collector and what to do,
/// never what the other side said (that goes to the log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It may work later.
    Later {
        /// The sentence.
        problem: String,
        /// The pause that the collector asks for.
        pause: Option<SignedDuration>,
    },
    /// The collector does not want it as it is. It is tried again all the same, with fewer events at a time, until it
    /// works: nothing is ever skipped.
    Refused(String),
}

impl SendError {
    /// It may work later, and nobody says when.
    pub fn later(problem: impl Into<String>) -> Self {
        Self::Later { problem: problem.into(), pause: None }
    }
}

/// One event on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Its number; `None` for a test, which is not in the trail.
    pub seq: Option<i64>,
    /// Its id, the same whenever it is sent.
    pub id: String,
    /// When it happened.
    pub at: Instant,
    /// What happened.
    pub action: AuditAction,
    /// How much it matters.
    pub severity: Severity,
    /// The event as OCSF.
    pub ocsf: Value,
}

impl Outgoing {
    /// The event in one line.
    pub fn line(&self, format: StreamFormat) -> String {
        match format {
            StreamFormat::Ocsf => self.ocsf.to_string(),
            StreamFormat::Cef => cef::line(&self.ocsf),
        }
    }
}

/// Sends events to one collector.
#[async_trait]
pub trait Collector: Send + Sync {
    /// Returns what came back, in words, when the collector has taken all of them. It may be called again with what was
    /// taken, when the process ended before that was stored.
    ///
    /// # Errors
    /// [`SendError`] when it is not sure that all of them were taken.
    async fn take(&self, events: &[Outgoing], at: Instant) -> Result<String, SendError>;
}

/// A stream as it is configured.
#[derive(Clone)]
pub struct ConfiguredStream {
    /// Its name.
    pub name: String,
    /// How the collector is spoken to.
    pub kind: StreamKind,
    /// Where it is, without secrets.
    pub address: String,
    /// How events are written.
    pub format: StreamFormat,
    /// Where it begins.
    pub start: StreamStart,
    /// What is sent; empty for everything.
    pub classes: Vec<Class>,
    /// Longest event, in bytes of its JSON.
    pub event_max_bytes: usize,
    /// How events are sent.
    pub collector: Arc<dyn Collector>,
}

impl ConfiguredStream {
    /// What the configuration says about it, as it is kept with its place and in the trail; without secrets.
    pub fn settings(&self) -> String {
        let classes: Vec<&str> = self.classes.iter().map(|class| class.name()).collect();
        serde_json::json!({
            "kind": self.kind.name(),
            "address": self.address,
            "format": self.format.name(),
            "classes": classes,
        })
        .to_string()
    }

    /// Whether events of that class are sent.
    pub fn wants(&self, class: Class) -> bool {
        self.classes.is_empty() || self.classes.contains(&class)
    }
}
