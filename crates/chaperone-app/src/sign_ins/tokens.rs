//! Bearer tokens: whose they are, why one is refused, and the web services sign-in of a token at our own API.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::{ApiTokenId, SignInId, TargetId, UserId};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind};
use chaperone_domain::user::User;
use chaperone_store::{ApiToken, Events};

use super::{LAST_SEEN_EVERY, new_limit, started_event};
use crate::app::App;
use crate::changes::ChangedNoun;
use crate::entry::is_begun_already;
use crate::errors::AppError;
use crate::op::{Client, EventExt as _, Op, Who};
use crate::refusals::Telling;
use crate::secrets::{self, TOKEN_PREFIX};

impl App {
    /// Whose API token this is: the operation to go on with, in the token's sign-in.
    pub async fn authenticate_token(&self, token: &str, client: Client) -> Result<Op, AppError> {
        let op = Op::anonymous(self.now(), Channel::WebServices, client);
        let (user, token) = self.bearer(&op, token, None).await?;
        let op = Op { who: Who::User(Box::new(user.clone())), ..op };
        let sign_in = self.sign_in_of_token(&op, &user, &token).await?;
        Ok(Op { sign_in_id: Some(sign_in), ..op })
    }

    /// The token's open sign-in at our own API; it begins with the first call.
    async fn sign_in_of_token(&self, op: &Op, user: &User, token: &ApiToken) -> Result<SignInId, AppError> {
        for _ in 0..2 {
            let open = self.store.read().open_sign_in_of_token(token.id, None, None).await?;
            if let Some(open) = open
                && !self.end_by_time(op.at, &open).await?
            {
                if op.at.duration_since(open.last_seen_at) >= LAST_SEEN_EVERY {
                    self.token_and_sign_in_used(token.id, open.id, op.at).await?;
                }
                return Ok(open.id);
            }
            match self.begin_sign_in_of_token(op, user, token).await {
                // Another call of the same token was faster: its sign-in is there now.
                Err(error) if is_begun_already(&error) => {}
                begun => return begun,
            }
        }
        Err(AppError::Stale)
    }

    async fn begin_sign_in_of_token(
        &self,
        op: &Op,
        user: &User,
        token: &ApiToken,
    ) -> Result<SignInId, AppError> {
        let row = SignIn {
            id: SignInId::new(secrets::new_uuid(op.at)),
            user_id: user.id,
            kind: SignInKind::Console,
            channel: Channel::WebServices,
            account_id: None,
            privileged_session_id: None,
            api_token_id: Some(token.id),
            client_address: op.client.address.clone(),
            user_agent: op.client.user_agent.clone(),
            started_at: op.at,
            authenticated_at: op.at,
            last_seen_at: op.at,
            expires_at: new_limit(op.at, Some(token)),
            end: None,
        };
        let id = row.id;
        let op = Op { sign_in_id: Some(id), ..op.clone() };
        self.store
            .write(move |tx| {
                let (op, row) = (op.clone(), row.clone());
                Box::pin(async move {
                    tx.insert_sign_in(&row, None).await?;
                    Ok::<_, AppError>(tx.commit((), Events::one(started_event(&op, &row))))
                })
            })
            .await?;
        self.token_used(token.id, self.now()).await;
        self.changes.tell(ChangedNoun::SignIn, id.uuid(), vec![user.id]);
        Ok(id)
    }

    async fn token_and_sign_in_used(
        &self,
        token: ApiTokenId,
        sign_in: SignInId,
        at: Instant,
    ) -> Result<(), AppError> {
        Ok(self
            .store
            .keep_books(move |books| {
                Box::pin(async move {
                    books.touch_sign_in(sign_in, at).await?;
                    books.api_token_used(token, at).await
                })
            })
            .await?)
    }

    /// Notes that a token was used; a failure keeps nobody out.
    pub(crate) async fn token_used(&self, token: ApiTokenId, at: Instant) {
        let noted = self
            .store
            .keep_books(move |books| Box::pin(async move { books.api_token_used(token, at).await }))
            .await;
        if let Err(error) = noted {
            tracing::warn!(%token, %error, "the last use of a token is not stored");
        }
    }

    /// The active user whose valid token this is. Any other token is refused without a word why; the trail has the
    /// cause, and never the token.
    pub(crate) async fn bearer(
        &self,
        op: &Op,
        token: &str,
        target: Option<TargetId>,
    ) -> Result<(User, ApiToken), AppError> {
        if !token.starts_with(TOKEN_PREFIX) {
            return self.token_refused(op, None, "not_a_token", target).await;
        }
        let Some(row) = self.store.read().api_token_by_secret(&secrets::hash(token)).await? else {
            return self.token_refused(op, None, "unknown_token", target).await;
        };
        let user = self.store.read().user(row.user_id).await?;
        let cause = match &user {
            _ if row.revoked_at.is_some() => "token_revoked",
            _ if row.expires_at.is_some_and(|expiry| expiry <= op.at) => "token_expired",
            None => "unknown_user",
            Some(user) if !user.active => "user_inactive",
            Some(user) if user.password_must_change => "password_must_change",
            Some(_) => return user.map(|user| (user, row)).ok_or(AppError::NotSignedIn),
        };
        self.token_refused(op, Some((row.id, row.user_id)), cause, target).await
    }

    async fn token_refused<T>(
        &self,
        op: &Op,
        token: Option<(ApiTokenId, UserId)>,
        cause: &'static str,
        target: Option<TargetId>,
    ) -> Result<T, AppError> {
        let id = token.map(|(id, _)| id.to_string()).unwrap_or_default();
        let kind = format!("token {id} from {}: {cause}", op.client.address);
        if let Telling::Told { more_are_counted } = self.refusals.tell(kind, op.at) {
            let mut event = op
                .event(AuditAction::SignInFailed, "api_token", id)
                .with("cause", cause)
                .with("target_id", target.map(|id| id.to_string()))
                .with("user_agent", op.client.user_agent.as_str())
                .with("more_are_counted", more_are_counted);
            event.on_behalf_of = token.map(|(_, user)| user);
            self.note(event).await?;
        }
        Err(AppError::NotSignedIn)
    }
}
