//! OpenLDAP and Active Directory against real servers.

mod accounts;
mod proxy;
mod samba;
mod slapd;
mod troubles;
mod world;

mod openldap {
    use chaperone_connectors::LdapFlavour::Openldap;
    crate::contract::keeps_the_contract!(super::world::world(Openldap));
}

mod active_directory {
    use chaperone_connectors::LdapFlavour::ActiveDirectory;
    crate::contract::keeps_the_contract!(super::world::world(ActiveDirectory));
}
