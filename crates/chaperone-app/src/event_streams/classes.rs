//! What each action of the trail is in the Open Cybersecurity Schema Framework: class, activity, severity, outcome.
//!
//! [`meaning`] is the one table. A new action does not compile before it has its line; the document of event streams
//! shows the same table, and a test compares both.

use chaperone_domain::audit_event::{AuditAction, AuditEvent, DetailValue};

/// A class of events, by the names of OCSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Something is found that somebody should look at.
    DetectionFinding,
    /// An account or a user was changed.
    AccountChange,
    /// Somebody came, went, or was not let in.
    Authentication,
    /// Something else that is administered was changed.
    EntityManagement,
    /// What happened at a target.
    WebResourcesActivity,
    /// Chaperone itself.
    ApplicationLifecycle,
    /// A recording was looked at or taken away.
    FileHostingActivity,
}

impl Class {
    /// Every class that is used, by number.
    pub const ALL: [Self; 7] = [
        Self::DetectionFinding,
        Self::AccountChange,
        Self::Authentication,
        Self::EntityManagement,
        Self::WebResourcesActivity,
        Self::ApplicationLifecycle,
        Self::FileHostingActivity,
    ];

    /// The number of the class.
    pub const fn uid(self) -> u32 {
        match self {
            Self::DetectionFinding => 2004,
            Self::AccountChange => 3001,
            Self::Authentication => 3002,
            Self::EntityManagement => 3004,
            Self::WebResourcesActivity => 6001,
            Self::ApplicationLifecycle => 6002,
            Self::FileHostingActivity => 6006,
        }
    }

    /// The name of the class.
    pub const fn caption(self) -> &'static str {
        match self {
            Self::DetectionFinding => "Detection Finding",
            Self::AccountChange => "Account Change",
            Self::Authentication => "Authentication",
            Self::EntityManagement => "Entity Management",
            Self::WebResourcesActivity => "Web Resources Activity",
            Self::ApplicationLifecycle => "Application Lifecycle",
            Self::FileHostingActivity => "File Hosting Activity",
        }
    }

    /// The stable name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DetectionFinding => "detection_finding",
            Self::AccountChange => "account_change",
            Self::Authentication => "authentication",
            Self::EntityManagement => "entity_management",
            Self::WebResourcesActivity => "web_resources_activity",
            Self::ApplicationLifecycle => "application_lifecycle",
            Self::FileHostingActivity => "file_hosting_activity",
        }
    }

    /// The class of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The name of the category; its number is the first digit of the class.
    pub const fn category(self) -> &'static str {
        match self.uid() / 1_000 {
            2 => "Findings",
            3 => "Identity & Access Management",
            _ => "Application Activity",
        }
    }
}

/// What was done, by number and name within a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The number.
    pub id: u32,
    /// The name.
    pub caption: &'static str,
}

const fn activity(id: u32, caption: &'static str) -> Activity {
    Activity { id, caption }
}

/// In every class: none of the others. The action says what.
const OTHER: Activity = activity(99, "Other");
const CREATE: Activity = activity(1, "Create");

mod account {
    use super::{Activity, activity};
    pub(super) const ENABLE: Activity = activity(2, "Enable");
    pub(super) const PASSWORD_CHANGE: Activity = activity(3, "Password Change");
    pub(super) const PASSWORD_RESET: Activity = activity(4, "Password Reset");
    pub(super) const DISABLE: Activity = activity(5, "Disable");
}

mod entity {
    use super::{Activity, activity};
    pub(super) const UPDATE: Activity = activity(3, "Update");
    pub(super) const DELETE: Activity = activity(4, "Delete");
    pub(super) const ACTIVATE: Activity = activity(10, "Activate");
    pub(super) const DEACTIVATE: Activity = activity(11, "Deactivate");
    pub(super) const SUSPEND: Activity = activity(12, "Suspend");
    pub(super) const RESUME: Activity = activity(13, "Resume");
}

const LOGON: Activity = activity(1, "Logon");
const LOGOFF: Activity = activity(2, "Logoff");
const INSTALL: Activity = activity(1, "Install");
const READ: Activity = activity(2, "Read");
const UPDATE: Activity = activity(3, "Update");
const DOWNLOAD: Activity = activity(2, "Download");
const PREVIEW: Activity = activity(9, "Preview");

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing to do.
    Informational,
    /// Ordinary work.
    Low,
    /// Worth a look when there are many.
    Medium,
    /// Somebody should look.
    High,
}

impl Severity {
    /// The number in OCSF.
    pub const fn id(self) -> u32 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
        }
    }

    /// The name in OCSF.
    pub const fn caption(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it was meant.
    Success,
    /// Refused, or it did not work.
    Failure,
}

/// What an action is in OCSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The class.
    pub class: Class,
    /// The activity.
    pub activity: Activity,
    /// The severity.
    pub severity: Severity,
    /// The outcome.
    pub outcome: Outcome,
}

/// The table.
pub const fn meaning(action: AuditAction) -> Meaning {
    use AuditAction as A;
    use Class::{
        AccountChange, ApplicationLifecycle, Authentication, DetectionFinding, EntityManagement,
        FileHostingActivity, WebResourcesActivity,
    };
    use Outcome::{Failure, Success};
    use Severity::{High, Informational, Low, Medium};
    let (class, activity, severity, outcome) = match action {
        A::Installed => (ApplicationLifecycle, INSTALL, Informational, Success),
        A::ClockWentBack => (ApplicationLifecycle, OTHER, Medium, Success),
        A::OrganizationChanged => (EntityManagement, entity::UPDATE, Medium, Success),
        A::UserCreated => (AccountChange, CREATE, Low, Success),
        A::UserChanged => (AccountChange, OTHER, Low, Success),
        A::PasswordChanged => (AccountChange, account::PASSWORD_CHANGE, Low, Success),
        A::PasswordReset => (AccountChange, account::PASSWORD_RESET, Medium, Success),
        A::ApiTokenCreated => (EntityManagement, CREATE, Low, Success),
        A::ApiTokenRevoked => (EntityManagement, entity::DELETE, Low, Success),
        A::DirectoryCreated => (EntityManagement, CREATE, Medium, Success),
        A::DirectoryChanged => (EntityManagement, entity::UPDATE, Medium, Success),
        A::DirectoryRemoved => (EntityManagement, entity::DELETE, Medium, Success),
        A::AccountImportStarted => (EntityManagement, OTHER, Informational, Success),
        A::AccountImportEnded => (EntityManagement, OTHER, Informational, Success),
        A::AccountsImported => (EntityManagement, entity::UPDATE, Informational, Success),
        A::AccountCreated => (AccountChange, CREATE, Low, Success),
        A::AccountChanged => (AccountChange, OTHER, Low, Success),
        A::AccountObserved => (AccountChange, OTHER, Informational, Success),
        A::AccountDrifted => (DetectionFinding, CREATE, High, Success),
        A::TargetCreated => (EntityManagement, CREATE, Medium, Success),
        A::TargetChanged => (EntityManagement, entity::UPDATE, Medium, Success),
        A::TargetRemoved => (EntityManagement, entity::DELETE, Medium, Success),
        A::SignInStarted => (Authentication, LOGON, Informational, Success),
        A::SignInEnded => (Authentication, LOGOFF, Informational, Success),
        A::SignInFailed => (Authentication, LOGON, Medium, Failure),
        A::AccessRefused => (WebResourcesActivity, READ, Medium, Failure),
        A::ConsentGiven => (EntityManagement, OTHER, Informational, Success),
        A::ConsentDeclined => (EntityManagement, OTHER, Low, Failure),
        A::PrivilegedSessionRequested => (EntityManagement, CREATE, Low, Success),
        A::PrivilegedSessionEdited => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionStatusChanged => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionRefused => (EntityManagement, entity::UPDATE, Medium, Failure),
        A::PrivilegedSessionAccountSwitched => (EntityManagement, entity::UPDATE, Medium, Success),
        A::PrivilegedSessionExtensionRequested => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionExtended => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionExtensionDropped => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionShortened => (EntityManagement, entity::UPDATE, Low, Success),
        A::PrivilegedSessionStartIntended => (EntityManagement, OTHER, Informational, Success),
        A::GrantIntended => (AccountChange, OTHER, Informational, Success),
        A::GrantVerified => (AccountChange, OTHER, Low, Success),
        A::GrantAttemptFailed => (AccountChange, OTHER, Medium, Failure),
        A::GrantClosed => (AccountChange, OTHER, Low, Success),
        A::RecordingStarted => (EntityManagement, CREATE, Informational, Success),
        A::RecordingSealed => (EntityManagement, OTHER, Informational, Success),
        A::RecordingDamaged => (DetectionFinding, CREATE, High, Success),
        A::ChangeRefused => (WebResourcesActivity, UPDATE, Medium, Failure),
        A::DocumentLocked => (DetectionFinding, CREATE, High, Success),
        A::RecordingViewed => (FileHostingActivity, PREVIEW, Low, Success),
        A::RecordingDownloaded => (FileHostingActivity, DOWNLOAD, Medium, Success),
        A::NotificationGivenUp => (EntityManagement, OTHER, Low, Failure),
        A::NotificationRetried => (EntityManagement, OTHER, Informational, Success),
        A::NotificationsRemoved => (EntityManagement, entity::DELETE, Informational, Success),
        A::AuditEnabled => (EntityManagement, entity::UPDATE, Medium, Success),
        A::AuditDisabled => (EntityManagement, entity::UPDATE, High, Success),
        A::AuditSettingsChanged => (EntityManagement, entity::UPDATE, Medium, Success),
        A::UserAccessAuditStarted => (EntityManagement, entity::UPDATE, Medium, Success),
        A::UserAccessAuditStopped => (EntityManagement, entity::UPDATE, High, Success),
        A::TargetAuditStarted => (EntityManagement, entity::UPDATE, Medium, Success),
        A::TargetAuditStopped => (EntityManagement, entity::UPDATE, High, Success),
        A::UserAccessViaWeb => (WebResourcesActivity, READ, Informational, Success),
        A::UserAccessViaWebServices => (WebResourcesActivity, READ, Informational, Success),
        A::AuditLogDeletionRefused => (EntityManagement, entity::DELETE, High, Failure),
        A::RefusalsCounted => (Authentication, LOGON, Medium, Failure),
        A::ExportStarted => (FileHostingActivity, DOWNLOAD, Medium, Success),
        A::ExportEnded => (FileHostingActivity, OTHER, Informational, Success),
        A::EventDeleted => (EntityManagement, entity::DELETE, Informational, Success),
        A::AuditLogDeleted => (EntityManagement, entity::DELETE, Medium, Success),
        A::RetentionWaits => (EntityManagement, OTHER, Medium, Success),
        A::RecordingDestroyed => (EntityManagement, entity::DELETE, Medium, Success),
        A::ScheduledExportCreated => (EntityManagement, CREATE, Low, Success),
        A::ScheduledExportChanged => (EntityManagement, entity::UPDATE, Low, Success),
        A::ScheduledExportRemoved => (EntityManagement, entity::DELETE, Medium, Success),
        A::ScheduledExportRequested => (EntityManagement, OTHER, Informational, Success),
        A::ScheduledExportWritten => (FileHostingActivity, OTHER, Informational, Success),
        A::ScheduledExportFailing => (EntityManagement, entity::SUSPEND, High, Failure),
        A::ExportGapFound => (DetectionFinding, CREATE, High, Success),
        A::ExportGapClosed => (EntityManagement, OTHER, Informational, Success),
        A::LegalHoldSet => (EntityManagement, entity::UPDATE, Medium, Success),
        A::LegalHoldLifted => (EntityManagement, entity::UPDATE, High, Success),
        A::EventStreamAdded => (EntityManagement, CREATE, Low, Success),
        A::EventStreamChanged => (EntityManagement, entity::UPDATE, Medium, Success),
        A::EventStreamRemoved => (EntityManagement, entity::DELETE, High, Success),
        A::EventStreamStalled => (EntityManagement, entity::SUSPEND, High, Failure),
        A::EventStreamRecovered => (EntityManagement, entity::RESUME, Informational, Success),
        A::EventStreamTested => (EntityManagement, OTHER, Informational, Success),
    };
    Meaning { class, activity, severity, outcome }
}

/// What this event is: the table's line, and where the details say more than the action, the activity that fits them.
pub fn meaning_of(event: &AuditEvent) -> Meaning {
    let meaning = meaning(event.action);
    let activity = match event.action {
        AuditAction::GrantVerified | AuditAction::GrantClosed => switched(text(event, "state")),
        AuditAction::AccountChanged | AuditAction::AccountObserved => switched(text(event, "new_state")),
        AuditAction::UserChanged => match detail(event, "new_active") {
            Some(DetailValue::Flag(true)) => Some(account::ENABLE),
            Some(DetailValue::Flag(false)) => Some(account::DISABLE),
            _ => None,
        },
        AuditAction::PrivilegedSessionStatusChanged => match text(event, "to_status") {
            Some("Active") => Some(entity::ACTIVATE),
            Some("Ended" | "Failed") => Some(entity::DEACTIVATE),
            _ => None,
        },
        _ => None,
    };
    Meaning { activity: activity.unwrap_or(meaning.activity), ..meaning }
}

fn switched(state: Option<&str>) -> Option<Activity> {
    match state {
        Some("enabled") => Some(account::ENABLE),
        Some("disabled") => Some(account::DISABLE),
        _ => None,
    }
}

pub(super) fn detail<'e>(event: &'e AuditEvent, name: &str) -> Option<&'e DetailValue> {
    event.details.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

pub(super) fn text<'e>(event: &'e AuditEvent, name: &str) -> Option<&'e str> {
    match detail(event, name) {
        Some(DetailValue::Text(text)) => Some(text),
        _ => None,
    }
}
