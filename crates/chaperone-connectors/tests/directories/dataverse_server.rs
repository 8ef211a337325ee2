//! `systemusers` of the Dataverse Web API v9.2, as documented.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use chaperone_connectors::{Connector, DataverseSettings, ExternalAccount, Settings, Tls, open};
use chaperone_domain::account::AccountState;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::microsoft::{Api, CLIENT_ID, Incoming, Microsoft, TENANT, Tenant, account};

/// The columns of the table that this server knows.
const COLUMNS: [&str; 6] = [
    "systemuserid",
    "domainname",
    "internalemailaddress",
    "fullname",
    "isdisabled",
    "azureactivedirectoryobjectid",
];
const PREFIX: &str = "api/data/v9.2/";
const PAGE_MAX: usize = 5000;
pub(crate) const ALL_PRIVILEGES: [&str; 3] = ["prvReadUser", "prvWriteUser", "prvDisableUser"];

/// The environment.
pub(crate) struct Environment {
    pub(crate) users: BTreeMap<Uuid, (Value, u64)>,
    /// The version that the next change gets.
    version: u64,
    /// What the application's security role has.
    pub(crate) privileges: Vec<&'static str>,
    /// Whether the application is a user of the environment.
    pub(crate) is_known: bool,
    /// What next pages are said to be at, instead of here.
    pub(crate) elsewhere: Option<String>,
}

impl Default for Environment {
    fn default() -> Self {
        let privileges = ALL_PRIVILEGES.to_vec();
        Self { users: BTreeMap::new(), version: 1000, privileges, is_known: true, elsewhere: None }
    }
}

type Answered = (u16, Value, Vec<(&'static str, String)>);

impl Environment {
    pub(crate) fn change(&mut self, id: &Uuid, column: &str, value: Value) {
        self.version += 1;
        let (row, version) = self.users.get_mut(id).expect("there");
        row[column] = value;
        *version = self.version;
    }

    fn denied(&self, privilege: &str) -> Answered {
        let message =
            format!("Principal user (Id=…, type=8) is missing {privilege} privilege (Id=…) on OTC=8.");
        (403, self.error("0x80040220", &message), Vec::new())
    }

    fn bad(&self, why: &str) -> Answered {
        (400, self.error("0x80060888", why), Vec::new())
    }

    fn selected(&self, id: &Uuid, request: &Incoming) -> Value {
        let (row, version) = &self.users[id];
        let select = request.query("$select").unwrap_or_default();
        let mut selected =
            json!({ "@odata.etag": format!("W/\"{version}\""), "systemuserid": id, "ownerid": id });
        for name in select.split(',') {
            selected[name] = row[name].clone();
        }
        selected
    }

    fn list(&self, tenant: &Tenant, request: &Incoming) -> Answered {
        let known = ["$select", "$top", "$skiptoken"];
        if request.query.iter().any(|(name, _)| !known.contains(&name.as_str())) {
            return self.bad("An unknown query option.");
        }
        let preference = |name: &str| {
            let prefer = request.header("prefer").split(',');
            prefer
                .filter_map(|part| part.trim().strip_prefix(name))
                .find_map(|size| size.parse::<usize>().ok())
        };
        let top = request.query("$top").and_then(|top| top.parse().ok());
        let size = top.or_else(|| preference("odata.maxpagesize=")).unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let cookie = |text: &str| text.split("pagingcookie=").nth(1).and_then(|id| Uuid::try_parse(id).ok());
        let after = request.query("$skiptoken").map(|token| cookie(token).expect("unchanged, as documented"));
        let rest: Vec<&Uuid> =
            self.users.keys().filter(|id| after.is_none_or(|after| **id > after)).collect();
        let page: Vec<Value> = rest.iter().take(size).map(|id| self.selected(id, request)).collect();
        let mut body = json!({
            "@odata.context": format!("{}/api/data/v9.2/$metadata#systemusers", tenant.url),
            "value": page,
        });
        let mut headers = vec![("odata-version", "4.0".to_owned())];
        if rest.len() > size && top.is_none() {
            let mut link =
                url::Url::parse(self.elsewhere.as_ref().unwrap_or(&tenant.url)).expect("an address");
            link.set_path("/api/data/v9.2/systemusers");
            let token =
                format!("<cookie pagenumber=\"2\" istracking=\"False\" />pagingcookie={}", rest[size - 1]);
            let select = request.query("$select").unwrap_or_default();
            link.query_pairs_mut().extend_pairs([("$select", select), ("$skiptoken", &token)]);
            body["@odata.nextLink"] = json!(link.as_str());
            headers.push(("preference-applied", format!("odata.maxpagesize={size}")));
        }
        (200, body, headers)
    }

    fn row(&mut self, id: &str, request: &Incoming) -> Answered {
        let Some(id) = Uuid::try_parse(id).ok() else { return self.bad("The key is no GUID.") };
        let is_there = self.users.contains_key(&id);
        let missing = format!("Entity 'systemuser' With Id = {id} Does Not Exist");
        match request.method {
            Method::GET if !self.privileges.contains(&"prvReadUser") => self.denied("prvReadUser"),
            Method::GET if !is_there => (404, self.error("0x80040217", &missing), Vec::new()),
            Method::GET => (200, self.selected(&id, request), Vec::new()),
            Method::PATCH => {
                let lacks = |name: &&&str| !self.privileges.contains(name);
                if let Some(missing) = ["prvWriteUser", "prvDisableUser"].iter().find(lacks) {
                    return self.denied(missing);
                }
                let change = request.json();
                let is_one = change.as_object().is_some_and(|change| change.len() == 1);
                let Some(disabled) = change["isdisabled"].as_bool().filter(|_| is_one) else {
                    return self.bad("Only isdisabled is expected.");
                };
                if !request.header("content-type").starts_with("application/json") {
                    return self.bad("Content-Type must be application/json.");
                }
                if !request.header("if-match").starts_with("W/\"") {
                    return self.bad("Without If-Match and a version, PATCH would create a row.");
                }
                if !is_there {
                    return (404, self.error("0x80040217", &missing), Vec::new());
                }
                if request.header("if-match") != format!("W/\"{}\"", self.users[&id].1) {
                    let message =
                        "The version of the existing record doesn't match the RowVersion property provided.";
                    return (412, self.error("0x80060882", message), Vec::new());
                }
                self.change(&id, "isdisabled", json!(disabled));
                (204, Value::Null, vec![("odata-version", "4.0".to_owned())])
            }
            _ => self.bad("Not allowed here."),
        }
    }
}

impl Api for Environment {
    fn error(&self, code: &str, message: &str) -> Value {
        json!({ "error": { "code": code, "message": message } })
    }

    fn answer(&mut self, tenant: &Tenant, request: &Incoming) -> Answered {
        let is_right = request.header("accept") == "application/json"
            && request.header("odata-version") == "4.0"
            && request.header("odata-maxversion") == "4.0"
            && (request.method != Method::GET || request.header("if-none-match") == "null");
        if !is_right {
            return self
                .bad("Accept, OData-Version, OData-MaxVersion and If-None-Match are not as documented.");
        }
        let select = request.query("$select").unwrap_or("isdisabled");
        if let Some(unknown) = select.split(',').find(|name| !COLUMNS.contains(name)) {
            return self.bad(&format!("Could not find a property named '{unknown}'."));
        }
        if !self.is_known {
            return (
                403,
                self.error("0x80072560", "The user is not a member of the organization."),
                Vec::new(),
            );
        }
        let Some(resource) = request.path.strip_prefix(PREFIX) else {
            return (404, self.error("0x8006088a", "Resource not found for the segment."), Vec::new());
        };
        if resource == "WhoAmI" && request.method == Method::GET {
            let id = Uuid::from_u128(9);
            return (200, json!({ "BusinessUnitId": id, "UserId": id, "OrganizationId": id }), Vec::new());
        }
        if resource == "systemusers" && request.method == Method::GET {
            let may = self.privileges.contains(&"prvReadUser");
            return if may { self.list(tenant, request) } else { self.denied("prvReadUser") };
        }
        let Some((id, function)) =
            resource.strip_prefix("systemusers(").and_then(|rest| rest.split_once(')'))
        else {
            return (404, self.error("0x8006088a", "Resource not found for the segment."), Vec::new());
        };
        if function.is_empty() {
            return self.row(id, request);
        }
        if function != "/Microsoft.Dynamics.CRM.RetrieveUserPrivilegeByPrivilegeName(PrivilegeName=@name)" {
            return (404, self.error("0x8006088a", "Resource not found for the segment."), Vec::new());
        }
        let name = request.query("@name").unwrap_or_default().trim_matches('\'');
        let held = if self.privileges.contains(&name) {
            vec![json!({ "Depth": "Global", "PrivilegeId": Uuid::nil(), "BusinessUnitId": Uuid::nil() })]
        } else {
            Vec::new()
        };
        (200, json!({ "RolePrivileges": held }), Vec::new())
    }
}

/// An environment with its administrator.
pub(crate) struct DataverseWorld {
    pub(crate) server: Microsoft<Environment>,
    connector: Arc<dyn Connector>,
}

impl DataverseWorld {
    pub(crate) async fn start() -> Option<Self> {
        let server = Microsoft::start(Environment::default(), &[]).await;
        let connector = connector(&server, |_| {});
        Some(Self { server, connector })
    }
}

/// A connector for this server, with settings that `change` may change.
pub(crate) fn connector(
    server: &Microsoft<Environment>,
    change: impl FnOnce(&mut DataverseSettings),
) -> Arc<dyn Connector> {
    let (client_secret, secrets) = server.secrets();
    let mut settings = DataverseSettings {
        url: server.url(),
        tenant: TENANT.to_owned(),
        client_id: CLIENT_ID.to_owned(),
        client_secret,
        authority: server.url(),
        tls: Tls::Off,
    };
    change(&mut settings);
    open(Settings::Dataverse(settings), secrets).expect("a connector")
}

fn id_of(account: &ExternalAccount) -> Uuid {
    Uuid::try_parse(&account.external_id).expect("an id")
}

#[async_trait::async_trait]
impl crate::contract::World for DataverseWorld {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        let environment = &mut self.server.state().api;
        environment.version += 1;
        // Spread, as ids are: the order of the list is not the order of coming.
        let id = Uuid::from_u128(
            u128::from(environment.version).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        );
        let row = json!({
            "systemuserid": id, "domainname": name, "fullname": name, "internalemailaddress": null,
            "isdisabled": state == AccountState::Disabled, "azureactivedirectoryobjectid": id,
        });
        environment.users.insert(id, (row, environment.version));
        account(id)
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        self.server.state().api.change(&id_of(account), "isdisabled", json!(state == AccountState::Disabled));
    }

    async fn remove(&self, account: &ExternalAccount) {
        self.server.state().api.users.remove(&id_of(account)).expect("there");
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        self.server.state().api.change(&id_of(account), "domainname", json!(name));
    }

    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        self.server.is_content();
        self.server.state().api.users[&id_of(account)].0["isdisabled"] == json!(false)
    }

    fn awkward_names(&self) -> Vec<String> {
        ["o'brien@contoso.com", "CONTOSO\\größe, \"x\"/y", "guest_example.com#EXT#@contoso.com", "名前&x=1"]
            .map(str::to_owned)
            .to_vec()
    }
}
