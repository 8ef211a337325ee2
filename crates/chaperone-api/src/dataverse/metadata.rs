//! `$metadata` and the service document, from the list of tables.

use std::fmt::Write as _;

use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::call::{Call, answer};
use super::refusal::Refusal;
use super::schema::TABLES;

/// Functions and actions, as the source defines them.
const OPERATIONS: &str = r#"<ComplexType Name="WhoAmIResponse"><Property Name="BusinessUnitId" Type="Edm.Guid" Nullable="false"/><Property Name="UserId" Type="Edm.Guid" Nullable="false"/><Property Name="OrganizationId" Type="Edm.Guid" Nullable="false"/></ComplexType>
<ComplexType Name="AuditDetail"/>
<ComplexType Name="AttributeAuditDetail" BaseType="mscrm.AuditDetail"><Property Name="OldValue" Type="mscrm.crmbaseentity"/><Property Name="NewValue" Type="mscrm.crmbaseentity"/></ComplexType>
<ComplexType Name="UserAccessAuditDetail" BaseType="mscrm.AuditDetail"><Property Name="AccessTime" Type="Edm.DateTimeOffset" Nullable="false"/><Property Name="Interval" Type="Edm.Int32" Nullable="false"/></ComplexType>
<ComplexType Name="AuditDetailCollection"><Property Name="MoreRecords" Type="Edm.Boolean" Nullable="false"/><Property Name="PagingCookie" Type="Edm.String"/><Property Name="TotalRecordCount" Type="Edm.Int32" Nullable="false"/><Property Name="AuditDetails" Type="Collection(mscrm.AuditDetail)" Nullable="false"/></ComplexType>
<ComplexType Name="RetrieveAuditDetailsResponse"><Property Name="AuditDetail" Type="mscrm.AuditDetail"/></ComplexType>
<ComplexType Name="RetrieveRecordChangeHistoryResponse"><Property Name="AuditDetailCollection" Type="mscrm.AuditDetailCollection"/></ComplexType>
<ComplexType Name="DeleteAuditDataResponse"><Property Name="PartitionsDeleted" Type="Edm.Int32" Nullable="false"/></ComplexType>
<ComplexType Name="PagingInfo"><Property Name="PageNumber" Type="Edm.Int32"/><Property Name="Count" Type="Edm.Int32"/><Property Name="ReturnTotalRecordCount" Type="Edm.Boolean"/><Property Name="PagingCookie" Type="Edm.String"/></ComplexType>
<Function Name="WhoAmI"><ReturnType Type="mscrm.WhoAmIResponse" Nullable="false"/></Function>
<Function Name="RetrieveAuditDetails" IsBound="true"><Parameter Name="entity" Type="mscrm.audit" Nullable="false"/><ReturnType Type="mscrm.RetrieveAuditDetailsResponse" Nullable="false"/></Function>
<Function Name="RetrieveRecordChangeHistory"><Parameter Name="Target" Type="mscrm.crmbaseentity" Nullable="false"/><Parameter Name="PagingInfo" Type="mscrm.PagingInfo"/><ReturnType Type="mscrm.RetrieveRecordChangeHistoryResponse" Nullable="false"/></Function>
<Action Name="DeleteAuditData"><Parameter Name="EndDate" Type="Edm.DateTimeOffset" Nullable="false"/><ReturnType Type="mscrm.DeleteAuditDataResponse" Nullable="false"/></Action>
"#;

impl Call {
    /// What sets there are.
    pub(crate) fn service(&self) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        let sets: Vec<_> = TABLES
            .iter()
            .map(|table| json!({"name": table.set, "kind": "EntitySet", "url": table.set}))
            .collect();
        Ok(answer(&json!({"@odata.context": format!("{}$metadata", self.base), "value": sets})))
    }

    /// What the sets look like.
    pub(crate) fn metadata(&self) -> Result<Response, Refusal> {
        self.options.only(&[])?;
        Ok(([(header::CONTENT_TYPE, "application/xml")], document()).into_response())
    }
}

fn document() -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>\
         <Schema Namespace=\"Microsoft.Dynamics.CRM\" Alias=\"mscrm\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n\
         <EntityType Name=\"crmbaseentity\" Abstract=\"true\"/>\n",
    );
    // A text that cannot be written to cannot happen: it is in memory.
    for table in TABLES {
        let (name, key) = (table.logical_name, table.key);
        let _ = writeln!(
            xml,
            "<EntityType Name=\"{name}\" BaseType=\"mscrm.crmbaseentity\"><Key><PropertyRef Name=\"{key}\"/></Key>"
        );
        for property in table.properties {
            let _ = write!(xml, "<Property Name=\"{}\" Type=\"{}\"", property.name, property.kind.edm());
            xml.push_str(if property.name == key { " Nullable=\"false\"/>\n" } else { "/>\n" });
        }
        if name == "systemuser" {
            xml.push_str(
                "<NavigationProperty Name=\"lk_audit_userid\" Type=\"Collection(mscrm.audit)\" Partner=\"userid\"/>\n",
            );
        }
        if name == "audit" {
            xml.push_str(
                "<NavigationProperty Name=\"userid\" Type=\"mscrm.systemuser\" Partner=\"lk_audit_userid\"/>\n",
            );
        }
        xml.push_str("</EntityType>\n");
    }
    xml.push_str(OPERATIONS);
    xml.push_str("<EntityContainer Name=\"System\">\n");
    for table in TABLES {
        let _ = writeln!(
            xml,
            "<EntitySet Name=\"{}\" EntityType=\"Microsoft.Dynamics.CRM.{}\"/>",
            table.set, table.logical_name
        );
    }
    xml.push_str(
        "<FunctionImport Name=\"WhoAmI\" Function=\"Microsoft.Dynamics.CRM.WhoAmI\"/>\n\
         <FunctionImport Name=\"RetrieveRecordChangeHistory\" Function=\"Microsoft.Dynamics.CRM.RetrieveRecordChangeHistory\"/>\n\
         <ActionImport Name=\"DeleteAuditData\" Action=\"Microsoft.Dynamics.CRM.DeleteAuditData\"/>\n\
         </EntityContainer></Schema></edmx:DataServices></edmx:Edmx>\n",
    );
    xml
}
