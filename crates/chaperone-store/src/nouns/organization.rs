//! The organization's row; the preset until it is changed first.

use chaperone_domain::organization::Organization;

use super::one_row;
use crate::StoreError;
use crate::sql::{Reads, Row, args};
use crate::tx::WriteTx;

const COLUMNS: &str = "name, allow_self_approval, recording_notice, is_audit_enabled, is_user_access_audit_enabled, \
                       user_access_auditing_interval_hours, audit_retention_days, console_audit_enabled, \
                       sign_in_retention_days, recording_retention_days, version";

fn read(row: &mut Row<'_>) -> Result<Organization, StoreError> {
    Ok(Organization {
        name: row.text()?,
        allow_self_approval: row.take()?,
        recording_notice: row.text()?,
        is_audit_enabled: row.take()?,
        is_user_access_audit_enabled: row.take()?,
        user_access_auditing_interval_hours: row.take()?,
        audit_retention_days: row.take()?,
        console_audit_enabled: row.take()?,
        sign_in_retention_days: row.take()?,
        recording_retention_days: row.take()?,
        version: row.take()?,
    })
}

impl Reads<'_> {
    /// The settings.
    pub async fn organization(&self) -> Result<Organization, StoreError> {
        let found = self.place.one(&format!("SELECT {COLUMNS} FROM organization"), args![], read).await?;
        Ok(found.unwrap_or_else(Organization::preset))
    }
}

impl WriteTx {
    /// Changes the settings; [`StoreError::Stale`] when they are of another version.
    pub async fn update_organization(
        &mut self,
        organization: &Organization,
        expected_version: i64,
    ) -> Result<(), StoreError> {
        let values = |version: i64| {
            args![
                organization.name.as_str(),
                organization.allow_self_approval,
                organization.recording_notice.as_str(),
                organization.is_audit_enabled,
                organization.is_user_access_audit_enabled,
                organization.user_access_auditing_interval_hours,
                organization.audit_retention_days,
                organization.console_audit_enabled,
                organization.sign_in_retention_days,
                organization.recording_retention_days,
                version,
            ]
        };
        let mut update = values(expected_version + 1);
        update.push(expected_version.into());
        let sql = "UPDATE organization SET name = $1, allow_self_approval = $2, recording_notice = $3, \
                   is_audit_enabled = $4, is_user_access_audit_enabled = $5, \
                   user_access_auditing_interval_hours = $6, audit_retention_days = $7, \
                   console_audit_enabled = $8, sign_in_retention_days = $9, recording_retention_days = $10, \
                   version = $11 WHERE version = $12";
        let rows = self.place().run(sql, update).await?;
        if rows == 0 && expected_version == Organization::preset().version {
            // Never changed before: the preset becomes a row. A second hand meets the key.
            let sql = format!(
                "INSERT INTO organization (id, {COLUMNS}) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
            );
            let inserted = self.place().run(&sql, values(expected_version + 1)).await;
            return match inserted {
                Err(StoreError::Conflict { .. }) => Err(StoreError::Stale),
                other => one_row(other?),
            };
        }
        one_row(rows)
    }
}
