//! Users and their roles.

use std::fmt;

use crate::Instant;
use crate::ids::UserId;

/// What a user may do; a user may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything except altering or deleting the trail.
    SystemAdministrator,
    /// Approves or rejects the requests of others and ends sessions.
    Approver,
    /// Reads everything; each viewing is itself an audit event.
    Auditor,
    /// Asks for sessions for accounts they own, uses them, hands them back.
    User,
}

impl Role {
    /// Every role, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::SystemAdministrator, Self::Approver, Self::Auditor, Self::User];

    /// The stable name in API and rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SystemAdministrator => "system_administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::User => "user",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

impl Roles {
    /// The set of these roles, sorted, without repetition.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Self {
        let mut roles: Vec<Role> = roles.into_iter().collect();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// Whether the role is in the set.
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The roles, sorted.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Somebody or something that signs in to Chaperone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identity, never reused.
    pub id: UserId,
    /// What is typed at sign-in; unique without regard to case.
    pub user_name: String,
    /// How people know them.
    pub display_name: String,
    /// Where mail goes; may be empty.
    pub email: String,
    /// `false` closes the console, the API and every target.
    pub active: bool,
    /// What they may do.
    pub roles: Roles,
    /// A one-time password was given: it must be changed before anything else.
    pub password_must_change: bool,
    /// When the user was made.
    pub created_at: Instant,
    /// Rises with each change.
    pub version: i64,
}

/// Shortest and longest user name, in characters.
pub const USER_NAME_LENGTH: std::ops::RangeInclusive<usize> = 1..=128;

/// Whether the text may be a user name: no control characters, no white space at the ends, of allowed length.
pub fn is_user_name(text: &str) -> bool {
    USER_NAME_LENGTH.contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 12;
/// Most bytes of a password; more would only feed the hash function.
pub const PASSWORD_MAX_BYTES: usize = 1024;

/// Why a password is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// Fewer than [`PASSWORD_MIN_CHARS`] characters.
    TooShort,
    /// More than [`PASSWORD_MAX_BYTES`] bytes.
    TooLong,
    /// It is the user's name, or a common password, or one character repeated.
    Guessable,
}

/// Parts of passwords that everybody tries first; compared without regard to case after removing digits and
/// punctuation at the ends.
const COMMON_PASSWORDS: [&str; 24] = [
    "password",
    "passwort",
    "letmein",
    "welcome",
    "qwertyuiop",
    "qwertzuiop",
    "administrator",
    "iloveyou",
    "changeme",
    "secret",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "sunshine",
    "princess",
    "superman",
    "trustno",
    "abcdefghijkl",
    "abcdefgh",
    "asdfghjkl",
    "qwerty",
    "chaperone",
    "admin",
];

/// Checks a new password against the rules for passwords.
pub fn check_password(user_name: &str, password: &str) -> Result<(), PasswordProblem> {
    if password.len() > PASSWORD_MAX_BYTES {
        return Err(PasswordProblem::TooLong);
    }
    if password.chars().count() < PASSWORD_MIN_CHARS {
        return Err(PasswordProblem::TooShort);
    }
    let lower = password.to_lowercase();
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 4
        || core == user_name.to_lowercase()
        || core.is_empty() && distinct.len() < 7
        || COMMON_PASSWORDS.contains(&core)
    {
        return Err(PasswordProblem::Guessable);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_everybody_tries_first_are_refused() {
        assert_eq!(check_password("paula", "short"), Err(PasswordProblem::TooShort));
        assert_eq!(check_password("paula", &"x".repeat(2000)), Err(PasswordProblem::TooLong));
        assert_eq!(check_password("paula", "Password12345!"), Err(PasswordProblem::Guessable));
        assert_eq!(check_password("paula", "aaaaaaaaaaaaaa"), Err(PasswordProblem::Guessable));
        assert_eq!(check_password("paula.miller", "paula.miller"), Err(PasswordProblem::Guessable));
        assert_eq!(check_password("paula", "123456123456"), Err(PasswordProblem::Guessable));
        assert_eq!(check_password("paula", "correct horse battery"), Ok(()));
    }

    #[test]
    fn role_names_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn user_names_have_no_white_space_and_no_control_characters() {
        assert!(is_user_name("paula.miller@example.org"));
        for bad in ["", " paula", "paula ", "pau la", "pau\u{7}la", &"x".repeat(129)] {
            assert!(!is_user_name(bad), "{bad:?}");
        }
    }
}
