//! What servers and the library say, in words for the person who can mend it.

use std::time::Duration;

use ldap3::{LdapError, LdapResult};

use crate::error::ConnectorError;
use crate::ldap::Plan;
use crate::ldap::guard::Ending;

/// Longest part of what a server says that is repeated.
const SAID_MAX_CHARS: usize = 500;

/// It did not answer in time.
pub(super) fn silent(plan: &Plan, limit: Duration) -> ConnectorError {
    let sentence = format!(
        "The LDAP server {} did not answer within {} seconds: check that it is not overloaded, and the network.",
        plan.address,
        limit.as_secs()
    );
    ConnectorError::unreachable(sentence, "")
}

/// It answers what no LDAP server answers.
pub(super) fn not_ldap(plan: &Plan, context: impl ToString) -> ConnectorError {
    let sentence =
        format!("What answers at {} does not speak LDAP as it should: check host and port.", plan.address);
    ConnectorError::unreachable(sentence, context)
}

/// The library could not do it; `ending` is why the connection ended, if it did.
pub(super) fn of_library(plan: &Plan, error: LdapError, ending: Option<&Ending>) -> ConnectorError {
    match (error, ending) {
        (LdapError::LdapResult { result }, _) => of_result(plan, &result),
        (LdapError::FilterParsing, _) => {
            ConnectorError::refused("The filter in the directory's settings is no LDAP filter.", "")
        }
        (error, Some(Ending::NotLdap | Ending::TooLong)) => not_ldap(plan, error),
        (error, Some(Ending::Half)) => ConnectorError::unreachable(
            format!("The LDAP server {} ended the connection in the middle of an answer.", plan.address),
            error,
        ),
        (error, Some(Ending::Broken(why))) => ConnectorError::unreachable(
            format!("The connection to the LDAP server {} broke.", plan.address),
            format!("{error}: {why}"),
        ),
        (error, Some(Ending::Closed) | None) => ConnectorError::unreachable(
            format!("The LDAP server {} ended the connection without an answer.", plan.address),
            error,
        ),
    }
}

/// The server says that it did not do it.
pub(super) fn of_result(plan: &Plan, result: &LdapResult) -> ConnectorError {
    let (address, who) = (&plan.address, &plan.bind_dn);
    let sentence = match result.rc {
        3 => {
            let sentence =
                format!("The LDAP server {address} stopped at its time limit: raise it for {who}.");
            return ConnectorError::unreachable(sentence, said(result));
        }
        51 | 52 | 80 => {
            let sentence = format!("The LDAP server {address} cannot do it at the moment.");
            return ConnectorError::unreachable(sentence, said(result));
        }
        4 => format!(
            "The LDAP server {address} lists no more accounts to {who}: raise its size limit for that name (OpenLDAP: \
             limits dn.exact=\"…\" size=unlimited)."
        ),
        7 | 8 | 13 => {
            format!("The LDAP server {address} wants TLS before a sign-in: use ldaps:// or StartTLS.")
        }
        10 => format!(
            "The LDAP server {address} points to another one ({}), which is never followed: name the one that holds the \
             accounts and may change them.",
            points_to(result)
        ),
        11 => format!("The LDAP server {address} stopped at a limit of its own for {who}: raise it."),
        12 => format!("The LDAP server {address} cannot give listings in pages (RFC 2696), which is needed."),
        32 => format!(
            "{} is not on the LDAP server {address}, or {who} may not see it: check the base in the directory's settings \
             and the rights.",
            plan.base
        ),
        34 => {
            format!("The LDAP server {address} does not take {} or {who} as a name: check both.", plan.base)
        }
        48 | 49 => format!(
            "The LDAP server {address} does not accept the name {who} with this password: check both in the directory's \
             settings."
        ),
        50 => format!(
            "The LDAP server {address} does not give {who} the right to do this: give it the rights that the \
             documentation of directories names."
        ),
        53 => format!(
            "The LDAP server {address} is not willing to do it ({}). Often it is read-only, or the account has no \
             password that its policy allows.",
            said(result)
        ),
        code => {
            format!("The LDAP server {address} refuses (result {code}: {}).", said(result))
        }
    };
    ConnectorError::refused(sentence, format!("result {}: {}", result.rc, said(result)))
}

/// What the server said, without what could spoil a page or a log.
fn said(result: &LdapResult) -> String {
    let plain: String =
        result.text.chars().filter(|c| !c.is_control()).take(SAID_MAX_CHARS).collect::<String>();
    if plain.trim().is_empty() { "no reason given".to_owned() } else { plain.trim().to_owned() }
}

fn points_to(result: &LdapResult) -> String {
    let all: Vec<&str> = result.refs.iter().map(String::as_str).collect();
    let plain: String = all.join(", ").chars().filter(|c| !c.is_control()).take(SAID_MAX_CHARS).collect();
    if plain.is_empty() { "it does not say which".to_owned() } else { plain }
}
