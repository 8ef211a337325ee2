//! Syslog (RFC 5424) over TCP (RFC 6587) or TLS (RFC 5425).
//!
//! Syslog has no answer: what is written may lie in a buffer of a collector that dies. So a batch has a connection of its
//! own. After the last message our side of it is closed, and the batch counts as taken when the collector has read to
//! that end and closed its side too. A collector that dies before it has read all resets the connection, and the batch is
//! sent again.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chaperone_app::Addresses;
use chaperone_app::event_streams::classes::Severity;
use chaperone_app::event_streams::{Collector, Outgoing, SendError};
use chaperone_domain::Instant;
use chaperone_domain::event_stream::StreamFormat;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Problem;
use crate::config::{Confirm, EventStream, Framing, Protection, Way};

/// How long connecting may take, with the handshake of TLS.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long the collector may take to read to the end and close.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// What a collector that says something instead of closing is listened to, in bytes.
const SAID_MAX_BYTES: usize = 64 * 1024;
/// Bytes of a message before its event.
pub(super) const HEADER_MAX_BYTES: usize = 640;
/// Longest host name in a header, in bytes.
const HOST_MAX_BYTES: usize = 255;
/// The facility *log audit*.
const FACILITY: u32 = 13;
/// The largest `sequenceId` (RFC 5424, 7.3.1); the number itself stands in our own element.
const SEQUENCE_MAX: i64 = 2_147_483_647;
/// Our element of structured data. Its number is the one that is kept for use without a registration (RFC 5612).
const ELEMENT: &str = "chaperone@32473";

/// A syslog collector.
pub(super) struct SyslogCollector {
    name: String,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    framing: Framing,
    confirm: Confirm,
    format: StreamFormat,
    /// The host name in headers: the console's.
    sender: String,
}

impl SyslogCollector {
    pub(super) fn new(
        stream: &EventStream,
        tls: Arc<rustls::ClientConfig>,
        addresses: &Addresses,
    ) -> Result<Self, Problem> {
        let Way::Syslog { host, port, protection, framing, confirm } = &stream.way else {
            return Err(Problem::new(format!("the event stream {:?} is no syslog stream", stream.name)));
        };
        let tls = match protection {
            Protection::Clear => None,
            Protection::Tls => {
                let server = ServerName::try_from(host.clone()).map_err(|_| {
                    Problem::new(format!(
                        "the event stream {:?} has no host that a certificate could name",
                        stream.name
                    ))
                })?;
                Some((TlsConnector::from(tls), server))
            }
        };
        let console = addresses.console.split("://").nth(1).unwrap_or(&addresses.console);
        let sender: String = crate::listen::without_port(console)
            .chars()
            .filter(char::is_ascii_graphic)
            .take(HOST_MAX_BYTES)
            .collect();
        Ok(Self {
            name: stream.name.clone(),
            host: host.clone(),
            port: *port,
            tls,
            framing: *framing,
            confirm: *confirm,
            format: stream.format,
            sender: if sender.is_empty() { "-".to_owned() } else { sender },
        })
    }

    /// One message.
    fn message(&self, event: &Outgoing) -> String {
        let severity = match event.severity {
            Severity::Informational => 6,
            Severity::Low => 5,
            Severity::Medium => 4,
            Severity::High => 3,
        };
        let priority = FACILITY * 8 + severity;
        let sequence = match event.seq {
            Some(seq) if seq <= SEQUENCE_MAX => format!("[meta sequenceId=\"{seq}\"]"),
            _ => String::new(),
        };
        let number = event.seq.map(|seq| format!(" number=\"{seq}\"")).unwrap_or_default();
        format!(
            "<{priority}>1 {} {} chaperone - {} [origin software=\"Chaperone\" swVersion=\"{}\"]{sequence}[{ELEMENT} \
             uid=\"{}\"{number} action=\"{}\"] {}",
            event.at,
            self.sender,
            self.format.name(),
            env!("CARGO_PKG_VERSION"),
            event.id,
            event.action.name(),
            event.line(self.format),
        )
    }

    fn frames(&self, events: &[Outgoing]) -> String {
        let mut frames = String::new();
        for event in events {
            let message = self.message(event);
            match self.framing {
                Framing::OctetCounting => frames.push_str(&format!("{} {message}", message.len())),
                Framing::Newline => {
                    frames.push_str(&message);
                    frames.push('\n');
                }
            }
        }
        frames
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        Ok(match &self.tls {
            None => Box::new(stream),
            Some((connector, server)) => Box::new(connector.connect(server.clone(), stream).await?),
        })
    }

    fn later(&self, what: &str, error: &std::io::Error) -> SendError {
        tracing::warn!(stream = %self.name, %error, "a syslog collector {what}");
        SendError::later(match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => format!(
                "The certificate of the collector of {} is not believed: look at ca_file and at the name in url.",
                self.name
            ),
            _ => format!("The collector of {} {what}.", self.name),
        })
    }
}

/// Either kind of connection.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

#[async_trait]
impl Collector for SyslogCollector {
    async fn take(&self, events: &[Outgoing], _at: Instant) -> Result<String, SendError> {
        let mut connection = match tokio::time::timeout(CONNECT_LIMIT, self.connect()).await {
            Ok(connected) => connected.map_err(|error| self.later("cannot be reached", &error))?,
            Err(_) => {
                let name = &self.name;
                return Err(SendError::later(format!(
                    "The collector of {name} cannot be reached within 5 seconds."
                )));
            }
        };
        let broke = |error: std::io::Error| self.later("broke the connection off", &error);
        connection.write_all(self.frames(events).as_bytes()).await.map_err(broke)?;
        connection.flush().await.map_err(broke)?;
        connection.shutdown().await.map_err(broke)?;
        if self.confirm == Confirm::Written {
            return Ok(format!("It was handed to the network for the collector of {}.", self.name));
        }
        match tokio::time::timeout(CONFIRM_LIMIT, until_closed(&mut connection)).await {
            Ok(closed) => closed.map_err(broke)?,
            Err(_) => {
                let name = &self.name;
                return Err(SendError::later(format!(
                    "The collector of {name} did not read to the end and close within 10 seconds. If it never does so, \
                     write confirm = \"written\"."
                )));
            }
        }
        Ok(format!("The collector of {} read it and closed the connection.", self.name))
    }
}

/// Reads until the other side closes. One that closes TLS without saying so has closed all the same.
async fn until_closed(connection: &mut Box<dyn Connection>) -> std::io::Result<()> {
    let (mut buffer, mut said) = ([0; 4096], 0);
    loop {
        match connection.read(&mut buffer).await {
            Ok(0) => return Ok(()),
            Ok(read) => said += read,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        if said > SAID_MAX_BYTES {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "it talks without end"));
        }
    }
}
