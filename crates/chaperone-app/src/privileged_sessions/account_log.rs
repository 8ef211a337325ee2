//! The Account tab: what was done to a session's accounts, each change as intended, done, verified.

use chaperone_domain::audit_event::Actor;

use super::logs::text;
use super::*;

/// Which way a change of an account goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To what the session wants.
    Forward,
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
                    let (direction, wanted) = match (text(&event, "back_to"), text(&event, "desired")) {
                        (Some(back_to), _) => (Direction::Back, back_to),
                        (None, desired) if text(&event, "released").is_some() => {
                            (Direction::LeftToOthers, desired.unwrap_or_default())
                        }
                        (None, desired) => (Direction::Forward, desired.unwrap_or_default()),
                    };
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
