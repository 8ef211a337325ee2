//! Functions and actions that belong to no table.

use axum::response::Response;
use chaperone_app::AppError;
use serde_json::{Value as Json, json};

use super::call::{Call, answer, object};
use super::filter::instant;
use super::refusal::Refusal;

impl Call {
    /// `WhoAmI`.
    pub(crate) fn who_am_i(&self) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        Ok(answer(&json!({
            "@odata.context": self.context("Microsoft.Dynamics.CRM.WhoAmIResponse"),
            "BusinessUnitId": self.business_unit_id().to_string(),
            "UserId": self.user_id()?.to_string(),
            "OrganizationId": self.organization_id().to_string(),
        })))
    }

    /// `DeleteAuditData`.
    pub(crate) async fn delete_audit_data(&self, body: &[u8]) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        let body = object(body)?;
        if let Some(other) = body.keys().find(|name| *name != "EndDate") {
            let shown: String = other.chars().take(100).collect();
            return Err(Refusal::body(format!("The action has no parameter '{shown}'.")));
        }
        let until = body.get("EndDate").and_then(Json::as_str).and_then(instant).ok_or_else(|| {
            Refusal::body("EndDate is an instant with its zone, as 2026-11-20T08:30:00Z, or a whole day.")
        })?;
        let deleted = self.app.delete_audit_data(&self.op, until).await?;
        if deleted.count == 0 {
            // As the source, which has no partition that ends before such a date.
            let why = "There is no audit data up to this date that may be deleted.";
            return Err(AppError::refused("nothing-expired", why).into());
        }
        Ok(answer(&json!({
            "@odata.context": self.context("Microsoft.Dynamics.CRM.DeleteAuditDataResponse"),
            "PartitionsDeleted": deleted.count,
        })))
    }
}
