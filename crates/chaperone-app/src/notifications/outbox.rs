//! Which rows follow from a change. They are made before its transaction and written in it.

use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::event_stream::EventStream;
use chaperone_domain::grant::{Grant, GrantOutcome};
use chaperone_domain::ids::{NotificationId, PrivilegedSessionId, UserId};
use chaperone_domain::notification::{
    self, Channel, GIVE_UP_AFTER, Notification, NotificationKind, NotificationState,
};
use chaperone_domain::privileged_session::{Extension, PrivilegedSession, State};

use super::compose::{self, Facts};
use crate::app::App;
use crate::errors::AppError;
use crate::op::Op;
use crate::secrets;

/// Something that is told and that is about no session.
pub(crate) struct ToldOf<'t> {
    /// What.
    pub(crate) kind: NotificationKind,
    /// About what, by its name.
    pub(crate) what: &'t str,
    /// Which occurrence it is.
    pub(crate) occurrence: i64,
    /// What happened, and what to do.
    pub(crate) text: &'t str,
    /// Where more is.
    pub(crate) url: &'t str,
}

/// What is told about no session, for mails and for webhooks.
struct Message {
    kind: NotificationKind,
    /// Which time it is told of the same thing.
    occurrence: i64,
    subject: String,
    text: String,
    json: String,
}

impl App {
    /// What a change of state tells; `after` is the session as it is about to be written, `said` what was said about
    /// the change. `from` is `None` for a new request.
    pub(crate) async fn told_by_status(
        &self,
        op: &Op,
        from: Option<State>,
        after: &PrivilegedSession,
        said: &str,
    ) -> Result<Vec<Notification>, AppError> {
        match notification::of_status(from, after.state, after.end_reason) {
            Some(kind) => self.told(op, after, kind, after.version, said).await,
            None => Ok(Vec::new()),
        }
    }

    /// What the way in which a grant is about to be closed tells.
    pub(crate) async fn told_by_outcome(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        grant: &Grant,
        outcome: GrantOutcome,
    ) -> Result<Vec<Notification>, AppError> {
        let Some(kind) = notification::of_outcome(outcome) else { return Ok(Vec::new()) };
        match self.store.read().privileged_session(session).await? {
            Some(session) => {
                let occurrence = grant.created_at.as_microsecond();
                self.told(op, &session, kind, occurrence, compose::outcome_sentence(outcome)).await
            }
            None => Ok(Vec::new()),
        }
    }

    /// What somebody else's change of an account that a session holds tells.
    pub(crate) async fn told_by_drift(
        &self,
        op: &Op,
        session: PrivilegedSessionId,
        said: &str,
    ) -> Result<Vec<Notification>, AppError> {
        match self.store.read().privileged_session(session).await? {
            Some(session) => {
                self.told(op, &session, NotificationKind::Drift, op.at.as_microsecond(), said).await
            }
            None => Ok(Vec::new()),
        }
    }

    /// What is told of a later end, also to whoever asked for it: that it is to be approved, or what was decided.
    /// `after` is the session as it is about to be written.
    pub(crate) async fn told_by_extension(
        &self,
        op: &Op,
        after: &PrivilegedSession,
        extension: &Extension,
        kind: NotificationKind,
        said: &str,
    ) -> Result<Vec<Notification>, AppError> {
        self.told_also(op, after, Some(extension.requested_by), (kind, after.version), said).await
    }

    /// What time alone tells about a session now.
    pub(crate) async fn told_by_time(
        &self,
        op: &Op,
        session: &PrivilegedSession,
    ) -> Result<Vec<Notification>, AppError> {
        let problem = match session.state {
            State::Ending => self.way_back_problem(session.id).await?,
            _ => None,
        };
        match notification::of_time(session, problem.is_some(), op.at) {
            Some((kind, occurrence)) => {
                self.told(op, session, kind, occurrence, problem.as_deref().unwrap_or_default()).await
            }
            None => Ok(Vec::new()),
        }
    }

    /// What went wrong when the session's account was to be put back; `None` when nothing did.
    async fn way_back_problem(&self, session: PrivilegedSessionId) -> Result<Option<String>, AppError> {
        let grants = self.store.read().grants_of_session(session).await?;
        let mut open = grants.into_iter().filter(|(_, holder)| holder.released_at.is_none());
        Ok(open.find(|(grant, _)| grant.attempt > 0).and_then(|(grant, _)| grant.problem))
    }

    /// What is told of an event stream that could send nothing for long: system administrators, and the webhooks that
    /// want it.
    pub(crate) async fn told_by_event_stream(
        &self,
        op: &Op,
        stream: &EventStream,
        problem: &str,
    ) -> Result<Vec<Notification>, AppError> {
        let kind = NotificationKind::EventStreamStalled;
        let url = format!("{}/event-streams", self.addresses.console);
        let (subject, text, json) = compose::stalled(stream, problem, &url, op.at);
        let occurrence = stream.problem_since.unwrap_or(op.at).as_microsecond();
        self.about_no_session(op, Message { kind, occurrence, subject, text, json }).await
    }

    /// One row for each address that is told.
    async fn told(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        kind: NotificationKind,
        occurrence: i64,
        said: &str,
    ) -> Result<Vec<Notification>, AppError> {
        self.told_also(op, session, None, (kind, occurrence), said).await
    }

    /// The same, and one for somebody who asked for what it is about.
    async fn told_also(
        &self,
        op: &Op,
        session: &PrivilegedSession,
        asked: Option<UserId>,
        (kind, occurrence): (NotificationKind, i64),
        said: &str,
    ) -> Result<Vec<Notification>, AppError> {
        if self.channels.is_empty() {
            return Ok(Vec::new());
        }
        let read = self.store.read();
        let people = read.active_users_with(kind.told_roles()).await?;
        let facts = Facts {
            account: read.account(session.account_id).await?,
            user: read.user(session.user_id).await?,
            requested_by: read.user(session.requested_by).await?,
            approved_by: match session.approved_by {
                Some(id) => read.user(id).await?,
                None => None,
            },
            targets: {
                let mut targets = Vec::new();
                for id in &session.target_ids {
                    targets.extend(read.target(*id).await?);
                }
                targets
            },
            url: format!("{}/privileged-sessions/{}", self.addresses.console, session.id),
        };
        let asker = match asked {
            Some(id) => read.user(id).await?,
            None => None,
        };
        let candidates: Vec<_> = [&facts.requested_by, &facts.user, &facts.approved_by, &asker]
            .into_iter()
            .flatten()
            .cloned()
            .chain(people)
            .collect();
        let subject = compose::subject(kind, &facts);
        let row = |channel, address: &str, body: String| Notification {
            id: NotificationId::new(secrets::new_uuid(op.at)),
            kind,
            privileged_session_id: Some(session.id),
            account_id: Some(session.account_id),
            recipient: None,
            channel,
            address: address.to_owned(),
            occurrence,
            state: NotificationState::Waiting,
            attempt: 0,
            next_try_at: Some(op.at),
            give_up_at: op.at.saturating_add(GIVE_UP_AFTER).unwrap_or(op.at),
            problem: None,
            created_at: op.at,
            sent_at: None,
            subject: subject.clone(),
            body,
        };
        let mut rows = Vec::new();
        if self.channels.mailer.is_some() {
            let text = compose::text(kind, session, &facts, said);
            let told = notification::recipients(kind, session, asked, &candidates);
            for user in told.into_iter().filter(|user| !user.email.is_empty()) {
                let mail = row(Channel::Mail, &user.email, text.clone());
                rows.push(Notification { recipient: Some(user.id), ..mail });
            }
        }
        let wanted = |kinds: &[NotificationKind]| kinds.contains(&kind);
        for webhook in self.channels.webhooks.iter().filter(|webhook| wanted(&webhook.kinds)) {
            let body = compose::json(kind, session, &facts, said, op.at);
            rows.push(row(Channel::Webhook, &webhook.name, body));
        }
        Ok(rows)
    }

    /// One row for each address that is told of something that is about no session: bearers of the kind's roles, and the
    /// webhooks that want it.
    pub(crate) async fn told_of_no_session(
        &self,
        op: &Op,
        told: ToldOf<'_>,
    ) -> Result<Vec<Notification>, AppError> {
        let subject = compose::subject_of(told.kind, told.what);
        let text = format!("{}\n\n{}\n", told.text, told.url);
        let json = compose::json_of(&told, &subject, op.at);
        let (kind, occurrence) = (told.kind, told.occurrence);
        self.about_no_session(op, Message { kind, occurrence, subject, text, json }).await
    }

    /// The rows of a message that is about no session.
    async fn about_no_session(&self, op: &Op, message: Message) -> Result<Vec<Notification>, AppError> {
        let kind = message.kind;
        let row = |channel, address: &str, body: &str| Notification {
            id: NotificationId::new(secrets::new_uuid(op.at)),
            kind,
            privileged_session_id: None,
            account_id: None,
            recipient: None,
            channel,
            address: address.to_owned(),
            occurrence: message.occurrence,
            state: NotificationState::Waiting,
            attempt: 0,
            next_try_at: Some(op.at),
            give_up_at: op.at.saturating_add(GIVE_UP_AFTER).unwrap_or(op.at),
            problem: None,
            created_at: op.at,
            sent_at: None,
            subject: message.subject.clone(),
            body: body.to_owned(),
        };
        let mut rows = Vec::new();
        if self.channels.mailer.is_some() {
            let people = self.store.read().active_users_with(kind.told_roles()).await?;
            for user in people.into_iter().filter(|user| !user.email.is_empty()) {
                let mail = row(Channel::Mail, &user.email, &message.text);
                rows.push(Notification { recipient: Some(user.id), ..mail });
            }
        }
        for webhook in self.channels.webhooks.iter().filter(|webhook| webhook.kinds.contains(&kind)) {
            rows.push(row(Channel::Webhook, &webhook.name, &message.json));
        }
        Ok(rows)
    }

    /// Gives up a notification, with its event.
    pub(crate) async fn give_up_notification(
        &self,
        op: &Op,
        told: &Notification,
        problem: &str,
    ) -> Result<(), AppError> {
        use crate::op::EventExt as _;
        tracing::warn!(notification = %told.id, channel = told.channel.name(), problem, "a notification is given up");
        let (op, told, problem) = (op.clone(), told.clone(), problem.to_owned());
        self.store
            .write(move |tx| {
                let (op, told, problem) = (op.clone(), told.clone(), problem.clone());
                Box::pin(async move {
                    tx.give_up_notification(told.id, told.attempt, &problem).await?;
                    let event = super::notification_event(&op, AuditAction::NotificationGivenUp, &told)
                        .with("problem", problem);
                    Ok::<_, AppError>(tx.commit((), chaperone_store::Events::one(event)))
                })
            })
            .await
    }
}
