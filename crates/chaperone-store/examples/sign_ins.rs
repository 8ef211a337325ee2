//! Many sign-ins, for the bench: puts them in, asks for one user's week, and records new ones as fast as they become
//! durable.
//!
//! ```sh
//! sign_ins <url> fill <rows>                  # as if they had come in over a year, of 20,000 users
//! sign_ins <url> week <questions>             # milliseconds of each question, beside reading one row by its id; and of
//!                                             # the totals of everybody's last week
//! sign_ins <url> record <writers> <seconds>   # a line for every one that is acknowledged
//! ```
//!
//! The database is one that the executable has made; each command prints JSON or lines for the bench to read.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand;
use chaperone_domain::Instant;
use chaperone_domain::audit_event::{Actor, AuditAction, AuditEvent, Subject};
use chaperone_domain::ids::{AuditEventId, SignInId, UserId};
use chaperone_domain::sign_in::{Channel, SignIn, SignInKind};
use chaperone_store::{Events, Page, SignInQuery, Store, StoreConfig, StoreError};
use jiff::SignedDuration;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tokio::time::Instant as Clock;
use uuid::Uuid;

/// How it is called.
const USAGE: &str = "sign_ins <url> fill <rows> | week <questions> | record <writers> <seconds>";
/// Users that the sign-ins are of.
const USERS: u64 = 20_000;
/// When the year begins.
const BEGIN_S: i64 = 1_760_000_000;
const YEAR_S: i64 = 365 * 86_400;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What the console asks for at a time.
const PAGE_ROWS: u64 = 100;
/// A prime, so that users and questions are spread over everything.
const SPREAD: u64 = 7_919;
/// The first digits of the ids that are made up here.
const MARK: u64 = 0x5160_0000_0000_0000;
/// The number of the next sign-in that is recorded.
static NUMBER: AtomicU64 = AtomicU64::new(0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [url, "fill", rows] => fill(url, rows.parse()?).await?,
        [url, "week", questions] => week(&connect(url).await?, questions.parse()?).await?,
        [url, "record", writers, seconds] => {
            record(&connect(url).await?, writers.parse()?, seconds.parse()?).await;
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

/// A line for whoever reads.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).expect("told");
}

async fn connect(url: &str) -> Result<Store, StoreError> {
    Store::connect(StoreConfig::new(url)).await
}

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(MARK, number)
}

/// The same in SQL, from a column with the number.
fn id_sql(backend: DbBackend, number: &str) -> String {
    match backend {
        DbBackend::Sqlite => format!("unhex(printf('%016x%016x', {MARK}, {number}))"),
        _ => format!("(lpad(to_hex({MARK}::bigint), 16, '0') || lpad(to_hex({number}), 16, '0'))::uuid"),
    }
}

/// Numbers from 0 on, as the column `i` of `numbers`.
fn numbers(backend: DbBackend, count: u64) -> String {
    match backend {
        DbBackend::Sqlite => format!(
            "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count}) SELECT i FROM n) AS numbers"
        ),
        _ => format!("(SELECT i FROM generate_series(0::bigint, {count} - 1) AS i) AS numbers"),
    }
}

/// Puts users and sign-ins in, past the store; indexes are made anew afterwards, which is much faster.
async fn fill(url: &str, rows: u64) -> Result<(), Box<dyn std::error::Error>> {
    drop(connect(url).await?);
    let mut options = ConnectOptions::new(url);
    // Statements here take minutes, and settings are those of one connection.
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await?;
    let backend = database.get_database_backend();
    let quick = match backend {
        DbBackend::Sqlite => {
            "PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -262144"
        }
        _ => "SET session_replication_role = replica; SET maintenance_work_mem = '256MB'",
    };
    database.execute_unprepared(quick).await?;
    let indexes = indexes(&database).await?;
    for (name, _) in &indexes {
        database.execute_unprepared(&format!("DROP INDEX {name}")).await?;
    }
    let named = |what: &str| match backend {
        DbBackend::Sqlite => format!("'{what}' || i"),
        _ => format!("'{what}' || i::text"),
    };
    let user = named("user-");
    let user_id = id_sql(backend, "i");
    let sql = format!(
        "INSERT INTO users (id, user_name, user_name_key, display_name, email, search, active, roles, \
         password_must_change, created_at, version) SELECT {user_id}, {user}, {user}, {user}, {user}, {user}, true, \
         '', false, 0, 1 FROM {}",
        numbers(backend, USERS)
    );
    database.execute_unprepared(&sql).await?;
    let step_us = YEAR_S * 1_000_000 / i64::try_from(rows.max(1))?;
    let started = format!("({BEGIN_S}000000 + i * {step_us})");
    let sign_in = id_sql(backend, "i");
    let of_user = id_sql(backend, &format!("(i * {SPREAD}) % {USERS}"));
    let address = match backend {
        DbBackend::Sqlite => "'10.0.' || (i % 200) || '.' || (i % 251)".to_owned(),
        _ => "'10.0.' || (i % 200)::text || '.' || (i % 251)::text".to_owned(),
    };
    let sql = format!(
        "INSERT INTO sign_ins (id, user_id, kind, channel, client_address, user_agent, started_at, authenticated_at, \
         last_seen_at, expires_at, ended_at, end_kind, end_estimated) SELECT {sign_in}, {of_user}, \
         CASE WHEN i % 2 = 0 THEN 'console' ELSE 'target' END, CASE WHEN i % 5 = 0 THEN 'web_services' ELSE 'web' END, \
         {address}, 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', {started}, {started}, \
         {started} + (i % 3600) * 1000000, {started} + 43200000000, {started} + (i % 3600) * 1000000, \
         CASE WHEN i % 3 = 0 THEN 'lost' ELSE 'signed_out' END, i % 3 = 0 FROM {}",
        numbers(backend, rows)
    );
    database.execute_unprepared(&sql).await?;
    let target = id_sql(backend, "i % 4");
    let sql = format!(
        "INSERT INTO sign_in_targets (sign_in_id, target_id, first_at, last_at, active_us, idle_us) \
         SELECT {sign_in}, {target}, {started}, {started} + (i % 3600) * 1000000, (i % 3600) * 1000000, 0 \
         FROM {} WHERE i % 2 = 1",
        numbers(backend, rows)
    );
    database.execute_unprepared(&sql).await?;
    for (_, create) in &indexes {
        database.execute_unprepared(create).await?;
    }
    if backend == DbBackend::Postgres {
        database.execute_unprepared("VACUUM ANALYZE").await?;
    }
    database.close().await?;
    say(&rows.to_string());
    Ok(())
}

/// The indexes that stand in the way, with the statement that makes each anew.
async fn indexes(database: &DatabaseConnection) -> Result<Vec<(String, String)>, sea_orm::DbErr> {
    let backend = database.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => {
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL \
             AND tbl_name IN ('sign_ins', 'sign_in_targets')"
        }
        _ => {
            "SELECT indexname AS name, indexdef AS sql FROM pg_indexes \
             WHERE tablename IN ('sign_ins', 'sign_in_targets') AND indexname NOT LIKE '%_pkey'"
        }
    };
    let rows = database.query_all_raw(Statement::from_string(backend, sql)).await?;
    rows.iter().map(|row| Ok((row.try_get("", "name")?, row.try_get("", "sql")?))).collect()
}

/// Asks for weeks of users, spread over all of them and over the year; between two, for one row by its id.
async fn week(store: &Store, questions: u64) -> Result<(), StoreError> {
    let weeks = u64::try_from(YEAR_S / WEEK.as_secs()).unwrap_or(1);
    let (mut of_week, mut of_row, mut rows) = (Vec::new(), Vec::new(), 0);
    for number in 0..questions {
        let user_id = UserId::new(id(number * SPREAD % USERS));
        let start = Instant::from_second(BEGIN_S).unwrap_or(Instant::MIN)
            + WEEK.saturating_mul(i32::try_from(number * SPREAD % weeks).unwrap_or(0));
        let query = SignInQuery { user_id: Some(user_id), ..SignInQuery::between(start, start + WEEK) };
        let began = Clock::now();
        let found = store.read().sign_ins(query, Page::first(PAGE_ROWS)).await?;
        of_week.push(began.elapsed());
        rows += found.items.len();
        let began = Clock::now();
        store.read().sign_in(SignInId::new(id(number * SPREAD))).await?;
        of_row.push(began.elapsed());
    }
    of_week.sort_unstable();
    of_row.sort_unstable();
    let at = |times: &[Duration], percent: usize| {
        times
            .get((times.len() * percent / 100).min(times.len() - 1))
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let end = Instant::from_second(BEGIN_S + YEAR_S).unwrap_or(Instant::MAX);
    let began = Clock::now();
    store.read().sign_in_totals(SignInQuery::between(end - WEEK, end)).await?;
    let totals_ms = began.elapsed().as_secs_f64() * 1e3;
    say(&format!(
        "{{\"rows\": {rows}, \"totals_ms\": {totals_ms:.0}, \"week_p50_ms\": {:.3}, \"week_p95_ms\": {:.3}, \"row_p50_ms\": {:.3}, \
         \"row_p95_ms\": {:.3}}}",
        at(&of_week, 50),
        at(&of_week, 95),
        at(&of_row, 50),
        at(&of_row, 95),
    ));
    Ok(())
}

/// Records sign-ins, each with its event, and says so when it is acknowledged.
async fn record(store: &Store, writers: usize, seconds: u64) {
    let write = async || loop {
        match one(store).await {
            Ok(()) => say("kept"),
            Err(error) => return say(&format!("refused {error}")),
        }
    };
    let writing = futures_util::future::join_all((0..writers).map(|_| write()));
    // What is not acknowledged in time does not count.
    drop(tokio::time::timeout(Duration::from_secs(seconds), writing).await);
}

async fn one(store: &Store) -> Result<(), StoreError> {
    // One after the other, as the clock would give them, and others than those of an earlier run.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = Uuid::from_u64_pair(MARK + 1 + u64::from(std::process::id()), number);
    let after_the_year =
        SignedDuration::from_secs(YEAR_S) + SignedDuration::from_micros(number.cast_signed());
    let now = Instant::from_second(BEGIN_S).unwrap_or(Instant::MIN) + after_the_year;
    let user_id = UserId::new(self::id(number * SPREAD % USERS));
    let sign_in = SignIn {
        id: SignInId::new(id),
        user_id,
        kind: SignInKind::Console,
        channel: Channel::Web,
        account_id: None,
        privileged_session_id: None,
        api_token_id: None,
        client_address: "192.0.2.7".to_owned(),
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0".to_owned(),
        started_at: now,
        authenticated_at: now,
        last_seen_at: now,
        expires_at: now + SignedDuration::from_hours(12),
        end: None,
    };
    let event = AuditEvent {
        id: AuditEventId::new(id),
        at: now,
        actor: Actor::User(user_id),
        on_behalf_of: None,
        action: AuditAction::SignInStarted,
        subject: Subject { kind: "sign_in".to_owned(), id: id.to_string() },
        privileged_session_id: None,
        sign_in_id: Some(sign_in.id),
        channel: Some(Channel::Web),
        client_address: Some(sign_in.client_address.clone()),
        reason: None,
        details: vec![("user_agent".to_owned(), sign_in.user_agent.as_str().into())],
    };
    let mut hash = [0; 32];
    rand::fill(&mut hash).map_err(|_| StoreError::Unavailable)?;
    store
        .write(move |tx| {
            let (sign_in, event) = (sign_in.clone(), event.clone());
            Box::pin(async move {
                tx.insert_sign_in(&sign_in, Some((&hash, ""))).await?;
                Ok(tx.commit((), Events::one(event)))
            })
        })
        .await
}
