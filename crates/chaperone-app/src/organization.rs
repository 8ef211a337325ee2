//! The organization's settings.

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::organization::{
    AuditTransition, Organization, RECORDING_NOTICE_MAX_CHARS, USER_ACCESS_AUDITING_INTERVAL_HOURS,
};
use chaperone_domain::retention::is_retention;
use chaperone_domain::user::Role;
use chaperone_store::Events;
use uuid::Uuid;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

/// What is to be changed; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// How people know it.
    pub name: Option<String>,
    /// Whether people may decide about their own matters.
    pub allow_self_approval: Option<bool>,
    /// The recording notice.
    pub recording_notice: Option<String>,
    /// Source name `isauditenabled`.
    pub is_audit_enabled: Option<bool>,
    /// Source name `isuseraccessauditenabled`.
    pub is_user_access_audit_enabled: Option<bool>,
    /// Source name `useraccessauditinginterval`, in hours.
    pub user_access_auditing_interval_hours: Option<i64>,
    /// Source name `auditretentionperiodv2`, in days.
    pub audit_retention_days: Option<i64>,
    /// Whether user access auditing covers the console and the API.
    pub console_audit_enabled: Option<bool>,
    /// How long sign-ins are kept, in days.
    pub sign_in_retention_days: Option<i64>,
    /// How long recordings are kept, in days.
    pub recording_retention_days: Option<i64>,
    /// The version that the caller saw.
    pub version: Option<i64>,
}

impl App {
    /// The settings; every signed-in user may read them.
    pub async fn organization(&self) -> Result<Organization, AppError> {
        Ok(self.store.read().organization().await?)
    }

    /// Changes the settings.
    pub async fn change_organization(
        &self,
        op: &Op,
        change: OrganizationChange,
    ) -> Result<Organization, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let before = self.organization().await?;
        if change.version.is_some_and(|version| version != before.version) {
            return Err(AppError::Stale);
        }
        let mut after = Organization {
            name: change.name.unwrap_or_else(|| before.name.clone()),
            allow_self_approval: change.allow_self_approval.unwrap_or(before.allow_self_approval),
            recording_notice: change.recording_notice.unwrap_or_else(|| before.recording_notice.clone()),
            is_audit_enabled: change.is_audit_enabled.unwrap_or(before.is_audit_enabled),
            is_user_access_audit_enabled: change
                .is_user_access_audit_enabled
                .unwrap_or(before.is_user_access_audit_enabled),
            user_access_auditing_interval_hours: change
                .user_access_auditing_interval_hours
                .unwrap_or(before.user_access_auditing_interval_hours),
            audit_retention_days: change.audit_retention_days.unwrap_or(before.audit_retention_days),
            console_audit_enabled: change.console_audit_enabled.unwrap_or(before.console_audit_enabled),
            sign_in_retention_days: change.sign_in_retention_days.unwrap_or(before.sign_in_retention_days),
            recording_retention_days: change
                .recording_retention_days
                .unwrap_or(before.recording_retention_days),
            version: before.version,
        };
        check(&after)?;
        let (op, row, old) = (op.clone(), after.clone(), before.clone());
        self.store
            .write(move |tx| {
                let (op, row, old) = (op.clone(), row.clone(), old.clone());
                Box::pin(async move {
                    tx.update_organization(&row, old.version).await?;
                    let event = op
                        .event(AuditAction::OrganizationChanged, "organization", "1")
                        .changed("name", &old.name, &row.name)
                        .changed("allow_self_approval", &old.allow_self_approval, &row.allow_self_approval)
                        .changed("recording_notice", &old.recording_notice, &row.recording_notice);
                    let mut events = Events::one(with_audit_settings(event, &old, &row));
                    for transition in old.audit_transitions(&row) {
                        if transition == AuditTransition::UserAccess(false) {
                            tx.forget_access_records().await?;
                        }
                        let event = op.event(action_of(transition), "organization", "1");
                        events = events.and(with_audit_settings(event, &old, &row));
                    }
                    Ok::<_, AppError>(tx.commit((), events))
                })
            })
            .await?;
        after.version += 1;
        self.access_records.follow(&after);
        self.changes.tell(ChangedNoun::Organization, Uuid::nil(), Vec::new());
        Ok(after)
    }
}

/// The settings of auditing that changed, with their old and new values.
fn with_audit_settings(event: AuditEvent, old: &Organization, new: &Organization) -> AuditEvent {
    let interval = |organization: &Organization| organization.user_access_auditing_interval_hours;
    event
        .changed("isauditenabled", &old.is_audit_enabled, &new.is_audit_enabled)
        .changed(
            "isuseraccessauditenabled",
            &old.is_user_access_audit_enabled,
            &new.is_user_access_audit_enabled,
        )
        .changed("useraccessauditinginterval", &interval(old), &interval(new))
        .changed("auditretentionperiodv2", &old.audit_retention_days, &new.audit_retention_days)
        .changed("sign_in_retention_days", &old.sign_in_retention_days, &new.sign_in_retention_days)
        .changed("recording_retention_days", &old.recording_retention_days, &new.recording_retention_days)
        .changed("console_audit_enabled", &old.console_audit_enabled, &new.console_audit_enabled)
}

fn action_of(transition: AuditTransition) -> AuditAction {
    match transition {
        AuditTransition::Audit(true) => AuditAction::AuditEnabled,
        AuditTransition::Audit(false) => AuditAction::AuditDisabled,
        AuditTransition::UserAccess(true) => AuditAction::UserAccessAuditStarted,
        AuditTransition::UserAccess(false) => AuditAction::UserAccessAuditStopped,
        AuditTransition::Console(true) => AuditAction::TargetAuditStarted,
        AuditTransition::Console(false) => AuditAction::TargetAuditStopped,
        AuditTransition::Settings => AuditAction::AuditSettingsChanged,
    }
}

fn check(organization: &Organization) -> Result<(), AppError> {
    if organization.name.trim().is_empty() || organization.name.chars().count() > 200 {
        return Err(AppError::field("name", "name-length", "Give it a name of 1 to 200 characters."));
    }
    let notice = organization.recording_notice.chars().count();
    if organization.recording_notice.trim().is_empty() || notice > RECORDING_NOTICE_MAX_CHARS {
        return Err(AppError::field(
            "recording_notice",
            "notice-length",
            "People must be told that they are recorded: write 1 to 4000 characters.",
        ));
    }
    if !USER_ACCESS_AUDITING_INTERVAL_HOURS.contains(&organization.user_access_auditing_interval_hours) {
        return Err(AppError::field(
            "useraccessauditinginterval",
            "interval-range",
            "The interval is a number of hours from 0 (every access) to 2147483647.",
        ));
    }
    let periods = [
        ("auditretentionperiodv2", organization.audit_retention_days),
        ("sign_in_retention_days", organization.sign_in_retention_days),
        ("recording_retention_days", organization.recording_retention_days),
    ];
    for (field, days) in periods {
        if !is_retention(days) {
            let why = "Keep for 1 to 365000 days, or -1 for ever.";
            return Err(AppError::field(field, "retention-range", why));
        }
    }
    Ok(())
}
