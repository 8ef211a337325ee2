//! The organization's settings, by their source names where they have one.

use axum::extract::State;
use chaperone_app::organization::OrganizationChange;
use chaperone_domain::organization::Organization;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::json::Json;
use crate::principal::Caller;
use crate::problem::Problem;

/// The settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizationBody {
    name: String,
    allow_self_approval: bool,
    recording_notice: String,
    isauditenabled: bool,
    isuseraccessauditenabled: bool,
    /// In hours.
    useraccessauditinginterval: i64,
    /// In days; −1 for ever.
    auditretentionperiodv2: i64,
    /// Whether user access auditing covers the console and this API.
    console_audit_enabled: bool,
    /// In days; −1 for ever.
    sign_in_retention_days: i64,
    /// In days; −1 for ever.
    recording_retention_days: i64,
    version: i64,
}

impl From<Organization> for OrganizationBody {
    fn from(organization: Organization) -> Self {
        Self {
            name: organization.name,
            allow_self_approval: organization.allow_self_approval,
            recording_notice: organization.recording_notice,
            isauditenabled: organization.is_audit_enabled,
            isuseraccessauditenabled: organization.is_user_access_audit_enabled,
            useraccessauditinginterval: organization.user_access_auditing_interval_hours,
            auditretentionperiodv2: organization.audit_retention_days,
            console_audit_enabled: organization.console_audit_enabled,
            sign_in_retention_days: organization.sign_in_retention_days,
            recording_retention_days: organization.recording_retention_days,
            version: organization.version,
        }
    }
}

/// The settings; every signed-in user may read them.
#[utoipa::path(get, path = "/organization", tag = "administration", responses((status = 200, body = OrganizationBody)))]
pub(crate) async fn read(State(api): State<Api>, _caller: Caller) -> Result<Json<OrganizationBody>, Problem> {
    Ok(Json(api.app.organization().await?.into()))
}

/// What is to be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganizationChangeBody {
    name: Option<String>,
    allow_self_approval: Option<bool>,
    recording_notice: Option<String>,
    isauditenabled: Option<bool>,
    isuseraccessauditenabled: Option<bool>,
    useraccessauditinginterval: Option<i64>,
    auditretentionperiodv2: Option<i64>,
    console_audit_enabled: Option<bool>,
    sign_in_retention_days: Option<i64>,
    recording_retention_days: Option<i64>,
    version: Option<i64>,
}

/// Change the settings.
#[utoipa::path(patch, path = "/organization", tag = "administration", request_body = OrganizationChangeBody, responses((status = 200, body = OrganizationBody)))]
pub(crate) async fn change(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<OrganizationChangeBody>,
) -> Result<Json<OrganizationBody>, Problem> {
    let change = OrganizationChange {
        name: body.name,
        allow_self_approval: body.allow_self_approval,
        recording_notice: body.recording_notice,
        is_audit_enabled: body.isauditenabled,
        is_user_access_audit_enabled: body.isuseraccessauditenabled,
        user_access_auditing_interval_hours: body.useraccessauditinginterval,
        audit_retention_days: body.auditretentionperiodv2,
        console_audit_enabled: body.console_audit_enabled,
        sign_in_retention_days: body.sign_in_retention_days,
        recording_retention_days: body.recording_retention_days,
        version: body.version,
    };
    Ok(Json(api.app.change_organization(&caller.op, change).await?.into()))
}
