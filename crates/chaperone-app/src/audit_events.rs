//! The trail, as far as one may read it.

use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::user::Role;
use chaperone_store::{EventFilter, Events, Items, Page, StoreError, StoredEvent};

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

impl App {
    /// The trail, oldest first, by page.
    pub async fn audit_events(
        &self,
        op: &Op,
        filter: EventFilter,
        page: Page,
    ) -> Result<Items<StoredEvent>, AppError> {
        op.require(&[Role::SystemAdministrator, Role::Auditor])?;
        Ok(self.store.read().audit_events(filter, page).await?)
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
