//! The names of users and things that events speak of by id: a reader of a collector knows no ids.
//!
//! Names are those of now, not of then; the id beside them stays.

use std::collections::{HashMap, HashSet};

use chaperone_domain::audit_event::Subject;
use chaperone_domain::ids::UserId;
use chaperone_domain::user::User;
use chaperone_store::{StoreError, StoredEvent};

use super::classes::text;
use crate::app::App;

/// Names by id.
#[derive(Clone, Debug, Default)]
pub struct Names {
    users: HashMap<UserId, User>,
    things: HashMap<(String, String), String>,
}

impl Names {
    /// The user of that id.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The name of what an event happened to.
    pub fn of_subject(&self, subject: &Subject) -> Option<String> {
        match subject.kind.as_str() {
            "user" => self.user(subject.id.parse().ok()?).map(|user| user.user_name.clone()),
            "event_stream" => Some(subject.id.clone()),
            kind => self.things.get(&(kind.to_owned(), subject.id.clone())).cloned(),
        }
    }

    #[cfg(test)]
    pub(super) fn with_user(mut self, user: User) -> Self {
        self.users.insert(user.id, user);
        self
    }

    #[cfg(test)]
    pub(super) fn with_thing(mut self, kind: &str, id: &str, name: &str) -> Self {
        self.things.insert((kind.to_owned(), id.to_owned()), name.to_owned());
        self
    }
}

impl App {
    /// The names that these events need, each looked up once.
    pub(crate) async fn names_in(&self, events: &[StoredEvent]) -> Result<Names, StoreError> {
        let (mut users, mut subjects) = (HashSet::new(), HashSet::new());
        for event in events.iter().map(|stored| &stored.event) {
            users.extend(event.actor.user_id());
            users.extend(event.on_behalf_of);
            users.extend(text(event, "user_id").and_then(|id| id.parse::<UserId>().ok()));
            subjects.insert((event.subject.kind.as_str(), event.subject.id.as_str()));
        }
        let mut names = Names::default();
        for (kind, id) in subjects {
            let read = self.store.read();
            let name = match kind {
                "user" => {
                    users.extend(id.parse::<UserId>().ok());
                    None
                }
                "account" => match id.parse() {
                    Ok(id) => read.account(id).await?.map(|account| account.name),
                    Err(_) => None,
                },
                "target" => match id.parse() {
                    Ok(id) => read.target(id).await?.map(|target| target.name),
                    Err(_) => None,
                },
                "directory" => match id.parse() {
                    Ok(id) => read.directory(id).await?.map(|directory| directory.name),
                    Err(_) => None,
                },
                _ => None,
            };
            if let Some(name) = name {
                names.things.insert((kind.to_owned(), id.to_owned()), name);
            }
        }
        for id in users {
            if let Some(user) = self.store.read().user(id).await? {
                names.users.insert(id, user);
            }
        }
        Ok(names)
    }
}
