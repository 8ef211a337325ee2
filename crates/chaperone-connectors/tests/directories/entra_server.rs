//! Users of Microsoft Graph v1.0, as documented.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use chaperone_connectors::{Connector, EntraSettings, ExternalAccount, Settings, Tls, open};
use chaperone_domain::account::AccountState;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::microsoft::{Api, CLIENT_ID, Incoming, Microsoft, TENANT, Tenant, account};

pub(crate) const ALL_ROLES: [&str; 3] =
    ["User.Read.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All"];
/// What `$top` may be at most.
const TOP_MAX: usize = 999;

/// The users of the tenant.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) users: BTreeMap<Uuid, Value>,
    /// How many were ever added.
    added: u128,
    /// Users whose sign-ins were ended.
    pub(crate) revoked: Vec<Uuid>,
    /// What next pages are said to be at, instead of here.
    pub(crate) elsewhere: Option<String>,
}

type Answered = (u16, Value, Vec<(&'static str, String)>);

impl Graph {
    fn denied(&self) -> Answered {
        (
            403,
            self.error("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
            Vec::new(),
        )
    }

    fn bad(&self, why: &str) -> Answered {
        (400, self.error("Request_BadRequest", why), Vec::new())
    }

    fn list(&self, tenant: &Tenant, request: &Incoming) -> Answered {
        let known = ["$select", "$top", "$skiptoken"];
        if request.query.iter().any(|(name, _)| !known.contains(&name.as_str())) {
            return self.bad("An unknown query option.");
        }
        let top = request.query("$top").map_or(Ok(100), str::parse).unwrap_or(0);
        if top == 0 || top > TOP_MAX {
            return self.bad("Invalid page size specified.");
        }
        let Some(select) = request.query("$select") else {
            return self.bad("accountEnabled is not among the presets.");
        };
        let after = request.query("$skiptoken").map(|id| Uuid::try_parse(id).expect("what was given out"));
        let rest: Vec<_> =
            self.users.iter().filter(|(id, _)| after.is_none_or(|after| **id > after)).collect();
        let page: Vec<Value> = rest.iter().take(top).map(|(_, user)| selected(user, select)).collect();
        let mut body =
            json!({ "@odata.context": format!("{}/v1.0/$metadata#users", tenant.url), "value": page });
        if rest.len() > top {
            let host = self.elsewhere.as_ref().unwrap_or(&tenant.url);
            let last = rest[top - 1].0;
            body["@odata.nextLink"] =
                json!(format!("{host}/v1.0/users?$select={select}&$top={top}&$skiptoken={last}"));
        }
        (200, body, Vec::new())
    }
}

fn selected(user: &Value, select: &str) -> Value {
    select
        .split(',')
        .map(|name| (name.to_owned(), user[name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

impl Api for Graph {
    fn error(&self, code: &str, message: &str) -> Value {
        let inner = json!({ "date": "2026-11-21T12:00:00", "request-id": Uuid::nil(), "client-request-id": Uuid::nil() });
        json!({ "error": { "code": code, "message": message, "innerError": inner } })
    }

    fn answer(&mut self, tenant: &Tenant, request: &Incoming) -> Answered {
        let has = |role: &str| tenant.roles.iter().any(|held| held == role);
        let path: Vec<&str> = request.path.split('/').collect();
        if path.first() != Some(&"v1.0") || path.get(1) != Some(&"users") {
            return (400, self.error("BadRequest", "Resource not found for the segment."), Vec::new());
        }
        let Some(id) = path.get(2) else {
            return match request.method {
                Method::GET if has("User.Read.All") => self.list(tenant, request),
                Method::GET => self.denied(),
                _ => self.bad("Not allowed here."),
            };
        };
        let found = Uuid::try_parse(id).ok().filter(|id| self.users.contains_key(id));
        let Some(id) = found else {
            let message = format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            );
            return (404, self.error("Request_ResourceNotFound", &message), Vec::new());
        };
        match (&request.method, path.get(3)) {
            (&Method::GET, None) if has("User.Read.All") => {
                let select = request.query("$select").unwrap_or("id,displayName,mail,userPrincipalName");
                (200, selected(&self.users[&id], select), Vec::new())
            }
            (&Method::PATCH, None) if has("User.EnableDisableAccount.All") => {
                let change = request.json();
                let is_one = change.as_object().is_some_and(|change| change.len() == 1);
                let Some(enabled) = change["accountEnabled"].as_bool().filter(|_| is_one) else {
                    return self.bad("Only accountEnabled may be changed with this permission.");
                };
                if request.header("content-type") != "application/json" {
                    return self.bad("Content-Type must be application/json.");
                }
                self.users.get_mut(&id).expect("found")["accountEnabled"] = json!(enabled);
                (204, Value::Null, Vec::new())
            }
            (&Method::POST, Some(&"revokeSignInSessions")) if has("User.RevokeSessions.All") => {
                self.revoked.push(id);
                (200, json!({ "value": true }), Vec::new())
            }
            (&Method::GET | &Method::PATCH | &Method::POST, _) => self.denied(),
            _ => self.bad("Not allowed here."),
        }
    }
}

/// A tenant with its administrator.
pub(crate) struct EntraWorld {
    pub(crate) server: Microsoft<Graph>,
    connector: Arc<dyn Connector>,
}

impl EntraWorld {
    pub(crate) async fn start() -> Option<Self> {
        let server = Microsoft::start(Graph::default(), &ALL_ROLES).await;
        let (client_secret, secrets) = server.secrets();
        let settings = EntraSettings {
            url: server.url(),
            tenant: TENANT.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret,
            authority: server.url(),
            tls: Tls::Off,
        };
        let connector = open(Settings::Entra(settings), secrets).expect("a connector");
        Some(Self { server, connector })
    }
}

#[async_trait::async_trait]
impl crate::contract::World for EntraWorld {
    fn connector(&self) -> Arc<dyn Connector> {
        Arc::clone(&self.connector)
    }

    async fn add(&self, name: &str, state: AccountState) -> ExternalAccount {
        let graph = &mut self.server.state().api;
        graph.added += 1;
        // Spread, as ids are: the order of the list is not the order of coming.
        let id = Uuid::from_u128(graph.added.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
        let user = json!({
            "id": id, "userPrincipalName": name, "mail": null, "displayName": name,
            "accountEnabled": state == AccountState::Enabled,
        });
        graph.users.insert(id, user);
        account(id)
    }

    async fn switch_by_hand(&self, account: &ExternalAccount, state: AccountState) {
        let id = Uuid::try_parse(&account.external_id).expect("an id");
        let mut served = self.server.state();
        served.api.users.get_mut(&id).expect("there")["accountEnabled"] =
            json!(state == AccountState::Enabled);
    }

    async fn remove(&self, account: &ExternalAccount) {
        let id = Uuid::try_parse(&account.external_id).expect("an id");
        self.server.state().api.users.remove(&id).expect("there");
    }

    async fn rename(&self, account: &ExternalAccount, name: &str) {
        let id = Uuid::try_parse(&account.external_id).expect("an id");
        self.server.state().api.users.get_mut(&id).expect("there")["userPrincipalName"] = json!(name);
    }

    async fn is_enabled(&self, account: &ExternalAccount) -> bool {
        self.server.is_content();
        let id = Uuid::try_parse(&account.external_id).expect("an id");
        self.server.state().api.users[&id]["accountEnabled"] == json!(true)
    }

    fn awkward_names(&self) -> Vec<String> {
        [
            "o'brien@contoso.com",
            "$money^_~!#x@contoso.com",
            "guest_example.com#EXT#@contoso.com",
            "größe, \"x\"/y@c",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}
