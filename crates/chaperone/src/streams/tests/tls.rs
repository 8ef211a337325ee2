//! Syslog over TLS to a real rsyslog: whose certificate is believed, and which one we show.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::events::{events, send, syslog_at};
use super::rsyslog::{Certificates, Clients, Rsyslog};
use crate::config::{EventStream, Protection};

/// An authority in a folder, with a certificate for `localhost` and one for us.
struct Authority {
    folder: TempDir,
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

impl Authority {
    fn new() -> Self {
        let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = TempDir::new().expect("a folder");
        let write =
            |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("written");
        let key = KeyPair::generate().expect("a key");
        let mut params = named("An authority of our own");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        write("ca.pem", params.self_signed(&key).expect("a certificate").pem());
        let issuer = Issuer::new(params, key);
        for name in ["localhost", "chaperone.example.org"] {
            let key = KeyPair::generate().expect("a key");
            let certificate = named(name).signed_by(&key, &issuer).expect("a certificate");
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn of_server(&self, clients: Clients) -> Certificates {
        Certificates {
            ca: self.path().join("ca.pem"),
            certificate: self.path().join("localhost.pem"),
            key: self.path().join("localhost.key"),
            clients,
        }
    }

    /// A stream that believes this authority.
    fn stream(&self, port: u16) -> EventStream {
        EventStream { ca_file: Some(self.path().join("ca.pem")), ..syslog_at(port, Protection::Tls) }
    }
}

#[tokio::test]
async fn messages_go_over_tls_to_whom_the_authority_names() {
    let authority = Authority::new();
    let Some(server) = Rsyslog::start(Some(&authority.of_server(Clients::Anybody))).await else { return };
    let said = send(&authority.stream(server.port), &events(1, 300)).await;
    assert_eq!(
        said.as_deref(),
        Ok("The collector of siem read it and closed the connection."),
        "{}",
        server.log()
    );
    assert_eq!(server.messages().len(), 300);
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_not_believed_and_nothing_is_sent() {
    let authority = Authority::new();
    let Some(server) = Rsyslog::start(Some(&authority.of_server(Clients::Anybody))).await else { return };
    let refused = send(&Authority::new().stream(server.port), &events(1, 1)).await.expect_err("not believed");
    assert!(refused.contains("is not believed: look at ca_file"), "{refused}");
    assert!(server.messages().is_empty());
}

#[tokio::test]
async fn a_collector_that_wants_a_certificate_gets_ours() {
    let authority = Authority::new();
    let Some(server) = Rsyslog::start(Some(&authority.of_server(Clients::Certified))).await else { return };
    let stranger = authority.stream(server.port);
    let refused = send(&stranger, &events(1, 1)).await;
    assert!(refused.is_err(), "{refused:?}");
    let ours = |kind: &str| authority.path().join(format!("chaperone.example.org.{kind}"));
    let known = EventStream { client_certificate: Some((ours("pem"), ours("key"))), ..stranger };
    send(&known, &events(1, 3)).await.unwrap_or_else(|problem| panic!("{problem}: {}", server.log()));
    assert_eq!(server.messages().len(), 3);
}
