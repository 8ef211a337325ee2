//! A certificate for the time of a measurement; what speaks to it does not look whose it is.

use std::path::{Path, PathBuf};

use crate::process::Program;
use crate::project::Outcome;

pub(crate) struct Certificate {
    pub(crate) file: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// ECDSA on P-256, as public authorities sign today.
    pub(crate) fn make(folder: &Path) -> Outcome<Self> {
        let made = Self { file: folder.join("certificate.pem"), key: folder.join("key.pem") };
        Program::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,DNS:*.localhost"])
            .arg("-out")
            .arg(&made.file)
            .arg("-keyout")
            .arg(&made.key)
            .log(folder.join("openssl.log"))
            .run_quietly()?;
        Ok(made)
    }
}
