//! What the ERP tells its users: kept until seen, pushed to whoever has a page open.

use std::collections::{BTreeSet, VecDeque};

use axum::{Extension, Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{app::Shared, identity::Principal};

/// The oldest notifications go when there are more than this.
const NOTIFICATIONS_KEPT: usize = 200;

/// Something everybody may want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) at: Timestamp,
    /// The account that caused it.
    pub(crate) by: String,
    pub(crate) text: String,
    /// Where to look.
    pub(crate) link: String,
    seen_by: BTreeSet<String>,
}

impl Notification {
    pub(crate) fn is_unread_by(&self, account: &str) -> bool {
        self.by != account && !self.seen_by.contains(account)
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Notifications {
    entries: VecDeque<Notification>,
    last_id: u64,
}

impl Notifications {
    /// Newest first.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Notification> {
        self.entries.iter().rev()
    }

    pub(crate) fn unread_by(&self, account: &str) -> usize {
        self.entries.iter().filter(|notification| notification.is_unread_by(account)).count()
    }

    pub(crate) fn add(&mut self, at: Timestamp, by: &str, text: String, link: String) -> Notification {
        self.last_id += 1;
        let notification =
            Notification { id: self.last_id, at, by: by.to_owned(), text, link, seen_by: BTreeSet::new() };
        if self.entries.len() == NOTIFICATIONS_KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(notification.clone());
        notification
    }

    /// True if this is news: the notification exists and the account had not seen it.
    pub(crate) fn mark_seen(&mut self, id: u64, account: &str) -> bool {
        self.entries
            .iter_mut()
            .find(|notification| notification.id == id && notification.is_unread_by(account))
            .is_some_and(|notification| notification.seen_by.insert(account.to_owned()))
    }
}

#[derive(Serialize)]
pub(crate) struct Inbox {
    unread: usize,
    items: Vec<InboxItem>,
}

#[derive(Serialize)]
struct InboxItem {
    id: u64,
    at: Timestamp,
    text: String,
    link: String,
    unread: bool,
}

/// `GET /api/notifications`: the caller's inbox, newest first.
pub(crate) async fn inbox(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<Inbox> {
    let account = &principal.account;
    Json(app.read(|world| {
        Inbox {
            unread: world.notifications.unread_by(account),
            items: world
                .notifications
                .latest()
                .map(|notification| InboxItem {
                    id: notification.id,
                    at: notification.at,
                    text: notification.text.clone(),
                    link: notification.link.clone(),
                    unread: notification.is_unread_by(account),
                })
                .collect(),
        }
    }))
}
