//! API tokens: bearer secrets of a user for programs.

use chaperone_domain::Instant;
use chaperone_domain::audit_event::AuditAction;
use chaperone_domain::ids::ApiTokenId;
use chaperone_domain::sign_in::EndKind;
use chaperone_store::{ApiToken, Events, SignInFilter};

use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::op::{EventExt as _, Op};
use crate::secrets::{self, TOKEN_PREFIX};
use crate::sign_ins::end_all;

/// Longest name, in characters.
pub const NAME_MAX_CHARS: usize = 100;

impl App {
    /// Makes a token of the caller; the secret is told once.
    pub async fn create_api_token(
        &self,
        op: &Op,
        name: String,
        expires_at: Option<Instant>,
    ) -> Result<(ApiToken, String), AppError> {
        let user = op.user()?.clone();
        if name.trim().is_empty() || name.chars().count() > NAME_MAX_CHARS {
            return Err(AppError::field("name", "name-length", "Give it a name of 1 to 100 characters."));
        }
        if expires_at.is_some_and(|expiry| expiry <= op.at) {
            return Err(AppError::field(
                "expires_at",
                "in-past",
                "The expiry is over already; choose a later one.",
            ));
        }
        let secret = format!("{TOKEN_PREFIX}{}", secrets::new_secret());
        let token = ApiToken {
            id: ApiTokenId::new(secrets::new_uuid(op.at)),
            user_id: user.id,
            name,
            created_at: op.at,
            last_used_at: None,
            expires_at,
            revoked_at: None,
        };
        let (op, row, hash) = (op.clone(), token.clone(), secrets::hash(&secret));
        self.store
            .write(move |tx| {
                let (op, row) = (op.clone(), row.clone());
                Box::pin(async move {
                    tx.insert_api_token(&row, &hash).await?;
                    let event = op
                        .event(AuditAction::ApiTokenCreated, "api_token", row.id)
                        .with("name", row.name.as_str());
                    Ok::<_, AppError>(tx.commit((), Events::one(event)))
                })
            })
            .await?;
        Ok((token, secret))
    }

    /// The caller's tokens, without their secrets.
    pub async fn api_tokens(&self, op: &Op) -> Result<Vec<ApiToken>, AppError> {
        Ok(self.store.read().api_tokens(op.user()?.id).await?)
    }

    /// Revokes one of the caller's tokens; what is open with it ends.
    pub async fn revoke_api_token(&self, op: &Op, id: ApiTokenId) -> Result<(), AppError> {
        let own =
            self.api_tokens(op).await?.into_iter().any(|token| token.id == id && token.revoked_at.is_none());
        if !own {
            return Err(AppError::NotFound { noun: "API token" });
        }
        let user = op.user()?.id;
        let op = op.clone();
        let ended = self
            .store
            .write(move |tx| {
                let op = op.clone();
                Box::pin(async move {
                    if !tx.revoke_api_token(id, op.at).await? {
                        return Err(AppError::NotFound { noun: "API token" });
                    }
                    let events = Events::one(op.event(AuditAction::ApiTokenRevoked, "api_token", id));
                    let filter =
                        SignInFilter { user_id: Some(user), api_token_id: Some(id), ..Default::default() };
                    let open = tx.read().open_sign_ins(filter).await?;
                    let how = (EndKind::SignedOut, op.at);
                    let (events, ended) = end_all(tx, &op, open, how, events).await?;
                    Ok(tx.commit(ended, events))
                })
            })
            .await?;
        for id in ended {
            self.gate.end(id);
            self.changes.tell(ChangedNoun::SignIn, id.uuid(), vec![user]);
        }
        Ok(())
    }
}
