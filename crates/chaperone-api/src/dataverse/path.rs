//! Paths: which resource is meant.

use uuid::Uuid;

use super::options::decode;
use super::refusal::Refusal;
use super::schema::{AUDIT, ENTITY_DEFINITION, ORGANIZATION, SYSTEM_USER, Table};

/// What functions of the source may be called by.
const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// A resource.
#[derive(Debug, PartialEq)]
pub(crate) enum Resource {
    /// The list of the sets.
    Service,
    Metadata,
    WhoAmI,
    Organizations,
    Organization(Uuid),
    Audits,
    CountOfAudits,
    AuditsOf(Uuid),
    Audit(Uuid),
    AuditDetails(Uuid),
    SystemUsers,
    SystemUser(Uuid),
    Definitions,
    Definition(Definition),
    /// The names of the aliases or the values of target and paging.
    ChangeHistory(Arguments),
    DeleteAuditData,
}

/// How a definition is named.
#[derive(Debug, PartialEq)]
pub(crate) enum Definition {
    Id(Uuid),
    LogicalName(String),
}

/// Arguments as they are written.
pub(crate) type Arguments = Vec<(String, String)>;

/// A segment: its name and, in parentheses, what stands behind it.
struct Segment {
    name: String,
    key: Option<Arguments>,
}

/// The resource that the path behind the Web API's own names.
pub(crate) fn resource(path: &str) -> Result<Resource, Refusal> {
    let segments: Result<Vec<Segment>, Refusal> =
        split(path, '/').into_iter().filter(|part| !part.is_empty()).map(segment).collect();
    let segments = segments?;
    let named: Vec<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
    let none = |at: usize| Refusal::no_segment(named.get(at).copied().unwrap_or_default());
    let call = |at: usize| segments[at].key.as_ref().is_none_or(Vec::is_empty);
    let id = |at: usize, table: &Table| key(&segments[at], table);
    let set = |at: usize| segments[at].key.is_none();
    Ok(match named.as_slice() {
        [] => Resource::Service,
        ["$metadata"] => Resource::Metadata,
        ["$batch"] => return Err(Refusal::not_offered("$batch")),
        ["WhoAmI"] if call(0) => Resource::WhoAmI,
        ["DeleteAuditData"] if call(0) => Resource::DeleteAuditData,
        ["RetrieveRecordChangeHistory"] => {
            Resource::ChangeHistory(segments[0].key.clone().unwrap_or_default())
        }
        ["organizations"] if set(0) => Resource::Organizations,
        ["organizations"] => Resource::Organization(id(0, &ORGANIZATION)?),
        ["audits"] if set(0) => Resource::Audits,
        ["audits"] => Resource::Audit(id(0, &AUDIT)?),
        ["audits", "$count"] if set(0) => Resource::CountOfAudits,
        ["audits", "RetrieveAuditDetails"] if !set(0) && call(1) => Resource::AuditDetails(id(0, &AUDIT)?),
        ["audits", ..] => return Err(none(1)),
        ["systemusers"] if set(0) => Resource::SystemUsers,
        ["systemusers"] => Resource::SystemUser(id(0, &SYSTEM_USER)?),
        ["systemusers", "lk_audit_userid"] if !set(0) && set(1) => Resource::AuditsOf(id(0, &SYSTEM_USER)?),
        ["systemusers", ..] => return Err(none(1)),
        ["EntityDefinitions"] if set(0) => Resource::Definitions,
        ["EntityDefinitions"] => Resource::Definition(definition(&segments[0])?),
        ["EntityDefinitions" | "organizations", ..] => return Err(none(1)),
        _ => return Err(none(0)),
    })
}

/// The parts of a text, at a sign that stands outside of quotes, parentheses, braces and brackets.
fn split(text: &str, at_sign: char) -> Vec<&str> {
    let (mut parts, mut from, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, None);
    for (at, c) in text.char_indices() {
        match (quoted, c) {
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quoted = Some(c),
            (None, '(' | '{' | '[') => depth += 1,
            (None, ')' | '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c == at_sign && depth == 0 => {
                parts.push(&text[from..at]);
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[from..]);
    parts
}

fn segment(text: &str) -> Result<Segment, Refusal> {
    // A path knows no plus for a space.
    let text = decode(&text.replace('+', "%2B"))?;
    let (name, key) = match text.split_once('(') {
        None => (text.as_str(), None),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| Refusal::no_segment(&text))?;
            let arguments =
                split(inner, ',').into_iter().filter(|part| !part.trim().is_empty()).map(|part| {
                    let (name, value) = split_argument(part);
                    (name.trim().to_owned(), value.trim().to_owned())
                });
            (name, Some(arguments.collect()))
        }
    };
    let name = name.strip_prefix(NAMESPACE).unwrap_or(name);
    Ok(Segment { name: name.to_owned(), key })
}

/// `name=value`, or a value alone.
fn split_argument(part: &str) -> (&str, &str) {
    match part.split_once('=') {
        Some((name, value)) if name.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            (name, value)
        }
        _ => ("", part),
    }
}

/// The id in parentheses, with or without the key's name.
fn key(segment: &Segment, table: &Table) -> Result<Uuid, Refusal> {
    if let Some([(name, value)]) = segment.key.as_deref()
        && (name.is_empty() || name == table.key)
        && let Some(id) = super::filter::guid(value)
    {
        return Ok(id);
    }
    Err(Refusal::query(format!(
        "{}(…) takes one id: {}(00000000-0000-0000-0000-000000000000).",
        table.set, table.set
    )))
}

fn definition(segment: &Segment) -> Result<Definition, Refusal> {
    if let Some([(name, value)]) = segment.key.as_deref() {
        let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        match (name.as_str(), quoted) {
            ("LogicalName", Some(logical_name)) => {
                return Ok(Definition::LogicalName(logical_name.replace("''", "'")));
            }
            _ => return key(segment, &ENTITY_DEFINITION).map(Definition::Id),
        }
    }
    Err(Refusal::query("EntityDefinitions(…) takes LogicalName='…' or a MetadataId."))
}

impl Definition {
    /// Whether a definition with these two is meant.
    pub(crate) fn is(&self, id: Uuid, logical_name: &str) -> bool {
        match self {
            Self::Id(wanted) => *wanted == id,
            Self::LogicalName(wanted) => wanted == logical_name,
        }
    }

    /// How it was named, for a refusal.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::LogicalName(name) => name.chars().take(100).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fc37-65c2-7000-83d3-1715f43e7799";

    fn id() -> Uuid {
        ID.parse().expect("an id")
    }

    #[test]
    fn functions_come_with_and_without_parentheses_and_namespace() {
        for path in ["WhoAmI", "WhoAmI()", "/WhoAmI", "Microsoft.Dynamics.CRM.WhoAmI"] {
            assert_eq!(resource(path).expect(path), Resource::WhoAmI);
        }
        for end in ["RetrieveAuditDetails", "Microsoft.Dynamics.CRM.RetrieveAuditDetails()"] {
            let path = format!("audits({ID})/{end}");
            assert_eq!(resource(&path).expect("read"), Resource::AuditDetails(id()));
        }
    }

    #[test]
    fn keys_are_ids_alone_or_by_their_name() {
        assert_eq!(resource(&format!("audits({ID})")).expect("read"), Resource::Audit(id()));
        assert_eq!(resource(&format!("audits(auditid={ID})")).expect("read"), Resource::Audit(id()));
        for bad in ["audits()", "audits(1)", "audits(name='x')", "audits('x", "audits(x,y)"] {
            assert!(resource(bad).is_err(), "{bad}");
        }
        let named = resource("EntityDefinitions(LogicalName='audit')").expect("read");
        assert_eq!(named, Resource::Definition(Definition::LogicalName("audit".to_owned())));
    }

    #[test]
    fn arguments_may_be_aliases_or_values() {
        let read = resource("RetrieveRecordChangeHistory(Target=@p1,PagingInfo=@p2)").expect("read");
        let wanted = [("Target", "@p1"), ("PagingInfo", "@p2")];
        let wanted = wanted.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(read, Resource::ChangeHistory(wanted));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let refusal = resource("accounts").expect_err("not there");
        assert_eq!(refusal.message, "Resource not found for the segment 'accounts'.");
        assert!(resource(&format!("systemusers({ID})/manager")).is_err());
    }
}
