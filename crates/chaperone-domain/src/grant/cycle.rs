//! The decisions of the grant cycle: what to want, what to do next, and how it comes back. Pure.
//!
//! A grant *knows* what the account can be by its own doing ([`Grant::known`]): what was last proved, and what was
//! intended since and may or may not have taken effect. Whatever else is observed was done by somebody else, and is
//! never overwritten with something laxer.

use super::{Attributes, Grant, GrantHolder, GrantOutcome, GrantPhase, Wish};
use crate::Instant;
use crate::account::AccountState;
use crate::ids::{AccountId, GrantId};

/// The one thing to do next on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardStep {
    /// The account is as desired.
    Verified,
    /// Set it so, then look again.
    Set(Attributes),
    /// Somebody else changed it: it is left as it is.
    ChangedByOthers,
    /// The account is not there: the session cannot start.
    Absent,
}

/// Says what to do on the way in.
pub fn forward(known: &[Attributes], desired: Attributes, observed: Attributes) -> ForwardStep {
    if observed.state == AccountState::Absent {
        ForwardStep::Absent
    } else if observed == desired {
        ForwardStep::Verified
    } else if known.contains(&observed) {
        ForwardStep::Set(desired)
    } else {
        ForwardStep::ChangedByOthers
    }
}

/// The one thing to do next on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackStep {
    /// Set it so, then look again; the outcome holds once that is observed.
    Set(Attributes, GrantOutcome),
    /// Nothing more to do.
    Close(GrantOutcome),
}

/// What somebody else made of an account that was observed as nothing of our own doing. They may have changed one
/// attribute and left the other as we had made it: an expiry that we set goes back to what it was.
pub(super) fn theirs(baseline: Attributes, own: &[Attributes], observed: Attributes) -> Attributes {
    let ours = own.iter().any(|own| own.expires_at == observed.expires_at);
    Attributes { expires_at: if ours { baseline.expires_at } else { observed.expires_at }, ..observed }
}

/// Says what to do on the way back. A grant that never `touched` the account leaves it to others.
pub fn back(baseline: Attributes, known: &[Attributes], touched: bool, observed: Attributes) -> BackStep {
    if observed.state == AccountState::Absent {
        BackStep::Close(GrantOutcome::Absent)
    } else if !touched {
        BackStep::Close(GrantOutcome::Untouched)
    } else if observed == baseline {
        BackStep::Close(GrantOutcome::Restored)
    } else if known.contains(&observed) {
        BackStep::Set(baseline, GrantOutcome::Restored)
    } else {
        let theirs = theirs(baseline, known, observed);
        let to = baseline.stricter(theirs);
        let outcome = if theirs.at_least_as_strict_as(baseline) {
            GrantOutcome::KeptChangedByOthers
        } else {
            GrantOutcome::SetStricter
        };
        if to == observed { BackStep::Close(outcome) } else { BackStep::Set(to, outcome) }
    }
}

/// What an account is to be while it is held. One that is opened for the session carries the session's end as its
/// own expiry, where the directory has one (`expiry`), so that it closes even if nobody is left to close it; an expiry
/// that is there is only ever shortened.
pub fn desired(state: AccountState, baseline: Attributes, expiry: Option<Instant>) -> Attributes {
    let opened = state == AccountState::Enabled && baseline.state != AccountState::Enabled;
    let expires_at = match (opened, baseline.expires_at, expiry) {
        (true, Some(own), Some(expiry)) => Some(own.min(expiry)),
        (true, own, expiry) => own.or(expiry),
        (false, own, _) => own,
    };
    Attributes { state, expires_at }
}

/// What holders together want: they never want opposites, which approval refuses, and after a switch the start.
pub fn wish_of(holders: &[GrantHolder]) -> Wish {
    holders.iter().map(GrantHolder::wants).find(|wish| *wish != Wish::None).unwrap_or(Wish::None)
}

/// When the last of them ends.
pub fn deadline_of(holders: &[GrantHolder]) -> Option<Instant> {
    holders.iter().map(|holder| holder.until).max()
}

/// When the last of those ends whose wish is done: the expiry of an account that is opened for them.
pub fn wanted_until(holders: &[GrantHolder]) -> Option<Instant> {
    let wish = wish_of(holders);
    holders.iter().filter(|holder| holder.wants() == wish).map(|holder| holder.until).max()
}

impl Grant {
    /// A grant that is about to be opened over what the account is.
    pub fn new(
        id: GrantId,
        account_id: AccountId,
        baseline: Attributes,
        deadline: Instant,
        at: Instant,
    ) -> Self {
        Self {
            id,
            account_id,
            phase: GrantPhase::Opening,
            baseline,
            back_to: None,
            desired: baseline,
            known: vec![baseline],
            touched: false,
            observed: baseline,
            deadline,
            fence: 1,
            lease: None,
            doubtful: Vec::new(),
            attempt: 0,
            next_try_at: None,
            problem: None,
            outcome: None,
            look_again_at: None,
            created_at: at,
            closed_at: None,
        }
    }

    /// What the account goes back to.
    pub fn goal(&self) -> Attributes {
        self.back_to.unwrap_or(self.baseline)
    }

    /// Makes the grant want what its holders want. `expiry` is [`wanted_until`] as the directory can keep it;
    /// `None` where it keeps none.
    pub fn intend(&mut self, holders: &[GrantHolder], expiry: Option<Instant>) {
        if let Some(deadline) = deadline_of(holders) {
            self.deadline = deadline;
        }
        let state = wish_of(holders).desired(self.baseline.state);
        let wanted = desired(state, self.baseline, expiry);
        if wanted != self.desired || self.phase == GrantPhase::Opening {
            self.want(wanted);
        }
    }

    /// Makes the grant want the account in another state: an administrator's decision during a session. `observed` is
    /// what they decided over, so that it is theirs to change; what others tightened stays tightened at the end.
    pub fn switch(&mut self, state: AccountState, observed: Attributes, expiry: Option<Instant>) {
        self.take_in(observed);
        self.want(desired(state, self.baseline, expiry));
    }

    /// What somebody else made of the account is decided over: it may be changed, and what they tightened stays
    /// tightened at the end.
    pub fn take_in(&mut self, observed: Attributes) {
        let own = self.own_doing();
        if !own.contains(&observed) {
            self.baseline = self.baseline.stricter(theirs(self.baseline, &own, observed));
            self.known.push(observed);
            self.phase = GrantPhase::Opening;
        }
    }

    /// An administrator's own change of the account replaces the state that it goes back to, and with it what is
    /// wanted by those who hold it.
    pub fn rebase(&mut self, state: AccountState, holders: &[GrantHolder], expiry: Option<Instant>) {
        if self.phase == GrantPhase::Closing {
            // Whoever is at it may have brought it to where it was to go until now.
            self.known.push(self.goal());
        }
        self.baseline.state = state;
        (self.back_to, self.outcome) = (None, None);
        self.touched = true;
        if self.phase != GrantPhase::Closing {
            self.intend(holders, expiry);
        }
    }

    /// A late effect of our own undid what is wanted: it is made so again.
    pub fn again(&mut self) {
        self.want(self.desired);
    }

    /// Notes an intent before its effect. Whoever wants what is under way already has it tried at once, and what was
    /// tried for it stays tried.
    fn want(&mut self, wanted: Attributes) {
        if wanted != self.desired || self.phase != GrantPhase::Opening {
            self.attempt = 0;
        }
        self.desired = wanted;
        self.touched |= wanted != self.baseline;
        self.phase = GrantPhase::Opening;
        if self.known.last() != Some(&wanted) {
            self.known.push(wanted);
        }
        (self.next_try_at, self.problem) = (None, None);
    }

    /// Notes that the account was seen as it is wanted.
    pub fn proved(&mut self, observed: Attributes) {
        self.phase = GrantPhase::Held;
        self.observed = observed;
        self.known = vec![self.desired];
        (self.attempt, self.next_try_at, self.problem) = (0, None, None);
    }

    /// Notes the intent to bring the account back.
    pub fn intend_back(&mut self) {
        self.phase = GrantPhase::Closing;
        (self.attempt, self.next_try_at, self.problem) = (0, None, None);
    }

    /// Notes the intent to bring the account back to something stricter than it was, because somebody else changed it.
    pub fn intend_stricter(&mut self, to: Attributes, outcome: GrantOutcome) {
        (self.back_to, self.outcome) = (Some(to), Some(outcome));
    }

    /// Notes that the account was seen back. `look_again`: a late effect of our own could still come.
    pub fn closed(&mut self, observed: Attributes, found: GrantOutcome, look_again: bool, at: Instant) {
        self.phase = GrantPhase::Closed;
        self.observed = observed;
        self.outcome = Some(match (found, self.outcome) {
            (GrantOutcome::Restored, Some(intended)) => intended,
            (found, _) => found,
        });
        self.closed_at = Some(at);
        self.look_again_at = look_again.then(|| self.settled_at(at));
        (self.attempt, self.next_try_at, self.problem) = (0, None, None);
    }

    /// A late effect of our own was seen after the grant was closed: the account goes back to what is left without it
    /// ([`Grant::came_late`]).
    pub fn reopen(&mut self, seen: Attributes, left: Attributes, at: Instant) {
        self.back_to = Some(left);
        self.known = self.doubtful.iter().map(|doubt| doubt.attributes).chain([seen]).collect();
        self.closed_at = None;
        self.look_again_at = Some(at);
        self.intend_back();
    }

    /// What was last intended to be set; `None` when nothing but the baseline ever was.
    pub fn applied(&self) -> Option<Attributes> {
        self.known.last().copied().filter(|last| *last != self.baseline)
    }
}

#[cfg(test)]
mod tests;
