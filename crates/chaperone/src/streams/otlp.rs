//! OpenTelemetry logs by HTTP, in the protocol's JSON form.
//!
//! The body of a log record is the OCSF event as a structure; what readers of logs look for first stands in attributes,
//! by the names of the semantic conventions.

use async_trait::async_trait;
use chaperone_app::Addresses;
use chaperone_app::event_streams::classes::Severity;
use chaperone_app::event_streams::{Collector, Outgoing, SendError};
use chaperone_domain::Instant;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::Receiver;

/// A receiver of logs.
pub(super) struct OtlpCollector {
    to: Receiver,
    console: String,
}

impl OtlpCollector {
    pub(super) fn new(to: Receiver, addresses: &Addresses) -> Self {
        Self { to, console: addresses.console.clone() }
    }

    fn request(&self, events: &[Outgoing], at: Instant) -> Value {
        let records: Vec<Value> = events.iter().map(|event| record(event, at)).collect();
        json!({
            "resourceLogs": [{
                "resource": {"attributes": [
                    attribute("service.name", &json!("chaperone")),
                    attribute("service.version", &json!(env!("CARGO_PKG_VERSION"))),
                    attribute("service.instance.id", &json!(self.console)),
                ]},
                "scopeLogs": [{
                    "scope": {"name": "chaperone.trail", "version": env!("CARGO_PKG_VERSION")},
                    "logRecords": records,
                }],
            }],
        })
    }
}

fn record(event: &Outgoing, at: Instant) -> Value {
    let (number, text) = match event.severity {
        Severity::Informational => (9, "INFO"),
        Severity::Low => (10, "INFO2"),
        Severity::Medium => (13, "WARN"),
        Severity::High => (17, "ERROR"),
    };
    let mut attributes = vec![
        attribute("log.record.uid", &json!(event.id)),
        attribute("chaperone.action", &json!(event.action.name())),
    ];
    if let Some(seq) = event.seq {
        attributes.push(attribute("chaperone.number", &json!(seq)));
    }
    let named = [
        ("client.address", ["/src_endpoint/ip", "/unmapped/src_endpoint/ip"]),
        ("user.id", ["/actor/user/uid", "/unmapped/actor/user/uid"]),
        ("user.name", ["/actor/user/name", "/unmapped/actor/user/name"]),
        ("chaperone.privileged_session_id", ["/unmapped/privileged_session_id", "/metadata/correlation_uid"]),
    ];
    for (name, pointers) in named {
        if let Some(value) = pointers.iter().find_map(|pointer| event.ocsf.pointer(pointer)) {
            attributes.push(attribute(name, value));
        }
    }
    json!({
        "timeUnixNano": event.at.as_nanosecond().to_string(),
        "observedTimeUnixNano": at.as_nanosecond().to_string(),
        "severityNumber": number,
        "severityText": text,
        "eventName": event.action.name(),
        "body": any_value(&event.ocsf),
        "attributes": attributes,
    })
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({"key": key, "value": any_value(value)})
}

/// JSON as the protocol's `AnyValue`; whole numbers of 64 bits are written as text there.
fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!({"intValue": whole.to_string()}),
            None => json!({"doubleValue": number}),
        },
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(map) => {
            let values: Vec<Value> = map.iter().map(|(key, value)| attribute(key, value)).collect();
            json!({"kvlistValue": {"values": values}})
        }
    }
}

/// What the receiver says when it took some of the records.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: Partial,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Partial {
    /// A whole number, as text or not.
    rejected_log_records: Value,
}

impl Answer {
    fn rejected(&self) -> bool {
        let said = &self.partial_success.rejected_log_records;
        let number = said.as_i64().or_else(|| said.as_str().and_then(|text| text.parse().ok()));
        number.is_some_and(|number| number > 0)
    }
}

#[async_trait]
impl Collector for OtlpCollector {
    async fn take(&self, events: &[Outgoing], at: Instant) -> Result<String, SendError> {
        let body = self.request(events, at).to_string();
        let (status, answer) = self.to.post("application/json", HeaderMap::new(), body).await?;
        let name = self.to.name();
        // An answer that is empty or of another form says that all were taken, as its status does.
        if serde_json::from_slice::<Answer>(&answer).unwrap_or_default().rejected() {
            tracing::warn!(stream = name, answer = %String::from_utf8_lossy(&answer).escape_debug(), "records rejected");
            return Err(SendError::Refused(format!(
                "The collector of {name} rejected some of what was sent."
            )));
        }
        Ok(format!("The collector of {name} took it ({}).", status.as_u16()))
    }
}
