//! Mails and webhooks of an executable as it is shipped: the configuration, the jobs, the list in the API.

use http::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::Call;
use crate::mail_server::MailServer;
use crate::process::{Installation, LIMIT, PASSWORD};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Somebody who is signed in to the console.
pub(crate) struct Signed {
    port: u16,
    cookie: String,
    csrf: String,
}

impl Signed {
    pub(crate) async fn new(port: u16) -> Self {
        let content = json!({"user_name": "admin", "password": PASSWORD});
        let answer = Call::api(Method::POST, "/sign-in").json(&content).expect(port, 200).await;
        let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        let csrf = answer.json()["csrf_token"].as_str().expect("a token").to_owned();
        Self { port, cookie, csrf }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, content: &Value, status: u16) -> Value {
        let call = Call::api(method, path)
            .header("cookie", &self.cookie)
            .header("origin", "http://console.localhost")
            .header("x-chaperone-csrf", &self.csrf)
            .json(content);
        call.expect(self.port, status).await.json()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        Call::api(Method::GET, path).header("cookie", &self.cookie).expect(self.port, 200).await.json()
    }
}

/// Takes one call and answers 204; what came, as text.
async fn one_call(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.expect("a call");
    let mut came = Vec::new();
    while !String::from_utf8_lossy(&came).contains("\"type\"") {
        assert_ne!(stream.read_buf(&mut came).await.expect("read"), 0, "the call is whole");
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.expect("answered");
    String::from_utf8_lossy(&came).into_owned()
}

#[tokio::test]
async fn a_configured_installation_tells_by_mail_and_by_webhook_and_keeps_secrets_out_of_its_log() {
    let mut server = MailServer::start().await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hook = receiver.local_addr().expect("an address").port();
    let secrets = tempfile::tempdir().expect("a folder");
    let secret_file = secrets.path().join("secret");
    std::fs::write(&secret_file, SECRET).expect("written");
    let installation = Installation::with_password(&format!(
        "[notifications.smtp]\nhost = 'localhost'\nport = {}\nsecurity = 'none'\nfrom = 'chaperone@example.org'\n\
         [[notifications.webhooks]]\nname = 'chat'\nurl = 'http://127.0.0.1:{hook}/unguessable'\n\
         secret_file = {secret_file:?}\n",
        server.port
    ));
    let (process, port) = installation.serve().await;
    let admin = Signed::new(port).await;
    let paula = json!({
        "user_name": "paula", "display_name": "Paula", "email": "paula@example.org", "roles": ["user"],
    });
    let paula = admin.call(Method::POST, "/users", &paula, 201).await;
    let target = json!({"name": "ERP", "host": "erp.localhost", "upstream": "http://127.0.0.1:1"});
    let target = admin.call(Method::POST, "/targets", &target, 201).await;
    let account = json!({
        "name": "erp-admin", "user_id": paula["id"], "privileged": true, "state": "disabled",
    });
    let account = admin.call(Method::POST, "/accounts", &account, 201).await;
    let request = json!({
        "account_id": account["id"], "target_ids": [target["id"]], "account_action": "enable",
        "starts_at": "2126-01-01T08:00:00Z", "ends_at": "2126-01-01T09:00:00Z", "reason": "Month end",
        "recording_notice_acknowledged": true,
    });
    let session = admin.call(Method::POST, "/privileged-sessions", &request, 201).await;
    let called = tokio::time::timeout(LIMIT, one_call(&receiver)).await.expect("in time");
    assert!(called.starts_with("POST /unguessable HTTP/1.1"), "{called}");
    assert!(called.contains("webhook-signature: v1,"), "{called}");
    let mails = server.mails(1).await;
    assert_eq!(mails[0].0, "paula@example.org");
    assert!(mails[0].1.contains("Subject: To approve: erp-admin for Paula (paula)"), "{}", mails[0].1);

    let path = format!("/privileged-sessions/{}/notifications", session["id"].as_str().expect("an id"));
    let all_sent = async {
        loop {
            let told = admin.get(&path).await;
            let told = told["items"].as_array().expect("a list").clone();
            if told.iter().all(|told| told["state"] == "sent") {
                return told.len();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(tokio::time::timeout(LIMIT, all_sent).await.expect("in time"), 2);
    let ended = process.stopped().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    for secret in [SECRET, "MDEyMzQ1", "unguessable"] {
        assert!(!ended.err.contains(secret) && !ended.out.contains(secret), "{secret}: {}", ended.err);
    }
}
