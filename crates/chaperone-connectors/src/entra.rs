//! Users of Microsoft Entra ID, by Microsoft Graph: enabled while `accountEnabled` is true.
//!
//! Graph has no compare-and-set for users, so the user is observed once more right before a set. Its readers may be
//! a moment behind its writers: whoever sets observes until it shows.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chaperone_domain::account::AccountState;
use chaperone_domain::grant::Attributes;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::connector::{
    CALL_LIMIT, Connector, Expiry, ExternalAccount, LIST_LIMIT, ListedAccount, ListedPage, Observation, PAGE,
};
use crate::error::ConnectorError;
use crate::http::{Answer, Request, within};
use crate::oauth::Application;
use crate::odata::{Service, error_code, text};
use crate::secret::Secrets;
use crate::settings::EntraSettings;

const WHO: &str = "Microsoft Graph";
const COLUMNS: &str = "id,userPrincipalName,mail,accountEnabled";
/// The code of "there is no such user (any more)".
const NO_SUCH_USER: &str = "Request_ResourceNotFound";
/// The least permissions that are needed, each with the larger ones that contain it.
const PERMISSIONS: [(&str, &[&str]); 3] = [
    (READ, &["User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"]),
    (ENABLE, &["User.ReadWrite.All", "Directory.ReadWrite.All"]),
    (REVOKE, &[]),
];
const READ: &str = "User.Read.All";
const ENABLE: &str = "User.EnableDisableAccount.All";
const REVOKE: &str = "User.RevokeSessions.All";

/// A tenant of Microsoft Entra ID.
pub(crate) struct Entra {
    service: Service,
}

impl Entra {
    /// The connector of these settings.
    pub(crate) fn new(settings: EntraSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        let application = Application {
            authority: settings.authority,
            tenant: settings.tenant,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
        };
        Ok(Self { service: Service::new(WHO, &settings.url, application, secrets, &settings.tls)? })
    }

    async fn get(&self, url: &Url) -> Result<Answer, ConnectorError> {
        self.service.send(|| Request::get(url.clone()).header("accept", "application/json")).await
    }

    async fn page(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let url = match after {
            Some(link) => self.service.next(link)?,
            None => self.service.at(&["v1.0", "users"], &[("$select", COLUMNS), ("$top", &PAGE.to_string())]),
        };
        let answer = self.get(&url).await?;
        match answer.status {
            200..300 => self.service.page(&answer, listed),
            _ => Err(refusal(&answer, READ, "to list users")),
        }
    }

    async fn user(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let seen = |attributes| Observation { attributes, version: None };
        let absent = Attributes { state: AccountState::Absent, expires_at: None };
        let Some(url) = self.place_of(account, None) else { return Ok(seen(absent)) };
        let answer = self.get(&url).await?;
        match answer.status {
            200..300 => {}
            404 if error_code(&answer) == NO_SUCH_USER => return Ok(seen(absent)),
            _ => return Err(refusal(&answer, READ, "to show the user")),
        }
        let user = answer.json()?;
        let id = text(&user, "id");
        if !id.eq_ignore_ascii_case(&account.external_id) {
            return Err(ConnectorError::unreachable(
                "Microsoft Graph answers with another user than was asked for.",
                id,
            ));
        }
        attributes(&user).map(seen).ok_or_else(|| {
            let sentence = format!(
                "Microsoft Graph does not say whether the user is enabled: give the application {READ}."
            );
            ConnectorError::refused(sentence, &user["accountEnabled"])
        })
    }

    async fn change(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
    ) -> Result<(), ConnectorError> {
        let seen = self.user(account).await?;
        if seen.attributes != expected.attributes || seen.attributes.state == AccountState::Absent {
            return Err(ConnectorError::Changed);
        }
        if seen.attributes == to {
            return Ok(());
        }
        let Some(mut url) = self.place_of(account, None) else { return Err(ConnectorError::Changed) };
        url.set_query(None);
        let body = json!({ "accountEnabled": to.state == AccountState::Enabled });
        let answer = self
            .service
            .send(|| Request::new(Method::PATCH, url.clone()).json("application/json", &body))
            .await?;
        match answer.status {
            200..300 => answer.done(),
            404 if error_code(&answer) == NO_SUCH_USER => Err(ConnectorError::Changed),
            _ => Err(refusal(&answer, ENABLE, "to change the user")),
        }
    }

    async fn revoke(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        let Some(url) = self.place_of(account, Some("revokeSignInSessions")) else { return Ok(()) };
        // Graph wants a length also where nothing is sent.
        let answer = self
            .service
            .send(|| Request::new(Method::POST, url.clone()).json("application/json", &json!({})))
            .await?;
        match answer.status {
            200..300 => answer.done(),
            404 if error_code(&answer) == NO_SUCH_USER => Ok(()),
            _ => Err(refusal(&answer, REVOKE, "to end the user's sign-ins")),
        }
    }

    /// Where a user, or what can be done to them, is; `None` for an id that no user can have.
    fn place_of(&self, account: &ExternalAccount, action: Option<&str>) -> Option<Url> {
        let id = Uuid::try_parse(&account.external_id).ok()?.hyphenated().to_string();
        Some(match action {
            Some(action) => self.service.at(&["v1.0", "users", &id, action], &[]),
            None => self.service.at(&["v1.0", "users", &id], &[("$select", "id,accountEnabled")]),
        })
    }

    async fn try_out(&self) -> Result<String, ConnectorError> {
        let roles = roles(&self.service.new_token().await?);
        let has = |least: &str, larger: &[&str]| {
            roles
                .as_ref()
                .is_none_or(|roles| roles.iter().any(|role| role == least || larger.contains(&role.as_str())))
        };
        let missing: Vec<&str> = PERMISSIONS
            .iter()
            .filter(|(least, larger)| !has(least, larger))
            .map(|(least, _)| *least)
            .collect();
        if !missing.is_empty() {
            let sentence = format!(
                "Microsoft Graph gives a token without the application permission {}: add it in the app registration \
                 and grant admin consent.",
                missing.join(" and ")
            );
            return Err(ConnectorError::refused(sentence, ""));
        }
        let url = self.service.at(&["v1.0", "users"], &[("$select", COLUMNS), ("$top", "1")]);
        let answer = self.get(&url).await?;
        if !answer.is_success() {
            return Err(refusal(&answer, READ, "to list users"));
        }
        self.service.page(&answer, listed)?;
        let rights = if roles.is_some() {
            "The application may read users, enable and disable them, and end their sign-ins; users with an \
             administrator's role take a directory role besides."
                .to_owned()
        } else {
            format!(
                "The application may read users; whether it has {ENABLE} and {REVOKE} shows only when it uses them."
            )
        };
        Ok(format!("Microsoft Graph answers. {rights}"))
    }
}

#[async_trait]
impl Connector for Entra {
    fn expiry(&self) -> Expiry {
        Expiry::None
    }

    async fn list(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        within(LIST_LIMIT, WHO, self.page(after)).await
    }

    async fn observe(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        within(CALL_LIMIT, WHO, self.user(account)).await
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

    async fn end_sign_ins(&self, account: &ExternalAccount) -> Result<(), ConnectorError> {
        within(CALL_LIMIT, WHO, self.revoke(account)).await
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        within(CALL_LIMIT, WHO, self.try_out()).await
    }
}

fn refusal(answer: &Answer, permission: &str, doing: &str) -> ConnectorError {
    match answer.status {
        403 => answer.refused(format!(
            "Microsoft Graph does not allow the application {doing}: give the application {permission} with admin consent, and for \
             users with an administrator's role a directory role that may manage them."
        )),
        404 => answer.refused("There is no Microsoft Graph at the address; it is https://graph.microsoft.com."),
        _ => answer.unexpected(doing),
    }
}

/// The application permissions that a token says it carries; `None` when it cannot be read, which is its right: it
/// is written for Graph and not for us.
fn roles(token: &str) -> Option<Vec<String>> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    // A token without any permission has no such claim.
    let roles = claims.as_object()?.get("roles").and_then(Value::as_array).cloned().unwrap_or_default();
    Some(roles.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn attributes(user: &Value) -> Option<Attributes> {
    let is_enabled = user.get("accountEnabled").and_then(Value::as_bool)?;
    let state = if is_enabled { AccountState::Enabled } else { AccountState::Disabled };
    Some(Attributes { state, expires_at: None })
}

fn listed(user: &Value) -> Option<ListedAccount> {
    Some(ListedAccount {
        external_id: text(user, "id"),
        name: text(user, "userPrincipalName"),
        email: text(user, "mail"),
        attributes: attributes(user)?,
    })
}
