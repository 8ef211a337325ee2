//! Whose certificates are believed.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::ConnectorError;
use crate::settings::Tls;

/// Longest text with certificates, in bytes.
const CERTIFICATES_MAX_BYTES: usize = 64 * 1024;

/// The client's side of TLS. With TLS off it is made and never used.
pub(super) fn trust(tls: &Tls) -> Result<Arc<ClientConfig>, ConnectorError> {
    let mut roots = RootCertStore::empty();
    match tls {
        Tls::Off => {}
        Tls::WellKnown => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Tls::Authorities { certificates } => {
            let wrong = |context: String| {
                let sentence = "The authorities' certificates are PEM text (-----BEGIN CERTIFICATE-----), at least one \
                                and at most 64 KiB.";
                ConnectorError::refused(sentence, context)
            };
            if certificates.len() > CERTIFICATES_MAX_BYTES {
                return Err(wrong(format!("{} bytes", certificates.len())));
            }
            for certificate in CertificateDer::pem_slice_iter(certificates.as_bytes()) {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("none".to_owned()));
            }
        }
    }
    // The provider is named, so that it does not matter what else was chosen for the process.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectorError::refused("TLS cannot be used on this machine.", error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused() {
        let long = "x".repeat(64 * 1024 + 1);
        for bad in
            ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", long.as_str()]
        {
            let tls = Tls::Authorities { certificates: bad.to_owned() };
            assert!(matches!(trust(&tls), Err(ConnectorError::Refused(_))));
        }
        assert!(trust(&Tls::WellKnown).is_ok());
    }
}
