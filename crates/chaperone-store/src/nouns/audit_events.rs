//! The trail. Events are added and numbered; nothing here changes or removes one. What retention erased
//! ([`super::retention`]) reads as an event of the action `event_deleted` in the same place.

use aws_lc_rs::rand;
use chaperone_domain::Instant;
use chaperone_domain::audit_event::{
    Actor, AuditAction, AuditEvent, CANONICAL_VERSION, DetailValue, Subject,
};
use chaperone_domain::ids::{AuditEventId, PrivilegedSessionId, SignInId, UserId};
use chaperone_domain::sign_in::Channel;
use chaperone_domain::source_action::{SourceAction, source_action};
use chaperone_ledger::SALT_BYTES;
use serde_json::Value as Json;

use crate::StoreError;
use crate::columns::{HASH_BYTES, corrupt, fixed, micros, uncount};
use crate::filter::EventFilter;
use crate::page::{Direction, Items, Key, Page};
use crate::retention::stamp;
use crate::sql::{Place, Query, Reads, Row, Sorting, args, shares};
use crate::tx::BookTx;

pub(super) const COLUMNS: &str = "seq, commitment, id, at, actor_kind, actor_id, on_behalf_of, action, subject_kind, \
                                  subject_id, privileged_session_id, sign_in_id, channel, client_address, reason, \
                                  details, deleted_at";

/// Values of a new event: of each column, and of the last one that from which it is computed.
const INSERTED: usize = 20;

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number in the trail, from 1 without gaps; `None` for the moment until it has one.
    pub seq: Option<i64>,
    /// The commitment to it.
    pub commitment: [u8; HASH_BYTES],
    /// The event; in the place of one that was deleted, what is left of it.
    pub event: AuditEvent,
    /// When retention deleted it: number, id, instant, session and commitment are left.
    pub deleted_at: Option<Instant>,
}

pub(super) fn read(row: &mut Row<'_>) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        seq: row.take()?,
        commitment: fixed(&row.take::<Vec<u8>>()?, "audit_events.commitment")?,
        event: AuditEvent {
            id: row.id(AuditEventId::new)?,
            at: row.instant("audit_events.at")?,
            actor: {
                let kind = row.text()?;
                Actor::from_parts(&kind, row.opt_id(UserId::new)?)
                    .ok_or_else(|| corrupt("audit_events.actor_kind"))?
            },
            on_behalf_of: row.opt_id(UserId::new)?,
            action: row.named(AuditAction::parse, "audit_events.action")?,
            subject: Subject { kind: row.text()?, id: row.text()? },
            privileged_session_id: row.opt_id(PrivilegedSessionId::new)?,
            sign_in_id: row.opt_id(SignInId::new)?,
            channel: row.opt_named(Channel::parse, "audit_events.channel")?,
            client_address: row.take()?,
            reason: row.take()?,
            details: details(&row.text()?).ok_or_else(|| corrupt("audit_events.details"))?,
        },
        deleted_at: row.opt_instant("audit_events.deleted_at")?,
    })
}

/// Details as a JSON list of `[name, value]`: their order is part of the event.
fn details(json: &str) -> Option<Vec<(String, DetailValue)>> {
    let pairs: Vec<(String, Json)> = serde_json::from_str(json).ok()?;
    pairs
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Json::String(text) => DetailValue::Text(text),
                Json::Number(number) => DetailValue::Number(number.as_i64()?),
                Json::Bool(flag) => DetailValue::Flag(flag),
                Json::Null => DetailValue::Nothing,
                Json::Array(_) | Json::Object(_) => return None,
            };
            Some((name, value))
        })
        .collect()
}

fn json(details: &[(String, DetailValue)]) -> String {
    let pair = |(name, value): &(String, DetailValue)| {
        let value = match value {
            DetailValue::Text(text) => Json::from(text.as_str()),
            DetailValue::Number(number) => Json::from(*number),
            DetailValue::Flag(flag) => Json::from(*flag),
            DetailValue::Nothing => Json::Null,
        };
        Json::from(vec![Json::from(name.as_str()), value])
    };
    Json::from_iter(details.iter().map(pair)).to_string()
}

/// Adds events, each with a commitment under a salt of its own; many in one statement.
pub(crate) async fn insert(place: Place<'_>, events: &[AuditEvent]) -> Result<(), StoreError> {
    for share in shares(events) {
        let mut values = Vec::with_capacity(share.len() * INSERTED);
        for event in share {
            let mut salt = [0; SALT_BYTES];
            rand::fill(&mut salt).map_err(|_| StoreError::Unavailable)?;
            let commitment = chaperone_ledger::commitment(&salt, &event.canonical_bytes());
            values.extend(args![
                event.id.uuid(),
                micros(event.at),
                event.actor.kind_name(),
                event.actor.user_id().map(UserId::uuid),
                event.on_behalf_of.map(UserId::uuid),
                event.action.name(),
                event.subject.kind.as_str(),
                event.subject.id.as_str(),
                event.privileged_session_id.map(PrivilegedSessionId::uuid),
                event.sign_in_id.map(SignInId::uuid),
                event.channel.map(Channel::name),
                event.client_address.clone(),
                event.reason.clone(),
                json(&event.details),
                i64::from(CANONICAL_VERSION),
                salt.to_vec(),
                commitment.to_vec(),
                source_action(event).map(SourceAction::code),
                event.target_id().map(str::to_owned),
                micros(event.at),
            ]);
        }
        place.run(&insertion(place, share.len()), values).await?;
    }
    Ok(())
}

fn insertion(place: Place<'_>, rows: usize) -> String {
    let row = |row: usize| {
        let names: Vec<String> = (1..INSERTED).map(|n| place.name(row * INSERTED + n)).collect();
        let at = place.name((row + 1) * INSERTED);
        format!("({}, {})", names.join(", "), stamp("audit_retention_days", &at))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO audit_events (id, at, actor_kind, actor_id, on_behalf_of, action, subject_kind, subject_id, \
         privileged_session_id, sign_in_id, channel, client_address, reason, details, canonical_version, salt, \
         commitment, source_code, target_id, keep_until) VALUES {}",
        rows.join(", ")
    )
}

/// The events that a filter asks for.
fn asked(sql: &str, filter: &EventFilter) -> Query {
    Query::new(sql)
        .and_if("seq > ?", filter.after_seq)
        .and_if("action = ?", filter.action.map(AuditAction::name))
        .and_one_of("action", filter.actions.iter().map(|action| action.name().to_owned()))
        .and_if("(actor_id = ? OR on_behalf_of = ?)", filter.user_id.map(UserId::uuid))
        .and_if("target_id = ?", filter.target_id.map(|id| id.to_string()))
        .and_if("privileged_session_id = ?", filter.privileged_session_id.map(PrivilegedSessionId::uuid))
        .and_if("sign_in_id = ?", filter.sign_in_id.map(SignInId::uuid))
        .and_if("at >= ?", filter.start.map(micros))
        .and_if("at < ?", filter.end.map(micros))
}

impl Reads<'_> {
    /// How many events a filter asks for.
    pub async fn count_audit_events(&self, filter: EventFilter) -> Result<u64, StoreError> {
        let query = asked("SELECT COUNT(*) FROM audit_events WHERE 1 = 1", &filter);
        let counted = query.in_any_order(self.place, |row| uncount(row.take()?, "a count")).await?;
        Ok(counted.first().copied().unwrap_or_default())
    }

    /// The trail: newest first, or by number when only events after a number are wanted.
    pub async fn audit_events(
        &self,
        filter: EventFilter,
        page: Page,
    ) -> Result<Items<StoredEvent>, StoreError> {
        let by_number = filter.after_seq.is_some();
        let query = asked(&format!("SELECT {COLUMNS} FROM audit_events WHERE 1 = 1"), &filter);
        let (key, order) =
            if by_number { ("seq", Direction::OldestFirst) } else { ("at", Direction::NewestFirst) };
        let sorting = Sorting { key, id: "id", order, is_text: false };
        let place = |stored: &StoredEvent| {
            let key = if by_number { stored.seq.unwrap_or(i64::MAX) } else { micros(stored.event.at) };
            (Key::Number(key), stored.event.id.uuid())
        };
        self.place.page(query, sorting, &page, read, place).await
    }

    /// Every event of a privileged session, in order.
    pub async fn audit_log(&self, session: PrivilegedSessionId) -> Result<Vec<AuditEvent>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM audit_events WHERE privileged_session_id = $1 ORDER BY at, id");
        self.place.all(&sql, args![session.uuid()], |row| Ok(read(row)?.event)).await
    }
}

impl BookTx {
    /// Numbers events that have no number yet, oldest first; answers how many. Numbers are without gaps: who takes
    /// the counter's row keeps it until the numbers are written.
    pub async fn sequence_events(&mut self, limit: u64) -> Result<u64, StoreError> {
        let sql = "UPDATE counters SET value = value WHERE name = 'audit_events' RETURNING value";
        let last: i64 = self
            .place()
            .one(sql, args![], |row| row.take())
            .await?
            .ok_or_else(|| corrupt("counters.audit_events"))?;
        let sql = format!(
            "UPDATE audit_events SET seq = $1 + numbered.number FROM (\
             SELECT id, ROW_NUMBER() OVER (ORDER BY at, id) AS number FROM audit_events WHERE seq IS NULL \
             ORDER BY at, id LIMIT {limit}) AS numbered WHERE audit_events.id = numbered.id"
        );
        let numbered = self.place().run(&sql, args![last]).await?;
        if numbered > 0 {
            let sql = "UPDATE counters SET value = value + $1 WHERE name = 'audit_events'";
            let step = crate::columns::count(numbered)?;
            self.place().run(sql, args![step]).await?;
        }
        Ok(numbered)
    }
}
