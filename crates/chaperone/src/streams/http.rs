//! Collectors that are called by HTTP: one call, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use chaperone_app::event_streams::SendError;
use jiff::SignedDuration;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use crate::Problem;
use crate::config::Secret;
use crate::notify::{chain, said};

/// How long one call may take, with its answer. Shorter than the app's attempt.
const CALL_LIMIT: Duration = Duration::from_secs(15);
/// Largest part of an answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// One collector by HTTP.
pub(super) struct Receiver {
    client: Client,
    url: Url,
    authorization: Option<HeaderValue>,
    /// For sentences.
    name: String,
}

impl Receiver {
    /// A way to the address; it is not called yet. No redirects, no proxy of the environment, one deadline.
    pub(super) fn new(
        tls: &Arc<rustls::ClientConfig>,
        url: &Secret,
        authorization: Option<&Secret>,
        name: &str,
    ) -> Result<Self, Problem> {
        let failed = |what: &str| Problem::new(format!("the event stream {name:?} cannot be sent: {what}"));
        let client = Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(tls))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .timeout(CALL_LIMIT)
            .user_agent(concat!("Chaperone/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(&chain(&error)))?;
        let url = url.reveal().parse().map_err(|_| failed("its url is not an address"))?;
        let authorization = authorization
            .map(|value| HeaderValue::from_str(value.reveal()))
            .transpose()
            .map_err(|_| failed("its authorization does not fit into a header"))?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        Ok(Self { client, url, authorization, name: name.to_owned() })
    }

    /// For sentences.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Posts; answers status and body when the collector took it.
    pub(super) async fn post(
        &self,
        content_type: &'static str,
        mut headers: HeaderMap,
        body: String,
    ) -> Result<(StatusCode, Vec<u8>), SendError> {
        let name = &self.name;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let call = self.client.post(self.url.clone()).headers(headers).body(body);
        let answer = call.send().await.map_err(|error| self.no_answer(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok((status, self.body(answer).await?));
        }
        let pause = asked_pause(&answer);
        let said = said(answer).await;
        tracing::warn!(stream = %name, %status, said, "a collector did not take a batch");
        let code = status.as_u16();
        let later = |problem: String| SendError::Later { problem, pause };
        Err(match code {
            400 | 413 | 422 => {
                SendError::Refused(format!("The collector of {name} refuses what is sent ({code})."))
            }
            401 | 403 => later(format!(
                "The collector of {name} does not let Chaperone in ({code}): look at its authorization or secret."
            )),
            404 | 405 | 410 => {
                later(format!("The collector of {name} knows no such address ({code}): look at the url."))
            }
            429 => later(format!("The collector of {name} asks for a pause (429).")),
            300..=399 => later(format!(
                "The collector of {name} answers with a redirect ({code}), which is not followed: configure the address \
                 that answers itself."
            )),
            _ => later(format!("The collector of {name} did not take it ({code}).")),
        })
    }

    fn no_answer(&self, error: reqwest::Error) -> SendError {
        // Without the address: it may hold a secret.
        let error = error.without_url();
        let name = &self.name;
        tracing::warn!(stream = %name, error = %chain(&error), "a collector does not answer");
        SendError::later(if error.is_timeout() {
            format!("The collector of {name} does not answer within {} seconds.", CALL_LIMIT.as_secs())
        } else if error.is_connect() {
            format!("The collector of {name} cannot be reached.")
        } else {
            format!("The connection to the collector of {name} broke off.")
        })
    }

    /// The beginning of an answer. One that breaks off says nothing about what it answers to.
    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, SendError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.no_answer(error))? {
            bytes.extend_from_slice(&chunk[..chunk.len().min(ANSWER_MAX_BYTES - bytes.len())]);
            if bytes.len() >= ANSWER_MAX_BYTES {
                break;
            }
        }
        Ok(bytes)
    }
}

/// The pause that the collector asks for, in seconds.
fn asked_pause(answer: &Response) -> Option<SignedDuration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(SignedDuration::from_secs(seconds.into()))
}
