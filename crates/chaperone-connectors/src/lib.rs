//! Observe and change accounts in other systems.
//!
//! [`Connector`] is the contract that every directory fulfils; the built-in directory is one implementation (in
//! the app, because its accounts are rows), the others live here, one module each. [`open`] makes the connector of
//! [`Settings`]; secrets are named in them, never held ([`SecretRef`]).

mod connector;
mod dataverse;
mod entra;
mod error;
mod http;
mod ldap;
mod linux;
mod oauth;
mod odata;
mod open;
mod postgresql;
mod scim;
mod scim_page;
mod secret;
mod settings;
mod system;

pub use connector::{
    CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedAccount, ListedPage, NAME_MAX_BYTES,
    Observation, PAGE,
};
pub use error::{ConnectorError, Trouble};
pub use open::open;
pub use secret::{SecretRef, SecretRefError, Secrets};
pub use settings::{
    DataverseSettings, EntraSettings, LdapFlavour, LdapSettings, LinuxSettings, PostgresqlSettings,
    ScimSettings, Settings, Tls,
};
