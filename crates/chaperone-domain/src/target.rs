//! Targets: web applications behind the gateway.

use crate::Instant;
use crate::ids::{DirectoryId, TargetId};

/// How a target learns who is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetIdentity {
    /// Not at all: the gateway decides *when* somebody enters, not *as whom* they sign in there.
    None,
    /// Plain headers: `X-Forwarded-User`, `-Email`, `-Groups`.
    Headers,
    /// A signed JWT; the keys are published as JWKS.
    Assertion,
}

impl TargetIdentity {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::None, Self::Headers, Self::Assertion];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Headers => "headers",
            Self::Assertion => "assertion",
        }
    }

    /// The way of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.name() == name)
    }
}

/// Which sign-ins of a target are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetRecording {
    /// Those of privileged sessions (preset).
    Privileged,
    /// Every target sign-in, with consent.
    Always,
    /// None; a privileged session cannot name the target.
    Off,
}

impl TargetRecording {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Privileged, Self::Always, Self::Off];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::Always => "always",
            Self::Off => "off",
        }
    }

    /// The choice of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// What happens to web services (bearer tokens) inside a privileged session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebServicesInSession {
    /// They are refused (preset): no document can explain them.
    Refuse,
    /// They pass, witnessed by the gateway alone, and the coverage figure says so.
    Witness,
}

impl WebServicesInSession {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Refuse, Self::Witness];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Witness => "witness",
        }
    }

    /// The choice of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}

/// A web application behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Identity.
    pub id: TargetId,
    /// How people know it.
    pub name: String,
    /// The host name in the browser, lower case, without port.
    pub host: String,
    /// Where its accounts live.
    pub directory_id: DirectoryId,
    /// `http://` or `https://` address of the application, without a path.
    pub upstream: String,
    /// How it learns who is there.
    pub identity: TargetIdentity,
    /// Which sign-ins are recorded.
    pub recording: TargetRecording,
    /// Web services inside privileged sessions.
    pub web_services_in_session: WebServicesInSession,
    /// Whether user access auditing covers it.
    pub audit_enabled: bool,
    /// Paths that take cross-site form posts back from an identity provider.
    pub entry_posts: Vec<String>,
    /// When it was added.
    pub created_at: Instant,
    /// Rises with each change.
    pub version: i64,
}

/// Whether the text is a host name that a target may have: lower-case labels, digits and hyphens.
pub fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_lower_case_labels_without_port() {
        for good in ["erp.localhost", "erp", "a-1.example.org"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "ERP.localhost", "erp:80", "erp..x", "-erp", "erp-", "e rp", "erp/x", "é.org"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
