//! Notifications: written with the change that they speak of, taken under a lease, sent, repeated, given up.

use chaperone_domain::Instant;
use chaperone_domain::ids::{AccountId, NotificationId, PrivilegedSessionId, UserId};
use chaperone_domain::notification::{Channel, Notification, NotificationKind, NotificationState};

use super::one_row;
use crate::StoreError;
use crate::columns::{micros, opt_micros};
use crate::sql::{Place, Reads, Row, args};
use crate::tx::{BookTx, WriteTx};

const COLUMNS: &str = "id, kind, privileged_session_id, account_id, recipient, channel, address, occurrence, state, \
                       attempt, next_try_at, give_up_at, problem, created_at, sent_at, subject, body";

/// What is due now and nobody has taken: `$1` is the channel, `$2` is now.
const DUE: &str = "channel = $1 AND next_try_at <= $2 AND (lease_until IS NULL OR lease_until <= $2)";

/// What was sent before `$1` and speaks of nothing that may still go on: time tells nothing of it again.
const OLD: &str = "notifications.state = 'sent' AND notifications.sent_at < $1 AND NOT EXISTS (\
                   SELECT 1 FROM privileged_sessions WHERE privileged_sessions.id = notifications.privileged_session_id \
                   AND privileged_sessions.state IN ('Draft', 'Approved', 'Starting', 'Active', 'Ending'))";

fn read(row: &mut Row<'_>) -> Result<Notification, StoreError> {
    Ok(Notification {
        id: row.id(NotificationId::new)?,
        kind: row.named(NotificationKind::parse, "notifications.kind")?,
        privileged_session_id: row.opt_id(PrivilegedSessionId::new)?,
        account_id: row.opt_id(AccountId::new)?,
        recipient: row.opt_id(UserId::new)?,
        channel: row.named(Channel::parse, "notifications.channel")?,
        address: row.text()?,
        occurrence: row.take()?,
        state: row.named(NotificationState::parse, "notifications.state")?,
        attempt: row.take()?,
        next_try_at: row.opt_instant("notifications.next_try_at")?,
        give_up_at: row.instant("notifications.give_up_at")?,
        problem: row.take()?,
        created_at: row.instant("notifications.created_at")?,
        sent_at: row.opt_instant("notifications.sent_at")?,
        subject: row.text()?,
        body: row.text()?,
    })
}

/// Adds rows; one whose key is there already is left out. Answers how many were added.
pub(crate) async fn insert(place: Place<'_>, notifications: &[&Notification]) -> Result<u64, StoreError> {
    let columns: Vec<&str> = COLUMNS.split(", ").chain(["dedupe_key"]).collect();
    let values = |told: &&Notification| {
        args![
            told.id.uuid(),
            told.kind.name(),
            told.privileged_session_id.map(PrivilegedSessionId::uuid),
            told.account_id.map(AccountId::uuid),
            told.recipient.map(UserId::uuid),
            told.channel.name(),
            told.address.as_str(),
            told.occurrence,
            told.state.name(),
            told.attempt,
            opt_micros(told.next_try_at),
            micros(told.give_up_at),
            told.problem.clone(),
            micros(told.created_at),
            opt_micros(told.sent_at),
            told.subject.as_str(),
            told.body.as_str(),
            told.dedupe_key(),
        ]
    };
    let once = "ON CONFLICT (dedupe_key) DO NOTHING";
    place.insert(("notifications", &columns, once), notifications, values).await
}

impl Reads<'_> {
    /// The notification of that id.
    pub async fn notification(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM notifications WHERE id = $1");
        self.place.one(&sql, args![id.uuid()], read).await
    }

    /// What was told about a session, oldest first.
    pub async fn notifications_of_session(
        &self,
        session: PrivilegedSessionId,
    ) -> Result<Vec<Notification>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications WHERE privileged_session_id = $1 ORDER BY created_at, id"
        );
        self.place.all(&sql, args![session.uuid()], read).await
    }

    /// Whether something is to be sent on that channel now.
    pub async fn notification_is_due(&self, channel: Channel, now: Instant) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM notifications WHERE {DUE} LIMIT 1");
        Ok(self.place.one(&sql, args![channel.name(), micros(now)], |_| Ok(())).await?.is_some())
    }

    /// Whether there is something that was sent before an instant and can be removed.
    pub async fn has_old_notifications(&self, sent_before: Instant) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM notifications WHERE {OLD} LIMIT 1");
        Ok(self.place.one(&sql, args![micros(sent_before)], |_| Ok(())).await?.is_some())
    }
}

impl WriteTx {
    /// Removes what was sent before an instant, oldest first; answers how many. What waits stays, and so does what
    /// speaks of a session that is not over.
    pub async fn remove_old_notifications(
        &mut self,
        sent_before: Instant,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let sql = format!(
            "DELETE FROM notifications WHERE id IN (\
             SELECT notifications.id FROM notifications WHERE {OLD} ORDER BY sent_at, id LIMIT {limit})"
        );
        self.place().run(&sql, args![micros(sent_before)]).await
    }

    /// Adds notifications of this change. One that is there already stays as it is, so that a change which runs again
    /// tells nobody twice.
    pub async fn insert_notifications(&mut self, notifications: &[Notification]) -> Result<u64, StoreError> {
        insert(self.place(), &notifications.iter().collect::<Vec<_>>()).await
    }

    /// Gives up what was taken for this attempt; [`StoreError::Stale`] when somebody else has taken it since.
    pub async fn give_up_notification(
        &mut self,
        id: NotificationId,
        attempt: i64,
        problem: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notifications SET state = 'given_up', next_try_at = NULL, lease_until = NULL, problem = $1 \
                   WHERE id = $2 AND attempt = $3 AND state = 'waiting'";
        one_row(self.place().run(sql, args![problem, id.uuid(), attempt]).await?)
    }

    /// Has it tried at `now` and until `give_up_at`; [`StoreError::Stale`] when it was sent meanwhile.
    pub async fn retry_notification(
        &mut self,
        id: NotificationId,
        now: Instant,
        give_up_at: Instant,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE notifications SET state = 'waiting', next_try_at = $1, give_up_at = $2 \
                   WHERE id = $3 AND state <> 'sent'";
        one_row(self.place().run(sql, args![micros(now), micros(give_up_at), id.uuid()]).await?)
    }
}

impl BookTx {
    /// Adds what time alone tells, as [`WriteTx::insert_notifications`].
    pub async fn insert_notifications(&mut self, notifications: &[Notification]) -> Result<u64, StoreError> {
        insert(self.place(), &notifications.iter().collect::<Vec<_>>()).await
    }

    /// Takes what is due, oldest first: nobody else gets it until the lease is over. Each taking counts as an attempt.
    pub async fn take_notifications(
        &mut self,
        channel: Channel,
        now: Instant,
        lease_until: Instant,
        limit: u64,
    ) -> Result<Vec<Notification>, StoreError> {
        // The condition stands twice: PostgreSQL looks again at a row that somebody else has just taken, but not at
        // the query inside.
        let sql = format!(
            "UPDATE notifications SET attempt = attempt + 1, lease_until = $3 WHERE {DUE} AND id IN (\
             SELECT id FROM notifications WHERE {DUE} ORDER BY next_try_at, id LIMIT {limit}) RETURNING {COLUMNS}"
        );
        let values = args![channel.name(), micros(now), micros(lease_until)];
        let mut taken = self.place().all(&sql, values, read).await?;
        taken.sort_by_key(|told| (told.next_try_at, told.id));
        Ok(taken)
    }

    /// The other side took it; whether it was still ours.
    pub async fn notification_sent(
        &mut self,
        id: NotificationId,
        attempt: i64,
        at: Instant,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE notifications SET state = 'sent', sent_at = $1, next_try_at = NULL, lease_until = NULL, \
                   problem = NULL WHERE id = $2 AND attempt = $3 AND state = 'waiting'";
        Ok(self.place().run(sql, args![micros(at), id.uuid(), attempt]).await? == 1)
    }

    /// It could not be sent and is tried again then; whether it was still ours.
    pub async fn put_off_notification(
        &mut self,
        id: NotificationId,
        attempt: i64,
        next_try_at: Instant,
        problem: &str,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE notifications SET next_try_at = $1, lease_until = NULL, problem = $2 \
                   WHERE id = $3 AND attempt = $4 AND state = 'waiting'";
        Ok(self.place().run(sql, args![micros(next_try_at), problem, id.uuid(), attempt]).await? == 1)
    }
}
