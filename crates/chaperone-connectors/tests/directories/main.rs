//! Every connector against its real server, by one contract.
#![expect(clippy::disallowed_methods, reason = "real servers live by the real clock")]

mod bad_http;
mod contract;
mod dataverse;
mod dataverse_server;
mod entra;
mod entra_server;
mod ldap;
mod linux;
mod microsoft;
mod postgresql;
mod scim;
mod scim_server;
