//! Events to real collectors: rsyslog over TCP and TLS, an OTLP receiver with the protocol's own definitions, a webhook
//! that is verified with the library of its specification. And collectors that misbehave.

mod events;
mod otlp;
#[allow(dead_code, reason = "each suite uses its part of the server")]
#[path = "../../tests/support/rsyslog.rs"]
mod rsyslog;
mod syslog;
mod tls;
mod webhook;
