//! The trail as a file.

use std::sync::Arc;

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditEvent, DetailValue};
use chaperone_store::{EventFilter, StoredEvent};

use crate::app::App;
use crate::errors::AppError;
use crate::exports::{Cell, Column, Download, ExportError, Format, Grid, GridWriter, Kind, Pages, Rows};
use crate::exports::{file_name, file_name_until, one_after_the_other};
use crate::op::EventExt as _;

/// Audit events as a grid.
pub(crate) const AUDIT_EVENTS: Grid = Grid {
    name: "audit-events",
    columns: &[
        Column { name: "seq", kind: Kind::Number },
        Column { name: "id", kind: Kind::Id },
        Column { name: "at", kind: Kind::Instant },
        Column { name: "actor_kind", kind: Kind::Text },
        Column { name: "user_id", kind: Kind::Id },
        Column { name: "on_behalf_of", kind: Kind::Id },
        Column { name: "action", kind: Kind::Text },
        Column { name: "subject_kind", kind: Kind::Text },
        Column { name: "subject_id", kind: Kind::Text },
        Column { name: "privileged_session_id", kind: Kind::Id },
        Column { name: "sign_in_id", kind: Kind::Id },
        Column { name: "channel", kind: Kind::Text },
        Column { name: "client_address", kind: Kind::Text },
        Column { name: "reason", kind: Kind::Text },
        Column { name: "details", kind: Kind::Text },
        Column { name: "commitment", kind: Kind::Text },
        Column { name: "deleted_at", kind: Kind::Instant },
    ],
};

/// Writes an event of [`AUDIT_EVENTS`] down; also for exports that nobody waits for.
pub(crate) fn write_event(writer: &mut GridWriter, stored: &StoredEvent) -> Result<(), ExportError> {
    let event = &stored.event;
    let details = details(event);
    let commitment: String = stored.commitment.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = |id: Option<uuid::Uuid>| id.map_or(Cell::Nothing, Cell::Id);
    writer.row(&[
        stored.seq.map_or(Cell::Nothing, Cell::Number),
        Cell::Id(event.id.uuid()),
        Cell::Instant(event.at),
        Cell::Text(event.actor.kind_name()),
        id(event.actor.user_id().map(|id| id.uuid())),
        id(event.on_behalf_of.map(|id| id.uuid())),
        Cell::Text(event.action.name()),
        Cell::Text(&event.subject.kind),
        Cell::Text(&event.subject.id),
        id(event.privileged_session_id.map(|id| id.uuid())),
        id(event.sign_in_id.map(|id| id.uuid())),
        event.channel.map_or(Cell::Nothing, |channel| Cell::Text(channel.name())),
        event.client_address.as_deref().map_or(Cell::Nothing, Cell::Text),
        event.reason.as_deref().map_or(Cell::Nothing, Cell::Text),
        Cell::Text(&details),
        Cell::Text(&commitment),
        stored.deleted_at.map_or(Cell::Nothing, Cell::Instant),
    ])
}

/// An event's details as one JSON object, in their order: it is part of what the commitment holds.
fn details(event: &AuditEvent) -> String {
    let value = |value: &DetailValue| match value {
        DetailValue::Text(text) => serde_json::Value::from(text.as_str()),
        DetailValue::Number(number) => serde_json::Value::from(*number),
        DetailValue::Flag(flag) => serde_json::Value::from(*flag),
        DetailValue::Nothing => serde_json::Value::Null,
    };
    let member = |(name, detail): &(String, DetailValue)| {
        format!("{}:{}", serde_json::Value::from(name.as_str()), value(detail))
    };
    format!("{{{}}}", event.details.iter().map(member).collect::<Vec<_>>().join(","))
}

/// The events of a download: those of before it began.
#[derive(Clone)]
pub struct EventRows {
    filter: EventFilter,
    end: Instant,
}

/// Events on their way out.
pub type EventExport = Download<EventRows>;

impl EventRows {
    pub(super) fn until(filter: EventFilter, now: Instant) -> Self {
        let end = filter.end.map_or(now, |end| end.min(now));
        Self { filter: EventFilter { end: Some(end), ..filter }, end }
    }
}

impl Rows for EventRows {
    type Row = StoredEvent;
    const GRID: Grid = AUDIT_EVENTS;

    fn file_name(&self, format: Format) -> String {
        match self.filter.start {
            Some(start) => file_name(AUDIT_EVENTS, start, self.end, format),
            None => file_name_until(AUDIT_EVENTS, self.end, format),
        }
    }

    async fn count(&self, app: &App) -> Result<u64, AppError> {
        Ok(app.store.read().count_audit_events(self.filter.clone()).await?)
    }

    fn pages(&self, app: &Arc<App>) -> Pages<StoredEvent> {
        let (app, filter) = (app.clone(), self.filter.clone());
        one_after_the_other(&app.clone(), move |page| {
            let (app, filter) = (app.clone(), filter.clone());
            async move { Ok(app.store.read().audit_events(filter, page).await?) }
        })
    }

    fn write(&self, writer: &mut GridWriter, stored: &StoredEvent) -> Result<(), ExportError> {
        write_event(writer, stored)
    }

    fn tell(&self, event: AuditEvent) -> AuditEvent {
        let filter = &self.filter;
        let actions: Vec<&str> = filter.actions.iter().map(|action| action.name()).collect();
        event
            .with("start", filter.start.map(|start| start.to_string()))
            .with("end", self.end.to_string())
            .with("after_seq", filter.after_seq)
            .with("actions", (!actions.is_empty()).then(|| actions.join(",")))
            .with("user_id", filter.user_id.map(|id| id.to_string()))
            .with("about_target_id", filter.target_id.map(|id| id.to_string()))
            .with("for_privileged_session_id", filter.privileged_session_id.map(|id| id.to_string()))
            .with("for_sign_in_id", filter.sign_in_id.map(|id| id.to_string()))
    }
}
