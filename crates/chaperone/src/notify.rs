//! Telling people and programs: what the app hands over is sent to a mail server and to webhooks.
//!
//! What goes wrong is told in two ways: a sentence for whoever may see the session, which repeats nothing that the other
//! side said, and the whole in the log.

use std::sync::Arc;

use chaperone_app::Addresses;
use chaperone_app::notifications::{Channels, Mailer, Poster, Webhook};

use crate::config::Notifications;
use crate::{Problem, tls};

mod mail;
mod webhook;

pub(crate) use mail::chain;
pub(crate) use webhook::{said, signature};

#[cfg(test)]
mod tests;

/// The ways that the configuration describes; nothing is connected to yet.
pub(crate) fn channels(config: &Notifications, addresses: &Addresses) -> Result<Channels, Problem> {
    let ca_file = config.ca_file.as_deref();
    let mailer = match &config.smtp {
        Some(smtp) => Some(Arc::new(mail::SmtpMailer::new(smtp, ca_file, addresses)?) as Arc<dyn Mailer>),
        None => None,
    };
    let mut webhooks = Vec::new();
    if !config.webhooks.is_empty() {
        let client = webhook::client(&tls::towards_targets(ca_file)?)?;
        for webhook in &config.webhooks {
            let poster = webhook::HttpPoster::new(client.clone(), webhook)?;
            webhooks.push(Webhook {
                name: webhook.name.clone(),
                kinds: webhook.kinds.clone(),
                poster: Arc::new(poster) as Arc<dyn Poster>,
            });
        }
    }
    Ok(Channels { mailer, webhooks })
}
