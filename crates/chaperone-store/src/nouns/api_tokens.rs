//! API tokens; their secrets are kept as hashes.

use chaperone_domain::Instant;
use chaperone_domain::ids::{ApiTokenId, UserId};

use crate::StoreError;
use crate::columns::{micros, opt_micros};
use crate::sql::{Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "id, user_id, name, created_at, last_used_at, expires_at, revoked_at";

/// A bearer secret of a user, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// Identity.
    pub id: ApiTokenId,
    /// Whose.
    pub user_id: UserId,
    /// What the user calls it.
    pub name: String,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last used, to half a minute.
    pub last_used_at: Option<Instant>,
    /// Until when it holds; for ever when `None`.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
}

fn read(row: &mut Row<'_>) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.id(ApiTokenId::new)?,
        user_id: row.id(UserId::new)?,
        name: row.text()?,
        created_at: row.instant("api_tokens.created_at")?,
        last_used_at: row.opt_instant("api_tokens.last_used_at")?,
        expires_at: row.opt_instant("api_tokens.expires_at")?,
        revoked_at: row.opt_instant("api_tokens.revoked_at")?,
    })
}

impl Reads<'_> {
    /// The token whose secret has this hash.
    pub async fn api_token_by_secret(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM api_tokens WHERE secret_hash = $1");
        self.place.one(&sql, args![hash.to_vec()], read).await
    }

    /// A user's tokens, newest first.
    pub async fn api_tokens(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM api_tokens WHERE user_id = $1 ORDER BY created_at DESC, id DESC");
        self.place.all(&sql, args![user.uuid()], read).await
    }
}

impl WriteTx {
    /// Adds a token.
    pub async fn insert_api_token(&mut self, token: &ApiToken, hash: &[u8; 32]) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_tokens (id, user_id, name, created_at, last_used_at, expires_at, revoked_at, \
                   secret_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values = args![
            token.id.uuid(),
            token.user_id.uuid(),
            token.name.as_str(),
            micros(token.created_at),
            opt_micros(token.last_used_at),
            opt_micros(token.expires_at),
            opt_micros(token.revoked_at),
            hash.to_vec(),
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Revokes a token; says whether it was not revoked before.
    pub async fn revoke_api_token(&mut self, id: ApiTokenId, at: Instant) -> Result<bool, StoreError> {
        let sql = "UPDATE api_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
        Ok(self.place().run(sql, args![micros(at), id.uuid()]).await? == 1)
    }
}

impl BookTx {
    /// A token was used.
    pub async fn api_token_used(&mut self, id: ApiTokenId, at: Instant) -> Result<(), StoreError> {
        let sql =
            "UPDATE api_tokens SET last_used_at = $1 WHERE id = $2 AND COALESCE(last_used_at, $1) <= $1";
        self.place().run(sql, args![micros(at), id.uuid()]).await.map(|_| ())
    }
}
