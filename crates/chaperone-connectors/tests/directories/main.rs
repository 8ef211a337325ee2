//! Every connector against its real server, by one contract.

mod bad_http;
mod contract;
mod dataverse;
mod dataverse_server;
mod entra;
mod entra_server;
mod microsoft;
mod scim;
mod scim_server;
