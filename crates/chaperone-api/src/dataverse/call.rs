//! A call of the Web API: who calls, what is asked, and the answers' common form.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chaperone_app::{App, Op};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::ROOT;
use super::options::Options;
use super::prefer::Prefer;
use super::refusal::Refusal;

/// What answers are.
const JSON: &str = "application/json; odata.metadata=minimal";
/// The annotation with the text for people.
const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
/// The annotation with the table that a lookup leads to.
const LOOKUP: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";

/// A call.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) op: Op,
    /// `http://host:port/api/data/v9.2/`, as the client wrote it.
    pub(crate) base: String,
    /// The query as it was written.
    pub(crate) query: String,
    pub(crate) options: Options,
    pub(crate) prefer: Prefer,
    pub(crate) if_match: Option<String>,
}

/// The address of the Web API as this client writes it: links lead back to where it came from.
pub(crate) fn base(app: &App, headers: &HeaderMap, uri: &Uri, over_tls: Option<bool>) -> String {
    let console = app.addresses().console.as_str();
    let (scheme, own_host) = console.split_once("://").unwrap_or(("https", console));
    let scheme = match over_tls {
        None => scheme,
        Some(true) => "https",
        Some(false) => "http",
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(|authority| authority.as_str()))
        .unwrap_or(own_host);
    format!("{scheme}://{host}{ROOT}/")
}

/// Ids that stand for what is no row here.
impl Call {
    /// The organization.
    pub(crate) fn organization_id(&self) -> Uuid {
        self.app.keys().id_of("organization")
    }

    /// The source's user of that name: the background process, and Chaperone itself.
    pub(crate) fn system_id(&self) -> Uuid {
        self.app.keys().id_of("system user")
    }

    /// The source's root of all business units.
    pub(crate) fn business_unit_id(&self) -> Uuid {
        self.app.keys().id_of("business unit")
    }

    pub(crate) fn context(&self, of: &str) -> String {
        format!("{}$metadata#{of}", self.base)
    }

    /// The context of a set, with what was selected.
    pub(crate) fn context_of(&self, set: &str, select: Option<&[&str]>, one: bool) -> String {
        let selected = select.map(|names| format!("({})", names.join(","))).unwrap_or_default();
        self.context(&format!("{set}{selected}{}", if one { "/$entity" } else { "" }))
    }

    /// Adds the text for people, if it is wanted.
    pub(crate) fn formatted(&self, row: &mut Map<String, Json>, name: &str, text: impl Into<String>) {
        if self.prefer.wants(FORMATTED) {
            row.insert(format!("{name}@{FORMATTED}"), Json::String(text.into()));
        }
    }

    /// Adds the table that a lookup leads to, if it is wanted.
    pub(crate) fn lookup(&self, row: &mut Map<String, Json>, name: &str, table: &str) {
        if self.prefer.wants(LOOKUP) {
            row.insert(format!("{name}@{LOOKUP}"), Json::String(table.to_owned()));
        }
    }

    /// A list; counted rows beyond `limit` are said to be more.
    pub(crate) fn list(
        &self,
        context: String,
        rows: Vec<Map<String, Json>>,
        count: Option<(u64, bool)>,
        next: Option<String>,
    ) -> Json {
        let mut body = Map::new();
        body.insert("@odata.context".to_owned(), context.into());
        let (counted, more) =
            count.map_or((-1, false), |(count, more)| (i64::try_from(count).unwrap_or(-1), more));
        if count.is_some() {
            body.insert("@odata.count".to_owned(), counted.into());
        }
        for (name, value) in [
            ("Microsoft.Dynamics.CRM.totalrecordcount", Json::from(counted)),
            ("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded", Json::from(more)),
        ] {
            if self.prefer.wants(name) {
                body.insert(format!("@{name}"), value);
            }
        }
        body.insert("value".to_owned(), rows.into_iter().map(Json::Object).collect());
        if let Some(next) = next {
            body.insert("@odata.nextLink".to_owned(), next.into());
        }
        Json::Object(body)
    }
}

/// An answer with a body.
pub(crate) fn answer(body: &Json) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

/// A body that is a JSON object, in which annotations say nothing.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Json>, Refusal> {
    match serde_json::from_slice(bytes) {
        Ok(Json::Object(mut object)) => {
            object.retain(|name, _| !name.contains('@'));
            Ok(object)
        }
        Ok(_) => Err(Refusal::body("The body is a JSON object.")),
        Err(error) => Err(Refusal::body(format!("The body is not JSON: {error}."))),
    }
}

/// An instant as the source writes it: whole seconds. A client makes a date only of those.
pub(crate) fn seconds(at: chaperone_domain::Instant) -> String {
    chaperone_domain::Instant::from_second(at.as_microsecond().div_euclid(1_000_000))
        .unwrap_or(at)
        .to_string()
}

/// A row's tag, from its version.
pub(crate) fn etag(version: i64) -> Json {
    json!(format!("W/\"{version}\""))
}

/// The version that `If-Match` names; `*` names none in particular.
pub(crate) fn wanted_version(if_match: Option<&str>) -> Result<Option<i64>, Refusal> {
    match if_match.map(str::trim) {
        None | Some("*") => Ok(None),
        Some(tag) => {
            let version = tag.strip_prefix("W/\"").and_then(|tag| tag.strip_suffix('"'));
            let version = version.and_then(|version| version.parse().ok());
            version.map(Some).ok_or_else(|| Refusal::argument("If-Match is the @odata.etag of a row, or *."))
        }
    }
}
