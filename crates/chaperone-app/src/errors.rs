//! Why a use case did not do what was asked. What the user may read and what the operator may read are apart:
//! `Display` is for the user; the operator's context is in `source` and in the logs.

use chaperone_domain::privileged_session::rules::RequestProblem;
use chaperone_domain::privileged_session::{Refusal, WindowProblem};
use chaperone_domain::user::Role;
use chaperone_recording::VaultError;
use chaperone_store::StoreError;

use crate::exports::ExportError;

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// The stable name of the rule.
    pub name: &'static str,
    /// The field.
    pub field: &'static str,
    /// What to do, as a sentence.
    pub detail: String,
}

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Nobody is signed in.
    #[error("sign in first")]
    NotSignedIn,
    /// User name and password do not fit, or the user is not active: told apart only in the trail.
    #[error("user name or password is wrong")]
    SignInFailed,
    /// Too many attempts.
    #[error("too many attempts; try again in {retry_after_s} seconds")]
    TooManyAttempts {
        /// When to try again.
        retry_after_s: u64,
    },
    /// A one-time password must be changed before anything else.
    #[error("change your password first: it was given for one use")]
    PasswordMustChange,
    /// A role is missing.
    #[error("this needs the role {}", needed.iter().map(|role| role.name()).collect::<Vec<_>>().join(" or "))]
    RoleMissing {
        /// One of these would do.
        needed: Vec<Role>,
    },
    /// It is not there, or not for these eyes.
    #[error("there is no such {noun}")]
    NotFound {
        /// The noun.
        noun: &'static str,
    },
    /// A rule refuses.
    #[error("{detail}")]
    Refused {
        /// The stable name of the rule.
        name: &'static str,
        /// What to do, as a sentence.
        detail: String,
    },
    /// Fields are wrong.
    #[error("some fields need another value")]
    Invalid(Vec<FieldProblem>),
    /// Somebody was faster.
    #[error("somebody changed it meanwhile; look again and repeat")]
    Stale,
    /// A name is taken.
    #[error("{detail}")]
    Conflict {
        /// What is taken.
        detail: String,
    },
    /// It cannot be stored now.
    #[error("this cannot be stored at the moment; try again, and tell the operator if it stays so")]
    Store(#[source] StoreError),
    /// The recording cannot be kept or read now.
    #[error("the recording cannot be kept or read at the moment; tell the operator if it stays so")]
    Vault(#[source] VaultError),
    /// Something that should not happen; the context is for the operator.
    #[error("something went wrong inside; the operator finds it in the log")]
    Inside(&'static str),
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Stale => Self::Stale,
            other => Self::Store(other),
        }
    }
}

impl From<ExportError> for AppError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::TooManyRows { .. } => Self::field("format", "too-many-rows", sentence(&error)),
            other => {
                tracing::error!(error = %other, source = ?std::error::Error::source(&other), "an export fails");
                Self::Inside("an export cannot be written")
            }
        }
    }
}

/// Begins with a capital letter and ends with a stop.
fn sentence(error: &ExportError) -> String {
    let text = error.to_string();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}.", first.to_uppercase())
}

impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl AppError {
    /// One wrong field.
    pub fn field(field: &'static str, name: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem { name, field, detail: detail.into() }])
    }

    /// A rule refuses, in a sentence that says what to do.
    pub fn refused(name: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { name, detail: detail.into() }
    }
}

/// The sentence for a rule of sessions that refuses.
pub fn refusal_sentence(refusal: Refusal) -> String {
    match refusal {
        Refusal::WrongStatus => "The status of the session does not allow this now; look again.".to_owned(),
        Refusal::RoleMissing => "This needs a role that you do not have; ask a system administrator.".to_owned(),
        Refusal::SelfApproval => "Requester, editor, user and account owner cannot decide about their own session. \
Ask another administrator, or a system administrator can allow it with the setting \"allow_self_approval\" of the \
organization."
            .to_owned(),
        Refusal::NothingDue { starts_at } => format!("Nothing is due: the session starts at {starts_at}."),
        Refusal::WindowOver => "The end of the session is over; ask for a new one.".to_owned(),
        Refusal::NotTheUser => "Only the user of the session may do this.".to_owned(),
        Refusal::AlreadySo => "The account is in that state already.".to_owned(),
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RoleMissing | Refusal::NotTheUser => {
                Self::Refused { name: refusal.name(), detail: refusal_sentence(refusal) }
            }
            other => Self::refused(other.name(), refusal_sentence(other)),
        }
    }
}

/// The field problem for a request that is not in order.
pub fn request_problem(problem: RequestProblem) -> FieldProblem {
    let detail = match problem {
        RequestProblem::NoticeNotAcknowledged => {
            "Confirm that you know, and have told the user, that everything is recorded."
        }
        RequestProblem::AccountWithoutOwner => {
            "Nobody owns this account, so nobody could use it: give it an owner first."
        }
        RequestProblem::UserIsNotOwner => "The user of a session is the owner of its account.",
        RequestProblem::AccountAbsent => "The directory does not know this account any more.",
        RequestProblem::NoTargets => "Name at least one target.",
        RequestProblem::TargetOfOtherDirectory => "A target belongs to another directory than the account.",
        RequestProblem::TargetNotRecorded => {
            "A target is never recorded (recording is off), so a privileged session cannot name it."
        }
        RequestProblem::AccountsOfSeveralOwners => "The accounts of one session have one owner.",
        RequestProblem::AccountTwice => "An account is named twice.",
        RequestProblem::NoReason => "Say what the session is for.",
        RequestProblem::NotYourAccount => {
            "You may ask for accounts that you own; a system administrator for any."
        }
    };
    FieldProblem { name: problem.name(), field: problem.field(), detail: detail.to_owned() }
}

/// The field problem for a window that is not in order.
pub fn window_problem(problem: WindowProblem) -> FieldProblem {
    let (name, field, detail) = match problem {
        WindowProblem::EndNotAfterStart => {
            ("end-not-after-start", "ends_at", "The end must be after the start.")
        }
        WindowProblem::TooLong => (
            "window-too-long",
            "ends_at",
            "A privileged session lasts at most 24 hours; choose an earlier end.",
        ),
        WindowProblem::StartInPast => (
            "start-in-past",
            "starts_at",
            "The start lies more than a minute in the past; choose now or later.",
        ),
        WindowProblem::EndInPast => {
            ("end-in-past", "ends_at", "The end is over already; choose a later one.")
        }
    };
    FieldProblem { name, field, detail: detail.to_owned() }
}
