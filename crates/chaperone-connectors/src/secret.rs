//! Secrets by reference: settings name where a secret is, and it is read when it is needed.
//!
//! A reference can only reach what the operator laid out for this: files of one folder, and environment variables of
//! one prefix. Otherwise whoever may add a directory could send any file of the machine to a server of his own.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::ConnectorError;

/// What the names of environment variables with secrets begin with.
const ENVIRONMENT_PREFIX: &str = "CHAPERONE_SECRET_";
/// Longest secret, in bytes.
const SECRET_MAX_BYTES: u64 = 16 * 1024;
/// Longest name, in bytes.
const NAME_MAX_BYTES: usize = 100;

/// Where a secret is: `file:name` in the folder for secrets, or `env:NAME` for the variable
/// `CHAPERONE_SECRET_NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SecretRef {
    /// A file of the folder for secrets.
    File(String),
    /// An environment variable, without its prefix.
    Environment(String),
}

/// A text that is no reference to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "A secret is named, not typed: file:name for a file in the folder for secrets, or env:NAME for the environment \
     variable CHAPERONE_SECRET_NAME. Names are letters, digits, dots, dashes and underscores."
)]
pub struct SecretRefError;

impl FromStr for SecretRef {
    type Err = SecretRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once(':').ok_or(SecretRefError)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if name.is_empty() || name.len() > NAME_MAX_BYTES || name.starts_with('.') || !name.bytes().all(plain)
        {
            return Err(SecretRefError);
        }
        match kind {
            "file" => Ok(Self::File(name.to_owned())),
            "env" => Ok(Self::Environment(name.to_owned())),
            _ => Err(SecretRefError),
        }
    }
}

impl TryFrom<String> for SecretRef {
    type Error = SecretRefError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "file:{name}"),
            Self::Environment(name) => write!(f, "env:{name}"),
        }
    }
}

/// Reads secrets.
#[derive(Clone, Debug)]
pub struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// Secrets with this folder for files.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The secret as it is now; a line end behind it is not part of it.
    pub fn read(&self, reference: &SecretRef) -> Result<Zeroizing<String>, ConnectorError> {
        let text = match reference {
            SecretRef::File(name) => {
                let path = self.folder.join(name);
                let missing = |error: std::io::Error| {
                    let sentence = format!(
                        "The secret {reference} cannot be read: put it into the file {} and let the server read it.",
                        path.display()
                    );
                    ConnectorError::refused(sentence, error)
                };
                // A link could lead out of the folder.
                let about = std::fs::symlink_metadata(&path).map_err(missing)?;
                let folder = self.folder.canonicalize().map_err(missing)?;
                let inside = path.canonicalize().map_err(missing)?.starts_with(&folder);
                if !inside || about.is_dir() || path.metadata().map_err(missing)?.len() > SECRET_MAX_BYTES {
                    let sentence = format!(
                        "The secret {reference} is no plain file of at most 16 KiB in the folder for secrets."
                    );
                    return Err(ConnectorError::refused(sentence, path.display()));
                }
                Zeroizing::new(std::fs::read_to_string(&path).map_err(missing)?)
            }
            SecretRef::Environment(name) => {
                let variable = format!("{ENVIRONMENT_PREFIX}{name}");
                let value = std::env::var(&variable).map_err(|error| {
                    let sentence =
                        format!("The secret {reference} is not there: set {variable} for the server.");
                    ConnectorError::refused(sentence, error)
                })?;
                Zeroizing::new(value)
            }
        };
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(ConnectorError::refused(format!("The secret {reference} is empty."), ""));
        }
        Ok(Zeroizing::new(trimmed.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_file_of_one_folder_or_a_variable_of_one_prefix() {
        for good in ["file:ldap-password", "env:LDAP", "file:a.b_c"] {
            assert_eq!(good.parse::<SecretRef>().map(|secret| secret.to_string()), Ok(good.to_owned()));
        }
        let bad =
            ["", "hunter2", "file:", "file:../key", "file:/etc/shadow", "file:.hidden", "env:A=B", "vault:x"];
        for bad in bad {
            assert_eq!(bad.parse::<SecretRef>(), Err(SecretRefError), "{bad}");
        }
        assert_eq!(format!("file:{}", "x".repeat(101)).parse::<SecretRef>(), Err(SecretRefError));
    }

    #[test]
    fn a_secret_is_read_when_it_is_needed_and_ends_before_the_line_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::new(folder.path());
        let reference = SecretRef::File("one".to_owned());
        assert!(matches!(secrets.read(&reference), Err(ConnectorError::Refused(_))));
        for content in ["first\n", "second\r\n", "third"] {
            std::fs::write(folder.path().join("one"), content).expect("written");
            assert_eq!(secrets.read(&reference).expect("there").as_str(), content.trim_end());
        }
        for content in [String::new(), "\n".to_owned(), "x".repeat(16 * 1024 + 1)] {
            std::fs::write(folder.path().join("one"), content).expect("written");
            assert!(secrets.read(&reference).is_err());
        }
    }

    #[test]
    fn a_link_out_of_the_folder_is_no_secret() {
        let (outside, folder) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        std::fs::write(outside.path().join("key"), "secret").expect("written");
        std::os::unix::fs::symlink(outside.path().join("key"), folder.path().join("one")).expect("linked");
        let error =
            Secrets::new(folder.path()).read(&SecretRef::File("one".to_owned())).expect_err("refused");
        assert!(error.to_string().contains("no plain file"), "{error}");
    }
}
