//! The trail as the source's audit table, for those who may read everything.

use std::collections::HashMap;

use chaperone_domain::ids::UserId;
use chaperone_domain::source_action::SourceAction;
use chaperone_domain::user::{Role, User};
use chaperone_store::{Bound, Condition, Items, Page, SourceSort, StoredEvent};

use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;

/// Who may read the audit table.
const READERS: [Role; 2] = [Role::SystemAdministrator, Role::Auditor];

/// A row of the source's audit table.
pub type SourceRow = (StoredEvent, SourceAction);

impl App {
    /// Rows of the source's audit table.
    pub async fn source_audit(
        &self,
        op: &Op,
        condition: Condition,
        order: &[SourceSort],
        after: Option<&[Bound]>,
        limit: u64,
    ) -> Result<Vec<SourceRow>, AppError> {
        op.require(&READERS)?;
        Ok(self.store.read().source_audit(condition, order, after, limit).await?)
    }

    /// How many rows of it a condition leaves; counting stops at `most`.
    pub async fn count_source_audit(
        &self,
        op: &Op,
        condition: Condition,
        most: u64,
    ) -> Result<u64, AppError> {
        op.require(&READERS)?;
        Ok(self.store.read().count_source_audit(condition, most).await?)
    }

    /// Users that a condition leaves, by name.
    pub async fn users_where(
        &self,
        op: &Op,
        condition: Condition,
        page: Page,
    ) -> Result<Items<User>, AppError> {
        op.require(&READERS)?;
        Ok(self.store.read().users_where(condition, page).await?)
    }

    /// How many users a condition leaves.
    pub async fn count_users_where(&self, op: &Op, condition: Condition) -> Result<u64, AppError> {
        op.require(&READERS)?;
        Ok(self.store.read().count_users_where(condition).await?)
    }

    /// The users of these ids, to give names to them.
    pub async fn users_of(&self, op: &Op, ids: &[UserId]) -> Result<HashMap<UserId, User>, AppError> {
        op.require(&READERS)?;
        let found = self.store.read().users_of(ids).await?;
        Ok(found.into_iter().map(|user| (user.id, user)).collect())
    }
}
