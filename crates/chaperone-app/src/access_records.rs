//! Access records: the source's thinned view of who used what, decided on the way of a request.
//!
//! Inside the interval of a record, the decision is a look into memory and nothing else. When an access may be the
//! first of an interval, the database decides, in one transaction: switches, the place's auditing, when the last
//! record was written. One row for each user and way in is taken by whoever finds it unchanged, so of many nodes and
//! threads one writes. What cannot be written at the moment waits here, and a job tries again.
//!
//! Memory is no more than what the database said; it is thrown away whenever the organization's settings change, also
//! when another node changed them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use chaperone_domain::Instant;
use chaperone_domain::access_record::{action, is_due, next_due};
use chaperone_domain::audit_event::AuditEvent;
use chaperone_domain::ids::{PrivilegedSessionId, TargetId, UserId};
use chaperone_domain::organization::Organization;
use chaperone_domain::sign_in::Channel;
use chaperone_domain::target::Target;
use chaperone_store::{Events, StoreError, WriteTx};

use crate::app::App;
use crate::errors::AppError;
use crate::gate::LiveSignIn;
use crate::op::{Client, EventExt as _, Op, Who};

/// A request waits at most this long for its access record; it is written all the same.
const WRITE_WAIT: Duration = Duration::from_secs(2);
/// Accesses that wait to be written while the database is away. What does not fit is counted and logged.
const WAITING_MAX: usize = 10_000;
/// How often a record is tried whose row somebody else took meanwhile.
const TAKES_MAX: u32 = 8;

/// Where somebody was.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    /// The console, or the API of Chaperone itself.
    Console,
    /// A target.
    Target(&'a Target),
}

/// What of the organization's settings the decision needs.
struct Settings {
    version: i64,
    on: bool,
    console: bool,
    interval_hours: i64,
}

impl From<&Organization> for Settings {
    fn from(organization: &Organization) -> Self {
        Self {
            version: organization.version,
            on: organization.audits_user_access(),
            console: organization.console_audit_enabled,
            interval_hours: organization.user_access_auditing_interval_hours,
        }
    }
}

/// What is known of one user and way in.
struct Slot {
    /// Accesses before this belong to a record that is written.
    quiet_until_us: AtomicI64,
    /// Somebody is writing, or an access waits to be written.
    busy: AtomicBool,
}

type Slots = HashMap<(UserId, Channel), Arc<Slot>>;

/// What the decision looks at, in memory.
pub struct AccessRecords {
    settings: ArcSwap<Settings>,
    slots: RwLock<Slots>,
    waiting: Mutex<VecDeque<Noted>>,
}

impl AccessRecords {
    /// The memory of a node that just started.
    pub fn new(organization: &Organization) -> Self {
        Self {
            settings: ArcSwap::from_pointee(organization.into()),
            slots: RwLock::default(),
            waiting: Mutex::default(),
        }
    }

    /// Takes over the settings; when they changed, what was known before counts no more.
    pub(crate) fn follow(&self, organization: &Organization) {
        if self.settings.load().version == organization.version {
            return;
        }
        self.settings.store(Arc::new(organization.into()));
        self.slots.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether an access needs no record for all that is known here: nothing is read, nothing is written.
    pub fn is_quiet(&self, user: UserId, channel: Channel, place: Place<'_>, now: Instant) -> bool {
        let settings = self.settings.load();
        let covered = match place {
            Place::Console => settings.console,
            Place::Target(target) => target.audit_enabled,
        };
        if !settings.on || !covered {
            return true;
        }
        if settings.interval_hours == 0 {
            return false;
        }
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(&(user, channel)).is_some_and(|slot| {
            now.as_microsecond() < slot.quiet_until_us.load(Ordering::Acquire)
                || slot.busy.load(Ordering::Acquire)
        })
    }

    /// Notes that a record stands that covers accesses before this instant: for tests and measurements too.
    pub fn quiet_until(&self, user: UserId, channel: Channel, until: Instant) {
        self.slot(user, channel).quiet_until_us.store(until.as_microsecond(), Ordering::Release);
    }

    fn slot(&self, user: UserId, channel: Channel) -> Arc<Slot> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            || Arc::new(Slot { quiet_until_us: AtomicI64::new(i64::MIN), busy: AtomicBool::new(false) });
        slots.entry((user, channel)).or_insert_with(fresh).clone()
    }

    /// Takes the slot for writing; `None` when somebody else has it. With an interval of nothing there are no slots:
    /// every access is written.
    fn take(&self, user: UserId, channel: Channel) -> Option<Option<Arc<Slot>>> {
        if self.settings.load().interval_hours == 0 {
            return Some(None);
        }
        let slot = self.slot(user, channel);
        (!slot.busy.swap(true, Ordering::AcqRel)).then_some(Some(slot))
    }

    /// Forgets slots whose interval is over: they would be asked anew anyway.
    pub(crate) fn sweep(&self, now: Instant) {
        let now_us = now.as_microsecond();
        self.slots.write().unwrap_or_else(PoisonError::into_inner).retain(|_, slot| {
            slot.busy.load(Ordering::Acquire) || slot.quiet_until_us.load(Ordering::Acquire) > now_us
        });
    }

    fn wait(&self, noted: Noted) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING_MAX {
            tracing::error!(
                user = %noted.user,
                action = noted.event.action.name(),
                at = %noted.event.at,
                "an access record is lost: more than {WAITING_MAX} wait for the database"
            );
            noted.settled(None);
            return;
        }
        waiting.push_back(noted);
    }

    fn take_waiting(&self) -> VecDeque<Noted> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An access that may need a record.
#[derive(Clone)]
struct Noted {
    user: UserId,
    event: AuditEvent,
    target: Option<TargetId>,
    slot: Option<Arc<Slot>>,
}

impl Noted {
    /// Nobody writes it any more; until then everything is quiet.
    fn settled(&self, quiet_until: Option<Instant>) {
        if let Some(slot) = &self.slot {
            if let Some(until) = quiet_until {
                slot.quiet_until_us.fetch_max(until.as_microsecond(), Ordering::AcqRel);
            }
            slot.busy.store(false, Ordering::Release);
        }
    }
}

/// Why no record was written.
enum NotWritten {
    /// It is not audited.
    Off(Box<Organization>),
    /// It belongs to the interval of this record.
    Within { last: Instant, interval_hours: i64 },
    /// Somebody else took the row meanwhile.
    Taken,
    /// The store refuses.
    Store(StoreError),
}

impl From<StoreError> for NotWritten {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Decides in the transaction that writes.
async fn decide(tx: &mut WriteTx, noted: &Noted) -> Result<i64, NotWritten> {
    let organization = tx.read().organization().await?;
    let covered = match noted.target {
        None => organization.console_audit_enabled,
        // A target that was removed meanwhile was audited when it was accessed.
        Some(id) => tx.read().target(id).await?.is_none_or(|target| target.audit_enabled),
    };
    if !organization.audits_user_access() || !covered {
        return Err(NotWritten::Off(Box::new(organization)));
    }
    let (at, interval_hours) = (noted.event.at, organization.user_access_auditing_interval_hours);
    let seen = tx.read().last_access_record(noted.user, noted.event.action).await?;
    if let Some(last) = seen
        && !is_due(seen, at, interval_hours)
    {
        return Err(NotWritten::Within { last, interval_hours });
    }
    if !tx.take_access_record(noted.user, noted.event.action, seen, at).await? {
        return Err(NotWritten::Taken);
    }
    Ok(interval_hours)
}

impl App {
    /// What the decision looks at.
    pub fn access_records(&self) -> &AccessRecords {
        &self.access_records
    }

    /// Somebody used the console or the API: is it the first access of an interval?
    pub async fn note_console_access(self: &Arc<Self>, op: &Op) {
        let (Who::User(user), Some(channel)) = (&op.who, op.channel) else { return };
        if self.access_records.is_quiet(user.id, channel, Place::Console, op.at) {
            return;
        }
        let event = op.event(action(channel), "user", user.id).with("place", "console");
        self.take_note(user.id, channel, event, None).await;
    }

    /// Somebody was let through to a target: is it the first access of an interval? `client` is asked for only if so.
    pub async fn note_target_access(
        self: &Arc<Self>,
        sign_in: &LiveSignIn,
        target: &Target,
        now: Instant,
        client: impl FnOnce() -> Client,
    ) {
        let facts = sign_in.facts();
        if self.access_records.is_quiet(facts.user.id, sign_in.channel, Place::Target(target), now) {
            return;
        }
        let op = Op {
            who: Who::User(Box::new(facts.user.clone())),
            at: now,
            channel: Some(sign_in.channel),
            client: client(),
            sign_in_id: Some(sign_in.id),
        };
        let session: Option<PrivilegedSessionId> = facts.session.as_ref().map(|session| session.id);
        let event = op
            .event(action(sign_in.channel), "user", facts.user.id)
            .in_session(session)
            .with("place", target.host.as_str())
            .with("target_id", target.id.to_string())
            .with("account_id", facts.account.id.to_string());
        self.take_note(facts.user.id, sign_in.channel, event, Some(target.id)).await;
    }

    async fn take_note(
        self: &Arc<Self>,
        user: UserId,
        channel: Channel,
        event: AuditEvent,
        target: Option<TargetId>,
    ) {
        let Some(slot) = self.access_records.take(user, channel) else { return };
        let noted = Noted { user, event, target, slot };
        let app = self.clone();
        // A task of its own: whoever asked may go away, and what was taken must be settled.
        let writing = tokio::spawn(async move { app.write_access_record(noted).await });
        if tokio::time::timeout(WRITE_WAIT, writing).await.is_err() {
            tracing::warn!("an access record takes long to be written; the request goes on");
        }
    }

    async fn write_access_record(&self, noted: Noted) {
        match self.try_access_record(&noted).await {
            Ok(quiet_until) => noted.settled(quiet_until),
            Err(error) => {
                tracing::warn!(%error, "an access record cannot be written now; it is tried again");
                self.access_records.wait(noted);
            }
        }
    }

    /// Writes the record if it is due; answers until when everything is quiet.
    async fn try_access_record(&self, noted: &Noted) -> Result<Option<Instant>, StoreError> {
        for _ in 0..TAKES_MAX {
            let this = noted.clone();
            let written = self
                .store
                .write(move |tx| {
                    let noted = this.clone();
                    Box::pin(async move {
                        let interval = decide(tx, &noted).await?;
                        let event = noted.event.clone().with("useraccessauditinginterval", interval);
                        Ok::<_, NotWritten>(tx.commit(interval, Events::one(event)))
                    })
                })
                .await;
            match written {
                Ok(interval) => return Ok(next_due(noted.event.at, interval)),
                Err(NotWritten::Within { last, interval_hours }) => {
                    return Ok(next_due(last, interval_hours));
                }
                Err(NotWritten::Off(organization)) => {
                    self.access_records.follow(&organization);
                    return Ok(None);
                }
                Err(NotWritten::Taken) => {}
                Err(NotWritten::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Contended)
    }

    /// What the job does: follows the settings, writes what waits.
    pub(crate) async fn look_at_access_records(&self) -> Result<(), AppError> {
        self.access_records.follow(&self.organization().await?);
        for noted in self.access_records.take_waiting() {
            self.write_access_record(noted).await;
        }
        Ok(())
    }
}
