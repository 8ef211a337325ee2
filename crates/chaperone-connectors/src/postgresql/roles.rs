//! The statements. Names are quoted by the server, and instants are written by it.

use std::error::Error;
use std::pin::Pin;

use bytes::BytesMut;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use futures_util::future::{join, join3, try_join3};
use jiff::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use tokio_postgres::{Client, Row, Statement};

use super::trouble::{Failure, standby};
use crate::connector::{ListedAccount, ListedPage, PAGE};
use crate::error::ConnectorError;

/// The first half of the advisory locks that nodes of Chaperone take on a role; the second is the role's oid.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"chap");
/// Microseconds from 1970 to 2000, where PostgreSQL's time begins.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// What is read of a role. Those that come with the server (`pg_…`) are no accounts.
const COLUMNS: &str = "r.oid, r.rolname::text, r.rolcanlogin, r.rolvaliduntil, r.rolsuper, \
                       quote_ident(r.rolname), r.rolname = session_user";
const REAL: &str = "r.rolname !~ '^pg_'";

/// A connection, with the questions of every change prepared on it: the server reads and plans each of them once.
pub(super) struct Connection {
    pub(super) client: Client,
    role: Statement,
    alteration: Statement,
    end_connections: Statement,
}

impl Connection {
    /// Prepares the questions.
    pub(super) async fn new(client: Client) -> Result<Self, tokio_postgres::Error> {
        let role = format!("SELECT {COLUMNS} FROM pg_roles r WHERE {REAL} AND r.oid = $1");
        let (role, alteration, end_connections) = try_join3(
            client.prepare_typed(&role, &[Type::OID]),
            client.prepare_typed(
                "SELECT format($2, r.rolname, $3) FROM pg_roles r WHERE r.oid = $1",
                &[Type::OID, Type::TEXT, Type::TIMESTAMPTZ],
            ),
            client.prepare_typed(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = $1",
                &[Type::OID],
            ),
        )
        .await?;
        Ok(Self { client, role, alteration, end_connections })
    }
}

/// A role's oid: it stays when the role is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoleId(u32);

impl RoleId {
    /// Before every role.
    pub(super) const BEFORE_ALL: Self = Self(0);

    /// As it is written in an external id: only that one way.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let oid: u32 = text.parse().ok()?;
        (oid.to_string() == text).then_some(Self(oid))
    }
}

/// A role.
#[derive(PartialEq, Eq)]
pub(super) struct Role {
    oid: u32,
    name: String,
    pub(super) attributes: Attributes,
    superuser: bool,
    /// The name as it stands in a statement.
    quoted: String,
    /// Whether it is the one that we are signed in as.
    ours: bool,
}

impl Role {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let enabled: bool = row.try_get(2)?;
        let valid_until: Option<ValidUntil> = row.try_get(3)?;
        Ok(Self {
            oid: row.try_get(0)?,
            name: row.try_get(1)?,
            attributes: Attributes {
                state: if enabled { AccountState::Enabled } else { AccountState::Disabled },
                expires_at: valid_until.and_then(ValidUntil::instant),
            },
            superuser: row.try_get(4)?,
            quoted: row.try_get(5)?,
            ours: row.try_get(6)?,
        })
    }
}

/// `VALID UNTIL` as the server keeps it: microseconds from 2000 on, with both infinities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ValidUntil(i64);

impl ValidUntil {
    /// As an instant: none for *infinity*. What lies outside the calendar is its first or last instant, which are
    /// as far away from every session.
    fn instant(self) -> Option<Timestamp> {
        let last = Timestamp::from_microsecond(Timestamp::MAX.as_microsecond()).unwrap_or(Timestamp::MAX);
        match self.0 {
            i64::MAX => None,
            i64::MIN => Some(Timestamp::MIN),
            value => {
                let instant = value
                    .checked_add(EPOCH_MICROSECONDS)
                    .and_then(|unix| Timestamp::from_microsecond(unix).ok());
                Some(instant.unwrap_or(if value > 0 { last } else { Timestamp::MIN }))
            }
        }
    }

    fn of(expires_at: Option<Timestamp>) -> Self {
        Self(match expires_at.map(Timestamp::as_microsecond) {
            None => i64::MAX,
            Some(first) if first <= Timestamp::MIN.as_microsecond() => i64::MIN,
            Some(unix) => unix.saturating_sub(EPOCH_MICROSECONDS),
        })
    }
}

impl<'a> FromSql<'a> for ValidUntil {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    accepts!(TIMESTAMPTZ);
}

impl ToSql for ValidUntil {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

/// One answer, whole. (A boxed future: the compiler does not see by itself that the library's can be sent.)
fn ask<'a>(
    client: &'a Client,
    sql: &'a str,
    values: &'a [(&'a (dyn ToSql + Sync), Type)],
) -> Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>> {
    Box::pin(client.query_typed(sql, values))
}

/// The same with what is prepared.
fn ask_prepared<'a>(
    client: &'a Client,
    statement: &'a Statement,
    values: &'a [&'a (dyn ToSql + Sync)],
) -> Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>> {
    Box::pin(client.query(statement, values))
}

/// One page of the roles, by oid.
pub(super) async fn list(client: &Client, after: RoleId) -> Result<ListedPage, Failure> {
    let sql = format!(
        "SELECT {COLUMNS}, (SELECT count(*) FROM pg_roles r WHERE {REAL}) FROM pg_roles r \
         WHERE {REAL} AND r.oid > $1 ORDER BY r.oid LIMIT {}",
        PAGE + 1
    );
    let rows = ask(client, &sql, &[(&after.0, Type::OID)]).await?;
    let mut page = ListedPage::default();
    if let Some(row) = rows.first() {
        page.total = u64::try_from(row.try_get::<_, i64>(7)?).ok();
    }
    for row in rows.iter().take(PAGE) {
        let role = Role::of(row)?;
        page.accounts.push(ListedAccount {
            external_id: role.oid.to_string(),
            name: role.name,
            email: String::new(),
            attributes: role.attributes,
        });
    }
    if rows.len() > PAGE {
        page.next = page.accounts.last().map(|last| last.external_id.clone());
    }
    Ok(page)
}

/// A role as it is now.
pub(super) async fn read(on: &Connection, id: RoleId) -> Result<Option<Role>, Failure> {
    let rows = ask_prepared(&on.client, &on.role, &[&id.0]).await?;
    Ok(rows.first().map(Role::of).transpose()?)
}

/// Makes a role so, if it is as expected. Statements that do not wait for each other's answers are sent together: most
/// of what a change costs is waiting for answers.
pub(super) async fn set(
    on: &Connection,
    id: RoleId,
    to: Attributes,
    expected: Attributes,
) -> Result<(), Failure> {
    // Whoever goes away in between takes the connection along, and the server rolls back.
    match change(on, id, to_the_microsecond(to), expected).await {
        Ok(Changed::Yes) => Ok(on.client.batch_execute("COMMIT").await?),
        Ok(Changed::NotNeeded) => Ok(on.client.batch_execute("ROLLBACK").await?),
        Err(failure) => {
            on.client.batch_execute("ROLLBACK").await?;
            Err(failure)
        }
    }
}

/// Whether a role was changed.
enum Changed {
    Yes,
    /// It is so already.
    NotNeeded,
}

/// Begins a transaction and makes the role so in it.
async fn change(
    on: &Connection,
    id: RoleId,
    to: Attributes,
    expected: Attributes,
) -> Result<Changed, Failure> {
    let client = &on.client;
    // Nodes of Chaperone wait for each other here, instead of failing below.
    let oid = id.0.cast_signed();
    let lock: [(&(dyn ToSql + Sync), Type); 2] = [(&LOCK_CLASS, Type::INT4), (&oid, Type::INT4)];
    let (begun, locked, role) = join3(
        client.batch_execute("BEGIN"),
        ask(client, "SELECT pg_advisory_xact_lock($1, $2)", &lock),
        read(on, id),
    )
    .await;
    begun?;
    locked?;
    let Some(role) = role? else { return Err(ConnectorError::Changed.into()) };
    if role.attributes == to {
        return Ok(Changed::NotNeeded);
    }
    if role.attributes != to_the_microsecond(expected) {
        return Err(ConnectorError::Changed.into());
    }
    may_be_changed(client, &role).await?;
    // Without options nothing changes, but the role's row is ours until the end: what somebody else altered and
    // did not commit yet is waited for, and what is altered from now on waits for us. Then look once more.
    let take = format!("ALTER ROLE {}", role.quoted);
    let (taken, again, statement) =
        join3(client.batch_execute(&take), read(on, id), alteration(on, id, to, expected)).await;
    taken?;
    if again? != Some(role) {
        return Err(ConnectorError::Changed.into());
    }
    let statement = statement?;
    let (altered, now) = join(client.batch_execute(&statement), read(on, id)).await;
    altered?;
    if now?.is_some_and(|now| now.attributes == to) {
        return Ok(Changed::Yes);
    }
    let problem = "PostgreSQL keeps something else than it was told; nothing was changed.";
    Err(ConnectorError::refused(problem, statement).into())
}

fn to_the_microsecond(attributes: Attributes) -> Attributes {
    let expires_at = attributes
        .expires_at
        .map(|instant| Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant));
    Attributes { expires_at, ..attributes }
}

/// Refuses what would lock Chaperone out, and what the server refuses less plainly.
async fn may_be_changed(client: &Client, role: &Role) -> Result<(), Failure> {
    if role.ours {
        return Err(ConnectorError::refused(
            format!(
                "{} is the role that Chaperone itself signs in as: it cannot be changed by Chaperone.",
                role.name
            ),
            "",
        )
        .into());
    }
    if role.superuser {
        let row = ask(client, "SELECT rolsuper FROM pg_roles WHERE rolname = session_user", &[])
            .await?
            .into_iter()
            .next();
        if !row.map(|row| row.try_get(0)).transpose()?.unwrap_or(false) {
            return Err(ConnectorError::refused(
                format!(
                    "{} is a superuser, whom only superusers may change: let Chaperone sign in as one, or take \
                     SUPERUSER from {0}.",
                    role.name
                ),
                "",
            )
            .into());
        }
    }
    Ok(())
}

/// The statement, written by the server.
async fn alteration(
    on: &Connection,
    id: RoleId,
    to: Attributes,
    from: Attributes,
) -> Result<String, Failure> {
    let login = if to.state == AccountState::Enabled { "LOGIN" } else { "NOLOGIN" };
    // No expiry has two spellings, NULL and infinity: it stays as it is unless it must change.
    let expiry = if to.expires_at == to_the_microsecond(from).expires_at { "" } else { " VALID UNTIL %2$L" };
    let form = format!("ALTER ROLE %1$I {login}{expiry}");
    let valid_until = ValidUntil::of(to.expires_at);
    let rows = ask_prepared(&on.client, &on.alteration, &[&id.0, &form, &valid_until]).await?;
    match rows.first() {
        Some(row) => Ok(row.try_get(0)?),
        None => Err(ConnectorError::Changed.into()),
    }
}

/// Tells the connections of a role to end; how many there were.
pub(super) async fn end_connections(on: &Connection, id: RoleId) -> Result<usize, Failure> {
    if read(on, id).await?.is_some_and(|role| role.ours) {
        return Err(ConnectorError::refused(
            "These are Chaperone's own connections: they are not ended by Chaperone.",
            "",
        )
        .into());
    }
    // A role that was dropped may still have some.
    Ok(ask_prepared(&on.client, &on.end_connections, &[&id.0]).await?.len())
}

/// What we may do on the server.
pub(super) struct Rights {
    version: String,
    version_number: i32,
    read_only: bool,
    user: String,
    superuser: bool,
    create_role: bool,
    signal_backend: bool,
    /// Roles beside ours.
    others: i64,
    /// Those of them that we may change.
    ours_to_change: i64,
}

/// Looks what we may do, without a change.
pub(super) async fn rights(client: &Client) -> Result<Rights, Failure> {
    let sql = format!(
        "WITH me AS (SELECT *, current_setting('server_version_num')::int AS number FROM pg_roles \
                     WHERE rolname = session_user) \
         SELECT current_setting('server_version'), me.number, current_setting('transaction_read_only') = 'on', \
                quote_ident(me.rolname), me.rolsuper, me.rolcreaterole, \
                pg_has_role(me.oid, 'pg_signal_backend', 'USAGE'), count(r.oid), \
                count(r.oid) FILTER (WHERE me.rolsuper OR NOT r.rolsuper AND CASE WHEN me.number < 160000 \
                    THEN NOT r.rolreplication ELSE pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION') END) \
         FROM me LEFT JOIN pg_roles r ON {REAL} AND r.oid <> me.oid \
         GROUP BY me.number, me.rolname, me.rolsuper, me.rolcreaterole, me.oid"
    );
    let rows = ask(client, &sql, &[]).await?;
    let Some(row) = rows.first() else {
        return Err(ConnectorError::refused("The role that Chaperone signed in as was dropped.", "").into());
    };
    Ok(Rights {
        version: row.try_get(0)?,
        version_number: row.try_get(1)?,
        read_only: row.try_get(2)?,
        user: row.try_get(3)?,
        superuser: row.try_get(4)?,
        create_role: row.try_get(5)?,
        signal_backend: row.try_get(6)?,
        others: row.try_get(7)?,
        ours_to_change: row.try_get(8)?,
    })
}

impl Rights {
    /// What was found, or what is missing.
    pub(super) fn sentence(self) -> Result<String, Failure> {
        let Self { version, user, others, ours_to_change, .. } = self;
        let refused = |sentence: String| Err(ConnectorError::refused(sentence, "").into());
        if self.read_only {
            return refused(standby("that address"));
        }
        if self.superuser {
            return Ok(format!(
                "PostgreSQL {version} answers; {user} is a superuser and may change all {others} other roles."
            ));
        }
        if !self.create_role {
            return refused(format!(
                "{user} may not change roles: as a superuser, run ALTER ROLE {user} CREATEROLE."
            ));
        }
        if !self.signal_backend {
            return refused(format!(
                "{user} may not end the connections of others: as a superuser, run GRANT pg_signal_backend TO \
                 {user}."
            ));
        }
        let admin =
            "from PostgreSQL 16 on, CREATEROLE reaches only roles that were granted WITH ADMIN OPTION";
        if self.version_number >= 160_000 && others > 0 && ours_to_change == 0 {
            return refused(format!(
                "{user} may change no role: {admin}. As a superuser, run GRANT the_role TO {user} WITH ADMIN \
                 OPTION, INHERIT FALSE, SET FALSE for each."
            ));
        }
        let why =
            if self.version_number >= 160_000 { admin } else { "superusers and replication roles are not" };
        Ok(format!(
            "PostgreSQL {version} answers; {user} has CREATEROLE and may change {ours_to_change} of {others} other \
             roles ({why})."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_kept_to_the_microsecond_and_both_infinities_are() {
        let instant = |text: &str| Some(text.parse::<Timestamp>().expect("an instant"));
        let table = [
            (None, i64::MAX),
            (Some(Timestamp::MIN), i64::MIN),
            (instant("2000-01-01T00:00:00Z"), 0),
            (instant("1999-12-31T23:59:59.999999Z"), -1),
            (instant("2030-06-01T12:00:00.123456Z"), 959_860_800_123_456),
        ];
        for (expires_at, kept) in table {
            assert_eq!(ValidUntil::of(expires_at), ValidUntil(kept), "{expires_at:?}");
            assert_eq!(ValidUntil(kept).instant(), expires_at);
        }
    }

    #[test]
    fn what_the_calendar_has_no_word_for_is_its_end() {
        let far = ValidUntil(9_223_371_331_199_999_999).instant();
        assert_eq!(ValidUntil::of(far).instant(), far);
        assert!(far.is_some_and(|far| far.to_string().starts_with("9999-12-30")), "{far:?}");
        assert_eq!(ValidUntil(i64::MIN + 1).instant(), Some(Timestamp::MIN));
    }

    #[test]
    fn an_external_id_is_an_oid_written_in_one_way() {
        assert_eq!(RoleId::parse("16384"), Some(RoleId(16_384)));
        for wrong in ["", "+1", "007", " 1", "-1", "4294967296", "1;", "anna"] {
            assert_eq!(RoleId::parse(wrong), None, "{wrong}");
        }
    }

    fn rights() -> Rights {
        Rights {
            version: "17.2".to_owned(),
            version_number: 170_002,
            read_only: false,
            user: "chaperone".to_owned(),
            superuser: false,
            create_role: true,
            signal_backend: true,
            others: 5,
            ours_to_change: 3,
        }
    }

    #[test]
    fn a_newer_server_is_told_about_the_admin_option() {
        let said = rights().sentence().unwrap_or_default();
        assert!(said.contains("3 of 5") && said.contains("ADMIN OPTION"), "{said}");
        let none = Rights { ours_to_change: 0, ..rights() }.sentence();
        let Err(Failure::Plain(error)) = none else { panic!("refused") };
        assert!(error.to_string().contains("GRANT the_role TO chaperone WITH ADMIN OPTION"), "{error}");
        assert!(Rights { others: 0, ours_to_change: 0, ..rights() }.sentence().is_ok(), "an empty server");
    }
}
