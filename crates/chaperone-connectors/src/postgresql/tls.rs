//! How the server proves who it is.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::ConnectorError;
use crate::settings::Tls;

/// Longest text with authorities' certificates, in bytes.
const CERTIFICATES_MAX_BYTES: usize = 64 * 1024;

/// What makes TLS of a connection; `None` when it is off.
pub(super) fn tls(settings: &Tls) -> Result<Option<MakeRustlsConnect>, ConnectorError> {
    let mut roots = RootCertStore::empty();
    match settings {
        Tls::Off => return Ok(None),
        Tls::WellKnown => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Tls::Authorities { certificates } => {
            let wrong = |context: String| {
                ConnectorError::refused(
                    "The authorities' certificates cannot be read: give them as PEM, at most 64 KiB, from \
                     BEGIN CERTIFICATE to END CERTIFICATE.",
                    context,
                )
            };
            if certificates.len() > CERTIFICATES_MAX_BYTES {
                return Err(wrong(format!("{} bytes", certificates.len())));
            }
            for certificate in CertificateDer::pem_slice_iter(certificates.as_bytes()) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("no certificate".to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectorError::refused("TLS cannot be set up on this machine.", error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(config)))
}
