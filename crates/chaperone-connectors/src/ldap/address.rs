//! Where the server is, and whether the way to it is covered.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use url::Url;

use crate::error::ConnectorError;
use crate::settings::Tls;

/// Longest address, in bytes.
const ADDRESS_MAX_BYTES: usize = 1024;
/// The port of `ldap://` where none is named.
const PORT: u16 = 389;
/// The port of `ldaps://` where none is named.
const PORT_TLS: u16 = 636;

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// Over the network.
    Network {
        /// Host name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
        /// How it is covered.
        cover: Cover,
    },
    /// A socket of this machine.
    Socket(PathBuf),
}

/// How a connection is covered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// TLS from the first byte.
    Tls(ServerName<'static>),
    /// TLS from the first request on.
    StartTls(ServerName<'static>),
    /// Not at all: only to this machine.
    None,
}

impl Address {
    /// Reads the address and checks that nothing is sent in clear to another machine.
    pub(super) fn parse(text: &str, start_tls: bool, tls: &Tls) -> Result<Self, ConnectorError> {
        let wrong = || {
            ConnectorError::refused(
                "The address of the LDAP server is ldaps://host or ldap://host, with :port where it is not the usual \
                 one, or ldapi://%2Fpath%2Fto%2Fsocket for a socket of this machine.",
                text.chars().take(100).collect::<String>(),
            )
        };
        if text.len() > ADDRESS_MAX_BYTES {
            return Err(wrong());
        }
        let url = Url::parse(text).map_err(|_| wrong())?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(wrong());
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let host = percent_decode_str(host).decode_utf8().map_err(|_| wrong())?.into_owned();
        let refused = |sentence: &str| Err(ConnectorError::refused(sentence, text));
        let off = *tls == Tls::Off;
        match url.scheme() {
            "ldapi" if start_tls => refused("A socket of this machine has no TLS: switch StartTLS off."),
            "ldapi" if url.port().is_none() && host.starts_with('/') && !host.contains('\0') => {
                Ok(Self::Socket(PathBuf::from(host)))
            }
            "ldaps" if start_tls => {
                refused("ldaps:// is TLS from the start: use StartTLS with ldap:// only.")
            }
            "ldaps" if off => refused("ldaps:// is TLS: say whose certificates are believed."),
            "ldap" if start_tls && off => refused("StartTLS is TLS: say whose certificates are believed."),
            "ldap" if !start_tls && !off => {
                refused("ldap:// is in clear: use ldaps://, or ldap:// with StartTLS.")
            }
            "ldap" if off && !is_this_machine(&host) => refused(
                "TLS may only be off to this machine (a loopback address or ldapi://): use ldaps://, or ldap:// with \
                 StartTLS.",
            ),
            scheme @ ("ldap" | "ldaps") => {
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
                let cover = match (scheme, start_tls) {
                    ("ldaps", _) => Cover::Tls(name),
                    (_, true) => Cover::StartTls(name),
                    (_, false) => Cover::None,
                };
                let usual = if scheme == "ldaps" { PORT_TLS } else { PORT };
                let port = url.port().unwrap_or(usual);
                if port == 0 { Err(wrong()) } else { Ok(Self::Network { host, port, cover }) }
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { host, port, .. } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Network { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_or_a_socket_and_nothing_more() {
        let well =
            |text: &str| Address::parse(text, false, &Tls::WellKnown).map(|address| address.to_string());
        assert_eq!(well("ldaps://dc.example.com"), Ok("dc.example.com:636".to_owned()));
        assert_eq!(well("ldaps://dc.example.com:1636/"), Ok("dc.example.com:1636".to_owned()));
        assert_eq!(well("ldaps://[2001:db8::1]"), Ok("[2001:db8::1]:636".to_owned()));
        assert_eq!(well("ldapi://%2Frun%2Fslapd%2Fldapi"), Ok("/run/slapd/ldapi".to_owned()));
        let long = format!("ldaps://{}", "x".repeat(2000));
        for bad in [
            "",
            "dc.example.com",
            "http://dc.example.com",
            "ldaps://",
            "ldaps:///",
            "ldaps://dc.example.com:0",
            "ldaps://dc.example.com:99999",
            "ldaps://admin:pw@dc.example.com",
            "ldaps://dc.example.com/dc=example",
            "ldaps://dc.example.com?x",
            "ldaps://a b",
            "ldapi://relative",
            "ldapi://",
            &long,
        ] {
            assert!(well(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_goes_in_clear_to_another_machine() {
        for here in ["ldap://localhost", "ldap://127.0.0.1:3890", "ldap://[::1]", "ldapi://%2Frun%2Fldapi"] {
            assert!(Address::parse(here, false, &Tls::Off).is_ok(), "{here}");
        }
        for (text, start_tls, tls) in [
            ("ldap://dc.example.com", false, Tls::Off),
            ("ldap://10.0.0.1", false, Tls::Off),
            ("ldap://dc.example.com", false, Tls::WellKnown),
            ("ldap://localhost", false, Tls::WellKnown),
            ("ldap://localhost", true, Tls::Off),
            ("ldaps://localhost", false, Tls::Off),
            ("ldaps://localhost", true, Tls::WellKnown),
            ("ldapi://%2Frun%2Fldapi", true, Tls::WellKnown),
        ] {
            let error = Address::parse(text, start_tls, &tls).expect_err(text);
            assert!(matches!(error, ConnectorError::Refused(_)), "{text}: {error:?}");
        }
        assert!(Address::parse("ldap://dc.example.com", true, &Tls::WellKnown).is_ok());
    }
}
