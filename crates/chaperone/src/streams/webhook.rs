//! Batches of JSON by HTTP POST, signed after the Standard Webhooks specification.
//!
//! The id of a call names the stream and the numbers of its first and last event, so that the same batch has the same id
//! on every attempt; each event has an id of its own in `metadata.uid`.

use async_trait::async_trait;
use aws_lc_rs::hmac;
use chaperone_app::event_streams::{Collector, Outgoing, SendError};
use chaperone_domain::Instant;
use chaperone_domain::event_stream::StreamFormat;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

use super::http::Receiver;
use crate::config::{Body, WebhookSecret};
use crate::notify::signature;

/// A collector that is called.
pub(super) struct WebhookCollector {
    to: Receiver,
    body: Body,
    key: Option<hmac::Key>,
}

impl WebhookCollector {
    pub(super) fn new(to: Receiver, body: Body, secret: Option<&WebhookSecret>) -> Self {
        let key = secret.map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal()));
        Self { to, body, key }
    }

    fn id(&self, events: &[Outgoing]) -> String {
        let name = self.to.name();
        match (events.first(), events.last()) {
            (Some(Outgoing { seq: Some(first), .. }), Some(Outgoing { seq: Some(last), .. })) => {
                format!("{name}-{first}-{last}")
            }
            (Some(first), _) => format!("{name}-{}", first.id),
            (None, _) => name.to_owned(),
        }
    }

    fn text(&self, events: &[Outgoing], at: Instant) -> String {
        match self.body {
            Body::Batch => {
                let events: Vec<_> = events.iter().map(|event| &event.ocsf).collect();
                json!({
                    "type": "event_stream.batch",
                    "timestamp": at.to_string(),
                    "data": {"event_stream": self.to.name(), "events": events},
                })
                .to_string()
            }
            Body::Lines => events.iter().map(|event| event.line(StreamFormat::Ocsf) + "\n").collect(),
        }
    }
}

#[async_trait]
impl Collector for WebhookCollector {
    async fn take(&self, events: &[Outgoing], at: Instant) -> Result<String, SendError> {
        let (id, timestamp, text) = (self.id(events), at.as_second(), self.text(events, at));
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        if let Some(key) = &self.key {
            put("webhook-signature", signature(key, &id, timestamp, &text));
        }
        put("webhook-id", id);
        put("webhook-timestamp", timestamp.to_string());
        let content_type = match self.body {
            Body::Batch => "application/json",
            Body::Lines => "application/x-ndjson",
        };
        let (status, _) = self.to.post(content_type, headers, text).await?;
        Ok(format!("The collector of {} took it ({}).", self.to.name(), status.as_u16()))
    }
}
