//! What the trail hears of those who were not let in, or not let through; see [`crate::refusals`] for how much of it.
//!
//! The event is written before the refusal is answered. When it cannot be written, the refusal is answered all the
//! same, and the operator's log has what the trail should have had.

use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::ids::{DocumentId, PrivilegedSessionId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::Target;

use super::EntryRefused;
use crate::app::App;
use crate::gate::LiveSignIn;
use crate::op::{Client, EventExt as _, Op};
use crate::refusals::Telling;

fn session_of(sign_in: &LiveSignIn) -> Option<PrivilegedSessionId> {
    sign_in.facts().session.as_ref().map(|session| session.id)
}

impl App {
    /// Somebody was refused at a target; the trail says so.
    pub async fn access_refused(
        &self,
        target: &Target,
        sign_in: Option<&LiveSignIn>,
        client: &Client,
        reason: &str,
    ) {
        let who = sign_in.map(|live| live.id.to_string()).unwrap_or_else(|| client.address.clone());
        let op = match sign_in {
            Some(live) => self.op_of(live, client),
            None => Op::anonymous(self.now(), Channel::Web, client.clone()),
        };
        let kind = format!("{who} at {}: {reason}", target.host);
        let Telling::Told { more_are_counted } = self.refusals.tell(kind, op.at) else { return };
        let session = sign_in.and_then(|live| live.facts().session.as_ref().map(|session| session.id));
        let event = op
            .event(AuditAction::AccessRefused, "target", target.id)
            .in_session(session)
            .with("cause", reason)
            .with("user_agent", op.client.user_agent.as_str())
            .with("more_are_counted", more_are_counted);
        self.note_or_log(event).await;
    }

    /// Somebody did not get into a target; the trail says so.
    pub(crate) async fn entry_refused(&self, op: &Op, target: &Target, why: EntryRefused) {
        let who = op.user().map_or_else(|_| op.client.address.clone(), |user| user.id.to_string());
        let kind = format!("{who} into {}: {}", target.host, why.name());
        let Telling::Told { more_are_counted } = self.refusals.tell(kind, op.at) else { return };
        let event = op
            .event(AuditAction::AccessRefused, "target", target.id)
            .with("cause", why.name())
            .with("user_agent", op.client.user_agent.as_str())
            .with("more_are_counted", more_are_counted);
        self.note_or_log(event).await;
    }

    /// A change was refused because its evidence is missing.
    pub async fn change_refused(
        &self,
        target: &Target,
        sign_in: &LiveSignIn,
        document: Option<DocumentId>,
        method: &str,
        path: &str,
        reason: &str,
    ) {
        let op = self.op_of(sign_in, &Client::default());
        let kind = format!("{} changing {}: {reason}", sign_in.id, target.host);
        let Telling::Told { more_are_counted } = self.refusals.tell(kind, op.at) else { return };
        let event = op
            .event(AuditAction::ChangeRefused, "target", target.id)
            .in_session(session_of(sign_in))
            .with("document_id", document.map(|id| id.to_string()))
            .with("method", method)
            .with("path", path.split('?').next().unwrap_or_default())
            .with("cause", reason)
            .with("more_are_counted", more_are_counted);
        self.note_or_log(event).await;
    }

    /// A document was locked: its chain of evidence broke.
    pub async fn document_locked(&self, sign_in: &LiveSignIn, document: DocumentId, reason: &str) {
        let op = self.op_of(sign_in, &Client::default());
        let event = op
            .event(AuditAction::DocumentLocked, "document", document)
            .in_session(session_of(sign_in))
            .with("cause", reason);
        self.note_or_log(event).await;
    }

    async fn note_or_log(&self, event: AuditEvent) {
        if let Err(error) = self.note(event.clone()).await {
            // The refusal itself stands; that it could not be written is told to the operator.
            tracing::error!(action = event.action.name(), ?event, %error, "event of a refusal not written");
        }
    }
}
