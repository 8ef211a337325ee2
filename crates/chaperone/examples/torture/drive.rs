//! Sessions over the API, as people would: every answer is taken as it comes, for the process may be gone any time.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::{Answer, Call};
use crate::office::Office;
use crate::tally::Tally;
use crate::watch::now;

/// Pause between two acts, in milliseconds.
const PAUSE_MS: Range<u64> = 0..70;
/// When a session starts from now, and how long it lasts, in milliseconds.
const STARTS_MS: Range<i64> = -500..1_200;
const LASTS_MS: Range<i64> = 800..5_000;
/// How far from now an end is moved, in milliseconds.
const MOVED_MS: Range<i64> = 300..5_000;
/// Sessions that are still thought of.
const REMEMBERED: usize = 12;

/// An account, and what it was before anything was done to it.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Whether it is a role of the PostgreSQL server.
    pub(crate) is_role: bool,
    pub(crate) enabled: bool,
    /// As the API told it before.
    pub(crate) expires_at: Value,
}

/// A session that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) id: String,
    /// Its approval was acknowledged too.
    pub(crate) approved: bool,
}

/// Somebody who does one thing after the other.
pub(crate) struct Driver {
    pub(crate) port: u16,
    pub(crate) office: Office,
    pub(crate) accounts: Arc<Vec<Account>>,
    pub(crate) known: Arc<Mutex<Vec<Known>>>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) rng: Rng,
}

fn from_now(ms: i64) -> String {
    Timestamp::from_millisecond(now().as_millisecond() + ms).expect("in range").to_string()
}

impl Driver {
    /// Acts until it is stopped.
    pub(crate) async fn drive(mut self) {
        loop {
            self.act().await;
            let pause = self.rng.u64(PAUSE_MS);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn act(&mut self) {
        let what = self.rng.u8(0..100);
        if what < 40 {
            return self.request().await;
        }
        let Some(id) = self.some_session() else { return };
        match what {
            40..52 => self.extend(&id).await,
            52..62 => {
                let end = json!({"ends_at": from_now(self.rng.i64(MOVED_MS) / 2)});
                self.say(Method::PATCH, &format!("/privileged-sessions/{id}"), &end, true).await;
            }
            62..74 => {
                let path = format!("/privileged-sessions/{id}");
                let Some(session) = self.ask(&path).await else { return };
                let accounts = session["grants"].as_array().cloned().unwrap_or_default();
                let Some(account) = self.rng.choice(accounts) else { return };
                let enabled = account["desired"] != "enabled";
                let switch = json!({"enabled": enabled, "account_id": account["account_id"]});
                self.say(Method::POST, &format!("{path}/account"), &switch, false).await;
            }
            74..84 => self.change_status(&id, "HandBack", true).await,
            84..91 => self.change_status(&id, "End", false).await,
            91..94 => self.change_status(&id, "Cancel", true).await,
            94..97 => self.change_status(&id, "Approve", false).await,
            _ => {
                let path = format!("/privileged-sessions/{id}/process");
                self.say(Method::POST, &path, &json!({}), false).await;
            }
        }
    }

    fn some_session(&mut self) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<_> = known.iter().rev().take(REMEMBERED).map(|known| known.id.clone()).collect();
        drop(known);
        self.rng.choice(last)
    }

    /// A session of one to three accounts, from about now; mostly approved at once.
    async fn request(&mut self) {
        let many = 1 + usize::from(self.rng.u8(0..10) / 5) + usize::from(self.rng.u8(0..10) / 8);
        let accounts = self.accounts.clone();
        let chosen: Vec<(&Account, &str)> = self
            .rng
            .choose_multiple(accounts.iter(), many)
            .into_iter()
            .map(|account| (account, self.wish(account)))
            .collect();
        let Some(((first, wish), more)) = chosen.split_first() else { return };
        let more: Vec<_> = more
            .iter()
            .map(|(account, wish)| json!({"account_id": account.id, "account_action": wish}))
            .collect();
        let target = if first.is_role { &self.office.roles_target } else { &self.office.built_in_target };
        let starts = self.rng.i64(STARTS_MS);
        let ends = starts.max(0) + self.rng.i64(LASTS_MS);
        let content = json!({
            "account_id": first.id, "account_action": wish, "more_accounts": more, "target_ids": [target],
            "starts_at": from_now(starts), "ends_at": from_now(ends), "reason": "torture",
            "recording_notice_acknowledged": true,
        });
        let Some(answer) = self.say(Method::POST, "/privileged-sessions", &content, true).await else {
            return;
        };
        if answer.status != 201 {
            return;
        }
        let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        self.tally.session();
        self.remember(|known| known.push(Known { id: id.clone(), approved: false }));
        if self.rng.u8(0..100) < 93 {
            self.change_status(&id, "Approve", false).await;
        }
    }

    fn remember(&self, note: impl FnOnce(&mut Vec<Known>)) {
        note(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is mostly wanted is what the account is not.
    fn wish(&mut self, account: &Account) -> &'static str {
        match (account.enabled, self.rng.u8(0..10)) {
            (_, 0) => "none",
            (false, 1) | (true, 2..) => "disable",
            _ => "enable",
        }
    }

    async fn extend(&mut self, id: &str) {
        let content = json!({"ends_at": from_now(self.rng.i64(MOVED_MS)), "reason": "not done yet"});
        self.say(Method::POST, &format!("/privileged-sessions/{id}/extend"), &content, true).await;
        if self.rng.u8(0..10) < 8 {
            self.change_status(id, "Approve", false).await;
        }
    }

    async fn change_status(&mut self, id: &str, status: &str, by_owner: bool) {
        let path = format!("/privileged-sessions/{id}/change-status");
        let answer = self.say(Method::POST, &path, &json!({"status": status}), by_owner).await;
        if status == "Approve" && answer.is_some_and(|answer| answer.status == 200) {
            self.remember(|known| {
                if let Some(known) = known.iter_mut().find(|known| known.id == id) {
                    known.approved = true;
                }
            });
        }
    }

    /// Something as it is now, if it answers.
    async fn ask(&self, path: &str) -> Option<Value> {
        let answer = Call::api(Method::GET, path).by(&self.office.admin).send(self.port).await.ok()?;
        (answer.status == 200).then(|| answer.json())
    }

    /// A change; `None` when nobody answers any more.
    async fn say(&self, method: Method, path: &str, content: &Value, by_owner: bool) -> Option<Answer> {
        let who = if by_owner { &self.office.owner } else { &self.office.admin };
        let answer = Call::api(method, path).by(who).json(content).send(self.port).await.ok()?;
        if answer.status >= 400 {
            let problem = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
            let rule = problem["type"].as_str().and_then(|kind| kind.rsplit('/').next()).unwrap_or("?");
            self.tally.refused(&format!("{} {rule}", answer.status));
            if answer.status >= 500 {
                self.tally.wrong(&format!("{path} answered {}: {}", answer.status, answer.text()));
            }
        }
        Some(answer)
    }
}
