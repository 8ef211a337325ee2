//! What the executable hands in: one hand for mail, one for each webhook.

use std::sync::Arc;

use async_trait::async_trait;
use chaperone_domain::Instant;
use chaperone_domain::ids::NotificationId;
use chaperone_domain::notification::{Channel, NotificationKind};
use tokio::sync::Notify;

/// Why something did not arrive, in a sentence that whoever may see the session can read: it names what answered and
/// what to do, never what the other side said (that goes to the log).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryError {
    /// It may work later: it is tried again.
    Later(String),
    /// It will not work however often it is tried.
    Refused(String),
}

/// A mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same on every attempt; for the `Message-ID`.
    pub id: NotificationId,
    /// When the change happened that it speaks of.
    pub at: Instant,
    /// The e-mail address.
    pub to: String,
    /// In one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// A call of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The same on every attempt; for `webhook-id`.
    pub id: NotificationId,
    /// When this attempt is made; for `webhook-timestamp`.
    pub at: Instant,
    /// JSON.
    pub body: String,
}

/// Hands mails to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Returns when the server has taken the mail. It may be called again with a mail that was taken, when the process
    /// ended before that was stored.
    ///
    /// # Errors
    /// [`DeliveryError::Later`] when the server is away, slow or says so; [`DeliveryError::Refused`] when it refuses
    /// this mail for good.
    async fn send(&self, mail: &Mail) -> Result<(), DeliveryError>;
}

/// Calls one webhook.
#[async_trait]
pub trait Poster: Send + Sync {
    /// Returns when the receiver has taken it. It may be called again with what was taken.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    async fn post(&self, post: &Post) -> Result<(), DeliveryError>;
}

/// A program that wants to be told.
#[derive(Clone)]
pub struct Webhook {
    /// What people see of it; the address itself may hold a secret.
    pub name: String,
    /// What it wants to be told.
    pub kinds: Vec<NotificationKind>,
    /// How it is called.
    pub poster: Arc<dyn Poster>,
}

/// The ways on which people and programs are told. With none of them nothing is told and nothing is stored.
#[derive(Clone, Default)]
pub struct Channels {
    /// How mails are sent.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// The programs that want to be told, each with a name of its own.
    pub webhooks: Vec<Webhook>,
}

impl Channels {
    /// Whether nobody can be told.
    pub(crate) fn is_empty(&self) -> bool {
        self.mailer.is_none() && self.webhooks.is_empty()
    }
}

/// Wakes whoever sends: something may be waiting.
#[derive(Default)]
pub(crate) struct Nudges {
    mail: Notify,
    webhook: Notify,
}

impl Nudges {
    /// Something may be waiting.
    pub(crate) fn wake(&self) {
        self.mail.notify_one();
        self.webhook.notify_one();
    }

    /// Waits until something may be waiting on that channel.
    pub(crate) async fn wait(&self, channel: Channel) {
        match channel {
            Channel::Mail => self.mail.notified().await,
            Channel::Webhook => self.webhook.notified().await,
        }
    }
}
