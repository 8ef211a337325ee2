//! From settings to a connector.

use std::sync::Arc;

use crate::connector::Connector;
use crate::error::ConnectorError;
use crate::secret::Secrets;
use crate::settings::Settings;

/// The connector of a directory. Nothing is sent yet; [`Connector::probe`] says whether it works.
///
/// # Errors
/// [`ConnectorError::Refused`] when the settings cannot be right: an address that is none, TLS off to another
/// machine, certificates that are none.
pub fn open(settings: Settings, secrets: Secrets) -> Result<Arc<dyn Connector>, ConnectorError> {
    match settings {
        Settings::Ldap(settings) => Ok(Arc::new(crate::ldap::Ldap::new(settings, secrets)?)),
        Settings::Postgresql(_)
        | Settings::Scim(_)
        | Settings::Dataverse(_)
        | Settings::Entra(_)
        | Settings::Linux(_) => Err(ConnectorError::refused("This kind of directory is not there yet.", "")),
    }
}
