//! `EntityDefinitions`: the tables of the Web API, the nouns that its audit rows name, the console, and every target.
//! Auditing of the console and of targets is switched here, as the source switches it for tables.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chaperone_app::organization::OrganizationChange;
use chaperone_domain::ids::TargetId;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::audits::TABLE_NAMES;
use super::call::{Call, answer, object};
use super::filter::Value;
use super::path::Definition;
use super::refusal::Refusal;
use super::schema::{ENTITY_DEFINITION, Property, TABLES};

/// What the definitions of targets begin with.
const TARGET_PREFIX: &str = "chp_target_";
/// The console and our own API count as a target.
const CONSOLE: &str = "chp_console";

/// What auditing a definition switches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Switch {
    /// Nothing: its changes are always in the trail.
    Always,
    Console,
    Target(TargetId),
}

/// A table as the source defines it.
struct Entity {
    id: Uuid,
    logical_name: String,
    label: String,
    set: Option<&'static str>,
    key: Option<&'static str>,
    audited: bool,
    switch: Switch,
}

/// The logical name of a target, from its host: a dot becomes `_`, a hyphen `__`. No two hosts get the same, because
/// no label begins or ends with a hyphen.
fn target_name(host: &str) -> String {
    format!("{TARGET_PREFIX}{}", host.replace('-', "__").replace('.', "_"))
}

impl Entity {
    fn value(&self, property: &Property) -> Option<Value> {
        Some(match property.name {
            "MetadataId" => Value::Guid(self.id),
            "LogicalName" | "SchemaName" => Value::Text(self.logical_name.clone()),
            "EntitySetName" => Value::Text(self.set?.to_owned()),
            "LogicalCollectionName" => Value::Text(self.set?.to_owned()),
            "PrimaryIdAttribute" => Value::Text(self.key?.to_owned()),
            "IsPrivate" => Value::Flag(false),
            "IsCustomEntity" => Value::Flag(self.set.is_none()),
            "IsAuditEnabled/Value" => Value::Flag(self.audited),
            "IsAuditEnabled/CanBeChanged" => Value::Flag(self.switch != Switch::Always),
            _ => return None,
        })
    }

    /// The definition, whole.
    fn row(&self) -> Map<String, Json> {
        let mut row = Map::new();
        for property in ENTITY_DEFINITION.properties.iter().filter(|property| !property.name.contains('/')) {
            row.insert(property.name.to_owned(), super::organizations::json(self.value(property)));
        }
        row.insert(
            "IsAuditEnabled".to_owned(),
            json!({
                "Value": self.audited,
                "CanBeChanged": self.switch != Switch::Always,
                "ManagedPropertyLogicalName": "canmodifyauditsettings",
            }),
        );
        let label = json!({"Label": self.label, "LanguageCode": 1033});
        row.insert(
            "DisplayName".to_owned(),
            json!({"LocalizedLabels": [label.clone()], "UserLocalizedLabel": label}),
        );
        row
    }

    /// What was selected of it; the key always is.
    fn selected(&self, select: Option<&[&str]>) -> Map<String, Json> {
        let mut row = self.row();
        if let Some(names) = select {
            row.retain(|name, _| name == ENTITY_DEFINITION.key || names.contains(&name.as_str()));
        }
        row
    }
}

impl Call {
    async fn entities(&self) -> Result<Vec<Entity>, Refusal> {
        let organization = self.app.organization().await?;
        let own = |name: &str, label: &str| Entity {
            id: self.app.keys().id_of(&format!("table {name}")),
            logical_name: name.to_owned(),
            label: label.to_owned(),
            set: None,
            key: None,
            audited: true,
            switch: Switch::Always,
        };
        let mut entities: Vec<Entity> = TABLES
            .iter()
            .map(|table| Entity {
                set: Some(table.set),
                key: Some(table.key),
                // The audit table itself is not audited, in the source neither.
                audited: table.logical_name != "audit",
                ..own(table.logical_name, table.logical_name)
            })
            .collect();
        for (kind, name) in TABLE_NAMES {
            if !entities.iter().any(|entity| entity.logical_name == name) {
                entities.push(own(name, &kind.replace('_', " ")));
            }
        }
        entities.push(Entity {
            audited: organization.console_audit_enabled,
            switch: Switch::Console,
            ..own(CONSOLE, "The console and the API of Chaperone")
        });
        for target in self.app.targets(&self.op).await? {
            entities.push(Entity {
                id: target.id.uuid(),
                audited: target.audit_enabled,
                switch: Switch::Target(target.id),
                ..own(&target_name(&target.host), &target.name)
            });
        }
        Ok(entities)
    }

    /// `EntityDefinitions`.
    pub(crate) async fn definitions(&self) -> Result<Response, Refusal> {
        self.options.only(&["$select", "$filter", "$count"])?;
        let select = self.options.select(&ENTITY_DEFINITION)?;
        let filter = self.options.filter(&ENTITY_DEFINITION)?;
        let mut entities = self.entities().await?;
        if let Some(filter) = filter {
            entities.retain(|entity| filter.holds(&|property| entity.value(property)));
        }
        let rows: Vec<_> = entities.iter().map(|entity| entity.selected(select.as_deref())).collect();
        let count = self.options.count()?.then_some((rows.len() as u64, false));
        let context = self.context_of(ENTITY_DEFINITION.set, select.as_deref(), false);
        Ok(answer(&self.list(context, rows, count, None)))
    }

    async fn entity(&self, wanted: &Definition) -> Result<Entity, Refusal> {
        let entities = self.entities().await?;
        let found = entities.into_iter().find(|entity| wanted.is(entity.id, &entity.logical_name));
        found.ok_or_else(|| Refusal::no_row("EntityMetadata", wanted.shown()))
    }

    /// `EntityDefinitions(…)`.
    pub(crate) async fn definition(&self, wanted: &Definition) -> Result<Response, Refusal> {
        self.options.only(&["$select"])?;
        let select = self.options.select(&ENTITY_DEFINITION)?;
        let entity = self.entity(wanted).await?;
        let mut body = Map::new();
        let context = self.context_of(ENTITY_DEFINITION.set, select.as_deref(), true);
        body.insert("@odata.context".to_owned(), context.into());
        body.extend(entity.selected(select.as_deref()));
        Ok(answer(&Json::Object(body)))
    }

    /// `PUT EntityDefinitions(…)`: of the definition that is given, only its auditing may be another than it is.
    pub(crate) async fn change_definition(
        &self,
        wanted: &Definition,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        let entity = self.entity(wanted).await?;
        let enabled = wanted_auditing(&entity, object(body)?)?;
        match entity.switch {
            _ if enabled == entity.audited => {}
            Switch::Always => {
                return Err(Refusal::argument(format!(
                    "Auditing of '{}' cannot be changed: what happens to it is always in the trail.",
                    entity.logical_name
                )));
            }
            Switch::Console => {
                let change = OrganizationChange {
                    console_audit_enabled: Some(enabled),
                    ..OrganizationChange::default()
                };
                self.app.change_organization(&self.op, change).await?;
            }
            Switch::Target(id) => {
                self.app.change_target(&self.op, id, None, |fields| fields.audit_enabled = enabled).await?;
            }
        }
        Ok(StatusCode::NO_CONTENT.into_response())
    }
}

fn wanted_auditing(entity: &Entity, given: Map<String, Json>) -> Result<bool, Refusal> {
    let (mut enabled, known) = (entity.audited, entity.row());
    for (name, value) in given {
        match (name.as_str(), known.get(&name)) {
            ("IsAuditEnabled", _) => {
                enabled = value.get("Value").and_then(Json::as_bool).ok_or_else(|| {
                    Refusal::body("IsAuditEnabled is an object whose Value is true or false.")
                })?;
            }
            (_, Some(known)) if *known == value => {}
            ("HasChanged", None) if value.is_null() => {}
            (other, _) => {
                let shown: String = other.chars().take(100).collect();
                return Err(Refusal::body(format!(
                    "Of a definition only IsAuditEnabled can be changed here, and '{shown}' is another than it is."
                )));
            }
        }
    }
    Ok(enabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_differ_have_names_that_differ() {
        let hosts = ["a-b.c", "a.b-c", "a.b.c", "a--b.c", "a-b-c", "a--b-c", "ab.c"];
        let names: std::collections::BTreeSet<String> = hosts.iter().map(|host| target_name(host)).collect();
        assert_eq!(names.len(), hosts.len(), "{names:?}");
        assert_eq!(target_name("erp.localhost"), "chp_target_erp_localhost");
    }
}
