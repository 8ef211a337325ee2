//! The background process (source: BatchProcess): sessions start, end and expire when their time comes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chaperone_domain::ids::PrivilegedSessionId;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::app::App;
use crate::errors::AppError;
use crate::grants::Due;
use crate::op::Op;

/// How long the processor rests at most when nothing is due.
const REST_MAX: Duration = Duration::from_secs(1);
/// How long it rests while something is on its way or waits.
const REST_WAITING: Duration = Duration::from_millis(250);
/// The shortest time from one look to the next, however often somebody wakes the processor: every session that moves
/// does.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(20);
/// A look that took long is followed by a rest of so many times as long: looking is never what keeps it busy.
const LOOK_SHARE: u32 = 5;
/// Sessions of one look.
const LOOK_MAX: u64 = 1_000;
/// Sessions that are on their way side by side: those that wait for a directory hold nobody up.
const SIDE_BY_SIDE: usize = 2_000;
/// Where there are more than one look takes, the next one waits until there is room for so many.
const ROOM: usize = 250;

/// Sessions on their way. A session that waits for its directory does not keep others from being looked at.
#[derive(Default)]
struct Moving {
    tasks: JoinSet<PrivilegedSessionId>,
    ids: BTreeSet<PrivilegedSessionId>,
    by_task: std::collections::HashMap<Id, PrivilegedSessionId>,
}

impl Moving {
    /// Those that are not on their way yet, each once, as many as there is room for.
    fn not_yet(&self, ids: impl Iterator<Item = PrivilegedSessionId>) -> Vec<PrivilegedSessionId> {
        let mut seen = BTreeSet::new();
        let new = ids.filter(|id| !self.ids.contains(id) && seen.insert(*id));
        new.take(SIDE_BY_SIDE.saturating_sub(self.ids.len())).collect()
    }

    fn begin(&mut self, app: &Arc<App>, due: Due) {
        let id = due.session.id;
        self.ids.insert(id);
        let app = app.clone();
        let task = self.tasks.spawn(async move {
            let op = Op::processor(app.now());
            if let Err(error) = app.process(&op, due).await {
                tracing::error!(session = %id, ?error, "a session could not be moved; it is tried again");
            }
            id
        });
        self.by_task.insert(task.id(), id);
    }

    fn ended(&mut self, ended: Result<(Id, PrivilegedSessionId), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        if let Some(id) = self.by_task.remove(&task) {
            self.ids.remove(&id);
            if let Err(error) = ended {
                tracing::error!(session = %id, %error, "a session could not be moved; it is tried again");
            }
        }
    }

    /// Waits until there is room for a few hundred, but not for long.
    async fn make_room(&mut self) {
        let until = tokio::time::Instant::now() + REST_WAITING;
        while self.ids.len() + ROOM > SIDE_BY_SIDE {
            match tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => self.ended(ended),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Takes in what has ended meanwhile.
    fn collect(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
    }
}

pub(super) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let mut moving = Moving::default();
    loop {
        let began = tokio::time::Instant::now();
        let rest = match look(&app, &mut moving).await {
            Ok(Looked::All(rest)) => rest,
            Ok(Looked::More) => {
                moving.make_room().await;
                if !super::pause(&mut shutdown, LOOK_EVERY_MIN).await {
                    return;
                }
                moving.collect();
                continue;
            }
            Err(error) => {
                tracing::error!(?error, "the background process could not look; it tries again");
                REST_MAX
            }
        };
        let not_before = began + LOOK_EVERY_MIN.max(began.elapsed() * (1 + LOOK_SHARE));
        tokio::select! {
            go_on = super::pause(&mut shutdown, rest) => if !go_on { return },
            () = app.processor_nudge.notified() => {}
        }
        if !super::pause(&mut shutdown, not_before.duration_since(tokio::time::Instant::now())).await {
            return;
        }
        moving.collect();
    }
}

/// What a look found.
enum Looked {
    /// All that is due is on its way; how long to rest.
    All(Duration),
    /// There is more than one look takes: these first, as fast as they go.
    More,
}

/// One look at everything that is due: it is set on its way.
async fn look(app: &Arc<App>, moving: &mut Moving) -> Result<Looked, AppError> {
    let now = app.now();
    let read = app.store.read();
    let limit = LOOK_MAX + moving.ids.len() as u64;
    let due = read.due_sessions(now, limit).await?;
    let held = read.sessions_with_moving_grants(now, limit).await?;
    let many = due.len().max(held.len()) as u64 == limit;
    let due = moving.not_yet(due.into_iter().chain(held));
    for due in app.due(&due).await? {
        moving.begin(app, due);
    }
    if many {
        return Ok(Looked::More);
    }
    if !moving.ids.is_empty() {
        return Ok(Looked::All(REST_WAITING));
    }
    let left = match read.next_due_at().await? {
        Some(next) => Duration::try_from(next.duration_since(now)).unwrap_or(REST_WAITING),
        None => REST_MAX,
    };
    Ok(Looked::All(left.min(REST_MAX)))
}

/// One look at everything that is due, moved as far as it goes now; says how long to rest.
pub async fn process_due(app: &Arc<App>) -> Result<Duration, AppError> {
    let mut moving = Moving::default();
    let looked = look(app, &mut moving).await?;
    while let Some(ended) = moving.tasks.join_next_with_id().await {
        moving.ended(ended);
    }
    Ok(match looked {
        Looked::All(rest) => rest,
        Looked::More => Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    /// So many sessions on their way, each of which ends after a while.
    fn moving(count: usize, each: impl Fn(usize) -> Duration) -> Moving {
        let mut moving = Moving::default();
        for number in 0..count {
            let id = PrivilegedSessionId::new(Uuid::from_u128(number as u128));
            let after = each(number);
            let task = moving.tasks.spawn(async move {
                tokio::time::sleep(after).await;
                id
            });
            moving.ids.insert(id);
            moving.by_task.insert(task.id(), id);
        }
        moving
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_look_waits_for_room_and_never_long_for_those_that_wait_for_a_directory() {
        let began = tokio::time::Instant::now();
        let mut some = moving(1_000, |_| Duration::from_secs(10));
        some.make_room().await;
        assert_eq!(began.elapsed(), Duration::ZERO, "there is room");

        let mut full = moving(SIDE_BY_SIDE, |number| Duration::from_millis(number as u64 / 10));
        full.make_room().await;
        assert!(full.ids.len() + ROOM <= SIDE_BY_SIDE && began.elapsed() < REST_WAITING);

        let mut stuck = moving(SIDE_BY_SIDE, |_| Duration::from_secs(10));
        let began = tokio::time::Instant::now();
        stuck.make_room().await;
        assert_eq!((stuck.ids.len(), began.elapsed()), (SIDE_BY_SIDE, REST_WAITING));
    }

    #[tokio::test]
    async fn what_is_on_its_way_is_not_begun_again_and_there_are_never_too_many() {
        let id = |number: usize| PrivilegedSessionId::new(Uuid::from_u128(number as u128));
        let busy = moving(3, |_| Duration::from_secs(10));
        assert_eq!(busy.not_yet([0, 5, 2, 5, 7].into_iter().map(id)), [id(5), id(7)]);
        let nearly_full = moving(SIDE_BY_SIDE - 1, |_| Duration::from_secs(10));
        assert_eq!(nearly_full.not_yet([9_001, 9_002].into_iter().map(id)), [id(9_001)]);
    }
}
