//! From settings to a connector.

use std::sync::Arc;

use crate::connector::Connector;
use crate::dataverse::Dataverse;
use crate::entra::Entra;
use crate::error::ConnectorError;
use crate::ldap::Ldap;
use crate::linux::Linux;
use crate::postgresql::Postgresql;
use crate::scim::Scim;
use crate::secret::Secrets;
use crate::settings::Settings;

/// The connector of a directory. Nothing is sent yet; [`Connector::probe`] says whether it works.
///
/// # Errors
/// [`ConnectorError::Refused`] when the settings cannot be right: an address that is none, TLS off to another
/// machine, certificates that are none.
pub fn open(settings: Settings, secrets: Secrets) -> Result<Arc<dyn Connector>, ConnectorError> {
    Ok(match settings {
        Settings::Postgresql(settings) => Arc::new(Postgresql::open(settings, secrets)?),
        Settings::Ldap(settings) => Arc::new(Ldap::new(settings, secrets)?),
        Settings::Scim(settings) => Arc::new(Scim::new(settings, secrets)?),
        Settings::Dataverse(settings) => Arc::new(Dataverse::new(settings, secrets)?),
        Settings::Entra(settings) => Arc::new(Entra::new(settings, secrets)?),
        Settings::Linux(settings) => Arc::new(Linux::open(settings)?),
    })
}
