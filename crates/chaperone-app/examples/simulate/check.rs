//! What has to hold: at every step, and when all is quiet.

use chaperone_connectors::Expiry;
use chaperone_domain::account::{Account, AccountState};
use chaperone_domain::grant::{Attributes, Grant, GrantPhase, Wish};
use chaperone_domain::ids::AccountId;
use chaperone_domain::privileged_session::State;

use crate::hub::GONE;
use crate::plan::DAY_US;
use crate::schedule::Schedule;
use crate::world::Failed;

/// What was wrong.
#[derive(Clone, Debug)]
pub struct Wrong(pub String);

impl Wrong {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What an account must be in the end.
pub struct Original {
    /// What it was, or what others made of it while no session held it.
    pub baseline: Attributes,
    /// What others made of it last while a session held it: it is never laxer than that, and its expiry is the original
    /// one, which they never change.
    pub floor: Option<AccountState>,
    /// What others made of it while sessions held it that wanted nothing of it: it may stay so.
    pub theirs: Vec<Attributes>,
    /// Others changed it between a look and the hold that was taken over it, or the intent of a session that joined it,
    /// either of which may have made it just so. Whoever goes on after a stop in the middle, or after sleeping past a
    /// lease, cannot tell whose doing it is: it may be what it was.
    pub either: bool,
    /// Others removed it. Nothing of ours makes it anew.
    pub gone: bool,
}

impl Original {
    pub fn of(account: &Account) -> Self {
        Self::new(Attributes { state: account.state, expires_at: account.expires_at })
    }

    fn new(baseline: Attributes) -> Self {
        Self { baseline, floor: None, theirs: Vec::new(), either: false, gone: false }
    }
}

impl Schedule<'_> {
    /// Whether somebody else's change can be told from our own doing; notes what follows from it.
    pub fn may_be_changed(&mut self, id: AccountId, to: Attributes) -> bool {
        // One that is gone stays so.
        if self.world.hub.lock().accounts.get(&id).is_none_or(|is| *is == to) {
            return false;
        }
        let store = self.world.store.clone();
        let found = self.world.now(async move {
            let open = store.read().open_grant(id).await?;
            let closed = store.read().grant_to_look_at_again(id).await?;
            Ok::<_, chaperone_store::StoreError>((open, closed))
        });
        let Ok((open, closed)) = found else { return false };
        let busy = self.world.nodes.iter().any(|node| node.activity.is_some());
        let flying = self.world.hub.lock().flights.iter().any(|flight| flight.account == id);
        let wish = Wish::for_state(to.state);
        let joins = wish.is_some() && self.plan.sessions.iter().any(|session| session.wish_for(id) == wish);
        // What people do may be a switch.
        let wished = busy && joins || self.world.nodes[0].activity.is_some();
        let Some(original) = self.originals.get_mut(&id) else { return false };
        match open {
            Some((grant, _)) => {
                let own = grant.own_doing().contains(&to) || grant.goal() == to || grant.desired == to;
                // A call that is under way may make it ours at any moment.
                if own || flying {
                    return false;
                }
                // Seen back already, and then changed before that is kept: nothing tells it from one that comes later.
                let seen_back = busy && grant.phase == GrantPhase::Closing;
                if seen_back && !to.at_least_as_strict_as(original.baseline) {
                    return false;
                }
                original.floor = Some(to.state);
                // Somebody may be about to write down just that, for a session that joins or that is switched.
                original.either |= wished;
                if !grant.touched {
                    original.theirs.push(to);
                }
                true
            }
            None => {
                let doubtful =
                    closed.is_some_and(|grant| grant.doubtful.iter().any(|doubt| doubt.attributes == to));
                if doubtful || flying {
                    return false;
                }
                if busy {
                    // Somebody may be about to take hold of it over what it was.
                    if !to.at_least_as_strict_as(original.baseline) {
                        return false;
                    }
                    original.floor = Some(to.state);
                    original.either = true;
                } else {
                    // They never change an expiry: one that came late with a change of ours is to go.
                    let expires_at = original.baseline.expires_at;
                    *original = Original::new(Attributes { expires_at, ..to });
                }
                true
            }
        }
    }

    /// Whatever is sent was written down before, and is something that the directory can keep.
    pub fn intended(&mut self, id: AccountId, to: Attributes) -> Result<(), Failed> {
        let store = self.world.store.clone();
        let open = self.world.now(async move { store.read().open_grant(id).await })?;
        let written = open
            .is_some_and(|(grant, _)| grant.known.contains(&to) || grant.goal() == to || grant.desired == to);
        let whole = match (to.expires_at, self.world.hub.lock().kind.expiry) {
            (None, _) | (Some(_), Expiry::Exact) => true,
            (Some(at), Expiry::Days) => at.as_microsecond() % DAY_US == 0,
            (Some(_), Expiry::None) => false,
        };
        if !whole {
            self.wrong = Some(Wrong::new(format!("account {} is made {to:?}", self.name(id))));
        }
        if !written {
            self.wrong =
                Some(Wrong::new(format!("account {} is made {to:?} without an intent", self.name(id))));
        }
        Ok(())
    }

    /// No session is over before its accounts are back, or held by others: the one that something was just written
    /// about, or any.
    pub fn ended_only_when_back(&mut self, about: Option<usize>) -> Result<(), Failed> {
        let store = self.world.store.clone();
        let sessions = self.plan.sessions.iter().enumerate();
        let asked = sessions.filter(|(index, _)| about.is_none_or(|about| about == *index));
        let ids: Vec<_> = asked.map(|(index, session)| (index, session.id)).collect();
        let held = self.world.now(async move {
            let mut held = None;
            for (index, id) in ids {
                let session = store.read().privileged_session(id).await?;
                if !session.is_some_and(|session| session.status().is_final()) {
                    continue;
                }
                let grants = store.read().grants_of_session(id).await?;
                if grants.iter().any(|(_, holder)| holder.released_at.is_none()) {
                    held = Some(index);
                }
            }
            Ok::<_, chaperone_store::StoreError>(held)
        })?;
        if let Some(index) = held {
            self.wrong = Some(Wrong::new(format!("session {index} is over and still holds an account")));
        }
        Ok(())
    }

    /// The sessions that are not over yet, by their numbers.
    pub fn not_over(&self) -> Result<Vec<usize>, Failed> {
        let store = self.world.store.clone();
        let sessions: Vec<_> = self.plan.sessions.iter().map(|session| session.id).collect();
        let open = self.world.now(async move {
            let mut open = Vec::new();
            for (index, id) in sessions.into_iter().enumerate() {
                let session = store.read().privileged_session(id).await?;
                if session.is_some_and(|session| !session.status().is_final()) {
                    open.push(index);
                }
            }
            Ok::<_, chaperone_store::StoreError>(open)
        });
        Ok(open?)
    }

    /// Whether there is nothing left to do.
    pub fn is_quiet(&self) -> Result<bool, Failed> {
        if !self.not_over()?.is_empty() {
            return Ok(false);
        }
        let store = self.world.store.clone();
        let accounts: Vec<_> = self.plan.accounts.iter().map(|account| account.id).collect();
        let quiet = self.world.now(async move {
            for id in accounts {
                if store.read().grant_to_look_at_again(id).await?.is_some() {
                    return Ok(false);
                }
            }
            Ok::<_, chaperone_store::StoreError>(true)
        })?;
        Ok(quiet && self.world.hub.lock().flights.is_empty())
    }

    /// What the account is now.
    pub fn is_now(&self, id: AccountId) -> Result<Attributes, Failed> {
        let is = if self.plan.elsewhere {
            Some(self.world.hub.lock().accounts.get(&id).copied().unwrap_or(GONE))
        } else {
            let store = self.world.store.clone();
            let row = self.world.now(async move { store.read().account(id).await })?;
            row.map(|row| Attributes { state: row.state, expires_at: row.expires_at })
        };
        Ok(is.ok_or("an account without attributes")?)
    }

    /// The account's open grant, or the closed one that is looked at once more.
    pub fn grant_of(&self, id: AccountId) -> Result<Option<Grant>, Failed> {
        let store = self.world.store.clone();
        let found = self.world.now(async move {
            match store.read().open_grant(id).await? {
                Some((open, _)) => Ok(Some(open)),
                None => store.read().grant_to_look_at_again(id).await,
            }
        });
        Ok(found?)
    }

    /// When all is quiet.
    pub fn end(&mut self) -> Result<(), Failed> {
        let store = self.world.store.clone();
        for (index, session) in self.plan.sessions.iter().enumerate() {
            let (store, id) = (store.clone(), session.id);
            let now = self.world.now(async move { store.read().privileged_session(id).await })?;
            let state = now.map_or(State::Draft, |session| session.state);
            if !state.status().is_final() {
                self.wrong = Some(Wrong::new(format!("session {index} is {} for ever", state.name())));
                return Ok(());
            }
        }
        for account in &self.plan.accounts {
            let id = account.id;
            let number = self.name(id);
            if let Some(grant) = self.grant_of(id)?.filter(|grant| grant.phase != GrantPhase::Closed) {
                self.wrong = Some(Wrong::new(format!(
                    "the grant of account {number} is {} for ever",
                    grant.phase.name()
                )));
                return Ok(());
            }
            let is = self.is_now(id)?;
            let Some(original) = self.originals.get(&id) else { continue };
            let well = match original.floor {
                _ if original.gone => is == GONE,
                _ if original.theirs.contains(&is) || (original.either && is == original.baseline) => true,
                None => is == original.baseline,
                Some(state) => {
                    let floor = Attributes { state, ..original.baseline };
                    is.at_least_as_strict_as(original.baseline.stricter(floor))
                        && is.expires_at == original.baseline.expires_at
                }
            };
            if !well {
                let was = original.baseline;
                let floor = original.floor;
                self.wrong = Some(Wrong::new(format!(
                    "account {number} is {is:?}, it was {was:?}, others made it {floor:?}"
                )));
                return Ok(());
            }
        }
        Ok(())
    }
}
