//! SCIM 2.0 (RFC 7643, RFC 7644): an account is a `User`, and enabled while `active` is not false.
//!
//! A set is compare-and-set (`If-Match`) where the service keeps versions. Many services give a version and then
//! ignore `If-Match`, so the account is compared right before as well. A service that does not do PATCH gets the
//! whole account back by PUT with only `active` changed.

use async_trait::async_trait;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::connector::{
    CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedAccount, ListedPage, NAME_MAX_BYTES,
    Observation, PAGE,
};
use crate::error::ConnectorError;
use crate::http::{Answer, Http, Request, address, below, within};
use crate::odata::{can_be_taken, text};
use crate::scim_page::{Place, REPEATS_MAX, Stretch};
use crate::secret::{SecretRef, Secrets};
use crate::settings::ScimSettings;

const WHO: &str = "The SCIM service";
const SCIM_JSON: &str = "application/scim+json";
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A SCIM service.
pub(crate) struct Scim {
    http: Http,
    base: Url,
    token: SecretRef,
    secrets: Secrets,
    patches: Mutex<Option<bool>>,
}

/// An account as the service has it.
struct User {
    resource: Value,
    seen: Observation,
}

impl Scim {
    /// The connector of these settings.
    pub(crate) fn new(settings: ScimSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        let base = address("The address of the SCIM service", &settings.url, &settings.tls)?;
        let http = Http::new(WHO, &settings.tls)?;
        Ok(Self { http, base, token: settings.token, secrets, patches: Mutex::new(None) })
    }

    fn at(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        below(&self.base, segments, query)
    }

    async fn send(&self, request: Request) -> Result<Answer, ConnectorError> {
        let token = self.secrets.read(&self.token)?;
        let request = request.header("accept", "application/scim+json, application/json").bearer(token);
        let answer = self.http.send(request).await?;
        if answer.status == 401 {
            let sentence =
                format!("{WHO} does not accept the token in {}; put a valid one there.", self.token);
            return Err(answer.refused(sentence));
        }
        Ok(answer)
    }

    /// Some of the accounts, from this place (1 is the first).
    async fn stretch(&self, start: u64, count: usize) -> Result<Stretch, ConnectorError> {
        let (start_text, count) = (start.to_string(), count.to_string());
        let query = [
            ("startIndex", start_text.as_str()),
            ("count", count.as_str()),
            ("attributes", "userName,emails,active"),
        ];
        let answer = self.send(Request::get(self.at(&["Users"], &query))).await?;
        match answer.status {
            200..300 => Stretch::read(&answer.json()?, start),
            403 => {
                Err(answer
                    .refused(format!("The token in {} may not read users; allow it there.", self.token)))
            }
            404 => {
                let sentence =
                    "There is no SCIM service at the address: it must be the one that /Users comes behind.";
                Err(answer.refused(sentence))
            }
            _ => Err(answer.unexpected("to list users")),
        }
    }

    /// The account; `None` when the service says that there is none.
    async fn user(&self, account: &ExternalAccount) -> Result<Option<User>, ConnectorError> {
        let Some(url) = self.place_of(account) else { return Ok(None) };
        let answer = self.send(Request::get(url)).await?;
        match answer.status {
            200..300 => {}
            403 => {
                return Err(answer
                    .refused(format!("The token in {} may not read users; allow it there.", self.token)));
            }
            404 if is_scim_error(&answer) => return Ok(None),
            404 => {
                // Perhaps the word of a proxy: an account counts as gone only if the service itself is there.
                self.stretch(1, 1).await?;
                return Ok(None);
            }
            _ => return Err(answer.unexpected("to show the account")),
        }
        let resource = answer.json()?;
        if text(&resource, "id") != account.external_id {
            let sentence = format!("{WHO} answers with another account than the one that was asked for.");
            return Err(ConnectorError::unreachable(sentence, text(&resource, "id")));
        }
        let attributes = attributes(&resource).ok_or_else(|| {
            let sentence = format!("{WHO} says neither true nor false where an account is active or not.");
            ConnectorError::refused(sentence, &resource["active"])
        })?;
        let version = resource.pointer("/meta/version").and_then(Value::as_str).map(str::to_owned);
        let version = version.or_else(|| answer.etag.clone()).filter(|version| {
            // A version that no header can carry is none.
            !version.is_empty() && version.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        });
        Ok(Some(User { resource, seen: Observation { attributes, version } }))
    }

    /// Where an account is; `None` for an id that no account can have.
    fn place_of(&self, account: &ExternalAccount) -> Option<Url> {
        let id = account.external_id.as_str();
        // `.` and `..` mean other places in every address, however they are written.
        let is_id = !id.is_empty() && id.len() <= NAME_MAX_BYTES && id != "." && id != "..";
        is_id.then(|| self.at(&["Users", id], &[]))
    }

    /// Whether the service does PATCH, as it says itself; asked once.
    async fn does_patch(&self) -> Result<bool, ConnectorError> {
        let mut patches = self.patches.lock().await;
        if let Some(known) = *patches {
            return Ok(known);
        }
        let answer = self.send(Request::get(self.at(&["ServiceProviderConfig"], &[]))).await?;
        // A service without the page is tried: it says itself when it cannot.
        let said = if answer.is_success() {
            answer.json()?.pointer("/patch/supported").and_then(Value::as_bool)
        } else {
            None
        };
        *patches = Some(said.unwrap_or(true));
        Ok(said.unwrap_or(true))
    }

    async fn patch(&self, url: Url, active: bool, version: Option<&str>) -> Result<Answer, ConnectorError> {
        let body = json!({
            "schemas": [PATCH_SCHEMA],
            "Operations": [{ "op": "replace", "path": "active", "value": active }],
        });
        self.send(if_match(Request::new(Method::PATCH, url), version).json(SCIM_JSON, &body)).await
    }

    async fn put(&self, url: Url, user: &User, active: bool) -> Result<Answer, ConnectorError> {
        let mut body = user.resource.clone();
        body["active"] = Value::Bool(active);
        let version = user.seen.version.as_deref();
        self.send(if_match(Request::new(Method::PUT, url), version).json(SCIM_JSON, &body)).await
    }

    async fn change(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
    ) -> Result<(), ConnectorError> {
        let Some(url) = self.place_of(account) else { return Err(ConnectorError::Changed) };
        let does_patch = self.does_patch().await?;
        let user = self.user(account).await?.ok_or(ConnectorError::Changed)?;
        let is_other_version =
            matches!((&user.seen.version, &expected.version), (Some(a), Some(b)) if a != b);
        if user.seen.attributes != expected.attributes || is_other_version {
            return Err(ConnectorError::Changed);
        }
        if user.seen.attributes == to {
            return Ok(());
        }
        let active = to.state == AccountState::Enabled;
        let mut answer = if does_patch {
            self.patch(url.clone(), active, user.seen.version.as_deref()).await?
        } else {
            self.put(url.clone(), &user, active).await?
        };
        if does_patch && matches!(answer.status, 405 | 501) {
            *self.patches.lock().await = Some(false);
            answer = self.put(url, &user, active).await?;
        }
        match answer.status {
            200..300 => answer.done(),
            404 | 412 => Err(ConnectorError::Changed),
            // A version that does not match, says RFC 7644; or a value that is taken, which is no change.
            409 if text(&answer.object().unwrap_or_default(), "scimType") != "uniqueness" => {
                Err(ConnectorError::Changed)
            }
            403 => {
                let sentence = format!("The token in {} may not change users; allow it there.", self.token);
                Err(answer.refused(sentence))
            }
            _ => Err(answer.unexpected("to change the account")),
        }
    }

    /// What comes behind a place. Places are numbers, and accounts move when others come or go: the page is read
    /// from the last account of the page before on. Where that one is not found there it is looked for further
    /// ahead; where it is gone, the page before is listed again. So an account may be listed twice and is not left
    /// out.
    async fn behind(&self, place: &Place) -> Result<Stretch, ConnectorError> {
        if place.length < 2 {
            // Pages of one account leave no room for reading the last one again.
            return self.stretch(place.next, PAGE).await;
        }
        let on = self.stretch(place.next.saturating_sub(1).max(1), PAGE).await?;
        if on.position(&place.last).is_some() || place.repeats >= REPEATS_MAX {
            return Ok(on.without(&place.last));
        }
        let back = place.next.saturating_sub(place.length).max(1);
        let again = self.stretch(back, PAGE).await?;
        let Some(found) = again.position(&place.last) else { return Ok(again.repeating(place)) };
        let on = self.stretch(back + found, PAGE).await?;
        Ok(if on.position(&place.last).is_some() { on.without(&place.last) } else { again.repeating(place) })
    }

    async fn page(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let stretch = match after {
            None => self.stretch(1, PAGE).await?,
            Some(after) => self.behind(&Place::parse(after)?).await?,
        };
        let accounts: Vec<ListedAccount> =
            stretch.entries.iter().filter_map(listed).filter(can_be_taken).collect();
        let left_out = u64::try_from(stretch.entries.len() - accounts.len()).unwrap_or(u64::MAX);
        Ok(ListedPage { accounts, left_out, total: stretch.total, next: stretch.next() })
    }
}

#[async_trait]
impl Connector for Scim {
    fn expiry(&self) -> Expiry {
        Expiry::None
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        within(LIST_LIMIT, WHO, self.page(after)).await
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let user = within(CALL_LIMIT, WHO, self.user(account)).await?;
        let absent = Attributes { state: AccountState::Absent, expires_at: None };
        Ok(user.map_or(Observation { attributes: absent, version: None }, |user| user.seen))
    }

    async fn set(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
        _key: &str,
        _now: Timestamp,
    ) -> Result<(), ConnectorError> {
        within(CALL_LIMIT, WHO, self.change(account, to, expected)).await
    }

    async fn end_sign_ins(&self, _account: &ExternalAccount) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        within(CALL_LIMIT, WHO, async {
            let first = self.stretch(1, 1).await?;
            *self.patches.lock().await = None;
            let way = if self.does_patch().await? { "changed by PATCH" } else { "changed by PUT of the whole account" };
            let count = first.total.map_or_else(|| "some".to_owned(), |total| total.to_string());
            Ok(format!(
                "{WHO} answers and lists its users ({count}); they are {way}. Whether the token may change them shows \
                 only when it does."
            ))
        })
        .await
    }
}

fn if_match(request: Request, version: Option<&str>) -> Request {
    match version {
        Some(version) => request.header("if-match", version),
        None => request,
    }
}

fn is_scim_error(answer: &Answer) -> bool {
    let object = answer.object().unwrap_or_default();
    let schemas = object.get("schemas").and_then(Value::as_array).cloned().unwrap_or_default();
    schemas.iter().any(|schema| schema.as_str() == Some(ERROR_SCHEMA))
}

/// State of a user; missing `active` means enabled. Some services write the truth as text.
fn attributes(resource: &Value) -> Option<Attributes> {
    let is_active = match resource.get("active") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(active)) => *active,
        Some(Value::String(active)) if active.eq_ignore_ascii_case("true") => true,
        Some(Value::String(active)) if active.eq_ignore_ascii_case("false") => false,
        Some(_) => return None,
    };
    let state = if is_active { AccountState::Enabled } else { AccountState::Disabled };
    Some(Attributes { state, expires_at: None })
}

fn listed(resource: &Value) -> Option<ListedAccount> {
    let emails = resource.get("emails").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_primary = |email: &&Value| email.get("primary").and_then(Value::as_bool).unwrap_or_default();
    let email = emails.iter().find(is_primary).or_else(|| emails.first()).map(|email| text(email, "value"));
    Some(ListedAccount {
        external_id: text(resource, "id"),
        name: text(resource, "userName"),
        email: email.unwrap_or_default(),
        attributes: attributes(resource)?,
    })
}
