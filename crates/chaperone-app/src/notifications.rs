//! Notifications: who is told about a privileged session, by mail and by webhook.
//!
//! Telling is an *outbox*: a change and what is told of it are rows of one transaction, so nothing is told of a change
//! that was not kept, and nothing that was kept goes untold. A job sends what is in it ([`crate::jobs`]); a mail server
//! that is away delays mails and nothing else. What is sent arrives at least once, under one id.
//!
//! | file | what |
//! | --- | --- |
//! | `outbox` | which rows follow from a change |
//! | `compose` | subject and text |
//! | `delivery` | what the executable hands in to send them |

use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{NotificationId, PrivilegedSessionId};
use chaperone_domain::notification::{GIVE_UP_AFTER, Notification, NotificationState};
use chaperone_domain::user::{Role, User};
use chaperone_store::Events;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};

mod compose;
mod delivery;
mod outbox;

pub(crate) use delivery::Nudges;
pub use delivery::{Channels, DeliveryError, Mail, Mailer, Post, Poster, Webhook};
pub(crate) use outbox::ToldOf;

/// A notification with the person that it goes to.
#[derive(Clone, Debug)]
pub struct NotificationView {
    /// The notification.
    pub notification: Notification,
    /// To whom; `None` for a webhook.
    pub recipient: Option<User>,
}

impl App {
    /// Who was told what about a session, oldest first, for whoever may see the session.
    pub async fn notifications(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<Vec<NotificationView>, AppError> {
        self.privileged_session(op, id).await?;
        let mut views = Vec::new();
        for notification in self.store.read().notifications_of_session(id).await? {
            views.push(self.to_notification_view(notification).await?);
        }
        Ok(views)
    }

    async fn to_notification_view(&self, notification: Notification) -> Result<NotificationView, AppError> {
        let recipient = match notification.recipient {
            Some(id) => self.store.read().user(id).await?,
            None => None,
        };
        Ok(NotificationView { notification, recipient })
    }

    /// Has a notification tried now and for another day, unless it was sent.
    pub async fn retry_notification(
        &self,
        op: &Op,
        id: NotificationId,
    ) -> Result<NotificationView, AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let found = self.store.read().notification(id).await?;
        let Some(before) = found else { return Err(AppError::NotFound { noun: "notification" }) };
        if before.state == NotificationState::Sent {
            return Err(AppError::refused(
                "notification-sent",
                "It was sent already; there is nothing to try again.",
            ));
        }
        let give_up_at = op.at.checked_add(GIVE_UP_AFTER).map_err(|_| AppError::Inside("end of time"))?;
        let (tx_op, row) = (op.clone(), before.clone());
        self.store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    tx.retry_notification(row.id, op.at, give_up_at).await?;
                    let event = notification_event(&op, AuditAction::NotificationRetried, &row);
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        self.notification_moved(&before).await?;
        self.nudges.wake();
        let after = self.store.read().notification(id).await?.unwrap_or(before);
        self.to_notification_view(after).await
    }

    /// Tells watchers that something about the session's notifications changed.
    pub(crate) async fn notification_moved(&self, notification: &Notification) -> Result<(), AppError> {
        let Some(id) = notification.privileged_session_id else { return Ok(()) };
        if let Some(session) = self.store.read().privileged_session(id).await? {
            let concerns = vec![session.user_id, session.requested_by];
            self.changes.tell(ChangedNoun::PrivilegedSession, id.uuid(), concerns);
        }
        Ok(())
    }
}

/// The event that something was done about a notification.
pub(crate) fn notification_event(
    op: &Op,
    action: AuditAction,
    notification: &Notification,
) -> chaperone_domain::audit_event::AuditEvent {
    op.event(action, "notification", notification.id)
        .in_session(notification.privileged_session_id)
        .with("kind", notification.kind.name())
        .with("channel", notification.channel.name())
        .with("recipient_id", notification.recipient.map(|id| id.to_string()))
        .with("attempts", notification.attempt)
}
