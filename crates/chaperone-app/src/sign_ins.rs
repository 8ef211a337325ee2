//! Sign-ins to the console and the API: how they begin and end. Programs ([`tokens`]), the questions about all
//! sign-ins ([`login_events`]), and what is used in between ([`uses`]) have files of their own.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::{AuditAction, AuditEvent};
use chaperone_domain::ids::{SignInId, UserId};
use chaperone_domain::sign_in::{ABSOLUTE_LIMIT, Channel, EndKind, SignIn, SignInEnd, SignInKind};
use chaperone_domain::user::{Role, User};
use chaperone_store::{ApiToken, Events, WriteTx};
use jiff::SignedDuration;

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{Client, EventExt as _, Op, Who};
use crate::refusals::Telling;
use crate::secrets;

mod export;
mod login_events;
mod tokens;
mod uses;

pub use export::{SIGN_INS, SignInExport, TargetNames, write_row};

/// The last use of a console sign-in is stored at most this often.
const LAST_SEEN_EVERY: SignedDuration = SignedDuration::from_secs(30);
/// What console secrets are bound to, in place of a target's host.
const CONSOLE_HOST: &str = "";

/// A fresh sign-in to the console.
pub struct ConsoleSignIn {
    /// Who.
    pub user: User,
    /// The sign-in.
    pub sign_in: SignIn,
    /// The secret for the cookie; kept here as a hash only.
    pub secret: String,
}

/// When a new sign-in ends at the latest.
pub(crate) fn new_limit(at: Instant, token: Option<&ApiToken>) -> Instant {
    let limit = at.saturating_add(ABSOLUTE_LIMIT).unwrap_or(at);
    token.and_then(|token| token.expires_at).map_or(limit, |expiry| expiry.min(limit))
}

/// An end that is known exactly, and never before the beginning. After a restart with a clock that was set back, now
/// can be a little before what was stored last.
fn exact_end(at: Instant, sign_in: &SignIn, kind: EndKind) -> SignInEnd {
    SignInEnd { at: at.max(sign_in.started_at), kind, estimated: false }
}

/// Ends open sign-ins in that way at that time, as a part of a transaction; its events with theirs, and which ended.
pub(crate) async fn end_all(
    tx: &mut WriteTx,
    op: &Op,
    open: impl IntoIterator<Item = SignIn>,
    (kind, at): (EndKind, Instant),
    mut events: Events,
) -> Result<(Events, Vec<SignInId>), AppError> {
    let mut ended = Vec::new();
    for sign_in in open {
        let end = exact_end(at, &sign_in, kind);
        if tx.end_sign_in(sign_in.id, end).await? {
            events = events.and(ended_event(op, &sign_in, end));
            ended.push(sign_in.id);
        }
    }
    Ok((events, ended))
}

/// The event that a sign-in ended.
pub(crate) fn ended_event(op: &Op, sign_in: &SignIn, end: SignInEnd) -> AuditEvent {
    let mut event = op
        .event(AuditAction::SignInEnded, "sign_in", sign_in.id)
        .in_sign_in(sign_in.id)
        .in_session(sign_in.privileged_session_id)
        .with("user_id", sign_in.user_id.to_string())
        .with("kind", sign_in.kind.name())
        .with("end_kind", end.kind.name())
        .with("ended_at", end.at.to_string())
        .with("estimated", end.estimated);
    event.on_behalf_of = (op.actor().user_id() != Some(sign_in.user_id)).then_some(sign_in.user_id);
    event
}

/// The event that a sign-in started.
pub(crate) fn started_event(op: &Op, sign_in: &SignIn) -> AuditEvent {
    op.event(AuditAction::SignInStarted, "sign_in", sign_in.id)
        .in_sign_in(sign_in.id)
        .in_session(sign_in.privileged_session_id)
        .with("user_id", sign_in.user_id.to_string())
        .with("kind", sign_in.kind.name())
        .with("account_id", sign_in.account_id.map(|id| id.to_string()))
        .with("user_agent", sign_in.user_agent.as_str())
        .with("api_token_id", sign_in.api_token_id.map(|id| id.to_string()))
}

/// The event that an attempt failed, with what was typed as the name and without what was typed as the password.
fn failed_event(op: &Op, user_name: &str, user: Option<UserId>, cause: &'static str) -> AuditEvent {
    let typed: String = user_name.chars().take(128).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut event = op
        .event(AuditAction::SignInFailed, "user", user.map(|id| id.to_string()).unwrap_or_default())
        .with("user_name", typed)
        .with("cause", cause)
        .with("user_agent", op.client.user_agent.as_str());
    event.on_behalf_of = user;
    event
}

impl App {
    /// Signs a user in to the console.
    pub async fn sign_in(
        &self,
        op: &Op,
        user_name: &str,
        password: String,
    ) -> Result<ConsoleSignIn, AppError> {
        let user = self.store.read().user_by_name(user_name).await?;
        let user = self.authenticate(op, user_name, user, password).await?;
        let secret = secrets::new_secret();
        let sign_in = SignIn {
            id: SignInId::new(secrets::new_uuid(op.at)),
            user_id: user.id,
            kind: SignInKind::Console,
            channel: Channel::Web,
            account_id: None,
            privileged_session_id: None,
            api_token_id: None,
            client_address: op.client.address.clone(),
            user_agent: op.client.user_agent.clone(),
            started_at: op.at,
            authenticated_at: op.at,
            last_seen_at: op.at,
            expires_at: new_limit(op.at, None),
            end: None,
        };
        let tx_op = Op { who: Who::User(Box::new(user.clone())), sign_in_id: Some(sign_in.id), ..op.clone() };
        let (row, hash, version) = (sign_in.clone(), secrets::hash(&secret), user.version);
        let begun = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    // Checking the password takes a while, and a reset ends only the sign-ins that it finds.
                    let now = tx.read().user(row.user_id).await?;
                    if now.is_none_or(|now| now.version != version) {
                        return Err(AppError::Stale);
                    }
                    tx.insert_sign_in(&row, Some((&hash, CONSOLE_HOST))).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(started_event(&op, &row))))
                })
            })
            .await;
        if matches!(begun, Err(AppError::Stale)) {
            self.note(failed_event(op, user_name, Some(user.id), "user_changed")).await?;
            return Err(AppError::SignInFailed);
        }
        begun?;
        self.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![user.id]);
        Ok(ConsoleSignIn { user, sign_in, secret })
    }

    /// Checks the password of a user who is signed in already: for opening a session and changing the password.
    pub(crate) async fn check_password_of(
        &self,
        op: &Op,
        user: &User,
        password: String,
    ) -> Result<(), AppError> {
        self.authenticate(op, &user.user_name, Some(user.clone()), password).await.map(|_| ())
    }

    /// Name and password to user, with limits on attempts; a failure is in the trail with its reason, which the
    /// answer does not tell.
    async fn authenticate(
        &self,
        op: &Op,
        user_name: &str,
        user: Option<User>,
        password: String,
    ) -> Result<User, AppError> {
        let address = op.client.address.as_str();
        if let Some(wait) = self.attempts.must_wait(user_name, address, op.at) {
            // As many as somebody cares to send, so only the first ones have an event of their own.
            let kind = format!("sign-in from {address}: too_many_attempts");
            if let Telling::Told { more_are_counted } = self.refusals.tell(kind, op.at) {
                let user = user.as_ref().map(|user| user.id);
                let event = failed_event(op, user_name, user, "too_many_attempts");
                self.note(event.with("more_are_counted", more_are_counted)).await?;
            }
            return Err(AppError::TooManyAttempts { retry_after_s: wait.as_secs().unsigned_abs() });
        }
        self.attempts.begin(user_name, address, op.at);
        let hash = match &user {
            Some(user) => self.store.read().password_hash(user.id).await?,
            None => None,
        };
        let fits = self.passwords.fits(password, hash).await?;
        let reason = match &user {
            None => "unknown_user",
            Some(_) if !fits => "wrong_password",
            Some(user) if !user.active => "user_inactive",
            Some(_) => {
                self.attempts.succeeded(user_name, address);
                return user.ok_or(AppError::SignInFailed);
            }
        };
        self.note(failed_event(op, user_name, user.map(|user| user.id), reason)).await?;
        Err(AppError::SignInFailed)
    }

    /// Who holds this console cookie: the operation to go on with.
    pub async fn authenticate_cookie(&self, secret: &str, client: Client) -> Result<(Op, SignIn), AppError> {
        let found = self.store.read().sign_in_by_secret(&secrets::hash(secret)).await?;
        let now = self.now();
        let (sign_in, _) = found
            .filter(|(sign_in, _)| {
                sign_in.kind == SignInKind::Console && sign_in.end.is_none() && sign_in.due_end(now).is_none()
            })
            .ok_or(AppError::NotSignedIn)?;
        let user = self
            .store
            .read()
            .user(sign_in.user_id)
            .await?
            .filter(|user| user.active)
            .ok_or(AppError::NotSignedIn)?;
        if now.duration_since(sign_in.last_seen_at) >= LAST_SEEN_EVERY {
            let id = sign_in.id;
            self.store
                .keep_books(move |books| Box::pin(async move { books.touch_sign_in(id, now).await }))
                .await?;
        }
        let op = Op {
            who: Who::User(Box::new(user)),
            at: now,
            channel: Some(Channel::Web),
            client,
            sign_in_id: Some(sign_in.id),
        };
        Ok((op, sign_in))
    }

    /// Ends one's own console sign-in.
    pub async fn sign_out(&self, op: &Op) -> Result<(), AppError> {
        let id = op.sign_in_id.filter(|_| op.channel == Some(Channel::Web)).ok_or(AppError::NotSignedIn)?;
        let sign_in = self.store.read().sign_in(id).await?.ok_or(AppError::NotSignedIn)?;
        self.end_sign_in_row(op, sign_in, EndKind::SignedOut).await
    }

    /// A system administrator ends somebody's sign-in.
    pub async fn end_sign_in(&self, op: &Op, id: SignInId) -> Result<(), AppError> {
        op.require(&[Role::SystemAdministrator])?;
        let sign_in = self.store.read().sign_in(id).await?.ok_or(AppError::NotFound { noun: "sign-in" })?;
        self.end_sign_in_row(op, sign_in, EndKind::EndedByAdministrator).await
    }

    pub(crate) async fn end_sign_in_row(
        &self,
        op: &Op,
        sign_in: SignIn,
        kind: EndKind,
    ) -> Result<(), AppError> {
        let end = exact_end(op.at, &sign_in, kind);
        let (tx_op, row) = (op.clone(), sign_in.clone());
        let ended = self
            .store
            .write(move |tx| {
                let (op, row) = (tx_op.clone(), row.clone());
                Box::pin(async move {
                    if !tx.end_sign_in(row.id, end).await? {
                        return Err(AppError::NotFound { noun: "open sign-in" });
                    }
                    Ok(tx.commit((), Events::one(ended_event(&op, &row, end))))
                })
            })
            .await;
        self.gate.end(sign_in.id);
        self.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![sign_in.user_id]);
        match ended {
            Err(AppError::NotFound { .. }) if kind == EndKind::SignedOut => Ok(()),
            other => other,
        }
    }
}
