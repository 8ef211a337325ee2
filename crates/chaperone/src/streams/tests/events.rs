//! Events to send, and streams to send them on.

use chaperone_app::Addresses;
use chaperone_app::event_streams::classes::Severity;
use chaperone_app::event_streams::{ConfiguredStream, Outgoing};
use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::event_stream::{StreamFormat, StreamKind, StreamStart};
use serde_json::json;

use crate::config::{Confirm, EventStream, Framing, Protection, Way};
use crate::streams;

/// 2026-09-21 14:13:20 UTC and some microseconds.
const AT_US: i64 = 1_790_000_000_123_456;

pub(super) fn at() -> Instant {
    Instant::from_microsecond(AT_US).expect("in range")
}

pub(super) fn addresses() -> Addresses {
    Addresses {
        console: "https://chaperone.example.org:8443".to_owned(),
        replay: "https://replay.example.org:8443".to_owned(),
        scheme: "https".to_owned(),
        port: Some(8443),
    }
}

/// An event of that number, with a message of more than one byte a character.
pub(super) fn event(seq: i64) -> Outgoing {
    let id = format!("00000000-0000-7000-8000-{seq:012}");
    Outgoing {
        seq: Some(seq),
        id: id.clone(),
        at: at(),
        action: AuditAction::SignInFailed,
        severity: Severity::Medium,
        ocsf: json!({
            "metadata": {"version": "1.6.0", "uid": id, "sequence": seq, "event_code": "sign_in_failed"},
            "time": AT_US / 1_000,
            "class_uid": 3002,
            "class_name": "Authentication",
            "type_name": "Authentication: Logon",
            "severity_id": 3,
            "status": "Failure",
            "message": "Sign in failed: jürgen — \"quoted\" ] [ \\",
            "user": {"name": "jürgen"},
            "src_endpoint": {"ip": "192.0.2.7"},
            "unmapped": {
                "privileged_session_id": "s-1",
                "details": {"attempt": 3, "share": 0.5, "late": true, "nothing": null, "list": ["a", "b"]},
            },
        }),
    }
}

pub(super) fn events(from: i64, to: i64) -> Vec<Outgoing> {
    (from..=to).map(event).collect()
}

/// A stream called `siem` on that way.
pub(super) fn config(way: Way) -> EventStream {
    let kind = match &way {
        Way::Webhook { .. } => StreamKind::Webhook,
        Way::Syslog { .. } => StreamKind::Syslog,
        Way::Otlp { .. } => StreamKind::Otlp,
    };
    EventStream {
        name: "siem".to_owned(),
        kind,
        address: "somewhere".to_owned(),
        way,
        format: StreamFormat::Ocsf,
        start: StreamStart::Now,
        classes: Vec::new(),
        max_message_bytes: 8_192,
        ca_file: None,
        client_certificate: None,
    }
}

pub(super) fn syslog_at(port: u16, protection: Protection) -> EventStream {
    config(Way::Syslog {
        host: "localhost".to_owned(),
        port,
        protection,
        framing: Framing::OctetCounting,
        confirm: Confirm::Close,
    })
}

/// The stream as the app gets it.
pub(super) fn stream(config: &EventStream) -> ConfiguredStream {
    streams::configured(std::slice::from_ref(config), &addresses()).expect("in order").remove(0)
}

/// Sends them; what came back or what went wrong, as a sentence.
pub(super) async fn send(config: &EventStream, events: &[Outgoing]) -> Result<String, String> {
    use chaperone_app::event_streams::SendError;
    stream(config).collector.take(events, at()).await.map_err(|error| match error {
        SendError::Later { problem, pause: None } => format!("later: {problem}"),
        SendError::Later { problem, pause: Some(pause) } => format!("in {} s: {problem}", pause.as_secs()),
        SendError::Refused(problem) => format!("refused: {problem}"),
    })
}
