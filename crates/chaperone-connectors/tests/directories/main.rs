//! Every connector against its real server, by one contract.

mod contract;
mod ldap;
