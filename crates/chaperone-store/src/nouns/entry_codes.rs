//! One-time codes of the way into a target.

use chaperone_domain::Instant;
use chaperone_domain::ids::SignInId;

use crate::StoreError;
use crate::columns::{fixed, micros};
use crate::sql::{Row, args};
use crate::tx::BookTx;

/// A code that leads one browser into one target, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCode {
    /// SHA-256 of the code.
    pub hash: [u8; 32],
    /// Into which sign-in.
    pub sign_in_id: SignInId,
    /// At which host.
    pub host: String,
    /// SHA-256 of the nonce that the browser must hold.
    pub nonce_hash: [u8; 32],
    /// Where to go on.
    pub return_path: String,
    /// Until when.
    pub expires_at: Instant,
}

fn read(row: &mut Row<'_>) -> Result<EntryCode, StoreError> {
    Ok(EntryCode {
        hash: fixed(&row.take::<Vec<u8>>()?, "entry_codes.hash")?,
        sign_in_id: row.id(SignInId::new)?,
        host: row.text()?,
        nonce_hash: fixed(&row.take::<Vec<u8>>()?, "entry_codes.nonce_hash")?,
        return_path: row.text()?,
        expires_at: row.instant("entry_codes.expires_at")?,
    })
}

impl BookTx {
    /// Adds a code.
    pub async fn insert_entry_code(&mut self, code: EntryCode) -> Result<(), StoreError> {
        let sql = "INSERT INTO entry_codes (hash, sign_in_id, host, nonce_hash, return_path, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values = args![
            code.hash.to_vec(),
            code.sign_in_id.uuid(),
            code.host,
            code.nonce_hash.to_vec(),
            code.return_path,
            micros(code.expires_at),
        ];
        self.place().run(sql, values).await.map(|_| ())
    }

    /// Takes a code out: each one comes back once, and only before it expires.
    pub async fn redeem_entry_code(
        &mut self,
        hash: &[u8; 32],
        now: Instant,
    ) -> Result<Option<EntryCode>, StoreError> {
        let sql = "DELETE FROM entry_codes WHERE hash = $1 \
                   RETURNING hash, sign_in_id, host, nonce_hash, return_path, expires_at";
        let code = self.place().one(sql, args![hash.to_vec()], read).await?;
        Ok(code.filter(|code| now < code.expires_at))
    }

    /// Removes codes that nobody redeemed in time.
    pub async fn delete_expired_entry_codes(&mut self, now: Instant) -> Result<(), StoreError> {
        let sql = "DELETE FROM entry_codes WHERE expires_at <= $1";
        self.place().run(sql, args![micros(now)]).await.map(|_| ())
    }
}
