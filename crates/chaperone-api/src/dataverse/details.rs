//! `RetrieveAuditDetails`: what an audit row says, in the source's types.

use axum::response::Response;
use chaperone_domain::audit_event::DetailValue;
use chaperone_domain::source_action::{Operation, SourceAction};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::audits::table_name;
use super::call::{Call, answer, seconds};
use super::refusal::Refusal;
use chaperone_app::source_audit::SourceRow;

/// The old and the new value of something, by its name.
const PAIRS: [(&str, &str); 2] = [("old_", "new_"), ("from_", "to_")];

impl Call {
    /// `audits(id)/Microsoft.Dynamics.CRM.RetrieveAuditDetails`.
    pub(crate) async fn audit_details(&self, id: Uuid) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        let row = self.one_audit(id).await?;
        let interval = self.app.organization().await?.user_access_auditing_interval_hours;
        Ok(answer(&json!({
            "@odata.context": self.context("Microsoft.Dynamics.CRM.RetrieveAuditDetailsResponse"),
            "AuditDetail": detail(&row, interval),
        })))
    }
}

/// The detail of a row. The source never answers the row itself in it.
pub(crate) fn detail((stored, action): &SourceRow, interval_hours: i64) -> Json {
    let event = &stored.event;
    if matches!(action, SourceAction::UserAccessViaWeb | SourceAction::UserAccessViaWebServices) {
        return json!({
            "@odata.type": "#Microsoft.Dynamics.CRM.UserAccessAuditDetail",
            "AccessTime": seconds(event.at),
            "Interval": interval_hours,
        });
    }
    let (mut old, mut new) = (Map::new(), Map::new());
    let kind = format!("#Microsoft.Dynamics.CRM.{}", table_name(&event.subject.kind));
    old.insert("@odata.type".to_owned(), kind.clone().into());
    new.insert("@odata.type".to_owned(), kind.into());
    for (name, value) in &event.details {
        let value = match value {
            DetailValue::Text(text) => Json::from(text.as_str()),
            DetailValue::Number(number) => Json::from(*number),
            DetailValue::Flag(flag) => Json::from(*flag),
            DetailValue::Nothing => Json::Null,
        };
        let of = |prefix: &str| name.strip_prefix(prefix).map(str::to_owned);
        let before = PAIRS.iter().find_map(|(old, _)| of(old));
        let after = PAIRS.iter().find_map(|(_, new)| of(new));
        match (before, after) {
            (Some(name), _) => old.insert(name, value),
            (None, Some(name)) => new.insert(name, value),
            (None, None) if action.operation() == Operation::Delete => old.insert(name.clone(), value),
            (None, None) => new.insert(name.clone(), value),
        };
    }
    json!({
        "@odata.type": "#Microsoft.Dynamics.CRM.AttributeAuditDetail",
        "InvalidNewValueAttributes": [],
        "LocLabelLanguageCode": 0,
        "DeletedAttributes": {"Count": 0, "IsReadOnly": true, "Keys": [], "Values": []},
        "OldValue": old,
        "NewValue": new,
    })
}
