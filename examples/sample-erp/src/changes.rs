//! The account of what was really done: one entry per field that changed.
//!
//! It is written in the same critical section as the change itself, so it can neither lag nor differ. Tests
//! compare it with what a recording says was done.

use std::collections::VecDeque;

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{app::Shared, identity::Principal};

/// How many changes are kept; the oldest go first, and their number stays visible as a gap at the front.
const CHANGES_KEPT: usize = 20_000;

/// One field of one record, changed by somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Counts from 1 without gaps.
    pub number: u64,
    /// When it was done.
    pub at: Timestamp,
    /// The account that did it, as the ERP knows it.
    pub who: String,
    /// The user behind the account, where the gateway said so.
    pub user: Option<String>,
    /// The kind of record: `Vendor`, `Purchase order` …
    pub entity: String,
    /// The record's number: `V-1001`, `PO-1007` …
    pub record: String,
    /// The field as its label reads on the page.
    pub field: String,
    /// The value before; nothing where the field did not exist.
    pub old: Option<String>,
    /// The value after; nothing where the field is gone.
    pub new: Option<String>,
}

/// All changes that are kept, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ChangeLog {
    entries: VecDeque<Change>,
    last_number: u64,
}

impl ChangeLog {
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Change> {
        self.entries.iter()
    }

    pub(crate) fn of<'log>(
        &'log self,
        entity: &'log str,
        record: &'log str,
    ) -> impl DoubleEndedIterator<Item = &'log Change> {
        self.entries.iter().filter(move |change| change.entity == entity && change.record == record)
    }

    /// Starts noting changes of one record by one person.
    pub(crate) fn noting<'log>(
        &'log mut self,
        by: &Principal,
        at: Timestamp,
        entity: &str,
        record: &str,
    ) -> Noting<'log> {
        Noting {
            log: self,
            template: Change {
                number: 0,
                at,
                who: by.account.clone(),
                user: by.user.clone(),
                entity: entity.to_owned(),
                record: record.to_owned(),
                field: String::new(),
                old: None,
                new: None,
            },
            noted: 0,
        }
    }

    fn push(&mut self, mut change: Change) {
        self.last_number += 1;
        change.number = self.last_number;
        if self.entries.len() == CHANGES_KEPT {
            tracing::warn!(number = self.last_number, "the oldest change is dropped from the list");
            self.entries.pop_front();
        }
        self.entries.push_back(change);
    }
}

/// Notes the fields of one record; a field whose value stays the same is not a change.
pub(crate) struct Noting<'log> {
    log: &'log mut ChangeLog,
    template: Change,
    noted: usize,
}

impl Noting<'_> {
    /// A field that had one value and has another.
    pub(crate) fn field(&mut self, field: &str, old: impl ToString, new: impl ToString) -> &mut Self {
        self.entry(field, Some(old.to_string()), Some(new.to_string()))
    }

    /// Something that was not there before.
    pub(crate) fn added(&mut self, field: &str, new: impl ToString) -> &mut Self {
        self.entry(field, None, Some(new.to_string()))
    }

    /// Something that is not there any more.
    pub(crate) fn removed(&mut self, field: &str, old: impl ToString) -> &mut Self {
        self.entry(field, Some(old.to_string()), None)
    }

    /// How many fields really changed.
    pub(crate) fn count(&self) -> usize {
        self.noted
    }

    fn entry(&mut self, field: &str, old: Option<String>, new: Option<String>) -> &mut Self {
        if old != new {
            self.log.push(Change { field: field.to_owned(), old, new, ..self.template.clone() });
            self.noted += 1;
        }
        self
    }
}

/// `GET /api/changes`: the whole list, oldest first.
pub(crate) async fn list(State(app): State<Shared>) -> Json<Vec<Change>> {
    Json(app.read(|world| world.changes.all().cloned().collect()))
}
