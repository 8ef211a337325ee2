//! What the server and the library say, in words for the person who can mend it.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::SqlState;

use crate::error::ConnectorError;
use crate::settings::PostgresqlSettings;

/// Longest text of the other side that is kept, in characters.
const CONTEXT_MAX_CHARS: usize = 500;

/// Why a statement had no effect, before it is put into words.
pub(super) enum Failure {
    /// It is in words already.
    Plain(ConnectorError),
    /// What the library said.
    Library(tokio_postgres::Error),
}

impl From<ConnectorError> for Failure {
    fn from(error: ConnectorError) -> Self {
        Self::Plain(error)
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Library(error)
    }
}

impl Failure {
    /// In words.
    pub(super) fn explain(self, place: &str) -> ConnectorError {
        match self {
            Self::Plain(error) => error,
            Self::Library(error) => statement(&error, place),
        }
    }
}

/// A stream could not be opened.
pub(super) fn reach(error: &io::Error, place: &str) -> ConnectorError {
    let sentence = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("Nothing listens at {place}: start PostgreSQL, or check host and port.")
        }
        io::ErrorKind::TimedOut => {
            format!("Nothing answers at {place}: check host and port, and the firewalls on the way.")
        }
        io::ErrorKind::NotFound => format!("There is nothing at {place}: check the host and the port."),
        _ => format!("{place} cannot be reached: check host and port, and the network of this machine."),
    };
    ConnectorError::unreachable(sentence, error)
}

/// The name service knows no such host.
pub(super) fn unknown_host(error: &io::Error, host: &str) -> ConnectorError {
    ConnectorError::unreachable(
        format!("The host {host} is not known: check its name, and the name service of this machine."),
        error,
    )
}

/// A sign-in failed.
pub(super) fn sign_in(
    error: &tokio_postgres::Error,
    settings: &PostgresqlSettings,
    place: &str,
    password: Option<&str>,
) -> ConnectorError {
    let mut context = context(error);
    // A server that echoes what it was told must not bring it into a log.
    if let Some(password) = password {
        context = context.replace(password, "(the password)");
    }
    let PostgresqlSettings { user, database, .. } = settings;
    if let Some(code) = error.code() {
        let sentence = match *code {
            SqlState::INVALID_PASSWORD => {
                format!("PostgreSQL refuses the password of {user}: put the right one into its secret.")
            }
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => format!(
                "PostgreSQL does not let {user} sign in from here: see that the role exists and has LOGIN, and \
                 that pg_hba.conf allows it (with TLS, if it asks for that)."
            ),
            SqlState::INVALID_CATALOG_NAME => {
                format!("There is no database {database} at {place}: give another, or make it.")
            }
            SqlState::INSUFFICIENT_PRIVILEGE => format!(
                "{user} may not connect to the database {database}: grant CONNECT on it, or give another."
            ),
            _ => return statement_with(error, place, context),
        };
        return ConnectorError::refused(sentence, context);
    }
    // The library tells kinds apart only by their text.
    match error.to_string().as_str() {
        "error performing TLS handshake" => tls(error, place, context),
        "invalid configuration" => ConnectorError::refused(
            format!("PostgreSQL at {place} asks for a password of {user}: name the secret that holds it."),
            context,
        ),
        "authentication error" => ConnectorError::refused(
            format!(
                "PostgreSQL at {place} wants {user} to sign in in a way that Chaperone does not know, or could \
                 not prove that it knows the password: use scram-sha-256 in pg_hba.conf."
            ),
            context,
        ),
        _ => statement_with(error, place, context),
    }
}

fn tls(error: &tokio_postgres::Error, place: &str, context: String) -> ConnectorError {
    use rustls::CertificateError as Reason;
    let inner = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .and_then(|error| error.get_ref())
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let sentence = match inner {
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            Reason::UnknownIssuer | Reason::BadSignature => format!(
                "The certificate of {place} is of no trusted authority: give the authority's certificate (PEM)."
            ),
            Reason::NotValidForName | Reason::NotValidForNameContext { .. } => format!(
                "The certificate of {place} is for another name: give the host as it is written in there."
            ),
            Reason::Expired | Reason::ExpiredContext { .. } => {
                format!("The certificate of {place} has expired: the server needs a new one.")
            }
            _ => format!("The certificate of {place} is not valid: the server needs another."),
        },
        None if context.contains("does not support TLS") => {
            return ConnectorError::refused(
                format!("PostgreSQL at {place} speaks no TLS: set ssl = on there, with a certificate."),
                context,
            );
        }
        _ => {
            return ConnectorError::unreachable(
                format!(
                    "No TLS could be agreed with {place}: see that it is PostgreSQL and speaks TLS 1.2 or 1.3."
                ),
                context,
            );
        }
    };
    ConnectorError::refused(sentence, context)
}

/// A statement failed.
fn statement(error: &tokio_postgres::Error, place: &str) -> ConnectorError {
    statement_with(error, place, context(error))
}

fn statement_with(error: &tokio_postgres::Error, place: &str, context: String) -> ConnectorError {
    let Some(db) = error.as_db_error() else { return broken(error, place, context) };
    let code = db.code();
    // Both of an account's changes were made at the same time; the other one was first.
    if *code == SqlState::INTERNAL_ERROR && db.message().starts_with("tuple concurrently") {
        return ConnectorError::Changed;
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return ConnectorError::refused(
            "The role that Chaperone signs in as may not do this: give it CREATEROLE and pg_signal_backend and, from \
             PostgreSQL 16 on, every role to be changed WITH ADMIN OPTION; superusers are changed by superusers only.",
            context,
        );
    }
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return ConnectorError::refused(standby(place), context);
    }
    if *code == SqlState::TOO_MANY_CONNECTIONS {
        return ConnectorError::unreachable(
            format!("PostgreSQL at {place} has no connection left: raise max_connections, or end others."),
            context,
        );
    }
    match code.code().get(..2) {
        // Starting, stopping, told to end our connection; short of something; given up waiting for a lock.
        Some("57" | "53" | "55" | "40" | "58" | "08" | "XX") => ConnectorError::unreachable(
            format!("PostgreSQL at {place} is busy, or is starting or stopping; it is asked again."),
            context,
        ),
        _ => ConnectorError::refused(
            format!("PostgreSQL at {place} refuses: see what it said in Chaperone's log."),
            context,
        ),
    }
}

/// The server cannot be written to.
pub(super) fn standby(place: &str) -> String {
    format!("PostgreSQL at {place} can only be read (a standby?): give the address of the primary server.")
}

fn broken(error: &tokio_postgres::Error, place: &str, context: String) -> ConnectorError {
    let io_kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    let broke_off = match io_kind {
        Some(kind) => !matches!(kind, io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput),
        None => error.is_closed(),
    };
    let sentence = if broke_off {
        format!("The connection to PostgreSQL at {place} broke off; it is tried again.")
    } else {
        format!("What answers at {place} does not speak as PostgreSQL does: check host and port.")
    };
    ConnectorError::unreachable(sentence, context)
}

/// An error with its causes and the server's code.
fn context(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    if let Some(db) = error.as_db_error() {
        text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
    } else {
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
    }
    text.chars().take(CONTEXT_MAX_CHARS).collect()
}
