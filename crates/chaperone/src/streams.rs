//! The trail to collectors: what the app hands over is sent by webhook, by syslog, or as OpenTelemetry logs.
//!
//! What goes wrong is told in two ways: a sentence for whoever may see the streams, which repeats nothing that the other
//! side said, and the whole in the log.

use std::sync::Arc;

use chaperone_app::Addresses;
use chaperone_app::event_streams::{Collector, ConfiguredStream};

use crate::config::{EventStream, Way};
use crate::{Problem, tls};

mod http;
mod otlp;
mod syslog;
mod webhook;

#[cfg(test)]
mod tests;

/// Longest event for collectors that take long ones, in bytes.
const EVENT_MAX_BYTES: usize = 64 * 1024;

/// The streams that the configuration describes; nothing is connected to yet.
pub(crate) fn configured(
    config: &[EventStream],
    addresses: &Addresses,
) -> Result<Vec<ConfiguredStream>, Problem> {
    config.iter().map(|stream| configure(stream, addresses)).collect()
}

fn configure(stream: &EventStream, addresses: &Addresses) -> Result<ConfiguredStream, Problem> {
    let own =
        stream.client_certificate.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    let tls = tls::towards_collector(stream.ca_file.as_deref(), own)?;
    let name = stream.name.clone();
    let mut event_max_bytes = EVENT_MAX_BYTES;
    let collector: Arc<dyn Collector> = match &stream.way {
        Way::Webhook { url, body, secret, authorization } => {
            let to = http::Receiver::new(&tls, url, authorization.as_ref(), &name)?;
            Arc::new(webhook::WebhookCollector::new(to, *body, secret.as_ref()))
        }
        Way::Otlp { url, authorization } => {
            let to = http::Receiver::new(&tls, url, authorization.as_ref(), &name)?;
            Arc::new(otlp::OtlpCollector::new(to, addresses))
        }
        Way::Syslog { .. } => {
            event_max_bytes = stream.max_message_bytes.saturating_sub(syslog::HEADER_MAX_BYTES);
            Arc::new(syslog::SyslogCollector::new(stream, tls, addresses)?)
        }
    };
    Ok(ConfiguredStream {
        name,
        kind: stream.kind,
        address: stream.address.clone(),
        format: stream.format,
        start: stream.start,
        classes: stream.classes.clone(),
        event_max_bytes,
        collector,
    })
}
