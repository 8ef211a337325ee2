//! Users of a Dataverse environment (`systemuser`): enabled while `isdisabled` is false. Every row has a version,
//! and a set is compare-and-set by it.

use async_trait::async_trait;
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
use crate::settings::DataverseSettings;

const WHO: &str = "Dataverse";
const API: [&str; 3] = ["api", "data", "v9.2"];
const COLUMNS: &str =
    "systemuserid,domainname,internalemailaddress,fullname,isdisabled,azureactivedirectoryobjectid";
/// The code of "does not exist", for a row.
const NO_SUCH_ROW: &str = "0x80040217";
/// The codes of its limits, where they come with another status than 429.
const TOO_MANY: [&str; 3] = ["0x80072322", "0x80072321", "0x80072326"];
/// Privileges that enabling and disabling a user takes, with what they are called in a security role.
const PRIVILEGES: [(&str, &str); 2] =
    [("prvWriteUser", "User: Write"), ("prvDisableUser", "Enable or Disable User")];

/// A Dataverse environment.
pub(crate) struct Dataverse {
    service: Service,
}

impl Dataverse {
    /// The connector of these settings.
    pub(crate) fn new(settings: DataverseSettings, secrets: Secrets) -> Result<Self, ConnectorError> {
        let application = Application {
            authority: settings.authority,
            tenant: settings.tenant,
            client_id: settings.client_id,
            client_secret: settings.client_secret,
        };
        Ok(Self { service: Service::new(WHO, &settings.url, application, secrets, &settings.tls)? })
    }

    fn at(&self, resource: &str, query: &[(&str, &str)]) -> Url {
        self.service.at(&[API[0], API[1], API[2], resource], query)
    }

    async fn get(&self, url: &Url, prefer: Option<&str>) -> Result<Answer, ConnectorError> {
        let answer = self
            .service
            .send(|| {
                // Or an answer may come from a cache between.
                let request = odata(Request::get(url.clone())).header("if-none-match", "null");
                match prefer {
                    Some(prefer) => request.header("prefer", prefer),
                    None => request,
                }
            })
            .await?;
        busy(answer)
    }

    async fn page(&self, after: Option<&str>) -> Result<ListedPage, ConnectorError> {
        let url = match after {
            Some(link) => self.service.next(link)?,
            None => self.at("systemusers", &[("$select", COLUMNS)]),
        };
        let answer = self.get(&url, Some(&format!("odata.maxpagesize={PAGE}"))).await?;
        match answer.status {
            200..300 => self.service.page(&answer, listed),
            _ => Err(may_not_read(&answer, "to list users")),
        }
    }

    async fn user(&self, account: &ExternalAccount) -> Result<Observation, ConnectorError> {
        let absent = Observation {
            attributes: Attributes { state: AccountState::Absent, expires_at: None },
            version: None,
        };
        let Some(url) = self.place_of(account, &[("$select", "isdisabled")]) else { return Ok(absent) };
        let answer = self.get(&url, None).await?;
        match answer.status {
            200..300 => {}
            404 if error_code(&answer).eq_ignore_ascii_case(NO_SUCH_ROW) => return Ok(absent),
            _ => return Err(may_not_read(&answer, "to show the user")),
        }
        let row = answer.json()?;
        let id = text(&row, "systemuserid");
        if !id.eq_ignore_ascii_case(&account.external_id) {
            return Err(ConnectorError::unreachable(
                "Dataverse answers with another user than was asked for.",
                id,
            ));
        }
        let attributes = attributes(&row).ok_or_else(|| {
            ConnectorError::refused(
                "Dataverse does not say whether the user is disabled; let the application read that column.",
                &row["isdisabled"],
            )
        })?;
        let version = text(&row, "@odata.etag");
        if version.is_empty() {
            let sentence = "Dataverse gives no version of the user, so it cannot be changed safely.";
            return Err(ConnectorError::refused(sentence, "no @odata.etag"));
        }
        Ok(Observation { attributes, version: Some(version) })
    }

    async fn change(
        &self,
        account: &ExternalAccount,
        to: Attributes,
        expected: &Observation,
    ) -> Result<(), ConnectorError> {
        let Some(url) = self.place_of(account, &[]) else { return Err(ConnectorError::Changed) };
        let Some(version) = expected.version.clone().filter(|version| version != "*") else {
            // Without a version nothing can be compared; whoever observed an account has one.
            return Err(ConnectorError::Changed);
        };
        let body = json!({ "isdisabled": to.state != AccountState::Enabled });
        let answer = self
            .service
            .send(|| {
                let request =
                    odata(Request::new(Method::PATCH, url.clone())).header("if-match", version.clone());
                request.json("application/json; charset=utf-8", &body)
            })
            .await?;
        let answer = busy(answer)?;
        match answer.status {
            200..300 => answer.done(),
            412 => Err(ConnectorError::Changed),
            404 if error_code(&answer).eq_ignore_ascii_case(NO_SUCH_ROW) => Err(ConnectorError::Changed),
            403 => {
                let sentence = format!(
                    "Dataverse does not let the application change users: give its security role {}.",
                    all_privileges()
                );
                Err(answer.refused(sentence))
            }
            _ => Err(answer.unexpected("to change the user")),
        }
    }

    /// Where a user is; `None` for an id that no user can have.
    fn place_of(&self, account: &ExternalAccount, query: &[(&str, &str)]) -> Option<Url> {
        let id = Uuid::try_parse(&account.external_id).ok()?;
        Some(self.at(&format!("systemusers({})", id.hyphenated()), query))
    }

    /// Whether the application's user has a privilege; `None` when it does not say.
    async fn has(&self, user: &Uuid, privilege: &str) -> Result<Option<bool>, ConnectorError> {
        let url = self.service.at(
            &[
                API[0],
                API[1],
                API[2],
                &format!("systemusers({})", user.hyphenated()),
                "Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=@name)",
            ],
            &[("@name", &format!("'{privilege}'"))],
        );
        let answer = self.get(&url, None).await?;
        let privileges = answer.object().filter(|_| answer.is_success());
        let privileges =
            privileges.as_ref().and_then(|object| object.get("RolePrivileges")).and_then(Value::as_array);
        Ok(privileges.map(|privileges| !privileges.is_empty()))
    }

    async fn try_out(&self) -> Result<String, ConnectorError> {
        let answer = self.get(&self.at("WhoAmI", &[]), None).await?;
        if !answer.is_success() {
            return Err(match answer.status {
                403 => answer.refused(
                    "Dataverse does not know the application: add it as an application user of the environment.",
                ),
                _ => answer.unexpected("to say who the application is"),
            });
        }
        let me = answer.json()?;
        let (user, organization) = (text(&me, "UserId"), text(&me, "OrganizationId"));
        let Ok(user) = Uuid::try_parse(&user) else {
            let sentence = "Dataverse does not say who the application is; is the address the environment's?";
            return Err(ConnectorError::unreachable(sentence, user));
        };
        let url = self.at("systemusers", &[("$select", "isdisabled"), ("$top", "1")]);
        let answer = self.get(&url, None).await?;
        if !answer.is_success() {
            return Err(may_not_read(&answer, "to list users"));
        }
        let mut is_checked = true;
        let mut missing = Vec::new();
        for (privilege, called) in PRIVILEGES {
            match self.has(&user, privilege).await? {
                Some(true) => {}
                Some(false) => missing.push(format!("{called} ({privilege})")),
                None => is_checked = false,
            }
        }
        if !missing.is_empty() {
            let sentence = format!(
                "Dataverse answers, and the application may not change users: give its security role {}.",
                missing.join(" and ")
            );
            return Err(ConnectorError::refused(sentence, ""));
        }
        let rights = if is_checked {
            "The application may read users, enable and disable them."
        } else {
            "The application may read users; whether it may change them shows only when it does."
        };
        Ok(format!("Dataverse answers (organization {organization}). {rights}"))
    }
}

#[async_trait]
impl Connector for Dataverse {
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

    async fn end_sign_ins(&self, _account: &ExternalAccount) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn probe(&self) -> Result<String, ConnectorError> {
        within(CALL_LIMIT, WHO, self.try_out()).await
    }
}

/// The headers that every request carries.
fn odata(request: Request) -> Request {
    request
        .header("accept", "application/json")
        .header("odata-maxversion", "4.0")
        .header("odata-version", "4.0")
}

/// Its limits, where they come as a refusal.
fn busy(answer: Answer) -> Result<Answer, ConnectorError> {
    if !answer.is_success() && TOO_MANY.contains(&error_code(&answer).as_str()) {
        let sentence = "Dataverse is busy with too many requests of this application; it is tried again.";
        return Err(ConnectorError::unreachable(sentence, answer.said()));
    }
    Ok(answer)
}

fn may_not_read(answer: &Answer, doing: &str) -> ConnectorError {
    match answer.status {
        403 => answer.refused(
            "Dataverse does not let the application read users: add it as an application user of the environment, \
             with a security role that has User: Read (prvReadUser) for the organization.",
        ),
        404 => answer.refused("There is no Dataverse Web API at the address; enter the environment's own."),
        _ => answer.unexpected(doing),
    }
}

fn all_privileges() -> String {
    PRIVILEGES.map(|(privilege, called)| format!("{called} ({privilege})")).join(" and ")
}

fn attributes(row: &Value) -> Option<Attributes> {
    let is_disabled = row.get("isdisabled").and_then(Value::as_bool)?;
    let state = if is_disabled { AccountState::Disabled } else { AccountState::Enabled };
    Some(Attributes { state, expires_at: None })
}

fn listed(row: &Value) -> Option<ListedAccount> {
    Some(ListedAccount {
        external_id: text(row, "systemuserid"),
        name: text(row, "domainname"),
        email: text(row, "internalemailaddress"),
        attributes: attributes(row)?,
    })
}
