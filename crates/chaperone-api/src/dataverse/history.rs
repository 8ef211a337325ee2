//! `RetrieveRecordChangeHistory`: everything that happened to one user, newest first.

use axum::response::Response;
use chaperone_app::lists::{Bound, Compare, Condition, SourceKey, SourceSort, source_columns as columns};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::call::{Call, answer};
use super::continuation;
use super::details::detail;
use super::options::PAGE_ROWS;
use super::path::{Arguments, Resource, resource};
use super::refusal::Refusal;

/// Newest first.
const ORDER: [SourceSort; 2] = [
    SourceSort { key: SourceKey::At, descending: true },
    SourceSort { key: SourceKey::Id, descending: true },
];

/// Which part of the history.
#[derive(Debug, PartialEq, Eq)]
struct Paging {
    rows: u64,
    cookie: Option<String>,
    count: bool,
}

impl Call {
    /// The history of a user.
    pub(crate) async fn change_history(&self, arguments: &Arguments) -> Result<Response, Refusal> {
        let aliases: Vec<&str> = arguments.iter().map(|(_, value)| value.as_str()).collect();
        self.options.only(&aliases)?;
        let (mut target, mut paging) = (None, None);
        for (name, value) in arguments {
            let value = match value.strip_prefix('@') {
                None => value.as_str(),
                Some(_) => self.options.get(value).ok_or_else(|| {
                    Refusal::query("The function names a parameter that the query does not give.")
                })?,
            };
            match name.as_str() {
                "Target" => target = Some(reference(&argument(value)?, &self.base)?),
                "PagingInfo" => paging = Some(read_paging(&argument(value)?)?),
                other => {
                    let shown: String = other.chars().take(50).collect();
                    return Err(Refusal::query(format!("The function has no parameter '{shown}'.")));
                }
            }
        }
        let user = target.ok_or_else(|| Refusal::query("The function needs the parameter 'Target'."))?;
        let paging = paging.unwrap_or(Paging { rows: PAGE_ROWS, cookie: None, count: false });
        self.user_is_there(user).await?;
        self.history_of(user, &paging).await
    }

    async fn history_of(&self, user: Uuid, paging: &Paging) -> Result<Response, Refusal> {
        let condition = || {
            Condition::All(vec![
                Condition::Compare(columns::SUBJECT_KIND, Compare::Eq, Bound::Text("user".to_owned())),
                Condition::Compare(columns::SUBJECT_ID, Compare::Eq, Bound::Text(user.to_string())),
            ])
        };
        let question = format!("history\n{user}");
        let keys = self.app.keys();
        let after = paging
            .cookie
            .as_deref()
            .map(|cookie| continuation::place(keys, &question, cookie))
            .transpose()?;
        let mut rows =
            self.app.source_audit(&self.op, condition(), &ORDER, after.as_deref(), paging.rows + 1).await?;
        let wanted = usize::try_from(paging.rows).unwrap_or(usize::MAX);
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let cookie = rows.last().filter(|_| more).map(|(stored, action)| {
            continuation::token(keys, &question, &ORDER.map(|sort| sort.key.of(stored, *action)))
        });
        let counted = if paging.count {
            let counted = self.app.count_source_audit(&self.op, condition(), PAGE_ROWS + 1).await?;
            if counted > PAGE_ROWS { -1 } else { i64::try_from(counted).unwrap_or(-1) }
        } else {
            -1
        };
        let interval = self.app.organization().await?.user_access_auditing_interval_hours;
        Ok(answer(&json!({
            "@odata.context": self.context("Microsoft.Dynamics.CRM.RetrieveRecordChangeHistoryResponse"),
            "AuditDetailCollection": {
                "MoreRecords": more,
                "PagingCookie": cookie.unwrap_or_default(),
                "TotalRecordCount": counted,
                "AuditDetails": rows.iter().map(|row| detail(row, interval)).collect::<Vec<_>>(),
            },
        })))
    }
}

/// An argument: a JSON object, whose texts the source's documents write in single quotes.
fn argument(text: &str) -> Result<Map<String, Json>, Refusal> {
    let read = serde_json::from_str(text).or_else(|error| {
        let has_double = text.contains('"');
        if has_double { Err(error) } else { serde_json::from_str(&text.replace('\'', "\"")) }
    });
    read.map_err(|_| Refusal::query("A parameter of the function is not a JSON object."))
}

/// The user that a reference leads to.
fn reference(target: &Map<String, Json>, base: &str) -> Result<Uuid, Refusal> {
    let wrong = || {
        Refusal::argument(
            "The Target is a user, as {'@odata.id':'systemusers(00000000-0000-0000-0000-000000000000)'}: \
             the history of other tables is asked for by filtering audits by _objectid_value.",
        )
    };
    let id = target.get("@odata.id").and_then(Json::as_str).ok_or_else(wrong)?;
    match resource(id.strip_prefix(base).unwrap_or(id)) {
        Ok(Resource::SystemUser(user)) => Ok(user),
        _ => Err(wrong()),
    }
}

fn read_paging(given: &Map<String, Json>) -> Result<Paging, Refusal> {
    let number = |name: &str| -> Result<Option<u64>, Refusal> {
        match given.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| Refusal::query(format!("PagingInfo: {name} is a whole number."))),
        }
    };
    let rows = number("Count")?.filter(|rows| *rows > 0).unwrap_or(PAGE_ROWS).min(PAGE_ROWS);
    let cookie = given.get("PagingCookie").and_then(Json::as_str).filter(|cookie| !cookie.is_empty());
    if number("PageNumber")?.is_some_and(|page| page > 1) && cookie.is_none() {
        return Err(Refusal::query(
            "PagingInfo: a later page is asked for with the PagingCookie of the page before.",
        ));
    }
    let count = given.get("ReturnTotalRecordCount").and_then(Json::as_bool).unwrap_or(false);
    Ok(Paging { rows, cookie: cookie.map(str::to_owned), count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1fc37-65c2-7000-83d3-1715f43e7799";

    #[test]
    fn a_reference_is_a_user_in_either_kind_of_quotes_relative_or_whole() {
        let base = "http://console.localhost/api/data/v9.2/";
        for text in [
            format!("{{'@odata.id':'systemusers({ID})'}}"),
            format!("{{\"@odata.id\":\"systemusers({ID})\"}}"),
            format!("{{\"@odata.id\":\"{base}systemusers({ID})\"}}"),
        ] {
            let read = argument(&text).and_then(|target| reference(&target, base));
            assert_eq!(read.expect("a user").to_string(), ID);
        }
        for text in ["{}", "{'@odata.id':'audits'}", "{'@odata.id':5}"] {
            assert!(argument(text).and_then(|target| reference(&target, base)).is_err(), "{text}");
        }
        assert!(argument("[1]").is_err());
    }

    #[test]
    fn later_pages_need_the_cookie() {
        let read = |text: &str| read_paging(&argument(text).expect("JSON"));
        assert_eq!(read("{'PageNumber':1,'Count':2}").expect("read").rows, 2);
        assert_eq!(read("{'Count':0}").expect("read").rows, PAGE_ROWS);
        assert!(read("{'PageNumber':2}").is_err());
        assert!(read("{'Count':-1}").is_err());
    }
}
