//! People, a directory of PostgreSQL roles, accounts and targets, set up over the API as an administrator would.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::client::Call;
use crate::process::{LIMIT, PASSWORD};

/// How often it is looked whether something has come about.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// An installation with somebody who approves and somebody who works.
#[derive(Clone)]
pub(crate) struct Office {
    /// A system administrator: approves, switches, ends.
    pub(crate) admin: Value,
    /// The owner of the accounts: asks, extends, hands back.
    pub(crate) owner: Value,
    pub(crate) owner_id: Value,
    /// The directory of roles.
    pub(crate) directory: Value,
    /// A target whose accounts are roles.
    pub(crate) roles_target: Value,
    /// A target whose accounts are built-in ones.
    pub(crate) built_in_target: Value,
}

/// Signs in at the console and makes a token for programs.
async fn token(port: u16, user_name: &str) -> Value {
    let content = json!({"user_name": user_name, "password": PASSWORD});
    let signed_in = Call::api(Method::POST, "/sign-in").json(&content).expect(port, 200).await;
    let cookie = signed_in.header("set-cookie").split(';').next().expect("a cookie").to_owned();
    let made = Call::api(Method::POST, "/api-tokens")
        .header("cookie", &cookie)
        .header("origin", "http://console.localhost")
        .header("x-chaperone-csrf", signed_in.json()["csrf_token"].as_str().expect("a token"))
        .json(&json!({"name": "tests"}));
    json!({"api_token": made.expect(port, 201).await.json()["secret"]})
}

impl Office {
    /// Sets it up in an installation whose first administrator has [`PASSWORD`].
    pub(crate) async fn set_up(port: u16, directory: Value) -> Self {
        let admin = token(port, "admin").await;
        let make = async |path: &str, content: Value| {
            Call::api(Method::POST, path).by(&admin).json(&content).expect(port, 201).await.json()
        };
        let paula = json!({"user_name": "paula", "roles": ["user"], "password": PASSWORD});
        let paula = make("/users", paula).await;
        let directory = make("/directories", json!({"name": "Roles", "settings": directory})).await;
        let target = |name: &str, host: &str, directory: Option<&Value>| json!({"name": name, "host": host, "upstream": "http://127.0.0.1:9", "directory_id": directory});
        let built_in_target = make("/targets", target("ERP", "erp.localhost", None)).await;
        let roles_target = make("/targets", target("Data", "data.localhost", Some(&directory["id"]))).await;
        let owner = token(port, "paula").await;
        Self {
            owner,
            owner_id: paula["id"].clone(),
            directory: directory["id"].clone(),
            roles_target: roles_target["id"].clone(),
            built_in_target: built_in_target["id"].clone(),
            admin,
        }
    }

    /// Takes over the roles whose names begin so, and makes them privileged accounts of the owner; by name.
    pub(crate) async fn import(&self, port: u16, prefix: &str) -> BTreeMap<String, Value> {
        let directory = self.directory.as_str().expect("an id");
        let path = format!("/directories/{directory}/import");
        Call::api(Method::POST, &path).by(&self.admin).expect(port, 202).await;
        let imported = async {
            let path = format!("/directories/{directory}");
            while Call::api(Method::GET, &path).by(&self.admin).expect(port, 200).await.json()["import"]["state"]
                != "done"
            {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(LIMIT, imported).await.expect("imported in time");
        let path = format!("/accounts?directory_id={directory}&limit=500&q={prefix}");
        let listed = Call::api(Method::GET, &path).by(&self.admin).expect(port, 200).await.json();
        let mut accounts = BTreeMap::new();
        for account in listed["items"].as_array().expect("accounts") {
            let name = account["name"].as_str().expect("a name");
            if name.ends_with("chaperone") {
                continue;
            }
            let path = format!("/accounts/{}", account["id"].as_str().expect("an id"));
            let owned = json!({"user_id": self.owner_id, "privileged": true});
            let call = Call::api(Method::PATCH, &path).by(&self.admin).json(&owned);
            accounts.insert(name.to_owned(), call.expect(port, 200).await.json());
        }
        accounts
    }

    /// Makes a privileged account of the owner in the built-in directory.
    pub(crate) async fn add_account(&self, port: u16, name: &str, state: &str) -> Value {
        let content = json!({"name": name, "user_id": self.owner_id, "privileged": true, "state": state});
        Call::api(Method::POST, "/accounts").by(&self.admin).json(&content).expect(port, 201).await.json()
    }

    /// Something as it is now.
    pub(crate) async fn get(&self, port: u16, path: &str) -> Value {
        Call::api(Method::GET, path).by(&self.admin).expect(port, 200).await.json()
    }

    /// A session of one account of the directory of roles, asked for by the owner and approved by the administrator.
    pub(crate) async fn approved(&self, port: u16, account: &Value, from: &str, to: &str) -> Value {
        let content = json!({
            "account_id": account["id"], "target_ids": [self.roles_target], "starts_at": from, "ends_at": to,
            "reason": "Month end", "account_action": "enable", "recording_notice_acknowledged": true,
        });
        let call = Call::api(Method::POST, "/privileged-sessions").by(&self.owner).json(&content);
        let session = call.expect(port, 201).await.json();
        self.change_status(port, &session, "Approve").await;
        session
    }

    /// Changes the status, by the administrator.
    pub(crate) async fn change_status(&self, port: u16, session: &Value, status: &str) {
        let path = format!("/privileged-sessions/{}/change-status", session["id"].as_str().expect("an id"));
        let call = Call::api(Method::POST, &path).by(&self.admin).json(&json!({"status": status}));
        call.expect(port, 200).await;
    }

    /// Waits until the session has this status; how it is then.
    pub(crate) async fn reaches(&self, port: u16, session: &Value, status: &str) -> Value {
        let path = format!("/privileged-sessions/{}", session["id"].as_str().expect("an id"));
        let reached = async {
            loop {
                let session = self.get(port, &path).await;
                if session["status"] == status {
                    return session;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(LIMIT, reached).await {
            Ok(session) => session,
            Err(_) => panic!("never {status}: {}", self.get(port, &path).await),
        }
    }
}
