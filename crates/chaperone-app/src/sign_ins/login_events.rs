//! User Login Events: the questions about all sign-ins.

use std::sync::Arc;

use chaperone_domain::user::Role;
use chaperone_store::{Items, Page, SignInQuery, SignInRow, SignInTotals};

use super::export::{SignInExport, SignInRows};
use crate::app::App;
use crate::errors::AppError;
use crate::exports::Format;
use crate::op::Op;

/// The question as far as the caller may ask it: those who may not read everything see their own.
fn allowed(op: &Op, mut query: SignInQuery) -> Result<SignInQuery, AppError> {
    if op.require(&[Role::SystemAdministrator, Role::Auditor]).is_err() {
        let own = op.user()?.id;
        if query.user_id.is_some_and(|asked| asked != own) {
            return Err(AppError::RoleMissing { needed: vec![Role::SystemAdministrator, Role::Auditor] });
        }
        query.user_id = Some(own);
    }
    if query.end <= query.start {
        return Err(AppError::field("end", "end-not-after-start", "The end must be after the start."));
    }
    Ok(query)
}

impl App {
    /// Sign-ins by page, newest first.
    pub async fn sign_ins(
        &self,
        op: &Op,
        query: SignInQuery,
        page: Page,
    ) -> Result<Items<SignInRow>, AppError> {
        Ok(self.store.read().sign_ins(allowed(op, query)?, page).await?)
    }

    /// How often and how long users were there, and how many sign-ins each day had.
    pub async fn sign_in_totals(&self, op: &Op, query: SignInQuery) -> Result<SignInTotals, AppError> {
        Ok(self.store.read().sign_in_totals(allowed(op, query)?).await?)
    }

    /// Takes sign-ins out as a file, newest first; the trail says that it was begun, and how it ended.
    pub async fn export_sign_ins(
        self: &Arc<Self>,
        op: &Op,
        query: SignInQuery,
        format: Format,
    ) -> Result<SignInExport, AppError> {
        let rows = SignInRows::of(self, allowed(op, query)?).await?;
        SignInExport::begin(self, op, rows, format).await
    }
}
