//! Mails, by SMTP.
//!
//! Every mail has a connection of its own: an attempt that is cut off in the middle leaves nothing behind that a later
//! mail could get into.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use chaperone_app::Addresses;
use chaperone_app::notifications::{DeliveryError, Mail, Mailer};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError};
use lettre::{AsyncTransport as _, Tokio1Executor};

use crate::Problem;
use crate::config::{Security, Smtp};

/// How long connecting to the mail server may take. The whole attempt has the app's limit.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Codes that refuse us and not the mail: with another password the same mail may go.
const ACCESS_CODES: [u16; 4] = [530, 534, 535, 538];

/// The way to one mail server.
pub(super) struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    /// For the right side of a `Message-ID`.
    domain: String,
    /// For sentences.
    host: String,
}

impl SmtpMailer {
    /// A way to the server that the configuration names; it is not connected to yet.
    pub(super) fn new(smtp: &Smtp, ca_file: Option<&Path>, addresses: &Addresses) -> Result<Self, Problem> {
        let parameters = || tls_parameters(&smtp.host, ca_file);
        let tls = match smtp.security {
            Security::Tls => Tls::Wrapper(parameters()?),
            Security::StartTls => Tls::Required(parameters()?),
            Security::None => Tls::None,
        };
        let domain = addresses.console.split("://").nth(1).unwrap_or("chaperone");
        let domain = domain.split(':').next().unwrap_or(domain).to_owned();
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(smtp.port)
            .tls(tls)
            .hello_name(ClientId::Domain(domain.clone()))
            .timeout(Some(CONNECT_LIMIT));
        if let Some((user, password)) = &smtp.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(Self { transport: builder.build(), from: smtp.from.clone(), domain, host: smtp.host.clone() })
    }

    fn message(&self, mail: &Mail) -> Result<Message, DeliveryError> {
        let refused = |_| DeliveryError::Refused(format!("{:?} is not an e-mail address.", mail.to));
        let to = Mailbox::new(None, mail.to.parse().map_err(refused)?);
        let built = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(mail.subject.as_str())
            .date(std::time::SystemTime::from(mail.at))
            .message_id(Some(format!("<{}@{}>", mail.id, self.domain)))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone());
        built.map_err(|error| {
            tracing::warn!(notification = %mail.id, %error, "a mail cannot be written");
            DeliveryError::Refused(
                "The mail cannot be written; the operator finds the reason in the log.".to_owned(),
            )
        })
    }

    /// What an error of the server, or of the way to it, means.
    fn meaning(&self, error: &SmtpError) -> DeliveryError {
        let host = &self.host;
        let code = error.status().map(u16::from);
        match code {
            Some(code) if ACCESS_CODES.contains(&code) => DeliveryError::Later(format!(
                "The mail server {host} does not let Chaperone in ({code}); look at user and password_file of \
                 [notifications.smtp]."
            )),
            Some(code) if error.is_permanent() => {
                DeliveryError::Refused(format!("The mail server {host} refuses the mail ({code})."))
            }
            Some(code) => {
                DeliveryError::Later(format!("The mail server {host} does not take the mail now ({code})."))
            }
            None if error.is_tls() => DeliveryError::Later(format!(
                "The mail server {host} does not prove who it is, or offers no TLS; look at security and ca_file of \
                 [notifications]."
            )),
            None if error.is_client() => DeliveryError::Later(format!(
                "The mail server {host} does not offer what Chaperone needs; look at [notifications.smtp]."
            )),
            None => DeliveryError::Later(format!("The mail server {host} cannot be reached.")),
        }
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), DeliveryError> {
        let message = self.message(mail)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(notification = %mail.id, error = %chain(&error), "a mail was not taken");
                Err(self.meaning(&error))
            }
        }
    }
}

fn header(name: &'static str, value: &str) -> lettre::message::header::HeaderValue {
    use lettre::message::header::{HeaderName, HeaderValue};
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn tls_parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, Problem> {
    let failed =
        |error: SmtpError| Problem::new(format!("TLS to the mail server {host} cannot be set up: {error}"));
    let mut builder =
        TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| {
            Problem::new(format!("notifications.ca_file {} cannot be read: {error}", path.display()))
        })?;
        let authority = Certificate::from_pem(&pem).map_err(|error| {
            Problem::new(format!(
                "notifications.ca_file {} holds no certificate (PEM): {error}",
                path.display()
            ))
        })?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build_rustls().map_err(failed)
}

/// An error with what caused it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
