//! The trail, as far as one may read it.

use std::sync::Arc;

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::user::Role;
use chaperone_store::{EventFilter, Events, Items, Page, StoreError, StoredEvent};

use crate::app::App;
use crate::errors::AppError;
use crate::exports::Format;
use crate::op::Op;

mod export;

pub use export::EventExport;
pub(crate) use export::{AUDIT_EVENTS, write_event};

/// Whether the caller may ask, and the question makes sense.
fn allowed(op: &Op, filter: &EventFilter) -> Result<(), AppError> {
    op.require(&[Role::SystemAdministrator, Role::Auditor])?;
    if filter.start.zip(filter.end).is_some_and(|(start, end)| end <= start) {
        return Err(AppError::field("end", "end-not-after-start", "The end must be after the start."));
    }
    Ok(())
}

impl App {
    /// The trail, oldest first, by page.
    pub async fn audit_events(
        &self,
        op: &Op,
        filter: EventFilter,
        page: Page,
    ) -> Result<Items<StoredEvent>, AppError> {
        allowed(op, &filter)?;
        Ok(self.store.read().audit_events(filter, page).await?)
    }

    /// Takes events out as a file, in the order of the list; the trail says that it was begun, and how it ended.
    pub async fn export_audit_events(
        self: &Arc<Self>,
        op: &Op,
        filter: EventFilter,
        format: Format,
    ) -> Result<EventExport, AppError> {
        allowed(op, &filter)?;
        EventExport::begin(self, op, export::EventRows::until(filter, op.at), format).await
    }

    /// Writes an event that stands alone: something happened that changes no row.
    pub(crate) async fn note(&self, event: AuditEvent) -> Result<(), AppError> {
        Ok(self
            .store
            .write(move |tx| {
                let event = event.clone();
                Box::pin(async move { Ok::<_, StoreError>(tx.commit((), Events::one(event))) })
            })
            .await?)
    }
}
