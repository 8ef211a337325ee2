//! Sign-ins, the secrets by which they are known, and the targets that they were used at.

use chaperone_domain::Instant;
use chaperone_domain::ids::{AccountId, ApiTokenId, PrivilegedSessionId, SignInId, UserId};
use chaperone_domain::sign_in::{
    Channel, EndKind, IDLE_LIMIT, SignIn, SignInEnd, SignInKind, WEB_SERVICES_IDLE_LIMIT,
};

use uuid::Uuid;

use super::one_row;
use crate::StoreError;
use crate::columns::{corrupt, fixed, micros};
use crate::filter::SignInFilter;
use crate::retention::stamp;
use crate::sql::{Place, Query, Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

pub(crate) mod login_events;
mod target_uses;

const COLUMNS: &str = "sign_ins.id, sign_ins.user_id, sign_ins.kind, sign_ins.channel, sign_ins.account_id, \
                       sign_ins.privileged_session_id, sign_ins.client_address, sign_ins.user_agent, \
                       sign_ins.started_at, sign_ins.authenticated_at, sign_ins.last_seen_at, sign_ins.expires_at, \
                       sign_ins.ended_at, sign_ins.end_kind, sign_ins.end_estimated, sign_ins.api_token_id";

/// What a token's open sign-in is known by: there is one for each token, account and privileged session.
fn open_token_key(
    token: ApiTokenId,
    account: Option<AccountId>,
    session: Option<PrivilegedSessionId>,
) -> String {
    let account = account.map(|id| id.to_string()).unwrap_or_default();
    let session = session.map(|id| id.to_string()).unwrap_or_default();
    format!("{token} {account} {session}")
}

fn read(row: &mut Row<'_>) -> Result<SignIn, StoreError> {
    Ok(SignIn {
        id: row.id(SignInId::new)?,
        user_id: row.id(UserId::new)?,
        kind: row.named(SignInKind::parse, "sign_ins.kind")?,
        channel: row.named(Channel::parse, "sign_ins.channel")?,
        account_id: row.opt_id(AccountId::new)?,
        privileged_session_id: row.opt_id(PrivilegedSessionId::new)?,
        client_address: row.text()?,
        user_agent: row.text()?,
        started_at: row.instant("sign_ins.started_at")?,
        authenticated_at: row.instant("sign_ins.authenticated_at")?,
        last_seen_at: row.instant("sign_ins.last_seen_at")?,
        expires_at: row.instant("sign_ins.expires_at")?,
        end: read_end(row)?,
        api_token_id: row.opt_id(ApiTokenId::new)?,
    })
}

/// The three columns of a sign-in's end.
pub(super) fn read_end(row: &mut Row<'_>) -> Result<Option<SignInEnd>, StoreError> {
    let at = row.opt_instant("sign_ins.ended_at")?;
    let kind = row.opt_named(EndKind::parse, "sign_ins.end_kind")?;
    let estimated: Option<bool> = row.take()?;
    match (at, kind, estimated) {
        (Some(at), Some(kind), Some(estimated)) => Ok(Some(SignInEnd { at, kind, estimated })),
        (None, None, None) => Ok(None),
        _ => Err(corrupt("sign_ins.ended_at")),
    }
}

/// The accounts with open target sign-ins that are in no session.
pub(crate) async fn with_open_outside_sessions(
    place: Place<'_>,
    accounts: &[&AccountId],
) -> Result<Vec<Uuid>, StoreError> {
    let sql = "SELECT sign_ins.account_id FROM given JOIN sign_ins ON sign_ins.account_id = given.of_account \
               WHERE sign_ins.ended_at IS NULL AND sign_ins.kind = 'target' \
               AND sign_ins.privileged_session_id IS NULL";
    place.over(&["of_account"], accounts, |id| args![id.uuid()], sql, |row| row.take()).await
}

/// The sessions with open sign-ins.
pub(crate) async fn with_open(
    place: Place<'_>,
    sessions: &[&PrivilegedSessionId],
) -> Result<Vec<Uuid>, StoreError> {
    let sql = "SELECT sign_ins.privileged_session_id FROM given \
               JOIN sign_ins ON sign_ins.privileged_session_id = given.of_session \
               WHERE sign_ins.ended_at IS NULL";
    place.over(&["of_session"], sessions, |id| args![id.uuid()], sql, |row| row.take()).await
}

impl Reads<'_> {
    /// The sign-in of that id.
    pub async fn sign_in(&self, id: SignInId) -> Result<Option<SignIn>, StoreError> {
        self.place.one(&format!("SELECT {COLUMNS} FROM sign_ins WHERE id = $1"), args![id.uuid()], read).await
    }

    /// The sign-in whose secret has this hash, and the host that the secret is bound to.
    pub async fn sign_in_by_secret(&self, hash: &[u8; 32]) -> Result<Option<(SignIn, String)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, sign_in_secrets.host FROM sign_in_secrets \
             JOIN sign_ins ON sign_ins.id = sign_in_secrets.sign_in_id WHERE sign_in_secrets.secret_hash = $1"
        );
        self.place.one(&sql, args![hash.to_vec()], |row| Ok((read(row)?, row.text()?))).await
    }

    /// The secrets of a sign-in, as hashes, each with the host that it is bound to.
    pub async fn sign_in_secrets(&self, id: SignInId) -> Result<Vec<([u8; 32], String)>, StoreError> {
        let sql = "SELECT secret_hash, host FROM sign_in_secrets WHERE sign_in_id = $1 ORDER BY host";
        let hash = |row: &mut Row<'_>| fixed(&row.take::<Vec<u8>>()?, "sign_in_secrets.secret_hash");
        self.place.all(sql, args![id.uuid()], |row| Ok((hash(row)?, row.text()?))).await
    }

    /// Open sign-ins, oldest first.
    pub async fn open_sign_ins(&self, filter: SignInFilter) -> Result<Vec<SignIn>, StoreError> {
        Query::new(&format!("SELECT {COLUMNS} FROM sign_ins WHERE ended_at IS NULL"))
            .and_if("kind = ?", filter.kind.map(SignInKind::name))
            .and_if("user_id = ?", filter.user_id.map(UserId::uuid))
            .and_if("account_id = ?", filter.account_id.map(AccountId::uuid))
            .and_if("privileged_session_id = ?", filter.privileged_session_id.map(PrivilegedSessionId::uuid))
            .and_if("api_token_id = ?", filter.api_token_id.map(ApiTokenId::uuid))
            .all(self.place, "started_at, id", read)
            .await
    }

    /// Open sign-ins that are silent for too long, or over.
    pub async fn overdue_sign_ins(&self, now: Instant, limit: u64) -> Result<Vec<SignIn>, StoreError> {
        let silent_since = |idle| micros(now.checked_sub(idle).unwrap_or(Instant::MIN));
        let sql = format!(
            "SELECT {COLUMNS} FROM sign_ins WHERE ended_at IS NULL AND (expires_at <= $1 \
             OR (channel = 'web' AND last_seen_at <= $2) OR (channel = 'web_services' AND last_seen_at <= $3)) \
             ORDER BY started_at, id LIMIT {limit}"
        );
        let values = args![micros(now), silent_since(IDLE_LIMIT), silent_since(WEB_SERVICES_IDLE_LIMIT)];
        self.place.all(&sql, values, read).await
    }

    /// Every target sign-in of a privileged session, oldest first, and when retention deleted it: what is left of one
    /// then is when it was.
    pub async fn user_log(
        &self,
        session: PrivilegedSessionId,
    ) -> Result<Vec<(SignIn, Option<Instant>)>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS}, sign_ins.deleted_at FROM sign_ins WHERE privileged_session_id = $1 \
             ORDER BY started_at, id"
        );
        let read_row = |row: &mut Row<'_>| Ok((read(row)?, row.opt_instant("sign_ins.deleted_at")?));
        self.place.all(&sql, args![session.uuid()], read_row).await
    }

    /// The open sign-in of a token: to the console when there is no account, else to targets as that account.
    pub async fn open_sign_in_of_token(
        &self,
        token: ApiTokenId,
        account: Option<AccountId>,
        session: Option<PrivilegedSessionId>,
    ) -> Result<Option<SignIn>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sign_ins WHERE open_token_key = $1");
        self.place.one(&sql, args![open_token_key(token, account, session)], read).await
    }
}

impl WriteTx {
    /// Adds a sign-in, with the hash of its secret and the host that the secret is bound to, if it has one already.
    pub async fn insert_sign_in(
        &mut self,
        sign_in: &SignIn,
        secret: Option<(&[u8; 32], &str)>,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO sign_ins (id, user_id, kind, channel, account_id, privileged_session_id, client_address, \
             user_agent, started_at, authenticated_at, last_seen_at, expires_at, ended_at, end_kind, end_estimated, \
             api_token_id, open_token_key, keep_until) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, {})",
            stamp("sign_in_retention_days", "$9")
        );
        // A key of its own as long as it is open: a second one of the same token is refused by the database.
        let open_token = sign_in.api_token_id.filter(|_| sign_in.end.is_none());
        let open_token_key =
            open_token.map(|token| open_token_key(token, sign_in.account_id, sign_in.privileged_session_id));
        let values = args![
            sign_in.id.uuid(),
            sign_in.user_id.uuid(),
            sign_in.kind.name(),
            sign_in.channel.name(),
            sign_in.account_id.map(AccountId::uuid),
            sign_in.privileged_session_id.map(PrivilegedSessionId::uuid),
            sign_in.client_address.as_str(),
            sign_in.user_agent.as_str(),
            micros(sign_in.started_at),
            micros(sign_in.authenticated_at),
            micros(sign_in.last_seen_at),
            micros(sign_in.expires_at),
            sign_in.end.map(|end| micros(end.at)),
            sign_in.end.map(|end| end.kind.name()),
            sign_in.end.map(|end| end.estimated),
            sign_in.api_token_id.map(ApiTokenId::uuid),
            open_token_key,
        ];
        self.place().run(&sql, values).await?;
        if let Some((hash, host)) = secret {
            let sql = "INSERT INTO sign_in_secrets (secret_hash, sign_in_id, host) VALUES ($1, $2, $3)";
            self.place().run(sql, args![hash.to_vec(), sign_in.id.uuid(), host]).await?;
        }
        Ok(())
    }

    /// Ends a sign-in and forgets its secrets; says whether it had not ended before.
    pub async fn end_sign_in(&mut self, id: SignInId, end: SignInEnd) -> Result<bool, StoreError> {
        let sql = "UPDATE sign_ins SET ended_at = $1, end_kind = $2, end_estimated = $3, open_token_key = NULL \
                   WHERE id = $4 AND ended_at IS NULL";
        let rows =
            self.place().run(sql, args![micros(end.at), end.kind.name(), end.estimated, id.uuid()]).await?;
        self.place().run("DELETE FROM sign_in_secrets WHERE sign_in_id = $1", args![id.uuid()]).await?;
        Ok(rows == 1)
    }

    /// The user has given the password again.
    pub async fn reauthenticate_sign_in(&mut self, id: SignInId, at: Instant) -> Result<(), StoreError> {
        let sql = "UPDATE sign_ins SET authenticated_at = $1 WHERE id = $2 AND ended_at IS NULL";
        one_row(self.place().run(sql, args![micros(at), id.uuid()]).await?)
    }
}

impl BookTx {
    /// One more secret by which a sign-in is known at one host.
    pub async fn add_sign_in_secret(
        &mut self,
        id: SignInId,
        hash: &[u8; 32],
        host: &str,
    ) -> Result<(), StoreError> {
        // Not for one that ended meanwhile.
        let sql = "INSERT INTO sign_in_secrets (secret_hash, sign_in_id, host) \
                   SELECT $1, id, $3 FROM sign_ins WHERE id = $2 AND ended_at IS NULL";
        one_row(self.place().run(sql, args![hash.to_vec(), id.uuid(), host]).await?)
    }
}
