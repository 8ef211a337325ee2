//! An event as a line of the Common Event Format, for collectors that know nothing newer.
//!
//! It is made of the OCSF event, so that both say the same. The keys are those of the format's own dictionary; what has
//! none stands in the custom strings, each with its label.

use serde_json::Value;

/// What the header says before the event's own parts.
const HEADER: &str = concat!("CEF:0|Chaperone|Chaperone|", env!("CARGO_PKG_VERSION"));

/// The line; without its end.
pub fn line(ocsf: &Value) -> String {
    let text = |pointer: &str| match ocsf.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let first_of = |pointers: &[&str]| {
        pointers.iter().map(|pointer| text(pointer)).find(|found| !found.is_empty()).unwrap_or_default()
    };
    let action = text("/metadata/event_code");
    let severity = match ocsf["severity_id"].as_u64() {
        Some(4..) => 8,
        Some(3) => 6,
        Some(2) => 3,
        _ => 1,
    };
    let mut line = format!("{HEADER}|{}|{}|{severity}|", in_header(&action), in_header(&text("/type_name")));
    let actor =
        |name: &str| first_of(&[&format!("/actor/user/{name}"), &format!("/unmapped/actor/user/{name}")]);
    let signed_in = ocsf["class_uid"] == 3002;
    let (suser, suid) = match signed_in {
        true => (text("/user/name"), text("/user/uid")),
        false => (actor("name"), actor("uid")),
    };
    let (duser, duid) = match signed_in {
        true => (String::new(), String::new()),
        false => (text("/user/name"), text("/user/uid")),
    };
    let details = text("/unmapped/details");
    let pairs = [
        ("rt", text("/time")),
        ("externalId", text("/metadata/uid")),
        ("cat", text("/class_name")),
        ("act", action),
        ("outcome", text("/status").to_lowercase()),
        ("reason", first_of(&["/status_detail", "/unmapped/reason"])),
        ("src", first_of(&["/src_endpoint/ip", "/unmapped/src_endpoint/ip"])),
        ("suser", suser),
        ("suid", suid),
        ("duser", duser),
        ("duid", duid),
        ("request", text("/unmapped/details/path")),
        ("requestMethod", text("/unmapped/details/method")),
        ("requestClientApplication", text("/unmapped/details/user_agent")),
        ("cn1", text("/metadata/sequence")),
        ("cs1", text("/unmapped/privileged_session_id")),
        ("cs2", text("/unmapped/sign_in_id")),
        ("cs3", text("/unmapped/subject/kind")),
        ("cs4", text("/unmapped/subject/id")),
        ("cs5", text("/unmapped/on_behalf_of/name")),
        ("cs6", if details == "{}" { String::new() } else { details }),
        ("msg", text("/message")),
    ];
    let mut words = Vec::new();
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        words.push(format!("{key}={}", in_extension(value)));
        if let Some(label) = label(key) {
            words.push(format!("{key}Label={label}"));
        }
    }
    line.push_str(&words.join(" "));
    line
}

/// What a custom field holds.
fn label(key: &str) -> Option<&'static str> {
    Some(match key {
        "cn1" => "number",
        "cs1" => "privileged_session_id",
        "cs2" => "sign_in_id",
        "cs3" => "subject_kind",
        "cs4" => "subject_id",
        "cs5" => "on_behalf_of",
        "cs6" => "details",
        _ => return None,
    })
}

/// A part of the header: `|` and `\` are escaped, and it is one line.
fn in_header(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.replace('\\', "\\\\").replace('|', "\\|")
}

/// A value: `=` and `\` are escaped, the ends of lines are written as `\n`.
fn in_extension(text: &str) -> String {
    let escaped =
        text.replace('\\', "\\\\").replace('=', "\\=").replace("\r\n", "\\n").replace(['\r', '\n'], "\\n");
    escaped.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
