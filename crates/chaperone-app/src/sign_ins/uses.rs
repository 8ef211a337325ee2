//! What is noted in memory while sign-ins go on, and stored in batches: last uses, active and idle time at targets.

use std::sync::Arc;

use chaperone_domain::Instant;
use chaperone_domain::sign_in::SignIn;
use chaperone_store::Events;

use super::ended_event;
use crate::app::App;
use crate::changes::ChangedNoun;
use crate::errors::AppError;
use crate::gate::{LiveSignIn, Seen};
use crate::op::Op;

impl App {
    /// Stores what was used since the last time: of all live sign-ins, or of those only that have just ended.
    pub(crate) async fn store_uses(&self, of_all: bool) -> Result<(), AppError> {
        let mut concerned = self.gate.take_ended();
        if of_all {
            concerned.extend(self.gate.all());
        }
        let seen: Vec<(Arc<LiveSignIn>, Seen)> =
            concerned.into_iter().filter_map(|live| live.take_seen().map(|seen| (live, seen))).collect();
        if seen.is_empty() {
            return Ok(());
        }
        let uses: Vec<_> = seen.iter().map(|(live, seen)| (live.id, seen.clone())).collect();
        let stored = self
            .store
            .keep_books(move |books| {
                let uses = uses.clone();
                Box::pin(async move {
                    for (id, seen) in uses {
                        books.touch_sign_in(id, seen.at).await?;
                        for used in &seen.targets {
                            books.add_target_use(id, used).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await;
        if let Err(error) = stored {
            // It is tried again with the next ones.
            for (live, seen) in seen {
                live.give_back(seen);
                if live.is_cut() == Some(crate::gate::Cut::Ended) {
                    self.gate.keep_ended(live);
                }
            }
            return Err(error.into());
        }
        Ok(())
    }

    /// Ends a sign-in that is silent for too long, or over; says whether it is.
    pub(crate) async fn end_by_time(&self, now: Instant, sign_in: &SignIn) -> Result<bool, AppError> {
        if sign_in.due_end(now).is_none() {
            return Ok(false);
        }
        // What is stored may be older than what memory knows: last uses first, then look again.
        self.store_uses(true).await?;
        let Some(sign_in) = self.store.read().sign_in(sign_in.id).await? else { return Ok(true) };
        if sign_in.end.is_some() {
            return Ok(true);
        }
        let Some(end) = sign_in.due_end(now) else { return Ok(false) };
        let (op, row) = (Op::processor(now), sign_in.clone());
        let ended = self
            .store
            .write(move |tx| {
                let (op, row) = (op.clone(), row.clone());
                Box::pin(async move {
                    if !tx.end_sign_in(row.id, end).await? {
                        return Err(AppError::Stale);
                    }
                    Ok(tx.commit((), Events::one(ended_event(&op, &row, end))))
                })
            })
            .await;
        self.gate.end(sign_in.id);
        self.changes.tell(ChangedNoun::SignIn, sign_in.id.uuid(), vec![sign_in.user_id]);
        match ended {
            // Somebody else ended it.
            Ok(()) | Err(AppError::Stale) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
