//! TLS: our certificate towards browsers, and whose certificates are believed at targets and collectors.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Problem;
use crate::config::Tls;

/// What browsers are offered: HTTP/2 first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Our side towards browsers.
pub(crate) fn server(tls: &Tls) -> Result<Arc<ServerConfig>, Problem> {
    let certificates = certificates(&tls.certificate_file)?;
    let key = private_key(&tls.key_file)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| cannot_be_used_together(&tls.certificate_file, &tls.key_file, &error))?;
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Our side towards targets: the public authorities, and those of a file.
pub(crate) fn towards_targets(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Problem> {
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots(ca_file)?).with_no_client_auth()))
}

/// Our side towards a collector: as towards targets, and we show a certificate if there is one.
pub(crate) fn towards_collector(
    ca_file: Option<&Path>,
    own: Option<(&Path, &Path)>,
) -> Result<Arc<ClientConfig>, Problem> {
    let Some((certificate_file, key_file)) = own else { return towards_targets(ca_file) };
    let config = ClientConfig::builder()
        .with_root_certificates(roots(ca_file)?)
        .with_client_auth_cert(certificates(certificate_file)?, private_key(key_file)?)
        .map_err(|error| cannot_be_used_together(certificate_file, key_file, &error))?;
    Ok(Arc::new(config))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| {
                Problem::new(format!("{} holds a certificate that cannot be used: {error}", path.display()))
            })?;
        }
    }
    Ok(roots)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| Problem::new(format!("{} holds no private key (PEM): {error}", path.display())))
}

fn cannot_be_used_together(certificate_file: &Path, key_file: &Path, error: &rustls::Error) -> Problem {
    Problem::new(format!(
        "the certificate {} and the key {} cannot be used together: {error}",
        certificate_file.display(),
        key_file.display()
    ))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let failed = |error: rustls::pki_types::pem::Error| {
        Problem::new(format!("{} holds no certificate (PEM): {error}", path.display()))
    };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if certificates.is_empty() {
        return Err(Problem::new(format!("{} holds no certificate (PEM)", path.display())));
    }
    Ok(certificates)
}
