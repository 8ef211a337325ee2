//! The organization: the settings row.

use crate::retention::FOR_EVER;

/// Shortest and longest user access auditing interval, in hours; 0 writes every access. The longest is the source's.
pub const USER_ACCESS_AUDITING_INTERVAL_HOURS: std::ops::RangeInclusive<i64> = 0..=2_147_483_647;
/// Longest recording notice, in characters.
pub const RECORDING_NOTICE_MAX_CHARS: usize = 4000;

/// What a change of the settings means for auditing; each is an event of its own, beside that of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditTransition {
    /// Auditing was switched on, or off.
    Audit(bool),
    /// Accesses are audited from now on, or no more.
    UserAccess(bool),
    /// Accesses to the console are covered from now on, or no more.
    Console(bool),
    /// Another setting of auditing changed.
    Settings,
}

/// The settings of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// How people know it.
    pub name: String,
    /// Whether people may approve their own requests, or those that they edited or whose account they own.
    pub allow_self_approval: bool,
    /// What is shown when scheduling and before a recorded sign-in; going on is consent.
    pub recording_notice: String,
    /// Source name `isauditenabled`.
    pub is_audit_enabled: bool,
    /// Source name `isuseraccessauditenabled`.
    pub is_user_access_audit_enabled: bool,
    /// Source name `useraccessauditinginterval`, in hours.
    pub user_access_auditing_interval_hours: i64,
    /// Source name `auditretentionperiodv2`, in days; −1 keeps for ever.
    pub audit_retention_days: i64,
    /// Whether user access auditing covers the console and the API of Chaperone itself, as it does a target.
    pub console_audit_enabled: bool,
    /// How long sign-ins are kept, in days; −1 for ever.
    pub sign_in_retention_days: i64,
    /// How long recordings are kept, in days; −1 for ever.
    pub recording_retention_days: i64,
    /// Rises with each change.
    pub version: i64,
}

impl Organization {
    /// Whether accesses are audited at all: both switches are on.
    pub const fn audits_user_access(&self) -> bool {
        self.is_audit_enabled && self.is_user_access_audit_enabled
    }

    /// What changing these settings to `new` means for auditing.
    pub fn audit_transitions(&self, new: &Self) -> Vec<AuditTransition> {
        let mut transitions = Vec::new();
        if self.is_audit_enabled != new.is_audit_enabled {
            transitions.push(AuditTransition::Audit(new.is_audit_enabled));
        }
        let effective = self.audits_user_access() != new.audits_user_access();
        if effective {
            transitions.push(AuditTransition::UserAccess(new.audits_user_access()));
        }
        if self.console_audit_enabled != new.console_audit_enabled {
            transitions.push(AuditTransition::Console(new.console_audit_enabled));
        }
        let switched = self.is_user_access_audit_enabled != new.is_user_access_audit_enabled;
        if self.user_access_auditing_interval_hours != new.user_access_auditing_interval_hours
            || self.audit_retention_days != new.audit_retention_days
            || (switched && !effective)
        {
            transitions.push(AuditTransition::Settings);
        }
        transitions
    }

    /// The notice of a fresh install.
    pub const PRESET_NOTICE: &'static str = "Everything that is done with this account during the privileged \
session is recorded: what is clicked, entered and opened, with the form and the record concerned, and the requests \
to the application. Recordings are kept as evidence and can be watched by system administrators and auditors. \
By going on you agree to this.";

    /// The settings of a fresh install.
    pub fn preset() -> Self {
        Self {
            name: "My organization".to_owned(),
            allow_self_approval: false,
            recording_notice: Self::PRESET_NOTICE.to_owned(),
            is_audit_enabled: true,
            is_user_access_audit_enabled: true,
            user_access_auditing_interval_hours: 4,
            audit_retention_days: FOR_EVER,
            console_audit_enabled: true,
            sign_in_retention_days: FOR_EVER,
            recording_retention_days: FOR_EVER,
            version: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(change: fn(&mut Organization)) -> Vec<AuditTransition> {
        let mut new = Organization::preset();
        change(&mut new);
        Organization::preset().audit_transitions(&new)
    }

    #[test]
    fn what_takes_effect_is_told_apart_from_what_is_only_set() {
        use AuditTransition::{Audit, Console, Settings, UserAccess};
        assert_eq!(after(|_| {}), []);
        assert_eq!(after(|new| new.name.push('!')), []);
        assert_eq!(after(|new| new.is_user_access_audit_enabled = false), [UserAccess(false)]);
        assert_eq!(after(|new| new.is_audit_enabled = false), [Audit(false), UserAccess(false)]);
        assert_eq!(after(|new| new.user_access_auditing_interval_hours = 0), [Settings]);
        assert_eq!(after(|new| new.audit_retention_days = 30), [Settings]);
        assert_eq!(after(|new| new.console_audit_enabled = false), [Console(false)]);
    }

    #[test]
    fn the_switch_of_accesses_alone_has_no_effect_while_auditing_is_off() {
        let off = Organization { is_audit_enabled: false, ..Organization::preset() };
        let both_off = Organization { is_user_access_audit_enabled: false, ..off.clone() };
        assert_eq!(off.audit_transitions(&both_off), [AuditTransition::Settings]);
        assert_eq!(both_off.audit_transitions(&off), [AuditTransition::Settings]);
        let on = Organization::preset();
        assert_eq!(
            off.audit_transitions(&on),
            [AuditTransition::Audit(true), AuditTransition::UserAccess(true)]
        );
    }
}
