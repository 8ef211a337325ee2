//! The Account tab: what was done to a session's accounts, each change as intended, done, verified.

use chaperone_domain::audit_event::Actor;

use super::logs::text;
use super::*;

/// Which way a change of an account goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what the session wants.
    Forward,
    /// The session's end moved, and the account's own end with it.
    EndMoved,
    /// To its original state.
    Back,
    /// Other sessions hold it still: it is to be what they want.
    LeftToOthers,
}

impl Direction {
    /// The stable name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::EndMoved => "end_moved",
            Self::Back => "back",
            Self::LeftToOthers => "left_to_others",
        }
    }
}

/// One change of one account.
#[derive(Clone, Debug)]
pub struct AccountLogEntry {
    /// Which account.
    pub account_id: String,
    /// How people know it.
    pub account_name: String,
    /// Which way.
    pub direction: Direction,
    /// What it is to be.
    pub wanted: String,
    /// Until when (RFC 3339), where the directory keeps an end of its own; `None` for the way back.
    pub wanted_until: Option<String>,
    /// When that was written down, before anything was touched.
    pub intended_at: Instant,
    /// By whom; the background process when `None`.
    pub intended_by: Option<User>,
    /// When the directory had been told (RFC 3339); `None` when nothing had to be changed, or not yet.
    pub done_at: Option<String>,
    /// When it was seen to be so.
    pub verified_at: Option<Instant>,
    /// What was seen then.
    pub verified_state: Option<String>,
    /// How the grant was closed.
    pub outcome: Option<String>,
    /// Attempts that failed.
    pub failed_attempts: u64,
    /// What went wrong last.
    pub problem: Option<String>,
}

impl App {
    /// What was done to the accounts of a session, oldest first.
    pub async fn account_log(
        &self,
        op: &Op,
        id: PrivilegedSessionId,
    ) -> Result<Vec<AccountLogEntry>, AppError> {
        let view = self.view_privileged_session(op, id).await?;
        let mut entries: Vec<AccountLogEntry> = Vec::new();
        for event in self.store.read().audit_log(id).await? {
            let account = &event.subject.id;
            let open = entries.iter_mut().rev().find(|entry| entry.account_id == *account);
            match event.action {
                AuditAction::GrantIntended => {
                    let (direction, wanted, wanted_until) = match text(&event, "back_to") {
                        Some(back_to) => (Direction::Back, back_to, None),
                        None => {
                            let wanted = text(&event, "desired").unwrap_or_default();
                            let until = text(&event, "desired_expires_at");
                            (forward(&event, open.as_deref(), &wanted, until.as_deref()), wanted, until)
                        }
                    };
                    let same_way = |entry: &&mut AccountLogEntry| {
                        entry.direction == Direction::Back && entry.verified_at.is_none()
                    };
                    if direction == Direction::Back
                        && let Some(open) = open.filter(same_way)
                    {
                        // Somebody else's change made the way back lead elsewhere.
                        open.wanted = wanted;
                        continue;
                    }
                    let intended_by = match event.actor {
                        Actor::User(user) => self.store.read().user(user).await?,
                        _ => None,
                    };
                    let name = account.parse().map(|id| view.account_name(id).to_owned()).unwrap_or_default();
                    entries.push(AccountLogEntry {
                        account_id: account.clone(),
                        account_name: name,
                        direction,
                        wanted,
                        wanted_until,
                        intended_at: event.at,
                        intended_by,
                        done_at: None,
                        verified_at: (direction == Direction::LeftToOthers).then_some(event.at),
                        verified_state: None,
                        outcome: None,
                        failed_attempts: 0,
                        problem: None,
                    });
                }
                AuditAction::GrantVerified | AuditAction::GrantClosed => {
                    if let Some(open) = open {
                        open.done_at = text(&event, "done_at");
                        open.verified_at = Some(event.at);
                        open.verified_state = text(&event, "state");
                        open.outcome = text(&event, "outcome");
                    }
                }
                AuditAction::GrantAttemptFailed => {
                    if let Some(open) = open {
                        open.failed_attempts += 1;
                        open.problem = text(&event, "problem");
                    }
                }
                AuditAction::AccountDrifted => {
                    if let Some(open) = open {
                        let seen = text(&event, "observed").unwrap_or_default();
                        open.problem =
                            Some(format!("Somebody else changed the account: it was seen {seen}."));
                    }
                }
                _ => {}
            }
        }
        Ok(entries)
    }
}

/// Which way an intent goes that is not the way back; `last` is what was done to the account before.
fn forward(
    event: &AuditEvent,
    last: Option<&AccountLogEntry>,
    wanted: &str,
    until: Option<&str>,
) -> Direction {
    if text(event, "released").is_some() {
        return Direction::LeftToOthers;
    }
    let only_the_end =
        |last: &AccountLogEntry| last.wanted == wanted && last.wanted_until.as_deref() != until;
    if last.is_some_and(only_the_end) { Direction::EndMoved } else { Direction::Forward }
}
