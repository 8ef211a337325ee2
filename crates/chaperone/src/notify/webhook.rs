//! Webhooks: JSON by HTTP POST, signed after the Standard Webhooks specification.
//!
//! What is signed with HMAC-SHA256 is `{webhook-id}.{webhook-timestamp}.{body}`. The id is the same on every attempt;
//! the time is the attempt's, so that a receiver can refuse what somebody kept and sends again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chaperone_app::notifications::{DeliveryError, Post, Poster};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::mail::chain;
use crate::Problem;
use crate::config::Webhook;

/// How long one call may take, with its answer.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Largest part of an answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// How much of an answer goes into the log, in characters.
const SAID_MAX_CHARS: usize = 300;

/// The client of all webhooks: no redirects, no proxy of the environment, one deadline.
pub(super) fn client(tls: &Arc<rustls::ClientConfig>) -> Result<Client, Problem> {
    Client::builder()
        .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .timeout(CALL_LIMIT)
        .user_agent(concat!("Chaperone/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Problem::new(format!("webhooks cannot be called: {}", chain(&error))))
}

/// The signature of a call after the Standard Webhooks specification.
pub(crate) fn signature(key: &hmac::Key, id: &str, timestamp: i64, body: &str) -> String {
    let tag = hmac::sign(key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// The way to one webhook.
pub(super) struct HttpPoster {
    client: Client,
    url: Url,
    key: hmac::Key,
    name: String,
}

impl HttpPoster {
    /// A way to the address that the configuration names; it is not called yet.
    pub(super) fn new(client: Client, webhook: &Webhook) -> Result<Self, Problem> {
        let url = webhook.url.reveal().parse().map_err(|_| {
            Problem::new(format!("the url of the webhook {:?} is not an address", webhook.name))
        })?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, webhook.secret.reveal());
        Ok(Self { client, url, key, name: webhook.name.clone() })
    }
}

#[async_trait]
impl Poster for HttpPoster {
    async fn post(&self, post: &Post) -> Result<(), DeliveryError> {
        let (id, timestamp, name) = (post.id.to_string(), post.at.as_second(), &self.name);
        let call = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature(&self.key, &id, timestamp, &post.body))
            .body(post.body.clone());
        let answer = call.send().await.map_err(|error| {
            // Without the address: it may hold a secret.
            let error = error.without_url();
            tracing::warn!(notification = %id, webhook = %name, error = %chain(&error), "a webhook does not answer");
            DeliveryError::Later(if error.is_timeout() {
                format!("The webhook {name} does not answer within 10 seconds.")
            } else {
                format!("The webhook {name} cannot be reached.")
            })
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = said(answer).await;
        tracing::warn!(notification = %id, webhook = %name, %status, said, "a webhook did not take it");
        let code = status.as_u16();
        Err(if status == StatusCode::GONE {
            DeliveryError::Refused(format!(
                "The webhook {name} is gone (410): take it out of the configuration."
            ))
        } else if status.is_redirection() {
            DeliveryError::Later(format!(
                "The webhook {name} answers with a redirect ({code}), which is not followed: configure the address that \
                 answers itself."
            ))
        } else {
            DeliveryError::Later(format!("The webhook {name} did not take it ({code})."))
        })
    }
}

/// The beginning of an answer, in one line, for the log.
pub(crate) async fn said(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_MAX_BYTES - bytes.len())]);
        if bytes.len() >= ANSWER_MAX_BYTES {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars().take(SAID_MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
