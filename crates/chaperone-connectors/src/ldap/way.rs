//! The way to the server: network, StartTLS, TLS.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::error::ConnectorError;
use crate::ldap::address::{Address, Cover};
use crate::ldap::guard::{Ending, read_message};

/// `StartTLS` (RFC 4511, section 4.14) as message 1: an extended request with nothing but its name.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Bytes to the server and back.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens the way, covered as the address says.
pub(super) async fn open(
    address: &Address,
    trust: &Arc<ClientConfig>,
) -> Result<Box<dyn Stream>, ConnectorError> {
    let (host, port, cover) = match address {
        Address::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| {
                let sentence = format!(
                    "There is no LDAP server behind the socket {address}: check that it runs and lets Chaperone in."
                );
                ConnectorError::unreachable(sentence, error)
            })?;
            return Ok(Box::new(stream));
        }
        Address::Network { host, port, cover } => (host, *port, cover),
    };
    let mut stream = connect(address, host, port).await?;
    match cover {
        Cover::None => {
            // `localhost` is what the machine's resolver says it is.
            let here = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
            if !here {
                let sentence = format!("TLS is off, and {address} is another machine: nothing was sent.");
                return Err(ConnectorError::refused(sentence, ""));
            }
            Ok(Box::new(stream))
        }
        Cover::Tls(name) => secure(address, trust, name, stream).await,
        Cover::StartTls(name) => {
            start_tls(address, &mut stream).await?;
            secure(address, trust, name, stream).await
        }
    }
}

async fn connect(address: &Address, host: &str, port: u16) -> Result<TcpStream, ConnectorError> {
    let unknown = |context: String| {
        let sentence = format!("The host {host} is not known: check its name in the directory's settings.");
        ConnectorError::unreachable(sentence, context)
    };
    let addresses: Vec<_> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| unknown(error.to_string()))?.collect();
    let mut last = None;
    for ip in addresses {
        match TcpStream::connect(ip).await {
            Ok(stream) => {
                // Small questions, each waited for.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let Some(error) = last else { return Err(unknown("no address".to_owned())) };
    let sentence = if error.kind() == io::ErrorKind::ConnectionRefused {
        format!("Nothing listens at {address}: check that the LDAP server runs, and its port.")
    } else {
        format!("{address} cannot be reached: check the network and the firewall.")
    };
    Err(ConnectorError::unreachable(sentence, error))
}

/// Asks for TLS. The answer is read to its last byte and no further: what somebody put behind it becomes part of
/// the TLS handshake and breaks it.
async fn start_tls(address: &Address, stream: &mut TcpStream) -> Result<(), ConnectorError> {
    let broken = |context: String| {
        ConnectorError::unreachable(
            format!("{address} ended the connection when it was asked for StartTLS."),
            context,
        )
    };
    stream.write_all(START_TLS).await.map_err(|error| broken(error.to_string()))?;
    let mut answer = Vec::new();
    read_message(stream, &mut answer).await.map_err(|ending| match ending {
        Ending::NotLdap | Ending::TooLong => ConnectorError::unreachable(
            format!("What answers at {address} is no LDAP server: check host and port."),
            "the answer to StartTLS",
        ),
        ending => broken(format!("{ending:?}")),
    })?;
    match start_tls_result(&answer) {
        Some(0) => Ok(()),
        Some(code) => Err(ConnectorError::refused(
            format!("{address} does not offer StartTLS: give it a certificate, or use ldaps://."),
            format!("result {code}"),
        )),
        None => Err(ConnectorError::unreachable(
            format!("What answers at {address} is no LDAP server: check host and port."),
            "the answer to StartTLS",
        )),
    }
}

/// The result code of an extended response to message 1.
fn start_tls_result(answer: &[u8]) -> Option<u8> {
    let (_, message) = ldap3::asn1::parse_tag(answer).ok()?;
    let mut parts = message.expect_constructed()?.into_iter();
    let number = parts.next()?.expect_primitive()?;
    let response = parts.next()?.match_class(ldap3::asn1::TagClass::Application)?.match_id(24)?;
    let code = response.expect_constructed()?.into_iter().next()?.expect_primitive()?;
    (number == [1] && code.len() == 1).then(|| code[0])
}

async fn secure(
    address: &Address,
    trust: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    stream: TcpStream,
) -> Result<Box<dyn Stream>, ConnectorError> {
    match TlsConnector::from(Arc::clone(trust)).connect(name.clone(), stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_trouble(address, &error)),
    }
}

fn tls_trouble(address: &Address, error: &io::Error) -> ConnectorError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let sentence = match inner {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::UnknownIssuer => format!(
                "The certificate of {address} is from an authority that is not believed: give the authority's \
                 certificate in the directory's settings."
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "The certificate of {address} is for another name: use the name that stands in it, or give the server \
                 one for this name."
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("The certificate of {address} has expired: renew it on the server.")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("The certificate of {address} is not valid yet: check the clocks of both machines.")
            }
            _ => format!("The certificate of {address} cannot be used: {why:?}."),
        },
        Some(_) => format!("{address} does not speak TLS as it should: check its port and its TLS settings."),
        // The connection ended within the handshake.
        None => {
            return ConnectorError::unreachable(
                format!(
                    "{address} ended the connection before TLS was set up: check its port and its certificate."
                ),
                error,
            );
        }
    };
    ConnectorError::refused(sentence, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_extended_response_to_our_question_is_an_answer_to_starttls() {
        let well = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(start_tls_result(well), Some(0));
        let not_offered = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00";
        assert_eq!(start_tls_result(not_offered), Some(2));
        let another_number = b"\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(start_tls_result(another_number), None);
        let a_bind_response = b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert_eq!(start_tls_result(a_bind_response), None);
        assert_eq!(start_tls_result(b"\x30\x00"), None);
    }
}
