//! What stands behind the `?`: read strictly. What is not known is refused, not overlooked.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::filter::{self, Typed};
use super::refusal::Refusal;
use super::schema::{Property, Table};

/// Rows of a page when nothing else is asked for, and at most: the source's number.
pub(crate) const PAGE_ROWS: u64 = 5_000;
/// Most names in `$select`.
const SELECT_MAX: usize = 100;
/// Most keys in `$orderby`.
const ORDER_MAX: usize = 5;

/// The options, decoded, by name.
#[derive(Debug, Default)]
pub(crate) struct Options {
    given: BTreeMap<String, String>,
}

/// One key of an order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) property: &'static Property,
    pub(crate) descending: bool,
}

/// Decodes a piece of a query, in which `+` is a space.
pub(crate) fn decode(text: &str) -> Result<String, Refusal> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| Refusal::query("The address is not encoded UTF-8."))
}

impl Options {
    pub(crate) fn read(query: &str) -> Result<Self, Refusal> {
        let mut given = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if given.insert(name.clone(), decode(value)?).is_some() {
                let shown: String = name.chars().take(50).collect();
                return Err(Refusal::query(format!("Query option '{shown}' was specified more than once.")));
            }
        }
        Ok(Self { given })
    }

    /// Refuses what is not among these names; the source's options that are not offered here have a sentence of
    /// their own.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        for name in self.given.keys() {
            if known.contains(&name.as_str()) {
                continue;
            }
            return Err(match name.as_str() {
                "$skip" => Refusal::query(
                    "Skip Clause is not supported: follow the @odata.nextLink of the page before.",
                ),
                "$expand" => {
                    Refusal::query("$expand is not supported here: the tables have no rows inside rows.")
                }
                "$apply" => Refusal::not_offered("$apply"),
                "$search" => Refusal::not_offered("$search"),
                "fetchXml" => Refusal::not_offered("FetchXML"),
                "sql" => Refusal::not_offered(
                    "SQL, on which the table audit is not readable in the source either,",
                ),
                "savedQuery" | "userQuery" => Refusal::not_offered("A saved query"),
                other => {
                    let shown: String = other.chars().take(50).collect();
                    Refusal::query(format!("The query parameter {shown} is not supported."))
                }
            });
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }

    /// `$select`; `None` for all.
    pub(crate) fn select(&self, table: &'static Table) -> Result<Option<Vec<&'static str>>, Refusal> {
        let Some(text) = self.get("$select") else { return Ok(None) };
        let mut names = Vec::new();
        for name in text.split(',').map(str::trim) {
            // What is an object is selected as a whole.
            let found =
                table.properties.iter().map(|property| whole(property.name)).find(|known| *known == name);
            match found {
                Some(found) if !names.contains(&found) => names.push(found),
                Some(_) => {}
                None => return Err(no_property(name, table)),
            }
            if names.len() > SELECT_MAX {
                return Err(Refusal::query(format!("$select names more than {SELECT_MAX} properties.")));
            }
        }
        Ok(Some(names))
    }

    /// `$filter`.
    pub(crate) fn filter(&self, table: &'static Table) -> Result<Option<Typed>, Refusal> {
        let Some(text) = self.get("$filter") else { return Ok(None) };
        let read = filter::parse(text).and_then(|expr| filter::check(&expr, table));
        read.map(Some).map_err(|wrong| Refusal::query(wrong.sentence(text)))
    }

    /// `$orderby`.
    pub(crate) fn order(&self, table: &'static Table) -> Result<Vec<Order>, Refusal> {
        let Some(text) = self.get("$orderby") else { return Ok(Vec::new()) };
        let mut order: Vec<Order> = Vec::new();
        for key in text.split(',') {
            let mut words = key.split_whitespace();
            let name = words.next().unwrap_or_default();
            let property = table.property(name).ok_or_else(|| no_property(name, table))?;
            let descending = match words.next() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(Refusal::query("In $orderby, a property is followed by asc or desc.")),
            };
            if words.next().is_some() || order.iter().any(|known| known.property == property) {
                return Err(Refusal::query(
                    "In $orderby, properties are named once each, with commas between them.",
                ));
            }
            order.push(Order { property, descending });
        }
        if order.len() > ORDER_MAX {
            return Err(Refusal::query(format!("$orderby names more than {ORDER_MAX} properties.")));
        }
        Ok(order)
    }

    /// `$top`.
    pub(crate) fn top(&self) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.get("$top") else { return Ok(None) };
        match text.parse::<u64>() {
            Ok(top) if (1..=PAGE_ROWS).contains(&top) => Ok(Some(top)),
            _ => Err(Refusal::query(format!("$top is a whole number from 1 to {PAGE_ROWS}."))),
        }
    }

    /// `$count`.
    pub(crate) fn count(&self) -> Result<bool, Refusal> {
        match self.get("$count") {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Refusal::query("$count is true or false.")),
        }
    }
}

fn whole(name: &'static str) -> &'static str {
    name.split('/').next().unwrap_or(name)
}

fn no_property(name: &str, table: &Table) -> Refusal {
    let shown: String = name.chars().take(100).collect();
    Refusal::query(format!(
        "Could not find a property named '{shown}' on type 'Microsoft.Dynamics.CRM.{}'.",
        table.logical_name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataverse::schema::{AUDIT, ENTITY_DEFINITION};

    #[test]
    fn a_plus_is_a_space_and_what_is_no_utf_8_is_refused() {
        let options = Options::read("$filter=action+eq+64&$select=action%2Ccreatedon").expect("read");
        assert_eq!(options.get("$filter"), Some("action eq 64"));
        assert_eq!(options.select(&AUDIT).expect("known"), Some(vec!["action", "createdon"]));
        assert!(Options::read("$filter=%ff").is_err());
        assert!(Options::read("$top=1&$top=2").is_err());
    }

    #[test]
    fn objects_are_selected_as_a_whole() {
        let options = Options::read("$select=LogicalName,IsAuditEnabled").expect("read");
        assert_eq!(
            options.select(&ENTITY_DEFINITION).expect("known"),
            Some(vec!["LogicalName", "IsAuditEnabled"])
        );
        let nested = Options::read("$select=IsAuditEnabled/Value").expect("read");
        assert!(nested.select(&ENTITY_DEFINITION).is_err());
    }

    #[test]
    fn orders_and_numbers_are_what_they_should_be() {
        for bad in ["createdon up", "nothing", "createdon,createdon", "createdon desc desc", ""] {
            let options = Options::read(&format!("$orderby={bad}")).expect("read");
            assert!(options.order(&AUDIT).is_err(), "{bad}");
        }
        for bad in ["0", "-1", "5001", "ten", "1.5", ""] {
            assert!(Options::read(&format!("$top={bad}")).expect("read").top().is_err(), "{bad}");
        }
    }
}
