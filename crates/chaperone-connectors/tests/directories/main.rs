//! Every connector against its real server, by one contract.
#![expect(clippy::disallowed_methods, reason = "real servers live by the real clock")]

mod contract;
mod ldap;
