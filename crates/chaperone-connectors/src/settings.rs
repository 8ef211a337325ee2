//! How a directory is reached. Stored as JSON; secrets are named in it, never held.

use serde::{Deserialize, Serialize};

use crate::secret::SecretRef;

/// How a directory is reached, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Settings {
    /// Roles of a PostgreSQL server.
    Postgresql(PostgresqlSettings),
    /// OpenLDAP or Active Directory.
    Ldap(LdapSettings),
    /// SCIM 2.0 (RFC 7643, RFC 7644).
    Scim(ScimSettings),
    /// `systemuser` of a Dataverse environment.
    Dataverse(DataverseSettings),
    /// Users of Microsoft Entra ID, by Microsoft Graph.
    Entra(EntraSettings),
    /// Accounts of this machine.
    Linux(LinuxSettings),
}

/// Whether and how the other side proves who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Tls {
    /// By a certificate of the well-known authorities.
    #[default]
    WellKnown,
    /// By a certificate of these authorities only (PEM).
    Authorities {
        /// The authorities' certificates, PEM, at most 64 KiB.
        certificates: String,
    },
    /// Not at all: in clear. Only to a loopback address or a socket of this machine.
    Off,
}

/// Roles of a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresqlSettings {
    /// Host name or address.
    pub host: String,
    /// Port; 5432 by default.
    #[serde(default = "postgresql_port")]
    pub port: u16,
    /// Database to connect to; roles are the same in all of them.
    #[serde(default = "postgresql_database")]
    pub database: String,
    /// The role that Chaperone signs in as: `CREATEROLE` with `ADMIN` on the others, or a superuser.
    pub user: String,
    /// Its password; `None` where the server asks for none.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// How the server proves who it is.
    #[serde(default)]
    pub tls: Tls,
}

fn postgresql_port() -> u16 {
    5432
}

fn postgresql_database() -> String {
    "postgres".to_owned()
}

/// What an LDAP server means by a disabled account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LdapFlavour {
    /// `pwdAccountLockedTime` of the password policy overlay; no expiry of its own.
    Openldap,
    /// Bit 2 of `userAccountControl`, and `accountExpires`.
    ActiveDirectory,
}

/// OpenLDAP or Active Directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LdapSettings {
    /// `ldaps://host[:port]`, or `ldap://host[:port]` with `start_tls` or, on this machine, `tls` off.
    pub url: String,
    /// Whether `ldap://` turns into TLS before anything is said.
    #[serde(default)]
    pub start_tls: bool,
    /// How the server proves who it is.
    #[serde(default)]
    pub tls: Tls,
    /// What disabled means there.
    pub flavour: LdapFlavour,
    /// Who Chaperone signs in as.
    pub bind_dn: String,
    /// Its password.
    pub password: SecretRef,
    /// Where the accounts are.
    pub base_dn: String,
    /// Which entries are accounts; a filter (RFC 4515). By default `(objectClass=inetOrgPerson)` for OpenLDAP and
    /// `(&(objectCategory=person)(objectClass=user))` for Active Directory.
    #[serde(default)]
    pub filter: Option<String>,
}

/// SCIM 2.0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimSettings {
    /// Where the service is; `/Users` is below it.
    pub url: String,
    /// The bearer token.
    pub token: SecretRef,
    /// How the server proves who it is.
    #[serde(default)]
    pub tls: Tls,
}

/// `systemuser` of a Dataverse environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataverseSettings {
    /// The environment: `https://contoso.crm.dynamics.com`.
    pub url: String,
    /// The tenant, by id or domain.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretRef,
    /// Who gives tokens; `https://login.microsoftonline.com` by default.
    #[serde(default = "microsoft_authority")]
    pub authority: String,
    /// How the servers prove who they are.
    #[serde(default)]
    pub tls: Tls,
}

/// Users of Microsoft Entra ID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntraSettings {
    /// Microsoft Graph; `https://graph.microsoft.com` by default (national clouds have others).
    #[serde(default = "microsoft_graph")]
    pub url: String,
    /// The tenant, by id or domain.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: SecretRef,
    /// Who gives tokens; `https://login.microsoftonline.com` by default.
    #[serde(default = "microsoft_authority")]
    pub authority: String,
    /// How the servers prove who they are.
    #[serde(default)]
    pub tls: Tls,
}

fn microsoft_authority() -> String {
    "https://login.microsoftonline.com".to_owned()
}

fn microsoft_graph() -> String {
    "https://graph.microsoft.com".to_owned()
}

/// Accounts of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinuxSettings {
    /// The root folder whose `/etc/passwd` and `/etc/shadow` are meant; `/` by default.
    #[serde(default)]
    pub root: Option<String>,
}
