//! The organization: the settings row.

/// Shortest and longest user access auditing interval, in hours; 0 writes every access.
pub const USER_ACCESS_AUDITING_INTERVAL_HOURS: std::ops::RangeInclusive<i64> = 0..=24 * 365;
/// Longest recording notice, in characters.
pub const RECORDING_NOTICE_MAX_CHARS: usize = 4000;

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
    /// Rises with each change.
    pub version: i64,
}

impl Organization {
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
            audit_retention_days: -1,
            version: 1,
        }
    }
}
