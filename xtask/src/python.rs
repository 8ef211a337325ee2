//! Servers, clients and judges for the tests that are Python packages, in a virtual environment of their own below
//! `target/`.
//!
//! Versions are exact, also those of what they need themselves, so that a test means the same tomorrow.

use std::path::PathBuf;

use crate::process::Program;
use crate::project::{Failure, Outcome, read, target, write};

/// The variable by which the tests find the SCIM server.
pub(crate) const SCIM_SERVER_VARIABLE: &str = "CHAPERONE_TEST_SCIM_SERVER";

/// The variable by which the tests find the Python that has the mail server, the client of the Dataverse Web API, the
/// schema of OCSF and the OTLP receiver.
pub(crate) const PYTHON_VARIABLE: &str = "CHAPERONE_TEST_PYTHON";

/// What is installed.
const PACKAGES: &[&str] = &[
    "aiosmtpd==1.4.6",
    "annotated-types==0.8.0",
    "atpublic==9.0.0",
    "attrs==26.1.0",
    "azure-core==1.41.0",
    "azure-identity==1.27.0",
    "blinker==1.9.0",
    "boto3==1.44.8",
    "botocore==1.44.8",
    "certifi==2026.10.19.post1",
    "cffi==2.1.1",
    "charset-normalizer==3.5.3",
    "click==8.5.1",
    "cryptography==50.0.2",
    "dnspython==2.9.2",
    "email-validator==2.4.0",
    "flask-cors==6.0.5",
    "flask==3.1.3",
    "idna==3.20",
    "itsdangerous==2.2.0",
    "jinja2==3.1.6",
    "jmespath==1.1.0",
    "jsonschema==4.26.0",
    "jsonschema-specifications==2025.9.1",
    "lark==1.3.1",
    "markupsafe==3.0.4",
    "moto==5.2.5",
    "msal==1.39.0",
    "msal-extensions==1.3.1",
    "numpy==2.4.6",
    "ocsf-json-schema==1.2.0",
    "opentelemetry-proto==1.45.2",
    "pandas==3.1.1",
    "PowerPlatform-Dataverse-Client==1.1.0",
    "protobuf==7.36.2",
    "pycparser==3.12",
    "pydantic==2.14.3",
    "pydantic-core==2.50.4",
    "PyJWT==2.15.1",
    "python-dateutil==2.9.0.post0",
    "pyyaml==6.0.4",
    "referencing==0.37.0",
    "requests==2.34.2",
    "responses==0.26.3",
    "rpds-py==2026.9.1",
    "s3transfer==0.19.3",
    "scim2-models==0.12.3",
    "scim2-server==0.8.3",
    "six==1.17.0",
    "typing-extensions==4.16.0",
    "typing-inspection==0.4.5",
    "tzdata==2026.6",
    "urllib3==2.8.0",
    "werkzeug==3.1.9",
    "xmltodict==1.0.4",
];

/// Whether Python can make virtual environments with pip in them; Debian keeps that in a package of its own.
pub(crate) fn is_there() -> bool {
    Program::new("python3").args(["-c", "import venv, ensurepip"]).succeeds()
}

/// The Python that has the packages.
pub(crate) fn python() -> PathBuf {
    folder().join("bin/python")
}

/// The program of the SCIM server.
pub(crate) fn scim_server() -> PathBuf {
    folder().join("bin/scim2-server")
}

/// Installs what is missing; again only when the list changed.
pub(crate) fn packages() -> Outcome {
    let wanted = PACKAGES.join("\n");
    let stamp = folder().join("installed.txt");
    if scim_server().is_file() && stamp.is_file() && read(&stamp)? == wanted {
        eprintln!("    Python packages: up to date");
        return Ok(());
    }
    Program::new("python3").args(["-m", "venv", "--clear"]).arg(folder()).run()?;
    Program::new(folder().join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(PACKAGES)
        .run()
        .map_err(|failure| {
            Failure(format!(
                "{failure}. The Python packages come from the index that `pip config list` names."
            ))
        })?;
    write(&stamp, &wanted)
}

fn folder() -> PathBuf {
    target().join("python")
}
