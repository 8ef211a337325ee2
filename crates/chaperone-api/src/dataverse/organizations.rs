//! The table `organization`: one row, whose audit settings can be changed.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chaperone_app::organization::OrganizationChange;
use chaperone_domain::organization::Organization;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::call::{Call, answer, etag, object, wanted_version};
use super::filter::Value;
use super::refusal::Refusal;
use super::schema::{ORGANIZATION, Property};

impl Call {
    /// `organizations`: everybody who is signed in may read them.
    pub(crate) async fn organizations(&self) -> Result<Response, Refusal> {
        self.options.only(&["$select", "$filter", "$orderby", "$top", "$count"])?;
        let select = self.options.select(&ORGANIZATION)?;
        let filter = self.options.filter(&ORGANIZATION)?;
        self.options.order(&ORGANIZATION)?;
        self.options.top()?;
        let organization = self.app.organization().await?;
        let id = self.organization_id();
        let fits = filter.is_none_or(|filter| filter.holds(&|property| value(&organization, id, property)));
        let rows: Vec<_> =
            fits.then(|| organization_row(&organization, id, select.as_deref())).into_iter().collect();
        let count = self.options.count()?.then_some((rows.len() as u64, false));
        let context = self.context_of(ORGANIZATION.set, select.as_deref(), false);
        Ok(answer(&self.list(context, rows, count, None)))
    }

    /// `organizations(id)`.
    pub(crate) async fn organization(&self, id: Uuid) -> Result<Response, Refusal> {
        self.options.only(&["$select"])?;
        self.is_the_organization(id)?;
        let organization = self.app.organization().await?;
        Ok(answer(&self.organization_body(&organization)?))
    }

    fn organization_body(&self, organization: &Organization) -> Result<Json, Refusal> {
        let select = self.options.select(&ORGANIZATION)?;
        let mut body = Map::new();
        let context = self.context_of(ORGANIZATION.set, select.as_deref(), true);
        body.insert("@odata.context".to_owned(), context.into());
        body.extend(organization_row(organization, self.organization_id(), select.as_deref()));
        Ok(Json::Object(body))
    }

    /// `PATCH organizations(id)`.
    pub(crate) async fn change_organization(&self, id: Uuid, body: &[u8]) -> Result<Response, Refusal> {
        self.options.only(&["$select"])?;
        self.options.select(&ORGANIZATION)?;
        self.is_the_organization(id)?;
        let mut change = read_change(body)?;
        change.version = wanted_version(self.if_match.as_deref())?;
        let changed = self.app.change_organization(&self.op, change).await?;
        if self.prefer.representation {
            return Ok(answer(&self.organization_body(&changed)?));
        }
        let address = format!("{}organizations({id})", self.base);
        Ok((
            StatusCode::NO_CONTENT,
            [("OData-EntityId", address.clone()), (header::LOCATION.as_str(), address)],
        )
            .into_response())
    }

    fn is_the_organization(&self, id: Uuid) -> Result<(), Refusal> {
        if id == self.organization_id() {
            Ok(())
        } else {
            Err(Refusal::no_row(ORGANIZATION.logical_name, id))
        }
    }
}

fn read_change(body: &[u8]) -> Result<OrganizationChange, Refusal> {
    let mut change = OrganizationChange::default();
    for (name, value) in object(body)? {
        let wrong = |wanted: &str| Refusal::body(format!("The value of '{name}' is not {wanted}."));
        let flag = || value.as_bool().ok_or_else(|| wrong("true or false"));
        let number = || value.as_i64().ok_or_else(|| wrong("a whole number"));
        match name.as_str() {
            "isauditenabled" => change.is_audit_enabled = Some(flag()?),
            "isuseraccessauditenabled" => change.is_user_access_audit_enabled = Some(flag()?),
            "useraccessauditinginterval" => change.user_access_auditing_interval_hours = Some(number()?),
            "auditretentionperiodv2" => change.audit_retention_days = Some(number()?),
            known if ORGANIZATION.property(known).is_some() => {
                return Err(Refusal::body(format!("The property '{known}' cannot be changed here.")));
            }
            other => {
                let shown: String = other.chars().take(100).collect();
                return Err(Refusal::body(format!(
                    "Could not find a property named '{shown}' on type 'Microsoft.Dynamics.CRM.organization'."
                )));
            }
        }
    }
    Ok(change)
}

fn value(organization: &Organization, id: Uuid, property: &Property) -> Option<Value> {
    Some(match property.name {
        "organizationid" => Value::Guid(id),
        "name" => Value::Text(organization.name.clone()),
        "isauditenabled" => Value::Flag(organization.is_audit_enabled),
        "isuseraccessauditenabled" => Value::Flag(organization.is_user_access_audit_enabled),
        "useraccessauditinginterval" => Value::Number(organization.user_access_auditing_interval_hours),
        // Reading is not audited here by rows; the trail has viewings of recordings.
        "isreadauditenabled" => Value::Flag(false),
        "auditretentionperiodv2" => Value::Number(organization.audit_retention_days),
        _ => return None,
    })
}

fn organization_row(organization: &Organization, id: Uuid, select: Option<&[&str]>) -> Map<String, Json> {
    let mut row = Map::new();
    row.insert("@odata.etag".to_owned(), etag(organization.version));
    for property in ORGANIZATION.properties {
        let name = property.name;
        if name != ORGANIZATION.key && select.is_some_and(|names| !names.contains(&name)) {
            continue;
        }
        row.insert(name.to_owned(), json(value(organization, id, property)));
    }
    row
}

/// A value as JSON.
pub(crate) fn json(value: Option<Value>) -> Json {
    match value {
        None => Json::Null,
        Some(Value::Number(number)) => number.into(),
        Some(Value::Text(text)) => text.into(),
        Some(Value::Guid(id)) => id.to_string().into(),
        Some(Value::Flag(flag)) => flag.into(),
        Some(Value::Instant(at)) => super::call::seconds(at).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_strictly() {
        let read =
            read_change(br#"{"isauditenabled": false, "@odata.type": "x", "useraccessauditinginterval": 0}"#);
        let read = read.expect("read");
        assert_eq!((read.is_audit_enabled, read.user_access_auditing_interval_hours), (Some(false), Some(0)));
        for bad in [
            r#"{"isauditenabled": "false"}"#,
            r#"{"isauditenabled": null}"#,
            r#"{"useraccessauditinginterval": 1.5}"#,
            r#"{"useraccessauditinginterval": "4"}"#,
            r#"{"auditsettings": "{}"}"#,
            r#"{"organizationid": "x"}"#,
            r#"{"nothing": 1}"#,
            "[]",
            "{",
        ] {
            assert!(read_change(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
