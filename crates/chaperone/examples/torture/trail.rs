//! That every change was intended before it was made: read off the trail, event by event in the order of its numbers.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::watch::Seen;

/// The event that closes a grant bears the instant at which its step began, which the last change follows: this much
/// later at most.
const CLOSED_TOLERANCE: SignedDuration = SignedDuration::from_secs(45);

/// What a grant wanted of its account.
struct Wanted {
    at: Timestamp,
    state: String,
    expires_at: Option<Timestamp>,
}

/// One grant, as the trail tells it.
struct Grant {
    account: String,
    wanted: Vec<Wanted>,
    back: bool,
    reopened: bool,
    closed_at: Option<Timestamp>,
}

/// What the trail told so far.
#[derive(Default)]
pub(crate) struct Trail {
    read_to: i64,
    grants: HashMap<String, Grant>,
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

impl Trail {
    /// The number of the last event.
    pub(crate) fn read_to(&self) -> i64 {
        self.read_to
    }

    /// Takes the next event in.
    pub(crate) fn take(&mut self, event: &Value) -> Result<(), String> {
        let wrong = |what: &str| Err(format!("{what}: {event}"));
        let seq = event["seq"].as_i64().unwrap_or_default();
        if seq != self.read_to + 1 {
            return wrong("the trail has a gap");
        }
        self.read_to = seq;
        let details = &event["details"];
        let (Some(at), Some(action)) = (instant(&event["at"]), event["action"].as_str()) else {
            return wrong("no event");
        };
        let grant = details["grant_id"].as_str().unwrap_or_default().to_owned();
        match action {
            "grant_intended" => {
                let account = event["subject"]["id"].as_str().unwrap_or_default().to_owned();
                let grant = self.grants.entry(grant).or_insert(Grant {
                    account,
                    wanted: Vec::new(),
                    back: false,
                    reopened: false,
                    closed_at: None,
                });
                let back_to = details["back_to"].as_str();
                grant.back |= back_to.is_some();
                // A late effect of our own is put back again; nothing else is intended once it is over.
                match (grant.closed_at.take(), back_to) {
                    (Some(_), None) => return wrong("intended after the grant was closed"),
                    (Some(_), Some(_)) => grant.reopened = true,
                    (None, _) => {}
                }
                if let Some(state) = details["desired"].as_str() {
                    let expires_at = instant(&details["desired_expires_at"]);
                    grant.wanted.push(Wanted { at, state: state.to_owned(), expires_at });
                }
            }
            "account_changed" if event["actor_kind"] == "processor" => {
                let key = details["key"].as_str().unwrap_or_default();
                let Some(grant) = key.split(':').next().and_then(|grant| self.grants.get(grant)) else {
                    return wrong("an account was changed and nothing was intended");
                };
                let state = details["new_state"].as_str().unwrap_or_default();
                let forward = grant.wanted.iter().any(|wanted| wanted.state == state);
                if grant.closed_at.is_some() || !(grant.back || forward) {
                    return wrong("an account was changed to what was not intended");
                }
            }
            "grant_verified" => {
                let state = details["state"].as_str().unwrap_or_default();
                let intended = self.grants.get(&grant).is_some_and(|grant| {
                    grant.closed_at.is_none() && grant.wanted.iter().any(|wanted| wanted.state == state)
                });
                if !intended {
                    return wrong("verified and never intended");
                }
            }
            "grant_closed" => match self.grants.get_mut(&grant) {
                Some(grant) if grant.back && grant.closed_at.is_none() => grant.closed_at = Some(at),
                _ => return wrong("closed without a way back that was intended, or twice"),
            },
            _ => {}
        }
        Ok(())
    }

    /// A role that was seen changed: some grant of its account had intended just that, and was not closed.
    pub(crate) fn explains(&self, account: &str, seen: &Seen) -> Result<(), String> {
        let state = if seen.role.login { "enabled" } else { "disabled" };
        let by_grant = self.grants.values().any(|grant| {
            let closed = grant.closed_at.map(|at| at.saturating_add(CLOSED_TOLERANCE).unwrap_or(at));
            grant.account == account
                && closed.is_none_or(|closed| seen.last_after <= closed)
                && grant.wanted.iter().any(|wanted| {
                    wanted.at <= seen.first_before
                        && wanted.state == state
                        && wanted.expires_at == seen.role.valid_until
                })
        });
        if by_grant { Ok(()) } else { Err(format!("a change that nobody had intended: {seen:?}")) }
    }

    /// When all is calm, every grant is closed. What is closed is forgotten.
    pub(crate) fn is_over(&mut self) -> Result<(), String> {
        let open = |grant: &Grant| grant.closed_at.is_none() && !grant.reopened;
        if let Some((id, open)) = self.grants.iter().find(|(_, grant)| open(grant)) {
            return Err(format!("the grant {id} of the account {} was never closed", open.account));
        }
        self.grants.clear();
        Ok(())
    }
}
