//! Which system a directory's settings lead to: the same one has many addresses.

use std::net::IpAddr;

use url::{Host, Url};

use crate::settings::Settings;

impl Settings {
    /// What names the system behind. It is the same text for every way to write its address that can be told to be the
    /// same without asking anybody: names in any case, the usual port, this machine by name or number, an LDAP server
    /// with and without TLS.
    pub fn system(&self) -> String {
        match self {
            Self::Postgresql(to) => format!("postgresql {}:{}", host(&to.host), to.port),
            Self::Ldap(to) => format!("ldap {} {}", ldap_server(&to.url), dn(&to.base_dn)),
            Self::Scim(to) => format!("scim {}", address(&to.url)),
            Self::Dataverse(to) => format!("dataverse {}", address(&to.url)),
            Self::Entra(to) => format!("entra {} {}", address(&to.url), to.tenant.to_lowercase()),
            Self::Linux(to) => {
                let root = to.root.as_deref().unwrap_or("/").trim_end_matches('/');
                format!("linux {}", if root.is_empty() { "/" } else { root })
            }
        }
    }

    /// Whether a directory with these settings would hold accounts that one with the other settings holds: two accounts
    /// for one login, each with a way back of its own.
    pub fn shares_accounts_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ldap(one), Self::Ldap(two)) => {
                let (one_base, two_base) = (dn(&one.base_dn), dn(&two.base_dn));
                let below = |inner: &str, outer: &str| {
                    inner.strip_suffix(outer).is_some_and(|rest| outer.is_empty() || rest.ends_with(','))
                };
                ldap_server(&one.url) == ldap_server(&two.url)
                    && (one_base == two_base || below(&one_base, &two_base) || below(&two_base, &one_base))
            }
            _ => self.system() == other.system(),
        }
    }
}

/// A distinguished name as it is compared: in any case, with or without blanks around its commas and equals signs.
fn dn(text: &str) -> String {
    let parts = |text: &str, separator: &str| -> String {
        text.split(separator).map(str::trim).collect::<Vec<_>>().join(separator)
    };
    parts(&parts(&text.trim().to_lowercase(), ","), "=")
}

/// A host's name or address; this machine is `localhost`, whatever it is called.
fn host(name: &str) -> String {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    let number = name.trim_start_matches('[').trim_end_matches(']');
    let is_here = name == "localhost"
        || name.ends_with(".localhost")
        || number.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here { "localhost".to_owned() } else { name }
}

fn host_of(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(name)) => host(name),
        Some(Host::Ipv4(address)) => host(&address.to_string()),
        Some(Host::Ipv6(address)) => host(&address.to_string()),
        None => String::new(),
    }
}

fn address(text: &str) -> String {
    let Ok(url) = Url::parse(text.trim()) else { return text.trim_end_matches('/').to_lowercase() };
    let port = url.port_or_known_default().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", host_of(&url), url.path().trim_end_matches('/').to_lowercase())
}

fn ldap_server(text: &str) -> String {
    let Ok(url) = Url::parse(text.trim()) else { return text.trim_end_matches('/').to_lowercase() };
    // One server, two doors: with TLS from the beginning, and without.
    let usual = match url.scheme() {
        "ldap" => 389,
        "ldaps" => 636,
        _ => return text.to_lowercase(),
    };
    match url.port().filter(|port| *port != usual) {
        Some(port) => format!("{}:{port}", host_of(&url)),
        None => host_of(&url),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings(value: Value) -> Settings {
        serde_json::from_value(value).expect("settings")
    }

    fn postgresql(host: &str, port: u16) -> Settings {
        settings(json!({"kind": "postgresql", "host": host, "port": port, "user": "chaperone"}))
    }

    fn ldap(url: &str, base: &str) -> Settings {
        settings(
            json!({"kind": "ldap", "url": url, "flavour": "openldap", "bind_dn": "cn=c", "password": "env:P", "base_dn": base}),
        )
    }

    fn scim(url: &str) -> Settings {
        settings(json!({"kind": "scim", "url": url, "token": "env:T"}))
    }

    fn linux(root: Option<&str>) -> Settings {
        settings(json!({"kind": "linux", "root": root}))
    }

    #[test]
    fn one_system_is_known_by_all_of_its_addresses() {
        for (one, two) in [
            (postgresql("DB.example.org", 5432), postgresql("db.example.org.", 5432)),
            (postgresql("localhost", 5432), postgresql("127.0.0.1", 5432)),
            (postgresql("::1", 5432), postgresql("127.0.0.2", 5432)),
            (scim("https://idm.example.org/scim/"), scim("https://IDM.example.org:443/scim")),
            (scim("http://localhost:8000/scim"), scim("http://[::1]:8000/scim")),
            (linux(None), linux(Some("/"))),
            (linux(Some("/srv/x/")), linux(Some("/srv/x"))),
            (ldap("ldap://ds.example.org", "dc=x"), ldap("ldaps://ds.example.org:636/", "DC=X")),
            (ldap("ldap://ds", "ou=people, dc=x"), ldap("ldap://ds:389", "ou=People,dc=x")),
        ] {
            assert_eq!(one.system(), two.system());
            assert!(one.shares_accounts_with(&two), "{one:?} {two:?}");
        }
    }

    #[test]
    fn a_tree_shares_the_accounts_of_its_branches_and_not_of_its_neighbours() {
        let people = ldap("ldap://ds", "ou=people,dc=x");
        for (other, shares) in [
            (ldap("ldap://ds", "dc=x"), true),
            (ldap("ldap://ds", "ou=admins,ou=people,dc=x"), true),
            (ldap("ldap://ds", ""), true),
            (ldap("ldap://ds", "ou=robots,dc=x"), false),
            (ldap("ldap://ds", "ou=morepeople,dc=x"), false),
            (ldap("ldap://ds:1389", "ou=people,dc=x"), false),
            (ldap("ldap://other", "ou=people,dc=x"), false),
        ] {
            assert_eq!(people.shares_accounts_with(&other), shares, "{other:?}");
            assert_eq!(other.shares_accounts_with(&people), shares, "{other:?}");
        }
    }

    #[test]
    fn others_are_others() {
        for (one, two) in [
            (postgresql("db", 5432), postgresql("db", 5433)),
            (postgresql("db", 5432), postgresql("db2", 5432)),
            (scim("https://idm/scim"), scim("https://idm/other")),
            (linux(None), linux(Some("/srv/x"))),
        ] {
            assert!(!one.shares_accounts_with(&two), "{one:?} {two:?}");
        }
    }
}
