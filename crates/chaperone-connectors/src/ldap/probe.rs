//! Whether it can be reached with the rights that are needed.

use ldap3::Scope;

use crate::error::ConnectorError;
use crate::ldap::Plan;
use crate::ldap::dialect::Dialect;
use crate::ldap::session::{Entry, PASSWORD_POLICY, Search, Session};

/// Most password policies that are looked at.
const POLICIES_MAX: usize = 100;
/// Most names that a sentence repeats.
const NAMES_MAX: usize = 10;

/// Says what was found, or what is missing. Changes nothing.
pub(super) async fn probe(plan: &Plan) -> Result<String, ConnectorError> {
    let session = Session::open(plan).await?;
    base(plan, &session).await?;
    schema(plan, &session).await?;
    if plan.dialect == Dialect::Openldap {
        policy(plan, &session).await?;
    }
    let mut said = format!(
        "Signed in to {} ({}) as {}; the base {} is there",
        plan.address,
        kind(&session),
        plan.bind_dn,
        plan.base
    );
    match sample(plan, &session).await? {
        None => said.push_str(
            "; no account was found below it by the filter, so that it is not known whether accounts can be changed.",
        ),
        Some(entry) => {
            // Says what cannot be read.
            plan.dialect.observe(&entry)?;
            let name = plan.dialect.name(&entry).unwrap_or_else(|| entry.dn.clone());
            let mut known = true;
            for attribute in plan.dialect.state_attributes() {
                match session.may_change(plan, &entry, attribute).await? {
                    Some(true) => {}
                    Some(false) => {
                        return Err(ConnectorError::refused(
                            format!(
                                "{} may not change {attribute} of {name} on {}: give it the right to read and write it, \
                                 for all accounts.",
                                plan.bind_dn, plan.address
                            ),
                            "",
                        ));
                    }
                    None => known = false,
                }
            }
            if known {
                said.push_str(&format!("; {name} was found as the first account, and may be enabled and disabled."));
            } else {
                said.push_str(&format!(
                    "; {name} was found as the first account; the server does not say whether it may be changed."
                ));
            }
        }
    }
    Ok(said)
}

fn kind(session: &Session) -> String {
    let vendor = [session.root.text("vendorName"), session.root.text("vendorVersion")];
    let vendor: Vec<String> = vendor.into_iter().flatten().filter(|text| text.len() < 100).collect();
    if session.is_active_directory() {
        "Active Directory".to_owned()
    } else if !vendor.is_empty() {
        vendor.join(" ")
    } else if session.root.all("objectClass").iter().any(|class| class == b"OpenLDAProotDSE") {
        "OpenLDAP".to_owned()
    } else {
        "a server that does not say its name".to_owned()
    }
}

async fn base(plan: &Plan, session: &Session) -> Result<(), ConnectorError> {
    let search = Search {
        base: &plan.base,
        scope: Scope::Base,
        filter: "(objectClass=*)",
        attributes: vec!["1.1"],
        limit: 1,
    };
    let missing = |context: String| {
        let contexts = session.root.all("namingContexts").iter().take(NAMES_MAX);
        let contexts: Vec<_> = contexts.map(|name| String::from_utf8_lossy(name)).collect();
        let has = if contexts.is_empty() { "nothing that it names".to_owned() } else { contexts.join("; ") };
        let sentence = format!(
            "The base {} is not on the LDAP server {}, which has {has}, or {} may not see it: check the base and the \
             rights.",
            plan.base, plan.address, plan.bind_dn
        );
        ConnectorError::refused(sentence, context)
    };
    match session.search(plan, search).await {
        Ok(found) if found.is_empty() => Err(missing("no entry".to_owned())),
        Ok(_) => Ok(()),
        Err(ConnectorError::Refused(trouble)) if trouble.context.starts_with("result 32") => {
            Err(missing(trouble.context))
        }
        Err(error) => Err(error),
    }
}

/// Whether the server knows the attributes at all. One that hides its schema is believed.
async fn schema(plan: &Plan, session: &Session) -> Result<(), ConnectorError> {
    let Some(place) = session.root.text("subschemaSubentry") else { return Ok(()) };
    let search = Search {
        base: &place,
        scope: Scope::Base,
        filter: "(objectClass=subschema)",
        attributes: vec!["attributeTypes"],
        limit: 1,
    };
    let Ok(found) = session.search(plan, search).await else { return Ok(()) };
    let types = found.first().map(|entry| entry.all("attributeTypes")).unwrap_or_default();
    if types.is_empty() {
        return Ok(());
    }
    let known = |attribute: &str| {
        let quoted = format!("'{}'", attribute.to_ascii_lowercase());
        types.iter().any(|kind| String::from_utf8_lossy(kind).to_ascii_lowercase().contains(&quoted))
    };
    let missing = plan.dialect.state_attributes().iter().find(|attribute| !known(attribute));
    let sentence = match (plan.dialect, missing) {
        (Dialect::Openldap, missing) if missing.is_some() || !session.has_control(PASSWORD_POLICY) => {
            format!(
                "The LDAP server {} has no password policy overlay (slapo-ppolicy), without which no account can be \
             disabled: load it for the database of {}.",
                plan.address, plan.base
            )
        }
        (_, Some(attribute)) => format!(
            "The LDAP server {} does not know {attribute}: it is no Active Directory; choose OpenLDAP in the directory's \
             settings.",
            plan.address
        ),
        (_, None) => return Ok(()),
    };
    Err(ConnectorError::refused(sentence, place))
}

/// Whether a lock keeps anybody out: without a policy with `pwdLockout` TRUE the overlay does not look at it, and an
/// account that is disabled can sign in all the same.
async fn policy(plan: &Plan, session: &Session) -> Result<(), ConnectorError> {
    let contexts = session.root.all("namingContexts").iter();
    let contexts = contexts.map(|name| String::from_utf8_lossy(name).into_owned());
    let context = contexts.filter(|context| is_below(&plan.base, context)).max_by_key(String::len);
    let context = context.unwrap_or_else(|| plan.base.clone());
    if is_below(&plan.bind_dn, &context) && !session.under_policy {
        let sentence = format!(
            "The password policy overlay (slapo-ppolicy) of {} had no say in the sign-in of {}: configure it for the \
             database of {context}, and sign in as an entry of it that is not its rootdn.",
            plan.address, plan.bind_dn
        );
        return Err(ConnectorError::refused(sentence, ""));
    }
    let search = Search {
        base: &context,
        scope: Scope::Subtree,
        filter: "(objectClass=pwdPolicy)",
        attributes: vec!["pwdLockout"],
        limit: POLICIES_MAX,
    };
    let found = session.search(plan, search).await?;
    if found
        .iter()
        .any(|entry| entry.first("pwdLockout").is_some_and(|value| value.eq_ignore_ascii_case(b"TRUE")))
    {
        return Ok(());
    }
    let sentence = format!(
        "{} sees no password policy with pwdLockout TRUE below {context} on {}, and without one an account that is \
         disabled can still sign in: set it in the default policy, and let that name read objectClass and pwdLockout \
         of it.",
        plan.bind_dn, plan.address
    );
    Err(ConnectorError::refused(sentence, format!("{} policies", found.len())))
}

/// Whether a name ends with another, without regard to case and to spaces behind commas.
fn is_below(name: &str, context: &str) -> bool {
    let plain =
        |name: &str| name.split(',').map(str::trim).collect::<Vec<_>>().join(",").to_ascii_lowercase();
    let (name, context) = (plain(name), plain(context));
    name == context || name.strip_suffix(&context).is_some_and(|front| front.ends_with(','))
}

async fn sample(plan: &Plan, session: &Session) -> Result<Option<Entry>, ConnectorError> {
    let search = Search {
        base: &plan.base,
        scope: Scope::Subtree,
        filter: &plan.filter,
        attributes: plan.dialect.attributes(),
        limit: 1,
    };
    Ok(session.search(plan, search).await?.pop())
}
