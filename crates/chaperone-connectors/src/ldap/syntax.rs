//! Names and filters that administrators type.

use crate::error::ConnectorError;
use crate::settings::LdapFlavour;

/// Longest name of an entry, in bytes.
const DN_MAX_BYTES: usize = 2048;
/// Longest filter, in bytes; what reads it calls itself for every bracket.
const FILTER_MAX_BYTES: usize = 2048;

/// Whether it is a filter as RFC 4515 has it.
pub(super) fn check_filter(filter: &str) -> Result<(), ConnectorError> {
    let readable = filter.len() <= FILTER_MAX_BYTES
        && filter.starts_with('(')
        && filter.ends_with(')')
        && ldap3::parse_filter(filter).is_ok();
    if readable {
        return Ok(());
    }
    Err(ConnectorError::refused(
        "The filter is no LDAP filter of at most 2048 bytes: write it like (&(objectClass=person)(mail=*)), and \\28 \
         \\29 \\2a \\5c for ( ) * \\ in a value.",
        filter.chars().take(200).collect::<String>(),
    ))
}

/// Whether the base can be the name of an entry.
pub(super) fn check_base(base: &str) -> Result<(), ConnectorError> {
    if is_dn(base) {
        return Ok(());
    }
    Err(ConnectorError::refused(
        "The base is no name of an entry of at most 2048 bytes: write it like ou=people,dc=example,dc=com, and \\, for \
         a comma in a value.",
        base.chars().take(200).collect::<String>(),
    ))
}

/// Whether somebody can sign in with this name. Active Directory also knows `user@domain` and `DOMAIN\user`.
pub(super) fn check_bind_dn(name: &str, flavour: LdapFlavour) -> Result<(), ConnectorError> {
    let principal = flavour == LdapFlavour::ActiveDirectory
        && name.len() <= DN_MAX_BYTES
        && !name.chars().any(char::is_control)
        && name.split_once(['@', '\\']).is_some_and(|(left, right)| !left.is_empty() && !right.is_empty());
    if is_dn(name) || principal {
        return Ok(());
    }
    Err(ConnectorError::refused(
        "The name to sign in with is no name of an entry of at most 2048 bytes: write it like \
         cn=chaperone,ou=services,dc=example,dc=com (for Active Directory also chaperone@example.com or \
         EXAMPLE\\chaperone).",
        name.chars().take(200).collect::<String>(),
    ))
}

/// Whether the text is a distinguished name with at least one part (RFC 4514). What its parts mean, the server knows.
fn is_dn(text: &str) -> bool {
    if text.is_empty() || text.len() > DN_MAX_BYTES || text.chars().any(char::is_control) {
        return false;
    }
    split_unescaped(text, &[',', '+', ';']).is_some_and(|parts| parts.iter().all(|part| is_attribute(part)))
}

fn is_attribute(part: &str) -> bool {
    let Some((kind, value)) = part.split_once('=') else { return false };
    let kind = kind.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !kind.is_empty() && kind.chars().all(plain) && !value.trim().is_empty()
}

/// The parts between separators that are neither escaped nor quoted; `None` when an escape or a quote is not ended.
fn split_unescaped<'a>(text: &'a str, separators: &[char]) -> Option<Vec<&'a str>> {
    let (mut parts, mut from, mut quoted) = (Vec::new(), 0, false);
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                characters.next()?;
            }
            '"' => quoted = !quoted,
            c if !quoted && separators.contains(&c) => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_a_distinguished_name() {
        for good in [
            "dc=example,dc=com",
            "ou=Doe\\, John+cn=x, dc=example",
            "CN=a\\\\,O=b",
            "2.5.4.3=\"a,b\",o=c",
            "o=Bücher",
        ] {
            assert!(check_base(good).is_ok(), "{good}");
        }
        let long = format!("cn={}", "x".repeat(3000));
        for bad in
            ["", "example.com", "dc=", "dc=a,", ",dc=a", "dc=a\\", "=a", "d c=a", "cn=\"a", "cn=a\nb", &long]
        {
            assert!(check_base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn active_directory_is_signed_in_to_by_other_names_too() {
        for name in ["chaperone@example.com", "EXAMPLE\\chaperone", "cn=a,dc=b"] {
            assert!(check_bind_dn(name, LdapFlavour::ActiveDirectory).is_ok(), "{name}");
        }
        for name in ["", "chaperone", "@example.com", "EXAMPLE\\", "a@b\n"] {
            assert!(check_bind_dn(name, LdapFlavour::ActiveDirectory).is_err(), "{name}");
        }
        assert!(check_bind_dn("chaperone@example.com", LdapFlavour::Openldap).is_err());
    }

    #[test]
    fn a_filter_is_one_that_can_be_read() {
        for good in
            ["(objectClass=inetOrgPerson)", "(&(objectClass=user)(!(cn=a\\2ab)))", "(mail=*@example.com)"]
        {
            assert!(check_filter(good).is_ok(), "{good}");
        }
        let (deep, long) = ("(!".repeat(3000), format!("(cn={})", "x".repeat(3000)));
        for bad in ["", "objectClass=user", "(objectClass=user", "(a=b)(c=d)", "(&", "()", &deep, &long] {
            assert!(check_filter(bad).is_err(), "{bad}");
        }
    }
}
