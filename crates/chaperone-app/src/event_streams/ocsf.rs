//! One event of the trail as an event of the Open Cybersecurity Schema Framework.
//!
//! What OCSF has a place for stands there; everything else stays under `unmapped`, by the names of the trail. The same
//! event always has the same `metadata.uid`, so that a collector can drop what comes a second time.

use chaperone_domain::audit_event::{Actor, AuditEvent, DetailValue};
use chaperone_domain::ids::UserId;
use chaperone_store::StoredEvent;
use serde_json::{Map, Value, json};

use super::classes::{Class, Meaning, Outcome, meaning_of, text};
use super::names::Names;

/// The version of the schema that events say they follow.
pub const VERSION: &str = "1.6.0";
/// Type numbers: a person, a system, and what OCSF has no number for.
const TYPE_USER: u32 = 1;
const TYPE_OTHER: u32 = 99;
/// How short the texts of an event that is too long become, in characters: the first that is short enough.
const SHORTENED_CHARS: [usize; 3] = [1_024, 256, 64];

/// What all events of this installation have in common.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The console's address: which installation it is.
    pub console: String,
}

/// The event as OCSF.
pub fn of(stored: &StoredEvent, names: &Names, origin: &Origin) -> Value {
    let event = &stored.event;
    let meaning = meaning_of(event);
    let mut map = base(stored, meaning, names, origin);
    // Not every class has a place for who it was and from where; that stays then among what has none.
    let (actor, endpoint) = match meaning.class {
        Class::FileHostingActivity => {
            let unknown = json!({"name": "not known"});
            (Some(actor(event, names).unwrap_or_else(somebody)), Some(endpoint(event).unwrap_or(unknown)))
        }
        _ => (actor(event, names), endpoint(event)),
    };
    let has_actor = !matches!(
        meaning.class,
        Class::WebResourcesActivity | Class::DetectionFinding | Class::ApplicationLifecycle
    );
    let has_endpoint = !matches!(meaning.class, Class::DetectionFinding | Class::ApplicationLifecycle);
    for (name, value, has_place) in [("actor", actor, has_actor), ("src_endpoint", endpoint, has_endpoint)] {
        let Some(value) = value else { continue };
        if has_place {
            map.insert(name.to_owned(), value);
        } else if let Some(Value::Object(unmapped)) = map.get_mut("unmapped") {
            unmapped.insert(name.to_owned(), value);
        }
    }
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value);
        }
    };
    match meaning.class {
        Class::Authentication => {
            put("user", Some(who_signed_in(event, names)));
            put("session", event.sign_in_id.map(|id| json!({"uid": id.to_string()})));
            put(
                "service",
                Some(json!({"name": "Chaperone", "uid": text(event, "kind").unwrap_or("console")})),
            );
            put("status_detail", text(event, "cause").or(text(event, "end_kind")).map(Value::from));
        }
        Class::AccountChange => {
            put("user", Some(subject_user(event, names)));
            put("status_detail", text(event, "problem").map(Value::from));
        }
        Class::EntityManagement => {
            put("entity", Some(entity(event, names)));
            put("comment", event.reason.as_deref().map(Value::from));
        }
        Class::WebResourcesActivity => {
            put("web_resources", Some(json!([thing(event, names)])));
            put("status_detail", text(event, "cause").map(Value::from));
        }
        Class::ApplicationLifecycle => put("app", Some(product(origin))),
        Class::FileHostingActivity => {
            let subject = &event.subject;
            let file = json!({
                "name": format!("{} {}", subject.kind, subject.id),
                "uid": subject.id,
                "type_id": TYPE_OTHER,
                "type": subject.kind,
            });
            put("file", Some(file));
        }
        Class::DetectionFinding => {
            put("is_alert", Some(Value::from(true)));
            let found =
                json!({"uid": event.id.to_string(), "title": words(event), "desc": message(event, names)});
            put("finding_info", Some(found));
            put("resources", Some(json!([thing(event, names)])));
        }
    }
    Value::Object(map)
}

/// What every class has.
fn base(stored: &StoredEvent, meaning: Meaning, names: &Names, origin: &Origin) -> Map<String, Value> {
    let event = &stored.event;
    let Meaning { class, activity, severity, outcome } = meaning;
    let (status_id, status) = match (class, outcome) {
        (Class::DetectionFinding, _) => (1, "New"),
        (_, Outcome::Success) => (1, "Success"),
        (_, Outcome::Failure) => (2, "Failure"),
    };
    let mut metadata = Map::new();
    metadata.insert("version".to_owned(), Value::from(VERSION));
    metadata.insert("product".to_owned(), product(origin));
    metadata.insert("uid".to_owned(), Value::from(event.id.to_string()));
    if let Some(seq) = stored.seq {
        metadata.insert("sequence".to_owned(), Value::from(seq));
    }
    metadata.insert("event_code".to_owned(), Value::from(event.action.name()));
    metadata.insert("log_name".to_owned(), Value::from("trail"));
    metadata.insert("original_time".to_owned(), Value::from(event.at.to_string()));
    if let Some(session) = event.privileged_session_id {
        metadata.insert("correlation_uid".to_owned(), Value::from(session.to_string()));
    }
    let value = json!({
        "metadata": metadata,
        "time": event.at.as_millisecond(),
        "category_uid": class.uid() / 1_000,
        "category_name": class.category(),
        "class_uid": class.uid(),
        "class_name": class.caption(),
        "activity_id": activity.id,
        "activity_name": activity.caption,
        "type_uid": class.uid() * 100 + activity.id,
        "type_name": format!("{}: {}", class.caption(), activity.caption),
        "severity_id": severity.id(),
        "severity": severity.caption(),
        "status_id": status_id,
        "status": status,
        "message": message(event, names),
        "unmapped": unmapped(stored, names),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What OCSF has no place for, by the names of the trail.
fn unmapped(stored: &StoredEvent, names: &Names) -> Value {
    let event = &stored.event;
    let details: Map<String, Value> = event
        .details
        .iter()
        .map(|(name, value)| {
            let value = match value {
                DetailValue::Text(text) => Value::from(text.as_str()),
                DetailValue::Number(number) => Value::from(*number),
                DetailValue::Flag(flag) => Value::from(*flag),
                DetailValue::Nothing => Value::Null,
            };
            (name.clone(), value)
        })
        .collect();
    let commitment: String = stored.commitment.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut map = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value);
        }
    };
    put("action", Some(Value::from(event.action.name())));
    put("actor_kind", Some(Value::from(event.actor.kind_name())));
    put("subject", Some(json!({"kind": event.subject.kind, "id": event.subject.id})));
    put("on_behalf_of", event.on_behalf_of.map(|id| user(id, names)));
    put("privileged_session_id", event.privileged_session_id.map(|id| Value::from(id.to_string())));
    put("sign_in_id", event.sign_in_id.map(|id| Value::from(id.to_string())));
    put("channel", event.channel.map(|channel| Value::from(channel.name())));
    put("reason", event.reason.as_deref().map(Value::from));
    put("details", Some(Value::Object(details)));
    put("commitment", stored.seq.map(|_| Value::from(commitment)));
    Value::Object(map)
}

fn product(origin: &Origin) -> Value {
    json!({
        "name": "Chaperone",
        "vendor_name": "Chaperone",
        "version": env!("CARGO_PKG_VERSION"),
        "url_string": origin.console,
    })
}

/// The action in words: `Sign in started`.
fn words(event: &AuditEvent) -> String {
    let mut words = event.action.name().replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// In one line.
fn message(event: &AuditEvent, names: &Names) -> String {
    let mut message = words(event);
    if let Some(name) = names.of_subject(&event.subject) {
        message.push_str(&format!(": {name}"));
    }
    let who = match event.actor {
        Actor::User(id) => names.user(id).map(|user| user.user_name.clone()),
        Actor::Processor => Some("the background process".to_owned()),
        _ => None,
    };
    if let Some(who) = who {
        message.push_str(&format!(", by {who}"));
    }
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// From where: an address if it is one.
fn endpoint(event: &AuditEvent) -> Option<Value> {
    let address = event.client_address.as_deref()?;
    Some(match address.parse::<std::net::IpAddr>() {
        Ok(ip) => json!({"ip": ip.to_string()}),
        Err(_) => json!({"name": address}),
    })
}

fn user(id: UserId, names: &Names) -> Value {
    let mut user = json!({"uid": id.to_string(), "type_id": TYPE_USER, "type": "User"});
    if let Some(known) = names.user(id) {
        user["name"] = Value::from(known.user_name.as_str());
        if !known.display_name.is_empty() {
            user["full_name"] = Value::from(known.display_name.as_str());
        }
        if !known.email.is_empty() {
            user["email_addr"] = Value::from(known.email.as_str());
        }
    }
    user
}

/// Who did it; `None` for somebody who is not signed in, or not known.
fn actor(event: &AuditEvent, names: &Names) -> Option<Value> {
    match event.actor {
        Actor::User(id) => {
            let mut actor = json!({"user": user(id, names)});
            if let Some(sign_in) = event.sign_in_id {
                actor["session"] = json!({"uid": sign_in.to_string()});
            }
            Some(actor)
        }
        Actor::Processor => Some(json!({"app_name": "Chaperone background process"})),
        Actor::System => Some(json!({"app_name": "Chaperone"})),
        _ => None,
    }
}

/// Where the class wants an actor and nobody was signed in.
fn somebody() -> Value {
    json!({"user": {"name": "not signed in", "type_id": 0, "type": "Unknown"}})
}

/// Whose sign-in it is: the name that was typed counts when there is no such user.
fn who_signed_in(event: &AuditEvent, names: &Names) -> Value {
    let named = text(event, "user_id").and_then(|id| id.parse().ok());
    match named.or(event.on_behalf_of).or(event.actor.user_id()) {
        Some(id) => user(id, names),
        None => {
            let typed = text(event, "user_name").filter(|name| !name.is_empty()).unwrap_or("not known");
            json!({"name": typed, "type_id": 0, "type": "Unknown"})
        }
    }
}

/// The user or account that the event happened to.
fn subject_user(event: &AuditEvent, names: &Names) -> Value {
    if event.subject.kind == "user"
        && let Ok(id) = event.subject.id.parse()
    {
        return user(id, names);
    }
    let mut account = json!({"type_id": TYPE_OTHER, "type": event.subject.kind});
    match names.of_subject(&event.subject) {
        Some(name) => account["name"] = Value::from(name),
        None => account["name"] = Value::from(event.subject.kind.as_str()),
    }
    if !event.subject.id.is_empty() {
        account["uid"] = Value::from(event.subject.id.as_str());
    }
    account
}

fn entity(event: &AuditEvent, names: &Names) -> Value {
    let mut entity = thing(event, names);
    entity["type_id"] = Value::from(TYPE_OTHER);
    entity
}

/// What it happened to, with a name where one is known.
fn thing(event: &AuditEvent, names: &Names) -> Value {
    let subject = &event.subject;
    let name = names.of_subject(subject).unwrap_or_else(|| {
        text(event, "name")
            .map_or_else(|| format!("{} {}", subject.kind, subject.id).trim_end().to_owned(), str::to_owned)
    });
    let mut thing = json!({"name": name, "type": subject.kind});
    if !subject.id.is_empty() {
        thing["uid"] = Value::from(subject.id.as_str());
    }
    thing
}

/// The event within so many bytes of JSON. What does not fit loses the ends of its long texts, then its details, and
/// says so; number, id and who did it stay.
pub fn fitted(event: Value, max_bytes: usize) -> Value {
    let size = event.to_string().len();
    if size <= max_bytes {
        return event;
    }
    let mut event = event;
    event["metadata"]["is_truncated"] = Value::from(true);
    event["metadata"]["untruncated_size"] = Value::from(size);
    for chars in SHORTENED_CHARS {
        shorten(&mut event, chars);
        if event.to_string().len() <= max_bytes {
            return event;
        }
    }
    event["unmapped"]["details"] = json!({});
    event
}

fn shorten(value: &mut Value, chars: usize) {
    match value {
        Value::String(text) if text.chars().count() > chars => {
            *text = text.chars().take(chars).chain(['…']).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| shorten(item, chars)),
        Value::Object(map) => map.values_mut().for_each(|item| shorten(item, chars)),
        _ => {}
    }
}
