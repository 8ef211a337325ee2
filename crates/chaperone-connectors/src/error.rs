//! What goes wrong with directories, in words for the person who can mend it.

/// Why a directory did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// It could not be reached or did not answer (whole, in time): the effect is unknown, observe again.
    #[error("{0}")]
    Unreachable(Trouble),
    /// It was reached and refuses, or nothing was sent: credentials are wrong, rights are missing, it does not accept
    /// the value. Nothing was changed.
    #[error("{0}")]
    Refused(Trouble),
    /// The account is not as expected any more: observe again. Nothing was changed.
    #[error("The account was changed by somebody else meanwhile.")]
    Changed,
}

impl ConnectorError {
    /// Not reached, in one plain sentence; `context` is what the other side or the library said.
    pub fn unreachable(sentence: impl Into<String>, context: impl ToString) -> Self {
        Self::Unreachable(Trouble { sentence: sentence.into(), context: context.to_string() })
    }

    /// Refused, in one plain sentence; `context` is what the other side or the library said.
    pub fn refused(sentence: impl Into<String>, context: impl ToString) -> Self {
        Self::Refused(Trouble { sentence: sentence.into(), context: context.to_string() })
    }
}

/// What went wrong. Neither part ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// One plain sentence that says what is wrong and what to do, shown to administrators.
    pub sentence: String,
    /// What the other side said, for the log.
    pub context: String,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence)
    }
}
