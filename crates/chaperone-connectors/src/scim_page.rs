//! Where a SCIM listing stands. The protocol counts places, and a place is another account's as soon as one before
//! it comes or goes; the last account of a page is therefore remembered beside the place behind it.

use serde_json::Value;

use crate::connector::PAGE;
use crate::error::ConnectorError;

/// How often in a row a page is listed again before the order is taken as it comes: a service whose order is never
/// the same would hold the listing up for ever.
pub(crate) const REPEATS_MAX: u64 = 10;

/// Where the next page begins, as text: `next:length:repeats:last`.
pub(crate) struct Place {
    /// The place of the first account that was not listed yet; 1 is the first.
    pub(crate) next: u64,
    /// How many accounts the page before had.
    pub(crate) length: u64,
    /// How many pages before this one, in a row, were listed again.
    pub(crate) repeats: u64,
    /// The id of the last account that was listed.
    pub(crate) last: String,
}

impl Place {
    /// Reads what [`Stretch::next`] wrote.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectorError> {
        let mut parts = text.splitn(4, ':');
        let mut part = || parts.next().unwrap_or_default();
        let (next, length, repeats, last) =
            (part().parse(), part().parse(), part().parse(), part().to_owned());
        match (next, length, repeats) {
            (Ok(next @ 1..), Ok(length), Ok(repeats)) => Ok(Self { next, length, repeats, last }),
            _ => Err(ConnectorError::refused("The place to go on listing from is none; begin anew.", text)),
        }
    }
}

/// Some accounts that stand one behind the other.
pub(crate) struct Stretch {
    /// The accounts, as they came.
    pub(crate) entries: Vec<Value>,
    /// How many there are in all, where the service says it.
    pub(crate) total: Option<u64>,
    start: u64,
    received: u64,
    last: String,
    repeats: u64,
}

impl Stretch {
    /// Reads a list response (RFC 7644, section 3.4.2) to a request from `start` on.
    pub(crate) fn read(json: &Value, start: u64) -> Result<Self, ConnectorError> {
        let total = json.get("totalResults").and_then(Value::as_u64);
        let resources = json.get("Resources").and_then(Value::as_array);
        if total.is_none() && resources.is_none() {
            let sentence =
                "The SCIM service answers without a list of users; is the address the one of SCIM 2.0?";
            return Err(ConnectorError::refused(sentence, ""));
        }
        let mut entries = resources.cloned().unwrap_or_default();
        let began = json.get("startIndex").and_then(Value::as_u64).unwrap_or(start);
        if began != start && !entries.is_empty() {
            let sentence =
                "The SCIM service does not begin a page where it is asked to (startIndex of RFC 7644).";
            return Err(ConnectorError::refused(sentence, format!("asked {start}, got {began}")));
        }
        if entries.is_empty() && total.is_some_and(|total| total >= start) {
            let sentence = "The SCIM service says that there are more users and does not send them; let the token read \
                            all of them.";
            return Err(ConnectorError::unreachable(
                sentence,
                format!("{total:?} in all, none from {start} on"),
            ));
        }
        // Some services send everything whatever was asked for; the rest comes again with the next page.
        entries.truncate(PAGE);
        let last = entries.last().map(|entry| id(entry).to_owned()).unwrap_or_default();
        let received = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        Ok(Self { entries, total, start, received, last, repeats: 0 })
    }

    /// How many stand before this account; `None` where it is not among them.
    pub(crate) fn position(&self, external_id: &str) -> Option<u64> {
        let at = self.entries.iter().position(|entry| id(entry) == external_id)?;
        u64::try_from(at).ok()
    }

    /// Without all up to this account, which were listed before; all of them where it is not among them.
    pub(crate) fn without(mut self, external_id: &str) -> Self {
        if let Some(at) = self.entries.iter().position(|entry| id(entry) == external_id) {
            self.entries.drain(..=at);
        }
        self
    }

    /// As one that lists again what came before this place.
    pub(crate) fn repeating(mut self, place: &Place) -> Self {
        self.repeats = place.repeats + 1;
        self
    }

    /// The place behind it; `None` when nothing comes behind.
    pub(crate) fn next(&self) -> Option<String> {
        let next = self.start.saturating_add(self.received);
        let is_end = self.received == 0 || self.total.is_some_and(|total| next > total);
        (!is_end).then(|| format!("{next}:{}:{}:{}", self.received, self.repeats, self.last))
    }
}

fn id(entry: &Value) -> &str {
    entry.get("id").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stretch(ids: &[&str], start: u64, total: u64) -> Stretch {
        let resources: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        Stretch::read(&json!({ "totalResults": total, "startIndex": start, "Resources": resources }), start)
            .expect("a list")
    }

    #[test]
    fn a_listing_goes_on_behind_the_last_account_until_the_total_is_reached() {
        let first = stretch(&["a", "b:c"], 1, 3);
        let place = Place::parse(&first.next().expect("more")).expect("a place");
        assert_eq!((place.next, place.length, place.repeats, place.last.as_str()), (3, 2, 0, "b:c"));
        let second = stretch(&["b:c", "d"], 2, 3).without("b:c");
        assert_eq!((second.entries.len(), second.next()), (1, None));
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        for bad in [json!({}), json!({ "Resources": 7 }), json!({ "totalResults": "many" })] {
            assert!(Stretch::read(&bad, 1).is_err(), "{bad}");
        }
        for torn in [json!({ "totalResults": 9, "Resources": [] }), json!({ "totalResults": 9 })] {
            assert!(Stretch::read(&torn, 5).is_err(), "{torn}");
        }
        assert!(Stretch::read(&json!({ "totalResults": 4 }), 5).is_ok());
        let elsewhere = json!({ "totalResults": 9, "startIndex": 1, "Resources": [{ "id": "a" }] });
        assert!(Stretch::read(&elsewhere, 5).is_err());
        for bad in ["", "1", "x:1:1:a", "1:1:x:a", "-1:1:1:a", "0:1:1:a"] {
            assert!(Place::parse(bad).is_err(), "{bad}");
        }
    }
}
